//! `POST /oauth/v2/token`: what is granted, and what is refused in which order.
//!
//! Sources: Zoho Accounts, "Access Token Expiry", "Authorization Code Flow", "Client Credentials Flow"; CRM API v8,
//! "Token Validity". HTTP Basic, the device flow and JWT assertions are not played.

use std::time::Duration;

use super::answer::{Granted, Refusal, Reply};
use super::fault::Fault;
use super::params::Params;
use super::zoho::{Client, Zoho};
use crate::base::{Boottime, ScopeSet};

impl Zoho {
    /// Answers one call, as the script of faults wants it.
    pub fn token(&mut self, params: &Params, now: Boottime) -> Reply {
        let named = ["refresh_token", "code", "client_id"].map(|name| params.value(name));
        let mut keys: Vec<&str> = named.into_iter().filter(|key| !key.is_empty()).collect();
        keys.push(""); // Any call, after those that are meant.
        let fault = self.faults.take(&keys);
        self.note_call(params);
        let reply = fault
            .lets_zoho_work()
            .then(|| self.decide(params, &fault, now));
        let reply = fault.spoil(reply);
        if let (Some(token), Duration::ZERO) = (&reply.carries, reply.delay) {
            self.deliver(token);
        }
        reply
    }

    fn decide(&mut self, params: &Params, fault: &Fault, now: Boottime) -> Reply {
        let granted = match params.value("grant_type") {
            "" => Err(Refusal::NoGrantType),
            "authorization_code" => self.exchange(params, now),
            "refresh_token" => self.refresh(params, fault.rotate, now),
            "client_credentials" => self.client_credentials(params, now),
            _ => Err(Refusal::Client),
        };
        match granted {
            Ok(granted) => {
                let mut keys = granted.keys();
                fault.alter(&mut keys);
                let mut reply = Reply::json(200, serde_json::Value::from(keys).to_string());
                reply.carries = Some(granted.access_token);
                reply
            }
            Err(refusal) => {
                let (status, body) = refusal.answer();
                Reply::json(status, body)
            }
        }
    }

    fn exchange(&mut self, params: &Params, now: Boottime) -> Result<Granted, Refusal> {
        let client_id = self.authenticate(params)?;
        let text = params.value("code");
        let code = self.codes.get(text).ok_or(Refusal::Code)?;
        if now >= code.ends_at || code.consent.client_id != client_id {
            return Err(Refusal::Code);
        }
        if let Some(uri) = &code.consent.redirect_uri
            && uri != params.value("redirect_uri")
        {
            return Err(Refusal::RedirectUri);
        }
        if !code.terms.are_met_by(params) {
            return Err(Refusal::Code);
        }
        self.admit_exchange(&client_id, now)?;
        let code = self.codes.remove(text).ok_or(Refusal::Code)?;
        let refresh_token = Some(self.new_text()).filter(|_| !code.terms.lacks_refresh_token);
        let number = match refresh_token.clone() {
            Some(text) => self.new_grant(code.consent, text, now),
            None => self.add_grant(code.consent, None),
        };
        self.note_call_of(number);
        let mut granted = self.mint(number, now)?;
        granted.refresh_token = refresh_token;
        Ok(granted)
    }

    fn refresh(
        &mut self,
        params: &Params,
        rotates: bool,
        now: Boottime,
    ) -> Result<Granted, Refusal> {
        let client_id = self.authenticate(params)?;
        let number = self.refresh_tokens.get(params.value("refresh_token"));
        let number = *number.ok_or(Refusal::Code)?;
        if self.grants[&number].consent.client_id != client_id {
            return Err(Refusal::Code);
        }
        let mut granted = self.mint(number, now)?;
        granted.refresh_token = rotates.then(|| self.rotate(number));
        Ok(granted)
    }

    fn client_credentials(&mut self, params: &Params, now: Boottime) -> Result<Granted, Refusal> {
        let client_id = self.authenticate(params)?;
        let scope = params.value("scope");
        if scope.is_empty() || !scope.split(',').all(ScopeSet::is_scope) {
            return Err(Refusal::Scope);
        }
        let client = &self.clients[&client_id];
        let number = client.soids.get(params.value("soid")).copied();
        let mut granted = self.mint(number.ok_or(Refusal::Soid)?, now)?;
        granted.scope = Some(scope.replace(',', " "));
        Ok(granted)
    }

    /// The client that the id and the secret belong to.
    fn authenticate(&self, params: &Params) -> Result<String, Refusal> {
        let id = params.value("client_id");
        let client = self.clients.get(id).ok_or(Refusal::Client)?;
        let given = params.value("client_secret");
        let is_old = client.old_secret.as_ref().is_some_and(|old| old == given);
        if client.secret != given && !is_old {
            return Err(Refusal::ClientSecret);
        }
        Ok(id.to_owned())
    }

    /// Looks before the code is used up: a refused exchange leaves it good.
    fn admit_exchange(&mut self, client_id: &str, now: Boottime) -> Result<(), Refusal> {
        let (rules, span) = (self.rules, self.rules.clocks.window);
        let client = self.clients.get_mut(client_id).ok_or(Refusal::Client)?;
        if !client.exchanges.is_open(rules.exchanges_max, span, now) {
            client.exchanges.refuse(rules.throttle, span, now);
            return Err(Refusal::TooManyCodes);
        }
        let client_max = rules.client_mints_max.unwrap_or(usize::MAX);
        if !client.mints.is_open(client_max, span, now) {
            client.mints.refuse(rules.throttle, span, now);
            return Err(Refusal::TooManyTokens);
        }
        client.exchanges.spend(span, now);
        Ok(())
    }

    /// Makes an access token if both windows, the grant's and the client's, have room.
    fn mint(&mut self, number: u32, now: Boottime) -> Result<Granted, Refusal> {
        let access_token = self.new_text();
        let (rules, span) = (self.rules, self.rules.clocks.window);
        let grant = self.grants.get_mut(&number).ok_or(Refusal::Code)?;
        let client = self.clients.get_mut(&grant.consent.client_id);
        let client = client.ok_or(Refusal::Client)?;
        let client_max = rules.client_mints_max.unwrap_or(usize::MAX);
        if !grant.lane.window.is_open(rules.mints_max, span, now)
            || !client.mints.is_open(client_max, span, now)
        {
            grant.lane.refuse(&rules, now);
            client.mints.refuse(rules.throttle, span, now);
            return Err(Refusal::TooManyTokens);
        }
        client.mints.spend(span, now);
        if let Some(forgotten) = grant.lane.add(access_token.clone(), &rules, now) {
            self.access_tokens.remove(&forgotten);
        }
        self.access_tokens.insert(access_token.clone(), number);
        Ok(Granted {
            access_token,
            refresh_token: None,
            scope: rules.tells_scope.then(|| spaced(&grant.consent.scope)),
            api_domain: grant.consent.org.api_domain.clone(),
            token_life: rules.clocks.token_life,
        })
    }

    /// Counts the call with the grant that it names, whatever comes of it.
    fn note_call(&mut self, params: &Params) {
        self.traffic.token_calls += 1;
        let by_token = self.refresh_tokens.get(params.value("refresh_token"));
        let client = self.clients.get(params.value("client_id"));
        let of_soid = |client: &Client| client.soids.get(params.value("soid")).copied();
        if let Some(number) = by_token.copied().or_else(|| client.and_then(of_soid)) {
            self.note_call_of(number);
        }
    }

    fn note_call_of(&mut self, number: u32) {
        if let Some(grant) = self.grants.get_mut(&number) {
            grant.lane.note_call();
        }
    }
}

/// With spaces, as answers list scopes.
fn spaced(scope: &str) -> String {
    ScopeSet::parse(scope).iter().collect::<Vec<_>>().join(" ")
}
