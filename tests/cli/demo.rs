//! `demo`, whatever becomes of it: no daemon outlives it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::need::need_tools;
use crate::wait::{SOON, wait_until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_zoho-tokend");

/// Killed with this value.
struct Running(Child);

impl Running {
    fn start(program: &str, args: &[&str], temp_dir: &Path) -> Self {
        let child = Command::new(program)
            .args(args)
            .env("TMPDIR", temp_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the program runs"))
    }

    fn kill(&mut self) {
        self.0.kill().expect("it runs and is ours");
        self.0.wait().expect("ours");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Whether a process has `folder` on its command line, as the demo's daemon has.
fn has_daemon(folder: &Path) -> bool {
    let folder = folder.as_os_str().as_encoded_bytes();
    let mut processes = fs::read_dir("/proc").expect("Linux").flatten();
    processes.any(|process| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        line.windows(folder.len()).any(|part| part == folder)
    })
}

/// Waits until the demo's table may be on the screen: every org has its files.
fn await_demo(temp_dir: &Path) {
    let files = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    wait_until("the demo plays", SOON, || {
        let stage = files(temp_dir).pop().unwrap_or_default();
        files(&stage.join("tokens")).len() >= 3
    });
    assert!(has_daemon(temp_dir));
}

#[test]
fn a_terminal_that_is_closed_takes_the_demo_its_daemon_and_its_folder_along() {
    if !need_tools(&["script"]) {
        return;
    }
    let temp_dir = tempfile::tempdir().expect("a folder");
    let command = format!("exec {PROGRAM} demo");
    let mut terminal = Running::start("script", &["-qec", &command, "/dev/null"], temp_dir.path());
    await_demo(temp_dir.path());
    terminal.kill();
    wait_until("the daemon ends", SOON, || !has_daemon(temp_dir.path()));
    wait_until("the folder goes", SOON, || {
        let mut left = fs::read_dir(temp_dir.path()).expect("ours");
        left.next().is_none()
    });
}

#[test]
fn a_demo_that_is_killed_takes_its_daemon_along() {
    let temp_dir = tempfile::tempdir().expect("a folder");
    let mut demo = Running::start(PROGRAM, &["demo"], temp_dir.path());
    await_demo(temp_dir.path());
    demo.kill();
    wait_until("the daemon ends", SOON, || !has_daemon(temp_dir.path()));
}

#[test]
fn a_place_for_temporary_files_that_no_socket_fits_into_does_not_stop_the_demo() {
    let temp_dir = tempfile::tempdir().expect("a folder");
    let place = temp_dir.path().join("it's").join("a".repeat(90));
    fs::create_dir_all(&place).expect("ours");
    let ended = Command::new(PROGRAM)
        .args(["demo", "--for", "1s"])
        .env("TMPDIR", &place)
        .output();
    let ended = ended.expect("the program runs");
    let told = String::from_utf8_lossy(&ended.stderr);
    // Too short for a refresh of every org, and no failure of the daemon's.
    assert_eq!(ended.status.code(), Some(75), "{told}");
    assert!(told.contains("not every org was refreshed yet"), "{told}");
}
