//! Another client secret, by a reload, a restart or an admin: it is tried at once, and nothing is lost.

use std::sync::Arc;

use super::minting::refreshing;
use super::world::{HOUR, World, name, secs, settings};
use super::zoho::{cause, code, contradicting, granted, minted, needs_consent};
use crate::base::{Secret, SecretMark};
use crate::policy::event::{Answer, Event, Refusal, RequestId};
use crate::policy::record::Word;
use crate::policy::reply::Outcome;
use crate::policy::settings::OrgSettings;

const OLD: SecretMark = SecretMark(1);
const NEW: SecretMark = SecretMark(2);

fn with_secret(org: &str, secret: SecretMark) -> OrgSettings {
    OrgSettings {
        secret: Some(secret),
        ..settings(org)
    }
}

fn misconfigured(code: &str) -> Answer {
    Answer::Sorted(Outcome::Misconfigured(cause(code)))
}

/// An org whose client Zoho has refused with the old secret, three times.
fn refused_client() -> World {
    let mut world = World::new(vec![with_secret("acme", OLD)]);
    world.enroll_with_code("acme", HOUR);
    for _ in 0..3 {
        world.pass_until_call(HOUR).expect("a try");
        world.answer("acme", misconfigured("invalid_client_secret"));
    }
    assert_eq!(world.word("acme"), Word::Misconfigured);
    world.pass(secs(1));
    world.sent.clear();
    world
}

#[test]
fn another_secret_in_a_reload_is_tried_at_once_and_the_same_one_is_not() {
    let mut world = refused_client();
    world.reload(vec![with_secret("acme", OLD)]);
    assert!(
        world.calls.is_empty(),
        "the same secret waits for its probe"
    );
    world.reload(vec![with_secret("acme", NEW)]);
    assert_eq!(world.calls.len(), 1, "at once");
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
}

#[test]
fn another_secret_that_is_wrong_too_is_probed_anew_from_two_minutes_on() {
    let mut world = refused_client();
    world.reload(vec![with_secret("acme", NEW)]);
    world.answer("acme", misconfigured("invalid_client_secret"));
    world.reload(vec![with_secret("acme", NEW)]);
    assert!(world.calls.is_empty());
    assert_eq!(world.pass_until_call(HOUR), Some(secs(120)));
}

/// R8: with the secret that Zoho refused a restart is no probe; with another one it is what the operator wants.
#[test]
fn r8_a_restart_tries_at_once_with_another_secret_alone() {
    let mut world = refused_client();
    world.restart();
    assert!(world.calls.is_empty());
    world.settings = vec![with_secret("acme", NEW)];
    world.restart();
    assert_eq!(world.calls.len(), 1);
    world.restart();
    let waited = world.pass_until_call(HOUR).expect("a probe");
    assert!(waited >= secs(100), "a crash in between paces: {waited:?}");
}

#[test]
fn a_refusal_that_comes_after_the_reload_is_of_the_old_secret() {
    let mut world = World::new(vec![with_secret("acme", OLD)]);
    world.enroll_with_code("acme", HOUR);
    world.pass_until_call(HOUR).expect("a refresh");
    world.reload(vec![with_secret("acme", NEW)]);
    world.pass(secs(1));
    world.answer("acme", misconfigured("invalid_client"));
    assert_eq!(world.calls.len(), 1, "the new one is tried at once");
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
}

/// R4: another secret says nothing of a grant that is gone.
#[test]
fn r4_another_secret_is_no_reason_to_try_a_grant_that_is_gone() {
    for answer in [needs_consent(), misconfigured("invalid_scope")] {
        let mut world = World::new(vec![with_secret("acme", OLD)]);
        world.enroll_with_code("acme", HOUR);
        world.pass_until_call(HOUR).expect("a refresh");
        world.answer("acme", answer);
        world.reload(vec![with_secret("acme", NEW)]);
        assert!(world.calls.is_empty());
    }
}

/// R3: however often the secret changes.
#[test]
fn r3_a_storm_of_secrets_stays_within_the_share_of_the_schedule() {
    let mut world = refused_client();
    let begun = world.now.boot;
    for n in 10..60 {
        world.reload(vec![with_secret("acme", SecretMark(n))]);
        if !world.calls.is_empty() {
            world.answer("acme", misconfigured("invalid_client_secret"));
        }
        world.pass(secs(1));
    }
    assert!(world.now.boot.since(begun) < secs(600));
    assert!((3..=6).contains(&world.sent.len()), "{}", world.sent.len());
}

fn prove(world: &mut World, org: &str, secret: &str) -> RequestId {
    world.requests += 1;
    let request = RequestId(world.requests);
    world.step(Event::Prove {
        org: name(org),
        request,
        client_secret: Arc::new(Secret::new(secret.to_owned())),
    });
    request
}

fn sealed(world: &World, org: &str) -> Option<String> {
    let grant = world.orgs.get(&name(org))?.grant.as_ref()?;
    let secret = grant.client_secret.as_ref()?;
    Some(secret.expose().to_owned())
}

#[test]
fn a_secret_that_one_mint_proves_is_sealed_for_every_org_of_the_client_there() {
    let elsewhere = {
        let mut own = settings("gamma");
        own.binding.data_center = "us".into();
        own
    };
    let mut other = settings("delta");
    other.binding.client_id = "1000.OTHER".into();
    let mut world = World::new(vec![settings("acme"), settings("beta"), elsewhere, other]);
    for org in ["acme", "beta", "gamma", "delta"] {
        world.enroll_with_code(org, HOUR);
    }
    world.sent.clear();
    let enrolled_at = world
        .org("acme")
        .record
        .grant
        .as_ref()
        .expect("one")
        .enrolled_at;
    world.pass(secs(700));
    let request = prove(&mut world, "acme", "new");
    assert_eq!(sealed(&world, "acme"), None, "not before Zoho has taken it");
    world.answer("acme", minted());
    assert_eq!(world.reply(request), Some(&Ok(())));
    for (org, secret) in [
        ("acme", Some("new")),
        ("beta", Some("new")),
        ("gamma", None),
        ("delta", None),
    ] {
        assert_eq!(sealed(&world, org).as_deref(), secret, "{org}");
        assert_eq!(world.kept(org), Some(format!("rt-{org}")));
    }
    assert_eq!(world.sent.len(), 1, "one mint for all");
    let others = world.fleet.sharers_of_secret(&name("acme"));
    assert_eq!(others, [name("beta")]);
    let grant = world.org("acme").record.grant.as_ref().expect("one");
    assert_eq!(grant.enrolled_at, enrolled_at, "no new enrolment");
    world.restart();
    assert_eq!(sealed(&world, "beta").as_deref(), Some("new"));
}

#[test]
fn an_org_whose_sealed_secret_was_refused_tries_the_proved_one_at_once() {
    let mut world = World::new(vec![settings("acme"), settings("beta")]);
    for org in ["acme", "beta"] {
        world.enroll_with_code(org, HOUR);
        let request = prove(&mut world, org, "old");
        world.answer(org, minted());
        assert_eq!(world.reply(request), Some(&Ok(())));
    }
    world.pass(secs(700));
    for org in ["acme", "beta"] {
        world.refresh(org);
        world.answer(org, misconfigured("invalid_client_secret"));
    }
    assert_eq!(world.word("beta"), Word::Misconfigured);
    world.pass(secs(1));
    prove(&mut world, "acme", "new");
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
    assert_eq!(world.calls.len(), 1, "beta tries it");
    world.answer("beta", minted());
    assert_eq!(world.word("beta"), Word::Ok);
}

#[test]
fn a_secret_that_zoho_refuses_changes_nothing() {
    let mut world = World::enrolled();
    let token = world.read("acme").expect("served").generation;
    let request = prove(&mut world, "acme", "wrong");
    world.answer("acme", misconfigured("invalid_client_secret"));
    let told = world.reply(request).expect("told");
    assert!(matches!(told, Err(Refusal::Refused(cause)) if cause.code == "invalid_client_secret"));
    assert_eq!(
        (world.word("acme"), sealed(&world, "acme")),
        (Word::Ok, None)
    );
    assert_eq!(world.read("acme").expect("served").generation, token);
    assert!(world.org("acme").cause().is_none());
}

#[test]
fn no_secret_is_proved_without_a_grant_or_against_the_config() {
    let mut world = World::new(vec![settings("acme")]);
    let request = prove(&mut world, "acme", "new");
    let told = world.reply(request).expect("told");
    assert!(matches!(told, Err(Refusal::Refused(cause)) if cause.code == "unenrolled"));
    world.enroll("acme", code());
    world.answer("acme", granted(HOUR, Some("rt-acme")));
    let mut moved = settings("acme");
    moved.binding.data_center = "us".into();
    world.reload(vec![moved]);
    let request = prove(&mut world, "acme", "new");
    let told = world.reply(request).expect("told");
    assert!(
        matches!(told, Err(Refusal::Refused(cause)) if cause.code == "config-contradicts-grant")
    );
}

/// R4: a server that rotates refresh tokens does so at a proof too.
#[test]
fn r4_a_refresh_token_that_a_proof_brings_takes_the_old_ones_place() {
    let mut world = World::enrolled();
    prove(&mut world, "acme", "new");
    world.answer("acme", granted(HOUR, Some("rt-rotated")));
    assert_eq!(world.kept("acme").as_deref(), Some("rt-rotated"));
}

/// S4
#[test]
fn s4_a_proof_that_names_another_place_quarantines() {
    let mut world = refreshing();
    world.answer("acme", minted());
    let request = prove(&mut world, "acme", "new");
    world.answer("acme", contradicting(None));
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::Refused(_)))
    ));
    assert_eq!(world.word("acme"), Word::Quarantined);
    assert!(world.read("acme").is_none());
}

/// The mint that proves a secret is one that proves the grant, too.
#[test]
fn a_proof_ends_what_an_older_grant_was_kept_for() {
    let mut world = World::enrolled();
    world.pass(secs(300));
    world.enroll("acme", code());
    world.answer("acme", granted(HOUR, Some("rt-2")));
    assert_eq!(world.revocations.len(), 0, "it may yet be fallen back on");
    prove(&mut world, "acme", "new");
    world.answer("acme", minted());
    assert_eq!(world.revocations.len(), 1);
}

#[test]
fn whoever_waits_for_a_mint_has_the_token_of_the_proof() {
    let mut world = World::enrolled();
    world.pass(secs(600));
    let asker = world.refresh("acme");
    let request = prove(&mut world, "acme", "new");
    assert_eq!(world.calls.len(), 2);
    world.calls.swap(0, 1);
    world.answer("acme", minted());
    assert_eq!(world.reply(request), Some(&Ok(())));
    assert_eq!(world.reply(asker), Some(&Ok(())));
}

#[test]
fn a_proof_whose_token_ended_on_the_way_is_a_proof_and_takes_nothing_from_readers() {
    let mut world = World::enrolled();
    let served = world.read("acme").expect("served").generation;
    let request = prove(&mut world, "acme", "new");
    world.pass(secs(10));
    world.answer("acme", granted(secs(5), None));
    let told = world.reply(request).expect("told");
    assert!(matches!(told, Err(Refusal::Refused(cause)) if cause.code == "ended-on-the-way"));
    assert_eq!(sealed(&world, "acme").as_deref(), Some("new"));
    assert_eq!(world.read("acme").expect("served").generation, served);
}
