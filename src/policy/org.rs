//! One org: what it has, what it waits for, and when it acts next.
//!
//! The durable part is [`OrgRecord`]; `saving` brings it to the disk. A mint lives in `minting`, an
//! enrolment in `enrolling`; the files of those names hold their steps. What readers get is `published`:
//! it changes only after the store has the token (R7), and a failure never touches it (R2).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::agenda::Plan;
use super::asking::Verifying;
use super::binding::{self, REMOVED};
use super::call::Call;
use super::enrolling::Enrolling;
use super::event::{RequestId, Severity, Step, WriteId};
use super::ledger::{Lane, Ledger, Want};
use super::minting::Mint;
use super::proving::Proved;
use super::record::{Anchor, Cause, LaneId, Note, OrgRecord, Token, Word};
use super::reporting::Reports;
use super::revoking::Revocations;
use super::rotation::Rotation;
use super::saving::{Newest, Saving};
use super::schedule::{self, Dice};
use super::settings::OrgSettings;
use super::sharers::Standing;
use super::turns::Turn;
use crate::base::{Boottime, Now, OrgName};

/// What a step may use besides the org itself.
pub(super) struct Scene<'a> {
    pub(super) now: Now,
    pub(super) dice: &'a mut dyn Dice,
    pub(super) ledger: &'a mut Ledger,
    pub(super) steps: &'a mut Vec<Step>,
    /// Refresh tokens that this step has replaced: others may share them.
    pub(super) rotations: &'a mut Vec<Rotation>,
    /// Client secrets that this step has proved: others may be of the same client.
    pub(super) proved: &'a mut Vec<Proved>,
    pub(super) numbers: &'a mut Numbers,
    pub(super) boot_id: &'a Arc<str>,
    /// The revocation of the org that is due, and whether an org lives on that refresh token.
    pub(super) due_revocation: Option<(LaneId, bool)>,
    /// Whose write is on its way to the disk.
    pub(super) writers: &'a mut BTreeMap<WriteId, OrgName>,
    /// Whether one more call to the org's data center may begin by schedule.
    pub(super) has_turn: bool,
    /// Whether anybody vouches for the wall clock.
    pub(super) is_clock_vouched: bool,
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
            is_vouched: self.is_clock_vouched,
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
    /// What readers have said of its tokens.
    pub(super) reports: Reports,
    pub(super) minting: Option<Mint>,
    pub(super) enrolling: Option<Enrolling>,
    pub(super) revocations: Revocations,
    pub(super) saving: Saving,
    /// Calls in a row that never reached Zoho.
    pub(super) unsent: u32,
    /// No mint by schedule before: what the last failure asks for.
    pub(super) not_before: Boottime,
    /// Since when a mint is due that waits for its turn.
    pub(super) waits_since: Option<Boottime>,
    /// When it has something to do.
    pub(super) plan: Plan,
    /// Where it stood with its call when the fleet last noted it.
    pub(super) noted_turn: Turn,
    /// Where it counts among those who share a lane.
    pub(super) standing: Standing,
    /// The last failure, kept after it has healed.
    pub(super) last_error: Option<(Boottime, Cause)>,
    /// The API host that Zoho named with the newest token, where no table knows it.
    pub(super) unknown_api_domain: Option<String>,
    /// How far Zoho's API has been asked whose grant it is.
    pub(super) verifying: Verifying,
    /// Of how many refresh tokens of its client its own was the oldest, when Zoho suddenly knew it no more.
    pub(super) evicted_of: Option<usize>,
    /// Where the config contradicts the grant, or that it names the org no more: nothing is sent or served.
    pub(super) contradiction: Option<Cause>,
}

impl Org {
    /// An org nobody has enrolled yet.
    pub(super) fn unenrolled(settings: OrgSettings, anchor: Anchor) -> Self {
        let record = OrgRecord::unenrolled(settings.name.clone(), anchor);
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
            unknown_api_domain: None,
            awaiting_token: Vec::new(),
            reports: Reports::default(),
            minting: None,
            enrolling: None,
            revocations: Revocations::default(),
            saving: Saving::default(),
            unsent: 0,
            waits_since: None,
            plan: Plan::default(),
            noted_turn: Turn::Idle,
            standing: Standing::default(),
            last_error: None,
            verifying: Verifying::default(),
            evicted_of: None,
            contradiction: None,
        };
        org.contradiction = org.contradicted_by_config();
        org
    }

    pub(super) fn name(&self) -> &OrgName {
        &self.settings.name
    }

    /// The lane that its mints count in.
    pub(super) fn lane(&self) -> Option<&LaneId> {
        self.record.grant.as_ref().map(|grant| &grant.lane)
    }

    /// The word of `status`: a config that contradicts the grant outranks what Zoho last said.
    pub fn word(&self) -> Word {
        match self.contradiction {
            Some(_) => Word::Misconfigured,
            None if self.lacks_client_secret() => Word::Unenrolled,
            None => self.record.verdict.word,
        }
    }

    /// Why the word is not `ok`.
    pub fn cause(&self) -> Option<&Cause> {
        let told = self.record.verdict.cause.as_ref();
        let told = told.filter(|_| !self.lacks_client_secret());
        self.contradiction.as_ref().or(told)
    }

    /// The token that readers may have at `now`.
    pub fn served(&self, now: Boottime) -> Option<&Token> {
        let token = self.published.as_ref()?;
        (!self.is_withheld() && token.expires > now).then_some(token)
    }

    /// Whether nobody may read its token, since config, grant or Zoho's own words contradict each other.
    pub(super) fn is_withheld(&self) -> bool {
        self.contradiction.is_some() || self.word() == Word::Quarantined
    }

    /// What a reader of this token is promised to have left.
    pub fn min_ttl(&self, token: &Token) -> std::time::Duration {
        let life = token.expires.since(token.started);
        schedule::min_ttl_in_force(self.settings.min_ttl, life)
    }

    /// Whether the org is as far as a start waits for: a token, or a reason why there is none. A grant that was ok
    /// when the daemon ended is no reason.
    pub fn is_decided(&self, now: Boottime) -> bool {
        let has_reason = !matches!(self.word(), Word::Starting | Word::Ok);
        has_reason || self.served(now).is_some()
    }

    /// Looks anew at whether the config agrees with the grant. Where that turns, the org's word does.
    pub(super) fn compare_with_config(&mut self, now: Boottime) {
        let contradiction = self.contradicted_by_config();
        if contradiction.is_some() != self.contradiction.is_some() {
            self.record.verdict.since = now;
            self.saving.is_dirty = true;
        }
        self.contradiction = contradiction;
    }

    pub(super) fn contradicted_by_config(&self) -> Option<Cause> {
        // An org that has left stays so whatever a revocation does: nothing compares with a config that has it not.
        let left = self.contradiction.as_ref();
        if let Some(cause) = left.filter(|own| own.code == REMOVED) {
            return Some(cause.clone());
        }
        let grant = self.record.grant.as_ref();
        let settings = &self.settings;
        let place = grant.and_then(|grant| {
            binding::contradiction_of_kind(&grant.root, settings.grant)
                .or_else(|| binding::contradiction(&grant.binding, &settings.binding))
        });
        place.or_else(|| self.contradicted_by_org_id())
    }

    /// When this token is to be replaced, if nothing stands in the way.
    pub(super) fn due_at(&self, token: &Token, ledger: &Ledger) -> Boottime {
        let offset = schedule::offset(self.name());
        let due = schedule::refresh_at(token.started, token.expires, self.settings.at, offset);
        let sharers = self.lane().map_or(1, |own| ledger.sharers.in_lane(own));
        let (min_ttl, limits) = (self.min_ttl(token), self.settings.limits);
        schedule::in_time(due, token.expires, min_ttl, limits, sharers)
    }

    /// When the schedule wants the next mint; `None` while it wants none.
    pub(super) fn next_mint_at(&self, ledger: &Ledger, now: Boottime) -> Option<Boottime> {
        let grant = self.record.grant.as_ref()?;
        let is_held = self.contradiction.is_some()
            || matches!(self.word(), Word::Quarantined | Word::Unenrolled);
        if is_held || self.minting.is_some() || self.enrolling.is_some() || self.saving.hangs() {
            return None;
        }
        let token = self.record.token.as_ref();
        // Whatever the last try met is tried again at its own times, however fresh the token is: `retrying` would
        // be untrue if nothing were tried until the token is due.
        let token = token.filter(|_| matches!(self.word(), Word::Ok | Word::Starting));
        let due = token.map_or(now, |token| self.due_at(token, ledger));
        let mut at = due.max(self.not_before);
        at = at.max(self.saving.retry_at().unwrap_or(at));
        let lane = ledger.lane(&grant.lane);
        let last = match self.record.token {
            Some(_) => lane.and_then(Lane::last_started),
            None => lane.and_then(Lane::last_without_success),
        };
        if let Some(last) = last {
            at = at.max(last.plus(schedule::gap(self.settings.limits)));
        }
        Some(self.room_in(lane, true, Want::Schedule, ledger, at.max(now)))
    }

    /// Why Zoho throttles it, while it does.
    pub fn throttle(&self) -> Option<&Cause> {
        let verdict = &self.record.verdict;
        let is_throttled = verdict.word == Word::Throttled;
        verdict.cause.as_ref().filter(|_| is_throttled)
    }

    /// Its calls, from their slots on.
    pub(super) fn calls(&self) -> impl Iterator<Item = &Call> {
        let mint = self.minting.as_ref().map(|own| &own.call);
        mint.into_iter()
            .chain(self.enrolling.as_ref().map(|own| &own.call))
    }

    /// The next moment at which this org has something to do, if the next mint is due at `mint_at`.
    fn wake_at(&self, mint_at: Option<Boottime>) -> Option<Boottime> {
        let end = self.published.as_ref().filter(|_| self.is_out);
        let moments = [
            mint_at.filter(|_| self.waits_since.is_none()),
            end.map(|token| token.expires),
            self.saving.wake_at(),
            self.calls().filter_map(Call::overdue_at).min(),
            self.ask_overdue_at(),
            self.rescue_at(),
            self.revocation_wake_at(),
        ];
        moments.into_iter().flatten().min()
    }

    /// Does what is due, and says when the next thing is.
    pub(super) fn pump(&mut self, scene: &mut Scene<'_>) -> Option<Boottime> {
        let now = scene.now.boot;
        self.give_up_overdue_calls(scene);
        self.give_up_overdue_asks(scene);
        self.give_up_overdue_revocation(scene);
        self.give_up_late_write(scene);
        let mint_at = self.mint_if_due(scene);
        self.revoke_if_due(scene);
        if self.rescue_at().is_some_and(|at| at <= now) {
            self.show(scene);
        }
        if self.is_out && self.served(now).is_none() {
            self.is_out = false;
            scene.steps.push(Step::Withdraw(self.name().clone()));
        }
        self.ask_if_due(scene);
        self.save(scene);
        self.wake_at(mint_at)
    }

    /// Begins a mint that is due; else says when the next one is.
    fn mint_if_due(&mut self, scene: &mut Scene<'_>) -> Option<Boottime> {
        let now = scene.now.boot;
        let at = self.next_mint_at(scene.ledger, now);
        let due = at.filter(|at| *at <= now);
        self.waits_since = match due {
            // The moment from which it waits, not the newest look at it: the longest wait goes first.
            Some(at) if !scene.has_turn => Some(self.waits_since.unwrap_or(at)),
            _ => None,
        };
        let lane = self.lane().cloned();
        if let (Some(_), true, Some(lane)) = (due, scene.has_turn, lane) {
            self.begin_mint(lane, Want::Schedule, Vec::new(), scene);
            return self.next_mint_at(scene.ledger, now);
        }
        at
    }

    /// The newest token is on the disk: readers may have it, and those who waited for it are told.
    pub(super) fn publish(&mut self, scene: &mut Scene<'_>) {
        self.saving.newest = Newest::Kept;
        self.show(scene);
        for request in self.awaiting_token.drain(..) {
            scene.steps.push(Step::Reply {
                request,
                result: Ok(()),
            });
        }
        self.rule_once_kept(scene);
    }

    /// Lets readers have the newest token.
    fn show(&mut self, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let has_ended = |token: &Token| token.expires <= now;
        if self.record.token.as_ref().is_some_and(has_ended) && self.served(now).is_some() {
            // It has ended while it waited: what readers have is better, until the next one is there (R2).
            return;
        }
        let is_shown = self.is_shown();
        self.published.clone_from(&self.record.token);
        if self.served(scene.now.boot).is_some() && !(is_shown && self.is_out) {
            self.is_out = true;
            self.reports.out_since = scene.now.boot;
            scene.steps.push(Step::Publish(self.name().clone()));
        }
    }

    /// Whether readers have the newest token.
    pub(super) fn is_shown(&self) -> bool {
        let number = |token: &Option<Token>| token.as_ref().map(|token| token.generation);
        number(&self.published) == number(&self.record.token)
    }

    /// When a token that the disk does not take is published all the same: readers would go short.
    fn rescue_at(&self) -> Option<Boottime> {
        let waits = self.saving.newest != Newest::Kept && !self.is_shown();
        let is_stuck = waits && self.saving.is_in_trouble();
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
        let note = Arc::new(Note {
            org: self.name().clone(),
            at_unix_ms: scene.now.wall.0,
            kind: kind.to_owned(),
            detail,
        });
        self.saving.note(Arc::clone(&note));
        scene.steps.push(Step::Tell(severity, note));
    }
}
