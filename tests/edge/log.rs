//! The log of a whole process: a copy of this program with a file for stderr.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use zoho_tokend::edge::log::{Log, LogFormat};

use crate::support::folder;

/// What the copy is to log by; set for the copy alone.
const FILTER: &str = "ZOHO_TOKEND_TEST_FILTER";

/// Not a test: what [`logged`] runs.
#[test]
#[expect(clippy::print_stderr, reason = "stands for what `main` does with it")]
fn copy_logs() {
    let Ok(filter) = std::env::var(FILTER) else {
        return;
    };
    match Log::start(&filter, LogFormat::Auto) {
        Err(err) => eprintln!("refused: {err}"),
        Ok(log) => {
            tracing::info!("first");
            tracing::debug!("second");
            assert!(log.change("inof", LogFormat::Auto).is_err());
            tracing::info!("third");
            log.change("debug", LogFormat::Json).expect("a good filter");
            tracing::debug!(org = "acme", "fourth");
            assert!(Log::start("info", LogFormat::Auto).is_err(), "twice");
        }
    }
}

/// What a copy with `filter` in the config and `rust_log` in the environment logs.
fn logged(filter: &str, rust_log: Option<&str>, to_journal: bool) -> String {
    let folder = folder();
    let path = folder.path().join("stderr");
    let stderr = File::create(&path).expect("a new file");
    let stat = stderr.metadata().expect("open");
    let inode = if to_journal {
        stat.ino()
    } else {
        stat.ino() + 1
    };
    let mut copy = Command::new(std::env::current_exe().expect("a test is a program"));
    copy.args(["--exact", "log::copy_logs", "--nocapture"]);
    copy.env(FILTER, filter).env_remove("RUST_LOG");
    copy.envs(rust_log.map(|text| ("RUST_LOG", text)));
    copy.env("JOURNAL_STREAM", format!("{}:{inode}", stat.dev()));
    let ran = copy.stderr(stderr).output().expect("a second copy");
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stdout)
    );
    fs::read_to_string(&path).expect("text")
}

#[test]
fn the_journal_gets_priorities_and_a_reload_changes_filter_and_shape() {
    let text = logged("info", None, true);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["<6>first", "<6>third"]);
    let object = lines[2].strip_prefix("<7>").expect("a priority");
    let object: serde_json::Value = serde_json::from_str(object).expect("JSON");
    assert_eq!(
        (&object["message"], &object["org"]),
        (&"fourth".into(), &"acme".into())
    );
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_stderr_that_is_not_the_journals_gets_times() {
    let text = logged("info", None, false);
    let first = text.lines().next().expect("a line");
    assert!(
        first.ends_with(" INFO first") && first.starts_with("20"),
        "{text}"
    );
}

#[test]
fn the_environment_goes_before_the_config() {
    assert!(logged("info", Some("debug"), true).contains("<7>second"));
    assert!(
        logged("debug", Some(" "), true).contains("<7>second"),
        "empty is not set"
    );
    assert!(!logged("debug", Some("warn"), true).contains("first"));
}

#[test]
fn a_bad_filter_is_said_with_its_place() {
    assert!(logged("inof", None, false).starts_with("refused: log: `inof` is no filter; "));
    let text = logged("info", Some("info,x=y"), false);
    assert!(
        text.starts_with("refused: RUST_LOG: `x=y` is no filter; "),
        "{text}"
    );
}
