//! `enroll ORG --client-secret`: another client secret for grants that are sealed with theirs.
//!
//! Invariant: as for `enroll`, the secret is never an argument, and its memory is sealed and wiped (S1).

use serde::{Deserialize, Serialize};

use super::args::Enroll;
use super::client::{self, Request};
use super::enroll::{PATIENCE, body, seal_memory};
use super::failure::{Exit, Failure, in_one_line};
use super::secret_input::SecretInput;
use super::{output, refusal};

/// Body of `POST /v1/orgs/ORG/enrollment`.
#[derive(Serialize)]
struct NewSecret<'a> {
    kind: &'static str,
    client_secret: &'a str,
}

/// What the daemon answers beside the org's status.
#[derive(Deserialize)]
struct Renewed {
    sealed_for: Vec<String>,
}

/// Asks for the secret, hands it over, and says for whom it is sealed.
pub fn run(args: &Enroll) -> Result<Exit, Failure> {
    seal_memory()?;
    let org = args.of.org.as_str();
    let secret = SecretInput::open(org)?.next("Client secret")?;
    let new = NewSecret {
        kind: "client-secret",
        client_secret: secret.expose(),
    };
    let body = body(&new).map_err(|error| Failure::bug("enroll", &error.to_string()))?;
    let target = format!("/v1/orgs/{org}/enrollment");
    let answer = client::ask(&args.of.at.path(), &Request::post(&target, &body), PATIENCE)?;
    if answer.status != 200 {
        return Err(refusal::failure(org, &answer));
    }
    let renewed: Result<Renewed, _> = serde_json::from_slice(&answer.body);
    let renewed = renewed.map_err(|_| refusal::not_understood(org, &answer))?;
    output::print(told(org, &renewed.sealed_for).as_bytes())?;
    Ok(Exit::Done)
}

fn told(org: &str, others: &[String]) -> String {
    let others: Vec<String> = others.iter().map(|other| in_one_line(other)).collect();
    let also = if others.is_empty() {
        String::new()
    } else {
        format!(", also for {}", others.join(", "))
    };
    format!("{org}: client secret proved by a mint and sealed{also}\n")
}
