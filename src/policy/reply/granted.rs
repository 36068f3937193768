//! An answer that grants: what of it is believed.
//!
//! Bounds and shapes only; whether the grant is for the right org and environment the org decides, from
//! what is kept here. The tokens are moved out of the answer, never copied.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::super::record::Cause;
use crate::base::{ScopeSet, Secret};

/// What Zoho calls the longest life of an access token; a longer one is not believed.
pub const LIFE_MAX: Duration = Duration::from_hours(1);

/// Longest token and API domain that are taken, in bytes. Zoho's tokens are 70.
const TOKEN_LEN_MAX: usize = 4096;

/// Longest list of scopes that is taken, in bytes: all of Zoho's some 450 fit twice.
const SCOPE_LEN_MAX: usize = 32 * 1024;

/// An access token with all that Zoho said of it.
#[derive(Debug)]
pub struct Granted {
    /// The token.
    pub access_token: Arc<Secret>,
    /// A refresh token, at an exchange, or from a server that rotates them.
    pub refresh_token: Option<Secret>,
    /// Where the token is used, as said: not yet compared with the table.
    pub api_domain: Option<String>,
    /// What it may do, if said.
    pub scope: Option<ScopeSet>,
    /// How long it lives from the start of the call: 1 s to [`LIFE_MAX`].
    pub life: Duration,
}

impl Granted {
    /// Takes the grant out of `answer`, or says what is wrong with it.
    pub(super) fn take(answer: &mut Map<String, Value>) -> Result<Self, Cause> {
        let access_token = token(answer, "access_token")?.ok_or_else(|| {
            Cause::new(
                "no-access-token",
                "JSON with neither a token nor an `error`",
            )
        })?;
        Ok(Self {
            access_token: access_token.into(),
            refresh_token: token(answer, "refresh_token")?,
            api_domain: line(answer, "api_domain", TOKEN_LEN_MAX)?,
            scope: line(answer, "scope", SCOPE_LEN_MAX)?.map(|scopes| ScopeSet::parse(&scopes)),
            life: life(answer)?,
        })
    }
}

/// RFC 6749 appendix A.12: a token is visible ASCII. A line break would forge headers.
fn token(answer: &mut Map<String, Value>, key: &str) -> Result<Option<Secret>, Cause> {
    let is_token =
        |text: &str| text.len() <= TOKEN_LEN_MAX && text.bytes().all(|b| b.is_ascii_graphic());
    match answer.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if is_token(&text) => Ok(Some(Secret::new(text))),
        Some(_) => Err(Cause::new(
            "bad-token",
            &format!("`{key}` is no token: too long, not a text, or with characters no token has"),
        )),
    }
}

/// A non-empty line of visible ASCII and spaces. What is no text counts as absent; a text with control
/// characters or of absurd length comes from nobody that should be believed.
fn line(answer: &Map<String, Value>, key: &str, max: usize) -> Result<Option<String>, Cause> {
    let Some(text) = answer.get(key).and_then(Value::as_str).map(str::trim) else {
        return Ok(None);
    };
    let is_line = text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if text.len() > max || !is_line {
        return Err(Cause::new(
            "bad-answer",
            &format!("`{key}` is too long, or has characters that no such text has"),
        ));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Seconds to live, held to [`LIFE_MAX`].
///
/// Where `expires_in_sec` is present `expires_in` is in milliseconds ("Writer" API, OAuth step 4). Some
/// answers had the milliseconds alone; nobody's hourly token lives for days, so over a day means those.
fn life(answer: &Map<String, Value>) -> Result<Duration, Cause> {
    const DAY: f64 = 86_400.0;
    let said = |key| answer.get(key).filter(|value| !value.is_null());
    let in_seconds = said("expires_in_sec");
    let number = in_seconds.or_else(|| said("expires_in")).and_then(number);
    let seconds = match number {
        Some(number) if in_seconds.is_none() && number > DAY => {
            let seconds = number / 1000.0;
            (seconds <= LIFE_MAX.as_secs_f64()).then_some(seconds)
        }
        other => other.filter(|seconds| (1.0..=DAY).contains(seconds)),
    };
    seconds.map_or_else(
        || Err(absurd(number)),
        |seconds| Ok(Duration::from_secs_f64(seconds.floor()).min(LIFE_MAX)),
    )
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn absurd(number: Option<f64>) -> Cause {
    let said = number.map_or("missing or no number".to_owned(), |n| match n.abs() {
        1e-6..1e15 => format!("{n}"),
        _ => format!("{n:e}"),
    });
    Cause::new(
        "bad-lifetime",
        &format!("`expires_in` is {said}, not a life of 1 s to 1 h"),
    )
}
