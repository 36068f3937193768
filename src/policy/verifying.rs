//! What Zoho's API has told of a grant, and what follows (S4).
//!
//! An enrolment that it contradicts is refused, and leaves the older grant as it was; a token that is out is taken from
//! every outlet. An org that is told for the first time is pinned to the name. Where the API does not tell, the token
//! is published as `unverified`. Invariant: what it has told stays evidence, also while it is away, until a person
//! enrolls again or accepts that org by its id.

use std::time::Duration;

use super::asking::{Asking, Held, Verifying};
use super::binding::Proof;
use super::enrolling::{Accepted, Enrolling};
use super::event::{Attempt, Refusal, Severity};
use super::identity::{Found, WRONG_ORG, ZohoOrg, refusal_of_token};
use super::minting::Mint;
use super::org::{Org, Scene};
use super::record::{Cause, Word};
use super::reply::Granted;
use super::saving::refuse;
use crate::base::Boottime;

/// So young a token has ended for no newer one: ten more would have to be made, and Zoho grants ten in ten minutes.
const FRESH: Duration = Duration::from_mins(1);

impl Org {
    /// The API has said which org a token is of, or that it does not say; an answer to any but the awaited question
    /// changes nothing.
    pub(super) fn told(
        &mut self,
        attempt: Attempt,
        said: Result<ZohoOrg, Cause>,
        scene: &mut Scene<'_>,
    ) {
        let is_held = |own: &&mut Enrolling| Held::awaits(own.held.as_ref(), attempt);
        if let Some(own) = self
            .enrolling
            .as_mut()
            .filter(is_held)
            .map(|own| own.held.take())
        {
            return self.told_of_enrolment(own, said, scene);
        }
        if let Some(mut own) = self
            .minting
            .take_if(|own| Held::awaits(own.held.as_ref(), attempt))
        {
            let held = own.held.take();
            return self.told_of_mint(own, held, said, scene);
        }
        let is_it = |asking: &mut Asking| asking.attempt == attempt;
        if self.verifying.asking.take_if(is_it).is_some() {
            self.told_of_served(said, scene);
        }
    }

    fn told_of_enrolment(
        &mut self,
        held: Option<Held<Accepted>>,
        said: Result<ZohoOrg, Cause>,
        scene: &mut Scene<'_>,
    ) {
        let (Some(own), Some(held)) = (self.enrolling.take(), held) else {
            return;
        };
        let against = self.contradicted_by_answer(&said);
        if let Some(cause) = against {
            self.reject(&own, held.what.root, scene);
            self.refuse_for(&own, cause.clone(), scene);
            if self.lane() == Some(&own.call.lane) && self.contradiction.is_none() {
                // By the right that is in force already, and for the same config: its tokens are of that place too.
                self.note_said(said, scene);
                self.quarantine(cause, scene);
            }
            return;
        }
        self.put_in_force(own, *held.what, scene);
        self.note_asked();
        self.note_said(said, scene);
    }

    /// What the API's word contradicts.
    pub(super) fn contradicted_by(&self, told: Option<&ZohoOrg>) -> Option<Cause> {
        self.record.identity.contradicts(told?, &self.settings)
    }

    /// The same of a token that has just been made: one that the API does not know is of another place.
    fn contradicted_by_answer(&self, said: &Result<ZohoOrg, Cause>) -> Option<Cause> {
        match said {
            Ok(org) => self.contradicted_by(Some(org)),
            Err(cause) => refusal_of_token(cause, &self.settings),
        }
    }

    /// What is in force stays.
    fn refuse_for(&mut self, own: &Enrolling, cause: Cause, scene: &mut Scene<'_>) {
        let detail = format!("enrolment refused: {}: {}", cause.code, cause.detail);
        self.tell(Severity::Warning, "enroll", detail, scene);
        self.saving.is_dirty = true;
        refuse(own.request, Refusal::Refused(cause), scene);
    }

    fn told_of_mint(
        &mut self,
        own: Mint,
        held: Option<Held<(Granted, Proof)>>,
        said: Result<ZohoOrg, Cause>,
        scene: &mut Scene<'_>,
    ) {
        let Some(held) = held else {
            return;
        };
        // An API that is away takes nothing back of what it has told before.
        let told = self.zoho_org().filter(|_| said.is_err());
        let against = self.contradicted_by(told);
        let against = against.or_else(|| self.contradicted_by_answer(&said));
        self.note_said(said, scene);
        if let Some(cause) = against {
            self.refuse_once_kept(own.into_askers(), &Refusal::Refused(cause.clone()));
            return self.quarantine(cause, scene);
        }
        let (granted, proof) = *held.what;
        self.take_minted(own, granted, proof, scene);
        self.note_asked();
    }

    /// The newest token is the one that was asked about.
    fn note_asked(&mut self) {
        self.verifying.asked = Some(self.record.generation);
    }

    fn told_of_served(&mut self, said: Result<ZohoOrg, Cause>, scene: &mut Scene<'_>) {
        let against = if self.is_asked_of_fresh(scene.now.boot) {
            self.contradicted_by_answer(&said)
        } else {
            self.contradicted_by(said.as_ref().ok())
        };
        self.note_said(said, scene);
        if let Some(cause) = against {
            self.quarantine(cause, scene);
        }
    }

    /// Whether the question was about the newest token, and Zoho cannot have ended it for newer ones since.
    fn is_asked_of_fresh(&self, now: Boottime) -> bool {
        let token = self.record.token.as_ref();
        token.is_some_and(|token| {
            self.verifying.asked == Some(token.generation) && token.started.plus(FRESH) > now
        })
    }

    /// Keeps the API's word on the grant in force, and pins the org to the name where nothing stands against it.
    fn note_said(&mut self, said: Result<ZohoOrg, Cause>, scene: &mut Scene<'_>) {
        let Some(lane) = self.record.grant.as_ref().map(|grant| grant.lane.clone()) else {
            return;
        };
        let org = match said {
            Ok(org) => org,
            Err(cause) => return self.note_silence(cause, scene),
        };
        self.verifying.silence = None;
        let identity = &mut self.record.identity;
        let is_it = identity.contradicts(&org, &self.settings).is_none();
        let detail = format!("Zoho's API says that this is org {}", org.shown());
        if is_it {
            identity.pin(org.clone(), &self.settings);
        }
        identity.found = Some(Found { org, lane });
        self.saving.is_dirty = true;
        if is_it {
            self.tell(Severity::Info, "verified", detail, scene);
        }
    }

    fn note_silence(&mut self, cause: Cause, scene: &mut Scene<'_>) {
        let code = cause.code.clone();
        let known = self.verifying.silence.replace(cause);
        let is_known = known.is_some_and(|known| known.code == code);
        if let (false, Some(why)) = (is_known, self.why_unverified()) {
            self.tell(Severity::Warning, "unverified", why, scene);
        }
    }

    /// A new grant: what was asked about the older one says nothing of it.
    pub(super) fn forget_asked(&mut self) {
        self.verifying = Verifying::default();
        self.record.identity.found = None;
    }

    /// Where the config of today pins another org than the API has told of; what was quarantined for that stays so.
    pub(super) fn contradicted_by_org_id(&self) -> Option<Cause> {
        let told = self.zoho_org()?;
        let org_id = self.settings.org_id.as_deref()?;
        let is_told = told.is(org_id) || self.record.verdict.word == Word::Quarantined;
        let detail = format!(
            "the grant is of org {}, the config pins org_id {org_id}",
            told.shown()
        );
        (!is_told).then(|| Cause::new("config-contradicts-grant", &detail))
    }

    /// The org that the API has told of is accepted by now, by its id in the config: the next mint may go out.
    pub(super) fn lift_quarantine(&mut self, now: Boottime) {
        let verdict = &self.record.verdict;
        let code = verdict.cause.as_ref().map(|cause| cause.code.as_str());
        let is_for_org = verdict.word == Word::Quarantined && code == Some(WRONG_ORG);
        let Some(org) = self.zoho_org().filter(|_| is_for_org).cloned() else {
            return;
        };
        if self.contradicted_by(Some(&org)).is_some() {
            return;
        }
        self.record.identity.pin(org, &self.settings);
        let verdict = &mut self.record.verdict;
        verdict.word = Word::Starting;
        verdict.since = now;
        verdict.cause = None;
        verdict.until = None;
        self.not_before = Boottime(i64::MIN);
        self.saving.is_dirty = true;
        self.compare_with_config(now);
    }
}
