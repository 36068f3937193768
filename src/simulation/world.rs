//! A world in its course: the next moment, what arrives then, what the policy makes of it, and what is done of that.

use std::collections::BTreeMap;

use super::api::Api;
use super::clocks::HostClocks;
use super::dice::Seeded;
use super::disk::Disk;
use super::judge::Judge;
use super::mail::{Delivery, Due, Mail};
use super::network::Parcel;
use super::plan::{End, Plan};
use super::process::Standing;
use super::reporters::Storm;
use super::revocations::Endings;
use super::seam::Seam;
use super::tally::Tally;
use super::timeline::{Record, Timeline};
use super::trouble::Trouble;
use super::waiting::Asker;
use super::zoho::Zoho;
use super::zoho::sayings::Kind;
use crate::base::{Boottime, Key, OrgName, millis};
use crate::policy::event::{Attempt, Event, RequestId};
use crate::policy::fleet::Fleet;
use crate::policy::org::Org;
use crate::policy::record::{Cause, Word};
use crate::policy::settings::OrgSettings;

/// So many ticks in a row that come soon and do nothing are a loop: more than twenty orgs need to line up for a turn.
const IDLE_TICKS_MAX: u32 = 60;

/// A tick that comes later than this is no part of a loop.
const SOON_MS: i64 = 25_000;

/// How many answers are kept for a stray one to repeat: those of half a day of twenty orgs, so that its call may have been
/// over for long, and what it grants have ended.
const PAST_MAX: usize = 256;

/// Everything.
pub(super) struct World<'a> {
    pub(super) plan: &'a Plan,
    pub(super) seam: &'a mut dyn Seam,
    /// The true time, in milliseconds since the start. Everything but the policy goes by it.
    pub(super) now: i64,
    /// When troubles end, and when the run does; later by what the machine slept or was off.
    pub(super) troubled_until: i64,
    pub(super) end: i64,
    pub(super) clocks: HostClocks,
    pub(super) slept_ms: i64,
    pub(super) zoho: Zoho,
    /// What the whole way to Zoho suffers from, by data center.
    pub(super) weather: BTreeMap<Key, (Trouble, i64)>,
    /// What happens to the next answer.
    pub(super) whim: Option<Trouble>,
    pub(super) is_zoho_slow: bool,
    pub(super) disk: Disk,
    pub(super) disk_troubled_at: i64,
    /// The boot that the daemon was started in last.
    pub(super) started_boot: u32,
    pub(super) standing: Standing,
    /// `None` while the process is not there.
    pub(super) fleet: Option<Fleet>,
    /// Counts the starts of the process.
    pub(super) life: u32,
    /// How many more steps are carried out before the process dies.
    pub(super) dies_after: Option<u64>,
    /// The config in force.
    pub(super) settings: Vec<OrgSettings>,
    /// Whether that is the plan's.
    pub(super) is_config_whole: bool,
    pub(super) names: Vec<OrgName>,
    index: BTreeMap<OrgName, usize>,
    pub(super) mail: Mail,
    /// The newest call of each org.
    pub(super) attempts: Vec<Option<Attempt>>,
    /// Answers that came, for a stray one to repeat.
    pub(super) past: Vec<Delivery>,
    /// Who waits for an answer.
    pub(super) askers: BTreeMap<RequestId, Asker>,
    pub(super) storm: Option<Storm>,
    pub(super) endings: Endings,
    /// Until when no call of an org has a reason.
    pub(super) quiet_until: Vec<i64>,
    pub(super) requests: u64,
    /// What the files hold.
    pub(super) files: Vec<Option<u64>>,
    /// Orgs that readers should look at now.
    pub(super) touched: Vec<bool>,
    pub(super) limits: (i64, u32),
    pub(super) api: Api,
    pub(super) dice: Seeded,
    pub(super) jitter: Seeded,
    pub(super) judge: Judge,
    pub(super) tally: Tally,
    pub(super) timeline: Timeline,
    /// When the policy wants to be woken.
    pub(super) wake: Boottime,
    ticked_at: i64,
    idle_ticks: u32,
}

impl<'a> World<'a> {
    pub(super) fn new(plan: &'a Plan, seam: &'a mut dyn Seam, record: &Record) -> Self {
        let mut dice = Seeded::new(plan.seed);
        let names: Vec<OrgName> = plan.orgs.iter().map(|org| org.name.clone()).collect();
        let index = names.iter().cloned().zip(0..).collect();
        let limits = plan.rules.limits;
        let window_ms = millis(limits.window);
        let mut clocks = HostClocks::new(plan.has_ntp);
        clocks.run_at(plan.rate_ppm, 0);
        let mut world = Self {
            plan,
            seam,
            now: 0,
            troubled_until: plan.troubled_ms,
            end: plan.troubled_ms + plan.calm_ms,
            slept_ms: 0,
            zoho: Zoho::new(plan.rules),
            weather: BTreeMap::new(),
            whim: None,
            is_zoho_slow: false,
            disk: Disk::default(),
            disk_troubled_at: i64::MIN,
            started_boot: clocks.boots,
            clocks,
            standing: Standing::new(),
            fleet: None,
            life: 0,
            dies_after: None,
            settings: plan.orgs.clone(),
            is_config_whole: true,
            judge: Judge::new(&names),
            files: vec![None; names.len()],
            touched: vec![false; names.len()],
            attempts: vec![None; names.len()],
            quiet_until: vec![0; names.len()],
            timeline: Timeline::new(record, &index),
            names,
            index,
            mail: Mail::default(),
            past: Vec::new(),
            askers: BTreeMap::new(),
            storm: None,
            endings: Endings::default(),
            requests: 0,
            limits: (window_ms, limits.mints),
            api: Api::new(plan.seed),
            jitter: dice.fork(),
            dice,
            tally: Tally::default(),
            wake: Boottime(0),
            ticked_at: 0,
            idle_ticks: 0,
        };
        world.plan_troubles();
        world
    }

    /// Runs to the end, or to the first broken promise.
    pub(super) fn run(mut self) -> End {
        self.excuse_forecast();
        self.start();
        self.enroll_everybody();
        let mut is_calm = false;
        while self.now < self.end && self.goes_on() {
            if self.now >= self.troubled_until && !is_calm {
                is_calm = true;
                self.calm_down();
            }
            self.turn();
        }
        self.conclude();
        self.tally.org_ms = self.now * i64::try_from(self.names.len()).unwrap_or(0);
        End {
            timeline: self.timeline.into_lines(),
            broken: self.judge.broken,
            tally: self.tally,
            orgs: self.judge.orgs.into_iter().map(|own| own.report).collect(),
        }
    }

    /// Goes to the next moment at which anything happens, and lets it happen.
    fn turn(&mut self) {
        let wake = self
            .fleet
            .as_ref()
            .map_or(i64::MAX, |_| self.clocks.truth_of(self.wake));
        let next = self.mail.next_at().unwrap_or(i64::MAX);
        let at = wake.min(next).min(self.end).max(self.now);
        self.now = at;
        if wake <= at {
            let before = self.tally.steps;
            let passed = at - std::mem::replace(&mut self.ticked_at, at);
            self.step(Event::Tick);
            self.note_idle(self.tally.steps == before && passed < SOON_MS);
        } else if let Some(due) = self.mail.take(at, self.life) {
            self.take(due);
        }
        self.look_at_touched();
    }

    fn note_idle(&mut self, is_idle: bool) {
        self.idle_ticks = if is_idle { self.idle_ticks + 1 } else { 0 };
        if self.idle_ticks > IDLE_TICKS_MAX {
            let what = "it wakes again and again, and does nothing".to_owned();
            self.judge.breaks("pace", None, self.now, what);
        }
    }

    fn take(&mut self, due: Due) {
        match due {
            Due::AtZoho(request) => self.arrive(&request),
            Due::Answer(delivery) => self.answer(delivery),
            Due::Told(word) => self.told(word),
            Due::RevokeAtZoho(call) => self.revoke_at_zoho(&call),
            Due::Revoked(org, attempt, said) => self.take_revocation(org, attempt, said),
            Due::Written => self.written(),
            Due::Trouble(trouble) => {
                self.plan_next(trouble);
                self.begin(trouble, 0, None);
            }
            Due::Scripted(which) => {
                self.begin_scripted(which);
            }
            Due::Relief(trouble, which) => self.relieve(trouble, which),
            Due::Look(org) => self.touched[org] = true,
            Due::LookAtAll => {
                self.mail
                    .post(self.now + self.plan.look_every_ms, Due::LookAtAll);
                if self.plan.has_ntp && !self.clocks.is_misset {
                    self.clocks.correct_wall(self.now);
                }
                self.look_at_all();
            }
            Due::Operator => self.operate(),
            Due::ReportAgain(org, generation, tries) => {
                self.report_again(org, generation, tries);
            }
            Due::Start => self.start(),
            Due::Early(write) => self.step(Event::Stored(write)),
        }
    }

    /// An answer arrives at the daemon.
    fn answer(&mut self, delivery: Delivery) {
        let (org, kind) = (
            delivery.org,
            match &delivery.parcel {
                Parcel::Said(_, kind, _) => Some(*kind),
                _ => None,
            },
        );
        let answer = delivery.parcel.open();
        self.tally.count_answer(&answer);
        let is_short = self.weather_of(org) == Some(Trouble::ShortLives);
        if kind != Some(Kind::Grant) || is_short {
            // No token that takes the reported one's place: another call is in order.
            self.end_storm(org);
        }
        let before = self.word(org);
        if kind.is_some() && self.dice.happens(900) {
            self.step(Event::Dated {
                org: self.names[org].clone(),
                asked: self.clocks.at(delivery.sent_at).boot,
                date: HostClocks::true_date(delivery.said_at),
            });
        }
        let event = Event::Answered {
            org: self.names[org].clone(),
            attempt: delivery.attempt,
            answer,
        };
        let age = self.now - delivery.sent_at;
        self.step_with(event, age);
        self.check_verdict(org, kind, before);
        self.note_throttle(org, before);
        self.note_need(org, before, delivery.sent_at);
        if self.past.len() < PAST_MAX {
            self.past.push(delivery);
        } else {
            let at = self.dice.place(&self.past);
            self.past[at] = delivery;
        }
    }

    /// R4: throttling is never taken for revocation, nor the reverse; what wants a person is blurred by neither, nor by
    /// noise.
    fn check_verdict(&mut self, org: usize, kind: Option<Kind>, before: Option<Word>) {
        let after = self.word(org);
        let is_wrong = match kind {
            Some(Kind::Throttle) => matches!(after, Some(Word::NeedsConsent | Word::Misconfigured)),
            Some(Kind::Gone) => matches!(after, Some(Word::Throttled | Word::Misconfigured)),
            Some(Kind::WrongConfig) => matches!(after, Some(Word::Throttled | Word::NeedsConsent)),
            _ => matches!(after, Some(Word::NeedsConsent | Word::Throttled)),
        };
        let is_wrong = is_wrong || (self.is_of_client(org) && after == Some(Word::NeedsConsent));
        let is_told = matches!(kind, Some(Kind::Grant | Kind::Gone | Kind::WrongConfig));
        let is_blurred = !is_told && before.is_some_and(Word::wants_a_person);
        // A process that died of it says nothing.
        if (is_wrong || is_blurred) && after != before && after.is_some() {
            let what = format!("{kind:?} made {before:?} {after:?}");
            self.judge.breaks("R4", Some(org), self.now, what);
        }
    }

    pub(super) fn word(&self, org: usize) -> Option<Word> {
        self.org(org).map(Org::word)
    }

    /// The org of a name: the policy knows no other names than the plan's.
    pub(super) fn index_of(&self, name: &OrgName) -> usize {
        self.index[name]
    }

    pub(super) fn org(&self, org: usize) -> Option<&Org> {
        self.fleet.as_ref()?.org(&self.names[org])
    }

    /// The disk is done with its oldest write.
    fn written(&mut self) {
        let Some((write, is_kept)) = self.disk.take_next(&mut self.dice) else {
            return;
        };
        let id = write.id;
        let org = self.org_of_changes(&write.changes);
        self.timeline.note(self.now, org, || {
            let fate = if is_kept { "is kept" } else { "fails" };
            format!("   write {} {fate}", id.0)
        });
        if is_kept {
            self.keep(write);
            if !self.seam.tells_writes_early() {
                self.step(Event::Stored(id));
            }
        } else {
            self.disk_troubled_at = self.now;
            let cause = Cause::new("state-unwritable", "no space left");
            self.step(Event::StoreFailed(id, cause));
        }
    }
}
