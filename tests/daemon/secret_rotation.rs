//! Another client secret: by a file and a reload, a credential and a restart, or sealed by `enroll --client-secret`.
//! No grant and no token is lost, and no consent needed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use zoho_tokend::stand_in::Rules;

use crate::daemon::{Daemon, program};
use crate::http::Request;
use crate::site::Site;
use crate::wait::{SOON, wait_until};
use crate::zoho::{client_id, client_secret};

const NEW: &str = "another5ecret0000000000000000000000000000";

/// The console gives the client of `org` another secret; the old one is dead at once.
fn replace_secret(site: &Site, org: &str) {
    let id = client_id(org);
    let replaced = site.zoho.world.with(|zoho, _| zoho.add_client(&id, NEW));
    replaced.expect("a client");
}

/// An org that Zoho has just refused for its client's secret.
fn refused() -> (Site, Daemon) {
    let (site, daemon) = Site::enrolled(Rules::default(), &["acme"]);
    replace_secret(&site, "acme");
    let ended = site.verb(&["refresh", "acme"]);
    let told = ended.failed(78);
    assert!(told.contains("invalid_client_secret"), "{told}");
    assert_eq!(site.status("acme")["grant"], "misconfigured");
    (site, daemon)
}

#[track_caller]
fn is_well(site: &Site, org: &str) {
    wait_until("it is tried at once", SOON, || {
        site.status(org)["grant"] == "ok"
    });
    assert!(site.zoho.is_alive(&site.token(org).text));
}

/// R2, R4
#[test]
fn r4_a_secret_that_died_is_replaced_by_its_file_and_a_reload_with_nothing_lost() {
    let (site, daemon) = refused();
    let (token, grant) = (site.token("acme"), site.zoho.newest_refresh_token("acme"));
    site.write("acme.secret", NEW);
    let told = site.verb(&["reload"]);
    assert!(
        told.done().contains("clients.acme.client_secret"),
        "{told:?}"
    );
    is_well(&site, "acme");
    // Readers have it once the disk has.
    wait_until("the next generation", SOON, || {
        site.token("acme").generation > token.generation
    });
    assert_eq!(
        site.zoho.newest_refresh_token("acme"),
        grant,
        "the same grant"
    );
    assert_eq!(site.zoho.mints("acme"), 2);
    let said = daemon.said();
    let line = said.lines().find(|line| line.contains("misconfigured"));
    let line = line.expect("the log tells it");
    assert!(
        line.contains("Copy the secret of client acme"),
        "with its cure: {line}"
    );
}

#[test]
fn a_secret_that_lives_beside_the_old_one_is_taken_without_a_refusal() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let id = client_id("acme");
    let rotated = site.zoho.world.with(|zoho, _| zoho.rotate_secret(&id, NEW));
    rotated.expect("a client");
    site.verb(&["refresh", "acme"]).done();
    site.write("acme.secret", NEW);
    site.verb(&["reload"]).done();
    site.zoho.world.with(|zoho, _| zoho.retire_secret(&id));
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.status("acme")["last_error"], serde_json::Value::Null);
    assert_eq!(site.zoho.mints("acme"), 3, "a reload is no mint");
}

/// R8: without a reload the file is not looked at; a restart looks.
#[test]
fn r8_a_file_that_changed_counts_from_the_next_reload_or_start_on() {
    let (site, mut daemon) = refused();
    site.write("acme.secret", NEW);
    site.verb(&["refresh", "acme"]).failed(78);
    daemon.kill();
    let _daemon = site.run();
    is_well(&site, "acme");
    assert_eq!(site.zoho.mints("acme"), 2);
}

/// S1: a new secret that others could read is not used, and the old one stays.
#[test]
fn s1_a_new_secret_with_a_loose_mode_refuses_the_reload_and_the_old_one_stays() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    site.write("acme.secret", NEW);
    let loose = Permissions::from_mode(0o644);
    fs::set_permissions(site.path("acme.secret"), loose).expect("ours");
    let refused = site.verb(&["reload"]);
    let told = refused.failed(78);
    assert!(told.contains("chmod 0600"), "{told}");
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.status("acme")["grant"], "ok");
}

/// A credential is read at a start alone; another one is tried at once, the same one waits for its probe (R8).
#[test]
fn r8_a_changed_credential_is_tried_at_the_restart_that_brings_it() {
    let site = Site::new(Rules::default(), &["acme"]);
    let path = site.path("acme.secret");
    let config = site.config_text().replace(
        &format!("{{ file = \"{}\" }}", path.display()),
        "{ credential = \"acme.secret\" }",
    );
    assert!(config.contains("credential"));
    site.write("zoho-tokend.toml", &config);
    let start = || {
        let mut program = program();
        program.env("CREDENTIALS_DIRECTORY", site.folder());
        let daemon = Daemon::spawn(program, &site.path("zoho-tokend.toml"), &site.path("log"));
        site.once_up(daemon)
    };
    let mut daemon = start();
    site.enroll("acme").done();
    replace_secret(&site, "acme");
    site.verb(&["refresh", "acme"]).failed(78);
    let calls = site.zoho.stats().traffic.token_calls;
    daemon.kill();
    daemon = start();
    assert_eq!(site.status("acme")["grant"], "misconfigured");
    assert_eq!(site.zoho.stats().traffic.token_calls, calls, "no probe");
    site.write("acme.secret", NEW);
    daemon.kill();
    let _daemon = start();
    is_well(&site, "acme");
}

/// Three orgs of one client whose secret was taken at `enroll`.
fn sealed() -> (Site, Daemon) {
    let mut site = Site::new(Rules::default(), &["acme", "beta", "gamma"]);
    site.config.secretless = vec!["acme".into()];
    for org in ["beta", "gamma"] {
        site.config
            .orgs
            .insert(org.into(), "client = \"acme\"".into());
    }
    site.write_config();
    let daemon = site.run();
    for org in ["acme", "beta", "gamma"] {
        let line = format!("{}\n{}", site.zoho.code("acme"), client_secret("acme"));
        site.enroll_with(org, &line).done();
    }
    (site, daemon)
}

fn renew(site: &Site, org: &str, secret: &str) -> crate::daemon::Ended {
    site.verb_with(&["enroll", org, "--client-secret"], secret)
}

/// R4: no consent, one mint, and all orgs of the client have it.
#[test]
fn r4_one_new_sealed_secret_serves_every_org_of_its_client() {
    let (site, mut daemon) = sealed();
    replace_secret(&site, "acme");
    site.verb(&["refresh", "beta"]).failed(78);
    let before = site.zoho.stats();
    let told = renew(&site, "acme", NEW);
    assert_eq!(
        told.done(),
        "acme: client secret proved by a mint and sealed, also for beta, gamma\n"
    );
    is_well(&site, "beta");
    site.verb(&["refresh", "gamma"]).done();
    let after = site.zoho.stats();
    assert_eq!(after.grants.len(), before.grants.len(), "no new grant");
    assert_eq!(after.traffic.token_calls, before.traffic.token_calls + 3);
    daemon.kill();
    let _daemon = site.run();
    for org in ["acme", "beta", "gamma"] {
        site.verb(&["refresh", org]).done();
    }
    let history = site.verb(&["history", "beta"]);
    assert!(
        history
            .done()
            .contains("client-secret  another one is sealed, proved by org acme"),
        "{history:?}"
    );
}

#[test]
fn a_new_sealed_secret_that_zoho_refuses_changes_nothing() {
    let (site, _daemon) = sealed();
    let token = site.token("acme");
    let ended = renew(&site, "acme", "wr0ngwr0ngwr0ngwr0ngwr0ng");
    let told = ended.failed(78);
    assert!(
        told.contains("invalid_client_secret") && !told.contains("wr0ng"),
        "{told}"
    );
    assert_eq!(site.token("acme"), token);
    assert_eq!(site.status("acme")["grant"], "ok");
    site.verb(&["refresh", "acme"]).done();
}

#[test]
fn a_sealed_secret_is_not_taken_where_it_would_not_be_used() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let ended = renew(&site, "acme", NEW);
    let told = ended.failed(78);
    assert!(
        told.contains("the config names the client secret of clients.acme"),
        "{told}"
    );
    assert!(
        told.contains("then reload (a file) or restart (a credential)"),
        "{told}"
    );
    let mut site = Site::new(Rules::default(), &["acme"]);
    site.config.secretless = vec!["acme".into()];
    site.write_config();
    let _daemon = site.run();
    let ended = renew(&site, "acme", NEW);
    assert!(ended.failed(78).contains("unenrolled"), "{ended:?}");
    let none = renew(&site, "acme", "");
    assert!(none.failed(65).contains("nothing on stdin"), "{none:?}");
    let body = r#"{"kind":"client-secret"}"#;
    let reply = site.ask(&Request::post("/v1/orgs/acme/enrollment", body));
    assert_eq!((reply.status, reply.code().as_str()), (400, "bad-request"));
}

/// The config's secret goes before a sealed one; taken away again, the sealed one is used, or its lack is told.
#[test]
fn a_secret_moves_from_the_state_into_the_config_and_back() {
    let (mut site, _daemon) = sealed();
    replace_secret(&site, "acme");
    site.write("acme.secret", NEW);
    site.config.secretless.clear();
    site.write_config();
    let told = site.verb(&["reload"]);
    assert!(
        told.done().contains("clients.acme.client_secret"),
        "{told:?}"
    );
    for org in ["acme", "beta", "gamma"] {
        site.verb(&["refresh", org]).done();
    }
    site.config.secretless = vec!["acme".into()];
    site.write_config();
    site.verb(&["reload"]).done();
    let stale = site.verb(&["refresh", "acme"]);
    assert!(
        stale.failed(78).contains("invalid_client_secret"),
        "{stale:?}"
    );
    renew(&site, "acme", NEW).done();
    for org in ["acme", "beta", "gamma"] {
        is_well(&site, org);
    }
}

#[test]
fn a_reload_that_leaves_an_org_without_any_secret_says_so_and_how_to_give_it_one() {
    let (mut site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    site.config.secretless = vec!["acme".into()];
    site.write_config();
    let told = site.verb(&["reload"]);
    told.done();
    assert!(
        told.stderr
            .contains("zoho-tokend enroll acme --client-secret"),
        "{told:?}"
    );
    let refused = site.verb(&["refresh", "acme"]);
    assert_eq!(refused.exit, 75, "{refused:?}");
    assert!(refused.stderr.contains("no-client-secret"), "{refused:?}");
    renew(&site, "acme", &client_secret("acme")).done();
    is_well(&site, "acme");
}
