//! Asks Zoho's API which org a grant is of, and does what follows (S4).
//!
//! Nothing of a grant is published before the API has answered for its first token; an enrolment that it contradicts
//! is refused, and leaves the older grant as it was. Where the API gives no answer the token is published as
//! `unverified`, and the question is put again with each token that follows it: an API that is away takes nothing from
//! readers (R1, R2). Once it has told, a grant is not asked about again. Invariant: what it has told stays evidence,
//! also while it is away, until a person enrolls again or accepts that org by its id.

use std::sync::Arc;
use std::time::Duration;

use super::binding::Proof;
use super::enrolling::{Accepted, Enrolling};
use super::event::{Attempt, Refusal, Severity, Step};
use super::identity::{Found, WRONG_ORG, ZohoOrg, cure_of_silence};
use super::minting::Mint;
use super::org::{Org, Scene};
use super::record::{Cause, Token, Word};
use super::reply::Granted;
use super::saving::refuse;
use crate::base::{Boottime, Secret};

/// Longest wait for the API. A person may wait for it at `enroll`, and readers of an org that has no token yet.
const ASK_MAX: Duration = Duration::from_secs(10);

/// How long after that a question that nobody answered for is given up: the asker itself has failed.
const OVERDUE: Duration = Duration::from_secs(30);

/// How far the API has been asked about the grant in force.
#[derive(Debug, Default)]
pub(super) struct Verifying {
    /// A question about a token that readers have.
    asking: Option<Asking>,
    /// The newest generation that was asked about.
    asked: Option<u64>,
    /// Why the API has not told yet.
    silence: Option<Cause>,
}

/// One question on its way.
#[derive(Debug)]
pub(super) struct Asking {
    attempt: Attempt,
    over_at: Boottime,
}

/// A granted token that nobody has until the API has been heard.
#[derive(Debug)]
pub(super) struct Held<T> {
    asking: Asking,
    what: Box<T>,
}

/// What stands between a token that has just been granted and readers.
enum Evidence {
    /// Nothing.
    Enough,
    /// The API is to be heard first.
    Wanted,
    /// It has been heard, and is not to be heard again.
    Against(Cause),
}

impl Org {
    /// What the API has said of the grant in force.
    pub fn zoho_org(&self) -> Option<&ZohoOrg> {
        let grant = self.record.grant.as_ref()?;
        self.record.identity.found_of(&grant.lane)
    }

    /// Whether evidence says that `token` is of the configured org and environment.
    pub fn is_verified(&self, token: &Token) -> bool {
        if !self.settings.verify {
            return token.verified;
        }
        self.zoho_org().is_some_and(|org| {
            token.verified || org.environment.is_some() || self.settings.org_id.is_some()
        })
    }

    /// Why `verify` has proved nothing yet, and what to do; `None` where it has, or is off.
    pub(super) fn why_unverified(&self) -> Option<String> {
        let is_open = self.settings.verify && self.zoho_org().is_none();
        let cause = self.verifying.silence.as_ref().filter(|_| is_open)?;
        let cure = cure_of_silence(cause, &self.settings);
        Some(format!(
            "Zoho's API has not told which org this is ({}: {}); {cure}; it is asked again with the next token",
            cause.code, cause.detail
        ))
    }

    /// Why the binding of `token` is unverified; `None` where it is not.
    pub(super) fn binding_detail(&self, token: &Token) -> Option<String> {
        if self.is_verified(token) {
            return None;
        }
        Some(match (self.why_unverified(), self.zoho_org()) {
            (Some(why), _) => why,
            (None, _) if !self.settings.verify => {
                "Zoho did not say which environment this grant is for; with `verify = true` its API is asked".to_owned()
            }
            (None, Some(org)) => format!(
                "Zoho said nowhere which environment org {} is; pin it as `org_id` if it is the right one",
                org.shown()
            ),
            (None, None) => "Zoho's API is being asked which org this is".to_owned(),
        })
    }

    /// Holds an enrolment back until the API has said whose grant it is.
    pub(super) fn hold_enrolment(
        &mut self,
        mut own: Enrolling,
        accepted: Accepted,
        scene: &mut Scene<'_>,
    ) {
        let asking = self.ask(&accepted.granted.access_token, scene);
        own.held = Some(Held::new(asking, accepted));
        self.enrolling = Some(own);
    }

    /// Holds a mint back, or refuses it, if need be; gives it back where nothing stands against it.
    pub(super) fn hold_mint(
        &mut self,
        mut mint: Mint,
        granted: Granted,
        proof: Proof,
        scene: &mut Scene<'_>,
    ) -> Option<(Mint, Granted)> {
        match self.evidence() {
            Evidence::Enough => return Some((mint, granted)),
            Evidence::Against(cause) => {
                self.refuse_once_kept(mint.into_askers(), &Refusal::Refused(cause.clone()));
                self.quarantine(cause, scene);
            }
            Evidence::Wanted => {
                let asking = self.ask(&granted.access_token, scene);
                mint.held = Some(Held::new(asking, (granted, proof)));
                self.minting = Some(mint);
            }
        }
        None
    }

    fn evidence(&self) -> Evidence {
        let told = self.zoho_org();
        match told.and_then(|org| self.record.identity.contradicts(org, &self.settings)) {
            Some(_) if self.settings.verify => Evidence::Wanted,
            Some(cause) => Evidence::Against(cause),
            // Where readers have a token of this grant, they have the next one at once.
            None if self.settings.verify && told.is_none() && self.record.token.is_none() => {
                Evidence::Wanted
            }
            None => Evidence::Enough,
        }
    }

    fn ask(&self, access_token: &Arc<Secret>, scene: &mut Scene<'_>) -> Asking {
        let attempt = Attempt(scene.numbers.next());
        let timeout = self.settings.timeout.min(ASK_MAX);
        scene.steps.push(Step::Ask {
            org: self.name().clone(),
            attempt,
            access_token: Arc::clone(access_token),
            timeout,
        });
        Asking {
            attempt,
            over_at: scene.now.boot.plus(timeout + OVERDUE),
        }
    }

    /// Asks about the token that readers have, once for each generation, until the API has told.
    pub(super) fn ask_if_due(&mut self, scene: &mut Scene<'_>) {
        let is_held = self.contradiction.is_some() || self.word() == Word::Quarantined;
        let is_open = self.settings.verify && self.zoho_org().is_none();
        let is_busy = self.verifying.asking.is_some() || self.enrolling.is_some();
        let asked = self.verifying.asked;
        let token = self.record.token.as_ref();
        let token =
            token.filter(|own| own.expires > scene.now.boot && asked != Some(own.generation));
        if let (Some(token), true, false, false) = (token, is_open, is_held, is_busy) {
            let (generation, token) = (token.generation, Arc::clone(&token.access_token));
            self.verifying.asked = Some(generation);
            self.verifying.asking = Some(self.ask(&token, scene));
        }
    }

    /// When to give up a question that came to no end.
    pub(super) fn ask_overdue_at(&self) -> Option<Boottime> {
        self.askings().map(|asking| asking.over_at).min()
    }

    pub(super) fn give_up_overdue_asks(&mut self, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let overdue = self.askings().filter(|asking| asking.over_at <= now);
        let overdue: Vec<Attempt> = overdue.map(|asking| asking.attempt).collect();
        for attempt in overdue {
            let cause = Cause::new("no-answer", "the question came to no end");
            self.told(attempt, Err(cause), scene);
        }
    }

    fn askings(&self) -> impl Iterator<Item = &Asking> {
        let mint = self.minting.as_ref().and_then(|own| own.held.as_ref());
        let enrolment = self.enrolling.as_ref().and_then(|own| own.held.as_ref());
        let held = mint.map(|held| &held.asking);
        let held = held.into_iter().chain(enrolment.map(|held| &held.asking));
        held.chain(self.verifying.asking.as_ref())
    }

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
        let told = said.as_ref().ok();
        let against = told.and_then(|org| self.record.identity.contradicts(org, &self.settings));
        if let Some(cause) = against {
            return self.refuse_for(&own, cause, scene);
        }
        self.put_in_force(own, *held.what, scene);
        self.note_asked();
        self.note_said(said, scene);
    }

    /// The grant that is in force stays.
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
        let told = said.as_ref().ok().or(self.zoho_org()).cloned();
        let against = told.and_then(|org| self.record.identity.contradicts(&org, &self.settings));
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
        let told = said.as_ref().ok();
        let against = told.and_then(|org| self.record.identity.contradicts(org, &self.settings));
        self.note_said(said, scene);
        if let Some(cause) = against {
            self.quarantine(cause, scene);
        }
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
        let known = self.verifying.silence.replace(cause);
        let is_news = known.map(|cause| cause.code)
            != self
                .verifying
                .silence
                .as_ref()
                .map(|cause| cause.code.clone());
        if let (true, Some(why)) = (is_news, self.why_unverified()) {
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
        if self
            .record
            .identity
            .contradicts(&org, &self.settings)
            .is_some()
        {
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
        self.compare_with_config();
    }
}

impl<T> Held<T> {
    fn new(asking: Asking, what: T) -> Self {
        Self {
            asking,
            what: Box::new(what),
        }
    }

    fn awaits(held: Option<&Self>, attempt: Attempt) -> bool {
        held.is_some_and(|held| held.asking.attempt == attempt)
    }
}
