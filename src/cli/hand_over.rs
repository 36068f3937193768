//! Hands the daemon a grant: the body of `POST /v1/orgs/ORG/enrollment`, and what the answer means.
//!
//! Shared by `enroll` and `login`. Invariant: the body is wiped, and nothing of it is in any message (S1).

use std::io;
use std::time::Duration;

use serde::Serialize;
use zeroize::Zeroizing;

use super::answer::Answer;
use super::args::OneOrg;
use super::client::{self, Request};
use super::failure::{Failure, in_one_line};
use super::refusal::{self, Refusal};
use super::status::OrgStatus;
use crate::base::Secret;

/// Up to three calls to Zoho may lie in between.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// The daemon's word for: the config has no secret for this client, send it along.
const SECRET_NEEDED: &str = "client-secret-needed";

/// Our word for: Zoho takes the code, and gives nothing to refresh with.
const NO_REFRESH_TOKEN: &str = "no-refresh-token";

/// The grant, in the words of the contract; what is `None` is left out.
#[derive(Clone, Copy, Default, Serialize)]
pub(super) struct Grant<'a> {
    /// `code`, `refresh-token`, `login`, `client-credentials`, `client-secret`.
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<&'a str>,
    /// Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expiry_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redirect_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code_verifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) accounts_server: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) keep_old: bool,
}

/// The client's secret, as far as this side knows.
#[derive(Clone, Copy)]
pub(super) enum ClientSecret<'a> {
    /// The config has it, until the daemon says otherwise.
    Configured,
    /// The one that an earlier enrolment sealed.
    Kept,
    /// A person gave it.
    Given(&'a Secret),
}

/// What goes over the socket.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    grant: Grant<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    keep_client_secret: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Asks the daemon to enroll `of` with it.
pub(super) fn send(
    of: &OneOrg,
    grant: Grant<'_>,
    secret: ClientSecret<'_>,
) -> Result<Answer, Failure> {
    let target = format!("/v1/orgs/{}/enrollment", of.org);
    let (client_secret, keep_client_secret) = match secret {
        ClientSecret::Configured => (None, false),
        ClientSecret::Kept => (None, true),
        ClientSecret::Given(secret) => (Some(secret.expose()), false),
    };
    let body = Body {
        grant,
        client_secret,
        keep_client_secret,
    };
    let body = bytes(&body).map_err(|error| Failure::bug(of.org.as_str(), &error.to_string()))?;
    let request = Request::post(&target, &body);
    client::ask_once(&of.at.path(), &request, PATIENCE, of.org.as_str())
}

/// The body in one allocation that never moves, so that wiping it leaves no copy.
fn bytes(body: &Body<'_>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut room = Zeroizing::new(vec![0; 64 * 1024]);
    let mut rest = room.as_mut_slice();
    serde_json::to_writer(&mut rest, body)?;
    let left = rest.len();
    let length = room.len() - left;
    room.truncate(length);
    Ok(room)
}

/// The org's status, if it is enrolled now.
pub(super) fn enrolled(org: &str, answer: &Answer) -> Result<OrgStatus, Failure> {
    if answer.status != 200 {
        return Err(refusal::failure(org, answer));
    }
    let status = serde_json::from_slice(&answer.body);
    status.map_err(|_| refusal::not_understood(org, answer))
}

/// Whether the config leaves the client's secret to the enrolment, and none was sent.
pub(super) fn is_secret_needed(answer: &Answer) -> bool {
    answer.status == 422
        && Refusal::of(answer).is_some_and(|refusal| refusal.code() == SECRET_NEEDED)
}

/// Whether Zoho took the code and gave no refresh token.
pub(super) fn is_without_refresh_token(answer: &Answer) -> bool {
    let refusal = Refusal::of(answer).filter(|_| answer.status == 422);
    refusal.is_some_and(|refusal| refusal.cause() == Some(NO_REFRESH_TOKEN))
}

/// What there is now, a line each.
pub(super) fn told(org: &str, status: &OrgStatus) -> String {
    let lines = facts(status).into_iter();
    let lines = lines.map(|(name, value)| format!("  {name:<10}  {value}\n"));
    format!("{org}: enrolled\n{}", lines.collect::<String>())
}

/// What an operator looks at after an enrolment.
pub(super) fn facts(status: &OrgStatus) -> Vec<(&'static str, String)> {
    let shown = |text: Option<&String>| text.map_or("unknown".to_owned(), |text| in_one_line(text));
    let scope = status.scope.as_ref().map(|scopes| scopes.join(" "));
    let mut facts = vec![
        ("scope", shown(scope.as_ref())),
        ("api_domain", shown(status.api_domain.as_ref())),
        ("expires_at", shown(status.expires_at.as_ref())),
    ];
    let zoho_org = status.zoho_org().map(|it| ("org", in_one_line(&it)));
    let unproved = status.binding_detail.as_ref();
    let unproved = unproved.map(|why| ("unverified", in_one_line(why)));
    let places = places(status).map(|places| ("refresh tokens of this client", places));
    let replaced = replaced(status).map(|when| ("replaced", when));
    let warning = status.refresh_tokens_warning.as_ref();
    let warning = warning.map(|text| ("warning", in_one_line(text)));
    let rest = places.into_iter().chain(replaced).chain(warning);
    facts.extend(zoho_org.into_iter().chain(unproved).chain(rest));
    facts
}

/// What becomes of the older grant: whoever enrols because it has leaked should know that it is not dead yet.
fn replaced(status: &OrgStatus) -> Option<String> {
    let org = in_one_line(status.org.as_deref()?);
    Some(match status.replaced_is_revoked.as_deref()? {
        "after-refresh" => format!(
            "the older refresh token is revoked at Zoho after the next refresh; `zoho-tokend refresh {org}` makes that now"
        ),
        "now" => "the older refresh token is being revoked at Zoho".to_owned(),
        _ => return None,
    })
}

/// How many refresh tokens Zoho has of this client now.
fn places(status: &OrgStatus) -> Option<String> {
    let places = status.refresh_tokens.as_ref()?;
    let (known, most) = (places.known?, places.most?);
    let before = status.refresh_tokens_before;
    let before = before.map(|before| format!(" ({before} before)"));
    Some(format!("{known} of {most}{}", before.unwrap_or_default()))
}
