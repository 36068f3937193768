//! Properties of the policy over values that nobody thought of: the schedule, the ledger, Zoho's answers, generations.
//!
//! The seed is fixed, so that a run that passed passes again.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use zoho_tokend::base::{Boottime, Limits, Now, OrgName, UnixTime};
use zoho_tokend::policy::fleet::{Fleet, SLEEP_MAX};
use zoho_tokend::policy::ledger::{Fate, Lane, Ledger, Want};
use zoho_tokend::policy::record::{Anchor, LaneId, Slot, Stored, Word};
use zoho_tokend::policy::restore::Clocks;
use zoho_tokend::policy::schedule;
use zoho_tokend::policy::settings::OrgSettings;
use zoho_tokend::simulation::dice::Seeded;
use zoho_tokend::simulation::swarm;

use super::by_hand::{ByHand, Zoho, life};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20_261_122),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn settings() -> OrgSettings {
    let mut plan = swarm::plan(0, 1, 1);
    plan.orgs.remove(0)
}

// --- The schedule ---

#[derive(Debug, Clone)]
enum Course {
    Pass(i64),
    Sleep(i64),
    Refresh,
    Restart,
    Weather(Zoho),
}

fn course() -> impl Strategy<Value = Course> {
    prop_oneof![
        4 => (0..3 * HOUR).prop_map(Course::Pass),
        1 => (0..3 * HOUR).prop_map(Course::Sleep),
        1 => Just(Course::Refresh),
        1 => Just(Course::Restart),
        2 => prop_oneof![
            3 => Just(Zoho::Grants),
            1 => Just(Zoho::IsUnreachable),
            1 => Just(Zoho::IsSilent),
            1 => Just(Zoho::Throttles),
        ]
        .prop_map(Course::Weather),
    ]
}

/// Nothing is left due, and an org that is well is due while its readers have what they are promised.
fn is_in_time(own: &ByHand) {
    let next = own.next_mint_at();
    let now = own.now.boot;
    assert!(next.is_none_or(|at| at > now), "{now:?}: due at {next:?}");
    let org = own.fleet.org(&own.org).expect("configured");
    let (Some(next), Some(token), Word::Ok) = (next, own.served(), org.word()) else {
        return;
    };
    let limits = Limits::ZOHO;
    let lane = own.lane().expect("it has minted");
    let is_free = lane.slots.len() < 6;
    // A call takes time, and the next one waits for a gap.
    let gap = schedule::gap(limits);
    let safe = token.expires.minus(org.min_ttl(token) + gap);
    let paced = lane.last_started().map(|at| at.plus(gap));
    let is_paced = paced.is_none_or(|at| at <= safe);
    if is_free && is_paced && now <= safe {
        assert!(next <= safe, "{next:?} of {:?}, safe {safe:?}", life(token));
    }
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn the_next_mint_is_never_in_the_past_nor_past_the_point_from_which_readers_go_short(
        name in "[a-z0-9]{1,40}",
        at in 0.2..=0.7,
        life_s in 300..=3600_u64,
        courses in prop::collection::vec(course(), 1..12),
    ) {
        let own = settings();
        let mut own = ByHand::enrolled(
            OrgSettings {
                name: OrgName::parse(&name).expect("a good name"),
                at,
                ..own
            },
            life_s,
        );
        let mut planned = own.next_mint_at();
        for course in courses {
            match course {
                Course::Pass(span) => own.pass(span, |own| {
                    let now = own.now.boot;
                    let called = own.calls.last().copied().filter(|at| *at == now);
                    let late = planned.filter(|at| at.plus(SLEEP_MAX) < now);
                    assert_eq!(late, None, "no call yet at {now:?}");
                    assert!(called.is_none() || planned.is_some_and(|at| at <= now), "too soon");
                    planned = own.next_mint_at();
                    is_in_time(own);
                }),
                Course::Sleep(span) => own.sleep(span),
                Course::Refresh => own.refresh(),
                Course::Restart => own.restart(true),
                Course::Weather(zoho) => own.zoho = zoho,
            }
            is_in_time(&own);
            planned = own.next_mint_at();
        }
    }
}

// --- The ledger ---

#[derive(Debug, Clone)]
enum Entry {
    Pass(i64),
    Open(usize, u64),
    Shift(usize, u64),
    Close(usize, Fate),
    Prune,
}

fn entry() -> impl Strategy<Value = Entry> {
    let fate = prop_oneof![
        Just(Fate::NeverSent),
        Just(Fate::Refused),
        (1..=3600_u64).prop_map(|secs| Fate::Minted(Duration::from_secs(secs))),
        Just(Fate::Lost),
    ];
    prop_oneof![
        4 => (0..4 * MINUTE).prop_map(Entry::Pass),
        1 => (0..2 * HOUR).prop_map(Entry::Pass),
        4 => (0..2_usize, 0..50_000_u64).prop_map(|(lane, span)| Entry::Open(lane, span)),
        2 => (any::<usize>(), 0..50_000_u64).prop_map(|(slot, span)| Entry::Shift(slot, span)),
        4 => (any::<usize>(), fate).prop_map(|(slot, fate)| Entry::Close(slot, fate)),
        1 => Just(Entry::Prune),
    ]
}

/// From when on there is room, and what the next call keeps its distance from.
#[derive(Debug, PartialEq)]
struct Decision {
    room: [Boottime; 5],
    last_started: Option<Boottime>,
}

impl Decision {
    /// Whether this lets a call go out that `other` holds back.
    fn is_laxer_than(&self, other: &Self) -> bool {
        let mut rooms = self.room.iter().zip(&other.room);
        rooms.any(|(own, other)| own < other) || self.last_started < other.last_started
    }
}

/// A ledger of two lanes of one client, and the slots whose calls are not over.
struct Book {
    ledger: Ledger,
    lanes: [LaneId; 2],
    open: Vec<(usize, Slot)>,
    now: i64,
    settings: OrgSettings,
}

impl Book {
    fn enter(&mut self, entry: &Entry) {
        let now = Boottime(self.now);
        match *entry {
            Entry::Pass(span) => self.now += span,
            Entry::Open(lane, span) => {
                let latest = now.plus(Duration::from_millis(span));
                let binding = &self.settings.binding;
                let id = &self.lanes[lane];
                let slot = self.ledger.open(id, binding, Limits::ZOHO, (now, latest));
                self.open.push((lane, slot));
            }
            Entry::Shift(nth, span) if !self.open.is_empty() => {
                let nth = nth % self.open.len();
                let (lane, slot) = self.open[nth];
                let latest = now.plus(Duration::from_millis(span));
                let moved = self.ledger.shift(&self.lanes[lane], slot, now, latest);
                self.open[nth] = (lane, moved);
            }
            Entry::Close(nth, fate) if !self.open.is_empty() => {
                let (lane, slot) = self.open.remove(nth % self.open.len());
                self.ledger.close(&self.lanes[lane], slot, fate, now);
            }
            Entry::Shift(..) | Entry::Close(..) => (),
            Entry::Prune => {
                self.ledger.spent_out(now, Limits::ZOHO.window);
            }
        }
    }

    /// As a start in the same boot reads it from the store.
    fn read_back(&mut self) -> Fleet {
        let now = Now {
            boot: Boottime(self.now),
            wall: UnixTime(self.now),
        };
        let boot_id: Arc<str> = "boot-1".into();
        let anchor = Anchor {
            boot_id: Arc::clone(&boot_id),
            at: now,
            is_vouched: false,
        };
        let written = self
            .lanes
            .iter()
            .filter_map(|id| self.ledger.record(id, &anchor));
        let stored = Stored {
            orgs: Vec::new(),
            lanes: written.collect(),
        };
        let clocks = Clocks {
            boot_id,
            now,
            is_synchronised: false,
        };
        Fleet::restore(Vec::new(), stored, &clocks, &mut Seeded::new(1)).0
    }

    /// Whether no call is on its way.
    fn is_at_rest(&self) -> bool {
        let mut open = self.open.iter();
        open.all(|(_, slot)| slot.settled.0 <= self.now)
    }

    /// Everything that is decided by a ledger, now and later.
    fn decisions(&self, of: &Ledger) -> Vec<Decision> {
        let limits = Limits::ZOHO;
        let later = [0, 1_000, 99_999, 10 * MINUTE, 61 * MINUTE];
        let moments = later.map(|span| Boottime(self.now + span));
        let decide = |now: Boottime, id: &LaneId| {
            let binding = &self.settings.binding;
            let client = |want| of.client_room_at(binding, now, limits, Some(12), want);
            let lane = of.lane(id);
            let room = [
                of.room_at(id, now, limits, Want::Schedule),
                of.room_at(id, now, limits, Want::Demand),
                client(Want::Schedule),
                client(Want::Demand),
                lane.map_or(now, |lane| lane.live_room_at(now, limits)),
            ];
            Decision {
                room,
                last_started: lane.and_then(Lane::last_started),
            }
        };
        let each = moments
            .iter()
            .flat_map(|now| self.lanes.iter().map(|id| decide(*now, id)));
        each.collect()
    }
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn r3_r8_a_ledger_that_is_written_and_read_back_decides_as_the_live_one_does(
        entries in prop::collection::vec(entry(), 1..40),
    ) {
        let mut book = Book {
            ledger: Ledger::default(),
            lanes: ["org-0.1", "org-1.2"].map(|id| LaneId(id.into())),
            open: Vec::new(),
            now: 10_000,
            settings: settings(),
        };
        for entry in entries {
            book.enter(&entry);
            let fleet = book.read_back();
            let live = book.decisions(&book.ledger);
            let read = book.decisions(fleet.ledger());
            if book.is_at_rest() {
                assert_eq!(read, live, "after {entry:?}");
            }
            // A call that was on its way counts as sent at the last moment at which it can have been.
            let mut pairs = read.iter().zip(&live);
            let is_lax = pairs.any(|(read, live)| read.is_laxer_than(live));
            assert!(!is_lax, "after {entry:?}: {read:?} for {live:?}");
        }
    }
}

// --- Generations ---

#[derive(Debug, Clone)]
enum Act {
    Pass(i64),
    SetWall(i64),
    Refresh,
    Restart(bool),
    Reboot(i64, i64, bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..3 * HOUR).prop_map(Act::Pass),
        2 => (-2 * DAY..2 * DAY).prop_map(Act::SetWall),
        2 => Just(Act::Refresh),
        1 => any::<bool>().prop_map(Act::Restart),
        2 => (0..3 * HOUR, -2 * DAY..2 * DAY, any::<bool>())
            .prop_map(|(off, step, sync)| Act::Reboot(off, step, sync)),
    ]
}

proptest! {
    #![proptest_config(config(96))]

    /// That each new one is what the contract says, [`ByHand`] looks at itself.
    #[test]
    fn r2_generations_only_grow_whatever_the_wall_clock_and_the_process_do(
        acts in prop::collection::vec(act(), 1..25),
    ) {
        let mut own = ByHand::enrolled(settings(), 3600);
        let mut newest = own.served().expect("it has just minted").generation;
        for act in acts {
            match act {
                Act::Pass(span) => own.pass(span, |_| ()),
                Act::SetWall(by) => own.now.wall.0 += by,
                Act::Refresh => own.refresh(),
                Act::Restart(sync) => own.restart(sync),
                Act::Reboot(off, step, sync) => own.reboot(off, step, sync),
            }
            if let Some(token) = own.served() {
                assert!(token.generation >= newest, "{} after {newest}", token.generation);
                newest = token.generation;
            }
        }
    }
}
