//! A machine with a systemd of its own, in which a check of `tests/systemd/` runs as root.
//!
//! It boots in a second from a tree that is made once, writes to memory alone and has a loopback of its own: checks run
//! side by side and leave nothing behind. The work is done by `tests/systemd/container.sh`.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// What a machine must have for this, in the words of `need_tools`.
pub(crate) const TOOLS: &[&str] = &["root", "systemd-nspawn", "debootstrap", "nsenter", "flock"];

const PROGRAM: &str = env!("CARGO_BIN_EXE_zoho-tokend");
const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd");
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
const CHECKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemd");
const CONTAINER_SH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemd/container.sh");
/// A check ends by itself long before; this is for one that hangs.
const CHECK_TIMEOUT_S: &str = "180";

/// A running container; gone with this value.
pub(crate) struct Container {
    /// Ends the container when its standard input does, also where this process is killed.
    holder: Child,
    /// The pid of its PID 1, as the host counts.
    leader: String,
    dir: TempDir,
}

impl Container {
    /// One in which systemd has come up, with the program and the checks mounted.
    pub(crate) fn boot() -> Self {
        let dir = tempfile::tempdir().expect("a folder for console and output");
        let mounts = [
            (PROGRAM, "/usr/bin/zoho-tokend"),
            (UNITS, "/units"),
            (EXAMPLES, "/examples"),
            (CHECKS, "/checks"),
        ];
        let mut holder = Command::new("bash")
            .args([CONTAINER_SH, "boot"])
            .arg(dir.path())
            .args(mounts.map(|(from, to)| format!("--bind-ro={from}:{to}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash runs");
        let stdout = holder.stdout.take().expect("it was piped");
        let mut leader = String::new();
        let read = BufReader::new(stdout).read_line(&mut leader);
        read.expect("a pid is text");
        let container = Self {
            holder,
            leader: leader.trim_end().to_owned(),
            dir,
        };
        assert!(
            !container.leader.is_empty(),
            "the container did not boot; it said why on standard error"
        );
        container
    }

    /// Runs one script of `tests/systemd/`; panics with all that it said where it fails.
    pub(crate) fn check(&self, script: &str) {
        // To a file: a pipe would be held open by whatever a failed check leaves running.
        let said = self.dir.path().join("said");
        let out = File::create(&said).expect("the folder is ours");
        let err = out.try_clone().expect("a file can be shared");
        let status = Command::new("bash")
            .args([CONTAINER_SH, "exec", &self.leader])
            .args(["timeout", CHECK_TIMEOUT_S, "bash"])
            .arg(format!("/checks/{script}"))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .status()
            .expect("bash runs");
        let said = fs::read(said).expect("it was just written");
        assert!(
            status.success(),
            "{script}, {status}:\n{}",
            String::from_utf8_lossy(&said)
        );
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        // Not until it is gone: the next test may need its memory.
        drop(self.holder.wait());
    }
}
