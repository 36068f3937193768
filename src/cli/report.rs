//! `report`: tells the daemon that Zoho's API refused an org's token, and prints what it makes of it.
//!
//! Invariant: exits 0 only where reading the token again gives another one than the refused.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::args::Report;
use super::client::{self, Request};
use super::failure::{Exit, Failure};
use super::{output, refusal, status};

/// The daemon waits 10 s for the new token; a start of it may lie in between.
const PATIENCE: Duration = Duration::from_secs(20);

/// `POST /v1/orgs/ORG/rejections`.
#[derive(Debug, Deserialize)]
struct Ruling {
    verdict: String,
    retry_after_s: Option<u64>,
    cure: Option<String>,
}

/// Reports, and prints the verdict: the word alone, or what the daemon answered.
pub fn run(args: &Report) -> Result<Exit, Failure> {
    let org = args.of.org.as_str();
    let target = format!("/v1/orgs/{org}/rejections");
    let body = json!({ "generation": args.generation, "code": args.code }).to_string();
    let request = Request::post(&target, body.as_bytes());
    let answer = client::ask(&args.of.at.path(), &request, PATIENCE)?;
    if answer.status != 200 {
        return Err(refusal::failure(org, &answer));
    }
    let not_understood = || refusal::not_understood(org, &answer);
    let ruling: Ruling = serde_json::from_slice(&answer.body).map_err(|_| not_understood())?;
    let end = ruling.end(org).ok_or_else(not_understood)?;
    if args.json {
        output::print(&status::as_answered(&answer))?;
    } else {
        output::print(format!("{}\n", ruling.verdict).as_bytes())?;
    }
    end
}

impl Ruling {
    /// Whether the job can go on with another token, and if not, why; `None` for a word that we do not know.
    fn end(&self, org: &str) -> Option<Result<Exit, Failure>> {
        let (exit, what) = match self.verdict.as_str() {
            "superseded" | "refreshed" => return Some(Ok(Exit::Done)),
            "pending" => (Exit::TryLater, "the token cannot be replaced just now"),
            "scope" => (
                Exit::Config,
                "another token would not help: it may not do this",
            ),
            "binding" => (
                Exit::Config,
                "another token would not help: it is used for another org, environment or api_domain than its own",
            ),
            "not-token" => (Exit::Data, "it was not the token that Zoho refused"),
            _ => return None,
        };
        let cure = match (&self.cure, self.retry_after_s) {
            (_, Some(seconds)) => format!("report again in {seconds} s"),
            (Some(cure), None) => cure.clone(),
            (None, None) => format!("see `zoho-tokend history {org}`"),
        };
        Some(Err(Failure::new(exit, org, what, &cure)))
    }
}
