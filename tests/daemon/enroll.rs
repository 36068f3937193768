//! Enrolments that must not be, each told apart; and the other ways to bring a grant.

use std::time::Duration;

use serde_json::json;
use zoho_tokend::stand_in::{Consent, Fault, Rules};

use crate::http::{Line, Request};
use crate::site::{Site, Token};
use crate::wait::{SOON, wait_until};
use crate::zoho::{Zoho, client_secret};

/// A grant token that must be refused, and what the refusal must say.
struct Bad {
    what: &'static str,
    make: fn(&Zoho) -> String,
    says: &'static [&'static str],
}

const NEW_ONE: &str = "make a new one at";

const BAD: [Bad; 6] = [
    Bad {
        what: "expired",
        make: |zoho| {
            let at_once = Some(Duration::ZERO);
            zoho.code_for(Consent {
                code_life: at_once,
                ..zoho.consent("acme")
            })
        },
        says: &["invalid_code", "has expired", NEW_ONE],
    },
    Bad {
        what: "used",
        make: |zoho| {
            // Used by the same client elsewhere: all that Zoho tells is that it is no good.
            let code = zoho.code("acme");
            exchange(zoho, &code);
            code
        },
        says: &["invalid_code", "has been used before", NEW_ONE],
    },
    Bad {
        what: "of another client",
        make: |zoho| zoho.code("beta"),
        says: &["invalid_code", "of another client", NEW_ONE, "client acme"],
    },
    Bad {
        what: "no code at all",
        make: |_| "1000.nonsense".to_owned(),
        says: &["invalid_code", NEW_ONE],
    },
    Bad {
        what: "of too narrow a scope",
        make: |zoho| {
            let narrow = "ZohoCRM.settings.READ".to_owned();
            zoho.code_for(Consent {
                scope: narrow,
                ..zoho.consent("acme")
            })
        },
        says: &["scope-too-narrow", "ZohoCRM.modules.ALL", "all of `scopes`"],
    },
    Bad {
        what: "of another environment",
        make: |zoho| {
            let mut consent = zoho.consent("acme");
            consent.org.api_domain.push_str("/sandbox");
            zoho.code_for(consent)
        },
        says: &[
            "wrong-place",
            "sandbox",
            "production",
            "correct `environment`",
        ],
    },
];

fn exchange(zoho: &Zoho, code: &str) {
    let form = format!(
        "grant_type=authorization_code&client_id=1000.ACME&client_secret={}&code={code}",
        client_secret("acme")
    );
    let params = zoho_tokend::stand_in::Params::parse(form.as_bytes());
    let reply = zoho.world.with(|zoho, now| zoho.token(&params, now));
    assert!(reply.text().contains("access_token"), "{reply:?}");
}

#[track_caller]
fn refused(site: &Site, bad: &Bad) {
    let ended = site.enroll_with("acme", &(bad.make)(&site.zoho));
    let told = ended.failed(78);
    for part in bad.says {
        assert!(told.contains(part), "{}: no {part:?} in {told}", bad.what);
    }
    assert_eq!(told.lines().count(), 1, "{told}");
}

/// R4: nothing of a refused enrolment is stored.
#[test]
fn r4_a_bad_grant_token_is_told_apart_and_stores_nothing() {
    let site = Site::new(Rules::default(), &["acme", "beta"]);
    let mut daemon = site.run();
    for bad in &BAD {
        refused(&site, bad);
        let status = site.status("acme");
        let is = (&status["grant"], &status["token"], &status["generation"]);
        assert_eq!(
            is,
            (&json!("unenrolled"), &json!("none"), &json!(null)),
            "{}",
            bad.what
        );
    }
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(site.status("acme")["grant"], "unenrolled");
    let listed = site.get("/v1/orgs?all=true").json();
    assert_eq!(listed["orgs"].as_array().map(Vec::len), Some(2));
    assert!(site.file("acme", "header").is_none());
}

/// R4: the older enrolment stays as it was, over a restart too.
#[test]
fn r4_a_bad_grant_token_leaves_an_older_enrolment_as_it_was() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme", "beta"]);
    let token = site.token("acme");
    for bad in &BAD {
        refused(&site, bad);
        assert_eq!(site.token("acme"), token, "{}", bad.what);
        assert_eq!(site.status("acme")["grant"], "ok", "{}", bad.what);
    }
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(site.token("acme"), token);
    // The grant that is left is the first one, and it works.
    let first = site.zoho.stats().grants.remove(0);
    site.verb(&["refresh", "acme"]).done();
    let now = site.zoho.stats().grants.remove(0);
    assert_eq!(now.counts.mints, first.counts.mints + 1);
}

#[test]
fn a_second_good_grant_token_takes_the_place_of_the_first() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let old = site.token("acme");
    let told = site.enroll("acme");
    assert!(
        told.done()
            .contains("is revoked at Zoho after the next refresh"),
        "{told:?}"
    );
    assert_eq!(site.status("acme")["replaced_is_revoked"], "after-refresh");
    let new = site.token("acme");
    assert!(new.generation > old.generation);
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(site.token("acme"), new);
    site.verb(&["refresh", "acme"]).done();
    let mints: Vec<u64> = site
        .zoho
        .stats()
        .grants
        .iter()
        .map(|grant| grant.counts.mints)
        .collect();
    assert_eq!(mints, [1, 2], "the new grant is the one that is used");
}

#[test]
fn a_refresh_token_that_one_already_has_is_taken_over_with_one_mint() {
    let site = Site::new(Rules::default(), &["acme"]);
    let mut daemon = site.run();
    let refresh_token = site.zoho.refresh_token("acme");
    let told = site.verb_with(&["enroll", "acme", "--refresh-token"], &refresh_token);
    assert!(told.done().starts_with("acme: enrolled\n"), "{told:?}");
    assert_eq!(site.zoho.mints("acme"), 1);
    let token = site.token("acme");
    assert!(site.zoho.is_alive(&token.text));
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(site.token("acme"), token);
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.zoho.mints("acme"), 2);
}

/// R3: the same refresh token is the same lane, however often it is brought.
#[test]
fn r3_a_refresh_token_brought_twice_is_counted_in_one_ledger() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    let refresh_token = site.zoho.refresh_token("acme");
    for left in [9, 8, 7] {
        site.verb_with(&["enroll", "acme", "--refresh-token"], &refresh_token)
            .done();
        assert_eq!(site.status("acme")["mints_left"], left);
    }
}

#[test]
fn a_refresh_token_that_is_none_is_refused_and_leaves_what_was() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme", "beta"]);
    let token = site.token("acme");
    let beta = site.zoho.refresh_token("beta");
    for wrong in ["1000.nonsense", &token.text, &beta] {
        let ended = site.verb_with(&["enroll", "acme", "--refresh-token"], wrong);
        let told = ended.failed(78);
        assert!(told.contains("not an access token"), "{told}");
        assert!(!told.contains(wrong), "{told}");
        assert_eq!(site.token("acme"), token);
    }
}

/// S1: a secret that is taken at the enrolment is sealed, and used from then on.
#[test]
fn s1_a_client_secret_is_asked_for_sealed_and_survives_a_restart() {
    let mut site = Site::new(Rules::default(), &["acme"]);
    site.config.secretless = vec!["acme".into()];
    site.write_config();
    let mut daemon = site.run();
    let code = site.zoho.code("acme");

    let ended = site.enroll_with("acme", &code);
    assert!(ended.failed(65).contains("client secret"), "{ended:?}");
    assert_eq!(
        site.zoho.stats().traffic.token_calls,
        0,
        "the code is still good"
    );
    let secret = client_secret("acme");
    site.enroll_with("acme", &format!("{code}\n{secret}\n"))
        .done();

    daemon.kill();
    let mut daemon = site.run();
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.zoho.mints("acme"), 2);
    assert_eq!(daemon.stop(), 0);
    for entry in std::fs::read_dir(site.path("state")).expect("it is there") {
        let path = entry.expect("readable").path();
        let bytes = std::fs::read(&path).expect("a file");
        let is_in = bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!is_in, "{} holds the secret in clear", path.display());
    }
}

#[test]
fn a_wrong_client_secret_is_told_as_that_and_the_code_is_still_good() {
    let mut site = Site::new(Rules::default(), &["acme"]);
    site.config.secretless = vec!["acme".into()];
    site.write_config();
    let _daemon = site.run();
    let code = site.zoho.code("acme");
    let ended = site.enroll_with("acme", &format!("{code}\nwr0ngwr0ngwr0ngwr0ngwr0ng\n"));
    let told = ended.failed(78);
    assert!(told.contains("invalid_client_secret"), "{told}");
    assert!(!told.contains("wr0ng"), "{told}");
    site.enroll_with("acme", &format!("{code}\n{}", client_secret("acme")))
        .done();
    // And again, with the secret that is sealed now.
    site.enroll("acme").done();
}

#[test]
fn zoho_out_of_reach_is_no_fault_of_the_grant_token() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    let code = site.zoho.code("acme");
    site.zoho.away_for(Duration::from_millis(500));
    let ended = site.enroll_with("acme", &code);
    let told = ended.failed(69);
    assert!(
        told.contains("connect") && told.contains("the same grant token works"),
        "{told}"
    );
    assert_eq!(site.status("acme")["grant"], "unenrolled");
    wait_until("Zoho is back, and takes the same code", SOON, || {
        site.enroll_with("acme", &code).exit == 0
    });
}

/// R4: throttling is never taken for a bad grant.
#[test]
fn r4_a_throttled_enrolment_is_for_later() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    let denied = r#"{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}"#;
    site.zoho.break_for("acme", 1, Fault::answer(400, denied));
    let ended = site.enroll("acme");
    let told = ended.failed(75);
    for part in [
        "Access Denied: Zoho throttles",
        "; wait 10 minutes, and stop",
        "new grant token",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert!(
        !told.contains("current token") && !told.contains("600 s"),
        "{told}"
    );
    let notes = site.verb(&["history", "acme"]);
    assert!(
        notes.done().contains("enrolment refused: Access Denied"),
        "{notes:?}"
    );
    assert_eq!(site.status("acme")["grant"], "unenrolled");
}

#[test]
fn an_org_that_the_config_does_not_have_cannot_be_enrolled() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    let ended = site.enroll_with("nobody", "1000.code");
    assert!(ended.failed(78).contains("[orgs.nobody]"), "{ended:?}");
    assert_eq!(site.zoho.stats().traffic.token_calls, 0);
}

#[test]
fn a_body_that_is_no_enrolment_is_refused_and_not_quoted() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    for body in [
        "",
        "canary",
        r#"{"kind":"code"}"#,
        r#"{"kind":"code","code":"canary","extra":1}"#,
        r#"{"kind":"canary","code":"x"}"#,
        r#"{"kind":"code","code":"can\nary"}"#,
        r#"{"kind":"code","code":""}"#,
    ] {
        let reply = site.ask(&Request::post("/v1/orgs/acme/enrollment", body));
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "bad-request"),
            "{body}"
        );
        assert!(!reply.body.contains("canary"), "{reply:?}");
    }
    let reply = site.ask(&Request::post(
        "/v1/orgs/acme/enrollment",
        format!(r#"{{"kind":"code","code":"{}"}}"#, site.zoho.code("acme")),
    ));
    assert_eq!(reply.status, 200);
    assert!(
        !reply.body.contains("access_token"),
        "it answers with the status: {reply:?}"
    );
    let token: Token = site.token("acme");
    assert!(!reply.body.contains(&token.text));
}

/// A grant token is good once: what Zoho gave for it is not lost with the operator's terminal.
#[test]
fn an_enrolment_goes_on_when_its_operator_hangs_up() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    site.zoho.break_for("acme", 1, Fault::delay_ms(500));
    let body = format!(r#"{{"kind":"code","code":"{}"}}"#, site.zoho.code("acme"));
    let mut line = Line::to(&site.socket()).expect("it listens");
    let request = Request::post("/v1/orgs/acme/enrollment", body);
    line.send(&request.bytes()).expect("sent");
    wait_until("Zoho is asked", SOON, || site.zoho.mints("acme") == 1);
    drop(line);
    wait_until("the org is enrolled", SOON, || {
        site.status("acme")["token"] == "fresh"
    });
    assert!(site.zoho.is_alive(&site.token("acme").text));
}

/// R3: two at once are two calls at most, and the second is told.
#[test]
fn a_second_enrolment_of_the_same_org_waits_for_the_first() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    site.zoho.break_for("acme", 1, Fault::delay_ms(1_000));
    let codes = [site.zoho.code("acme"), site.zoho.code("acme")];
    std::thread::scope(|scope| {
        let first = scope.spawn(|| site.enroll_with("acme", &codes[0]));
        wait_until("Zoho is asked", SOON, || site.zoho.mints("acme") == 1);
        let second = site.enroll_with("acme", &codes[1]);
        assert!(second.failed(75).contains("on its way"), "{second:?}");
        first.join().expect("no panic").done();
    });
    assert_eq!(site.zoho.stats().traffic.token_calls, 1);
    site.enroll_with("acme", &codes[1]).done();
}
