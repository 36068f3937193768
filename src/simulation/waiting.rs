//! Whoever waits for an answer of the daemon: people at a desk, and jobs that reported a token.

use super::world::World;
use crate::policy::event::{Event, RequestId};

/// The longest that anybody is left without an answer: a call, the disk, and their ends.
const ANSWERED_WITHIN_MS: i64 = 150_000;

/// One who waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    pub(super) org: usize,
    pub(super) wants: Wants,
    since: i64,
}

/// What an answer is awaited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// A person's code or refresh token.
    Enrolment,
    /// A person's wish for a new token.
    Refresh,
    /// A person's wish to revoke.
    Revocation,
    /// A job's report of a generation, for the so-manieth time.
    Ruling { generation: u64, tries: u32 },
}

impl World<'_> {
    /// Somebody asks the daemon, if it is there.
    pub(super) fn ask(&mut self, org: usize, wants: Wants, event: impl FnOnce(RequestId) -> Event) {
        if !self.is_up() {
            return;
        }
        self.requests += 1;
        let request = RequestId(self.requests);
        let asker = Asker {
            org,
            wants,
            since: self.now,
        };
        self.askers.insert(request, asker);
        self.step(event(request));
    }

    /// Whether anybody waits for a call of this org, so that it is none of the schedule's.
    pub(super) fn is_awaited(&self, org: usize) -> bool {
        self.askers.values().any(|asker| asker.org == org)
    }

    /// Nobody is left waiting.
    pub(super) fn check_waiting(&mut self) {
        let late = |asker: &&Asker| self.now - asker.since > ANSWERED_WITHIN_MS;
        if let Some(Asker { org, wants, .. }) = self.askers.values().find(late) {
            let what = format!("{wants:?} was asked for minutes ago, and not answered");
            self.judge.breaks("R11", Some(*org), self.now, what);
        }
    }

    /// The machine slept: nobody waited meanwhile.
    pub(super) fn forgive_waiting(&mut self, span: i64) {
        for asker in self.askers.values_mut() {
            asker.since += span;
        }
    }
}
