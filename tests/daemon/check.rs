//! `check` says what `run` refuses, and changes nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zoho_tokend::stand_in::Rules;

use crate::daemon::{Ended, program};
use crate::site::Site;

fn check(site: &Site) -> Ended {
    let mut program = program();
    let config = site.path("zoho-tokend.toml");
    let ended = program.args(["check", "--config"]).arg(config).output();
    ended.expect("the program runs").into()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
}

/// A site whose daemon has ended in order, with a state and a key of its own.
fn stopped() -> Site {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    check(&site).done();
    assert_eq!(daemon.stop(), 0);
    check(&site).done();
    site
}

#[test]
fn check_names_what_a_start_would_refuse_of_state_and_key() {
    type Harm = fn(&Site);
    let harms: [(&str, &str, Harm); 8] = [
        ("`seal_key`", "this is no seal key", |site| {
            site.write("state/seal.key", "rubbish\n");
        }),
        ("`seal_key`", "the seal key is missing", |site| {
            fs::remove_file(site.path("state/seal.key")).expect("ours");
        }),
        ("`state`", "file is not a database", |site| {
            site.write("state/state.db", &"rubbish ".repeat(1000));
        }),
        ("`state`", "the file has only 8 bytes", |site| {
            site.write("state/state.db", "rubbish ");
        }),
        ("`state`", "no state of zoho-tokend", |site| {
            let path = site.path("state/state.db");
            let mut bytes = fs::read(&path).expect("ours");
            bytes[68] ^= 0x5a;
            fs::write(path, bytes).expect("ours");
        }),
        ("`state`", "the state is missing", |site| {
            fs::remove_file(site.path("state/state.db")).expect("ours");
        }),
        ("`state`", "mode 0777 lets every user", |site| {
            set_mode(&site.path("state"), 0o777);
        }),
        ("`seal_key`", "mode 0644 lets others read", |site| {
            set_mode(&site.path("state/seal.key"), 0o644);
        }),
    ];
    for (key, what, harm) in harms {
        let site = stopped();
        harm(&site);
        let (bytes, told) = (fs::read(site.path("state/state.db")).ok(), check(&site));
        assert_eq!(told.exit, 78, "{what}: {told:?}");
        let mut lines = told.stderr.lines();
        let is_it = |line: &str| line.contains(key) && line.contains(what);
        assert!(lines.any(is_it), "{what}: {told:?}");
        let refused = site.run_to_end();
        assert_ne!(refused.exit, 0, "{what}");
        assert!(refused.stderr.contains(what), "{what}: {refused:?}");
        assert_eq!(fs::read(site.path("state/state.db")).ok(), bytes, "{what}");
    }
}

#[test]
fn run_names_every_secret_that_others_can_read_with_its_place() {
    let site = stopped();
    set_mode(&site.path("state/seal.key"), 0o644);
    set_mode(&site.path("acme.secret"), 0o644);
    let refused = site.run_to_end();
    let told = refused.failed(78);
    for part in ["`seal_key`", "`client_secret`"] {
        let config = site.path("zoho-tokend.toml").display().to_string();
        let mut lines = told.lines();
        let is_it = |line: &str| line.starts_with(&config) && line.contains(part);
        assert!(lines.any(is_it), "{part} is not in {told}");
    }
}

#[test]
fn check_without_a_config_says_that_and_nothing_of_the_defaults() {
    let site = Site::new(Rules::default(), &["acme"]);
    fs::remove_file(site.path("zoho-tokend.toml")).expect("ours");
    let told = check(&site);
    assert_eq!((told.exit, &*told.stdout), (78, "config bad: 1 problem\n"));
    assert_eq!(told.stderr.lines().count(), 1, "{told:?}");
}
