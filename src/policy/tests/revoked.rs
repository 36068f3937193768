//! What is left of a revocation in the history.

use super::world::{HOUR, World, secs};
use super::zoho::{code, contradicting, granted, minted};
use crate::policy::revocation::Said;
use crate::policy::revoke::Wish;

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
