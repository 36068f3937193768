//! A running daemon of ours: the real binary, ended by its pid.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::{SOON, wait_for};

/// What the outside may set that would make a test mean something else.
const VARIABLES: [&str; 9] = [
    "ZOHO_TOKEND_CONFIG",
    "ZOHO_TOKEND_SOCKET",
    "RUST_LOG",
    "NOTIFY_SOCKET",
    "JOURNAL_STREAM",
    "CREDENTIALS_DIRECTORY",
    "HTTPS_PROXY",
    "https_proxy",
    "LISTEN_PID",
];

/// The program with nothing of the outside's in its environment.
pub(crate) fn program() -> Command {
    program_at(Path::new(env!("CARGO_BIN_EXE_zoho-tokend")))
}

/// The same from another place.
pub(crate) fn program_at(path: &Path) -> Command {
    let mut command = Command::new(path);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// A verb that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self {
            exit: output.status.code().expect("no signal ended it"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Ended {
    /// What it printed, if it did what it was asked.
    #[track_caller]
    pub(crate) fn done(&self) -> &str {
        assert_eq!(self.exit, 0, "{self:?}");
        &self.stdout
    }

    /// What it complained of, if it ended with `exit`.
    #[track_caller]
    pub(crate) fn failed(&self, exit: i32) -> &str {
        assert_eq!(self.exit, exit, "{self:?}");
        assert_eq!(self.stdout, "", "what failed prints no result");
        &self.stderr
    }
}

/// `run` on a config. Killed with this value.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `run` of `program`; what it says is appended to `log`.
    pub(crate) fn spawn(mut program: Command, config: &Path, log: &Path) -> Self {
        let stderr = File::options().create(true).append(true).open(log);
        let child = program
            .args(["run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr.expect("the folder is ours"))
            .spawn();
        Self {
            child: child.expect("the program runs"),
            log: log.to_owned(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has of the memory now.
    pub(crate) fn memory_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let words = resident.and_then(|line| line.split_whitespace().next());
        words
            .and_then(|word| word.parse().ok())
            .expect("the kernel's own form")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs and is ours");
    }

    /// SIGTERM; the exit code.
    #[track_caller]
    pub(crate) fn stop(&mut self) -> i32 {
        self.signal(Signal::TERM);
        self.exit_code(SOON)
    }

    /// kill -9, and gone.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        let status = self.child.wait().expect("ours");
        assert_eq!(
            status.signal(),
            Some(9),
            "it had ended before: {}",
            self.said()
        );
    }

    /// The exit code, once it has ended.
    #[track_caller]
    pub(crate) fn exit_code(&mut self, within: Duration) -> i32 {
        let status = wait_for("the daemon ends", within, || self.ended());
        let code = status.code();
        code.unwrap_or_else(|| unreachable!("{status}: {}", self.said()))
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("ours")
    }

    /// Its log so far, and that of those before it on the same file.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).expect("text")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Another verb that runs until it is ended. Killed with this value.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(args: &[&str]) -> Self {
        let child = program()
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        Self(child.expect("the program runs"))
    }

    /// What it prints when it is ready.
    pub(crate) fn first_line(&mut self) -> String {
        let mut line = String::new();
        let stdout = self.0.stdout.take().expect("it was piped");
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("text");
        line
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
