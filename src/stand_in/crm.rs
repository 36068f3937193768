//! `GET /crm/v8/org`: one thing to use a token for, so that a reader learns whether it lives, and whose it is.
//!
//! Scopes are not looked at; a script of faults plays what Zoho says where one is missing.

use serde_json::{Map, Value, json};

use super::answer::Reply;
use super::lane::End;
use super::zoho::{Org, Zoho};
use crate::base::Boottime;

/// What a script's fault is [added](Zoho::add_fault) on for the next calls of the API; with a space and a client id
/// behind it for those of that client's tokens.
pub const ON_CRM: &str = "crm";

impl Zoho {
    /// Answers a call with this `Authorization` header at the API under `path_prefix` of the host.
    ///
    /// A token works at its own `api_domain` alone; of that only the path is compared (`/sandbox` of
    /// `http://127.0.0.1:9000/sandbox`), as the stand-in cannot tell by which host it was called.
    pub fn crm_org(&mut self, authorization: &str, path_prefix: &str, now: Boottime) -> Reply {
        let Some(token) = authorization.strip_prefix("Zoho-oauthtoken ") else {
            return refused("AUTHENTICATION_FAILURE", "Authentication failed");
        };
        let number = self.access_tokens.get(token);
        let consent = number.map(|number| self.grants[number].consent.clone());
        let client = consent.as_ref().map(|consent| consent.client_id.as_str());
        let own = format!("{ON_CRM} {}", client.unwrap_or_default());
        let fault = self.faults.take(&[&own, ON_CRM]);
        let why = match &consent {
            Some(consent) if path_of(&consent.org.api_domain) == path_prefix => {
                self.end_of(token, now)
            }
            _ => Some(End::Unknown),
        };
        let reply = if let (None, Some(consent)) = (why, consent) {
            let mut keys = keys(&consent.org);
            fault.alter(&mut keys);
            self.traffic.crm_let_in += 1;
            Reply::json(200, json!({"org": [keys]}).to_string())
        } else {
            let refusals = self.traffic.crm_refused.entry(why.unwrap_or(End::Unknown));
            *refusals.or_default() += 1;
            refused("INVALID_TOKEN", "invalid oauth token")
        };
        fault.spoil(Some(reply))
    }
}

/// What Zoho tells of an org, as far as anybody asks: "Get Organization" of CRM API v8, and its `OpenAPI` text.
fn keys(org: &Org) -> Map<String, Value> {
    let mut keys = Map::new();
    let mut add = |key: &str, value: String| keys.insert(key.to_owned(), value.into());
    add("id", record_id(org));
    add("zgid", org.id.clone());
    add("domain_name", format!("org{}", org.id));
    add("company_name", "Zylker".to_owned());
    add("type", org.environment.to_string());
    keys
}

/// The number of the org's own record is another than the org's.
fn record_id(org: &Org) -> String {
    format!("{}0000033001", org.id)
}

/// Zoho's envelope (CRM API v8, "Status Codes").
fn refused(code: &str, message: &str) -> Reply {
    let body =
        format!(r#"{{"code":"{code}","details":{{}},"message":"{message}","status":"error"}}"#);
    Reply::json(401, body)
}

/// What follows the host: `/sandbox`, or nothing.
fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.find('/').map_or("", |at| &after_scheme[at..]);
    path.trim_end_matches('/')
}
