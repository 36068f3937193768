//! The one place that reads clocks.
//!
//! Ages go by `CLOCK_BOOTTIME`, which counts suspend and is never set. The wall clock is shown through an
//! anchor: the two clocks tick at slightly different moments, and a time that is computed twice must not
//! flap by a second. Invariant: a wall time that this clock gives is within two seconds of the real one.

use std::sync::atomic::{AtomicI64, Ordering};
use std::{fs, io};

use rustix::time::{ClockId, clock_gettime};

use crate::base::{Boottime, Now, UnixTime};

/// A wall clock that is off by more than this against the anchor was set, not slewed, in milliseconds.
///
/// Slewing moves both clocks alike (`clock_gettime(2)`), so that only steps and suspend's rounding add up.
const STEP_MIN_MS: i64 = 2_000;

/// Both clocks of this machine.
#[derive(Debug)]
pub struct SystemClock {
    /// The anchor: wall clock less boottime, in milliseconds.
    offset_ms: AtomicI64,
}

impl SystemClock {
    /// Takes the two clocks as they stand for its anchor.
    pub fn new() -> Self {
        let (boot_ms, wall_ms) = (read_ms(ClockId::Boottime), read_ms(ClockId::Realtime));
        Self {
            offset_ms: AtomicI64::new(wall_ms.saturating_sub(boot_ms)),
        }
    }

    /// Both clocks, now.
    pub fn now(&self) -> Now {
        let (boot_ms, wall_ms) = (read_ms(ClockId::Boottime), read_ms(ClockId::Realtime));
        let before_ms = self.offset_ms.load(Ordering::Relaxed);
        let offset_ms = anchored(before_ms, boot_ms, wall_ms);
        if offset_ms != before_ms {
            // Two threads that see the same step store the same anchor to within a tick; either will do.
            self.offset_ms.store(offset_ms, Ordering::Relaxed);
        }
        Now {
            boot: Boottime(boot_ms),
            wall: UnixTime(boot_ms.saturating_add(offset_ms)),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Names this boot and this time namespace: a [`Boottime`] of another one means nothing here.
///
/// Fails where `/proc/sys` is hidden (`ProcSubset=pid`), and a reader of the state then has no way to
/// tell boots apart.
pub fn boot_id() -> io::Result<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let boot = boot.trim();
    match fs::read_link("/proc/self/ns/time") {
        Ok(namespace) => Ok(format!("{boot} {}", namespace.display())),
        // Before Linux 5.6 there was but one.
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(boot.to_owned()),
        Err(err) => Err(err),
    }
}

/// The anchor to go by: the old one, unless the wall clock was stepped against it.
fn anchored(offset_ms: i64, boot_ms: i64, wall_ms: i64) -> i64 {
    let real_ms = wall_ms.saturating_sub(boot_ms);
    if real_ms.abs_diff(offset_ms) > STEP_MIN_MS.unsigned_abs() {
        real_ms
    } else {
        offset_ms
    }
}

fn read_ms(id: ClockId) -> i64 {
    let time = clock_gettime(id);
    time.tv_sec
        .saturating_mul(1_000)
        .saturating_add(time.tv_nsec / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_time_does_not_flap_while_nobody_sets_the_clock() {
        let clock = SystemClock::new();
        let first = clock.now();
        for _ in 0..1_000 {
            let now = clock.now();
            assert_eq!(now.wall_at(first.boot), first.wall);
        }
    }

    #[test]
    fn a_slew_is_shown_late_and_a_step_at_once() {
        let boot_ms = 10_000;
        assert_eq!(anchored(500_000, boot_ms, 510_000 + 2_000), 500_000);
        assert_eq!(anchored(500_000, boot_ms, 510_000 - 2_000), 500_000);
        assert_eq!(anchored(500_000, boot_ms, 510_000 + 2_001), 502_001);
        assert_eq!(anchored(500_000, boot_ms, 510_000 - 3_600_000), -3_100_000);
    }

    #[test]
    fn the_wall_clock_shown_is_within_two_seconds_of_the_real_one() {
        let clock = SystemClock::new();
        clock.offset_ms.fetch_add(3_600_000, Ordering::Relaxed);
        let shown = clock.now().wall.0;
        assert!(shown.abs_diff(read_ms(ClockId::Realtime)) <= STEP_MIN_MS.unsigned_abs());
    }

    #[test]
    fn boottime_only_grows() {
        let clock = SystemClock::new();
        let first = clock.now().boot;
        assert!(clock.now().boot >= first && first > Boottime(0));
    }

    #[test]
    fn a_boot_has_one_id_with_its_time_namespace_in_it() {
        let id = boot_id().expect("procfs");
        assert_eq!(id, boot_id().expect("procfs"));
        assert!(id.contains("time:[") && id.len() > 36, "{id}");
        assert!(!id.contains('\n'));
    }
}
