//! `GET /crm/v8/…`: the API that tokens are for, so that a reader learns whether its own lives, and whose it is.
//!
//! Scopes are not looked at; a script of faults plays what Zoho says where one is missing.

use serde_json::{Map, Value, json};

use super::answer::Reply;
use super::lane::End;
use super::leads::crm_fields;
use super::params::Params;
use super::zoho::{Org, Zoho};
use crate::base::Boottime;

/// What every call's path has behind that of the `api_domain`.
pub(super) const ROOT: &str = "/crm/v8/";

/// What a script's fault is [added](Zoho::add_fault) on for the next questions which org it is; with a space and a
/// client id behind it for those of that client's tokens.
pub const ON_CRM: &str = "crm";

impl Zoho {
    /// Answers a call of `path`, which has [`ROOT`] in it, with this `Authorization` header.
    pub(super) fn crm(
        &mut self,
        authorization: &str,
        path: &str,
        query: &Params,
        now: Boottime,
    ) -> Reply {
        let (prefix, call) = path.split_once(ROOT).unwrap_or((path, ""));
        match call {
            "org" => self.crm_org(authorization, prefix, now),
            "settings/fields" | "Leads" => match self.let_in(authorization, prefix, now) {
                Err(refusal) => refusal,
                Ok(_) if call == "Leads" => self.crm_leads(authorization, query),
                Ok(_) => crm_fields(query),
            },
            _ => {
                self.note_stray();
                let what = "Please check if the URL trying to access is a correct one";
                refused(404, "INVALID_URL_PATTERN", what)
            }
        }
    }

    /// Which org it is, as the script of faults wants it.
    pub fn crm_org(&mut self, authorization: &str, path_prefix: &str, now: Boottime) -> Reply {
        let own = format!("{ON_CRM} {}", self.client_of(authorization));
        let fault = self.faults.take(&[&own, ON_CRM]);
        let reply = match self.let_in(authorization, path_prefix, now) {
            Ok(org) => {
                let mut keys = keys(&org);
                fault.alter(&mut keys);
                Reply::json(200, json!({"org": [keys]}).to_string())
            }
            Err(refusal) => refusal,
        };
        fault.spoil(Some(reply))
    }

    /// Whose token it is; empty where it is none.
    fn client_of(&self, authorization: &str) -> &str {
        let token = authorization.rsplit(' ').next().unwrap_or_default();
        let number = self.access_tokens.get(token);
        number.map_or("", |number| &self.grants[number].consent.client_id)
    }

    /// The org of a live token at the API under `path_prefix` of the host; the refusal where there is none.
    ///
    /// A token works at its own `api_domain` alone; of that only the path is compared (`/sandbox` of
    /// `http://127.0.0.1:9000/sandbox`), as the stand-in cannot tell by which host it was called.
    pub(super) fn let_in(
        &mut self,
        authorization: &str,
        path_prefix: &str,
        now: Boottime,
    ) -> Result<Org, Reply> {
        let Some(token) = authorization.strip_prefix("Zoho-oauthtoken ") else {
            let what = "Authentication failed";
            return Err(refused(401, "AUTHENTICATION_FAILURE", what));
        };
        let number = self.access_tokens.get(token);
        let org = number.map(|number| &self.grants[number].consent.org);
        let why = match org {
            Some(org) if path_of(&org.api_domain) == path_prefix => self.end_of(token, now),
            _ => Some(End::Unknown),
        };
        if let (None, Some(org)) = (why, org) {
            self.traffic.crm_let_in += 1;
            return Ok(org.clone());
        }
        let refusals = self.traffic.crm_refused.entry(why.unwrap_or(End::Unknown));
        *refusals.or_default() += 1;
        Err(refused(401, "INVALID_TOKEN", "invalid oauth token"))
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
pub(super) fn refused(status: u16, code: &str, message: &str) -> Reply {
    let body =
        format!(r#"{{"code":"{code}","details":{{}},"message":"{message}","status":"error"}}"#);
    Reply::json(status, body)
}

/// What follows the host: `/sandbox`, or nothing.
fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.find('/').map_or("", |at| &after_scheme[at..]);
    path.trim_end_matches('/')
}
