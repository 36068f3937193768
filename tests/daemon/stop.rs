//! The end: orderly, and soon, whatever Zoho does.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use zoho_tokend::stand_in::{Fault, Instead, Rules};

use crate::http::{Line, Request};
use crate::site::Site;
use crate::wait::{SOON, wait_until};

/// The contract's.
const DRAIN_MAX: Duration = Duration::from_secs(5);

#[test]
fn sigterm_and_sigint_end_an_idle_daemon_at_once_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
        let begun = Instant::now();
        daemon.signal(signal);
        assert_eq!(daemon.exit_code(SOON), 0);
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{:?}",
            begun.elapsed()
        );
        assert!(
            site.file("acme", "header").is_some(),
            "the files stay for their readers"
        );
    }
}

#[test]
fn sigterm_ends_it_within_five_seconds_even_while_zoho_hangs() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    site.zoho
        .break_for("acme", None, Fault::instead(Instead::Hang).minted());
    thread::scope(|scope| {
        let waits = scope.spawn(|| site.verb(&["refresh", "acme"]));
        wait_until("Zoho is asked", SOON, || site.zoho.mints("acme") == 2);
        let begun = Instant::now();
        assert_eq!(daemon.stop(), 0, "{}", daemon.said());
        assert!(begun.elapsed() < DRAIN_MAX, "{:?}", begun.elapsed());
        let told = waits.join().expect("no panic");
        assert!(told.failed(75).contains("is stopping"), "{told:?}");
    });
    site.zoho.heal();
    let _daemon = site.run();
    // The unanswered call stays a spent slot.
    assert_eq!(site.status("acme")["mints_left"], 8);
    assert_eq!(site.token("acme"), token);
}

/// R7: what Zoho answers while the daemon drains is not lost.
#[test]
fn r7_an_answer_that_comes_while_it_drains_is_kept() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let old = site.token("acme");
    site.zoho.break_for("acme", 1, Fault::delay_ms(1_000));
    thread::scope(|scope| {
        let waits = scope.spawn(|| site.verb(&["refresh", "acme"]));
        wait_until("Zoho is asked", SOON, || site.zoho.mints("acme") == 2);
        assert_eq!(daemon.stop(), 0, "{}", daemon.said());
        waits.join().expect("no panic").done();
    });
    let _daemon = site.run();
    let new = site.token("acme");
    assert!(new.generation > old.generation);
    assert!(site.zoho.is_alive(&new.text));
    assert_eq!(site.zoho.mints("acme"), 2);
    assert_eq!(site.file("acme", "access_token").as_ref(), Some(&new.text));
}

/// R8: whoever had connected when the end came is answered, also who had not been accepted yet.
#[test]
fn r8_who_has_connected_is_answered_although_the_end_has_come() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    daemon.signal(Signal::STOP);
    let mut lines: Vec<_> = (0..400)
        .map(|_| {
            let mut line = Line::to(&site.socket()).expect("the backlog has room");
            line.send(&Request::get("/v1/orgs/acme/token").bytes())
                .expect("sent");
            line
        })
        .collect();
    daemon.signal(Signal::TERM);
    daemon.signal(Signal::CONT);
    assert_eq!(daemon.exit_code(SOON), 0, "{}", daemon.said());
    for line in &mut lines {
        assert_eq!(line.answer().expect("an answer").status, 200);
    }
    assert!(Line::to(&site.socket()).is_err());
}

/// R8: readers that wait are told, not cut off.
#[test]
fn r8_readers_that_wait_at_the_end_get_an_answer() {
    let site = Site::new(Rules::default(), &["acme"]);
    let mut daemon = site.run();
    let mut waiting: Vec<_> = (0..20)
        .map(|_| {
            let mut line = Line::to(&site.socket()).expect("it listens");
            let ask = Request::get("/v1/orgs/acme/token?wait=60");
            line.send(&ask.bytes()).expect("sent");
            line
        })
        .collect();
    // All of them have arrived once a later one is answered.
    site.get("/livez");
    assert_eq!(daemon.stop(), 0);
    for line in &mut waiting {
        let reply = line.answer().expect("an answer");
        assert_eq!((reply.status, reply.code().as_str()), (503, "unenrolled"));
        assert_eq!(reply.header("connection"), Some("close"));
    }
}

/// R8: an upgrade is no reason to send anybody away whose wait is not over.
#[test]
fn r8_verbs_that_wait_at_the_end_go_on_waiting_for_the_next_start() {
    let site = Site::new(Rules::default(), &["acme"]);
    let mut daemon = site.run();
    // The one that asked whether it is ready is not taken for the verb.
    wait_until("nobody is there", SOON, || site.readers() == 0);
    thread::scope(|scope| {
        let get = scope.spawn(|| site.verb(&["get", "acme", "--wait", "60s"]));
        wait_until("it waits", SOON, || site.readers() == 1);
        assert_eq!(daemon.stop(), 0);
        daemon = site.run();
        site.enroll("acme").done();
        let told = get.join().expect("no panic");
        assert_eq!(told.done().trim_end(), site.token("acme").text);
    });
}
