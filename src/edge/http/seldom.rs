//! A warning that a client could cause as often as it likes, at most once a minute.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

const EVERY: Duration = Duration::from_mins(1);

/// When the same was last said.
#[derive(Debug, Default)]
pub(super) struct Seldom(Cell<Option<Instant>>);

impl Seldom {
    /// Whether it may be said again, now.
    pub(super) fn may_at(&self, now: Instant) -> bool {
        let is_due = self.0.get().is_none_or(|last| now - last >= EVERY);
        if is_due {
            self.0.set(Some(now));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_may_be_said_once_a_minute() {
        let (seldom, now) = (Seldom::default(), Instant::now());
        assert!(seldom.may_at(now));
        assert!(!seldom.may_at(now + EVERY / 2));
        assert!(seldom.may_at(now + EVERY));
    }
}
