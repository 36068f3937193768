//! Orgs that mint by their client's own right: nobody enrols them, and the config alone says what they are.

use super::identity::zoho_org;
use super::world::{Disk, HOUR, World, name, secs, settings};
use super::zoho::{cause, grant, granted, lost, minted, misconfigured, throttled};
use crate::base::{Environment, OrgName, ScopeSet};
use crate::policy::event::{Answer, Event, Refusal, Right};
use crate::policy::record::Word;
use crate::policy::reply::{Granted, Outcome};
use crate::policy::report::Finding;
use crate::policy::root::Root;
use crate::policy::settings::{GrantKind, OrgSettings};

/// An org of this soid; the config has its client's secret.
fn by_right(org: &str, soid: &str) -> OrgSettings {
    let mut own = settings(org);
    own.grant = GrantKind::ClientCredentials;
    own.binding.soid = Some(soid.into());
    own
}

pub(super) fn acme() -> OrgSettings {
    by_right("acme", "ZohoCRM.1")
}

/// `acme`, with an hour's token just now.
pub(super) fn running() -> World {
    let mut world = World::new(vec![]);
    world.reload(vec![acme()]);
    world.answer("acme", minted());
    world
}

pub(super) fn generation(world: &World) -> Option<u64> {
    world.read("acme").map(|token| token.generation)
}

#[test]
fn an_org_whose_config_has_the_secret_mints_by_itself_at_a_start_and_at_a_reload() {
    let mut world = World::new(vec![]);
    world.settings = vec![acme()];
    world.start(true);
    assert_eq!(world.word("acme"), Word::Starting);
    assert!(matches!(world.calls[0].right, Right::Client));
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
    assert!(world.out.contains_key(&name("acme")));

    world.reload(vec![acme(), by_right("beta", "ZohoCRM.2")]);
    world.answer("beta", minted());
    assert_eq!(world.word("beta"), Word::Ok);
    assert_eq!(world.sent.len(), 2, "and the reload costs acme nothing");
}

#[test]
fn it_is_refreshed_at_half_of_its_life_with_no_more_than_before() {
    let mut world = running();
    let waited = world.pass_until_call(HOUR).expect("a refresh").as_secs();
    assert!((1600..=2000).contains(&waited), "{waited}");
    assert!(matches!(world.calls[0].right, Right::Client));
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn no_refresh_token_is_kept_whatever_comes() {
    let mut world = World::new(vec![]);
    world.reload(vec![acme()]);
    world.answer("acme", granted(HOUR, Some("rt-odd")));
    assert_eq!(world.word("acme"), Word::Ok);
    let record = &world.orgs[&name("acme")];
    let grant = record.grant.as_ref().expect("it mints");
    assert!(matches!(grant.root, Root::Client) && record.past.is_empty());
}

/// R8
#[test]
fn r8_a_restart_or_a_reboot_with_a_right_clock_costs_no_mint() {
    let mut world = running();
    let was = generation(&world);
    for _ in 0..5 {
        world.restart();
        assert_eq!(generation(&world), was);
    }
    world.reboot(secs(60), 0, true);
    assert_eq!(generation(&world), was);
    assert_eq!(world.sent.len(), 1);
}

/// S4
#[test]
fn s4_what_was_minted_for_another_soid_scope_or_environment_is_dropped_and_minted_anew() {
    let changes: [fn(&mut OrgSettings); 4] = [
        |own| own.binding.soid = Some("ZohoCRM.2".into()),
        |own| own.binding.scopes = ScopeSet::parse("ZohoCRM.org.READ"),
        |own| own.binding.environment = Environment::Sandbox,
        |own| own.binding.client_id = "1000.OTHER".into(),
    ];
    for (restarts, change) in [false, true].into_iter().zip([changes, changes]) {
        for change in change {
            let mut world = running();
            world.pass(secs(120));
            let was = generation(&world);
            let mut other = acme();
            change(&mut other);
            if restarts {
                world.settings = vec![other.clone()];
                world.restart();
            } else {
                world.reload(vec![other.clone()]);
            }
            assert_eq!(generation(&world), None);
            assert!(world.out.is_empty() && world.withdrawn.contains(&name("acme")));
            let host = other.api_domains.of(other.binding.environment);
            let answer = Granted {
                api_domain: host.map(str::to_owned),
                ..grant(HOUR, None)
            };
            world.answer("acme", Answer::Sorted(Outcome::Granted(answer)));
            assert!(generation(&world) > was);
            world.restart();
            assert_eq!((world.word("acme"), world.sent.len()), (Word::Ok, 2));
        }
    }
}

/// S4
#[test]
fn s4_an_answer_to_a_call_for_the_older_soid_changes_nothing() {
    let mut world = running();
    let asker = world.refresh("acme");
    let old = world.calls.remove(0);
    world.reload(vec![by_right("acme", "ZohoCRM.2")]);
    assert!(matches!(world.reply(asker), Some(Err(Refusal::Later(..)))));
    world.step(Event::Answered {
        org: old.org,
        attempt: old.attempt,
        answer: minted(),
    });
    assert_eq!(generation(&world), None);
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
}

/// S4: nor does one that the disk is about to have.
#[test]
fn s4_a_token_of_the_older_soid_that_waits_for_the_disk_is_nobodys() {
    let mut world = running();
    world.disk = Disk::Slow;
    let asker = world.refresh("acme");
    world.settle_write(true);
    world.answer("acme", minted());
    world.reload(vec![by_right("acme", "ZohoCRM.2")]);
    match world.reply(asker) {
        Some(Err(Refusal::Later(cause, _))) => assert_eq!(cause.code, "config-changed"),
        other => unreachable!("told at once, but {other:?}"),
    }
    world.disk = Disk::Good;
    world.settle_write(true);
    assert_eq!(generation(&world), None);
    assert!(world.out.is_empty());
}

/// What the API said of a production org is not held against a sandbox.
#[test]
fn what_was_told_of_another_environment_is_forgotten_with_it() {
    let mut world = World::new(vec![]);
    world.reload(vec![OrgSettings {
        verify: true,
        ..acme()
    }]);
    world.answer("acme", minted());
    world.tell(Ok(zoho_org("600")));
    let mut sandbox = acme();
    sandbox.binding.environment = Environment::Sandbox;
    let answer = Granted {
        api_domain: sandbox.api_domains.sandbox.clone(),
        ..grant(HOUR, None)
    };
    world.reload(vec![sandbox]);
    world.answer("acme", Answer::Sorted(Outcome::Granted(answer)));
    assert_eq!(world.word("acme"), Word::Ok);
    assert!(world.read("acme").is_some());
}

/// S4: also where the clock of a reboot is confirmed only later.
#[test]
fn s4_a_stored_token_in_doubt_is_not_believed_for_another_soid() {
    let mut world = running();
    world.dates = Some(0);
    world.settings = vec![by_right("acme", "ZohoCRM.2")];
    world.reboot(secs(60), 0, false);
    world.answer("acme", misconfigured());
    assert_eq!(generation(&world), None);
}

/// R3: what Zoho may count as one is one ledger.
#[test]
fn r3_orgs_of_one_client_and_soid_share_a_lane_and_others_do_not() {
    let mut world = World::new(vec![]);
    let twin = OrgSettings {
        name: name("twin"),
        ..acme()
    };
    let mut far = by_right("far", "ZohoCRM.1");
    far.binding.data_center = "us".into();
    world.reload(vec![acme(), twin, by_right("other", "ZohoCRM.2"), far]);
    world.answer("acme", minted());
    let lane = |org: &str| world.org(org).lane().expect("it mints").clone();
    assert_eq!(lane("acme"), lane("twin"));
    assert_ne!(lane("acme"), lane("other"));
    assert_ne!(lane("acme"), lane("far"));
    let mut most = 0;
    for _ in 0..12 {
        world.refresh("acme");
        world.refresh("twin");
        for org in ["acme", "twin"] {
            if world.calls.iter().any(|call| call.org == name(org)) {
                world.answer(org, minted());
            }
        }
        let is_shared = |org: &OrgName| ["acme", "twin"].contains(&org.as_str());
        let shared = world.sent.iter().filter(|(_, org)| is_shared(org));
        most = most.max(shared.count());
    }
    assert_eq!(most, 10);
}

#[test]
fn an_org_without_a_token_need_not_keep_the_pace_of_another_that_was_given_one() {
    let mut world = World::new(vec![]);
    let twin = OrgSettings {
        name: name("twin"),
        ..acme()
    };
    world.reload(vec![acme(), twin]);
    assert_eq!(world.calls.len(), 1, "one first: Zoho may say no to both");
    world.answer("acme", minted());
    world.answer("twin", minted());
    assert!(world.read("twin").is_some());
}

/// R3
#[test]
fn r3_after_a_failure_the_pace_holds_for_all_who_share_the_lane() {
    let mut world = World::new(vec![]);
    let twin = OrgSettings {
        name: name("twin"),
        ..acme()
    };
    world.reload(vec![acme(), twin]);
    world.answer("acme", lost());
    assert!(world.calls.is_empty());
    let waited = world.pass_until_call(HOUR).expect("a try").as_secs();
    assert!((100..=111).contains(&waited), "{waited}");
}

/// R4
#[test]
fn r4_throttling_quietens_everybody_who_mints_by_that_right_and_nobody_else() {
    let mut world = running();
    world.refresh("acme");
    world.answer("acme", throttled());
    assert_eq!(world.word("acme"), Word::Throttled);
    let twin = OrgSettings {
        name: name("twin"),
        ..acme()
    };
    world.reload(vec![acme(), twin, by_right("other", "ZohoCRM.2")]);
    world.answer("other", minted());
    assert_eq!(world.pass_until_call(secs(598)), None);
    world.restart();
    assert!(world.pass_until_call(secs(60)).is_some());
}

#[test]
fn what_zoho_says_of_the_config_is_told_and_probed() {
    let mut world = World::new(vec![]);
    world.reload(vec![acme()]);
    let no_org = Answer::Sorted(Outcome::Misconfigured(cause("missing_org_info")));
    world.answer("acme", no_org);
    assert_eq!(world.word("acme"), Word::Misconfigured);
    let status = world
        .fleet
        .status(&name("acme"), world.now)
        .expect("configured");
    let cure = status.cure.expect("a cure");
    assert!(cure.contains("`soid` of org acme"), "{cure}");
    let waited = world.pass_until_call(HOUR).expect("a probe").as_secs();
    assert_eq!(waited, 120);
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn a_config_that_is_mended_is_tried_at_once() {
    let mut world = World::new(vec![]);
    world.reload(vec![acme()]);
    world.answer("acme", misconfigured());
    world.pass(secs(700));
    while !world.calls.is_empty() {
        world.answer("acme", misconfigured());
    }
    world.reload(vec![by_right("acme", "ZohoCRM.2")]);
    assert_eq!(world.calls.len(), 1);
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
}

#[test]
fn the_lane_of_a_right_that_nobody_uses_is_forgotten_and_one_in_use_is_not() {
    let mut world = running();
    world.reload(vec![by_right("acme", "ZohoCRM.2")]);
    world.answer("acme", minted());
    assert_eq!(world.lanes.len(), 2);
    for _ in 0..10 {
        world.pass_until_call(HOUR);
        if !world.calls.is_empty() {
            world.answer("acme", minted());
        }
    }
    assert_eq!(world.lanes.len(), 1);
}

/// R7
#[test]
fn r7_nothing_is_sent_while_the_slot_cannot_be_kept() {
    let mut world = World::new(vec![]);
    world.disk = Disk::Full;
    world.reload(vec![acme()]);
    world.pass(secs(30));
    assert!(world.sent.is_empty());
    world.disk = Disk::Good;
    assert!(world.pass_until_call(secs(120)).is_some());
    world.answer("acme", minted());
    assert_eq!(world.word("acme"), Word::Ok);
}

/// R12
#[test]
fn r12_a_report_mints_once_and_two_in_a_row_are_held() {
    let mut world = running();
    world.pass(secs(10));
    let first = generation(&world).expect("served");
    let told = world.report("acme", first, "INVALID_TOKEN");
    world.answer("acme", minted());
    assert_eq!(world.finding(told), Some(Finding::Refreshed));
    world.pass(secs(10));
    let second = generation(&world).expect("served");
    let told = world.report("acme", second, "INVALID_TOKEN");
    assert_eq!(world.finding(told), Some(Finding::Binding));
    // Another right begins anew.
    world.reload(vec![by_right("acme", "ZohoCRM.2")]);
    world.answer("acme", minted());
    world.pass(secs(10));
    let other = generation(&world).expect("served");
    let told = world.report("acme", other, "INVALID_TOKEN");
    world.answer("acme", minted());
    assert_eq!(world.finding(told), Some(Finding::Refreshed));
}

/// R4: no consent can be gone where none was given.
#[test]
fn r4_a_word_about_a_consent_is_noise_where_there_is_none() {
    use crate::policy::reply::Asked;
    for asked in [Asked::Client, Asked::ClientProof] {
        for code in ["invalid_code", "invalid_grant"] {
            let body = format!(r#"{{"error":"{code}"}}"#);
            let outcome = Outcome::sort(asked, 200, body.as_bytes());
            assert!(matches!(outcome, Outcome::Transient(_)), "{outcome:?}");
        }
        let body = r#"{"access_token":"1000.a","refresh_token":"1000.r","expires_in":3600}"#;
        let Outcome::Granted(granted) = Outcome::sort(asked, 200, body.as_bytes()) else {
            panic!("a token");
        };
        assert!(granted.refresh_token.is_none());
    }
    let outcome = Outcome::sort(Asked::Refresh, 200, br#"{"error":"invalid_code"}"#);
    assert!(matches!(outcome, Outcome::NeedsConsent(_)));
}
