//! Whether the wall clock may be believed (R9): by the kernel's word at the start, or by the `Date` of answers.
//!
//! A word holds until the clock is set, that is for as long as both clocks stay as far apart as they were. Each
//! data center is heard for its own orgs alone: one whose clock is wrong, or that lies, can do no more harm
//! than it could with the tokens themselves. Invariant: a clock that is vouched for is right to within
//! [`RIGHT_WITHIN`], so that a span between two such clocks is wrong by [`SPAN_ERROR`] at most.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::{Boottime, Key, Now, UnixTime};

/// How far a clock that a `Date` confirms may be off. A `Date` has whole seconds, and the server wrote it at
/// some moment of the call: so a right clock is confirmed by every answer that took up to four seconds.
const TOLERANCE: Duration = Duration::from_secs(5);

/// A clock that has moved against boottime by more than this was set.
const STEADY_WITHIN: Duration = Duration::from_secs(1);

/// How far a clock that is vouched for may be off.
const RIGHT_WITHIN: Duration = TOLERANCE.saturating_add(STEADY_WITHIN);

/// How wrong the time between two moments may be, each read on a clock that is vouched for.
pub(super) const SPAN_ERROR: Duration = RIGHT_WITHIN.saturating_mul(2);

/// What a `Date` says of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    /// It is right.
    Right,
    /// It is wrong.
    Wrong,
    /// Nothing: the answer was too slow to tell.
    Nothing,
}

/// What is known of the wall clock in this run.
#[derive(Debug)]
pub(super) struct WallClock {
    /// How far the clocks were apart at the start, in milliseconds.
    start_ms: i64,
    /// Whether the kernel called it synchronised then, and nothing in the state spoke against that.
    is_synchronised: bool,
    /// What each data center said last.
    heard: BTreeMap<Key, Heard>,
}

/// A `Date` that said something.
#[derive(Debug)]
struct Heard {
    /// How far the clocks were apart then, in milliseconds.
    apart_ms: i64,
    is_right: bool,
}

impl WallClock {
    pub(super) fn new(now: Now, is_synchronised: bool) -> Self {
        Self {
            start_ms: apart_ms(now),
            is_synchronised,
            heard: BTreeMap::new(),
        }
    }

    /// Whether the kernel or this data center vouches for the wall clock as it stands.
    pub(super) fn is_vouched(&self, data_center: &Key, now: Now) -> bool {
        match self.last(data_center, now) {
            Some(heard) => heard.is_right,
            None => self.is_synchronised && self.is_as_at_start(now),
        }
    }

    /// Whether nobody has set the clock since the start.
    pub(super) fn is_as_at_start(&self, now: Now) -> bool {
        is_same(self.start_ms, apart_ms(now))
    }

    /// Whether any data center says that the clock as it stands is wrong.
    pub(super) fn is_contradicted(&self, now: Now) -> bool {
        let mut said = self.heard.keys().filter_map(|name| self.last(name, now));
        said.any(|heard| !heard.is_right)
    }

    /// Takes the `Date` of an answer to a call that began at `asked`.
    pub(super) fn hear(
        &mut self,
        data_center: &Key,
        asked: Boottime,
        date: UnixTime,
        now: Now,
    ) -> Hearing {
        let hearing = compare(now.wall_at(asked), date, now.wall);
        if hearing != Hearing::Nothing {
            let heard = Heard {
                apart_ms: apart_ms(now),
                is_right: hearing == Hearing::Right,
            };
            self.heard.insert(data_center.clone(), heard);
        }
        hearing
    }

    /// What the data center said of the clock as it stands now.
    fn last(&self, data_center: &Key, now: Now) -> Option<&Heard> {
        let heard = self.heard.get(data_center)?;
        is_same(heard.apart_ms, apart_ms(now)).then_some(heard)
    }
}

/// The server's clock showed `date`, cut to the second, at some moment of the call. Only what holds for every
/// such moment is said.
fn compare(asked: UnixTime, date: UnixTime, answered: UnixTime) -> Hearing {
    let tolerance_ms = i64::try_from(TOLERANCE.as_millis()).expect("five seconds");
    let ahead_at_most = answered.0.saturating_sub(date.0);
    let ahead_at_least = asked.0.saturating_sub(date.0).saturating_sub(1_000);
    if ahead_at_most <= tolerance_ms && ahead_at_least >= -tolerance_ms {
        Hearing::Right
    } else if ahead_at_most < -tolerance_ms || ahead_at_least > tolerance_ms {
        Hearing::Wrong
    } else {
        Hearing::Nothing
    }
}

fn apart_ms(now: Now) -> i64 {
    now.wall.0.saturating_sub(now.boot.0)
}

fn is_same(earlier_ms: i64, later_ms: i64) -> bool {
    u128::from(earlier_ms.abs_diff(later_ms)) <= STEADY_WITHIN.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that may be heard of a call of `took_ms` by a clock that is `ahead_ms` ahead: whenever the server
    /// reads its own.
    fn heard(ahead_ms: i64, took_ms: i64) -> Vec<Hearing> {
        let moments = [0, took_ms / 2, took_ms];
        let calls = (0..1_000_i64)
            .step_by(37)
            .flat_map(|sub| moments.map(|read| (sub, read)));
        let one = |(sub_ms, read_ms)| {
            let asked = 1_795_305_600_000 + sub_ms;
            let date = (asked + read_ms) / 1_000 * 1_000;
            let wall = |at: i64| UnixTime(at + ahead_ms);
            compare(wall(asked), UnixTime(date), wall(asked + took_ms))
        };
        calls.map(one).collect()
    }

    fn is_always(hearing: Hearing, heard: &[Hearing]) -> bool {
        heard.iter().all(|own| *own == hearing)
    }

    #[test]
    fn r9_a_right_clock_is_confirmed_by_every_answer_within_four_seconds_and_never_contradicted() {
        for took_ms in [0, 200, 3_000, 4_000] {
            assert!(
                is_always(Hearing::Right, &heard(0, took_ms)),
                "{took_ms} ms"
            );
        }
        assert!(!heard(0, 600_000).contains(&Hearing::Wrong));
    }

    #[test]
    fn r9_a_clock_that_is_off_by_more_than_five_seconds_is_never_confirmed() {
        for took_ms in [0, 200, 3_000, 20_000, 600_000] {
            for off_ms in [5_001, 6_500, 86_400_000] {
                assert!(!heard(off_ms, took_ms).contains(&Hearing::Right));
                assert!(!heard(-off_ms, took_ms).contains(&Hearing::Right));
            }
        }
        for off_ms in [-7_000, 7_000, 86_400_000, i64::MIN / 2] {
            assert!(
                is_always(Hearing::Wrong, &heard(off_ms, 200)),
                "{off_ms} ms"
            );
        }
    }

    #[test]
    fn r9_a_word_for_the_clock_ends_when_the_clock_is_set() {
        let at = |boot, wall| Now {
            boot: Boottime(boot),
            wall: UnixTime(wall),
        };
        let [eu, us] = ["eu", "us"].map(Key::from);
        let mut clock = WallClock::new(at(0, 100_000), true);
        assert!(clock.is_vouched(&eu, at(5_000, 105_000)));
        assert!(!clock.is_vouched(&eu, at(5_000, 107_000)), "set");
        let date = UnixTime(106_000);
        let hearing = clock.hear(&eu, Boottime(5_000), date, at(5_100, 107_100));
        assert_eq!(hearing, Hearing::Right);
        assert!(clock.is_vouched(&eu, at(9_000, 111_000)));
        assert!(
            !clock.is_vouched(&us, at(9_000, 111_000)),
            "not heard there"
        );
        let hearing = clock.hear(&eu, Boottime(9_000), date, at(9_100, 207_100));
        assert_eq!(hearing, Hearing::Wrong);
        assert!(!clock.is_vouched(&eu, at(9_000, 207_000)));
        assert!(clock.is_contradicted(at(9_000, 207_000)));
        assert!(!clock.is_contradicted(at(9_000, 109_000)), "mended");
    }
}
