//! HTTP over the socket, as the contract has it to the letter.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use zoho_tokend::stand_in::{Fault, Rules};

use crate::http::{Line, Request};
use crate::site::Site;
use crate::zoho::SCOPE;

/// A wait that no fast answer takes, and no test should sit through.
const LONG: Duration = Duration::from_secs(10);

fn acme() -> (Site, crate::daemon::Daemon) {
    Site::enrolled(Rules::default(), &["acme"])
}

#[test]
fn a_token_comes_with_all_that_a_job_needs_and_may_not_be_cached() {
    let (site, _daemon) = acme();
    let reply = site.get("/v1/orgs/acme/token");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("vary"), Some("Accept"));
    let answer = reply.json();
    let keys: Vec<&str> = answer
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let wanted = [
        "access_token",
        "api_domain",
        "data_center",
        "environment",
        "expires_at",
        "expires_in",
        "generation",
        "org",
        "scope",
        "stale",
        "token_type",
    ];
    assert_eq!(keys, wanted);
    assert_eq!(answer["org"], "acme");
    assert_eq!(answer["environment"], "production");
    assert_eq!(answer["data_center"], "lab");
    assert_eq!(answer["token_type"], "Zoho-oauthtoken");
    assert_eq!(answer["api_domain"], site.zoho.url());
    assert_eq!(answer["scope"], json!([SCOPE]));
    assert_eq!(answer["stale"], false);
    let left = answer["expires_in"].as_u64().expect("a number");
    assert!((3500..=3600).contains(&left), "{left}");
    assert!(answer["generation"].as_u64() > Some(1_700_000_000));
    let expires_at = answer["expires_at"].as_str().expect("a text");
    assert!(humantime::parse_rfc3339(expires_at).is_ok(), "{expires_at}");
}

#[test]
fn text_plain_is_the_token_alone() {
    let (site, _daemon) = acme();
    let token = site.token("acme");
    let plain = Request::get("/v1/orgs/acme/token").with("Accept", "text/plain");
    let reply = site.ask(&plain);
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (200, token.text.as_str())
    );
    assert_eq!(reply.header("vary"), Some("Accept"));
    assert!(
        reply
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/plain"))
    );
    let curl = Request::get("/v1/orgs/acme/token").with("Accept", "*/*");
    assert_eq!(
        site.ask(&curl).header("content-type"),
        Some("application/json")
    );
}

#[test]
fn an_etag_is_weak_spares_an_unchanged_token_and_changes_with_the_token() {
    let (site, _daemon) = acme();
    let etag = site
        .get("/v1/orgs/acme/token")
        .header("etag")
        .expect("one")
        .to_owned();
    assert!(etag.starts_with("W/\"") && etag.contains(&site.token("acme").generation.to_string()));
    let known = |tag: &str| {
        let request = Request::get("/v1/orgs/acme/token").with("If-None-Match", tag);
        site.ask(&request)
    };
    let same = known(&etag);
    assert_eq!((same.status, same.body.as_str()), (304, ""));
    assert_eq!(same.header("etag"), Some(etag.as_str()));
    assert_eq!(known(&format!("W/\"other\", {etag}")).status, 304);
    assert_eq!(known("W/\"other\"").status, 200);

    site.verb(&["refresh", "acme"]).done();

    let new = known(&etag);
    assert_eq!(new.status, 200);
    assert_ne!(new.header("etag"), Some(etag.as_str()));
}

#[test]
fn a_min_ttl_that_no_token_ever_has_is_refused_with_the_largest_that_works() {
    let (site, _daemon) = acme();
    let ask = |min_ttl: &str| site.get(&format!("/v1/orgs/acme/token?min_ttl={min_ttl}"));
    assert_eq!(ask("300").status, 200);
    assert_eq!(ask("5m").status, 200);
    let refused = ask("40m");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "min-ttl-too-long")
    );
    // 0.95 - `at` of an hour.
    assert!(
        refused.json()["detail"]
            .as_str()
            .is_some_and(|told| told.contains("1620 s"))
    );
    assert_eq!(ask("1620").status, 200);
    assert_eq!(ask("1621").status, 400);
}

#[test]
fn after_answers_at_once_where_the_generation_differs_and_else_at_the_end_of_wait() {
    let (site, _daemon) = acme();
    let generation = site.token("acme").generation;
    let ask = |after: u64, wait: &str| {
        let begun = Instant::now();
        let reply = site.get(&format!("/v1/orgs/acme/token?after={after}&wait={wait}"));
        (reply, begun.elapsed())
    };
    for other in [generation - 1, generation + 1, 0] {
        let (reply, took) = ask(other, "30");
        assert_eq!(reply.status, 200);
        assert!(took < LONG, "{other}: {took:?}");
    }
    let (reply, took) = ask(generation, "1");
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert_eq!(ask(generation, "0").0.status, 204);
}

/// Authorisation, `min_ttl`, `after`, `If-None-Match`.
#[test]
fn where_several_conditions_are_asked_for_they_are_looked_at_in_the_order_of_the_contract() {
    let (site, _daemon) = acme();
    let generation = site.token("acme").generation;
    let ask = |query: &str| {
        let target = format!("/v1/orgs/acme/token?{query}");
        site.ask(&Request::get(&target).with("If-None-Match", "*"))
            .status
    };
    assert_eq!(ask(&format!("min_ttl=50m&after={generation}")), 400);
    assert_eq!(ask(&format!("min_ttl=5m&after={generation}")), 204);
    assert_eq!(ask(&format!("min_ttl=5m&after={}", generation - 1)), 304);
}

#[test]
fn after_is_answered_as_soon_as_the_new_token_is_there() {
    let (site, _daemon) = acme();
    let generation = site.token("acme").generation;
    thread::scope(|scope| {
        let target = format!("/v1/orgs/acme/token?after={generation}&wait=30");
        let mut line = Line::to(&site.socket()).expect("it listens");
        line.send(&Request::get(&target).bytes()).expect("sent");
        let waits = scope.spawn(move || line.answer().expect("an answer"));
        site.verb(&["refresh", "acme"]).done();
        let begun = Instant::now();
        let reply = waits.join().expect("no panic");
        assert!(begun.elapsed() < LONG);
        assert_eq!(reply.status, 200);
        assert_eq!(reply.json()["generation"], site.token("acme").generation);
    });
}

#[test]
fn where_there_is_no_token_a_read_waits_as_asked_and_then_says_why() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    let begun = Instant::now();
    let reply = site.get("/v1/orgs/acme/token?wait=1s");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!((reply.status, reply.code().as_str()), (503, "unenrolled"));
    let problem = reply.json();
    assert_eq!(problem["status"], 503);
    assert_eq!(problem["org"], "acme");
    assert!(problem["title"].is_string() && problem["detail"].is_string());
    let cure = problem["cure"].as_str().expect("a cure");
    assert!(cure.contains("zoho-tokend enroll acme"), "{cure}");
    assert_eq!(reply.header("retry-after"), None, "waiting does not help");
    let begun = Instant::now();
    assert_eq!(site.get("/v1/orgs/acme/token").status, 503);
    assert!(begun.elapsed() < LONG, "the default is not to wait");
}

#[test]
fn head_is_get_without_the_body() {
    let (site, _daemon) = acme();
    for target in ["/v1/orgs/acme/token", "/v1/orgs", "/livez", "/metrics"] {
        let get = site.get(target);
        let mut stream = UnixStream::connect(site.socket()).expect("it listens");
        let request = Request::new("HEAD", target).with("Connection", "close");
        stream.write_all(&request.bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 "), "{target}: {head}");
        let kind = get.header("content-type").expect("GET has one");
        assert!(head.contains(kind), "{target}: {head}");
        assert!(
            head.to_ascii_lowercase().contains("content-length: "),
            "{target}: {head}"
        );
        assert_eq!(body, "", "{target}");
    }
}

#[test]
fn a_target_means_the_same_however_it_is_encoded() {
    let (site, _daemon) = acme();
    assert_eq!(
        site.get("/v1/orgs/%61cme/token?min_ttl=1%30m&wait=%30")
            .status,
        200
    );
    let twice = site.get("/v1/orgs/acme/token?min_ttl=5m&min_ttl=6m");
    assert_eq!((twice.status, twice.code().as_str()), (400, "bad-request"));
}

#[test]
fn what_is_none_of_the_contract_is_told_apart() {
    let (site, _daemon) = acme();
    let is = |request: &Request, status: u16, code: &str| {
        let reply = site.ask(request);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (status, code),
            "{request:?}"
        );
        reply
    };
    is(&Request::get("/"), 404, "no-such-path");
    is(&Request::get("/v1/orgs/acme/token/x"), 404, "no-such-path");
    is(&Request::get("/v2/orgs"), 404, "no-such-path");
    is(&Request::get("/v1/orgs/nobody/token"), 404, "no-such-org");
    is(&Request::get("/v1/orgs/ACME/token"), 404, "no-such-org");
    is(&Request::get("/v1/orgs/%2e%2e/token"), 404, "no-such-org");
    let refused = is(
        &Request::new("DELETE", "/v1/orgs/acme/token"),
        405,
        "method",
    );
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    is(&Request::get("/v1/reload"), 405, "method");
    is(
        &Request::get("/v1/orgs/acme/token?ttl=5"),
        400,
        "bad-request",
    );
    is(
        &Request::get("/v1/orgs/acme/token?wait=-1"),
        400,
        "bad-request",
    );
    is(
        &Request::get("/v1/orgs/acme/token?min_ttl=soon"),
        400,
        "bad-request",
    );
    is(
        &Request::get("/v1/orgs/acme/token?after=x"),
        400,
        "bad-request",
    );
    let large = vec![b' '; 65 * 1024];
    is(
        &Request::post("/v1/orgs/acme/enrollment", large),
        413,
        "too-large",
    );
    assert_eq!(site.token("acme").text.len(), 70, "it serves on");
}

#[test]
fn one_connection_carries_many_requests() {
    let (site, _daemon) = acme();
    let mut line = Line::to(&site.socket()).expect("it listens");
    for _ in 0..100 {
        let reply = line
            .ask(&Request::get("/v1/orgs/acme/token"))
            .expect("kept alive");
        assert_eq!(reply.status, 200);
    }
}

#[test]
fn the_status_of_an_org_has_the_keys_of_the_contract() {
    let (site, _daemon) = acme();
    let status = site.status("acme");
    let keys = [
        "org",
        "environment",
        "data_center",
        "token",
        "token_since",
        "grant",
        "grant_since",
        "cause",
        "cure",
        "generation",
        "expires_at",
        "next_refresh_at",
        "mints_left",
    ];
    for key in keys {
        assert!(status.get(key).is_some(), "{key} is not in {status}");
    }
    assert_eq!(
        (&status["cause"], &status["cure"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(status["mints_left"], 9);
    assert_eq!(site.get("/v1/orgs").json()["orgs"][0]["org"], "acme");
    let printed = site.verb(&["status", "acme", "--json"]);
    let printed: serde_json::Value = serde_json::from_str(printed.done()).expect("JSON");
    assert_eq!(printed["generation"], status["generation"]);
}

#[test]
fn the_metrics_have_the_names_of_the_contract() {
    let (site, _daemon) = acme();
    site.verb(&["refresh", "acme"]).done();
    site.get("/v1/orgs/acme/token");
    let page = site.get("/metrics");
    assert_eq!(page.status, 200);
    for line in [
        "zoho_tokend_token_expiry_timestamp_seconds{org=\"acme\"} ",
        "zoho_tokend_token_generation{org=\"acme\"} ",
        "zoho_tokend_refreshes_total{org=\"acme\",outcome=\"granted\"} 2",
        "zoho_tokend_refresh_duration_seconds_count{org=\"acme\"} 2",
        "zoho_tokend_next_refresh_timestamp_seconds{org=\"acme\"} ",
        "zoho_tokend_mint_budget_remaining{org=\"acme\"} 8",
        "zoho_tokend_outage_budget_seconds{org=\"acme\",to=\"min_ttl\"} ",
        "zoho_tokend_outage_budget_seconds{org=\"acme\",to=\"end\"} ",
        "zoho_tokend_org_token{org=\"acme\",state=\"fresh\"} 1",
        "zoho_tokend_org_token{org=\"acme\",state=\"expired\"} 0",
        "zoho_tokend_org_grant{org=\"acme\",state=\"ok\"} 1",
        "zoho_tokend_socket_requests_total{verb=\"token\",code=\"200\"} ",
        "zoho_tokend_deliveries_total{org=\"acme\",output=\"tokens_dir\",outcome=\"ok\"} ",
        "zoho_tokend_build_info{version=\"",
    ] {
        assert!(page.body.contains(line), "{line} is not in {}", page.body);
    }
}

/// R5: how long Zoho may be away says nothing of an org that no refresh helps.
#[test]
fn r5_there_is_no_outage_budget_while_a_person_must_act_or_nothing_is_served() {
    let (site, _daemon) = acme();
    let metric = "zoho_tokend_outage_budget_seconds{org=\"acme\"";
    assert!(site.status("acme")["outage_budget_s"]["end"].as_u64() > Some(0));
    assert!(site.get("/metrics").body.contains(metric));
    let revoked = Fault::answer(200, r#"{"error":"invalid_code"}"#.to_owned());
    site.zoho.break_for("acme", 1, revoked);
    site.verb(&["refresh", "acme"]).failed(78);

    let status = site.status("acme");

    assert_eq!(
        (&status["grant"], &status["token"]),
        (&json!("needs-consent"), &json!("fresh"))
    );
    assert_eq!(status["outage_budget_s"], json!(null));
    assert!(!site.get("/metrics").body.contains(metric));
    let (unenrolled, _daemon) = {
        let site = Site::new(Rules::default(), &["acme"]);
        let daemon = site.run();
        (site, daemon)
    };
    assert_eq!(unenrolled.status("acme")["outage_budget_s"], json!(null));
    assert!(!unenrolled.get("/metrics").body.contains(metric));
}
