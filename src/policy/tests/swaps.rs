//! S4: grants swapped between any two places of Zoho's, and nothing is published under the wrong name.

use super::world::{HOUR, World, name, settings};
use super::zoho::{code, grant, refresh_token};
use crate::base::{DataCenter, Environment};
use crate::policy::event::{Answer, Event, Refusal, Right};
use crate::policy::identity::ZohoOrg;
use crate::policy::record::Word;
use crate::policy::reply::{Granted, Outcome};
use crate::policy::settings::OrgSettings;

/// One environment of one data center, and its API host.
struct Place {
    data_center: DataCenter,
    environment: Environment,
    host: String,
}

/// All whose API host anybody names: three in each of eight data centers, one in each of the three youngest.
fn places() -> Vec<Place> {
    let all = DataCenter::names().filter_map(DataCenter::of_zoho);
    let each = all.flat_map(|own| Environment::ALL.map(|environment| (own.clone(), environment)));
    let known = each.filter_map(|(data_center, environment)| {
        let host = data_center.api_domains.of(environment)?.to_owned();
        Some(Place {
            data_center,
            environment,
            host,
        })
    });
    known.collect()
}

/// Every place with every other one.
fn pairs(places: &[Place]) -> impl Iterator<Item = (&Place, &Place)> {
    let each = places
        .iter()
        .flat_map(|own| places.iter().map(move |other| (own, other)));
    each.filter(|(own, other)| own.host != other.host)
}

fn settings_of(place: &Place, verify: bool) -> OrgSettings {
    let mut own = settings("acme");
    own.binding.data_center = place.data_center.name.as_str().into();
    own.binding.environment = place.environment;
    own.api_domains = place.data_center.api_domains.clone();
    OrgSettings { verify, ..own }
}

/// What the accounts server says for a grant of `place`; `None`: it names no API host.
fn answer(host: Option<&str>, refresh_token: Option<&str>) -> Answer {
    Answer::Sorted(Outcome::Granted(Granted {
        api_domain: host.map(str::to_owned),
        ..grant(HOUR, refresh_token)
    }))
}

#[track_caller]
fn assert_dark(world: &World, own: &Place, other: &Place) {
    let case = format!("{} under {}", other.host, own.host);
    assert!(world.read("acme").is_none(), "{case} is served");
    assert!(world.out.is_empty(), "{case} is in the files");
}

#[test]
fn there_are_twenty_seven_places() {
    assert_eq!(places().len(), 8 * 3 + 3);
    assert_eq!(pairs(&places()).count(), 27 * 26);
}

#[test]
fn s4_no_grant_of_another_place_is_ever_enrolled() {
    let places = places();
    for (own, other) in pairs(&places) {
        for right in [code(), refresh_token("rt-other")] {
            let brings = matches!(right, Right::Code(_)).then_some("rt-other");
            let mut world = World::new(vec![settings_of(own, false)]);
            let request = world.enroll("acme", right);
            world.answer("acme", answer(Some(&other.host), brings));
            let reply = world.reply(request);
            assert!(matches!(reply, Some(Err(Refusal::Refused(_)))), "{reply:?}");
            assert_eq!((world.published, world.kept("acme")), (0, None));
            assert_dark(&world, own, other);
        }
    }
}

/// The answer to the enrolment named no host; a refresh does.
#[test]
fn s4_a_grant_of_another_place_that_shows_at_a_refresh_is_quarantined() {
    let places = places();
    for (own, other) in pairs(&places) {
        let mut world = World::new(vec![settings_of(own, false)]);
        world.enroll("acme", code());
        world.answer("acme", answer(None, Some("rt-other")));
        assert_eq!(world.out.len(), 1, "absent evidence refuses nothing");
        world.pass_until_call(HOUR).expect("a refresh");
        world.answer("acme", answer(Some(&other.host), None));
        assert_eq!(world.word("acme"), Word::Quarantined);
        assert_dark(&world, own, other);
    }
}

/// A host that the config names anew is published with the next token, also where Zoho names none.
#[test]
fn the_tables_host_of_today_is_published_and_not_that_of_the_last_token() {
    let mut world = World::enrolled();
    let mut moved = settings("acme");
    moved.api_domains.production = Some("https://api.example".into());
    world.reload(vec![moved]);
    world.refresh("acme");
    world.answer("acme", answer(None, None));
    let token = world.read("acme").expect("served");
    assert_eq!(&*token.api_domain, "https://api.example");
}

/// No answer names any host; the API tells the environment.
#[test]
fn s4_with_verify_no_other_environment_is_published_though_no_host_is_named() {
    let places = places();
    let same = |own: &Place, other: &Place| own.data_center == other.data_center;
    for (own, other) in pairs(&places).filter(|(own, other)| same(own, other)) {
        let mut world = World::new(vec![settings_of(own, true)]);
        let request = world.enroll("acme", code());
        world.answer("acme", answer(None, Some("rt-other")));
        assert_dark(&world, own, other);
        let question = world.questions.remove(0);
        world.step(Event::Told {
            org: name("acme"),
            attempt: question.attempt,
            said: Ok(ZohoOrg {
                id: "600".into(),
                record_id: None,
                name: None,
                environment: Some(other.environment),
            }),
        });
        let reply = world.reply(request);
        assert!(matches!(reply, Some(Err(Refusal::Refused(_)))), "{reply:?}");
        assert_eq!(world.published, 0);
        assert_dark(&world, own, other);
    }
}

/// Two orgs, each with the other's grant; the config is mended, and each is what it says.
#[test]
fn s4_a_config_that_swaps_two_places_darkens_both() {
    let places = places();
    for (own, other) in pairs(&places) {
        let mut world = World::new(vec![settings_of(own, false)]);
        world.enroll("acme", code());
        world.answer("acme", answer(Some(&own.host), Some("rt-own")));
        assert_eq!(world.out.len(), 1);
        world.reload(vec![settings_of(other, false)]);
        assert_eq!(world.word("acme"), Word::Misconfigured);
        assert_dark(&world, own, other);
        world.reload(vec![settings_of(own, false)]);
        assert_eq!(world.out.len(), 1, "no mint, no loss");
        assert_eq!(world.sent.len(), 1);
    }
}
