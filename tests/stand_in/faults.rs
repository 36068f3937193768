//! What goes wrong goes wrong as the script says, and the judge's counts stay right.

use serde_json::json;
use zoho_tokend::base::Boottime;
use zoho_tokend::stand_in::{Body, Fault, Instead, Rules, Zoho};

use super::world::{ID, consent, json, refresh, token, world};

/// A world with one refresh token whose next call goes wrong.
fn with(fault: Fault) -> (Zoho, String) {
    let mut zoho = world(Rules::default());
    let refresh_token = zoho.install(consent(), Boottime(0)).expect("a client");
    zoho.add_fault(&refresh_token, Some(1), fault)
        .expect("room");
    (zoho, refresh_token)
}

#[test]
fn an_answer_lost_after_the_mint_is_a_live_token_that_nobody_has() {
    let (mut zoho, refresh_token) = with(Fault::answer_lost());
    assert_eq!(refresh(&mut zoho, &refresh_token, 0).body, Body::Close);
    let sum = zoho.stats(Boottime(0)).sum();
    assert_eq!(
        (sum.calls, sum.mints, sum.lost, sum.peak_live),
        (1, 1, 1, 1)
    );
}

#[test]
fn a_call_that_fails_before_the_mint_spends_nothing() {
    for fault in [
        Fault::instead(Instead::Hang),
        Fault::instead(Instead::Close),
        Fault::status(503),
        Fault::instead(Instead::Html),
    ] {
        let (mut zoho, refresh_token) = with(fault);
        refresh(&mut zoho, &refresh_token, 0);
        let sum = zoho.stats(Boottime(0)).sum();
        assert_eq!((sum.calls, sum.mints), (1, 0));
        assert_eq!(refresh(&mut zoho, &refresh_token, 1).status, 200);
    }
}

#[test]
fn ten_lost_answers_evict_the_token_that_the_client_still_uses() {
    let (mut zoho, refresh_token) = with(Fault::default());
    let current = token(&refresh(&mut zoho, &refresh_token, 0));
    zoho.add_fault("", None, Fault::answer_lost())
        .expect("room");
    for n in 1..=10 {
        refresh(&mut zoho, &refresh_token, n * 61);
    }
    assert!(!zoho.is_alive(&current, Boottime(611_000)));
    assert_eq!(zoho.stats(Boottime(611_000)).sum().evicted_while_current, 1);
}

#[test]
fn a_late_answer_is_lost_until_it_is_delivered() {
    let (mut zoho, refresh_token) = with(Fault::delay_ms(500));
    let reply = refresh(&mut zoho, &refresh_token, 0);
    assert_eq!(reply.delay.as_millis(), 500);
    assert_eq!(zoho.stats(Boottime(0)).sum().lost, 1);
    zoho.deliver(&token(&reply));
    assert_eq!(zoho.stats(Boottime(0)).sum().lost, 0);
}

#[test]
fn the_older_dialect_counts_in_milliseconds() {
    let (mut zoho, refresh_token) = with(Fault {
        milliseconds: true,
        ..Fault::default()
    });
    let body = json(&refresh(&mut zoho, &refresh_token, 0));
    assert_eq!(body["expires_in"], 3_600_000);
    assert_eq!(body["expires_in_sec"], 3600);
}

#[test]
fn keys_of_an_answer_are_set_and_left_out() {
    for value in [json!(-1), json!(1e300), json!("3600"), json!(null)] {
        let (mut zoho, refresh_token) = with(Fault::set("expires_in", value.clone()));
        let body = json(&refresh(&mut zoho, &refresh_token, 0));
        assert_eq!(body["expires_in"], value);
    }
    let (mut zoho, refresh_token) = with(Fault::drop("api_domain"));
    let body = json(&refresh(&mut zoho, &refresh_token, 0));
    assert!(body.get("api_domain").is_none());
    assert!(body["access_token"].is_string());
}

#[test]
fn an_answer_with_another_access_token_delivers_none_that_lives() {
    let (mut zoho, refresh_token) = with(Fault::set("access_token", "1000.a\r\nEvil: b"));
    let told = token(&refresh(&mut zoho, &refresh_token, 0));
    assert!(!zoho.is_alive(&told, Boottime(0)));
    let sum = zoho.stats(Boottime(0)).sum();
    assert_eq!((sum.mints, sum.lost), (1, 1));
}

#[test]
fn a_rotated_refresh_token_replaces_the_old_one_and_keeps_its_window() {
    let (mut zoho, old) = with(Fault {
        rotate: true,
        ..Fault::default()
    });
    let body = json(&refresh(&mut zoho, &old, 0));
    let new = body["refresh_token"]
        .as_str()
        .expect("a new one")
        .to_owned();
    assert_eq!(json(&refresh(&mut zoho, &old, 1))["error"], "invalid_code");
    for second in 1..10 {
        assert_eq!(refresh(&mut zoho, &new, second).status, 200);
    }
    assert_eq!(refresh(&mut zoho, &new, 10).status, 400);
}

#[test]
fn half_of_an_answer_is_half_of_the_real_one_where_it_was_minted() {
    let (mut zoho, refresh_token) = with(Fault::instead(Instead::Half).minted());
    let Body::Half(text) = refresh(&mut zoho, &refresh_token, 0).body else {
        unreachable!("the script says half");
    };
    assert!(String::from_utf8_lossy(&text).contains(r#""api_domain":"https://www.zohoapis.eu""#));
    assert_eq!(zoho.stats(Boottime(0)).sum().lost, 1);
}

#[test]
fn a_fault_of_the_client_hits_all_its_refresh_tokens() {
    let (mut zoho, _) = with(Fault::default());
    let other = zoho.install(consent(), Boottime(0)).expect("a client");
    zoho.add_fault(ID, Some(1), Fault::redirect(307, "http://127.0.0.1:1/"))
        .expect("room");
    let reply = refresh(&mut zoho, &other, 0);
    assert_eq!(reply.status, 307);
    assert_eq!(
        reply.headers,
        [("location".into(), "http://127.0.0.1:1/".into())]
    );
}

#[test]
fn a_revocation_fails_too_where_the_script_says_so() {
    let (mut zoho, refresh_token) = with(Fault::default());
    zoho.add_fault("revoke", Some(1), Fault::status(500))
        .expect("room");
    refresh(&mut zoho, &refresh_token, 0);
    assert_eq!(zoho.revoke(&refresh_token, Boottime(0)).status, 500);
    assert_eq!(refresh(&mut zoho, &refresh_token, 1).status, 200);
}
