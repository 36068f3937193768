//! One revocation at Zoho for a step that asks for one; its answer comes back as an event.
//!
//! Invariant (S3): a refresh token goes to the accounts host of its own data center, and nowhere else.

use std::rc::Rc;
use std::sync::Arc;

use tokio::task::spawn_local;

use super::shared::Shared;
use super::standing::Standing;
use crate::base::{DataCenter, OrgName, Secret};
use crate::edge::zoho::{Reply, RevokeCall};
use crate::policy::event::{Attempt, Event};
use crate::policy::record::Cause;
use crate::policy::revocation::{Dialect, Reading, Said};
use crate::policy::revoking::Doomed;

/// Sends the call on its way, unless the daemon is stopping: then nothing is sent.
pub(super) fn start(shared: &Rc<Shared>, org: OrgName, attempt: Attempt, doomed: Doomed) {
    let shared = Rc::clone(shared);
    // Of the moment at which the policy wanted the call: a reload in between must not change where it goes (S3).
    let standing = shared.standing();
    let is_stopping = *shared.stop.borrow();
    shared.calls.set(shared.calls.get() + 1);
    spawn_local(async move {
        let said = if is_stopping {
            Said::NotSent(Cause::new("stopping", "the daemon is stopping"))
        } else {
            revoke(&standing, &org, &doomed).await
        };
        shared.tell(Event::RevocationAnswered { org, attempt, said });
    });
}

async fn revoke(standing: &Standing, org: &OrgName, doomed: &Doomed) -> Said {
    let Some(place) = standing.data_center(org, &doomed.data_center) else {
        let what = format!("nothing says where data center {} is", doomed.data_center);
        return Said::NotSent(Cause::new("no-data-center", &what));
    };
    let dialect = dialect_of(&place);
    let first = match ask(standing, org, doomed, &place, dialect).await {
        Ok(reading) => reading,
        Err(said) => return said,
    };
    let may_be_gone = doomed.may_be_gone;
    if !first.wants_another(dialect, may_be_gone) {
        return first.settle(may_be_gone);
    }
    let other = match ask(standing, org, doomed, &place, Dialect::ZohoNewer).await {
        Ok(reading) => reading.settle(may_be_gone),
        Err(said) => said,
    };
    first.settle_with(other, may_be_gone)
}

/// A `revoke_url` that is not Zoho's is another OAuth server's.
fn dialect_of(place: &DataCenter) -> Dialect {
    let zoho = crate::base::Endpoints::of_zoho(&place.accounts_url);
    if place.endpoints.revoke == zoho.revoke {
        Dialect::Zoho
    } else {
        Dialect::Standard
    }
}

/// Asks one endpoint; an error is the end of it without an answer.
async fn ask(
    standing: &Standing,
    org: &OrgName,
    doomed: &Doomed,
    place: &DataCenter,
    dialect: Dialect,
) -> Result<Reading, Said> {
    let url = match dialect {
        Dialect::Zoho | Dialect::Standard => place.endpoints.revoke.clone(),
        Dialect::ZohoNewer => format!("{}/oauth/v2/revoke/token", place.accounts_url),
    };
    let secret = standing.secret_for(org, doomed);
    if dialect != Dialect::Zoho && secret.is_none() {
        let what = "neither the config nor the enrolment has a client secret";
        return Err(Said::NotSent(Cause::new("no-client-secret", what)));
    }
    let call = RevokeCall {
        url,
        timeout: standing.timeout_of(org),
        dialect,
        refresh_token: Arc::clone(&doomed.refresh_token),
        client: (
            doomed.client_id.to_string(),
            secret.filter(|_| dialect != Dialect::Zoho),
        ),
    };
    let sent = call.secrets();
    match standing.zoho.post_revoke(call).await {
        Reply::NotSent(cause) => Err(Said::NotSent(cause)),
        Reply::Lost(cause) => Err(Said::Lost(cause)),
        Reply::Answered { status, body, .. } => Ok(Reading::of(dialect, &sent, status, &body)),
    }
}

impl Standing {
    /// The data center of that name, as the org has it, or another org, or Zoho itself.
    fn data_center(&self, org: &OrgName, name: &str) -> Option<DataCenter> {
        let own = self.org(org).into_iter().chain(self.config.orgs.values());
        let mut all = own.map(|org| &org.data_center);
        let found = all.find(|place| place.name == name).cloned();
        found.or_else(|| DataCenter::of_zoho(name))
    }

    /// The client's secret: as sealed, else of the org's client, else of any of that id.
    fn secret_for(&self, org: &OrgName, doomed: &Doomed) -> Option<Arc<Secret>> {
        if let Some(sealed) = &doomed.client_secret {
            return Some(Arc::clone(sealed));
        }
        let clients = &self.config.clients;
        let own = self.org(org).map(|org| &org.settings.client);
        let names = own.into_iter().chain(clients.keys());
        let mut names = names.filter(|name| {
            let client = clients.get(*name);
            client.is_some_and(|client| doomed.client_id == *client.client_id)
        });
        names.find_map(|name| self.secret_of(name))
    }

    fn timeout_of(&self, org: &OrgName) -> std::time::Duration {
        self.org(org)
            .map_or(self.config.refresh.timeout, |org| org.settings.timeout)
    }
}
