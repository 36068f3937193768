//! Answers the socket: who asks, may they, and what is there to have.
//!
//! Order: the path, the peer's right to the org, the parameters and the body, the call itself. A peer without a right learns nothing, not
//! even whether an org of that name exists (S2).

use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::shared::Shared;
use super::standing::Standing;
use super::{admin, health, metrics_page};
use crate::base::{Now, OrgName};
use crate::edge::http::{Answer, BadAsk, Call, Desk, Details, Problem, TokenAsk};
use crate::policy::access::Peer;
use crate::policy::org::Org;
use crate::policy::query::Reading;
use crate::policy::record::{Token, Word};
use crate::policy::settings::Binding;
use crate::policy::status::Status;

/// The one desk of the daemon.
pub(super) struct FrontDesk(pub(super) Rc<Shared>);

impl Desk for FrontDesk {
    async fn answer(&self, peer: &Peer, call: Result<Call, BadAsk>, details: Details) -> Answer {
        let verb = call.as_ref().map_or("none", Call::verb);
        let answer = match call {
            Ok(call) => self.attend(peer, call, details).await,
            Err(bad) => Err(bad),
        };
        let answer = answer.unwrap_or_else(|bad| self.refuse(peer, bad));
        let code = answer.status().to_string();
        metrics::counter!("zoho_tokend_socket_requests_total", "verb" => verb, "code" => code)
            .increment(1);
        answer
    }
}

impl FrontDesk {
    async fn attend(
        &self,
        peer: &Peer,
        call: Call,
        mut details: Details,
    ) -> Result<Answer, BadAsk> {
        let shared = &self.0;
        if let Err(refused) = admit(&shared.standing(), peer, &call) {
            return Ok(refused);
        }
        if !call.has_parameters() {
            details.no_parameters()?;
        }
        Ok(match call {
            Call::Token(org) => self.token(peer, org, details.token()?).await,
            Call::Orgs => self.orgs(peer, details.flag("all")?),
            Call::Org(org) => match shared.status(&org) {
                Some(status) => Answer::json(&status),
                None => missing(&shared.standing(), peer, &org, READERS),
            },
            Call::History(org) => admin::history(shared, org).await,
            Call::Enroll(org) => {
                let enrollment = details.enrollment().await?;
                admin::enroll(shared, org, enrollment).await
            }
            Call::Refresh(org) => admin::refresh(shared, org).await,
            Call::Reload => admin::reload(shared, details.flag("dry_run")?).await,
            Call::Live => health::live(shared),
            Call::Ready => health::ready(shared, peer),
            Call::Metrics => metrics_page::render(shared),
        })
    }

    fn refuse(&self, peer: &Peer, bad: BadAsk) -> Answer {
        let problem = match bad {
            BadAsk::Path => Problem::new(
                404,
                "no-such-path",
                "Not Found",
                "there is no such path; see the README",
            ),
            BadAsk::Method(allow) => {
                let detail = format!("this path takes {allow} alone");
                Problem::new(405, "method", "Method Not Allowed", detail).allow(allow)
            }
            BadAsk::Org if self.0.standing().access.may_admin(peer) => Problem::new(
                404,
                "no-such-org",
                "Not Found",
                "no org has a name of this shape",
            ),
            BadAsk::Org => forbidden(peer, None, READERS),
            BadAsk::Malformed(what) => Problem::new(400, "bad-request", "Bad Request", what),
            BadAsk::TooLarge(what) => Problem::new(413, "too-large", "Content Too Large", what),
        };
        problem.into()
    }

    async fn token(&self, peer: &Peer, org: OrgName, ask: TokenAsk) -> Answer {
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
                    "no token of this org has that much left when it is replaced; ask for at most {} s",
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
        let remedy = org.and_then(Org::remedy);
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

    /// Rights first: a status costs far more than a look at a list of readers, and a stranger may ask as often
    /// as a reader.
    fn orgs(&self, peer: &Peer, all: bool) -> Answer {
        let standing = self.0.standing();
        let sees_all = standing.access.may_monitor(peer);
        let may_see =
            |org: &OrgName| sees_all || standing.access.may_read(peer, standing.readers_of(org));
        let names: Vec<OrgName> = {
            let fleet = self.0.fleet.borrow();
            let names = fleet.orgs().map(|(name, _)| name);
            names.filter(|name| may_see(name)).cloned().collect()
        };
        let statuses = names.iter().filter_map(|name| self.0.status(name));
        let mut statuses: Vec<Status> = statuses.collect();
        if all && sees_all {
            let now = self.0.clock.now();
            statuses.extend(self.0.fleet.borrow().shelved_statuses(now));
        }
        Answer::json(&json!({ "orgs": statuses }))
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

/// Lets the peer through to the call, or says why not.
fn admit(standing: &Standing, peer: &Peer, call: &Call) -> Result<(), Answer> {
    const ADMINS: &str = "`daemon.admins`";
    const MONITORS: &str = "`daemon.monitors`";
    let access = &standing.access;
    let is_admin = access.may_admin(peer);
    let may_read = |org| access.may_read(peer, standing.readers_of(org));
    let (may, list) = match call {
        Call::Live | Call::Ready | Call::Orgs => (true, READERS),
        Call::Metrics => (access.may_monitor(peer), MONITORS),
        Call::Reload | Call::Enroll(_) | Call::Refresh(_) => (is_admin, ADMINS),
        Call::Token(org) => (may_read(org), READERS),
        Call::Org(org) | Call::History(org) => (may_read(org) || access.may_monitor(peer), READERS),
    };
    match call.org() {
        // Of an org that left the config, the store may still know; admins see all names with `status --all`, too.
        Some(_) if is_admin && matches!(call, Call::History(_)) => Ok(()),
        Some(org) if standing.org(org).is_none() => Err(missing(standing, peer, org, list)),
        org if !may => Err(forbidden(peer, org, list).into()),
        _ => Ok(()),
    }
}

/// An org that the config does not have. Only who may learn it is told that; all others hear what they would of an
/// org that it has.
fn missing(standing: &Standing, peer: &Peer, org: &OrgName, list: &str) -> Answer {
    if standing.access.may_admin(peer) {
        no_such_org(org)
    } else {
        forbidden(peer, Some(org), list).into()
    }
}

/// The key of the config that lets a peer read.
const READERS: &str = "`readers` of the org";

/// Names the list of the config that would let the peer through.
fn forbidden(peer: &Peer, org: Option<&OrgName>, list: &str) -> Problem {
    let detail = format!(
        "uid {} may not do this, nor may any of its groups",
        peer.uid
    );
    let cure = format!("an operator adds the user, or one of its groups, to {list} and reloads");
    let problem = Problem::new(403, "forbidden", "Forbidden", detail).cure(cure);
    match org {
        Some(org) => problem.of(org),
        None => problem,
    }
}

pub(super) fn no_such_org(org: &OrgName) -> Answer {
    let cure = format!("write [orgs.{org}] into the config and reload, or mend the name");
    Problem::new(
        404,
        "no-such-org",
        "Not Found",
        "the config has no org of this name",
    )
    .of(org)
    .cure(cure)
    .into()
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
            token_type: super::TOKEN_TYPE,
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
