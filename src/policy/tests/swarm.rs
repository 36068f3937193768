//! Random runs from a seed: each switches some troubles off and makes others frequent.
//!
//! The promises are checked at every event by [`super::truth`]; the world checks its own (see there). At the
//! end all trouble stops, and every org must come back by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::sky::{Sky, Weather};
use super::truth::{Fact, Truth};
use super::world::{Disk, START_WALL, Sent, World, secs, settings};
use super::zoho::Seeded;
use crate::base::{Boottime, OrgName, UnixTime};
use crate::policy::event::{Answer, Attempt, Event, RequestId};
use crate::policy::record::Word;
use crate::policy::settings::OrgSettings;

const MIN: i64 = 60_000;
const TROUBLED: i64 = 4 * 60 * MIN;
const CALM: i64 = 150 * MIN;
pub(super) const ORGS: [&str; 3] = ["acme", "beta", "gamma"];

/// What comes when its time has come.
pub(super) enum Later {
    Answer(Box<Reply>),
    Write,
}

/// What comes back from one call.
pub(super) struct Reply {
    org: OrgName,
    attempt: Attempt,
    answer: Answer,
    asked: Boottime,
    date: Option<UnixTime>,
}

pub(super) struct Swarm {
    seed: u64,
    pub(super) world: World,
    pub(super) truth: Truth,
    pub(super) rng: Seeded,
    pub(super) sky: Sky,
    /// True milliseconds at boot time zero, for each boot.
    pub(super) bases: BTreeMap<Arc<str>, i64>,
    pub(super) later: BTreeMap<(i64, u64), Later>,
    /// Chance in a thousand of each trouble, at each turn.
    pub(super) odds: [u64; 9],
    disk_odds: u64,
    client_mints: Option<u32>,
    has_dates: bool,
    pub(super) open: BTreeMap<RequestId, (i64, OrgName)>,
    serial: u64,
    pub(super) attempts: Vec<(OrgName, Attempt)>,
    idle_wakes: u32,
}

impl Drop for Swarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SEED={}", self.seed);
        }
    }
}

impl Swarm {
    fn new(seed: u64) -> Self {
        let mut rng = Seeded(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let mut world = World::new(Vec::new());
        world.dice = Seeded(rng.next());
        world.disk = Disk::Slow;
        let bases = BTreeMap::from([(Arc::clone(&world.boot_id), -world.now.boot.0)]);
        let mut swarm = Self {
            seed,
            truth: Truth::default(),
            sky: Sky::new(&mut rng),
            bases,
            later: BTreeMap::new(),
            odds: std::array::from_fn(|_| rng.pick(&[0, 2, 8])),
            disk_odds: rng.pick(&[0, 0, 30, 300]),
            client_mints: rng.pick(&[None, None, None, Some(12)]),
            has_dates: rng.below(3) > 0,
            open: BTreeMap::new(),
            serial: 0,
            attempts: Vec::new(),
            idle_wakes: 0,
            world,
            rng,
        };
        swarm.truth.client_mints = swarm.client_mints;
        let settings = swarm.config();
        swarm.world.reload(settings);
        swarm
    }

    /// The config as it should be.
    pub(super) fn config(&self) -> Vec<OrgSettings> {
        let configured = ORGS.map(|org| OrgSettings {
            client_mints: self.client_mints,
            ..settings(org)
        });
        configured.to_vec()
    }

    /// True milliseconds since the start.
    pub(super) fn now(&self) -> i64 {
        self.bases[&self.world.boot_id] + self.world.now.boot.0
    }

    pub(super) fn happens(&mut self, per_mille: u64) -> bool {
        self.rng.below(1000) < per_mille
    }

    /// How many calls there were, and how many stored tokens a `Date` saved.
    fn run(&mut self) -> [usize; 2] {
        for org in ["acme", "beta"] {
            self.enroll(org);
        }
        while self.now() < TROUBLED {
            self.turn();
            self.trouble();
        }
        self.calm_down();
        while self.now() < TROUBLED + CALM {
            self.turn();
        }
        self.everyone_is_well();
        self.truth.no_window_ever_had_more_than_ten();
        let told = self.world.told.iter();
        let kept = told.filter(|(_, note)| note.kind == "kept").count();
        [self.truth.calls, kept]
    }

    /// Goes to the next moment at which anything happens, and lets it happen.
    fn turn(&mut self) {
        let left = self.world.fleet.wake_at(self.world.now.boot);
        let wake = self.now() + self.world.now.boot.0.abs_diff(left.0).cast_signed();
        let next = self.later.keys().next().map_or(i64::MAX, |(at, _)| *at);
        let passed = (wake.min(next) - self.now()).max(0);
        self.world.now.boot.0 += passed;
        self.world.now.wall.0 += passed;
        let (now, steps) = (self.now(), self.world.steps_seen);
        let entry = self.later.first_entry().filter(|own| own.key().0 <= now);
        match entry.map(std::collections::btree_map::OccupiedEntry::remove) {
            Some(Later::Write) => {
                let is_kept = !self.happens(self.disk_odds);
                self.world.settle_write(is_kept);
            }
            Some(Later::Answer(reply)) => self.hear(*reply),
            None => {
                self.world.step(Event::Tick);
                let is_idle = self.world.steps_seen == steps && passed < 30_000;
                self.idle_wakes = if is_idle { self.idle_wakes + 1 } else { 0 };
                assert!(
                    self.idle_wakes < 20,
                    "wakes again and again, and does nothing"
                );
            }
        }
        self.take_in();
    }

    fn hear(&mut self, reply: Reply) {
        let Reply {
            org,
            attempt,
            answer,
            asked,
            date,
        } = reply;
        if let Some(date) = date {
            let org = org.clone();
            self.world.step(Event::Dated { org, asked, date });
        }
        self.world.step(Event::Answered {
            org,
            attempt,
            answer,
        });
    }

    /// Plans what follows from the newest steps, and checks what admins and readers see.
    pub(super) fn take_in(&mut self) {
        for call in std::mem::take(&mut self.world.calls) {
            self.plan_answer(&call);
        }
        let is_write = |later: &&Later| matches!(later, Later::Write);
        let planned = self.later.values().filter(is_write).count();
        for _ in planned..self.world.writes.len() {
            let delay = self.rng.pick(&[2, 2, 2, 2, 5, 5, 20, 1_000]);
            let hang = i64::from(self.happens(self.disk_odds / 10)) * 45_000;
            self.after(delay + hang, Later::Write);
        }
        let now = self.now();
        let (replies, rulings) = (&self.world.replies, &self.world.rulings);
        let is_told =
            |request: &RequestId| replies.contains_key(request) || rulings.contains_key(request);
        self.open.retain(|request, _| !is_told(request));
        let oldest = self.open.values().map(|(since, _)| now - since).max();
        assert!(
            oldest.is_none_or(|age| age < 5 * MIN),
            "an admin or a reporter waits for ever"
        );
        self.truth.check_readers(&self.world, now);
    }

    fn after(&mut self, delay: i64, later: Later) {
        self.serial += 1;
        self.later.insert((self.now() + delay, self.serial), later);
    }

    fn plan_answer(&mut self, call: &Sent) {
        let sent = self.now();
        let plan = self.sky.plan(&call.right, sent, &mut self.rng);
        if plan.is_seen {
            let org = self.world.org(call.org.as_str());
            let served = org.served(self.world.now.boot);
            let is_eve = served.is_none_or(|token| {
                token.expires.since(self.world.now.boot) < org.min_ttl(token) + secs(120)
            });
            let is_demand = self.open.values().any(|(_, org)| *org == call.org);
            self.truth.sent(&Fact {
                family: &plan.family,
                sent,
                counted: plan.counted,
                life: plan.life,
                is_demand,
                is_eve,
            });
        }
        if let Some(token) = plan.token {
            self.truth.made(token, plan.counted + plan.life);
        }
        self.attempts.push((call.org.clone(), call.attempt));
        if let Some(answer) = plan.answer {
            let is_dated = self.has_dates && matches!(answer, Answer::Sorted(_));
            let reply = Reply {
                org: call.org.clone(),
                attempt: call.attempt,
                answer,
                asked: call.asked,
                date: is_dated.then(|| UnixTime((START_WALL + plan.counted) / 1_000 * 1_000)),
            };
            self.after(plan.delay, Later::Answer(Box::new(reply)));
        }
    }

    fn calm_down(&mut self) {
        self.sky.weather = Weather::Good;
        self.sky.is_steady = true;
        self.disk_odds = 0;
        let config = self.config();
        self.world.reload(config);
        self.take_in();
    }

    fn everyone_is_well(&mut self) {
        for org in ORGS {
            if self.world.word(org) == Word::Quarantined {
                self.refresh(org);
            }
        }
        let end = self.now() + 2 * MIN;
        while self.now() < end {
            self.turn();
        }
        for org in ORGS {
            let word = self.world.word(org);
            // One enrolled while the config was another stays refused by this one.
            let is_misplaced = self.world.org(org).contradiction.is_some();
            // And minute tokens of three orgs may take all that one client is allowed.
            let is_crowded = self.client_mints.is_some() && word == Word::Quarantined;
            let is_enrolled = self.world.kept(org).is_some() && !is_misplaced && !is_crowded;
            assert_eq!(word == Word::Ok, is_enrolled, "{org} is {}", word.as_str());
            let has_token = self.world.read(org).is_some();
            assert!(
                !is_enrolled || has_token || self.sky.life < 900_000,
                "{org}"
            );
        }
        assert!(
            self.open.is_empty(),
            "an admin or a reporter was not answered"
        );
        assert!(self.world.fleet.leaving.is_empty());
    }
}

/// `SEED=n` runs that one alone, `SEEDS=n` so many.
#[test]
fn r1_r2_r3_r7_r9_hold_in_every_random_run_and_every_org_comes_back() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let count = number("SEEDS").unwrap_or(200);
    let seeds = number("SEED").map_or(0..count, |seed: u64| seed..seed + 1);
    let (mut calls, mut kept) = (0, 0);
    for seed in seeds.clone() {
        let [more_calls, more_kept] = Swarm::new(seed).run();
        (calls, kept) = (calls + more_calls, kept + more_kept);
    }
    assert!(calls > 0);
    assert!(kept > 0 || seeds.count() < 200, "no `Date` saved a mint");
}
