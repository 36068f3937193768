//! Answers as bytes: JSON, a bare token, Prometheus text, RFC 9457 problems.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, RETRY_AFTER, VARY,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::base::{OrgName, seconds_up};
use crate::policy::remedy;

/// An answer, ready to be sent. Its body may be a token.
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An error as RFC 9457 says it.
#[derive(Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_min_ttl_s: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    #[serde(skip)]
    methods_allowed: Option<&'static str>,
}

impl Problem {
    /// A problem of type `urn:zoho-tokend:CODE`.
    pub fn new(status: u16, code: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:zoho-tokend:{code}"),
            title,
            status,
            detail: detail.into(),
            org: None,
            cure: None,
            cause: None,
            retry_after_s: None,
            max_min_ttl_s: None,
            problems: Vec::new(),
            methods_allowed: None,
        }
    }

    /// Names the org.
    #[must_use]
    pub fn of(mut self, org: &OrgName) -> Self {
        self.org = Some(org.to_string());
        self
    }

    /// Says what to do; without it, the table of errors does.
    #[must_use]
    pub fn cure(mut self, cure: impl Into<Option<String>>) -> Self {
        self.cure = cure.into();
        self
    }

    /// Gives the code of what is behind it, as `status` does.
    #[must_use]
    pub fn cause(mut self, code: &str) -> Self {
        self.cause = Some(code.to_owned());
        self
    }

    /// Says when to ask again: whole seconds, rounded up, at least one.
    #[must_use]
    pub fn retry_after(mut self, wait: impl Into<Option<Duration>>) -> Self {
        self.retry_after_s = wait.into().map(|wait| seconds_up(wait).max(1));
        self
    }

    /// Says which `min_ttl` would do.
    #[must_use]
    pub fn max_min_ttl(mut self, max: Duration) -> Self {
        self.max_min_ttl_s = Some(max.as_secs());
        self
    }

    /// Lists a config's problems.
    #[must_use]
    pub fn problems(mut self, problems: Vec<String>) -> Self {
        self.problems = problems;
        self
    }

    /// A cure of the table, which names keys: with what they hold instead, since a person may read it by itself.
    fn filled(&self, cure: &str) -> String {
        let seconds =
            |key: &str, s: Option<u64>| (format!(" `{key}`"), s.map(|s| format!(" {s} s")));
        let keys = [
            seconds("retry_after_s", self.retry_after_s),
            seconds("max_min_ttl_s", self.max_min_ttl_s),
        ];
        keys.into_iter().fold(cure.to_owned(), |cure, (key, held)| {
            cure.replace(&key, &held.unwrap_or_default())
        })
    }

    /// Names the methods that the path has.
    #[must_use]
    pub fn methods_allowed(mut self, methods: &'static str) -> Self {
        self.methods_allowed = Some(methods);
        self
    }
}

impl From<Problem> for Answer {
    fn from(mut problem: Problem) -> Self {
        let code = problem.kind.rsplit(':').next().unwrap_or_default();
        let remedy = || remedy::of_problem(code, problem.org.as_deref());
        let cure = || Some(problem.filled(&remedy()?.cure));
        problem.cure = problem.cure.clone().or_else(cure);
        let mut answer = Self::json_of(problem.status, &problem);
        answer.set(CONTENT_TYPE, "application/problem+json");
        if let Some(wait_s) = problem.retry_after_s {
            answer.set(RETRY_AFTER, &wait_s.to_string());
        }
        if let Some(methods) = problem.methods_allowed {
            answer.set(ALLOW, methods);
        }
        answer
    }
}

impl Answer {
    /// 200 with JSON.
    pub fn json(value: &impl Serialize) -> Self {
        Self::json_of(200, value)
    }

    /// JSON with another status.
    pub fn json_of(status: u16, value: &impl Serialize) -> Self {
        // Our own types have text keys and no failing serialisers: nothing in them can be refused.
        let body = serde_json::to_vec(value).unwrap_or_default();
        Self::new(status, "application/json", body)
    }

    /// 200 with text.
    pub fn text(content_type: &'static str, body: String) -> Self {
        Self::new(200, content_type, body.into_bytes())
    }

    /// No body: 204, 304.
    pub fn empty(status: u16) -> Self {
        let mut answer = Self::new(status, "", Vec::new());
        answer.headers.retain(|(name, _)| name != CONTENT_TYPE);
        answer
    }

    /// Adds what lets a client ask whether it has the newest token, and says that the form depends on `Accept`.
    #[must_use]
    pub fn with_etag(mut self, etag: &str) -> Self {
        self.set(ETAG, etag);
        self.set(VARY, "Accept");
        self
    }

    /// The status, for metrics.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        let headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers,
            body: body.into(),
        }
    }

    fn set(&mut self, name: HeaderName, value: &str) {
        self.headers.retain(|(own, _)| *own != name);
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
    }

    /// All of it as one writes it to a connection that is closed then.
    pub(super) fn to_last_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {}\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        let length = self.body.len();
        let rest = format!("content-length: {length}\r\nconnection: close\r\n\r\n");
        bytes.extend(rest.bytes());
        bytes.extend(&self.body);
        bytes
    }

    /// What is sent.
    #[cfg(test)]
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cure_of_the_table_has_the_seconds_in_the_place_of_their_key() {
        let cure = |problem: Problem| {
            let answer = Answer::from(problem);
            let body: serde_json::Value = serde_json::from_slice(answer.body()).expect("JSON");
            body["cure"].as_str().expect("a cure").to_owned()
        };
        let problem = |code| Problem::new(503, code, "title", "detail");
        let span = Duration::from_secs(40);
        assert_eq!(cure(problem("no-budget").retry_after(span)), "Wait 40 s");
        let too_long = problem("min-ttl-too-long").max_min_ttl(span);
        assert_eq!(cure(too_long), "Ask for at most 40 s");
        let unplanned = cure(problem("not-fresh"));
        assert!(unplanned.starts_with("Wait, ask for less"), "{unplanned}");
    }

    #[test]
    fn s1_an_answer_does_not_show_its_body() {
        let answer = Answer::text("text/plain", "1000.canary".to_owned());
        let shown = format!("{answer:?}");
        assert_eq!(shown, "Answer { status: 200, length: 11, .. }");
    }
}
