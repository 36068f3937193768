//! Zoho's 20 places per client: who takes one, and who is told.

use super::world::{HOUR, World, name, secs, settings};
use super::zoho::{code, granted, minted, needs_consent, refresh_token, transient};
use crate::policy::revoke::Wish;
use crate::policy::settings::OrgSettings;
use crate::policy::status::Status;

fn orgs(count: usize) -> Vec<OrgSettings> {
    (1..=count)
        .map(|n| settings(&format!("org-{n:02}")))
        .collect()
}

/// So many orgs of one client, enrolled a minute after the other.
fn enrolled(count: usize) -> World {
    let mut world = World::new(orgs(count));
    for n in 1..=count {
        world.enroll_with_code(&format!("org-{n:02}"), HOUR);
        world.pass(secs(60));
    }
    world
}

fn status(world: &World, org: &str) -> Status {
    world
        .fleet
        .status(&name(org), world.now)
        .expect("configured")
}

fn known(world: &World, org: &str) -> usize {
    status(world, org).refresh_tokens.expect("enrolled").known
}

#[test]
fn the_org_whose_grant_would_die_next_is_warned_from_17_of_20_on() {
    let world = enrolled(16);
    assert_eq!(known(&world, "org-09"), 16);
    assert_eq!(status(&world, "org-01").warnings.len(), 0);
    let world = enrolled(17);
    let told = status(&world, "org-01").warnings.concat();
    assert!(
        told.contains("17 of the 20") && told.contains("4 more enrolments"),
        "{told}"
    );
    assert!(told.contains("that of org org-01"), "{told}");
    let told = status(&world, "org-02").warnings;
    assert_eq!(told.len(), 0, "a reader of one org learns of no other");
    let world = enrolled(20);
    let told = status(&world, "org-01").warnings.concat();
    assert!(
        told.contains("20 of the 20") && told.contains("the next enrolment makes"),
        "{told}"
    );
    let world = enrolled(21);
    let told = status(&world, "org-01").warnings;
    assert_eq!(told.len(), 0, "so many cannot be one user's");
}

#[test]
fn what_is_in_force_no_more_and_older_makes_room_first() {
    let mut world = enrolled(17);
    let forget = Wish {
        forgets: true,
        only_old: false,
    };
    world.revoke("org-01", forget);
    let told = status(&world, "org-02").warnings.concat();
    assert!(
        told.contains("17 of the 20") && told.contains("5 more enrolments"),
        "{told}"
    );
}

#[test]
fn a_refresh_token_of_unknown_age_counts_as_the_oldest() {
    let mut world = enrolled(17);
    world.enroll("org-05", refresh_token("rt-taken-over"));
    world.answer("org-05", minted());
    // The one that it took the place of is to be revoked, and still counts.
    assert_eq!(known(&world, "org-05"), 18);
    let told = status(&world, "org-05").warnings.concat();
    assert!(told.contains("unknown age"), "{told}");
    assert_eq!(status(&world, "org-01").warnings.len(), 0);
    // Replaced, it is still the first to go, and costs nobody anything.
    world.enroll("org-05", code());
    world.answer("org-05", granted(HOUR, Some("rt-new")));
    let told = status(&world, "org-01").warnings.concat();
    assert!(told.contains("3 more enrolments make"), "{told}");
}

#[test]
fn of_those_whose_age_nobody_knows_any_may_be_the_oldest() {
    let mut world = enrolled(16);
    for token in ["rt-1", "rt-2"] {
        world.enroll("org-05", refresh_token(token));
        world.answer("org-05", minted());
        world.refresh("org-05");
        world.answer("org-05", minted());
    }
    let told = status(&world, "org-05").warnings.concat();
    let more = 20 + 1 - known(&world, "org-05");
    assert!(
        told.contains(&format!("{more} more enrolments make it delete")),
        "{told}"
    );
}

#[test]
fn beyond_20_the_oldest_is_most_likely_deleted_already() {
    let mut world = enrolled(20);
    world.enroll("org-20", code());
    world.answer("org-20", granted(HOUR, Some("rt-21")));
    let told = status(&world, "org-01").warnings.concat();
    let parts = [
        "21 refresh tokens of client",
        "Zoho keeps 20 per user",
        "most likely deleted",
        "refresh org-01",
    ];
    for part in parts {
        assert!(told.contains(part), "{told}");
    }
    let also = world.fleet.seat_warning_of(&name("org-20"), world.now);
    assert_eq!(also, Some(told), "whoever has just enrolled is told, too");
}

#[test]
fn another_client_or_data_center_has_places_of_its_own_and_a_shared_grant_takes_one() {
    let mut all = orgs(3);
    all[1].binding.client_id = "1000.OTHER".into();
    all[2].binding.data_center = "us".into();
    all.push(settings("twin"));
    let mut world = World::new(all);
    for n in 1..=3 {
        world.enroll_with_code(&format!("org-{n:02}"), HOUR);
    }
    world.enroll("twin", refresh_token("rt-org-01"));
    world.answer("twin", minted());
    for n in 1..=3 {
        assert_eq!(known(&world, &format!("org-{n:02}")), 1);
    }
}

/// Another org has replaced it, and may fall back on it.
#[test]
fn a_shared_grant_is_the_place_of_whoever_lives_on_it() {
    let mut all = orgs(17);
    all.push(settings("twin"));
    let mut world = World::new(all);
    for n in 1..=17 {
        world.enroll_with_code(&format!("org-{n:02}"), HOUR);
        world.pass(secs(60));
    }
    world.enroll("twin", refresh_token("rt-org-01"));
    world.answer("twin", minted());
    world.enroll("org-01", code());
    world.answer("org-01", granted(HOUR, Some("rt-new")));
    let told = status(&world, "twin").warnings.concat();
    assert!(told.contains("that of org twin"), "{told}");
}

#[test]
fn replaced_kept_forgotten_and_shelved_ones_count_until_they_are_known_to_be_gone() {
    let mut world = enrolled(2);
    world.enroll("org-01", code());
    world.answer("org-01", granted(HOUR, Some("rt-new")));
    assert_eq!(known(&world, "org-01"), 3, "the one to fall back on");
    world.reload(vec![settings("org-01")]);
    assert_eq!(known(&world, "org-01"), 3, "an org that left the config");
    let forget = Wish {
        forgets: true,
        only_old: false,
    };
    world.revoke("org-02", forget);
    assert_eq!(known(&world, "org-01"), 3, "forgotten is not gone");
    world.restart();
    assert_eq!(known(&world, "org-01"), 3);
}

#[test]
fn one_that_zoho_called_invalid_takes_no_place_when_it_is_forgotten_either() {
    let mut world = enrolled(2);
    world.refresh("org-02");
    world.answer("org-02", needs_consent());
    let forget = Wish {
        forgets: true,
        only_old: false,
    };
    world.revoke("org-02", forget);
    assert_eq!(known(&world, "org-01"), 1);
}

#[test]
fn a_sudden_end_of_the_oldest_grant_is_suspected_to_be_an_eviction() {
    let mut world = enrolled(18);
    let noted = |world: &World, org: &str| {
        let mut told = world.told.iter();
        told.any(|(_, note)| note.org == name(org) && note.kind == "evicted")
    };
    world.refresh("org-01");
    world.answer("org-01", minted());
    assert!(!noted(&world, "org-01"), "it lives");
    world.pass(secs(60));
    for org in ["org-02", "org-01"] {
        world.refresh(org);
        world.answer(org, needs_consent());
        world.pass(secs(1));
    }
    assert!(!noted(&world, "org-02"), "it was not the oldest");
    assert!(noted(&world, "org-01"));
    let cure = status(&world, "org-01").cure.expect("it wants a person");
    assert!(
        cure.contains("21st refresh token") && cure.contains("enroll org-01"),
        "{cure}"
    );
    // What is gone takes no place.
    assert_eq!(known(&world, "org-03"), 16);
    let cures = |world: &World| ["org-01", "org-02"].map(|org| status(world, org).cure);
    let before = cures(&world);
    assert!(!before[1].as_ref().expect("a person").contains("21st"));
    world.restart();
    assert_eq!(cures(&world), before);
}

#[test]
fn a_refresh_token_of_unknown_age_may_have_been_the_oldest() {
    let mut world = World::new(orgs(17));
    for n in 1..=16 {
        world.enroll_with_code(&format!("org-{n:02}"), HOUR);
    }
    world.pass(secs(60));
    world.enroll("org-17", refresh_token("rt-taken-over"));
    world.answer("org-17", minted());
    world.refresh("org-17");
    world.answer("org-17", needs_consent());
    let cure = status(&world, "org-17").cure.expect("it wants a person");
    assert!(cure.contains("Look for a 21st"), "{cure}");
}

#[test]
fn more_living_grants_than_one_user_can_have_are_no_warning() {
    let world = enrolled(21);
    assert_eq!(status(&world, "org-01").warnings.len(), 0);
}

#[test]
fn an_oldest_grant_that_only_stumbles_is_no_eviction() {
    let mut world = enrolled(17);
    world.refresh("org-01");
    world.answer("org-01", transient());
    assert!(world.told.iter().all(|(_, note)| note.kind != "evicted"));
}

#[test]
fn where_few_places_are_taken_nobody_suspects_an_eviction() {
    let mut world = enrolled(3);
    world.refresh("org-01");
    world.answer("org-01", needs_consent());
    let cure = status(&world, "org-01").cure.expect("it wants a person");
    assert!(!cure.contains("Look for a 21st"), "{cure}");
}
