//! `get`: one org's access token, in the form that a job wants.
//!
//! Invariant: exits 0 only with a whole token printed; what is not one is refused, so that no job sends
//! an empty or a broken header.

use zeroize::Zeroizing;

use super::answer::Answer;
use super::args::{Format, Get};
use super::failure::{Exit, Failure};
use super::reading::{Reading, Wanted};
use super::token_answer::{TokenAnswer, is_token};
use super::{output, refusal};

/// Asks for the token and prints it.
pub fn run(args: &Get) -> Result<Exit, Failure> {
    let wanted = Wanted {
        org: &args.of.org,
        min_ttl: args.min_ttl,
        accept: match args.format {
            Format::Token | Format::Header => "text/plain",
            Format::Env | Format::Json => "application/json",
        },
    };
    let socket = args.of.at.path();
    let answer = Reading::begin(&socket, wanted, args.wait).end()?;
    let org = args.of.org.as_str();
    if answer.status != 200 {
        return Err(refusal::failure(org, &answer));
    }
    let shown = shown(&answer, args.format);
    let shown = shown.ok_or_else(|| refusal::not_understood(org, &answer))?;
    output::print(shown.as_bytes())?;
    Ok(Exit::Done)
}

/// What to print of a 200; `None` where it holds no whole token.
fn shown(answer: &Answer, format: Format) -> Option<Zeroizing<String>> {
    let body = std::str::from_utf8(&answer.body).ok()?;
    let shown = match format {
        Format::Token => format!("{}\n", alone(answer, body)?),
        Format::Header => format!("Authorization: Zoho-oauthtoken {}\n", alone(answer, body)?),
        Format::Env => TokenAnswer::parse(body.as_bytes())?.as_assignments(),
        Format::Json => {
            TokenAnswer::parse(body.as_bytes())?;
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
