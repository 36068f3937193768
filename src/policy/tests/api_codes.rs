//! What Zoho's API says to a bad token, row by row of the documents: each with its spellings and the places in an
//! answer where Zoho puts it, and what the daemon does about it.

use serde_json::{Value, json};

use super::reporting::{generation, settled};
use super::world::{World, name, settings};
use super::zoho::{minted, needs_consent};
use crate::base::Environment;
use crate::policy::remedy::{Entry, Origin, Place, explain};
use crate::policy::report::{ApiCode, Fault, Finding};

/// One row of the documents.
struct Row {
    /// The documents' own name of it, and what they say of it.
    name: &'static str,
    /// Every spelling that was seen.
    spellings: &'static [&'static str],
    /// What is told; `None`: a mint comes first.
    finding: Option<Finding>,
}

const MINT: Option<Finding> = None;

const ROWS: [Row; 10] = [
    Row {
        name: "INVALID_TOKEN: expired, evicted, revoked, or a valid token at the wrong place: refresh once",
        spellings: &["INVALID_TOKEN", "invalid_token", "Invalid Token"],
        finding: MINT,
    },
    Row {
        name: "INVALID_OAUTHTOKEN / invalid_oauth_token / Desk's INVALID_OAUTH: same meaning",
        spellings: &[
            "INVALID_OAUTHTOKEN",
            "invalid_oauth_token",
            "INVALID_OAUTH_TOKEN",
            "INVALID_OAUTH",
        ],
        finding: MINT,
    },
    Row {
        name: "AUTHENTICATION_FAILURE: at times in place of INVALID_TOKEN: refresh once",
        spellings: &["AUTHENTICATION_FAILURE", "authentication_failure"],
        finding: MINT,
    },
    Row {
        name: "AUTHENTICATION_FAILED: Kaizen #25's spelling; some tie it to the wrong data center",
        spellings: &["AUTHENTICATION_FAILED"],
        finding: MINT,
    },
    Row {
        name: "OAUTH_SCOPE_MISMATCH: token fine, scope missing: do not refresh, human",
        spellings: &[
            "OAUTH_SCOPE_MISMATCH",
            "oauth_scope_mismatch",
            "SCOPE_MISMATCH",
        ],
        finding: Some(Finding::Scope),
    },
    Row {
        name: "NO_PERMISSION: the user's CRM profile: human",
        spellings: &["NO_PERMISSION", "no_permission"],
        finding: Some(Finding::Scope),
    },
    Row {
        name: "OAUTH_ORG_MISMATCH (Desk): the orgId header is not the token's org",
        spellings: &["OAUTH_ORG_MISMATCH"],
        finding: Some(Finding::Binding),
    },
    Row {
        name: "INVALID_REQUEST, AUTHORIZATION_FAILED: not a token matter",
        spellings: &["INVALID_REQUEST", "AUTHORIZATION_FAILED"],
        finding: Some(Finding::NotToken),
    },
    Row {
        name: "INVALID_URL_PATTERN: wrong path, or wrong host per one report",
        spellings: &["INVALID_URL_PATTERN"],
        finding: Some(Finding::NotToken),
    },
    Row {
        name: "TOO_MANY_REQUESTS: credits or concurrency: never refresh",
        spellings: &["TOO_MANY_REQUESTS", "too_many_requests"],
        finding: Some(Finding::NotToken),
    },
];

/// The places in an answer where Zoho puts a code.
fn answers(code: &str) -> [Value; 5] {
    let envelope = json!({"code": code, "details": {}, "message": "…", "status": "error"});
    let well = json!({"code": "SUCCESS", "details": {"id": "1"}, "message": "record added", "status": "success"});
    [
        envelope.clone(),
        json!({"data": [envelope]}),
        json!({"data": [well, envelope]}),
        json!([envelope]),
        json!({"errorCode": code, "message": "…"}),
    ]
}

/// What a reporter is told in the end, and how many calls that cost.
fn told(code: &str) -> (Option<Finding>, usize) {
    let mut world: World = settled();
    let served = generation(&world);
    let request = world.report("acme", served, code);
    if world.finding(request).is_none() {
        world.answer("acme", minted());
    }
    (world.finding(request), world.sent.len())
}

/// R12
#[test]
fn r12_every_row_of_the_documents_has_its_verdict_in_every_spelling_and_place() {
    for row in ROWS {
        for spelling in row.spellings {
            let (finding, calls) = told(spelling);
            let wanted = row.finding.unwrap_or(Finding::Refreshed);
            assert_eq!(finding, Some(wanted), "{spelling} of: {}", row.name);
            let is_minted = usize::from(row.finding.is_none());
            assert_eq!(calls, is_minted, "{spelling} of: {}", row.name);
            for answer in answers(spelling) {
                let found = ApiCode::in_answer(&answer);
                assert_eq!(
                    found,
                    Some(ApiCode::of(spelling)),
                    "{answer} of: {}",
                    row.name
                );
            }
        }
    }
}

/// What a reporter is told to do is what `explain` says of the code.
#[test]
fn a_report_is_answered_with_the_cure_of_its_codes_own_row() {
    let world: World = settled();
    let org = name("acme");
    let place = world.org("acme").place();
    for row in ROWS.iter().filter(|row| row.finding.is_some()) {
        let (code, finding) = (row.spellings[0], row.finding.expect("no mint"));
        let told = world.fleet.cure_of_report(&org, ApiCode::of(code), finding);
        let explained = explain(code, &place);
        let of_api = explained.iter().rfind(|own| own.origin == Origin::Api);
        assert_eq!(told, of_api.map(|own| own.cure.clone()), "{code}");
    }
    let cure = |code| {
        world
            .fleet
            .cure_of_report(&org, ApiCode::of(code), Finding::NotToken)
    };
    assert!(cure("never-seen").is_some_and(|cure| cure.starts_with("Mend the request")));
}

/// Where no token is served the call is not what is wrong; and what keeps a report waiting may want a person.
#[test]
fn a_report_in_trouble_is_answered_with_the_cure_of_the_grant() {
    let mut world: World = settled();
    let org = name("acme");
    let cure = |world: &World, finding| {
        let code = ApiCode::of("INVALID_TOKEN");
        world.fleet.cure_of_report(&org, code, finding)
    };
    let later = Finding::Pending(world.now.boot);
    assert_eq!(cure(&world, later), None, "all is well");
    assert!(cure(&world, Finding::Binding).is_some_and(|cure| cure.starts_with("Make the calls")));

    let refresh = world.refresh("acme");
    world.answer("acme", needs_consent());
    assert!(world.reply(refresh).is_some());
    let told = cure(&world, later).expect("a person must act");
    assert!(told.starts_with("Make a grant token"), "{told}");

    let mut other = settings("acme");
    other.binding.environment = Environment::Sandbox;
    world.reload(vec![other]);
    let told = cure(&world, Finding::Binding).expect("a person must act");
    assert!(told.starts_with("Put the config back"), "{told}");
}

/// The tables of `explain` and of the reports are one, so that no row is missing in either.
#[test]
fn every_row_of_the_documents_is_explained() {
    for row in ROWS {
        for spelling in row.spellings {
            let found = explain(spelling, &Place::ANY);
            let is_api = |own: &Entry| own.origin == Origin::Api;
            assert!(found.iter().any(is_api), "{spelling} of: {}", row.name);
        }
    }
}

#[test]
fn of_several_codes_in_one_answer_that_of_the_token_counts() {
    let answer = json!({"data": [
        {"code": "INVALID_DATA", "status": "error"},
        {"code": "INVALID_TOKEN", "status": "error"},
    ]});
    let found = ApiCode::in_answer(&answer).expect("a code");
    assert_eq!(found.fault, Fault::Token);
}

/// Whoever reads the answer has a limit on its size: none of its parts is left out.
#[test]
fn of_an_answer_every_part_is_looked_at() {
    let found = |others: usize| {
        let mut parts = vec![json!({"code": "INVALID_DATA"}); others];
        parts.push(json!({"code": "INVALID_TOKEN"}));
        ApiCode::in_answer(&json!({ "data": parts })).map(|code| code.fault)
    };
    assert_eq!([found(99), found(5_000)], [Some(Fault::Token); 2]);
}

#[test]
fn what_is_no_code_of_zohos_is_none() {
    for none in [
        json!(null),
        json!({"code": 401}),
        json!({"data": {"code": "INVALID_TOKEN"}}),
        json!([7]),
    ] {
        assert_eq!(ApiCode::in_answer(&none), None, "{none}");
    }
}
