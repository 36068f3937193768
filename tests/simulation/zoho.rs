//! The simulated Zoho keeps Zoho's limits, to the millisecond. It judges the policy, so it is checked against literals
//! here, and not against anything that the policy says.

use zoho_tokend::base::Limits;
use zoho_tokend::simulation::zoho::{Ask, Decision, Place, Rules, Zoho};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

fn zoho() -> Zoho {
    Zoho::new(Rules {
        limits: Limits::ZOHO,
        life_ms: HOUR,
        rotates: false,
    })
}

fn place(client: &str) -> Place {
    Place {
        client_id: client.into(),
        data_center: "eu".into(),
        api_domain: "https://www.zohoapis.eu".into(),
        scope: "ZohoCRM.modules.ALL".into(),
        zoho_org: "60012345".into(),
    }
}

fn exchange(zoho: &mut Zoho, code: &str, now: i64) -> Decision {
    zoho.take(&Ask::Code(code.to_owned()), HOUR, now)
}

fn refresh(zoho: &mut Zoho, refresh_token: &str, now: i64) -> Decision {
    zoho.take(&Ask::Refresh(refresh_token.to_owned()), HOUR, now)
}

/// A grant of this client, by an exchange at `now`: its number, its refresh token and its first access token.
fn enrolled(zoho: &mut Zoho, client: &str, now: i64) -> (usize, String, usize) {
    let code = zoho.make_code(place(client), now);
    let token = minted(exchange(zoho, &code, now));
    let grant = zoho.issued[token].grant;
    (grant, zoho.refresh_token(grant), token)
}

fn minted(decision: Decision) -> usize {
    match decision {
        Decision::Grants { token, .. } => token,
        other => unreachable!("{other:?}, not a token"),
    }
}

const THROTTLED: Decision = Decision::Throttles { by_own_calls: true };

#[test]
fn ten_mints_in_any_ten_minutes_are_let_in_and_the_eleventh_when_the_first_is_ten_minutes_old() {
    let mut zoho = zoho();
    let (_, token, _) = enrolled(&mut zoho, "a", 0);
    for nth in 1..10 {
        minted(refresh(&mut zoho, &token, nth * 50 * SECOND));
    }
    assert_eq!(refresh(&mut zoho, &token, 451 * SECOND), THROTTLED);
    assert_eq!(refresh(&mut zoho, &token, 10 * MINUTE - 1), THROTTLED);
    minted(refresh(&mut zoho, &token, 10 * MINUTE));
    // The window slides: one more when the second one has left it, and not before.
    let second_leaves = 50 * SECOND + 10 * MINUTE;
    assert_eq!(refresh(&mut zoho, &token, second_leaves - 1), THROTTLED);
    minted(refresh(&mut zoho, &token, second_leaves));
}

#[test]
fn a_refused_call_does_not_keep_the_window_shut() {
    let mut zoho = zoho();
    let (grant, token, _) = enrolled(&mut zoho, "a", 0);
    for _ in 1..10 {
        minted(refresh(&mut zoho, &token, 0));
    }
    for second in 1..600 {
        assert_eq!(refresh(&mut zoho, &token, second * SECOND), THROTTLED);
    }
    assert_eq!(zoho.own_calls(grant, 599 * SECOND), 10);
    for _ in 0..10 {
        minted(refresh(&mut zoho, &token, 10 * MINUTE));
    }
}

#[test]
fn a_strangers_mints_count_and_are_told_apart() {
    let mut zoho = zoho();
    let (grant, token, _) = enrolled(&mut zoho, "a", 0);
    for _ in 1..10 {
        assert!(zoho.take_from_stranger(grant, 0));
    }
    assert!(!zoho.take_from_stranger(grant, 0));
    let by_others = Decision::Throttles {
        by_own_calls: false,
    };
    assert_eq!(refresh(&mut zoho, &token, 1), by_others);
    assert_eq!(zoho.own_calls(grant, 1), 1);
}

#[test]
fn one_grants_throttle_is_no_other_grants() {
    let mut zoho = zoho();
    let (_, one, _) = enrolled(&mut zoho, "a", 0);
    let (_, other, _) = enrolled(&mut zoho, "a", 0);
    for _ in 1..10 {
        minted(refresh(&mut zoho, &one, 0));
    }
    assert_eq!(refresh(&mut zoho, &one, 0), THROTTLED);
    minted(refresh(&mut zoho, &other, 0));
}

#[test]
fn the_eleventh_live_token_kills_the_oldest_at_once_and_no_other() {
    let mut zoho = zoho();
    let (_, token, first) = enrolled(&mut zoho, "a", 0);
    let ten: Vec<usize> = (1..11)
        .map(|nth| minted(refresh(&mut zoho, &token, nth * MINUTE)))
        .collect();
    assert!(!zoho.is_alive(first, 10 * MINUTE));
    assert_eq!(zoho.issued[first].killed_at, Some(10 * MINUTE));
    let blamed = ten
        .iter()
        .filter(|token| zoho.issued[**token].is_one_too_many);
    assert_eq!(blamed.collect::<Vec<_>>(), ten.last().as_slice());
    assert!(ten.iter().all(|token| zoho.is_alive(*token, 10 * MINUTE)));
}

#[test]
fn tokens_that_have_ended_leave_room_for_new_ones() {
    let mut zoho = zoho();
    let (_, token, first) = enrolled(&mut zoho, "a", 0);
    assert!(zoho.is_alive(first, HOUR - 1));
    assert!(!zoho.is_alive(first, HOUR));
    let ten: Vec<usize> = (0..10)
        .map(|nth| minted(refresh(&mut zoho, &token, HOUR + nth * MINUTE)))
        .collect();
    assert!(
        ten.iter()
            .all(|token| zoho.is_alive(*token, HOUR + 9 * MINUTE))
    );
    assert_eq!(zoho.issued[first].killed_at, None);
}

#[test]
fn the_21st_grant_of_a_client_deletes_the_oldest_with_its_tokens_and_says_nothing() {
    let mut zoho = zoho();
    let (_, others, _) = enrolled(&mut zoho, "b", 0);
    let (first, token, access) = enrolled(&mut zoho, "a", 0);
    let newer = minted(refresh(&mut zoho, &token, 1));
    let grants: Vec<String> = (1..20).map(|_| enrolled(&mut zoho, "a", 2).1).collect();
    minted(refresh(&mut zoho, &token, 3));
    assert!(zoho.evicted().is_empty());

    enrolled(&mut zoho, "a", 4);
    assert_eq!(zoho.evicted(), [first]);
    assert_eq!(refresh(&mut zoho, &token, 5), Decision::Refuses);
    assert!(![access, newer].iter().any(|token| zoho.is_alive(*token, 5)));
    for token in grants.iter().chain([&others]) {
        minted(refresh(&mut zoho, token, 6));
    }
}

#[test]
fn a_grant_code_lives_three_minutes_and_works_once() {
    let mut zoho = zoho();
    let code = zoho.make_code(place("a"), 0);
    minted(exchange(&mut zoho, &code, 3 * MINUTE - 1));
    assert_eq!(
        exchange(&mut zoho, &code, 3 * MINUTE - 1),
        Decision::Refuses
    );
    let late = zoho.make_code(place("a"), 0);
    assert_eq!(exchange(&mut zoho, &late, 3 * MINUTE), Decision::Refuses);
    assert_eq!(exchange(&mut zoho, "code-77", 0), Decision::Refuses);
}

#[test]
fn a_revoked_grant_refuses_and_takes_every_access_token_with_it() {
    let mut zoho = zoho();
    let (grant, token, first) = enrolled(&mut zoho, "a", 0);
    let second = minted(refresh(&mut zoho, &token, MINUTE));
    let (_, _, others) = enrolled(&mut zoho, "a", MINUTE);
    zoho.revoke(grant, 2 * MINUTE);
    assert!(zoho.is_alive(first, 2 * MINUTE - 1));
    assert!(!zoho.is_alive(first, 2 * MINUTE) && !zoho.is_alive(second, 2 * MINUTE));
    assert_eq!(refresh(&mut zoho, &token, 2 * MINUTE), Decision::Refuses);
    assert!(zoho.is_alive(others, 2 * MINUTE));
}

#[test]
fn a_refresh_brings_no_refresh_token_unless_the_server_rotates() {
    let mut zoho = zoho();
    let (_, token, _) = enrolled(&mut zoho, "a", 0);
    let again = refresh(&mut zoho, &token, 1);
    let alone = |decision| {
        matches!(
            decision,
            Decision::Grants {
                with_refresh_token: false,
                ..
            }
        )
    };
    assert!(alone(again));
    minted(refresh(&mut zoho, &token, 2));
}

#[test]
fn a_server_that_rotates_replaces_the_refresh_token_and_counts_on() {
    let mut zoho = Zoho::new(Rules {
        limits: Limits::ZOHO,
        life_ms: HOUR,
        rotates: true,
    });
    let (grant, first, _) = enrolled(&mut zoho, "a", 0);
    let mut newest = first.clone();
    for nth in 1..10 {
        let decision = refresh(&mut zoho, &newest, nth);
        let comes_along = matches!(
            decision,
            Decision::Grants {
                with_refresh_token: true,
                ..
            }
        );
        assert!(comes_along, "{decision:?}");
        assert_eq!(refresh(&mut zoho, &newest, nth), Decision::Refuses);
        newest = zoho.refresh_token(grant);
    }
    assert_ne!(newest, first);
    assert_eq!(refresh(&mut zoho, &newest, 10), THROTTLED);
}
