//! `revoke`: what it asks of the daemon, what it says, and how it ends.

use crate::daemon::{Daemon, json, problem};

#[test]
fn revoke_says_how_it_ended() {
    for (answer, flags, asked, told) in [
        (
            r#"{"org":"acme","revocation":"revoked","revocation_detail":null,"console_url":null}"#,
            &[][..],
            "?forget=false&old=false",
            "acme: revoked at Zoho, and forgotten\n",
        ),
        (
            r#"{"org":"acme","revocation":"gone","revocation_detail":"invalid_code: HTTP 400"}"#,
            &["--old"],
            "?forget=false&old=true",
            "acme: forgotten; Zoho knew the older refresh token no more (invalid_code: HTTP 400); the grant in force stays\n",
        ),
        (
            r#"{"org":"acme","revocation":"revoked"}"#,
            &["--old"],
            "?forget=false&old=true",
            "acme: an older refresh token is revoked at Zoho; the grant in force stays\n",
        ),
        (
            r#"{"org":"acme","revocation":"revoked","replaced_is_revoked":"now"}"#,
            &["--old"],
            "?forget=false&old=true",
            "acme: an older refresh token is revoked at Zoho; the grant in force stays; others follow one by one: \
             `zoho-tokend history acme` tells of each\n",
        ),
        (
            r#"{"org":"acme","revocation":"forgotten","console_url":"https://api-console.zoho.eu"}"#,
            &["--forget"],
            "?forget=true&old=false",
            "acme: forgotten here alone; at Zoho it lives on: end it at https://api-console.zoho.eu, or under \
             Connected Apps of the user who gave it\n",
        ),
        (
            r#"{"org":"acme","revocation":"forgotten"}"#,
            &["--old", "--forget"],
            "?forget=true&old=true",
            "acme: the older refresh tokens are forgotten\n",
        ),
    ] {
        let args = [&["revoke", "acme", "--yes"], flags].concat();
        let ended = Daemon::answering([json(answer)]).run_with(&args, "");
        assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, told, ""));
        let line = format!("DELETE /v1/orgs/acme/enrollment{asked} HTTP/1.1\r\n");
        assert!(ended.asked[0].starts_with(&line), "{}", ended.asked[0]);
    }
}

#[test]
fn revoke_without_a_person_or_yes_asks_the_daemon_for_nothing() {
    let ended = Daemon::answering([]).run_with(&["revoke", "acme"], "yes\n");
    assert_eq!(ended.exit, 64);
    assert!(
        ended.stderr.contains("there is nobody to ask"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("give --yes"), "{}", ended.stderr);
    assert_eq!(ended.asked.len(), 0);
}

/// Where Zoho is not reached: 75, whatever the cause, since nothing was forgotten.
#[test]
fn revoke_is_for_later_where_zoho_is_not_reached() {
    for (body, exit) in [
        (
            problem(503, "retrying", r#","cause":"connect","retry_after_s":5"#),
            75,
        ),
        (
            problem(
                503,
                "retrying",
                r#","cause":"revoke-lost","retry_after_s":5"#,
            ),
            75,
        ),
        (problem(422, "refused", ""), 78),
        (problem(403, "forbidden", ""), 77),
        (problem(404, "no-such-org", ""), 78),
    ] {
        let ended = Daemon::answering([body]).run_with(&["revoke", "acme", "--yes"], "");
        assert_eq!((ended.exit, &*ended.stdout), (exit, ""), "{}", ended.stderr);
    }
}

#[test]
fn an_answer_that_is_not_understood_is_no_success() {
    for body in ["{}", r#"{"revocation":"maybe"}"#, "revoked"] {
        let ended = Daemon::answering([json(body)]).run_with(&["revoke", "acme", "--yes"], "");
        assert_eq!((ended.exit, &*ended.stdout), (70, ""), "{body}");
    }
}
