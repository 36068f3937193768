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
            is_news |= has_changed;
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

#[cfg(test)]
mod tests {
    use super::super::change::tests::now;
    use super::*;

    const NOW: Boottime = Boottime(1_000_000);

    fn agenda() -> Agenda {
        Agenda::new(BTreeMap::new(), &[], false)
    }

    fn fresh(org: &str, generation: u64) -> OrgNow {
        now(org, generation, "fresh", "ok")
    }

    /// Takes what is next.
    fn take(agenda: &mut Agenda, at: Boottime) -> Option<String> {
        let change = agenda.next(at)?;
        agenda.done(&change);
        let number = change.generation.unwrap_or_default();
        Some(format!(
            "{} {} {number}",
            change.org,
            change.change.as_str()
        ))
    }

    #[test]
    fn what_has_waited_longest_goes_first_and_is_told_as_it_is_then() {
        let mut agenda = agenda();
        assert!(agenda.renew(vec![fresh("beta", 1)]));
        assert!(agenda.renew(vec![fresh("acme", 1), fresh("beta", 1)]));
        assert!(!agenda.renew(vec![fresh("acme", 1), fresh("beta", 1)]));
        assert!(agenda.renew(vec![fresh("acme", 2), fresh("beta", 2)]));
        assert_eq!(agenda.due_at(), Some(Boottime(i64::MIN)));
        assert_eq!(take(&mut agenda, NOW).as_deref(), Some("beta first 2"));
        assert_eq!(take(&mut agenda, NOW).as_deref(), Some("acme first 2"));
        assert_eq!((take(&mut agenda, NOW), agenda.due_at()), (None, None));
    }

    #[test]
    fn what_is_again_as_it_was_told_is_nothing_to_tell() {
        let mut agenda = agenda();
        agenda.renew(vec![fresh("acme", 1)]);
        take(&mut agenda, NOW);
        agenda.renew(vec![now("acme", 1, "fresh", "retrying")]);
        assert!(agenda.next(NOW).is_some());
        agenda.renew(vec![fresh("acme", 1)]);
        assert_eq!(agenda.next(NOW), None);
        agenda.renew(Vec::new());
        assert_eq!(take(&mut agenda, NOW).as_deref(), Some("acme gone 0"));
        agenda.renew(Vec::new());
        assert_eq!((agenda.next(NOW), agenda.told().len()), (None, 0));
    }

    #[test]
    fn a_failure_is_put_off_longer_and_longer_at_most_five_minutes_and_nobody_waits_with_it() {
        let mut agenda = agenda();
        agenda.renew(vec![fresh("acme", 1), fresh("beta", 1)]);
        let mut at = NOW;
        let change = agenda.next(at).expect("acme");
        assert_eq!(agenda.failed(&change, at, 1.0), PAUSE_MIN);
        assert_eq!(take(&mut agenda, at).as_deref(), Some("beta first 1"));
        assert_eq!(
            (agenda.next(at), agenda.due_at()),
            (None, Some(at.plus(PAUSE_MIN)))
        );
        let mut pauses = Vec::new();
        for _ in 0..40 {
            at = agenda.due_at().expect("it is not given up");
            let change = agenda.next(at).expect("it is due");
            pauses.push(agenda.failed(&change, at, 1.0));
        }
        assert!(pauses.is_sorted() && pauses[0] == PAUSE_MIN * 2);
        assert_eq!(pauses.last(), Some(&PAUSE_MAX));
        assert_eq!(
            agenda.failed(&change, at, 0.0),
            PAUSE_MAX / 2,
            "half of it is jitter"
        );
    }

    #[test]
    fn what_failed_is_tried_at_once_with_something_new() {
        let mut agenda = agenda();
        agenda.renew(vec![fresh("acme", 1)]);
        let change = agenda.next(NOW).expect("acme");
        agenda.failed(&change, NOW, 1.0);
        assert_eq!(agenda.next(NOW), None);
        agenda.renew(vec![fresh("acme", 1)]);
        assert_eq!(agenda.next(NOW), None);
        agenda.renew(vec![fresh("acme", 2)]);
        assert_eq!(take(&mut agenda, NOW).as_deref(), Some("acme first 2"));
    }

    #[test]
    fn what_failed_goes_behind_all_that_wait_also_when_its_pause_is_over() {
        let mut agenda = agenda();
        agenda.renew(vec![fresh("acme", 1), fresh("beta", 1)]);
        let change = agenda.next(NOW).expect("acme");
        let pause = agenda.failed(&change, NOW, 1.0);
        let at = NOW.plus(pause);
        assert_eq!(take(&mut agenda, at).as_deref(), Some("beta first 1"));
        assert_eq!(take(&mut agenda, at).as_deref(), Some("acme first 1"));
    }

    #[test]
    fn an_org_of_the_cursor_that_went_while_nobody_watched_is_told_to_be_gone() {
        let mut before = agenda();
        before.renew(vec![fresh("acme", 1), fresh("beta", 1)]);
        while take(&mut before, NOW).is_some() {}
        let mut agenda = Agenda::new(before.told().clone(), &[], false);
        agenda.renew(vec![fresh("acme", 1)]);
        assert_eq!(take(&mut agenda, NOW).as_deref(), Some("beta gone 0"));
    }

    #[test]
    fn orgs_of_the_cursor_that_are_not_asked_for_are_left_alone() {
        let mut before = agenda();
        before.renew(vec![fresh("acme", 1), fresh("beta", 1)]);
        while take(&mut before, NOW).is_some() {}
        let acme = OrgName::parse("acme").expect("a name");
        let mut agenda = Agenda::new(before.told().clone(), &[acme], false);
        agenda.renew(vec![fresh("acme", 2)]);
        assert_eq!(take(&mut agenda, NOW).as_deref(), Some("acme generation 2"));
        assert_eq!((agenda.next(NOW), agenda.told().len()), (None, 2));
    }
}
