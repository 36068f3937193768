//! What `explain` says of a code: every case of it, the likeliest first.

use super::*;
use crate::policy::record::Word;

#[test]
fn a_code_is_found_in_any_case_with_any_joint_and_as_the_type_of_a_problem() {
    for (typed, code) in [
        ("ACCESS DENIED", "Access Denied"),
        ("invalid token", "INVALID_TOKEN"),
        ("Needs_Consent", "needs-consent"),
        (" urn:zoho-tokend:not-fresh ", "not-fresh"),
    ] {
        let found = explain(typed, &Place::ANY);
        assert!(
            found.iter().any(|entry| entry.codes.contains(&code)),
            "{typed}: {found:?}"
        );
    }
}

#[test]
fn a_code_of_two_origins_is_explained_for_each() {
    let origins: Vec<Origin> = explain("invalid_request", &Place::ANY)
        .iter()
        .map(|own| own.origin)
        .collect();
    assert_eq!(origins, [Origin::TokenEndpoint, Origin::Api]);
}

#[test]
fn what_is_meant_most_likely_is_explained_first() {
    let first = |typed: &str| {
        let found = explain(typed, &Place::ANY);
        (found[0].origin, found[0].when)
    };
    for (typed, origin) in [
        ("INVALID_TOKEN", Origin::Api),
        ("invalid_token", Origin::Api),
        ("INVALID_REQUEST", Origin::Api),
        ("invalid_request", Origin::TokenEndpoint),
    ] {
        assert_eq!(first(typed), (origin, None), "{typed}");
    }
    for typed in ["invalid_code", "Access Denied"] {
        assert_eq!(first(typed), (Origin::TokenEndpoint, Some("at a refresh")));
    }
}

/// One of several cases says of itself which it is.
#[test]
fn no_two_rows_of_a_code_and_its_origin_look_alike() {
    for entry in entries(&Place::ANY) {
        let code = entry.codes[0];
        let found = explain(code, &Place::ANY);
        let alike = |own: &&Entry| (own.origin, own.when) == (entry.origin, entry.when);
        assert_eq!(found.iter().filter(alike).count(), 1, "{code}");
    }
}

#[test]
fn one_status_of_a_family_is_explained_by_it() {
    let found = explain("HTTP-503", &Place::ANY);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].codes, ["http-5xx"]);
    let both: Vec<Origin> = explain("http-400", &Place::ANY)
        .iter()
        .map(|own| own.origin)
        .collect();
    assert_eq!(both, [Origin::Revocation, Origin::Way]);
}

#[test]
fn every_word_of_status_is_explained() {
    for word in Word::ALL {
        let found = explain(word.as_str(), &Place::ANY);
        assert!(
            found
                .iter()
                .any(|own| own.origin == Origin::Status || own.origin == Origin::Ours),
            "{word:?}"
        );
    }
}

/// By its origin, or by the case that it speaks of.
#[test]
fn no_two_rows_of_a_code_look_the_same() {
    for code in entries(&Place::ANY).iter().flat_map(|entry| entry.codes) {
        let found = explain(code, &Place::ANY);
        for (n, entry) in found.iter().enumerate() {
            let is_same = |own: &Entry| own.origin == entry.origin && own.when == entry.when;
            assert!(!found[..n].iter().any(is_same), "{code}: {entry:?}");
        }
    }
}

#[test]
fn what_to_do_if_it_lasts_is_told_where_it_is_something_else() {
    let lasting = |code| explain(code, &Place::ANY).remove(0).cure_if_it_lasts;
    assert!(lasting("html").is_some_and(|cure| cure.starts_with("Check `data_center`")));
    assert_eq!(
        lasting("dns"),
        None,
        "the cure is the same from the first time on"
    );
}
