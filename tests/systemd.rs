//! The units of `systemd/`, judged by systemd itself: first booted as PID 1 with the real binary, then by its own tools.
//!
//! The steps of the booted ones are in `tests/systemd/*.sh`, one script a test.

#[path = "support/container.rs"]
mod container;
#[path = "support/need.rs"]
mod need;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use container::Container;
use need::need_tools;

const PROGRAM: &str = env!("CARGO_BIN_EXE_zoho-tokend");
const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd");

#[test]
fn from_nothing_to_a_token_on_socket_and_file() {
    check("activation.sh");
}

#[test]
fn the_example_configs_start_a_daemon_as_they_are() {
    check("examples.sh");
}

#[test]
fn s2_a_peer_reads_what_its_ids_and_groups_allow_and_nothing_else() {
    check("access.sh");
}

#[test]
fn r8_restarts_under_readers_refuse_no_read_and_cost_no_mint() {
    check("restarts.sh");
}

#[test]
fn r8_a_reload_takes_all_of_a_config_or_none_and_readers_notice_neither() {
    check("reload.sh");
}

#[test]
fn r7_r8_kill_9_costs_no_mint_and_no_read() {
    check("kill.sh");
}

#[test]
fn r11_the_watchdog_kills_a_stuck_daemon_and_no_other() {
    check("watchdog.sh");
}

#[test]
fn a_stop_is_clean_and_the_next_start_goes_on_from_it() {
    check("stop.sh");
}

#[test]
fn a_missing_credential_is_told_and_taken_up_once_it_is_there() {
    check("credential.sh");
}

#[test]
fn a_unit_is_reloaded_when_the_token_of_its_org_has_changed_and_not_otherwise() {
    check("notify.sh");
}

#[test]
fn the_sandbox_allows_what_the_daemon_needs_and_little_else() {
    check("sandbox.sh");
}

#[test]
fn systemd_knows_every_key_of_the_units() {
    if !need_tools(&["systemd-analyze"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder for the units");
    // `verify` wants the program to exist where the unit says; nothing else is changed.
    let service = unit("zoho-tokend.service").replace("/usr/bin/zoho-tokend", PROGRAM);
    write(dir.path(), "zoho-tokend.service", &service);
    write(
        dir.path(),
        "zoho-tokend.socket",
        &unit("zoho-tokend.socket"),
    );
    let notify = unit("zoho-tokend-notify@.service").replace("/usr/bin/zoho-tokend", PROGRAM);
    write(dir.path(), "zoho-tokend-notify@acme.service", &notify);
    let drop_ins = dir.path().join("zoho-tokend.service.d");
    fs::create_dir(&drop_ins).expect("a folder for the drop-in");
    let drop_in = unit("zoho-tokend.service.d/client-secret.conf");
    write(&drop_ins, "client-secret.conf", &drop_in);

    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]);
    let output = run(verify.args(
        [
            "zoho-tokend.service",
            "zoho-tokend.socket",
            "zoho-tokend-notify@acme.service",
        ]
        .map(|name| dir.path().join(name)),
    ));
    assert!(output.status.success(), "{}", text(&output));
    // An unknown key, or a value that means nothing, only warns: the words that name our files are the verdict.
    let complaints: Vec<String> = text(&output)
        .lines()
        .filter(|line| line.contains("zoho-tokend"))
        .map(str::to_owned)
        .collect();
    assert_eq!(complaints, [""; 0]);
}

#[test]
fn the_services_are_exposed_at_most_1_5() {
    if !need_tools(&["systemd-analyze"]) {
        return;
    }
    for unit in ["zoho-tokend.service", "zoho-tokend-notify@.service"] {
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--offline=true", "--no-pager", "--threshold=15"]);
        let output = run(security.arg(Path::new(UNITS).join(unit)));
        assert!(output.status.success(), "{}", text(&output));
    }
}

#[test]
fn sysusers_and_tmpfiles_make_the_user_and_its_folders() {
    if !need_tools(&["root", "systemd-sysusers", "systemd-tmpfiles"]) {
        return;
    }
    let root = tempfile::tempdir().expect("a folder for the root");
    fs::create_dir(root.path().join("etc")).expect("an empty folder");
    let made = |tool: &str, args: &[&str], file: &str| {
        let root = format!("--root={}", root.path().display());
        let file = Path::new(UNITS).join(file);
        let output = run(Command::new(tool).arg(root).args(args).arg(file));
        assert!(output.status.success(), "{}", text(&output));
    };
    made("systemd-sysusers", &[], "zoho-tokend.sysusers");
    made("systemd-tmpfiles", &["--create"], "zoho-tokend.tmpfiles");

    let passwd = fs::read_to_string(root.path().join("etc/passwd")).expect("passwd was made");
    let user = passwd.lines().find(|line| line.starts_with("zoho-tokend:"));
    let fields: Vec<&str> = user.expect("the user was made").split(':').collect();
    assert!(fields[6].ends_with("/nologin"), "{fields:?}");
    let uid: u32 = fields[2].parse().expect("a uid is a number");
    for (folder, mode) in [("run/zoho-tokend", 0o755), ("var/lib/zoho-tokend", 0o700)] {
        let made = fs::metadata(root.path().join(folder)).expect("the folder was made");
        assert_eq!((made.uid(), made.mode() & 0o7777), (uid, mode), "{folder}");
    }
}

/// Runs `tests/systemd/SCRIPT` in a container of its own.
fn check(script: &str) {
    if need_tools(container::TOOLS) {
        Container::boot().check(script);
    }
}

fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output();
    output.expect("a program that the test needs, and that was found, runs")
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes))
        .concat()
}

fn unit(name: &str) -> String {
    fs::read_to_string(Path::new(UNITS).join(name)).expect("the unit is in the repository")
}

fn write(dir: &Path, name: &str, text: &str) {
    fs::write(dir.join(name), text).expect("the temporary folder is writable");
}
