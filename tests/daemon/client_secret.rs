//! Client credentials where a person has a part in it: the secret that `enroll` takes, and the change from another grant.

use serde_json::json;
use zoho_tokend::stand_in::Rules;

use crate::client_credentials::{SOID, allow, calls, first_token, is_in_state, lines, site};
use crate::http::Request;
use crate::site::Site;
use crate::zoho::client_secret;

/// A site with `acme`, whose client's secret is left to the enrolment.
fn secretless() -> Site {
    let mut site = site(Rules::default());
    site.config.secretless = vec!["acme".into()];
    site.write_config();
    site
}

/// S1
#[test]
fn s1_a_secret_that_is_left_to_the_enrolment_is_all_that_enroll_asks_for() {
    let site = secretless();
    let mut daemon = site.run();
    let status = site.status("acme");
    assert_eq!(status["grant"], "unenrolled");
    let cure = status["cure"].as_str().expect("a cure");
    assert!(cure.contains("`zoho-tokend enroll acme`"), "{cure}");
    assert!(!cure.contains("grant token"), "{cure}");
    assert_eq!(calls(&site), 0);

    let ended = site.verb_with(&["enroll", "acme"], "");
    assert!(ended.failed(65).contains("client secret"), "{ended:?}");
    let ended = site.verb_with(&["enroll", "acme"], "wr0ngwr0ngwr0ngwr0ngwr0ng\n");
    let told = ended.failed(78);
    assert!(told.contains("invalid_client_secret"), "{told}");
    assert!(!told.contains("wr0ng"), "{told}");
    assert_eq!(site.status("acme")["grant"], "unenrolled");

    let secret = client_secret("acme");
    let ended = site.verb_with(&["enroll", "acme"], &secret);
    assert!(ended.done().starts_with("acme: enrolled\n"), "{ended:?}");
    let token = site.token("acme");
    daemon.kill();
    let mut daemon = site.run();
    assert_eq!(site.token("acme"), token);
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.zoho.mints("acme"), 2);
    // Again, with the secret that is sealed now.
    site.verb_with(&["enroll", "acme"], "").done();
    assert_eq!(daemon.stop(), 0);
    assert!(!is_in_state(&site, &secret));
}

#[test]
fn a_secret_that_comes_to_the_config_later_counts_before_the_sealed_one() {
    let mut site = secretless();
    let _daemon = site.run();
    site.verb_with(&["enroll", "acme"], &client_secret("acme"))
        .done();
    let token = site.token("acme");
    site.write("acme.secret", "wr0ngwr0ngwr0ngwr0ngwr0ng");
    site.config.secretless.clear();
    site.write_config();
    site.verb(&["reload"]).done();
    assert_eq!(site.token("acme"), token, "and costs nothing");
    let ended = site.verb(&["refresh", "acme"]);
    assert!(
        ended.failed(78).contains("invalid_client_secret"),
        "{ended:?}"
    );
}

#[test]
fn enroll_with_a_secret_in_the_config_proves_it_with_one_mint_and_takes_no_line() {
    let site = site(Rules::default());
    let _daemon = site.run();
    first_token(&site, "acme");
    let ended = site.verb_with(&["enroll", "acme"], "1000.code\n");
    assert!(ended.done().starts_with("acme: enrolled\n"), "{ended:?}");
    assert!(ended.stderr.contains("was not used"), "{ended:?}");
    assert_eq!(site.zoho.mints("acme"), 2);
}

#[test]
fn a_grant_token_or_a_refresh_token_is_refused_before_zoho_is_asked() {
    let site = site(Rules::default());
    let _daemon = site.run();
    let token = first_token(&site, "acme");
    let ended = site.verb_with(&["enroll", "acme", "--refresh-token"], "1000.refresh");
    let told = ended.failed(78);
    assert!(told.contains("takes the client's secret alone"), "{told}");
    let body = r#"{"kind":"code","code":"1000.code"}"#;
    let reply = site.ask(&Request::post("/v1/orgs/acme/enrollment", body));
    assert_eq!((reply.status, reply.code().as_str()), (422, "refused"));
    assert_eq!(calls(&site), 1);
    assert_eq!(site.token("acme"), token);
}

/// R4: a word in the config does not end a refresh token; an enrolment that Zoho has confirmed does.
#[test]
fn r4_an_enrolled_org_becomes_one_with_client_credentials_by_enroll_and_not_by_the_config_alone() {
    let (mut site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    allow(&site, "acme", SOID, "");
    let token = site.token("acme");
    let usual = site.config.orgs.insert("acme".into(), lines(SOID));
    site.write_config();
    site.verb(&["reload"]).done();
    let status = site.status("acme");
    assert_eq!(status["grant"], "misconfigured");
    assert_eq!(status["cause"], "config-contradicts-grant");
    assert_eq!(site.get("/v1/orgs/acme/token").status, 503);
    let by_right = site
        .config
        .orgs
        .insert("acme".into(), usual.expect("it was there"));
    site.write_config();
    site.verb(&["reload"]).done();
    assert_eq!(site.token("acme"), token, "as it was");

    site.config
        .orgs
        .insert("acme".into(), by_right.expect("it was there"));
    site.write_config();
    site.verb(&["reload"]).done();
    site.verb_with(&["enroll", "acme"], "").done();
    let status = site.status("acme");
    assert_eq!(
        (&status["grant"], &status["token"]),
        (&json!("ok"), &json!("fresh"))
    );
    let history = site.verb(&["history", "acme"]);
    assert!(history.done().contains("client credentials"), "{history:?}");
}
