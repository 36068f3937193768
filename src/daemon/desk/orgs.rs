//! `GET /v1/orgs`: the orgs that the peer may see, at once or as soon as something about them is new.
//!
//! A watcher says what it has by the `revision` of an earlier answer, of this run of the daemon or of one before it.
//! Invariant: what it does not know is told as soon as readers have it; it misses no last state, only states that
//! were over before it asked again. Never causes a call to Zoho (R12).

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::FrontDesk;
use crate::base::OrgName;
use crate::edge::http::{Answer, OrgsAsk};
use crate::policy::access::Peer;
use crate::policy::gist::Revision;
use crate::policy::status::Status;

/// The orgs that a peer may see, as far as it asks for them.
struct Sight {
    names: Vec<OrgName>,
    revision: Revision,
    /// Until time alone changes what is seen.
    turns_in: Option<Duration>,
    sees_all: bool,
}

impl FrontDesk {
    pub(super) async fn orgs(&self, peer: &Peer, ask: OrgsAsk) -> Answer {
        let Some(after) = &ask.after else {
            return self.list(peer, &ask);
        };
        let deadline = Instant::now() + ask.wait;
        let mut gists = self.0.gists.subscribe();
        let mut stop = self.0.stop.subscribe();
        loop {
            // At each look: a reload may have given or taken rights while the watcher waited.
            let sight = self.sight(peer, &ask);
            if sight.revision.to_string() != *after {
                let is_seen = |org: &OrgName| sight.names.contains(org);
                self.0.delivery.settle_all(is_seen).await;
                return self.list(peer, &ask);
            }
            if Instant::now() >= deadline || *stop.borrow_and_update() {
                return Answer::empty(204);
            }
            let change = async {
                tokio::select! {
                    _ = gists.changed() => (),
                    _ = stop.changed() => (),
                }
            };
            let turn = sight.turns_in.map(|span| Instant::now() + span);
            let until = turn.map_or(deadline, |turn| turn.min(deadline));
            timeout_at(until, change).await.ok();
        }
    }

    fn list(&self, peer: &Peer, ask: &OrgsAsk) -> Answer {
        let sight = self.sight(peer, ask);
        let statuses = sight.names.iter().filter_map(|name| self.0.status(name));
        let mut statuses: Vec<Status> = statuses.collect();
        if ask.all && sight.sees_all {
            let now = self.0.clock.now();
            let shelved = self.0.fleet.borrow().shelved_statuses(now);
            let is_wanted =
                |own: &Status| OrgName::parse(&own.org).is_ok_and(|name| ask.wants(&name));
            statuses.extend(shelved.into_iter().filter(is_wanted));
        }
        Answer::json(&json!({ "orgs": statuses, "revision": sight.revision.to_string() }))
    }

    /// Rights first: a status costs far more than a look at a list of readers, and a stranger may ask as often
    /// as a reader.
    fn sight(&self, peer: &Peer, ask: &OrgsAsk) -> Sight {
        let standing = self.0.standing();
        let sees_all = standing.access.may_monitor(peer);
        let may_see =
            |org: &OrgName| sees_all || standing.access.may_read(peer, standing.readers_of(org));
        let fleet = self.0.fleet.borrow();
        let now = self.0.clock.now().boot;
        let gists = fleet.gists(now);
        let seen: Vec<_> = gists
            .filter(|(name, _)| ask.wants(name) && may_see(name))
            .collect();
        let orgs = seen.iter().filter_map(|(name, _)| fleet.org(name));
        let turns = orgs.filter_map(|org| org.gist_turns_at(now));
        Sight {
            turns_in: turns.min().map(|at| at.since(now)),
            names: seen.iter().map(|(name, _)| (*name).clone()).collect(),
            revision: Revision::of(seen),
            sees_all,
        }
    }
}
