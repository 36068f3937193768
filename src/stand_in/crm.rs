//! `GET /crm/v8/…`: the API that tokens are for, so that a reader learns whether its own lives.
//!
//! Scopes are not looked at: this is a probe of tokens, not of permissions.

use serde_json::json;

use super::answer::Reply;
use super::lane::End;
use super::params::Params;
use super::zoho::{Org, Zoho};
use crate::base::Boottime;

/// What every call's path has behind that of the `api_domain`.
pub(super) const ROOT: &str = "/crm/v8/";

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
            "settings/fields" => self.crm_fields(authorization, prefix, query, now),
            "Leads" => self.crm_leads(authorization, prefix, query, now),
            _ => {
                self.note_stray();
                let what = "Please check if the URL trying to access is a correct one";
                refused(404, "INVALID_URL_PATTERN", what)
            }
        }
    }

    /// Which org it is.
    pub fn crm_org(&mut self, authorization: &str, path_prefix: &str, now: Boottime) -> Reply {
        match self.let_in(authorization, path_prefix, now) {
            Ok(org) => {
                let body = json!({"org": [{
                    "id": org.id, "zgid": org.id, "company_name": "Zylker",
                    "type": org.environment.as_str(),
                }]});
                Reply::json(200, body.to_string())
            }
            Err(refusal) => refusal,
        }
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
