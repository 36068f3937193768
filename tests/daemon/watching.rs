//! `GET /v1/orgs?after=`: what a watcher asks, and when it is answered.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use zoho_tokend::stand_in::{Fault, Rules};

use crate::daemon::Daemon;
use crate::http::{Line, Reply, Request};
use crate::need::need_tools;
use crate::site::{Site, ask};
use crate::users::as_user;
use crate::wait::{SOON, wait_until};
use crate::zoho::rules;

/// A wait that no answer to something new takes.
const LONG: Duration = Duration::from_secs(10);

const READER: u32 = 41_001;
const STRANGER: u32 = 41_666;

fn site(orgs: &[&str]) -> (Site, Daemon) {
    let (site, daemon) = Site::enrolled(Rules::default(), orgs);
    (site, daemon)
}

#[track_caller]
fn revision(reply: &Reply) -> String {
    let answer = reply.json();
    answer["revision"].as_str().expect("a revision").to_owned()
}

fn after(revision: &str, more: &str) -> String {
    format!("/v1/orgs?after={revision}{more}")
}

/// Asks, lets `act` happen, and gives the answer and how long it took from then on.
#[track_caller]
fn answered_by(site: &Site, target: &str, act: impl FnOnce()) -> (Reply, Duration) {
    let mut line = Line::to(&site.socket()).expect("it listens");
    line.send(&Request::get(target).bytes()).expect("sent");
    act();
    let begun = Instant::now();
    (line.answer().expect("an answer"), begun.elapsed())
}

#[test]
fn nothing_new_is_answered_at_the_end_of_the_wait_and_anything_else_at_once() {
    let (site, _daemon) = site(&["acme"]);
    let known = revision(&site.get("/v1/orgs"));
    let begun = Instant::now();
    let reply = site.get(&after(&known, "&wait=1s"));
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(site.get(&after(&known, "")).status, 204);
    let begun = Instant::now();
    let reply = site.get(&after("0", "&wait=30s"));
    assert_eq!((reply.status, revision(&reply)), (200, known));
    assert_eq!(reply.json()["orgs"][0]["org"], "acme");
    assert!(begun.elapsed() < LONG);
}

/// A watcher may go and read the files at once.
#[test]
fn a_new_token_is_told_within_a_second_and_its_files_are_there_by_then() {
    let (site, _daemon) = site(&["acme"]);
    for _ in 0..3 {
        let known = revision(&site.get("/v1/orgs"));
        let mut line = Line::to(&site.socket()).expect("it listens");
        let target = after(&known, "&wait=30s");
        line.send(&Request::get(&target).bytes()).expect("sent");
        let refresh = Request::post("/v1/orgs/acme/refresh", "");
        let mut admin = Line::to(&site.socket()).expect("it listens");
        admin.send(&refresh.bytes()).expect("sent");
        let reply = line.answer().expect("an answer");
        let file = site.file("acme", "token.json").expect("a token's file");
        let file: Value = serde_json::from_str(&file).expect("JSON");
        let told = reply.json()["orgs"][0]["generation"].clone();
        assert_eq!(file["generation"], told);
        assert_eq!(admin.answer().expect("an answer").status, 200);
        assert_eq!(site.token("acme").generation, told);
    }
}

#[test]
fn a_change_of_the_grants_word_alone_is_news() {
    let (site, _daemon) = site(&["acme"]);
    let known = revision(&site.get("/v1/orgs"));
    let revoked = Fault::answer(200, r#"{"error":"invalid_code"}"#.to_owned());
    site.zoho.break_for("acme", 1, revoked);
    let (reply, took) = answered_by(&site, &after(&known, "&wait=30s"), || {
        site.verb(&["refresh", "acme"]).failed(78);
    });
    assert_eq!(reply.json()["orgs"][0]["grant"], "needs-consent");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// No event says that a token grows old.
#[test]
fn what_time_alone_changes_is_told_within_a_second() {
    let life = Duration::from_secs(8);
    let (site, _daemon) = Site::enrolled(rules(life, Duration::from_mins(1)), &["acme"]);
    site.zoho
        .break_for("acme", None, Fault::answer(500, String::new()));
    let mut known = revision(&site.get("/v1/orgs"));
    let mut seen = Vec::new();
    while seen.last().map(String::as_str) != Some("expired") {
        let reply = site.get(&after(&known, "&wait=30s"));
        known = revision(&reply);
        let org = reply.json()["orgs"][0].clone();
        let since = org["token_since"].as_str().expect("a time").to_owned();
        let since = humantime::parse_rfc3339(&since).expect("a time");
        let word = org["token"].as_str().expect("a word").to_owned();
        if word != "fresh" && seen.last() != Some(&word) {
            let late = SystemTime::now().duration_since(since).expect("past");
            // Whole seconds are shown.
            assert!(late < Duration::from_secs(2), "{word}: {late:?}");
        }
        seen.push(word);
    }
    seen.dedup();
    // Between those, how the grant fares was news, too.
    seen.retain(|word| word != "fresh");
    assert_eq!(seen, ["stale", "expired"]);
}

#[test]
fn a_revision_means_the_same_to_the_next_run_of_the_daemon() {
    let (site, mut daemon) = site(&["acme"]);
    let known = revision(&site.get("/v1/orgs"));
    assert_eq!(daemon.stop(), 0);
    let _daemon = site.run();
    wait_until("the stored token is served", SOON, || {
        site.status("acme")["token"] == "fresh"
    });
    assert_eq!(site.get(&after(&known, "&wait=1s")).status, 204);
}

#[test]
fn who_waits_is_sent_away_when_the_daemon_ends() {
    let (site, mut daemon) = site(&["acme"]);
    let known = revision(&site.get("/v1/orgs"));
    let (reply, took) = answered_by(&site, &after(&known, "&wait=30s"), || {
        assert_eq!(daemon.stop(), 0);
    });
    assert_eq!(reply.status, 204);
    assert!(took < LONG);
}

#[test]
fn an_org_that_a_reload_adds_or_takes_away_is_news() {
    let (mut site, _daemon) = site(&["acme"]);
    let known = revision(&site.get("/v1/orgs"));
    site.config
        .orgs
        .insert("beta".into(), "client = \"acme\"".into());
    site.config.secretless.push("beta".into());
    site.write_config();
    let (reply, _) = answered_by(&site, &after(&known, "&wait=30s"), || {
        site.verb(&["reload"]).done();
    });
    assert_eq!(reply.json()["orgs"][1]["org"], "beta");
    let known = revision(&reply);
    let only = after("0", "&only=beta,nobody");
    let orgs = site.get(&only).json()["orgs"]
        .as_array()
        .expect("a list")
        .len();
    assert_eq!(orgs, 1);
    site.config.orgs.remove("beta");
    site.write_config();
    let (reply, _) = answered_by(&site, &after(&known, "&wait=30s"), || {
        site.verb(&["reload"]).done();
    });
    assert_eq!(reply.json()["orgs"].as_array().map(Vec::len), Some(1));
}

/// S2: a peer is woken by what it may see, and by nothing else; what it may not see looks like what is not there.
#[test]
fn s2_a_watcher_learns_nothing_of_orgs_that_it_may_not_read() {
    if !need_tools(&["root"]) {
        return;
    }
    let (mut site, _daemon) = site(&["acme", "beta"]);
    site.let_read("acme", &[READER]);
    site.verb(&["reload"]).done();
    let socket = site.socket();
    let asked = |uid: u32, target: &str| {
        let request = Request::get(target);
        let reply = as_user(uid, uid, &[], || ask(&socket, &request));
        reply.expect("an answer")
    };
    let known = revision(&asked(READER, "/v1/orgs"));
    let empty = asked(STRANGER, "/v1/orgs?after=0");
    assert_eq!(empty.json()["orgs"].as_array().map(Vec::len), Some(0));
    assert_eq!(
        empty.body,
        asked(STRANGER, "/v1/orgs?after=0&only=beta").body
    );
    assert_eq!(
        empty.body,
        asked(READER, "/v1/orgs?after=0&only=nobody").body
    );
    assert_eq!(empty.body, asked(READER, "/v1/orgs?after=0&only=beta").body);

    // The right comes before all conditions, and before any wait.
    let begun = Instant::now();
    let waits = "/v1/orgs/acme/token?after=1&wait=30s&min_ttl=50m";
    assert_eq!(asked(STRANGER, waits).status, 403);
    assert!(begun.elapsed() < LONG);

    let wait = after(&known, "&wait=3s");
    thread::scope(|scope| {
        let reader = scope.spawn(|| asked(READER, &wait));
        let stranger = scope.spawn(|| asked(STRANGER, &after(&revision(&empty), "&wait=3s")));
        site.verb(&["refresh", "beta"]).done();
        assert_eq!(reader.join().expect("no panic").status, 204);
        assert_eq!(stranger.join().expect("no panic").status, 204);
    });
    site.let_read("beta", &[READER]);
    let wait = after(&known, "&wait=30s");
    thread::scope(|scope| {
        let reader = scope.spawn(|| asked(READER, &wait));
        site.verb(&["reload"]).done();
        let orgs = reader.join().expect("no panic").json();
        assert_eq!(orgs["orgs"].as_array().map(Vec::len), Some(2));
    });
}

/// R12
#[test]
fn r12_a_hundred_watchers_cost_no_call_and_each_hears_of_the_new_token() {
    let (site, _daemon) = site(&["acme"]);
    let before = site.zoho.mints("acme");
    let target = after(&revision(&site.get("/v1/orgs")), "&wait=30s");
    let mut lines: Vec<_> = (0..100)
        .map(|_| {
            let mut line = Line::to(&site.socket()).expect("room");
            line.send(&Request::get(&target).bytes()).expect("sent");
            line
        })
        .collect();
    assert_eq!(site.get("/livez").status, 200);
    assert_eq!(site.zoho.mints("acme"), before);
    site.verb(&["refresh", "acme"]).done();
    let generation = site.token("acme").generation;
    for line in &mut lines {
        let reply = line.answer().expect("an answer");
        assert_eq!(reply.json()["orgs"][0]["generation"], generation);
    }
    assert_eq!(site.zoho.mints("acme"), before + 1);
}
