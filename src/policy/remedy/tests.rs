//! What the table says, letter by letter where a person reads it, and that it leaves out no code.

use super::*;
use Asked::{Client, ClientProof, Exchange, Prove, Refresh, TakeOver};

const EU: Place<'static> = Place {
    data_center: "eu",
    console_url: Some("https://api-console.zoho.eu"),
    org: "acme",
    client: "warehouse",
    grant: GrantKind::SelfClient,
    works_in: None,
    api_domain: Some("https://www.zohoapis.eu"),
    is_secret_sealed: Some(false),
};

fn cure(code: &str, asked: Asked, failures: u32) -> String {
    remedy(code, asked, failures, &EU).cure
}

#[test]
fn a_spent_grant_token_and_a_revoked_refresh_token_have_their_own_cures() {
    assert_eq!(
        cure("invalid_code", Exchange, 1),
        "Make a new one at https://api-console.zoho.eu (client warehouse, Generate Code) and give it to `zoho-tokend enroll acme` at once"
    );
    assert_eq!(
        cure("invalid_code", Refresh, 1),
        "Make a grant token at https://api-console.zoho.eu (Self Client, Generate Code) and run `zoho-tokend enroll acme`; readers keep the current token until it ends"
    );
}

#[test]
fn an_org_of_a_web_based_client_is_told_to_log_in() {
    let web = Place {
        grant: GrantKind::Web,
        ..EU
    };
    let cure = |code, asked| remedy(code, asked, 1, &web).cure;
    assert_eq!(cure("unenrolled", Refresh), "Run `zoho-tokend login acme`");
    assert_eq!(
        cure("invalid_code", Refresh),
        "Run `zoho-tokend login acme`; readers keep the current token until it ends"
    );
    assert_eq!(
        cure("connect", Asked::Login),
        "Check network and firewall of this host (TCP to https://accounts.zoho.eu), or set `proxy` in [daemon]; then run `zoho-tokend login acme` again"
    );
    let causes = [TABLE, WAY, OURS].into_iter().flatten();
    for code in causes.flat_map(|row| row.codes.iter().copied()) {
        for asked in [Refresh, Asked::Login] {
            let cure = cure(code, asked);
            // These speak of what `enroll` was given, are said of an exchange alone, or speak of other orgs.
            let is_of_enroll = [
                "other-client",
                "grant-token-expired",
                "not-web",
                "another-grant",
                "no-refresh-token",
                // A new secret for the grant that is there.
                "no-client-secret",
                "shared-grant",
            ]
            .contains(&code);
            assert!(
                is_of_enroll || !cure.contains("zoho-tokend enroll"),
                "{code}: {cure}"
            );
        }
    }
}

#[test]
fn the_consent_page_has_words_of_its_own_for_a_code_that_the_token_endpoint_has_too() {
    let denied = of_consent("access_denied", &EU);
    assert!(denied.meaning.contains("declined"), "{denied:?}");
    assert!(denied.cure.contains("press Accept"), "{denied:?}");
    let other = of_consent("invalid_code", &EU);
    assert_eq!(other, remedy("invalid_code", Asked::Login, 1, &EU));
}

#[test]
fn a_grant_token_that_is_over_names_the_console() {
    assert_eq!(
        cure("grant-token-expired", Exchange, 1),
        "Make a new one at https://api-console.zoho.eu (Self Client, Generate Code; choose 10 minutes) and run `zoho-tokend enroll acme` at once"
    );
}

#[test]
fn an_unknown_client_points_at_the_data_center_first() {
    let it = remedy("invalid_client", Refresh, 1, &EU);
    assert_eq!(
        it.meaning,
        "Data center eu knows no client warehouse with this client id and secret, most often because the client belongs to another data center"
    );
    assert_eq!(
        it.cure,
        "Check `data_center` of org acme first: the client's page must be at https://api-console.zoho.eu, or have Multi-DC switched on; then compare client id and secret of client warehouse with that page"
    );
}

#[test]
fn a_throttle_asks_for_patience_and_names_the_likely_rival() {
    for code in ["Access Denied", "access_denied"] {
        assert_eq!(
            cure(code, Refresh, 1),
            "Nothing to do now: nothing is sent for 10 minutes and readers keep the current token; if it comes back, stop whatever else refreshes with client warehouse (an old script, another host)"
        );
    }
}

#[test]
fn the_third_web_page_in_a_row_names_the_data_center() {
    assert_eq!(
        cure("html", Refresh, 2),
        "Nothing to do: it is tried again, and readers keep the current token until it ends"
    );
    assert_eq!(
        cure("html", Refresh, 3),
        "Check `data_center` of org acme, now eu: the client and the user's account must live there, and the client's page must be at https://api-console.zoho.eu; it is tried on"
    );
    assert_eq!(cure("http-404", Refresh, 3), cure("html", Refresh, 3));
}

#[test]
fn at_an_enrolment_nothing_is_tried_again_by_itself() {
    assert_eq!(
        cure("html", Exchange, 1),
        "Check `data_center` of org acme, now eu: the client and the user's account must live there, and the client's page must be at https://api-console.zoho.eu; then run `zoho-tokend enroll acme` again, with a new grant token since this one may be used up"
    );
    assert_eq!(
        cure("connect", Exchange, 1),
        "Check network and firewall of this host (TCP to https://accounts.zoho.eu), or set `proxy` in [daemon]; then run `zoho-tokend enroll acme` again: nothing was sent, so that the same grant token works while its minutes last"
    );
    for code in causes() {
        let cures = [Exchange, TakeOver, ClientProof, Prove].map(|asked| cure(code, asked, 1));
        assert!(!cures.concat().contains("it is tried"), "{code}: {cures:?}");
    }
}

#[test]
fn a_refresh_token_that_is_none_is_suspected_where_an_operator_brings_it() {
    let cure = cure("invalid_code", TakeOver, 1);
    assert!(cure.contains("not an access token"), "{cure}");
}

#[test]
fn an_unknown_issuer_names_ca_file_and_says_that_nothing_secret_was_sent() {
    let it = remedy("tls-unknown-issuer", Refresh, 1, &EU);
    assert!(it.cure.contains("`ca_file` in [daemon]"), "{it:?}");
    assert!(
        it.meaning.ends_with("nothing secret was sent to it"),
        "{it:?}"
    );
}

#[test]
fn an_expired_certificate_points_at_this_hosts_clock_first() {
    assert!(cure("tls-expired", Refresh, 1).starts_with("Check this host's clock first"));
}

#[test]
fn a_status_without_a_row_of_its_own_has_its_familys() {
    assert_eq!(cure("http-503", Refresh, 1), cure("http-500", Refresh, 1));
    assert_ne!(cure("http-429", Refresh, 1), cure("http-400", Refresh, 1));
    assert_eq!(cure("http-999", Refresh, 3), cure("http-100", Refresh, 3));
    for odd in ["http-99", "http-x", "http-2000", "http-200", "http-"] {
        assert!(row(odd, Refresh, false).is_none(), "{odd}");
    }
}

#[test]
fn a_data_center_without_a_known_console_is_named_in_words() {
    let sg = Place {
        data_center: "sg",
        console_url: None,
        ..EU
    };
    let it = remedy("invalid_redirect_uri", Exchange, 1, &sg);
    assert!(
        it.cure.contains("the API console of data center sg"),
        "{it:?}"
    );
    let lab = Place {
        data_center: "lab",
        ..sg
    };
    let it = remedy("dns", Refresh, 1, &lab);
    assert!(
        it.meaning
            .contains("the accounts server of data center lab"),
        "{it:?}"
    );
}

#[test]
fn a_code_that_nobody_has_seen_is_quoted() {
    let it = remedy("never_seen", Refresh, 1, &EU);
    assert_eq!(
        it.meaning,
        "Zoho answered `never_seen`, which no document of Zoho's explains"
    );
    assert!(explain("never_seen", &EU).is_empty());
}

#[test]
fn what_we_say_ourselves_is_never_put_into_zohos_mouth() {
    let ours = [
        "unenrolled",
        "config-contradicts-grant",
        "config-changed",
        "another-grant",
        "wrong-place",
        "scope-too-narrow",
        "no-client-secret",
        "not-configured",
        "removed",
        "busy",
        "shorter-life",
        "state-unwritable",
        "state-hangs",
        "no-answer",
    ];
    for code in ours {
        assert!(row(code, Refresh, false).is_some(), "{code}");
    }
}

#[test]
fn no_cure_of_client_credentials_asks_for_a_grant_token_or_consent() {
    for code in causes() {
        for asked in [Client, ClientProof] {
            let cure = cure(code, asked, 9);
            let is_of_another = cure.contains("grant token") || cure.contains("Consent again");
            let is_told = ["unenrolled", "no-refresh-token", "another-grant"].contains(&code);
            assert!(!is_of_another || is_told, "{code}: {cure}");
        }
    }
}

#[test]
fn a_soid_that_zoho_does_not_take_points_at_the_service_and_the_org() {
    for code in ["missing_org_info", "invalid_soid", "invalid_org"] {
        assert_eq!(
            cure(code, Client, 1),
            "Set `soid` of org acme to the service of its scopes and the org's id, like ZohoCRM.600123456, for an org in data center eu"
        );
    }
}

#[test]
fn a_name_with_braces_is_not_filled_again() {
    let odd = Place {
        client: "{org}{",
        ..EU
    };
    let it = remedy("invalid_client_secret", Refresh, 1, &odd);
    assert!(
        it.meaning
            .starts_with("The secret of client {org}{ is wrong"),
        "{it:?}"
    );
}

/// The codes of all causes; `http-5xx` stands for a hundred.
fn causes() -> impl Iterator<Item = &'static str> {
    let rows = [TABLE, WAY, OURS].into_iter().flatten();
    rows.flat_map(|row| row.codes).copied()
}

#[track_caller]
fn assert_is_a_sentence(code: &str, text: &str) {
    assert!(!text.contains(['{', '}', '?', '\n']), "{code}: {text}");
    assert!(
        !text.contains("  ") && !text.ends_with('.'),
        "{code}: {text}"
    );
    assert!(text.starts_with(char::is_uppercase), "{code}: {text}");
    assert!(text.len() <= 340, "{code}: {} bytes: {text}", text.len());
}

#[test]
fn every_cause_has_a_row_for_every_call_whose_texts_are_one_filled_sentence() {
    let elsewhere = Place {
        works_in: Some("us"),
        ..EU
    };
    for code in causes() {
        for (asked, failures) in [
            (Exchange, 1),
            (Refresh, 1),
            (Refresh, 9),
            (TakeOver, 1),
            (Prove, 1),
            (Client, 1),
            (Client, 9),
            (ClientProof, 1),
        ] {
            assert!(row(code, asked, false).is_some(), "{code} {asked:?}");
            for place in [EU, elsewhere] {
                let it = remedy(code, asked, failures, &place);
                assert_is_a_sentence(code, &it.meaning);
                assert_is_a_sentence(code, &it.cure);
            }
        }
    }
}

#[test]
fn every_row_reads_as_a_sentence_at_any_place() {
    for entry in entries(&Place::ANY) {
        let code = entry.codes.first().expect("a row has a code");
        let lasting = entry.cure_if_it_lasts.as_deref();
        for text in [&*entry.meaning, &*entry.cure].into_iter().chain(lasting) {
            assert_is_a_sentence(code, text);
        }
        assert!(!explain(code, &Place::ANY).is_empty(), "{code}");
    }
}

#[test]
fn zoho_in_trouble_has_an_address_where_it_says_so() {
    assert_eq!(
        cure("http-503", Refresh, 3),
        "See Zoho's status page https://status.zoho.eu; it is tried on"
    );
    assert!(
        look_at("timeout", "https://accounts.zoho.in")
            .ends_with("and see Zoho's status page https://status.zoho.in")
    );
    let sg = Place {
        data_center: "sg",
        ..EU
    };
    assert_eq!(
        remedy("http-503", Refresh, 3, &sg).cure,
        "See Zoho's status page for data center sg (that of us is https://status.zoho.com); it is tried on"
    );
}

#[test]
fn a_client_that_mints_in_another_data_center_names_it_as_the_likely_place() {
    let elsewhere = Place {
        works_in: Some("us"),
        ..EU
    };
    for code in ["invalid_client", "invalid_client_secret"] {
        let it = remedy(code, Refresh, 1, &elsewhere);
        assert_eq!(
            it.meaning,
            "Data center eu refuses client warehouse, which mints in data center us: this is most likely the wrong data center for org acme"
        );
        assert_eq!(
            it.cure,
            "Set `data_center` of org acme to the one where its user's account lives, most likely us; if eu is right, switch Multi-DC on for the client at https://api-console.zoho.eu, and use the secret that it has for eu"
        );
    }
}

#[test]
fn a_binding_verdict_names_the_wrong_data_center_and_where_the_token_is_used() {
    let it = of_verdict("binding", &EU).expect("a verdict");
    assert!(it.cure.starts_with("Make the calls at https://www.zohoapis.eu, the token's own `api_domain`: most likely the job calls another data center"), "{it:?}");
}
