//! What an answer of the token endpoint means, sorted by what to do about it.
//!
//! The body decides, not the status: Zoho sends errors with 200 and throttles with 400. What nobody has
//! documented is [`Outcome::Transient`], so that no good grant is given up for a bad day. What a person reads
//! about a code is in [`super::remedy`]. Total over any bytes; nothing that leaves here has control characters.
//!
//! Sources per code: Zoho CRM API v8 "Token Validity", Kaizen #43 and #79, "Bookings" error list, and
//! what users of the API have reported; RFC 6749 §5.1 for the shape of a grant and §5.2 for other servers' codes.

mod granted;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::record::Cause;
use crate::base::Secret;
pub use granted::{Granted, LIFE_MAX};

/// The call that the answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A grant code for a refresh token.
    Exchange,
    /// A refresh token for an access token.
    Refresh,
    /// The same for the first time, to prove a refresh token that an operator brings along.
    TakeOver,
    /// A code of the consent page for a refresh token.
    Login,
    /// The same with the refresh token that the org has, to prove another client secret.
    Prove,
    /// An access token by the client's own right.
    Client,
    /// The same for the first time, to prove a client secret that an operator brings along.
    ClientProof,
}

impl Asked {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Exchange,
        Self::Refresh,
        Self::TakeOver,
        Self::Login,
        Self::Prove,
        Self::Client,
        Self::ClientProof,
    ];

    /// Whether it spends a code, and is of no use without a refresh token in the answer.
    pub fn is_exchange(self) -> bool {
        matches!(self, Self::Exchange | Self::Login)
    }

    /// Whether a person does not wait for it: it is tried again by itself.
    pub fn is_by_schedule(self) -> bool {
        matches!(self, Self::Refresh | Self::Client)
    }

    /// Whether it asks by the client's own right.
    pub fn is_of_client(self) -> bool {
        matches!(self, Self::Client | Self::ClientProof)
    }
}

/// What to do about an answer.
#[derive(Debug)]
pub enum Outcome {
    /// A token: publish it.
    Granted(Granted),
    /// Heals by itself: try again, paced.
    Transient(Cause),
    /// Zoho counts too many: wait for a whole window.
    Throttled(Cause),
    /// The grant is gone: a person must consent again.
    NeedsConsent(Cause),
    /// The config is wrong: a person must change it.
    Misconfigured(Cause),
}

impl Outcome {
    /// Sorts an answer with `status` and `body` to what was `asked`.
    ///
    /// `asked` matters to what the call is about: an exchange without a refresh token gives nothing to live on, and
    /// client credentials have no refresh token, neither to give nor to lose.
    pub fn sort(asked: Asked, status: u16, body: &[u8]) -> Self {
        Self::sort_without(&[], asked, status, body)
    }

    /// The same, with none of the secrets that were `sent` in anything that is shown (S1).
    pub fn sort_without(sent: &[Arc<Secret>], asked: Asked, status: u16, body: &[u8]) -> Self {
        let Some(mut answer) = readable(sent, body) else {
            return unreadable(status, body);
        };
        match answer.get("error").filter(|error| !error.is_null()) {
            Some(Value::String(code)) if is_code(code) => refused(asked, status, code, &answer),
            Some(_) => Self::Transient(Cause::new(
                "unknown-answer",
                &format!("HTTP {status} with an `error` that says nothing"),
            )),
            None if !(200..300).contains(&status) => {
                let has_token = answer.get("access_token").is_some_and(Value::is_string);
                by_status(
                    status,
                    if has_token {
                        "a token, which is not used: the status says that there is none"
                    } else {
                        "JSON with neither a token nor an `error`"
                    },
                )
            }
            None => match Granted::take(&mut answer) {
                Ok(granted) if sent.iter().any(|own| own.is_same_as(&granted.access_token)) => {
                    let what =
                        "the access token is a secret that was sent, which no reader may have";
                    Self::Transient(Cause::new("bad-token", what))
                }
                Ok(granted) => complete(asked, granted),
                Err(cause) => Self::Transient(cause),
            },
        }
    }

    /// Why there is no token; `None` if there is one.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Granted(_) => None,
            Self::Transient(cause)
            | Self::Throttled(cause)
            | Self::NeedsConsent(cause)
            | Self::Misconfigured(cause) => Some(cause),
        }
    }
}

/// The JSON object that an answer is, with none of the secrets that were `sent` in what may be shown (S1).
pub(super) fn readable(sent: &[Arc<Secret>], body: &[u8]) -> Option<Map<String, Value>> {
    let Ok(Value::Object(mut answer)) = serde_json::from_slice::<Value>(body) else {
        return None;
    };
    hide(sent, &mut answer);
    Some(answer)
}

/// Whether anything of it can be shown.
fn is_code(text: &str) -> bool {
    text.chars().any(|c| !c.is_control() && !c.is_whitespace())
}

/// Whatever Zoho's code, the same for every call: what differs is the cure ([`super::remedy`]). But where no consent
/// stands behind the call, none can be gone: what is said of one is noise.
fn refused(asked: Asked, status: u16, code: &str, answer: &Map<String, Value>) -> Outcome {
    let said = answer.get("error_description").and_then(Value::as_str);
    let detail = match said {
        Some(text) => format!("HTTP {status}: {}", without_secrets(text)),
        None => format!("HTTP {status}"),
    };
    let cause = Cause::new(&without_secrets(code.trim()), &detail);
    // "Access Denied" is all that CRM documents, with this description; the code's spelling varies.
    if said.is_some_and(|text| text.to_ascii_lowercase().contains("too many requests")) {
        return Outcome::Throttled(cause);
    }
    sorted(asked, &folded(code), cause)
}

fn sorted(asked: Asked, code: &str, cause: Cause) -> Outcome {
    match code {
        "access_denied" => Outcome::Throttled(cause),
        // On exchange the code is spent or stale, on refresh the token is revoked: both want a person.
        "invalid_code" | "invalid_grant" if asked.is_of_client() => Outcome::Transient(cause),
        "invalid_code" | "invalid_grant" => Outcome::NeedsConsent(cause),
        "invalid_client"
        | "invalid_client_secret"
        | "invalid_redirect_uri"
        | "invalid_scope"
        | "missing_org_info"
        | "invalid_request"
        | "invalid_soid"
        | "invalid_org"
        | "unsupported_grant_type"
        | "unauthorized_client"
        | "invalid_response_type" => Outcome::Misconfigured(cause),
        _ => Outcome::Transient(cause),
    }
}

/// One spelling per code: `Access Denied` and `access_denied` are the same to Zoho.
pub(super) fn folded(code: &str) -> String {
    code.trim().to_ascii_lowercase().replace(' ', "_")
}

/// Zoho leaves the refresh token out where consent was for online access only (Devices, "Initiation Request"), and
/// never gives one with client credentials (Accounts, "Client Credentials Flow"; RFC 6749 §4.4.3).
fn complete(asked: Asked, granted: Granted) -> Outcome {
    if asked.is_exchange() && granted.refresh_token.is_none() {
        return Outcome::NeedsConsent(Cause::new(
            "no-refresh-token",
            "an access token came without a refresh token",
        ));
    }
    if asked.is_of_client() {
        return Outcome::Granted(Granted {
            refresh_token: None,
            ..granted
        });
    }
    Outcome::Granted(granted)
}

/// Names what came instead of a JSON object.
pub(super) fn unreadable(status: u16, body: &[u8]) -> Outcome {
    let start = body.trim_ascii_start();
    let (code, what) = if start.is_empty() {
        ("empty-answer", "an empty body")
    } else if start.starts_with(b"<") {
        ("html", "a web page instead of JSON")
    } else {
        ("garbage", "a body that is no JSON object")
    };
    // A web page with 200 or 404 says "wrong place"; with 502 or 302 the status says more.
    let is_wrong_place = code == "html" && (400..500).contains(&status) && status != 429;
    if (200..300).contains(&status) || is_wrong_place {
        Outcome::Transient(Cause::new(code, &format!("HTTP {status} with {what}")))
    } else {
        by_status(status, what)
    }
}

/// The status decides only where the body says nothing. 429: RFC 6585 §4.
pub(super) fn by_status(status: u16, what: &str) -> Outcome {
    let cause = Cause::new(
        &format!("http-{status}"),
        &format!("HTTP {status} with {what}"),
    );
    match status {
        429 => Outcome::Throttled(cause),
        _ => Outcome::Transient(cause),
    }
}

/// Replaces what was sent wherever a server repeats it, but for its two keys that hold tokens: an answer may well bring
/// the same refresh token again. A text so short that it could be a word of any answer is none of Zoho's secrets.
fn hide(sent: &[Arc<Secret>], answer: &mut Map<String, Value>) {
    const SHORTEST: usize = 8;
    let shown = answer
        .iter_mut()
        .filter(|(key, _)| !["access_token", "refresh_token"].contains(&key.as_str()));
    for text in shown.filter_map(|(_, value)| match value {
        Value::String(text) => Some(text),
        _ => None,
    }) {
        let secrets = sent.iter().map(|secret| secret.expose());
        for secret in secrets.filter(|secret| secret.len() >= SHORTEST) {
            if text.contains(secret) {
                *text = text.replace(secret, HIDDEN);
            }
        }
    }
}

/// Scheme and host of a URL of Zoho's, which is all of it that a person needs: the rest could hold anything.
pub(super) fn host_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    without_secrets(&format!("{scheme}://{host}"))
}

/// What stands in the place of a secret.
const HIDDEN: &str = "[hidden]";

/// Replaces what looks like a token or a secret, since a server may echo what it was sent.
///
/// That is a word of 20 bytes or more with a digit: Zoho's tokens have 70, its client ids 35, its secrets 42;
/// its longest code is `unsupported_grant_type`, and a host name has no digit.
pub(super) fn without_secrets(text: &str) -> String {
    let is_edge = |c: char| !(c.is_ascii_alphanumeric() || "._~+=-".contains(c));
    let hide = |part: &str| {
        let word = part.trim_end_matches(is_edge);
        if word.len() < 20 || !word.bytes().any(|b| b.is_ascii_digit()) {
            return part.to_owned();
        }
        format!("{HIDDEN}{}", &part[word.len()..])
    };
    text.split_inclusive(is_edge).map(hide).collect()
}
