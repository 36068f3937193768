//! R8 and R9: a restart, a crash, a reboot; what is believed of the clocks after it.

use std::time::Duration;

use super::minting::refreshing;
use super::world::{Disk, HOUR, START_WALL, World, name, secs, settings};
use super::zoho::{code, lost, minted, needs_consent, refresh_token, throttled, transient};
use crate::base::UnixTime;
use crate::policy::event::{Answer, Event, Refusal};
use crate::policy::record::Word;
use crate::policy::reply::Outcome;
use crate::policy::wall_clock::SPAN_ERROR;

const DAY_MS: i64 = 86_400_000;

#[test]
fn r8_twenty_restarts_cost_no_mint_and_readers_keep_their_token() {
    let mut world = World::enrolled();
    let token = world.read("acme").expect("served").generation;
    for _ in 0..20 {
        world.restart();
        assert_eq!(world.read("acme").expect("served").generation, token);
        assert_eq!(world.out[&name("acme")], token);
        world.pass(secs(60));
    }
    assert_eq!(world.sent.len(), 1);
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn r3_a_call_whose_answer_a_crash_lost_is_spent_and_paced() {
    let mut world = refreshing();
    world.pass(secs(2));
    world.restart();
    let lane = world
        .fleet
        .ledger()
        .lane(world.lanes.keys().next().expect("one"));
    assert_eq!(lane.expect("kept").spent(world.now.boot, secs(600)), 1);
    assert_eq!(lane.expect("kept").live(world.now.boot), 2);
    let waited = world.pass_until_call(HOUR).expect("a retry");
    assert_eq!(waited, Duration::from_millis(100_100));
}

#[test]
fn r8_the_word_and_the_next_probe_outlive_a_restart() {
    let mut world = refreshing();
    world.answer("acme", needs_consent());
    world.pass_until_call(HOUR).expect("a probe");
    world.answer("acme", needs_consent());
    world.pass(secs(100));
    world.restart();
    assert_eq!(world.word("acme"), Word::NeedsConsent);
    assert_eq!(world.pass_until_call(HOUR), Some(secs(500)));
    world.answer("acme", needs_consent());
    assert_eq!(world.pass_until_call(HOUR), Some(secs(3600)), "the third");
}

#[test]
fn r8_a_stop_in_the_middle_of_a_probe_is_no_reason_for_another() {
    let mut world = refreshing();
    world.answer("acme", needs_consent());
    world.pass_until_call(HOUR).expect("a probe");
    world.pass(secs(10));
    world.restart();
    assert_eq!(world.word("acme"), Word::NeedsConsent);
    assert_eq!(world.pass_until_call(HOUR), Some(secs(590)));
    world.answer("acme", needs_consent());
    assert_eq!(world.pass_until_call(HOUR), Some(secs(3600)), "the third");
}

#[test]
fn r4_a_throttle_outlives_a_restart_for_every_org_of_the_lane() {
    let mut world = World::new(vec![settings("acme"), settings("twin")]);
    world.enroll_with_code("acme", HOUR);
    world.enroll("twin", refresh_token("rt-acme"));
    world.answer("twin", minted());
    world.refresh("acme");
    world.answer("acme", throttled());
    world.pass(secs(300));
    world.restart();
    for org in ["acme", "twin"] {
        let request = world.refresh(org);
        let Some(Err(Refusal::NoBudget(at))) = world.reply(request) else {
            panic!("{org}");
        };
        assert_eq!(at.since(world.now.boot), secs(300));
    }
}

#[test]
fn r4_a_throttle_outlives_a_restart_though_no_orgs_word_tells_of_it() {
    let worlds = [World::enrolled(), refreshing()];
    for (mut world, is_refused) in worlds.into_iter().zip([false, true]) {
        if is_refused {
            world.answer("acme", needs_consent());
            world.pass_until_call(HOUR).expect("a probe");
        } else {
            world.enroll("acme", refresh_token("rt-acme"));
        }
        world.answer("acme", throttled());
        assert_ne!(world.word("acme"), Word::Throttled);
        world.pass(secs(300));
        for reboot_s in [0, 100] {
            match reboot_s {
                0 => world.restart(),
                off_s => world.reboot(secs(off_s), 0, true),
            }
            let request = world.refresh("acme");
            let Some(Err(Refusal::NoBudget(at))) = world.reply(request) else {
                panic!("not held back after {reboot_s} s");
            };
            // A clock that a reboot compares is right to within so much.
            let error = if reboot_s == 0 { secs(0) } else { SPAN_ERROR };
            assert_eq!(at.since(world.now.boot), secs(300 - reboot_s) + error);
        }
    }
}

#[test]
fn a_call_that_zoho_answered_was_not_cut_off_whatever_became_of_its_offer() {
    let mut world = World::enrolled();
    for answer in [needs_consent(), throttled(), transient()] {
        world.pass(secs(60));
        world.enroll("acme", code());
        world.answer("acme", answer);
    }
    world.told.clear();
    world.restart();
    assert!(world.told.is_empty(), "{:?}", world.told);
}

#[test]
fn a_call_that_was_cut_off_is_told_of_at_one_start() {
    let mut world = World::enrolled();
    world.enroll("acme", code());
    for (starts_before, told) in [(0, 1), (1, 0)] {
        world.told.clear();
        world.restart();
        let cut_off = world.told.iter().filter(|(_, note)| note.kind == "cut-off");
        assert_eq!(cut_off.count(), told, "after {starts_before} starts");
        world.pass_until_call(HOUR).expect("a refresh");
        world.answer("acme", minted());
    }
}

#[test]
fn an_ended_token_is_withdrawn_at_the_start() {
    let mut world = World::enrolled();
    world.pass(secs(1500));
    world.now.boot = world.now.boot.plus(HOUR);
    world.now.wall = world.now.wall.plus(HOUR);
    world.restart();
    assert!(world.withdrawn.contains(&name("acme")));
    assert_eq!(world.word("acme"), Word::Starting);
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn what_an_org_left_outside_that_is_in_the_config_no_more_is_withdrawn_at_the_start() {
    let mut world = World::enrolled();
    world.settings.clear();
    world.restart();
    assert_eq!(world.withdrawn, [name("acme")]);
    assert_eq!(world.fleet.shelved().count(), 1);
}

#[test]
fn r9_a_reboot_with_a_credible_clock_keeps_the_token_and_its_end() {
    let mut world = World::enrolled();
    let token = world.read("acme").expect("served").generation;
    world.pass(secs(60));
    world.reboot(secs(240), 0, true);
    let kept = world.read("acme").expect("served");
    assert_eq!(kept.generation, token);
    // By so much the two clocks may differ.
    let left = HOUR - secs(300) - SPAN_ERROR;
    assert_eq!(kept.expires.since(world.now.boot), left);
    world.pass(left - secs(1));
    // The refresh has been out for long; nobody answered.
    assert!(world.read("acme").is_some());
    world.pass(secs(2));
    assert!(world.read("acme").is_none());
}

#[test]
fn r8_a_restart_after_a_reboot_keeps_the_token_whatever_the_wall_clock_shows_by_then() {
    let mut world = World::enrolled();
    world.pass(secs(60));
    world.reboot(secs(240), 0, true);
    world.now.wall.0 -= DAY_MS;
    world.start(false);
    assert!(world.read("acme").is_some());
}

#[test]
fn r9_a_reboot_whose_clock_is_not_credible_serves_no_stored_token_and_mints_at_once() {
    for (wall_error_ms, is_synchronised) in [(0, false), (-DAY_MS, true), (DAY_MS, false)] {
        let mut world = World::enrolled();
        world.pass(secs(10));
        world.reboot(secs(60), wall_error_ms, is_synchronised);
        assert!(world.read("acme").is_none());
        assert_eq!(world.word("acme"), Word::Starting);
        assert_eq!(world.calls.len(), 1, "not held by the gap");
        world.answer("acme", minted());
        assert!(world.read("acme").is_some());
    }
}

#[test]
fn r9_a_token_from_the_far_past_is_dead_after_a_reboot() {
    let mut world = World::enrolled();
    world.reboot(HOUR * 24, 0, true);
    assert!(world.read("acme").is_none());
}

#[test]
fn r3_no_clock_frees_a_slot_over_a_reboot() {
    for (off, wall_error_ms, is_synchronised) in [
        (secs(5), 0, true),
        (secs(5), 0, false),
        (secs(5), DAY_MS, true),
        (secs(5), -DAY_MS, true),
    ] {
        let mut world = World::enrolled();
        for _ in 0..9 {
            world.refresh("acme");
            world.answer("acme", lost());
        }
        world.reboot(off, wall_error_ms, is_synchronised);
        world.calls.clear();
        world.pass(secs(60));
        assert_eq!(world.sent.len(), 10, "error {wall_error_ms} ms");
        let request = world.refresh("acme");
        assert!(matches!(
            world.reply(request),
            Some(Err(Refusal::NoBudget(_)))
        ));
    }
}

#[test]
fn a_machine_that_was_off_for_long_does_not_wait_for_the_pace_of_its_last_day() {
    let mut world = World::enrolled();
    for _ in 0..5 {
        world.refresh("acme");
        world.answer("acme", lost());
    }
    world.reboot(HOUR * 5, 0, true);
    assert_eq!(world.calls.len(), 1);
}

#[test]
fn r9_a_boot_clock_that_went_back_is_another_boot() {
    let mut world = World::enrolled();
    world.pass(secs(60));
    world.now.boot = world.now.boot.minus(HOUR);
    world.start(false);
    assert!(world.read("acme").is_none());
    assert_eq!(world.calls.len(), 1);
}

#[test]
fn r3_a_lane_opened_after_the_clock_was_set_back_takes_no_other_lanes_name() {
    let mut world = World::enrolled();
    world.pass(secs(60));
    assert_eq!(world.lanes.len(), 1);
    world.now.wall = UnixTime(START_WALL);
    world.restart();
    world.enroll("acme", code());
    assert_eq!(world.lanes.len(), 2);
}

#[test]
fn the_generation_grows_over_a_reboot_with_a_clock_in_the_past() {
    let mut world = World::enrolled();
    let token = world.read("acme").expect("served").generation;
    world.reboot(secs(60), -DAY_MS, false);
    world.answer("acme", minted());
    assert_eq!(world.read("acme").expect("served").generation, token + 1);
}

#[test]
fn the_generation_grows_also_over_an_older_state_that_was_restored() {
    let mut world = World::enrolled();
    let (orgs, lanes) = (world.orgs.clone(), world.lanes.clone());
    for _ in 0..5 {
        world.refresh("acme");
        world.answer("acme", minted());
        world.pass(secs(150));
    }
    let newest = world.read("acme").expect("served").generation;
    (world.orgs, world.lanes) = (orgs, lanes);
    world.restart();
    world.refresh("acme");
    world.answer("acme", minted());
    assert!(world.read("acme").expect("served").generation > newest);
}

#[test]
fn a_state_that_has_lost_its_lanes_still_mints() {
    let mut world = World::enrolled();
    world.lanes.clear();
    world.restart();
    world.pass_until_call(HOUR).expect("a refresh");
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
    assert_eq!(world.lanes.len(), 1);
}

#[test]
fn r7_a_crash_before_a_token_was_on_the_disk_leaves_the_older_one() {
    let mut world = refreshing();
    let token = world.read("acme").expect("served").generation;
    world.disk = Disk::Slow;
    world.answer("acme", minted());
    world.disk = Disk::Good;
    world.restart();
    assert_eq!(world.read("acme").expect("served").generation, token);
}

#[test]
fn r8_a_crash_at_the_slots_write_is_paced_however_often_it_comes() {
    let mut world = World::enrolled();
    world.pass(secs(1500));
    let start = world.now.boot;
    while world.now.boot.since(start) < secs(1200) {
        // Each run crashes as soon as its call is out.
        if world.pass_until_call(secs(5)).is_some() {
            world.restart();
        }
    }
    assert!(world.sent.len() <= 13, "{}", world.sent.len());
}

#[test]
fn r9_a_suspend_ends_a_token_like_any_other_time() {
    let mut world = World::enrolled();
    let wake = world.fleet.wake_at(world.now.boot);
    assert!(wake.since(world.now.boot) <= Duration::from_secs(30));
    world.now.boot = world.now.boot.plus(HOUR * 3);
    assert!(world.read("acme").is_none());
    world.step(Event::Tick);
    assert!(world.out.is_empty());
    assert_eq!(world.calls.len(), 1);
}

/// R11: a start does not wait for a word, but for a token that is served.
#[test]
fn r11_an_org_whose_token_waits_for_the_disk_is_not_decided() {
    let mut world = World::enrolled();
    world.reboot(secs(60), 0, false);
    world.disk = Disk::Slow;
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
    assert!(!world.org("acme").is_decided(world.now.boot));
    world.settle_write(true);
    assert!(world.org("acme").is_decided(world.now.boot));
}

#[test]
fn an_api_domain_that_no_table_knows_is_in_status_without_what_follows_the_host() {
    let mut world = World::new(vec![settings("acme")]);
    world.enroll("acme", refresh_token("rt-acme"));
    let secret = "1000.0123456789abcdef0123456789abcdef";
    let mut granted = minted();
    if let Answer::Sorted(Outcome::Granted(granted)) = &mut granted {
        granted.api_domain = Some(format!("https://api.example/{secret}"));
    }
    world.answer("acme", granted);
    let status = world
        .fleet
        .status(&name("acme"), world.now)
        .expect("configured");
    let warnings = status.warnings.concat();
    assert!(
        warnings.contains("https://api.example as api_domain"),
        "{warnings}"
    );
    assert!(!warnings.contains(secret), "{warnings}");
    assert_eq!(status.binding, Some("unverified"));
}
