//! Hand-written servers, one connection each, on threads of their own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// A server on loopback; `join` gives what its script saw.
pub(crate) struct Peer<T> {
    pub(crate) port: u16,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Peer<T> {
    /// Takes one connection and plays `script` on it.
    pub(crate) fn start(script: impl FnOnce(TcpStream) -> T + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            // A script that waits for what never comes must fail, not hang.
            let patience = Some(Duration::from_secs(30));
            stream.set_read_timeout(patience).expect("a socket");
            stream.set_write_timeout(patience).expect("a socket");
            script(stream)
        });
        Self { port, thread }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/oauth/v2/token", self.port)
    }

    pub(crate) fn join(self) -> T {
        self.thread.join().expect("the script ran to its end")
    }
}

/// Reads one request with its body.
pub(crate) fn read_request(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !is_whole(&bytes) {
        assert_eq!(
            stream.read(&mut byte).expect("a request"),
            1,
            "a whole request"
        );
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    body.len() >= header(head, "content-length").map_or(0, |n| n.parse().expect("a length"))
}

/// The value of a header in `request`, in lower case and without regard to the case of `name`.
pub(crate) fn header(request: &str, name: &str) -> Option<String> {
    let head = request.split("\r\n\r\n").next()?.to_ascii_lowercase();
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}:")).map(str::to_owned));
    line.map(|value| value.trim().to_owned())
}

/// Reads a request and answers it with `head` (status line and headers) and `body`.
pub(crate) fn answer(stream: &mut (impl Read + Write), head: &str, body: &str) -> String {
    let request = read_request(stream);
    let length = body.len();
    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}");
    stream
        .write_all(answer.as_bytes())
        .expect("an open connection");
    request
}

/// Waits for the other side to close; how many bytes came before that.
pub(crate) fn drain(stream: &mut impl Read) -> usize {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            unreachable!("the connection was left open")
        }
        _ => rest.len(),
    }
}
