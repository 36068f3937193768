//! The end of a login's redirect on this machine: HTTP on loopback, for as long as somebody waits.
//!
//! Reads the head of a request and nothing else; what it means, others decide. Invariant (S5): whoever connects holds
//! a bounded piece of memory for a bounded time, and cannot keep another from being heard.

mod arrival;
mod head;

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::time::Instant;
use url::{Host, Url};
use zeroize::Zeroizing;

pub use arrival::Arrival;

/// Longest head of a request: a redirect of Zoho's has 300 bytes, a browser's cookies for `localhost` may have more.
const HEAD_MAX: usize = 16 * 1024;
/// How long a head may take, and an answer. Browsers open connections ahead and leave them silent.
const LINE_TIME: Duration = Duration::from_secs(5);
/// Connections at once; one more ends the oldest.
const CONNECTIONS_MAX: usize = 8;

/// Listens where a `redirect_uri` leads.
#[derive(Debug)]
pub struct Loopback {
    listeners: Vec<TcpListener>,
    pending: Vec<Pending>,
    host: String,
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
                Progress::Whole => match head::asked(&pending.head[..pending.length], &self.host) {
                    Ok((path, query)) => {
                        return Some(Arrival {
                            stream: pending.stream,
                            path,
                            query,
                        });
                    }
                    Err(status) => arrival::refuse(pending.stream, status),
                },
                Progress::TooLong => arrival::refuse(pending.stream, 431),
                Progress::Gone | Progress::Waits => (),
            }
        }
        None
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
                    && !listeners.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(listeners)
}

/// What the next `accept` may do better.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    /// A listener on a port that was free.
    fn listener() -> (Loopback, u16) {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let own = Loopback::listen(&url(&format!("http://localhost:{port}/callback")));
        (own.expect("loopback").expect("it is free"), port)
    }

    #[test]
    fn s5_a_silent_connection_ends_no_wait_and_lengthens_none() {
        let (mut own, port) = listener();
        let _silent = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        let until = Instant::now() + Duration::from_millis(60);
        assert!(own.next(until).expect("no error").is_none());
        assert!(until.elapsed() < LINE_TIME);
    }

    #[test]
    fn s5_connections_that_say_nothing_are_held_for_a_while_and_never_more_than_eight() {
        let (mut own, port) = listener();
        let silent = |_| TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        let _silent: Vec<TcpStream> = (0..20).map(silent).collect();
        let wait = |own: &mut Loopback| {
            let until = Instant::now() + Duration::from_millis(60);
            assert!(own.next(until).expect("no error").is_none());
            own.pending.len()
        };
        assert_eq!(wait(&mut own), CONNECTIONS_MAX);
        for pending in &mut own.pending {
            pending.until = Instant::now();
        }
        assert_eq!(wait(&mut own), 0);
    }

    #[test]
    fn a_browser_is_heard_on_either_loopback_and_in_pieces() {
        let (mut own, port) = listener();
        for address in ["127.0.0.1", "::1"] {
            let Ok(mut browser) = TcpStream::connect((address, port)) else {
                assert_eq!(address, "::1", "only IPv6 may be missing here");
                continue;
            };
            let head = format!("GET /callback?code=c HTTP/1.1\r\nhost: LOCALHOST:{port}\r\n\r\n");
            let (one, two) = head.split_at(20);
            browser.write_all(one.as_bytes()).expect("sent");
            let soon = Instant::now() + Duration::from_millis(20);
            assert!(own.next(soon).expect("no error").is_none());
            browser.write_all(two.as_bytes()).expect("sent");
            let until = Instant::now() + LINE_TIME;
            let arrival = own.next(until).expect("no error").expect("a request");
            assert_eq!(arrival.path, "/callback");
            assert_eq!(arrival.query.expose(), "code=c");
            arrival.show(200, "<p>well</p>");
            let mut answer = String::new();
            browser.read_to_string(&mut answer).expect("an answer");
            assert!(answer.ends_with("\r\n\r\n<p>well</p>"), "{answer}");
        }
    }

    #[test]
    fn nothing_but_http_on_loopback_is_listened_for() {
        for text in [
            "https://localhost:8976/callback",
            "http://localhost/callback",
            "http://10.0.0.1:8976/callback",
            "http://localhost.example:8976/",
            "https://sync.example/callback",
        ] {
            assert!(Loopback::listen(&url(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn a_port_that_another_program_has_on_either_loopback_is_refused() {
        let Ok(other) = TcpListener::bind("[::1]:0") else {
            return;
        };
        let port = other.local_addr().expect("bound").port();
        let own = Loopback::listen(&url(&format!("http://localhost:{port}/callback")));
        let refused = own.expect("loopback").expect_err("taken");
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
    }
}
