//! `enroll`: hands the daemon an org's grant, and says what Zoho made of it.
//!
//! Asks on a terminal without echo, else reads stdin; never takes a secret as an argument, which every
//! user of the host could read. Invariant: secrets are wiped, the request's body included, and the memory that
//! holds them is sealed before the first is read (S1).

use std::io;
use std::time::Duration;

use serde::Serialize;
use zeroize::Zeroizing;

use super::answer::Answer;
use super::args::Enroll;
use super::client::{self, Request};
use super::failure::{Exit, Failure, in_one_line};
use super::output;
use super::refusal::{self, Refusal};
use super::secret_input::SecretInput;
use super::status::OrgStatus;
use crate::base::Secret;
use crate::edge::memory;

/// Up to three calls to Zoho may lie in between.
const PATIENCE: Duration = Duration::from_mins(2);

/// The daemon's word for: the config has no secret for this client, send it along.
const SECRET_NEEDED: &str = "client-secret-needed";

/// How the prompt calls the client's secret.
const SECRET: &str = "Client secret";

/// Body of `POST /v1/orgs/ORG/enrollment`.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Grant<'a> {
    Code {
        code: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_secret: Option<&'a str>,
        #[serde(skip_serializing_if = "is_false")]
        keep_client_secret: bool,
        #[serde(skip_serializing_if = "is_false")]
        keep_old: bool,
    },
    RefreshToken {
        refresh_token: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_secret: Option<&'a str>,
        #[serde(skip_serializing_if = "is_false")]
        keep_client_secret: bool,
        #[serde(skip_serializing_if = "is_false")]
        keep_old: bool,
    },
    ClientCredentials {
        #[serde(skip_serializing_if = "Option::is_none")]
        client_secret: Option<&'a str>,
        #[serde(skip_serializing_if = "is_false")]
        keep_client_secret: bool,
        #[serde(skip_serializing_if = "is_false")]
        keep_old: bool,
    },
}

/// The client's secret, as far as this side knows.
#[derive(Clone, Copy)]
enum ClientSecret<'a> {
    /// The config has it, until the daemon says otherwise.
    Configured,
    /// The one that an earlier enrolment sealed.
    Kept,
    /// A person gave it.
    Given(&'a Secret),
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Takes the grant, and the client's secret where the daemon asks for it. Client credentials have no grant to take.
pub fn run(args: &Enroll) -> Result<Exit, Failure> {
    memory::seal()
        .map_err(|errno| Failure::bug("enroll", &format!("cannot seal its memory: {errno}")))?;
    let is_of_client = !args.refresh_token && mints_by_client(args);
    let mut input = SecretInput::open(args.of.org.as_str())?;
    let grant = match (is_of_client, args.refresh_token) {
        (true, _) => None,
        (false, true) => Some(input.next("Refresh token")?),
        (false, false) => Some(input.next("Grant token")?),
    };
    let grant = grant.as_ref();
    let mut answer = send(args, grant, ClientSecret::Configured)?;
    if is_secret_needed(&answer) {
        // The daemon looks for the secret before it calls Zoho: the grant token is still good.
        answer = match input.next_or_none(SECRET, " (empty: that of the last enrolment)")? {
            Some(client_secret) => send(args, grant, ClientSecret::Given(&client_secret))?,
            None => send(args, grant, ClientSecret::Kept)?,
        };
        if input.is_used_up() && is_secret_needed(&answer) {
            return Err(input.missing(SECRET));
        }
    }
    let org = args.of.org.as_str();
    if answer.status != 200 {
        return Err(refusal::failure(org, &answer));
    }
    let status = serde_json::from_slice(&answer.body);
    let status = status.map_err(|_| refusal::not_understood(org, &answer))?;
    if input.has_more() {
        output::complain_of(&unused(org, grant.is_some(), input.used()));
    }
    output::print(told(org, &status).as_bytes())?;
    Ok(Exit::Done)
}

/// Whether the org mints by its client's own right, as far as the daemon tells: where it does not, a grant is asked for,
/// and what is wrong comes out when that is sent.
fn mints_by_client(args: &Enroll) -> bool {
    let target = format!("/v1/orgs/{}", args.of.org);
    let answer = client::ask(&args.of.at.path(), &Request::get(&target), PATIENCE);
    let status = answer.map(|answer| serde_json::from_slice::<OrgStatus>(&answer.body));
    let kind = status
        .ok()
        .and_then(Result::ok)
        .and_then(|own| own.grant_kind);
    kind.as_deref() == Some("client-credentials")
}

fn send(
    args: &Enroll,
    grant: Option<&Secret>,
    secret: ClientSecret<'_>,
) -> Result<Answer, Failure> {
    let target = format!("/v1/orgs/{}/enrollment", args.of.org);
    let (client_secret, keep_client_secret) = match secret {
        ClientSecret::Configured => (None, false),
        ClientSecret::Kept => (None, true),
        ClientSecret::Given(secret) => (Some(secret.expose()), false),
    };
    let grant = match grant.map(Secret::expose) {
        None => Grant::ClientCredentials {
            client_secret,
            keep_client_secret,
            keep_old: args.keep_old,
        },
        Some(refresh_token) if args.refresh_token => Grant::RefreshToken {
            refresh_token,
            client_secret,
            keep_client_secret,
            keep_old: args.keep_old,
        },
        Some(code) => Grant::Code {
            code,
            client_secret,
            keep_client_secret,
            keep_old: args.keep_old,
        },
    };
    let body = body(&grant).map_err(|error| Failure::bug("enroll", &error.to_string()))?;
    client::ask(&args.of.at.path(), &Request::post(&target, &body), PATIENCE)
}

/// The body in one allocation that never moves, so that wiping it leaves no copy.
fn body(grant: &Grant<'_>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut room = Zeroizing::new(vec![0; 64 * 1024]);
    let mut rest = room.as_mut_slice();
    serde_json::to_writer(&mut rest, grant)?;
    let left = rest.len();
    let length = room.len() - left;
    room.truncate(length);
    Ok(room)
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

fn is_secret_needed(answer: &Answer) -> bool {
    answer.status == 422
        && Refusal::of(answer).is_some_and(|refusal| refusal.code() == SECRET_NEEDED)
}

fn told(org: &str, status: &OrgStatus) -> String {
    let shown = |text: Option<&String>| text.map_or("unknown".to_owned(), |text| in_one_line(text));
    let scope = status.scope.as_ref().map(|scopes| scopes.join(" "));
    format!(
        "{org}: enrolled\n  scope       {}\n  api_domain  {}\n  expires_at  {}\n{}",
        shown(scope.as_ref()),
        shown(status.api_domain.as_ref()),
        shown(status.expires_at.as_ref()),
        places(status).unwrap_or_default()
    )
}

/// How many refresh tokens Zoho has of this client now.
fn places(status: &OrgStatus) -> Option<String> {
    let places = status.refresh_tokens.as_ref()?;
    let (known, most) = (places.known?, places.most?);
    let before = status.refresh_tokens_before;
    let before = before.map(|before| format!(" ({before} before)"));
    Some(format!(
        "  refresh tokens of this client  {known} of {most}{}\n",
        before.unwrap_or_default()
    ))
}
