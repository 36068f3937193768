//! What the stand-in saw, for tests to judge by.

use std::collections::BTreeMap;

use serde::Serialize;

use super::lane::{Counts, End};
use super::zoho::{Grant, Zoho};
use crate::base::Boottime;

/// Everything at one moment; printed as JSON by `GET /_/stats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// One for each grant, the oldest first.
    pub grants: Vec<GrantStats>,
    /// What belongs to no grant.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// One refresh token, or one client and soid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantStats {
    /// Its age rank; grants are never renumbered.
    pub number: u32,
    /// The client it was given to.
    pub client_id: String,
    /// The org of the consent.
    pub org_id: String,
    /// The environment of the consent.
    pub environment: &'static str,
    /// The token to refresh with; `None` for client credentials.
    pub refresh_token: Option<String>,
    /// Why no token comes from it any more.
    pub ended: Option<End>,
    /// Access tokens alive now.
    pub live: usize,
    /// What happened so far.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Calls that are counted apart from the grants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Calls of the token endpoint, also those that name no grant.
    pub token_calls: u64,
    /// Calls of either revocation endpoint.
    pub revocations: u64,
    /// Calls whose URL carried a secret, a code or a token.
    pub secrets_in_url: u64,
    /// Calls of paths that Zoho does not have, such as the target of a redirect.
    pub strays: u64,
    /// API calls with a live token.
    pub crm_let_in: u64,
    /// API calls that were refused, by why their token was dead.
    pub crm_refused: BTreeMap<End, u64>,
}

impl Zoho {
    /// What was seen so far.
    pub fn stats(&self, now: Boottime) -> Stats {
        let grants = self.grants.iter();
        Stats {
            grants: grants
                .map(|(number, grant)| grant.stats(*number, now))
                .collect(),
            traffic: self.traffic.clone(),
        }
    }

    /// A call of a path that Zoho does not have.
    pub fn note_stray(&mut self) {
        self.traffic.strays += 1;
    }

    /// A URL that carried what no log may show.
    pub fn note_secret_in_url(&mut self) {
        self.traffic.secrets_in_url += 1;
    }
}

impl Stats {
    /// All grants added up; peaks are the highest of any.
    pub fn sum(&self) -> Counts {
        self.grants
            .iter()
            .fold(Counts::default(), |sum, grant| sum.plus(&grant.counts))
    }
}

impl Counts {
    fn plus(self, other: &Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            mints: self.mints + other.mints,
            lost: self.lost + other.lost,
            refusals: self.refusals + other.refusals,
            peak_window: self.peak_window.max(other.peak_window),
            peak_live: self.peak_live.max(other.peak_live),
            evicted: self.evicted + other.evicted,
            evicted_while_current: self.evicted_while_current + other.evicted_while_current,
        }
    }
}

impl Grant {
    fn stats(&self, number: u32, now: Boottime) -> GrantStats {
        GrantStats {
            number,
            client_id: self.consent.client_id.clone(),
            org_id: self.consent.org.id.clone(),
            environment: self.consent.org.environment.as_str(),
            refresh_token: self.refresh_token.clone(),
            ended: self.ended,
            live: self.lane.live(now),
            counts: self.lane.counts(),
        }
    }
}
