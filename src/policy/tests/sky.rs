//! A Zoho whose weather changes: good, away in one way or another, throttling, denying, odd.

use super::zoho::{Seeded, cause, grant};
use crate::base::{ScopeSet, Secret};
use crate::policy::event::{Answer, Right};
use crate::policy::reply::{Granted, Outcome};

#[derive(Debug, Clone, Copy)]
pub(super) enum Weather {
    Good,
    Unreachable,
    Silent,
    Gateway,
    Throttling,
    Denying,
    Odd,
}

pub(super) struct Sky {
    pub(super) weather: Weather,
    /// No whims any more.
    pub(super) is_steady: bool,
    /// Of its tokens, in milliseconds.
    pub(super) life: i64,
    rotates: bool,
    serial: u64,
}

/// What becomes of one call.
pub(super) struct Plan {
    /// The refresh tokens that come from one enrolment.
    pub(super) family: String,
    /// Whether Zoho sees it at all.
    pub(super) is_seen: bool,
    /// When Zoho counts it.
    pub(super) counted: i64,
    /// Of the token that it makes; zero for none.
    pub(super) life: i64,
    /// The token, if it comes back.
    pub(super) token: Option<String>,
    pub(super) delay: i64,
    /// `None`: the caller itself dies.
    pub(super) answer: Option<Answer>,
}

impl Sky {
    pub(super) fn new(rng: &mut Seeded) -> Self {
        Self {
            weather: Weather::Good,
            is_steady: false,
            life: rng.pick(&[3600, 3600, 3600, 900, 60]) * 1000,
            rotates: rng.below(4) == 0,
            serial: 0,
        }
    }

    pub(super) fn change(&mut self, rng: &mut Seeded) {
        self.weather = rng.pick(&[
            Weather::Good,
            Weather::Good,
            Weather::Good,
            Weather::Good,
            Weather::Unreachable,
            Weather::Silent,
            Weather::Gateway,
            Weather::Throttling,
            Weather::Denying,
            Weather::Odd,
        ]);
    }

    pub(super) fn plan(&mut self, right: &Right, now: i64, rng: &mut Seeded) -> Plan {
        self.serial += 1;
        let (family, is_exchange) = match right {
            Right::Code(_) => (format!("family{}", self.serial), true),
            Right::RefreshToken(token) => {
                let family = token.expose().split('.').next().expect("one part");
                (family.to_owned(), false)
            }
        };
        let (mut delay, mut life): (i64, i64) = (rng.pick(&[200, 800, 3_000]), 0);
        let mut is_seen = true;
        let mut token = None;
        let answer = match self.weather {
            Weather::Unreachable => {
                is_seen = false;
                delay = rng.pick(&[5, 20_000]);
                Some(Answer::NotSent(cause("connect")))
            }
            Weather::Silent => {
                (delay, life) = (20_000, rng.pick(&[0, self.life]));
                (rng.below(20) > 0).then(|| Answer::Lost(cause("timeout")))
            }
            Weather::Gateway => {
                life = rng.pick(&[0, self.life]);
                Some(Answer::Sorted(Outcome::Transient(cause("http-502"))))
            }
            Weather::Throttling => Some(Answer::Sorted(Outcome::Throttled(cause("Access Denied")))),
            Weather::Denying => Some(Answer::Sorted(match rng.below(2) {
                0 => Outcome::NeedsConsent(cause("invalid_code")),
                _ => Outcome::Misconfigured(cause("invalid_client")),
            })),
            Weather::Good | Weather::Odd => {
                life = self.life;
                let rotated = is_exchange || self.rotates;
                let granted = self.grant(&family, rotated, rng);
                life = life.min(granted.life.as_millis().try_into().expect("an hour"));
                token = Some(granted.access_token.expose().to_owned());
                Some(Answer::Sorted(Outcome::Granted(granted)))
            }
        };
        Plan {
            family,
            is_seen,
            counted: now + rng.below(delay.unsigned_abs() + 1).cast_signed(),
            life,
            token,
            delay,
            answer,
        }
    }

    fn grant(&self, family: &str, rotated: bool, rng: &mut Seeded) -> Granted {
        let is_odd = matches!(self.weather, Weather::Odd) && !self.is_steady;
        let mut life = std::time::Duration::from_millis(self.life.unsigned_abs());
        if is_odd && rng.below(3) == 0 {
            life /= 4;
        }
        let refresh_token = rotated.then(|| format!("{family}.{}", self.serial));
        Granted {
            access_token: Secret::new(format!("access{}", self.serial)),
            scope: (is_odd && rng.below(4) == 0).then(|| ScopeSet::parse("ZohoCRM.users.READ")),
            ..grant(life, refresh_token.as_deref())
        }
    }
}
