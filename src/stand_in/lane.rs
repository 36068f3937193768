//! The access tokens of one grant: which are alive, which died and why, and what was counted.
//!
//! This is the judge's ledger. It shares no code with the ledger that it judges.

use std::collections::VecDeque;

use serde::Serialize;

use super::rules::Rules;
use super::window::Window;
use crate::base::Boottime;

/// Tokens that a lane remembers, the dead ones included, to say why one is dead.
const REMEMBERED_MAX: usize = 64;

/// Why a token, or a whole grant, is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It lived its life.
    Expired,
    /// One token too many was alive, and it was the oldest.
    Evicted,
    /// Somebody revoked it, or its grant.
    Revoked,
    /// Its refresh token was deleted by the 21st of the user.
    Deleted,
    /// Never made here, or so long ago that nobody remembers.
    Unknown,
}

/// What happened to one grant since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Calls of the token endpoint, whatever came of them.
    pub calls: u64,
    /// Access tokens made, also those whose answer never arrived.
    pub mints: u64,
    /// Access tokens made whose answer was kept back or broken by a fault.
    pub lost: u64,
    /// Calls refused with "Access Denied".
    pub refusals: u64,
    /// Most access tokens in any one window.
    pub peak_window: usize,
    /// Most access tokens alive at once.
    pub peak_live: usize,
    /// Tokens killed before their time because one too many was alive.
    pub evicted: u64,
    /// Those of them that were the newest whose answer had gone out: what a client would be using.
    pub evicted_while_current: u64,
}

#[derive(Debug)]
struct Token {
    text: String,
    ends_at: Boottime,
    /// Set when it died before its time.
    ended: Option<End>,
    /// Whether the answer that carries it went out whole.
    delivered: bool,
}

impl Token {
    fn end(&self, now: Boottime) -> Option<End> {
        self.ended
            .or_else(|| (self.ends_at <= now).then_some(End::Expired))
    }
}

/// The access tokens of one refresh token, or of one client and soid.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) window: Window,
    /// Oldest first.
    tokens: VecDeque<Token>,
    counts: Counts,
}

impl Lane {
    /// Adds a token made at `now`; kills the oldest while too many are alive. Gives back one that is forgotten.
    pub(super) fn add(&mut self, text: String, rules: &Rules, now: Boottime) -> Option<String> {
        self.window.spend(rules.clocks.window, now);
        self.counts.mints += 1;
        self.counts.lost += 1; // Until it is delivered.
        self.tokens.push_back(Token {
            text,
            ends_at: now.plus(rules.clocks.token_life),
            ended: None,
            delivered: false,
        });
        while self.live(now) > rules.live_max {
            self.evict_oldest(now);
        }
        self.counts.peak_live = self.counts.peak_live.max(self.live(now));
        let is_full = self.tokens.len() > REMEMBERED_MAX.max(rules.live_max);
        is_full
            .then(|| self.tokens.pop_front().map(|token| token.text))
            .flatten()
    }

    /// The answer that carries `text` goes out whole.
    pub(super) fn deliver(&mut self, text: &str) {
        let found = self.tokens.iter_mut().find(|token| token.text == text);
        if let Some(token) = found.filter(|token| !token.delivered) {
            token.delivered = true;
            self.counts.lost -= 1;
        }
    }

    /// A call that named this grant.
    pub(super) fn note_call(&mut self) {
        self.counts.calls += 1;
    }

    /// A call that was one too many.
    pub(super) fn refuse(&mut self, rules: &Rules, now: Boottime) {
        self.counts.refusals += 1;
        self.window.refuse(rules.throttle, rules.clocks.window, now);
    }

    /// Kills one token, or with `None` all.
    pub(super) fn kill(&mut self, text: Option<&str>, why: End, now: Boottime) {
        for token in &mut self.tokens {
            if text.is_none_or(|text| token.text == text) && token.end(now).is_none() {
                token.ended = Some(why);
            }
        }
    }

    /// How many are alive.
    pub(super) fn live(&self, now: Boottime) -> usize {
        let alive = |token: &&Token| token.end(now).is_none();
        self.tokens.iter().filter(alive).count()
    }

    /// `None` while `text` is alive.
    pub(super) fn end_of(&self, text: &str, now: Boottime) -> Option<End> {
        let found = self.tokens.iter().find(|token| token.text == text);
        found.map_or(Some(End::Unknown), |token| token.end(now))
    }

    /// The tokens that this lane remembers.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().map(|token| token.text.as_str())
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            peak_window: self.window.peak,
            ..self.counts
        }
    }

    fn evict_oldest(&mut self, now: Boottime) {
        let alive = |token: &Token| token.end(now).is_none();
        let Some(oldest) = self.tokens.iter().position(alive) else {
            return;
        };
        self.tokens[oldest].ended = Some(End::Evicted);
        self.counts.evicted += 1;
        if self.tokens.iter().rposition(|token| token.delivered) == Some(oldest) {
            self.counts.evicted_while_current += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(mints: i64) -> Lane {
        let mut lane = Lane::default();
        for n in 1..=mints {
            lane.add(format!("t{n}"), &Rules::default(), Boottime(n * 61_000));
        }
        lane
    }

    #[test]
    fn the_eleventh_live_token_kills_the_first_at_once() {
        let mut lane = lane(10);
        let now = Boottime(11 * 61_000);
        assert_eq!(lane.end_of("t1", now), None);
        lane.add("t11".into(), &Rules::default(), now);
        assert_eq!(lane.end_of("t1", now), Some(End::Evicted));
        assert_eq!(lane.end_of("t2", now), None);
        assert_eq!((lane.live(now), lane.counts().peak_live), (10, 10));
    }

    #[test]
    fn dead_tokens_do_not_count_as_alive() {
        let mut lane = lane(10);
        let now = Boottime(61_000 + 3_600_000);
        assert_eq!(lane.end_of("t1", now), Some(End::Expired));
        lane.add("t11".into(), &Rules::default(), now);
        assert_eq!(lane.end_of("t2", now), None);
        assert_eq!(lane.counts().evicted, 0);
    }

    #[test]
    fn a_token_that_ten_lost_answers_push_out_was_current() {
        let mut lane = lane(1);
        lane.deliver("t1");
        for n in 2..=11 {
            lane.add(format!("t{n}"), &Rules::default(), Boottime(n * 61_000));
        }
        let counts = lane.counts();
        assert_eq!((counts.evicted, counts.evicted_while_current), (1, 1));
        assert_eq!((counts.mints, counts.lost), (11, 10));
    }

    #[test]
    fn an_old_token_that_goes_was_not_current_once_a_newer_one_had_arrived() {
        let mut lane = lane(10);
        for n in 1..=10 {
            lane.deliver(&format!("t{n}"));
        }
        lane.add("t11".into(), &Rules::default(), Boottime(11 * 61_000));
        let counts = lane.counts();
        assert_eq!((counts.evicted, counts.evicted_while_current), (1, 0));
    }

    #[test]
    fn a_lane_forgets_tokens_that_died_long_ago() {
        let mut lane = Lane::default();
        let forgotten: Vec<String> = (0..100)
            .filter_map(|n| lane.add(format!("t{n}"), &Rules::default(), Boottime(n * 1_800_000)))
            .collect();
        assert_eq!(forgotten.len(), 100 - REMEMBERED_MAX);
        assert_eq!(forgotten[0], "t0");
    }
}
