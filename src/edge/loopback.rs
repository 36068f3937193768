//! The end of a login's redirect on this machine: HTTP on loopback, for as long as somebody waits.
//!
//! Reads the head of a request and nothing else; what it means, others decide. Invariant (S5): whoever connects holds
//! a bounded piece of memory for a bounded time, and cannot keep another from being heard.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::time::Instant;
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::base::Secret;

/// Longest head of a request: a redirect of Zoho's has 300 bytes, a browser's cookies for `localhost` may have more.
const HEAD_MAX: usize = 16 * 1024;
/// How long a head may take, and an answer. Browsers open connections ahead and leave them silent.
const LINE_TIME: Duration = Duration::from_secs(5);
/// Connections at once; one more ends the oldest.
const CONNECTIONS_MAX: usize = 8;
/// No script, no other host, no frame; and nothing is told to where a link leads.
const POLICY: &str = "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n\
    X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n";

/// Listens where a `redirect_uri` leads.
#[derive(Debug)]
pub struct Loopback {
    listeners: Vec<TcpListener>,
    pending: Vec<Pending>,
    host: String,
}

/// A browser that waits for its answer.
#[derive(Debug)]
pub struct Arrival {
    stream: TcpStream,
    /// `/callback`, as it was sent.
    pub path: String,
    /// What stands behind the `?`.
    pub query: Secret,
}

/// A connection whose request is not here yet.
#[derive(Debug)]
struct Pending {
    stream: TcpStream,
    /// Never grows, so that no copy of a code stays behind.
    head: Zeroizing<Vec<u8>>,
    length: usize,
    until: Instant,
}

impl Loopback {
    /// Listens for `redirect_uri`; `None` where that is not http on loopback, with a port of its own.
    pub fn listen(redirect_uri: &Url) -> Option<io::Result<Self>> {
        let port = redirect_uri.port()?;
        let addresses: Vec<IpAddr> = match redirect_uri.host()? {
            _ if redirect_uri.scheme() != "http" => return None,
            // A browser may try either first.
            Host::Domain("localhost") => {
                vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            }
            Host::Ipv4(address) if address.is_loopback() => vec![address.into()],
            Host::Ipv6(address) if address.is_loopback() => vec![address.into()],
            _ => return None,
        };
        let host = format!("{}:{port}", redirect_uri.host_str()?);
        Some(bind(&addresses, port).map(|listeners| Self {
            listeners,
            pending: Vec::new(),
            host,
        }))
    }

    /// The next request for a page of ours; `None` where none came in time.
    pub fn next(&mut self, until: Instant) -> io::Result<Option<Arrival>> {
        loop {
            let now = Instant::now();
            self.pending.retain(|pending| pending.until > now);
            if now >= until {
                return Ok(None);
            }
            let ends = self.pending.iter().map(|pending| pending.until);
            let wake = ends.min().map_or(until, |end| end.min(until));
            self.wait(wake.saturating_duration_since(now))?;
            self.accept()?;
            if let Some(arrival) = self.take_whole() {
                return Ok(Some(arrival));
            }
        }
    }

    fn wait(&self, span: Duration) -> io::Result<()> {
        let listeners = self
            .listeners
            .iter()
            .map(|own| PollFd::new(own, PollFlags::IN));
        let pending = self.pending.iter();
        let pending = pending.map(|own| PollFd::new(&own.stream, PollFlags::IN));
        let mut fds: Vec<PollFd<'_>> = listeners.chain(pending).collect();
        let span = Timespec::try_from(span.max(Duration::from_millis(1)));
        match poll(&mut fds, span.ok().as_ref()) {
            Err(rustix::io::Errno::INTR) | Ok(_) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        for listener in &self.listeners {
            match listener.accept() {
                Ok((stream, peer)) if peer.ip().is_loopback() => {
                    stream.set_nonblocking(true)?;
                    self.pending.push(Pending {
                        stream,
                        head: Zeroizing::new(vec![0; HEAD_MAX]),
                        length: 0,
                        until: Instant::now() + LINE_TIME,
                    });
                }
                Ok(_) => (),
                Err(error) if is_passing(&error) => (),
                Err(error) => return Err(error),
            }
        }
        let surplus = self.pending.len().saturating_sub(CONNECTIONS_MAX);
        self.pending.drain(..surplus);
        Ok(())
    }

    /// The first whole request that is for us; whoever sent another one is told.
    fn take_whole(&mut self) -> Option<Arrival> {
        let mut at = 0;
        while at < self.pending.len() {
            let progress = self.pending[at].read();
            if matches!(progress, Progress::Waits) {
                at += 1;
                continue;
            }
            let pending = self.pending.remove(at);
            match progress {
                Progress::Whole => match asked(&pending.head[..pending.length], &self.host) {
                    Ok((path, query)) => {
                        return Some(Arrival {
                            stream: pending.stream,
                            path,
                            query,
                        });
                    }
                    Err(status) => refuse(pending.stream, status),
                },
                Progress::TooLong => refuse(pending.stream, 431),
                Progress::Gone | Progress::Waits => (),
            }
        }
        None
    }
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

enum Progress {
    Whole,
    Waits,
    TooLong,
    Gone,
}

impl Pending {
    /// Takes what has come.
    fn read(&mut self) -> Progress {
        loop {
            match self.stream.read(&mut self.head[self.length..]) {
                Ok(0) if self.length == HEAD_MAX => return Progress::TooLong,
                Ok(0) => return Progress::Gone,
                Ok(count) => self.length += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Progress::Waits,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(_) => return Progress::Gone,
            }
            let head = &self.head[..self.length];
            if head.windows(4).any(|end| end == b"\r\n\r\n") {
                return Progress::Whole;
            }
        }
    }
}

/// All of them, or an error: where another program had one of the two, a browser could bring it our code.
fn bind(addresses: &[IpAddr], port: u16) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        match TcpListener::bind(SocketAddr::new(*address, port)) {
            Ok(listener) => {
                listener.set_nonblocking(true)?;
                listeners.push(listener);
            }
            // A host without IPv6.
            Err(error)
                if address.is_ipv6()
                    && error.kind() != ErrorKind::AddrInUse
                    && !listeners.is_empty() =>
            {
                ()
            }
            Err(error) => return Err(error),
        }
    }
    Ok(listeners)
}

/// Path and query of a request to `host`; else the status that says why not. Another `Host` is another site whose name
/// somebody lets lead here.
fn asked(head: &[u8], host: &str) -> Result<(String, Secret), u16> {
    let head = std::str::from_utf8(head).map_err(|_| 400_u16)?;
    let mut lines = head.split("\r\n");
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = words[..] else {
        return Err(400);
    };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return Err(400);
    }
    if method != "GET" {
        return Err(405);
    }
    let fields = lines.filter_map(|line| line.split_once(':'));
    let mut hosts = fields.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let is_ours = |(_, value): (&str, &str)| value.trim().eq_ignore_ascii_case(host);
    if !hosts.next().is_some_and(is_ours) || hosts.next().is_some() {
        return Err(404);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok((path.to_owned(), Secret::new(query.to_owned())))
}

fn refuse(stream: TcpStream, status: u16) {
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

/// What the next `accept` may do better.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted
    )
}
