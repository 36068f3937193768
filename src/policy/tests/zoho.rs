//! What Zoho and an admin say, in short; and jitter from a seed.

use std::sync::Arc;
use std::time::Duration;

use super::world::HOUR;
use crate::base::{ScopeSet, Secret};
use crate::policy::event::{Answer, Right};
use crate::policy::record::Cause;
use crate::policy::reply::{Granted, Outcome};
use crate::policy::schedule::Dice;

/// Jitter from a seed (splitmix64).
#[derive(Debug)]
pub(super) struct Seeded(pub(super) u64);

impl Seeded {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Dice for Seeded {
    fn roll(&mut self) -> f64 {
        let top = u32::try_from(self.next() >> 32).expect("32 bits");
        f64::from(top) / (f64::from(u32::MAX) + 1.0)
    }
}

pub(super) fn code() -> Right {
    Right::Code(Arc::new(Secret::new("1000.code".into())))
}

pub(super) fn refresh_token(text: &str) -> Right {
    Right::RefreshToken(Arc::new(Secret::new(text.into())))
}

pub(super) fn full() -> Cause {
    Cause::new("disk", "no space left")
}

/// A grant whose token may be trusted for `life`.
pub(super) fn grant(life: Duration, refresh_token: Option<&str>) -> Granted {
    Granted {
        access_token: Arc::new(Secret::new("1000.access".into())),
        refresh_token: refresh_token.map(|text| Secret::new(text.into())),
        api_domain: Some("https://www.zohoapis.eu".into()),
        scope: None,
        life: life * 1000 / 999 + Duration::from_micros(1),
    }
}

pub(super) fn granted(life: Duration, refresh_token: Option<&str>) -> Answer {
    Answer::Sorted(Outcome::Granted(grant(life, refresh_token)))
}

pub(super) fn minted() -> Answer {
    granted(HOUR, None)
}

/// A token whose scope is too narrow: evidence against the grant.
pub(super) fn contradicting(rotated: Option<&str>) -> Answer {
    Answer::Sorted(Outcome::Granted(Granted {
        scope: Some(ScopeSet::parse("ZohoCRM.org.READ")),
        ..grant(HOUR, rotated)
    }))
}

pub(super) fn cause(code: &str) -> Cause {
    Cause::new(code, "said Zoho")
}

pub(super) fn lost() -> Answer {
    Answer::Lost(cause("timeout"))
}

pub(super) fn not_sent() -> Answer {
    Answer::NotSent(cause("connect"))
}

pub(super) fn throttled() -> Answer {
    Answer::Sorted(Outcome::Throttled(cause("Access Denied")))
}

pub(super) fn needs_consent() -> Answer {
    Answer::Sorted(Outcome::NeedsConsent(cause("invalid_code")))
}

pub(super) fn misconfigured() -> Answer {
    Answer::Sorted(Outcome::Misconfigured(cause("invalid_client")))
}

pub(super) fn transient() -> Answer {
    Answer::Sorted(Outcome::Transient(cause("http-502")))
}
