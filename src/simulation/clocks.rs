//! What the host's clocks show at a true moment. Both run at one rate, slow or fast, as the kernel slews them together;
//! people and NTP set the wall clock, and a reboot takes whatever the hardware kept.

use std::sync::Arc;

use crate::base::{Boottime, Now, UnixTime};
use crate::policy::restore;

/// 2026-11-22T00:00:00Z, in milliseconds since 1970: the true time at the start of every run.
pub(super) const START_WALL_MS: i64 = 1_795_305_600_000;

/// What the boot clock shows when a boot's daemon starts.
const BOOTED_MS: i64 = 10_000;

const MILLION: i64 = 1_000_000;

/// Both clocks of the host.
#[derive(Debug)]
pub(super) struct HostClocks {
    pub(super) boots: u32,
    boot_id: Arc<str>,
    /// The true moment that `boot_at_epoch` belongs to.
    epoch: i64,
    boot_at_epoch: i64,
    /// How much faster than the truth the boot clock runs, in millionths.
    rate_ppm: i64,
    /// How far the wall clock is ahead of the boot clock.
    wall_offset_ms: i64,
    /// Whether somebody has set the wall clock wrongly, and nobody has set it right.
    pub(super) is_misset: bool,
    /// Whether the wall clock has been right in every moment so far.
    pub(super) was_always_right: bool,
}

/// The kernel calls a clock synchronised that is off by no more.
const SYNCHRONISED_WITHIN_MS: i64 = 500;

impl HostClocks {
    pub(super) fn new(has_ntp: bool) -> Self {
        Self {
            boots: 1,
            boot_id: "boot-1".into(),
            epoch: 0,
            boot_at_epoch: BOOTED_MS,
            rate_ppm: 0,
            wall_offset_ms: START_WALL_MS - BOOTED_MS,
            is_misset: false,
            was_always_right: has_ntp,
        }
    }

    /// Both clocks at a true moment.
    pub(super) fn at(&self, truth: i64) -> Now {
        let boot = self.boot_at(truth);
        Now {
            boot,
            wall: UnixTime(boot.0 + self.wall_offset_ms),
        }
    }

    fn boot_at(&self, truth: i64) -> Boottime {
        let passed = truth - self.epoch;
        Boottime(self.boot_at_epoch + passed + passed * self.rate_ppm / MILLION)
    }

    /// The true moment at which the boot clock shows `boot`, or a millisecond later.
    pub(super) fn truth_of(&self, boot: Boottime) -> i64 {
        let ahead = boot.0.saturating_sub(self.boot_at_epoch);
        let passed = ahead.saturating_mul(MILLION) / (MILLION + self.rate_ppm);
        let truth = self.epoch.saturating_add(passed);
        if self.boot_at(truth) < boot {
            truth + 1
        } else {
            truth
        }
    }

    /// The `Date` of an answer made at a true moment: cut to the second.
    pub(super) fn true_date(truth: i64) -> UnixTime {
        let exact = START_WALL_MS + truth;
        UnixTime(exact - exact.rem_euclid(1000))
    }

    /// Somebody sets the wall clock.
    pub(super) fn set_wall_by(&mut self, step_ms: i64) {
        self.wall_offset_ms += step_ms;
        self.is_misset = true;
        self.was_always_right = false;
    }

    /// The wall clock shows the truth again.
    pub(super) fn correct_wall(&mut self, truth: i64) {
        self.wall_offset_ms = START_WALL_MS + truth - self.boot_at(truth).0;
        self.is_misset = false;
    }

    /// The boot clock runs at another rate from now on.
    pub(super) fn run_at(&mut self, rate_ppm: i64, truth: i64) {
        self.boot_at_epoch = self.boot_at(truth).0;
        self.epoch = truth;
        self.rate_ppm = rate_ppm;
    }

    /// The machine starts again.
    pub(super) fn reboot(&mut self, truth: i64) {
        let wall = self.at(truth).wall;
        self.boots += 1;
        self.boot_id = format!("boot-{}", self.boots).into();
        self.epoch = truth;
        self.boot_at_epoch = BOOTED_MS;
        self.wall_offset_ms = wall.0 - BOOTED_MS;
    }

    /// Whether the wall clock shows the truth, as far as the kernel can know.
    pub(super) fn is_right(&self, truth: i64) -> bool {
        let error = self.at(truth).wall.0 - START_WALL_MS - truth;
        error.abs() <= SYNCHRONISED_WITHIN_MS
    }

    /// What a daemon that starts is told.
    pub(super) fn for_start(&self, truth: i64, is_synchronised: bool) -> restore::Clocks {
        restore::Clocks {
            boot_id: Arc::clone(&self.boot_id),
            now: self.at(truth),
            is_synchronised,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_of_the_boot_clock_is_found_again_at_any_rate() {
        for rate in [-600, 0, 600] {
            let mut clocks = HostClocks::new(true);
            clocks.run_at(rate, 5_000);
            for truth in [5_000, 6_001, 86_400_123, 3 * 86_400_000] {
                let boot = clocks.at(truth).boot;
                let found = clocks.truth_of(boot);
                assert!((found - truth).abs() <= 1, "{rate}: {found} for {truth}");
                assert!(clocks.at(found).boot >= boot, "never too early");
            }
        }
    }

    #[test]
    fn a_slow_clock_falls_behind_and_a_reboot_starts_it_anew() {
        let mut clocks = HostClocks::new(true);
        clocks.run_at(-500, 0);
        assert_eq!(clocks.at(1_000_000).boot, Boottime(BOOTED_MS + 999_500));
        assert_eq!(clocks.at(1_000_000).wall, UnixTime(START_WALL_MS + 999_500));
        clocks.reboot(1_000_000);
        assert_eq!(clocks.at(1_000_000).boot, Boottime(BOOTED_MS));
        assert_eq!(clocks.at(1_000_000).wall, UnixTime(START_WALL_MS + 999_500));
        clocks.correct_wall(1_000_000);
        assert_eq!(
            clocks.at(1_000_000).wall,
            UnixTime(START_WALL_MS + 1_000_000)
        );
        assert!(clocks.is_right(1_000_000) && !clocks.is_right(3_000_000));
    }
}
