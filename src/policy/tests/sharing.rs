//! What orgs share: a refresh token that a server may rotate, and a client with a limit of its own.

use super::world::{Disk, HOUR, World, name, secs, settings};
use super::zoho::{
    contradicting, granted, lost, minted, needs_consent, refresh_token, throttled, transient,
};
use crate::policy::event::{Refusal, Right};
use crate::policy::ledger::{Want, share};
use crate::policy::record::Word;

/// `acme` and `twin` on the refresh token `rt-acme`.
fn twins() -> World {
    let mut world = World::new(vec![settings("acme"), settings("twin")]);
    world.enroll_with_code("acme", HOUR);
    world.enroll("twin", refresh_token("rt-acme"));
    world.answer("twin", minted());
    world
}

fn both(world: &World) -> [Option<String>; 2] {
    ["acme", "twin"].map(|org| world.kept(org))
}

#[test]
fn r4_a_refresh_token_that_a_server_rotates_is_followed_by_every_org_that_shares_it() {
    let mut world = twins();
    for (org, next) in [("acme", "rt-2"), ("twin", "rt-3"), ("acme", "rt-4")] {
        world.refresh(org);
        world.answer(org, granted(HOUR, Some(next)));
        assert_eq!(both(&world), [Some(next.into()), Some(next.into())]);
    }
    world.restart();
    world.refresh("twin");
    let Right::RefreshToken(sent) = &world.calls[0].right else {
        panic!("a refresh");
    };
    assert_eq!(sent.expose(), "rt-4");
}

#[test]
fn r4_an_enrolment_with_a_shared_token_takes_its_other_orgs_along_also_where_it_is_refused() {
    for (answer, is_accepted) in [
        (granted(HOUR, Some("rt-2")), true),
        (contradicting(Some("rt-2")), false),
    ] {
        let mut world = World::new(vec![settings("acme"), settings("twin")]);
        world.enroll_with_code("acme", HOUR);
        let request = world.enroll("twin", refresh_token("rt-acme"));
        world.answer("twin", answer);
        assert_eq!(world.reply(request).expect("told").is_ok(), is_accepted);
        assert_eq!(world.kept("acme").as_deref(), Some("rt-2"));
    }
}

#[test]
fn r4_an_org_on_the_shelf_follows_too() {
    let mut world = twins();
    world.reload(vec![settings("acme")]);
    world.refresh("acme");
    world.answer("acme", granted(HOUR, Some("rt-2")));
    world.reload(vec![settings("acme"), settings("twin")]);
    world.refresh("twin");
    world.answer("twin", minted());
    assert_eq!(both(&world), [Some("rt-2".into()), Some("rt-2".into())]);
}

#[test]
fn r4_a_refusal_of_a_token_that_was_rotated_meanwhile_is_no_revocation() {
    let mut world = twins();
    world.refresh("acme");
    world.refresh("twin");
    world.answer("acme", granted(HOUR, Some("rt-2")));
    world.answer("twin", needs_consent());
    assert_eq!(world.word("twin"), Word::Retrying);
    world.pass_until_call(HOUR).expect("a retry");
    world.answer("twin", needs_consent());
    assert_eq!(world.word("twin"), Word::NeedsConsent, "of the newest");
}

#[test]
fn r3_a_mint_whose_shared_lane_is_throttled_before_it_goes_out_is_not_sent() {
    let mut world = twins();
    world.refresh("acme");
    world.disk = Disk::Slow;
    let request = world.refresh("twin");
    world.answer("acme", throttled());
    world.settle_write(true);
    assert_eq!(world.calls.len(), 0, "nothing goes to a throttled lane");
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::NoBudget(_)))
    ));
}

#[test]
fn r1_who_shares_a_lane_full_of_living_tokens_is_not_late_for_the_others() {
    let orgs = ["acme", "twin", "third"];
    let mut world = World::new(orgs.map(settings).into());
    world.enroll_with_code("acme", HOUR);
    for org in ["twin", "third"] {
        world.enroll(org, refresh_token("rt-acme"));
        world.answer(org, minted());
    }
    for _ in 0..7 {
        world.refresh("acme");
        world.answer("acme", lost());
        world.pass(secs(60));
    }
    while world.now.boot < world.read("acme").expect("served").expires {
        if let Some(call) = world.calls.first() {
            let org = call.org.to_string();
            world.answer(&org, minted());
        }
        for org in orgs {
            let token = world.read(org).expect("served");
            let left = token.expires.since(world.now.boot);
            assert!(left >= secs(600), "{org} has {left:?} left");
        }
        if world.sent.len() == 13 {
            return;
        }
        world.pass(secs(1));
    }
    panic!("nobody minted");
}

#[test]
fn r1_three_short_lives_that_began_at_one_moment_are_renewed_in_time() {
    let orgs = ["twin", "east", "second"];
    let mut world = World::new(orgs.map(settings).into());
    let life = secs(900);
    world.enroll_with_code("twin", life);
    for org in &orgs[1..] {
        world.enroll(org, refresh_token("rt-twin"));
        world.answer(org, granted(life, None));
    }
    let ended = world.now.boot.plus(life);
    while world.now.boot < ended {
        if let Some(call) = world.calls.first() {
            let org = call.org.to_string();
            world.answer(&org, granted(life, None));
        }
        for org in orgs {
            let token = world.read(org).expect("served");
            let left = token.expires.since(world.now.boot);
            assert!(left >= life / 4 - secs(2), "{org} has {left:?} left");
        }
        world.pass(secs(1));
    }
}

#[test]
fn r4_orgs_of_other_enrolments_do_not_follow() {
    let mut world = World::new(vec![settings("acme"), settings("other")]);
    world.enroll_with_code("acme", HOUR);
    world.enroll_with_code("other", HOUR);
    world.refresh("acme");
    world.answer("acme", granted(HOUR, Some("rt-2")));
    assert_eq!(world.kept("other").as_deref(), Some("rt-other"));
}

#[test]
fn the_schedule_leaves_four_of_ten_and_one_of_two() {
    let planned = [1, 2, 3, 5, 10, 12, 100].map(|mints| share(mints, Want::Schedule));
    assert_eq!(planned, [1, 1, 2, 3, 6, 8, 60]);
    assert_eq!(share(10, Want::Demand), 10);
}

#[test]
fn an_outage_of_all_of_a_clients_orgs_leaves_four_of_its_ten_mints_for_people() {
    let orgs: Vec<_> = (0..8)
        .map(|i| {
            let mut own = settings(&format!("org-{i}"));
            own.client_mints = Some(10);
            own
        })
        .collect();
    let mut world = World::new(orgs);
    for i in 0..8 {
        world.enroll_with_code(&format!("org-{i}"), HOUR);
        world.pass(secs(100));
    }
    world.sent.clear();
    let start = world.now.boot;
    while world.now.boot.since(start) < HOUR {
        if let Some(call) = world.calls.first() {
            let org = call.org.to_string();
            world.answer(&org, lost());
        }
        world.pass(secs(1));
        let recent = world
            .sent
            .iter()
            .filter(|(at, _)| at.plus(secs(600)) > world.now.boot);
        assert!(recent.count() <= 6);
    }
    while let Some(call) = world.calls.first() {
        let org = call.org.to_string();
        world.answer(&org, lost());
    }
    let mut allowed = 0;
    loop {
        let org = format!("org-{}", allowed % 8);
        let request = world.refresh(&org);
        if let Some(Err(Refusal::NoBudget(_))) = world.reply(request) {
            break;
        }
        if world.calls.iter().any(|call| call.org == name(&org)) {
            world.answer(&org, transient());
        }
        allowed += 1;
    }
    assert!(allowed >= 4, "{allowed}");
}
