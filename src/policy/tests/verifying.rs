//! S4 with `verify`: what waits for the API, and what its absence costs.

use std::time::Duration;

use super::identity::zoho_org;
use super::world::{Disk, HOUR, World, name, secs, settings};
use super::zoho::{code, grant, granted, lost, minted};
use crate::policy::event::{Answer, Event, Refusal, RequestId};
use crate::policy::identity::ZohoOrg;
use crate::policy::record::{Cause, Word};
use crate::policy::reply::{Granted, Outcome};
use crate::policy::settings::OrgSettings;

pub(super) fn asking() -> OrgSettings {
    OrgSettings {
        verify: true,
        ..settings("acme")
    }
}

pub(super) fn pinning(org_id: &str) -> OrgSettings {
    OrgSettings {
        org_id: Some(org_id.into()),
        ..asking()
    }
}

pub(super) fn silence() -> Cause {
    Cause::new("timeout", "no answer")
}

impl World {
    /// The API answers the oldest question.
    pub(super) fn tell(&mut self, said: Result<ZohoOrg, Cause>) {
        let question = self.questions.remove(0);
        self.step(Event::Told {
            org: question.org,
            attempt: question.attempt,
            said,
        });
    }

    /// Exchanges a code; the API has not answered yet.
    pub(super) fn enroll_unheard(&mut self, refresh_token: &str) -> RequestId {
        let request = self.enroll("acme", code());
        self.answer("acme", granted(HOUR, Some(refresh_token)));
        request
    }

    /// One org with `verify`, enrolled, and known as this one of Zoho's.
    pub(super) fn verified(settings: OrgSettings, id: &str) -> Self {
        let mut world = Self::new(vec![settings]);
        let request = world.enroll_unheard("rt-acme");
        world.tell(Ok(zoho_org(id)));
        assert_eq!(world.reply(request), Some(&Ok(())));
        world
    }

    pub(super) fn pinned(&self) -> Option<&str> {
        let pin = self.orgs[&name("acme")].identity.pinned.as_ref()?;
        Some(&pin.org.id)
    }

    #[track_caller]
    pub(super) fn refused(&self, request: RequestId) -> &Cause {
        match self.reply(request) {
            Some(Err(Refusal::Refused(cause))) => cause,
            other => unreachable!("refused, but {other:?}"),
        }
    }

    /// Nobody can read anything.
    #[track_caller]
    pub(super) fn assert_dark(&self) {
        assert!(self.read("acme").is_none(), "nothing is served");
        assert!(self.out.is_empty(), "nothing is in the files");
    }
}

#[test]
fn s4_the_first_token_of_a_grant_waits_for_the_api() {
    let mut world = World::new(vec![asking()]);
    let request = world.enroll_unheard("rt-acme");
    world.assert_dark();
    assert_eq!((world.published, world.reply(request)), (0, None));
    assert_eq!(world.questions[0].access_token, "1000.access");
    world.tell(Ok(zoho_org("600")));
    assert_eq!(world.reply(request), Some(&Ok(())));
    assert!(world.read("acme").is_some());
    assert_eq!(world.pinned(), Some("600"));
    let status = world.fleet.status(&name("acme"), world.now).expect("there");
    assert_eq!(status.binding, Some("verified"));
    assert_eq!(
        (status.org_id.as_deref(), status.org_name.as_deref()),
        (Some("600"), Some("Zylker"))
    );
}

/// Zoho may leave `api_domain` out: then the API's refusal is all that tells a grant of another place.
#[test]
fn s4_a_grant_whose_fresh_token_the_api_does_not_know_replaces_nothing_and_is_published_nowhere() {
    let unknown = || Cause::new("INVALID_TOKEN", "HTTP 401 from the API");
    let mut world = World::new(vec![asking()]);
    let request = world.enroll_unheard("rt-elsewhere");
    world.tell(Err(unknown()));
    assert_eq!(world.refused(request).code, "wrong-place");
    world.assert_dark();

    let mut world = World::verified(asking(), "600");
    world.enroll_unheard("rt-elsewhere");
    world.tell(Err(unknown()));
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
    assert!(world.read("acme").is_some());

    // The API was away when it was enrolled, and readers have a token of it.
    let mut world = World::new(vec![asking()]);
    world.enroll_unheard("rt-elsewhere");
    world.tell(Err(silence()));
    world.pass(secs(120));
    world.refresh("acme");
    world.answer("acme", minted());
    world.tell(Err(unknown()));
    assert_eq!(world.word("acme"), Word::Quarantined);
    world.assert_dark();

    // The same, and its token has ended since.
    let mut world = World::new(vec![asking()]);
    world.enroll_unheard("rt-elsewhere");
    world.tell(Err(silence()));
    world.pass(2 * HOUR);
    world.calls.clear();
    world.pass_until_call(HOUR).expect("a retry");
    world.answer("acme", minted());
    world.tell(Err(unknown()));
    assert_eq!(world.word("acme"), Word::Quarantined);
    world.assert_dark();
}

/// R4, S4: one lost answer of the API and a person's slip together cost no good grant.
#[test]
fn r4_an_older_grant_stays_until_the_api_has_told_whose_the_newer_one_is_or_will_not() {
    let will_not = || Cause::new("OAUTH_SCOPE_MISMATCH", "HTTP 401 from the API");
    for (said, is_given_up) in [
        (Err(silence()), false),
        (Ok(zoho_org("700")), false),
        (Ok(zoho_org("600")), true),
        (Err(will_not()), true),
    ] {
        let mut world = World::verified(asking(), "600");
        world.enroll_unheard("rt-newer");
        world.tell(Err(silence()));
        for _ in 0..2 {
            world.pass(secs(120));
            world.refresh("acme");
            world.answer("acme", minted());
            if !world.questions.is_empty() {
                world.tell(said.clone());
            }
        }
        world.pass(HOUR);
        let asked: Vec<&str> = world.revocations.iter().map(|own| &*own.2).collect();
        assert_eq!(!asked.is_empty(), is_given_up, "{said:?}: {asked:?}");
    }
}

/// It may have been one of too many: that says nothing of its place.
#[test]
fn r2_a_token_of_some_age_that_the_api_does_not_know_stays_with_its_readers() {
    let mut world = World::enrolled();
    world.pass(secs(120));
    world.reload(vec![asking()]);
    world.tell(Err(Cause::new("INVALID_TOKEN", "HTTP 401 from the API")));
    assert_eq!(world.word("acme"), Word::Ok);
    assert!(world.read("acme").is_some());
}

/// "once per grant"
#[test]
fn a_grant_that_is_verified_is_not_asked_about_again() {
    let mut world = World::verified(asking(), "600");
    for _ in 0..5 {
        world.pass_until_call(HOUR).expect("a refresh");
        world.answer("acme", minted());
    }
    world.restart();
    world.pass(HOUR / 4);
    assert!(world.questions.is_empty());
}

/// R1, R2: the API being away takes nothing from readers.
#[test]
fn r2_an_api_that_does_not_answer_leaves_the_token_unverified_and_is_asked_again_with_the_next() {
    let mut world = World::new(vec![asking()]);
    let request = world.enroll_unheard("rt-acme");
    world.tell(Err(silence()));
    assert_eq!(world.reply(request), Some(&Ok(())));
    let status = world.fleet.status(&name("acme"), world.now).expect("there");
    assert_eq!(status.binding, Some("unverified"));
    let detail = status.binding_detail.expect("a reason");
    assert!(
        detail.contains("(timeout: no answer)") && detail.contains("next token"),
        "{detail}"
    );
    for round in 0..3 {
        world.pass_until_call(HOUR).expect("a refresh");
        assert!(world.questions.is_empty(), "one question a token");
        let published = world.published;
        world.answer("acme", minted());
        assert_eq!(world.published, published + 1, "it waits for nobody");
        world.tell(if round < 2 {
            Err(silence())
        } else {
            Ok(zoho_org("600"))
        });
    }
    assert_eq!(world.pinned(), Some("600"));
    let mut told = world.told.iter().map(|(_, note)| &*note.kind);
    assert!(
        told.by_ref().filter(|kind| *kind == "unverified").count() == 1,
        "the same silence is told once"
    );
    world.pass_until_call(HOUR).expect("a refresh");
    world.answer("acme", minted());
    assert!(world.questions.is_empty(), "it has told");
}

/// S4: an org alone proves no environment.
#[test]
fn s4_an_org_without_an_environment_is_verified_by_its_id_in_the_config_alone() {
    for (settings, binding) in [(asking(), "unverified"), (pinning("600"), "verified")] {
        let mut world = World::new(vec![settings]);
        world.enroll("acme", code());
        let unknown = Granted {
            api_domain: None,
            ..grant(HOUR, Some("rt-acme"))
        };
        world.answer("acme", Answer::Sorted(Outcome::Granted(unknown)));
        world.tell(Ok(ZohoOrg {
            environment: None,
            ..zoho_org("600")
        }));
        let status = world.fleet.status(&name("acme"), world.now).expect("there");
        assert_eq!(status.binding, Some(binding));
        let advice = status.binding_detail.unwrap_or_default();
        assert_eq!(advice.contains("`org_id`"), binding == "unverified");
    }
}

/// S4: `verify` off is no acceptance.
#[test]
fn verify_that_is_switched_on_asks_about_the_token_in_use() {
    let mut world = World::enrolled();
    world.reload(vec![asking()]);
    assert_eq!(world.questions.len(), 1);
    assert!(world.read("acme").is_some(), "it stays out meanwhile");
    world.tell(Ok(zoho_org("600")));
    assert_eq!(world.pinned(), Some("600"));
    assert_eq!(world.sent.len(), 1, "no mint for it");
}

/// One question at a time, none for what nobody can read, and none that is waited for longer than 10 seconds.
#[test]
fn the_api_is_asked_about_the_newest_token_that_is_out_and_about_no_other() {
    let mut world = World::enrolled();
    let mut elsewhere = asking();
    elsewhere.binding.data_center = "us".into();
    world.reload(vec![elsewhere]);
    assert!(world.questions.is_empty(), "the config contradicts it");
    let mut patient = asking();
    patient.timeout = secs(60);
    world.reload(vec![patient]);
    assert_eq!(world.questions[0].timeout, secs(10));
    world.refresh("acme");
    world.answer("acme", minted());
    assert_eq!(world.questions.len(), 1, "the first has no answer yet");
    world.tell(Err(silence()));
    assert_eq!(world.questions.len(), 1, "now about the newer one");
    world.tell(Err(silence()));
    assert!(world.questions.is_empty());

    let mut world = World::enrolled();
    world.reload(vec![settings("acme")]);
    while world.read("acme").is_some() {
        world.pass_until_call(HOUR).expect("a refresh");
        world.answer("acme", lost());
    }
    world.reload(vec![asking()]);
    assert!(world.questions.is_empty(), "it has ended");
}

/// After a reboot nothing of the grant is out: its first token waits again, where the API has not told.
#[test]
fn s4_the_first_mint_of_an_unheard_grant_waits_too() {
    let mut world = World::new(vec![pinning("600")]);
    world.enroll_unheard("rt-acme");
    world.tell(Err(silence()));
    // Nobody vouches for the wall clock, so that the stored token is not used.
    world.reboot(HOUR, 0, false);
    world.pass_until_call(HOUR).expect("a mint");
    world.answer("acme", minted());
    world.assert_dark();
    world.tell(Err(silence()));
    assert!(world.read("acme").is_some(), "its absence is no evidence");
    assert!(world.questions.is_empty(), "one question a token");
}

#[test]
fn a_question_that_nobody_answers_for_is_given_up() {
    let mut world = World::new(vec![asking()]);
    let request = world.enroll_unheard("rt-acme");
    let late = world.questions.remove(0);
    world.pass(secs(60));
    assert_eq!(world.reply(request), Some(&Ok(())), "as with any silence");
    let published = world.published;
    // Its answer comes all the same: it is nobody's any more.
    world.step(Event::Told {
        org: late.org,
        attempt: late.attempt,
        said: Ok(zoho_org("700")),
    });
    assert_eq!((world.word("acme"), world.published), (Word::Ok, published));
}

#[test]
fn an_answer_about_an_older_grant_says_nothing_of_the_newer() {
    let mut world = World::new(vec![asking()]);
    world.enroll_unheard("rt-old");
    world.tell(Err(silence()));
    world.pass_until_call(HOUR).expect("a refresh");
    world.answer("acme", minted());
    let old = world.questions.remove(0);
    // Soon enough that it is not given up.
    world.pass(secs(5));
    world.enroll_unheard("rt-new");
    world.tell(Ok(zoho_org("600")));
    world.step(Event::Told {
        org: old.org,
        attempt: old.attempt,
        said: Ok(zoho_org("700")),
    });
    assert_eq!(
        (world.word("acme"), world.pinned()),
        (Word::Ok, Some("600"))
    );
}

#[test]
fn a_second_enrolment_waits_while_the_first_is_held() {
    let mut world = World::new(vec![asking()]);
    let first = world.enroll_unheard("rt-first");
    let second = world.enroll("acme", code());
    match world.reply(second) {
        Some(Err(Refusal::Later(cause, _))) => assert_eq!(cause.code, "busy"),
        other => unreachable!("busy, but {other:?}"),
    }
    world.tell(Ok(zoho_org("600")));
    assert_eq!(world.reply(first), Some(&Ok(())));
}

/// R3: the slot of a call that is over is not given back, whatever becomes of what it brought.
#[test]
fn r3_a_held_grant_that_is_dropped_stays_a_spent_slot() {
    for drops in [
        (|world: &mut World| world.tell(Ok(zoho_org("700")))) as fn(&mut World),
        |world| world.reload(vec![]),
    ] {
        let mut world = World::new(vec![pinning("600")]);
        world.enroll_unheard("rt-acme");
        drops(&mut world);
        let slots: usize = world.lanes.values().map(|lane| lane.slots.len()).sum();
        assert_eq!(slots, 1);
        world.assert_dark();
    }
}

#[test]
fn a_disk_in_trouble_does_not_lose_what_is_held() {
    let mut world = World::new(vec![asking()]);
    let request = world.enroll_unheard("rt-acme");
    world.disk = Disk::Full;
    world.pass(secs(1));
    world.tell(Ok(zoho_org("600")));
    world.disk = Disk::Good;
    world.pass(Duration::from_mins(2));
    assert_eq!(world.kept("acme").as_deref(), Some("rt-acme"));
    assert!(world.reply(request).is_some());
    assert!(world.read("acme").is_some());
}

/// A code, and a refresh token brought along: both wait.
#[test]
fn an_org_without_verify_asks_nobody() {
    let mut world = World::enrolled();
    world.pass_until_call(HOUR).expect("a refresh");
    world.answer("acme", Answer::Lost(Cause::new("timeout", "no answer")));
    world.pass_until_call(HOUR).expect("another try");
    world.answer("acme", lost());
    assert!(world.questions.is_empty());
}
