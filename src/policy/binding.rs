//! Whether a grant is of the org, environment and data center that the config names.
//!
//! Two kinds of evidence: what was stored when the grant was enrolled, compared with the config of today,
//! and what Zoho says with each token. Absent evidence proves nothing and refuses nothing.

use super::record::Cause;
use super::reply::Granted;
use super::root::Root;
use super::settings::{Binding, GrantKind, OrgSettings};
use crate::base::{DataCenter, Environment, ScopeSet};

/// The code of a config that says another thing than the grant.
pub(super) const CONTRADICTS: &str = "config-contradicts-grant";

/// The code of: the org has left the config.
pub(super) const REMOVED: &str = "removed";

/// Why an org that has left the config is not served.
pub(super) fn removed() -> Cause {
    Cause::new(REMOVED, "the org has left the config")
}

/// What Zoho's words on a token prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It named the API host of the configured environment.
    Verified,
    /// It named none, or one that no table knows: the configured host is used.
    Unverified,
}

/// Whether the config of today wants another kind of grant than there is.
pub(super) fn contradiction_of_kind(root: &Root, kind: GrantKind) -> Option<Cause> {
    if root.is_of(kind) {
        return None;
    }
    let stands_on = match root {
        Root::RefreshToken(_) => "stands on a refresh token",
        Root::Client => "is the client's own right, without a refresh token",
    };
    let detail = format!("the grant {stands_on}, the config says {}", kind.as_str());
    Some(Cause::new(CONTRADICTS, &detail))
}

/// Where the config of today contradicts the grant; `None` if nowhere.
pub fn contradiction(grant: &Binding, config: &Binding) -> Option<Cause> {
    let differs = |what: &str, granted: &str, configured: &str| {
        let detail =
            format!("the grant was enrolled for {what} {granted}, the config says {configured}");
        Some(Cause::new(CONTRADICTS, &detail))
    };
    if grant.client_id != config.client_id {
        return differs("client_id", &grant.client_id, &config.client_id);
    }
    if grant.data_center != config.data_center {
        return differs("data_center", &grant.data_center, &config.data_center);
    }
    if grant.environment != config.environment {
        return differs(
            "environment",
            grant.environment.as_str(),
            config.environment.as_str(),
        );
    }
    if !grant.scopes.is_same_as(&config.scopes) {
        return differs(
            "scopes",
            &grant.scopes.to_string(),
            &config.scopes.to_string(),
        );
    }
    if grant.soid != config.soid {
        let shown = |soid: &Option<String>| soid.clone().unwrap_or_else(|| "none".to_owned());
        return differs("soid", &shown(&grant.soid), &shown(&config.soid));
    }
    None
}

/// Weighs what Zoho said with a token; an error names the evidence that it is another org's.
pub fn weigh(granted: &Granted, settings: &OrgSettings) -> Result<Proof, Cause> {
    weigh_scope(granted.scope.as_ref(), &settings.binding.scopes)?;
    let wanted = settings.binding.environment;
    let Some(host) = granted.api_domain.as_deref() else {
        return Ok(Proof::Unverified);
    };
    match settings.api_domains.environment_of(host) {
        Some(environment) if environment == wanted => Ok(Proof::Verified),
        Some(other) => Err(other_place(
            host,
            &format!("the {other} environment"),
            settings,
        )),
        None => match elsewhere(host, &settings.neighbours) {
            Some((data_center, environment)) => {
                let place = format!("{environment} in data center {data_center}");
                Err(other_place(host, &place, settings))
            }
            None => Ok(Proof::Unverified),
        },
    }
}

fn weigh_scope(said: Option<&ScopeSet>, wanted: &ScopeSet) -> Result<(), Cause> {
    let missing = said.map(|scope| scope.lacks(wanted)).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    let detail = format!("the token lacks the scopes {}", missing.join(","));
    Err(Cause::new("scope-too-narrow", &detail))
}

fn other_place(host: &str, place: &str, settings: &OrgSettings) -> Cause {
    let binding = &settings.binding;
    let detail = format!(
        "Zoho names {host} for this token, which is {place}; the config says {} in data center {}",
        binding.environment, binding.data_center
    );
    Cause::new("wrong-place", &detail)
}

/// The data center that `host` belongs to: of Zoho's own, or of those that the config has at the same accounts server.
fn elsewhere(host: &str, neighbours: &[DataCenter]) -> Option<(String, Environment)> {
    let zoho = DataCenter::names().filter_map(DataCenter::of_zoho);
    let mut known = zoho.chain(neighbours.iter().cloned());
    known.find_map(|known| {
        let environment = known.api_domains.environment_of(host)?;
        Some((known.name, environment))
    })
}
