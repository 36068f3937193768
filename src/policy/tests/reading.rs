//! What readers are told. A read never causes a call (R12).

use super::minting::refreshing;
use super::world::{Disk, HOUR, World, name, secs, settings};
use super::zoho::{granted, lost, minted, needs_consent};
use crate::base::Boottime;
use crate::policy::query::{Query, Reading};
use crate::policy::record::Word;

fn ask(world: &World, query: Query) -> Reading<'_> {
    let reading = world.fleet.read(&name("acme"), query, world.now.boot);
    reading.expect("configured")
}

fn at_least(n: u64) -> Query {
    Query {
        min_ttl: Some(secs(n)),
        ..Query::default()
    }
}

#[test]
fn a_token_is_stale_when_less_than_min_ttl_is_left_and_gone_at_its_end() {
    let mut world = World::enrolled();
    world.pass(HOUR - secs(600));
    assert!(matches!(
        ask(&world, Query::default()),
        Reading::Token {
            is_stale: false,
            ..
        }
    ));
    world.pass(secs(1));
    assert!(matches!(
        ask(&world, Query::default()),
        Reading::Token { is_stale: true, .. }
    ));
    world.pass(secs(599));
    assert!(matches!(
        ask(&world, Query::default()),
        Reading::NotFresh { .. }
    ));
}

#[test]
fn r1_a_reader_with_a_min_ttl_gets_so_much_or_a_time_to_come_back() {
    let mut world = refreshing();
    world.answer("acme", lost());
    world.pass(secs(60));
    assert!(matches!(ask(&world, at_least(600)), Reading::Token { .. }));
    while world
        .read("acme")
        .expect("served")
        .expires
        .since(world.now.boot)
        > secs(1600)
    {
        world.pass_until_call(HOUR).expect("a retry");
        world.answer("acme", lost());
    }
    let planned = world.fleet.next_mint_at(&name("acme"), world.now.boot);
    world.pass(secs(30));
    match ask(&world, at_least(1620)) {
        Reading::NotFresh { word, retry_at } => {
            assert_eq!(word, Word::Retrying);
            assert_eq!(retry_at, planned);
            assert!(retry_at.expect("planned") > world.now.boot);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_min_ttl_that_no_token_ever_has_before_its_refresh_is_too_long() {
    let world = World::enrolled();
    // 0.45 of the 3603.6 s that Zoho granted here, of which an hour is trusted.
    assert!(matches!(ask(&world, at_least(1621)), Reading::Token { .. }));
    assert!(matches!(
        ask(&world, at_least(1622)),
        Reading::TooLong(max) if max.as_secs() == 1621
    ));
}

#[test]
fn after_answers_when_the_generation_differs_in_either_direction() {
    let world = World::enrolled();
    let generation = world.read("acme").expect("served").generation;
    let after = |n| Query {
        after: Some(n),
        ..Query::default()
    };
    assert!(matches!(ask(&world, after(generation)), Reading::Unchanged));
    for other in [generation - 1, generation + 1] {
        assert!(matches!(ask(&world, after(other)), Reading::Token { .. }));
    }
}

#[test]
fn r12_readers_cause_no_call_and_no_write() {
    let mut world = World::enrolled();
    world.pass(secs(1200));
    let (sent, written) = (world.sent.len(), world.writes_seen);
    for n in 0..1000 {
        let _ = ask(&world, at_least(n));
    }
    world.pass(secs(1));
    assert_eq!((world.sent.len(), world.writes_seen), (sent, written));
}

#[test]
fn a_reader_of_an_org_without_a_grant_is_told_the_word_and_of_no_plan() {
    let world = World::new(vec![settings("acme")]);
    assert!(matches!(
        ask(&world, Query::default()),
        Reading::NotFresh {
            word: Word::Unenrolled,
            retry_at: None
        }
    ));
    let nobody = world
        .fleet
        .read(&name("nobody"), Query::default(), world.now.boot);
    assert!(nobody.is_none());
}

#[test]
fn a_lost_consent_does_not_take_a_living_token_from_readers() {
    let mut world = refreshing();
    world.answer("acme", needs_consent());
    assert!(matches!(ask(&world, at_least(600)), Reading::Token { .. }));
}

/// A watcher that looks at that moment sees the other gist, and one that looks a millisecond sooner does not.
#[test]
fn a_gist_turns_at_the_moment_that_is_told_and_at_no_other() {
    let world = World::enrolled();
    let gist = |at| world.fleet.gists(at).next().expect("configured").1;
    let (mut at, mut words) = (world.now.boot, Vec::new());
    while let Some(turn) = world.org("acme").gist_turns_at(at) {
        assert_eq!(gist(Boottime(turn.0 - 1)), gist(at));
        assert_ne!(gist(turn), gist(at));
        words.push(gist(at).token);
        at = turn;
    }
    assert_eq!(words, ["fresh", "stale"]);
}

#[test]
fn r2_a_token_that_ends_while_it_waits_for_the_disk_takes_no_living_ones_place() {
    let mut world = World::enrolled();
    world.pass(secs(120));
    let served = world.read("acme").expect("served").generation;
    world.refresh("acme");
    world.disk = Disk::Slow;
    world.answer("acme", granted(secs(15), None));
    world.pass(secs(16));
    world.settle_write(true);
    assert_eq!(world.read("acme").expect("served").generation, served);
    assert!(world.out.contains_key(&name("acme")));
    world.disk = Disk::Good;
    world.pass_until_call(secs(110)).expect("another one");
    world.answer("acme", minted());
    assert_ne!(world.read("acme").expect("served").generation, served);
}
