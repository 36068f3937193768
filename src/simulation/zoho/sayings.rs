//! The bodies of Zoho's answers, to the letter, with the status that each has been seen with.
//!
//! Sources: CRM API v8 "Token Validity" and "Access and Refresh", Kaizen #43 and #79, "Bookings" error list, Accounts
//! "Client Credentials Flow", "Writer" API, and what users have reported. [`Kind`] says what Zoho means by a body;
//! what the policy makes of it is compared with that.

use super::Zoho;
use crate::simulation::dice::Seeded;

/// What Zoho means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Here is a token.
    Grant,
    /// Too many: wait.
    Throttle,
    /// The right is gone.
    Gone,
    /// The client or the request is not in order.
    WrongConfig,
    /// Nothing that can be understood.
    Noise,
}

/// One way to say something.
#[derive(Debug)]
pub struct Saying {
    /// What is meant.
    pub kind: Kind,
    /// The status it was seen with.
    pub status: u16,
    /// The body. In a grant `{token}`, `{refresh}` and `{api}` stand for what differs.
    pub body: &'static str,
}

const fn say(kind: Kind, status: u16, body: &'static str) -> Saying {
    Saying { kind, status, body }
}

/// "Access Denied", as "Token Validity" prints it.
const DENIED: &str = r#"{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}"#;

/// A life in milliseconds, and nothing that says so: googleworkspace/apps-script-oauth2 #198.
const MILLISECONDS_ALONE: &str = r#"{"access_token":"{token}",{refresh}"api_domain":"{api}","token_type":"Bearer","expires_in":{ms}}"#;

/// A shorter life is never said so: as seconds its milliseconds could be a day's, and nobody could tell.
const MILLISECONDS_ALONE_MIN: i64 = 100_000;

/// Everything that Zoho says. The tests count that each was said often enough.
pub const SAYINGS: &[Saying] = &[
    // Grants: the newer and the older dialect of a life, with and without what Zoho leaves out at times.
    say(
        Kind::Grant,
        200,
        r#"{"access_token":"{token}",{refresh}"api_domain":"{api}","token_type":"Bearer","expires_in":{s}}"#,
    ),
    say(
        Kind::Grant,
        200,
        r#"{"access_token":"{token}",{refresh}"expires_in_sec":{s},"api_domain":"{api}","token_type":"Bearer","expires_in":{ms}}"#,
    ),
    say(
        Kind::Grant,
        200,
        r#"{"access_token":"{token}",{refresh}"token_type":"Bearer","expires_in":{s}}"#,
    ),
    say(
        Kind::Grant,
        200,
        r#"{"access_token":"{token}",{refresh}"scope":"{scope}","api_domain":"{api}","token_type":"Bearer","expires_in":{s}}"#,
    ),
    say(
        Kind::Grant,
        200,
        r#"{"access_token":"{token}",{refresh}"api_domain":"{api}","token_type":"Bearer","expires_in":"{s}"}"#,
    ),
    say(Kind::Grant, 200, MILLISECONDS_ALONE),
    say(Kind::Throttle, 400, DENIED),
    say(Kind::Throttle, 200, DENIED),
    say(Kind::Throttle, 200, r#"{"error":"access_denied"}"#),
    say(
        Kind::Throttle,
        200,
        r#"{"error":"general_error","error_description":"You have made too many requests continuously."}"#,
    ),
    say(Kind::Throttle, 429, ""),
    say(Kind::Gone, 200, r#"{"error":"invalid_code"}"#),
    say(Kind::Gone, 400, r#"{"error":"invalid_grant"}"#),
    say(Kind::WrongConfig, 200, r#"{"error":"invalid_client"}"#),
    say(
        Kind::WrongConfig,
        200,
        r#"{"error":"invalid_client_secret"}"#,
    ),
    say(
        Kind::WrongConfig,
        200,
        r#"{"error":"invalid_redirect_uri"}"#,
    ),
    say(Kind::WrongConfig, 400, r#"{"error":"invalid_scope"}"#),
    say(Kind::WrongConfig, 200, r#"{"error":"missing_org_info"}"#),
    say(Kind::WrongConfig, 400, r#"{"error":"invalid_request"}"#),
    say(Kind::WrongConfig, 200, r#"{"error":"invalid_soid"}"#),
    say(Kind::WrongConfig, 200, r#"{"error":"invalid_org"}"#),
    say(
        Kind::WrongConfig,
        400,
        r#"{"error":"unsupported_grant_type"}"#,
    ),
    say(Kind::WrongConfig, 400, r#"{"error":"unauthorized_client"}"#),
    say(
        Kind::WrongConfig,
        400,
        r#"{"error":"invalid_response_type"}"#,
    ),
    say(
        Kind::Noise,
        200,
        "<!DOCTYPE html><html><head><title>Zoho Accounts</title></head></html>",
    ),
    say(
        Kind::Noise,
        502,
        "<html><body><h1>502 Bad Gateway</h1></body></html>",
    ),
    say(Kind::Noise, 503, ""),
    say(Kind::Noise, 200, ""),
    say(Kind::Noise, 500, r#"{"status":"error"}"#),
    say(Kind::Noise, 400, r#"{"status":"failure"}"#),
    say(Kind::Noise, 200, r#"{"error":"general_error"}"#),
    say(Kind::Noise, 200, r#"{"error":{}}"#),
    say(
        Kind::Noise,
        200,
        r#"{"api_domain":"https://www.zohoapis.com","token_type":"Bearer"}"#,
    ),
    say(
        Kind::Noise,
        200,
        r#"{"access_token":"1000.x","token_type":"Bearer","expires_in":-1}"#,
    ),
    say(
        Kind::Noise,
        200,
        r#"{"access_token":"1000.x\n1000.y","token_type":"Bearer","expires_in":3600}"#,
    ),
    say(
        Kind::Noise,
        200,
        r#"{"access_token":"1000.x","api_domain":"https://\u0007","expires_in":3600}"#,
    ),
    say(Kind::Noise, 200, r#"{"access_token":"1000."#),
    say(Kind::Noise, 302, ""),
];

/// An answer as it travels.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Which of [`SAYINGS`] it is.
    pub saying: usize,
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What of a grant differs from one answer to the next.
#[derive(Debug)]
pub struct Terms<'a> {
    /// The access token's number.
    pub token: usize,
    /// The refresh token that comes along.
    pub refresh_token: Option<String>,
    /// The API host that Zoho would name.
    pub api_domain: &'a str,
    /// The scope that Zoho would name.
    pub scope: &'a str,
    /// The life, in milliseconds.
    pub life_ms: i64,
}

/// Picks one way to say `kind` that is no grant.
pub fn refusal(kind: Kind, dice: &mut Seeded) -> Answer {
    let saying = pick(kind, dice);
    Answer {
        saying,
        status: SAYINGS[saying].status,
        body: SAYINGS[saying].body.to_owned(),
    }
}

/// Picks one way to grant; says too whether the API host is named in it.
pub fn grant(terms: &Terms<'_>, dice: &mut Seeded) -> (Answer, bool) {
    let is_ambiguous = |saying: usize| {
        SAYINGS[saying].body == MILLISECONDS_ALONE && terms.life_ms < MILLISECONDS_ALONE_MIN
    };
    let mut saying = pick(Kind::Grant, dice);
    while is_ambiguous(saying) {
        saying = pick(Kind::Grant, dice);
    }
    let template = SAYINGS[saying].body;
    let refresh = match &terms.refresh_token {
        Some(token) => format!(r#""refresh_token":"{token}","#),
        None => String::new(),
    };
    let seconds = (terms.life_ms / 1000).to_string();
    let milliseconds = terms.life_ms.to_string();
    let token = Zoho::token_text(terms.token);
    let value = |name: &str| -> &str {
        match name {
            "token" => &token,
            "refresh" => &refresh,
            "api" => terms.api_domain,
            "scope" => terms.scope,
            "s" => &seconds,
            _ => &milliseconds,
        }
    };
    let answer = Answer {
        saying,
        status: SAYINGS[saying].status,
        body: fill(template, value),
    };
    (answer, template.contains("{api}"))
}

fn pick(kind: Kind, dice: &mut Seeded) -> usize {
    let count = SAYINGS.iter().filter(|saying| saying.kind == kind).count();
    let nth = usize::try_from(dice.below(count as u64)).unwrap_or(0);
    let mut of_kind = (0..SAYINGS.len()).filter(|at| SAYINGS[*at].kind == kind);
    of_kind.nth(nth).unwrap_or(0)
}

/// Puts values for the names in braces; the first brace is JSON's own.
fn fill<'a>(template: &str, value: impl Fn(&str) -> &'a str) -> String {
    let mut filled = String::with_capacity(template.len() + 100);
    let (own, mut rest) = template.split_at(1);
    filled.push_str(own);
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(text);
        filled.push_str(value(name));
        rest = after;
    }
    filled.push_str(rest);
    filled
}
