//! One mint by a refresh token: slot to the disk, call, answer, token.
//!
//! A failure changes the org's word and its retry clock, and nothing that readers see.

use super::binding::{self, Proof};
use super::event::{Answer, Attempt, Refusal, RequestId, Right, Severity, Step, WriteId};
use super::ledger::{Fate, Want};
use super::org::{Org, Scene};
use super::record::{Cause, Slot, Token, Word};
use super::reply::{Asked, Granted, Outcome};
use super::saving::{Stage, refuse};
use super::schedule;
use crate::base::{Boottime, OrgName};
use std::time::Duration;

/// How long after its deadline a call that nobody answered for is given up: the caller itself has failed.
const OVERDUE: Duration = Duration::from_secs(30);

/// A mint on its way.
#[derive(Debug)]
pub(super) struct Mint {
    attempt: Attempt,
    slot: Slot,
    want: Want,
    /// Admins who wait for its outcome.
    askers: Vec<RequestId>,
    pub(super) stage: Stage,
}

impl Mint {
    pub(super) fn overdue_at(&self) -> Boottime {
        self.slot.settled.plus(OVERDUE)
    }

    /// Whether the call may have reached Zoho.
    pub(super) fn is_calling(&self) -> bool {
        self.stage == Stage::Calling
    }
}

impl Org {
    /// Takes a slot and sends it to the disk; the call follows once it is there.
    pub(super) fn begin_mint(&mut self, want: Want, askers: Vec<RequestId>, scene: &mut Scene<'_>) {
        let Some(grant) = &self.record.grant else {
            return;
        };
        let Some(lane) = scene.ledger.lane_mut(&grant.lane) else {
            return;
        };
        self.minting = Some(Mint {
            attempt: Attempt(scene.numbers.next()),
            slot: lane.open(scene.now.boot, self.settings.timeout),
            want,
            askers,
            stage: Stage::Reserving(None),
        });
    }

    /// An admin wants a token now: joins the mint on its way, or begins one if the budget allows.
    pub(super) fn refresh(&mut self, request: RequestId, scene: &mut Scene<'_>) {
        if let Some(refusal) = self.refuses_refresh(scene) {
            return refuse(request, refusal, scene);
        }
        match &mut self.minting {
            Some(mint) => mint.askers.push(request),
            None => self.begin_mint(Want::Demand, vec![request], scene),
        }
    }

    fn refuses_refresh(&self, scene: &mut Scene<'_>) -> Option<Refusal> {
        let now = scene.now.boot;
        let Some(grant) = &self.record.grant else {
            let cause = Cause::new("unenrolled", "nobody has enrolled this org yet");
            return Some(Refusal::Refused(cause));
        };
        if let Some(cause) = &self.contradiction {
            return Some(Refusal::Refused(cause.clone()));
        }
        if self.minting.is_some() {
            return None;
        }
        let throttled = self
            .record
            .verdict
            .until
            .filter(|_| self.word() == Word::Throttled);
        let limits = self.settings.limits;
        let client_mints = self.settings.client_mints;
        let window = scene
            .ledger
            .room_at(&grant.lane, now, limits, client_mints, Want::Demand);
        let live = self.live_room_at(scene.ledger, now);
        let at = window.max(live).max(throttled.unwrap_or(now));
        (at > now).then_some(Refusal::NoBudget(at))
    }

    /// The slot may be on the disk: then call.
    pub(super) fn call_for_mint(&mut self, write: WriteId, scene: &mut Scene<'_>) {
        let (Some(mint), Some(grant)) = (&mut self.minting, &self.record.grant) else {
            return;
        };
        if mint.stage != Stage::Reserving(Some(write)) {
            return;
        }
        mint.stage = Stage::Calling;
        scene.steps.push(Step::Call {
            org: self.settings.name.clone(),
            attempt: mint.attempt,
            asked: Asked::Refresh,
            right: Right::RefreshToken(grant.refresh_token.clone()),
            client_secret: grant.client_secret.clone(),
        });
    }

    /// The slot cannot be kept: then nothing is sent.
    pub(super) fn abandon_unsaved_mint(
        &mut self,
        cause: &Cause,
        retry_at: Boottime,
        scene: &mut Scene<'_>,
    ) {
        let Some(mint) = self.minting.take_if(|mint| !mint.is_calling()) else {
            return;
        };
        self.close(mint.slot, Fate::NeverSent, scene);
        self.refuse_all(mint.askers, &Refusal::Later(cause.clone(), retry_at), scene);
        self.fail(Word::Retrying, cause.clone(), retry_at, scene);
    }

    /// A new grant is in force: the old one's mint decides nothing any more. Its slot stays spent.
    pub(super) fn abandon_mint(&mut self) -> Vec<RequestId> {
        self.minting
            .take()
            .map(|mint| mint.askers)
            .unwrap_or_default()
    }

    /// Gives up on calls that came to no end.
    pub(super) fn give_up_overdue(&mut self, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let lost = || Answer::Lost(Cause::new("no-answer", "the call came to no end"));
        let overdue = self
            .minting
            .as_ref()
            .filter(|mint| mint.is_calling() && mint.overdue_at() <= now);
        if let Some(attempt) = overdue.map(|mint| mint.attempt) {
            self.answered(attempt, lost(), scene);
        }
        let overdue = self
            .enrolling
            .as_ref()
            .filter(|enrolling| enrolling.overdue_at() <= now);
        if let Some(attempt) = overdue.map(|enrolling| enrolling.attempt) {
            self.answered(attempt, lost(), scene);
        }
    }

    /// A call is over; an answer to any but the awaited one changes nothing.
    pub(super) fn answered(&mut self, attempt: Attempt, answer: Answer, scene: &mut Scene<'_>) {
        if self
            .enrolling
            .as_ref()
            .is_some_and(|own| own.attempt == attempt)
        {
            return self.enrolment_answered(answer, scene);
        }
        let is_ours = |mint: &mut Mint| mint.attempt == attempt && mint.is_calling();
        let Some(mint) = self.minting.take_if(is_ours) else {
            return;
        };
        let (now, limits) = (scene.now.boot, self.settings.limits);
        let paced = schedule::after_written(mint.slot.started, limits, scene.dice);
        self.close(mint.slot, Fate::of(&answer), scene);
        match answer {
            Answer::NotSent(cause) => {
                self.unsent = self.unsent.saturating_add(1);
                let retry_at = schedule::after_unsent(now, self.unsent, limits, scene.dice);
                self.fail_for(mint.askers, Word::Retrying, cause, retry_at, scene);
            }
            Answer::Lost(cause) => {
                self.fail_for(mint.askers, Word::Retrying, cause, paced, scene);
            }
            Answer::Sorted(Outcome::Granted(granted)) => self.granted(&mint, granted, scene),
            Answer::Sorted(outcome) => self.refused(mint, outcome, paced, scene),
        }
    }

    /// Writes what became of a slot of the grant in force.
    fn close(&mut self, slot: Slot, fate: Fate, scene: &mut Scene<'_>) {
        let lane = self.record.grant.as_ref().map(|grant| &grant.lane);
        if let Some(lane) = lane.and_then(|lane| scene.ledger.lane_mut(lane)) {
            lane.close(slot, fate, scene.now.boot);
        }
    }

    fn granted(&mut self, mint: &Mint, mut granted: Granted, scene: &mut Scene<'_>) {
        match binding::weigh(&granted, &self.settings) {
            Err(cause) => {
                self.refuse_all(mint.askers.clone(), &Refusal::Refused(cause.clone()), scene);
                self.quarantine(cause, scene);
            }
            Ok(proof) => {
                let (started, askers) = (mint.slot.started, mint.askers.clone());
                self.take_refresh_token(&mut granted);
                if mint.want == Want::Schedule && self.would_shorten(&granted, started) {
                    return self.keep_the_longer(granted.life, scene);
                }
                self.awaiting_token.extend(askers);
                self.take_token(granted, proof, started, scene);
                self.record.prior = None;
            }
        }
    }

    /// A server that rotates refresh tokens has just replaced ours; the lane goes on.
    fn take_refresh_token(&mut self, granted: &mut Granted) {
        if let (Some(grant), Some(rotated)) = (&mut self.record.grant, granted.refresh_token.take())
        {
            grant.refresh_token = rotated.into();
            self.saving.is_dirty = true;
        }
    }

    fn would_shorten(&self, granted: &Granted, started: Boottime) -> bool {
        let served = self.record.token.as_ref();
        served.is_some_and(|old| started.plus(granted.life) < old.expires)
    }

    /// A scheduled mint brought a token that ends before the one it should replace (R2): the old one stays,
    /// and the next mint comes when a life like the new one's reaches past the old one's end.
    fn keep_the_longer(&mut self, life: Duration, scene: &mut Scene<'_>) {
        let end = self
            .record
            .token
            .as_ref()
            .map_or(scene.now.boot, |old| old.expires);
        let cause = Cause::new(
            "shorter-life",
            &format!(
                "Zoho granted {} s, less than the token in use has left",
                life.as_secs()
            ),
        );
        self.fail(Word::Retrying, cause, end.minus(life / 2), scene);
    }

    /// Makes a granted token the newest; readers get it once it is on the disk.
    pub(super) fn take_token(
        &mut self,
        granted: Granted,
        proof: Proof,
        started: Boottime,
        scene: &mut Scene<'_>,
    ) {
        let generation = (self.record.generation + 1).max(scene.now.wall.seconds());
        self.record.generation = generation;
        let api_domain = self.api_domain_for(&granted, proof, scene);
        self.record.token = Some(Token {
            access_token: granted.access_token.into(),
            generation,
            started,
            expires: started.plus(granted.life),
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
        self.saving.publish_on = Some(None);
        let detail = format!(
            "generation {generation}, {} s to live",
            granted.life.as_secs()
        );
        self.tell(Severity::Info, "minted", detail, scene);
    }

    /// Zoho's word only where the table confirms it; else the last one, else the table's.
    fn api_domain_for(&mut self, granted: &Granted, proof: Proof, scene: &mut Scene<'_>) -> String {
        let environment = self.settings.binding.environment;
        let table = self.settings.api_domains.of(environment).map(str::to_owned);
        if let (Proof::Unverified, Some(said)) = (proof, &granted.api_domain) {
            let detail = Cause::new("", said).detail;
            let detail = format!(
                "Zoho named an api_domain that no table knows, {detail}; the configured one is published"
            );
            self.tell(Severity::Warning, "api-domain", detail, scene);
        }
        let last = self
            .record
            .token
            .as_ref()
            .map(|token| token.api_domain.clone());
        table.or(last).unwrap_or_default()
    }

    fn refused(&mut self, mint: Mint, outcome: Outcome, paced: Boottime, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let (word, cause, until) = match outcome {
            Outcome::Granted(_) => return,
            Outcome::Transient(cause) => (Word::Retrying, cause, paced),
            Outcome::Throttled(cause) => (
                Word::Throttled,
                cause,
                now.plus(self.settings.limits.window),
            ),
            Outcome::NeedsConsent(cause) => (Word::NeedsConsent, cause, now),
            Outcome::Misconfigured(cause) => (Word::Misconfigured, cause, now),
        };
        self.fail_for(mint.askers, word, cause, until, scene);
    }

    fn fail_for(
        &mut self,
        askers: Vec<RequestId>,
        word: Word,
        cause: Cause,
        retry_at: Boottime,
        scene: &mut Scene<'_>,
    ) {
        self.fail(word, cause.clone(), retry_at, scene);
        let refusal = match word {
            Word::Throttled => Refusal::NoBudget(self.not_before),
            word if word.wants_a_person() => Refusal::Refused(cause),
            _ => Refusal::Later(cause, self.not_before),
        };
        self.refuse_all(askers, &refusal, scene);
    }

    /// Notes a failure. A word that wants a person is not blurred by a lesser one: it waits for its next probe.
    fn fail(&mut self, word: Word, cause: Cause, retry_at: Boottime, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        self.last_error = Some((now, cause.clone()));
        let was = self.record.verdict.word;
        let stays = was.wants_a_person() && !word.wants_a_person();
        let failures = match word == was || stays {
            true => self.record.verdict.failures.saturating_add(1),
            false => 1,
        };
        let is_probing = word.wants_a_person() || stays;
        let at = match is_probing {
            true => schedule::probe_at(now, failures).max(retry_at),
            false => retry_at,
        };
        self.not_before = at;
        let until = (is_probing || word == Word::Throttled).then_some(at);
        match stays {
            true => {
                self.record.verdict.until = until;
                self.saving.is_dirty = true;
            }
            false => self.become_word(word, Some(cause), until, scene),
        }
        self.record.verdict.failures = failures;
    }

    /// Evidence says that this grant is another org's: nothing of it may be read, now or later.
    pub(super) fn quarantine(&mut self, cause: Cause, scene: &mut Scene<'_>) {
        self.last_error = Some((scene.now.boot, cause.clone()));
        self.record.token = None;
        self.published = None;
        self.saving.publish_on = None;
        self.become_word(Word::Quarantined, Some(cause), None, scene);
    }

    /// Sets the word; tells the operator when it, or its cause, is another one.
    pub(super) fn become_word(
        &mut self,
        word: Word,
        cause: Option<Cause>,
        until: Option<Boottime>,
        scene: &mut Scene<'_>,
    ) {
        let verdict = &mut self.record.verdict;
        let code = |cause: &Option<Cause>| cause.as_ref().map(|cause| cause.code.clone());
        let is_news = verdict.word != word || code(&verdict.cause) != code(&cause);
        if verdict.word != word {
            verdict.since = scene.now.boot;
            verdict.failures = 0;
        }
        // A transient trouble is written when it begins, not each time it goes on.
        self.saving.is_dirty |= is_news || verdict.until != until;
        verdict.until = until;
        verdict.cause = cause;
        if is_news {
            self.tell_word(scene);
        }
    }

    fn tell_word(&mut self, scene: &mut Scene<'_>) {
        let verdict = &self.record.verdict;
        let severity = match verdict.word {
            Word::Ok | Word::Starting => Severity::Info,
            Word::Retrying | Word::Throttled => Severity::Warning,
            _ => Severity::Error,
        };
        let detail = match &verdict.cause {
            Some(cause) => format!(
                "{}: {}: {}",
                verdict.word.as_str(),
                cause.code,
                cause.detail
            ),
            None => verdict.word.as_str().to_owned(),
        };
        self.tell(severity, "grant", detail, scene);
    }

    pub(super) fn refuse_all(
        &mut self,
        askers: Vec<RequestId>,
        refusal: &Refusal,
        scene: &mut Scene<'_>,
    ) {
        for request in askers {
            refuse(request, refusal.clone(), scene);
        }
    }
}

/// The name under which an org opens the lane of an enrolment.
pub(super) fn lane_name(org: &OrgName, scene: &mut Scene<'_>) -> super::record::LaneId {
    let name = format!("{org}.{}.{}", scene.now.wall.0, scene.numbers.next());
    super::record::LaneId(name.into())
}
