//! S1 and S3: refresh tokens, client secrets and grant tokens are seen nowhere but in calls to Zoho.

use std::fs;
use std::path::{Path, PathBuf};

use zoho_tokend::stand_in::{Fault, Rules};

use crate::http::Request;
use crate::site::Site;
use crate::wait::{SOON, wait_until};
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
    let below = |path: PathBuf| match path.is_dir() {
        true => files_below(&path),
        false => vec![path],
    };
    paths.flat_map(below).collect()
}

/// S1, at the most talkative log level and with a Zoho that echoes what it was sent.
#[test]
fn s1_no_secret_is_seen_in_logs_answers_metrics_files_argv_or_environment() {
    let mut site = Site::new(Rules::default(), &["acme", "beta", "gamma"]);
    site.config.daemon = "log = \"trace\"".into();
    site.config.secretless = vec!["beta".into()];
    site.write_config();
    let mut daemon = site.run();
    let (code, beta_code) = (site.zoho.code("acme"), site.zoho.code("beta"));
    let taken_over = site.zoho.refresh_token("gamma");
    let mut said = vec![
        site.enroll_with("acme", &code),
        site.enroll_with("beta", &format!("{beta_code}\n{}", client_secret("beta"))),
        site.verb_with(&["enroll", "gamma", "--refresh-token"], &taken_over),
    ];
    said.iter().for_each(|ended| drop(ended.done()));
    let refresh_token = site.zoho.newest_refresh_token("acme");
    let secrets = [
        client_secret("acme"),
        client_secret("beta"),
        client_secret("gamma"),
        code.clone(),
        beta_code,
        taken_over,
        refresh_token.clone(),
        site.zoho.newest_refresh_token("beta"),
    ];
    let canaries = Canaries::new(secrets);

    // Answers that carry the secrets back to us.
    let echo = format!("{} and {refresh_token} are no good", client_secret("acme"));
    let bodies = [
        format!(r#"{{"error":"invalid_client","error_description":"{echo}"}}"#),
        format!(r#"{{"error":"{}"}}"#, client_secret("acme")),
        format!("<html>{echo}</html>"),
        format!(r#"{{"access_token":"{echo}","expires_in":3600}}"#),
    ];
    for body in bodies {
        site.zoho.break_for("acme", 1, Fault::answer(200, body));
        said.push(site.verb(&["refresh", "acme"]));
    }
    site.zoho.break_for(
        "gamma",
        1,
        Fault::redirect(307, format!("/?refresh_token={refresh_token}")),
    );
    said.push(site.verb(&["refresh", "gamma"]));
    // The code again: Zoho says that it is used.
    said.push(site.enroll_with("acme", &code));
    for verb in ["status", "history", "get"] {
        said.push(site.verb(&[verb, "acme"]));
    }
    for ended in &said {
        canaries.are_not_in("a verb", format!("{ended:?}").as_bytes());
    }
    for target in [
        "/v1/orgs",
        "/v1/orgs?all=true",
        "/v1/orgs/acme",
        "/v1/orgs/acme/token",
        "/v1/orgs/acme/history",
        "/v1/orgs/beta/history",
        "/v1/orgs/gamma/history",
        "/livez",
        "/readyz",
        "/metrics",
    ] {
        let reply = site.get(target);
        assert_eq!(reply.status, 200, "{target}");
        canaries.are_not_in(target, format!("{reply:?}").as_bytes());
    }
    let reload = site.ask(&Request::post("/v1/reload", ""));
    canaries.are_not_in("reload", reload.body.as_bytes());
    for file in ["cmdline", "environ"] {
        let bytes = fs::read(format!("/proc/{}/{file}", daemon.pid())).expect("it runs");
        canaries.are_not_in(file, &bytes);
    }
    wait_until("the files are there", SOON, || {
        site.file("acme", "header").is_some()
    });
    daemon.kill();
    for folder in ["state", "tokens"] {
        for path in files_below(&site.path(folder)) {
            canaries.are_not_in(&path.display().to_string(), &fs::read(&path).expect("ours"));
        }
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

/// S1: the key and the state are their owner's alone, and a crash writes no core.
#[test]
fn s1_what_holds_secrets_is_for_the_daemons_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (site, daemon) = Site::enrolled(Rules::default(), &["acme"]);
    for path in files_below(&site.path("state")) {
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).expect("it runs");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<&str> = core.expect("a limit").split_whitespace().collect();
    assert_eq!(words[4], "0", "{core:?}");
}
