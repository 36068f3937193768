//! Another config at every moment: while a mint, an enrolment or a write is on its way.

use super::minting::refreshing;
use super::world::{Disk, HOUR, World, name, secs, settings};
use super::zoho::{code, contradicting, granted, lost, minted, needs_consent};
use crate::base::{Environment, ScopeSet};
use crate::policy::event::Refusal;
use crate::policy::record::Word;
use crate::policy::revoke::Wish;
use crate::policy::settings::OrgSettings;

fn sandbox() -> OrgSettings {
    let mut settings = settings("acme");
    settings.binding.environment = Environment::Sandbox;
    settings
}

fn is_refused(world: &World, request: crate::policy::event::RequestId) -> bool {
    matches!(world.reply(request), Some(Err(Refusal::Refused(_))))
}

#[test]
fn s4_a_config_that_contradicts_the_grant_serves_and_sends_nothing_until_it_agrees_again() {
    let mut world = World::enrolled();
    let token = world.read("acme").expect("served").generation;
    let others: [fn(&mut OrgSettings); 4] = [
        |own| own.binding.environment = Environment::Developer,
        |own| own.binding.client_id = "1000.OTHER".into(),
        |own| own.binding.data_center = "us".into(),
        |own| own.binding.scopes = ScopeSet::parse("ZohoCRM.org.READ"),
    ];
    for change in others {
        let mut other = settings("acme");
        change(&mut other);
        world.reload(vec![other]);
        assert_eq!(world.word("acme"), Word::Misconfigured);
        assert!(world.read("acme").is_none());
        assert!(world.out.is_empty());
        let request = world.refresh("acme");
        assert!(is_refused(&world, request) && world.calls.is_empty());
        assert_eq!(world.pass_until_call(secs(120)), None);
        world.reload(vec![settings("acme")]);
        assert_eq!(world.word("acme"), Word::Ok);
        assert_eq!(world.read("acme").expect("again").generation, token);
        assert_eq!(world.out[&name("acme")], token);
    }
}

/// Whoever is cut off hears of it before, in the log and in the history, and from when on.
#[test]
fn a_config_that_contradicts_the_grant_is_told_with_what_differs_and_since_when() {
    let mut world = World::enrolled();
    assert_eq!(world.fleet.cut_off_by(&[settings("acme")]), []);
    let (org, differs, cure) = world.fleet.cut_off_by(&[sandbox()]).remove(0);
    assert_eq!(org, name("acme"));
    let wanted = "the grant was enrolled for environment production, the config says sandbox";
    assert_eq!(differs, wanted);
    assert!(cure.starts_with("Put the config back"), "{cure}");

    world.pass(secs(600));
    let since = |world: &World| {
        let status = world.fleet.status(&name("acme"), world.now);
        status.expect("there").grant_since
    };
    let now = |world: &World| world.now.wall.to_rfc3339();
    let last = |world: &World| {
        let mut notes = world.history.iter().filter(|note| note.kind == "grant");
        notes.next_back().map(|note| note.detail.clone())
    };
    world.reload(vec![sandbox()]);
    assert_eq!(since(&world), now(&world));
    let told = last(&world).expect("it is told");
    assert_eq!(
        told,
        format!("misconfigured: config-contradicts-grant: {wanted}")
    );
    let meaning = world.fleet.remedy(&name("acme")).expect("a cure").meaning;
    assert_eq!(meaning.to_lowercase(), wanted);
    assert_eq!(world.fleet.cut_off_by(&[sandbox()]), [], "no more than now");

    let begun = since(&world);
    world.pass(secs(60));
    world.reload(vec![sandbox()]);
    world.restart();
    assert_eq!(since(&world), begun);
    world.reload(vec![settings("acme")]);
    assert_eq!(
        (since(&world), last(&world)),
        (now(&world), Some("ok".into()))
    );
}

#[test]
fn r8_a_reload_that_changes_nothing_costs_no_mint_and_no_withdrawal() {
    let mut world = World::enrolled();
    for _ in 0..20 {
        world.reload(vec![settings("acme")]);
        world.pass(secs(10));
    }
    assert_eq!(world.sent.len(), 1);
    assert!(world.out.contains_key(&name("acme")));
}

#[test]
fn s3_an_enrolment_made_under_another_config_is_not_stored_under_this_one() {
    let mut world = World::enrolled();
    let request = world.enroll("acme", code());
    world.reload(vec![sandbox()]);
    assert!(is_refused(&world, request));
    world.answer("acme", granted(HOUR, Some("rt-of-production")));
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
    // Its cure, an enrolment under the new config, is not refused by a reload that changes nothing for it.
    let request = world.enroll("acme", code());
    world.reload(vec![sandbox()]);
    assert_eq!(world.reply(request), None);
}

#[test]
fn s4_a_token_of_the_older_grant_never_comes_out_under_the_config_that_contradicts_it() {
    let mut world = World::enrolled();
    let mut other = settings("acme");
    other.binding.scopes = ScopeSet::parse("ZohoCRM.org.READ");
    world.reload(vec![other]);
    world.enroll("acme", code());
    world.disk = Disk::Slow;
    world.answer("acme", granted(HOUR, Some("rt-2")));
    assert!(
        world.read("acme").is_none(),
        "the older one, of other scopes"
    );
    world.settle_write(true);
    let token = world.read("acme").expect("the new one");
    assert!(token.scope.is_same_as(&ScopeSet::parse("ZohoCRM.org.READ")));
}

#[test]
fn s4_a_revocation_does_not_bring_back_a_token_that_the_config_contradicts() {
    let mut world = World::enrolled();
    world.reload(vec![sandbox()]);
    world.revoke("acme", Wish::default());
    assert!(world.read("acme").is_none(), "while Zoho is asked");
}

#[test]
fn r4_a_refresh_token_that_comes_while_the_config_contradicts_the_grant_is_kept() {
    let mut world = refreshing();
    let request = world.refresh("acme");
    world.reload(vec![sandbox()]);
    assert!(is_refused(&world, request));
    world.answer("acme", contradicting(Some("rt-2")));
    assert_eq!(world.kept("acme").as_deref(), Some("rt-2"));
    assert_eq!(world.word("acme"), Word::Misconfigured);
    // The config was wrong, not the grant: back to it, nothing is in quarantine.
    world.reload(vec![settings("acme")]);
    assert_eq!(world.word("acme"), Word::Ok);
    assert!(world.read("acme").is_some());
}

#[test]
fn a_mint_whose_slot_is_not_on_the_disk_yet_is_off_when_the_config_contradicts_the_grant() {
    let mut world = World::enrolled();
    world.disk = Disk::Slow;
    let request = world.refresh("acme");
    world.reload(vec![sandbox()]);
    assert!(is_refused(&world, request));
    world.disk = Disk::Good;
    world.settle_write(true);
    assert!(world.calls.is_empty());
}

#[test]
fn an_org_that_leaves_is_withdrawn_and_its_askers_are_told() {
    let mut world = World::enrolled();
    let refresh = world.refresh("acme");
    let enroll = world.enroll("acme", code());
    world.reload(vec![]);
    assert!(is_refused(&world, refresh) && is_refused(&world, enroll));
    assert!(world.out.is_empty());
    assert!(world.read("acme").is_none());
    let late = world.refresh("acme");
    assert_eq!(world.reply(late), Some(&Err(Refusal::NoSuchOrg)));
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
}

#[test]
fn an_org_that_comes_back_is_as_it_was() {
    let mut world = World::enrolled();
    let token = world.read("acme").expect("served").generation;
    world.reload(vec![]);
    world.pass(secs(600));
    world.reload(vec![settings("acme")]);
    assert_eq!(world.read("acme").expect("served").generation, token);
    assert_eq!(world.sent.len(), 1);
    world.pass_until_call(HOUR).expect("a refresh");
    world.answer("acme", minted());
    assert!(world.read("acme").expect("served").generation > token);
}

#[test]
fn an_org_that_comes_back_in_the_middle_of_its_mint_takes_the_answer() {
    let mut world = refreshing();
    let token = world.read("acme").expect("served").generation;
    world.reload(vec![]);
    world.reload(vec![settings("acme")]);
    assert_eq!(world.calls.len(), 1, "no second call");
    world.answer("acme", minted());
    assert!(world.read("acme").expect("served").generation > token);
}

#[test]
fn r4_a_refresh_token_that_comes_after_its_org_has_left_is_kept() {
    let mut world = refreshing();
    world.reload(vec![]);
    world.answer("acme", granted(HOUR, Some("rt-2")));
    assert_eq!(world.kept("acme").as_deref(), Some("rt-2"));
    assert!(world.out.is_empty(), "and not published");
    world.reload(vec![settings("acme")]);
    world.pass_until_call(HOUR).expect("a refresh");
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn r7_an_org_that_leaves_in_the_middle_of_a_write_can_be_written_again() {
    for (is_kept, comes_back_first) in [(true, true), (true, false), (false, true), (false, false)]
    {
        let mut world = refreshing();
        world.disk = Disk::Slow;
        world.answer("acme", minted());
        world.reload(vec![]);
        if comes_back_first {
            world.reload(vec![settings("acme")]);
            world.settle_write(is_kept);
        } else {
            world.settle_write(is_kept);
            world.reload(vec![settings("acme")]);
        }
        world.disk = Disk::Good;
        world.pass(secs(61));
        while !world.writes.is_empty() {
            world.settle_write(true);
        }
        assert_eq!(world.word("acme"), Word::Ok);
        // The disk's compare and set has met every revision; and the newest token is there.
        let kept = &world.orgs[&name("acme")];
        assert_eq!(
            kept.generation,
            world.read("acme").expect("served").generation
        );
    }
}

#[test]
fn what_could_not_be_written_when_an_org_left_is_written_when_the_disk_allows() {
    let mut world = refreshing();
    world.disk = Disk::Full;
    world.answer("acme", granted(HOUR, Some("rt-2")));
    world.reload(vec![]);
    world.pass(secs(300));
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
    world.disk = Disk::Good;
    world.pass(secs(61));
    assert_eq!(world.kept("acme").as_deref(), Some("rt-2"));
    assert_eq!(world.fleet.leaving.len(), 0, "then it is shelved");
    assert_eq!(world.fleet.shelved().count(), 1);
}

#[test]
fn a_call_of_an_org_that_left_is_given_up_and_the_org_shelved() {
    let mut world = refreshing();
    world.reload(vec![]);
    world.calls.clear();
    assert_eq!(world.fleet.leaving.len(), 1);
    world.pass(secs(60));
    assert_eq!(world.fleet.leaving.len(), 0);
    assert_eq!(
        world.fleet.wake_at(world.now.boot),
        world.now.boot.plus(secs(30))
    );
}

#[test]
fn an_org_that_left_and_fails_meanwhile_keeps_its_verdict() {
    let mut world = refreshing();
    world.reload(vec![]);
    world.answer("acme", needs_consent());
    world.reload(vec![settings("acme")]);
    assert_eq!(world.word("acme"), Word::NeedsConsent);
    assert_eq!(world.pass_until_call(HOUR), Some(secs(120)));
}

#[test]
fn an_org_that_comes_back_without_a_living_token_is_starting() {
    let mut world = World::enrolled();
    world.reload(vec![]);
    world.pass(HOUR);
    world.disk = Disk::Slow;
    world.reload(vec![settings("acme")]);
    assert_eq!(world.word("acme"), Word::Starting);
    assert!(!world.org("acme").is_decided(world.now.boot));
    world.disk = Disk::Good;
    world.settle_write(true);
    world.answer("acme", lost());
    assert!(world.org("acme").is_decided(world.now.boot));
}

#[test]
fn an_org_that_was_never_enrolled_leaves_nothing_behind() {
    let mut world = World::new(vec![settings("acme")]);
    world.reload(vec![]);
    assert_eq!(world.fleet.shelved().count(), 0);
    assert_eq!(world.writes_seen, 0);
}
