//! What is still to be told: the newest of each org, in the order in which it became news.
//!
//! Pure: no clock, no I/O. Invariants: an org is on the agenda as long as what was told of it differs from what is; what
//! became news several times meanwhile is told once, as it is then; one org's failures hold up no other org.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::change::{Change, OrgNow, Told};
use crate::base::{Boottime, OrgName};

/// First pause after a failure.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Longest pause after a failure.
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// The orgs, and how far each is told.
#[derive(Debug)]
pub struct Agenda {
    /// Empty for all.
    only: BTreeSet<String>,
    generations_only: bool,
    told: BTreeMap<String, Told>,
    now: BTreeMap<String, OrgNow>,
    waiting: BTreeMap<String, Waiting>,
    last_number: u64,
}

/// One org that is to be told.
#[derive(Debug)]
struct Waiting {
    number: u64,
    not_before: Boottime,
    failures: u32,
}

impl Agenda {
    /// Goes on from what was told before, of these orgs or of all.
    pub fn new(told: BTreeMap<String, Told>, only: &[OrgName], generations_only: bool) -> Self {
        Self {
            only: only.iter().map(OrgName::to_string).collect(),
            generations_only,
            told,
            now: BTreeMap::new(),
            waiting: BTreeMap::new(),
            last_number: 0,
        }
    }

    /// What was told, for a cursor.
    pub fn told(&self) -> &BTreeMap<String, Told> {
        &self.told
    }

    /// These are all orgs now. Says whether that brings anything to tell that was not waiting, just so, before.
    pub fn renew(&mut self, orgs: Vec<OrgNow>) -> bool {
        let now = orgs.into_iter().map(|org| (org.org.clone(), org)).collect();
        let before = std::mem::replace(&mut self.now, now);
        let names = self.now.keys().chain(self.told.keys()).chain(before.keys());
        let names: BTreeSet<String> = names.cloned().collect();
        let mut is_news = false;
        for name in names {
            if !self.differs(&name) {
                self.waiting.remove(&name);
                continue;
            }
            let has_changed = self.now.get(&name) != before.get(&name);
            self.last_number += 1;
            let new = Waiting {
                number: self.last_number,
                not_before: Boottime(i64::MIN),
                failures: 0,
            };
            is_news |= has_changed || !self.waiting.contains_key(&name);
            let waiting = self.waiting.entry(name).or_insert(new);
            if has_changed {
                // What failed before may work with what is new.
                waiting.not_before = Boottime(i64::MIN);
            }
        }
        is_news
    }

    /// What has waited longest of what may be told now.
    pub fn next(&self, now: Boottime) -> Option<Change> {
        let due = self.waiting.iter().filter(|(_, own)| own.not_before <= now);
        let (name, _) = due.min_by_key(|(_, own)| own.number)?;
        self.change(name)
    }

    /// When there is something to tell; `None` until something is new.
    pub fn due_at(&self) -> Option<Boottime> {
        self.waiting.values().map(|own| own.not_before).min()
    }

    /// It was told.
    pub fn done(&mut self, change: &Change) {
        match &change.told {
            Some(told) => self.told.insert(change.org.clone(), told.clone()),
            None => self.told.remove(&change.org),
        };
        self.waiting.remove(&change.org);
    }

    /// It could not be told: after a pause again, with what is true then. `roll`, from 0 to 1, spreads them.
    pub fn failed(&mut self, change: &Change, now: Boottime, roll: f64) -> Duration {
        let Some(waiting) = self.waiting.get_mut(&change.org) else {
            return Duration::ZERO;
        };
        let pause = PAUSE_MIN * 2_u32.saturating_pow(waiting.failures);
        let pause = pause.min(PAUSE_MAX).mul_f64(0.5 + roll / 2.0);
        waiting.failures += 1;
        waiting.not_before = now.plus(pause);
        // Behind those that wait.
        self.last_number += 1;
        waiting.number = self.last_number;
        pause
    }

    fn differs(&self, name: &str) -> bool {
        // A cursor may know orgs that are not asked for this time.
        let is_wanted = self.only.is_empty() || self.only.contains(name);
        let (told, now) = (self.told.get(name), self.now.get(name));
        is_wanted && Change::between(told, now, self.generations_only).is_some()
    }

    fn change(&self, name: &str) -> Option<Change> {
        let (told, now) = (self.told.get(name), self.now.get(name));
        let kind = Change::between(told, now, self.generations_only)?;
        Some(match now {
            Some(now) => Change::of(now.clone(), kind, told),
            None => Change::gone(name),
        })
    }
}
