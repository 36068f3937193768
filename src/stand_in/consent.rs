//! `GET /oauth/v2/auth`: the consent page, and the person who sits before it.
//!
//! Sources: Zoho Accounts, "Authorization Request" (a refresh token comes with `access_type=offline`, and where consent
//! was given before only with `prompt=consent`) and "Using Multi DC in server and client-based apps" (`location`,
//! `accounts-server`); RFC 7636 for the challenge. What Zoho shows on a page of its own is one here as well: then
//! nothing is sent back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use super::answer::Reply;
use super::console::BadScript;
use super::params::Params;
use super::zoho::{Consent, Org, Zoho};
use crate::base::{Boottime, ScopeSet};

/// Different consents that are remembered: a script that comes here loops.
const CONSENTS_MAX: usize = 10_000;

/// Who is at the browser, and what they do on the consent page: at once, as a person who has read it.
#[derive(Debug, Clone)]
pub struct Person {
    /// Refresh tokens and consents are counted per client and person.
    pub user: String,
    /// Presses Reject.
    pub refuses: bool,
    /// The org that they choose; `None`: a production org of this stand-in.
    pub org: Option<Org>,
    /// The word of their data center; `None`: Zoho does not say.
    pub location: Option<String>,
    /// Its accounts server; `None`: this stand-in.
    pub accounts_server: Option<String>,
}

impl Default for Person {
    fn default() -> Self {
        Self {
            user: "admin".to_owned(),
            refuses: false,
            org: None,
            location: Some("us".to_owned()),
            accounts_server: None,
        }
    }
}

/// What a code of the consent page is good for.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    /// What the exchange must prove, by S256.
    challenge: Option<String>,
    /// Online access, or consent that was given before.
    pub(super) lacks_refresh_token: bool,
}

impl Terms {
    /// Whether the exchange may go on.
    pub(super) fn are_met_by(&self, params: &Params) -> bool {
        let verifier = params.value("code_verifier");
        let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
        let own = URL_SAFE_NO_PAD.encode(digest);
        self.challenge.as_ref().is_none_or(|wanted| *wanted == own)
    }
}

impl Zoho {
    /// Seats another person at the browser.
    pub fn seat(&mut self, person: Person) {
        self.person = person;
    }

    /// Registers where the consent page may send a browser of this client.
    pub fn add_redirect_uri(&mut self, client_id: &str, uri: &str) -> Result<(), BadScript> {
        let client = self.clients.get_mut(client_id);
        let client = client.ok_or_else(|| BadScript::NoSuchClient(client_id.to_owned()))?;
        client.redirect_uris.insert(uri.to_owned());
        Ok(())
    }

    /// The consent page as `here`, `http://127.0.0.1:9000`, shows it; `usual` is the org of a person who has chosen none.
    pub fn authorize(&mut self, params: &Params, here: &str, usual: Org, now: Boottime) -> Reply {
        let back = match self.judge(params) {
            Ok(back) => back,
            Err(what) => return page(what),
        };
        if self.person.refuses {
            return send_back(back, params, &[("error", "access_denied")]);
        }
        let terms = self.consent_to(params);
        let consent = Consent {
            user: self.person.user.clone(),
            redirect_uri: Some(params.value("redirect_uri").to_owned()),
            ..Consent::new(
                params.value("client_id"),
                params.value("scope"),
                self.person.org.clone().unwrap_or(usual),
            )
        };
        let Ok(code) = self.grant_code_on(consent, terms, now) else {
            return page("too many codes");
        };
        let server = self.person.accounts_server.clone();
        let server = server.unwrap_or_else(|| here.to_owned());
        let mut pairs = vec![("code", code.as_str())];
        let location = self.person.location.clone();
        if let Some(location) = &location {
            pairs.extend([
                ("location", location.as_str()),
                ("accounts-server", &server),
            ]);
        }
        send_back(back, params, &pairs)
    }

    /// Where the browser may be sent back to; an error is shown on a page.
    fn judge(&self, params: &Params) -> Result<Url, &'static str> {
        let client = self.clients.get(params.value("client_id"));
        let client = client.ok_or("invalid_client")?;
        let uri = params.value("redirect_uri");
        if !client.redirect_uris.contains(uri) {
            return Err("invalid_redirect_uri");
        }
        if params.value("response_type") != "code" {
            return Err("invalid_response_type");
        }
        let scope = params.value("scope");
        if scope.is_empty() || !scope.split(',').all(ScopeSet::is_scope) {
            return Err("invalid_scope");
        }
        let has_challenge = !params.value("code_challenge").is_empty();
        if has_challenge && params.value("code_challenge_method") != "S256" {
            return Err("invalid_request");
        }
        Url::parse(uri).map_err(|_| "invalid_redirect_uri")
    }

    /// Remembers the consent; the second one of a person gives a refresh token only where it was asked for anew.
    fn consent_to(&mut self, params: &Params) -> Terms {
        let scopes: Vec<String> = ScopeSet::parse(params.value("scope"))
            .iter()
            .map(str::to_lowercase)
            .collect();
        let client = params.value("client_id").to_owned();
        let consent = (client, self.person.user.clone(), scopes.join(","));
        let is_first = self.consents.len() < CONSENTS_MAX && self.consents.insert(consent);
        let is_asked_anew = params.value("prompt") == "consent";
        let is_offline = params.value("access_type") == "offline";
        let challenge = Some(params.value("code_challenge").to_owned());
        Terms {
            challenge: challenge.filter(|challenge| !challenge.is_empty()),
            lacks_refresh_token: !(is_offline && (is_first || is_asked_anew)),
        }
    }
}

fn send_back(mut back: Url, params: &Params, pairs: &[(&str, &str)]) -> Reply {
    let state = params.value("state");
    let state = Some(("state", state)).filter(|_| !state.is_empty());
    back.query_pairs_mut()
        .extend_pairs(pairs.iter().copied().chain(state));
    let mut reply = Reply::json(302, "");
    reply.headers = vec![("location".to_owned(), back.into())];
    reply
}

/// Zoho shows what is wrong with the address itself, and nobody is sent back.
fn page(what: &str) -> Reply {
    let mut reply = Reply::json(
        400,
        format!("<!doctype html><title>{what}</title><h1>{what}</h1>"),
    );
    reply.headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    reply
}
