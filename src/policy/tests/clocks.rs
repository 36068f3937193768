//! R9 over reboots whose wall clock nobody vouches for, until an answer of Zoho does.

use super::world::{Disk, HOUR, World, name, secs, settings};
use super::zoho::{lost, minted, not_sent, throttled};
use crate::base::Boottime;
use crate::policy::doubt::HOLD;
use crate::policy::event::{Event, Severity};
use crate::policy::record::Word;
use crate::policy::settings::OrgSettings;
use crate::policy::wall_clock::SPAN_ERROR;

const DAY_MS: i64 = 86_400_000;

/// `n` orgs with tokens of a minute or more ago, right after a reboot that the kernel does not vouch for.
fn doubtful(n: usize) -> World {
    let mut world = enrolled(n);
    world.sent.clear();
    world.reboot(secs(240), 0, false);
    world.dates = Some(0);
    world
}

fn enrolled(n: usize) -> World {
    let orgs: Vec<OrgSettings> = (0..n).map(|i| settings(&format!("org-{i}"))).collect();
    let mut world = World::new(orgs);
    for i in 0..n {
        world.pass(secs(1));
        world.enroll_with_code(&format!("org-{i}"), HOUR);
    }
    world.pass(secs(60));
    world
}

fn served(world: &World) -> usize {
    let orgs = world.fleet.orgs();
    orgs.filter(|(_, org)| org.served(world.now.boot).is_some())
        .count()
}

fn warnings(world: &World) -> Vec<&str> {
    let told = world.told.iter();
    let clock =
        told.filter(|(severity, note)| *severity == Severity::Warning && note.kind == "clock");
    clock.map(|(_, note)| note.detail.as_str()).collect()
}

#[test]
fn r9_one_answer_confirms_the_clock_and_every_other_org_keeps_its_token_without_a_mint() {
    let mut world = doubtful(20);
    assert_eq!((served(&world), world.calls.len()), (0, 1));
    assert_eq!(world.calls[0].org, name("org-0"), "its token ends first");
    world.pass(secs(1));
    world.answer("org-0", minted());
    assert_eq!((served(&world), world.calls.len()), (20, 0));
    assert_eq!(world.out.len(), 20);
    for (_, org) in world.fleet.orgs() {
        assert_eq!(org.word(), Word::Ok);
    }
    let left = world.read("org-7").expect("kept").expires;
    let expected = HOUR - secs(60 + 12 + 240 + 1) - SPAN_ERROR;
    assert_eq!(left.since(world.now.boot), expected);
    world.pass(secs(1200));
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn r8_a_token_that_a_date_saved_is_in_doubt_no_more_after_a_restart() {
    let mut world = doubtful(5);
    world.answer("org-0", minted());
    world.start(false);
    assert_eq!((served(&world), world.sent.len()), (5, 1));
    assert!(world.orgs.values().all(|record| record.anchor.is_vouched));
}

#[test]
fn r8_a_token_that_a_date_saved_for_an_org_off_the_config_is_in_doubt_no_more_after_a_restart() {
    let mut world = enrolled(2);
    world.reload(vec![settings("org-0")]);
    world.reboot(secs(240), 0, false);
    world.dates = Some(0);
    world.answer("org-0", minted());
    world.reload(vec![settings("org-0"), settings("org-1")]);
    assert_eq!(served(&world), 2);
    let calls = world.sent.len();
    world.start(false);
    assert_eq!((served(&world), world.sent.len()), (2, calls));
}

#[test]
fn r9_a_date_that_contradicts_the_clock_is_told_once_and_every_org_mints() {
    for error_ms in [-DAY_MS, -10_000, 10_000, DAY_MS] {
        let mut world = doubtful(5);
        world.dates = Some(error_ms);
        world.answer("org-0", minted());
        assert_eq!((served(&world), world.calls.len()), (1, 4));
        for i in 1..5 {
            world.answer(&format!("org-{i}"), minted());
        }
        let told = warnings(&world);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("2026-11-2") && told[0].contains("timedatectl"));
        assert!(world.orgs.values().all(|record| !record.anchor.is_vouched));
    }
}

#[test]
fn r9_a_slow_answer_says_nothing_and_the_next_org_is_asked() {
    let mut world = doubtful(3);
    world.fleet.hold_until = world.now.boot.plus(HOUR);
    world.pass(secs(15));
    world.answer("org-0", minted());
    assert_eq!((served(&world), world.calls.len()), (1, 1));
    assert!(warnings(&world).is_empty());
    world.answer("org-1", minted());
    assert_eq!((served(&world), world.calls.len()), (3, 0));
}

#[test]
fn r3_a_mint_that_has_not_left_when_its_token_is_confirmed_is_not_sent() {
    let mut world = doubtful(3);
    world.disk = Disk::Slow;
    world.pass(HOLD);
    world.settle_write(true);
    assert_eq!(world.sent.len(), 2, "the third waits for the disk");
    let second = world.sent[1].1.to_string();
    world.answer(&second, minted());
    while !world.writes.is_empty() {
        world.settle_write(true);
    }
    assert_eq!((served(&world), world.sent.len()), (3, 2));
    assert_eq!(world.word("org-2"), Word::Ok, "as before the reboot");
}

#[test]
fn r3_a_confirmed_token_that_waits_for_the_disk_is_spared_an_eleventh_living_one() {
    let mut world = enrolled(2);
    world.refresh("org-1");
    for _ in 0..8 {
        world.answer("org-1", lost());
        world.pass_until_call(HOUR).expect("a try again");
    }
    world.answer("org-1", minted());
    world.pass(secs(600));
    world.reboot(secs(1200), 0, false);
    world.dates = Some(0);
    world.sent.clear();
    world.pass(secs(1));
    world.disk = Disk::Slow;
    world.answer("org-0", minted());
    while !world.writes.is_empty() {
        world.settle_write(true);
    }
    assert_eq!((served(&world), world.sent.len()), (2, 0));
}

#[test]
fn r10_nobody_waits_for_a_date_longer_than_the_hold() {
    let mut world = doubtful(300);
    world.pass(HOLD - secs(1));
    assert_eq!(world.calls.len(), 1);
    world.pass(secs(1));
    assert_eq!(world.calls.len(), 64);
    while let Some(call) = world.calls.first() {
        let org = call.org.to_string();
        world.dates = None;
        world.answer(&org, minted());
    }
    assert_eq!(served(&world), 300);
}

#[test]
fn r10_a_data_center_that_hangs_holds_no_org_of_another_back() {
    let mut world = World::new(
        ["eu", "us"]
            .map(|place| {
                let mut own = settings(place);
                own.binding.data_center = place.into();
                own
            })
            .into(),
    );
    world.enroll_with_code("eu", HOUR);
    world.enroll_with_code("us", HOUR);
    world.reboot(secs(60), 0, false);
    assert_eq!(world.calls.len(), 2);
    world.dates = Some(0);
    world.answer("us", throttled());
    assert!(
        world.read("us").is_some(),
        "throttled, and its own token saved"
    );
    assert!(world.read("eu").is_none(), "another clock's word");
}

#[test]
fn r9_while_no_call_gets_through_the_orgs_take_turns_and_a_late_date_still_counts() {
    let mut world = doubtful(4);
    for i in 0..4 {
        assert_eq!(world.calls.len(), 1);
        world.dates = None;
        world.answer(&format!("org-{i}"), not_sent());
    }
    world.pass(HOLD);
    while world.calls.len() < 4 {
        world.pass(secs(1));
    }
    for i in 1..4 {
        world.answer(&format!("org-{i}"), lost());
    }
    world.dates = Some(0);
    world.answer("org-0", minted());
    assert_eq!(served(&world), 4, "though three have just failed");
    assert_eq!(world.word("org-1"), Word::Retrying);
}

#[test]
fn r9_an_org_that_must_mint_anyway_brings_the_date_that_spares_the_others() {
    let mut world = enrolled(3);
    let record = world.orgs.get_mut(&name("org-2")).expect("enrolled");
    record.token = None;
    world.reboot(secs(60), 0, false);
    assert_eq!(world.calls.len(), 1);
    world.dates = Some(0);
    world.answer("org-2", minted());
    assert_eq!(served(&world), 3);
}

#[test]
fn r9_no_date_brings_back_a_token_that_was_written_by_a_clock_that_ran_ahead() {
    // An hour and a bit after the write the clock, right again, is ahead of all that is in the state.
    let mut world = World::new(vec![settings("acme"), settings("beta")]);
    world.enroll_with_code("beta", HOUR);
    world.now.wall.0 += 3_600_000;
    world.enroll_with_code("acme", HOUR);
    for is_synchronised in [true, false] {
        let (orgs, lanes) = (world.orgs.clone(), world.lanes.clone());
        let now = world.now;
        world.reboot(HOUR + secs(60), -3_600_000, is_synchronised);
        assert!(world.read("acme").is_none(), "an hour old, but looks fresh");
        world.dates = Some(0);
        for org in ["acme", "beta"] {
            if world.calls.iter().any(|call| call.org == name(org)) {
                world.answer(org, lost());
            }
        }
        assert!(world.read("acme").is_none());
        (world.orgs, world.lanes, world.now) = (orgs, lanes, now);
        world.dates = None;
    }
}

#[test]
fn r9_a_clock_that_ran_ahead_for_a_while_does_not_put_the_right_one_in_the_wrong() {
    let mut world = World::new(vec![settings("acme"), settings("beta")]);
    world.enroll_with_code("acme", HOUR);
    world.now.wall.0 += 365 * DAY_MS;
    world.enroll_with_code("beta", HOUR);
    world.reboot(secs(60), -365 * DAY_MS, true);
    assert!(world.read("acme").is_some());
    assert!(world.read("beta").is_none());
}

#[test]
fn r9_a_synchronised_clock_that_zoho_contradicts_is_not_believed_at_the_next_boot() {
    let mut world = enrolled(3);
    assert!(world.orgs.values().all(|record| record.anchor.is_vouched));
    world.dates = Some(1_800_000);
    world.refresh("org-0");
    world.answer("org-0", minted());
    assert!(world.orgs.values().all(|record| !record.anchor.is_vouched));
    world.reboot(secs(60), 0, true);
    assert_eq!(served(&world), 0);
}

#[test]
fn r9_a_clock_that_was_set_while_the_first_call_was_out_saves_no_token() {
    let mut world = doubtful(2);
    world.now.wall.0 -= 1_800_000;
    world.answer("org-0", minted());
    assert_eq!((served(&world), world.calls.len()), (1, 1));
}

#[test]
fn r9_a_date_that_no_call_awaits_says_nothing() {
    let mut world = doubtful(2);
    let (asked, date) = (world.now.boot, world.now.wall);
    let org = name("org-1");
    world.step(Event::Dated { org, asked, date });
    assert_eq!(served(&world), 0);
}

#[test]
fn r3_a_date_gives_the_slots_their_true_age_and_frees_none() {
    let mut world = enrolled(1);
    for _ in 0..5 {
        world.refresh("org-0");
        world.answer("org-0", lost());
    }
    world.reboot(secs(700), 0, false);
    assert!(world.calls.is_empty(), "six calls look recent");
    world.dates = Some(0);
    world.refresh("org-0");
    world.answer("org-0", throttled());
    let lane = world.lanes.keys().next().expect("one").clone();
    let lane = world.fleet.ledger().lane(&lane).expect("kept");
    assert_eq!(lane.spent(world.now.boot, secs(600)), 7);
    let old = lane
        .slots
        .iter()
        .filter(|slot| slot.started < Boottime(-650_000));
    assert_eq!(old.count(), 6);
}

#[test]
fn r9_a_date_replaces_no_newer_token_by_the_stored_one() {
    let mut world = doubtful(2);
    world.dates = None;
    world.answer("org-0", minted());
    let newest = world.read("org-0").expect("minted").generation;
    world.dates = Some(0);
    world.answer("org-1", throttled());
    assert_eq!(world.read("org-0").expect("kept").generation, newest);
    assert!(world.read("org-1").is_some());
}

#[test]
fn r9_a_clock_that_claims_to_be_synchronised_and_is_behind_the_state_vouches_for_no_record() {
    let mut world = enrolled(1);
    world.reboot(secs(60), -DAY_MS, true);
    world.answer("org-0", minted());
    assert!(!world.orgs[&name("org-0")].anchor.is_vouched);
    assert!(world.read("org-0").is_some());
}

#[test]
fn r2_a_token_in_doubt_does_not_come_back_over_a_newer_one_of_an_org_that_has_left() {
    let mut world = doubtful(2);
    world.pass(HOLD);
    let request = world.refresh("org-1");
    world.answer("org-1", minted());
    assert_eq!(world.reply(request), Some(&Ok(())));
    let newest = world.read("org-1").expect("minted").generation;
    world.reload(vec![settings("org-0")]);
    world.answer("org-0", minted());
    world.reload(vec![settings("org-0"), settings("org-1")]);
    assert_eq!(world.read("org-1").expect("kept").generation, newest);
}

#[test]
fn r3_a_call_that_a_slow_disk_put_off_and_a_reboot_cut_off_counts_from_its_last_moment() {
    let mut world = enrolled(1);
    world.pass(secs(1_000));
    world.disk = Disk::Slow;
    world.refresh("org-0");
    world.pass(secs(29));
    world.settle_write(true);
    let sent = world.sent.last().expect("the call goes out late").0;
    world.disk = Disk::Good;
    let off = world.now.boot.since(sent) + secs(60);
    world.reboot(secs(60), 0, false);
    world.dates = Some(0);
    world.answer("org-0", minted());
    let lanes = world
        .fleet
        .ledger()
        .lane(world.lanes.keys().next().expect("one"));
    let oldest = lanes.expect("kept").slots.iter().map(|slot| slot.started);
    let true_start = Boottime(10_000).minus(off);
    assert!(oldest.filter(|at| *at >= true_start).count() >= 2, "R3");
}
