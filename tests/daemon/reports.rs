//! A job whose token Zoho's API refuses: it reports, and gets a new one or the reason why not.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zoho_tokend::stand_in::{Fault, Rules};

use crate::daemon::{Daemon, Ended};
use crate::http::{Line, Reply, Request};
use crate::need::need_tools;
use crate::site::{Site, Token, ask};
use crate::users::as_user;
use crate::wait::{SOON, wait_until};
use crate::zoho::rules;

pub(crate) const BAD: &str = "INVALID_TOKEN";

/// Readers of `acme`.
pub(crate) const JOBS: [u32; 8] = [
    42_001, 42_002, 42_003, 42_004, 42_005, 42_006, 42_007, 42_008,
];

pub(crate) fn acme() -> (Site, Daemon) {
    Site::enrolled(Rules::default(), &["acme"])
}

/// The same, with [`JOBS`] for readers.
pub(crate) fn acme_with_jobs() -> (Site, Daemon) {
    let mut site = Site::new(Rules::default(), &["acme"]);
    site.let_read("acme", &JOBS);
    let daemon = site.run();
    site.enroll("acme").done();
    (site, daemon)
}

pub(crate) fn report(generation: u64, code: &str) -> Request {
    let body = json!({ "generation": generation, "code": code }).to_string();
    Request::post("/v1/orgs/acme/rejections", body)
}

pub(crate) fn verdict(reply: &Reply) -> String {
    let verdict = &reply.json()["verdict"];
    let verdict = verdict.as_str().map(str::to_owned);
    verdict.unwrap_or_else(|| unreachable!("{reply:?}"))
}

/// Says by `report` that the API refused a token.
fn report_by_verb(site: &Site, token: &Token) -> Ended {
    let generation = token.generation.to_string();
    site.verb(&["report", "acme", "--generation", &generation, "--code", BAD])
}

/// Reports the token that is served, as a job does: again when it is told to.
#[track_caller]
fn report_until_ruled(site: &Site, code: &str) -> Reply {
    let generation = site.token("acme").generation;
    let deadline = Instant::now() + SOON;
    loop {
        let reply = site.ask(&report(generation, code));
        if verdict(&reply) != "pending" {
            return reply;
        }
        assert!(Instant::now() < deadline, "{reply:?}");
        // As long as it was told to: that the time is right is what is tried.
        let wait_s = reply.json()["retry_after_s"].as_u64().expect("a time");
        thread::sleep(Duration::from_secs(wait_s));
    }
}

/// Waits until the token is no longer too young to be reported: five seconds by the contract, and nothing shows it
/// but a report, of which none is spent on it.
pub(crate) fn once_old_enough(born: Instant) {
    let age = Duration::from_millis(5_200);
    thread::sleep(age.saturating_sub(born.elapsed()));
}

/// What Zoho's API says to a token: its status and code.
fn api_says(site: &Site, token: &Token) -> (u16, Value) {
    let request = Request::get("/crm/v8/org");
    let header = format!("Zoho-oauthtoken {}", token.text);
    let mut line = Line::to_url(&site.zoho.url()).expect("it listens");
    let reply = line.ask(&request.with("Authorization", &header));
    let reply = reply.expect("an answer");
    (reply.status, reply.json()["code"].clone())
}

pub(crate) fn kinds(site: &Site, kind: &str) -> Vec<String> {
    let history = site.get("/v1/orgs/acme/history").json();
    let entries = history["entries"].as_array().expect("a list").clone();
    let its = entries.iter().filter(|entry| entry["kind"] == kind);
    its.map(|entry| entry["detail"].to_string()).collect()
}

/// R2, R12
#[test]
fn r12_a_refused_token_is_replaced_for_the_job_and_two_in_a_row_are_no_matter_of_the_token() {
    let (site, _daemon) = acme();
    let old = site.token("acme");
    assert_eq!(api_says(&site, &old), (200, Value::Null));
    site.zoho.revoke(&old.text);
    assert_eq!(api_says(&site, &old), (401, json!(BAD)));

    let reply = report_until_ruled(&site, BAD);
    let born = Instant::now();
    assert_eq!(verdict(&reply), "refreshed");
    let new = site.token("acme");
    assert_eq!(reply.json()["generation"], new.generation);
    assert!(new.generation > old.generation);
    assert_eq!(api_says(&site, &new), (200, Value::Null));
    assert_eq!(site.file("acme", "access_token"), Some(new.text.clone()));
    let late = report_by_verb(&site, &old);
    assert_eq!(late.done(), "superseded\n");

    once_old_enough(born);
    let again = site.ask(&report(new.generation, BAD));
    assert_eq!(verdict(&again), "binding");
    assert!(again.json()["cure"].is_string(), "{again:?}");
    assert_eq!(site.zoho.mints("acme"), 2);
    assert_eq!(site.token("acme"), new, "served on");
    assert_eq!(kinds(&site, "reported").len(), 1);
    assert_eq!(kinds(&site, "binding").len(), 1);
    let warnings = site.status("acme")["warnings"].to_string();
    assert!(warnings.contains("refused"), "{warnings}");
    let page = site.get("/metrics").body;
    for verdict in ["refreshed", "superseded", "binding"] {
        let line = format!("zoho_tokend_reports_total{{org=\"acme\",verdict=\"{verdict}\"}} 1");
        assert!(page.contains(&line), "{line} is not in {page}");
    }
}

/// S2: as for the token itself.
#[test]
fn s2_who_may_not_read_a_token_may_not_report_it() {
    if !need_tools(&["root"]) {
        return;
    }
    let mut site = Site::new(Rules::default(), &["acme"]);
    site.config.daemon = format!("monitors = {{ users = [{}], groups = [] }}", JOBS[1]);
    site.let_read("acme", &JOBS[..1]);
    let _daemon = site.run();
    site.enroll("acme").done();
    let generation = site.token("acme").generation;
    let nowhere = Request::post("/v1/orgs/beta/rejections", "{}");
    for (uid, here, there) in [
        (0, 200, 404),
        (JOBS[0], 200, 403),
        (JOBS[1], 403, 403),
        (JOBS[2], 403, 403),
        (65_534, 403, 403),
    ] {
        let socket = site.socket();
        let statuses = as_user(uid, uid, &[], || {
            let here = ask(&socket, &report(generation, "NO_PERMISSION"));
            let there = ask(&socket, &nowhere);
            [here, there].map(|reply| reply.expect("an answer").status)
        });
        assert_eq!(statuses, [here, there], "{uid}");
    }
}

/// S5
#[test]
fn s5_what_is_no_report_is_refused_with_what_is_one() {
    let (site, _daemon) = acme();
    let said = |request: &Request| {
        let reply = site.ask(request);
        let detail = reply.json()["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (reply.status, reply.code(), detail)
    };
    let post = |body: &str| Request::post("/v1/orgs/acme/rejections", body);
    let like = "send it like {\"generation\":1795306331,\"code\":\"INVALID_TOKEN\"}";
    for body in [
        "",
        "{}",
        "[]",
        r#"{"generation":7,"code":"X","org":"acme"}"#,
        r#"{"generation":"7","code":"X"}"#,
    ] {
        let (status, code, detail) = said(&post(body));
        assert_eq!((status, &*code), (400, "bad-request"), "{body}");
        assert!(detail.ends_with(like), "{detail}");
    }
    let (status, code, _) = said(&post(&" ".repeat(65 * 1024)));
    assert_eq!((status, &*code), (413, "too-large"));
    let (status, code, detail) = said(&Request::post("/v1/orgs/acme/rejections?wait=5", "{}"));
    assert_eq!((status, &*code), (400, "bad-request"));
    assert_eq!(detail, "unknown parameter wait; this path takes none");
    let reply = site.get("/v1/orgs/acme/rejections");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
}

/// R10: Zoho takes its time, and the job is told to come back.
#[test]
fn r10_a_reporter_waits_ten_seconds_and_no_longer() {
    let (site, _daemon) = acme();
    let born = Instant::now();
    let old = site.token("acme").generation;
    site.zoho.break_for("acme", 1, Fault::delay_ms(13_000));
    once_old_enough(born);
    let asked = Instant::now();
    let reply = site.ask(&report(old, BAD));
    let took = asked.elapsed().as_secs();
    assert!((9..=12).contains(&took), "{took} s");
    assert_eq!(verdict(&reply), "pending");
    assert_eq!(reply.json()["retry_after_s"], 5);
    assert_eq!(reply.json()["generation"], old);
    let rides = site.ask(&report(old, BAD));
    assert_eq!(verdict(&rides), "refreshed");
    assert_eq!(site.zoho.mints("acme"), 2);
}

/// R2: a mint that fails takes nothing away, and says when to come back.
#[test]
fn r2_a_report_that_zoho_does_not_answer_leaves_the_token_and_is_pending() {
    let mut site = Site::new(
        rules(Duration::from_hours(1), Duration::from_mins(1)),
        &["acme"],
    );
    site.config.refresh = "timeout = \"2s\"".into();
    site.write_config();
    let _daemon = site.run();
    site.enroll("acme").done();
    let born = Instant::now();
    let old = site.token("acme");
    site.zoho.break_for("acme", 1, Fault::status(503));
    once_old_enough(born);
    let reply = site.ask(&report(old.generation, BAD));
    assert_eq!(verdict(&reply), "pending");
    let wait_s = reply.json()["retry_after_s"].as_u64().expect("a time");
    assert!(
        (1..=11).contains(&wait_s),
        "{wait_s}: a sixth of the window"
    );
    assert_eq!(site.token("acme"), old);
    let ended = report_by_verb(&site, &old);
    assert_eq!((ended.exit, &*ended.stdout), (75, "pending\n"));
    // By the schedule, which tries again by itself, or by the report.
    let ruled = verdict(&report_until_ruled(&site, BAD));
    assert!(["refreshed", "superseded"].contains(&&*ruled), "{ruled}");
}

/// R12: over a kill -9 too.
#[test]
fn r12_a_restart_mints_nothing_for_a_report_that_was_answered() {
    let (site, mut daemon) = acme();
    let old = site.token("acme").generation;
    assert_eq!(verdict(&report_until_ruled(&site, BAD)), "refreshed");
    daemon.kill();
    let _daemon = site.run();
    assert_eq!(verdict(&site.ask(&report(old, BAD))), "superseded");
    assert_eq!(site.zoho.mints("acme"), 2);
    assert_eq!(kinds(&site, "reported").len(), 1);
}

/// R12: what two refused generations in a row have shown, a kill -9 does not forget.
#[test]
fn r12_the_hold_of_reports_outlives_a_restart() {
    let (site, mut daemon) = acme();
    assert_eq!(verdict(&report_until_ruled(&site, BAD)), "refreshed");
    let born = Instant::now();
    daemon.kill();
    let mut daemon = site.run();
    once_old_enough(born);
    let second = report_until_ruled(&site, BAD);
    assert_eq!(verdict(&second), "binding", "the second in a row");
    let cure = second.json()["cure"].as_str().map(str::to_owned);
    let likely = "most likely the job calls another data center or environment";
    assert!(cure.is_some_and(|cure| cure.contains(likely)), "{second:?}");
    wait_until("it is in the history", SOON, || {
        kinds(&site, "binding").len() == 1
    });
    daemon.kill();
    let _daemon = site.run();
    let whole = json!({ "data": [{ "code": BAD, "status": "error" }] });
    let generation = site.token("acme").generation;
    let body = json!({ "generation": generation, "answer": whole }).to_string();
    wait_until("it is old enough for this run", SOON, || {
        let reply = site.ask(&Request::post("/v1/orgs/acme/rejections", body.clone()));
        // Thirty reports a minute are let through.
        thread::sleep(Duration::from_millis(500));
        verdict(&reply) == "binding"
    });
    assert_eq!(site.zoho.mints("acme"), 2);
}

/// R8: who waits at the end is told why.
#[test]
fn r8_a_reporter_who_waits_when_the_daemon_stops_is_told_so() {
    let (site, mut daemon) = acme();
    let born = Instant::now();
    let old = site.token("acme").generation;
    site.zoho.break_for("acme", 1, Fault::delay_ms(30_000));
    once_old_enough(born);
    let calls = site.zoho.counts("acme").calls;
    let mut line = Line::to(&site.socket()).expect("a connection");
    line.send(&report(old, BAD).bytes()).expect("sent");
    wait_until("its call is out", SOON, || {
        site.zoho.counts("acme").calls > calls
    });
    assert_eq!(daemon.stop(), 0);
    let reply = line.answer().expect("told");
    assert_eq!((reply.status, &*reply.code()), (503, "stopping"));
}
