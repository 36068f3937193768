//! What outlives the process: the durable part of an org and of a lane.
//!
//! Times are [`Boottime`]s of the boot that the record's [`Anchor`] names; after a reboot [`Anchor::carry`]
//! moves them by the wall clock. Secrets are in here as they are; the store seals them.

use std::sync::Arc;

use super::identity::Identity;
use super::past::Past;
use super::root::Root;
use super::settings::Binding;
use crate::base::{Boottime, Key, Now, OrgName, ScopeSet, Secret, SecretMark, is_shown};

/// One change of the state. A write is a list of them, kept whole or not at all.
#[derive(Debug, Clone)]
pub enum Change {
    /// Replaces the org's record; refused unless the stored revision is one less (compare and set).
    Org(Box<OrgRecord>),
    /// Replaces the lane's record.
    Lane(LaneRecord),
    /// Drops a lane that nothing counts by any more.
    DropLane(LaneId),
    /// Appends to an org's history; the oldest beyond a bound go.
    Note(Arc<Note>),
}

/// When, on both clocks and in which boot, a record was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Names the boot, and the time namespace in it.
    pub boot_id: Arc<str>,
    /// Both clocks at that moment.
    pub at: Now,
    /// Whether the kernel or Zoho vouched for the wall clock then. If not, it says nothing over a reboot.
    pub is_vouched: bool,
}

impl Anchor {
    /// Whether a [`Boottime`] of this record still means the same: the same boot, and its clock has not gone back.
    pub fn is_of(&self, boot_id: &str, now: Now) -> bool {
        *self.boot_id == *boot_id && self.at.boot <= now.boot
    }

    /// A moment of another boot on this boot's clock, by the wall clock's word.
    pub fn carry(&self, moment: Boottime, now: Now) -> Boottime {
        let wall = self.at.wall_at(moment);
        Boottime(now.boot.0.saturating_add(wall.0.saturating_sub(now.wall.0)))
    }
}

/// The durable part of one org.
#[derive(Debug, Clone)]
pub struct OrgRecord {
    /// Its name.
    pub org: OrgName,
    /// Counts the writes of this record, from 1.
    pub revision: u64,
    /// The clock that the times below are read on.
    pub anchor: Anchor,
    /// The grant in force; `None` once revoked.
    pub grant: Option<Grant>,
    /// The refresh tokens that it had before, until Zoho has none of them any more; the oldest first.
    pub past: Vec<Past>,
    /// The newest access token, published or about to be.
    pub token: Option<Token>,
    /// The newest generation ever; outlives the token.
    pub generation: u64,
    /// How the grant fares.
    pub verdict: Verdict,
    /// Whose org it is, by the API's word.
    pub identity: Identity,
    /// What readers have said of its tokens.
    pub streak: Streak,
}

impl OrgRecord {
    /// Of an org that nobody has enrolled, from the moment of the anchor on; not written yet.
    pub(super) fn unenrolled(org: OrgName, anchor: Anchor) -> Self {
        Self {
            org,
            revision: 0,
            grant: None,
            past: Vec::new(),
            token: None,
            generation: 0,
            verdict: Verdict {
                word: Word::Unenrolled,
                since: anchor.at.boot,
                cause: None,
                failures: 0,
                until: None,
                refused_secret: None,
            },
            identity: Identity::default(),
            streak: Streak::default(),
            anchor,
        }
    }
}

/// The right to mint, as enrolled.
#[derive(Debug, Clone)]
pub struct Grant {
    /// What it is bound to.
    pub binding: Binding,
    /// What it stands on.
    pub root: Root,
    /// The client secret, where it was given at enrolment instead of in the config.
    pub client_secret: Option<Arc<Secret>>,
    /// The lane that its mints count in.
    pub lane: LaneId,
    /// When it was enrolled.
    pub enrolled_at: Boottime,
    /// Whether the refresh token was made before that, nobody knows when.
    pub is_taken_over: bool,
}

/// One access token.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token itself.
    pub access_token: Arc<Secret>,
    /// Its number.
    pub generation: u64,
    /// When its mint began; its life counts from here.
    pub started: Boottime,
    /// When it ends.
    pub expires: Boottime,
    /// Where it is used, no trailing slash.
    pub api_domain: Arc<str>,
    /// What it may do: as Zoho said, else as configured.
    pub scope: ScopeSet,
    /// Whether Zoho's own words proved the environment; `false`: nothing contradicted it.
    pub verified: bool,
}

/// Refused generations in a row, as verified reports tell of them. Stored, so that a restart brings no reporter
/// another mint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Streak {
    /// The newest generation that was refused.
    pub refused: Option<u64>,
    /// The generation that came after a refused one.
    pub successor: Option<u64>,
    /// Two in a row were refused: no mint by report before.
    pub held_until: Option<Boottime>,
}

/// How a grant fares, in a word of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The last mint succeeded.
    Ok,
    /// The last mint failed in a way that heals by itself.
    Retrying,
    /// Zoho said to wait.
    Throttled,
    /// A person must enroll again.
    NeedsConsent,
    /// A person must change the config.
    Misconfigured,
    /// The grant is of another org or environment.
    Quarantined,
    /// Nobody has enrolled yet.
    Unenrolled,
    /// Enrolled, and no mint has been decided yet.
    Starting,
}

impl Word {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Retrying,
        Self::Throttled,
        Self::NeedsConsent,
        Self::Misconfigured,
        Self::Quarantined,
        Self::Unenrolled,
        Self::Starting,
    ];

    /// The word of `status`, of errors and of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Retrying => "retrying",
            Self::Throttled => "throttled",
            Self::NeedsConsent => "needs-consent",
            Self::Misconfigured => "misconfigured",
            Self::Quarantined => "quarantined",
            Self::Unenrolled => "unenrolled",
            Self::Starting => "starting",
        }
    }

    /// The word that `text` is.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }

    /// Whether only a person's act can help.
    pub fn wants_a_person(self) -> bool {
        matches!(
            self,
            Self::NeedsConsent | Self::Misconfigured | Self::Quarantined | Self::Unenrolled
        )
    }
}

/// The word with its story. Stored, so that a restart is no probe.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The word.
    pub word: Word,
    /// Since when.
    pub since: Boottime,
    /// Why, if not ok.
    pub cause: Option<Cause>,
    /// Failures in a row that led here.
    pub failures: u32,
    /// The next probe, the end of the throttle, or when a grant that is ok is due; the schedule sends nothing before.
    pub until: Option<Boottime>,
    /// With which client secret Zoho refused the client, if that is the cause.
    pub refused_secret: Option<SecretMark>,
}

/// Why a mint failed: a code for machines, a sentence for people. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Zoho's own code, or ours where Zoho gave none: `invalid_code`, `html`, `timeout`.
    pub code: String,
    /// What was seen, at most [`Cause::DETAIL_MAX`] characters.
    pub detail: String,
}

impl Cause {
    /// Longest code, in characters.
    pub const CODE_MAX: usize = 64;
    /// Longest detail, in characters.
    pub const DETAIL_MAX: usize = 200;

    /// Cuts both to their bounds and drops what does not show as itself, since both may come from the network.
    pub fn new(code: &str, detail: &str) -> Self {
        let clean = |text: &str, max| {
            if text.len() <= max && text.bytes().all(|b| matches!(b, b' '..=b'~')) {
                return text.to_owned();
            }
            let printable = text.chars().filter(|c| is_shown(*c));
            printable.take(max).collect::<String>()
        };
        Self {
            code: clean(code, Self::CODE_MAX),
            detail: clean(detail, Self::DETAIL_MAX),
        }
    }
}

/// What one of Zoho's limits counts by: the line of refresh tokens that began with one enrolment, or a client with
/// the soid that it names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId(pub Key);

impl LaneId {
    /// Whether this org opened it: a dot, which no org's name has, ends the name.
    pub(super) fn was_opened_by(&self, org: &OrgName) -> bool {
        let rest = self.0.strip_prefix(org.as_str());
        rest.is_some_and(|rest| rest.starts_with('.'))
    }
}

/// The durable part of one lane: its ledger.
#[derive(Debug, Clone)]
pub struct LaneRecord {
    /// Names it: the org that opened it and a number, or the client and its soid.
    pub id: LaneId,
    /// The client whose own limit these mints count in too.
    pub client_id: Key,
    /// The data center, which counts on its own.
    pub data_center: Key,
    /// The clock that the times below are read on.
    pub anchor: Anchor,
    /// The slots that still count, oldest first.
    pub slots: Vec<Slot>,
    /// Zoho throttles it until then.
    pub quiet_until: Option<Boottime>,
}

/// One call that may have minted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// When the call began.
    pub started: Boottime,
    /// When its answer came, or the last moment at which Zoho can have counted it.
    pub settled: Boottime,
    /// Until when its token may live; `settled` or earlier if it made none.
    pub lives_until: Boottime,
}

/// One line of an org's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The org.
    pub org: OrgName,
    /// When, in milliseconds since 1970, by the wall clock of that moment.
    pub at_unix_ms: i64,
    /// `enrolled`, `minted`, `failed`, `grant`, …
    pub kind: String,
    /// A sentence, free of secrets.
    pub detail: String,
}

/// All that the store holds.
#[derive(Debug, Default)]
pub struct Stored {
    /// Every org, configured or not.
    pub orgs: Vec<OrgRecord>,
    /// Every lane.
    pub lanes: Vec<LaneRecord>,
}
