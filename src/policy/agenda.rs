//! When each org has something to do next, soonest first: a fleet that sleeps looks at one of them, not at all.
//!
//! Knows nothing of why. Invariant: an org stands in here once at most, and [`Agenda::plan`] alone moves it.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Boottime, OrgName};

/// The orgs that have something to do.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    moments: BTreeSet<(Boottime, OrgName)>,
    of: BTreeMap<OrgName, Boottime>,
}

impl Agenda {
    /// Plans an org anew; `None`: it has nothing to do.
    pub(super) fn plan(&mut self, org: &OrgName, at: Option<Boottime>) {
        let before = self.of.get(org).copied();
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.moments.remove(&(before, org.clone()));
        }
        match at {
            Some(at) => {
                self.moments.insert((at, org.clone()));
                self.of.insert(org.clone(), at);
            }
            None => drop(self.of.remove(org)),
        }
    }

    /// The soonest moment.
    pub(super) fn first(&self) -> Option<Boottime> {
        self.moments.first().map(|(at, _)| *at)
    }

    /// Who has something to do by `now`, in the order of the names.
    pub(super) fn due(&self, now: Boottime) -> Vec<OrgName> {
        let due = self.moments.iter().take_while(|(at, _)| *at <= now);
        let mut due: Vec<OrgName> = due.map(|(_, org)| org.clone()).collect();
        due.sort_unstable();
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(name: &str) -> OrgName {
        OrgName::parse(name).expect("a good name")
    }

    #[test]
    fn the_soonest_is_first_and_who_is_planned_anew_stands_in_it_once() {
        let mut agenda = Agenda::default();
        for (name, at) in [("a", 30), ("b", 20), ("c", 10), ("c", 40), ("b", 5)] {
            agenda.plan(&org(name), Some(Boottime(at)));
        }
        assert_eq!(agenda.first(), Some(Boottime(5)));
        assert_eq!(agenda.due(Boottime(30)), [org("a"), org("b")]);
        assert_eq!(agenda.due(Boottime(4)), []);
        agenda.plan(&org("b"), None);
        assert_eq!(agenda.first(), Some(Boottime(30)));
    }
}
