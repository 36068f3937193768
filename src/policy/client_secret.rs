//! A client secret that Zoho has refused, and another one in its place: no reason to wait for the next probe.
//!
//! Another one comes by a reload, a restart or an enrolment. The policy knows secrets of the config by their
//! [marks](SecretMark) alone. Invariant: one refused secret is tried no sooner than its probes are due.

use super::org::{Org, Scene};
use super::record::{Cause, Word};
use crate::base::{Secret, SecretMark};

/// The cause of a call that had no secret to go out with.
const NONE: &str = "no-client-secret";

/// Zoho's words for a client whose secret may be what is wrong.
const REFUSED: [&str; 2] = ["invalid_client", "invalid_client_secret"];

impl Org {
    /// Which secret a refresh goes out with: the config's, else that of the enrolment.
    pub(super) fn secret_mark(&self) -> Option<SecretMark> {
        let grant = self.record.grant.as_ref();
        let sealed = || grant?.client_secret.as_deref().map(Secret::mark);
        self.settings.secret.or_else(sealed)
    }

    /// Whether its grant was enrolled without a client secret of its own.
    pub fn relies_on_config_secret(&self) -> bool {
        let grant = self.record.grant.as_ref();
        grant.is_some_and(|grant| grant.client_secret.is_none())
    }

    /// Notes with which secret Zoho refused the client. It may be another one by now.
    pub(super) fn note_refused_secret(
        &mut self,
        cause: &Cause,
        sent: SecretMark,
        scene: &mut Scene<'_>,
    ) {
        if REFUSED.contains(&cause.code.as_str()) {
            self.saving.is_dirty = true;
            self.record.verdict.refused_secret = Some(sent);
            self.try_other_secret(scene);
        }
    }

    /// Mints as soon as the limits have room if the client's secret is another one than Zoho refused. The probes begin
    /// anew with it: Zoho may need a moment to know it.
    pub(super) fn try_other_secret(&mut self, scene: &mut Scene<'_>) {
        self.assume_refused_secret();
        if self.contradiction.is_some() || !self.has_other_secret() {
            return;
        }
        let now = scene.now.boot;
        let verdict = &mut self.record.verdict;
        verdict.failures = 0;
        if verdict.word == Word::Misconfigured {
            verdict.until = Some(now);
        }
        self.not_before = now;
        self.record.verdict.refused_secret = self.secret_mark();
        self.saving.is_dirty = true;
        let lane = self.record.grant.as_ref().map(|grant| &grant.lane);
        let lane = lane.and_then(|lane| scene.ledger.lane_mut(lane));
        if let Some(lane) = lane.filter(|lane| lane.doubted.is_zero()) {
            // What was sent with the other secret counts, but does not hold this one back.
            lane.paced_from = now;
        }
    }

    /// A state of an earlier release does not say which one was refused: the one of its first start.
    fn assume_refused_secret(&mut self) {
        let own = self.secret_mark();
        let verdict = &mut self.record.verdict;
        let is_its = |cause: &Cause| REFUSED.contains(&cause.code.as_str());
        if verdict.word == Word::Misconfigured && verdict.cause.as_ref().is_some_and(is_its) {
            verdict.refused_secret = verdict.refused_secret.or(own);
        }
    }

    fn has_other_secret(&self) -> bool {
        let (verdict, own) = (&self.record.verdict, self.secret_mark());
        let lacked = verdict
            .cause
            .as_ref()
            .is_some_and(|cause| cause.code == NONE);
        match (verdict.word, verdict.refused_secret) {
            (Word::Misconfigured, Some(refused)) => own.is_some_and(|own| own != refused),
            (Word::Retrying, _) => lacked && own.is_some(),
            _ => false,
        }
    }
}
