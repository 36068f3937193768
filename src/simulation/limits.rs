//! Zoho's limits as the judge counts them: by true time, over everything that was sent.

use std::collections::VecDeque;

/// The last calls of one grant.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// When they were sent, and whether a person wanted them.
    calls: VecDeque<(i64, bool)>,
}

/// The calls of one org in the window that ends now, of whatever grant.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<i64>);

impl Recent {
    /// Notes a call; says how many there are with it.
    pub(super) fn note(&mut self, now: i64, window_ms: i64) -> u64 {
        while self.0.front().is_some_and(|at| *at <= now - window_ms) {
            self.0.pop_front();
        }
        self.0.push_back(now);
        self.0.len() as u64
    }
}

/// How many of ten by schedule: four are kept for people and verified reports.
const RESERVE_TENTHS: u64 = 4;

impl Sent {
    /// Notes a call; says what it breaks, if anything.
    pub(super) fn note(
        &mut self,
        now: i64,
        is_demand: bool,
        window_ms: i64,
        mints: u32,
    ) -> Option<String> {
        while self
            .calls
            .front()
            .is_some_and(|(at, _)| *at <= now - window_ms)
        {
            self.calls.pop_front();
        }
        self.calls.push_back((now, is_demand));
        let all = self.calls.len() as u64;
        let mints = u64::from(mints);
        if all > mints {
            return Some(format!("{all} calls in a window of {mints}"));
        }
        let scheduled = self.calls.iter().filter(|(_, demand)| !demand).count() as u64;
        let share = (mints - mints * RESERVE_TENTHS / 10).max(1);
        (scheduled > share).then(|| {
            format!("{scheduled} calls by schedule in a window, which leaves fewer than are kept")
        })
    }
}
