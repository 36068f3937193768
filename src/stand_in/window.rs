//! A limit of so many in a sliding window, such as 10 mints in 10 minutes.
//!
//! Sliding is the strictest reading of such a limit: whoever keeps it here keeps it under any fixed window too.

use std::collections::VecDeque;
use std::time::Duration;

use super::rules::Throttle;
use crate::base::Boottime;

/// What was spent of one limit in the last window.
#[derive(Debug, Default)]
pub(super) struct Window {
    spent: VecDeque<Boottime>,
    shut_until: Option<Boottime>,
    /// Most that was ever spent in any one window.
    pub(super) peak: usize,
}

impl Window {
    /// Whether one more fits under `limit`.
    pub(super) fn is_open(&self, limit: usize, span: Duration, now: Boottime) -> bool {
        self.count(span, now) < limit && self.shut_until.is_none_or(|until| until <= now)
    }

    /// Takes one.
    pub(super) fn spend(&mut self, span: Duration, now: Boottime) {
        while self.spent.front().is_some_and(|at| at.plus(span) <= now) {
            self.spent.pop_front();
        }
        self.spent.push_back(now);
        self.peak = self.peak.max(self.spent.len());
    }

    /// Takes note of a refusal, which may lengthen itself.
    pub(super) fn refuse(&mut self, throttle: Throttle, span: Duration, now: Boottime) {
        let is_shut = self.shut_until.is_some_and(|until| now < until);
        match throttle {
            Throttle::RefusalsCount => self.shut_until = Some(now.plus(span)),
            Throttle::NextWindow if !is_shut => self.shut_until = Some(now.plus(span)),
            Throttle::NextWindow | Throttle::RestOfWindow => (),
        }
    }

    /// How many of the last window there are at `now`.
    pub(super) fn count(&self, span: Duration, now: Boottime) -> usize {
        let inside = |at: &&Boottime| now < at.plus(span);
        self.spent.iter().filter(inside).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_mins(10);
    const MINUTE: i64 = 60_000;

    /// Ten in the first nine minutes, one a minute.
    fn full() -> Window {
        let mut window = Window::default();
        for minute in 0..10 {
            assert!(window.is_open(10, SPAN, Boottime(minute * MINUTE)));
            window.spend(SPAN, Boottime(minute * MINUTE));
        }
        window
    }

    #[test]
    fn the_eleventh_fits_when_the_first_is_ten_minutes_old_and_no_millisecond_sooner() {
        let window = full();
        assert!(!window.is_open(10, SPAN, Boottime(10 * MINUTE - 1)));
        assert!(window.is_open(10, SPAN, Boottime(10 * MINUTE)));
        assert_eq!(window.peak, 10);
    }

    #[test]
    fn a_refusal_shuts_the_rest_of_the_window_or_a_whole_one() {
        let still_shut_at = |throttle: Throttle, at: i64| {
            let mut window = full();
            window.refuse(throttle, SPAN, Boottime(9 * MINUTE));
            window.refuse(throttle, SPAN, Boottime(9 * MINUTE + 30_000));
            !window.is_open(10, SPAN, Boottime(at))
        };
        assert!(!still_shut_at(Throttle::RestOfWindow, 10 * MINUTE));
        assert!(still_shut_at(Throttle::NextWindow, 19 * MINUTE - 1));
        assert!(!still_shut_at(Throttle::NextWindow, 19 * MINUTE));
        assert!(still_shut_at(Throttle::RefusalsCount, 19 * MINUTE));
        assert!(!still_shut_at(
            Throttle::RefusalsCount,
            19 * MINUTE + 30_000
        ));
    }
}
