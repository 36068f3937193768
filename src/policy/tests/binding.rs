//! S4: evidence that a grant is of another org, environment or data center.

use super::world::{HOUR, World, settings};
use super::zoho::grant;
use crate::base::{Environment, ScopeSet};
use crate::policy::binding::{Proof, contradiction, weigh};
use crate::policy::reply::Granted;
use crate::policy::settings::{GrantKind, OrgSettings};

fn with(api_domain: Option<&str>, scope: Option<&str>) -> Granted {
    Granted {
        api_domain: api_domain.map(str::to_owned),
        scope: scope.map(ScopeSet::parse),
        ..grant(HOUR, None)
    }
}

#[test]
fn s4_the_configured_environments_own_host_is_proof() {
    for host in ["https://www.zohoapis.eu", "https://www.ZohoAPIs.eu/"] {
        let proof = weigh(&with(Some(host), None), &settings("acme"));
        assert_eq!(proof, Ok(Proof::Verified), "{host}");
    }
}

#[test]
fn s4_another_environments_or_data_centers_host_is_evidence_against_the_grant() {
    for host in [
        "https://sandbox.zohoapis.eu",
        "https://developer.zohoapis.eu/",
        "https://www.zohoapis.com",
        "https://sandbox.zohoapis.in",
    ] {
        let cause = weigh(&with(Some(host), None), &settings("acme")).expect_err(host);
        assert_eq!(cause.code, "wrong-place");
        assert!(cause.detail.contains(host), "{}", cause.detail);
        assert!(cause.detail.contains("production in data center eu"));
    }
}

#[test]
fn s4_no_host_or_one_that_no_table_knows_proves_nothing_and_refuses_nothing() {
    for host in [
        None,
        Some("https://api.zoho.eu"),
        Some("https://evil.example"),
    ] {
        let proof = weigh(&with(host, None), &settings("acme"));
        assert_eq!(proof, Ok(Proof::Unverified), "{host:?}");
    }
}

#[test]
fn a_scope_that_lacks_what_the_config_asks_for_is_evidence_and_a_wider_one_is_not() {
    let lacks = with(None, Some("ZohoCRM.org.READ"));
    let cause = weigh(&lacks, &settings("acme")).expect_err("too narrow");
    assert_eq!(cause.code, "scope-too-narrow");
    assert!(cause.detail.contains("ZohoCRM.modules.ALL"));
    let wider = with(None, Some("zohocrm.modules.all ZohoCRM.org.READ"));
    assert!(weigh(&wider, &settings("acme")).is_ok());
}

#[test]
fn s4_a_config_contradicts_a_grant_in_client_data_center_environment_or_scope() {
    let config = settings("acme").binding;
    assert_eq!(contradiction(&config, &config), None);
    let mut grant = config.clone();
    grant.environment = Environment::Sandbox;
    let cause = contradiction(&grant, &config).expect("another environment");
    assert_eq!(
        cause.detail,
        "the grant was enrolled for environment sandbox, the config says production"
    );
    let mut grant = config.clone();
    grant.scopes = ScopeSet::parse("zohocrm.MODULES.all");
    assert_eq!(contradiction(&grant, &config), None, "case aside");
}

/// A server other than Zoho's knows no soid: nothing else in the config tells the two apart.
#[test]
fn s4_a_token_of_a_refresh_token_is_not_read_where_the_config_says_client_credentials() {
    let mut world = World::enrolled();
    world.reload(vec![OrgSettings {
        grant: GrantKind::ClientCredentials,
        ..settings("acme")
    }]);
    assert!(world.read("acme").is_none() && world.out.is_empty());
    let told = world.told.iter().map(|(_, note)| &*note.detail);
    let why = "the grant stands on a refresh token, the config says client-credentials";
    assert_eq!(told.filter(|detail| detail.contains(why)).count(), 1);
    world.reload(vec![settings("acme")]);
    assert!(world.read("acme").is_some(), "changed back");
}
