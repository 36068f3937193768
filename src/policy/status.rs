//! What an operator sees of an org: the view behind `status`, `GET /v1/orgs` and the metrics. No secret.

use std::time::Duration;

use serde::Serialize;

use super::fleet::Fleet;
use super::ledger::Ledger;
use super::org::Org;
use super::past::EndOfReplaced;
use super::record::{OrgRecord, Token, Word};
use super::remedy::{Place, remedy};
use super::reply::Asked;
use super::schedule;
use super::seats::{Count, eviction_cure};
use crate::base::{Boottime, Now, OrgName};

/// How a reader finds the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenState {
    /// There is none to serve.
    None,
    /// At least the org's `min_ttl` is left.
    Fresh,
    /// Less than that.
    Stale,
    /// It has ended.
    Expired,
}

impl TokenState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Fresh, Self::Stale, Self::Expired];

    /// The word of `status` and of the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Expired => "expired",
        }
    }
}

/// One org, as `GET /v1/orgs/ORG` answers. Times are RFC 3339 in UTC, spans whole seconds.
#[derive(Debug, Clone, Serialize)]
#[expect(
    missing_docs,
    reason = "the keys are the contract's own, explained in the README"
)]
pub struct Status {
    pub org: String,
    pub environment: &'static str,
    pub data_center: String,
    pub grant_kind: Option<&'static str>,
    pub token: TokenState,
    pub token_since: Option<String>,
    pub grant: &'static str,
    pub grant_since: String,
    pub cause: Option<String>,
    pub cure: Option<String>,
    pub generation: Option<u64>,
    pub expires_at: Option<String>,
    pub expires_in: Option<u64>,
    pub next_refresh_at: Option<String>,
    pub mints_left: Option<u32>,
    pub refresh_tokens: Option<Count>,
    pub replaced_is_revoked: Option<EndOfReplaced>,
    pub outage_budget_s: Option<Budget>,
    pub min_ttl_s: u64,
    pub life_too_short: bool,
    pub binding: Option<&'static str>,
    pub binding_detail: Option<String>,
    pub org_id: Option<String>,
    pub org_name: Option<String>,
    pub scope: Vec<String>,
    pub api_domain: Option<String>,
    pub required: bool,
    pub configured: bool,
    pub last_error: Option<LastError>,
    pub warnings: Vec<String>,
}

/// How long Zoho may be away, from now on, before a reader notices.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Budget {
    /// Before a reader gets less than `min_ttl`, in seconds.
    pub min_ttl: u64,
    /// Before a reader gets nothing, in seconds.
    pub end: u64,
}

/// The newest failure, also one that has healed.
#[derive(Debug, Clone, Serialize)]
#[expect(
    missing_docs,
    reason = "the keys are the contract's own, explained in the README"
)]
pub struct LastError {
    pub at: String,
    pub code: String,
    pub detail: String,
}

impl Fleet {
    /// The view of one configured org.
    pub fn status(&self, name: &OrgName, now: Now) -> Option<Status> {
        let next = self.next_mint_at(name, now.boot);
        let org = self.orgs.get(name)?;
        let cure = self.remedy(name).map(|remedy| remedy.cure);
        let mut status = org.status(&self.ledger, next, cure, now);
        self.add_seats(org, &mut status, now);
        Some(status)
    }

    /// The limit that keeps a person's `refresh` of this org waiting the longest.
    pub fn tightest_limit(&self, name: &OrgName, now: Boottime) -> Option<String> {
        self.orgs.get(name)?.tightest_limit(&self.ledger, now)
    }

    /// The views of all configured orgs, in the order of their names.
    pub fn statuses(&self, now: Now) -> Vec<Status> {
        let names: Vec<OrgName> = self.orgs.keys().cloned().collect();
        names
            .iter()
            .filter_map(|name| self.status(name, now))
            .collect()
    }

    /// The views of the orgs that left the config and still have a record.
    pub fn shelved_statuses(&self, now: Now) -> Vec<Status> {
        let shelved = self.shelved();
        shelved
            .filter_map(|record| shelved_status(record, now))
            .collect()
    }

    /// What only all orgs together tell of one: the places of its client.
    fn add_seats(&self, org: &Org, status: &mut Status, now: Now) {
        let grant = org.record.grant.as_ref();
        let grant = grant.filter(|grant| grant.root.refresh_token().is_some());
        status.refresh_tokens = grant.map(|grant| self.seat_count(&grant.binding, now));
        status.warnings.extend(self.seat_warning(&org.record, now));
        let evicted = org.evicted_of.filter(|_| org.is_called_invalid());
        if let (Some(count), Some(cure)) = (evicted, &mut status.cure) {
            *cure = eviction_cure(count, cure);
        }
    }
}

impl Org {
    /// What the newest token is to readers, and since when.
    pub fn token_state(&self, now: Boottime) -> (TokenState, Option<Boottime>) {
        let Some(token) = &self.published else {
            return (TokenState::None, None);
        };
        if self.contradiction.is_some() || self.word() == Word::Quarantined {
            return (TokenState::None, None);
        }
        let stale_at = token.expires.minus(self.min_ttl(token));
        if now >= token.expires {
            (TokenState::Expired, Some(token.expires))
        } else if now > stale_at {
            (TokenState::Stale, Some(stale_at))
        } else {
            (TokenState::Fresh, Some(token.started))
        }
    }

    /// What its mints by schedule ask of Zoho.
    pub fn asked(&self) -> Asked {
        self.settings.grant.asked()
    }

    /// How long Zoho may be away from `now` on: what is left at the planned refresh `next`, less one pause between
    /// tries, since the try that succeeds may be the one after the outage's end. `None` where no refresh is to be
    /// expected: Zoho may be there, and readers get less all the same.
    fn budget(&self, next: Option<Boottime>, ledger: &Ledger, now: Boottime) -> Option<Budget> {
        let token = self.served(now)?;
        if self.word().wants_a_person() {
            return None;
        }
        let limits = self.settings.limits;
        // The plan may be later than the life asks for, where the limits have no room.
        let by_life = || self.due_at(token, ledger);
        let due = next.unwrap_or_else(by_life).max(now);
        let pause = schedule::gap(limits) + limits.window / 60;
        let left = token.expires.since(due).saturating_sub(pause);
        Some(Budget {
            min_ttl: left.saturating_sub(self.min_ttl(token)).as_secs(),
            end: left.as_secs(),
        })
    }

    fn status(
        &self,
        ledger: &Ledger,
        next: Option<Boottime>,
        cure: Option<String>,
        now: Now,
    ) -> Status {
        let (state, since) = self.token_state(now.boot);
        let served = self.served(now.boot);
        let limits = self.settings.limits;
        let lane = self.lane().and_then(|id| ledger.lane(id));
        let life = self.published.as_ref().map(life_of);
        let is_short = |life| schedule::life_is_too_short(life, self.settings.at, limits);
        let text = |moment: Boottime| now.wall_at(moment).to_rfc3339();
        let binding = &self.settings.binding;
        Status {
            org: self.settings.name.to_string(),
            environment: binding.environment.as_str(),
            data_center: binding.data_center.to_string(),
            grant_kind: Some(self.settings.grant.as_str()),
            token: state,
            token_since: since.map(text),
            grant: self.word().as_str(),
            grant_since: text(self.record.verdict.since),
            cause: self.cause().map(|cause| cause.code.clone()),
            cure,
            generation: served.map(|token| token.generation),
            expires_at: served.map(|token| text(token.expires)),
            expires_in: served.map(|token| token.expires.since(now.boot).as_secs()),
            next_refresh_at: next.map(|at| text(at.max(now.boot))),
            mints_left: lane.map(|lane| {
                limits
                    .mints
                    .saturating_sub(lane.spent(now.boot, limits.window))
            }),
            refresh_tokens: None,
            replaced_is_revoked: self.record.end_of_replaced(),
            outage_budget_s: self.budget(next, ledger, now.boot),
            min_ttl_s: life
                .map_or(self.settings.min_ttl, |life| {
                    schedule::min_ttl_in_force(self.settings.min_ttl, life)
                })
                .as_secs(),
            life_too_short: life.is_some_and(is_short),
            binding: served.map(|token| {
                if self.is_verified(token) {
                    "verified"
                } else {
                    "unverified"
                }
            }),
            binding_detail: served.and_then(|token| self.binding_detail(token)),
            org_id: self.zoho_org().map(|org| org.id.clone()),
            org_name: self.zoho_org().and_then(|org| org.name.clone()),
            scope: served
                .map(|token| token.scope.iter().map(str::to_owned).collect())
                .unwrap_or_default(),
            api_domain: served.map(|token| token.api_domain.to_string()),
            required: self.settings.required,
            configured: true,
            last_error: self.last_error.as_ref().map(|(at, cause)| LastError {
                at: text(*at),
                code: cause.code.clone(),
                detail: cause.detail.clone(),
            }),
            warnings: self.warnings(life.filter(|life| is_short(*life)), now.boot),
        }
    }

    fn warnings(&self, short_life: Option<Duration>, now: Boottime) -> Vec<String> {
        let limits = self.settings.limits;
        let short = short_life.map(|life| {
            format!(
                "tokens live {} s, too short for {} mints per {} s: refreshes are paced and readers go without in between",
                schedule::life_granted(life).as_secs(), limits.mints, limits.window.as_secs()
            )
        });
        let unsaved = self.saving.is_in_trouble().then(|| {
            "the state cannot be written: free the disk or mend its permissions; no token is minted until then"
                .to_owned()
        });
        let held = self.record.streak.hold(now).map(|until| {
            format!(
                "jobs report one generation after the other as refused: most likely they call another data center or \
                 environment than the token's own api_domain, or something else that refreshes with this grant pushes \
                 its tokens out; reports mint nothing for {} min, or until `zoho-tokend refresh {}`",
                until.since(now).as_secs().div_ceil(60),
                self.name(),
            )
        });
        let elsewhere = self.unknown_api_domain.as_ref().map(|said| {
            format!(
                "Zoho named {said} as api_domain, which no table knows; the configured one is published: see \
                 whether `data_center` and `environment` are right"
            )
        });
        let all = [short, unsaved, held, elsewhere, self.past_warning()];
        all.into_iter().flatten().collect()
    }
}

fn life_of(token: &Token) -> Duration {
    token.expires.since(token.started)
}

/// An org that left the config: what it was, for `status --all`.
fn shelved_status(record: &OrgRecord, now: Now) -> Option<Status> {
    let grant = record.grant.as_ref()?;
    let code = "not-configured";
    let place = Place {
        org: record.org.as_str(),
        ..Place::ANY
    };
    let remedy = remedy(code, Asked::Refresh, 0, &place);
    Some(Status {
        org: record.org.to_string(),
        environment: grant.binding.environment.as_str(),
        data_center: grant.binding.data_center.to_string(),
        grant_kind: None,
        token: TokenState::None,
        token_since: None,
        grant: record.verdict.word.as_str(),
        grant_since: now.wall_at(record.verdict.since).to_rfc3339(),
        cause: Some(code.to_owned()),
        cure: Some(remedy.cure),
        generation: None,
        expires_at: None,
        expires_in: None,
        next_refresh_at: None,
        mints_left: None,
        refresh_tokens: None,
        replaced_is_revoked: record.end_of_replaced(),
        outage_budget_s: None,
        min_ttl_s: 0,
        life_too_short: false,
        binding: None,
        binding_detail: None,
        org_id: None,
        org_name: None,
        scope: Vec::new(),
        api_domain: None,
        required: false,
        configured: false,
        last_error: None,
        warnings: Vec::new(),
    })
}
