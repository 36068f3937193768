//! What each answer of Zoho changes, and what it must not.

use super::minting::refreshing;
use super::world::{HOUR, World, name, secs};
use super::zoho::{
    cause, contradicting, granted, lost, minted, misconfigured, needs_consent, not_sent, throttled,
    transient,
};
use crate::policy::event::{Answer, Event, Refusal};
use crate::policy::record::Word;

#[test]
fn a_success_makes_the_word_ok_and_a_failure_says_its_own() {
    let answers = [
        (transient(), Word::Retrying),
        (lost(), Word::Retrying),
        (not_sent(), Word::Retrying),
        (throttled(), Word::Throttled),
        (needs_consent(), Word::NeedsConsent),
        (misconfigured(), Word::Misconfigured),
        (contradicting(None), Word::Quarantined),
        (minted(), Word::Ok),
    ];
    for (answer, word) in answers {
        let mut world = refreshing();
        assert_eq!(world.word("acme"), Word::Ok);
        world.answer("acme", answer);
        assert_eq!(world.word("acme"), word);
        let kept = world.orgs[&name("acme")].verdict.word;
        assert_eq!(kept, word, "on the disk");
    }
}

#[test]
fn r2_no_failure_touches_what_readers_have_until_the_token_ends() {
    let failures: [fn() -> Answer; 6] = [
        transient,
        lost,
        not_sent,
        throttled,
        needs_consent,
        misconfigured,
    ];
    for failure in failures {
        let mut world = refreshing();
        let token = world.read("acme").expect("served").clone();
        let end = token.expires.since(world.now.boot);
        let deadline = world.now.boot.plus(end);
        while world.now.boot < deadline {
            if !world.calls.is_empty() {
                world.answer("acme", failure());
            }
            assert_eq!(
                world.read("acme").map(|t| t.generation),
                Some(token.generation)
            );
            let left = deadline.since(world.now.boot);
            world.pass(left.min(secs(5)));
        }
        assert!(world.read("acme").is_none(), "an ended token is read");
        assert!(world.out.is_empty(), "an ended token stays outside");
    }
}

#[test]
fn an_answer_that_comes_late_twice_or_for_another_attempt_changes_nothing() {
    let mut world = refreshing();
    let attempt = world.calls[0].attempt;
    world.answer("acme", lost());
    let told = world.told.len();
    for answer in [minted(), needs_consent(), lost()] {
        world.step(Event::Answered {
            org: name("acme"),
            attempt,
            answer,
        });
    }
    assert_eq!(world.told.len(), told);
    assert_eq!(world.word("acme"), Word::Retrying);
    assert_eq!(world.published, 1);
}

#[test]
fn r4_a_throttle_is_waited_out_for_a_whole_window_and_is_no_loss_of_consent() {
    let mut world = refreshing();
    world.answer("acme", throttled());
    assert_eq!(world.word("acme"), Word::Throttled);
    let request = world.refresh("acme");
    let Some(Err(Refusal::NoBudget(at))) = world.reply(request) else {
        panic!("a refresh in a throttle");
    };
    assert_eq!(at.since(world.now.boot), secs(600));
    let waited = world.pass_until_call(HOUR).expect("a retry");
    assert_eq!(waited, secs(600));
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn r4_a_lost_consent_is_not_blurred_by_a_throttle_or_an_outage() {
    for lesser in [throttled, lost, transient, not_sent] {
        let mut world = refreshing();
        world.answer("acme", needs_consent());
        world.pass_until_call(HOUR).expect("a probe");
        world.answer("acme", lesser());
        assert_eq!(world.word("acme"), Word::NeedsConsent);
        assert_eq!(world.org("acme").cause(), Some(&cause("invalid_code")));
    }
}

#[test]
fn r4_a_throttle_in_a_lost_consent_still_keeps_everyone_from_calling() {
    let mut world = refreshing();
    world.answer("acme", needs_consent());
    world.pass_until_call(HOUR).expect("a probe");
    world.answer("acme", throttled());
    let request = world.refresh("acme");
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::NoBudget(_)))
    ));
}

#[test]
fn a_verdict_is_probed_after_2_and_10_minutes_then_hourly_and_a_success_clears_it() {
    for verdict in [needs_consent, misconfigured] {
        let mut world = refreshing();
        world.answer("acme", verdict());
        for expected in [120, 600, 3600, 3600] {
            let waited = world.pass_until_call(HOUR * 2).expect("a probe");
            assert_eq!(waited, secs(expected));
            world.answer("acme", verdict());
        }
        world.pass_until_call(HOUR * 2).expect("a probe");
        world.answer("acme", minted());
        assert_eq!(world.word("acme"), Word::Ok);
        assert!(world.read("acme").is_some());
    }
}

#[test]
fn a_probe_that_never_reached_zoho_is_no_probe() {
    let mut world = refreshing();
    world.answer("acme", needs_consent());
    world.pass_until_call(HOUR).expect("the first probe");
    for _ in 0..20 {
        world.answer("acme", not_sent());
        let waited = world.pass_until_call(HOUR).expect("again");
        assert!(waited <= secs(60), "{waited:?}");
    }
    world.answer("acme", needs_consent());
    assert_eq!(world.pass_until_call(HOUR), Some(secs(600)), "the second");
}

#[test]
fn a_verdict_is_probed_though_the_token_is_fresh() {
    let mut world = World::enrolled();
    world.refresh("acme");
    world.answer("acme", needs_consent());
    assert_eq!(world.pass_until_call(HOUR), Some(secs(120)));
}

#[test]
fn a_persons_own_tries_do_not_put_the_probes_off() {
    let mut world = refreshing();
    world.answer("acme", needs_consent());
    for _ in 0..4 {
        world.refresh("acme");
        world.answer("acme", needs_consent());
    }
    assert_eq!(world.pass_until_call(HOUR), Some(secs(120)));
}

#[test]
fn a_probe_that_somebody_joins_is_one_all_the_same() {
    let mut world = refreshing();
    world.answer("acme", needs_consent());
    for expected in [120, 600, 3600] {
        let waited = world.pass_until_call(HOUR * 2).expect("a probe");
        assert_eq!(waited, secs(expected));
        world.refresh("acme");
        world.answer("acme", needs_consent());
    }
}

#[test]
fn a_persons_try_that_never_reached_zoho_leaves_the_next_probe_where_it_is() {
    let mut world = refreshing();
    world.answer("acme", needs_consent());
    world.pass(secs(20));
    world.refresh("acme");
    world.answer("acme", not_sent());
    assert_eq!(world.pass_until_call(HOUR), Some(secs(100)));
}

#[test]
fn refreshes_at_once_cost_one_call_and_all_are_told() {
    let mut world = World::enrolled();
    let requests: Vec<_> = (0..5).map(|_| world.refresh("acme")).collect();
    assert_eq!(world.calls.len(), 1);
    world.answer("acme", minted());
    for request in requests {
        assert_eq!(world.reply(request), Some(&Ok(())));
    }
}

#[test]
fn a_refresh_is_told_why_it_failed_and_what_to_do() {
    let mut world = World::enrolled();
    let request = world.refresh("acme");
    world.answer("acme", needs_consent());
    let refused = Err(Refusal::Refused(cause("invalid_code")));
    assert_eq!(world.reply(request), Some(&refused));
    let request = world.refresh("acme");
    world.answer("acme", lost());
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::Later(_, at))) if *at > world.now.boot
    ));
}

#[test]
fn a_call_that_nobody_answers_for_is_given_up_as_lost_and_its_askers_are_told() {
    let mut world = refreshing();
    let request = world.refresh("acme");
    world.calls.clear();
    world.pass(secs(60));
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::Later(..)))
    ));
    world.pass_until_call(secs(60)).expect("a retry");
}

#[test]
fn r2_a_scheduled_token_that_ends_sooner_does_not_replace_a_longer_one() {
    let mut world = refreshing();
    let old = world.read("acme").expect("served").generation;
    world.answer("acme", granted(secs(600), None));
    assert_eq!(world.read("acme").expect("served").generation, old);
    assert_eq!(world.word("acme"), Word::Ok);
    world.pass(secs(300));
    world.restart();
    let waited = world.pass_until_call(HOUR).expect("another mint");
    assert!(waited > secs(300), "{waited:?}");
    world.answer("acme", granted(secs(600), None));
    assert!(world.read("acme").expect("served").generation > old);
}

#[test]
fn whoever_asked_for_a_token_gets_it_though_it_is_shorter_and_is_told() {
    let mut world = refreshing();
    let request = world.refresh("acme");
    world.answer("acme", granted(secs(600), None));
    assert_eq!(world.reply(request), Some(&Ok(())));
    let left = world.read("acme").expect("served").expires;
    assert_eq!(left.since(world.now.boot), secs(600));
}

#[test]
fn a_probe_that_brings_a_shorter_token_clears_the_verdict_all_the_same() {
    let mut world = refreshing();
    world.answer("acme", needs_consent());
    world.pass_until_call(HOUR).expect("a probe");
    world.answer("acme", granted(secs(60), None));
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn s4_a_quarantined_org_serves_nothing_is_not_probed_and_heals_by_refresh() {
    let mut world = refreshing();
    let request = world.refresh("acme");
    world.answer("acme", contradicting(None));
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::Refused(_)))
    ));
    assert!(world.read("acme").is_none());
    assert!(world.out.is_empty());
    assert!(
        world.orgs[&name("acme")].token.is_none(),
        "kept on the disk"
    );
    assert_eq!(world.pass_until_call(HOUR * 30), None);
    let request = world.refresh("acme");
    world.answer("acme", minted());
    assert_eq!(world.reply(request), Some(&Ok(())));
    assert!(world.read("acme").is_some());
}

#[test]
fn r4_a_rotated_refresh_token_is_kept_whatever_else_the_answer_is_worth() {
    for answer in [
        granted(HOUR, Some("rt-2")),
        granted(secs(60), Some("rt-2")),
        contradicting(Some("rt-2")),
    ] {
        let mut world = refreshing();
        world.answer("acme", answer);
        assert_eq!(world.kept("acme").as_deref(), Some("rt-2"));
    }
}
