//! `enroll`: hands the daemon an org's grant, and says what Zoho made of it.
//!
//! Asks on a terminal without echo, else reads stdin, or the file that the console gives; never takes a secret as an
//! argument, which every user of the host could read. Invariant: secrets are wiped, the request's body included, and
//! the memory that holds them is sealed before the first is read (S1).

use super::answer::Answer;
use super::args::{Enroll, OneOrg};
use super::client::{self, Request};
use super::failure::{Exit, Failure};
use super::hand_over::{self, ClientSecret, Grant};
use super::secret_input::SecretInput;
use super::self_client::SelfClient;
use super::status::OrgStatus;
use super::{client_secret, output};
use crate::base::Secret;
use crate::edge::memory;

/// How the prompt calls the client's secret.
pub(super) const SECRET: &str = "Client secret";

/// Takes the grant, and the client's secret where the daemon asks for it. Client credentials have no grant to take.
pub fn run(args: &Enroll) -> Result<Exit, Failure> {
    if args.client_secret {
        return client_secret::run(args);
    }
    seal("enroll")?;
    let org = args.of.org.as_str();
    let status = match &args.self_client {
        Some(path) => {
            let file = SelfClient::read(org, path)?;
            let status = enroll_from(args, &file)?;
            file.advise(org);
            status
        }
        None => enroll_typed(args)?,
    };
    output::print(hand_over::told(org, &status).as_bytes())?;
    Ok(Exit::Done)
}

/// Keeps the memory of this process to itself from here on.
pub(super) fn seal(verb: &str) -> Result<(), Failure> {
    memory::seal().map_err(|errno| Failure::bug(verb, &format!("cannot seal its memory: {errno}")))
}

/// What a person types or pipes in.
fn enroll_typed(args: &Enroll) -> Result<OrgStatus, Failure> {
    let org = args.of.org.as_str();
    let is_of_client = !args.refresh_token && mints_by_client(&args.of);
    let mut input = SecretInput::open(org)?;
    let grant = match (is_of_client, args.refresh_token) {
        (true, _) => None,
        (false, true) => Some(input.next("Refresh token")?),
        (false, false) => Some(input.next("Grant token")?),
    };
    let grant = grant.as_ref();
    let mut answer = send_typed(args, grant, ClientSecret::Configured)?;
    if hand_over::is_secret_needed(&answer) {
        // The daemon looks for the secret before it calls Zoho: the grant token is still good.
        let given = input.next_or_none(SECRET, " (empty: that of the last enrolment)")?;
        let secret = given.as_ref();
        let secret = secret.map_or(ClientSecret::Kept, ClientSecret::Given);
        answer = send_typed(args, grant, secret)?;
        if given.is_none() && hand_over::is_secret_needed(&answer) {
            return Err(input.missing(SECRET));
        }
    }
    let status = hand_over::enrolled(org, &answer)?;
    if input.has_more() {
        output::complain_of(&unused(org, grant.is_some(), input.used()));
    }
    Ok(status)
}

/// Whether the org mints by its client's own right, as far as the daemon tells: where it does not, a grant is asked for,
/// and what is wrong comes out when that is sent.
fn mints_by_client(of: &OneOrg) -> bool {
    let target = format!("/v1/orgs/{}", of.org);
    let answer = client::ask(&of.at.path(), &Request::get(&target), hand_over::PATIENCE);
    let status = answer.map(|answer| serde_json::from_slice::<OrgStatus>(&answer.body));
    let kind = status
        .ok()
        .and_then(Result::ok)
        .and_then(|own| own.grant_kind);
    kind.as_deref() == Some("client-credentials")
}

fn send_typed(
    args: &Enroll,
    grant: Option<&Secret>,
    secret: ClientSecret<'_>,
) -> Result<Answer, Failure> {
    let grant = match grant.map(Secret::expose) {
        None => Grant {
            kind: "client-credentials",
            keep_old: args.keep_old,
            ..Grant::default()
        },
        Some(refresh_token) if args.refresh_token => Grant {
            kind: "refresh-token",
            refresh_token: Some(refresh_token),
            keep_old: args.keep_old,
            ..Grant::default()
        },
        Some(code) => Grant {
            kind: "code",
            code: Some(code),
            keep_old: args.keep_old,
            ..Grant::default()
        },
    };
    hand_over::send(&args.of, grant, secret)
}

/// What the console's file holds. Its secret is sent along only where the config has none.
fn enroll_from(args: &Enroll, file: &SelfClient) -> Result<OrgStatus, Failure> {
    let (of, org) = (&args.of, args.of.org.as_str());
    let grant = Grant {
        keep_old: args.keep_old,
        ..file.grant()
    };
    let mut answer = hand_over::send(of, grant, ClientSecret::Configured)?;
    if hand_over::is_secret_needed(&answer) {
        let secret = match file.client_secret() {
            Some(secret) => ClientSecret::Given(secret),
            None => ClientSecret::Kept,
        };
        answer = hand_over::send(of, grant, secret)?;
        if file.client_secret().is_none() && hand_over::is_secret_needed(&answer) {
            return Err(file.lacks_secret(org));
        }
    }
    hand_over::enrolled(org, &answer)
}

/// No failure, but a line in its shape: whoever gave a secret should know that it was not taken.
fn unused(org: &str, has_grant: bool, used: usize) -> Failure {
    let (what, cure) = match (has_grant, used) {
        (false, 0) => (
            "what stands on stdin was not used",
            "nothing to do: client credentials take no grant, and the config has the client's secret",
        ),
        (false, _) => (
            "only the first line of stdin was used",
            "nothing to do: client credentials take the client's secret alone",
        ),
        (true, 1) => (
            "the second line of stdin was not used",
            "nothing to do: the config has the client's secret",
        ),
        _ => (
            "only the first two lines of stdin were used",
            "nothing to do: grant and client secret are all that is taken",
        ),
    };
    Failure::new(Exit::Done, org, what, cure)
}
