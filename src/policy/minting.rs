//! One mint by a grant: slot to the disk, call, answer, token.
//!
//! An answer counts by its attempt's number: one that comes late, twice or for an abandoned attempt changes
//! nothing. Invariant: whoever asked for a mint is told once how it went.

use std::sync::Arc;
use std::time::Duration;

use super::asking::Held;
use super::binding::{self, Proof};
use super::call::Call;
use super::client_right;
use super::event::{Answer, Attempt, Refusal, RequestId, Severity, Step, WriteId};
use super::ledger::{Fate, Want};
use super::org::{Org, Scene};
use super::record::{Cause, LaneId, Token, Word};
use super::reply::{Granted, Outcome};
use super::report::Finding;
use super::root::Root;
use super::rotation::Rotation;
use super::saving::{Newest, refuse};
use super::schedule;
use super::short_lived::has_ended;
use super::verdict::{Failure, refuse_all};
use crate::base::{Boottime, Secret, SecretMark};

/// A mint on its way.
#[derive(Debug)]
pub(super) struct Mint {
    pub(super) call: Call,
    /// Who began it, and whether somebody has joined since who needs another token.
    want: Want,
    is_joined: bool,
    /// The refresh token that it went out with, if its grant stands on one.
    sent: Option<Arc<Secret>>,
    /// And the client secret.
    sent_secret: Option<SecretMark>,
    /// Admins who wait for its outcome.
    askers: Vec<RequestId>,
    /// What Zoho has granted, until its API says whose it is.
    pub(super) held: Option<Held<(Granted, Proof)>>,
}

impl Mint {
    /// Somebody waits for it who needs a new token, not a longer life.
    pub(super) fn join(&mut self) {
        self.is_joined = true;
    }

    /// Whether nobody waits for it: it would but lengthen what readers have.
    pub(super) fn is_for_longer_life(&self) -> bool {
        self.want == Want::Schedule && !self.is_joined
    }

    /// Those who wait for its outcome.
    pub(super) fn into_askers(self) -> Vec<RequestId> {
        self.askers
    }

    pub(super) fn failure(
        &self,
        word: Word,
        cause: Cause,
        retry_at: Boottime,
        was_sent: bool,
    ) -> Failure {
        Failure {
            word,
            cause,
            retry_at,
            want: self.want,
            was_sent,
        }
    }
}

impl Org {
    /// Takes a slot and sends it to the disk; the call follows once it is there.
    pub(super) fn begin_mint(
        &mut self,
        lane: LaneId,
        want: Want,
        askers: Vec<RequestId>,
        scene: &mut Scene<'_>,
    ) {
        self.minting = Some(Mint {
            call: Call::reserve(lane, &self.settings, scene),
            want,
            is_joined: false,
            sent: None,
            sent_secret: None,
            askers,
            held: None,
        });
        let verdict = &mut self.record.verdict;
        if want == Want::Schedule && verdict.word.wants_a_person() {
            // Should the daemon end before the answer, its next start does not probe again at once.
            let failures = verdict.failures.saturating_add(1);
            verdict.until = Some(schedule::probe_at(scene.now.boot, failures));
        }
        // The slot waits for a write of ours, whoever else has written the lane meanwhile.
        self.saving.is_dirty = true;
    }

    /// An admin wants a token now: joins the mint on its way, or begins one if the budget allows.
    pub(super) fn refresh(&mut self, request: RequestId, scene: &mut Scene<'_>) {
        let lane = match self.lane_for_refresh(scene) {
            Ok(lane) => lane,
            Err(refusal) => return refuse(request, refusal, scene),
        };
        self.let_reports_mint(scene.now.boot);
        if self.saving.newest != Newest::Kept {
            // A token has just been minted and waits for the disk.
            return self.awaiting_token.push(request);
        }
        match &mut self.minting {
            Some(mint) => {
                mint.askers.push(request);
                mint.join();
            }
            None => self.begin_mint(lane, Want::Demand, vec![request], scene),
        }
    }

    fn lane_for_refresh(&self, scene: &Scene<'_>) -> Result<LaneId, Refusal> {
        let now = scene.now.boot;
        if self.lacks_client_secret() {
            return Err(Refusal::Refused(client_right::no_secret()));
        }
        let Some(grant) = &self.record.grant else {
            let cause = Cause::new("unenrolled", "nobody has enrolled this org yet");
            return Err(Refusal::Refused(cause));
        };
        if let Some(cause) = &self.contradiction {
            return Err(Refusal::Refused(cause.clone()));
        }
        if let Some(refusal) = self.saving.refusal(now) {
            return Err(refusal);
        }
        if self.minting.is_none() && self.saving.newest == Newest::Kept {
            let at = self.room_at(&grant.lane, Want::Demand, scene.ledger, now);
            if at > now {
                return Err(Refusal::NoBudget(at));
            }
        }
        Ok(grant.lane.clone())
    }

    /// The slot may be on the disk: then call.
    pub(super) fn call_for_mint(&mut self, write: WriteId, scene: &mut Scene<'_>) {
        let secret = self.secret_mark();
        let (Some(mint), Some(grant)) = (&mut self.minting, &self.record.grant) else {
            return;
        };
        if !mint.call.begins_on(write, self.settings.timeout, scene) {
            return;
        }
        if let Some(until) = mint.call.throttled_until(scene) {
            return self.abandon_throttled_mint(until, scene);
        }
        mint.sent = grant.root.refresh_token().cloned();
        mint.sent_secret = secret;
        scene.steps.push(Step::Call {
            org: self.settings.name.clone(),
            attempt: mint.call.attempt,
            asked: self.settings.grant.asked(),
            right: grant.root.right(),
            client_secret: self.settings.secret_to_send(grant.client_secret.as_ref()),
        });
    }

    /// Zoho has throttled the lane since its slot was taken, in another org's call: then nothing is sent (R3).
    fn abandon_throttled_mint(&mut self, until: Boottime, scene: &mut Scene<'_>) {
        let Some(mut mint) = self.minting.take() else {
            return;
        };
        mint.call.close(Fate::NeverSent, scene);
        self.saving.is_dirty = true;
        refuse_all(mint.askers, &Refusal::NoBudget(until), scene);
        self.rule_all(Finding::Pending(until), scene);
    }

    /// The slot cannot be kept: then nothing is sent.
    pub(super) fn abandon_unsaved_mint(
        &mut self,
        cause: &Cause,
        retry_at: Boottime,
        scene: &mut Scene<'_>,
    ) {
        let Some(mut mint) = self.minting.take_if(|mint| mint.call.is_reserving()) else {
            return;
        };
        mint.call.close(Fate::NeverSent, scene);
        let failure = mint.failure(Word::Retrying, cause.clone(), retry_at, false);
        self.fail_for(mint.askers, failure, scene);
    }

    /// A new grant is in force: the old one's mint decides nothing any more. If it was sent, its slot stays spent.
    pub(super) fn abandon_mint(&mut self, scene: &mut Scene<'_>) -> Vec<RequestId> {
        let Some(mut mint) = self.minting.take() else {
            return Vec::new();
        };
        if mint.call.is_reserving() {
            mint.call.close(Fate::NeverSent, scene);
        }
        mint.askers
    }

    /// The config forbids the mint: nobody waits for it any more. A call that is out goes on all the same,
    /// since its answer may hold the refresh token that replaces ours.
    pub(super) fn release_mint(&mut self, scene: &mut Scene<'_>) -> Vec<RequestId> {
        match &mut self.minting {
            Some(mint) if mint.call.is_calling() => std::mem::take(&mut mint.askers),
            _ => self.abandon_mint(scene),
        }
    }

    /// Gives up on calls that came to no end.
    pub(super) fn give_up_overdue_calls(&mut self, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let is_overdue = |call: &&Call| call.overdue_at().is_some_and(|at| at <= now);
        let overdue = self.calls().filter(is_overdue);
        let overdue: Vec<Attempt> = overdue.map(|call| call.attempt).collect();
        for attempt in overdue {
            let cause = Cause::new("no-answer", "the call came to no end");
            self.answered(attempt, Answer::Lost(cause), scene);
        }
    }

    /// A call is over; an answer to any but the awaited one changes nothing.
    pub(super) fn answered(&mut self, attempt: Attempt, answer: Answer, scene: &mut Scene<'_>) {
        let is_awaited = |call: &Call| call.attempt == attempt && call.is_calling();
        if let Some(own) = self.enrolling.take_if(|own| is_awaited(&own.call)) {
            return self.enrolment_answered(own, answer, scene);
        }
        let Some(mut mint) = self.minting.take_if(|mint| is_awaited(&mint.call)) else {
            return;
        };
        let (now, limits) = (scene.now.boot, self.settings.limits);
        mint.call.close(Fate::of(&answer), scene);
        let was_sent = !matches!(answer, Answer::NotSent(_));
        self.unsent = if was_sent {
            0
        } else {
            self.unsent.saturating_add(1)
        };
        let paced = schedule::after_written(mint.call.started(), limits, scene.dice);
        let (word, cause, retry_at) = match answer {
            Answer::Sorted(Outcome::Granted(granted)) => return self.granted(mint, granted, scene),
            Answer::NotSent(cause) => {
                let retry_at = schedule::after_unsent(now, self.unsent, limits, scene.dice);
                (Word::Retrying, cause, retry_at)
            }
            Answer::Lost(cause) | Answer::Sorted(Outcome::Transient(cause)) => {
                (Word::Retrying, cause, paced)
            }
            Answer::Sorted(Outcome::Throttled(cause)) => {
                let until = now.plus(limits.window);
                scene.ledger.quieten(&mint.call.lane, until);
                (Word::Throttled, cause, until)
            }
            // Another org that shares it was faster: its refusal says nothing of the one that we have now.
            Answer::Sorted(Outcome::NeedsConsent(cause)) if self.has_followed(&mint) => {
                (Word::Retrying, cause, paced)
            }
            Answer::Sorted(Outcome::NeedsConsent(cause)) => (Word::NeedsConsent, cause, paced),
            Answer::Sorted(Outcome::Misconfigured(cause)) => (Word::Misconfigured, cause, paced),
        };
        let secret = mint.sent_secret.filter(|_| word == Word::Misconfigured);
        let failure = mint.failure(word, cause.clone(), retry_at, was_sent);
        self.fail_for(mint.askers, failure, scene);
        if let Some(secret) = secret {
            self.note_refused_secret(&cause, secret, scene);
        }
    }

    fn granted(&mut self, mint: Mint, mut granted: Granted, scene: &mut Scene<'_>) {
        // Whatever else the answer is worth: on a server that rotates, the old refresh token is gone.
        self.take_refresh_token(&mut granted, scene);
        if let Some(cause) = self.contradiction.clone() {
            return refuse_all(mint.askers, &Refusal::Refused(cause), scene);
        }
        let proof = match binding::weigh(&granted, &self.settings) {
            Ok(proof) => proof,
            Err(cause) => {
                self.refuse_once_kept(mint.askers, &Refusal::Refused(cause.clone()));
                return self.quarantine(cause, scene);
            }
        };
        if self.is_settled_upon() {
            self.saving.is_dirty |= self.record.end_fallbacks();
        }
        let started = mint.call.started();
        if has_ended(granted.life, started, scene.now.boot) {
            return self.fail_for_dead_token(mint, granted.life, scene);
        }
        if mint.is_for_longer_life() && self.would_shorten(&granted, started) {
            return self.keep_the_longer(granted.life, scene);
        }
        if let Some((mint, granted)) = self.hold_mint(mint, granted, proof, scene) {
            self.take_minted(mint, granted, proof, scene);
        }
    }

    /// Nothing stands against what a mint has brought.
    pub(super) fn take_minted(
        &mut self,
        mint: Mint,
        granted: Granted,
        proof: Proof,
        scene: &mut Scene<'_>,
    ) {
        let started = mint.call.started();
        self.awaiting_token.extend(mint.askers);
        self.take_token(granted, proof, started, scene);
    }

    /// A server that rotates refresh tokens has just replaced ours; the lane goes on.
    pub(super) fn take_refresh_token(&mut self, granted: &mut Granted, scene: &mut Scene<'_>) {
        let (Some(grant), Some(rotated)) = (&mut self.record.grant, granted.refresh_token.take())
        else {
            return;
        };
        if let Root::RefreshToken(own) = &mut grant.root {
            let new: Arc<Secret> = rotated.into();
            let old = std::mem::replace(own, Arc::clone(&new));
            let lane = grant.lane.clone();
            scene.rotations.push(Rotation { lane, old, new });
            self.saving.is_dirty = true;
        }
    }

    /// Whether our refresh token is another one since that call went out.
    fn has_followed(&self, mint: &Mint) -> bool {
        let own = self.record.grant.as_ref();
        let own = own.and_then(|grant| grant.root.refresh_token());
        mint.sent
            .as_ref()
            .zip(own)
            .is_some_and(|(sent, own)| !own.is_same_as(sent))
    }

    fn would_shorten(&self, granted: &Granted, started: Boottime) -> bool {
        let served = self.record.token.as_ref();
        let end = started.plus(schedule::life_to_trust(granted.life));
        served.is_some_and(|old| end < old.expires)
    }

    /// A scheduled mint brought a token that ends before the one it should replace (R2): the old one stays,
    /// and the next mint comes when a life like the new one's reaches past the old one's end.
    fn keep_the_longer(&mut self, life: Duration, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let detail = format!(
            "Zoho granted {} s, less than the token in use has left, which stays",
            life.as_secs()
        );
        self.last_error = Some((now, Cause::new("shorter-life", &detail)));
        self.saving.is_dirty = true;
        let end = self.record.token.as_ref().map_or(now, |old| old.expires);
        self.not_before = end.minus(life / 2);
        self.become_word(Word::Ok, None, Some(self.not_before), scene);
        self.tell(Severity::Warning, "shorter-life", detail, scene);
    }

    /// Makes a granted token the newest; readers get it once it is on the disk.
    pub(super) fn take_token(
        &mut self,
        granted: Granted,
        proof: Proof,
        started: Boottime,
        scene: &mut Scene<'_>,
    ) {
        let next = self.record.generation.saturating_add(1);
        let generation = next.max(scene.now.wall.seconds());
        self.record
            .streak
            .follow(self.record.generation, generation);
        self.record.generation = generation;
        let api_domain = self.api_domain_for(&granted, proof, scene);
        let life = granted.life;
        self.record.token = Some(Token {
            access_token: granted.access_token,
            generation,
            started,
            expires: started.plus(schedule::life_to_trust(life)),
            api_domain,
            scope: granted
                .scope
                .unwrap_or_else(|| self.settings.binding.scopes.clone()),
            verified: proof == Proof::Verified,
        });
        self.unsent = 0;
        self.not_before = Boottime(i64::MIN);
        self.become_word(Word::Ok, None, None, scene);
        self.saving.is_dirty = true;
        self.saving.newest = Newest::Unwritten;
        let detail = format!("generation {generation}, {} s to live", life.as_secs());
        self.tell(Severity::Info, "minted", detail, scene);
    }
}
