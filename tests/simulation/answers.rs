//! Properties of `reply`: whatever Zoho, a gateway or an attacker says, it is sorted, and nothing of it does harm (S5).

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, Value};
use zoho_tokend::policy::record::Cause;
use zoho_tokend::policy::reply::{Asked, Granted, Outcome};

use super::properties::config;

const KEYS: [&str; 9] = [
    "access_token",
    "refresh_token",
    "api_domain",
    "token_type",
    "expires_in",
    "expires_in_sec",
    "scope",
    "error",
    "error_description",
];

const TEXTS: [&str; 12] = [
    "invalid_code",
    "Access Denied",
    "1000.a",
    "https://www.zohoapis.eu",
    "3600",
    "",
    " ",
    "a\nb",
    "\u{7f}\u{85}\u{2028}",
    "NaN",
    "too many requests",
    "\u{0}",
];

fn asked() -> impl Strategy<Value = Asked> {
    prop::sample::select(Asked::ALL.to_vec())
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => prop::sample::select(TEXTS.to_vec()).prop_map(Value::from),
        2 => any::<String>().prop_map(Value::from),
        3 => (0..10_000_u64).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Array(vec![Value::from("1000.a")])),
        1 => Just(Value::Object(Map::new())),
    ]
}

/// An object with some of Zoho's keys, and anything behind them.
fn object() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(KEYS.to_vec());
    prop::collection::vec((key, value()), 0..7).prop_map(|pairs| {
        let pairs = pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        Value::Object(pairs.collect())
    })
}

/// An object that is a grant but for what takes the place of some of its values.
fn nearly_a_grant() -> impl Strategy<Value = Value> {
    (object(), prop::collection::vec(any::<bool>(), KEYS.len())).prop_map(|(other, spoilt)| {
        let mut grant = serde_json::json!({
            "access_token": "1000.a.b", "refresh_token": "1000.c.d", "api_domain": "https://www.zohoapis.eu",
            "token_type": "Bearer", "expires_in": 3600,
        });
        for (key, _) in KEYS.iter().zip(spoilt).filter(|(_, spoilt)| *spoilt) {
            if let Some(value) = other.get(*key) {
                grant[*key] = value.clone();
            }
        }
        grant
    })
}

fn status() -> impl Strategy<Value = u16> {
    prop_oneof![3 => Just(200), 1 => Just(400), 1 => Just(429), 1 => any::<u16>()]
}

/// Bytes that nobody shaped, and texts cut and changed at one place.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |value: Value| value.to_string().into_bytes();
    let cut = (nearly_a_grant(), any::<prop::sample::Index>(), any::<u8>());
    prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..400),
        4 => object().prop_map(bytes),
        4 => nearly_a_grant().prop_map(bytes),
        2 => cut.prop_map(move |(value, at, byte)| {
            let mut text = bytes(value);
            let at = at.index(text.len());
            text[at] = byte;
            if byte % 2 == 0 {
                text.truncate(at);
            }
            text
        }),
    ]
}

fn is_harmless(cause: &Cause) {
    for (text, max) in [
        (&cause.code, Cause::CODE_MAX),
        (&cause.detail, Cause::DETAIL_MAX),
    ] {
        assert!(!text.chars().any(char::is_control), "{cause:?}");
        assert!(!text.is_empty() && text.chars().count() <= max, "{cause:?}");
    }
}

/// What is granted stands in the answer, and nothing of it can forge a header or a file.
fn is_in(granted: &Granted, status: u16, body: &[u8]) {
    let answer: Value = serde_json::from_slice(body).expect("a grant is JSON");
    assert!((200..300).contains(&status) && answer["error"].is_null());
    let said = |key: &str| answer[key].as_str().map(str::to_owned);
    let token = granted.access_token.expose().to_owned();
    assert_eq!(Some(&token), said("access_token").as_ref());
    assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
    if let Some(refresh_token) = &granted.refresh_token {
        assert_eq!(
            Some(refresh_token.expose()),
            said("refresh_token").as_deref()
        );
    }
    if let Some(host) = &granted.api_domain {
        assert!(
            host.bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic()),
            "{host:?}"
        );
    }
    let scopes = granted
        .scope
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(!scopes.chars().any(char::is_control), "{scopes:?}");
    let life = Duration::from_secs(1)..=Duration::from_hours(1);
    assert!(life.contains(&granted.life), "{:?}", granted.life);
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn s5_reply_sorts_any_answer_and_grants_only_what_stands_in_it(
        asked in asked(), status in status(), body in body(),
    ) {
        match Outcome::sort(asked, status, &body) {
            Outcome::Granted(granted) => {
                is_in(&granted, status, &body);
                assert!(!asked.is_exchange() || granted.refresh_token.is_some());
            }
            refused => is_harmless(refused.cause().expect("no grant, so a cause")),
        }
    }
}
