//! What is left of a revocation: in the history, on the shelf, and where its answer comes late.

use super::world::{HOUR, World, name, secs, settings};
use super::zoho::{cause, code, contradicting, granted, minted};
use crate::policy::event::Refusal;
use crate::policy::record::Word;
use crate::policy::revocation::Said;
use crate::policy::revoke::{Ended, Wish};

const GRANT: Wish = Wish {
    forgets: false,
    only_old: false,
};

#[test]
fn the_history_tells_whose_refresh_token_was_revoked() {
    let told = |world: &World| {
        let mut notes = world.told.iter().map(|(_, note)| note);
        let last = notes.rfind(|note| note.kind == "revoked");
        last.expect("a note").detail.clone()
    };
    let mut world = World::enrolled();
    world.enroll("acme", code());
    world.answer("acme", granted(HOUR, Some("rt-2")));
    world.refresh("acme");
    world.answer("acme", minted());
    world.say(Said::Revoked);
    assert_eq!(
        told(&world),
        "an older refresh token, at Zoho; the grant in force stays"
    );
    world.pass(secs(60));
    world.enroll("acme", code());
    world.answer("acme", contradicting(Some("rt-3")));
    world.pass(secs(10));
    world.say(Said::Revoked);
    assert_eq!(
        told(&world),
        "the refresh token of a refused enrolment, at Zoho; the grant in force stays"
    );
    world.revoke("acme", GRANT);
    world.say(Said::Revoked);
    assert_eq!(told(&world), "at Zoho, and all access tokens with it");
}

#[test]
fn an_org_off_the_config_is_revoked_and_goes_back_to_the_shelf() {
    let mut world = World::enrolled();
    world.reload(Vec::new());
    world.restart();
    let request = world.revoke("acme", GRANT);
    assert_eq!(world.calls.len(), 0);
    world.say(Said::Revoked);
    assert_eq!(world.ended.get(&request), Some(&Ok(Ended::Revoked)));
    assert!(world.orgs[&name("acme")].grant.is_none());
    world.reload(vec![settings("acme")]);
    assert_eq!(world.word("acme"), Word::Unenrolled);
    world.enroll_with_code("acme", HOUR);
    let nobody = world.revoke("nobody", GRANT);
    assert_eq!(world.ended.get(&nobody), Some(&Err(Refusal::NoSuchOrg)));
}

#[test]
fn an_answer_that_comes_late_or_twice_changes_nothing() {
    let mut world = World::enrolled();
    world.revoke("acme", GRANT);
    let (org, attempt, ..) = world.revocations[0].clone();
    world.say(Said::NotSent(cause("connect")));
    let said = Said::Revoked;
    world.step(crate::policy::event::Event::RevocationAnswered { org, attempt, said });
    assert_eq!(world.word("acme"), Word::Ok);
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
}
