//! Secrets asked for on a terminal: `script` is the terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use crate::need::need_tools;
use crate::wait::{SOON, wait_until};

/// A shell on a terminal of its own, which runs the program.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    seen: String,
}

impl Terminal {
    /// As a wrapper script would: it goes on after the program, and does not mend the terminal.
    fn run(verb: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_zoho-tokend");
        let line = format!(
            "stty echo; tty; trap : INT; sh -c 'echo pid $$ end; exec {program} {verb} --socket /nowhere'; \
             echo ended $?; stty -a"
        );
        let mut child = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script is here");
        Self {
            keys: child.stdin.take().expect("piped"),
            screen: child.stdout.take().expect("piped"),
            child,
            seen: String::new(),
        }
    }

    fn wait_for(&mut self, text: &str) {
        let mut byte = [0];
        while !self.seen.contains(text) {
            let read = self.screen.read(&mut byte).expect("a terminal");
            assert_eq!(read, 1, "{text} does not come: {}", self.seen);
            self.seen.push(char::from(byte[0]));
        }
    }

    /// The prompt is there a moment earlier.
    fn wait_until_hidden(&self) {
        let mut words = self.seen.split_whitespace();
        let path = words.find(|word| word.starts_with("/dev/"));
        let tty = File::open(path.expect("its name")).expect("a terminal");
        wait_until("the echo is off", SOON, || {
            let modes = tcgetattr(&tty).expect("a terminal").local_modes;
            !modes.contains(LocalModes::ECHO)
        });
    }

    fn pid(&self) -> Pid {
        let number = self
            .seen
            .split(' ')
            .skip_while(|word| !word.ends_with("pid"));
        let number = number.skip(1).find_map(|word| word.parse().ok());
        Pid::from_raw(number.expect("a number")).expect("a pid")
    }

    /// What is on the screen at the end.
    fn end(mut self) -> String {
        self.wait_for(" echoe ");
        drop(self.keys);
        self.child.wait().expect("ours");
        self.seen
    }
}

#[test]
fn a_prompt_that_is_left_by_ctrl_c_or_a_signal_leaves_the_terminal_with_its_echo() {
    if !need_tools(&["script", "stty"]) {
        return;
    }
    for (signal, exit) in [
        (None, 130),
        (Some(Signal::TERM), 143),
        (Some(Signal::HUP), 129),
    ] {
        let mut terminal = Terminal::run("enroll acme");
        terminal.wait_for("Grant token of acme: ");
        terminal.wait_until_hidden();
        match signal {
            None => terminal.keys.write_all(b"1000.can\x03").expect("typed"),
            Some(signal) => kill_process(terminal.pid(), signal).expect("it waits"),
        }
        let seen = terminal.end();
        assert!(seen.contains(&format!("ended {exit}")), "{seen}");
        assert!(
            seen.contains(" echo ") && !seen.contains("-echo "),
            "{seen}"
        );
        assert!(!seen.contains("1000.can"), "{seen}");
    }
}
