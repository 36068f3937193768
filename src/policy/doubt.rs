//! Stored tokens over a reboot while nobody vouches for the wall clock: kept aside, and used once Zoho's `Date`
//! confirms it (R9).
//!
//! One call to a data center is enough for that, so the orgs whose tokens are in doubt call one at a time for a
//! few seconds, and then all mint. Whoever needs a mint anyway goes first. Nothing of this is stored: a restart
//! in between doubts again. Invariant: a token that is in doubt is never served.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::binding::contradiction;
use super::event::Severity;
use super::fleet::{Fleet, Moment};
use super::ledger::Fate;
use super::minting::Mint;
use super::org::{Org, Scene};
use super::record::{Grant, OrgRecord, Token, Verdict, Word};
use super::saving::Newest;
use super::settings::Binding;
use super::wall_clock::Hearing;
use crate::base::{Boottime, OrgName, UnixTime};

/// How long orgs in doubt wait for one another. Zoho answers in a second or two; readers wait for ten and a
/// start for thirty, so that there is time for a mint after it.
pub(super) const HOLD: Duration = Duration::from_secs(5);

/// What an org has if the wall clock is right.
#[derive(Debug)]
pub(super) struct Doubt {
    /// What the token was minted for.
    binding: Binding,
    token: Token,
    verdict: Verdict,
    revision: u64,
}

impl Doubt {
    /// What `believed` has, a record whose times the wall clock has moved; `None` where that is not alive.
    pub(super) fn of(believed: OrgRecord, now: Boottime) -> Option<Self> {
        let token = believed.token.filter(|token| token.expires > now)?;
        Some(Self {
            binding: believed.grant?.binding,
            token,
            verdict: believed.verdict,
            revision: believed.revision,
        })
    }

    /// When its token ends, if the wall clock is right.
    pub(super) fn expires(&self) -> Boottime {
        self.token.expires
    }
}

/// The tokens in doubt.
pub(super) type Doubts = BTreeMap<OrgName, Doubt>;

impl Fleet {
    /// Takes the `Date` of the answer to a call of `name` that is not over yet; any other says nothing.
    pub(super) fn hear_date(
        &mut self,
        name: &OrgName,
        asked: Boottime,
        date: UnixTime,
        moment: &mut Moment<'_>,
    ) {
        let Some(data_center) = self.turns.place_of_call(name).cloned() else {
            return;
        };
        let was_contradicted = self.wall_clock.is_contradicted(moment.now);
        match self.wall_clock.hear(&data_center, asked, date, moment.now) {
            Hearing::Nothing => (),
            Hearing::Right => self.settle_doubts(&data_center, true, moment),
            Hearing::Wrong => {
                if !was_contradicted {
                    self.tell_wrong_clock(name, date, moment);
                }
                self.settle_doubts(&data_center, false, moment);
                self.disown_anchors(&data_center, moment);
            }
        }
    }

    /// Nobody waits for a `Date` any longer; one that comes later still counts.
    pub(super) fn end_hold(&mut self, now: Boottime) {
        if self.hold_until <= now {
            self.turns.release_all();
        }
    }

    fn settle_doubts(&mut self, data_center: &str, is_right: bool, moment: &mut Moment<'_>) {
        // Set since the start: then what was computed by it at the start means nothing.
        let is_believed = is_right && self.wall_clock.is_as_at_start(moment.now);
        self.ledger.settle_doubts(data_center, is_believed);
        let is_its = |_: &OrgName, doubt: &mut Doubt| doubt.binding.data_center == data_center;
        let settled: Doubts = self.doubts.extract_if(.., is_its).collect();
        for (name, doubt) in settled {
            self.turns.release(&name);
            if !is_believed {
                continue;
            }
            match self.shelf.get_mut(&name) {
                Some(record) if record.generation == doubt.token.generation => {
                    record.token = Some(doubt.token);
                }
                Some(_) => (),
                None => self.with(&name, moment, |org, scene| org.believe(doubt, scene)),
            }
        }
    }

    fn tell_wrong_clock(&mut self, name: &OrgName, date: UnixTime, moment: &mut Moment<'_>) {
        let wall = moment.now.wall;
        let detail = format!(
            "the wall clock of this machine shows {}, Zoho's {}: after a reboot by such a clock every token is \
             minted anew; set it right (`timedatectl set-ntp true`, then look at `timedatectl`)",
            wall.to_rfc3339(),
            date.to_rfc3339()
        );
        self.with(name, moment, |org, scene| {
            org.tell(Severity::Warning, "clock", detail, scene);
        });
    }

    /// Writes anew what was written by a clock that someone vouched for and that is wrong all the same.
    fn disown_anchors(&mut self, data_center: &str, moment: &mut Moment<'_>) {
        let (boot_id, now) = (Arc::clone(&self.boot_id), moment.now);
        let is_wrong = |org: &Org| {
            let anchor = &org.record.anchor;
            let is_here = org.settings.binding.data_center == data_center;
            is_here && anchor.is_vouched && anchor.is_of(&boot_id, now)
        };
        self.with_each(moment, is_wrong, |org, _| org.saving.is_dirty = true);
    }
}

impl Org {
    /// The wall clock was right: the stored token is good, if nothing newer or worse has come meanwhile.
    fn believe(&mut self, doubt: Doubt, scene: &mut Scene<'_>) {
        let is_newest = self.record.generation == doubt.token.generation;
        let is_its = |grant: &Grant| contradiction(&doubt.binding, &grant.binding).is_none();
        let is_wanted =
            self.record.grant.as_ref().is_some_and(is_its) && self.record.token.is_none();
        let is_whole = self.record.verdict.word != Word::Quarantined;
        let is_alive = doubt.token.expires > scene.now.boot;
        if !(is_newest && is_wanted && is_whole && is_alive) {
            return;
        }
        let generation = doubt.token.generation;
        let is_spared = self.spare_mint(scene);
        self.record.token = Some(doubt.token);
        // Nothing has been said since but that a mint was to come.
        let is_as_it_was =
            self.record.revision == doubt.revision || (is_spared && self.word() == Word::Starting);
        if is_as_it_was && self.calls().next().is_none() {
            self.not_before = doubt.verdict.until.unwrap_or(Boottime(i64::MIN));
            self.record.verdict = doubt.verdict;
        }
        // Under this boot's anchor, so that a restart does not doubt it again.
        self.saving.is_dirty = true;
        self.saving.newest = Newest::Unwritten;
        let detail = format!("generation {generation}: Zoho's clock confirms this machine's");
        self.tell(Severity::Info, "kept", detail, scene);
    }

    /// Drops a mint that only the want of a token has begun and that has not been sent: it would end a living one for
    /// nothing (R3). Says whether there was one.
    fn spare_mint(&mut self, scene: &mut Scene<'_>) -> bool {
        let is_needless = |mint: &mut Mint| mint.is_for_longer_life() && mint.call.is_reserving();
        let needless = self.minting.take_if(is_needless);
        let is_spared = needless.is_some();
        if let Some(mut mint) = needless {
            mint.call.close(Fate::NeverSent, scene);
        }
        is_spared
    }
}
