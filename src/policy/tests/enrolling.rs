//! Enrolments: nothing of the older grant changes until the new one is sure.

use super::minting::refreshing;
use super::world::{Disk, HOUR, World, name, secs, settings};
use super::zoho::{
    code, contradicting, granted, lost, minted, misconfigured, needs_consent, not_sent,
    refresh_token, throttled, transient,
};
use crate::policy::event::Refusal;
use crate::policy::past::Plan;
use crate::policy::record::{LaneId, Word};

fn lane(world: &World, org: &str) -> LaneId {
    let grant = world.org(org).record.grant.as_ref();
    grant.expect("granted").lane.clone()
}

#[test]
fn r8_the_token_that_comes_with_a_grant_is_used_and_not_minted_again() {
    let mut world = World::enrolled();
    assert!(world.read("acme").is_some());
    assert_eq!(world.word("acme"), Word::Ok);
    assert_eq!(world.pass_until_call(secs(1600)), None);
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn r4_a_refused_enrolment_leaves_the_older_one_as_it_was() {
    let answers = [
        (needs_consent(), true),
        (misconfigured(), true),
        (contradicting(Some("rt-new")), true),
        (granted(HOUR, None), true),
        (lost(), false),
        (not_sent(), false),
        (transient(), false),
    ];
    for (answer, is_final) in answers {
        let mut world = World::enrolled();
        let token = world.read("acme").expect("served").generation;
        let request = world.enroll("acme", code());
        world.answer("acme", answer);
        match world.reply(request) {
            Some(Err(Refusal::Refused(_))) => assert!(is_final),
            Some(Err(Refusal::Later(..))) => assert!(!is_final),
            other => panic!("{other:?}"),
        }
        assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
        assert_eq!(world.read("acme").expect("served").generation, token);
        assert_eq!(world.word("acme"), Word::Ok);
    }
}

#[test]
fn r4_the_older_refresh_token_is_kept_until_the_new_one_has_minted() {
    let mut world = World::enrolled();
    world.enroll("acme", code());
    world.answer("acme", granted(HOUR, Some("rt-2")));
    assert_eq!(world.kept("acme").as_deref(), Some("rt-2"));
    let fallbacks = |world: &World| {
        let past = world.orgs[&name("acme")].past.iter();
        let past = past.filter(|past| matches!(past.plan, Plan::Fallback { .. }));
        let tokens = past.filter_map(|past| past.refresh_token.as_ref());
        tokens
            .map(|token| token.expose().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(fallbacks(&world), ["rt-acme"]);
    // One more that has not minted either: the proven one stays the fallback.
    world.pass(secs(60));
    world.enroll("acme", code());
    world.answer("acme", granted(HOUR, Some("rt-3")));
    assert_eq!(fallbacks(&world), ["rt-acme", "rt-2"]);
    assert_eq!(world.revocations.len(), 0);
    world.pass_until_call(HOUR).expect("a refresh");
    world.answer("acme", minted());
    assert_eq!(fallbacks(&world).len(), 0);
    assert_eq!(world.revocations.len(), 1, "one call at a time");
    assert_eq!(world.kept("acme").as_deref(), Some("rt-3"));
}

#[test]
fn r3_a_refresh_token_that_we_have_goes_on_in_its_lane() {
    let mut world = World::new(vec![settings("acme"), settings("twin")]);
    world.enroll_with_code("acme", HOUR);
    let request = world.enroll("twin", refresh_token("rt-acme"));
    world.answer("twin", minted());
    assert_eq!(world.reply(request), Some(&Ok(())));
    assert_eq!(lane(&world, "twin"), lane(&world, "acme"));
    for _ in 0..8 {
        world.refresh("twin");
        world.answer("twin", transient());
    }
    let request = world.refresh("acme");
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::NoBudget(_)))
    ));
    let request = world.enroll("acme", refresh_token("rt-acme"));
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::NoBudget(_)))
    ));
}

#[test]
fn r3_one_refresh_token_enrolled_for_two_orgs_at_once_is_one_lane() {
    let mut world = World::new(vec![settings("acme"), settings("twin")]);
    world.enroll("acme", refresh_token("rt-1"));
    world.enroll("twin", refresh_token("rt-1"));
    world.answer("acme", minted());
    world.answer("twin", minted());
    assert_eq!(lane(&world, "twin"), lane(&world, "acme"));
}

#[test]
fn r3_taking_over_a_refresh_token_of_another_org_does_not_evict_that_orgs_tokens() {
    let mut world = World::new(vec![settings("acme"), settings("twin")]);
    world.enroll_with_code("acme", HOUR);
    for _ in 0..9 {
        world.pass(secs(120));
        world.refresh("acme");
        world.answer("acme", minted());
    }
    let request = world.enroll("twin", refresh_token("rt-acme"));
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::NoBudget(_)))
    ));
}

#[test]
fn r4_a_throttled_lane_is_quiet_for_every_org_that_shares_it() {
    let mut world = World::new(vec![settings("acme"), settings("twin")]);
    world.enroll_with_code("acme", HOUR);
    world.enroll("twin", refresh_token("rt-acme"));
    world.answer("twin", minted());
    world.refresh("acme");
    world.answer("acme", throttled());
    let request = world.refresh("twin");
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::NoBudget(_)))
    ));
    let request = world.enroll("twin", refresh_token("rt-acme"));
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::NoBudget(_)))
    ));
}

#[test]
fn a_throttled_enrolment_says_when_to_come_back() {
    let mut world = World::new(vec![settings("acme")]);
    let request = world.enroll("acme", code());
    world.answer("acme", throttled());
    let at = world.now.boot.plus(secs(600));
    let Some(Err(Refusal::Throttled(cause, until))) = world.reply(request) else {
        panic!("{:?}", world.reply(request));
    };
    assert_eq!((&*cause.code, *until), ("Access Denied", at));
    let mut notes = world.told.iter().map(|(_, note)| &*note.detail);
    assert!(
        notes
            .next_back()
            .is_some_and(|told| told.starts_with("enrolment refused: Access Denied"))
    );
    assert_eq!(world.word("acme"), Word::Unenrolled);
}

#[test]
fn r3_a_clients_own_limit_counts_enrolments_and_all_of_its_orgs_in_one_data_center() {
    let limited = |org: &str| {
        let mut settings = settings(org);
        settings.client_mints = Some(3);
        settings
    };
    let mut elsewhere = limited("us-org");
    elsewhere.binding.data_center = "us".into();
    let mut world = World::new(vec![limited("a"), limited("b"), limited("c"), elsewhere]);
    for org in ["a", "b", "c"] {
        world.enroll_with_code(org, HOUR);
    }
    let lanes = world.lanes.len();
    for _ in 0..50 {
        let request = world.enroll("c", code());
        assert!(matches!(
            world.reply(request),
            Some(Err(Refusal::NoBudget(_)))
        ));
    }
    assert_eq!(world.lanes.len(), lanes, "a refusal opens no lane");
    assert_eq!(world.fleet.ledger.spent_out(world.now.boot, secs(600)), []);
    let request = world.enroll("us-org", code());
    assert_eq!(world.reply(request), None, "its call is out");
}

#[test]
fn one_enrolment_of_an_org_at_a_time() {
    let mut world = World::enrolled();
    let first = world.enroll("acme", code());
    let second = world.enroll("acme", code());
    assert!(matches!(
        world.reply(second),
        Some(Err(Refusal::Later(why, _))) if why.code == "busy"
    ));
    world.answer("acme", granted(HOUR, Some("rt-2")));
    assert_eq!(world.reply(first), Some(&Ok(())));
}

#[test]
fn whoever_waits_for_the_older_grants_mint_gets_the_new_grants_token() {
    let mut world = World::enrolled();
    let refresh = world.refresh("acme");
    let old = world.calls.remove(0);
    world.enroll("acme", code());
    world.answer("acme", granted(HOUR, Some("rt-2")));
    assert_eq!(world.reply(refresh), Some(&Ok(())));
    // The old mint's answer is of a grant that is gone.
    let generation = world.read("acme").expect("served").generation;
    world.calls.push(old);
    world.answer("acme", needs_consent());
    assert_eq!(world.word("acme"), Word::Ok);
    assert_eq!(world.read("acme").expect("served").generation, generation);
}

#[test]
fn an_enrolment_clears_a_verdict_and_a_throttle() {
    for refused in [needs_consent, misconfigured, throttled, || {
        contradicting(None)
    }] {
        let mut world = World::enrolled();
        world.refresh("acme");
        world.answer("acme", refused());
        world.enroll("acme", code());
        world.answer("acme", granted(HOUR, Some("rt-2")));
        assert_eq!(world.word("acme"), Word::Ok);
        assert!(world.read("acme").is_some());
    }
}

#[test]
fn an_enrolment_that_nobody_answers_for_is_given_up() {
    let mut world = World::new(vec![settings("acme")]);
    let request = world.enroll("acme", code());
    world.pass(secs(60));
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::Later(..)))
    ));
    assert_eq!(world.word("acme"), Word::Unenrolled);
}

#[test]
fn r4_our_own_refresh_token_offered_again_and_refused_is_followed_where_it_rotates() {
    let mut world = World::enrolled();
    world.enroll("acme", refresh_token("rt-acme"));
    world.answer("acme", contradicting(Some("rt-rotated")));
    assert_eq!(world.kept("acme").as_deref(), Some("rt-rotated"));
}

#[test]
fn an_admin_is_told_that_there_is_no_such_org_or_no_grant_yet() {
    let mut world = World::new(vec![settings("acme")]);
    let nobody = world.refresh("nobody");
    assert_eq!(world.reply(nobody), Some(&Err(Refusal::NoSuchOrg)));
    let nobody = world.enroll("nobody", code());
    assert_eq!(world.reply(nobody), Some(&Err(Refusal::NoSuchOrg)));
    let early = world.refresh("acme");
    assert!(matches!(
        world.reply(early),
        Some(Err(Refusal::Refused(why))) if why.code == "unenrolled"
    ));
}

#[test]
fn r3_an_enrolment_whose_lane_is_throttled_before_it_goes_out_is_not_sent() {
    let mut world = refreshing();
    world.disk = Disk::Slow;
    let request = world.enroll("acme", refresh_token("rt-acme"));
    world.answer("acme", throttled());
    world.settle_write(true);
    assert_eq!(
        world.calls.len(),
        0,
        "nothing goes to a lane that is throttled"
    );
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::NoBudget(_)))
    ));
}
