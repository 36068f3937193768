//! The stand-in's consent page: what it sends back, what it keeps to itself, and what its codes are good for.

use zoho_tokend::stand_in::{Params, Person, Reply, Rules, Zoho};

use super::world::{ID, SECRET, at, json, org, said, world};

const BACK: &str = "http://localhost:8976/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn zoho() -> Zoho {
    let mut zoho = world(Rules::default());
    zoho.add_redirect_uri(ID, BACK).expect("a client");
    zoho
}

/// The consent page with the usual parameters, `more` before them.
fn authorize(zoho: &mut Zoho, more: &[(&str, &str)]) -> Reply {
    let usual = [
        ("response_type", "code"),
        ("client_id", ID),
        ("scope", "ZohoCRM.modules.ALL"),
        ("redirect_uri", BACK),
        ("access_type", "offline"),
        ("state", "st"),
    ];
    let params: Params = more.iter().chain(&usual).copied().collect();
    zoho.authorize(&params, "http://127.0.0.1:9000", org(), at(0))
}

/// The query of where the browser is sent.
fn back(reply: &Reply) -> Params {
    assert_eq!(reply.status, 302, "{reply:?}");
    let target = &reply.headers.iter().find(|(name, _)| name == "location");
    let target = &target.expect("a target").1;
    let query = target
        .strip_prefix(BACK)
        .and_then(|rest| rest.strip_prefix('?'));
    Params::parse(query.expect("where it was registered").as_bytes())
}

fn exchange(zoho: &mut Zoho, code: &str, verifier: &str) -> Reply {
    let params: Params = [
        ("grant_type", "authorization_code"),
        ("client_id", ID),
        ("client_secret", SECRET),
        ("redirect_uri", BACK),
        ("code", code),
        ("code_verifier", verifier),
    ]
    .into_iter()
    .collect();
    zoho.token(&params, at(1))
}

#[test]
fn a_consent_is_sent_back_with_its_state_and_the_persons_data_center() {
    let mut zoho = zoho();
    let back = back(&authorize(&mut zoho, &[]));
    assert_eq!(back.value("state"), "st");
    assert_eq!(back.value("location"), "us");
    assert_eq!(back.value("accounts-server"), "http://127.0.0.1:9000");
    assert!(back.value("code").starts_with("1000."));
}

#[test]
fn a_person_who_refuses_sends_an_error_back_and_no_code() {
    let mut zoho = zoho();
    zoho.seat(Person {
        refuses: true,
        ..Person::default()
    });
    let back = back(&authorize(&mut zoho, &[]));
    assert_eq!(back.value("error"), "access_denied");
    assert_eq!(back.value("code"), "");
    assert_eq!(back.value("state"), "st");
}

#[test]
fn what_is_wrong_with_the_address_is_shown_and_sent_nowhere() {
    let mut zoho = zoho();
    for (name, value, what) in [
        ("client_id", "1000.NOBODY", "invalid_client"),
        (
            "redirect_uri",
            "http://localhost:8976/other",
            "invalid_redirect_uri",
        ),
        ("response_type", "token", "invalid_response_type"),
        (
            "scope",
            "ZohoCRM.modules.ALL ZohoCRM.org.READ",
            "invalid_scope",
        ),
        ("code_challenge", CHALLENGE, "invalid_request"),
    ] {
        let reply = authorize(&mut zoho, &[(name, value)]);
        assert_eq!(reply.status, 400, "{name}");
        assert!(reply.text().contains(what), "{reply:?}");
    }
}

/// Accounts, "Authorization Request".
#[test]
fn a_refresh_token_comes_for_offline_access_and_the_second_time_for_consent_anew() {
    let mut zoho = zoho();
    for (more, gives) in [
        (
            &[("access_type", "online"), ("scope", "ZohoCRM.org.READ")][..],
            false,
        ),
        (&[("access_type", "offline")], true),
        (&[("access_type", "offline")], false),
        (&[("prompt", "consent")], true),
        (&[("prompt", "consent"), ("access_type", "")], false),
        (&[("scope", "ZohoCRM.settings.READ")], true),
    ] {
        let code = back(&authorize(&mut zoho, more)).value("code").to_owned();
        let answer = json(&exchange(&mut zoho, &code, ""));
        assert!(answer["access_token"].is_string(), "{answer}");
        assert_eq!(answer["refresh_token"].is_string(), gives, "{more:?}");
    }
}

#[test]
fn a_code_with_a_challenge_wants_its_verifier() {
    let mut zoho = zoho();
    let more = [
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let code = back(&authorize(&mut zoho, &more)).value("code").to_owned();
    let invalid_code = (200, r#"{"error":"invalid_code"}"#);
    for wrong in ["", CHALLENGE, "another"] {
        assert_eq!(said(&exchange(&mut zoho, &code, wrong)), invalid_code);
    }
    let answer = json(&exchange(&mut zoho, &code, VERIFIER));
    assert!(answer["refresh_token"].is_string(), "{answer}");
}
