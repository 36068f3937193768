//! What an admin wants of refresh tokens where it is not simply done; and what the next one may rely on.

use super::world::{Disk, HOUR, World, name, secs, settings};
use super::zoho::{cause, code, granted, minted, needs_consent, refresh_token};
use crate::base::Environment;
use crate::policy::event::{Answer, Refusal, RequestId};
use crate::policy::past::{Past, Plan};
use crate::policy::record::Word;
use crate::policy::reply::Outcome;
use crate::policy::report::Finding;
use crate::policy::revocation::Said;
use crate::policy::revoke::{Ended, Wish};
use crate::policy::revoking::TRIES_MAX;

pub(super) const GRANT: Wish = Wish {
    forgets: false,
    only_old: false,
};

pub(super) const OLD: Wish = Wish {
    forgets: false,
    only_old: true,
};

pub(super) const FORGET: Wish = Wish {
    forgets: true,
    only_old: false,
};

const FORGET_OLD: Wish = Wish {
    forgets: true,
    only_old: true,
};

fn past<'a>(world: &'a World, org: &str) -> &'a [Past] {
    &world.orgs[&name(org)].past
}

#[track_caller]
fn refused(world: &World, request: RequestId) -> &str {
    match &world.ended[&request] {
        Err(Refusal::Refused(why) | Refusal::Later(why, _)) => &why.code,
        other => unreachable!("refused, but {other:?}"),
    }
}

/// Re-enrolled so often, and the newest grant has minted: the first of the older ones is being revoked.
fn replaced(times: u32) -> World {
    let mut world = World::enrolled();
    for n in 0..times {
        world.pass(secs(300));
        world.enroll("acme", code());
        world.answer("acme", granted(HOUR, Some(&format!("rt-new-{n}"))));
    }
    world.refresh("acme");
    world.answer("acme", minted());
    assert_eq!(world.revocations.len(), 1);
    world
}

/// Its newest token is not on the disk yet; somebody waits for it, and somebody else for what is wrong with the last.
fn unsaved() -> (World, RequestId, RequestId) {
    let mut world = World::enrolled();
    world.pass(secs(600));
    let served = world.read("acme").expect("served").generation;
    let report = world.report("acme", served, "INVALID_TOKEN");
    let asker = world.refresh("acme");
    world.disk = Disk::Slow;
    world.answer("acme", minted());
    (world, asker, report)
}

/// R4: else the readers would lose it where Zoho does not revoke.
#[test]
fn r4_a_wish_waits_until_the_newest_token_is_on_the_disk() {
    let (mut world, asker, _) = unsaved();
    let request = world.revoke("acme", GRANT);
    assert_eq!(refused(&world, request), "calling");
    world.disk = Disk::Good;
    world.settle_write(true);
    assert_eq!(world.reply(asker), Some(&Ok(())));
    world.revoke("acme", GRANT);
    world.say(Said::NotSent(cause("connect")));
    let newest = world.orgs[&name("acme")].generation;
    assert_eq!(world.read("acme").expect("served").generation, newest);
}

#[test]
fn whoever_waits_for_a_token_of_a_forgotten_grant_is_told_at_once() {
    let (mut world, asker, report) = unsaved();
    world.revoke("acme", FORGET);
    match world.reply(asker) {
        Some(Err(Refusal::Refused(cause))) => assert_eq!(cause.code, "unenrolled"),
        other => unreachable!("refused, but {other:?}"),
    }
    assert_eq!(world.finding(report), Some(Finding::Binding));
    world.disk = Disk::Good;
    while !world.writes.is_empty() {
        world.settle_write(true);
    }
    assert!(world.read("acme").is_none() && world.out.is_empty());
}

#[test]
fn where_no_older_one_is_left_there_is_nothing_to_revoke() {
    let mut world = World::enrolled();
    for wish in [OLD, FORGET_OLD] {
        let request = world.revoke("acme", wish);
        assert_eq!(refused(&world, request), "nothing-to-revoke");
    }
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn r7_while_the_disk_is_in_trouble_each_wish_is_refused_at_once() {
    let mut world = World::enrolled();
    world.disk = Disk::Full;
    for _ in 0..2 {
        let request = world.revoke("acme", GRANT);
        assert_eq!(refused(&world, request), "disk");
    }
    assert_eq!(world.word("acme"), Word::Ok);
}

/// R4
#[test]
fn r4_what_another_org_lives_on_is_not_revoked_and_takes_one_place_when_forgotten() {
    let mut world = World::new(vec![settings("acme"), settings("twin")]);
    world.enroll_with_code("acme", HOUR);
    world.enroll("twin", refresh_token("rt-acme"));
    world.answer("twin", minted());
    let request = world.revoke("acme", GRANT);
    assert_eq!(refused(&world, request), "shared-grant");
    assert_eq!(world.word("acme"), Word::Ok);
    let request = world.revoke("acme", FORGET);
    assert_eq!(world.ended[&request], Ok(Ended::Forgotten));
    assert_eq!(past(&world, "acme").len(), 0, "the other org's alone");
    let request = world.revoke("twin", GRANT);
    world.say(Said::Revoked);
    assert_eq!(world.ended[&request], Ok(Ended::Revoked));
    let binding = &world.org("twin").settings.binding;
    assert_eq!(world.fleet.seat_count(binding, world.now).known, 0);
}

#[test]
fn what_zoho_has_called_invalid_takes_no_place_when_it_is_forgotten_either() {
    let mut world = World::enrolled();
    world.refresh("acme");
    world.answer("acme", needs_consent());
    world.revoke("acme", FORGET);
    let binding = &world.org("acme").settings.binding;
    assert_eq!(world.fleet.seat_count(binding, world.now).known, 0);
}

/// Whoever forgets older ones has seen to them.
#[test]
fn older_ones_that_are_forgotten_take_no_place_any_more() {
    let mut world = replaced(1);
    world.say(Said::Refused(cause("http-500")));
    let known = |world: &World| {
        let binding = &world.org("acme").settings.binding;
        world.fleet.seat_count(binding, world.now).known
    };
    assert_eq!(known(&world), 2);
    let request = world.revoke("acme", FORGET_OLD);
    assert_eq!(world.ended[&request], Ok(Ended::Forgotten));
    assert_eq!((known(&world), world.word("acme")), (1, Word::Ok));
    world.pass(secs(60));
    assert_eq!(world.revocations.len(), 0);
}

#[test]
fn a_grant_that_either_word_calls_invalid_may_be_gone() {
    for word in ["invalid_code", "invalid_grant"] {
        let mut world = World::enrolled();
        world.refresh("acme");
        let gone = Outcome::NeedsConsent(cause(word));
        world.answer("acme", Answer::Sorted(gone));
        world.revoke("acme", GRANT);
        assert!(world.revocations[0].3, "{word}");
        world.say(Said::NotSent(cause("connect")));
        world.enroll("acme", code());
        world.answer("acme", granted(HOUR, Some("rt-2")));
        assert!(past(&world, "acme")[0].may_be_gone, "{word}");
    }
}

#[test]
fn an_answer_to_an_earlier_call_ends_no_later_one() {
    let mut world = World::enrolled();
    world.revoke("acme", GRANT);
    let (org, attempt, ..) = world.revocations[0].clone();
    world.say(Said::NotSent(cause("connect")));
    let second = world.revoke("acme", GRANT);
    let said = Said::Revoked;
    world.step(crate::policy::event::Event::RevocationAnswered { org, attempt, said });
    assert_eq!(world.ended.get(&second), None);
    world.say(Said::Refused(cause("invalid_client")));
    assert_eq!(refused(&world, second), "invalid_client");
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
}

/// R4: nor is it noted as one that an org uses.
#[test]
fn r4_what_is_put_back_is_to_be_revoked_no_more() {
    let mut world = World::enrolled();
    world.revoke("acme", GRANT);
    world.say(Said::NotSent(cause("connect")));
    world.pass(secs(60));
    let mut notes = world.history.iter();
    assert!(!notes.any(|note| note.detail.contains("an org uses it")));
}

#[test]
fn a_throttle_is_waited_out_and_another_refusal_is_final() {
    for (word, waits) in [
        ("Access Denied", true),
        ("http-429", true),
        ("invalid_client", false),
    ] {
        let mut world = World::enrolled();
        let request = world.revoke("acme", GRANT);
        world.say(Said::Refused(cause(word)));
        let is_later = matches!(world.ended[&request], Err(Refusal::Later(..)));
        assert_eq!(is_later, waits, "{word}");
    }
}

#[test]
fn after_one_is_revoked_the_next_follows_in_5_seconds_as_if_nothing_had_been() {
    let mut world = replaced(2);
    for pause in [5, 60] {
        world.say(Said::Refused(cause("http-500")));
        world.pass(secs(pause));
    }
    world.say(Said::Revoked);
    let status = world.fleet.status(&name("acme"), world.now).expect("there");
    assert_eq!(status.warnings.concat(), "", "all is well so far");
    world.pass(secs(4));
    assert_eq!(world.revocations.len(), 0, "not at once");
    world.pass(secs(1));
    world.say(Said::Refused(cause("http-500")));
    world.pass(secs(5));
    assert_eq!(world.revocations.len(), 1);
}

#[test]
fn what_is_given_up_is_left_to_a_person() {
    let mut world = replaced(1);
    for _ in 1..TRIES_MAX {
        world.say(Said::Refused(cause("http-500")));
        world.pass(24 * HOUR);
    }
    world.say(Said::Refused(cause("http-500")));
    world.pass(25 * HOUR);
    assert_eq!(world.revocations.len(), 0);
}

/// A call that Zoho has certainly not obeyed proves nothing, and one that never left is no try.
#[test]
fn r4_after_a_miss_no_more_is_known_than_before_it() {
    let mut world = replaced(1);
    world.say(Said::Refused(cause("http-500")));
    assert!(!past(&world, "acme")[0].may_be_gone);
    world.disk = Disk::Full;
    world.pass(secs(300));
    assert_eq!(world.revocations.len(), 0, "nothing is sent unsaved");
    world.disk = Disk::Good;
    world.pass(secs(1000));
    assert_eq!(world.revocations.len(), 1);
    assert_eq!(past(&world, "acme")[0].plan, Plan::Revoke { tries: 2 });
}

#[test]
fn nothing_is_revoked_while_an_enrolment_is_out() {
    let mut world = replaced(1);
    world.say(Said::NotSent(cause("connect")));
    world.enroll("acme", code());
    world.pass(secs(10));
    assert_eq!((world.calls.len(), world.revocations.len()), (1, 0));
    world.answer("acme", granted(HOUR, Some("rt-3")));
    world.pass(secs(1));
    assert_eq!(world.say(Said::Revoked), "rt-acme");
}

/// R4: two orgs shared it, and one of them may yet have to fall back on it.
#[test]
fn r4_what_another_org_may_fall_back_on_is_not_revoked() {
    let mut world = World::new(vec![settings("acme"), settings("twin")]);
    world.enroll_with_code("acme", HOUR);
    world.enroll("twin", refresh_token("rt-acme"));
    world.answer("twin", minted());
    for org in ["acme", "twin"] {
        world.enroll(org, code());
        world.answer(org, granted(HOUR, Some(&format!("rt-new-{org}"))));
    }
    world.refresh("acme");
    world.answer("acme", minted());
    world.pass(secs(60));
    assert_eq!(world.revocations.len(), 0, "twin may need it");
    world.refresh("twin");
    world.answer("twin", minted());
    assert_eq!(world.say(Said::Revoked), "rt-acme");
}

#[test]
fn what_was_to_be_revoked_is_also_after_its_org_has_left_the_config_and_the_rest_is_not_used() {
    let mut world = replaced(1);
    world.say(Said::NotSent(cause("connect")));
    world.settings = vec![];
    world.restart();
    world.pass(secs(1));
    assert_eq!(world.revocations.len(), 1);
    world.pass(2 * HOUR);
    assert_eq!(world.calls.len(), 0);
    assert_eq!(world.kept("acme").as_deref(), Some("rt-new-0"));
}

/// An org that left the config: what it has is revoked if a person wants that, and never used.
#[test]
fn an_org_off_the_config_mints_with_nothing_and_its_doomed_token_is_taken_over_by_nobody() {
    let mut world = World::enrolled();
    world.reload(vec![settings("beta")]);
    world.restart();
    world.revoke("acme", GRANT);
    let late = world.enroll("beta", refresh_token("rt-acme"));
    assert!(matches!(world.reply(late), Some(Err(Refusal::Later(..)))));
    world.say(Said::NotSent(cause("connect")));
    world.pass(2 * HOUR);
    assert_eq!(world.calls.len(), 0);
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
}

/// A person keeps it, or the disk did until the newer one has minted.
#[test]
fn r4_a_wish_for_the_grant_in_force_ends_no_older_one_sooner_or_against_a_persons_word() {
    for (keeps_old, said, and_then) in [
        (true, Said::Refused(cause("no-revocation")), vec![]),
        (false, Said::Refused(cause("no-revocation")), vec![]),
        (true, Said::Revoked, vec![]),
        (false, Said::Revoked, vec!["rt-acme"]),
    ] {
        let mut world = World::enrolled();
        world.enroll_keeping("acme", code(), keeps_old);
        world.answer("acme", granted(HOUR, Some("rt-2")));
        world.revoke("acme", GRANT);
        assert_eq!(world.say(said.clone()), "rt-2");
        world.pass(secs(10));
        let asked: Vec<&str> = world.revocations.iter().map(|own| &*own.2).collect();
        assert_eq!(asked, and_then, "{keeps_old} {said:?}");
        let refused = world.revoke("acme", OLD);
        let is_refused = matches!(world.ended.get(&refused), Some(Err(Refusal::Refused(_))));
        assert_eq!(is_refused, keeps_old, "{said:?}");
    }
}

#[test]
fn s4_what_is_being_revoked_is_read_under_no_config_that_contradicts_it() {
    let mut world = World::enrolled();
    world.revoke("acme", GRANT);
    assert!(world.read("acme").is_some(), "until Zoho has confirmed it");
    let mut sandbox = settings("acme");
    sandbox.binding.environment = Environment::Sandbox;
    world.reload(vec![sandbox]);
    assert!(world.read("acme").is_none());
    assert!(world.out.is_empty());
    world.reload(vec![settings("acme")]);
    world.say(Said::Refused(cause("no-revocation")));
    assert!(world.read("acme").is_some());
    assert!(world.out.contains_key(&name("acme")));
}

#[test]
fn an_org_that_is_back_in_the_config_before_zoho_refuses_to_revoke_has_its_token_at_once() {
    let mut world = World::enrolled();
    world.reload(vec![]);
    world.revoke("acme", GRANT);
    world.reload(vec![settings("acme")]);
    assert!(world.out.is_empty());
    world.say(Said::Refused(cause("no-revocation")));
    assert!(world.read("acme").is_some());
    assert!(world.out.contains_key(&name("acme")));
}
