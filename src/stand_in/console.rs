//! What people do beside the protocol: register clients, consent, and (in a test) break things.

use std::collections::{BTreeMap, BTreeSet};

use super::consent::Terms;
use super::fault::Fault;
use super::lane::End;
use super::window::Window;
use super::zoho::{Client, Code, Consent, Org, Zoho};
use crate::base::Boottime;

// Far beyond what any test needs; a script that comes here loops.
const CLIENTS_MAX: usize = 1_000;
const SOIDS_MAX: usize = 1_000;
const CODES_MAX: usize = 10_000;
const REFRESH_TOKENS_MAX: usize = 10_000;

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

impl Zoho {
    /// Registers a client in the console, or gives it another secret; the old one is dead at once.
    pub fn add_client(&mut self, id: &str, secret: &str) -> Result<(), BadScript> {
        if let Some(client) = self.clients.get_mut(id) {
            secret.clone_into(&mut client.secret);
            client.old_secret = None;
            return Ok(());
        }
        has_room(self.clients.len(), CLIENTS_MAX, "clients")?;
        let client = Client {
            secret: secret.to_owned(),
            old_secret: None,
            soids: BTreeMap::new(),
            mints: Window::default(),
            exchanges: Window::default(),
            redirect_uris: BTreeSet::new(),
        };
        self.clients.insert(id.to_owned(), client);
        Ok(())
    }

    /// Gives a client another secret, beside which the old one works on until [`Zoho::retire_secret`].
    pub fn rotate_secret(&mut self, id: &str, secret: &str) -> Result<(), BadScript> {
        self.known_client(id)?;
        if let Some(client) = self.clients.get_mut(id) {
            client.old_secret = Some(std::mem::replace(&mut client.secret, secret.to_owned()));
        }
        Ok(())
    }

    /// From now on only a client's newest secret works.
    pub fn retire_secret(&mut self, id: &str) {
        if let Some(client) = self.clients.get_mut(id) {
            client.old_secret = None;
        }
    }

    /// Deletes a client in the console; its grants stay, and nobody can use them.
    pub fn delete_client(&mut self, id: &str) {
        self.clients.remove(id);
    }

    /// Lets a client use client credentials for `org` as `soid`, `ZohoCRM.600123`.
    pub fn add_soid(
        &mut self,
        client_id: &str,
        soid: &str,
        org: Org,
        now: Boottime,
    ) -> Result<(), BadScript> {
        self.known_client(client_id)?;
        has_room(self.clients[client_id].soids.len(), SOIDS_MAX, "soids")?;
        let number = self.add_grant(Consent::new(client_id, "", org), None);
        let client = self.clients.get_mut(client_id);
        let replaced = client.and_then(|client| client.soids.insert(soid.to_owned(), number));
        if let Some(replaced) = replaced {
            self.end_grant(replaced, End::Revoked, now);
        }
        Ok(())
    }

    /// A person presses "Create" in the console: a grant code, good once.
    pub fn grant_code(&mut self, consent: Consent, now: Boottime) -> Result<String, BadScript> {
        self.grant_code_on(consent, Terms::default(), now)
    }

    /// The same from the consent page.
    pub(super) fn grant_code_on(
        &mut self,
        consent: Consent,
        terms: Terms,
        now: Boottime,
    ) -> Result<String, BadScript> {
        self.known_client(&consent.client_id)?;
        self.codes.retain(|_, code| now < code.ends_at);
        has_room(self.codes.len(), CODES_MAX, "codes")?;
        let life = consent.code_life.unwrap_or(self.rules.clocks.code_life);
        let ends_at = now.plus(life);
        let text = self.new_text();
        self.codes.insert(
            text.clone(),
            Code {
                consent,
                terms,
                ends_at,
            },
        );
        Ok(text)
    }

    /// A refresh token that exists already, as before a take-over.
    pub fn install(&mut self, consent: Consent, now: Boottime) -> Result<String, BadScript> {
        let text = self.new_text();
        self.install_as(&text, consent, now)?;
        Ok(text)
    }

    /// The same with a given text, which a test can look for where no secret may be.
    pub fn install_as(
        &mut self,
        refresh_token: &str,
        consent: Consent,
        now: Boottime,
    ) -> Result<(), BadScript> {
        self.known_client(&consent.client_id)?;
        let count = self.refresh_tokens.len();
        has_room(count, REFRESH_TOKENS_MAX, "refresh tokens")?;
        self.new_grant(consent, refresh_token.to_owned(), now);
        Ok(())
    }

    /// The next `times` token calls of `on` go wrong: a client id, a refresh token or a code; empty for any call.
    ///
    /// `None` lasts until [`Zoho::clear_faults`]. `revoke` stands for the calls of the revocation endpoint, `revoke-newer`
    /// for those of the newer one, [`ON_CRM`](super::ON_CRM) for those of the API, [`ON_SERVERS`](super::ON_SERVERS) for
    /// the list of servers.
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
