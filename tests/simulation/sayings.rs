//! The simulated Zoho says what Zoho has been seen to say, to the letter, and leaves no row of `reply` unsaid.

use zoho_tokend::policy::reply::{Asked, Outcome};
use zoho_tokend::simulation::dice::Seeded;
use zoho_tokend::simulation::zoho::sayings::{self, Kind, SAYINGS, Terms};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// CRM API v8 "Token Validity".
const ACCESS_DENIED: &str = r#"{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}"#;

/// What a grant says, for an access token's number, an hour of life and a refresh token that comes along.
fn granted(seed: u64, refresh_token: Option<&str>, life_ms: i64) -> String {
    let terms = Terms {
        token: 7,
        refresh_token: refresh_token.map(str::to_owned),
        api_domain: "https://www.zohoapis.eu",
        scope: "ZohoCRM.modules.ALL ZohoCRM.org.READ",
        life_ms,
    };
    sayings::grant(&terms, &mut Seeded::new(seed)).0.body
}

fn all_of(say: impl Fn(u64) -> String) -> Vec<String> {
    let mut bodies: Vec<String> = (0..500).map(say).collect();
    bodies.sort();
    bodies.dedup();
    bodies
}

#[test]
fn a_refresh_is_granted_in_the_words_of_the_documents() {
    // Accounts "Access Token Expiry"; "Writer", OAuth step 4; Workerly; FSM; apps-script-oauth2 #198.
    let said = all_of(|seed| granted(seed, None, HOUR));
    let documented = [
        r#"{"access_token":"1000.at-7","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":"3600"}"#,
        r#"{"access_token":"1000.at-7","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600000}"#,
        r#"{"access_token":"1000.at-7","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}"#,
        r#"{"access_token":"1000.at-7","expires_in_sec":3600,"api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600000}"#,
        r#"{"access_token":"1000.at-7","scope":"ZohoCRM.modules.ALL ZohoCRM.org.READ","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}"#,
        r#"{"access_token":"1000.at-7","token_type":"Bearer","expires_in":3600}"#,
    ];
    assert_eq!(said, documented);
}

#[test]
fn an_exchange_is_granted_with_a_refresh_token() {
    // Accounts "Authorization Code Flow"; CRM "Access and Refresh".
    let said = all_of(|seed| granted(seed, Some("rt-3-0"), HOUR));
    let documented = r#"{"access_token":"1000.at-7","refresh_token":"rt-3-0","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}"#;
    assert!(said.iter().any(|body| body == documented));
    assert!(
        said.iter()
            .all(|body| body.contains(r#""refresh_token":"rt-3-0""#))
    );
}

#[test]
fn no_life_is_said_so_that_nobody_could_tell_its_unit() {
    let said = all_of(|seed| granted(seed, None, MINUTE));
    let alone = |body: &&String| body.contains("60000") && !body.contains("expires_in_sec");
    assert_eq!(said.iter().find(alone), None);
}

/// How the documents, and users who logged what they got, have Zoho refuse.
const REFUSALS: [(Kind, u16, &str); 19] = [
    (Kind::Throttle, 400, ACCESS_DENIED),
    (Kind::Throttle, 200, ACCESS_DENIED),
    (Kind::Throttle, 200, r#"{"error":"access_denied"}"#),
    (Kind::Throttle, 429, ""),
    (Kind::Gone, 200, r#"{"error":"invalid_code"}"#),
    (Kind::Gone, 400, r#"{"error":"invalid_grant"}"#),
    (Kind::WrongConfig, 200, r#"{"error":"invalid_client"}"#),
    (
        Kind::WrongConfig,
        200,
        r#"{"error":"invalid_client_secret"}"#,
    ),
    (
        Kind::WrongConfig,
        200,
        r#"{"error":"invalid_redirect_uri"}"#,
    ),
    (Kind::WrongConfig, 400, r#"{"error":"invalid_scope"}"#),
    (Kind::WrongConfig, 200, r#"{"error":"missing_org_info"}"#),
    (Kind::WrongConfig, 400, r#"{"error":"invalid_request"}"#),
    (Kind::WrongConfig, 200, r#"{"error":"invalid_soid"}"#),
    (Kind::WrongConfig, 200, r#"{"error":"invalid_org"}"#),
    (
        Kind::WrongConfig,
        400,
        r#"{"error":"unsupported_grant_type"}"#,
    ),
    (Kind::WrongConfig, 400, r#"{"error":"unauthorized_client"}"#),
    (
        Kind::WrongConfig,
        400,
        r#"{"error":"invalid_response_type"}"#,
    ),
    (Kind::Noise, 200, r#"{"error":"general_error"}"#),
    (Kind::Noise, 503, ""),
];

#[test]
fn every_documented_refusal_is_said_to_the_letter() {
    for (kind, status, body) in REFUSALS {
        let is_it = |own: &&sayings::Saying| own.status == status && own.body == body;
        let own = SAYINGS.iter().find(is_it).map(|own| own.kind);
        assert_eq!(own, Some(kind), "{status} {body}");
    }
}

#[test]
fn a_refusal_is_one_of_its_kind_and_every_one_of_them_comes() {
    let mut dice = Seeded::new(1);
    for kind in [Kind::Throttle, Kind::Gone, Kind::WrongConfig, Kind::Noise] {
        let mut said: Vec<usize> = (0..1000)
            .map(|_| sayings::refusal(kind, &mut dice).saying)
            .collect();
        said.sort_unstable();
        said.dedup();
        let of_kind: Vec<usize> = (0..SAYINGS.len())
            .filter(|at| SAYINGS[*at].kind == kind)
            .collect();
        assert_eq!(said, of_kind, "{kind:?}");
    }
}

/// Every code by which the policy's `reply` sorts, and every name that it gives to what has none.
const ROWS: [&str; 28] = [
    "Access Denied",
    "access_denied",
    "http-429",
    "invalid_code",
    "invalid_grant",
    "invalid_client",
    "invalid_client_secret",
    "invalid_redirect_uri",
    "invalid_scope",
    "missing_org_info",
    "invalid_request",
    "invalid_soid",
    "invalid_org",
    "unsupported_grant_type",
    "unauthorized_client",
    "invalid_response_type",
    "general_error",
    "unknown-answer",
    "html",
    "http-502",
    "http-503",
    "http-500",
    "http-302",
    "empty-answer",
    "no-access-token",
    "bad-lifetime",
    "bad-token",
    "bad-answer",
];

#[test]
fn r4_the_policy_sorts_every_saying_as_it_is_meant_and_no_row_of_its_table_goes_unsaid() {
    let mut codes = Vec::new();
    for own in SAYINGS.iter().filter(|own| own.kind != Kind::Grant) {
        let outcome = Outcome::sort(Asked::Refresh, own.status, own.body.as_bytes());
        let kind = match &outcome {
            Outcome::Granted(_) => Kind::Grant,
            Outcome::Transient(_) => Kind::Noise,
            Outcome::Throttled(_) => Kind::Throttle,
            Outcome::NeedsConsent(_) => Kind::Gone,
            Outcome::Misconfigured(_) => Kind::WrongConfig,
        };
        assert_eq!(kind, own.kind, "{} {}", own.status, own.body);
        codes.extend(outcome.cause().map(|cause| cause.code.clone()));
    }
    for row in ROWS.iter().chain(&["garbage", "http-400"]) {
        assert!(codes.iter().any(|code| code == row), "nobody says {row}");
    }
}
