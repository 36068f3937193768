//! Orgs that mint by their client's own right, where a person has a part in it: the secret that is taken at the
//! enrolment, and the change from another kind of grant.

use std::sync::Arc;

use super::client_right::{acme, generation, running};
use super::world::{HOUR, World, name, settings};
use super::zoho::{code, minted, misconfigured, refresh_token, transient};
use crate::base::Secret;
use crate::policy::event::{Event, Offer, Refusal, RequestId, Right};
use crate::policy::record::Word;
use crate::policy::revocation::Said;
use crate::policy::settings::OrgSettings;

/// `acme`, whose client's secret is left to the enrolment.
fn secretless() -> OrgSettings {
    OrgSettings {
        has_client_secret: false,
        ..acme()
    }
}

/// An operator brings the client's secret.
fn prove(world: &mut World, org: &str) -> RequestId {
    world.requests += 1;
    let request = RequestId(world.requests);
    world.step(Event::Enroll {
        org: name(org),
        request,
        offer: Offer {
            right: Right::Client,
            client_secret: Some(Arc::new(Secret::new("secret".into()))),
            keeps_old: false,
        },
    });
    request
}

#[test]
fn without_a_secret_it_is_unenrolled_until_one_is_brought_and_proved() {
    let mut world = World::new(vec![]);
    world.reload(vec![secretless()]);
    assert_eq!(world.word("acme"), Word::Unenrolled);
    assert!(world.calls.is_empty());
    let refused = world.refresh("acme");
    let Some(Err(Refusal::Refused(why))) = world.reply(refused) else {
        panic!("nothing to mint with");
    };
    assert_eq!(why.code, "no-client-secret");

    let failed = prove(&mut world, "acme");
    world.answer("acme", misconfigured());
    assert!(matches!(
        world.reply(failed),
        Some(Err(Refusal::Refused(_)))
    ));
    assert_eq!(world.word("acme"), Word::Unenrolled);

    let proved = prove(&mut world, "acme");
    world.answer("acme", minted());
    assert_eq!(world.reply(proved), Some(&Ok(())));
    world.restart();
    assert_eq!(world.word("acme"), Word::Ok);
    world.pass_until_call(HOUR).expect("a refresh");
    let sealed = world.org("acme").sealed_client_secret();
    assert!(sealed.is_some());
}

#[test]
fn a_sealed_secret_goes_on_for_another_soid_and_not_for_another_client_or_data_center() {
    let mut world = World::new(vec![]);
    world.reload(vec![secretless()]);
    prove(&mut world, "acme");
    world.answer("acme", minted());

    let mut other = secretless();
    other.binding.client_id = "1000.OTHER".into();
    world.reload(vec![other]);
    assert_eq!(world.word("acme"), Word::Misconfigured);
    assert!(world.calls.is_empty() && world.read("acme").is_none());
    let mut other = secretless();
    other.binding.data_center = "us".into();
    world.reload(vec![other]);
    assert_eq!(world.word("acme"), Word::Misconfigured);

    world.reload(vec![secretless()]);
    assert_eq!(world.word("acme"), Word::Ok, "as it was, and no mint");
    let mut other = secretless();
    other.binding.soid = Some("ZohoCRM.2".into());
    world.reload(vec![other]);
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn a_secret_that_leaves_the_config_leaves_the_token_and_a_cure() {
    let mut world = running();
    let was = generation(&world);
    world.reload(vec![secretless()]);
    assert_eq!(
        (world.word("acme"), generation(&world)),
        (Word::Unenrolled, was)
    );
    assert_eq!(world.pass_until_call(2 * HOUR), None);
    assert_eq!(generation(&world), None, "it has ended");
    let status = world
        .fleet
        .status(&name("acme"), world.now)
        .expect("configured");
    let cure = status.cure.expect("a cure");
    assert!(cure.contains("zoho-tokend enroll acme"), "{cure}");
    // What the config contradicts is told first: a secret would not help.
    let mut other = secretless();
    other.binding.client_id = "1000.OTHER".into();
    world.reload(vec![other]);
    let request = world.refresh("acme");
    assert_eq!(world.refused(request).code, "config-contradicts-grant");
    world.reload(vec![acme()]);
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
}

/// R4: a refresh token is not given up for a word in the config.
#[test]
fn r4_a_grant_with_a_refresh_token_stays_until_the_other_kind_is_proved() {
    let mut world = World::enrolled();
    world.reload(vec![acme()]);
    assert_eq!(world.word("acme"), Word::Misconfigured);
    assert!(world.calls.is_empty() && world.read("acme").is_none());
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
    world.reload(vec![settings("acme")]);
    assert!(world.read("acme").is_some(), "as it was");

    world.reload(vec![acme()]);
    prove(&mut world, "acme");
    world.answer("acme", transient());
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
    prove(&mut world, "acme");
    world.answer("acme", minted());
    assert_eq!((world.word("acme"), world.kept("acme")), (Word::Ok, None));
    assert_eq!(
        world.say(Said::Revoked),
        "rt-acme",
        "it would lie about at Zoho"
    );
    assert!(world.orgs[&name("acme")].past.is_empty());
    // And back: with a code, as for any org.
    world.reload(vec![settings("acme")]);
    assert_eq!(world.word("acme"), Word::Misconfigured);
    world.enroll_with_code("acme", HOUR);
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn what_is_not_for_this_kind_of_grant_is_refused_before_zoho_is_asked() {
    let mut world = running();
    for right in [code(), refresh_token("rt-1")] {
        let request = world.enroll("acme", right);
        let Some(Err(Refusal::Refused(why))) = world.reply(request) else {
            panic!("refused");
        };
        assert_eq!(why.code, "another-grant");
    }
    let mut world = World::enrolled();
    let request = prove(&mut world, "acme");
    assert!(matches!(
        world.reply(request),
        Some(Err(Refusal::Refused(_)))
    ));
    assert!(world.calls.is_empty());
}
