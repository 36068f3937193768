//! `watch`: each new token and each change of state in a line, once, whatever ends in between.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use zoho_tokend::stand_in::{Fault, Rules};

use crate::daemon::{Daemon, program};
use crate::site::Site;
use crate::wait::{SOON, wait_for, wait_until};
use crate::watcher::Watcher;

/// So long that a line which should not come would have come.
const A_WHILE: Duration = Duration::from_secs(2);

fn site(orgs: &[&str]) -> (Site, Daemon) {
    Site::enrolled(Rules::default(), orgs)
}

fn revoked() -> Fault {
    Fault::answer(200, r#"{"error":"invalid_code"}"#.to_owned())
}

#[test]
fn s1_a_line_says_all_about_a_token_but_the_token() {
    let (site, _daemon) = site(&["acme"]);
    let watcher = Watcher::start(&site, &[]);
    let line = watcher.line();
    let status = site.status("acme");
    for key in [
        "org",
        "token",
        "token_since",
        "grant",
        "grant_since",
        "generation",
        "expires_at",
        "cause",
        "cure",
        "environment",
        "data_center",
    ] {
        assert_eq!(line[key], status[key], "{key}");
    }
    assert_eq!(line["change"], "first");
    assert!(!line.to_string().contains(&site.token("acme").text));
}

#[test]
fn there_is_a_line_for_what_is_now_and_one_for_each_change_and_no_other() {
    let (site, _daemon) = site(&["acme", "beta"]);
    let watcher = Watcher::start(&site, &[]);
    let mut first = [watcher.words(), watcher.words()];
    first.sort();
    assert_eq!(first, ["acme first fresh ok", "beta first fresh ok"]);
    site.verb(&["refresh", "beta"]).done();
    assert_eq!(watcher.words(), "beta generation fresh ok");
    site.zoho.break_for("acme", 1, revoked());
    site.verb(&["refresh", "acme"]).failed(78);
    let line = watcher.line();
    assert_eq!(
        (&line["change"], &line["cause"]),
        (&"state".into(), &"invalid_code".into())
    );
    assert!(
        line["cure"]
            .as_str()
            .is_some_and(|cure| cure.contains("enroll acme"))
    );
    site.enroll("acme").done();
    // The grant is good again once Zoho has said so, the token is out once it is on the disk.
    let mut told = watcher.words();
    if told == "acme state fresh ok" {
        told = watcher.words();
    }
    assert_eq!(told, "acme generation fresh ok");
    assert!(watcher.is_silent_for(A_WHILE));
}

#[test]
fn only_new_tokens_are_told_where_that_is_asked_for() {
    let (site, _daemon) = site(&["acme"]);
    let watcher = Watcher::start(&site, &["acme", "--generations"]);
    assert_eq!(watcher.words(), "acme first fresh ok");
    site.zoho.break_for("acme", 1, revoked());
    site.verb(&["refresh", "acme"]).failed(78);
    assert!(watcher.is_silent_for(A_WHILE));
    site.enroll("acme").done();
    assert_eq!(watcher.words(), "acme generation fresh ok");
}

/// More than a question to the daemon takes.
#[test]
fn hundreds_of_orgs_can_be_named() {
    let (site, _daemon) = site(&["acme", "beta"]);
    let mut names: Vec<String> = (0..300)
        .map(|n| format!("a-rather-long-name-of-an-org-{n:04}"))
        .collect();
    names.push("acme".into());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let watcher = Watcher::start(&site, &names);
    assert_eq!(watcher.words(), "acme first fresh ok");
    site.verb(&["refresh", "beta"]).done();
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(watcher.words(), "acme generation fresh ok");
}

#[test]
fn orgs_that_come_and_go_by_a_reload_are_told() {
    let (mut site, _daemon) = site(&["acme"]);
    let watcher = Watcher::start(&site, &[]);
    assert_eq!(watcher.words(), "acme first fresh ok");
    site.config
        .orgs
        .insert("beta".into(), "client = \"acme\"".into());
    site.config.secretless.push("beta".into());
    site.write_config();
    site.verb(&["reload"]).done();
    assert_eq!(watcher.words(), "beta first none unenrolled");
    site.config.orgs.remove("beta");
    site.write_config();
    site.verb(&["reload"]).done();
    assert_eq!(watcher.words(), "beta gone - -");
}

#[test]
fn a_restart_of_the_daemon_is_told_once_and_repeats_nothing() {
    let (site, mut daemon) = site(&["acme"]);
    let watcher = Watcher::start(&site, &[]);
    assert_eq!(watcher.words(), "acme first fresh ok");
    assert_eq!(daemon.stop(), 0);
    let lost = watcher.complaint();
    assert!(
        lost.ends_with("; waiting until the daemon is back"),
        "{lost}"
    );
    assert!(watcher.is_silent_for(A_WHILE));
    let mut daemon = site.run();
    assert!(watcher.complaint().ends_with(": the daemon is back"));
    wait_until("the stored token is served", SOON, || {
        site.status("acme")["token"] == "fresh"
    });
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(watcher.words(), "acme generation fresh ok");
    daemon.kill();
    watcher.complaint();
    let _daemon = site.run();
    watcher.complaint();
    assert!(watcher.is_silent_for(A_WHILE));
    assert_eq!(watcher.said(), [""; 0]);
}

#[test]
fn a_cursor_begins_where_the_last_run_ended() {
    let (site, _daemon) = site(&["acme"]);
    let args = ["--cursor", "cursor"];
    let mut watcher = Watcher::start(&site, &args);
    assert_eq!(watcher.words(), "acme first fresh ok");
    wait_until("it is kept", SOON, || {
        fs::read_to_string(site.path("cursor")).is_ok_and(|text| text.contains("acme"))
    });
    watcher.signal(Signal::KILL);
    assert_eq!(watcher.exit(), -9);
    // As if the kill had come while the next one was written.
    site.write("cursor.new", "{");
    let watcher = Watcher::start(&site, &args);
    assert!(watcher.is_silent_for(A_WHILE));
    drop(watcher);
    site.verb(&["refresh", "acme"]).done();
    let watcher = Watcher::start(&site, &args);
    assert_eq!(watcher.words(), "acme generation fresh ok");
    assert_eq!(watcher.said(), [""; 0]);
}

#[test]
fn a_cursor_is_its_owners_alone_and_replaced_whole_each_time() {
    let (site, _daemon) = site(&["acme"]);
    let watcher = Watcher::start(&site, &["--cursor", "cursor"]);
    watcher.words();
    let found = || fs::metadata(site.path("cursor")).expect("it is kept");
    let before = found();
    assert_eq!(before.mode() & 0o777, 0o600);
    site.verb(&["refresh", "acme"]).done();
    watcher.words();
    wait_until("another one is there", SOON, || {
        found().ino() != before.ino()
    });
}

#[test]
fn a_cursor_that_can_be_written_no_more_is_told_and_stops_nothing() {
    let (site, _daemon) = site(&["acme"]);
    let watcher = Watcher::start(&site, &["--cursor", "cursor"]);
    watcher.words();
    let kept = || fs::read_to_string(site.path("cursor")).is_ok_and(|text| text.contains("acme"));
    wait_until("it is kept", SOON, kept);
    fs::create_dir(site.path("cursor.new")).expect("ours");
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(watcher.words(), "acme generation fresh ok");
    let told = watcher.complaint();
    assert!(
        told.contains("cursor: the cursor cannot be written ("),
        "{told}"
    );
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(watcher.words(), "acme generation fresh ok");
}

/// Over a restored state a number may go back.
#[test]
fn a_generation_that_is_smaller_than_the_cursors_is_a_change_too() {
    let (site, _daemon) = site(&["acme"]);
    let orgs = r#"{"acme":{"generation":99999999999,"token":"fresh","grant":"ok"}}"#;
    site.write(
        "cursor",
        &format!(r#"{{"zoho_tokend_cursor":1,"orgs":{orgs}}}"#),
    );
    let watcher = Watcher::start(&site, &["--cursor", "cursor"]);
    assert_eq!(watcher.words(), "acme generation fresh ok");
}

#[test]
fn what_is_no_cursor_is_told_and_kept_and_all_is_told_anew() {
    let (site, _daemon) = site(&["acme"]);
    for text in [
        "",
        "{\"zoho_tokend_cursor\":1,\"orgs\":",
        "{\"mine\":1}",
        "{\"zoho_tokend_cursor\":9,\"orgs\":{}}",
    ] {
        site.write("cursor", text);
        let watcher = Watcher::start(&site, &["--cursor", "cursor"]);
        assert_eq!(watcher.words(), "acme first fresh ok");
        let told = watcher.complaint();
        assert_eq!(
            told,
            "zoho-tokend: cursor: this is no cursor, or a damaged one; all is told anew; what stood there is cursor.damaged"
        );
        let kept = fs::read_to_string(site.path("cursor.damaged"));
        assert_eq!(kept.expect("it is kept"), text);
    }
}

#[test]
fn a_cursor_is_one_watchers_alone_and_must_be_writable() {
    let (site, _daemon) = site(&["acme"]);
    let first = Watcher::start(&site, &["--cursor", "cursor"]);
    first.words();
    let mut second = Watcher::start(&site, &["--cursor", "cursor"]);
    assert_eq!(second.exit(), 75);
    assert!(
        second
            .complaint()
            .contains("another watch holds this cursor")
    );
    let mut of_a_folder = Watcher::start(&site, &["--cursor", "state"]);
    assert_eq!(of_a_folder.exit(), 74);
    let told = of_a_folder.complaint();
    assert!(told.contains("state: the cursor is not read; "), "{told}");
    let mut homeless = Watcher::start(&site, &["--cursor", "no/such/folder/cursor"]);
    assert_eq!(homeless.exit(), 74);
    fs::create_dir(site.path("another.new")).expect("ours");
    let mut unwritable = Watcher::start(&site, &["--cursor", "another"]);
    assert_eq!(unwritable.exit(), 74, "before anything is told");
    let told = unwritable.complaint();
    assert!(told.contains("the cursor cannot be written ("), "{told}");
}

#[test]
fn who_may_read_nothing_or_names_what_is_not_there_is_told_why() {
    let (site, _daemon) = site(&["acme"]);
    let mut watcher = Watcher::start(&site, &["nobody"]);
    assert_eq!(watcher.exit(), 78);
    assert!(
        watcher
            .complaint()
            .starts_with("zoho-tokend: nobody: the config has no org of this name; ")
    );
    let watcher = Watcher::start(&site, &["nobody", "acme"]);
    assert_eq!(watcher.words(), "acme first fresh ok");
    assert!(watcher.complaint().starts_with("zoho-tokend: nobody: "));
}

#[test]
fn without_a_daemon_it_says_how_to_start_one() {
    let site = Site::new(Rules::default(), &["acme"]);
    let mut watcher = Watcher::start(&site, &[]);
    assert_eq!(watcher.exit(), 69);
    assert!(watcher.complaint().contains("systemctl start zoho-tokend"));
}

#[test]
fn sigterm_and_sigint_end_it_with_0_also_while_the_daemon_is_away() {
    let (site, mut daemon) = site(&["acme"]);
    for signal in [Signal::TERM, Signal::INT] {
        let mut watcher = Watcher::start(&site, &[]);
        watcher.words();
        watcher.signal(signal);
        assert_eq!(watcher.exit(), 0);
    }
    let mut watcher = Watcher::start(&site, &[]);
    watcher.words();
    daemon.kill();
    watcher.complaint();
    watcher.signal(Signal::TERM);
    assert_eq!(watcher.exit(), 0);
}

/// `watch | head -n 1` must not stay until the next line, which may be half an hour away.
#[test]
fn it_ends_with_0_as_soon_as_nobody_reads_its_lines() {
    let (site, mut daemon) = site(&["acme"]);
    let start = || {
        let mut watch = program();
        watch.arg("watch").env("ZOHO_TOKEND_SOCKET", site.socket());
        watch.stdout(Stdio::piped()).spawn().expect("it runs")
    };
    let mut child = start();
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("ours").code(), Some(0));
    let script = "\"$0\" watch | { read -r line; echo \"$line\"; }";
    let mut shell = std::process::Command::new("timeout");
    shell.args(["20", "sh", "-c", script, env!("CARGO_BIN_EXE_zoho-tokend")]);
    let output = shell.env("ZOHO_TOKEND_SOCKET", site.socket()).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "it had to be ended: {output:?}");
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(printed.contains("\"acme\""), "{printed}");

    let mut child = start();
    let mut lines = BufReader::new(child.stdout.take().expect("it was piped"));
    lines.read_line(&mut String::new()).expect("a line");
    daemon.kill();
    drop(lines);
    let status = wait_for("it ends while the daemon is away", SOON, || {
        child.try_wait().expect("ours")
    });
    assert_eq!(status.code(), Some(0));
}

#[test]
fn fifty_orgs_are_told_by_one_watcher_over_one_connection() {
    let orgs: Vec<String> = (0..50).map(|number| format!("org-{number:02}")).collect();
    let orgs: Vec<&str> = orgs.iter().map(String::as_str).collect();
    let (site, _daemon) = site(&orgs);
    let watcher = Watcher::start(&site, &[]);
    let mut told: Vec<String> = orgs.iter().map(|_| watcher.words()).collect();
    told.sort();
    let words = |change: &str| {
        let words = orgs.iter().map(|org| format!("{org} {change} fresh ok"));
        words.collect::<Vec<_>>()
    };
    assert_eq!(told, words("first"));
    for org in &orgs {
        site.verb(&["refresh", org]).done();
    }
    let mut told: Vec<String> = orgs.iter().map(|_| watcher.words()).collect();
    told.sort();
    assert_eq!(told, words("generation"));
    assert!(watcher.is_silent_for(A_WHILE));
}
