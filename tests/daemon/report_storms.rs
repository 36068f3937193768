//! Many reports at once, or as fast as they go: what they cost at Zoho, and who feels them.

use std::thread;
use std::time::Instant;

use zoho_tokend::stand_in::Fault;

use crate::http::{Line, Reply, Request};
use crate::need::need_tools;
use crate::reports::{BAD, JOBS, acme, acme_with_jobs, kinds, once_old_enough, report, verdict};
use crate::site::ask;
use crate::users::as_user;

/// R12: eight users with 25 jobs each, all at once.
#[test]
fn r12_two_hundred_reports_at_once_cost_one_mint() {
    if !need_tools(&["root"]) {
        return;
    }
    let (site, _daemon) = acme_with_jobs();
    let born = Instant::now();
    let old = site.token("acme").generation;
    // The storm is over before the mint is.
    site.zoho.break_for("acme", None, Fault::delay_ms(2_000));
    once_old_enough(born);

    let (socket, request) = (site.socket(), report(old, BAD).bytes());
    let storm = |uid| {
        as_user(uid, uid, &[], || {
            let mut lines: Vec<_> = (0..25)
                .map(|_| Line::to(&socket).expect("a connection"))
                .collect();
            for line in &mut lines {
                line.send(&request).expect("sent");
            }
            let replies = lines.iter_mut().map(|line| line.answer().expect("told"));
            replies.collect::<Vec<Reply>>()
        })
    };
    let replies: Vec<Reply> = thread::scope(|scope| {
        let storms = JOBS.map(|uid| scope.spawn(move || storm(uid)));
        let replies = storms.map(|storm| storm.join().expect("no panic"));
        replies.into_iter().flatten().collect()
    });

    assert_eq!(replies.len(), 200);
    let new = site.token("acme").generation;
    for reply in &replies {
        // One that came when the new token was out already is told that.
        assert!(
            ["refreshed", "superseded"].contains(&&*verdict(reply)),
            "{reply:?}"
        );
        assert_eq!(reply.json()["generation"], new);
    }
    assert!(replies.iter().any(|reply| verdict(reply) == "refreshed"));
    // The enrolment's, and one for all two hundred.
    assert_eq!(site.zoho.mints("acme"), 2);
    assert_eq!(site.zoho.stats().traffic.token_calls, 2);
    assert_eq!(kinds(&site, "reported").len(), 1, "a storm is one line");
}

/// R3
#[test]
fn r3_reports_and_refreshes_as_fast_as_they_go_never_bring_a_throttle() {
    let (site, _daemon) = acme();
    let refresh = Request::post("/v1/orgs/acme/refresh", "");
    for _ in 0..8 {
        assert_eq!(site.ask(&refresh).status, 200);
    }
    once_old_enough(Instant::now());
    let reported = site.token("acme").generation;
    assert_eq!(
        verdict(&site.ask(&report(reported, BAD))),
        "refreshed",
        "the tenth"
    );
    once_old_enough(Instant::now());
    // All ten are spent: neither a new row of refused ones nor a person gets an eleventh.
    for _ in 0..29 {
        let generation = site.token("acme").generation;
        assert_eq!(site.ask(&report(generation, BAD)).status, 200);
        assert_eq!(site.ask(&refresh).status, 503);
    }
    let counts = site.zoho.counts("acme");
    assert_eq!((counts.refusals, counts.mints), (0, 10));
    assert_eq!(site.status("acme")["grant"], "ok");
}

/// R3
#[test]
fn r3_a_report_that_the_budget_has_no_room_for_is_told_when_it_has() {
    let (site, _daemon) = acme();
    for _ in 0..9 {
        site.verb(&["refresh", "acme"]).done();
    }
    once_old_enough(Instant::now());
    let reported = site.token("acme");
    for _ in 0..29 {
        let reply = site.ask(&report(reported.generation, BAD));
        assert_eq!(verdict(&reply), "pending");
        let wait_s = reply.json()["retry_after_s"].as_u64().expect("a time");
        // Ten may be alive: another has to wait until this one nears its min_ttl, two minutes before.
        assert!((2_800..=2_880).contains(&wait_s), "{wait_s}");
    }
    let counts = site.zoho.counts("acme");
    assert_eq!((counts.refusals, counts.mints), (0, 10));
    assert_eq!(site.token("acme"), reported, "served on");
}

/// R12: the thirty-first within a minute, by one user; others go on.
#[test]
fn r12_a_user_reports_thirty_times_a_minute_and_no_other_user_feels_it() {
    if !need_tools(&["root"]) {
        return;
    }
    let (site, _daemon) = acme_with_jobs();
    let generation = site.token("acme").generation;
    let by = |uid, request: &Request| {
        let socket = site.socket();
        let reply = as_user(uid, uid, &[], || ask(&socket, request));
        reply.unwrap_or_else(|err| unreachable!("{uid}: {err}"))
    };
    let harmless = report(generation, "TOO_MANY_REQUESTS");
    let broken = Request::post("/v1/orgs/acme/rejections", "no JSON");
    for n in 0..30 {
        for uid in &JOBS[..2] {
            let (request, status) = if n == 7 {
                (&broken, 400)
            } else {
                (&harmless, 200)
            };
            assert_eq!(by(*uid, request).status, status, "{uid} {n}");
        }
    }
    for uid in &JOBS[..2] {
        let reply = by(*uid, &report(generation, BAD));
        assert_eq!((reply.status, &*reply.code()), (429, "too-many-reports"));
        let wait_s = reply.json()["retry_after_s"].as_u64().expect("a time");
        assert!((1..=60).contains(&wait_s), "{wait_s}");
        assert_eq!(reply.header("retry-after"), Some(&*wait_s.to_string()));
        // Whose token is replaced already is told so all the same.
        let superseded = by(*uid, &report(generation - 1, BAD));
        assert_eq!(verdict(&superseded), "superseded");
        // It reads on as before.
        assert_eq!(by(*uid, &Request::get("/v1/orgs/acme/token")).status, 200);
    }
    assert_eq!(verdict(&by(JOBS[2], &harmless)), "not-token");
    assert_eq!(site.zoho.mints("acme"), 1);
    assert_eq!(kinds(&site, "reported").len(), 1);
}
