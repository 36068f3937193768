//! `get`: one org's access token, in the form that a job wants.
//!
//! Invariant: exits 0 only with a whole token printed; what is not one is refused, so that no job sends
//! an empty or a broken header.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::answer::Answer;
use super::args::{Format, Get};
use super::client::{self, Request};
use super::failure::{Exit, Failure};
use super::{output, refusal};
use crate::base::{Secret, seconds_up};

/// How much longer than the wait the daemon may take: it may be starting, or swapped out.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks for the token and prints it.
pub fn run(args: &Get) -> Result<Exit, Failure> {
    let target = target(args);
    let request = Request {
        accept: match args.format {
            Format::Token | Format::Header => "text/plain",
            Format::Env | Format::Json => "application/json",
        },
        ..Request::get(&target)
    };
    let answer = client::ask(&args.of.at.path(), &request, args.wait + PATIENCE)?;
    let org = args.of.org.as_str();
    if answer.status != 200 {
        return Err(refusal::failure(org, &answer));
    }
    let shown = shown(&answer, args.format);
    let shown = shown.ok_or_else(|| refusal::not_understood(org, &answer))?;
    output::print(shown.as_bytes())?;
    Ok(Exit::Done)
}

fn target(args: &Get) -> String {
    let (org, wait_s) = (&args.of.org, seconds_up(args.wait));
    match args.min_ttl.map(seconds_up) {
        None => format!("/v1/orgs/{org}/token?wait={wait_s}"),
        Some(min_ttl_s) => format!("/v1/orgs/{org}/token?wait={wait_s}&min_ttl={min_ttl_s}"),
    }
}

/// What to print of a 200; `None` where it holds no whole token.
fn shown(answer: &Answer, format: Format) -> Option<Zeroizing<String>> {
    let body = std::str::from_utf8(&answer.body).ok()?;
    let shown = match format {
        Format::Token => format!("{}\n", alone(answer, body)?),
        Format::Header => format!("Authorization: Zoho-oauthtoken {}\n", alone(answer, body)?),
        Format::Env => TokenAnswer::parse(body)?.as_assignments(),
        Format::Json => {
            TokenAnswer::parse(body)?;
            format!("{}\n", body.trim_end())
        }
    };
    Some(Zeroizing::new(shown))
}

/// The token of a `text/plain` answer.
fn alone<'a>(answer: &Answer, body: &'a str) -> Option<&'a str> {
    let is_plain = answer.header("content-type")?.starts_with("text/plain");
    let token = body.strip_suffix('\n').unwrap_or(body);
    (is_plain && is_token(token)).then_some(token)
}

/// Visible ASCII without spaces: fit for a header, a shell and a line.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// What `env` needs of the JSON answer.
#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(deserialize_with = "secret")]
    access_token: Secret,
    expires_at: String,
    api_domain: Option<String>,
}

impl TokenAnswer {
    fn parse(body: &str) -> Option<Self> {
        // The error is dropped: it could quote the token.
        let answer: Self = serde_json::from_str(body).ok()?;
        is_token(answer.access_token.expose()).then_some(answer)
    }

    /// An API domain that is not known is assigned empty: a value left from another org would be worse.
    fn as_assignments(&self) -> String {
        let api_domain = self.api_domain.as_deref().unwrap_or_default();
        format!(
            "ZOHO_ACCESS_TOKEN={}\nZOHO_API_DOMAIN={}\nZOHO_TOKEN_EXPIRES_AT={}\n",
            quoted(self.access_token.expose()),
            quoted(api_domain),
            quoted(&self.expires_at)
        )
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_is_one_word_and_runs_nothing() {
        assert_eq!(
            quoted("https://www.zohoapis.eu"),
            "'https://www.zohoapis.eu'"
        );
        assert_eq!(quoted("a'; rm -rf $HOME #"), r"'a'\''; rm -rf $HOME #'");
    }

    #[test]
    fn what_a_header_cannot_carry_is_no_token() {
        assert!(is_token("1000.0123abcd.89ef"));
        for bad in ["", " ", "1000.a b", "1000.a\r\nX: y", "1000.é"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }
}
