//! An org's revocations at Zoho, one call at a time: of what an admin wants gone, and of what newer grants replaced.
//!
//! Before a call the disk has the refresh token among the past ones, to be revoked, and in force no more. So
//! whenever the process dies, the next one neither mints with a token that may be revoked nor forgets one that may
//! live: it asks again. None of the mints' budget is spent. Invariant: no more than [`TRIES_MAX`] calls for one
//! refresh token, a person's own aside.

use std::sync::Arc;
use std::time::Duration;

use super::event::{Attempt, Refusal, RequestId, Severity, Step, WriteId};
use super::org::{Org, Scene};
use super::past::{OF_GRANT, Past, Plan};
use super::record::{Cause, Grant, LaneId, Word};
use super::reply::folded;
use super::revocation::Said;
use super::revoke::{Ended, Undo, revoking};
use crate::base::{Boottime, Key, Secret};

/// Calls that may have reached Zoho before a person has to see to it.
pub const TRIES_MAX: u32 = 7;

/// Pauses between them, for people and never scaled by `limits`; the last repeats while no call reaches Zoho.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_mins(1),
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(6),
    Duration::from_hours(24),
];

/// How long after its deadline a call that nobody answered for is given up.
const OVERDUE: Duration = Duration::from_secs(30);

/// A refresh token to be revoked, with what a call for that takes.
#[derive(Debug)]
pub struct Doomed {
    /// The refresh token.
    pub refresh_token: Arc<Secret>,
    /// Zoho's id of its client.
    pub client_id: Key,
    /// The client secret, where it was given at the enrolment.
    pub client_secret: Option<Arc<Secret>>,
    /// The data center's word.
    pub data_center: Key,
    /// Whether Zoho has called it invalid, or may have revoked it already.
    pub may_be_gone: bool,
}

/// The revocations of one org.
#[derive(Debug, Default)]
pub(super) struct Revocations {
    pub(super) current: Option<Revoking>,
    /// None by schedule before.
    at: Boottime,
    /// Calls in a row that did not do it, in this life of the process.
    misses: usize,
    /// Why the last one did not.
    pub(super) trouble: Option<Cause>,
}

/// One on its way.
#[derive(Debug)]
pub(super) struct Revoking {
    lane: LaneId,
    attempt: Attempt,
    stage: Stage,
    /// What to put back if it is certainly not done.
    undo: Option<Undo>,
    askers: Vec<RequestId>,
    /// What was known before the call.
    may_be_gone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Waits for the write that tells of it, once that has a number.
    Reserving(Option<WriteId>),
    /// Waits for Zoho, no longer than until then.
    Calling(Boottime),
}

impl Revoking {
    /// It goes with this write, which starts now.
    pub(super) fn ride(&mut self, write: WriteId) {
        if self.stage == Stage::Reserving(None) {
            self.stage = Stage::Reserving(Some(write));
        }
    }

    fn is_calling(&self) -> bool {
        matches!(self.stage, Stage::Calling(_))
    }
}

impl Org {
    /// Writes down that it is to be revoked; the call follows once that is on the disk.
    pub(super) fn begin_revocation(
        &mut self,
        lane: LaneId,
        undo: Option<Undo>,
        askers: Vec<RequestId>,
        scene: &mut Scene<'_>,
    ) {
        let Some(past) = self.record.past_of(&lane) else {
            return;
        };
        // What the next process has to believe, should this one die before the answer.
        let may_be_gone = std::mem::replace(&mut past.may_be_gone, true);
        past.count_try(1);
        self.saving.is_dirty = true;
        self.revocations.current = Some(Revoking {
            lane,
            attempt: Attempt(scene.numbers.next()),
            stage: Stage::Reserving(None),
            undo,
            askers,
            may_be_gone,
        });
    }

    /// It may be on the disk: then call.
    pub(super) fn call_for_revocation(&mut self, write: WriteId, scene: &mut Scene<'_>) {
        let Some(own) = &mut self.revocations.current else {
            return;
        };
        let past = self.record.past_of(&own.lane);
        let token = past.as_ref().and_then(|past| past.refresh_token.clone());
        let (Some(past), Some(refresh_token)) = (past, token) else {
            return;
        };
        if own.stage != Stage::Reserving(Some(write)) {
            return;
        }
        // Two endpoints may be asked.
        let deadline = scene.now.boot.plus(self.settings.timeout * 2);
        own.stage = Stage::Calling(deadline.plus(OVERDUE));
        scene.steps.push(Step::Revoke {
            org: self.settings.name.clone(),
            attempt: own.attempt,
            doomed: Doomed {
                refresh_token,
                client_id: past.client_id.clone(),
                client_secret: past.client_secret.clone(),
                data_center: past.data_center.clone(),
                may_be_gone: own.may_be_gone,
            },
        });
    }

    /// Zoho's word; an answer to any but the awaited call changes nothing.
    pub(super) fn revocation_answered(
        &mut self,
        attempt: Attempt,
        said: Said,
        scene: &mut Scene<'_>,
    ) {
        let is_awaited = |own: &mut Revoking| own.attempt == attempt;
        let Some(own) = self.revocations.current.take_if(is_awaited) else {
            return;
        };
        self.saving.is_dirty = true;
        let now = scene.now.boot;
        match said {
            Said::Revoked => self.end_revocation(own, &Ended::Revoked, scene),
            Said::Gone(cause) => self.end_revocation(own, &Ended::Gone(cause), scene),
            Said::NotSent(cause) => {
                self.uncount_try(&own);
                let refusal = Refusal::Later(cause.clone(), now.plus(PAUSES[0]));
                self.miss(own, &cause, &refusal, scene);
            }
            Said::Refused(cause) => {
                let is_throttle = ["access_denied", "http-429"].contains(&&*folded(&cause.code));
                let later = now.plus(self.settings.limits.window);
                let refusal = if is_throttle {
                    Refusal::Later(cause.clone(), later)
                } else {
                    Refusal::Refused(cause.clone())
                };
                self.miss(own, &cause, &refusal, scene);
            }
            Said::Lost(cause) => self.lose(own, &cause, scene),
        }
    }

    fn end_revocation(&mut self, own: Revoking, ended: &Ended, scene: &mut Scene<'_>) {
        let is_grant = own.undo.is_some() || self.is_ungranted();
        let whose = if is_grant {
            OF_GRANT
        } else {
            self.record.whose(&own.lane, scene.now)
        };
        let is_it = |past: &Past| past.lane == own.lane && past.refresh_token.is_some();
        self.record.past.retain(|past| !is_it(past));
        self.revocations.at = scene.now.boot.plus(PAUSES[0]);
        self.revocations.misses = 0;
        self.revocations.trouble = None;
        let detail = match ended {
            Ended::Gone(cause) => {
                format!(
                    "Zoho knows the refresh token no more: {}: {}",
                    cause.code, cause.detail
                )
            }
            _ => whose.to_owned(),
        };
        self.tell(Severity::Info, "revoked", detail, scene);
        if self.record.grant.is_none() {
            self.record.end_fallbacks();
        }
        if self.is_ungranted() {
            self.become_ungranted(None, scene);
        }
        let ends = own.askers.into_iter();
        let ends = ends.map(|request| (request, Ok(ended.clone())));
        self.saving.ends.extend(ends);
    }

    /// Zoho has certainly not revoked. What an admin wanted is as before; what was replaced is tried again.
    fn miss(&mut self, mut own: Revoking, cause: &Cause, refusal: &Refusal, scene: &mut Scene<'_>) {
        let may_be_gone = own.may_be_gone;
        if let Some(past) = self.record.past_of(&own.lane) {
            past.may_be_gone = may_be_gone;
        }
        match own.undo.take() {
            Some(undo) => self.put_back(undo, &own.lane),
            None => self.put_off(cause, scene),
        }
        self.tell_miss(own, cause, refusal, scene);
    }

    /// Nobody knows whether Zoho has revoked: then nothing of it is for readers, and it is tried until that is known.
    fn lose(&mut self, own: Revoking, cause: &Cause, scene: &mut Scene<'_>) {
        self.put_off(cause, scene);
        if self.is_ungranted() {
            self.become_ungranted(Some(revoking()), scene);
        }
        let told = Cause::new("revoke-lost", &format!("{}: {}", cause.code, cause.detail));
        let refusal = Refusal::Later(told, self.revocations.at);
        self.tell_miss(own, cause, &refusal, scene);
    }

    fn put_off(&mut self, cause: &Cause, scene: &mut Scene<'_>) {
        let own = &mut self.revocations;
        own.at = scene
            .now
            .boot
            .plus(PAUSES[own.misses.min(PAUSES.len() - 1)]);
        own.misses = own.misses.saturating_add(1);
        own.trouble = Some(cause.clone());
    }

    fn tell_miss(
        &mut self,
        own: Revoking,
        cause: &Cause,
        refusal: &Refusal,
        scene: &mut Scene<'_>,
    ) {
        let has_given_up = self
            .record
            .past
            .iter()
            .any(|past| past.lane == own.lane && past.is_given_up());
        let end = if has_given_up { "; given up" } else { "" };
        let detail = format!("not revoked: {}: {}{end}", cause.code, cause.detail);
        self.tell(Severity::Warning, "revoke", detail, scene);
        // Once what they are told is on the disk: after an end in between it would be untrue.
        let refused = own.askers.into_iter();
        let refused = refused.map(|request| (request, Err(refusal.clone())));
        self.saving.ends.extend(refused);
    }

    /// The disk does not take it: then nothing is sent, and all is as before.
    pub(super) fn abandon_unsaved_revocation(
        &mut self,
        cause: &Cause,
        retry_at: Boottime,
        scene: &mut Scene<'_>,
    ) {
        let is_unsent = |own: &mut Revoking| !own.is_calling();
        if let Some(own) = self.revocations.current.take_if(is_unsent) {
            self.saving.is_dirty = true;
            self.uncount_try(&own);
            self.miss(own, cause, &Refusal::Later(cause.clone(), retry_at), scene);
        }
    }

    fn uncount_try(&mut self, own: &Revoking) {
        if let Some(past) = self.record.past_of(&own.lane) {
            past.count_try(-1);
        }
    }

    /// Whether nothing is left but what is to be revoked.
    fn is_ungranted(&self) -> bool {
        self.record.grant.is_none() && self.record.verdict.word == Word::Unenrolled
    }

    /// The next past refresh token to be revoked, and from when on; `None` while there is none, or no room for a call.
    pub(super) fn next_revocation(&self) -> Option<(&Past, Boottime)> {
        if self.revocations.current.is_some() || self.enrolling.is_some() || self.saving.hangs() {
            return None;
        }
        let mut doomed = self.record.past.iter().filter(|past| past.is_doomed());
        let own = self.revocations.at;
        let at = own.max(self.saving.retry_at().unwrap_or(own));
        doomed.next().map(|past| (past, at))
    }

    /// Begins what is due, unless another org lives on that refresh token: then it is not ours to end.
    pub(super) fn revoke_if_due(&mut self, scene: &mut Scene<'_>) {
        let Some((lane, is_shared)) = scene.due_revocation.take() else {
            return;
        };
        let next = self.next_revocation();
        if next.is_none_or(|(past, _)| past.lane != lane) {
            return;
        }
        if !is_shared {
            return self.begin_revocation(lane, None, Vec::new(), scene);
        }
        self.record.past.retain(|past| past.lane != lane);
        self.revocations.at = scene.now.boot.plus(PAUSES[0]);
        self.saving.is_dirty = true;
        let detail = "the older refresh token is not revoked: an org uses it".to_owned();
        self.tell(Severity::Info, "revoke", detail, scene);
    }

    /// Gives up on a call that came to no end.
    pub(super) fn give_up_overdue_revocation(&mut self, scene: &mut Scene<'_>) {
        let own = self.revocations.current.as_ref();
        let is_over =
            |own: &&Revoking| matches!(own.stage, Stage::Calling(at) if at <= scene.now.boot);
        if let Some(attempt) = own.filter(is_over).map(|own| own.attempt) {
            let cause = Cause::new("no-answer", "the call came to no end");
            self.revocation_answered(attempt, Said::Lost(cause), scene);
        }
    }

    /// When the next thing is to be done about a revocation.
    pub(super) fn revocation_wake_at(&self) -> Option<Boottime> {
        match self.revocations.current.as_ref().map(|own| own.stage) {
            Some(Stage::Calling(until)) => Some(until),
            Some(Stage::Reserving(_)) => None,
            None => self.next_revocation().map(|(_, at)| at),
        }
    }

    /// Whether a call is on its way after which the grant may be in force again.
    pub(super) fn is_being_revoked(&self) -> bool {
        let current = self.revocations.current.as_ref();
        current.is_some_and(|own| own.undo.is_some())
    }

    /// The grant that is in force again if nothing comes of the call that is on its way.
    pub(super) fn retired_grant(&self) -> Option<&Grant> {
        let current = self.revocations.current.as_ref()?;
        current.undo.as_ref().map(Undo::grant)
    }

    /// Whether a call is on its way to revoke that refresh token.
    pub(super) fn is_revoking(&self, token: &Secret) -> bool {
        let current = self.revocations.current.as_ref();
        current.is_some_and(|own| {
            let mut past = self.record.past.iter();
            past.any(|past| past.lane == own.lane && past.is(token))
        })
    }
}

impl Past {
    fn count_try(&mut self, by: i32) {
        if let Plan::Revoke { tries } = &mut self.plan {
            *tries = tries.saturating_add_signed(by);
        }
    }

    /// Whether it is to be revoked, and tries are left for that.
    pub(super) fn is_doomed(&self) -> bool {
        let has_tries = matches!(self.plan, Plan::Revoke { tries } if tries < TRIES_MAX);
        has_tries && self.refresh_token.is_some()
    }

    /// Whether it is to be revoked, and a person has to see to it.
    pub fn is_given_up(&self) -> bool {
        matches!(self.plan, Plan::Revoke { tries } if tries >= TRIES_MAX)
    }
}
