//! `GET /crm/v8/org`: one thing to use a token for, so that a reader learns whether it lives.
//!
//! Scopes are not looked at: this is a probe of tokens, not of permissions.

use serde_json::json;

use super::answer::Reply;
use super::lane::End;
use super::zoho::Zoho;
use crate::base::Boottime;

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
        let org = number.map(|number| &self.grants[number].consent.org);
        let why = match org {
            Some(org) if path_of(&org.api_domain) == path_prefix => self.end_of(token, now),
            _ => Some(End::Unknown),
        };
        if let (None, Some(org)) = (why, org) {
            let body = json!({"org": [{
                "id": org.id, "zgid": org.id, "company_name": "Zylker", "type": org.environment.as_str(),
            }]});
            self.traffic.crm_let_in += 1;
            return Reply::json(200, body.to_string());
        }
        let refusals = self.traffic.crm_refused.entry(why.unwrap_or(End::Unknown));
        *refusals.or_default() += 1;
        refused("INVALID_TOKEN", "invalid oauth token")
    }
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
