//! Answers the socket: who asks, may they, and what is there to have.
//!
//! Order: the path, the peer's right to the org, the call itself. A peer without a right learns nothing, not
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
use crate::edge::http::{Answer, Ask, BadAsk, Desk, Problem, TokenAsk};
use crate::policy::access::Peer;
use crate::policy::query::Reading;
use crate::policy::record::{Token, Word};
use crate::policy::status::Status;

/// The one desk of the daemon.
pub(super) struct FrontDesk(pub(super) Rc<Shared>);

impl Desk for FrontDesk {
    async fn answer(&self, peer: &Peer, ask: Result<Ask, BadAsk>) -> Answer {
        let verb = ask.as_ref().map_or("none", Ask::verb);
        let answer = match ask {
            Ok(ask) => self.attend(peer, ask).await,
            Err(bad) => self.refuse(peer, bad),
        };
        let code = answer.status().to_string();
        metrics::counter!("zoho_tokend_socket_requests_total", "verb" => verb, "code" => code)
            .increment(1);
        answer
    }
}

impl FrontDesk {
    async fn attend(&self, peer: &Peer, ask: Ask) -> Answer {
        let shared = &self.0;
        let standing = shared.standing();
        if let Err(refused) = admit(&standing, peer, &ask) {
            return refused;
        }
        match ask {
            Ask::Token(ask) => self.token(ask).await,
            Ask::Orgs { all } => self.orgs(peer, &standing, all),
            Ask::Org(org) => match shared.status(&org) {
                Some(status) => Answer::json(&status),
                None => no_such_org(&org),
            },
            Ask::History(org) => admin::history(shared, org).await,
            Ask::Enroll(org, enrollment) => admin::enroll(shared, org, enrollment).await,
            Ask::Refresh(org) => admin::refresh(shared, org).await,
            Ask::Reload { dry_run } => admin::reload(shared, dry_run).await,
            Ask::Live => health::live(shared),
            Ask::Ready => health::ready(shared, peer),
            Ask::Metrics => metrics_page::render(shared),
        }
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
        };
        problem.into()
    }

    async fn token(&self, ask: TokenAsk) -> Answer {
        let deadline = Instant::now() + ask.wait;
        let mut news = self.0.news.subscribe();
        let mut stop = self.0.stop.subscribe();
        loop {
            let now = self.0.clock.now();
            let (answer, can_change) = self.look(&ask, now);
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
    fn look(&self, ask: &TokenAsk, now: Now) -> (Answer, bool) {
        let fleet = self.0.fleet.borrow();
        match fleet.read(&ask.org, ask.query, now.boot) {
            None => (no_such_org(&ask.org), false),
            Some(Reading::Token { token, is_stale }) => {
                let standing = self.0.standing();
                (found(ask, token, is_stale, &standing, now), false)
            }
            Some(Reading::Unchanged) => (Answer::empty(204), true),
            Some(Reading::TooLong(max)) => {
                let detail = format!(
                    "no token of this org has that much left when it is replaced; ask for at most {} s",
                    max.as_secs()
                );
                let problem = Problem::new(400, "min-ttl-too-long", "Bad Request", detail);
                (problem.of(&ask.org).max_min_ttl(max).into(), false)
            }
            Some(Reading::NotFresh { word, retry_at }) => {
                let wait = retry_at.map(|at| at.since(now.boot));
                drop(fleet);
                (self.not_fresh(&ask.org, word, wait), true)
            }
        }
    }

    fn not_fresh(&self, org: &OrgName, word: Word, wait: Option<Duration>) -> Answer {
        let code = match word {
            Word::Ok => "not-fresh",
            word => word.as_str(),
        };
        let fleet = self.0.fleet.borrow();
        let remedy = fleet.org(org).and_then(crate::policy::org::Org::remedy);
        let detail = match &remedy {
            Some(remedy) => format!("no token to serve: {}", remedy.meaning),
            None => "no token with that much life left; the next refresh is planned".to_owned(),
        };
        Problem::new(503, code, "Service Unavailable", detail)
            .of(org)
            .cure(remedy.map(|remedy| remedy.cure))
            .retry_after(wait)
            .into()
    }

    fn orgs(&self, peer: &Peer, standing: &Standing, all: bool) -> Answer {
        let sees_all = standing.access.may_monitor(peer);
        let now = self.0.clock.now();
        let mut statuses = self.0.fleet.borrow().statuses(now);
        statuses.retain(|status| {
            let readers = OrgName::parse(&status.org).ok();
            sees_all
                || readers
                    .is_some_and(|org| standing.access.may_read(peer, standing.readers_of(&org)))
        });
        for status in &mut statuses {
            self.add_file_troubles(status);
        }
        if all && sees_all {
            statuses.extend(self.0.fleet.borrow().shelved_statuses(now));
        }
        Answer::json(&json!({ "orgs": statuses }))
    }

    fn add_file_troubles(&self, status: &mut Status) {
        if let Ok(org) = OrgName::parse(&status.org) {
            status.warnings.extend(self.0.delivery.troubles_of(&org));
        }
    }
}

/// Lets the peer through to the call, or says why not.
fn admit(standing: &Standing, peer: &Peer, ask: &Ask) -> Result<(), Answer> {
    const ADMINS: &str = "`daemon.admins`";
    const MONITORS: &str = "`daemon.monitors`";
    let access = &standing.access;
    let is_admin = access.may_admin(peer);
    let may_read = |org| access.may_read(peer, standing.readers_of(org));
    let (may, list) = match ask {
        Ask::Live | Ask::Ready | Ask::Orgs { .. } => (true, READERS),
        Ask::Metrics => (access.may_monitor(peer), MONITORS),
        Ask::Reload { .. } | Ask::Enroll(..) | Ask::Refresh(_) => (is_admin, ADMINS),
        Ask::Token(TokenAsk { org, .. }) => (may_read(org), READERS),
        Ask::Org(org) | Ask::History(org) => (may_read(org) || access.may_monitor(peer), READERS),
    };
    let unknown = ask.org().filter(|org| standing.org(org).is_none());
    match unknown {
        // Only who may learn it is told that an org does not exist.
        Some(org) if is_admin => Err(no_such_org(org)),
        None if may => Ok(()),
        _ => Err(forbidden(peer, ask.org(), list).into()),
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

fn no_such_org(org: &OrgName) -> Answer {
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

fn found(ask: &TokenAsk, token: &Token, is_stale: bool, standing: &Standing, now: Now) -> Answer {
    let etag = etag(token);
    let matches = |sent: &String| {
        sent.split(',')
            .any(|tag| tag.trim() == etag || tag.trim() == "*")
    };
    if ask.if_none_match.as_ref().is_some_and(matches) {
        return Answer::empty(304).with_etag(&etag);
    }
    if ask.plain {
        let text = token.access_token.expose().to_owned();
        return Answer::text("text/plain; charset=utf-8", text).with_etag(&etag);
    }
    let Some(org) = standing.org(&ask.org) else {
        return no_such_org(&ask.org);
    };
    let binding = &org.settings.binding;
    Answer::json(&TokenAnswer {
        org: ask.org.as_str(),
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
    })
    .with_etag(&etag)
}

/// Weak, since `expires_in` changes between two answers of one generation. The hash tells generations of a
/// restored older state apart; it is of no use to anyone who lacks the token.
fn etag(token: &Token) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    token.access_token.expose().hash(&mut hasher);
    format!("W/\"{}-{:016x}\"", token.generation, hasher.finish())
}
