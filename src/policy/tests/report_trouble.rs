//! Reports while something is wrong, and what is left of them in the history.

use super::minting::refreshing;
use super::reporting::{BAD, generation, kinds, report, retry_at, settled};
use super::world::{Disk, HOUR, World, name, secs, settings};
use super::zoho::{
    code, contradicting, granted, lost, minted, misconfigured, needs_consent, not_sent, throttled,
    transient,
};
use crate::base::Environment;
use crate::policy::event::{Event, RequestId, Severity};
use crate::policy::record::Word;
use crate::policy::report::{ApiCode, Finding, Report};
use crate::policy::turns::CALLS_MAX;

/// R4
#[test]
fn r4_a_report_mints_nothing_while_throttled_or_while_a_person_must_act() {
    for (answer, word) in [
        (throttled as fn() -> _, Word::Throttled),
        (needs_consent, Word::NeedsConsent),
        (misconfigured, Word::Misconfigured),
    ] {
        let mut world = refreshing();
        world.answer("acme", answer());
        assert_eq!(world.word("acme"), word);
        let calls = world.sent.len();
        let next = world.fleet.next_mint_at(&name("acme"), world.now.boot);
        assert_eq!(Some(retry_at(report(&mut world, BAD))), next);
        assert_eq!(world.sent.len(), calls, "{word:?}");
    }
}

#[test]
fn a_quarantined_org_is_a_matter_of_the_binding() {
    let mut world = refreshing();
    let old = generation(&world);
    let waits = world.report("acme", old, BAD);
    world.answer("acme", contradicting(None));
    assert_eq!(world.finding(waits), Some(Finding::Binding));
    let request = world.report("acme", old, BAD);
    assert_eq!(world.finding(request), Some(Finding::Binding));
}

#[test]
fn a_mint_that_fails_leaves_the_token_and_tells_every_reporter_when_to_come_back() {
    for (answer, within) in [(lost as fn() -> _, 110), (transient, 110), (not_sent, 60)] {
        let mut world = settled();
        let old = generation(&world);
        let requests = [(); 3].map(|()| world.report("acme", old, BAD));
        world.answer("acme", answer());
        for request in requests {
            let at = retry_at(world.finding(request));
            let wait = at.since(world.now.boot);
            assert!(wait >= secs(1) && wait <= secs(within), "{wait:?}");
        }
        assert_eq!(generation(&world), old);
        // Whoever comes back sooner causes no call.
        assert!(retry_at(report(&mut world, BAD)) > world.now.boot);
        assert!(world.calls.is_empty());
        world.pass(secs(110));
        assert_eq!(report(&mut world, BAD), None);
    }
}

/// R3
#[test]
fn r3_reporters_who_come_back_at_once_spend_no_more_than_an_outage_does() {
    let mut world = settled();
    let start = world.now.boot;
    while world.now.boot.since(start) < secs(600) {
        report(&mut world, BAD);
        if !world.calls.is_empty() {
            world.answer("acme", transient());
        }
        world.pass(secs(1));
    }
    assert!(world.sent.len() <= 6, "{}", world.sent.len());
}

#[test]
fn a_disk_that_takes_nothing_leaves_no_reporter_waiting() {
    let mut world = settled();
    world.disk = Disk::Full;
    let told = report(&mut world, BAD);
    assert!(retry_at(told) > world.now.boot);
    assert_eq!(
        report(&mut world, BAD),
        told,
        "nor one that comes meanwhile"
    );
    assert!(world.sent.is_empty());

    let mut world = settled();
    let old = generation(&world);
    let request = world.report("acme", old, BAD);
    world.disk = Disk::Full;
    world.answer("acme", minted());
    assert!(retry_at(world.finding(request)) > world.now.boot);
}

/// R12: nor is it told twice.
#[test]
fn r12_a_restart_remembers_a_report_that_could_not_be_helped() {
    let mut world = settled();
    for _ in 0..9 {
        world.refresh("acme");
        world.answer("acme", minted());
    }
    for _ in 0..2 {
        world.pass(secs(5));
        assert!(retry_at(report(&mut world, BAD)) > world.now.boot);
        assert_eq!(kinds(&world, "reported"), 1);
        world.restart();
    }
}

#[test]
fn a_report_while_its_org_is_enrolled_anew_waits_for_what_comes_of_that() {
    let mut world = settled();
    world.enroll("acme", code());
    let at = retry_at(report(&mut world, BAD));
    assert!(at > world.now.boot);
    assert_eq!(world.sent.len(), 1, "the enrolment's");
}

/// R10: as many calls as may go to its data center at once are on their way already.
#[test]
fn r10_a_report_waits_for_a_turn_as_the_schedule_does() {
    let others = (1..=CALLS_MAX).map(|n| settings(&format!("org-{n:02}")));
    let mut world = World::new([settings("acme")].into_iter().chain(others).collect());
    world.enroll_with_code("acme", HOUR);
    world.pass(secs(5));
    for n in 1..=CALLS_MAX {
        world.enroll(&format!("org-{n:02}"), code());
    }
    let calls = world.sent.len();
    let at = retry_at(report(&mut world, BAD));
    assert!(at > world.now.boot);
    assert_eq!(world.sent.len(), calls);
}

#[test]
fn an_org_that_leaves_or_was_never_there_is_told_as_such() {
    let mut world = settled();
    let old = generation(&world);
    let waits = world.report("acme", old, BAD);
    world.reload(Vec::new());
    assert_eq!(world.rulings.get(&waits), Some(&None));
    let request = world.report("acme", old, BAD);
    assert_eq!(world.rulings.get(&request), Some(&None));
}

#[test]
fn a_config_that_contradicts_the_grant_is_a_matter_of_the_binding() {
    let mut world = settled();
    let old = generation(&world);
    let waits = world.report("acme", old, BAD);
    let mut other = settings("acme");
    other.binding.environment = Environment::Sandbox;
    world.reload(vec![other]);
    for request in [waits, world.report("acme", old, BAD)] {
        assert_eq!(world.finding(request), Some(Finding::Binding));
    }
}

#[test]
fn an_org_without_a_token_asks_for_patience() {
    let mut world = World::new(vec![settings("acme")]);
    let request = world.report("acme", 1, BAD);
    assert_eq!(
        retry_at(world.finding(request)),
        world.now.boot.plus(secs(60))
    );
    let mut world = World::enrolled();
    world.pass(HOUR);
    world.calls.clear();
    world.pass_until_call(HOUR).expect("a retry");
    let request = world.report("acme", 1, BAD);
    assert_eq!(
        retry_at(world.finding(request)),
        world.now.boot,
        "its mint is out"
    );
}

/// R12
#[test]
fn r12_a_restart_forgets_no_mint_that_a_report_cost() {
    let mut world = settled();
    let old = generation(&world);
    world.report("acme", old, BAD);
    world.answer("acme", minted());
    world.restart();
    let request = world.report("acme", old, BAD);
    assert_eq!(world.finding(request), Some(Finding::Superseded));
    assert_eq!(world.sent.len(), 1);
}

/// S1: nor does a reader's word reach the log.
#[test]
fn s1_what_is_no_code_is_neither_logged_nor_kept() {
    let mut world = settled();
    report(&mut world, "1000.canary");
    assert_eq!(kinds(&world, "reported"), 1);
    let told = format!("{:?} {:?}", world.told, world.history);
    assert!(!told.contains("canary"));
}

#[test]
fn a_code_that_mints_nothing_is_noted_once_an_hour() {
    let mut world = settled();
    let writes = world.writes_seen;
    for _ in 0..500 {
        report(&mut world, "TOO_MANY_REQUESTS");
        report(&mut world, "OAUTH_SCOPE_MISMATCH");
    }
    assert_eq!(kinds(&world, "reported"), 2);
    let severities = world
        .told
        .iter()
        .filter(|(_, note)| note.kind == "reported");
    let severities: Vec<Severity> = severities.map(|(severity, _)| *severity).collect();
    assert_eq!(severities, [Severity::Info, Severity::Warning]);
    assert!(world.writes_seen <= writes + 2);
}

#[test]
fn the_history_says_who_reported_what() {
    let mut world = settled();
    let old = generation(&world);
    world.step(Event::Report {
        org: name("acme"),
        request: RequestId(900),
        report: Report {
            uid: 1002,
            generation: old,
            code: ApiCode::of("invalid_token"),
        },
    });
    let note = world.history.iter().find(|note| note.kind == "reported");
    let wanted = format!("uid 1002 was told INVALID_TOKEN for generation {old}: it is replaced");
    assert_eq!(note.map(|note| &note.detail), Some(&wanted));
}

#[test]
fn r12_a_token_that_was_on_its_way_to_the_disk_when_its_elder_was_refused_is_the_second_of_a_row() {
    let mut world = refreshing();
    world.disk = Disk::Slow;
    world.answer("acme", minted());
    assert_eq!(report(&mut world, BAD), None);
    world.settle_write(true);
    world.pass(secs(6));
    assert_eq!(report(&mut world, BAD), Some(Finding::Binding));
}

#[test]
fn r12_a_reported_token_that_is_put_out_once_more_is_no_answer_to_its_reporter() {
    let mut world = settled();
    world.pass_until_call(HOUR).expect("a refresh");
    world.disk = Disk::Full;
    world.answer("acme", minted());
    // Until readers would have gone short, and it is time for the next one.
    world.pass(secs(1710));
    let reported = generation(&world);
    world.disk = Disk::Slow;
    while world.writes.is_empty() {
        world.pass(secs(1));
    }
    assert_eq!(report(&mut world, BAD), None, "a mint is on its way");
    let request = RequestId(world.requests);
    world.settle_write(true);
    assert_eq!(generation(&world), reported);
    assert_eq!(world.finding(request), None);
    world.answer("acme", minted());
    while !world.writes.is_empty() {
        world.settle_write(true);
    }
    assert_eq!(world.finding(request), Some(Finding::Refreshed));
    assert_ne!(generation(&world), reported);
}

#[test]
fn r12_a_token_that_ended_before_the_disk_had_it_is_no_answer_to_a_report() {
    let mut world = settled();
    assert_eq!(report(&mut world, BAD), None);
    let request = RequestId(world.requests);
    let reported = generation(&world);
    world.disk = Disk::Slow;
    world.answer("acme", granted(secs(15), None));
    world.pass(secs(16));
    world.settle_write(true);
    assert_eq!(generation(&world), reported);
    let at = retry_at(world.finding(request));
    assert!(at > world.now.boot);
}
