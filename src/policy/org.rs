//! One org: what it has, what it waits for, and when it acts next.
//!
//! The durable part is [`OrgRecord`]; `saving` brings it to the disk. A mint lives in `minting`, an
//! enrolment in `enrolling`; the files of those names hold their steps. What readers get is `published`:
//! it changes only after the store has the token (R7), and a failure never touches it (R2).

use std::sync::Arc;

use super::binding;
use super::enrolling::Enrolling;
use super::event::{RequestId, Severity, Step};
use super::ledger::{Ledger, Want};
use super::minting::Mint;
use super::record::{Anchor, Cause, Note, OrgRecord, Token, Verdict, Word};
use super::saving::Saving;
use super::schedule::{self, Dice};
use super::settings::OrgSettings;
use crate::base::{Boottime, Now, OrgName};

/// What a step may use besides the org itself.
pub(super) struct Scene<'a> {
    pub(super) now: Now,
    pub(super) dice: &'a mut dyn Dice,
    pub(super) ledger: &'a mut Ledger,
    pub(super) steps: &'a mut Vec<Step>,
    pub(super) numbers: &'a mut Numbers,
    pub(super) boot_id: &'a Arc<str>,
}

/// The last number given to anything that needs one.
#[derive(Debug, Default)]
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

impl Scene<'_> {
    /// Both clocks and the boot, for a record written now.
    pub(super) fn anchor(&self) -> Anchor {
        Anchor {
            boot_id: Arc::clone(self.boot_id),
            at: self.now,
        }
    }
}

/// One configured org.
#[derive(Debug)]
pub struct Org {
    pub(super) settings: OrgSettings,
    pub(super) record: OrgRecord,
    /// What readers get, while it lives and nothing contradicts it.
    pub(super) published: Option<Token>,
    /// Whether the outlets hold `published`.
    pub(super) is_out: bool,
    /// Admins to tell once the newest token is published.
    pub(super) awaiting_token: Vec<RequestId>,
    pub(super) minting: Option<Mint>,
    pub(super) enrolling: Option<Enrolling>,
    pub(super) saving: Saving,
    /// Calls in a row that never reached Zoho.
    pub(super) unsent: u32,
    /// No mint by schedule before: what the last failure asks for.
    pub(super) not_before: Boottime,
    /// The last failure, kept after it has healed.
    pub(super) last_error: Option<(Boottime, Cause)>,
    /// Where the config contradicts the grant.
    pub(super) contradiction: Option<Cause>,
}

impl Org {
    /// An org nobody has enrolled yet.
    pub(super) fn unenrolled(settings: OrgSettings, scene: &Scene<'_>) -> Self {
        let record = OrgRecord {
            org: settings.name.clone(),
            revision: 0,
            anchor: scene.anchor(),
            grant: None,
            prior: None,
            token: None,
            generation: 0,
            verdict: Verdict {
                word: Word::Unenrolled,
                since: scene.now.boot,
                cause: None,
                failures: 0,
                until: None,
            },
        };
        Self::restored(settings, record)
    }

    /// An org as the store has it, its times on this boot's clock.
    pub(super) fn restored(settings: OrgSettings, record: OrgRecord) -> Self {
        let mut org = Self {
            published: record.token.clone(),
            not_before: record.verdict.until.unwrap_or(Boottime(i64::MIN)),
            settings,
            record,
            is_out: false,
            awaiting_token: Vec::new(),
            minting: None,
            enrolling: None,
            saving: Saving::default(),
            unsent: 0,
            last_error: None,
            contradiction: None,
        };
        org.compare_with_config();
        org
    }

    pub(super) fn name(&self) -> &OrgName {
        &self.settings.name
    }

    /// The word of `status`: a config that contradicts the grant outranks what Zoho last said.
    pub fn word(&self) -> Word {
        match self.contradiction {
            Some(_) => Word::Misconfigured,
            None => self.record.verdict.word,
        }
    }

    /// Why the word is not `ok`.
    pub fn cause(&self) -> Option<&Cause> {
        self.contradiction
            .as_ref()
            .or(self.record.verdict.cause.as_ref())
    }

    /// The token that readers may have at `now`.
    pub fn served(&self, now: Boottime) -> Option<&Token> {
        let token = self.published.as_ref()?;
        let is_whole = self.contradiction.is_none() && self.word() != Word::Quarantined;
        (is_whole && token.expires > now).then_some(token)
    }

    /// What a reader of this token is promised to have left.
    pub fn min_ttl(&self, token: &Token) -> std::time::Duration {
        let life = token.expires.since(token.started);
        schedule::min_ttl_in_force(self.settings.min_ttl, life)
    }

    /// Whether the org is as far as a start waits for: a token, or a reason why there is none.
    pub fn is_decided(&self, now: Boottime) -> bool {
        self.word() != Word::Starting || self.served(now).is_some()
    }

    /// Looks anew at whether the config agrees with the grant.
    pub(super) fn compare_with_config(&mut self) {
        let grant = self.record.grant.as_ref();
        self.contradiction =
            grant.and_then(|grant| binding::contradiction(&grant.binding, &self.settings.binding));
    }

    /// When the schedule wants the next mint; `None` while it wants none.
    pub(super) fn next_mint_at(&self, ledger: &mut Ledger, now: Boottime) -> Option<Boottime> {
        let grant = self.record.grant.as_ref()?;
        let is_held = self.contradiction.is_some() || self.word() == Word::Quarantined;
        if is_held || self.minting.is_some() || self.enrolling.is_some() {
            return None;
        }
        let limits = self.settings.limits;
        let due = self.record.token.as_ref().map_or(now, |token| {
            let offset = schedule::offset(self.name());
            schedule::refresh_at(token.started, token.expires, self.settings.at, offset)
        });
        let mut at = due.max(self.not_before);
        if let Some(last) = ledger
            .lane(&grant.lane)
            .and_then(super::ledger::Lane::last_started)
        {
            at = at.max(last.plus(schedule::gap(limits)));
        }
        let client_mints = self.settings.client_mints;
        at = at.max(ledger.room_at(&grant.lane, now, limits, client_mints, Want::Schedule));
        Some(at.max(self.live_room_at(ledger, at)))
    }

    /// From when on another live token is in order: there is room, or readers are about to go without.
    pub(super) fn live_room_at(&self, ledger: &Ledger, now: Boottime) -> Boottime {
        let grant = self.record.grant.as_ref();
        let Some(lane) = grant.and_then(|grant| ledger.lane(&grant.lane)) else {
            return now;
        };
        let limits = self.settings.limits;
        let room = lane.live_room_at(now, limits);
        let Some(token) = self.published.as_ref() else {
            return now;
        };
        // Two minutes of Zoho's ten: time for one more try before the promise of min_ttl breaks.
        let eve = self.min_ttl(token) + limits.window / 5;
        room.min(token.expires.minus(eve)).max(now)
    }

    /// The next moment at which this org has something to do.
    pub(super) fn wake_at(&self, ledger: &mut Ledger, now: Boottime) -> Option<Boottime> {
        let end = self.published.as_ref().filter(|_| self.is_out);
        let moments = [
            self.next_mint_at(ledger, now),
            end.map(|token| token.expires),
            self.saving.retry_at(),
            self.minting.as_ref().map(Mint::overdue_at),
            self.enrolling.as_ref().map(Enrolling::overdue_at),
            self.rescue_at(),
        ];
        moments.into_iter().flatten().min()
    }

    /// Does what is due.
    pub(super) fn pump(&mut self, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        self.give_up_overdue(scene);
        if self
            .next_mint_at(scene.ledger, now)
            .is_some_and(|at| at <= now)
        {
            self.begin_mint(Want::Schedule, Vec::new(), scene);
        }
        if self.rescue_at().is_some_and(|at| at <= now) {
            self.publish(scene);
        }
        if self.is_out && self.served(now).is_none() {
            self.is_out = false;
            scene.steps.push(Step::Withdraw(self.name().clone()));
        }
        self.save(scene);
    }

    /// Lets readers have the newest token.
    pub(super) fn publish(&mut self, scene: &mut Scene<'_>) {
        self.saving.publish_on = None;
        self.published.clone_from(&self.record.token);
        if self.served(scene.now.boot).is_some() {
            self.is_out = true;
            scene.steps.push(Step::Publish(self.name().clone()));
        }
        for request in self.awaiting_token.drain(..) {
            scene.steps.push(Step::Reply {
                request,
                result: Ok(()),
            });
        }
    }

    /// When a token that the disk does not take is published all the same: readers would go short.
    fn rescue_at(&self) -> Option<Boottime> {
        let is_stuck = self.saving.publish_on.is_some() && self.saving.failures > 0;
        is_stuck.then(|| match &self.published {
            Some(old) => old.expires.minus(self.min_ttl(old)),
            None => Boottime(i64::MIN),
        })
    }

    /// Tells the operator, and the org's history with the next write.
    pub(super) fn tell(
        &mut self,
        severity: Severity,
        kind: &str,
        detail: String,
        scene: &mut Scene<'_>,
    ) {
        let note = Note {
            org: self.name().clone(),
            at_unix_ms: scene.now.wall.0,
            kind: kind.to_owned(),
            detail,
        };
        self.saving.note(note.clone());
        scene.steps.push(Step::Tell(severity, note));
    }
}
