//! What is left of a revocation: in the history, and to readers where it failed.

use super::world::{HOUR, World, secs, settings};
use super::zoho::{cause, code, contradicting, granted, minted};
use crate::policy::record::Word;
use crate::policy::revocation::Said;
use crate::policy::revoke::Wish;

const GRANT: Wish = Wish {
    forgets: false,
    only_old: false,
};

#[test]
fn an_org_that_comes_back_while_its_revocation_fails_is_served_as_before() {
    let mut world = World::enrolled();
    let generation = world.read("acme").expect("served").generation;
    world.reload(vec![]);
    world.revoke("acme", GRANT);
    world.reload(vec![settings("acme")]);
    world.say(Said::NotSent(cause("connect")));
    assert_eq!(world.word("acme"), Word::Ok);
    assert_eq!(world.read("acme").expect("served").generation, generation);
    assert_eq!(world.out.len(), 1);
}

#[test]
fn the_history_tells_whose_refresh_token_was_revoked() {
    let told = |world: &World| {
        let notes = world.told.iter().map(|(_, note)| note);
        let last = notes.filter(|note| note.kind == "revoked").last();
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
