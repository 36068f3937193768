//! `verify = true`: Zoho's API says whose org a grant is, before readers have its first token (S4).

use std::time::{Duration, Instant};

use serde_json::json;
use zoho_tokend::base::Environment;
use zoho_tokend::stand_in::{Consent, Fault, Instead, ON_CRM, Org, Rules};

use crate::daemon::Ended;
use crate::site::Site;
use crate::wait::{SOON, wait_until};
use crate::zoho::client_id;

/// What `verify` needs beside what the jobs do.
const SCOPES: &str = "ZohoCRM.modules.ALL,ZohoCRM.org.READ";

pub(crate) fn asking(lines: &str) -> String {
    format!("verify = true\nscopes = [\"ZohoCRM.modules.ALL\", \"ZohoCRM.org.READ\"]\n{lines}")
}

/// A site with one org, `acme`, and these lines beside `verify`; not enrolled.
fn site(lines: &str) -> Site {
    let mut site = Site::new(Rules::default(), &["acme"]);
    site.config.orgs.insert("acme".into(), asking(lines));
    site.write_config();
    site
}

/// What a person consents to for that org of Zoho's.
pub(crate) fn consent(site: &Site, zoho_org: &str, environment: Environment) -> Consent {
    let path = match environment {
        Environment::Production => String::new(),
        other => format!("/{other}"),
    };
    let place = Org {
        id: zoho_org.to_owned(),
        environment,
        api_domain: site.zoho.url() + &path,
    };
    Consent::new(&client_id("acme"), SCOPES, place)
}

fn enroll(site: &Site, zoho_org: &str) -> Ended {
    let code = site
        .zoho
        .code_for(consent(site, zoho_org, Environment::Production));
    site.enroll_with("acme", &code)
}

fn break_api(site: &Site, times: impl Into<Option<u32>>, fault: Fault) {
    let times = times.into();
    let added = site
        .zoho
        .world
        .with(|zoho, _| zoho.add_fault(ON_CRM, times, fault));
    added.expect("room");
}

/// Nobody can read anything, on the socket or in the files.
#[track_caller]
pub(crate) fn assert_dark(site: &Site) {
    let reply = site.get("/v1/orgs/acme/token");
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(site.file("acme", "access_token"), None);
}

#[test]
fn s4_the_org_is_told_at_enroll_and_in_status_and_asked_for_once() {
    let site = site("");
    let mut daemon = site.run();
    let told = enroll(&site, "60012345");
    assert!(
        told.done().contains("org         60012345 (Zylker)"),
        "{told:?}"
    );
    let status = site.status("acme");
    assert_eq!(
        (&status["binding"], &status["org_id"], &status["org_name"]),
        (&json!("verified"), &json!("60012345"), &json!("Zylker"))
    );
    let shown = site.verb(&["status", "acme"]);
    assert!(
        shown.done().contains("Zoho's org: 60012345 (Zylker)"),
        "{shown:?}"
    );
    for _ in 0..2 {
        site.verb(&["refresh", "acme"]).done();
    }
    daemon.kill();
    let _daemon = site.run();
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.status("acme")["org_id"], "60012345");
    let asked = site.zoho.stats().traffic;
    assert_eq!((asked.crm_let_in, asked.crm_refused.len()), (1, 0));
}

/// Until the API has answered nobody has the token, whoever asks.
#[test]
fn s4_no_reader_has_the_first_token_before_the_api_has_answered() {
    let site = site("");
    let _daemon = site.run();
    break_api(&site, 1, Fault::delay_ms(1_500));
    std::thread::scope(|scope| {
        let enrolls = scope.spawn(|| enroll(&site, "60012345"));
        wait_until("the API is asked", SOON, || {
            site.zoho.stats().traffic.crm_let_in == 1
        });
        assert_eq!(site.zoho.mints("acme"), 1, "Zoho has granted");
        assert_dark(&site);
        assert_eq!(site.status("acme")["grant"], "unenrolled");
        enrolls.join().expect("no panic").done();
    });
    assert!(site.file("acme", "access_token").is_some());
}

/// Where Zoho's answer leaves `api_domain` out, the API's refusal is all that tells a grant of elsewhere.
#[test]
fn s4_a_grant_whose_fresh_token_the_api_does_not_know_is_refused() {
    let site = site("");
    let _daemon = site.run();
    let unknown = r#"{"code":"INVALID_TOKEN","details":{},"message":"no","status":"error"}"#;
    break_api(&site, 1, Fault::answer(401, unknown));
    let refused = enroll(&site, "60012345");
    let told = refused.failed(78);
    assert!(
        told.contains("wrong-place") && told.contains("refuses the new token (INVALID_TOKEN"),
        "{told}"
    );
    assert_dark(&site);
}

#[test]
fn s4_a_grant_of_another_org_is_refused_and_the_older_one_serves_on() {
    let site = site("");
    let mut daemon = site.run();
    enroll(&site, "60012345").done();
    let token = site.token("acme");
    daemon.kill();
    let _daemon = site.run();
    let refused = enroll(&site, "60099999");
    let told = refused.failed(78);
    for part in [
        "wrong-org",
        "of org 60099999 (Zylker)",
        "has stood for org 60012345 (Zylker)",
        "write its id as `org_id` of org acme",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert_eq!(site.token("acme"), token);
    assert_eq!(site.status("acme")["org_id"], "60012345");
    assert_eq!(site.status("acme")["grant"], "ok");
}

#[test]
fn an_org_that_is_meant_from_now_on_is_accepted_by_its_id() {
    let mut site = site("");
    let _daemon = site.run();
    enroll(&site, "60012345").done();
    enroll(&site, "60099999").failed(78);
    site.config
        .orgs
        .insert("acme".into(), asking("org_id = \"60099999\""));
    site.write_config();
    site.verb(&["reload"]).done();
    let status = site.status("acme");
    assert_eq!(
        (&status["grant"], &status["cause"], &status["token"]),
        (
            &json!("misconfigured"),
            &json!("config-contradicts-grant"),
            &json!("none")
        )
    );
    assert_dark(&site);
    enroll(&site, "60099999").done();
    assert_eq!(site.status("acme")["org_id"], "60099999");
    enroll(&site, "60012345").failed(78);
}

#[test]
fn s4_the_configs_org_id_is_compared_in_all_its_spellings() {
    for (org_id, is_it) in [
        ("60012345", true),
        ("org60012345", true),
        ("600123450000033001", true),
        ("60012346", false),
    ] {
        let site = site(&format!("org_id = \"{org_id}\""));
        let _daemon = site.run();
        let ended = enroll(&site, "60012345");
        if is_it {
            ended.done();
        } else {
            assert!(ended.failed(78).contains("the config pins org_id 60012346"));
            assert_dark(&site);
        }
    }
}

/// The API's absence is no evidence: what each of its answers costs, and what `status` says.
#[test]
fn r2_an_api_that_does_not_tell_costs_readers_nothing() {
    let denied = |status, code: &str| {
        let body = format!(r#"{{"code":"{code}","details":{{}},"message":"no","status":"error"}}"#);
        Fault::answer(status, body)
    };
    let cases = [
        (
            denied(401, "OAUTH_SCOPE_MISMATCH"),
            "OAUTH_SCOPE_MISMATCH",
            "ZohoCRM.org.READ",
        ),
        (denied(403, "NO_PERMISSION"), "NO_PERMISSION", "profile"),
        (Fault::status(503), "http-503", "reaches the API"),
        (
            Fault::instead(Instead::Close),
            "connection-lost",
            "reaches the API",
        ),
        (Fault::instead(Instead::Hang), "timeout", "reaches the API"),
        (Fault::instead(Instead::Html), "html", "reaches the API"),
        (
            Fault::instead(Instead::Huge { bytes: 1 << 20 }),
            "answer-too-long",
            "reaches the API",
        ),
        (
            Fault::redirect(302, "/crm/v8/org"),
            "http-302",
            "reaches the API",
        ),
    ];
    let mut site = site("");
    site.config.refresh = "timeout = \"1s\"".into();
    site.write_config();
    let _daemon = site.run();
    for (fault, code, cure) in cases {
        break_api(&site, 1, fault);
        let told = enroll(&site, "60012345");
        assert!(
            told.done().contains(&format!(
                "unverified  Zoho's API has not told which org this is ({code}"
            )),
            "{told:?}"
        );
        let status = site.status("acme");
        assert_eq!(
            (&status["token"], &status["grant"]),
            (&json!("fresh"), &json!("ok"))
        );
        assert_eq!(status["binding"], "unverified");
        let detail = status["binding_detail"].as_str().expect("a text");
        assert!(detail.contains(cure), "{cure} is not in {detail}");
    }
    assert_eq!(
        site.zoho.stats().traffic.strays,
        0,
        "no redirect was followed"
    );
    // And with the next token it tells.
    site.verb(&["refresh", "acme"]).done();
    wait_until("it is asked again", SOON, || {
        site.status("acme")["binding"] == "verified"
    });
}

#[test]
fn s4_a_contradiction_that_comes_late_takes_token_and_files_within_a_second() {
    let site = site("org_id = \"60012345\"");
    let mut daemon = site.run();
    break_api(&site, 1, Fault::status(503));
    enroll(&site, "60099999").done();
    assert!(site.file("acme", "access_token").is_some());
    // The next start asks about the token that is out.
    daemon.kill();
    let mut daemon = site.run();
    wait_until("it is found out", SOON, || {
        site.status("acme")["grant"] == "quarantined"
    });
    let found = Instant::now();
    wait_until("the files are gone", SOON, || {
        site.file("acme", "access_token").is_none()
    });
    assert!(
        found.elapsed() < Duration::from_secs(1),
        "{:?}",
        found.elapsed()
    );
    assert_dark(&site);
    let status = site.status("acme");
    assert_eq!(status["cause"], "wrong-org");
    assert!(
        status["cure"]
            .as_str()
            .expect("a text")
            .contains("`org_id`"),
        "{status}"
    );
    // What is not on the disk yet the next start would have to find out again.
    wait_until("it is kept", SOON, || {
        site.verb(&["history", "acme"])
            .done()
            .contains("quarantined")
    });
    daemon.kill();
    let _daemon = site.run();
    assert_dark(&site);
    let refused = site.verb(&["refresh", "acme"]);
    assert!(refused.failed(78).contains("wrong-org"), "{refused:?}");
    assert_dark(&site);
    enroll(&site, "60012345").done();
    assert_eq!(site.status("acme")["grant"], "ok");
}

/// A `type` that is not the config's, although the token works at the configured host.
#[test]
fn s4_the_apis_word_on_the_environment_counts() {
    let site = site("");
    let _daemon = site.run();
    break_api(&site, 1, Fault::set("type", "Sandbox"));
    let refused = enroll(&site, "60012345");
    let told = refused.failed(78);
    assert!(
        told.contains("wrong-place") && told.contains("the sandbox org 60012345"),
        "{told}"
    );
    assert_dark(&site);
}

/// S3: the token of the question goes to the configured host alone, whatever Zoho names.
#[test]
fn s3_the_api_is_asked_at_the_tables_host_and_nowhere_else() {
    let site = site("");
    let _daemon = site.run();
    site.zoho.break_for(
        "acme",
        1,
        Fault::set("api_domain", "http://127.0.0.1:1/elsewhere"),
    );
    enroll(&site, "60012345").done();
    let status = site.status("acme");
    assert_eq!(status["api_domain"], site.zoho.url());
    assert_eq!(
        status["org_id"], "60012345",
        "it was asked where the table says"
    );
    assert!(
        status["warnings"].to_string().contains("no table knows"),
        "{status}"
    );
}
