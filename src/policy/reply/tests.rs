//! Each documented or reported answer, quoted as it was seen, and what is done about it.

use super::*;
use Asked::{Exchange, Refresh};

/// The class of an outcome and its code, `needs-consent invalid_code`.
pub(super) fn sorted(asked: Asked, status: u16, body: &str) -> String {
    let outcome = Outcome::sort(asked, status, body.as_bytes());
    let class = match &outcome {
        Outcome::Granted(_) => "granted",
        Outcome::Transient(_) => "transient",
        Outcome::Throttled(_) => "throttled",
        Outcome::NeedsConsent(_) => "needs-consent",
        Outcome::Misconfigured(_) => "misconfigured",
    };
    let code = outcome.cause().map_or("", |cause| &cause.code);
    format!("{class} {code}").trim_end().to_owned()
}

fn granted(asked: Asked, body: &str) -> Granted {
    match Outcome::sort(asked, 200, body.as_bytes()) {
        Outcome::Granted(granted) => granted,
        other => unreachable!("{body} is {other:?}"),
    }
}

fn life_s(fields: &str) -> Option<u64> {
    let body = format!(r#"{{"access_token":"1000.a",{fields}}}"#);
    match Outcome::sort(Refresh, 200, body.as_bytes()) {
        Outcome::Granted(granted) => Some(granted.life.as_secs()),
        _ => None,
    }
}

pub(super) const DENIED: &str = r#"{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}"#;

// --- Answers that grant (Accounts "Authorization Code Flow", "Access Token Expiry"; Kaizen #164) ---

#[test]
fn an_exchange_grants_both_tokens() {
    let it = granted(
        Exchange,
        r#"{"access_token":"1000.a.b","refresh_token":"1000.c.d","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}"#,
    );
    assert_eq!(it.access_token.expose(), "1000.a.b");
    let refresh_token = it.refresh_token.expect("in the answer");
    assert_eq!(refresh_token.expose(), "1000.c.d");
    assert_eq!(it.api_domain.as_deref(), Some("https://www.zohoapis.eu"));
    assert!(it.scope.is_none());
    assert_eq!(it.life, LIFE_MAX);
}

#[test]
fn a_refresh_grants_an_access_token_alone() {
    let it = granted(
        Refresh,
        r#"{"access_token":"1000.a.b","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}"#,
    );
    assert!(it.refresh_token.is_none());
}

#[test]
fn a_refresh_without_an_api_domain_grants() {
    let it = granted(Refresh, r#"{"access_token":"1000.a.b","expires_in":3600}"#);
    assert_eq!(it.api_domain, None);
}

#[test]
fn scopes_listed_with_spaces_are_several() {
    let it = granted(
        Refresh,
        r#"{"access_token":"1000.a.b","scope":"ZohoCRM.modules.ALL ZohoCRM.org.READ","expires_in":3600}"#,
    );
    assert_eq!(it.scope.expect("said").iter().count(), 2);
}

#[test]
fn an_exchange_without_a_refresh_token_needs_consent_for_offline_access() {
    let online = r#"{"access_token":"1000.a.b","token_type":"Bearer","expires_in":3600}"#;
    assert_eq!(
        sorted(Exchange, 200, online),
        "needs-consent no-refresh-token"
    );
    assert_eq!(sorted(Refresh, 200, online), "granted");
}

#[test]
fn expires_in_given_in_milliseconds_is_not_taken_for_seconds() {
    // "Writer", OAuth step 4; and without `expires_in_sec`: googleworkspace/apps-script-oauth2 #198.
    assert_eq!(
        life_s(r#""expires_in_sec":3600,"expires_in":3600000"#),
        Some(3600)
    );
    assert_eq!(
        life_s(r#""expires_in_sec":60,"expires_in":60000"#),
        Some(60)
    );
    assert_eq!(life_s(r#""expires_in":3600000"#), Some(3600));
    assert_eq!(life_s(r#""expires_in":1800000"#), Some(1800));
}

#[test]
fn a_life_is_held_to_an_hour_and_an_absurd_one_is_refused() {
    assert_eq!(life_s(r#""expires_in":7200"#), Some(3600));
    assert_eq!(life_s(r#""expires_in":"3599""#), Some(3599));
    assert_eq!(life_s(r#""expires_in":59.9"#), Some(59));
    assert_eq!(life_s(r#""expires_in_sec":null,"expires_in":60"#), Some(60));
    for absurd in [
        "-3600", "0", "0.5", "3600001", "1e300", "null", "true", "\"soon\"", "\"NaN\"", "[]",
    ] {
        assert_eq!(
            life_s(&format!(r#""expires_in":{absurd}"#)),
            None,
            "{absurd}"
        );
    }
    assert_eq!(life_s(r#""token_type":"Bearer""#), None);
    assert_eq!(life_s(r#""expires_in_sec":3600000"#), None);
    assert_eq!(
        sorted(Refresh, 200, r#"{"access_token":"a","expires_in":-1}"#),
        "transient bad-lifetime"
    );
}

// --- Answers that refuse, with the HTTP status seen ---

#[test]
fn an_unknown_client_is_misconfigured_although_the_status_is_200() {
    // asciisd/zoho #6, #18; Kaizen #79; "Bookings".
    let body = r#"{"error":"invalid_client"}"#;
    assert_eq!(sorted(Refresh, 200, body), "misconfigured invalid_client");
    assert_eq!(sorted(Exchange, 200, body), "misconfigured invalid_client");
}

#[test]
fn a_wrong_client_secret_is_misconfigured() {
    // schmorrison/Zoho oauth2.go, PR #34.
    let body = r#"{"error":"invalid_client_secret"}"#;
    assert_eq!(
        sorted(Refresh, 200, body),
        "misconfigured invalid_client_secret"
    );
}

#[test]
fn r4_an_invalid_code_needs_consent_on_exchange_and_on_refresh() {
    // Weble/ZohoBooksApi #84 ("code: 200"); "Bookings"; Kaizen #79.
    let body = r#"{"error":"invalid_code"}"#;
    assert_eq!(sorted(Exchange, 200, body), "needs-consent invalid_code");
    assert_eq!(sorted(Refresh, 200, body), "needs-consent invalid_code");
}

#[test]
fn a_redirect_uri_that_is_not_registered_is_misconfigured() {
    // Kaizen #79; no status given.
    for status in [200, 400] {
        assert_eq!(
            sorted(Exchange, status, r#"{"error":"invalid_redirect_uri"}"#),
            "misconfigured invalid_redirect_uri"
        );
    }
}

#[test]
fn an_unknown_scope_is_misconfigured() {
    // Kaizen #79; 400 in the test of another client.
    assert_eq!(
        sorted(Exchange, 400, r#"{"error":"invalid_scope"}"#),
        "misconfigured invalid_scope"
    );
}

#[test]
fn client_credentials_without_a_usable_soid_are_misconfigured() {
    // Accounts "Client Credentials Flow", tip.
    assert_eq!(
        sorted(Refresh, 200, r#"{"error":"missing_org_info"}"#),
        "misconfigured missing_org_info"
    );
}

#[test]
fn r4_a_throttle_is_no_revocation_whatever_its_status() {
    // CRM "Token Validity"; 400 as reported, 200 in Kaizen #43.
    assert_eq!(sorted(Refresh, 400, DENIED), "throttled Access Denied");
    assert_eq!(sorted(Refresh, 200, DENIED), "throttled Access Denied");
    let cause = Outcome::sort(Refresh, 400, DENIED.as_bytes());
    assert_eq!(
        cause.cause().expect("refused").detail,
        "HTTP 400: You have made too many requests continuously. Please try again after some time."
    );
}

#[test]
fn r4_a_throttle_is_known_in_every_spelling_and_by_its_description() {
    // "Bookings", CRM "Token Validity": `access_denied`; no status given.
    for body in [
        r#"{"error":"access_denied"}"#,
        r#"{"error":"ACCESS DENIED"}"#,
        r#"{"error":"general_error","error_description":"You have made Too Many Requests continuously."}"#,
    ] {
        let outcome = Outcome::sort(Refresh, 200, body.as_bytes());
        assert!(matches!(outcome, Outcome::Throttled(_)), "{body}");
    }
}

#[test]
fn status_400_without_a_known_error_is_transient() {
    // A wrong method or no grant_type, as a handbook says.
    assert_eq!(sorted(Refresh, 400, "{}"), "transient http-400");
    assert_eq!(sorted(Refresh, 400, ""), "transient http-400");
    assert_eq!(
        sorted(Refresh, 400, r#"{"error":"never_seen"}"#),
        "transient never_seen"
    );
}

#[test]
fn invalid_grant_needs_consent() {
    // RFC 6749 §5.2; no text of Zoho's uses it for a refresh.
    assert_eq!(
        sorted(Refresh, 400, r#"{"error":"invalid_grant"}"#),
        "needs-consent invalid_grant"
    );
}

#[test]
fn codes_that_clients_handle_and_nobody_reported_are_misconfigured() {
    for code in [
        "invalid_request",
        "invalid_soid",
        "invalid_org",
        "unsupported_grant_type",
        "unauthorized_client",
        "invalid_response_type",
    ] {
        let body = format!(r#"{{"error":"{code}","error_description":"soid not given"}}"#);
        assert_eq!(sorted(Refresh, 400, &body), format!("misconfigured {code}"));
    }
}

#[test]
fn codes_that_nobody_has_seen_are_transient() {
    for code in ["general_error", "server_error", "temporarily_unavailable"] {
        let body = format!(r#"{{"error":"{code}"}}"#);
        assert_eq!(sorted(Refresh, 200, &body), format!("transient {code}"));
    }
    for odd in [
        r#"{"error":42}"#,
        r#"{"error":{}}"#,
        r#"{"error":" "}"#,
        r#"{"error":"\u0000"}"#,
    ] {
        assert_eq!(
            sorted(Refresh, 200, odd),
            "transient unknown-answer",
            "{odd}"
        );
    }
}

#[test]
fn a_web_page_is_transient() {
    // A user ties it to a wrong data center; the status is not stated.
    for status in [200, 400, 404] {
        let page = "\n<!DOCTYPE html><html><body>Zoho</body></html>";
        assert_eq!(sorted(Refresh, status, page), "transient html");
    }
}

#[test]
fn an_answer_without_a_token_and_without_an_error_is_transient() {
    // tristanjahier/zoho-crm-php #9: twice in a week, healed by itself.
    for body in [
        r#"{"api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}"#,
        r#"{"access_token":"","expires_in":3600}"#,
        r#"{"access_token":null,"error":null,"expires_in":3600}"#,
    ] {
        assert_eq!(sorted(Refresh, 200, body), "transient no-access-token");
    }
}

#[test]
fn a_server_error_is_transient_with_its_status_for_a_code() {
    assert_eq!(
        sorted(Refresh, 503, "<html>Bad day</html>"),
        "transient http-503"
    );
    assert_eq!(sorted(Refresh, 500, ""), "transient http-500");
    let token = r#"{"access_token":"1000.a","expires_in":3600}"#;
    assert_eq!(sorted(Refresh, 500, token), "transient http-500");
}

#[test]
fn s3_a_redirect_is_an_answer_like_any_other_failure() {
    assert_eq!(
        sorted(Refresh, 302, "<html>moved</html>"),
        "transient http-302"
    );
}

#[test]
fn status_429_says_wait_where_the_body_says_nothing() {
    assert_eq!(
        sorted(Refresh, 429, "<html>slow down</html>"),
        "throttled http-429"
    );
    assert_eq!(sorted(Refresh, 429, "{}"), "throttled http-429");
    assert_eq!(
        sorted(Refresh, 429, r#"{"error":"invalid_code"}"#),
        "needs-consent invalid_code"
    );
}
