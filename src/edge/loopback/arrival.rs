//! What a browser that came to us is told.

use std::io::Write;
use std::net::TcpStream;

use super::LINE_TIME;
use crate::base::Secret;

/// No script, no other host, no frame; and nothing is told to where a link leads.
const POLICY: &str = "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n\
    X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n";

/// A browser that waits for its answer.
#[derive(Debug)]
pub struct Arrival {
    pub(super) stream: TcpStream,
    /// `/callback`, as it was sent.
    pub path: String,
    /// What stands behind the `?`.
    pub query: Secret,
}

impl Arrival {
    /// Shows a page, and hangs up. A browser that is gone misses it.
    pub fn show(self, status: u16, html: &str) {
        let length = html.len();
        let head = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n{POLICY}\r\n",
            reason(status)
        );
        say(self.stream, &[head.as_bytes(), html.as_bytes()]);
    }

    /// Sends the browser to another page.
    pub fn send_to(self, url: &Secret) {
        let head = "HTTP/1.1 303 See Other\r\nLocation: ";
        let rest = format!("\r\nContent-Length: 0\r\n{POLICY}\r\n");
        say(
            self.stream,
            &[head.as_bytes(), url.expose().as_bytes(), rest.as_bytes()],
        );
    }

    /// There is no such page.
    pub fn refuse(self) {
        refuse(self.stream, 404);
    }
}

pub(super) fn refuse(stream: TcpStream, status: u16) {
    let head = format!(
        "HTTP/1.1 {status} {}\r\nContent-Length: 0\r\n{POLICY}\r\n",
        reason(status)
    );
    say(stream, &[head.as_bytes()]);
}

fn say(mut stream: TcpStream, parts: &[&[u8]]) {
    let ready = stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_write_timeout(Some(LINE_TIME)));
    let said = ready.and_then(|()| parts.iter().try_for_each(|part| stream.write_all(part)));
    // A browser that hung up has its own reasons, and nobody else reads this.
    drop(said);
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        _ => "Bad Request",
    }
}
