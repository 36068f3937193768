//! When trouble strikes, as typed: `02:00+20m`, `3d02:00:30+5s`, `acme@2d09:30`.

use std::fmt;
use std::time::Duration;

use crate::base::OrgName;
use crate::cli::span;
use crate::simulation::trouble::Trouble;

/// A day, in milliseconds.
pub const DAY_MS: i64 = 86_400_000;

/// Longest trouble.
const SPAN_MAX: Duration = Duration::from_hours(31 * 24);

const LASTING: &str = "write it like 02:00+20m for each day, or 3d02:00+20m for day 3";
const OF_ORG: &str = "write it like acme-production@2d09:30";

/// A time of each day or of one, and a span. Shows itself as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// Which day, from 1; `None`: each.
    pub day: Option<i64>,
    /// Since midnight, in milliseconds.
    pub at_ms: i64,
    /// How long, in milliseconds; zero: a moment.
    pub span_ms: i64,
    typed: String,
}

/// One kind of trouble, when, and whose.
#[derive(Debug, Clone)]
pub struct Strike {
    /// The flag that asked for it.
    pub flag: &'static str,
    /// What happens.
    pub trouble: Trouble,
    /// To which org; `None`: to all.
    pub org: Option<OrgName>,
    /// When.
    pub when: When,
}

impl When {
    /// When it begins within a run of so many days, in milliseconds since its start.
    pub fn begins(&self, days: i64) -> impl Iterator<Item = i64> {
        let which = self.day.map_or(1..=days, |day| day..=day.min(days));
        let at_ms = self.at_ms;
        which.map(move |day| (day - 1) * DAY_MS + at_ms)
    }
}

/// A time with a span.
pub fn lasting(text: &str) -> Result<When, String> {
    let (time, span) = text.split_once('+').ok_or(LASTING)?;
    when(time, span_of(span)?, text).ok_or_else(|| LASTING.to_owned())
}

/// A time with a span, or with this one.
pub fn lasting_or(text: &str, usual: Duration) -> Result<When, String> {
    if text.contains('+') {
        return lasting(text);
    }
    when(text, usual, text).ok_or_else(|| LASTING.to_owned())
}

/// The moment at which an org's grant is revoked.
pub fn of_org(text: &str) -> Result<Strike, String> {
    let (org, time) = text.split_once('@').ok_or(OF_ORG)?;
    Ok(Strike {
        flag: "--revoke",
        trouble: Trouble::Revoked,
        org: Some(OrgName::parse(org).map_err(|err| err.to_string())?),
        when: when(time, Duration::ZERO, text).ok_or(OF_ORG)?,
    })
}

fn span_of(text: &str) -> Result<Duration, String> {
    match span::parse(text)? {
        span if span.as_millis() == 0 => Err("it has to last for some time".to_owned()),
        span if span > SPAN_MAX => Err("it may last for 31 days at most".to_owned()),
        span => Ok(span),
    }
}

fn when(time: &str, span: Duration, typed: &str) -> Option<When> {
    let (day, clock) = match time.split_once('d') {
        Some((day, clock)) => (Some(number(day, 1..=999)?), clock),
        None => (None, time),
    };
    let mut parts = clock.split(':');
    let hours = number(parts.next()?, 0..=23)?;
    let minutes = number(parts.next()?, 0..=59)?;
    let seconds = match parts.next() {
        Some(seconds) => number(seconds, 0..=59)?,
        None => 0,
    };
    parts.next().is_none().then_some(When {
        day,
        at_ms: ((hours * 60 + minutes) * 60 + seconds) * 1000,
        span_ms: i64::try_from(span.as_millis()).ok()?,
        typed: typed.to_owned(),
    })
}

/// Digits alone: no sign, no space.
fn number(text: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let is_plain = text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_plain)?;
    range.contains(&number).then_some(number)
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flag, self.when)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn a_time_without_a_day_is_meant_for_each_day_and_days_count_from_one() {
        let begins = |text: &str| -> Vec<i64> {
            let when = lasting(text).expect("a time");
            assert_eq!(
                (when.span_ms, when.to_string()),
                (1_200_000, text.to_owned())
            );
            when.begins(3).collect()
        };
        let daily = [0, 1, 2].map(|day| day * DAY_MS + 2 * HOUR_MS);
        assert_eq!(begins("02:00+20m"), daily);
        assert_eq!(begins("3d02:00:00+20m"), daily[2..]);
        assert_eq!(begins("1d00:00:18+1200s"), [18_000]);
        assert_eq!(begins("4d02:00+20m"), Vec::<i64>::new(), "after the end");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "02:00",
            "+20m",
            "2+20m",
            "24:00+1m",
            "02:60+1m",
            "02:00:00:00+1m",
            "0d02:00+1m",
            "-1d02:00+1m",
            "d02:00+1m",
            "02:00+",
            "02:00+0s",
            "02:00+32days",
            "+2:00+1m",
            " 2:00+1m",
        ] {
            assert!(lasting(bad).is_err(), "{bad:?}");
        }
        for bad in ["acme", "acme@", "@02:00", "acme@02:00+5m", "a.b@02:00"] {
            assert!(of_org(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_reboot_needs_no_span() {
        let two = Duration::from_mins(2);
        assert_eq!(
            lasting_or("03:00", two).map(|when| when.span_ms),
            Ok(120_000)
        );
        assert_eq!(
            lasting_or("03:00+1m", two).map(|when| when.span_ms),
            Ok(60_000)
        );
    }
}
