//! What readers say of refused tokens, and what it costs.

use super::minting::refreshing;
use super::world::{Disk, HOUR, World, name, secs};
use super::zoho::{code, granted, minted};
use crate::base::{Boottime, Limits};
use crate::policy::event::RequestId;
use crate::policy::ledger::Want;
use crate::policy::record::Word;
use crate::policy::report::Finding;

pub(super) const BAD: &str = "INVALID_TOKEN";

pub(super) fn generation(world: &World) -> u64 {
    world.read("acme").expect("served").generation
}

/// An org whose token has been out for 5 s.
pub(super) fn settled() -> World {
    let mut world = World::enrolled();
    world.pass(secs(5));
    world.sent.clear();
    world
}

/// The served generation, reported with this code: what the reporter is told, if it is told.
pub(super) fn report(world: &mut World, code: &str) -> Option<Finding> {
    let generation = generation(world);
    let request = world.report("acme", generation, code);
    world.finding(request)
}

pub(super) fn retry_at(finding: Option<Finding>) -> Boottime {
    match finding {
        Some(Finding::Pending(at)) => at,
        other => panic!("{other:?}"),
    }
}

/// One that a report has just had minted, and that has been out for 5 s.
pub(super) fn replaced() -> World {
    let mut world = settled();
    assert_eq!(report(&mut world, BAD), None);
    world.answer("acme", minted());
    world.pass(secs(5));
    world.sent.clear();
    world
}

pub(super) fn kinds(world: &World, kind: &str) -> usize {
    world
        .history
        .iter()
        .filter(|note| note.kind == kind)
        .count()
}

#[test]
fn a_refused_token_is_replaced_and_the_reporter_told_once_the_new_one_is_out() {
    let mut world = settled();
    let old = generation(&world);
    let request = world.report("acme", old, BAD);
    assert_eq!(world.finding(request), None);
    assert_eq!(generation(&world), old, "served until its successor is out");
    world.disk = Disk::Slow;
    world.answer("acme", minted());
    assert_eq!(world.finding(request), None, "R7: not before it is kept");
    world.settle_write(true);
    let ruling = world.rulings[&request].expect("the org is there");
    assert_eq!(ruling.finding, Finding::Refreshed);
    assert_eq!(ruling.generation, Some(generation(&world)));
    assert!(generation(&world) > old);
}

/// R12
#[test]
fn r12_two_hundred_reports_of_one_generation_cost_one_mint() {
    let mut world = settled();
    let old = generation(&world);
    let requests: Vec<RequestId> = (0..200).map(|_| world.report("acme", old, BAD)).collect();
    assert_eq!(world.calls.len(), 1);
    world.answer("acme", minted());
    for request in requests {
        assert_eq!(world.finding(request), Some(Finding::Refreshed));
    }
    let late = world.report("acme", old, BAD);
    assert_eq!(world.finding(late), Some(Finding::Superseded));
    assert_eq!(world.sent.len(), 1);
    assert_eq!(kinds(&world, "reported"), 1, "a storm is one line");
}

/// R12
#[test]
fn r12_scope_permission_and_rate_errors_mint_nothing() {
    let mut world = settled();
    for (code, finding) in [
        ("OAUTH_SCOPE_MISMATCH", Finding::Scope),
        ("NO_PERMISSION", Finding::Scope),
        ("OAUTH_ORG_MISMATCH", Finding::Binding),
        ("TOO_MANY_REQUESTS", Finding::NotToken),
        ("INVALID_REQUEST", Finding::NotToken),
        ("nonsense", Finding::NotToken),
    ] {
        assert_eq!(report(&mut world, code), Some(finding), "{code}");
    }
    assert!(world.sent.is_empty());
}

#[test]
fn the_code_is_judged_before_the_generation_and_the_generation_before_its_age() {
    let mut world = World::enrolled();
    let request = world.report("acme", 7, "OAUTH_SCOPE_MISMATCH");
    assert_eq!(world.finding(request), Some(Finding::Scope));
    let request = world.report("acme", 7, BAD);
    assert_eq!(world.finding(request), Some(Finding::Superseded));
    let young = report(&mut world, BAD);
    assert_eq!(retry_at(young), world.now.boot.plus(secs(5)));
}

/// R12
#[test]
fn r12_no_generation_but_the_served_one_can_be_reported() {
    let mut world = settled();
    for other in [0, generation(&world) - 1, generation(&world) + 1, u64::MAX] {
        let request = world.report("acme", other, BAD);
        assert_eq!(world.finding(request), Some(Finding::Superseded), "{other}");
    }
    assert!(world.sent.is_empty());
}

#[test]
fn a_token_is_young_for_five_seconds_from_when_readers_could_have_it() {
    let mut world = refreshing();
    world.pass(secs(20));
    world.answer("acme", minted());
    world.pass(secs(4));
    assert_eq!(
        retry_at(report(&mut world, BAD)),
        world.now.boot.plus(secs(1))
    );
    world.pass(secs(1));
    assert_eq!(report(&mut world, BAD), None);
}

#[test]
fn a_restart_makes_no_young_token_old_enough() {
    let mut world = World::enrolled();
    let started = world.now.boot;
    world.pass(secs(2));
    world.restart();
    assert_eq!(retry_at(report(&mut world, BAD)), started.plus(secs(5)));
}

#[test]
fn a_report_rides_on_the_mint_of_the_schedule() {
    let mut world = refreshing();
    let calls = world.sent.len();
    assert_eq!(report(&mut world, BAD), None);
    let request = RequestId(world.requests);
    world.answer("acme", minted());
    assert_eq!(world.finding(request), Some(Finding::Refreshed));
    assert_eq!(world.sent.len(), calls);
}

#[test]
fn a_reported_token_is_replaced_by_one_with_a_shorter_life_too() {
    let mut world = refreshing();
    assert_eq!(report(&mut world, BAD), None);
    let request = RequestId(world.requests);
    let old = generation(&world);
    world.answer("acme", granted(secs(60), None));
    assert_eq!(world.finding(request), Some(Finding::Refreshed));
    assert!(generation(&world) > old);
}

#[test]
fn a_report_waits_for_a_token_that_is_on_its_way_to_the_disk() {
    let mut world = refreshing();
    world.disk = Disk::Slow;
    world.answer("acme", minted());
    assert_eq!(report(&mut world, BAD), None);
    let request = RequestId(world.requests);
    world.settle_write(true);
    assert_eq!(world.finding(request), Some(Finding::Refreshed));
    assert!(world.calls.is_empty());
}

#[test]
fn a_refused_token_that_is_reported_again_while_its_successor_is_on_its_way_is_no_row_of_two() {
    let mut world = settled();
    assert_eq!(report(&mut world, BAD), None);
    world.disk = Disk::Slow;
    world.answer("acme", minted());
    assert_eq!(report(&mut world, BAD), None);
    let second = RequestId(world.requests);
    world.settle_write(true);
    assert_eq!(world.finding(second), Some(Finding::Refreshed));
}

#[test]
fn two_refused_generations_in_a_row_are_a_matter_of_the_binding_for_an_hour() {
    let mut world = replaced();
    assert_eq!(report(&mut world, BAD), Some(Finding::Binding));
    let held = world.now.boot;
    let warnings = world
        .fleet
        .status(&name("acme"), world.now)
        .expect("there")
        .warnings;
    assert_eq!(
        warnings,
        [
            "jobs report one generation after the other as refused: most likely they call another data center or \
             environment than the token's own api_domain, or something else that refreshes with this grant pushes its \
             tokens out; reports mint nothing for 60 min, or until `zoho-tokend refresh acme`"
        ]
    );
    assert_eq!(report(&mut world, BAD), Some(Finding::Binding));
    assert_eq!(kinds(&world, "binding"), 1);
    // The schedule goes on, and what it mints is not replaced by report either.
    while world.now.boot.since(held) < HOUR - secs(10) {
        world.pass(secs(7));
        if !world.calls.is_empty() {
            world.answer("acme", minted());
            world.pass(secs(6));
        }
        assert_eq!(report(&mut world, BAD), Some(Finding::Binding));
    }
    world.pass(secs(20));
    assert_eq!(report(&mut world, BAD), None, "one more try an hour");
}

/// R12: what reporters have shown of the binding, a restart does not forget.
#[test]
fn r12_a_restart_brings_no_reporter_another_mint() {
    let mut world = replaced();
    world.restart();
    world.pass(secs(5));
    assert_eq!(
        report(&mut world, BAD),
        Some(Finding::Binding),
        "the second in a row"
    );
    world.restart();
    world.pass(secs(5));
    assert_eq!(report(&mut world, BAD), Some(Finding::Binding), "held");
    assert_eq!(kinds(&world, "binding"), 1);
    assert!(world.sent.is_empty());
}

/// R12: over a reboot too, whatever the wall clock says of it.
#[test]
fn r12_a_reboot_does_not_end_the_hold_sooner_nor_make_it_longer() {
    for (wall_error_ms, is_synchronised) in [(0, true), (-86_400_000, true), (0, false)] {
        let mut world = replaced();
        assert_eq!(report(&mut world, BAD), Some(Finding::Binding));
        world.reboot(secs(60), wall_error_ms, is_synchronised);
        let begun = world.now.boot;
        while world.now.boot.since(begun) < secs(3_400) {
            world.pass(secs(60));
            if !world.calls.is_empty() {
                world.answer("acme", minted());
                world.pass(secs(6));
            }
            if world.read("acme").is_some() {
                let told = report(&mut world, BAD);
                assert!(
                    matches!(told, Some(Finding::Binding | Finding::Pending(_))),
                    "{told:?}"
                );
            }
        }
        world.pass(secs(210));
        if !world.calls.is_empty() {
            world.answer("acme", minted());
        }
        world.pass(secs(6));
        assert_eq!(
            report(&mut world, BAD),
            None,
            "{wall_error_ms} {is_synchronised}"
        );
    }
}

#[test]
fn two_in_a_row_are_counted_whoever_had_the_second_one_minted() {
    let mut world = refreshing();
    assert_eq!(report(&mut world, BAD), None);
    world.answer("acme", minted());
    world.pass(secs(5));
    assert_eq!(report(&mut world, BAD), Some(Finding::Binding));
}

#[test]
fn a_generation_that_nobody_refused_ends_the_row() {
    let mut world = replaced();
    world.pass_until_call(HOUR).expect("the schedule's");
    world.answer("acme", minted());
    world.pass(secs(5));
    assert_eq!(report(&mut world, BAD), None);
}

/// A person who has mended the job need not wait for the hour to pass.
#[test]
fn a_refresh_by_a_person_ends_the_hold() {
    let mut world = replaced();
    assert_eq!(report(&mut world, BAD), Some(Finding::Binding));
    world.refresh("acme");
    world.answer("acme", minted());
    world.pass(secs(5));
    assert_eq!(report(&mut world, BAD), None);
    world.answer("acme", minted());
    world.pass(secs(5));
    assert_eq!(
        report(&mut world, BAD),
        Some(Finding::Binding),
        "two in a row again"
    );
}

#[test]
fn a_new_enrolment_ends_the_hold() {
    let mut world = replaced();
    assert_eq!(report(&mut world, BAD), Some(Finding::Binding));
    world.enroll("acme", code());
    world.answer("acme", granted(HOUR, Some("rt-new")));
    world.pass(secs(5));
    assert_eq!(report(&mut world, BAD), None);
}

/// R3
#[test]
fn r3_a_report_may_have_the_slots_that_the_schedule_leaves() {
    let mut world = settled();
    for _ in 0..5 {
        world.refresh("acme");
        world.answer("acme", minted());
    }
    world.pass(secs(5));
    let lane = world.org("acme").record.grant.as_ref().expect("granted");
    let room = |want| {
        let (now, ledger) = (world.now.boot, world.fleet.ledger());
        ledger.room_at(&lane.lane, now, Limits::ZOHO, want)
    };
    assert!(room(Want::Schedule) > world.now.boot);
    assert_eq!(report(&mut world, BAD), None);
}

#[test]
fn a_report_without_budget_is_told_when_there_will_be_some() {
    let mut world = settled();
    for _ in 0..9 {
        world.refresh("acme");
        world.answer("acme", minted());
    }
    world.pass(secs(5));
    world.sent.clear();
    let at = retry_at(report(&mut world, BAD));
    assert!(at > world.now.boot.plus(secs(500)));
    assert!(world.sent.is_empty());
}

#[test]
fn a_reported_token_that_waits_for_the_disk_itself_is_not_called_its_own_successor() {
    let mut world = settled();
    world.pass_until_call(HOUR).expect("a refresh");
    world.disk = Disk::Full;
    world.answer("acme", minted());
    world.pass(secs(1650));
    assert!(kinds(&world, "minted") == 1, "the disk has the first alone");
    let told = |world: &mut World| retry_at(report(world, BAD));
    assert!(told(&mut world) > world.now.boot);
    // Nor while the write that tries it again is on its way.
    world.disk = Disk::Slow;
    while world.writes.is_empty() {
        world.pass(secs(1));
    }
    assert!(told(&mut world) > world.now.boot);
}

#[test]
fn r2_a_token_that_ended_on_its_way_replaces_none_whoever_wanted_it() {
    let mut world = settled();
    let old = generation(&world);
    let request = world.report("acme", old, BAD);
    world.pass(secs(16));
    world.answer("acme", granted(secs(15), None));
    assert_eq!(generation(&world), old);
    assert!(matches!(world.finding(request), Some(Finding::Pending(_))));
    assert_eq!(world.word("acme"), Word::Retrying);
}
