//! `GET /v1/orgs/ORG/token`: the token that there is, or a wait for a better one. Never causes a call to Zoho (R12).

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::FrontDesk;
use super::admission::{READERS, admit, missing};
use crate::base::{Now, OrgName};
use crate::daemon::TOKEN_TYPE;
use crate::daemon::standing::Standing;
use crate::edge::http::{Answer, Call, Problem, TokenAsk};
use crate::policy::access::Peer;
use crate::policy::query::Reading;
use crate::policy::record::{Token, Word};
use crate::policy::settings::Binding;

impl FrontDesk {
    pub(super) async fn token(&self, peer: &Peer, org: OrgName, ask: TokenAsk) -> Answer {
        let deadline = Instant::now() + ask.wait;
        let mut news = self.0.news.subscribe();
        let mut stop = self.0.stop.subscribe();
        let call = Call::Token(org.clone());
        loop {
            let standing = self.0.standing();
            // At each look: a reload may have taken the right away while the reader waited.
            if let Err(refused) = admit(&standing, peer, &call) {
                return refused;
            }
            let (answer, can_change) = self.look(peer, &org, &ask, &standing);
            let is_last = !can_change || Instant::now() >= deadline || *stop.borrow_and_update();
            if is_last {
                return answer;
            }
            // What a reader waits for is always news, or the end of all.
            let change = async {
                tokio::select! {
                    _ = news.changed() => (),
                    _ = stop.changed() => (),
                }
            };
            timeout_at(deadline, change).await.ok();
        }
    }

    /// What there is now, and whether waiting may bring something better.
    fn look(
        &self,
        peer: &Peer,
        org: &OrgName,
        ask: &TokenAsk,
        standing: &Standing,
    ) -> (Answer, bool) {
        let now = self.0.clock.now();
        let fleet = self.0.fleet.borrow();
        match fleet.read(org, ask.query, now.boot) {
            None => (missing(standing, peer, org, READERS), false),
            Some(Reading::Token { token, is_stale }) => {
                let etag = etag(token);
                let answer = if ask.has(&etag) {
                    Answer::empty(304)
                } else if ask.plain {
                    let text = token.access_token.expose().to_owned();
                    Answer::text("text/plain; charset=utf-8", text)
                } else if let Some(binding) = standing.org(org).map(|own| &own.settings.binding) {
                    Answer::json(&TokenAnswer::of(org, binding, token, is_stale, now))
                } else {
                    return (missing(standing, peer, org, READERS), false);
                };
                (answer.with_etag(&etag), false)
            }
            Some(Reading::Unchanged) => (Answer::empty(204), true),
            Some(Reading::TooLong(max)) => {
                let detail = format!(
                    "no token of this org has over {} s left when it is replaced",
                    max.as_secs()
                );
                let problem = Problem::new(400, "min-ttl-too-long", "Bad Request", detail);
                (problem.of(org).max_min_ttl(max).into(), false)
            }
            Some(Reading::NotFresh { word, retry_at }) => {
                let wait = retry_at.map(|at| at.since(now.boot));
                drop(fleet);
                (self.not_fresh(org, word, wait, now), true)
            }
        }
    }

    fn not_fresh(&self, name: &OrgName, word: Word, wait: Option<Duration>, now: Now) -> Answer {
        let code = match word {
            Word::Ok => "not-fresh",
            word => word.as_str(),
        };
        let fleet = self.0.fleet.borrow();
        let org = fleet.org(name);
        let remedy = fleet.remedy(name);
        let left = org.and_then(|org| org.served(now.boot));
        let left = left.map(|token| token.expires.since(now.boot));
        let meaning = remedy.as_ref().map(|remedy| remedy.meaning.as_ref());
        let detail = lack(left, meaning, wait.is_some());
        Problem::new(503, code, "Service Unavailable", detail)
            .of(name)
            .cure(remedy.map(|remedy| remedy.cure))
            .retry_after(wait)
            .into()
    }
}

/// What is lacking, and what comes.
fn lack(left: Option<Duration>, meaning: Option<&str>, is_planned: bool) -> String {
    let what = match left {
        Some(left) => format!(
            "the token has {} s left, less than was asked for",
            left.as_secs()
        ),
        None => "no token to serve".to_owned(),
    };
    let next = match (meaning, is_planned) {
        (Some(meaning), _) => meaning,
        (None, true) => "the next refresh is planned",
        (None, false) => "no refresh is planned",
    };
    format!("{what}: {next}")
}

/// The answer of the contract. Its keys' order is the contract's.
#[derive(Serialize)]
struct TokenAnswer<'a> {
    org: &'a str,
    environment: &'a str,
    data_center: &'a str,
    access_token: &'a str,
    token_type: &'a str,
    api_domain: &'a str,
    scope: Vec<&'a str>,
    expires_at: String,
    expires_in: u64,
    generation: u64,
    stale: bool,
}

impl<'a> TokenAnswer<'a> {
    fn of(
        org: &'a OrgName,
        binding: &'a Binding,
        token: &'a Token,
        is_stale: bool,
        now: Now,
    ) -> Self {
        Self {
            org: org.as_str(),
            environment: binding.environment.as_str(),
            data_center: &binding.data_center,
            access_token: token.access_token.expose(),
            token_type: TOKEN_TYPE,
            api_domain: &token.api_domain,
            scope: token.scope.iter().collect(),
            expires_at: now.wall_at(token.expires).to_rfc3339(),
            expires_in: token.expires.since(now.boot).as_secs(),
            generation: token.generation,
            stale: is_stale,
        }
    }
}

/// Weak, since `expires_in` changes between two answers of one generation. The hash tells generations of a
/// restored older state apart; it is of no use to anyone who lacks the token.
fn etag(token: &Token) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    token.access_token.expose().hash(&mut hasher);
    format!("W/\"{}-{:016x}\"", token.generation, hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_503_says_truly_whether_there_is_a_token_and_whether_a_refresh_is_planned() {
        let left = Some(Duration::from_secs(90));
        let told = lack(left, Some("Zoho is away"), true);
        assert_eq!(
            told,
            "the token has 90 s left, less than was asked for: Zoho is away"
        );
        assert_eq!(
            lack(None, None, false),
            "no token to serve: no refresh is planned"
        );
        assert!(lack(left, None, true).ends_with("the next refresh is planned"));
    }
}
