//! The disk at its worst: full, slow, silent; at every moment at which something waits for it.

use super::world::{Disk, HOUR, World, name, secs, settings};
use super::zoho::{code, granted, minted, not_sent, refresh_token, throttled};
use crate::policy::event::Refusal;
use crate::policy::record::{Change, Word};

/// An org whose refresh is due and about to ask for a slot.
fn due() -> World {
    let mut world = World::enrolled();
    world.pass(secs(1500));
    world
}

#[test]
fn r3_no_call_goes_out_before_its_slot_is_on_the_disk() {
    let mut world = due();
    world.disk = Disk::Slow;
    world.pass(secs(600));
    assert_eq!(world.calls.len(), 0);
    let lane = world.lanes.keys().next().expect("one").clone();
    let before = world.lanes[&lane].slots.len();
    // The first was given up after half a minute; its late end sends nothing.
    world.settle_write(true);
    assert_eq!(world.calls.len(), 0);
    while world.calls.is_empty() {
        world.pass(secs(1));
        if !world.writes.is_empty() {
            world.settle_write(true);
        }
    }
    assert_eq!(world.lanes[&lane].slots.len(), before + 1);
}

#[test]
fn r7_a_token_is_published_once_it_is_on_the_disk_and_not_before() {
    let mut world = due();
    world.pass_until_call(HOUR).expect("a refresh");
    let old = world.read("acme").expect("served").generation;
    world.disk = Disk::Slow;
    let request = world.refresh("acme");
    world.answer("acme", minted());
    assert_eq!(world.read("acme").expect("served").generation, old);
    assert_eq!(world.reply(request), None);
    world.settle_write(true);
    let new = world.read("acme").expect("served").generation;
    assert!(new > old);
    assert_eq!(world.orgs[&name("acme")].generation, new);
    assert_eq!(world.reply(request), Some(&Ok(())));
}

/// An operator who has been told `throttled` must not find `ok` after a crash.
#[test]
fn r7_a_refusal_is_told_once_its_verdict_is_on_the_disk() {
    let mut world = due();
    world.pass_until_call(HOUR).expect("a refresh");
    world.disk = Disk::Slow;
    let request = world.refresh("acme");
    world.answer("acme", throttled());
    assert_eq!(world.reply(request), None);
    world.settle_write(true);
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::Throttled(..)))
    ));
    let kept = &world.orgs[&name("acme")].verdict;
    assert_eq!(kept.word, Word::Throttled);
}

#[test]
fn a_disk_that_hangs_or_fails_holds_no_refusal_back() {
    for settles in [Some(false), None] {
        let mut world = due();
        world.pass_until_call(HOUR).expect("a refresh");
        world.disk = Disk::Slow;
        let request = world.refresh("acme");
        world.answer("acme", throttled());
        match settles {
            Some(is_kept) => world.settle_write(is_kept),
            None => world.pass(secs(31)),
        }
        assert!(world.reply(request).is_some(), "{settles:?}");
    }
}

#[test]
fn a_full_disk_sends_nothing_spends_nothing_and_is_tried_again_within_a_minute() {
    let mut world = due();
    world.disk = Disk::Full;
    world.pass(secs(1200));
    assert_eq!(world.sent.len(), 1, "the enrolment alone");
    assert_eq!(world.word("acme"), Word::Retrying);
    assert!(
        (20..200).contains(&world.writes_seen),
        "{}",
        world.writes_seen
    );
    world.disk = Disk::Good;
    let waited = world.pass_until_call(secs(61)).expect("a refresh");
    assert!(waited <= secs(60));
    let lane = world.lanes.values().next().expect("one");
    assert_eq!(lane.slots.len(), 2, "no slot of a call that was not sent");
}

#[test]
fn a_token_that_the_disk_does_not_take_is_published_when_readers_would_go_short() {
    for mood in [Disk::Full, Disk::Slow] {
        let mut world = due();
        world.pass_until_call(HOUR).expect("a refresh");
        let old = world.read("acme").expect("served").clone();
        world.disk = mood;
        world.answer("acme", minted());
        let span = old.expires.since(world.now.boot);
        world.pass(span - secs(601));
        assert_eq!(
            world.read("acme").expect("served").generation,
            old.generation
        );
        world.pass(secs(1));
        let new = world.read("acme").expect("served").generation;
        assert!(new > old.generation, "{mood:?}");
        assert_eq!(world.out[&name("acme")], new);
    }
}

#[test]
fn r7_a_token_published_without_the_disk_is_acknowledged_to_no_admin() {
    for mood in [Disk::Full, Disk::Slow] {
        let mut world = World::new(vec![settings("acme")]);
        let request = world.enroll("acme", code());
        world.disk = mood;
        world.answer("acme", granted(HOUR, Some("rt-1")));
        world.pass(secs(40));
        assert!(world.read("acme").is_some(), "readers had nothing better");
        assert!(matches!(
            world.reply(request),
            Some(Err(Refusal::Later(..)))
        ));
        world.disk = Disk::Good;
        if mood == Disk::Slow {
            world.settle_write(false);
        }
        world.pass(secs(61));
        assert_eq!(world.kept("acme").as_deref(), Some("rt-1"));
        assert_eq!(world.published, 1, "the same token once");
    }
}

#[test]
fn r7_a_write_that_began_before_the_mint_does_not_publish_its_token() {
    let mut world = due();
    world.pass_until_call(HOUR).expect("a refresh");
    let old = world.read("acme").expect("served").generation;
    world.disk = Disk::Slow;
    world.enroll("acme", code());
    world.answer("acme", minted());
    world.settle_write(true);
    assert_eq!(world.read("acme").expect("served").generation, old);
    world.settle_write(true);
    assert!(world.read("acme").expect("served").generation > old);
}

#[test]
fn r7_an_admin_whose_token_came_while_the_disk_was_full_hears_of_it_when_it_is_kept() {
    let mut world = due();
    let end = world.read("acme").expect("served").expires;
    while end.since(world.now.boot) > secs(590) {
        if world.pass_until_call(secs(10)).is_some() {
            world.answer("acme", not_sent());
        }
    }
    world.pass_until_call(secs(60)).expect("a retry");
    let request = world.refresh("acme");
    world.disk = Disk::Full;
    world.enroll("acme", code());
    world.answer("acme", minted());
    let left = world.read("acme").expect("served").expires;
    assert_eq!(
        left.since(world.now.boot),
        HOUR,
        "readers would have gone short"
    );
    assert_eq!(world.reply(request), None, "it is not on the disk");
    world.disk = Disk::Good;
    world.pass(secs(61));
    assert_eq!(world.reply(request), Some(&Ok(())));
}

#[test]
fn an_admin_is_told_at_once_while_the_disk_is_full_or_hangs() {
    for mood in [Disk::Full, Disk::Slow] {
        let mut world = due();
        world.disk = mood;
        let first = world.refresh("acme");
        world.pass(secs(30));
        assert!(matches!(world.reply(first), Some(Err(Refusal::Later(..)))));
        for request in [world.refresh("acme"), world.enroll("acme", code())] {
            // Between two tries of a full disk, a request may also have begun the next.
            assert!(matches!(
                world.reply(request),
                Some(Err(Refusal::Later(..)))
            ));
        }
    }
}

#[test]
fn a_write_that_hangs_wakes_nobody_and_a_late_end_heals_it() {
    let mut world = due();
    world.disk = Disk::Slow;
    world.pass(HOUR * 5);
    assert_eq!(world.writes.len(), 1, "one at a time");
    assert_eq!(world.sent.len(), 1);
    world.disk = Disk::Good;
    world.settle_write(true);
    world.pass_until_call(secs(61)).expect("a mint");
    world.answer("acme", minted());
    assert!(world.read("acme").is_some());
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn r9_a_life_counts_from_the_call_and_the_pace_too_however_slow_the_write_before_was() {
    let mut world = due();
    world.disk = Disk::Slow;
    while world.writes.is_empty() {
        world.pass(secs(1));
    }
    world.pass(secs(25));
    world.disk = Disk::Good;
    world.settle_write(true);
    let began = world.now.boot;
    world.pass(secs(1));
    world.answer("acme", minted());
    let token = world.read("acme").expect("served");
    assert_eq!(token.started, began);
}

#[test]
fn a_mint_waits_for_a_write_of_its_own_though_another_org_has_written_their_lane() {
    let mut world = World::new(vec![settings("acme"), settings("twin")]);
    world.enroll_with_code("acme", HOUR);
    world.enroll("twin", refresh_token("rt-acme"));
    world.answer("twin", minted());
    // acme's call is over: a write of it is on its way when the next refresh takes its slot.
    world.refresh("acme");
    world.disk = Disk::Slow;
    world.answer("acme", not_sent());
    let request = world.refresh("acme");
    // twin writes the lane, with acme's new slot in it; that write fails in the end.
    world.refresh("twin");
    assert_eq!(world.writes.len(), 2);
    world.settle_write(true);
    assert!(world.calls.is_empty(), "acme's slot is on no disk yet");
    world.settle_write(false);
    world.settle_write(true);
    assert_eq!(world.calls.len(), 1);
    world.disk = Disk::Good;
    world.settle_write(true);
    world.answer("acme", minted());
    assert_eq!(world.reply(request), Some(&Ok(())));
}

#[test]
fn a_history_line_survives_a_write_that_fails() {
    let mut world = due();
    world.pass_until_call(HOUR).expect("a refresh");
    world.disk = Disk::Full;
    world.answer("acme", minted());
    world.disk = Disk::Good;
    world.pass(secs(61));
    let minted = world.history.iter().filter(|note| note.kind == "minted");
    assert_eq!(minted.count(), 2);
}

#[test]
fn a_write_that_is_tried_again_holds_each_lane_once() {
    let mut world = due();
    world.pass_until_call(HOUR).expect("a refresh");
    world.disk = Disk::Slow;
    world.answer("acme", minted());
    world.settle_write(false);
    while world.writes.is_empty() {
        world.pass(secs(1));
    }
    let (_, changes) = &world.writes[0];
    let lanes = changes
        .iter()
        .filter(|change| matches!(change, Change::Lane(_)));
    assert_eq!(lanes.count(), 1, "{changes:?}");
}
