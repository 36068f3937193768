//! When each org has something to do next, soonest first: a fleet that sleeps looks at one of them, not at all.
//!
//! Knows nothing of why. Each org keeps its [`Plan`] itself, so that most steps change nothing in here. Invariant: an
//! org stands in here once at most, at the moment of its plan.

use std::collections::BTreeSet;

use super::org::Org;
use crate::base::{Boottime, OrgName};

/// The orgs that have something to do.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    moments: BTreeSet<(Boottime, OrgName)>,
}

/// When an org has something to do, as the agenda has it.
#[derive(Debug, Default)]
pub(super) struct Plan(Option<Boottime>);

impl Agenda {
    /// Plans an org anew; `None`: it has nothing to do.
    pub(super) fn plan(&mut self, org: &OrgName, own: &mut Plan, at: Option<Boottime>) {
        if own.0 == at {
            return;
        }
        if let Some(before) = std::mem::replace(&mut own.0, at) {
            self.moments.remove(&(before, org.clone()));
        }
        if let Some(at) = at {
            self.moments.insert((at, org.clone()));
        }
    }

    /// The soonest moment.
    pub(super) fn first(&self) -> Option<Boottime> {
        self.moments.first().map(|(at, _)| *at)
    }

    /// Who has something to do by `now`, in the order of the names.
    pub(super) fn due(&self, now: Boottime) -> Vec<OrgName> {
        if self.first().is_none_or(|at| at > now) {
            return Vec::new();
        }
        let due = self.moments.iter().take_while(|(at, _)| *at <= now);
        let mut due: Vec<OrgName> = due.map(|(_, org)| org.clone()).collect();
        due.sort_unstable();
        due
    }
}

impl Org {
    /// When its newest token ends or ended.
    pub(super) fn needs_by(&self) -> Boottime {
        let token = self.record.token.as_ref();
        token.map_or(Boottime(i64::MIN), |token| token.expires)
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
        let names = ["a", "b", "c"].map(org);
        let mut plans = [const { Plan(None) }; 3];
        for (which, at) in [(0, 30), (1, 20), (2, 10), (2, 40), (1, 5)] {
            agenda.plan(&names[which], &mut plans[which], Some(Boottime(at)));
        }
        assert_eq!(agenda.first(), Some(Boottime(5)));
        assert_eq!(agenda.due(Boottime(30)), names[..2]);
        assert_eq!(agenda.due(Boottime(4)), []);
        agenda.plan(&names[1], &mut plans[1], None);
        assert_eq!(agenda.first(), Some(Boottime(30)));
    }
}
