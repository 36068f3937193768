//! What others do to the daemon's files and socket while it runs, and what it finds there at its start.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::time::{Duration, Instant};

use zoho_tokend::stand_in::Rules;

use crate::http::{Line, Request};
use crate::need::need_tools;
use crate::site::Site;
use crate::wait::{SOON, wait_until};

/// Nobody on this machine.
const STRANGER: u32 = 4_000_123;

/// The config of `site` with another `tokens_dir`.
fn with_tokens_dir(site: &Site, folder: &Path) -> String {
    let own = site.path("tokens").display().to_string();
    site.config_text()
        .replace(&own, &folder.display().to_string())
}

#[test]
fn a_second_daemon_on_the_same_tokens_dir_is_refused_and_told_the_first() {
    let (first, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    wait_until("the files are there", SOON, || {
        first.file("acme", "header").is_some()
    });
    let second = Site::new(Rules::default(), &["beta"]);
    let shared = with_tokens_dir(&second, &first.path("tokens"));
    second.write("zoho-tokend.toml", &shared);
    let refused = second.run_to_end();
    let pid = daemon.pid();
    let wanted = format!("another zoho-tokend (pid {pid}) keeps its files in");
    assert!(refused.failed(75).contains(&wanted), "{refused:?}");
    assert!(!second.socket().exists());
    assert!(first.file("acme", "header").is_some());

    // However the first one ends, the kernel lets the folder go.
    daemon.kill();
    let _daemon = second.run();
    second.enroll("beta").done();
    wait_until("the second one's files are there", SOON, || {
        first.file("beta", "header").is_some()
    });
}

#[test]
fn token_files_that_vanish_come_back_by_themselves_and_at_once_by_a_reload() {
    let (site, daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme").text;
    let is_there = || site.file("acme", "access_token").as_ref() == Some(&token);
    wait_until("the files are there", SOON, is_there);
    fs::remove_dir_all(site.path("tokens")).expect("ours");
    wait_until("they come back", SOON, is_there);
    let text = "the files were gone or changed";
    wait_until("the status tells", SOON, || {
        site.status("acme")["warnings"].to_string().contains(text)
    });
    assert!(daemon.said().contains(text));
    let metrics = site.get("/metrics").body;
    let counted =
        r#"zoho_tokend_deliveries_total{org="acme",output="tokens_dir",outcome="restored"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");

    fs::remove_dir_all(site.path("tokens/.generations")).expect("ours");
    let begun = Instant::now();
    site.verb(&["reload"]).done();
    wait_until("they come back", SOON, is_there);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(site.token("acme").text, token, "no mint");
}

#[test]
fn a_socket_whose_file_is_removed_is_made_anew_and_told() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let mut open = Line::to(&site.socket()).expect("it listens");
    fs::remove_file(site.socket()).expect("ours");
    wait_until("it is made anew", SOON, || {
        site.try_ask(&Request::get("/livez"))
            .is_ok_and(|reply| reply.status == 200)
    });
    let mode = fs::metadata(site.socket()).expect("there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o666);
    assert!(
        daemon
            .said()
            .contains("somebody removed its file; made anew")
    );
    let answer = open.ask(&Request::get("/livez")).expect("still there");
    assert_eq!(answer.status, 200, "who was connected stays so");
    assert_eq!(daemon.stop(), 0);
    assert!(!site.socket().exists());
}

/// Who owns a folder, or one above it, can put a forged token there.
#[test]
fn a_tokens_dir_that_another_user_could_replace_is_refused_by_run_and_by_check() {
    if !need_tools(&["root"]) {
        return;
    }
    let site = Site::new(Rules::default(), &["acme"]);
    let refused_for = |tokens_dir: &Path, why: &str| {
        site.write("zoho-tokend.toml", &with_tokens_dir(&site, tokens_dir));
        let config = site.path("zoho-tokend.toml").display().to_string();
        let checked = crate::daemon::program()
            .args(["check", "--config", &config])
            .output();
        let checked = crate::daemon::Ended::from(checked.expect("it runs"));
        assert!(checked.stderr.contains(why), "{checked:?}");
        assert_eq!(checked.exit, 78);
        let ran = site.run_to_end();
        assert!(ran.failed(78).contains(why), "{ran:?}");
    };
    let foreign = format!("belongs to uid {STRANGER}, who can replace them");
    let tokens = site.path("tokens");
    fs::create_dir(&tokens).expect("ours");
    chown(&tokens, Some(STRANGER), None).expect("root may");
    refused_for(&tokens, &foreign);
    chown(&tokens, Some(0), None).expect("root may");

    let above = site.path("above");
    fs::create_dir(&above).expect("ours");
    chown(&above, Some(STRANGER), None).expect("root may");
    refused_for(&above.join("tokens"), &foreign);

    chown(&above, Some(0), None).expect("root may");
    fs::set_permissions(&above, Permissions::from_mode(0o777)).expect("ours");
    refused_for(
        &above.join("tokens"),
        "lets every user replace them (mode 0777)",
    );
    fs::set_permissions(&above, Permissions::from_mode(0o1777)).expect("ours");
    site.write(
        "zoho-tokend.toml",
        &with_tokens_dir(&site, &above.join("tokens")),
    );
    let _daemon = site.run();
}

/// Without access lists no reader could be let in.
#[test]
fn a_file_system_without_access_lists_is_told_by_check_and_changes_nothing_there() {
    // The process file system has none, and is everywhere.
    let procfs = Path::new("/proc/self");
    let site = Site::new(Rules::default(), &["acme"]);
    site.write(
        "zoho-tokend.toml",
        &with_tokens_dir(&site, &procfs.join("tokens")),
    );
    let config = site.path("zoho-tokend.toml").display().to_string();
    let checked = crate::daemon::program()
        .args(["check", "--config", &config])
        .output();
    let checked = crate::daemon::Ended::from(checked.expect("it runs"));
    assert!(
        checked.stderr.contains("has no POSIX access lists"),
        "{checked:?}"
    );
    assert_eq!(checked.exit, 78);
}
