//! The question to Zoho's API which org a grant is of: when it is put, and what waits for its answer (S4).
//!
//! Nothing of a grant is published before the API has answered for its first token. Where readers have a token of it
//! already, they have the next one at once, and the question goes along: an API that is away takes nothing from readers
//! (R1, R2). Once it has told, a grant is not asked about again. What an answer does is [`super::verifying`]'s.
//! Invariant: one question a generation, and every one of them comes to an end.

use std::sync::Arc;
use std::time::Duration;

use super::binding::Proof;
use super::enrolling::{Accepted, Enrolling};
use super::event::{Attempt, Refusal, Step};
use super::minting::Mint;
use super::org::{Org, Scene};
use super::record::{Cause, Word};
use super::reply::Granted;
use crate::base::{Boottime, Secret};

/// Longest wait for the API. A person may wait for it at `enroll`, and readers of an org that has no token yet.
const ASK_MAX: Duration = Duration::from_secs(10);

/// How long after that a question that nobody answered for is given up: the asker itself has failed.
const OVERDUE: Duration = Duration::from_secs(30);

/// How far the API has been asked about the grant in force.
#[derive(Debug, Default)]
pub(super) struct Verifying {
    /// A question about a token that readers have.
    pub(super) asking: Option<Asking>,
    /// The newest generation that was asked about.
    pub(super) asked: Option<u64>,
    /// Why the API has not told yet.
    pub(super) silence: Option<Cause>,
}

/// One question on its way.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) attempt: Attempt,
    over_at: Boottime,
}

/// A granted token that nobody has until the API has been heard.
#[derive(Debug)]
pub(super) struct Held<T> {
    asking: Asking,
    pub(super) what: Box<T>,
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
        match self.evidence(scene.now.boot) {
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

    fn evidence(&self, now: Boottime) -> Evidence {
        let told = self.zoho_org();
        let token = self.record.token.as_ref();
        let has_token = token.is_some_and(|token| token.expires > now);
        match self.contradicted_by(told) {
            Some(_) if self.settings.verify => Evidence::Wanted,
            Some(cause) => Evidence::Against(cause),
            // Where readers have a token of this grant, they have the next one at once.
            None if self.settings.verify && told.is_none() && !has_token => Evidence::Wanted,
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
}

impl<T> Held<T> {
    fn new(asking: Asking, what: T) -> Self {
        Self {
            asking,
            what: Box::new(what),
        }
    }

    pub(super) fn awaits(held: Option<&Self>, attempt: Attempt) -> bool {
        held.is_some_and(|held| held.asking.attempt == attempt)
    }
}
