//! R5: how long Zoho may be away before a reader notices. The promised numbers, at the worst moments.

use std::time::Duration;

use super::world::{HOUR, World, name, secs, settings};
use super::zoho::{Seeded, lost, minted, not_sent, throttled, transient};
use crate::base::{Boottime, OrgName};
use crate::policy::event::{Answer, Event};
use crate::policy::record::Word;
use crate::policy::schedule;

/// How calls fail in an outage, and after how long.
const KINDS: [(fn() -> Answer, u64); 4] = [
    (lost, 20_000),
    (transient, 300),
    (not_sent, 20_000),
    (not_sent, 5),
];

/// The orgs whose refreshes come first and last of many: most tokens that may live, and least time left.
fn extremes() -> [OrgName; 2] {
    let mut all: Vec<OrgName> = (0..3000).map(|n| name(&format!("org-{n}"))).collect();
    all.sort_by(|a, b| schedule::offset(a).total_cmp(&schedule::offset(b)));
    [all[0].clone(), all[2999].clone()]
}

/// The least life that a reader found left over an outage of this length from that moment on.
fn tightest(org: &OrgName, seed: u64, kind: usize, outage: (Duration, Duration)) -> Duration {
    let (failure, delay_ms) = KINDS[kind];
    let (from, length) = outage;
    let mut world = World::new(vec![settings(org.as_str())]);
    world.dice = Seeded(seed);
    world.enroll_with_code(org.as_str(), HOUR);
    let begins = world.now.boot.plus(from);
    let ends = begins.plus(length);
    let is_away = |at: Boottime| at >= begins && at < ends;
    let mut tightest = HOUR;
    while world.now.boot < ends.plus(secs(400)) {
        if world.pass_until_call(Duration::from_millis(500)).is_some() {
            if is_away(world.now.boot) {
                world.pass(Duration::from_millis(delay_ms));
                world.answer(org.as_str(), failure());
            } else {
                world.pass(secs(2));
                world.answer(org.as_str(), minted());
            }
        }
        let token = world.read(org.as_str());
        let left = token.map_or(Duration::ZERO, |token| token.expires.since(world.now.boot));
        tightest = tightest.min(left);
    }
    tightest
}

/// The least over both orgs, all kinds of failure, and outages that begin about when the refresh is due.
fn worst(length: Duration) -> Duration {
    let mut worst = HOUR;
    for (org, due) in extremes().iter().zip([1620, 1980]) {
        for from in (due - 100..due + 120).step_by(40) {
            for (kind, seed) in (0..KINDS.len()).flat_map(|kind| (0..3).map(move |n| (kind, n))) {
                worst = worst.min(tightest(org, seed, kind, (secs(from), length)));
            }
        }
    }
    worst
}

#[test]
fn r5_an_outage_shorter_than_25_minutes_gives_no_reader_an_ended_token() {
    let left = worst(secs(25 * 60 - 1));
    assert!(left > Duration::ZERO, "a reader went without");
}

#[test]
fn r5_an_outage_shorter_than_15_minutes_is_not_noticed_even_with_a_min_ttl_of_10() {
    let left = worst(secs(15 * 60 - 1));
    assert!(left >= secs(600), "only {left:?} left");
}

#[test]
fn r5_no_gap_of_a_long_outage_is_longer_than_110_seconds() {
    /// The worst case: six calls then fill the schedule's share to the brim.
    struct NoJitter;
    impl schedule::Dice for NoJitter {
        fn roll(&mut self) -> f64 {
            0.0
        }
    }
    let mut world = World::enrolled();
    world.pass_until_call(HOUR).expect("a refresh");
    let org = name("acme");
    let mut starts = vec![world.now.boot];
    while starts.len() < 9 {
        world.pass(secs(20));
        let call = world.calls.remove(0);
        let event = Event::Answered {
            org: org.clone(),
            attempt: call.attempt,
            answer: lost(),
        };
        world.step_with(event, &mut NoJitter);
        world.pass_until_call(HOUR).expect("a retry");
        starts.push(world.now.boot);
    }
    let gaps = starts.windows(2).map(|pair| pair[1].since(pair[0]));
    assert_eq!(gaps.max(), Some(Duration::from_millis(100_100)));
}

#[test]
fn a_refresh_that_failed_is_tried_again_until_it_succeeds_however_young_the_token_is() {
    for failure in [lost, transient, not_sent, throttled] {
        let mut world = World::enrolled();
        world.pass(secs(200));
        world.refresh("acme");
        world.answer("acme", failure());
        assert_ne!(world.word("acme"), Word::Ok);
        let waited = world.pass_until_call(secs(700)).expect("it is tried again");
        assert!(waited <= secs(610), "{waited:?}");
        world.answer("acme", minted());
        assert_eq!(world.word("acme"), Word::Ok);
    }
}
