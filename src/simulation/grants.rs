//! Grants and their places: where the plan says that an org is, and what grant it has there.

use super::dice::Seeded;
use super::trouble::Trouble;
use super::world::World;
use super::zoho::{Place, Zoho};
use crate::base::Environment;
use crate::policy::settings::OrgSettings;

/// An API host of a data center that no org of a plan is in.
const HOST_ELSEWHERE: &str = "https://www.zohoapis.com.au";

/// A host in no table: Zoho may have a new one, so that its name is evidence of nothing.
pub(super) const UNKNOWN_HOST: &str = "https://api.example.test";

/// Hosts that Zoho may name for a token, and that no org of a plan should be given.
pub(super) const STRANGE_HOSTS: [&str; 3] =
    [HOST_ELSEWHERE, "https://sandbox.zohoapis.in", UNKNOWN_HOST];

/// A scope of which no org of a plan has enough.
pub(super) const NARROW_SCOPE: &str = "ZohoCRM.org.READ";

impl World<'_> {
    /// Where the plan says that an org is.
    pub(super) fn place_of(&self, org: usize) -> Place {
        let settings = &self.plan.orgs[org];
        let binding = &settings.binding;
        let host = settings.api_domains.of(binding.environment);
        Place {
            client_id: binding.client_id.as_str().into(),
            data_center: binding.data_center.as_str().into(),
            api_domain: host.unwrap_or_default().into(),
            scope: binding.scopes.to_string().replace(',', " ").into(),
            zoho_org: settings
                .org_id
                .as_deref()
                .unwrap_or(settings.name.as_str())
                .into(),
        }
    }

    /// Whether the org's grant is what the plan says.
    pub(super) fn is_of_its_place(&self, org: usize) -> bool {
        let place = self.place_of(org);
        let grant = self.good_grant(org);
        grant.is_some_and(|grant| self.zoho.grants[grant].place == place)
    }

    /// The org's grant as the disk has it, if it is good at Zoho.
    pub(super) fn good_grant(&self, org: usize) -> Option<usize> {
        let kept = self.disk.grant(&self.names[org])?;
        self.zoho.grant_of(kept.refresh_token.expose())
    }

    /// The org's grant as the disk has it, good or not.
    pub(super) fn any_grant(&self, org: usize) -> Option<usize> {
        let kept = self.disk.grant(&self.names[org])?;
        Zoho::line_of(kept.refresh_token.expose())
    }

    /// A 21st grant has deleted a first one.
    pub(super) fn note_evictions(&mut self) {
        for grant in self.zoho.evicted() {
            let holder = (0..self.names.len()).find(|org| self.any_grant(*org) == Some(grant));
            if let Some(org) = holder {
                self.tally.troubles[Trouble::Revoked.index()] += 1;
                self.judge.excuse_trouble(org, self.now, 0);
            }
        }
    }
}

/// The API host of another environment of the same data center, if there is one.
pub(super) fn other_host(settings: &OrgSettings, dice: &mut Seeded) -> String {
    let others: Vec<&str> = Environment::ALL
        .into_iter()
        .filter(|environment| *environment != settings.binding.environment)
        .filter_map(|environment| settings.api_domains.of(environment))
        .collect();
    if others.is_empty() {
        return HOST_ELSEWHERE.to_owned();
    }
    (*dice.pick(&others)).to_owned()
}
