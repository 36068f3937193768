//! Whatever the token endpoint answers: the good token stays, `status` says why, and no other org notices.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use zoho_tokend::stand_in::{Fault, Instead, Rules};

use crate::site::{Site, Token};
use crate::wait::{SOON, wait_until};
use crate::zoho::rules;

const DENIED: &str = r#"{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}"#;

/// A refresh every five seconds of tokens that live twenty: the one before lives on through a bad answer.
fn early(orgs: &[&str]) -> Site {
    let mut site = Site::new(
        rules(Duration::from_secs(20), Duration::from_secs(10)),
        orgs,
    );
    site.config.refresh = "at = 0.2\ntimeout = \"1s\"".into();
    site.write_config();
    site
}

/// One kind of answer: the org that gets it, the cause that `status` must give, and the answer.
type Case = (&'static str, &'static str, Fault);

/// What heals by itself.
fn passing() -> Vec<Case> {
    let instead = Fault::instead;
    let odd_error = r#"{"error":{"deep":1}}"#;
    let huge = Instead::Huge { bytes: 300_000_000 };
    vec![
        ("in-a-200", "server_error", refused("server_error")),
        ("odd-error", "unknown-answer", Fault::answer(200, odd_error)),
        ("empty", "empty-answer", Fault::answer(200, "")),
        ("tokenless", "no-access-token", Fault::drop("access_token")),
        ("html", "html", instead(Instead::Html)),
        ("garbage", "garbage", instead(Instead::Garbage)),
        ("half", "connection-lost", instead(Instead::Half)),
        ("huge", "answer-too-long", instead(huge)),
        ("hang-up", "connection-lost", instead(Instead::Close)),
        ("hang", "timeout", instead(Instead::Hang)),
        ("drip", "timeout", instead(Instead::Drip { every_ms: 100 })),
        ("moved", "http-302", Fault::redirect(302, "/elsewhere")),
        ("moved-post", "http-307", Fault::redirect(307, "/elsewhere")),
        ("ill", "http-503", Fault::status(503)),
        ("negative", "bad-lifetime", Fault::set("expires_in", -1)),
        ("absurd", "bad-lifetime", Fault::set("expires_in", 1e12)),
        ("lifeless", "bad-lifetime", Fault::drop("expires_in")),
        ("wordy", "bad-lifetime", Fault::set("expires_in", "soon")),
        (
            "forged",
            "bad-token",
            Fault::set("access_token", "1\r\nX: y"),
        ),
        ("numeric", "bad-token", Fault::set("access_token", 1000)),
        (
            "odd-domain",
            "bad-answer",
            Fault::set("api_domain", "x\u{7}"),
        ),
    ]
}

/// Zoho asks for patience.
fn throttling() -> Vec<Case> {
    vec![
        ("throttled", "Access Denied", Fault::answer(400, DENIED)),
        ("counted", "http-429", Fault::status(429)),
    ]
}

fn refused(code: &str) -> Fault {
    Fault::answer(200, format!(r#"{{"error":"{code}"}}"#))
}

/// Every case with the word that must follow.
fn cases() -> Vec<(&'static str, Case)> {
    let revoked = ("revoked", "invalid_code", refused("invalid_code"));
    let unknown = ("unknown", "invalid_client", refused("invalid_client"));
    let with = |word, cases: Vec<Case>| cases.into_iter().map(move |case| (word, case));
    with("retrying", passing())
        .chain(with("throttled", throttling()))
        .chain(with("needs-consent", vec![revoked]))
        .chain(with("misconfigured", vec![unknown]))
        .collect()
}

/// S5, R2, R4, R10
#[test]
fn s5_no_answer_of_zohos_takes_a_good_token_away_or_is_felt_by_another_org() {
    let cases = cases();
    let mut orgs: Vec<&str> = cases.iter().map(|(_, case)| case.0).collect();
    orgs.push("healthy");
    let site = early(&orgs);
    let mut daemon = site.run();
    for org in &orgs {
        site.enroll(org).done();
    }
    for (_, (org, _, fault)) in &cases {
        site.zoho.break_for(org, None, fault.clone());
    }
    let before: Vec<Token> = orgs.iter().map(|org| site.token(org)).collect();
    let healthy = site.token("healthy");

    let slowest = slowest_read_while(&site, "healthy", || {
        for (word, (org, cause, _)) in &cases {
            tells(&site, org, cause, word);
        }
        wait_until("the healthy org is refreshed", SOON, || {
            site.token("healthy").generation > healthy.generation
        });
    });
    for (org, token) in orgs
        .iter()
        .zip(&before)
        .filter(|(org, _)| **org != "healthy")
    {
        assert_eq!(&site.token(org), token, "{org}");
        assert!(site.zoho.is_alive(&token.text), "{org}");
        assert_eq!(
            site.file(org, "access_token").as_ref(),
            Some(&token.text),
            "{org}"
        );
    }
    assert!(slowest < Duration::from_secs(1), "a read took {slowest:?}");
    assert_eq!(site.status("healthy")["grant"], "ok");
    let traffic = site.zoho.stats().traffic;
    assert_eq!(
        (traffic.strays, traffic.secrets_in_url),
        (0, 0),
        "no redirect is followed"
    );
    assert_eq!(daemon.ended(), None);

    site.zoho.heal();
    for (org, ..) in passing() {
        wait_until(&format!("{org} is well again"), SOON, || {
            site.status(org)["grant"] == "ok"
        });
    }
}

/// Waits until the org's status has the cause, and looks at the rest of it.
#[track_caller]
fn tells(site: &Site, org: &str, cause: &str, word: &str) {
    wait_until(&format!("{org} says {cause}"), SOON, || {
        site.status(org)["cause"] == cause
    });
    let status = site.status(org);
    assert_eq!(status["grant"], word, "{org}");
    assert_eq!(status["last_error"]["code"], cause, "{org}");
    let cure = status["cure"].as_str().unwrap_or_default();
    assert!(!cure.is_empty(), "{org}");
}

/// The longest that a read of `org` took while `act` ran.
fn slowest_read_while(site: &Site, org: &str, act: impl FnOnce()) -> Duration {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                site.token(org);
                slowest = slowest.max(begun.elapsed());
                // A reader's pace; nothing is waited for.
                thread::sleep(Duration::from_millis(5));
            }
            slowest
        });
        // Also where `act` panics: the reader must end for the scope to.
        let acted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        is_over.store(true, Ordering::Relaxed);
        let slowest = reader.join().expect("every read was answered");
        acted.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        slowest
    })
}

#[test]
fn lives_in_every_dialect_of_zohos_are_understood() {
    let site = early(&["number", "text", "milliseconds"]);
    let _daemon = site.run();
    let millis = Fault {
        milliseconds: true,
        ..Fault::default()
    };
    site.zoho
        .break_for("text", None, Fault::set("expires_in", "20"));
    site.zoho.break_for("milliseconds", None, millis);
    for org in ["number", "text", "milliseconds"] {
        site.enroll(org).done();
        let left = site.get(&format!("/v1/orgs/{org}/token")).json()["expires_in"].clone();
        let left = left.as_u64().expect("a number");
        assert!((15..=20).contains(&left), "{org}: {left}");
    }
}

/// R4: what a person must act on is cleared by the person's own try.
#[test]
fn r4_a_revoked_grant_keeps_its_token_and_a_refresh_after_the_cure_clears_it() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    site.zoho.break_for("acme", None, refused("invalid_code"));
    let ended = site.verb(&["refresh", "acme"]);
    assert!(
        ended.failed(78).contains("zoho-tokend enroll acme"),
        "{ended:?}"
    );
    assert_eq!(site.token("acme"), token);
    assert_eq!(site.status("acme")["grant"], "needs-consent");
    assert_eq!(site.verb(&["status", "--check"]).exit, 1);
    // The word is stored, and a restart is no probe.
    let before = site.zoho.stats();
    assert_eq!(daemon.stop(), 0);
    let _daemon = site.run();
    assert_eq!(site.status("acme")["grant"], "needs-consent");
    assert_eq!(site.zoho.stats(), before);
    assert_eq!(site.token("acme"), token);

    site.zoho.heal();
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(site.status("acme")["grant"], "ok");
    assert_eq!(site.verb(&["status", "--check"]).exit, 0);
}

/// R4
#[test]
fn r4_a_throttle_holds_every_call_back_for_a_whole_window_and_over_a_restart() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    site.zoho.break_for("acme", 1, Fault::answer(400, DENIED));
    let ended = site.verb(&["refresh", "acme"]);
    let told = ended.failed(75);
    assert!(
        told.contains("nothing is sent for 10 minutes") && told.contains("Access Denied"),
        "{told}"
    );
    let before = site.zoho.stats();
    assert_eq!(daemon.stop(), 0);
    let _daemon = site.run();
    let status = site.status("acme");
    assert_eq!(
        (&status["grant"], &status["token"]),
        (&json!("throttled"), &json!("fresh"))
    );
    let held = site.ask(&crate::http::Request::post("/v1/orgs/acme/refresh", ""));
    assert_eq!((held.status, held.code().as_str()), (503, "no-budget"));
    let wait_s = held.json()["retry_after_s"].as_u64().expect("it says when");
    assert!((500..=600).contains(&wait_s), "{wait_s}");
    assert_eq!(
        held.header("retry-after"),
        Some(wait_s.to_string().as_str())
    );
    assert_eq!(site.zoho.stats(), before, "nothing was sent");
    assert_eq!(site.token("acme"), token);
}

/// S4: a refresh that contradicts the config: nothing is served, and the files go within a second.
#[test]
fn s4_a_refresh_of_another_environment_is_quarantined_until_a_person_enrolls_again() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    wait_until("the files are there", SOON, || {
        site.file("acme", "header").is_some()
    });
    let sandbox = format!("{}/sandbox", site.zoho.url());
    site.zoho
        .break_for("acme", 1, Fault::set("api_domain", sandbox));
    let ended = site.verb(&["refresh", "acme"]);
    assert!(ended.failed(78).contains("sandbox"), "{ended:?}");
    let gone_by = Instant::now() + Duration::from_secs(1);
    assert_eq!(site.get("/v1/orgs/acme/token").code(), "quarantined");
    wait_until("the files go", SOON, || {
        site.file("acme", "header").is_none()
    });
    assert!(Instant::now() < gone_by, "within a second");
    assert_eq!(daemon.stop(), 0);
    let _daemon = site.run();
    let status = site.status("acme");
    assert_eq!(
        (&status["grant"], &status["token"]),
        (&json!("quarantined"), &json!("none"))
    );
    assert_eq!(status["cause"], "wrong-place");
    site.enroll("acme").done();
    assert_eq!(site.status("acme")["grant"], "ok");
}
