//! `revoke` and `--forget`: what ends at Zoho, what ends here, and what an end of the daemon in between leaves.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use zoho_tokend::stand_in::{End, Fault, Instead, Rules};

use crate::http::Request;
use crate::site::Site;
use crate::wait::{SOON, wait_until};

/// Why Zoho has no such grant any more; the grants are numbered as they were made.
pub(crate) fn ended(site: &Site, grant: usize) -> Option<End> {
    site.zoho.stats().grants[grant].ended
}

/// The next `times` calls to revoke go wrong.
pub(crate) fn break_revoke(site: &Site, times: impl Into<Option<u32>>, fault: Fault) {
    let times = times.into();
    let added = site
        .zoho
        .world
        .with(|zoho, _| zoho.add_fault("revoke", times, fault));
    added.expect("room");
}

/// The notes of an org's history of this kind.
pub(crate) fn notes(site: &Site, kind: &str) -> Vec<String> {
    let history = site.get("/v1/orgs/acme/history").json();
    let entries = history["entries"].as_array().expect("a list");
    let own = entries.iter().filter(|entry| entry["kind"] == kind);
    own.map(|entry| entry["detail"].as_str().expect("text").to_owned())
        .collect()
}

#[track_caller]
fn serves_nothing(site: &Site) {
    let status = site.status("acme");
    assert_eq!(
        (&status["grant"], &status["token"]),
        (&json!("unenrolled"), &json!("none"))
    );
    let reply = site.get("/v1/orgs/acme/token");
    assert_eq!((reply.status, &*reply.code()), (503, "unenrolled"));
    wait_until("the files are gone", SOON, || {
        site.file("acme", "header").is_none()
    });
}

#[test]
fn revoke_ends_the_grant_at_zoho_and_here_for_good() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    let told = site.verb(&["revoke", "acme", "--yes"]);
    assert_eq!(told.done(), "acme: revoked at Zoho, and forgotten\n");
    assert_eq!(ended(&site, 0), Some(End::Revoked));
    assert!(!site.zoho.is_alive(&token.text));
    serves_nothing(&site);
    assert_eq!(notes(&site, "revoked").len(), 1);
    let stats = site.zoho.stats();
    assert_eq!((stats.traffic.strays, stats.traffic.secrets_in_url), (0, 0));
    daemon.kill();
    let _daemon = site.run();
    serves_nothing(&site);
    assert_eq!(
        site.zoho.mints("acme"),
        1,
        "nothing was minted with it again"
    );
    // There is nothing left to revoke, and the org can be enrolled anew.
    let again = site.verb(&["revoke", "acme", "--yes"]);
    assert!(again.failed(78).contains("nothing-to-revoke"), "{again:?}");
    site.enroll("acme").done();
    assert!(site.token("acme").generation > token.generation);
}

#[test]
fn revoke_asks_first_and_where_nobody_can_answer_nothing_happens() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    let told = site.verb_with(&["revoke", "acme"], "y\n");
    assert!(told.failed(64).contains("give --yes"), "{told:?}");
    assert_eq!(site.token("acme"), token);
    assert_eq!(ended(&site, 0), None);
}

/// R4
#[test]
fn r4_where_zoho_is_not_reached_nothing_is_forgotten() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    site.zoho.away_for(Duration::from_millis(1500));
    let told = site.verb(&["revoke", "acme", "--yes"]);
    let text = told.failed(75);
    assert!(
        text.contains("connect") && text.contains("nothing was forgotten"),
        "{text}"
    );
    assert!(text.contains("--forget"), "{text}");
    let status = site.status("acme");
    assert_eq!(
        (&status["grant"], &status["token"]),
        (&json!("ok"), &json!("fresh"))
    );
    assert_eq!(site.token("acme"), token);
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(site.token("acme"), token);
    wait_until("Zoho is back", SOON, || {
        site.verb(&["refresh", "acme"]).exit == 0
    });
    assert_eq!(
        ended(&site, 0),
        None,
        "the wish is not carried out behind the operator's back"
    );
}

#[test]
fn where_the_first_endpoint_is_not_there_the_newer_one_revokes() {
    for absent in [404, 405, 302] {
        let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
        break_revoke(&site, 1, Fault::status(absent));
        site.verb(&["revoke", "acme", "--yes"]).done();
        assert_eq!(ended(&site, 0), Some(End::Revoked), "{absent}");
    }
}

#[test]
fn a_refresh_token_that_zoho_has_no_more_counts_as_revoked_and_that_is_said() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let refresh_token = site.zoho.newest_refresh_token("acme");
    site.zoho.revoke(&refresh_token);
    // Zoho gives no reason here, and until then none other is known.
    let told = site.verb(&["revoke", "acme", "--yes"]);
    let refused = told.failed(78);
    assert!(
        refused.contains("revoke-without-reason") && refused.contains("refresh acme"),
        "{refused}"
    );
    site.verb(&["refresh", "acme"]).failed(78);
    let told = site.verb(&["revoke", "acme", "--yes"]);
    assert!(
        told.done().contains("Zoho knew the refresh token no more"),
        "{told:?}"
    );
    serves_nothing(&site);
}

/// R4
#[test]
fn r4_a_refusal_of_another_cause_is_not_taken_for_success() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    for (fault, exit, says) in [
        (
            Fault::answer(400, r#"{"error":"Access Denied"}"#),
            75,
            "Access Denied",
        ),
        (
            Fault::answer(400, r#"{"error":"invalid_client"}"#),
            78,
            "invalid_client",
        ),
        (Fault::status(429), 75, "http-429"),
        (Fault::status(401), 78, "http-401"),
    ] {
        break_revoke(&site, 1, fault);
        let told = site.verb(&["revoke", "acme", "--yes"]);
        assert!(told.failed(exit).contains(says), "{told:?}");
        assert_eq!(site.token("acme"), token, "{says}");
        assert_eq!(site.status("acme")["grant"], "ok", "{says}");
    }
    // A bare 400, and the newer endpoint says no: that is no second piece of evidence.
    break_revoke(&site, 1, Fault::status(400));
    let denied = Fault::answer(401, r#"{"error":"invalid_client"}"#);
    let added = site
        .zoho
        .world
        .with(|zoho, _| zoho.add_fault("revoke-newer", Some(1), denied));
    added.expect("room");
    let told = site.verb(&["revoke", "acme", "--yes"]);
    let text = told.failed(78);
    assert!(
        text.contains("revoke-without-reason") && text.contains("refresh acme"),
        "{text}"
    );
    assert_eq!(site.token("acme"), token);
    site.verb(&["revoke", "acme", "--yes"]).done();
    assert_eq!(ended(&site, 0), Some(End::Revoked));
}

/// R4: where nobody knows, nothing is served, and it is asked again until somebody does.
#[test]
fn r4_a_revocation_whose_answer_is_lost_is_asked_for_again() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    break_revoke(&site, 1, Fault::answer_lost());
    let told = site.verb(&["revoke", "acme", "--yes"]);
    assert!(told.failed(75).contains("revoke-lost"), "{told:?}");
    assert_eq!(ended(&site, 0), Some(End::Revoked));
    serves_nothing(&site);
    assert_eq!(site.status("acme")["cause"], "revoking");
    wait_until("Zoho is asked again", SOON, || {
        notes(&site, "revoked").len() == 1
    });
    assert_eq!(site.status("acme")["cause"], Value::Null);
    assert_eq!(site.zoho.mints("acme"), 1);
}

/// R4, R7: kill -9 once Zoho has revoked, and before the daemon hears of it.
#[test]
fn r4_kill_9_after_zoho_has_revoked_leaves_nothing_that_is_used() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    break_revoke(&site, 1, Fault::delay_ms(3_000));
    thread::scope(|scope| {
        let waits = scope.spawn(|| site.verb(&["revoke", "acme", "--yes"]));
        wait_until("Zoho has revoked", SOON, || ended(&site, 0).is_some());
        daemon.kill();
        waits.join().expect("no panic").failed(75);
    });
    let _daemon = site.run();
    serves_nothing(&site);
    wait_until("it is settled", SOON, || notes(&site, "revoked").len() == 1);
    assert_eq!(site.zoho.mints("acme"), 1, "nobody used it again");
}

/// R4, R7: kill -9 when the wish is on the disk, and Zoho has not heard of it.
#[test]
fn r4_kill_9_before_zoho_has_revoked_leaves_nothing_that_is_forgotten() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    break_revoke(&site, None, Fault::instead(Instead::Hang));
    thread::scope(|scope| {
        let waits = scope.spawn(|| site.verb(&["revoke", "acme", "--yes"]));
        wait_until("it is begun", SOON, || {
            site.status("acme")["cause"] == "revoking"
        });
        wait_until("Zoho is asked", SOON, || {
            site.zoho.stats().traffic.revocations == 1
        });
        daemon.kill();
        waits.join().expect("no panic").failed(75);
    });
    site.zoho.heal();
    assert_eq!(ended(&site, 0), None);
    let _daemon = site.run();
    serves_nothing(&site);
    wait_until("the next start revokes", SOON, || {
        ended(&site, 0) == Some(End::Revoked)
    });
}

#[test]
fn forget_drops_ours_alone_and_says_where_to_end_it() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    site.zoho.away_for(Duration::from_secs(1));
    let told = site.verb(&["revoke", "acme", "--forget", "--yes"]);
    assert!(
        told.done().contains("API console") && told.stdout.contains("lives on"),
        "{told:?}"
    );
    serves_nothing(&site);
    daemon.kill();
    let _daemon = site.run();
    serves_nothing(&site);
    assert_eq!(ended(&site, 0), None);
    assert!(site.zoho.is_alive(&token.text));
    wait_until("Zoho is back", SOON, || site.enroll("acme").exit == 0);
    // The one that was forgotten still takes one of Zoho's places.
    assert_eq!(site.status("acme")["refresh_tokens"]["known"], 2);
    site.verb(&["revoke", "acme", "--old", "--forget", "--yes"])
        .done();
    assert_eq!(site.status("acme")["refresh_tokens"]["known"], 1);
    assert_eq!(site.status("acme")["grant"], "ok");
}

#[test]
fn an_org_that_left_the_config_is_revoked_from_the_shelf() {
    let (mut site, mut daemon) = Site::enrolled(Rules::default(), &["acme", "beta"]);
    site.config.orgs.remove("acme");
    site.write_config();
    site.verb(&["reload"]).done();
    let all = site.verb(&["status", "--all"]);
    assert!(all.done().contains("zoho-tokend revoke acme"), "{all:?}");
    daemon.kill();
    let _daemon = site.run();
    let told = site.verb(&["revoke", "acme", "--yes"]);
    assert_eq!(told.done(), "acme: revoked at Zoho, and forgotten\n");
    assert_eq!(ended(&site, 0), Some(End::Revoked));
    assert_eq!(ended(&site, 1), None);
    assert!(!site.verb(&["status", "--all"]).done().contains("acme"));
    let again = site.verb(&["revoke", "acme", "--yes"]);
    assert!(again.failed(78).contains("nothing-to-revoke"), "{again:?}");
    let nobody = site.verb(&["revoke", "nobody", "--yes"]);
    assert!(
        nobody.failed(78).contains("no org of this name"),
        "{nobody:?}"
    );
}

#[test]
fn an_org_whose_revocation_was_cut_off_is_revoked_after_it_left_the_config() {
    let (mut site, mut daemon) = Site::enrolled(Rules::default(), &["acme", "beta"]);
    break_revoke(&site, 1, Fault::status(503));
    site.verb(&["revoke", "acme", "--yes"]).failed(75);
    daemon.kill();
    site.config.orgs.remove("acme");
    site.write_config();
    let _daemon = site.run();
    wait_until("it is revoked", SOON, || {
        ended(&site, 0) == Some(End::Revoked)
    });
}

#[test]
fn a_parameter_that_the_contract_does_not_have_is_refused() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    for query in ["?force=true", "?forget=1", "?forget=true&forget=true"] {
        let target = format!("/v1/orgs/acme/enrollment{query}");
        let reply = site.ask(&Request::new("DELETE", &target));
        assert_eq!(
            (reply.status, &*reply.code()),
            (400, "bad-request"),
            "{query}"
        );
    }
    assert_eq!(site.status("acme")["grant"], "ok");
}
