//! What an admin wants of an org's refresh tokens: revoked at Zoho, or forgotten here.
//!
//! Nothing is forgotten that Zoho may still have, unless just that is wanted. How the calls go is
//! [`super::revoking`]'s. Invariant: whoever asked is told once how it went.

use super::event::{Refusal, RequestId, Severity, Step};
use super::org::{Org, Scene};
use super::past::{Past, Plan};
use super::record::{Cause, Grant, LaneId, Token, Verdict, Word};
use super::report::Finding;
use super::revoking::TRIES_MAX;
use super::saving::Newest;
use super::verdict::refuse_all;
use crate::base::{Boottime, DataCenter, OrgName};

/// Most names in a refusal.
const NAMES_MAX: usize = 8;

/// What an admin wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wish {
    /// Drop ours alone, without a word to Zoho.
    pub forgets: bool,
    /// Leave the grant in force as it is, and see to those that it replaced.
    pub only_old: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Zoho has revoked.
    Revoked,
    /// Zoho had no such refresh token any more.
    Gone(Cause),
    /// It is ours no more; at Zoho it lives on.
    Forgotten,
}

/// What was in force before a revocation, to be put back where nothing came of it.
#[derive(Debug)]
pub(super) struct Undo {
    grant: Grant,
    token: Option<Token>,
    verdict: Verdict,
}

impl Undo {
    pub(super) fn grant(&self) -> &Grant {
        &self.grant
    }
}

impl Org {
    /// An admin has a wish. `sharers`: other orgs that live on the grant's refresh token.
    pub(super) fn revoke(
        &mut self,
        request: RequestId,
        wish: Wish,
        sharers: &[OrgName],
        scene: &mut Scene<'_>,
    ) {
        if let Some(refusal) = self.refusal_of(wish, sharers, scene.now.boot) {
            return tell(request, Err(refusal), scene);
        }
        if wish.forgets {
            return self.forget(request, wish, sharers, scene);
        }
        let of = if wish.only_old {
            "of older refresh tokens"
        } else {
            "of the grant"
        };
        self.tell(
            Severity::Info,
            "revoke",
            format!("{of}, by an admin"),
            scene,
        );
        let undo = Some(wish).filter(|wish| !wish.only_old);
        let undo = undo.and_then(|_| self.retire_grant(scene));
        if undo.is_none() {
            self.record.end_fallbacks();
        }
        // What a person wants gone is tried from the start.
        for past in self
            .record
            .past
            .iter_mut()
            .filter(|past| past.is_given_up())
        {
            past.plan = Plan::Revoke { tries: 0 };
        }
        let newest = self.record.past.iter().rfind(|past| past.is_doomed());
        if let Some(lane) = newest.map(|past| past.lane.clone()) {
            self.begin_revocation(lane, undo, vec![request], scene);
        }
    }

    /// Why it is not to be done, or not now.
    fn refusal_of(&self, wish: Wish, sharers: &[OrgName], now: Boottime) -> Option<Refusal> {
        let is_to_go = |past: &Past| past.refresh_token.is_some() && !past.is_kept();
        let counts = |past: &Past| is_to_go(past) || wish.forgets;
        let has_past = self.record.past.iter().any(counts);
        let own = self.record.grant.as_ref();
        let has_token = own.is_some_and(|grant| grant.root.refresh_token().is_some());
        // What is sealed for client credentials is of no use to Zoho: it can only be dropped here.
        let is_sealed = |grant: &Grant| self.is_sealed_right(grant) && wish.forgets;
        let has_grant = (has_token || own.is_some_and(is_sealed)) && !wish.only_old;
        let refused = |code, what: &str| Some(Refusal::Refused(Cause::new(code, what)));
        if !has_past && !has_grant {
            return refused("nothing-to-revoke", "the daemon has no such refresh token");
        }
        if has_grant && !wish.forgets && !sharers.is_empty() {
            let names: Vec<&str> = sharers
                .iter()
                .map(OrgName::as_str)
                .take(NAMES_MAX)
                .collect();
            let what = format!("it is the refresh token of {} as well", names.join(", "));
            return refused("shared-grant", &what);
        }
        if self.calls().next().is_some() || self.revocations.current.is_some() {
            let cause = Cause::new("calling", "a call to Zoho is on its way for this org");
            return Some(Refusal::Later(cause, now.plus(self.settings.timeout)));
        }
        // Taken away and put back again, a token that readers do not have yet would never be theirs.
        let is_unsaved = self.saving.newest != Newest::Kept && has_grant && !wish.forgets;
        let unsaved = || {
            let cause = Cause::new("calling", "the newest token is on its way to the disk");
            Refusal::Later(cause, now.plus(self.settings.timeout))
        };
        let refusal = self.saving.refusal(now);
        refusal.or_else(|| is_unsaved.then(unsaved))
    }

    /// Whether it is a client's own right that lives by what is sealed here alone.
    fn is_sealed_right(&self, grant: &Grant) -> bool {
        grant.root.refresh_token().is_none() && !self.settings.has_client_secret
    }

    /// Takes the grant out of force, to be revoked.
    fn retire_grant(&mut self, scene: &mut Scene<'_>) -> Option<Undo> {
        let may_be_gone = self.is_called_invalid();
        if self.contradiction.is_some() {
            // What the config contradicts is not served; without a grant there is nothing left to contradict.
            self.published = None;
        }
        let grant = self
            .record
            .grant
            .take_if(|grant| grant.root.refresh_token().is_some())?;
        let past = Past::of(grant.clone(), Plan::Revoke { tries: 0 }, scene.now)?;
        self.record.add_past(Past {
            may_be_gone,
            ..past
        });
        self.compare_with_config(scene.now.boot);
        let verdict = Verdict {
            word: Word::Unenrolled,
            since: scene.now.boot,
            cause: Some(revoking()),
            failures: 0,
            until: None,
            refused_secret: None,
        };
        Some(Undo {
            grant,
            token: self.record.token.take(),
            verdict: std::mem::replace(&mut self.record.verdict, verdict),
        })
    }

    /// Whether Zoho's last word on the grant is that it knows no such refresh token.
    pub(super) fn is_called_invalid(&self) -> bool {
        let verdict = &self.record.verdict;
        let is_invalid = |cause: &Cause| ["invalid_code", "invalid_grant"].contains(&&*cause.code);
        verdict.word == Word::NeedsConsent && verdict.cause.as_ref().is_some_and(is_invalid)
    }

    /// Drops ours, and says nothing to Zoho.
    fn forget(
        &mut self,
        request: RequestId,
        wish: Wish,
        sharers: &[OrgName],
        scene: &mut Scene<'_>,
    ) {
        if wish.only_old {
            // Whoever forgets these has seen to them: they take no place any more.
            self.record.past.clear();
        } else {
            let may_be_gone = self.is_called_invalid();
            self.record.past.iter_mut().for_each(Past::leave);
            let is_sealed = self.record.grant.as_ref();
            let is_sealed = is_sealed.is_some_and(|grant| self.is_sealed_right(grant));
            let is_its = |grant: &mut Grant| grant.root.refresh_token().is_some() || is_sealed;
            if let Some(grant) = self.record.grant.take_if(is_its) {
                let past = Past::of(grant, Plan::Left, scene.now);
                if let Some(mut past) = past.filter(|_| sharers.is_empty()) {
                    past.leave();
                    past.may_be_gone = may_be_gone;
                    self.record.add_past(past);
                }
                self.become_ungranted(None, scene);
            }
        }
        self.saving.is_dirty = true;
        let detail = "ours was dropped by an admin, and nothing said to Zoho".to_owned();
        self.tell(Severity::Warning, "forgotten", detail, scene);
        self.saving.ends.push((request, Ok(Ended::Forgotten)));
    }

    /// Nothing of a grant is left, or may be: readers get nothing, and nobody waits for it.
    pub(super) fn become_ungranted(&mut self, cause: Option<Cause>, scene: &mut Scene<'_>) {
        self.record.token = None;
        self.published = None;
        self.saving.newest = Newest::Kept;
        self.compare_with_config(scene.now.boot);
        let refusal = Refusal::Refused(Cause::new("unenrolled", "the grant has been revoked"));
        refuse_all(std::mem::take(&mut self.awaiting_token), &refusal, scene);
        self.rule_all(Finding::Binding, scene);
        self.become_word(Word::Unenrolled, cause, None, scene);
    }

    /// What an operator should know of older refresh tokens that are to be revoked, and are not yet.
    pub(super) fn past_warning(&self) -> Option<String> {
        let mut past = self.record.past.iter();
        let org = self.name();
        if let Some(past) = past.find(|past| past.is_given_up()) {
            let zoho = DataCenter::of_zoho(&past.data_center).and_then(|zoho| zoho.console_url);
            let console =
                zoho.unwrap_or_else(|| format!("the API console of {}", past.data_center));
            return Some(format!(
                "Zoho has not revoked an older refresh token in {TRIES_MAX} tries (`zoho-tokend history {org}`): try \
                 again with `zoho-tokend revoke {org} --old`, or end its connection at {console} and then run \
                 `zoho-tokend revoke {org} --old --forget`"
            ));
        }
        let trouble = self.revocations.trouble.as_ref()?;
        self.record.past.iter().any(Past::is_doomed).then(|| {
            format!(
                "an older refresh token is to be revoked at Zoho and is not yet ({}); it is tried again",
                trouble.code
            )
        })
    }

    /// The grant is in force again, as if nobody had asked.
    pub(super) fn put_back(&mut self, undo: Undo, lane: &LaneId) {
        let is_it = |past: &Past| past.lane == *lane && past.refresh_token.is_some();
        self.record.past.retain(|past| !is_it(past));
        self.record.grant = Some(undo.grant);
        self.record.token = undo.token;
        self.record.verdict = undo.verdict;
        self.contradiction = self.contradicted_by_config();
        if self.published.is_none() && self.record.token.is_some() {
            // The config contradicted it when the wish came, and does so no more: readers get it with the next write.
            self.saving.newest = Newest::Unwritten;
        }
    }
}

/// Why an org that is being revoked has no grant.
pub(super) fn revoking() -> Cause {
    Cause::new("revoking", "Zoho has not confirmed yet that it is revoked")
}

/// Tells the admin who waits.
pub(super) fn tell(request: RequestId, result: Result<Ended, Refusal>, scene: &mut Scene<'_>) {
    scene.steps.push(Step::Revoked { request, result });
}
