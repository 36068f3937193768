//! The disk: writes in their order, kept whole or not at all, and what it may do to them.

use std::collections::{BTreeMap, VecDeque};

use super::dice::Seeded;
use super::trouble::Trouble;
use crate::base::OrgName;
use crate::policy::event::WriteId;
use crate::policy::record::{Anchor, Change, Grant, LaneId, LaneRecord, OrgRecord, Stored};

/// One write.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) id: WriteId,
    pub(super) changes: Vec<Change>,
}

/// What is kept, and what waits to be.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) orgs: BTreeMap<OrgName, Box<OrgRecord>>,
    lanes: BTreeMap<LaneId, LaneRecord>,
    waiting: VecDeque<Write>,
    /// `None`: it works.
    pub(super) trouble: Option<Trouble>,
}

impl Disk {
    /// Takes a write; says how long the disk needs for it.
    pub(super) fn put(&mut self, write: Write, dice: &mut Seeded) -> i64 {
        self.waiting.push_back(write);
        match self.trouble {
            Some(Trouble::DiskHangs) => dice.between(20_000, 60_000),
            _ => *dice.pick(&[2, 2, 2, 2, 3, 5, 20, 300]),
        }
    }

    /// The oldest write, if it is to be kept, else why not.
    pub(super) fn take_next(&mut self, dice: &mut Seeded) -> Option<(Write, bool)> {
        let is_kept = match self.trouble {
            Some(Trouble::DiskFull) => false,
            Some(Trouble::DiskFails) => dice.happens(600),
            _ => true,
        };
        Some((self.waiting.pop_front()?, is_kept))
    }

    /// Whether it has done all that it was told.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.trouble.is_none()
    }

    /// The power goes: some of what was not synced is there all the same, the oldest first.
    pub(super) fn lose(&mut self, dice: &mut Seeded) -> Vec<Write> {
        let count = dice.below(1 + self.waiting.len() as u64);
        let kept = usize::try_from(count).unwrap_or(0).min(self.waiting.len());
        let survivors = self.waiting.drain(..kept).collect();
        self.waiting.clear();
        survivors
    }

    /// All that was not synced is synced now.
    pub(super) fn flush(&mut self) -> Vec<Write> {
        if self.trouble.is_some() {
            self.waiting.clear();
        }
        self.waiting.drain(..).collect()
    }

    /// Keeps a write; says what contradicts what is there.
    pub(super) fn apply(&mut self, write: Write) -> Result<(), String> {
        for change in write.changes {
            match change {
                Change::Org(record) => {
                    let known = self.orgs.get(&record.org).map_or(0, |own| own.revision);
                    if record.revision != known + 1 {
                        let (org, revision) = (&record.org, record.revision);
                        return Err(format!("{org}: revision {revision} after {known}"));
                    }
                    self.orgs.insert(record.org.clone(), record);
                }
                Change::Lane(record) => {
                    self.lanes.insert(record.id.clone(), record);
                }
                Change::DropLane(id) => {
                    self.lanes.remove(&id);
                }
                Change::Note(_) => (),
            }
        }
        Ok(())
    }

    /// All of it, as a start reads it.
    pub(super) fn stored(&self) -> Stored {
        Stored {
            orgs: self.orgs.values().map(|own| (**own).clone()).collect(),
            lanes: self.lanes.values().cloned().collect(),
        }
    }

    /// The generation that an org's record has; zero where there is none.
    pub(super) fn generation(&self, org: &OrgName) -> u64 {
        self.orgs.get(org).map_or(0, |record| record.generation)
    }

    /// The grant that an org's record has, good or not.
    pub(super) fn grant(&self, org: &OrgName) -> Option<&Grant> {
        self.orgs.get(org)?.grant.as_ref()
    }

    /// The grants of all orgs.
    pub(super) fn grants(&self) -> impl Iterator<Item = &Grant> {
        let records = self.orgs.values();
        records.filter_map(|record| record.grant.as_ref())
    }

    /// The clocks of every record.
    pub(super) fn anchors(&self) -> impl Iterator<Item = &Anchor> {
        let orgs = self.orgs.values().map(|record| &record.anchor);
        orgs.chain(self.lanes.values().map(|record| &record.anchor))
    }

    /// Whether a slot covers a call of this org that begins now and may last until `latest`: one of its grant's lane, or
    /// for an enrolment one of any.
    pub(super) fn covers(&self, org: &OrgName, is_enrolment: bool, now: i64, latest: i64) -> bool {
        let covers = |lane: &LaneRecord| {
            let mut slots = lane.slots.iter();
            slots.any(|slot| slot.started.0 <= now && slot.settled.0 >= latest)
        };
        if is_enrolment {
            return self.lanes.values().any(covers);
        }
        let lane = self
            .grant(org)
            .and_then(|grant| self.lanes.get(&grant.lane));
        lane.is_some_and(covers)
    }
}
