//! Each rule of Zoho's, against the bodies that Zoho's pages print.

use serde_json::Value;
use zoho_tokend::base::{Boottime, Environment};
use zoho_tokend::stand_in::{Consent, End, Fault, Org, Params, Reply, Rules, Zoho};

pub(crate) const ID: &str = "1000.CLIENT";
pub(crate) const SECRET: &str = "0123456789abcdef";
const SCOPE: &str = "ZohoCRM.modules.ALL,ZohoCRM.org.READ";

pub(crate) fn org() -> Org {
    Org {
        id: "600123".to_owned(),
        environment: Environment::Production,
        api_domain: "https://www.zohoapis.eu".to_owned(),
    }
}

pub(crate) fn consent() -> Consent {
    Consent::new(ID, SCOPE, org())
}

pub(crate) fn world(rules: Rules) -> Zoho {
    let mut zoho = Zoho::new(rules, fastrand::Rng::with_seed(7));
    zoho.add_client(ID, SECRET).expect("room");
    zoho
}

fn call(zoho: &mut Zoho, pairs: &[(&str, &str)], at_s: i64) -> Reply {
    let params: Params = pairs.iter().copied().collect();
    zoho.token(&params, Boottime(at_s * 1000))
}

pub(crate) fn refresh(zoho: &mut Zoho, refresh_token: &str, at_s: i64) -> Reply {
    let pairs = [
        ("grant_type", "refresh_token"),
        ("client_id", ID),
        ("client_secret", SECRET),
        ("refresh_token", refresh_token),
    ];
    call(zoho, &pairs, at_s)
}

pub(crate) fn exchange(zoho: &mut Zoho, code: &str, at_s: i64) -> Reply {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", ID),
        ("client_secret", SECRET),
        ("code", code),
    ];
    call(zoho, &pairs, at_s)
}

pub(crate) fn json(reply: &Reply) -> Value {
    serde_json::from_str(reply.text()).expect("JSON")
}

pub(crate) fn token(reply: &Reply) -> String {
    let body = json(reply);
    body["access_token"]
        .as_str()
        .expect("a granted answer")
        .to_owned()
}

fn keys(reply: &Reply) -> Vec<String> {
    let body = json(reply);
    let body = body.as_object().expect("an object");
    body.keys().cloned().collect()
}

pub(crate) fn said(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.text())
}

pub(crate) fn at(seconds: i64) -> Boottime {
    Boottime(seconds * 1000)
}

#[test]
fn a_code_yields_both_tokens_and_a_refresh_yields_one() {
    let mut zoho = world(Rules {
        tells_scope: false,
        ..Rules::default()
    });
    let code = zoho.grant_code(consent(), at(0)).expect("a client");
    let reply = exchange(&mut zoho, &code, 1);
    let wanted = [
        "access_token",
        "api_domain",
        "expires_in",
        "refresh_token",
        "token_type",
    ];
    assert_eq!(
        (reply.status, keys(&reply)),
        (200, wanted.map(String::from).to_vec())
    );
    let body = json(&reply);
    assert_eq!(body["api_domain"], "https://www.zohoapis.eu");
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3600);

    let refresh_token = body["refresh_token"].as_str().expect("text");
    let reply = refresh(&mut zoho, refresh_token, 2);
    let wanted = ["access_token", "api_domain", "expires_in", "token_type"];
    assert_eq!(
        (reply.status, keys(&reply)),
        (200, wanted.map(String::from).to_vec())
    );
}

#[test]
fn the_scope_is_asked_with_commas_and_answered_with_spaces() {
    let mut zoho = world(Rules::default());
    let code = zoho.grant_code(consent(), at(0)).expect("a client");
    let body = json(&exchange(&mut zoho, &code, 1));
    assert_eq!(body["scope"], "ZohoCRM.modules.ALL ZohoCRM.org.READ");
}

#[test]
fn client_credentials_yield_no_refresh_token() {
    let mut zoho = world(Rules::default());
    zoho.add_soid(ID, "ZohoCRM.600123", org(), at(0))
        .expect("a client");
    let pairs = [
        ("grant_type", "client_credentials"),
        ("client_id", ID),
        ("client_secret", SECRET),
        ("scope", SCOPE),
        ("soid", "ZohoCRM.600123"),
    ];
    let reply = call(&mut zoho, &pairs, 0);
    let wanted = [
        "access_token",
        "api_domain",
        "expires_in",
        "scope",
        "token_type",
    ];
    assert_eq!(keys(&reply), wanted.map(String::from));
    assert_eq!(
        json(&reply)["scope"],
        "ZohoCRM.modules.ALL ZohoCRM.org.READ"
    );

    let without_soid = call(&mut zoho, &pairs[..4], 0);
    assert_eq!(
        said(&without_soid),
        (200, r#"{"error":"missing_org_info"}"#)
    );
    let mut spaced = pairs;
    spaced[3].1 = "ZohoCRM.modules.ALL ZohoCRM.org.READ";
    let spaced = call(&mut zoho, &spaced, 0);
    assert_eq!(said(&spaced), (400, r#"{"error":"invalid_scope"}"#));
}

#[test]
fn tokens_look_like_zohos_and_follow_from_the_seed() {
    let mint = || {
        let mut zoho = world(Rules::default());
        let refresh_token = zoho.install(consent(), at(0)).expect("a client");
        token(&refresh(&mut zoho, &refresh_token, 0))
    };
    let parts = mint();
    let parts: Vec<&str> = parts.split('.').collect();
    assert_eq!(parts[0], "1000");
    for part in &parts[1..] {
        assert_eq!(part.len(), 32, "{part}");
        assert!(part.bytes().all(|b| b.is_ascii_hexdigit()), "{part}");
    }
    assert_eq!(mint(), mint());
}

#[test]
fn wrong_clients_are_told_with_status_200() {
    let mut zoho = world(Rules::default());
    let refresh_token = zoho.install(consent(), at(0)).expect("a client");
    let mut ask = |grant_type: &str, id: &str, secret: &str| {
        let pairs = [
            ("grant_type", grant_type),
            ("client_id", id),
            ("client_secret", secret),
            ("refresh_token", &refresh_token),
        ];
        call(&mut zoho, &pairs, 0)
    };
    let wrong_id = ask("refresh_token", "1000.OTHER", SECRET);
    assert_eq!(said(&wrong_id), (200, r#"{"error":"invalid_client"}"#));
    let wrong_secret = ask("refresh_token", ID, "x");
    assert_eq!(
        said(&wrong_secret),
        (200, r#"{"error":"invalid_client_secret"}"#)
    );
    let wrong_type = ask("password", ID, SECRET);
    assert_eq!(said(&wrong_type), (200, r#"{"error":"invalid_client"}"#));
    assert_eq!(said(&ask("", ID, SECRET)), (400, ""));
}

#[test]
fn a_code_is_good_once_in_time_and_for_its_own_client() {
    let invalid_code = (200, r#"{"error":"invalid_code"}"#);
    let mut zoho = world(Rules::default());
    zoho.add_client("1000.OTHER", "x").expect("room");
    let code = zoho.grant_code(consent(), at(0)).expect("a client");

    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", "1000.OTHER"),
        ("client_secret", "x"),
        ("code", &code),
    ];
    assert_eq!(said(&call(&mut zoho, &pairs, 1)), invalid_code);
    assert_eq!(exchange(&mut zoho, &code, 179).status, 200);
    assert_eq!(said(&exchange(&mut zoho, &code, 179)), invalid_code);

    let late = zoho.grant_code(consent(), at(0)).expect("a client");
    assert_eq!(said(&exchange(&mut zoho, &late, 180)), invalid_code);
}

#[test]
fn a_code_of_the_web_flow_wants_its_redirect_uri() {
    let mut zoho = world(Rules::default());
    let consent = Consent {
        redirect_uri: Some("http://localhost:8976/callback".to_owned()),
        ..consent()
    };
    let code = zoho.grant_code(consent, at(0)).expect("a client");
    let reply = exchange(&mut zoho, &code, 1);
    assert_eq!(said(&reply), (200, r#"{"error":"invalid_redirect_uri"}"#));
}

#[test]
fn a_refresh_token_of_another_client_is_invalid_code() {
    let mut zoho = world(Rules::default());
    zoho.add_client("1000.OTHER", "x").expect("room");
    let theirs = Consent::new("1000.OTHER", SCOPE, org());
    let theirs = zoho.install(theirs, at(0)).expect("a client");
    let reply = refresh(&mut zoho, &theirs, 0);
    assert_eq!(said(&reply), (200, r#"{"error":"invalid_code"}"#));
    let reply = refresh(&mut zoho, "1000.never.made", 0);
    assert_eq!(said(&reply), (200, r#"{"error":"invalid_code"}"#));
}

#[test]
fn revoking_a_refresh_token_kills_its_access_tokens() {
    let mut zoho = world(Rules::default());
    let refresh_token = zoho.install(consent(), at(0)).expect("a client");
    let [one, two] = [0, 1].map(|s| token(&refresh(&mut zoho, &refresh_token, s)));

    assert_eq!(
        said(&zoho.revoke(&one, at(2))),
        (200, r#"{"status":"success"}"#)
    );
    assert_eq!(zoho.end_of(&one, at(2)), Some(End::Revoked));
    assert!(zoho.is_alive(&two, at(2)));

    let reply = zoho.revoke(&refresh_token, at(3));
    assert_eq!(said(&reply), (200, r#"{"status":"success"}"#));
    assert_eq!(zoho.end_of(&two, at(3)), Some(End::Revoked));
    let reply = refresh(&mut zoho, &refresh_token, 4);
    assert_eq!(said(&reply), (200, r#"{"error":"invalid_code"}"#));
    assert_eq!(zoho.revoke(&refresh_token, at(5)).status, 400);
}

#[test]
fn the_newer_endpoint_revokes_for_the_client_that_says_who_it_is() {
    let mut zoho = world(Rules::default());
    let refresh_token = zoho.install(consent(), at(0)).expect("a client");
    for client in [("", ""), (ID, "wrong"), ("1000.NOBODY", SECRET)] {
        assert_eq!(zoho.revoke_of(client, &refresh_token, at(1)).status, 401);
    }
    let reply = zoho.revoke_of((ID, SECRET), &refresh_token, at(2));
    assert_eq!(said(&reply), (200, r#"{"status":"success"}"#));
    let reply = zoho.revoke_of((ID, SECRET), &refresh_token, at(3));
    assert_eq!(said(&reply), (400, ""));
}

#[test]
fn a_deleted_client_is_invalid_client() {
    let mut zoho = world(Rules::default());
    let refresh_token = zoho.install(consent(), at(0)).expect("a client");
    zoho.delete_client(ID);
    let reply = refresh(&mut zoho, &refresh_token, 0);
    assert_eq!(said(&reply), (200, r#"{"error":"invalid_client"}"#));
}

#[test]
fn the_api_lets_in_live_tokens_at_their_own_api_domain_alone() {
    let mut zoho = world(Rules::default());
    let sandbox = Org {
        api_domain: "http://127.0.0.1:9000/sandbox".to_owned(),
        environment: Environment::Sandbox,
        ..org()
    };
    let refresh_token = zoho
        .install(Consent::new(ID, SCOPE, sandbox), at(0))
        .expect("a client");
    let header = format!(
        "Zoho-oauthtoken {}",
        token(&refresh(&mut zoho, &refresh_token, 0))
    );
    let invalid_token =
        r#"{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}"#;

    assert_eq!(zoho.crm_org(&header, "/sandbox", at(1)).status, 200);
    let elsewhere = zoho.crm_org(&header, "", at(1));
    assert_eq!(said(&elsewhere), (401, invalid_token));
    let too_late = zoho.crm_org(&header, "/sandbox", at(3600));
    assert_eq!(said(&too_late), (401, invalid_token));
    let nothing = zoho.crm_org("", "/sandbox", at(1));
    let unauthenticated = r#"{"code":"AUTHENTICATION_FAILURE","details":{},"message":"Authentication failed","status":"error"}"#;
    assert_eq!(said(&nothing), (401, unauthenticated));
    let traffic = zoho.stats(at(1)).traffic;
    assert_eq!(traffic.crm_let_in, 1);
    assert_eq!(traffic.crm_refused[&End::Expired], 1);
}

#[test]
fn a_script_about_an_unknown_client_is_refused() {
    let mut zoho = world(Rules::default());
    let consent = Consent::new("1000.NOBODY", SCOPE, org());
    let refused = zoho.grant_code(consent, at(0)).expect_err("no such client");
    assert_eq!(refused.to_string(), "no client 1000.NOBODY; add it first");
    assert!(zoho.add_fault("", Some(1), Fault::status(500)).is_ok());
}

#[test]
fn another_secret_kills_the_old_one_at_once_or_lets_it_work_until_it_is_retired() {
    let mut zoho = world(Rules::default());
    let refresh_token = zoho.install(consent(), at(0)).expect("room");
    zoho.rotate_secret(ID, "another").expect("a client");
    assert_eq!(refresh(&mut zoho, &refresh_token, 1).status, 200);
    assert!(
        refresh(&mut zoho, &refresh_token, 1)
            .text()
            .contains("access_token")
    );
    zoho.retire_secret(ID);
    let refused = refresh(&mut zoho, &refresh_token, 2);
    assert_eq!(
        said(&refused),
        (200, r#"{"error":"invalid_client_secret"}"#)
    );
    zoho.add_client(ID, SECRET).expect("a client");
    assert!(
        refresh(&mut zoho, &refresh_token, 3)
            .text()
            .contains("access_token")
    );
    assert!(zoho.rotate_secret("1000.NOBODY", "x").is_err());
}
