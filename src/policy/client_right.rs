//! An org that mints by its client's own right (`grant = "client-credentials"`): its grant follows from the config.
//!
//! Nobody enrols it unless the client's secret is taken there, and no consent is lost with it: where the config names
//! another soid, scope or environment, that is no contradiction but another grant, which begins anew. Invariants: a
//! token minted for what the config said before is never served under what it says now (S4); a grant that stands on a
//! refresh token is no concern of this file (R4).

use std::sync::Arc;

use super::event::Refusal;
use super::fleet::{Fleet, Moment};
use super::org::{Org, Scene};
use super::record::{Cause, Grant, LaneId, Streak, Word};
use super::root::Root;
use super::saving::Newest;
use super::settings::OrgSettings;
use super::verdict::refuse_all;
use crate::base::{Boottime, OrgName, Secret};

impl OrgSettings {
    /// A sealed client secret, unless the config has one: what an operator writes down last counts.
    pub(super) fn secret_to_send(&self, sealed: Option<&Arc<Secret>>) -> Option<Arc<Secret>> {
        sealed.filter(|_| !self.has_client_secret).cloned()
    }
}

impl Org {
    /// Makes the grant that the config means, where the one that is there is none or another.
    pub(super) fn follow_config(&mut self, scene: &mut Scene<'_>) {
        if self.begins_anew() {
            self.begin_by_own_right(self.sealed_client_secret(), scene);
        }
    }

    /// Whether the config means a grant by the client's own right that is not the one that is there.
    pub(super) fn begins_anew(&self) -> bool {
        let is_another = match &self.record.grant {
            None => true,
            Some(grant) => matches!(grant.root, Root::Client) && self.contradiction.is_some(),
        };
        let has_secret = self.settings.has_client_secret || self.sealed_client_secret().is_some();
        self.settings.grant.is_of_client() && is_another && has_secret
    }

    /// Whether it would mint by its client's own right, and nobody has given the secret of that client.
    pub(super) fn lacks_client_secret(&self) -> bool {
        let grant = self.record.grant.as_ref();
        let has_sealed = grant.is_some_and(|grant| grant.client_secret.is_some());
        let is_told = self.contradiction.is_some();
        let settings = &self.settings;
        settings.grant.is_of_client() && !settings.has_client_secret && !has_sealed && !is_told
    }

    fn begin_by_own_right(&mut self, sealed: Option<Arc<Secret>>, scene: &mut Scene<'_>) {
        let mut askers = self.abandon_mint(scene);
        askers.append(&mut self.awaiting_token);
        let cause = Cause::new("config-changed", "the config has changed meanwhile");
        refuse_all(askers, &Refusal::Later(cause, scene.now.boot), scene);
        let binding = self.settings.binding.clone();
        self.record.grant = Some(Grant {
            lane: LaneId::of_client(&binding),
            binding,
            root: Root::Client,
            client_secret: sealed,
            enrolled_at: scene.now.boot,
            is_taken_over: false,
        });
        self.record.token = None;
        self.published = None;
        self.saving.newest = Newest::Kept;
        self.saving.is_dirty = true;
        self.record.streak = Streak::default();
        self.unknown_api_domain = None;
        self.forget_asked();
        self.not_before = Boottime(i64::MIN);
        self.compare_with_config(scene.now.boot);
        self.become_word(Word::Starting, None, None, scene);
    }
}

/// Why nothing can be sent: see [`Org::lacks_client_secret`].
pub(super) fn no_secret() -> Cause {
    Cause::new(
        "no-client-secret",
        "neither the config nor an enrolment has a client secret",
    )
}

/// Why an offer is not even tried.
pub(super) fn another_kind() -> Cause {
    Cause::new(
        "another-grant",
        "the config gives this org another kind of grant",
    )
}

impl Fleet {
    /// A call of `name` is over: whoever has no token, and waits for the pace in the same lane, need wait no longer if
    /// it went well.
    pub(super) fn let_sharers_begin(&mut self, name: &OrgName, moment: &mut Moment<'_>) {
        let org = self.orgs.get(name);
        let lane = org.and_then(Org::lane);
        let shared = lane.filter(|lane| self.ledger.sharers.in_lane(lane) > 1);
        let Some(lane) = shared.cloned() else {
            return;
        };
        let waits = |org: &Org| {
            org.record.token.is_none() && org.lane() == Some(&lane) && org.name() != name
        };
        self.with_each(moment, waits, |_, _| ());
    }
}
