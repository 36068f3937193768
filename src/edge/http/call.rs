//! Which call of the contract a request is: its method and path, and nothing else.
//!
//! All that a peer's right depends on, so that it can be judged before anything that costs more is read.

use std::borrow::Cow;

use hyper::Method;

use crate::base::OrgName;

/// A call of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// `GET /v1/orgs/ORG/token`
    Token(OrgName),
    /// `POST /v1/orgs/ORG/rejections`
    Report(OrgName),
    /// `GET /v1/orgs`, with `?all=true` also those that left the config, with `?after=` once something is new.
    Orgs,
    /// `GET /v1/orgs/ORG`
    Org(OrgName),
    /// `GET /v1/orgs/ORG/history`
    History(OrgName),
    /// `POST /v1/orgs/ORG/enrollment`
    Enroll(OrgName),
    /// `GET /v1/orgs/ORG/login`
    Login(OrgName),
    /// `DELETE /v1/orgs/ORG/enrollment`
    Revoke(OrgName),
    /// `POST /v1/orgs/ORG/refresh`
    Refresh(OrgName),
    /// `POST /v1/reload`, with `?dry_run=true`: say what would change, and change nothing.
    Reload,
    /// `GET /livez`
    Live,
    /// `GET /readyz`
    Ready,
    /// `GET /metrics`
    Metrics,
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
    /// A body that is longer than the contract allows; a sentence says by how much.
    TooLarge(String),
}

impl Call {
    /// Reads the call off a request's method and path.
    pub fn parse(method: &Method, path: &str) -> Result<Self, BadAsk> {
        let segments = path.trim_start_matches('/').split('/').map(decoded);
        let segments: Vec<Cow<'_, str>> = segments.collect();
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let only = |wanted: &[Method], word: &'static str| {
            let is_it = wanted.contains(method);
            is_it.then_some(()).ok_or(BadAsk::Method(word))
        };
        // RFC 9110 §9.1: who answers GET answers HEAD; the body is left out below us.
        let get = || only(&[Method::GET, Method::HEAD], "GET, HEAD");
        let post = || only(&[Method::POST], "POST");
        match segments[..] {
            ["v1", "orgs"] => get().map(|()| Self::Orgs),
            ["v1", "orgs", org] => get().and_then(|()| name(org)).map(Self::Org),
            ["v1", "orgs", org, "token"] => get().and_then(|()| name(org)).map(Self::Token),
            ["v1", "orgs", org, "rejections"] => post().and_then(|()| name(org)).map(Self::Report),
            ["v1", "orgs", org, "history"] => get().and_then(|()| name(org)).map(Self::History),
            ["v1", "orgs", org, "enrollment"] => match *method {
                Method::POST => name(org).map(Self::Enroll),
                Method::DELETE => name(org).map(Self::Revoke),
                _ => Err(BadAsk::Method("POST, DELETE")),
            },
            ["v1", "orgs", org, "login"] => get().and_then(|()| name(org)).map(Self::Login),
            ["v1", "orgs", org, "refresh"] => post().and_then(|()| name(org)).map(Self::Refresh),
            ["v1", "reload"] => post().map(|()| Self::Reload),
            ["livez"] => get().map(|()| Self::Live),
            ["readyz"] => get().map(|()| Self::Ready),
            ["metrics"] => get().map(|()| Self::Metrics),
            _ => Err(BadAsk::Path),
        }
    }

    /// The org that the call is about, if it is about one.
    pub fn org(&self) -> Option<&OrgName> {
        match self {
            Self::Token(org)
            | Self::Report(org)
            | Self::Org(org)
            | Self::History(org)
            | Self::Enroll(org)
            | Self::Login(org)
            | Self::Revoke(org)
            | Self::Refresh(org) => Some(org),
            Self::Orgs | Self::Reload | Self::Live | Self::Ready | Self::Metrics => None,
        }
    }

    /// Whether the contract has parameters for it.
    pub fn has_parameters(&self) -> bool {
        matches!(
            self,
            Self::Token(_) | Self::Orgs | Self::Revoke(_) | Self::Reload
        )
    }

    /// A word for metrics.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Report(_) => "report",
            Self::Orgs | Self::Org(_) => "status",
            Self::History(_) => "history",
            Self::Enroll(_) => "enroll",
            Self::Login(_) => "login",
            Self::Revoke(_) => "revoke",
            Self::Refresh(_) => "refresh",
            Self::Reload => "reload",
            Self::Live | Self::Ready => "health",
            Self::Metrics => "metrics",
        }
    }
}

/// A segment without its percent-encoding (RFC 3986 §2.4), after the split, so that no `%2F` makes another segment.
/// What is no encoding of a text stays as it is, and is no name then.
fn decoded(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return segment.into();
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| hex(*digits));
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).map_or(segment.into(), Cow::from)
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

fn name(segment: &str) -> Result<OrgName, BadAsk> {
    OrgName::parse(segment).map_err(|_| BadAsk::Org)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_with_get_is_asked_with_head() {
        assert_eq!(Call::parse(&Method::HEAD, "/livez"), Ok(Call::Live));
        let refused = Call::parse(&Method::HEAD, "/v1/reload");
        assert_eq!(refused, Err(BadAsk::Method("POST")));
    }

    #[test]
    fn a_path_is_the_same_however_it_is_encoded() {
        let plain = Call::parse(&Method::GET, "/v1/orgs/acme-1/token");
        for path in ["/v1/orgs/%61cme%2d1/token", "/%761/orgs/acme-1/%74oken"] {
            assert_eq!(Call::parse(&Method::GET, path), plain, "{path}");
        }
        for path in [
            "/v1/orgs/acme%2Ftoken",
            "/v1/orgs/%",
            "/v1/orgs/%6",
            "/v1/orgs/%zz",
            "/v1/orgs/%ff",
        ] {
            let refused = Call::parse(&Method::GET, path);
            assert_eq!(refused, Err(BadAsk::Org), "{path}");
        }
    }

    #[test]
    fn what_is_not_of_the_contract_is_told_apart() {
        let error = |method, path| Call::parse(&method, path).expect_err("not of the contract");
        assert_eq!(error(Method::GET, "/"), BadAsk::Path);
        assert_eq!(
            error(Method::PUT, "/v1/orgs/acme/token"),
            BadAsk::Method("GET, HEAD")
        );
        assert_eq!(error(Method::GET, "/v1/orgs/../token"), BadAsk::Org);
    }
}
