//! `enroll ORG --client-secret`: another client secret for grants that are sealed with theirs.
//!
//! Invariant: as for `enroll`, the secret is never an argument, and its memory is sealed and wiped (S1).

use serde::Deserialize;

use super::args::Enroll;
use super::enroll::seal;
use super::failure::{Exit, Failure, in_one_line};
use super::hand_over::{self, ClientSecret, Grant};
use super::secret_input::SecretInput;
use super::{output, refusal};

/// What the daemon answers beside the org's status.
#[derive(Deserialize)]
struct Renewed {
    sealed_for: Vec<String>,
}

/// Asks for the secret, hands it over, and says for whom it is sealed.
pub fn run(args: &Enroll) -> Result<Exit, Failure> {
    seal("enroll")?;
    let org = args.of.org.as_str();
    let secret = SecretInput::open(org)?.next("Client secret")?;
    let nothing_else = Grant {
        kind: "client-secret",
        ..Grant::default()
    };
    let answer = hand_over::send(&args.of, nothing_else, ClientSecret::Given(&secret))?;
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
