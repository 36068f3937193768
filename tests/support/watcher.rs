//! A running `watch` of ours, and the lines that it gives.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::daemon::program;
use crate::site::Site;
use crate::wait::{SOON, wait_for};

/// Killed with this value.
pub(crate) struct Watcher {
    child: Child,
    lines: Receiver<String>,
    complaints: Receiver<String>,
}

impl Watcher {
    /// `watch ARGS` at the site's daemon.
    pub(crate) fn start(site: &Site, args: &[&str]) -> Self {
        let mut child = program()
            .arg("watch")
            .args(args)
            .env("ZOHO_TOKEND_SOCKET", "socket")
            .current_dir(site.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let lines = lines_of(child.stdout.take().expect("it was piped"));
        let complaints = lines_of(child.stderr.take().expect("it was piped"));
        Self {
            child,
            lines,
            complaints,
        }
    }

    /// The next line, which must come soon.
    #[track_caller]
    pub(crate) fn line(&self) -> Value {
        let line = self.lines.recv_timeout(SOON);
        let line = line.unwrap_or_else(|err| unreachable!("no line: {err}; {:?}", self.said()));
        serde_json::from_str(&line).expect("JSON")
    }

    /// Org, change, and the two words of the next line.
    #[track_caller]
    pub(crate) fn words(&self) -> String {
        let line = self.line();
        let word = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
        ["org", "change", "token", "grant"].map(word).join(" ")
    }

    /// Whether nothing comes for so long.
    pub(crate) fn is_silent_for(&self, span: Duration) -> bool {
        self.lines.recv_timeout(span).is_err()
    }

    /// The next line of standard error, which must come soon.
    #[track_caller]
    pub(crate) fn complaint(&self) -> String {
        self.complaints.recv_timeout(SOON).expect("a complaint")
    }

    /// What else it said so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.complaints.try_iter().collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs and is ours");
    }

    /// How it ends, which must be soon: the exit code, or the signal below zero.
    #[track_caller]
    pub(crate) fn exit(&mut self) -> i32 {
        let status = wait_for("the watcher ends", SOON, || {
            self.child.try_wait().expect("ours")
        });
        let signal = || status.signal().map(|number| -number);
        status.code().or_else(signal).expect("one or the other")
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Every line as it comes; the thread ends with the pipe.
fn lines_of(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(pipe).lines();
        for line in lines.map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
