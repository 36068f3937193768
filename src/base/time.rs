//! Two clocks that must not be mixed: one for ages, one for people and for what outlives a boot.
//!
//! Both count milliseconds, so that a stand-in's 60-second tokens are paced as exactly as Zoho's hour.

use std::time::Duration;

/// Milliseconds on `CLOCK_BOOTTIME`, which counts suspend and knows no steps. Negative before this boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Boottime(pub i64);

/// Milliseconds since 1970 on the wall clock, which people and NTP move at will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct UnixTime(pub i64);

/// What both clocks showed at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For every age, delay and end of life.
    pub boot: Boottime,
    /// For generations, for what is shown, and for what is stored over a reboot.
    pub wall: UnixTime,
}

impl Now {
    /// What the wall clock shows, or showed, at `moment`, if nobody moves it.
    pub fn wall_at(self, moment: Boottime) -> UnixTime {
        UnixTime(
            self.wall
                .0
                .saturating_add(moment.0.saturating_sub(self.boot.0)),
        )
    }
}

impl Boottime {
    /// Later by `span`, saturating.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// Earlier by `span`, saturating.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        between(earlier.0, self.0)
    }
}

impl UnixTime {
    /// Later by `span`, saturating.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        between(earlier.0, self.0)
    }

    /// Whole seconds since 1970, rounded down; zero before.
    pub fn seconds(self) -> u64 {
        u64::try_from(self.0.max(0)).unwrap_or(0) / 1000
    }

    /// As RFC 3339 in UTC with whole seconds, `2026-11-22T01:12:11Z`.
    pub fn to_rfc3339(self) -> String {
        // The last second that humantime can print, the end of the year 9999.
        const LAST: u64 = 253_402_300_799;
        let since_epoch = Duration::from_secs(self.seconds().min(LAST));
        humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since_epoch).to_string()
    }
}

/// Whole milliseconds, rounded down; the most that can be counted where there are more.
pub fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Whole seconds, rounded up: who asks for some time, or is told to wait for it, gets no less.
pub fn seconds_up(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

fn between(earlier: i64, later: i64) -> Duration {
    Duration::from_millis(u64::try_from(later.saturating_sub(earlier)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let day = Duration::from_hours(24);
        assert_eq!(Boottime(i64::MAX).plus(day), Boottime(i64::MAX));
        assert_eq!(Boottime(i64::MIN).minus(day), Boottime(i64::MIN));
        assert_eq!(Boottime(5).since(Boottime(9)), Duration::ZERO);
        assert_eq!(UnixTime(-1).seconds(), 0);
        assert_eq!(UnixTime(i64::MAX).to_rfc3339(), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn a_part_of_a_second_counts_as_a_whole_one() {
        assert_eq!(seconds_up(Duration::from_millis(1_001)), 2);
        assert_eq!(seconds_up(Duration::from_secs(2)), 2);
    }

    #[test]
    fn the_wall_clock_of_a_moment_before_this_boot_is_known() {
        let now = Now {
            boot: Boottime(1_000),
            wall: UnixTime(50_000),
        };
        assert_eq!(now.wall_at(Boottime(-2_000)), UnixTime(47_000));
    }
}
