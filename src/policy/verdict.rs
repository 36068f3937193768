//! How a grant fares: the word of `status`, its cause, and when to look again.
//!
//! A failure changes the word and the retry clock, and nothing that readers see; evidence that a grant is
//! another org's is the one exception. Throttling is never taken for revocation, nor the reverse (R4).

use super::event::{Refusal, RequestId, Severity};
use super::ledger::Want;
use super::org::{Org, Scene};
use super::record::{Cause, Word};
use super::report::Finding;
use super::saving::{Newest, refuse};
use super::schedule;
use crate::base::Boottime;

/// One failure of a mint.
pub(super) struct Failure {
    pub(super) word: Word,
    pub(super) cause: Cause,
    /// Not before: what the failure itself asks for.
    pub(super) retry_at: Boottime,
    /// Who asked for the call.
    pub(super) want: Want,
    /// Whether Zoho may have seen it.
    pub(super) was_sent: bool,
}

impl Org {
    /// Notes a failure. A word that wants a person is not blurred by a lesser one: it waits for its next
    /// probe, which a call that never reached Zoho was not, and which a person's own try does not put off.
    pub(super) fn fail(&mut self, failure: Failure, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let Failure {
            word,
            cause,
            retry_at,
            want,
            was_sent,
        } = failure;
        self.last_error = Some((now, cause.clone()));
        let was = self.record.verdict.word;
        let stays = was.wants_a_person() && !word.wants_a_person();
        let wants_a_person = stays || word.wants_a_person();
        let is_counted = !wants_a_person || (was_sent && want == Want::Schedule);
        let failures = if word == was || stays {
            (self.record.verdict.failures).saturating_add(u32::from(is_counted))
        } else {
            1
        };
        let at = match (wants_a_person, was_sent, want) {
            (true, true, _) => schedule::probe_at(now, failures).max(retry_at),
            (true, false, Want::Demand) => self.not_before.max(retry_at),
            (true, false, Want::Schedule) | (false, ..) => retry_at,
        };
        self.not_before = at;
        let until = (wants_a_person || word == Word::Throttled).then_some(at);
        if stays {
            self.saving.is_dirty |= self.record.verdict.until != until;
            self.record.verdict.until = until;
        } else {
            self.become_word(word, Some(cause), until, scene);
        }
        self.record.verdict.failures = failures;
    }

    /// Notes a failure, and tells those who waited for the call once it is on the disk.
    pub(super) fn fail_for(
        &mut self,
        askers: Vec<RequestId>,
        failure: Failure,
        scene: &mut Scene<'_>,
    ) {
        let (word, cause, retry_at) = (failure.word, failure.cause.clone(), failure.retry_at);
        self.fail(failure, scene);
        let refusal = match word {
            Word::Throttled => Refusal::Throttled(cause, retry_at),
            word if word.wants_a_person() => Refusal::Refused(cause),
            _ => Refusal::Later(cause, self.not_before),
        };
        self.refuse_once_kept(askers, &refusal);
        self.rule_all(Finding::Pending(self.not_before), scene);
    }

    /// Evidence says that this grant is another org's: nothing of it may be read, now or later.
    pub(super) fn quarantine(&mut self, cause: Cause, scene: &mut Scene<'_>) {
        self.last_error = Some((scene.now.boot, cause.clone()));
        self.record.token = None;
        self.published = None;
        self.saving.newest = Newest::Kept;
        self.saving.is_dirty = true;
        let askers = std::mem::take(&mut self.awaiting_token);
        self.refuse_once_kept(askers, &Refusal::Refused(cause.clone()));
        self.become_word(Word::Quarantined, Some(cause), None, scene);
        self.rule_all(Finding::Binding, scene);
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
        verdict.refused_secret = None;
        verdict.cause = cause;
        verdict.word = word;
        if is_news {
            self.tell_word(scene);
        }
    }

    pub(super) fn tell_word(&mut self, scene: &mut Scene<'_>) {
        let verdict = &self.record.verdict;
        let word = verdict.word.as_str();
        let severity = match verdict.word {
            Word::Ok | Word::Starting => Severity::Info,
            Word::Retrying | Word::Throttled => Severity::Warning,
            _ => Severity::Error,
        };
        let detail = match &verdict.cause {
            Some(cause) => format!("{word}: {}: {}", cause.code, cause.detail),
            None => word.to_owned(),
        };
        self.tell(severity, "grant", detail, scene);
    }
}

/// Tells all of them the same.
pub(super) fn refuse_all(askers: Vec<RequestId>, refusal: &Refusal, scene: &mut Scene<'_>) {
    for request in askers {
        refuse(request, refusal.clone(), scene);
    }
}
