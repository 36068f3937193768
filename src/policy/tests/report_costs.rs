//! Reports that cost nothing: of a token that is replaced already, or being replaced, and of one that never was.

use super::minting::refreshing;
use super::reporting::{BAD, generation, settled};
use super::world::{World, name};
use super::zoho::minted;
use crate::policy::report::{ApiCode, Report};

/// A job that reports a time in the place of its generation is answered, and its operator told.
#[test]
fn a_generation_that_never_was_is_noted_once_an_hour() {
    let mut world = settled();
    let served = generation(&world);
    for other in [0, served - 1, served + 1, u64::MAX, u64::MAX] {
        world.report("acme", other, BAD);
    }
    let notes = world.history.iter();
    let notes: Vec<&str> = notes
        .filter(|note| note.kind == "reported")
        .map(|note| &*note.detail)
        .collect();
    assert_eq!(
        notes,
        [format!(
            "uid 1001 reports generation {}, and the newest is {served}: that replaces no token; a report names the \
             `generation` that came with the refused token",
            served + 1
        )]
    );
}

#[test]
fn a_report_needs_no_mint_where_its_token_is_replaced_or_being_replaced_already() {
    let mut world = settled();
    let old = generation(&world);
    let is_free = |world: &World, generation, code| {
        let report = Report {
            uid: 1000,
            generation,
            code: ApiCode::of(code),
        };
        let (org, now) = (name("acme"), world.now.boot);
        world.fleet.needs_no_mint(&org, &report, now)
    };
    assert!(is_free(&world, old - 1, BAD));
    for (generation, code) in [(old, BAD), (old + 1, BAD), (old - 1, "NO_PERMISSION")] {
        assert!(!is_free(&world, generation, code), "{generation} {code}");
    }
    world.report("acme", old, BAD);
    assert!(is_free(&world, old, BAD), "its mint is on its way");
    assert!(!is_free(&world, old + 1, BAD));
    world.answer("acme", minted());
    assert!(is_free(&world, old, BAD));
    assert!(!is_free(&world, generation(&world), BAD));
}

/// The schedule's mint alone is no ground: nobody has vouched that this token is refused.
#[test]
fn a_report_that_rides_on_a_mint_as_the_first_is_counted() {
    let mut world = refreshing();
    let report = Report {
        uid: 1000,
        generation: generation(&world),
        code: ApiCode::of(BAD),
    };
    let is_free = |world: &World| {
        let now = world.now.boot;
        world.fleet.needs_no_mint(&name("acme"), &report, now)
    };
    assert!(!is_free(&world));
    world.report("acme", report.generation, BAD);
    assert!(is_free(&world));
}
