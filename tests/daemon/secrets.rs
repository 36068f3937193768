//! S1 and S3: refresh tokens, client secrets and grant tokens are seen nowhere but in calls to Zoho.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use zoho_tokend::stand_in::{Fault, Rules};

use crate::daemon::{Daemon, Ended, program_at};
use crate::http::Request;
use crate::need::need_tools;
use crate::site::Site;
use crate::users::as_user;
use crate::wait::{SOON, wait_for, wait_until};
use crate::zoho::client_secret;

/// What must not be seen, and what of it a careless cut could leave.
struct Canaries(Vec<String>);

impl Canaries {
    fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let parts = |secret: String| {
            let parts: Vec<String> = secret.split('.').map(str::to_owned).collect();
            parts.into_iter().filter(|part| part.len() >= 20)
        };
        let all: Vec<String> = secrets.into_iter().flat_map(parts).collect();
        assert!(all.len() >= 4, "{all:?}");
        Self(all)
    }

    #[track_caller]
    fn are_not_in(&self, place: &str, bytes: &[u8]) {
        for canary in &self.0 {
            let is_in = bytes
                .windows(canary.len())
                .any(|part| part == canary.as_bytes());
            assert!(!is_in, "{place} shows {canary}");
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it is there");
    let paths = entries.map(|entry| entry.expect("readable").path());
    let (folders, mut files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_below(folder)));
    files
}

/// Every kind of enrolment, what it was given, and what the verbs said.
fn enrolled(site: &Site) -> (Canaries, Vec<Ended>) {
    let codes = ["acme", "beta"].map(|org| site.zoho.code(org));
    let taken_over = site.zoho.refresh_token("gamma");
    let with_secret = format!("{}\n{}", codes[1], client_secret("beta"));
    let said = vec![
        site.enroll_with("acme", &codes[0]),
        site.enroll_with("beta", &with_secret),
        site.verb_with(&["enroll", "gamma", "--refresh-token"], &taken_over),
        // Again: Zoho says that it is used.
        site.enroll_with("acme", &codes[0]),
    ];
    assert_eq!(
        [0, 0, 0, 78],
        [0, 1, 2, 3].map(|n: usize| said[n].exit),
        "{said:?}"
    );
    let secrets = ["acme", "beta", "gamma"].map(client_secret);
    let refresh_tokens = ["acme", "beta"].map(|org| site.zoho.newest_refresh_token(org));
    let all = secrets.into_iter().chain(codes).chain(refresh_tokens);
    (Canaries::new(all.chain([taken_over])), said)
}

/// Refreshes whose answers carry the secrets back to us; what the verb said to each.
fn echoed(site: &Site) -> Vec<Ended> {
    let (secret, refresh_token) = (
        client_secret("acme"),
        site.zoho.newest_refresh_token("acme"),
    );
    let echo = format!("{secret} and {refresh_token} are no good");
    let faults = [
        Fault::answer(
            200,
            format!(r#"{{"error":"invalid_client","error_description":"{echo}"}}"#),
        ),
        Fault::answer(200, format!(r#"{{"error":"{secret}"}}"#)),
        Fault::answer(200, format!("<html>{echo}</html>")),
        Fault::answer(
            200,
            format!(r#"{{"access_token":"{echo}","expires_in":3600}}"#),
        ),
        Fault::redirect(307, format!("/?refresh_token={refresh_token}")),
    ];
    let refreshed = |fault| {
        site.zoho.break_for("acme", 1, fault);
        site.verb(&["refresh", "acme"])
    };
    faults.map(refreshed).into()
}

/// S1, at the most talkative log level and with a Zoho that echoes what it was sent.
#[test]
fn s1_no_secret_is_seen_in_logs_answers_metrics_files_argv_or_environment() {
    let mut site = Site::new(Rules::default(), &["acme", "beta", "gamma"]);
    site.config.daemon = "log = \"trace\"".into();
    site.config.secretless = vec!["beta".into()];
    site.write_config();
    let mut daemon = site.run();
    let (canaries, mut said) = enrolled(&site);
    said.extend(echoed(&site));
    said.extend(["status", "history", "get"].map(|verb| site.verb(&[verb, "acme"])));
    for ended in &said {
        canaries.are_not_in("a verb", format!("{ended:?}").as_bytes());
    }
    let of_org = |org| ["", "/token", "/history"].map(|call| format!("/v1/orgs/{org}{call}"));
    let others = ["/v1/orgs?all=true", "/livez", "/readyz", "/metrics"].map(str::to_owned);
    for target in ["acme", "beta", "gamma"]
        .into_iter()
        .flat_map(of_org)
        .chain(others)
    {
        let reply = site.get(&target);
        assert_eq!(reply.status, 200, "{target}");
        canaries.are_not_in(&target, format!("{reply:?}").as_bytes());
    }
    let reload = site.ask(&Request::post("/v1/reload", ""));
    canaries.are_not_in("reload", reload.body.as_bytes());
    for file in ["cmdline", "environ"] {
        match fs::read(format!("/proc/{}/{file}", daemon.pid())) {
            Ok(bytes) => canaries.are_not_in(file, &bytes),
            // Only root may look at a process that is sealed.
            Err(err) => assert_eq!(err.kind(), ErrorKind::PermissionDenied),
        }
    }
    wait_until("the files are there", SOON, || {
        site.file("acme", "header").is_some()
    });
    daemon.kill();
    for path in ["state", "tokens"]
        .iter()
        .flat_map(|folder| files_below(&site.path(folder)))
    {
        canaries.are_not_in(&path.display().to_string(), &fs::read(&path).expect("ours"));
    }
    let log = daemon.said();
    assert!(
        log.contains("TRACE"),
        "the test is of the most talkative level"
    );
    canaries.are_not_in("the log", log.as_bytes());
    assert_eq!(site.zoho.stats().traffic.secrets_in_url, 0);
}

/// S1: access tokens leave by the socket and the files alone.
#[test]
fn s1_an_access_token_is_not_in_the_log_the_state_the_status_or_the_metrics() {
    let mut site = Site::new(Rules::default(), &["acme"]);
    site.config.daemon = "log = \"trace\"".into();
    site.write_config();
    let mut daemon = site.run();
    site.enroll("acme").done();
    let first = site.token("acme").text;
    site.verb(&["refresh", "acme"]).done();
    site.verb(&["get", "acme"]).done();
    let canaries = Canaries::new([first, site.token("acme").text]);
    for target in [
        "/v1/orgs",
        "/v1/orgs/acme",
        "/v1/orgs/acme/history",
        "/readyz",
        "/metrics",
    ] {
        canaries.are_not_in(target, site.get(target).body.as_bytes());
    }
    daemon.kill();
    for path in files_below(&site.path("state")) {
        canaries.are_not_in(&path.display().to_string(), &fs::read(&path).expect("ours"));
    }
    canaries.are_not_in("the log", daemon.said().as_bytes());
}

/// S1: the key and the state are their owner's alone.
#[test]
fn s1_what_holds_secrets_is_for_the_daemons_user_alone() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    for path in files_below(&site.path("state")) {
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
}

/// S1: nor do they leave by a core dump, whatever the limits of the host are.
#[test]
fn s1_a_crash_leaves_no_core() {
    let shell = |script: &str| {
        let mut shell = program_at(Path::new("/bin/sh"));
        let raised = format!("ulimit -c \"$(ulimit -H -c)\"; {script}");
        shell.args(["-c", &raised, env!("CARGO_BIN_EXE_zoho-tokend")]);
        shell
    };
    let site = Site::new(Rules::default(), &["acme"]);
    let control = shell("kill -ABRT $$").current_dir(site.folder()).status();
    let dumps = control.expect("a shell").core_dumped();
    let mut command = shell("exec \"$0\" \"$@\"");
    command.current_dir(site.folder());
    let daemon = Daemon::spawn(command, &site.path("zoho-tokend.toml"), &site.path("log"));
    let mut daemon = site.once_up(daemon);
    daemon.signal(Signal::ABORT);
    let status = wait_for("it crashes", SOON, || daemon.ended());
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped(), "this host writes cores: {dumps}");
}

/// S1: nor by a look into its memory from a job that somebody runs as the daemon's own user.
#[test]
fn s1_no_other_process_of_the_daemons_user_looks_inside() {
    const SERVICE: u32 = 41_901;
    if !need_tools(&["root"]) {
        return;
    }
    let site = Site::new(Rules::default(), &["acme"]);
    let program = site.program_for_all();
    site.give_to(SERVICE);
    let start = || {
        Daemon::spawn(
            program_at(&program),
            &site.path("zoho-tokend.toml"),
            &site.path("log"),
        )
    };
    let daemon = site.once_up(as_user(SERVICE, SERVICE, &[], start));
    let path = format!("/proc/{}/environ", daemon.pid());
    let looked = as_user(SERVICE, SERVICE, &[], || fs::read(&path));
    assert_eq!(
        looked.map_err(|err| err.kind()),
        Err(ErrorKind::PermissionDenied)
    );
}
