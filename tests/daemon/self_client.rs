//! `enroll --self-client`: the console's download, used while it is good and refused before it is spent.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use zoho_tokend::stand_in::Rules;

use crate::daemon::Ended;
use crate::site::Site;
use crate::zoho::{SCOPE, client_id, client_secret};

/// Milliseconds since 1970, so many minutes from now.
fn in_minutes(minutes: i64) -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(now.as_millis()).expect("this age") + minutes * 60_000
}

/// The file as the console writes it for `acme`, with these keys instead of its own.
fn download(site: &Site, own: &Value) -> String {
    let mut file = json!({
        "client_id": client_id("acme"), "client_secret": client_secret("acme"), "code": site.zoho.code("acme"),
        "grant_type": "authorization_code", "scope": [SCOPE], "expiry_time": in_minutes(10),
    });
    let keys = file.as_object_mut().expect("an object");
    keys.extend(own.as_object().expect("an object").clone());
    file.to_string()
}

fn enroll_from(site: &Site, own: &Value) -> Ended {
    site.write("self_client.json", &download(site, own));
    let path = site.path("self_client.json");
    site.verb(&[
        "enroll",
        "acme",
        "--self-client",
        path.to_str().expect("text"),
    ])
}

#[test]
fn a_download_of_the_console_enrolls_and_tells_how_long_it_was_good() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    let ended = enroll_from(&site, &json!({}));
    assert!(ended.done().starts_with("acme: enrolled\n"), "{ended:?}");
    for part in [
        "works for another 9m5",
        "shred -u",
        "client's secret in clear",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
    assert!(!ended.stderr.contains("could read"), "mode 0600: {ended:?}");
    assert!(site.zoho.is_alive(&site.token("acme").text));

    let bare = json!({"client_id": null, "client_secret": null, "grant_type": null, "scope": null, "expiry_time": null});
    let ended = enroll_from(&site, &bare);
    ended.done();
    assert!(!ended.stderr.contains("works for another"), "{ended:?}");
}

/// S1: sealed, like one that was typed.
#[test]
fn s1_the_secret_of_the_file_is_taken_where_the_config_has_none() {
    let mut site = Site::new(Rules::default(), &["acme"]);
    site.config.secretless = vec!["acme".into()];
    site.write_config();
    let mut daemon = site.run();
    let without = enroll_from(&site, &json!({"client_secret": null}));
    assert!(without.failed(65).contains("client secret"), "{without:?}");
    assert_eq!(site.zoho.stats().traffic.token_calls, 0);
    enroll_from(&site, &json!({})).done();
    daemon.kill();
    let _daemon = site.run();
    site.verb(&["refresh", "acme"]).done();
    // That of the last enrolment.
    enroll_from(&site, &json!({"client_secret": null})).done();
}

/// What the file itself tells is compared before its token is spent.
#[test]
fn a_file_of_another_client_too_narrow_or_over_spends_nothing() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    for (own, parts) in [
        (
            json!({"client_id": "1000.OTHER"}),
            ["1000.OTHER", "1000.ACME", "`client_id`"],
        ),
        (
            json!({"scope": "ZohoCRM.org.READ,ZohoCRM.users.READ"}),
            ["scope-too-narrow", SCOPE, "`scopes`"],
        ),
        (
            json!({"expiry_time": in_minutes(-3)}),
            [
                "grant-token-expired",
                "nothing was sent",
                "choose 10 minutes",
            ],
        ),
    ] {
        let ended = enroll_from(&site, &own);
        let told = ended.failed(78);
        for part in parts {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("delete it"), "{told}");
        assert!(!told.contains("for another 0s"), "{told}");
    }
    assert_eq!(site.zoho.stats().traffic.token_calls, 0);
    assert_eq!(site.status("acme")["grant"], "unenrolled");
}

#[test]
fn a_download_may_come_over_stdin() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    let file = download(&site, &json!({}));
    let ended = site.verb_with(&["enroll", "acme", "--self-client", "-"], &file);
    ended.done();
    assert!(
        !ended.stderr.contains("shred"),
        "there is no file: {ended:?}"
    );
}

#[test]
fn a_file_that_others_could_read_is_used_and_told() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    site.write("self_client.json", &download(&site, &json!({})));
    let path = site.path("self_client.json");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("ours");
    let ended = site.verb(&[
        "enroll",
        "acme",
        "--self-client",
        path.to_str().expect("text"),
    ]);
    ended.done();
    assert!(ended.stderr.contains("(mode 0640)"), "{ended:?}");
}

/// S1, S5
#[test]
fn s5_what_is_no_download_is_refused_at_once_and_not_quoted() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    for (text, part) in [
        ("canary".to_owned(), "is not the console's JSON"),
        (r#"{"client_id":"canary"}"#.to_owned(), "has no `code`"),
        ("x".repeat(70_000), "is larger than 65536 bytes"),
    ] {
        site.write("self_client.json", &text);
        let path = site.path("self_client.json");
        let ended = site.verb(&[
            "enroll",
            "acme",
            "--self-client",
            path.to_str().expect("text"),
        ]);
        let told = ended.failed(65);
        assert!(told.contains(part), "{told}");
        assert!(!told.contains("canary"), "{told}");
    }
    let endless = format!("{{\"code\":\"{}\"}}", "x".repeat(70_000));
    let ended = site.verb_with(&["enroll", "acme", "--self-client", "-"], &endless);
    assert!(
        ended.failed(65).contains("over 65536 bytes on stdin"),
        "{ended:?}"
    );
    let folder = site.folder().to_str().expect("text").to_owned();
    for (path, part) in [
        ("/no/such/file", "is not there"),
        (&*folder, "is no regular file"),
    ] {
        let ended = site.verb(&["enroll", "acme", "--self-client", path]);
        assert!(ended.failed(65).contains(part), "{ended:?}");
    }
}
