//! Whose turn it is to call: so many calls to one data center at once, and no more.
//!
//! A cold start of a thousand orgs is no herd that way, and a data center that hangs keeps its own callers
//! waiting and nobody else's (R10). Only the schedule waits; a person's call goes at once, and is counted.
//! Invariant: who has waited longest is next.

use std::collections::{BTreeMap, BTreeSet};

use super::org::Org;
use crate::base::{Boottime, Key, OrgName};

/// Calls by schedule that may be on their way to one data center at once.
pub(super) const CALLS_MAX: usize = 64;

/// Where an org stands with its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It wants none.
    Idle,
    /// Its mint has been due since then.
    Waiting(Boottime),
    /// Its call, or the slot for it, is on its way.
    Busy,
}

/// The turns of all orgs.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Who calls, and where.
    busy: BTreeMap<OrgName, Key>,
    /// How many call one data center.
    calls: BTreeMap<Key, usize>,
    /// Who waits, for which data center and since when.
    waiting: BTreeMap<OrgName, (Key, Boottime)>,
    /// Who begins only where nobody calls: another's answer may spare the call.
    held: BTreeSet<OrgName>,
}

impl Turns {
    /// Whether that org may begin one more call.
    pub(super) fn has_room(&self, org: &OrgName, data_center: &Key) -> bool {
        let most = if self.held.contains(org) {
            1
        } else {
            CALLS_MAX
        };
        self.calls.get(data_center).is_none_or(|n| *n < most)
    }

    /// Where an org's call goes, while one is on its way.
    pub(super) fn place_of_call(&self, org: &OrgName) -> Option<&Key> {
        self.busy.get(org)
    }

    /// Makes an org wait while anybody calls its data center, until it is released.
    pub(super) fn hold(&mut self, org: OrgName) {
        self.held.insert(org);
    }

    /// Whether anybody is held.
    pub(super) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Holds an org no longer.
    pub(super) fn release(&mut self, org: &OrgName) {
        self.held.remove(org);
    }

    /// Holds nobody any longer.
    pub(super) fn release_all(&mut self) {
        self.held.clear();
    }

    /// Notes where an org stands. A call counts for the data center that it began with, until it is over.
    pub(super) fn note(&mut self, org: &OrgName, data_center: &Key, turn: Turn) {
        self.waiting.remove(org);
        if turn != Turn::Busy {
            self.finish(org);
        }
        match turn {
            Turn::Idle => (),
            Turn::Waiting(since) => {
                let place = (data_center.clone(), since);
                self.waiting.insert(org.clone(), place);
            }
            Turn::Busy if self.busy.contains_key(org) => (),
            Turn::Busy => {
                self.busy.insert(org.clone(), data_center.clone());
                *self.calls.entry(data_center.clone()).or_default() += 1;
            }
        }
    }

    fn finish(&mut self, org: &OrgName) {
        let Some(data_center) = self.busy.remove(org) else {
            return;
        };
        if let Some(calls) = self.calls.get_mut(&data_center) {
            *calls -= 1;
        }
    }

    /// Who may begin now: the one that has waited longest for a data center with room.
    pub(super) fn next(&self) -> Option<OrgName> {
        let ready = self
            .waiting
            .iter()
            .filter(|(org, (data_center, _))| self.has_room(org, data_center));
        let first = ready.min_by_key(|(_, (_, since))| *since);
        first.map(|(org, _)| org.clone())
    }
}

impl Org {
    /// Where it stands with its call.
    pub(super) fn turn(&self) -> Turn {
        match self.waits_since {
            _ if self.calls().next().is_some() => Turn::Busy,
            Some(since) => Turn::Waiting(since),
            None => Turn::Idle,
        }
    }
}
