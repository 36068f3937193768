//! Starts that must not be: each says who, what, and what to do, and leaves everything as it was.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zoho_tokend::stand_in::Rules;

use crate::daemon::{Daemon, program_at};
use crate::site::Site;
use crate::wait::{SOON, wait_until};

#[test]
fn a_second_run_on_the_same_state_is_refused_and_names_the_first_ones_pid() {
    let (site, daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");

    let refused = site.run_to_end();

    let told = refused.failed(75);
    assert!(
        told.contains(&format!("(process {})", daemon.pid())),
        "{told}"
    );
    assert!(told.contains("stop that one first"), "{told}");
    assert_eq!(site.token("acme"), token, "the first one serves on");
    assert_eq!(site.zoho.mints("acme"), 1);
}

/// R7
#[test]
fn r7_a_wrong_seal_key_is_told_with_the_cure_and_the_state_is_kept() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    assert_eq!(daemon.stop(), 0);
    let key = fs::read(site.path("state/seal.key")).expect("the daemon made one");
    let state = fs::read(site.path("state/state.db")).expect("the daemon made one");
    site.write(
        "state/seal.key",
        &format!("{}\n", "0123456789abcdef".repeat(4)),
    );

    let refused = site.run_to_end();

    let told = refused.failed(78);
    assert!(told.contains("seal.key"), "{told}");
    assert!(told.contains("put that key back"), "{told}");
    assert_eq!(fs::read(site.path("state/state.db")).expect("kept"), state);
    fs::write(site.path("state/seal.key"), key).expect("ours");
    let _daemon = site.run();
    assert_eq!(site.token("acme"), token);
}

/// R7: a damaged state is never taken for an empty one.
#[test]
fn r7_a_damaged_state_is_told_with_the_cure_and_kept() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    assert_eq!(daemon.stop(), 0);
    let path = site.path("state/state.db");
    let mut state = fs::read(&path).expect("the daemon made one");
    let length = state.len();
    state[length / 2..]
        .iter_mut()
        .for_each(|byte| *byte ^= 0x5a);
    fs::write(&path, &state).expect("ours");

    let refused = site.run_to_end();

    let told = refused.failed(78);
    assert!(told.contains("state.db: the state is damaged"), "{told}");
    assert!(told.contains("restore a backup"), "{told}");
    assert_eq!(fs::read(&path).expect("kept"), state);
    assert!(site.try_ask(&crate::http::Request::get("/livez")).is_err());
}

/// R7: nor is one that somebody deleted.
#[test]
fn r7_a_missing_state_that_was_there_is_told_and_not_begun_anew() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    assert_eq!(daemon.stop(), 0);
    fs::remove_file(site.path("state/state.db")).expect("ours");
    let refused = site.run_to_end();
    assert!(
        refused.failed(78).contains("the state is missing"),
        "{refused:?}"
    );
    assert!(!site.path("state/state.db").exists());
}

#[test]
fn run_prints_every_problem_of_the_config_with_its_place_and_starts_nothing() {
    let site = Site::new(Rules::default(), &["acme", "beta", "gamma"]);
    fs::remove_file(site.path("acme.secret")).expect("ours");
    fs::set_permissions(site.path("beta.secret"), Permissions::from_mode(0o644)).expect("ours");
    let bad = site
        .config_text()
        .replace(
            "[refresh]",
            "[refresh]\nat = \"often\"\ntimeout = \"20\"\ntimeot = \"20s\"",
        )
        .replace("[orgs.gamma]", "[orgs.Gamma]\nprio = 1");
    site.write("zoho-tokend.toml", &bad);

    let refused = site.run_to_end();

    let told = refused.failed(78);
    let file = site.path("zoho-tokend.toml").display().to_string();
    let problems: Vec<&str> = told
        .lines()
        .filter(|line| line.starts_with(&file))
        .collect();
    for part in [
        "`at`",
        "`timeout`",
        "timeot",
        "acme.secret",
        "beta.secret",
        "Gamma",
    ] {
        assert!(
            problems.iter().any(|line| line.contains(part)),
            "{part} is not in {told}"
        );
    }
    let has_place = |line: &&str| {
        let rest = line.strip_prefix(&file).unwrap_or_default();
        let mut parts = rest.split(':').skip(1);
        let mut number = || parts.next().and_then(|n| n.parse::<u32>().ok());
        number().is_some() && number().is_some()
    };
    assert!(problems.iter().all(has_place), "{problems:?}");
    assert!(!site.socket().exists());
    assert!(!site.path("state").exists());
    assert!(!site.path("tokens").exists());
}

#[test]
fn a_syntax_error_does_not_hide_the_other_problems() {
    let site = Site::new(Rules::default(), &["acme"]);
    let bad = site
        .config_text()
        .replace("[refresh]", "[refresh]\nat = \ntimeot = \"20s\"");
    site.write("zoho-tokend.toml", &bad);
    let refused = site.run_to_end();
    assert!(refused.failed(78).contains("timeot"), "{refused:?}");
}

#[test]
fn a_config_that_is_not_there_is_told_by_its_path() {
    let site = Site::new(Rules::default(), &["acme"]);
    fs::remove_file(site.path("zoho-tokend.toml")).expect("ours");
    let refused = site.run_to_end();
    let told = refused.failed(78);
    assert!(told.contains("zoho-tokend.toml"), "{told}");
    assert!(told.contains("--config"), "{told}");
}

#[test]
fn a_socket_that_a_crash_left_behind_is_no_obstacle_and_another_file_is_one() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    daemon.kill();
    assert!(site.socket().exists());
    let mut daemon = site.run();
    assert_eq!(daemon.stop(), 0);
    assert!(!site.socket().exists(), "an orderly end takes it along");
    fs::write(site.socket(), "precious").expect("ours");
    let refused = site.run_to_end();
    assert!(refused.failed(78).contains("socket"), "{refused:?}");
    assert_eq!(fs::read(site.socket()).expect("kept"), b"precious");
}

#[test]
fn a_socket_that_another_daemon_answers_at_is_left_to_it() {
    let (first, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let second = Site::new(Rules::default(), &["acme"]);
    let (theirs, ours) = (first.socket(), second.socket());
    let text = second.config_text();
    let text = text.replace(&ours.display().to_string(), &theirs.display().to_string());
    second.write("zoho-tokend.toml", &text);
    let refused = second.run_to_end();
    assert!(
        refused.failed(78).contains("another process listens there"),
        "{refused:?}"
    );
    first.token("acme");
}

/// S2: modes do not depend on the shell that the daemon is started from.
#[test]
fn s2_modes_are_the_contracts_under_any_umask() {
    for umask in ["000", "077"] {
        let site = Site::new(Rules::default(), &["acme"]);
        let mut command = program_at(Path::new("/bin/sh"));
        let shell = format!("umask {umask}; exec \"$0\" \"$@\"");
        command.args(["-c", &shell, env!("CARGO_BIN_EXE_zoho-tokend")]);
        let daemon = Daemon::spawn(command, &site.path("zoho-tokend.toml"), &site.path("log"));
        let _daemon = site.once_up(daemon);
        site.enroll("acme").done();
        wait_until("the files are there", SOON, || {
            site.file("acme", "header").is_some()
        });
        let mode = |name: &str| {
            let metadata = fs::metadata(site.path(name)).expect("it is there");
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(mode("socket"), 0o666, "{umask}");
        assert_eq!(mode("tokens"), 0o711, "{umask}");
        assert_eq!(mode("state") & 0o077, 0, "{umask}");
        assert_eq!(mode("state/seal.key"), 0o600, "{umask}");
        assert_eq!(mode("state/state.db"), 0o600, "{umask}");
        assert_eq!(mode("tokens/acme/access_token") & 0o007, 0, "{umask}");
    }
}

/// What only a person can mend, and what `check` names too.
#[test]
fn a_tokens_dir_that_the_config_has_wrong_stops_the_start_and_is_named_by_check() {
    for (tokens_dir, what) in [
        ("used", "in use for other things"),
        ("used/precious", "no folder"),
        ("no/such", "not there"),
    ] {
        let site = Site::new(Rules::default(), &["acme"]);
        fs::create_dir(site.path("used")).expect("ours");
        fs::write(site.path("used/precious"), "").expect("ours");
        let text = site.config_text();
        let wrong = text.replace("/tokens\"", &format!("/{tokens_dir}\""));
        site.write("zoho-tokend.toml", &wrong);
        let refused = site.run_to_end();
        let told = refused.failed(78);
        assert!(
            told.contains("tokens_dir") && told.contains(tokens_dir),
            "{told}"
        );
        let config = site.path("zoho-tokend.toml").display().to_string();
        let checked = site.verb(&["check", "--config", &config]);
        assert_eq!(checked.exit, 78, "{checked:?}");
        assert!(checked.stderr.contains("`tokens_dir`"), "{checked:?}");
        assert!(checked.stderr.contains(what), "{checked:?}");
    }
}
