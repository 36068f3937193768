//! What the daemon has said that it would do, held against what it does: a throttle waited out, a try at the moment
//! that a person was told, probes at their pace, and no third token for two that were refused in a row.

use super::spans::{HOUR, MINUTE};
use super::world::World;
use crate::base::Boottime;
use crate::policy::ledger::Want;
use crate::policy::record::Word;
use crate::policy::report::{Finding, Ruling};

/// How much earlier than a whole window a throttle may end: clocks that a reboot compares are right to within this.
const EARLY_MAX_MS: i64 = 20_000;

/// How much later than it was told a try may come, in parts of the window: the pace of the call before.
const PACE_PARTS: i64 = 6;

/// Slots of a window by which its limits, and not the try's own time, may hold it back.
const CROWDED: u32 = 5;

/// The pauses before the probes of an org that needs a person; the last one stands for all that follow.
const PROBE_PAUSES_MS: [i64; 3] = [2 * MINUTE, 10 * MINUTE, HOUR];

/// A clock that runs fast makes a pause shorter by less than this part of it.
const DRIFT_PARTS: i64 = 100;

/// What an org that needs a person may still ask Zoho.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probes {
    made: usize,
    not_before: i64,
}

impl Probes {
    fn after(made: usize, now: i64) -> Self {
        let pause = PROBE_PAUSES_MS[made.min(PROBE_PAUSES_MS.len() - 1)];
        Self {
            made,
            not_before: now + pause - pause / DRIFT_PARTS,
        }
    }
}

impl World<'_> {
    /// Zoho's word on what it was asked at `asked_at` has made the org one that needs a person, or has not.
    pub(super) fn note_need(&mut self, org: usize, before: Option<Word>, asked_at: i64) {
        let after = self.word(org);
        let needs_person = matches!(after, Some(Word::NeedsConsent | Word::Misconfigured));
        // What was asked under an older config may be mended by this one, and is tried at once.
        let is_of_today = asked_at >= self.judge.told_anew_at;
        let own = &mut self.judge.orgs[org];
        if !needs_person || !is_of_today {
            own.probes = None;
        } else if after != before {
            own.probes = Some(Probes::after(0, self.now));
        }
    }

    /// An org that needs a person is probed at its pace, and no faster.
    pub(super) fn check_probe(&mut self, org: usize) {
        let Some(probes) = self.judge.orgs[org].probes else {
            return;
        };
        if self.is_awaited(org) {
            return;
        }
        if !self.is_disk_steady() {
            // A probe that was never sent, for want of a slot on the disk, is tried again as soon as there is one.
            self.judge.orgs[org].probes = None;
            return;
        }
        if self.now < probes.not_before {
            let early = (probes.not_before - self.now) / 1000;
            let nth = probes.made + 1;
            let what = format!("probe {nth} of a grant that needs a person comes {early} s early");
            self.judge.breaks("pace", Some(org), self.now, what);
        }
        self.judge.orgs[org].probes = Some(Probes::after(probes.made + 1, self.now));
    }

    /// Who the config, or a start from what the disk has, may have told anew.
    pub(super) fn forget_needs(&mut self) {
        self.judge.told_anew_at = self.now;
        for own in &mut self.judge.orgs {
            own.probes = None;
        }
    }

    /// Zoho's throttle has become the word: until when nothing may be sent with that grant.
    pub(super) fn note_throttle(&mut self, org: usize, before: Option<Word>) {
        let is_news = self.word(org) == Some(Word::Throttled) && before != Some(Word::Throttled);
        if let (true, Some(grant)) = (is_news, self.any_grant(org)) {
            let until = self.now + self.limits.0 - EARLY_MAX_MS;
            self.judge.orgs[org].throttled = Some((grant, until));
        }
    }

    /// R3: a grant that Zoho throttles is left alone, whoever asks.
    pub(super) fn check_throttled(&mut self, org: usize, grant: usize) {
        let waits = |own: &Option<(usize, i64)>| {
            own.is_some_and(|(throttled, until)| throttled == grant && self.now < until)
        };
        if self.judge.orgs.iter().any(|own| waits(&own.throttled)) {
            let what = "a call with a grant that is throttled".to_owned();
            self.judge.breaks("R3", Some(org), self.now, what);
        }
    }

    /// A start knows of a throttle what the disk has of it.
    pub(super) fn forget_unkept_vows(&mut self) {
        for (own, name) in self.judge.orgs.iter_mut().zip(&self.names) {
            let record = self.disk.orgs.get(name);
            let is_kept = record.is_some_and(|record| record.verdict.word == Word::Throttled);
            own.throttled = own.throttled.filter(|_| is_kept);
        }
    }

    /// R11: where a person was told of the next try, and limits leave room, it is planned for then.
    pub(super) fn check_promised_try(&mut self, org: usize, told: Boottime) {
        let Some(fleet) = &self.fleet else {
            return;
        };
        let (name, boot) = (&self.names[org], self.clocks.at(self.now).boot);
        let lane = self
            .disk
            .grant(name)
            .and_then(|grant| fleet.ledger().lane(&grant.lane));
        let has_room = lane.is_some_and(|lane| {
            let slots = u32::try_from(lane.slots.len()).unwrap_or(u32::MAX);
            slots < CROWDED && lane.quiet_until <= boot
        });
        let latest = told.max(boot).0 + self.limits.0 / PACE_PARTS;
        let own = self.settings_of(org);
        let ledger = fleet.ledger();
        let (limits, mints) = (own.limits, own.client_mints);
        let client = ledger.client_room_at(&own.binding, boot, limits, mints, Want::Schedule);
        let has_room = has_room && client <= boot;
        let planned = fleet.next_mint_at(name, boot);
        let is_retrying = self.word(org) == Some(Word::Retrying);
        if let (true, true, Some(planned)) = (has_room, is_retrying, planned)
            && planned.0 > latest
        {
            let seconds = (planned.0 - latest) / 1000;
            let what = format!("a person was told of a try {seconds} s before it is planned");
            self.judge.breaks("R11", Some(org), self.now, what);
        }
    }

    /// R12: the token that replaced a refused one is refused as well; then another is no cure.
    pub(super) fn check_refused_in_a_row(&mut self, org: usize, generation: u64, ruling: Ruling) {
        let own = &mut self.judge.orgs[org];
        match ruling.finding {
            Finding::Refreshed if own.replaced == Some(generation) => {
                let what = format!(
                    "generation {generation} was refused, as the one before it, and another was minted"
                );
                self.judge.breaks("R12", Some(org), self.now, what);
            }
            Finding::Refreshed => own.replaced = ruling.generation,
            Finding::Binding => own.replaced = None,
            _ => (),
        }
    }
}
