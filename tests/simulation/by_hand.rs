//! One org driven by hand, for the properties: a disk that keeps everything at once, and a Zoho that answers as told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use zoho_tokend::base::{Boottime, Now, OrgName, Secret, UnixTime};
use zoho_tokend::policy::event::{Answer, Attempt, Event, Offer, RequestId, Right, Step};
use zoho_tokend::policy::fleet::Fleet;
use zoho_tokend::policy::ledger::Lane;
use zoho_tokend::policy::record::{Cause, Change, LaneId, LaneRecord, OrgRecord, Stored, Token};
use zoho_tokend::policy::reply::{Asked, Outcome};
use zoho_tokend::policy::restore::Clocks;
use zoho_tokend::policy::settings::OrgSettings;
use zoho_tokend::simulation::dice::Seeded;

/// 2026-11-22T00:00:00Z, in milliseconds since 1970.
const START_WALL_MS: i64 = 1_795_305_600_000;

/// How Zoho answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zoho {
    Grants,
    IsUnreachable,
    IsSilent,
    Throttles,
}

pub(crate) struct ByHand {
    pub(crate) fleet: Fleet,
    pub(crate) now: Now,
    pub(crate) zoho: Zoho,
    /// Of every token, in seconds.
    pub(crate) life_s: u64,
    /// When each call was made.
    pub(crate) calls: Vec<Boottime>,
    pub(crate) org: OrgName,
    settings: OrgSettings,
    boots: u32,
    orgs: BTreeMap<OrgName, OrgRecord>,
    lanes: BTreeMap<LaneId, LaneRecord>,
    requests: u64,
    dice: Seeded,
}

impl ByHand {
    /// Enrolled, with its first token.
    pub(crate) fn enrolled(settings: OrgSettings, life_s: u64) -> Self {
        let now = Now {
            boot: Boottime(10_000),
            wall: UnixTime(START_WALL_MS),
        };
        let mut dice = Seeded::new(1);
        let clocks = clocks(1, now, true);
        let stored = Stored::default();
        let (fleet, _) = Fleet::restore(vec![settings.clone()], stored, &clocks, &mut dice);
        let mut own = Self {
            fleet,
            now,
            zoho: Zoho::Grants,
            life_s,
            calls: Vec::new(),
            org: settings.name.clone(),
            settings,
            boots: 1,
            orgs: BTreeMap::new(),
            lanes: BTreeMap::new(),
            requests: 0,
            dice,
        };
        let offer = Offer {
            right: Right::Code(Arc::new(Secret::new("1000.code".into()))),
            client_secret: None,
            keeps_old: false,
        };
        own.ask(|org, request| Event::Enroll {
            org,
            request,
            offer,
        });
        own
    }

    /// A person wants a new token.
    pub(crate) fn refresh(&mut self) {
        self.ask(|org, request| Event::Refresh { org, request });
    }

    fn ask(&mut self, event: impl FnOnce(OrgName, RequestId) -> Event) {
        self.requests += 1;
        let event = event(self.org.clone(), RequestId(self.requests));
        self.step(event);
    }

    /// Time passes, and the policy is woken when it wants to be; `see` looks on after each time.
    pub(crate) fn pass(&mut self, span_ms: i64, mut see: impl FnMut(&Self)) {
        let end = self.now.boot.0 + span_ms;
        while self.now.boot.0 < end {
            let wake = self.fleet.wake_at(self.now.boot).0.min(end);
            self.sleep(wake - self.now.boot.0);
            see(self);
        }
    }

    /// The machine sleeps: the policy is woken afterwards.
    pub(crate) fn sleep(&mut self, span_ms: i64) {
        self.now.boot.0 += span_ms;
        self.now.wall.0 += span_ms;
        self.step(Event::Tick);
    }

    /// The daemon starts again, from what the disk has.
    pub(crate) fn restart(&mut self, is_synchronised: bool) {
        let clocks = clocks(self.boots, self.now, is_synchronised);
        let settings = vec![self.settings.clone()];
        let (fleet, steps) = Fleet::restore(settings, self.stored(), &clocks, &mut self.dice);
        self.fleet = fleet;
        let mut events = VecDeque::new();
        for step in steps {
            self.carry_out(step, &mut events);
        }
        self.step(Event::Tick);
    }

    /// The machine starts again after `off_ms`, its wall clock wrong by `step_ms`.
    pub(crate) fn reboot(&mut self, off_ms: i64, step_ms: i64, is_synchronised: bool) {
        self.boots += 1;
        self.now.boot = Boottime(10_000);
        self.now.wall.0 += off_ms + step_ms;
        self.restart(is_synchronised);
    }

    fn stored(&self) -> Stored {
        Stored {
            orgs: self.orgs.values().cloned().collect(),
            lanes: self.lanes.values().cloned().collect(),
        }
    }

    /// What readers have.
    pub(crate) fn served(&self) -> Option<&Token> {
        self.fleet.org(&self.org)?.served(self.now.boot)
    }

    /// When the schedule wants the next mint.
    pub(crate) fn next_mint_at(&self) -> Option<Boottime> {
        self.fleet.next_mint_at(&self.org, self.now.boot)
    }

    /// The lane of the grant.
    pub(crate) fn lane(&self) -> Option<&Lane> {
        let grant = self.orgs.get(&self.org)?.grant.as_ref()?;
        self.fleet.ledger().lane(&grant.lane)
    }

    fn step(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for step in self.fleet.step(event, self.now, &mut self.dice) {
                self.carry_out(step, &mut events);
            }
        }
    }

    fn carry_out(&mut self, step: Step, events: &mut VecDeque<Event>) {
        match step {
            Step::Write { write, changes } => {
                for change in changes {
                    self.keep(change);
                }
                events.push_back(Event::Stored(write));
            }
            Step::Call {
                org,
                attempt,
                asked,
                ..
            } => {
                self.calls.push(self.now.boot);
                events.push_back(Event::Answered {
                    org,
                    attempt,
                    answer: self.answer(attempt, asked),
                });
            }
            _ => (),
        }
    }

    /// Keeps a change. The number of a new token is the contract's: one more than the last, or the seconds since 1970.
    fn keep(&mut self, change: Change) {
        match change {
            Change::Org(record) => {
                let known = self.orgs.get(&record.org).map_or(0, |own| own.generation);
                if record.generation != known {
                    let due = (known + 1).max(self.now.wall.seconds());
                    assert_eq!(record.generation, due, "after {known} at {:?}", self.now);
                }
                self.orgs.insert(record.org.clone(), *record);
            }
            Change::Lane(lane) => {
                self.lanes.insert(lane.id.clone(), lane);
            }
            Change::DropLane(id) => {
                self.lanes.remove(&id);
            }
            Change::Note(_) => (),
        }
    }

    fn answer(&self, attempt: Attempt, asked: Asked) -> Answer {
        let grant = format!(
            r#"{{"access_token":"1000.{}","refresh_token":"1000.r","expires_in":{}}}"#,
            attempt.0, self.life_s
        );
        let denied = r#"{"error":"access_denied"}"#;
        match self.zoho {
            Zoho::Grants => Answer::Sorted(Outcome::sort(asked, 200, grant.as_bytes())),
            Zoho::Throttles => Answer::Sorted(Outcome::sort(asked, 200, denied.as_bytes())),
            Zoho::IsUnreachable => Answer::NotSent(Cause::new("connect", "no way to Zoho")),
            Zoho::IsSilent => Answer::Lost(Cause::new("timeout", "no answer in time")),
        }
    }
}

fn clocks(boots: u32, now: Now, is_synchronised: bool) -> Clocks {
    Clocks {
        boot_id: format!("boot-{boots}").into(),
        now,
        is_synchronised,
    }
}

/// The life of the token that readers have.
pub(crate) fn life(token: &Token) -> Duration {
    token.expires.since(token.started)
}
