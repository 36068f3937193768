//! Grants and their places: where the plan says that an org is, and what grant it has there.

use super::dice::Seeded;
use super::trouble::Trouble;
use super::world::World;
use super::zoho::own_right::RightOf;
use super::zoho::{Place, Zoho};
use crate::base::Environment;
use crate::policy::record::Grant;
use crate::policy::settings::{Binding, OrgSettings};

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
    /// What the config in force says of an org; the plan's word where it says nothing.
    pub(super) fn settings_of(&self, org: usize) -> &OrgSettings {
        let planned = &self.plan.orgs[org];
        if self.is_config_whole {
            return planned;
        }
        let mut all = self.settings.iter();
        all.find(|own| own.name == planned.name).unwrap_or(planned)
    }

    /// What the grant of an org must be bound to by the config in force.
    pub(super) fn binding_in_force(&self, org: usize) -> &Binding {
        &self.settings_of(org).binding
    }

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

    /// Whether the org mints by its client's own right.
    pub(super) fn is_of_client(&self, org: usize) -> bool {
        self.plan.orgs[org].grant.is_of_client()
    }

    /// The same, if nobody is needed to enrol it.
    pub(super) fn begins_by_itself(&self, org: usize) -> bool {
        self.is_of_client(org) && self.plan.orgs[org].has_client_secret
    }

    /// Whether the org's grant is what the plan says. A client's own right is of the org that its soid names.
    pub(super) fn is_of_its_place(&self, org: usize) -> bool {
        if self.is_of_client(org) {
            return true;
        }
        let place = self.place_of(org);
        let grant = self.good_grant(org);
        grant.is_some_and(|grant| self.zoho.grants[grant].place == place)
    }

    /// The org's grant as the disk has it, if it is good at Zoho.
    pub(super) fn good_grant(&self, org: usize) -> Option<usize> {
        let kept = self.disk.grant(&self.names[org])?;
        match kept.root.refresh_token() {
            Some(token) => self.zoho.grant_of(token.expose()),
            None => match self.zoho.own_right(right_of(&kept.binding))? {
                (grant, true) => Some(grant),
                (_, false) => None,
            },
        }
    }

    /// The org's grant as the disk has it, good or not.
    pub(super) fn any_grant(&self, org: usize) -> Option<usize> {
        let kept = self.disk.grant(&self.names[org])?;
        match kept.root.refresh_token() {
            Some(token) => Zoho::line_of(token.expose()),
            None => Some(self.zoho.own_right(right_of(&kept.binding))?.0),
        }
    }

    /// The orgs that mint by a grant that is good.
    pub(super) fn sharing(&self, grant: usize) -> Vec<usize> {
        let all = 0..self.names.len();
        all.filter(|org| self.good_grant(*org) == Some(grant))
            .collect()
    }

    /// Whether another org of the plan mints by the same client's right.
    pub(super) fn shares_its_lane(&self, org: usize) -> bool {
        let right = right_of(&self.plan.orgs[org].binding);
        let clients = self.plan.orgs.iter().filter(|own| own.grant.is_of_client());
        let same = clients.filter(|other| right_of(&other.binding) == right);
        self.is_of_client(org) && same.count() > 1
    }

    /// How many orgs mint by the grant that this one mints by, as the disk has them.
    pub(super) fn sharers_of_its_lane(&self, org: usize) -> i64 {
        let Some(own) = self.disk.grant(&self.names[org]) else {
            return 1;
        };
        let line = |grant: &Grant| {
            let token = grant.root.refresh_token();
            token.map(|token| Zoho::line_of(token.expose()))
        };
        let (own_line, right) = (line(own), right_of(&own.binding));
        let is_same = |other: &&Grant| {
            line(other) == own_line && (own_line.is_some() || right_of(&other.binding) == right)
        };
        let sharers = self.disk.grants().filter(is_same).count();
        i64::try_from(sharers).unwrap_or(i64::MAX)
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

/// The right of a client that a config names.
pub(super) fn right_of(binding: &Binding) -> RightOf<'_> {
    let soid = binding.soid.as_deref().unwrap_or_default();
    [&binding.client_id, &binding.data_center, soid]
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
