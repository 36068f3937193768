//! What a newer enrolment leaves behind: the older refresh token, until the new one has minted and Zoho has revoked it.

use serde_json::json;
use zoho_tokend::stand_in::{Consent, End, Fault, Rules};

use crate::revoke::{break_revoke, ended, notes};
use crate::site::Site;
use crate::wait::{SOON, wait_until};
use crate::zoho::Zoho;

/// R4: the older refresh token is kept until the new one has minted, and revoked then.
#[test]
fn r4_a_replaced_refresh_token_is_revoked_once_the_new_one_has_minted() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let told = site.enroll("acme");
    assert!(told.done().contains("refresh tokens"), "{told:?}");
    assert_eq!(site.status("acme")["refresh_tokens"]["known"], 2);
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(ended(&site, 0), None, "it is what there is to fall back on");
    site.verb(&["refresh", "acme"]).done();
    wait_until("the older one is revoked", SOON, || {
        ended(&site, 0) == Some(End::Revoked)
    });
    assert_eq!(ended(&site, 1), None);
    wait_until("that is known", SOON, || {
        site.status("acme")["refresh_tokens"]["known"] == 1
    });
    assert_eq!(site.status("acme")["grant"], "ok");
    assert!(site.zoho.is_alive(&site.token("acme").text));
}

#[test]
fn a_replaced_refresh_token_that_is_to_be_kept_lives_on_and_is_counted() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let code = site.zoho.code("acme");
    site.verb_with(&["enroll", "acme", "--keep-old"], &code)
        .done();
    site.verb(&["refresh", "acme"]).done();
    wait_until("it is let go", SOON, || {
        let told = site.verb(&["revoke", "acme", "--old", "--yes"]);
        told.exit == 78 && told.stderr.contains("nothing-to-revoke")
    });
    assert_eq!(ended(&site, 0), None);
    assert_eq!(site.status("acme")["refresh_tokens"]["known"], 2);
}

#[test]
fn a_refresh_token_that_is_taken_over_again_is_not_revoked() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    let mine = site.zoho.refresh_token("acme");
    for _ in 0..2 {
        site.verb_with(&["enroll", "acme", "--refresh-token"], &mine)
            .done();
        site.verb(&["refresh", "acme"]).done();
    }
    // Another in between, and back before that one has minted.
    site.enroll("acme").done();
    site.verb_with(&["enroll", "acme", "--refresh-token"], &mine)
        .done();
    wait_until("the one in between is revoked", SOON, || {
        ended(&site, 1) == Some(End::Revoked)
    });
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(ended(&site, 0), None);
}

/// Whatever becomes of the revocation, the org's own tokens do not feel it.
#[test]
fn a_revocation_that_fails_is_told_and_endangers_no_token() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    break_revoke(&site, None, Fault::status(503));
    site.enroll("acme").done();
    site.verb(&["refresh", "acme"]).done();
    wait_until("it is told", SOON, || {
        let status = site.status("acme");
        status["warnings"]
            .to_string()
            .contains("is to be revoked at Zoho and is not yet")
    });
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.status("acme")["grant"], "ok");
    site.zoho.heal();
    wait_until("it is tried again", SOON, || {
        ended(&site, 0) == Some(End::Revoked)
    });
    wait_until("all is well", SOON, || {
        site.status("acme")["warnings"] == json!([])
    });
}

#[test]
fn a_refresh_token_that_another_org_lives_on_is_not_revoked() {
    let mut site = Site::new(Rules::default(), &["acme", "twin"]);
    site.config
        .orgs
        .insert("twin".into(), "client = \"acme\"".into());
    site.write_config();
    let _daemon = site.run();
    let shared = site.zoho.refresh_token("acme");
    for org in ["acme", "twin"] {
        site.verb_with(&["enroll", org, "--refresh-token"], &shared)
            .done();
    }
    let told = site.verb(&["revoke", "acme", "--yes"]);
    let text = told.failed(78);
    assert!(text.contains("twin") && text.contains("--forget"), "{text}");
    // A new grant for one of them leaves the other's alone.
    site.enroll("acme").done();
    site.verb(&["refresh", "acme"]).done();
    wait_until("it is let go", SOON, || {
        notes(&site, "revoke")
            .iter()
            .any(|note| note.contains("an org uses it"))
    });
    site.verb(&["refresh", "twin"]).done();
    assert_eq!(ended(&site, 0), None);
    site.verb(&["revoke", "twin", "--yes"]).done();
    assert_eq!(ended(&site, 0), Some(End::Revoked));
    assert_eq!(site.status("acme")["grant"], "ok");
}

/// S3: also where the org has moved to another data center since.
#[test]
fn s3_a_replaced_refresh_token_goes_to_its_own_data_center_and_to_no_other() {
    let elsewhere = Zoho::start(Rules::default(), &["acme"]);
    // Else its first one would be the very token that the other server has made.
    elsewhere.refresh_token("acme");
    let (mut site, _daemon) = Site::enrolled(Rules::default(), &["acme", "beta"]);
    let url = elsewhere.url();
    site.config.more = format!(
        "[data_centers.far]\naccounts_url = \"{url}\"\napi_domains = {{ production = \"{url}\" }}\n"
    );
    let lines = "data_center = \"far\"";
    site.config.orgs.insert("acme".into(), lines.into());
    site.write_config();
    site.verb(&["reload"]).done();
    site.enroll_with("acme", &elsewhere.code("acme")).done();
    site.verb(&["refresh", "acme"]).done();
    wait_until("it is revoked", SOON, || {
        ended(&site, 0) == Some(End::Revoked)
    });
    let alive = elsewhere.stats().grants;
    assert!(alive.iter().all(|own| own.ended.is_none()), "{alive:?}");
    site.verb(&["refresh", "beta"]).done();
}

/// What Zoho made for a code that is refused nobody would use, and it would take a place.
#[test]
fn the_refresh_token_of_a_refused_enrolment_is_revoked() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let narrow = site.zoho.code_for(Consent {
        scope: "ZohoCRM.settings.READ".to_owned(),
        ..site.zoho.consent("acme")
    });
    site.enroll_with("acme", &narrow).failed(78);
    wait_until("it is revoked", SOON, || {
        ended(&site, 1) == Some(End::Revoked)
    });
    assert_eq!(ended(&site, 0), None);
    assert_eq!(site.status("acme")["grant"], "ok");
}
