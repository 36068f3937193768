//! The people around the daemon: operators who enrol, refresh and mend, and what they are told.

use std::sync::Arc;

use super::api::STRANGE_ORG;
use super::excuse::START_MS;
use super::grants::{NARROW_SCOPE, other_host, right_of};
use super::mail::Due;
use super::spans::MINUTE;
use super::waiting::{Asker, Wants};
use super::world::World;
use super::zoho::Place;
use crate::base::Secret;
use crate::policy::event::{Event, Offer, Refusal, RequestId, Right};
use crate::policy::record::Word;

/// How often a person looks after orgs that need one.
pub(super) const OPERATES_EVERY_MS: i64 = 45 * MINUTE;

impl World<'_> {
    /// The first day: every org gets its grant.
    pub(super) fn enroll_everybody(&mut self) {
        for org in 0..self.names.len() {
            if self.begins_by_itself(org) {
                self.judge.excuse(org, self.now + START_MS);
            } else {
                self.enroll_well(org);
            }
        }
        let first = self.now + self.operates_every_ms();
        self.mail.post(first, Due::Operator);
    }

    /// A person makes a code for the right org, and enrols it; or sees that its client is in order.
    pub(super) fn enroll_well(&mut self, org: usize) {
        if self.is_of_client(org) {
            return self.mend_client(org);
        }
        let code = self.code_for(self.place_of(org));
        self.enroll(org, code);
    }

    /// A person enrols an org with what is no good for it.
    pub(super) fn enroll_badly(&mut self, org: usize) {
        let is_asked = self.plan.orgs[org].verify;
        let right = match self.dice.below(4) {
            // The right place, and another customer's org in it.
            2 | 3 if is_asked && self.dice.happens(500) => self.code_for(Place {
                zoho_org: STRANGE_ORG.into(),
                ..self.place_of(org)
            }),
            0 => Right::Code(Arc::new(Secret::new("code-999999".into()))),
            1 => Right::RefreshToken(Arc::new(Secret::new("rt-999999-0".into()))),
            2 => self.code_for(Place {
                scope: NARROW_SCOPE.into(),
                ..self.place_of(org)
            }),
            _ => {
                let api_domain = other_host(&self.plan.orgs[org], &mut self.dice).into();
                self.code_for(Place {
                    api_domain,
                    ..self.place_of(org)
                })
            }
        };
        self.enroll(org, right);
    }

    fn mend_client(&mut self, org: usize) {
        let right = right_of(self.binding_in_force(org));
        if let Some((grant, _)) = self.zoho.own_right(right) {
            self.zoho.restore(grant);
        }
        if self.begins_by_itself(org) && self.dice.happens(500) {
            self.refresh(org);
        } else {
            self.enroll(org, Right::Client);
        }
    }

    /// A person brings another client secret for the grant that the org has.
    fn prove_secret(&mut self, org: usize) {
        let name = self.names[org].clone();
        let client_secret = Arc::new(Secret::new("another secret".into()));
        self.ask(org, Wants::Enrolment, |request| Event::Prove {
            org: name,
            request,
            client_secret,
        });
    }

    /// A person brings the refresh token that the org has already, or to every other org another client secret.
    pub(super) fn take_over(&mut self, org: usize) {
        if self.is_of_client(org) {
            return self.mend_client(org);
        }
        if org % 2 == 1 {
            return self.prove_secret(org);
        }
        if let Some(grant) = self.good_grant(org) {
            let token = self.zoho.refresh_token(grant);
            self.enroll(org, Right::RefreshToken(Arc::new(Secret::new(token))));
        }
    }

    /// A person makes a code in the console.
    fn code_for(&mut self, place: Place) -> Right {
        Right::Code(Arc::new(Secret::new(self.zoho.make_code(place, self.now))))
    }

    fn enroll(&mut self, org: usize, right: Right) {
        let sealed = self.is_of_client(org) && !self.begins_by_itself(org);
        let offer = Offer {
            right,
            client_secret: sealed.then(|| Arc::new(Secret::new("client-secret".into()))),
            keeps_old: false,
        };
        let name = self.names[org].clone();
        self.ask(org, Wants::Enrolment, |request| Event::Enroll {
            org: name,
            request,
            offer,
        });
    }

    /// A person wants a new token.
    pub(super) fn refresh(&mut self, org: usize) {
        let name = self.names[org].clone();
        self.ask(org, Wants::Refresh, |request| Event::Refresh {
            org: name,
            request,
        });
    }

    /// A person is answered: what he is told is on the disk (R7).
    pub(super) fn reply(&mut self, request: RequestId, result: &Result<(), Refusal>) {
        let Some(Asker { org, wants, .. }) = self.askers.remove(&request) else {
            let what = format!("{request:?} was answered twice, or never asked");
            return self.judge.breaks("R7", None, self.now, what);
        };
        match (result, wants) {
            (Ok(()), _) => self.check_told(org, wants),
            (Err(Refusal::Later(_, at)), Wants::Refresh) => self.check_promised_try(org, *at),
            _ => (),
        }
    }

    fn check_told(&mut self, org: usize, wants: Wants) {
        let kept = self.disk.generation(&self.names[org]);
        let boot = self.clocks.at(self.now).boot;
        let token = self.org(org).and_then(|own| own.served(boot));
        let served = token.map_or(kept, |token| token.generation);
        if kept < served {
            let what = format!("told of generation {served}, the disk has {kept}");
            self.judge.breaks("R7", Some(org), self.now, what);
        }
        let own = &mut self.judge.orgs[org];
        own.told = kept;
        if wants == Wants::Enrolment {
            own.replaced = None;
        }
    }

    /// A person looks after the orgs that need one.
    pub(super) fn operate(&mut self) {
        let next = self.now + self.operates_every_ms();
        self.mail.post(next, Due::Operator);
        if self.is_forecast() {
            return self.enroll_whoever_is_new();
        }
        self.tend();
    }

    /// Enrols what has lost its grant for good, and looks again at what is quarantined.
    pub(super) fn tend(&mut self) {
        for org in 0..self.names.len() {
            let enrols = |asker: &Asker| asker.org == org && asker.wants == Wants::Enrolment;
            let is_enrolling = self.askers.values().any(enrols);
            let lacks_grant = self.good_grant(org).is_none();
            match self.word(org) {
                Some(_) if lacks_grant && !is_enrolling => self.enroll_well(org),
                Some(Word::Quarantined) if self.is_of_its_place(org) => self.refresh(org),
                Some(Word::Quarantined) => self.enroll_well(org),
                Some(Word::Misconfigured) if self.is_enrolled_for_another_config(org) => {
                    self.enroll_well(org);
                }
                _ => (),
            }
        }
    }

    /// Whether it was enrolled while the config was another one, which is over.
    fn is_enrolled_for_another_config(&self, org: usize) -> bool {
        let cause = self.org(org).and_then(|own| own.cause());
        self.is_config_whole && cause.is_some_and(|cause| cause.code == "config-contradicts-grant")
    }
}
