//! Client credentials: an org that the config alone makes, unless its client's secret is taken at `enroll`.

use std::time::Duration;

use serde_json::json;
use zoho_tokend::base::Environment;
use zoho_tokend::stand_in::{Fault, Org, Rules};

use crate::site::{Site, Token};
use crate::wait::{SOON, wait_for, wait_until};
use crate::zoho::{client_id, client_secret, rules};

pub(crate) const SOID: &str = "ZohoCRM.600123";
const OTHER: &str = "ZohoCRM.600124";

/// Zoho lets the client of `org` mint for an org of its own as `soid`; its API is at `path` of the stand-in.
pub(crate) fn allow(site: &Site, org: &str, soid: &str, path: &str) {
    let place = Org {
        api_domain: site.zoho.url() + path,
        environment: Environment::Production,
        id: soid.to_owned(),
    };
    let client = client_id(org);
    let added = site
        .zoho
        .world
        .with(|zoho, now| zoho.add_soid(&client, soid, place, now));
    added.expect("a client and room");
}

pub(crate) fn lines(soid: &str) -> String {
    format!("grant = \"client-credentials\"\nsoid = \"{soid}\"")
}

/// A site with `acme`, whose client may mint for [`SOID`], and a config that says so.
pub(crate) fn site(rules: Rules) -> Site {
    let mut site = Site::new(rules, &["acme"]);
    allow(&site, "acme", SOID, "");
    site.config.orgs.insert("acme".into(), lines(SOID));
    site.write_config();
    site
}

#[track_caller]
pub(crate) fn first_token(site: &Site, org: &str) -> Token {
    wait_for("a token comes by itself", SOON, || {
        let reply = site.get(&format!("/v1/orgs/{org}/token"));
        (reply.status == 200).then(|| Token::of(&reply.json()))
    })
}

#[track_caller]
fn await_cause(site: &Site, cause: &str) -> String {
    wait_for("a verdict", SOON, || {
        let status = site.status("acme");
        let cure = status["cure"].as_str().map(str::to_owned);
        cure.filter(|_| status["cause"] == cause)
    })
}

pub(crate) fn calls(site: &Site) -> u64 {
    site.zoho.stats().traffic.token_calls
}

pub(crate) fn is_in_state(site: &Site, text: &str) -> bool {
    let files = std::fs::read_dir(site.path("state")).expect("it is there");
    files.into_iter().any(|entry| {
        let bytes = std::fs::read(entry.expect("readable").path()).expect("a file");
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

#[test]
fn it_begins_by_itself_and_nothing_is_asked_of_a_person() {
    let site = site(Rules::default());
    let mut daemon = site.run();
    let token = first_token(&site, "acme");
    assert!(site.zoho.is_alive(&token.text));
    let status = site.status("acme");
    assert_eq!(status["grant"], "ok");
    assert_eq!(status["grant_kind"], "client-credentials");
    assert_eq!(status["binding"], "verified");
    assert_eq!(status["mints_left"], 9);
    wait_until("its files", SOON, || {
        site.file("acme", "access_token").as_ref() == Some(&token.text)
    });
    assert_eq!(site.zoho.stats().traffic.secrets_in_url, 0);
    assert!(!daemon.said().contains(&client_secret("acme")));
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn an_org_that_a_reload_brings_begins_by_itself_too() {
    let mut site = Site::new(Rules::default(), &["acme", "beta"]);
    let acme = site.config.orgs.remove("acme");
    site.write_config();
    let _daemon = site.run();
    allow(&site, "acme", SOID, "");
    drop(acme);
    site.config.orgs.insert("acme".into(), lines(SOID));
    site.write_config();
    site.verb(&["reload"]).done();
    first_token(&site, "acme");
}

/// R8
#[test]
fn r8_a_restart_a_reload_and_kill_9_cost_no_mint() {
    let site = site(Rules::default());
    let mut daemon = site.run();
    let token = first_token(&site, "acme");
    for _ in 0..3 {
        daemon.kill();
        daemon = site.run();
        assert_eq!(site.token("acme"), token);
        site.verb(&["reload"]).done();
        assert_eq!(site.token("acme"), token);
    }
    assert_eq!(calls(&site), 1);
}

#[test]
fn it_is_refreshed_before_its_token_ends() {
    let site = site(rules(Duration::from_secs(8), Duration::from_secs(6)));
    let _daemon = site.run();
    let first = first_token(&site, "acme");
    let next = wait_for("the next generation", SOON, || {
        let token = site.token("acme");
        assert!(site.zoho.is_alive(&token.text));
        (token.generation > first.generation).then_some(token)
    });
    assert_ne!(next.text, first.text);
    assert_eq!(site.zoho.counts("acme").refusals, 0);
}

#[test]
fn a_refresh_token_that_comes_all_the_same_is_neither_kept_nor_used() {
    const ODD: &str = "1000.odd.refresh.token";
    let site = site(Rules::default());
    let odd = json!({ "refresh_token": ODD });
    let fault = Fault {
        set: odd.as_object().expect("an object").clone(),
        ..Fault::default()
    };
    site.zoho.break_for("acme", 1, fault);
    let mut daemon = site.run();
    first_token(&site, "acme");
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.zoho.mints("acme"), 2, "by the client's right again");
    assert_eq!(daemon.stop(), 0);
    assert!(!is_in_state(&site, ODD));
}

#[test]
fn a_soid_that_zoho_does_not_know_is_explained_and_a_corrected_one_is_tried_at_once() {
    for wrong in [
        lines("ZohoCRM.999"),
        "grant = \"client-credentials\"".into(),
    ] {
        let mut site = site(Rules::default());
        site.config.orgs.insert("acme".into(), wrong);
        site.write_config();
        let mut daemon = site.run();
        let cure = await_cause(&site, "missing_org_info");
        assert!(cure.starts_with("Set `soid` of org acme to"), "{cure}");
        assert_eq!(site.status("acme")["grant"], "misconfigured");
        let told = site.verb(&["get", "acme"]);
        assert!(told.failed(78).contains("`soid`"), "{told:?}");
        site.config.orgs.insert("acme".into(), lines(SOID));
        site.write_config();
        site.verb(&["reload"]).done();
        first_token(&site, "acme");
        assert_eq!(daemon.stop(), 0);
    }
}

#[test]
fn what_else_zoho_says_of_the_config_has_a_cure_that_asks_for_no_grant_token() {
    for (code, what) in [
        ("invalid_scope", "`scopes` of org acme"),
        ("invalid_soid", "`soid` of org acme"),
        ("unsupported_grant_type", "Use a Self Client"),
        ("invalid_client_secret", "secret of client acme"),
    ] {
        let site = site(Rules::default());
        let body = json!({ "error": code }).to_string();
        site.zoho.break_for("acme", 1, Fault::answer(400, body));
        let _daemon = site.run();
        let cure = await_cause(&site, code);
        assert!(cure.contains(what), "{code}: {cure}");
        assert!(!cure.contains("grant token"), "{code}: {cure}");
        site.verb(&["refresh", "acme"]).done();
        assert_eq!(site.status("acme")["grant"], "ok", "{code}");
    }
}

/// S4
#[test]
fn s4_another_soid_in_the_config_ends_the_older_ones_token_at_once_and_for_good() {
    let mut site = site(Rules::default());
    allow(&site, "acme", OTHER, "");
    let mut daemon = site.run();
    let old = first_token(&site, "acme");
    wait_until("its files", SOON, || site.file("acme", "header").is_some());
    site.zoho
        .break_for("acme", None, Fault::answer(500, "down"));
    site.config.orgs.insert("acme".into(), lines(OTHER));
    site.write_config();
    site.verb(&["reload"]).done();
    assert_eq!(site.get("/v1/orgs/acme/token").status, 503);
    wait_until("its files go", SOON, || {
        site.file("acme", "header").is_none()
    });
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(site.get("/v1/orgs/acme/token").status, 503, "nor after");
    site.zoho.heal();
    site.verb(&["refresh", "acme"]).done();
    let new = site.token("acme");
    assert!(site.zoho.is_alive(&old.text), "Zoho would still take it");
    assert!(new.generation > old.generation && new.text != old.text);
    let grants = site.zoho.stats().grants;
    let minted: Vec<u64> = grants.iter().map(|grant| grant.counts.mints).collect();
    assert_eq!(minted[0], 1, "the older right is used no more");
    assert!(minted[1] > 0, "{minted:?}");
}

/// S4
#[test]
fn s4_a_token_of_another_environment_is_quarantined_with_a_cure_of_its_own() {
    let site = site(Rules::default());
    allow(&site, "acme", SOID, "/sandbox");
    let _daemon = site.run();
    let cure = await_cause(&site, "wrong-place");
    assert!(cure.starts_with("Correct `soid`, `environment`"), "{cure}");
    assert_eq!(site.status("acme")["grant"], "quarantined");
    assert_eq!(site.get("/v1/orgs/acme/token").status, 503);
    assert!(site.file("acme", "header").is_none());
    allow(&site, "acme", SOID, "");
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.status("acme")["grant"], "ok");
}

/// R3
#[test]
fn r3_ten_mints_in_ten_minutes_are_all_and_the_eleventh_is_not_even_tried() {
    let site = site(Rules::default());
    let _daemon = site.run();
    first_token(&site, "acme");
    for _ in 0..9 {
        site.verb(&["refresh", "acme"]).done();
    }
    let refused = site.verb(&["refresh", "acme"]);
    let told = refused.failed(75);
    assert!(told.contains("client and soid"), "{told}");
    let counts = site.zoho.counts("acme");
    assert_eq!((counts.calls, counts.refusals), (10, 0));
    site.token("acme");
}

/// R3: what Zoho may count as one is counted as one.
#[test]
fn r3_two_orgs_of_one_client_and_soid_share_a_ledger() {
    let mut site = Site::new(Rules::default(), &["acme", "twin"]);
    allow(&site, "acme", SOID, "");
    site.config.orgs.insert("acme".into(), lines(SOID));
    let twin = lines(SOID) + "\nclient = \"acme\"";
    site.config.orgs.insert("twin".into(), twin);
    site.write_config();
    let _daemon = site.run();
    let (acme, twin) = (first_token(&site, "acme"), first_token(&site, "twin"));
    assert_ne!(acme.text, twin.text);
    for org in ["acme", "twin"] {
        assert_eq!(site.status(org)["mints_left"], 8);
    }
}

/// R4
#[test]
fn r4_a_throttle_is_waited_out_and_the_token_is_served_on() {
    let site = site(Rules::default());
    let mut daemon = site.run();
    let token = first_token(&site, "acme");
    let denied = r#"{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}"#;
    site.zoho.break_for("acme", 1, Fault::answer(400, denied));
    site.verb(&["refresh", "acme"]).failed(75);
    assert_eq!(site.status("acme")["grant"], "throttled");
    let told = site.verb(&["refresh", "acme"]);
    assert!(told.failed(75).contains("client credentials"), "{told:?}");
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(site.status("acme")["grant"], "throttled");
    assert_eq!(site.token("acme"), token);
    assert_eq!(calls(&site), 2);
}

/// R7: a mint that was cut off is counted, and made again.
#[test]
fn r7_kill_9_while_zoho_answers_costs_a_slot_and_nothing_else() {
    let site = site(rules(Duration::from_mins(10), Duration::from_secs(12)));
    site.zoho.break_for("acme", 1, Fault::delay_ms(5_000));
    let mut daemon = site.run();
    wait_until("Zoho is asked", SOON, || site.zoho.mints("acme") == 1);
    daemon.kill();
    let _daemon = site.run();
    first_token(&site, "acme");
    assert_eq!(site.zoho.mints("acme"), 2);
    assert_eq!(site.zoho.counts("acme").refusals, 0);
}

/// S1: what an operator wants gone is gone, though Zoho has nothing of it to revoke.
#[test]
fn s1_a_sealed_client_secret_can_be_dropped() {
    let mut site = site(Rules::default());
    site.config.secretless = vec!["acme".into()];
    site.write_config();
    let _daemon = site.run();
    site.enroll_with("acme", &client_secret("acme")).done();
    assert_eq!(site.status("acme")["token"], "fresh");
    let refused = site.verb(&["revoke", "acme", "--yes"]);
    let told = refused.failed(78);
    assert!(
        told.contains("`zoho-tokend revoke acme --forget` drops what is sealed"),
        "{told}"
    );
    site.verb(&["revoke", "acme", "--forget", "--yes"]).done();
    let status = site.status("acme");
    assert_eq!(
        (&status["token"], &status["grant"]),
        (&"none".into(), &"unenrolled".into())
    );
    wait_until("its files are gone", SOON, || {
        site.file("acme", "header").is_none()
    });
    // Nor is it used again: the secret has to be given.
    let again = site.enroll_with("acme", "");
    assert!(again.failed(65).contains("client secret"), "{again:?}");
}
