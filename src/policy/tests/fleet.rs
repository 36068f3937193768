//! Many orgs: turns, lanes that are dropped, and that one org's trouble is no other's.

use super::world::{Disk, HOUR, Sent, World, name, secs, settings};
use super::zoho::{code, granted, lost, minted, needs_consent, not_sent, refresh_token};
use crate::policy::record::Word;
use crate::policy::revocation::Said;
use crate::policy::settings::OrgSettings;
use crate::policy::turns::CALLS_MAX;

/// `n` orgs whose tokens all ended while the machine was off, spread over these data centers.
fn cold_start(n: usize, data_centers: &[&str]) -> World {
    let orgs: Vec<OrgSettings> = (0..n)
        .map(|i| {
            let mut own = settings(&format!("org-{i:04}"));
            own.binding.data_center = data_centers[i % data_centers.len()].into();
            own
        })
        .collect();
    let mut world = World::new(orgs.clone());
    for org in &orgs {
        world.enroll_with_code(org.name.as_str(), HOUR);
    }
    world.reboot(HOUR * 3, 0, true);
    world
}

fn calls_to(world: &World, data_center: &str) -> usize {
    let is_its = |call: &&Sent| {
        let org = world.fleet.org(&call.org).expect("configured");
        org.settings.binding.data_center == data_center
    };
    world.calls.iter().filter(is_its).count()
}

#[test]
fn r10_a_cold_start_of_a_thousand_orgs_is_no_herd_and_needs_no_tick_to_go_on() {
    let mut world = cold_start(1000, &["eu", "us"]);
    let mut served = 0;
    while !world.calls.is_empty() {
        assert!(calls_to(&world, "eu") <= CALLS_MAX && calls_to(&world, "us") <= CALLS_MAX);
        let org = world.calls[0].org.clone();
        world.answer(org.as_str(), minted());
        served += 1;
    }
    assert_eq!(served, 1000);
    assert!(world.fleet.orgs().all(|(_, org)| org.word() == Word::Ok));
}

#[test]
fn r10_a_data_center_that_hangs_delays_no_other() {
    let mut world = cold_start(400, &["eu", "us"]);
    while calls_to(&world, "us") > 0 {
        let is_us = |call: &Sent| call.org.as_str().ends_with(['1', '3', '5', '7', '9']);
        let at = world.calls.iter().position(is_us).expect("one");
        let org = world.calls[at].org.clone();
        world.answer(org.as_str(), minted());
    }
    assert_eq!(calls_to(&world, "eu"), CALLS_MAX);
    let served = world.fleet.orgs().filter(|(_, org)| org.word() == Word::Ok);
    assert_eq!(served.count(), 200);
}

#[test]
fn r10_in_a_data_center_that_hangs_every_org_has_its_turn() {
    // More than can have a turn before the first ones are due again.
    let mut world = cold_start(500, &["eu"]);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..12 {
        world.pass(secs(20));
        for org in world
            .calls
            .iter()
            .map(|call| call.org.clone())
            .collect::<Vec<_>>()
        {
            world.answer(org.as_str(), lost());
            seen.insert(org);
        }
    }
    assert_eq!(seen.len(), 500);
}

#[test]
fn r10_a_person_does_not_wait_for_a_turn() {
    let mut world = cold_start(200, &["eu"]);
    let waiting = world
        .fleet
        .orgs()
        .find(|(org, _)| !world.calls.iter().any(|call| call.org == **org));
    let org = waiting.expect("one waits").0.clone();
    world.refresh(org.as_str());
    assert!(world.calls.iter().any(|call| call.org == org));
}

#[test]
fn a_waiting_orgs_token_is_withdrawn_all_the_same() {
    let mut world = World::new((0..200).map(|i| settings(&format!("org-{i:03}"))).collect());
    for i in 0..200 {
        world.enroll_with_code(&format!("org-{i:03}"), HOUR);
    }
    // Nobody answers, and the calls that are given up begin again before the rest of them.
    world.pass(HOUR);
    assert!(world.out.is_empty());
}

#[test]
fn r10_one_orgs_verdict_is_no_other_orgs() {
    let mut world = World::new(vec![settings("acme"), settings("other")]);
    world.enroll_with_code("acme", HOUR);
    world.enroll_with_code("other", HOUR);
    world.refresh("acme");
    world.answer("acme", needs_consent());
    assert_eq!(world.word("other"), Word::Ok);
    world.refresh("other");
    world.answer("other", minted());
    assert_eq!(world.word("acme"), Word::NeedsConsent);
}

#[test]
fn lanes_of_refused_offers_and_replaced_grants_are_dropped_once_nothing_counts_by_them() {
    let mut world = World::enrolled();
    for _ in 0..5 {
        world.enroll("acme", code());
        world.answer("acme", needs_consent());
    }
    world.enroll("acme", code());
    world.answer("acme", granted(HOUR, Some("rt-2")));
    assert_eq!(world.lanes.len(), 7);
    world.refresh("acme");
    world.answer("acme", minted());
    world.say(Said::Revoked);
    for _ in 0..6 {
        world.pass_until_call(HOUR).expect("a refresh");
        world.answer("acme", minted());
    }
    assert_eq!(world.lanes.len(), 1, "the one in force");
    assert_eq!(world.fleet.ledger.spent_out(world.now.boot, HOUR).len(), 0);
}

#[test]
fn the_lane_of_an_org_on_the_shelf_is_kept() {
    let mut world = World::enrolled();
    world.reload(vec![]);
    world.pass(HOUR * 5);
    assert_eq!(world.lanes.len(), 1);
}

#[test]
fn of_two_orgs_on_one_lane_neither_starves_however_short_their_tokens_live() {
    let mut world = World::new(vec![settings("acme"), settings("twin")]);
    world.enroll_with_code("acme", secs(60));
    world.enroll("twin", refresh_token("rt-acme"));
    world.answer("twin", granted(secs(60), None));
    for _ in 0..20 {
        world.pass_until_call(HOUR).expect("a mint");
        let org = world.calls[0].org.clone();
        world.answer(org.as_str(), granted(secs(60), None));
    }
    let of_twin = world.sent.iter().filter(|(_, org)| *org == name("twin"));
    assert!((9..=12).contains(&of_twin.count()), "{:?}", world.sent);
}

#[test]
fn a_sleep_is_never_longer_than_30_seconds() {
    let world = World::new(vec![settings("acme")]);
    let wake = world.fleet.wake_at(world.now.boot);
    assert_eq!(wake.since(world.now.boot), secs(30));
}

#[test]
fn a_quiet_hour_writes_next_to_nothing() {
    let mut world = World::enrolled();
    let before = world.writes_seen;
    for _ in 0..2 {
        world.pass_until_call(HOUR).expect("a refresh");
        world.answer("acme", minted());
    }
    // Per mint: the slot, and the token with what became of the slot.
    assert_eq!(world.writes_seen - before, 4);
    for _ in 0..50 {
        world.pass_until_call(HOUR).expect("a refresh");
        world.answer("acme", minted());
    }
    let lane = world.lanes.values().next().expect("one");
    assert!(
        lane.slots.len() <= 6,
        "slots that count no more are forgotten"
    );
}

#[test]
fn an_outage_that_is_never_sent_tells_the_operator_once() {
    let mut world = World::enrolled();
    world.pass_until_call(HOUR).expect("a refresh");
    let before = world.told.len();
    for _ in 0..30 {
        world.answer("acme", not_sent());
        world.pass_until_call(HOUR).expect("a retry");
    }
    assert_eq!(world.told.len() - before, 1);
    world.answer("acme", minted());
    assert_eq!(world.told.len() - before, 3, "ok again, and minted");
}

#[test]
fn a_full_disk_of_one_org_is_told_once_and_its_end_too() {
    let mut world = World::enrolled();
    world.pass_until_call(HOUR).expect("a refresh");
    world.disk = Disk::Full;
    world.answer("acme", lost());
    world.pass(secs(600));
    world.disk = Disk::Good;
    world.pass(secs(61));
    let about = world.told.iter().filter(|(_, note)| note.kind == "state");
    assert_eq!(about.count(), 2);
    let org = name("acme");
    assert!(world.told.iter().all(|(_, note)| note.org == org));
}
