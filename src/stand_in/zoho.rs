//! Zoho's accounts server as a world: clients, consents, grants and their tokens.
//!
//! Time and randomness come from outside, so that a run replays from its seed. Nothing here does I/O; what
//! goes over the wire is in [`super::server`]. Nothing here is secret either: every token is made up.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::answer::Reply;
use super::fault::{Fault, Faults};
use super::lane::{End, Lane};
use super::rules::Rules;
use super::stats::Traffic;
use super::window::Window;
use crate::base::{Boottime, Environment};

/// Most clients, and most codes that wait.
const CLIENTS_MAX: usize = 1_000;
const CODES_MAX: usize = 10_000;
/// Grants that are remembered, the dead ones included, for their counts.
const GRANTS_MAX: usize = 10_000;

/// The whole of it.
pub struct Zoho {
    pub(super) rules: Rules,
    random: fastrand::Rng,
    pub(super) clients: BTreeMap<String, Client>,
    pub(super) codes: HashMap<String, Code>,
    /// By number, which is also their age: the lowest is the oldest.
    pub(super) grants: BTreeMap<u32, Grant>,
    grants_made: u32,
    /// The grant of each refresh token that works.
    pub(super) refresh_tokens: HashMap<String, u32>,
    /// The grant of each access token that is remembered.
    pub(super) access_tokens: HashMap<String, u32>,
    pub(super) faults: Faults,
    pub(super) traffic: Traffic,
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

/// Why the world does not do what its script says: the script is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadScript {
    /// A consent for nobody.
    #[error("no client {0}; add it first")]
    NoSuchClient(String),
    /// More of something than the world holds.
    #[error("too many {0}; start a new stand-in")]
    TooMany(&'static str),
}

pub(super) struct Client {
    pub(super) secret: String,
    /// The grant of each `ZohoCRM.600123` that it may name in client credentials.
    pub(super) soids: BTreeMap<String, u32>,
    pub(super) mints: Window,
    pub(super) exchanges: Window,
}

pub(super) struct Code {
    pub(super) consent: Consent,
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
            faults: Faults::default(),
            traffic: Traffic::default(),
        }
    }

    /// Registers a client in the console, or gives it another secret.
    pub fn add_client(&mut self, id: &str, secret: &str) -> Result<(), BadScript> {
        if let Some(client) = self.clients.get_mut(id) {
            secret.clone_into(&mut client.secret);
            return Ok(());
        }
        has_room(self.clients.len(), CLIENTS_MAX, "clients")?;
        let client = Client {
            secret: secret.to_owned(),
            soids: BTreeMap::new(),
            mints: Window::default(),
            exchanges: Window::default(),
        };
        self.clients.insert(id.to_owned(), client);
        Ok(())
    }

    /// Deletes a client in the console; its grants stay, and nobody can use them.
    pub fn delete_client(&mut self, id: &str) {
        self.clients.remove(id);
    }

    /// Lets a client use client credentials for `org` as `soid`, `ZohoCRM.600123`.
    pub fn add_soid(&mut self, client_id: &str, soid: &str, org: Org) -> Result<(), BadScript> {
        self.known_client(client_id)?;
        let number = self.add_grant(Consent::new(client_id, "", org), None);
        if let Some(client) = self.clients.get_mut(client_id) {
            client.soids.insert(soid.to_owned(), number);
        }
        Ok(())
    }

    /// A person presses "Create" in the console: a grant code, good once.
    pub fn grant_code(&mut self, consent: Consent, now: Boottime) -> Result<String, BadScript> {
        self.known_client(&consent.client_id)?;
        self.codes.retain(|_, code| now < code.ends_at);
        has_room(self.codes.len(), CODES_MAX, "codes")?;
        let life = consent.code_life.unwrap_or(self.rules.clocks.code_life);
        let ends_at = now.plus(life);
        let text = self.new_text();
        self.codes.insert(text.clone(), Code { consent, ends_at });
        Ok(text)
    }

    /// A refresh token that exists already, as before a take-over.
    pub fn install(&mut self, consent: Consent, now: Boottime) -> Result<String, BadScript> {
        self.known_client(&consent.client_id)?;
        Ok(self.new_grant(consent, now).1)
    }

    /// The next `times` token calls of `on` go wrong: a client id, a refresh token or a code; empty for any call.
    ///
    /// `None` lasts until [`Zoho::clear_faults`]. `revoke` stands for the calls of the revocation endpoint.
    pub fn add_fault(
        &mut self,
        on: &str,
        times: Option<u32>,
        fault: Fault,
    ) -> Result<(), BadScript> {
        let is_added = self.faults.add(on, times, fault);
        is_added.then_some(()).ok_or(BadScript::TooMany("faults"))
    }

    /// Nothing goes wrong any more.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// A number for an org that nobody has yet.
    pub fn new_org_id(&mut self) -> String {
        self.random.u32(600_000_000..700_000_000).to_string()
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

    /// `POST /oauth/v2/token/revoke`: a refresh token with all its access tokens, or one access token.
    pub fn revoke(&mut self, token: &str, now: Boottime) -> Reply {
        let fault = self.faults.take(&[token, "revoke"]);
        let reply = fault.lets_zoho_work().then(|| self.revoke_now(token, now));
        fault.spoil(reply)
    }

    fn revoke_now(&mut self, token: &str, now: Boottime) -> Reply {
        if let Some(number) = self.refresh_tokens.get(token).copied() {
            self.end_grant(number, End::Revoked, now);
        } else if self.is_alive(token, now) {
            let number = self.access_tokens[token];
            if let Some(grant) = self.grants.get_mut(&number) {
                grant.lane.kill(Some(token), End::Revoked, now);
            }
        } else {
            return Reply::json(400, ""); // No source prints the body of this refusal.
        }
        Reply::json(200, r#"{"status":"success"}"#)
    }

    /// Makes a grant and its refresh token; the oldest of the same client and user goes if they are too many.
    pub(super) fn new_grant(&mut self, consent: Consent, now: Boottime) -> (u32, String) {
        let is_of_same = |grant: &Grant| {
            grant.ended.is_none()
                && grant.refresh_token.is_some()
                && (&grant.consent.client_id, &grant.consent.user)
                    == (&consent.client_id, &consent.user)
        };
        let same = self.grants.iter().filter(|(_, grant)| is_of_same(grant));
        let numbers: Vec<u32> = same.map(|(number, _)| *number).collect();
        let surplus = (numbers.len() + 1).saturating_sub(self.rules.refresh_tokens_max);
        for number in &numbers[..surplus.min(numbers.len())] {
            self.end_grant(*number, End::Deleted, now);
        }
        let text = self.new_text();
        let number = self.add_grant(consent, Some(text.clone()));
        self.refresh_tokens.insert(text.clone(), number);
        (number, text)
    }

    /// Gives a grant another refresh token; its tokens and its window go on.
    pub(super) fn rotate(&mut self, number: u32) -> String {
        let text = self.new_text();
        if let Some(grant) = self.grants.get_mut(&number) {
            if let Some(old) = grant.refresh_token.replace(text.clone()) {
                self.refresh_tokens.remove(&old);
            }
            self.refresh_tokens.insert(text.clone(), number);
        }
        text
    }

    /// `1000.<32 hex>.<32 hex>`, the shape of every token in Zoho's samples.
    pub(super) fn new_text(&mut self) -> String {
        let mut half = || self.random.u128(..);
        format!("1000.{:032x}.{:032x}", half(), half())
    }

    fn end_grant(&mut self, number: u32, why: End, now: Boottime) {
        if let Some(grant) = self.grants.get_mut(&number) {
            grant.ended = Some(why);
            grant.lane.kill(None, why, now);
            if let Some(refresh_token) = &grant.refresh_token {
                self.refresh_tokens.remove(refresh_token);
            }
        }
    }

    fn add_grant(&mut self, consent: Consent, refresh_token: Option<String>) -> u32 {
        self.grants_made += 1;
        let grant = Grant {
            consent,
            refresh_token,
            ended: None,
            lane: Lane::default(),
        };
        self.grants.insert(self.grants_made, grant);
        if self.grants.len() > GRANTS_MAX {
            self.forget_oldest_ended();
        }
        self.grants_made
    }

    fn forget_oldest_ended(&mut self) {
        let ended = self.grants.iter().find(|(_, grant)| grant.ended.is_some());
        let Some(number) = ended.map(|(number, _)| *number) else {
            return;
        };
        if let Some(grant) = self.grants.remove(&number) {
            for text in grant.lane.texts() {
                self.access_tokens.remove(text);
            }
        }
    }

    fn known_client(&self, id: &str) -> Result<(), BadScript> {
        let is_known = self.clients.contains_key(id);
        is_known
            .then_some(())
            .ok_or_else(|| BadScript::NoSuchClient(id.to_owned()))
    }
}

fn has_room(len: usize, max: usize, what: &'static str) -> Result<(), BadScript> {
    (len < max).then_some(()).ok_or(BadScript::TooMany(what))
}
