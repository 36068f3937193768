//! Revocations: by an admin, and of what newer grants replaced; what comes of each answer, and of an end in between.

use std::time::Duration;

use super::wishes::{FORGET, GRANT, OLD};
use super::world::{Disk, HOUR, World, name, secs, settings};
use super::zoho::{
    cause, code, contradicting, granted, lost, minted, needs_consent, refresh_token,
};
use crate::policy::event::Refusal;
use crate::policy::past::{Past, Plan};
use crate::policy::record::Word;
use crate::policy::revocation::Said;
use crate::policy::revoke::Ended;
use crate::policy::revoking::TRIES_MAX;

/// Re-enrolled, and the new grant has minted: the older one is about to be revoked.
fn replaced() -> World {
    let mut world = World::enrolled();
    world.enroll("acme", code());
    world.answer("acme", granted(HOUR, Some("rt-2")));
    world.refresh("acme");
    world.answer("acme", minted());
    assert_eq!(world.revocations.len(), 1);
    world
}

/// Lets time pass until Zoho is asked to revoke; says how long that took.
fn until_asked(world: &mut World) -> Duration {
    let begun = world.now.boot;
    while world.revocations.is_empty() {
        let next = world.fleet.wake_at(world.now.boot).since(world.now.boot);
        world.pass(next);
        if !world.calls.is_empty() {
            world.answer("acme", minted());
        }
    }
    world.now.boot.since(begun)
}

fn past(world: &World) -> &[Past] {
    &world.orgs[&name("acme")].past
}

fn later(world: &World, request: crate::policy::event::RequestId) -> String {
    match world.ended.get(&request) {
        Some(Err(Refusal::Later(why, _))) => why.code.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn r4_what_zoho_has_revoked_is_gone_from_the_disk_when_it_is_told() {
    let mut world = World::enrolled();
    let request = world.revoke("acme", GRANT);
    assert_eq!(world.kept("acme"), None, "in force no more before the call");
    assert!(
        world.read("acme").is_some(),
        "readers keep it until Zoho has answered"
    );
    world.disk = Disk::Slow;
    assert_eq!(world.say(Said::Revoked), "rt-acme");
    assert_eq!(world.out.len(), 0, "taken from readers at once");
    assert_eq!(world.ended.get(&request), None, "the disk has it still");
    world.settle_write(true);
    assert_eq!(world.ended.get(&request), Some(&Ok(Ended::Revoked)));
    assert_eq!(
        (past(&world).len(), world.word("acme")),
        (0, Word::Unenrolled)
    );
    assert_eq!(world.pass_until_call(HOUR), None);
}

#[test]
fn r4_where_zoho_has_certainly_not_revoked_all_is_as_before() {
    let refused = || Said::Refused(cause("invalid_client"));
    for (said, is_final) in [(Said::NotSent(cause("connect")), false), (refused(), true)] {
        let mut world = World::enrolled();
        let generation = world.read("acme").expect("served").generation;
        let request = world.revoke("acme", GRANT);
        world.say(said);
        let is_refused = matches!(world.ended[&request], Err(Refusal::Refused(_)));
        assert_eq!(is_refused, is_final);
        assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
        assert_eq!((past(&world).len(), world.word("acme")), (0, Word::Ok));
        assert_eq!(world.read("acme").expect("served").generation, generation);
        assert_eq!(world.withdrawn, []);
        world.restart();
        assert_eq!(world.read("acme").expect("served").generation, generation);
        world.pass(HOUR / 4);
        assert_eq!(
            world.revocations.len(),
            0,
            "nobody asks behind the operator's back"
        );
    }
}

#[test]
fn r4_where_nobody_knows_nothing_is_served_and_zoho_is_asked_again() {
    let mut world = World::enrolled();
    let request = world.revoke("acme", GRANT);
    world.say(Said::Lost(cause("timeout")));
    assert_eq!(later(&world, request), "revoke-lost");
    assert!(world.read("acme").is_none() && world.out.is_empty());
    assert_eq!(world.word("acme"), Word::Unenrolled);
    assert!(past(&world)[0].may_be_gone);
    world.pass(secs(5));
    assert_eq!(world.say(Said::Gone(cause("http-400"))), "rt-acme");
    assert_eq!(past(&world).len(), 0);
    assert_eq!(world.org("acme").cause(), None);
}

/// R4, R7: kill -9 at each moment; the next start puts it right.
#[test]
fn r4_an_end_in_between_leaves_neither_a_forgotten_nor_a_used_grant() {
    // Before the wish is on the disk.
    let mut world = World::enrolled();
    world.disk = Disk::Slow;
    world.revoke("acme", GRANT);
    assert_eq!(world.revocations.len(), 0, "nothing is sent before");
    world.restart();
    world.disk = Disk::Good;
    assert_eq!(world.word("acme"), Word::Ok);
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
    // After it, whether or not the call went out.
    let mut world = World::enrolled();
    world.revoke("acme", GRANT);
    world.restart();
    assert!(world.read("acme").is_none());
    world.pass(secs(1));
    assert_eq!(world.calls.len(), 0, "it mints no more");
    assert!(past(&world)[0].may_be_gone);
    assert_eq!(world.say(Said::Revoked), "rt-acme");
    // After the answer, and before the disk has it.
    let mut world = World::enrolled();
    world.revoke("acme", GRANT);
    world.disk = Disk::Slow;
    world.say(Said::Revoked);
    world.disk = Disk::Good;
    world.restart();
    world.pass(secs(1));
    assert_eq!(world.say(Said::Gone(cause("http-400"))), "rt-acme");
    assert_eq!(past(&world).len(), 0);
}

#[test]
fn r7_a_disk_that_takes_nothing_refuses_the_wish_and_nothing_is_sent() {
    for wish in [GRANT, FORGET] {
        let mut world = World::enrolled();
        world.disk = Disk::Full;
        let request = world.revoke("acme", wish);
        assert_eq!(later(&world, request), "disk");
        assert_eq!(world.revocations.len(), 0);
        world.disk = Disk::Good;
        world.pass(secs(120));
        let is_forgotten = world.kept("acme").is_none();
        assert_eq!(
            is_forgotten,
            wish == FORGET,
            "what is only ours is dropped as soon as it can be"
        );
    }
}

#[test]
fn what_is_done_at_zoho_is_told_as_done_though_the_disk_takes_nothing() {
    let mut world = World::enrolled();
    let request = world.revoke("acme", GRANT);
    world.disk = Disk::Full;
    world.say(Said::Revoked);
    assert_eq!(world.ended.get(&request), Some(&Ok(Ended::Revoked)));
    world.disk = Disk::Good;
    world.pass(secs(120));
    assert_eq!(past(&world).len(), 0);
}

#[test]
fn forgetting_drops_the_secret_and_remembers_the_place() {
    let mut world = World::enrolled();
    let request = world.revoke("acme", FORGET);
    assert_eq!(world.ended.get(&request), Some(&Ok(Ended::Forgotten)));
    assert_eq!(world.revocations.len(), 0);
    let [left] = past(&world) else {
        panic!("{:?}", past(&world));
    };
    assert!(left.refresh_token.is_none() && left.plan == Plan::Left);
    assert!(world.out.is_empty());
    assert_eq!(world.word("acme"), Word::Unenrolled);
}

#[test]
fn a_wish_waits_for_no_call_and_changes_nothing_while_one_is_out() {
    let mut world = World::enrolled();
    world.refresh("acme");
    let request = world.revoke("acme", GRANT);
    assert_eq!(later(&world, request), "calling");
    world.answer("acme", minted());
    world.revoke("acme", GRANT);
    let second = world.revoke("acme", GRANT);
    assert_eq!(later(&world, second), "calling");
    for right in [code(), refresh_token("rt-acme")] {
        let enrolment = world.enroll("acme", right);
        assert!(matches!(
            world.reply(enrolment),
            Some(Err(Refusal::Later(..)))
        ));
    }
    assert_eq!((world.revocations.len(), world.calls.len()), (1, 0));
}

#[test]
fn r4_a_replaced_refresh_token_is_tried_a_bounded_number_of_times_at_a_slow_pace() {
    let mut world = replaced();
    let mut pauses = Vec::new();
    for _ in 1..TRIES_MAX {
        assert_eq!(world.say(Said::Refused(cause("http-500"))), "rt-acme");
        pauses.push(until_asked(&mut world).as_secs());
    }
    assert_eq!(pauses, [5, 60, 600, 3_600, 21_600, 86_400]);
    world.say(Said::Refused(cause("http-500")));
    assert!(past(&world)[0].is_given_up());
    assert!(
        past(&world)[0].refresh_token.is_some(),
        "R4: it is not forgotten"
    );
    let told = |world: &World| {
        let status = world
            .fleet
            .status(&name("acme"), world.now)
            .expect("configured");
        status.warnings.concat()
    };
    assert!(
        told(&world).contains("revoke acme --old`"),
        "{}",
        told(&world)
    );
    assert!(
        told(&world).contains("https://api-console.zoho.eu"),
        "{}",
        told(&world)
    );
    assert_eq!(world.word("acme"), Word::Ok);
    // A person's own try, as if none had been made.
    let request = world.revoke("acme", OLD);
    world.say(Said::Revoked);
    assert_eq!(world.ended.get(&request), Some(&Ok(Ended::Revoked)));
    assert_eq!(told(&world), "");
}

#[test]
fn a_call_that_never_left_is_no_try() {
    let mut world = replaced();
    for _ in 0..3 * TRIES_MAX {
        world.say(Said::NotSent(cause("connect")));
        until_asked(&mut world);
    }
    assert!(!past(&world)[0].is_given_up());
}

#[test]
fn one_call_at_a_time_and_the_rest_after_it() {
    let mut world = World::enrolled();
    for n in 2..=4 {
        world.pass(secs(300));
        world.enroll("acme", code());
        world.answer("acme", granted(HOUR, Some(&format!("rt-{n}"))));
    }
    world.refresh("acme");
    world.answer("acme", minted());
    let mut ended = Vec::new();
    for _ in 0..3 {
        assert_eq!(world.revocations.len(), 1);
        ended.push(world.say(Said::Revoked));
        world.pass(secs(5));
    }
    assert_eq!(ended, ["rt-acme", "rt-2", "rt-3"]);
    assert_eq!(world.revocations.len(), 0);
    assert_eq!(world.kept("acme").as_deref(), Some("rt-4"));
}

#[test]
fn an_older_grant_that_zoho_called_invalid_may_be_gone() {
    let mut world = World::enrolled();
    world.refresh("acme");
    world.answer("acme", needs_consent());
    world.enroll("acme", code());
    world.answer("acme", granted(HOUR, Some("rt-2")));
    assert!(past(&world)[0].may_be_gone);
}

/// What Zoho may have made nobody can revoke, and it takes a place.
#[test]
fn an_exchange_whose_answer_is_lost_may_have_taken_a_place() {
    let mut world = World::enrolled();
    world.enroll("acme", code());
    world.answer("acme", lost());
    assert_eq!(past(&world)[0].plan, Plan::Left);
    let binding = &world.org("acme").settings.binding;
    assert_eq!(world.fleet.seat_count(binding, world.now).known, 2);
}

#[test]
fn r4_what_comes_of_a_refused_code_is_revoked_and_what_a_person_brought_is_not() {
    let mut world = World::enrolled();
    world.enroll("acme", refresh_token("rt-mine"));
    world.answer("acme", contradicting(None));
    assert_eq!(past(&world).len(), 0);
    world.pass(secs(1));
    world.enroll("acme", code());
    world.answer("acme", contradicting(Some("rt-wrong")));
    assert_eq!(world.say(Said::Revoked), "rt-wrong");
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
}

#[test]
fn r4_a_refresh_token_that_another_org_took_over_meanwhile_is_not_revoked() {
    let mut world = World::new(vec![settings("acme"), settings("twin")]);
    world.enroll_with_code("acme", HOUR);
    world.enroll("acme", code());
    world.answer("acme", granted(HOUR, Some("rt-2")));
    world.enroll("twin", refresh_token("rt-acme"));
    world.answer("twin", minted());
    world.refresh("acme");
    world.answer("acme", minted());
    assert_eq!(world.revocations.len(), 0);
    assert_eq!(past(&world).len(), 0, "it is the other org's");
    // While Zoho is being asked, nobody takes it over.
    let request = world.revoke("twin", GRANT);
    let late = world.enroll("acme", refresh_token("rt-acme"));
    assert!(matches!(world.reply(late), Some(Err(Refusal::Later(..)))));
    world.say(Said::Revoked);
    assert_eq!(world.ended.get(&request), Some(&Ok(Ended::Revoked)));
}

#[test]
fn a_call_that_nobody_answers_for_is_given_up_and_made_again() {
    let mut world = World::enrolled();
    let request = world.revoke("acme", GRANT);
    world.revocations.clear();
    world.pass(secs(71));
    assert_eq!(later(&world, request), "revoke-lost");
    world.pass(secs(5));
    assert_eq!(world.revocations.len(), 1);
}

/// R4: what a person brings back into force is to be revoked no more, also where the server answers it with another.
#[test]
fn r4_a_doomed_refresh_token_that_is_taken_over_and_rotated_is_not_revoked_by_the_next_start() {
    let mut world = World::enrolled();
    world.pass(secs(120));
    world.enroll("acme", code());
    world.answer("acme", contradicting(Some("rt-doomed")));
    let doomed = past(&world).iter().any(|past| past.refresh_token.is_some());
    assert!(doomed, "of a refused enrolment");
    world.say(Said::NotSent(cause("connect")));
    world.enroll("acme", refresh_token("rt-doomed"));
    world.disk = Disk::Slow;
    world.answer("acme", granted(HOUR, Some("rt-rotated")));
    world.settle_write(true);
    world.disk = Disk::Good;
    world.restart();
    world.pass(secs(600));
    let mut asked = world.revocations.iter();
    assert!(asked.all(|(_, _, token, _)| token != "rt-doomed"));
}
