//! What an answer of the token endpoint means, sorted by what to do about it.
//!
//! The body decides, not the status: Zoho sends errors with 200 and throttles with 400. What nobody has
//! documented is [`Outcome::Transient`], so that no good grant is given up for a bad day. Total over any bytes.
//!
//! Sources per code: Zoho CRM API v8 "Token Validity", Kaizen #43 and #79, "Bookings" error list, and
//! what users of the API have reported; RFC 6749 §5.1 for the shape of a grant.

use std::time::Duration;

use serde_json::{Map, Value};

use super::record::Cause;
use crate::base::{ScopeSet, Secret};

/// What Zoho calls the longest life of an access token; a longer one is not believed.
pub const LIFE_MAX: Duration = Duration::from_secs(3600);

/// Longest token that is taken, in bytes. Zoho's are 70.
const TOKEN_LEN_MAX: usize = 4096;

/// The call that the answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A grant code for a refresh token.
    Exchange,
    /// A refresh token for an access token.
    Refresh,
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

/// An access token with all that Zoho said of it.
#[derive(Debug)]
pub struct Granted {
    /// The token.
    pub access_token: Secret,
    /// A refresh token, at an exchange, or from a server that rotates them.
    pub refresh_token: Option<Secret>,
    /// Where the token is used, as said: not yet compared with the table.
    pub api_domain: Option<String>,
    /// What it may do, if said.
    pub scope: Option<ScopeSet>,
    /// How long it lives from the start of the call, at most [`LIFE_MAX`].
    pub life: Duration,
}

impl Outcome {
    /// Sorts an answer with `status` and `body` to what was `asked`.
    pub fn sort(asked: Asked, status: u16, body: &[u8]) -> Self {
        let Ok(Value::Object(answer)) = serde_json::from_slice::<Value>(body) else {
            return Self::Transient(unreadable(status, body));
        };
        match answer.get("error") {
            Some(Value::String(code)) => refused(asked, status, code, &answer),
            Some(_) => Self::Transient(Cause::new("unknown-answer", "`error` is not a text")),
            None if !(200..300).contains(&status) => Self::Transient(Cause::new(
                &format!("http-{status}"),
                "JSON without `error`",
            )),
            None => match granted(&answer) {
                Ok(granted) => Self::Granted(granted),
                Err(cause) => Self::Transient(cause),
            },
        }
    }
}

fn refused(asked: Asked, status: u16, code: &str, answer: &Map<String, Value>) -> Outcome {
    let said = answer.get("error_description").and_then(Value::as_str);
    let detail = match said {
        Some(text) => format!("HTTP {status}: {text}"),
        None => format!("HTTP {status}"),
    };
    let cause = Cause::new(code, &detail);
    match code.to_ascii_lowercase().replace(' ', "_").as_str() {
        "access_denied" => Outcome::Throttled(cause),
        // On exchange the code is spent or stale, on refresh the token is revoked: both want a person.
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
        | "invalid_response_type" => Outcome::Misconfigured(cause),
        _ => {
            let _ = asked;
            Outcome::Transient(cause)
        }
    }
}

fn granted(answer: &Map<String, Value>) -> Result<Granted, Cause> {
    let access_token = token(answer, "access_token")?.ok_or_else(|| {
        Cause::new(
            "no-access-token",
            "JSON with neither a token nor an `error`",
        )
    })?;
    Ok(Granted {
        access_token,
        refresh_token: token(answer, "refresh_token")?,
        api_domain: text(answer, "api_domain"),
        scope: text(answer, "scope").map(|scopes| ScopeSet::parse(&scopes)),
        life: life(answer)?,
    })
}

/// A non-empty text under `key`, bounded; anything else counts as absent.
fn text(answer: &Map<String, Value>, key: &str) -> Option<String> {
    let text = answer.get(key)?.as_str()?.trim();
    (!text.is_empty() && text.len() <= TOKEN_LEN_MAX).then(|| text.to_owned())
}

/// RFC 6749 appendix A.12: a token is visible ASCII. A line break would forge headers.
fn token(answer: &Map<String, Value>, key: &str) -> Result<Option<Secret>, Cause> {
    let Some(text) = answer.get(key).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    match text.as_str() {
        Some("") => Ok(None),
        Some(text) if text.len() <= TOKEN_LEN_MAX && text.bytes().all(|b| b.is_ascii_graphic()) => {
            Ok(Some(Secret::new(text.to_owned())))
        }
        _ => Err(Cause::new(
            "bad-token",
            &format!("`{key}` is no token: too long, not a text, or with characters no token has"),
        )),
    }
}

/// Seconds to live. `expires_in_sec` means that `expires_in` is in milliseconds ("Writer" API, OAuth step 4);
/// a value over an hour without it is held to be in milliseconds too, and over an hour of those is refused.
fn life(answer: &Map<String, Value>) -> Result<Duration, Cause> {
    let said = answer
        .get("expires_in_sec")
        .or_else(|| answer.get("expires_in"));
    let seconds = match said {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let hour_ms = LIFE_MAX.as_secs_f64() * 1000.0;
    match seconds {
        Some(seconds) if (1.0..=hour_ms).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds.floor()).min(LIFE_MAX))
        }
        _ => Err(Cause::new(
            "bad-lifetime",
            &format!(
                "`expires_in` is {}, not a life of 1 s to 1 h",
                said.map_or("missing".to_owned(), |value| value.to_string())
            ),
        )),
    }
}

/// Names what came instead of JSON.
fn unreadable(status: u16, body: &[u8]) -> Cause {
    let start = body.trim_ascii_start();
    let lower = start[..start.len().min(64)].to_ascii_lowercase();
    if !(200..300).contains(&status) {
        return Cause::new(
            &format!("http-{status}"),
            &format!("HTTP {status} without JSON"),
        );
    }
    if start.is_empty() {
        Cause::new("empty-answer", &format!("HTTP {status} with an empty body"))
    } else if lower.starts_with(b"<") {
        Cause::new(
            "html",
            &format!("HTTP {status} with a web page instead of JSON"),
        )
    } else {
        Cause::new(
            "garbage",
            &format!("HTTP {status} with a body that is no JSON object"),
        )
    }
}
