//! The files: there as long as the token lives, gone with it, and one that fails stops no other.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zoho_tokend::stand_in::Rules;

use crate::site::Site;
use crate::wait::{SOON, wait_until};
use crate::zoho::rules;

/// How long Zoho stays away where it shall not come back during the test.
const FOR_GOOD: Duration = Duration::from_mins(10);

/// What the contract gives a withdrawal, and what a busy machine may add before the test sees it.
const WITHIN: Duration = Duration::from_millis(1_000 + 500);

/// R1: no file outlives its token by more than a second, and the socket does not by a moment.
#[test]
fn r1_the_files_are_withdrawn_within_a_second_of_the_tokens_end() {
    let life = Duration::from_secs(6);
    let mut site = Site::new(rules(life, Duration::from_secs(10)), &["acme"]);
    let output = site.path("zoho.env");
    site.config.orgs.insert(
        "acme".into(),
        format!(
            "[[orgs.acme.outputs]]\npath = \"{}\"\nformat = \"env\"\n",
            output.display()
        ),
    );
    site.write_config();
    let _daemon = site.run();
    let begun = Instant::now();
    site.enroll("acme").done();
    let enrolled = Instant::now();
    site.zoho.away_for(FOR_GOOD);
    let token = site.token("acme");
    wait_until("the files are there", SOON, || {
        site.file("acme", "header").is_some() && output.exists()
    });
    let mut last_seen = Instant::now();
    wait_until("the files go", SOON, || {
        let is_there = site.file("acme", "access_token").is_some() || output.exists();
        if is_there {
            last_seen = Instant::now();
        }
        // The socket is exact: what it hands out has not ended.
        let asked_at = Instant::now();
        if site.get("/v1/orgs/acme/token").status == 200 {
            assert!(asked_at < enrolled + life, "a dead token was served");
        }
        !is_there
    });
    assert!(
        last_seen + Duration::from_millis(500) >= begun + life,
        "not before its end"
    );
    assert!(
        last_seen <= enrolled + life + WITHIN,
        "{:?} too late",
        last_seen - (enrolled + life)
    );
    let status = site.status("acme");
    assert_eq!(
        (&status["token"], &status["grant"]),
        (&json!("expired"), &json!("retrying"))
    );
    assert_eq!(status["generation"], Value::Null);
    let reply = site.get("/v1/orgs/acme/token");
    assert_eq!((reply.status, reply.code().as_str()), (503, "retrying"));
    assert!(
        reply.json()["retry_after_s"]
            .as_u64()
            .is_some_and(|wait_s| (1..=3).contains(&wait_s))
    );
    assert!(!reply.body.contains(&token.text));
    assert_eq!(site.verb(&["status", "--check"]).exit, 2);
}

/// R1: nor does one that ended while nobody ran.
#[test]
fn r1_files_whose_token_ended_while_the_daemon_was_down_go_at_its_start() {
    let mut site = Site::new(
        rules(Duration::from_secs(3), Duration::from_secs(10)),
        &["acme"],
    );
    let output = site.path("zoho.json");
    site.config.orgs.insert(
        "acme".into(),
        format!(
            "[[orgs.acme.outputs]]\npath = \"{}\"\nformat = \"json\"\n",
            output.display()
        ),
    );
    site.write_config();
    let mut daemon = site.run();
    site.enroll("acme").done();
    let token = site.token("acme");
    wait_until("the files are there", SOON, || {
        site.file("acme", "header").is_some() && output.exists()
    });
    daemon.kill();
    wait_until("the token ends", SOON, || !site.zoho.is_alive(&token.text));
    site.zoho.away_for(FOR_GOOD);
    assert!(
        site.file("acme", "header").is_some(),
        "nobody was there to take it away"
    );

    let _daemon = site.run();

    wait_until("the files go", SOON, || {
        site.file("acme", "header").is_none() && !output.exists()
    });
    assert_eq!(site.get("/v1/orgs/acme/token").status, 503);
}

#[test]
fn outputs_have_their_format_mode_and_group_and_go_when_the_config_drops_them() {
    let mut site = Site::new(Rules::default(), &["acme"]);
    let folder = site.folder().to_owned();
    let path = |format: &str| folder.join(format!("zoho.{format}"));
    let gid = fs::metadata(&folder).expect("ours").gid();
    let output = |format: &str| {
        let path = path(format).display().to_string();
        format!(
            "[[orgs.acme.outputs]]\npath = \"{path}\"\nformat = \"{format}\"\nmode = \"0640\"\ngroup = {gid}\n"
        )
    };
    let outputs: String = ["token", "header", "env", "json"].map(output).concat();
    site.config.orgs.insert("acme".into(), outputs);
    site.write_config();
    let _daemon = site.run();
    site.enroll("acme").done();
    let token = site.token("acme");
    let read = |format: &str| fs::read_to_string(path(format)).unwrap_or_default();
    // Each has its own worker: none waits for another.
    wait_until("they are written", SOON, || {
        ["token", "header", "env", "json"]
            .iter()
            .all(|format| read(format).contains(&token.text))
    });
    assert_eq!(read("token"), token.text);
    assert_eq!(
        read("header").trim_end(),
        format!("Authorization: Zoho-oauthtoken {}", token.text)
    );
    assert!(read("env").contains(&format!("ZOHO_ACCESS_TOKEN={}", token.text)));
    for format in ["token", "header", "env", "json"] {
        let metadata = fs::metadata(path(format)).expect("written");
        assert_eq!(
            (metadata.permissions().mode() & 0o7777, metadata.gid()),
            (0o640, gid)
        );
    }
    site.verb(&["refresh", "acme"]).done();
    let new = site.token("acme");
    wait_until("they follow", SOON, || read("token") == new.text);

    let kept = output("token");
    site.config.orgs.insert("acme".into(), kept);
    site.write_config();
    site.verb(&["reload"]).done();
    wait_until("the others go", SOON, || {
        ["header", "env", "json"]
            .iter()
            .all(|format| !path(format).exists())
    });
    assert_eq!(read("token"), new.text);
}

/// R1: an earlier config may have had a token there.
#[test]
fn r1_an_output_that_a_reload_gives_to_an_org_without_a_token_is_emptied() {
    let mut site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    let output = site.path("zoho.header");
    fs::write(&output, "Authorization: Zoho-oauthtoken old").expect("ours");
    let lines = format!(
        "[[orgs.acme.outputs]]\npath = \"{}\"\nformat = \"header\"\n",
        output.display()
    );
    site.config.orgs.insert("acme".into(), lines);
    site.write_config();
    site.verb(&["reload"]).done();
    wait_until("it goes", SOON, || !output.exists());
}

/// R10
#[test]
fn r10_an_output_that_cannot_be_written_is_told_stops_nothing_and_heals() {
    let mut site = Site::new(Rules::default(), &["acme", "beta"]);
    let nowhere = site.path("later/zoho.header");
    let good = site.path("zoho.header");
    let output = |path: &std::path::Path| {
        format!(
            "[[orgs.acme.outputs]]\npath = \"{}\"\nformat = \"header\"\n",
            path.display()
        )
    };
    site.config
        .orgs
        .insert("acme".into(), output(&nowhere) + &output(&good));
    site.write_config();
    let _daemon = site.run();
    for org in ["acme", "beta"] {
        site.enroll(org).done();
    }
    let warned = || {
        let warnings = site.status("acme")["warnings"].to_string();
        warnings.contains("later") && warnings.contains("make the folder")
    };
    wait_until("the status tells", SOON, warned);
    wait_until("the others are written", SOON, || {
        good.exists()
            && site.file("acme", "header").is_some()
            && site.file("beta", "header").is_some()
    });
    assert_eq!(site.status("acme")["token"], "fresh");
    assert_eq!(site.status("beta")["warnings"], json!([]));

    fs::create_dir(site.path("later")).expect("ours");
    wait_until("it is tried again", SOON, || nowhere.exists());
    wait_until("the warning goes", SOON, || {
        site.status("acme")["warnings"] == json!([])
    });
}

#[test]
fn without_a_tokens_dir_there_are_no_files() {
    let site = Site::new(Rules::default(), &["acme"]);
    let folder = site.path("tokens").display().to_string();
    let none = site
        .config_text()
        .replace(&format!("tokens_dir = \"{folder}\""), "tokens_dir = \"\"");
    site.write("zoho-tokend.toml", &none);
    let _daemon = site.run();
    site.enroll("acme").done();
    site.token("acme");
    assert!(!site.path("tokens").exists());
}

/// R6: a reader of the files finds the old or the new token whole at every moment.
#[test]
fn r6_readers_of_the_files_never_find_a_part_nor_a_gap_while_tokens_change() {
    let (site, _daemon) = Site::enrolled(
        rules(Duration::from_secs(6), Duration::from_secs(6)),
        &["acme"],
    );
    wait_until("the files are there", SOON, || {
        site.file("acme", "header").is_some()
    });
    let mut seen = Vec::new();
    wait_until("three generations", SOON, || {
        // Many looks for each of the other's.
        for _ in 0..200 {
            let token = site.file("acme", "access_token").expect("no gap");
            assert_eq!(token.len(), 70, "whole");
            let json = site.file("acme", "token.json").expect("no gap");
            let json: Value = serde_json::from_str(&json).expect("whole");
            let text = json["access_token"].as_str().expect("a token").to_owned();
            if seen.last() != Some(&text) {
                assert!(site.zoho.is_alive(&text));
                seen.push(text);
            }
        }
        seen.len() >= 3
    });
}
