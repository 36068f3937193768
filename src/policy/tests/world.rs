//! The outside of the policy, on command: two clocks that move apart, a disk, a Zoho, outlets, admins.
//!
//! Checks of its own at every step: a write meets the revision that the disk has, a call's slot is on the
//! disk before the call, nobody is answered twice, and no wake-up is due at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Boottime, DataCenter, Environment, Limits, Now, OrgName, ScopeSet, UnixTime};
use crate::policy::event::{Attempt, Event, Refusal, RequestId, Right, Severity, Step, WriteId};
use crate::policy::fleet::Fleet;
use crate::policy::past::{Past, Plan};
use crate::policy::record::{Change, LaneId, LaneRecord, Note, OrgRecord, Slot, Stored};
use crate::policy::report::Ruling;
use crate::policy::restore::Clocks;
use crate::policy::revoke::Ended;
use crate::policy::schedule::Dice;
use crate::policy::settings::{Binding, GrantKind, OrgSettings};

use super::zoho::{Seeded, full};

/// 2026-11-22T00:00:00Z.
pub(super) const START_WALL: i64 = 1_795_305_600_000;

pub(super) const HOUR: Duration = Duration::from_hours(1);

pub(super) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(super) fn name(text: &str) -> OrgName {
    OrgName::parse(text).expect("a good name")
}

/// What the disk does with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    /// Keeps it at once.
    Good,
    /// Keeps nothing.
    Full,
    /// Says nothing until [`World::settle_write`].
    Slow,
}

/// A call that Zoho has not answered.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) org: OrgName,
    pub(super) attempt: Attempt,
    pub(super) right: Right,
    pub(super) asked: Boottime,
}

/// A question to the API that has no answer yet.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) org: OrgName,
    pub(super) attempt: Attempt,
    pub(super) access_token: String,
    pub(super) timeout: Duration,
}

pub(super) struct World {
    pub(super) fleet: Fleet,
    pub(super) now: Now,
    pub(super) dice: Seeded,
    pub(super) boot_id: Arc<str>,
    pub(super) settings: Vec<OrgSettings>,
    pub(super) disk: Disk,
    pub(super) orgs: BTreeMap<OrgName, OrgRecord>,
    pub(super) lanes: BTreeMap<LaneId, LaneRecord>,
    /// Writes that a slow disk has not decided.
    pub(super) writes: VecDeque<(WriteId, Vec<Change>)>,
    pub(super) writes_seen: usize,
    pub(super) calls: Vec<Sent>,
    pub(super) questions: Vec<Question>,
    /// When a call went out, and for whom.
    pub(super) sent: Vec<(Boottime, OrgName)>,
    pub(super) replies: BTreeMap<RequestId, Result<(), Refusal>>,
    /// Calls to revoke that nobody has answered, each with its refresh token, and whether that may be gone.
    pub(super) revocations: Vec<(OrgName, Attempt, String, bool)>,
    /// How revocations ended.
    pub(super) ended: BTreeMap<RequestId, Result<Ended, Refusal>>,
    /// What reporters were told.
    pub(super) rulings: BTreeMap<RequestId, Option<Ruling>>,
    /// What the outlets hold.
    pub(super) out: BTreeMap<OrgName, u64>,
    pub(super) published: usize,
    /// What was told to be taken away, since the start.
    pub(super) withdrawn: Vec<OrgName>,
    pub(super) told: Vec<(Severity, Note)>,
    /// The notes that the disk has.
    pub(super) history: Vec<Note>,
    pub(super) requests: u64,
    /// How far ahead of our wall clock the `Date` of [`World::answer`] is, in milliseconds; `None`: it has none.
    pub(super) dates: Option<i64>,
    /// The newest events and steps, printed when a test fails.
    log: VecDeque<String>,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for line in &self.log {
                eprintln!("{line}");
            }
        }
    }
}

pub(super) fn settings(org: &str) -> OrgSettings {
    let eu = DataCenter::of_zoho("eu").expect("in the table");
    OrgSettings {
        name: name(org),
        client: "warehouse".into(),
        binding: Binding {
            client_id: "1000.CLIENT".into(),
            data_center: "eu".into(),
            environment: Environment::Production,
            scopes: ScopeSet::parse("ZohoCRM.modules.ALL"),
            soid: None,
        },
        grant: GrantKind::SelfClient,
        has_client_secret: true,
        api_domains: eu.api_domains,
        console_url: eu.console_url,
        at: 0.5,
        min_ttl: secs(600),
        timeout: secs(20),
        limits: Limits::ZOHO,
        client_mints: None,
        verify: false,
        org_id: None,
        neighbours: Vec::new(),
        required: true,
        secret: None,
    }
}

impl World {
    /// Orgs that nobody has enrolled.
    pub(super) fn new(settings: Vec<OrgSettings>) -> Self {
        let now = Now {
            boot: Boottime(5_000_000),
            wall: UnixTime(START_WALL),
        };
        let boot_id: Arc<str> = "boot-1".into();
        let clocks = Clocks {
            boot_id: Arc::clone(&boot_id),
            now,
            is_synchronised: true,
        };
        let mut dice = Seeded(1);
        let stored = Stored::default();
        let (fleet, _) = Fleet::restore(settings.clone(), stored, &clocks, &mut dice);
        Self {
            fleet,
            now,
            dice,
            boot_id,
            settings,
            disk: Disk::Good,
            orgs: BTreeMap::new(),
            lanes: BTreeMap::new(),
            writes: VecDeque::new(),
            writes_seen: 0,
            calls: Vec::new(),
            questions: Vec::new(),
            sent: Vec::new(),
            replies: BTreeMap::new(),
            revocations: Vec::new(),
            ended: BTreeMap::new(),
            rulings: BTreeMap::new(),
            out: BTreeMap::new(),
            published: 0,
            withdrawn: Vec::new(),
            told: Vec::new(),
            history: Vec::new(),
            requests: 0,
            dates: None,
            log: VecDeque::new(),
        }
    }

    pub(super) fn step(&mut self, event: Event) {
        let mut dice = Seeded(self.dice.next());
        self.step_with(event, &mut dice);
    }

    pub(super) fn step_with(&mut self, event: Event, dice: &mut dyn Dice) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            if !matches!(event, Event::Tick) {
                self.log(&event);
            }
            let steps = self.fleet.step(event, self.now, dice);
            for step in steps {
                self.carry_out(step, &mut events);
            }
            let wake = self.fleet.wake_at(self.now.boot);
            assert!(wake > self.now.boot, "due at once, again and again");
        }
    }

    pub(super) fn carry_out(&mut self, step: Step, events: &mut VecDeque<Event>) {
        self.log(&step);
        match step {
            Step::Write { write, changes } => {
                self.writes_seen += 1;
                match self.disk {
                    Disk::Good => {
                        self.apply(changes);
                        events.push_back(Event::Stored(write));
                    }
                    Disk::Full => events.push_back(Event::StoreFailed(write, full())),
                    Disk::Slow => self.writes.push_back((write, changes)),
                }
            }
            Step::Call {
                org,
                attempt,
                right,
                ..
            } => {
                self.check_slot(&org, attempt);
                self.sent.push((self.now.boot, org.clone()));
                self.calls.push(Sent {
                    org,
                    attempt,
                    right,
                    asked: self.now.boot,
                });
            }
            Step::Ask {
                org,
                attempt,
                access_token,
                timeout,
            } => self.questions.push(Question {
                org,
                attempt,
                access_token: access_token.expose().to_owned(),
                timeout,
            }),
            Step::Revoke {
                org,
                attempt,
                doomed,
            } => {
                let token = doomed.refresh_token.expose().to_owned();
                self.check_doomed(&org, &token);
                let may_be_gone = doomed.may_be_gone;
                self.revocations.push((org, attempt, token, may_be_gone));
            }
            Step::Revoked { request, result } => {
                let earlier = self.ended.insert(request, result);
                assert!(earlier.is_none(), "{request:?} was answered twice");
            }
            Step::Publish(org) => self.publish(org),
            Step::Withdraw(org) => {
                self.out.remove(&org);
                self.withdrawn.push(org);
            }
            Step::Reply { request, result } => {
                let earlier = self.replies.insert(request, result);
                assert!(earlier.is_none(), "{request:?} was answered twice");
            }
            Step::Rule { request, ruling } => {
                let earlier = self.rulings.insert(request, ruling);
                assert!(earlier.is_none(), "{request:?} was answered twice");
            }
            Step::Tell(severity, note) => self.told.push((severity, (*note).clone())),
        }
    }

    fn publish(&mut self, org: OrgName) {
        let token = self.fleet.org(&org).and_then(|o| o.served(self.now.boot));
        let generation = token.expect("what is published is served").generation;
        self.published += 1;
        self.out.insert(org, generation);
    }

    /// The disk holds a slot that counts for as long as this call may take.
    fn check_slot(&self, org: &OrgName, attempt: Attempt) {
        let org = self.fleet.org(org).expect("only configured orgs call");
        let call = org.calls().find(|call| call.attempt == attempt);
        let lane = &call.expect("its call is known").lane;
        let latest = self.now.boot.plus(org.settings.timeout);
        let slots = &self.lanes.get(lane).expect("its lane is on the disk").slots;
        let is_its = |slot: &&Slot| slot.settled >= latest && slot.started <= self.now.boot;
        assert!(
            slots.iter().any(|slot| is_its(&slot)),
            "R3: a call without a slot"
        );
    }

    /// The disk has it among what is to be revoked, and no org lives on it.
    fn check_doomed(&self, org: &OrgName, token: &str) {
        let record = self.orgs.get(org).expect("its org is on the disk");
        let is_it = |past: &Past| {
            past.refresh_token
                .as_ref()
                .is_some_and(|own| own.expose() == token)
        };
        let past = record.past.iter().find(|past| is_it(past));
        let plan = past.expect("it is on the disk").plan;
        assert!(
            matches!(plan, Plan::Revoke { tries } if tries > 0),
            "{plan:?}"
        );
        let grants = self
            .orgs
            .values()
            .filter_map(|record| record.grant.as_ref());
        let mut lived_on = grants.filter_map(|grant| grant.root.refresh_token());
        assert!(
            !lived_on.any(|own| own.expose() == token),
            "revokes what is in force"
        );
    }

    fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Org(record) => {
                    let known = self.orgs.get(&record.org).map_or(0, |own| own.revision);
                    assert_eq!(
                        record.revision,
                        known + 1,
                        "compare and set: {}",
                        record.org
                    );
                    self.orgs.insert(record.org.clone(), *record);
                }
                Change::Lane(record) => {
                    self.lanes.insert(record.id.clone(), record);
                }
                Change::DropLane(id) => {
                    self.lanes.remove(&id);
                }
                Change::Note(note) => self.history.push((*note).clone()),
            }
        }
    }

    /// Decides the oldest write that a slow disk holds.
    pub(super) fn settle_write(&mut self, is_kept: bool) {
        let (write, changes) = self.writes.pop_front().expect("a write is held");
        if is_kept {
            self.apply(changes);
            self.step(Event::Stored(write));
        } else {
            self.step(Event::StoreFailed(write, full()));
        }
    }

    fn log(&mut self, what: &impl std::fmt::Debug) {
        const LINES_MAX: usize = 60;
        if self.log.len() == LINES_MAX {
            self.log.pop_front();
        }
        let what: String = format!("{what:?}").chars().take(160).collect();
        let seconds = self.now.boot.0 / 1000;
        self.log.push_back(format!("{seconds:>7} {what}"));
    }
}
