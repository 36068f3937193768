//! What Zoho answers, word by word.
//!
//! The refusals are the bodies that Zoho's pages print or that users reported, with the status seen with them:
//! most errors come with HTTP 200.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// Why a token call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such client at this data center, or a grant type that it does not know.
    Client,
    /// The secret is not this client's.
    ClientSecret,
    /// The code, or the refresh token, is wrong, used, expired, revoked, deleted or another client's.
    Code,
    /// The code was asked for with another redirect URI.
    RedirectUri,
    /// A scope that is none, or a list with spaces.
    Scope,
    /// Client credentials without a soid of theirs.
    Soid,
    /// Too many access tokens in the window.
    TooManyTokens,
    /// Too many codes in the window.
    TooManyCodes,
    /// No grant type, or no POST.
    NoGrantType,
}

impl Refusal {
    /// Status and body.
    pub fn answer(self) -> (u16, &'static str) {
        match self {
            Self::Client => (200, r#"{"error":"invalid_client"}"#),
            Self::ClientSecret => (200, r#"{"error":"invalid_client_secret"}"#),
            Self::Code => (200, r#"{"error":"invalid_code"}"#),
            Self::RedirectUri => (200, r#"{"error":"invalid_redirect_uri"}"#),
            Self::Scope => (400, r#"{"error":"invalid_scope"}"#),
            Self::Soid => (200, r#"{"error":"missing_org_info"}"#),
            Self::TooManyTokens => (
                400,
                r#"{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}"#,
            ),
            Self::TooManyCodes => (200, r#"{"error":"access_denied"}"#),
            Self::NoGrantType => (400, ""),
        }
    }
}

/// What a granted token call yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    /// With spaces, as Zoho answers.
    pub(super) scope: Option<String>,
    pub(super) api_domain: String,
    pub(super) token_life: Duration,
}

impl Granted {
    /// The keys of the body, in the newer dialect.
    pub(super) fn keys(&self) -> Map<String, Value> {
        let mut keys = Map::new();
        let mut add = |key: &str, value: Value| keys.insert(key.to_owned(), value);
        add("access_token", json!(self.access_token));
        add("api_domain", json!(self.api_domain));
        add("token_type", json!("Bearer"));
        add("expires_in", json!(self.token_life.as_secs()));
        if let Some(refresh_token) = &self.refresh_token {
            add("refresh_token", json!(refresh_token));
        }
        if let Some(scope) = &self.scope {
            add("scope", json!(scope));
        }
        keys
    }
}

/// What goes out, once whatever fault there is has had its way.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Beside those that every answer has; names in lower case.
    pub headers: Vec<(String, String)>,
    /// What follows.
    pub body: Body,
    /// To wait before any of it.
    pub delay: Duration,
    /// How far the `Date` header is from the truth, in seconds.
    pub date_skew_s: i64,
    /// The access token that the body carries whole.
    pub carries: Option<String>,
}

/// A body, or what comes instead of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// As it should be.
    Whole(Vec<u8>),
    /// Announces all of it, sends the first half, hangs up.
    Half(Vec<u8>),
    /// All of it, byte by byte, each after a pause.
    Drip(Vec<u8>, Duration),
    /// So many bytes of spaces, without keeping them.
    Huge(u64),
    /// The connection stays open and silent.
    Hang,
    /// The connection closes without a word.
    Close,
}

impl Reply {
    /// JSON text, as most answers are.
    pub(super) fn json(status: u16, text: impl Into<String>) -> Self {
        let content_type = ("content-type".to_owned(), "application/json".to_owned());
        Self {
            status,
            headers: vec![content_type],
            body: Body::Whole(text.into().into_bytes()),
            delay: Duration::ZERO,
            date_skew_s: 0,
            carries: None,
        }
    }

    /// The body as text; empty where it is not whole, or no text.
    pub fn text(&self) -> &str {
        match &self.body {
            Body::Whole(bytes) => std::str::from_utf8(bytes).unwrap_or(""),
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_with_status_200_but_for_throttle_and_scope() {
        for refusal in [Refusal::Client, Refusal::ClientSecret, Refusal::Code] {
            assert_eq!(refusal.answer().0, 200);
        }
        assert_eq!(Refusal::TooManyTokens.answer().0, 400);
        assert_eq!(Refusal::Scope.answer().0, 400);
    }
}
