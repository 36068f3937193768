//! The rest of a request: its parameters, the headers that count, and a bounded body.
//!
//! Read only on demand, so that the desk can first ask whether the peer may make the call at all. Invariant:
//! a parameter that the contract does not have is an error, never ignored.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use tokio::time::timeout;
use url::form_urlencoded;

use super::call::BadAsk;
use super::enrollment::Enrollment;
use super::orgs_ask::{self, OrgsAsk};
use super::pulse::Pulse;
use super::rejection::Rejection;
use super::token_ask::TokenAsk;

/// Longest body that is read.
const BODY_MAX: usize = 64 * 1024;

/// Longest time that a body may take.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);

/// What a request says beside its call.
pub struct Details {
    query: Option<String>,
    headers: HeaderMap,
    /// Where it is never read, hyper drains what has come of it, or closes the connection after the answer.
    body: Option<(Incoming, Rc<Pulse>)>,
}

impl Details {
    pub(super) fn of(head: Parts, body: Incoming, pulse: &Rc<Pulse>) -> Self {
        Self {
            query: head.uri.query().map(str::to_owned),
            headers: head.headers,
            body: Some((body, Rc::clone(pulse))),
        }
    }

    /// What a read of a token asks for.
    pub fn token(&self) -> Result<TokenAsk, BadAsk> {
        TokenAsk::parse(&self.pairs()?, &self.headers)
    }

    /// What a look at all orgs asks for.
    pub fn orgs(&self) -> Result<OrgsAsk, BadAsk> {
        OrgsAsk::parse(&self.pairs()?)
    }

    /// That there is no parameter.
    pub fn no_parameters(&self) -> Result<(), BadAsk> {
        match self.pairs()?.first() {
            None => Ok(()),
            Some((key, _)) => Err(unknown(key, "this path takes none")),
        }
    }

    /// Whether `name=true` is asked for: the one parameter of its path.
    pub fn flag(&self, name: &'static str) -> Result<bool, BadAsk> {
        self.flags([name]).map(|[is_set]| is_set)
    }

    /// Which of `NAME=true` are asked for: all parameters of their path.
    pub fn flags<const N: usize>(&self, names: [&'static str; N]) -> Result<[bool; N], BadAsk> {
        let mut are_set = [false; N];
        for (key, value) in self.pairs()? {
            let Some(at) = names.iter().position(|name| *name == key) else {
                let known = format!("there is {}=true", names.join("=true and "));
                return Err(unknown(&key, &known));
            };
            are_set[at] = orgs_ask::flag(names[at], &value)?;
        }
        Ok(are_set)
    }

    /// What an enrolment brings. Waits for the body, for a bounded time.
    pub async fn enrollment(&mut self) -> Result<Enrollment, BadAsk> {
        Enrollment::parse(&self.whole_body().await?)
    }

    /// What a report says. Waits for the body, for a bounded time.
    pub async fn rejection(&mut self) -> Result<Rejection, BadAsk> {
        Rejection::parse(&self.whole_body().await?)
    }

    async fn whole_body(&mut self) -> Result<Bytes, BadAsk> {
        let Some((body, pulse)) = self.body.take() else {
            return Ok(Bytes::new());
        };
        let too_large = || BadAsk::TooLarge(format!("a request's body may have {BODY_MAX} bytes"));
        if usize::try_from(body.size_hint().lower()).is_ok_and(|length| length > BODY_MAX) {
            return Err(too_large());
        }
        pulse.bring();
        let collected = timeout(BODY_TIME_MAX, Limited::new(body, BODY_MAX).collect()).await;
        pulse.begin();
        match collected {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(err)) if err.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) | Err(_) => Err(BadAsk::Malformed(format!(
                "the request's body did not come whole within {} s",
                BODY_TIME_MAX.as_secs()
            ))),
        }
    }

    /// The parameters, decoded. One that is there twice says two things.
    fn pairs(&self) -> Result<Pairs<'_>, BadAsk> {
        let query = self.query.as_deref().unwrap_or("");
        let pairs: Pairs<'_> = form_urlencoded::parse(query.as_bytes()).collect();
        let keys: BTreeSet<&str> = pairs.iter().map(|(key, _)| key.as_ref()).collect();
        if keys.len() < pairs.len() {
            let told = "a parameter is there twice; give each once".to_owned();
            return Err(BadAsk::Malformed(told));
        }
        Ok(pairs)
    }
}

/// Names and values of parameters.
pub(super) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

pub(super) fn unknown(key: &str, known: &str) -> BadAsk {
    BadAsk::Malformed(format!("unknown parameter {key}; {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(query: &str) -> Details {
        Details {
            query: Some(query.to_owned()),
            headers: HeaderMap::new(),
            body: None,
        }
    }

    #[test]
    fn a_flag_is_true_or_false_and_nothing_that_looks_like_it_is_ignored() {
        let dry_run = |query| details(query).flag("dry_run");
        assert_eq!(dry_run(""), Ok(false));
        assert_eq!(dry_run("dry_run=true"), Ok(true));
        assert_eq!(dry_run("dry_run=false"), Ok(false));
        for query in ["dry_run=1", "dry_run", "dryrun=true", "dry_run=true&x"] {
            let refused = dry_run(query);
            assert!(matches!(refused, Err(BadAsk::Malformed(_))), "{query}");
        }
        assert!(
            details("dry_run=true&dry_run=true")
                .flag("dry_run")
                .is_err()
        );
        assert_eq!(dry_run("dry%5Frun=%74rue"), Ok(true));
        assert!(details("x=1").no_parameters().is_err());
        assert!(details("").no_parameters().is_ok());
    }
}
