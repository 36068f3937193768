//! `watch`: what it asks, how often, and which answers end it.

use std::time::{Duration, Instant};

use crate::daemon::{Daemon, answer, json, problem};

const NOW: &str =
    r#"{"orgs":[{"org":"acme","token":"fresh","grant":"ok","generation":7}],"revision":"r1"}"#;

/// An answer that ends the watch.
fn end() -> Vec<u8> {
    problem(403, "forbidden", r#","detail":"no more","cure":"ask""#)
}

#[test]
fn each_question_names_the_orgs_that_are_meant_and_what_is_known_and_waits_for_what_is_new() {
    let ended = Daemon::answering([json(NOW), end()]).run(&["watch", "acme"]);
    let asked = |n: usize| ended.asked[n].lines().next().expect("a head");
    let first = "GET /v1/orgs?after=0&wait=0ms&only=acme HTTP/1.1";
    assert_eq!(asked(0), first);
    // A few milliseconds of the minute have passed by then.
    let second = asked(1).strip_prefix("GET /v1/orgs?after=r1&wait=");
    let second = second.and_then(|rest| rest.strip_suffix("ms&only=acme HTTP/1.1"));
    let wait_ms: u32 = second.expect("a wait").parse().expect("a number");
    assert!((50_000..=60_000).contains(&wait_ms), "{wait_ms}");
    assert_eq!(ended.exit, 77, "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 1);
}

/// R12: such a daemon is not ours, or one in trouble.
#[test]
fn r12_a_daemon_that_has_nothing_new_and_says_so_at_once_is_asked_later_and_later() {
    let nothing = || answer(204, "application/json", "");
    for idle in [json(NOW), nothing()] {
        let answers = [json(NOW), idle.clone(), idle.clone(), idle, end()];
        let begun = Instant::now();
        let ended = Daemon::answering(answers).run(&["watch"]);
        assert_eq!(ended.exit, 77, "{}", ended.stderr);
        // Pauses of 100, 200 and 400 ms, of each up to a half is jitter.
        assert!(
            begun.elapsed() >= Duration::from_millis(350),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn what_answers_and_is_not_our_daemon_is_not_waited_for() {
    let garbled = b"nonsense\r\n\r\n".to_vec();
    let ended = Daemon::answering([json(NOW), garbled]).run(&["watch"]);
    assert_eq!(ended.exit, 70, "{}", ended.stderr);
}

#[test]
fn a_user_who_may_read_no_org_so_far_is_told_that_it_waits() {
    let none = json(r#"{"orgs":[],"revision":"r0"}"#);
    let ended = Daemon::answering([none, end()]).run(&["watch"]);
    let told = "zoho-tokend: watch: this user may read no org so far; waiting for one\n";
    assert!(ended.stderr.starts_with(told), "{}", ended.stderr);
}
