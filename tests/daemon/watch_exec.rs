//! `watch --exec`: at least once for each change, whatever ends in between, and never two at a time.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use zoho_tokend::stand_in::Rules;

use crate::daemon::Daemon;
use crate::site::Site;
use crate::wait::{SOON, wait_for, wait_until};
use crate::watcher::Watcher;

/// So long that a run which should not come would have come.
const A_WHILE: Duration = Duration::from_secs(2);

fn site(orgs: &[&str]) -> (Site, Daemon) {
    Site::enrolled(Rules::default(), orgs)
}

/// Watches with a shell as the command; a script notes its runs in `runs`, in the site's folder.
fn watch(site: &Site, args: &[&str], script: &str) -> Watcher {
    Watcher::start(site, &[args, &["--exec", "sh", "-euc", script]].concat())
}

fn runs(site: &Site) -> Vec<String> {
    let text = fs::read_to_string(site.path("runs")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The runs once there are so many.
#[track_caller]
fn runs_once(site: &Site, count: usize) -> Vec<String> {
    wait_for(&format!("{count} runs"), SOON, || {
        Some(runs(site)).filter(|runs| runs.len() >= count)
    })
}

fn cursor(site: &Site) -> String {
    fs::read_to_string(site.path("cursor")).unwrap_or_default()
}

#[test]
fn a_command_gets_the_line_on_stdin_and_its_words_in_its_environment() {
    let (site, _daemon) = site(&["acme"]);
    // Reads to the end, which comes with the line's.
    let script = "cat > line; echo $ZOHO_ORG $ZOHO_CHANGE $ZOHO_GENERATION \
                  $ZOHO_TOKEN_STATE $ZOHO_GRANT_STATE $ZOHO_TOKEN_EXPIRES_AT \"$ZOHO_CAUSE\" $ZOHO_TOKEND_SOCKET >> runs";
    let _watcher = watch(&site, &["acme"], script);
    let token = site.token("acme");
    let (generation, expires_at, socket) = (token.generation, token.expires_at, site.socket());
    let socket = socket.display();
    let wanted = format!("acme first {generation} fresh ok {expires_at}  {socket}");
    assert_eq!(runs_once(&site, 1), [wanted]);
    let line = fs::read_to_string(site.path("line")).expect("it was read");
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        (&line["org"], &line["generation"]),
        (&"acme".into(), &generation.into())
    );
}

#[test]
fn a_command_may_ask_for_the_token_and_need_not_read_its_line() {
    let (site, _daemon) = site(&["acme"]);
    let script = format!("{} get acme >> runs", env!("CARGO_BIN_EXE_zoho-tokend"));
    let _watcher = watch(&site, &["--generations"], &script);
    let first = site.token("acme").text;
    runs_once(&site, 1);
    site.verb(&["refresh", "acme"]).done();
    assert_eq!(runs_once(&site, 2), [first, site.token("acme").text]);
}

#[test]
fn commands_run_one_at_a_time_and_a_slow_one_misses_nothing_but_what_was_overtaken() {
    let (site, _daemon) = site(&["acme", "beta"]);
    let script = "mkdir running; echo $ZOHO_ORG $ZOHO_GENERATION >> runs; \
                  while [ ! -e go ]; do sleep 0.02; done; rmdir running";
    let watcher = watch(&site, &[], script);
    let mut wanted = runs_once(&site, 1);
    for org in ["acme", "beta", "acme", "beta", "acme"] {
        site.verb(&["refresh", org]).done();
    }
    site.write("go", "");
    let newest = |org: &str| format!("{org} {}", site.token(org).generation);
    wait_until("the newest of both", SOON, || {
        let runs = runs(&site);
        runs.contains(&newest("acme")) && runs.contains(&newest("beta"))
    });
    assert_eq!(wanted[0].split(' ').next(), Some("acme"));
    wanted.extend([newest("beta"), newest("acme")]);
    assert_eq!(runs(&site), wanted);
    assert_eq!(watcher.said(), [""; 0]);
}

#[test]
fn a_command_that_fails_is_run_again_with_what_is_true_then_and_holds_up_no_other_org() {
    let (site, _daemon) = site(&["acme", "beta"]);
    let script =
        "echo $ZOHO_ORG $ZOHO_GENERATION >> runs; [ $ZOHO_ORG = beta ] || [ -e good ] || exit 3";
    let watcher = watch(&site, &["--cursor", "cursor"], script);
    let told = watcher.complaint();
    let generation = site.token("acme").generation;
    let begin = format!(
        "zoho-tokend: acme: first {generation}: the command failed (exit status: 3); it is run again in "
    );
    assert!(told.starts_with(&begin), "{told}");
    wait_until("beta is told", SOON, || cursor(&site).contains("beta"));
    assert!(!cursor(&site).contains("acme"));
    site.write("good", "");
    site.verb(&["refresh", "acme"]).done();
    wait_until("acme is told", SOON, || cursor(&site).contains("acme"));
    let newest = format!("acme {}", site.token("acme").generation);
    assert_eq!(runs(&site).last(), Some(&newest));
    let count = runs(&site).len();
    std::thread::sleep(A_WHILE);
    assert_eq!(runs(&site).len(), count, "what was told is not told again");
}

/// At least once: the run is over, the cursor is not written yet.
#[test]
fn a_watcher_that_is_killed_between_the_run_and_its_cursor_runs_the_command_again() {
    let (site, _daemon) = site(&["acme"]);
    let args = ["--cursor", "cursor"];
    // The command is the last thing that happens: it kills its parent, which has then nothing to write.
    let script = "echo $ZOHO_GENERATION >> runs; kill -9 $PPID";
    let mut watcher = watch(&site, &args, script);
    assert_eq!(watcher.exit(), -9);
    assert!(!cursor(&site).contains("acme"));
    let _watcher = watch(&site, &args, "echo $ZOHO_GENERATION >> runs");
    let runs = runs_once(&site, 2);
    assert_eq!(runs[0], runs[1]);
    wait_until("it is kept", SOON, || cursor(&site).contains("acme"));
}

#[test]
fn a_change_while_neither_watcher_nor_daemon_runs_is_told_at_the_next_start() {
    let (site, mut daemon) = site(&["acme"]);
    let args = ["--cursor", "cursor", "--generations"];
    let script = "echo $ZOHO_CHANGE $ZOHO_GENERATION >> runs";
    let watcher = watch(&site, &args, script);
    runs_once(&site, 1);
    wait_until("it is kept", SOON, || cursor(&site).contains("acme"));
    drop(watcher);
    site.verb(&["refresh", "acme"]).done();
    let newest = site.token("acme").generation;
    daemon.kill();
    let _daemon = site.run();
    wait_until("the stored token is served", SOON, || {
        site.status("acme")["token"] == "fresh"
    });
    let _watcher = watch(&site, &args, script);
    assert_eq!(runs_once(&site, 2)[1], format!("generation {newest}"));
}

#[test]
fn sigterm_ends_the_command_too_and_what_it_did_not_finish_is_done_at_the_next_start() {
    let (site, _daemon) = site(&["acme"]);
    let args = ["--cursor", "cursor"];
    let script =
        "trap 'echo ended >> runs; exit 1' TERM; echo begun >> runs; while :; do sleep 0.05; done";
    let mut watcher = watch(&site, &args, script);
    runs_once(&site, 1);
    watcher.signal(Signal::TERM);
    assert_eq!(watcher.exit(), 0);
    assert_eq!(runs(&site), ["begun", "ended"]);
    assert!(!cursor(&site).contains("acme"));

    let finishes = "trap 'echo finished >> runs; exit 0' TERM; echo begun >> runs; while :; do sleep 0.05; done";
    let mut watcher = watch(&site, &args, finishes);
    runs_once(&site, 3);
    watcher.signal(Signal::TERM);
    assert_eq!(watcher.exit(), 0);
    assert!(cursor(&site).contains("acme"), "what it finished is kept");
}

/// Whatever it makes of SIGTERM: goes, says that all is well, or takes no notice until it is killed.
#[test]
fn a_command_that_hangs_is_ended_after_its_time_and_has_failed() {
    let (site, _daemon) = site(&["acme"]);
    for trap in ["-", "'exit 0'", "''"] {
        // A shell tells of a `sleep` that was ended with it.
        let script = format!(
            "exec 2> /dev/null; trap {trap} TERM; echo begun >> runs; while :; do sleep 0.05; done"
        );
        let before = runs(&site).len();
        let watcher = watch(&site, &["--timeout", "1s"], &script);
        let told = watcher.complaint();
        assert!(
            told.contains(": the command was ended after 1s; it is run again in "),
            "{trap}: {told}"
        );
        runs_once(&site, before + 2);
    }
}

/// A script that hangs most often waits for something that it has started.
#[test]
fn what_a_command_has_started_ends_with_it() {
    let (site, _daemon) = site(&["acme"]);
    let is_there = |pid: &String| fs::exists(format!("/proc/{pid}")).expect("proc is there");
    let script = "sleep 1000 & echo $! >> runs; wait; echo late >> runs";
    let watcher = watch(&site, &["--timeout", "1s"], script);
    let told = watcher.complaint();
    assert!(told.contains(": the command was ended after 1s"), "{told}");
    let first = &runs(&site)[0];
    assert!(!is_there(first), "{first}");
    drop(watcher);

    // At the end of the watch itself, too; and what does not go by itself is killed.
    fs::remove_file(site.path("runs")).expect("ours");
    let script = "sh -c 'trap \"\" TERM; echo $$ >> runs; while :; do sleep 0.1; done' & wait";
    let mut watcher = watch(&site, &[], script);
    let second = &runs_once(&site, 1)[0];
    watcher.signal(Signal::TERM);
    assert_eq!(watcher.exit(), 0);
    wait_until("it is gone", SOON, || !is_there(second));
    let told = watcher.complaint();
    assert!(told.contains("the watch ends too; with --cursor"), "{told}");
}

#[test]
fn a_command_that_is_not_there_ends_the_watch_as_a_shell_would() {
    let (site, _daemon) = site(&["acme"]);
    let mut watcher = Watcher::start(&site, &["--exec", "no-such-command"]);
    assert_eq!(watcher.exit(), 127);
    assert!(
        watcher
            .complaint()
            .starts_with("zoho-tokend: no-such-command: there is no such command; ")
    );
    let mut watcher = Watcher::start(&site, &["--exec", "/dev/null"]);
    assert_eq!(watcher.exit(), 126);
}

#[test]
fn a_command_that_was_there_and_is_gone_for_a_moment_is_tried_again() {
    let (site, _daemon) = site(&["acme"]);
    let script = |name: &str| {
        let path = site.path(name);
        fs::write(&path, "#!/bin/sh\necho $ZOHO_CHANGE >> runs\n").expect("ours");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, mode).expect("ours");
    };
    script("job");
    let watcher = Watcher::start(&site, &["--exec", "./job"]);
    runs_once(&site, 1);
    fs::remove_file(site.path("job")).expect("ours");
    site.verb(&["refresh", "acme"]).done();
    assert!(
        watcher
            .complaint()
            .contains("the command cannot be started (")
    );
    script("job");
    assert_eq!(runs_once(&site, 2), ["first", "generation"]);
}
