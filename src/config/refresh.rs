//! `[refresh]`: when tokens are renewed. `at` and `min_ttl` may be set per org, too.

use std::time::Duration;

use super::kinds::duration_in;
use super::section::Section;
use super::value::Value;
use crate::policy::schedule::AT_BY_DEFAULT;

/// A fifth of a life leaves room under Zoho's limits; seven tenths still leave a quarter to promise.
const AT_MIN: f64 = 0.2;
const AT_MAX: f64 = 0.7;
/// A quarter of the hour that Zoho's tokens live: what is in force is never more.
const MIN_TTL_MAX: Duration = Duration::from_mins(15);
const MIN_TTL_MIN: Duration = Duration::from_secs(1);
/// Well under the 100 s between two calls for one org.
const TIMEOUT_MAX: Duration = Duration::from_mins(1);
const TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// When tokens are renewed, and how long a call may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refresh {
    /// As a part of the token's life: 0.2 to 0.7.
    pub at: f64,
    /// Life that a reader is promised to have left: 1 s to 15 min.
    pub min_ttl: Duration,
    /// Of one call to Zoho, connect included: 1 s to 60 s.
    pub timeout: Duration,
}

impl Default for Refresh {
    fn default() -> Self {
        Self {
            at: AT_BY_DEFAULT,
            min_ttl: Duration::from_mins(10),
            timeout: Duration::from_secs(20),
        }
    }
}

impl Refresh {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let section = value.section("[refresh]")?;
        let timeout = duration_in(TIMEOUT_MIN..=TIMEOUT_MAX, "");
        let new = Self {
            timeout: section.or("timeout", Self::default().timeout, timeout),
            ..Self::default().overridden_by(&section)
        };
        section.finish(&[]);
        Some(new)
    }

    /// These settings with what `section` sets for itself.
    pub(super) fn overridden_by(self, section: &Section<'_>) -> Self {
        let min_ttl = duration_in(
            MIN_TTL_MIN..=MIN_TTL_MAX,
            ", a quarter of the hour that a token lives",
        );
        Self {
            at: section.or("at", self.at, at),
            min_ttl: section.or("min_ttl", self.min_ttl, min_ttl),
            timeout: self.timeout,
        }
    }
}

fn at(value: &Value<'_>) -> Option<f64> {
    let at = value.number()?;
    if (AT_MIN..=AT_MAX).contains(&at) {
        return Some(at);
    }
    value.refuse(format!(
        "is {at}; it must be {AT_MIN} to {AT_MAX}, a part of the token's life"
    ))
}
