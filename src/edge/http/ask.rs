//! What a request asks for: method, path, query, the headers that count, and a bounded body.

use std::time::Duration;

use hyper::header::{ACCEPT, IF_NONE_MATCH};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::base::{OrgName, Secret};
use crate::policy::query::Query;

/// The longest that a read may wait for a token.
pub(super) const WAIT_MAX: Duration = Duration::from_mins(1);

/// A call of the contract.
#[derive(Debug)]
pub enum Ask {
    /// `GET /v1/orgs/ORG/token`
    Token(TokenAsk),
    /// `GET /v1/orgs`, with `?all=true` also those that left the config.
    Orgs {
        /// Whether to list those that left.
        all: bool,
    },
    /// `GET /v1/orgs/ORG`
    Org(OrgName),
    /// `GET /v1/orgs/ORG/history`
    History(OrgName),
    /// `POST /v1/orgs/ORG/enrollment`
    Enroll(OrgName, Enrollment),
    /// `POST /v1/orgs/ORG/refresh`
    Refresh(OrgName),
    /// `POST /v1/reload`
    Reload {
        /// `?dry_run=true`: say what would change, and change nothing.
        dry_run: bool,
    },
    /// `GET /livez`
    Live,
    /// `GET /readyz`
    Ready,
    /// `GET /metrics`
    Metrics,
}

/// A read of a token.
#[derive(Debug)]
pub struct TokenAsk {
    /// Whose.
    pub org: OrgName,
    /// What it must satisfy.
    pub query: Query,
    /// How long to wait for one that does, at most [`WAIT_MAX`].
    pub wait: Duration,
    /// `Accept: text/plain`: the token alone.
    pub plain: bool,
    /// `If-None-Match`, as sent.
    pub if_none_match: Option<String>,
}

/// The body of an enrolment.
#[derive(Debug)]
pub struct Enrollment {
    /// A grant code, or a refresh token.
    pub kind: EnrollmentKind,
    /// The client secret, where the config leaves it to the enrolment.
    pub client_secret: Option<Secret>,
}

/// What a person brings.
#[derive(Debug)]
pub enum EnrollmentKind {
    /// `{"kind":"code","code":…}`
    Code(Secret),
    /// `{"kind":"refresh-token","refresh_token":…}`
    RefreshToken(Secret),
}

/// Why a request is none of the contract.
#[derive(Debug, PartialEq, Eq)]
pub enum BadAsk {
    /// No such path.
    Path,
    /// A path of the contract, but not with this method; the methods that it has.
    Method(&'static str),
    /// An org's name that cannot be one. Answered as any org that does not exist.
    Org,
    /// A parameter or a body that does not parse; a sentence says which.
    Malformed(String),
}

impl Ask {
    /// The org that the call is about, if it is about one.
    pub fn org(&self) -> Option<&OrgName> {
        match self {
            Self::Token(ask) => Some(&ask.org),
            Self::Org(org) | Self::History(org) | Self::Enroll(org, _) | Self::Refresh(org) => {
                Some(org)
            }
            _ => None,
        }
    }

    /// A word for metrics.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Orgs { .. } | Self::Org(_) => "status",
            Self::History(_) => "history",
            Self::Enroll(..) => "enroll",
            Self::Refresh(_) => "refresh",
            Self::Reload { .. } => "reload",
            Self::Live | Self::Ready => "health",
            Self::Metrics => "metrics",
        }
    }

    /// Reads a request. The body counts only where the contract has one.
    pub fn parse(head: &Parts, body: &[u8]) -> Result<Self, BadAsk> {
        let path = head.uri.path();
        let query = head.uri.query().unwrap_or("");
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let only = |method: Method, word: &'static str| {
            if head.method == method {
                Ok(())
            } else {
                Err(BadAsk::Method(word))
            }
        };
        let get = || only(Method::GET, "GET");
        let post = || only(Method::POST, "POST");
        match segments[..] {
            ["v1", "orgs", org, "token"] => {
                get()?;
                token(org_name(org)?, query, &head.headers).map(Self::Token)
            }
            ["v1", "orgs"] => get().map(|()| Self::Orgs {
                all: has(query, "all=true"),
            }),
            ["v1", "orgs", org] => get().and_then(|()| org_name(org)).map(Self::Org),
            ["v1", "orgs", org, "history"] => get().and_then(|()| org_name(org)).map(Self::History),
            ["v1", "orgs", org, "enrollment"] => {
                post()?;
                Ok(Self::Enroll(org_name(org)?, enrollment(body)?))
            }
            ["v1", "orgs", org, "refresh"] => {
                post().and_then(|()| org_name(org)).map(Self::Refresh)
            }
            ["v1", "reload"] => post().map(|()| Self::Reload {
                dry_run: has(query, "dry_run=true"),
            }),
            ["livez"] => get().map(|()| Self::Live),
            ["readyz"] => get().map(|()| Self::Ready),
            ["metrics"] => get().map(|()| Self::Metrics),
            _ => Err(BadAsk::Path),
        }
    }
}

fn has(query: &str, flag: &str) -> bool {
    query.split('&').any(|pair| pair == flag)
}

fn org_name(segment: &str) -> Result<OrgName, BadAsk> {
    OrgName::parse(segment).map_err(|_| BadAsk::Org)
}

fn token(org: OrgName, query: &str, headers: &HeaderMap) -> Result<TokenAsk, BadAsk> {
    let mut ask = TokenAsk {
        org,
        query: Query::default(),
        wait: Duration::ZERO,
        plain: prefers_plain(headers),
        if_none_match: text_of(headers, IF_NONE_MATCH),
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "min_ttl" => ask.query.min_ttl = Some(duration(key, value)?),
            "wait" => ask.wait = duration(key, value)?.min(WAIT_MAX),
            "after" => {
                let generation = value.parse().map_err(|_| {
                    BadAsk::Malformed(format!("after={value} is no generation; give a number"))
                })?;
                ask.query.after = Some(generation);
            }
            _ => {
                return Err(BadAsk::Malformed(format!(
                    "unknown parameter {key}; there are min_ttl, wait and after"
                )));
            }
        }
    }
    Ok(ask)
}

/// Seconds as a bare number, or as people write them: `300`, `5m`.
fn duration(key: &str, value: &str) -> Result<Duration, BadAsk> {
    let bare = value.parse().ok().map(Duration::from_secs);
    let spelled = || humantime::parse_duration(value).ok();
    bare.or_else(spelled).ok_or_else(|| {
        BadAsk::Malformed(format!(
            "{key}={value} is no duration; write it like 300 or 5m"
        ))
    })
}

/// Whether `text/plain` is asked for and JSON is not.
fn prefers_plain(headers: &HeaderMap) -> bool {
    let accept = text_of(headers, ACCEPT)
        .unwrap_or_default()
        .to_ascii_lowercase();
    accept.contains("text/plain") && !accept.contains("application/json")
}

fn text_of(headers: &HeaderMap, name: hyper::header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The body as it is written. Deserialised into buffers that are wiped.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    kind: String,
    code: Option<Zeroizing<String>>,
    refresh_token: Option<Zeroizing<String>>,
    client_secret: Option<Zeroizing<String>>,
}

fn enrollment(body: &[u8]) -> Result<Enrollment, BadAsk> {
    // The parser's own words may quote the body, and the body holds a secret.
    let malformed = |what: &str| BadAsk::Malformed(format!("the enrolment's body {what}"));
    let body: Body = serde_json::from_slice(body).map_err(|err| {
        malformed(&format!(
            "is not the JSON of the contract (column {})",
            err.column()
        ))
    })?;
    let secret = |field: &str, text: Option<Zeroizing<String>>| {
        let mut text = text.ok_or_else(|| malformed(&format!("lacks {field}")))?;
        if !text.is_empty() && text.len() <= 4096 && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Secret::new(std::mem::take(&mut *text)))
        } else {
            Err(malformed(&format!(
                "has a {field} that is empty, too long, or not plain ASCII"
            )))
        }
    };
    let kind = match body.kind.as_str() {
        "code" => EnrollmentKind::Code(secret("code", body.code)?),
        "refresh-token" => {
            EnrollmentKind::RefreshToken(secret("refresh_token", body.refresh_token)?)
        }
        _ => {
            return Err(malformed(
                "has a kind that is neither code nor refresh-token",
            ));
        }
    };
    let client_secret = body
        .client_secret
        .map(|text| secret("client_secret", Some(text)));
    Ok(Enrollment {
        kind,
        client_secret: client_secret.transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn parse(method: &str, uri: &str, body: &str) -> Result<Ask, BadAsk> {
        let request = Request::builder().method(method).uri(uri).body(());
        let (head, ()) = request.expect("a request").into_parts();
        Ask::parse(&head, body.as_bytes())
    }

    #[test]
    fn a_read_takes_seconds_or_spelled_durations() {
        let Ok(Ask::Token(ask)) =
            parse("GET", "/v1/orgs/acme/token?min_ttl=5m&wait=10&after=7", "")
        else {
            panic!("a token read");
        };
        assert_eq!(ask.query.min_ttl, Some(Duration::from_mins(5)));
        assert_eq!(ask.wait, Duration::from_secs(10));
        assert_eq!(ask.query.after, Some(7));
    }

    #[test]
    fn a_wait_is_cut_to_a_minute() {
        let Ok(Ask::Token(ask)) = parse("GET", "/v1/orgs/acme/token?wait=9000", "") else {
            panic!("a token read");
        };
        assert_eq!(ask.wait, WAIT_MAX);
    }

    #[test]
    fn what_is_not_of_the_contract_is_told_apart() {
        let error = |method, uri| parse(method, uri, "").expect_err("not of the contract");
        assert_eq!(error("GET", "/"), BadAsk::Path);
        assert_eq!(error("PUT", "/v1/orgs/acme/token"), BadAsk::Method("GET"));
        assert_eq!(error("GET", "/v1/orgs/../token"), BadAsk::Org);
        assert!(matches!(
            error("GET", "/v1/orgs/acme/token?ttl=1"),
            BadAsk::Malformed(_)
        ));
        assert!(matches!(
            error("GET", "/v1/orgs/acme/token?wait=-1"),
            BadAsk::Malformed(_)
        ));
    }

    #[test]
    fn s1_a_malformed_enrolment_is_not_quoted() {
        let body = r#"{"kind":"code","code":"1000.canary","extra":"canary"}"#;
        let error = parse("POST", "/v1/orgs/acme/enrollment", body).expect_err("unknown field");
        assert!(!format!("{error:?}").contains("canary"));
    }
}
