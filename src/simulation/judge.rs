//! Knows the truth, and says when a promise is broken.
//!
//! It sees what readers see, when Zoho really counted and until when tokens really live. What breaks a promise without
//! the daemon's fault is an excuse with an end ([`super::excuse`]); what no trouble excuses (an ended token handed out,
//! a good one lost, an eleventh mint) is checked always. The first broken promise is kept; it ends the run.

use std::collections::BTreeMap;
use std::fmt;

use super::limits::{Recent, Sent};
use super::shortage::{Find, Shortages};
use super::timeline::Moment;
use super::vows::Probes;
use super::zoho::Zoho;
use crate::base::{Key, OrgName};
use crate::policy::record::Word;
use crate::policy::settings::OrgSettings;

/// How much earlier than Zoho the policy may hold a token for ended: its life counts from the start of a call, and a
/// part in a thousand is given up for clocks that run slow.
const EARLY_MAX_MS: i64 = 60_000;

/// A promise that did not hold.
#[derive(Debug, Clone)]
pub struct Broken {
    /// `R1` to `R12`, `S3`, `S4`, or a word of our own for what no promise names.
    pub promise: &'static str,
    /// Whose.
    pub org: Option<OrgName>,
    /// When, in true milliseconds since the start.
    pub at_ms: i64,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let org = self.org.as_ref().map_or("all orgs", OrgName::as_str);
        let Self { promise, what, .. } = self;
        write!(
            f,
            "{promise} broken for {org} at {}: {what}",
            Moment(self.at_ms)
        )
    }
}

/// What the readers of one org saw.
#[derive(Debug, Clone)]
pub struct OrgReport {
    /// The org.
    pub org: OrgName,
    /// Reads in all.
    pub reads: u64,
    /// When the first of them got a token.
    pub served_since: Option<i64>,
    /// From when to when they went short.
    pub short: Shortages,
    /// Calls that left for Zoho.
    pub calls: u64,
    /// Most of these in any window of Zoho's.
    pub most_in_window: u64,
    /// Tokens that Zoho made for them.
    pub mints: u64,
    /// The least that a reader had left, and when.
    pub tightest: Option<(i64, i64)>,
}

/// One reader's look, as the world sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) token: usize,
    pub(super) generation: u64,
    pub(super) is_stale: bool,
    /// What the org promises of this token, in milliseconds; zero where it promises nothing.
    pub(super) min_ttl_ms: i64,
}

impl Look {
    fn find(self, is_refused: bool) -> Find {
        match (is_refused, self.is_stale) {
            (true, _) => Find::Refused,
            (_, true) => Find::Stale,
            _ => Find::Enough,
        }
    }
}

/// What is known of one org.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) report: OrgReport,
    recent: Recent,
    pub(super) word: Word,
    /// The generation and token that readers saw last.
    pub(super) seen: Option<(u64, usize)>,
    /// Its token was given up for a reason: evidence against it, or a clock that cannot be believed.
    pub(super) is_given_up: bool,
    /// Until when a reader may find less than is promised, and nothing at all.
    pub(super) stale_excused_until: i64,
    pub(super) gone_excused_until: i64,
    /// Until when trouble has not been forgotten: a new one then adds to it.
    pub(super) unrest_until: i64,
    /// The newest generation that anybody was told of.
    pub(super) told: u64,
    /// Which grant Zoho throttles, and until when.
    pub(super) throttled: Option<(usize, i64)>,
    /// The generation that replaced a refused one.
    pub(super) replaced: Option<u64>,
    /// How far its probes are, while it needs a person.
    pub(super) probes: Option<Probes>,
}

/// The judge.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) broken: Option<Broken>,
    pub(super) orgs: Vec<Watched>,
    /// When the config, or a start, last told the daemon anew what its orgs are.
    pub(super) told_anew_at: i64,
    sent: BTreeMap<usize, Sent>,
    /// The same for clients that the config limits, by client id and data center.
    sent_by_client: BTreeMap<(Key, Key), Sent>,
}

impl Judge {
    pub(super) fn new(names: &[OrgName]) -> Self {
        let watched = |name: &OrgName| Watched {
            report: OrgReport {
                org: name.clone(),
                reads: 0,
                served_since: None,
                short: Shortages::default(),
                calls: 0,
                most_in_window: 0,
                mints: 0,
                tightest: None,
            },
            recent: Recent::default(),
            word: Word::Unenrolled,
            seen: None,
            is_given_up: false,
            stale_excused_until: 0,
            gone_excused_until: 0,
            unrest_until: 0,
            told: 0,
            throttled: None,
            replaced: None,
            probes: None,
        };
        Self {
            broken: None,
            orgs: names.iter().map(watched).collect(),
            sent: BTreeMap::new(),
            sent_by_client: BTreeMap::new(),
            told_anew_at: i64::MIN,
        }
    }

    /// A promise is broken; the first one counts.
    pub(super) fn breaks(
        &mut self,
        promise: &'static str,
        org: Option<usize>,
        at: i64,
        what: String,
    ) {
        let org = org.map(|org| self.orgs[org].report.org.clone());
        self.broken.get_or_insert(Broken {
            promise,
            org,
            at_ms: at,
            what,
        });
    }

    /// A call leaves for Zoho.
    pub(super) fn sent(
        &mut self,
        org: usize,
        grant: Option<usize>,
        at: i64,
        is_demand: bool,
        limits: (i64, u32),
    ) {
        let (window_ms, mints) = limits;
        let own = &mut self.orgs[org];
        own.report.calls += 1;
        let recent = own.recent.note(at, window_ms);
        own.report.most_in_window = own.report.most_in_window.max(recent);
        let Some(grant) = grant else {
            return;
        };
        let sent = self.sent.entry(grant).or_default();
        if let Some(what) = sent.note(at, is_demand, window_ms, mints) {
            self.breaks("R3", Some(org), at, what);
        }
    }

    /// The same call as its client's own limit counts it.
    pub(super) fn sent_by(
        &mut self,
        settings: &OrgSettings,
        org: usize,
        at: i64,
        is_demand: bool,
        window_ms: i64,
    ) {
        let Some(mints) = settings.client_mints else {
            return;
        };
        let binding = &settings.binding;
        let client = (binding.client_id.clone(), binding.data_center.clone());
        let sent = self.sent_by_client.entry(client).or_default();
        if let Some(what) = sent.note(at, is_demand, window_ms, mints) {
            let what = format!("the client's own limit: {what}");
            self.breaks("R3", Some(org), at, what);
        }
    }

    /// A reader got a token.
    pub(super) fn read(&mut self, org: usize, look: Look, zoho: &Zoho, now: i64) {
        let own = &mut self.orgs[org];
        own.is_given_up = false;
        let left = zoho.issued[look.token].ends - now;
        let report = &mut own.report;
        report.reads += 1;
        report.served_since.get_or_insert(now);
        let is_refused = zoho.issued[look.token].killed_at.is_some();
        report.short.note(look.find(is_refused), now);
        if report.tightest.is_none_or(|(least, _)| left < least) {
            report.tightest = Some((left, now));
        }
        let is_short = left < look.min_ttl_ms;
        let is_excused = now <= own.stale_excused_until;
        let before = own.seen.replace((look.generation, look.token));
        if left <= 0 {
            let what = format!("a reader got a token that ended {} ms ago", -left);
            self.breaks("R1", Some(org), now, what);
        } else if is_short && !look.is_stale {
            let what = format!("{left} ms are left, and it is not called stale");
            self.breaks("R1", Some(org), now, what);
        } else if is_short && !is_excused {
            let what = format!("a reader got a token with {left} ms left");
            self.breaks("R1", Some(org), now, what);
        }
        if let Some((generation, token)) = before {
            self.follows(org, (generation, token), look, now);
        }
    }

    fn follows(&mut self, org: usize, before: (u64, usize), look: Look, now: i64) {
        let (generation, token) = before;
        if look.generation < generation {
            let what = format!("generation {} after {generation}", look.generation);
            self.breaks("R2", Some(org), now, what);
        } else if (look.generation == generation) != (look.token == token) {
            let what = format!("generation {generation} names two tokens, or one has two");
            self.breaks("R2", Some(org), now, what);
        }
    }

    /// A reader got nothing. `is_good`: the org is in the config, and its grant is good at Zoho.
    pub(super) fn read_nothing(&mut self, org: usize, is_good: bool, zoho: &Zoho, now: i64) {
        self.find(org, Find::Nothing, now);
        let own = &mut self.orgs[org];
        if own.seen.is_some() {
            own.report.reads += 1;
        }
        let lives = |(_, token): (u64, usize)| {
            let issued = &zoho.issued[token];
            issued.killed_at.is_none() && issued.ends > now + EARLY_MAX_MS
        };
        let lost_good = own.seen.is_some_and(lives) && !own.is_given_up;
        let is_due = is_good && now > own.gone_excused_until;
        if lost_good {
            let what = "a good token is served no more".to_owned();
            self.breaks("R2", Some(org), now, what);
        } else if is_due {
            let what = "there is no token, and no reason for it".to_owned();
            self.breaks("R1", Some(org), now, what);
        }
    }

    /// The process starts again: readers may know a token that the disk never took.
    pub(super) fn restarted(&mut self, org: usize, generation_on_disk: u64, at: i64) {
        let own = &mut self.orgs[org];
        if own.seen.is_some_and(|(seen, _)| seen > generation_on_disk) {
            own.seen = None;
        }
        if own.told > generation_on_disk {
            let what = format!(
                "generation {} was acknowledged, the disk has {generation_on_disk}",
                own.told
            );
            self.breaks("R7", Some(org), at, what);
        }
    }
}
