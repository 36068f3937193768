//! A daemon that gives canned answers, and the real binary run against it.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};

/// A daemon that gives each connection the next of its answers and keeps what it was asked.
pub(crate) struct Daemon {
    folder: tempfile::TempDir,
    asked: JoinHandle<Vec<String>>,
}

impl Daemon {
    pub(crate) fn answering<const N: usize>(answers: [Vec<u8>; N]) -> Self {
        Self::with(None, answers)
    }

    /// One that says of any org that it has this kind of grant, before and beside its answers.
    pub(crate) fn enrolling<const N: usize>(grant_kind: &str, answers: [Vec<u8>; N]) -> Self {
        let status = json(&format!(r#"{{"org":"acme","grant_kind":"{grant_kind}"}}"#));
        Self::with(Some(status), answers)
    }

    fn with<const N: usize>(status: Option<Vec<u8>>, answers: [Vec<u8>; N]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("socket")).expect("a socket");
        let serve = move |answer: &Vec<u8>| {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut asked = request(&mut stream);
            while let Some(status) = status.as_ref().filter(|_| asked.starts_with("GET ")) {
                stream.write_all(status).ok();
                stream = listener.accept().expect("a connection").0;
                asked = request(&mut stream);
            }
            // A client that gives up on a large answer hangs up: that is its right.
            stream.write_all(answer).ok();
            asked
        };
        let asked = thread::spawn(move || answers.iter().map(serve).collect());
        Self { folder, asked }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Runs a verb to its end; what it was asked, and how it ended.
    pub(crate) fn run(self, args: &[&str]) -> Ended {
        self.run_with(args, "")
    }

    pub(crate) fn run_with(self, args: &[&str], stdin: &str) -> Ended {
        let output = run(&self.socket(), args, stdin);
        // A daemon that still waits gets a connection that asks nothing: better a failed test than a stuck one.
        drop(UnixStream::connect(self.socket()));
        let asked = self.asked.join().expect("every answer was asked for");
        Ended { asked, ..output }
    }
}

/// How a process of ours ended.
pub(crate) struct Ended {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) asked: Vec<String>,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self {
            exit: output.status.code().expect("no signal ended it"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            asked: Vec::new(),
        }
    }
}

impl Ended {
    /// Exit code and stderr of a verb that printed nothing else.
    pub(crate) fn failed(&self) -> (i32, &str) {
        assert_eq!(self.stdout, "");
        (self.exit, &self.stderr)
    }
}

pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zoho-tokend"));
    command.args(args).env_remove("ZOHO_TOKEND_SOCKET");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run(socket: &Path, args: &[&str], stdin: &str) -> Ended {
    let mut command = program(args);
    command
        .env("ZOHO_TOKEND_SOCKET", socket)
        .stdin(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut pipe = child.stdin.take().expect("piped");
    // A verb that reads no stdin may have ended by now.
    pipe.write_all(stdin.as_bytes()).ok();
    drop(pipe);
    child.wait_with_output().expect("it ends").into()
}

/// Head and body of one request.
pub(crate) fn request(stream: &mut UnixStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a whole head");
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).expect("text");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let length = length.map_or(0, |length| length.parse().expect("a number"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a whole body");
    head + &String::from_utf8(body).expect("text")
}

pub(crate) fn answer(status: u16, media_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(crate) fn json(body: &str) -> Vec<u8> {
    answer(200, "application/json", body)
}

pub(crate) fn plain(body: &str) -> Vec<u8> {
    answer(200, "text/plain; charset=utf-8", body)
}

pub(crate) fn problem(status: u16, code: &str, more: &str) -> Vec<u8> {
    let body = format!(r#"{{"type":"urn:zoho-tokend:{code}","status":{status}{more}}}"#);
    answer(status, "application/problem+json", &body)
}
