//! Zoho's limits from outside: thirty refreshes by force, and twenty refresh tokens of one client.

use zoho_tokend::stand_in::{End, Rules};

use crate::daemon::Daemon;
use crate::http::Request;
use crate::site::Site;

/// R3
#[test]
fn r3_thirty_forced_refreshes_in_a_row_never_bring_a_throttle() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let refresh = Request::post("/v1/orgs/acme/refresh", "");
    let statuses: Vec<u16> = (0..30).map(|_| site.ask(&refresh).status).collect();
    let done = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(
        done, 9,
        "ten in ten minutes, the enrolment's own included: {statuses:?}"
    );
    assert!(
        statuses[9..].iter().all(|status| *status == 503),
        "{statuses:?}"
    );
    let counts = site.zoho.counts("acme");
    assert_eq!((counts.refusals, counts.mints), (0, 10));
    assert_eq!(site.status("acme")["grant"], "ok");
}

/// So many orgs, all of the first one's client, enrolled in their order.
fn of_one_client(count: usize) -> (Site, Daemon) {
    let names: Vec<String> = (1..=count).map(|n| format!("org-{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rules = Rules {
        exchanges_max: 100,
        ..Rules::default()
    };
    let mut site = Site::new(rules, &names);
    for org in &names[1..] {
        let client = "client = \"org-01\"".to_owned();
        site.config.orgs.insert((*org).to_owned(), client);
    }
    site.write_config();
    let daemon = site.run();
    for org in names {
        enroll(&site, org);
    }
    (site, daemon)
}

#[track_caller]
fn enroll(site: &Site, org: &str) -> String {
    let code = site.zoho.code("org-01");
    site.enroll_with(org, &code).done().to_owned()
}

/// The slot accountant: `enroll` counts, `status` warns, and what dies all the same is told why.
#[test]
fn the_21st_refresh_token_of_a_client_does_not_come_as_a_surprise() {
    let (site, mut daemon) = of_one_client(16);
    let quiet = site.verb(&["status"]);
    assert!(
        !quiet.done().contains("refresh tokens that Zoho keeps"),
        "{quiet:?}"
    );
    let told = enroll(&site, "org-16");
    assert!(
        told.contains("refresh tokens of this client  17 of 20 (16 before)"),
        "{told}"
    );
    let warned = |site: &Site| site.verb(&["status"]).done().to_owned();
    let told = warned(&site);
    assert!(
        told.contains("17 of the 20") && told.contains("that of org org-01"),
        "{told}"
    );
    daemon.kill();
    let _daemon = site.run();
    assert!(warned(&site).contains("17 of the 20"), "it is in the state");
    // Its grant is revoked: the next oldest is named.
    site.verb(&["revoke", "org-01", "--yes"]).done();
    assert!(!warned(&site).contains("refresh tokens that Zoho keeps"));
    for org in ["org-01", "org-16", "org-16"] {
        enroll(&site, org);
    }
    assert!(
        warned(&site).contains("that of org org-02"),
        "{}",
        warned(&site)
    );
    // Somebody else enrolls with the same client, until Zoho deletes the oldest.
    for _ in 0..2 {
        site.zoho.refresh_token("org-01");
    }
    let deleted = site.zoho.stats().grants;
    let deleted = deleted
        .iter()
        .filter(|grant| grant.ended == Some(End::Deleted));
    assert_eq!(deleted.count(), 1);
    let told = site.verb(&["refresh", "org-02"]);
    assert!(told.failed(78).contains("invalid_code"), "{told:?}");
    let cure = site.status("org-02")["cure"].to_string();
    assert!(
        cure.contains("21st refresh token") && cure.contains("enroll org-02"),
        "{cure}"
    );
}
