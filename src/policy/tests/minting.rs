//! One org's mints: when they come, and what they cost.

use super::world::{HOUR, World, name, secs, settings};
use super::zoho::{granted, lost, minted, not_sent, transient};
use crate::base::{Boottime, Limits, UnixTime};
use crate::policy::event::Refusal;
use crate::policy::schedule;
use crate::policy::settings::OrgSettings;

/// When `acme`'s token of an hour is refreshed, in whole milliseconds after its mint.
fn refresh_after() -> std::time::Duration {
    HOUR.mul_f64(0.5 + schedule::offset(&name("acme")))
}

/// An org whose first refresh is out.
pub(super) fn refreshing() -> World {
    let mut world = World::enrolled();
    let waited = world.pass_until_call(HOUR).expect("a refresh");
    let early = refresh_after().saturating_sub(waited);
    assert!(early < secs(1), "refreshed after {waited:?}");
    world
}

#[test]
fn r1_a_token_is_refreshed_at_half_of_its_life_and_replaced() {
    let mut world = refreshing();
    let first = world.read("acme").expect("still served").generation;
    world.pass(secs(1));
    world.answer("acme", minted());
    let second = world.read("acme").expect("served");
    assert!(second.generation > first);
    assert_eq!(world.out[&name("acme")], second.generation);
    // Its life counts from the start of the call.
    assert_eq!(second.expires.since(world.now.boot), HOUR - secs(1));
}

#[test]
fn r1_who_refreshes_as_late_as_the_config_allows_does_so_a_gap_before_min_ttl() {
    for (life, min_ttl) in [(HOUR, secs(900)), (secs(900), secs(600))] {
        let late = |org: &str| OrgSettings {
            at: 0.7,
            min_ttl,
            ..settings(org)
        };
        for org in (0..20).map(|nth| format!("org-{nth}")) {
            let mut world = World::new(vec![late(&org)]);
            world.enroll_with_code(&org, life);
            let waited = world.pass_until_call(life).expect("a refresh");
            let promised = schedule::min_ttl_in_force(min_ttl, life);
            let left = life.saturating_sub(waited);
            assert!(
                left >= promised + secs(100),
                "{org}: {left:?} for {promised:?}"
            );
            // Told so, too, while that call is on its way.
            let status = world.fleet.status(&name(&org), world.now).expect("known");
            let budget = status.outage_budget_s.expect("served");
            assert!(
                budget.end >= promised.as_secs() - 15,
                "{org}: {}",
                budget.end
            );
        }
    }
}

#[test]
fn r1_an_ended_token_is_withdrawn_at_the_millisecond_of_its_end() {
    let mut world = World::enrolled();
    let end = world.read("acme").expect("served").expires;
    world.pass(HOUR - std::time::Duration::from_millis(1));
    assert!(world.out.contains_key(&name("acme")));
    while world.now.boot < end {
        world.pass(std::time::Duration::from_millis(1));
    }
    assert!(world.out.is_empty());
}

#[test]
fn r3_a_call_that_was_written_holds_the_next_back_for_100_to_110_seconds_from_its_start() {
    for failure in [lost, transient] {
        let mut world = refreshing();
        world.pass(secs(20));
        world.answer("acme", failure());
        let waited = world.pass_until_call(HOUR).expect("a retry") + secs(20);
        assert!((100..=110).contains(&waited.as_secs()), "{waited:?}");
    }
}

#[test]
fn a_call_that_was_never_written_costs_no_slot_and_is_tried_again_within_a_minute() {
    let mut world = refreshing();
    for nth in 0..50 {
        let before = world.now.boot;
        world.answer("acme", not_sent());
        world.pass_until_call(HOUR).expect("a retry");
        let waited = world.now.boot.since(before).as_millis();
        assert!((1_000..=60_000).contains(&waited), "{nth}: {waited} ms");
    }
    let lane = world.org("acme").record.grant.as_ref().expect("granted");
    let lane = world.fleet.ledger().lane(&lane.lane).expect("a lane");
    assert_eq!(
        lane.spent(world.now.boot, secs(600)),
        1,
        "the one on its way"
    );
}

#[test]
fn the_pause_after_an_unsent_call_is_short_again_once_a_call_has_reached_zoho() {
    let mut world = refreshing();
    for _ in 0..10 {
        world.answer("acme", not_sent());
        world.pass_until_call(HOUR).expect("a retry");
    }
    world.answer("acme", transient());
    world.pass_until_call(HOUR).expect("a retry");
    world.answer("acme", not_sent());
    let waited = world.pass_until_call(HOUR).expect("a retry");
    // Nothing else holds it back: the transient one began over 100 s ago.
    assert!(waited <= secs(2), "{waited:?}");
}

#[test]
fn r3_an_outage_costs_six_slots_a_window_and_leaves_four_for_a_person() {
    let mut world = refreshing();
    let start = world.now.boot;
    while world.now.boot.since(start) < secs(1750) {
        if !world.calls.is_empty() {
            world.answer("acme", transient());
        }
        world.pass(secs(1));
    }
    world.calls.clear();
    let recent = |at: &&(Boottime, _)| at.0.plus(secs(600)) > world.now.boot;
    assert_eq!(world.sent.iter().filter(recent).count(), 6);
    let mut allowed = 0;
    loop {
        let request = world.refresh("acme");
        match world.reply(request) {
            None => world.answer("acme", transient()),
            Some(Err(Refusal::NoBudget(at))) => {
                assert!(*at > world.now.boot);
                break;
            }
            other => panic!("{other:?}"),
        }
        allowed += 1;
    }
    assert_eq!(allowed, 4);
}

#[test]
fn r3_an_eleventh_live_token_is_minted_only_when_readers_are_about_to_go_short() {
    let mut world = refreshing();
    let end = world.read("acme").expect("served").expires;
    let mut waits = Vec::new();
    while world.now.boot < end {
        if !world.calls.is_empty() {
            waits.push(end.since(world.now.boot));
            world.answer("acme", lost());
        }
        world.pass(secs(1));
    }
    // The served token and nine that may live: from there on it takes min_ttl and two minutes.
    assert!(waits[..9].iter().all(|left| *left > secs(720)), "{waits:?}");
    assert!(
        waits[9..].iter().all(|left| *left <= secs(720)),
        "{waits:?}"
    );
    assert!(waits.len() > 14, "{waits:?}");
}

#[test]
fn r3_a_refresh_waits_for_room_among_the_live_ones_too() {
    let mut world = refreshing();
    world.answer("acme", minted());
    for _ in 0..8 {
        world.refresh("acme");
        world.answer("acme", minted());
        world.pass(secs(61));
    }
    let request = world.refresh("acme");
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::NoBudget(_)))
    ));
}

#[test]
fn the_generation_grows_also_when_the_wall_clock_goes_back() {
    let mut world = refreshing();
    let first = world.read("acme").expect("served").generation;
    world.now.wall = UnixTime(1_000);
    world.answer("acme", minted());
    assert_eq!(world.read("acme").expect("served").generation, first + 1);
}

#[test]
fn the_generation_is_the_unix_second_of_the_mint() {
    let world = World::enrolled();
    let token = world.read("acme").expect("served");
    assert_eq!(token.generation, world.now.wall.seconds());
}

#[test]
fn a_life_too_short_for_the_limits_is_paced_and_not_chased() {
    let mut world = World::new(vec![settings("acme")]);
    world.enroll_with_code("acme", secs(60));
    let end = world.now.boot.plus(HOUR);
    while world.now.boot < end {
        if world.pass_until_call(secs(60)).is_some() {
            world.answer("acme", granted(secs(60), None));
        }
    }
    let busiest = world.sent.iter().map(|(from, _)| {
        let within = |at: &&(Boottime, _)| at.0 >= *from && at.0 < from.plus(Limits::ZOHO.window);
        world.sent.iter().filter(within).count()
    });
    assert_eq!(busiest.max(), Some(6));
    assert!(world.sent.len() >= 35, "{}", world.sent.len());
}

#[test]
fn tokens_of_a_minute_under_limits_scaled_likewise_leave_no_reader_without() {
    let mut scaled = settings("acme");
    scaled.limits.window = secs(10);
    scaled.min_ttl = secs(10);
    let mut world = World::new(vec![scaled]);
    world.enroll_with_code("acme", secs(60));
    let end = world.now.boot.plus(secs(600));
    while world.now.boot < end {
        if world.pass_until_call(secs(1)).is_some() {
            world.answer("acme", granted(secs(60), None));
        }
        let left = world.read("acme").expect("served").expires;
        assert!(left.since(world.now.boot) >= secs(10));
    }
    assert!(world.sent.len() <= 25, "{}", world.sent.len());
}

#[test]
fn r3_a_lost_answer_counts_for_an_hour_however_short_the_lives_were_so_far() {
    let mut world = World::new(vec![settings("acme")]);
    world.enroll_with_code("acme", secs(60));
    world.pass_until_call(HOUR).expect("a refresh");
    world.answer("acme", lost());
    let lane = world.lanes.values().next().expect("one");
    let slot = lane.slots.last().expect("the lost one");
    assert!(slot.lives_until.since(slot.settled) >= HOUR);
}
