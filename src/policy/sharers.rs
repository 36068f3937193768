//! How many orgs mint from one lane: all orgs of one client and soid, or those that were given one refresh token.
//!
//! Counts orgs, not mints; [`super::ledger`] does those. Invariant: an org counts in one lane at most, the one that it
//! stands in by its [`Standing`].

use std::collections::{BTreeMap, BTreeSet};

use super::fleet::{Fleet, Moment};
use super::org::{Org, Scene};
use super::record::LaneId;

/// The orgs of every lane that has any.
#[derive(Debug, Default)]
pub(super) struct Sharers {
    counts: BTreeMap<LaneId, u32>,
}

/// The lane that an org counts in.
#[derive(Debug, Default)]
pub(super) struct Standing(Option<LaneId>);

impl Sharers {
    /// Counts an org in `lane` from now on, and no more where it stood; `None`: it mints from none.
    pub(super) fn stand(&mut self, org: &mut Standing, lane: Option<&LaneId>) {
        if org.0.as_ref() == lane {
            return;
        }
        if let Some(left) = std::mem::replace(&mut org.0, lane.cloned()) {
            let others = self.counts.remove(&left).map_or(0, |count| count - 1);
            if others > 0 {
                self.counts.insert(left, others);
            }
        }
        if let Some(lane) = lane {
            *self.counts.entry(lane.clone()).or_default() += 1;
        }
    }

    /// How many orgs mint from a lane that one mints from.
    pub(super) fn in_lane(&self, lane: &LaneId) -> u32 {
        self.counts.get(lane).copied().unwrap_or(1)
    }
}

impl Fleet {
    /// Plans those who share a lane anew: when they were planned, not all of the others were there.
    pub(super) fn plan_sharers(&mut self, moment: &mut Moment<'_>) {
        let lanes = self.orgs.values().filter_map(Org::lane);
        let shared = lanes.filter(|lane| self.ledger.sharers.in_lane(lane) > 1);
        let shared: BTreeSet<LaneId> = shared.cloned().collect();
        let is_meant = |org: &Org| org.lane().is_some_and(|lane| shared.contains(lane));
        self.with_each(moment, is_meant, |_, _| ());
    }
}

impl Org {
    /// Counts it where its grant is now.
    pub(super) fn stand(&mut self, scene: &mut Scene<'_>) {
        let lane = self.record.grant.as_ref().map(|grant| &grant.lane);
        scene.ledger.sharers.stand(&mut self.standing, lane);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_org_counts_where_it_stands_and_no_more_where_it_stood() {
        let lanes = ["a", "b"].map(|lane| LaneId(lane.into()));
        let mut sharers = Sharers::default();
        let mut orgs = [const { Standing(None) }; 3];
        for org in &mut orgs {
            sharers.stand(org, Some(&lanes[0]));
            sharers.stand(org, Some(&lanes[0]));
        }
        assert_eq!(sharers.in_lane(&lanes[0]), 3);
        sharers.stand(&mut orgs[0], Some(&lanes[1]));
        sharers.stand(&mut orgs[1], None);
        assert_eq!(lanes.each_ref().map(|lane| sharers.in_lane(lane)), [1, 1]);
        sharers.stand(&mut orgs[2], None);
        assert_eq!(sharers.counts.len(), 1);
    }
}
