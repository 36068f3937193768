//! A call's way to Zoho and back: what is never sent, what Zoho counts and nobody hears of, what comes late or twice.

use std::sync::Arc;

use super::grants::{NARROW_SCOPE, STRANGE_HOSTS, right_of};
use super::mail::{Delivery, Due};
use super::trouble::Trouble;
use super::world::World;
use super::zoho::sayings::{self, Kind, Terms};
use super::zoho::{Ask, Decision, Zoho};
use crate::base::OrgName;
use crate::policy::event::{Answer, Attempt, Login, Right};
use crate::policy::record::Cause;
use crate::policy::reply::{Asked, Outcome};

/// How long a caller's last moment may lie behind its deadline when a late answer comes.
const LATE_MAX_MS: i64 = 40_000;

/// The longest way while Zoho is slow: there and back within every timeout.
const SLOW_WAY_MS: i64 = 9_000;

/// A call on its way to Zoho.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) org: usize,
    attempt: Attempt,
    asked: Asked,
    ask: Ask,
    sent_at: i64,
    deadline: i64,
    /// Whether the org's readers were about to go short when it was sent.
    is_eve: bool,
}

/// How a call ends.
#[derive(Debug, Clone)]
pub(super) enum Parcel {
    NotSent,
    Lost,
    Said(Asked, Kind, sayings::Answer),
}

impl Parcel {
    /// As the policy is told: its own `reply` sorts what Zoho said.
    pub(super) fn open(&self) -> Answer {
        match self {
            Self::NotSent => Answer::NotSent(Cause::new("connect", "no way to Zoho")),
            Self::Lost => Answer::Lost(Cause::new("timeout", "no answer in time")),
            Self::Said(asked, _, said) => {
                Answer::Sorted(Outcome::sort(*asked, said.status, said.body.as_bytes()))
            }
        }
    }
}

impl World<'_> {
    /// What a call asks with, as the simulated Zoho reads it. What client credentials say beside the client is the
    /// config's of this moment.
    fn ask_of(&mut self, org: usize, right: &Right) -> Ask {
        match right {
            Right::Code(code) | Right::Login(Login { code, .. }) => {
                Ask::Code(code.expose().to_owned())
            }
            Right::RefreshToken(token) => Ask::Refresh(token.expose().to_owned()),
            Right::Client => {
                let binding = self.binding_in_force(org);
                let scope = binding.scopes.to_string().replace(',', " ").into();
                let right = right_of(binding);
                let grant = if let Some((grant, _)) = self.zoho.own_right(right) {
                    grant
                } else {
                    let (right, place) = (right.map(Into::into), self.place_of(org));
                    self.zoho.open_right(right, place)
                };
                Ask::Client(grant, scope)
            }
        }
    }

    /// The daemon calls Zoho.
    pub(super) fn call(&mut self, name: &OrgName, attempt: Attempt, asked: Asked, right: &Right) {
        let org = self.index_of(name);
        self.attempts[org] = Some(attempt);
        let timeout = self.timeout_ms(org);
        let weather = self.weather_of(org);
        self.check_call(org, asked, right, timeout);
        if asked.is_by_schedule() {
            self.check_reported_call(org);
        }
        if weather == Some(Trouble::Unreachable) {
            let after = *self.dice.pick(&[5, 200, timeout]);
            return self.deliver(after, org, attempt, self.now, Parcel::NotSent);
        }
        if asked.is_by_schedule() {
            self.check_probe(org);
        }
        let ask = self.ask_of(org, right);
        let grant = match &ask {
            Ask::Refresh(text) => Zoho::line_of(text),
            Ask::Client(grant, _) => Some(*grant),
            Ask::Code(_) => None,
        };
        if let Some(grant) = grant {
            self.check_throttled(org, grant);
            self.check_doomed(org, grant);
        }
        let is_demand = self.is_awaited(org);
        self.judge
            .sent(org, grant, self.now, is_demand, self.limits);
        let settings = &self.plan.orgs[org];
        self.judge
            .sent_by(settings, org, self.now, is_demand, self.limits.0);
        for _ in 0..self.seam.copies_of_a_call() {
            let request = Request {
                org,
                attempt,
                asked,
                ask: ask.clone(),
                sent_at: self.now,
                deadline: self.now + timeout,
                is_eve: self.is_eve(org),
            };
            let way = self.way();
            self.mail.post(self.now + way, Due::AtZoho(request));
        }
    }

    fn way(&mut self) -> i64 {
        let most = if self.is_zoho_slow {
            SLOW_WAY_MS
        } else {
            self.plan.way_ms
        };
        self.dice.between(1, most)
    }

    fn deliver(&mut self, after: i64, org: usize, attempt: Attempt, sent_at: i64, parcel: Parcel) {
        let delivery = Delivery {
            org,
            attempt,
            sent_at,
            said_at: self.now,
            parcel,
        };
        self.mail
            .post_to(self.life, self.now + after, Due::Answer(delivery));
    }

    /// A call arrives at Zoho.
    pub(super) fn arrive(&mut self, request: &Request) {
        self.tally.calls += 1;
        let weather = self.weather_of(request.org);
        let parcel = match weather {
            Some(Trouble::Silent) => {
                if self.dice.happens(500) {
                    self.decide(request);
                }
                None
            }
            Some(Trouble::Noise) if self.dice.happens(700) => {
                if self.dice.happens(300) {
                    self.decide(request);
                }
                Some(self.refusal(request, Kind::Noise))
            }
            Some(Trouble::Throttling) => Some(self.refusal(request, Kind::Throttle)),
            Some(Trouble::WrongVerdict) => {
                let kind = *self.dice.pick(&[Kind::Gone, Kind::WrongConfig]);
                Some(self.refusal(request, kind))
            }
            _ => Some(self.decide(request)),
        };
        self.send_back(request, parcel);
    }

    /// Zoho's own decision, and its words.
    fn decide(&mut self, request: &Request) -> Parcel {
        let life = self.life_ms(request.org);
        let decision = self.zoho.take(&request.ask, life, self.now);
        self.note_evictions();
        match decision {
            Decision::Throttles { by_own_calls } => {
                if by_own_calls {
                    let what = "Zoho throttles, and nobody else is to blame".to_owned();
                    self.judge.breaks("R3", Some(request.org), self.now, what);
                }
                self.refusal(request, Kind::Throttle)
            }
            Decision::Refuses => self.refusal(request, Kind::Gone),
            Decision::RefusesClient => self.refusal(request, Kind::WrongConfig),
            Decision::Grants {
                token,
                with_refresh_token,
            } => {
                self.judge.orgs[request.org].report.mints += 1;
                self.check_kills(request, token);
                self.grant(request, token, with_refresh_token)
            }
        }
    }

    fn refusal(&mut self, request: &Request, kind: Kind) -> Parcel {
        let said = sayings::refusal(kind, &mut self.dice);
        self.tally.sayings[said.saying] += 1;
        Parcel::Said(request.asked, kind, said)
    }

    fn grant(&mut self, request: &Request, token: usize, with_refresh_token: bool) -> Parcel {
        let grant = self.zoho.issued[token].grant;
        let place = self.zoho.grants[grant].place.clone();
        let scope = Arc::clone(&self.zoho.issued[token].scope);
        // None is documented there, so that one which comes all the same must be left alone.
        let is_odd = request.asked.is_of_client() && self.dice.happens(100);
        let is_misplaced = self.weather_of(request.org) == Some(Trouble::WrongPlace);
        let is_narrow = is_misplaced && self.dice.happens(500);
        let api_domain = if is_misplaced && !is_narrow {
            self.dice.pick(&STRANGE_HOSTS)
        } else {
            &*place.api_domain
        };
        let terms = Terms {
            token,
            refresh_token: (with_refresh_token || is_odd).then(|| self.zoho.refresh_token(grant)),
            api_domain,
            scope: if is_narrow { NARROW_SCOPE } else { &scope },
            life_ms: self.zoho.issued[token].ends - self.now,
        };
        let (said, names_host) = sayings::grant(&terms, &mut self.dice);
        if names_host {
            self.zoho.issued[token].said_api_domain = Some(api_domain.into());
        }
        self.tally.sayings[said.saying] += 1;
        Parcel::Said(request.asked, Kind::Grant, said)
    }

    /// Brings the answer to the caller, or its absence.
    fn send_back(&mut self, request: &Request, parcel: Option<Parcel>) {
        let back = self.way();
        let left = request.deadline - self.now;
        let (org, attempt, sent_at) = (request.org, request.attempt, request.sent_at);
        match self.whim.take() {
            Some(Trouble::DeadCaller) => return self.end_storm(org),
            Some(Trouble::DuplicateAnswer) => {
                if let Some(parcel) = parcel.clone().filter(|_| back < left) {
                    let later = back + self.dice.between(0, LATE_MAX_MS);
                    self.deliver(later, org, attempt, sent_at, parcel);
                }
            }
            Some(Trouble::LateAnswer) => {
                self.deliver(left.max(0), org, attempt, sent_at, Parcel::Lost);
                let later = left.max(0) + self.dice.between(1, LATE_MAX_MS);
                return self.deliver(later, org, attempt, sent_at, parcel.unwrap_or(Parcel::Lost));
            }
            _ => (),
        }
        match parcel {
            Some(parcel) if back < left => self.deliver(back, org, attempt, sent_at, parcel),
            _ => self.deliver(left.max(0), org, attempt, sent_at, Parcel::Lost),
        }
    }

    /// R3: an eleventh live token only when readers are about to go short.
    fn check_kills(&mut self, request: &Request, token: usize) {
        if self.zoho.issued[token].is_one_too_many && !request.is_eve {
            let what = "an eleventh live token, and readers had enough".to_owned();
            self.judge.breaks("R3", Some(request.org), self.now, what);
        }
    }
}
