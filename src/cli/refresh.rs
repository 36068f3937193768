//! `refresh`: one mint now, out of the slots that are kept for a person.

use std::time::Duration;

use super::args::OneOrg;
use super::client::{self, Request};
use super::failure::{Exit, Failure, in_one_line};
use super::status::OrgStatus;
use super::{output, refusal};

/// A call to Zoho may lie in between, behind one that is already on its way.
const PATIENCE: Duration = Duration::from_mins(2);

/// Has the daemon mint and says what came of it.
pub fn run(args: &OneOrg) -> Result<Exit, Failure> {
    let target = format!("/v1/orgs/{}/refresh", args.org);
    let answer = client::ask(&args.at.path(), &Request::post(&target, b""), PATIENCE)?;
    let org = args.org.as_str();
    if answer.status != 200 {
        return Err(refusal::failure(org, &answer));
    }
    let line = serde_json::from_slice(&answer.body)
        .ok()
        .and_then(|status| told(org, &status));
    let line = line.ok_or_else(|| refusal::not_understood(org, &answer))?;
    output::print(line.as_bytes())?;
    Ok(Exit::Done)
}

fn told(org: &str, status: &OrgStatus) -> Option<String> {
    let (generation, expires_at) = (status.generation?, in_one_line(status.expires_at.as_ref()?));
    Some(format!(
        "{org}: generation {generation}, expires at {expires_at}\n"
    ))
}
