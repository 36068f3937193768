//! `status`: the orgs as the daemon sees them, for a person, a program or a monitor.
//!
//! Asks and chooses; [`table`] lays out. Invariant: `--check` exits 0 only over at least one org whose
//! token and grant it has read and found good.

pub mod org;
pub mod table;

use std::time::{Duration, SystemTime};

pub use org::OrgStatus;
use serde::Deserialize;

use super::answer::Answer;
use super::args::Status;
use super::client::{self, NoAnswer, Request};
use super::failure::{Exit, Failure};
use super::{output, refusal};

/// The daemon answers from memory; a start of the daemon may lie in between.
const PATIENCE: Duration = Duration::from_secs(10);

const NO_ORGS: &str =
    "No org is configured. Write one into the config ([orgs.NAME]), then `zoho-tokend reload`.\n";

/// `GET /v1/orgs`.
#[derive(Deserialize)]
struct Orgs {
    orgs: Vec<OrgStatus>,
}

/// Shows one org or all of them.
pub fn run(args: &Status) -> Result<Exit, Failure> {
    let answer = match client::exchange(&args.at.path(), &Request::get(&target(args)), PATIENCE) {
        Ok(answer) => answer,
        Err(none) => return Err(absent(args, &none)),
    };
    let who = args.org.as_ref().map_or("status", |org| org.as_str());
    if answer.status != 200 {
        return Err(refusal::failure(who, &answer));
    }
    let orgs = orgs_in(&answer, args).ok_or_else(|| refusal::not_understood(who, &answer))?;
    if args.json {
        output::print(&as_answered(&answer))?;
    } else if orgs.is_empty() && has_no_orgs(args) {
        output::print(NO_ORGS.as_bytes())?;
    } else {
        output::print(draw(&orgs).as_bytes())?;
    }
    if args.check {
        verdict(who, &orgs)
    } else {
        Ok(Exit::Done)
    }
}

/// The table as of now, as wide as the terminal.
pub fn draw(orgs: &[OrgStatus]) -> String {
    table::render(orgs, SystemTime::now(), output::columns())
}

/// Whether there are none at all, which everybody may know, or none that this user may see.
fn has_no_orgs(args: &Status) -> bool {
    #[derive(Deserialize)]
    struct Live {
        orgs: Counts,
    }
    #[derive(Deserialize)]
    struct Counts {
        total: u64,
    }
    let answer = client::exchange(&args.at.path(), &Request::get("/livez"), PATIENCE);
    let live = answer
        .ok()
        .map(|answer| serde_json::from_slice::<Live>(&answer.body));
    live.is_some_and(|live| live.is_ok_and(|live| live.orgs.total == 0))
}

fn target(args: &Status) -> String {
    match &args.org {
        Some(org) => format!("/v1/orgs/{org}"),
        None if args.all => "/v1/orgs?all=true".to_owned(),
        None => "/v1/orgs".to_owned(),
    }
}

/// A monitor asks whether the daemon is there at all; for everybody else that is a failure like any.
fn absent(args: &Status, none: &NoAnswer) -> Failure {
    let mut failure = client::failure(&args.at.path(), none);
    let is_absent = matches!(
        none,
        NoAnswer::NotRunning(_) | NoAnswer::Slow(_) | NoAnswer::HungUp
    );
    if args.check && is_absent {
        failure.exit = Exit::NoDaemon;
    }
    failure
}

/// The orgs to show; `None` where the answer is not understood.
fn orgs_in(answer: &Answer, args: &Status) -> Option<Vec<OrgStatus>> {
    let mut orgs = if args.org.is_some() {
        vec![serde_json::from_slice(&answer.body).ok()?]
    } else {
        serde_json::from_slice::<Orgs>(&answer.body).ok()?.orgs
    };
    orgs.retain(|org| args.all || args.org.is_some() || org.is_configured());
    Some(orgs)
}

/// The worst of all configured orgs. Nothing seen is nothing known: a monitor must not take it for good.
fn verdict(who: &str, orgs: &[OrgStatus]) -> Result<Exit, Failure> {
    let configured = orgs.iter().filter(|org| org.is_configured());
    configured
        .map(OrgStatus::verdict)
        .max_by_key(|exit| *exit as u8)
        .ok_or_else(|| {
            let what = "the daemon shows this user no org";
            let cure =
                "run it as one of `monitors`, `admins` or the org's `readers`, or configure an org";
            Failure::new(Exit::NotFresh, who, what, cure)
        })
}

/// The body as it came, and a line end.
pub fn as_answered(answer: &Answer) -> Vec<u8> {
    let mut body = answer.body.trim_ascii_end().to_vec();
    body.push(b'\n');
    body
}
