//! S4 with `verify`: what the API says against a grant, and the ways out of it.

use super::identity::zoho_org;
use super::verifying::{asking, pinning, silence};
use super::world::{HOUR, World, name, secs, settings};
use super::zoho::{code, contradicting, granted, minted, refresh_token};
use crate::base::Environment;
use crate::policy::identity::ZohoOrg;
use crate::policy::record::Word;
use crate::policy::revocation::Said;

#[test]
fn s4_an_enrolment_that_the_api_contradicts_is_refused_and_leaves_the_older_one() {
    let mut world = World::verified(asking(), "600");
    let before = world.read("acme").expect("a token").generation;
    world.pass(secs(600));
    let request = world.enroll_unheard("rt-other");
    world.tell(Ok(zoho_org("700")));
    assert_eq!(world.refused(request).code, "wrong-org");
    assert_eq!(
        world.read("acme").map(|token| token.generation),
        Some(before)
    );
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
    assert_eq!(
        (world.word("acme"), world.pinned()),
        (Word::Ok, Some("600"))
    );
    // What Zoho made for it alone nobody will use.
    assert_eq!(world.say(Said::Revoked), "rt-other");
}

#[test]
fn s4_the_configs_org_id_is_compared_before_anything_is_pinned() {
    let mut world = World::new(vec![pinning("600")]);
    let request = world.enroll_unheard("rt-acme");
    world.tell(Ok(zoho_org("700")));
    assert!(
        world
            .refused(request)
            .detail
            .contains("the config pins org_id 600")
    );
    world.assert_dark();
    assert_eq!(
        (world.word("acme"), world.kept("acme")),
        (Word::Unenrolled, None)
    );
    world.pass(secs(600));
    let request = world.enroll_unheard("rt-right");
    world.tell(Ok(zoho_org("600")));
    assert_eq!(world.reply(request), Some(&Ok(())));
}

#[test]
fn s4_a_sandbox_grant_is_never_out_under_a_production_name() {
    let mut world = World::new(vec![asking()]);
    let request = world.enroll_unheard("rt-acme");
    world.tell(Ok(ZohoOrg {
        environment: Some(Environment::Sandbox),
        ..zoho_org("600")
    }));
    assert_eq!(world.refused(request).code, "wrong-place");
    world.assert_dark();
}

#[test]
fn s4_a_contradiction_that_comes_late_takes_the_token_from_every_outlet_at_once() {
    let mut world = World::new(vec![pinning("600")]);
    world.enroll_unheard("rt-acme");
    world.tell(Err(silence()));
    assert!(!world.out.is_empty());
    world.pass_until_call(HOUR).expect("a refresh");
    world.answer("acme", minted());
    world.tell(Ok(zoho_org("700")));
    world.assert_dark();
    assert_eq!(world.word("acme"), Word::Quarantined);
    // No schedule and no restart brings it back, and no silence of the API.
    world.pass(HOUR * 5);
    world.restart();
    world.pass(HOUR);
    assert!(world.calls.is_empty());
    let request = world.refresh("acme");
    world.answer("acme", minted());
    world.assert_dark();
    world.tell(Err(silence()));
    assert_eq!(world.refused(request).code, "wrong-org");
    world.assert_dark();
    // Only the API's own other word does.
    world.pass(secs(600));
    let request = world.refresh("acme");
    world.answer("acme", minted());
    world.tell(Ok(zoho_org("600")));
    assert_eq!(world.reply(request), Some(&Ok(())));
    assert!(world.read("acme").is_some());
}

#[test]
fn an_org_is_accepted_on_purpose_by_its_id() {
    let mut world = World::verified(asking(), "600");
    let request = world.enroll_unheard("rt-other");
    world.tell(Ok(zoho_org("700")));
    world.refused(request);
    world.reload(vec![pinning("700")]);
    assert_eq!(
        world.word("acme"),
        Word::Misconfigured,
        "the older grant is of 600"
    );
    world.assert_dark();
    let request = world.enroll_unheard("rt-other");
    world.tell(Ok(zoho_org("700")));
    assert_eq!(world.reply(request), Some(&Ok(())));
    assert_eq!(
        (world.word("acme"), world.pinned()),
        (Word::Ok, Some("700"))
    );
    // From then on it is pinned without the config's help.
    world.reload(vec![asking()]);
    assert!(world.read("acme").is_some());
    world.pass(secs(600));
    let request = world.enroll_unheard("rt-third");
    world.tell(Ok(zoho_org("600")));
    assert_eq!(world.refused(request).code, "wrong-org");
}

#[test]
fn a_quarantine_ends_when_the_config_accepts_the_org_that_was_found() {
    for is_restart in [false, true] {
        let mut world = World::new(vec![pinning("600")]);
        world.enroll_unheard("rt-acme");
        world.tell(Err(silence()));
        world.pass_until_call(HOUR).expect("a refresh");
        world.answer("acme", minted());
        world.tell(Ok(zoho_org("700")));
        assert_eq!(world.word("acme"), Word::Quarantined);
        if is_restart {
            world.settings = vec![pinning("700")];
            world.restart();
        } else {
            world.reload(vec![pinning("700")]);
        }
        assert_eq!(world.word("acme"), Word::Starting);
        assert_eq!(world.pinned(), Some("700"));
        world.pass_until_call(HOUR).expect("a mint");
        world.answer("acme", minted());
        assert!(world.read("acme").is_some() && world.questions.is_empty());
    }
}

#[test]
fn s4_a_quarantine_outlives_the_switching_off_of_verify() {
    let mut world = World::verified(asking(), "600");
    world
        .orgs
        .get_mut(&name("acme"))
        .expect("kept")
        .identity
        .found = None;
    world.restart();
    world.tell(Ok(zoho_org("700")));
    assert_eq!(world.word("acme"), Word::Quarantined);
    world.reload(vec![settings("acme")]);
    let request = world.refresh("acme");
    world.answer("acme", minted());
    assert_eq!(world.refused(request).code, "wrong-org");
    world.assert_dark();
}

#[test]
fn another_org_id_in_the_config_darkens_at_once_and_heals_without_a_mint() {
    let mut world = World::verified(asking(), "600");
    let before = world.read("acme").expect("a token").generation;
    world.reload(vec![pinning("700")]);
    assert_eq!(world.word("acme"), Word::Misconfigured);
    world.assert_dark();
    world.reload(vec![pinning("600")]);
    assert_eq!(
        world.read("acme").map(|token| token.generation),
        Some(before)
    );
    assert!(world.calls.is_empty() && world.questions.is_empty());
}

#[test]
fn r8_a_pin_outlives_restarts_reboots_and_the_grant() {
    let mut world = World::verified(asking(), "600");
    world.restart();
    assert!(world.questions.is_empty());
    world.reboot(secs(60), 0, true);
    assert!(world.questions.is_empty() && world.read("acme").is_some());
    let request = world.enroll_unheard("rt-other");
    world.tell(Ok(zoho_org("700")));
    assert_eq!(world.refused(request).code, "wrong-org");
}

#[test]
fn s4_a_refresh_token_that_is_taken_over_waits_for_the_api_as_well() {
    let mut world = World::new(vec![pinning("600")]);
    let request = world.enroll("acme", refresh_token("rt-brought"));
    world.answer("acme", minted());
    world.assert_dark();
    world.tell(Ok(zoho_org("700")));
    assert_eq!(world.refused(request).code, "wrong-org");
    assert_eq!(world.kept("acme"), None);
    let mut notes = world.history.iter();
    assert!(
        notes.any(|note| note.detail.starts_with("enrolment refused: wrong-org")),
        "the history has it"
    );
}

#[test]
fn s4_a_first_mint_that_the_api_contradicts_is_nobodys_and_quarantines() {
    let mut world = World::new(vec![pinning("600")]);
    world.enroll_unheard("rt-acme");
    world.tell(Err(silence()));
    world.reboot(HOUR, 0, false);
    world.pass_until_call(HOUR).expect("a mint");
    world.answer("acme", minted());
    world.tell(Ok(zoho_org("700")));
    world.assert_dark();
    assert_eq!(world.word("acme"), Word::Quarantined);
}

/// What it was quarantined for is not what the config accepts.
#[test]
fn s4_an_org_that_was_accepted_ends_no_quarantine_of_another_cause() {
    let mut world = World::verified(asking(), "600");
    world.refresh("acme");
    world.answer("acme", contradicting(None));
    assert_eq!(world.word("acme"), Word::Quarantined);
    world.reload(vec![pinning("600")]);
    assert_eq!(world.word("acme"), Word::Quarantined);
    world.restart();
    assert_eq!(world.word("acme"), Word::Quarantined);
}

#[test]
fn r2_a_token_that_ends_while_the_api_is_asked_takes_no_living_ones_place() {
    let mut world = World::verified(asking(), "600");
    let served = world.read("acme").expect("served").generation;
    let request = world.enroll("acme", code());
    world.answer("acme", granted(secs(5), Some("rt-2")));
    world.pass(secs(6));
    world.tell(Ok(zoho_org("600")));
    assert_eq!(world.read("acme").expect("served").generation, served);
    assert_eq!(world.reply(request), Some(&Ok(())), "the grant is in force");
    let waited = world.pass_until_call(HOUR).expect("its first mint");
    assert!(waited < secs(110), "{waited:?}");
    world.answer("acme", minted());
    assert_ne!(world.read("acme").expect("served").generation, served);
}

#[test]
fn s4_what_the_api_says_of_an_enrolment_by_the_right_in_force_is_said_of_its_tokens_too() {
    for right in ["rt-acme", "rt-other"] {
        let mut world = World::new(vec![pinning("600")]);
        world.enroll_unheard("rt-acme");
        world.tell(Err(silence()));
        assert!(world.read("acme").is_some(), "its absence is no evidence");
        let request = world.enroll("acme", refresh_token(right));
        world.answer("acme", minted());
        world.tell(Ok(zoho_org("700")));
        assert_eq!(world.refused(request).code, "wrong-org");
        let is_same = right == "rt-acme";
        assert_eq!(world.word("acme") == Word::Quarantined, is_same, "{right}");
        assert_eq!(world.read("acme").is_none(), is_same, "{right}");
    }
}
