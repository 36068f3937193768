//! S4: what the API's answer says, and what it is held against.

use super::world::settings;
use crate::base::{DataCenter, Environment};
use crate::policy::identity::{Identity, Pin, ZohoOrg};
use crate::policy::settings::OrgSettings;

/// The sample of Zoho's `OpenAPI` text, without what nobody asks for.
const SAMPLE: &str = r#"{"org":[{"country":"US","type":"production","domain_name":"org60012345","id":"1234567890",
    "zgid":"60012345","company_name":"Acme Inc.","primary_zuid":"7","license_details":{"paid":false}}]}"#;

pub(super) fn zoho_org(id: &str) -> ZohoOrg {
    ZohoOrg {
        id: id.into(),
        record_id: Some(format!("{id}0000033001")),
        name: Some("Zylker".into()),
        environment: Some(Environment::Production),
    }
}

fn pinned(id: &str) -> Identity {
    Identity {
        pinned: Some(Pin {
            org: zoho_org(id),
            data_center: "eu".into(),
            environment: Environment::Production,
        }),
        found: None,
    }
}

fn pins(org_id: &str) -> OrgSettings {
    OrgSettings {
        org_id: Some(org_id.into()),
        ..settings("acme")
    }
}

#[test]
fn zohos_own_sample_names_an_org() {
    let org = ZohoOrg::sort(200, SAMPLE.as_bytes()).expect("an org");
    assert_eq!(org.id, "60012345");
    assert_eq!(org.record_id.as_deref(), Some("1234567890"));
    assert_eq!(org.shown(), "60012345 (Acme Inc.)");
    assert_eq!(org.environment, Some(Environment::Production));
}

/// Both spellings of `type` are in Zoho's own texts; `bigin` is none of ours.
#[test]
fn a_type_is_read_in_any_case_and_one_that_is_none_of_ours_says_nothing() {
    for (word, environment) in [
        ("Sandbox", Some(Environment::Sandbox)),
        ("developer", Some(Environment::Developer)),
        ("bigin", None),
        ("", None),
    ] {
        let body = SAMPLE.replace("production", word);
        let org = ZohoOrg::sort(200, body.as_bytes()).expect("an org");
        assert_eq!(org.environment, environment, "{word}");
    }
}

#[test]
fn what_names_no_org_is_told_apart() {
    for (status, body, code) in [
        (
            401,
            r#"{"code":"OAUTH_SCOPE_MISMATCH","details":{},"message":"invalid scope","status":"error"}"#,
            "OAUTH_SCOPE_MISMATCH",
        ),
        (
            403,
            r#"{"code":"NO_PERMISSION","status":"error"}"#,
            "NO_PERMISSION",
        ),
        (
            401,
            r#"{"code":"INVALID_TOKEN","status":"error"}"#,
            "INVALID_TOKEN",
        ),
        (200, r#"{"code":"INVALID_TOKEN"}"#, "INVALID_TOKEN"),
        (503, "{}", "http-503"),
        (502, "<html>", "http-502"),
        (404, "<html>", "html"),
        (200, "", "empty-answer"),
        (200, "{", "garbage"),
        (200, "{}", "unknown-answer"),
        (200, r#"{"org":[]}"#, "unknown-answer"),
        (
            200,
            r#"{"org":[{"zgid":"1"},{"zgid":"2"}]}"#,
            "unknown-answer",
        ),
        (
            200,
            r#"{"org":[{"company_name":"Acme"}]}"#,
            "unknown-answer",
        ),
        (200, r#"{"org":[{"zgid":"1\n2"}]}"#, "unknown-answer"),
        (200, r#"{"org":[{"zgid":""}]}"#, "unknown-answer"),
    ] {
        let cause = ZohoOrg::sort(status, body.as_bytes()).expect_err(body);
        assert_eq!(cause.code, code, "{body}");
    }
}

/// S1, S5: the answer is the network's.
#[test]
fn s1_an_answer_that_repeats_the_token_or_commands_the_terminal_shows_neither() {
    let token = "1000.8cb99dcanary9be93.9b8canaryf1234567890";
    let named = SAMPLE.replace("Acme Inc.", &format!("{token}\\u001b[2J"));
    let org = ZohoOrg::sort(200, named.as_bytes()).expect("an org");
    let name = org.name.expect("a name");
    assert!(
        !name.contains("canary") && !name.contains('\u{1b}'),
        "{name}"
    );
    let refused = format!(r#"{{"code":"{token}"}}"#);
    let cause = ZohoOrg::sort(401, refused.as_bytes()).expect_err("no org");
    assert_eq!(cause.code, "unknown-answer");
    let long = SAMPLE.replace("Acme Inc.", &"é".repeat(5_000));
    let org = ZohoOrg::sort(200, long.as_bytes()).expect("an org");
    assert_eq!(org.name.map(|name| name.chars().count()), Some(100));
}

#[test]
fn an_org_is_known_by_either_id_and_by_what_the_address_bar_shows() {
    let org = ZohoOrg::sort(200, SAMPLE.as_bytes()).expect("an org");
    for written in ["60012345", "org60012345", "1234567890"] {
        assert!(org.is(written), "{written}");
    }
    for written in ["6001234", "60012346", "org", "orgorg60012345"] {
        assert!(!org.is(written), "{written}");
    }
    let endless = SAMPLE.replace("\"60012345\"", &format!("\"{}\"", "6".repeat(33)));
    let org = ZohoOrg::sort(200, endless.as_bytes()).expect("an org");
    assert_eq!(org.id, "1234567890", "that is no id");
}

#[test]
fn s4_the_configs_org_id_decides_and_a_pin_only_without_one() {
    let told = zoho_org("600");
    assert_eq!(
        Identity::default().contradicts(&told, &settings("acme")),
        None
    );
    assert_eq!(pinned("600").contradicts(&told, &settings("acme")), None);
    assert_eq!(pinned("700").contradicts(&told, &pins("600")), None);
    let by_record = ZohoOrg {
        id: "6000000033001".into(),
        ..told.clone()
    };
    let known = pinned("600");
    assert_eq!(known.contradicts(&by_record, &settings("acme")), None);
    let cause = pinned("700").contradicts(&told, &settings("acme"));
    let cause = cause.expect("another org");
    assert_eq!(cause.code, "wrong-org");
    assert_eq!(
        cause.detail,
        "Zoho's API says that this grant is of org 600 (Zylker); this name has stood for org 700 (Zylker)"
    );
    let cause = Identity::default().contradicts(&told, &pins("700"));
    assert!(
        cause
            .expect("another org")
            .detail
            .ends_with("the config pins org_id 700")
    );
}

#[test]
fn a_pin_of_another_place_says_nothing() {
    let mut sandbox = settings("acme");
    sandbox.binding.environment = Environment::Sandbox;
    let told = ZohoOrg {
        environment: Some(Environment::Sandbox),
        ..zoho_org("600")
    };
    assert_eq!(pinned("700").contradicts(&told, &sandbox), None);
    let mut elsewhere = settings("acme");
    elsewhere.binding.data_center = "us".into();
    assert_eq!(
        pinned("700").contradicts(&zoho_org("600"), &elsewhere),
        None
    );
}

#[test]
fn s4_a_sandbox_is_no_production_org_whatever_its_id() {
    let told = ZohoOrg {
        environment: Some(Environment::Sandbox),
        ..zoho_org("600")
    };
    let cause = pinned("600").contradicts(&told, &pins("600"));
    let cause = cause.expect("another environment");
    assert_eq!(cause.code, "wrong-place");
    assert!(cause.detail.contains("the sandbox org 600"), "{cause:?}");
}

/// A sandbox whose API host only the config knows.
#[test]
fn s4_the_api_host_of_another_data_center_of_the_config_is_evidence() {
    use super::zoho::grant;
    use crate::policy::binding::{Proof, weigh};
    use crate::policy::reply::Granted;

    let mut org = settings("acme");
    let host = "https://sandbox.zohoapis.example";
    let granted = || Granted {
        api_domain: Some(host.into()),
        ..grant(super::world::HOUR, None)
    };
    assert_eq!(weigh(&granted(), &org), Ok(Proof::Unverified));
    let mut neighbour = DataCenter::of_zoho("eu").expect("in the table");
    neighbour.name = "eu-sandbox".into();
    neighbour.api_domains.sandbox = Some(host.into());
    org.neighbours = vec![neighbour];
    let cause = weigh(&granted(), &org).expect_err("the sandbox's");
    assert_eq!(cause.code, "wrong-place");
    assert!(
        cause.detail.contains("sandbox in data center eu-sandbox"),
        "{cause:?}"
    );
}
