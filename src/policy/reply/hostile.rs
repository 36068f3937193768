//! Answers that nobody should send: every one is sorted, and nothing of them does harm.

use super::tests::{DENIED, sorted};
use super::*;
use Asked::{Exchange, Refresh};

#[test]
fn s5_a_token_with_control_characters_or_of_absurd_length_is_no_token() {
    let long = "a".repeat(5000);
    for token in ["a\\r\\nX: y", "a b", "\\u0000", "é", &long] {
        let body = format!(r#"{{"access_token":"{token}","expires_in":3600}}"#);
        assert_eq!(sorted(Refresh, 200, &body), "transient bad-token");
    }
    assert_eq!(
        sorted(Refresh, 200, r#"{"access_token":1000,"expires_in":3600}"#),
        "transient bad-token"
    );
    assert_eq!(
        sorted(
            Refresh,
            200,
            r#"{"access_token":"a","api_domain":"https://a\nb","expires_in":3600}"#
        ),
        "transient bad-answer"
    );
}

#[test]
fn nothing_half_a_body_and_other_json_are_transient() {
    assert_eq!(sorted(Refresh, 200, " \n"), "transient empty-answer");
    for body in [r#"{"access_token":"1000."#, "[]", "\"a\"", "null", "token"] {
        assert_eq!(sorted(Refresh, 200, body), "transient garbage", "{body}");
    }
    let deep = "[".repeat(60_000);
    assert_eq!(sorted(Refresh, 200, &deep), "transient garbage");
}

#[test]
fn s1_an_echoed_secret_is_not_repeated() {
    let secret = "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef";
    for body in [
        format!(
            r#"{{"error":"invalid_code","error_description":"refresh_token={secret}: no such token at accounts.zoho.com.cn"}}"#
        ),
        format!(r#"{{"error":"{secret}"}}"#),
        format!(r#"{{"access_token":"1000.a","expires_in":"{secret}"}}"#),
        format!(r#"{{"error":"x","error_description":"é{secret}é '{secret}'"}}"#),
    ] {
        let outcome = Outcome::sort(Refresh, 200, body.as_bytes());
        let told = format!("{outcome:?}");
        assert!(!told.contains("0123456789abcdef"), "{told}");
    }
    let cause = refused_detail(&format!(
        "refresh_token={secret}: no such token at accounts.zoho.com.cn"
    ));
    assert_eq!(
        cause,
        "HTTP 200: [hidden]: no such token at accounts.zoho.com.cn"
    );
}

/// Also one that looks like none: short, or without a digit.
#[test]
fn s1_a_secret_that_was_sent_is_not_repeated_whatever_it_looks_like() {
    let sent = [Arc::new(Secret::new("plainpassword".to_owned()))];
    let sorted = |body: &str| Outcome::sort_without(&sent, Refresh, 200, body.as_bytes());
    for body in [
        r#"{"error":"plainpassword"}"#,
        r#"{"error":"x","error_description":"client_secret=\u0070lainpassword is wrong"}"#,
        r#"{"access_token":"1000.a","expires_in":60,"api_domain":"https://a/plainpassword","scope":"plainpassword"}"#,
    ] {
        let told = format!("{:?}", sorted(body));
        assert!(!told.contains("plainpassword"), "{told}");
    }
    let same = r#"{"access_token":"1000.a","expires_in":60,"refresh_token":"plainpassword"}"#;
    let Outcome::Granted(granted) = sorted(same) else {
        unreachable!("a grant");
    };
    let kept = granted.refresh_token.expect("one came");
    assert_eq!(kept.expose(), "plainpassword", "a token is what it is");
}

#[test]
fn of_a_url_only_scheme_and_host_are_shown() {
    let secret = "1000.0123456789abcdef0123456789abcdef";
    for url in [
        format!("https://www.zohoapis.eu/{secret}"),
        format!("https://{secret}@www.zohoapis.eu?{secret}"),
    ] {
        assert_eq!(host_of(&url), "https://www.zohoapis.eu");
    }
    assert_eq!(host_of(&format!("https://{secret}")), "https://[hidden]");
}

#[test]
fn a_life_beyond_all_numbers_is_told_in_a_few_digits() {
    let body = r#"{"access_token":"1000.a","expires_in":1e300}"#;
    let outcome = Outcome::sort(Refresh, 200, body.as_bytes());
    let cause = outcome.cause().expect("absurd");
    assert_eq!(
        cause.detail,
        "`expires_in` is 1e300, not a life of 1 s to 1 h"
    );
}

#[test]
fn a_refusal_that_carries_a_token_is_told_as_what_it_is() {
    let body = r#"{"access_token":"1000.a","expires_in":3600}"#;
    let outcome = Outcome::sort(Refresh, 401, body.as_bytes());
    let detail = &outcome.cause().expect("refused").detail;
    assert!(
        detail.starts_with("HTTP 401 with a token, which is not used"),
        "{detail}"
    );
}

fn refused_detail(description: &str) -> String {
    let body = serde_json::json!({"error": "invalid_code", "error_description": description});
    let outcome = Outcome::sort(Refresh, 200, body.to_string().as_bytes());
    outcome.cause().expect("refused").detail.clone()
}

/// Cut, flipped and mixed bytes of real answers: every one is sorted, and no cause holds a control character.
#[test]
fn s5_any_bytes_are_sorted_and_no_control_character_survives() {
    let samples = [
        DENIED,
        r#"{"access_token":"1000.a","refresh_token":"1000.b","api_domain":"https://www.zohoapis.eu","scope":"a.b c.d","expires_in":3600}"#,
        r#"{"error":"invalid_code\u0000\u001b[2J","error_description":"\r\nSet-Cookie: a"}"#,
        "<html>",
    ];
    let mut random = fastrand::Rng::with_seed(20_261_122);
    for _ in 0..20_000 {
        let mut body = samples[random.usize(..samples.len())].as_bytes().to_vec();
        for _ in 0..random.usize(..8) {
            let at = random.usize(..body.len().max(1)).min(body.len());
            match random.u8(..4) {
                0 => body.truncate(at),
                1 => body.insert(at, random.u8(..)),
                2 => body.extend_from_within(at..),
                _ if at < body.len() => body[at] = random.u8(..),
                _ => (),
            }
        }
        let asked = if random.bool() { Exchange } else { Refresh };
        assert_is_clean(&Outcome::sort(asked, random.u16(..), &body));
    }
}

fn assert_is_clean(outcome: &Outcome) {
    let texts = match outcome {
        Outcome::Granted(it) => {
            assert!((1..=3600).contains(&it.life.as_secs()), "{it:?}");
            let scope = it.scope.iter().map(ToString::to_string);
            scope.chain(it.api_domain.clone()).collect()
        }
        other => {
            let cause = other.cause().expect("no grant");
            assert!(!cause.code.is_empty(), "{other:?}");
            vec![cause.code.clone(), cause.detail.clone()]
        }
    };
    for text in texts {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

/// S1: also by the server's mistake no reader gets what mints.
#[test]
fn s1_a_secret_that_comes_back_as_the_access_token_is_none() {
    let sent = [Arc::new(Secret::new("1000.refresh".into()))];
    let body = |token: &str| format!(r#"{{"access_token":"{token}","expires_in":3600}}"#);
    let sort = |token| Outcome::sort_without(&sent, Refresh, 200, body(token).as_bytes());
    assert_eq!(
        sort("1000.refresh").cause().map(|cause| &*cause.code),
        Some("bad-token")
    );
    assert!(sort("1000.access").cause().is_none());
}
