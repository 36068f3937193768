//! Revocations over all orgs: also of one that has left the config, which comes off the shelf for as long as it takes.
//!
//! Such an org has no settings any more; what a revocation needs of them is in its record. Invariant: nothing is
//! revoked that another org lives on.

use std::time::Duration;

use super::binding::removed;
use super::event::{Refusal, RequestId, Step};
use super::fleet::{Fleet, Moment};
use super::org::Org;
use super::past::{Past, Plan};
use super::record::{LaneId, OrgRecord};
use super::revoke::Wish;
use super::schedule::AT_BY_DEFAULT;
use super::settings::{Binding, GrantKind, OrgSettings};
use crate::base::{
    ApiDomains, Boottime, DataCenter, Environment, Limits, OrgName, ScopeSet, Secret,
};

/// Longest call to Zoho for an org that has no settings any more: the config's default.
const TIMEOUT: Duration = Duration::from_secs(20);

impl Fleet {
    /// An admin wants an org's refresh tokens revoked, or forgotten.
    pub(super) fn revoke(
        &mut self,
        name: &OrgName,
        request: RequestId,
        wish: Wish,
        moment: &mut Moment<'_>,
    ) {
        self.take_off_shelf(name);
        if !self.orgs.contains_key(name) && !self.leaving.contains_key(name) {
            let result = Err(Refusal::NoSuchOrg);
            return moment.steps.push(Step::Revoked { request, result });
        }
        let sharers = self.sharers_of(name);
        self.with(name, moment, |org, scene| {
            org.revoke(request, wish, &sharers, scene);
        });
    }

    /// The start: what the last life of the process had not revoked yet, of orgs that are not in the config.
    pub(super) fn take_doomed_off_shelf(&mut self, moment: &mut Moment<'_>) {
        let has_doomed = |record: &OrgRecord| record.past.iter().any(Past::is_doomed);
        let doomed = self.shelf.values().filter(|record| has_doomed(record));
        let names: Vec<OrgName> = doomed.map(|record| record.org.clone()).collect();
        for name in names {
            self.take_off_shelf(&name);
            self.with(&name, moment, |_, _| ());
        }
    }

    fn take_off_shelf(&mut self, name: &OrgName) {
        if let Some(record) = self.shelf.remove(name) {
            let mut org = Org::restored(settings_of(&record), record);
            org.contradiction = Some(removed());
            self.leaving.insert(name.clone(), org);
        }
    }

    /// The other orgs that live on this one's refresh token.
    fn sharers_of(&self, name: &OrgName) -> Vec<OrgName> {
        let mut all = self.records();
        let own = all.find(|record| record.org == *name);
        let grant = own.and_then(|record| record.grant.as_ref());
        let Some(token) = grant.and_then(|grant| grant.root.refresh_token()) else {
            return Vec::new();
        };
        let others = self.records().filter(|record| record.org != *name);
        let sharers = others.filter(|record| record.lives_on(token));
        sharers.map(|record| record.org.clone()).collect()
    }

    /// The revocation of that org that is due, and whether an org lives on that refresh token.
    pub(super) fn due_revocation(&self, name: &OrgName, now: Boottime) -> Option<(LaneId, bool)> {
        let org = self.orgs.get(name).or_else(|| self.leaving.get(name))?;
        let (past, _) = org.next_revocation().filter(|(_, at)| *at <= now)?;
        let token = past.refresh_token.as_deref()?;
        let is_shared = self
            .records()
            .any(|record| record.lives_on(token) || record.may_use(token));
        Some((past.lane.clone(), is_shared))
    }

    /// Whether any org has a call on its way to revoke that refresh token.
    pub(super) fn is_revoking(&self, token: &Secret) -> bool {
        let mut present = self.orgs.values().chain(self.leaving.values());
        present.any(|org| org.is_revoking(token))
    }
}

impl OrgRecord {
    fn lives_on(&self, token: &Secret) -> bool {
        let own = self
            .grant
            .as_ref()
            .and_then(|grant| grant.root.refresh_token());
        own.is_some_and(|own| own.is_same_as(token))
    }

    /// Whether it would fall back on it.
    fn may_use(&self, token: &Secret) -> bool {
        let is_fallback = |past: &Past| matches!(past.plan, Plan::Fallback { .. });
        self.past
            .iter()
            .any(|past| is_fallback(past) && past.is(token))
    }
}

/// Settings for an org that the config does not have: where its refresh tokens are, and nothing that mints.
fn settings_of(record: &OrgRecord) -> OrgSettings {
    let grant = record.grant.as_ref().map(|grant| &grant.binding);
    let past = record.past.last();
    let place = past.map(|past| (&past.client_id, &past.data_center));
    let place = grant.map(|of| (&of.client_id, &of.data_center)).or(place);
    let (client_id, data_center) = place.map_or_else(
        || ("".into(), "".into()),
        |(id, name)| (id.clone(), name.clone()),
    );
    let zoho = DataCenter::of_zoho(&data_center);
    OrgSettings {
        name: record.org.clone(),
        client: client_id.to_string(),
        binding: Binding {
            client_id,
            data_center,
            environment: grant.map_or(Environment::Production, |of| of.environment),
            scopes: grant.map_or_else(|| ScopeSet::parse(""), |of| of.scopes.clone()),
            soid: None,
        },
        grant: GrantKind::SelfClient,
        api_domains: ApiDomains::default(),
        console_url: zoho.and_then(|zoho| zoho.console_url),
        at: AT_BY_DEFAULT,
        min_ttl: Duration::from_mins(10),
        timeout: TIMEOUT,
        limits: Limits::ZOHO,
        client_mints: None,
        has_client_secret: false,
        verify: false,
        org_id: None,
        neighbours: Vec::new(),
        required: false,
        secret: None,
    }
}
