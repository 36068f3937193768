//! What a login needs to know, and whether what it brings back is of this org: before anything is sent to Zoho.

use std::rc::Rc;

use serde::Serialize;

use super::shared::Shared;
use super::standing::Standing;
use crate::base::OrgName;
use crate::config::Org;
use crate::edge::http::{Answer, Consented};
use crate::edge::zoho::consent::ConsentPage;
use crate::policy;
use crate::policy::event::Refusal;
use crate::policy::record::Cause;
use crate::policy::reply::Asked;
use crate::policy::settings::GrantKind;

/// `GET /v1/orgs/ORG/login`
#[derive(Serialize)]
struct Begin<'a> {
    org: &'a str,
    #[serde(flatten)]
    page: ConsentPage,
    data_center: &'a str,
    environment: &'a str,
    client: &'a str,
    console_url: Option<&'a str>,
    prompt: Option<&'static str>,
    client_secret: &'static str,
}

/// The consent page of an org, without a secret.
pub(super) fn begin(shared: &Rc<Shared>, name: &OrgName) -> Answer {
    let standing = shared.standing();
    let Some(org) = standing.org(name) else {
        return super::desk::no_such_org(name);
    };
    let redirect_uri = match redirect_uri(&standing, org) {
        Ok(redirect_uri) => redirect_uri,
        Err(cause) => {
            return super::admin::problem(shared, name, Asked::Login, Refusal::Refused(cause))
                .of(name)
                .into();
        }
    };
    let (settings, fleet) = (&org.settings, shared.fleet.borrow());
    let binding = &settings.binding;
    let was_given = fleet.has_grant_of(&binding.client_id, &binding.data_center);
    let is_sealed = fleet
        .org(name)
        .and_then(policy::org::Org::sealed_client_secret)
        .is_some();
    Answer::json(&Begin {
        org: name.as_str(),
        page: ConsentPage {
            authorize_url: org.data_center.endpoints.authorize.clone(),
            client_id: binding.client_id.to_string(),
            scope: binding.scopes.to_string(),
            redirect_uri,
            pkce: org.data_center.takes_pkce,
        },
        data_center: &binding.data_center,
        environment: binding.environment.as_str(),
        client: &settings.client,
        console_url: settings.console_url.as_deref(),
        prompt: was_given.then_some("consent"),
        client_secret: match standing.secret_of(&settings.client) {
            Some(_) => "configured",
            None if is_sealed => "sealed",
            None => "needed",
        },
    })
}

/// Why what a browser brought back is of no use to `org`; `None` where nothing says so.
pub(super) fn contradiction(
    standing: &Standing,
    org: &Org,
    consented: &Consented,
) -> Option<Cause> {
    match redirect_uri(standing, org) {
        Err(cause) => Some(cause),
        Ok(own) if own != consented.redirect_uri => Some(Cause::new(
            "other-redirect-uri",
            "the config has changed since this login began; nothing was sent",
        )),
        Ok(_) => consented.landing.contradiction(&org.data_center),
    }
}

/// Where Zoho may send the browser back to.
fn redirect_uri(standing: &Standing, org: &Org) -> Result<String, Cause> {
    let grant = org.settings.grant;
    if grant != GrantKind::Web {
        let detail = format!("grant = \"{}\"", grant.as_str());
        return Err(Cause::new("not-web", &detail));
    }
    let redirect_uri = standing.redirect_uri_of(org);
    redirect_uri.ok_or_else(|| Cause::new("no-redirect-uri", "nothing was sent"))
}
