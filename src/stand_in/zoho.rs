//! Zoho's accounts server as a world: clients, consents, grants and their tokens.
//!
//! Time and randomness come from outside, so that a run replays from its seed. Nothing here does I/O; what
//! goes over the wire is in [`super::server`]. Nothing here is secret either: every token is made up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::consent::{Person, Terms};
use super::fault_queues::FaultQueues;
use super::lane::{End, Lane};
use super::leads::Leads;
use super::rules::Rules;
use super::stats::Traffic;
use super::window::Window;
use crate::base::{Boottime, Environment};

/// The whole of it.
pub struct Zoho {
    pub(super) rules: Rules,
    pub(super) random: fastrand::Rng,
    pub(super) clients: BTreeMap<String, Client>,
    pub(super) codes: HashMap<String, Code>,
    /// By number, which is also their age: the lowest is the oldest.
    pub(super) grants: BTreeMap<u32, Grant>,
    pub(super) grants_made: u32,
    /// The grant of each refresh token that works.
    pub(super) refresh_tokens: HashMap<String, u32>,
    /// The grant of each access token that is remembered.
    pub(super) access_tokens: HashMap<String, u32>,
    pub(super) faults: FaultQueues,
    pub(super) traffic: Traffic,
    /// At the browser.
    pub(super) person: Person,
    /// Client, person and scopes of every consent so far.
    pub(super) consents: BTreeSet<(String, String, String)>,
    /// What every org's CRM holds.
    pub leads: Leads,
}

/// Which org in which environment, and where its API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Zoho's own number of the org.
    pub id: String,
    /// Production, sandbox or developer.
    pub environment: Environment,
    /// What answers name as `api_domain`.
    pub api_domain: String,
}

/// What a person agreed to in the console or on the consent page.
#[derive(Debug, Clone)]
pub struct Consent {
    /// The client that gets access.
    pub client_id: String,
    /// The person; refresh tokens are counted per client and person.
    pub user: String,
    /// With commas or spaces between.
    pub scope: String,
    /// What it gives access to.
    pub org: Org,
    /// Set by the web flow; the exchange must name the same one.
    pub redirect_uri: Option<String>,
    /// Life of the code where the console was told another than the usual.
    pub code_life: Option<Duration>,
}

impl Consent {
    /// By the only user, without a redirect: the Self Client's.
    pub fn new(client_id: &str, scope: &str, org: Org) -> Self {
        Self {
            client_id: client_id.to_owned(),
            user: "admin".to_owned(),
            scope: scope.to_owned(),
            org,
            redirect_uri: None,
            code_life: None,
        }
    }
}

pub(super) struct Client {
    pub(super) secret: String,
    /// The one before, while the console lets both work.
    pub(super) old_secret: Option<String>,
    /// The grant of each `ZohoCRM.600123` that it may name in client credentials.
    pub(super) soids: BTreeMap<String, u32>,
    pub(super) mints: Window,
    pub(super) exchanges: Window,
    /// Where the consent page may send a browser.
    pub(super) redirect_uris: BTreeSet<String>,
}

pub(super) struct Code {
    pub(super) consent: Consent,
    pub(super) terms: Terms,
    pub(super) ends_at: Boottime,
}

pub(super) struct Grant {
    pub(super) consent: Consent,
    /// `None` for client credentials.
    pub(super) refresh_token: Option<String>,
    /// Set when no token comes from it any more.
    pub(super) ended: Option<End>,
    pub(super) lane: Lane,
}

impl Zoho {
    /// An empty world.
    pub fn new(rules: Rules, random: fastrand::Rng) -> Self {
        Self {
            rules,
            random,
            clients: BTreeMap::new(),
            codes: HashMap::new(),
            grants: BTreeMap::new(),
            grants_made: 0,
            refresh_tokens: HashMap::new(),
            access_tokens: HashMap::new(),
            faults: FaultQueues::default(),
            traffic: Traffic::default(),
            person: Person::default(),
            consents: BTreeSet::new(),
            leads: Leads::default(),
        }
    }

    /// `None` while the access token is alive.
    pub fn end_of(&self, access_token: &str, now: Boottime) -> Option<End> {
        let number = self.access_tokens.get(access_token);
        let grant = number.and_then(|number| self.grants.get(number));
        grant.map_or(Some(End::Unknown), |grant| {
            grant.lane.end_of(access_token, now)
        })
    }

    /// Whether a call of the API with this token would be let in.
    pub fn is_alive(&self, access_token: &str, now: Boottime) -> bool {
        self.end_of(access_token, now).is_none()
    }

    /// The answer that carried this token has left; [`Zoho::token`] says so itself unless there is a delay.
    pub fn deliver(&mut self, access_token: &str) {
        let number = self.access_tokens.get(access_token);
        if let Some(grant) = number.and_then(|number| self.grants.get_mut(number)) {
            grant.lane.deliver(access_token);
        }
    }

    /// `1000.<32 hex>.<32 hex>`, the shape of every token in Zoho's samples.
    pub(super) fn new_text(&mut self) -> String {
        let mut half = || self.random.u128(..);
        format!("1000.{:032x}.{:032x}", half(), half())
    }
}
