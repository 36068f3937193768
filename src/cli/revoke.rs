//! `revoke`: has an org's refresh token revoked at Zoho and forgotten here, once a person has said yes to what stops.
//!
//! Invariant: without `--yes` nothing is asked of the daemon before a person on a terminal has agreed.

use std::time::Duration;

use serde::Deserialize;

use super::args::Revoke;
use super::client::{self, Request};
use super::failure::{Exit, Failure, in_one_line};
use super::{output, refusal};

/// Two endpoints of Zoho may be asked in between.
const PATIENCE: Duration = Duration::from_mins(2);

/// What the daemon answers, beside the org's status.
#[derive(Deserialize)]
struct Told {
    revocation: String,
    revocation_detail: Option<String>,
    console_url: Option<String>,
    /// `now`: older ones are still to be revoked.
    replaced_is_revoked: Option<String>,
}

/// Asks, has it done, and says what came of it.
pub fn run(args: &Revoke) -> Result<Exit, Failure> {
    let org = args.of.org.as_str();
    if !args.yes {
        agree(args)?;
    }
    let target = format!(
        "/v1/orgs/{org}/enrollment?forget={}&old={}",
        args.forget, args.old
    );
    let answer = client::ask_once(&args.of.at.path(), &Request::delete(&target), PATIENCE, org)?;
    if answer.status != 200 {
        let mut failure = refusal::failure(org, &answer);
        // Zoho out of reach is no end of it: to be tried again, as the daemon says.
        if failure.exit == Exit::Unavailable {
            failure.exit = Exit::TryLater;
        }
        return Err(failure);
    }
    let told: Option<Told> = serde_json::from_slice(&answer.body).ok();
    let line = told.and_then(|told| line(args, &told));
    let line = line.ok_or_else(|| refusal::not_understood(org, &answer))?;
    output::print(line.as_bytes())?;
    Ok(Exit::Done)
}

/// Says what will stop, and wants a yes.
fn agree(args: &Revoke) -> Result<(), Failure> {
    let org = args.of.org.as_str();
    match output::confirmed(&question(args)) {
        Some(true) => Ok(()),
        Some(false) => {
            let cure = "nothing was revoked, and nothing forgotten";
            Err(Failure::new(Exit::Usage, org, "not confirmed", cure))
        }
        None => {
            let what = "there is nobody to ask whether to revoke";
            let cure = "give --yes if it is meant, or run it on a terminal";
            Err(Failure::new(Exit::Usage, org, what, cure))
        }
    }
}

fn question(args: &Revoke) -> String {
    let org = &args.of.org;
    match (args.forget, args.old) {
        (false, false) => format!(
            "{org}: Zoho revokes the refresh token and ends its access tokens at once; jobs that read this org get \
             nothing until somebody enrolls it again. Revoke?"
        ),
        (false, true) => format!(
            "{org}: Zoho revokes the refresh tokens that newer enrolments have replaced; whatever else uses them \
             stops. The org's grant stays. Revoke?"
        ),
        (true, false) => format!(
            "{org}: the refresh token is dropped here and lives on at Zoho until a person ends it there; jobs that \
             read this org get nothing until somebody enrolls it again. Forget?"
        ),
        (true, true) => format!(
            "{org}: the refresh tokens that newer enrolments have replaced are dropped here and count no more; at Zoho \
             they live on unless somebody has ended them. Forget?"
        ),
    }
}

fn line(args: &Revoke, told: &Told) -> Option<String> {
    let org = &args.of.org;
    let console = told.console_url.as_deref().map_or_else(
        || "in the API console of its data center".to_owned(),
        |url| format!("at {}", in_one_line(url)),
    );
    Some(match &*told.revocation {
        "revoked" if args.old => {
            let has_more = told.replaced_is_revoked.as_deref() == Some("now");
            let more = if has_more {
                format!("; others follow one by one: `zoho-tokend history {org}` tells of each")
            } else {
                String::new()
            };
            format!(
                "{org}: an older refresh token is revoked at Zoho; the grant in force stays{more}\n"
            )
        }
        "revoked" => format!("{org}: revoked at Zoho, and forgotten\n"),
        "gone" => {
            let detail = in_one_line(told.revocation_detail.as_deref().unwrap_or("no reason"));
            let (which, rest) = if args.old {
                ("the older refresh token", "; the grant in force stays")
            } else {
                ("the refresh token", "")
            };
            format!("{org}: forgotten; Zoho knew {which} no more ({detail}){rest}\n")
        }
        "forgotten" if args.old => format!("{org}: the older refresh tokens are forgotten\n"),
        "forgotten" => format!(
            "{org}: forgotten here alone; at Zoho it lives on: end it {console}, or under Connected Apps of the user \
             who gave it\n"
        ),
        _ => return None,
    })
}
