//! Zoho's limits: windows, live tokens, refresh tokens per user.

use std::time::Duration;

use zoho_tokend::base::Boottime;
use zoho_tokend::stand_in::{Clocks, Consent, End, Rules, Throttle};

use super::world::{at, consent, exchange, json, refresh, said, token, world};

const ACCESS_DENIED: &str = r#"{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}"#;

#[test]
fn the_eleventh_token_in_ten_minutes_is_denied_until_the_window_clears() {
    let mut zoho = world(Rules::default());
    let refresh_token = zoho.install(consent(), at(0)).expect("a client");
    for second in 0..10 {
        assert_eq!(refresh(&mut zoho, &refresh_token, second).status, 200);
    }
    for second in [10, 300, 599] {
        let reply = refresh(&mut zoho, &refresh_token, second);
        assert_eq!(said(&reply), (400, ACCESS_DENIED));
    }
    assert_eq!(refresh(&mut zoho, &refresh_token, 600).status, 200);
    let sum = zoho.stats(at(600)).sum();
    assert_eq!(
        (sum.calls, sum.mints, sum.refusals, sum.peak_window),
        (14, 11, 3, 10)
    );
}

#[test]
fn where_refusals_count_every_refused_call_keeps_the_door_shut() {
    let mut zoho = world(Rules {
        throttle: Throttle::RefusalsCount,
        ..Rules::default()
    });
    let refresh_token = zoho.install(consent(), at(0)).expect("a client");
    for second in 0..10 {
        refresh(&mut zoho, &refresh_token, second);
    }
    for second in [100, 699, 1298] {
        assert_eq!(refresh(&mut zoho, &refresh_token, second).status, 400);
    }
    assert_eq!(refresh(&mut zoho, &refresh_token, 1898).status, 200);
}

#[test]
fn one_refresh_token_in_the_throttle_leaves_another_alone() {
    let mut zoho = world(Rules {
        mints_max: 1,
        ..Rules::default()
    });
    let [one, two] = [(); 2].map(|()| zoho.install(consent(), at(0)).expect("a client"));
    assert_eq!(refresh(&mut zoho, &one, 0).status, 200);
    assert_eq!(refresh(&mut zoho, &one, 1).status, 400);
    assert_eq!(refresh(&mut zoho, &two, 1).status, 200);
}

#[test]
fn where_mints_count_per_client_two_refresh_tokens_share_them() {
    let mut zoho = world(Rules {
        client_mints_max: Some(3),
        ..Rules::default()
    });
    let [one, two] = [(); 2].map(|()| zoho.install(consent(), at(0)).expect("a client"));
    let code = zoho.grant_code(consent(), at(0)).expect("a client");
    for refresh_token in [&one, &two, &one] {
        assert_eq!(refresh(&mut zoho, refresh_token, 0).status, 200);
    }
    assert_eq!(said(&refresh(&mut zoho, &two, 599)), (400, ACCESS_DENIED));
    assert_eq!(said(&exchange(&mut zoho, &code, 1)), (400, ACCESS_DENIED));
    assert_eq!(refresh(&mut zoho, &two, 600).status, 200);
    let again = zoho.grant_code(consent(), at(600)).expect("a client");
    assert_eq!(exchange(&mut zoho, &again, 600).status, 200);
}

#[test]
fn the_eleventh_live_token_kills_the_oldest_at_once() {
    let mut zoho = world(Rules::default());
    let refresh_token = zoho.install(consent(), at(0)).expect("a client");
    let tokens: Vec<String> = (0..11)
        .map(|n| token(&refresh(&mut zoho, &refresh_token, n * 60)))
        .collect();
    assert_eq!(zoho.end_of(&tokens[0], at(600)), Some(End::Evicted));
    assert!(
        tokens[1..]
            .iter()
            .all(|token| zoho.is_alive(token, at(600)))
    );
    let sum = zoho.stats(at(600)).sum();
    assert_eq!(
        (sum.evicted, sum.evicted_while_current, sum.peak_live),
        (1, 0, 10)
    );
}

#[test]
fn an_access_token_lives_an_hour() {
    let mut zoho = world(Rules::default());
    let refresh_token = zoho.install(consent(), at(0)).expect("a client");
    let token = token(&refresh(&mut zoho, &refresh_token, 0));
    assert!(zoho.is_alive(&token, Boottime(3_599_999)));
    assert_eq!(zoho.end_of(&token, at(3600)), Some(End::Expired));
    assert_eq!(zoho.end_of("1000.x.y", at(0)), Some(End::Unknown));
}

#[test]
fn all_clocks_can_run_faster() {
    let mut zoho = world(Rules {
        clocks: Clocks::SIXTY_TIMES_FASTER,
        ..Rules::default()
    });
    let refresh_token = zoho.install(consent(), at(0)).expect("a client");
    let first = refresh(&mut zoho, &refresh_token, 0);
    assert_eq!(json(&first)["expires_in"], 60);
    for _ in 1..10 {
        refresh(&mut zoho, &refresh_token, 0);
    }
    assert_eq!(refresh(&mut zoho, &refresh_token, 9).status, 400);
    assert_eq!(refresh(&mut zoho, &refresh_token, 10).status, 200);
    assert_eq!(zoho.end_of(&token(&first), at(10)), Some(End::Evicted));
}

#[test]
fn the_21st_refresh_token_of_a_user_deletes_the_oldest_with_its_tokens() {
    let mut zoho = world(Rules::default());
    let of_other_user = Consent {
        user: "other".to_owned(),
        ..consent()
    };
    let others = zoho.install(of_other_user, at(0)).expect("a client");
    let first = zoho.install(consent(), at(0)).expect("a client");
    let access_token = token(&refresh(&mut zoho, &first, 0));
    let second = zoho.install(consent(), at(0)).expect("a client");
    for _ in 0..19 {
        zoho.install(consent(), at(1)).expect("a client");
    }
    assert_eq!(
        said(&refresh(&mut zoho, &first, 2)),
        (200, r#"{"error":"invalid_code"}"#)
    );
    assert_eq!(zoho.end_of(&access_token, at(2)), Some(End::Deleted));
    assert_eq!(refresh(&mut zoho, &second, 2).status, 200);
    assert!(json(&refresh(&mut zoho, &others, 2))["access_token"].is_string());
}

#[test]
fn the_eleventh_code_in_ten_minutes_is_denied_and_stays_good() {
    let mut zoho = world(Rules::default());
    for _ in 0..10 {
        let code = zoho.grant_code(consent(), at(0)).expect("a client");
        assert_eq!(exchange(&mut zoho, &code, 0).status, 200);
    }
    let consent = Consent {
        code_life: Some(Duration::from_hours(1)),
        ..consent()
    };
    let code = zoho.grant_code(consent, at(0)).expect("a client");
    let denied = exchange(&mut zoho, &code, 599);
    assert_eq!(said(&denied), (200, r#"{"error":"access_denied"}"#));
    assert!(json(&exchange(&mut zoho, &code, 600))["refresh_token"].is_string());
}
