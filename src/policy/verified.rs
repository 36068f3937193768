//! Whether an org's token is proved to be of the place and the org that the config means, and where it is to be used.

use std::sync::Arc;

use super::binding::Proof;
use super::event::Severity;
use super::identity::{ZohoOrg, cure_of_silence, is_refusal_to_tell};
use super::org::{Org, Scene};
use super::record::{Cause, Token};
use super::reply::{Granted, host_of};

impl Org {
    /// What the API has said of the grant in force.
    pub fn zoho_org(&self) -> Option<&ZohoOrg> {
        let grant = self.record.grant.as_ref()?;
        self.record.identity.found_of(&grant.lane)
    }

    /// Whether evidence says that `token` is of the configured org and environment.
    pub fn is_verified(&self, token: &Token) -> bool {
        if !self.settings.verify {
            return token.verified;
        }
        self.zoho_org().is_some_and(|org| {
            token.verified || org.environment.is_some() || self.settings.org_id.is_some()
        })
    }

    /// Whether an older grant may be given up for the one in force: nothing that the API has told stands against it, or
    /// may yet do so.
    pub(super) fn is_settled_upon(&self) -> bool {
        match self.zoho_org() {
            Some(org) => self.contradicted_by(Some(org)).is_none(),
            None if self.settings.verify => {
                let silence = self.verifying.silence.as_ref();
                silence.is_some_and(is_refusal_to_tell)
            }
            None => true,
        }
    }

    /// Why `verify` has proved nothing yet, and what to do; `None` where it has, or is off.
    pub(super) fn why_unverified(&self) -> Option<String> {
        let is_open = self.settings.verify && self.zoho_org().is_none();
        let cause = self.verifying.silence.as_ref().filter(|_| is_open)?;
        let cure = cure_of_silence(cause, &self.settings);
        Some(format!(
            "Zoho's API has not told which org this is ({}: {}); {cure}; it is asked again with the next token",
            cause.code, cause.detail
        ))
    }

    /// Why the binding of `token` is unverified; `None` where it is not.
    pub(super) fn binding_detail(&self, token: &Token) -> Option<String> {
        if self.is_verified(token) {
            return None;
        }
        Some(match (self.why_unverified(), self.zoho_org()) {
            (Some(why), _) => why,
            (None, _) if !self.settings.verify => {
                "Zoho did not say which environment this grant is for; with `verify = true` its API is asked".to_owned()
            }
            (None, Some(org)) => format!(
                "Zoho said nowhere which environment org {} is; pin it as `org_id` if it is the right one",
                org.shown()
            ),
            (None, None) => "Zoho's API is being asked which org this is".to_owned(),
        })
    }

    /// Zoho's word only where the table confirms it; else the last one, else the table's.
    pub(super) fn api_domain_for(
        &mut self,
        granted: &Granted,
        proof: Proof,
        scene: &mut Scene<'_>,
    ) -> Arc<str> {
        self.unknown_api_domain = match (proof, &granted.api_domain) {
            (Proof::Unverified, Some(said)) => Some(Cause::new("", &host_of(said)).detail),
            _ => None,
        };
        if let Some(said) = &self.unknown_api_domain {
            let detail = format!(
                "Zoho named an api_domain that no table knows, {said}; the configured one is published"
            );
            self.tell(Severity::Warning, "api-domain", detail, scene);
        }
        let last = self.record.token.as_ref();
        let last = last.map(|token| Arc::clone(&token.api_domain));
        let environment = self.settings.binding.environment;
        let Some(host) = self.settings.api_domains.of(environment) else {
            return last.unwrap_or_default();
        };
        last.filter(|last| **last == *host)
            .unwrap_or_else(|| host.into())
    }
}
