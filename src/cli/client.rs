//! Asks the daemon one question over its Unix socket: blocking, one connection a request, one deadline for all of it.
//!
//! No async, no TLS, no config: a job pays for a process and one round trip. Does not know what an answer
//! means. Invariant: returns by the deadline, whether or not anyone listens, accepts or answers.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

use super::answer::{Answer, BadAnswer};
use super::failure::{Exit, Failure};

/// What to ask.
pub struct Request<'a> {
    /// `GET`, `POST`, `DELETE`.
    pub method: &'static str,
    /// Path and query, of characters that need no escape in a URL.
    pub target: &'a str,
    /// The media type to answer with, problems aside.
    pub accept: &'static str,
    /// JSON; empty for none.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Asks for JSON.
    pub fn get(target: &'a str) -> Self {
        Self {
            method: "GET",
            target,
            accept: "application/json",
            body: b"",
        }
    }

    /// Has something done, and asks for JSON.
    pub fn post(target: &'a str, body: &'a [u8]) -> Self {
        Self {
            method: "POST",
            body,
            ..Self::get(target)
        }
    }

    /// Has something ended, and asks for JSON.
    pub fn delete(target: &'a str) -> Self {
        Self {
            method: "DELETE",
            ..Self::get(target)
        }
    }

    fn head(&self) -> String {
        let (method, target, accept) = (self.method, self.target, self.accept);
        let body = match (method, self.body.len()) {
            ("GET", _) => String::new(),
            (_, length) => {
                format!("Content-Type: application/json\r\nContent-Length: {length}\r\n")
            }
        };
        format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n{body}\r\n"
        )
    }
}

/// Why there is no answer, sorted by what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody listens at the socket. To be started.
    #[error("nothing listens ({0})")]
    NotRunning(io::Error),
    /// This user may not connect. Modes are to be put right.
    #[error("this user may not connect ({0})")]
    NotPermitted(io::Error),
    /// The path cannot be a socket's. The argument is to be changed.
    #[error("not a path of a socket ({0})")]
    BadPath(io::Error),
    /// The deadline passed. To be tried again.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Slow(Duration),
    /// The connection failed on the way, as at a restart. To be tried again.
    #[error("the daemon hung up before it had answered")]
    HungUp,
    /// Something that is not our daemon.
    #[error("{0}")]
    Garbled(BadAnswer),
}

/// Asks the daemon behind `socket`; gives up when `patience` is over.
pub fn ask(socket: &Path, request: &Request<'_>, patience: Duration) -> Result<Answer, Failure> {
    exchange(socket, request, patience).map_err(|none| failure(socket, &none))
}

/// [`ask`], for what may have been done where no answer comes, and must then not be done again blindly.
pub fn ask_once(
    socket: &Path,
    request: &Request<'_>,
    patience: Duration,
    org: &str,
) -> Result<Answer, Failure> {
    exchange(socket, request, patience).map_err(|none| {
        let failure = failure(socket, &none);
        match none {
            NoAnswer::HungUp | NoAnswer::Slow(_) => {
                let cure = format!(
                    "look at `zoho-tokend status {org}` and `history {org}` before you try again: it may have been done"
                );
                Failure { cure, ..failure }
            }
            _ => failure,
        }
    })
}

/// [`ask`], for a verb that has its own word for an absent daemon.
pub fn exchange(
    socket: &Path,
    request: &Request<'_>,
    patience: Duration,
) -> Result<Answer, NoAnswer> {
    send(socket, request, patience)?.answer()
}

/// A question that is asked. Ready to be read once there is something of an answer.
pub struct Asked {
    line: Line,
    patience: Duration,
}

/// Asks, and leaves the answer for later.
pub fn send(socket: &Path, request: &Request<'_>, patience: Duration) -> Result<Asked, NoAnswer> {
    let deadline = now() + patience;
    let mut line = Line {
        stream: connect(socket, patience)?,
        deadline,
    };
    let sent = line
        .write_all(request.head().as_bytes())
        .and_then(|()| line.write_all(request.body));
    // A daemon that refuses early stops reading: what counts then is what it says.
    if let Err(error) = sent
        && is_late(&error)
    {
        return Err(NoAnswer::Slow(patience));
    }
    Ok(Asked { line, patience })
}

impl Asked {
    /// Reads the answer; gives up when the patience is over that began with the question.
    pub fn answer(self) -> Result<Answer, NoAnswer> {
        Answer::read(self.line).map_err(|bad| match bad {
            BadAnswer::Stream(error) if is_late(&error) => NoAnswer::Slow(self.patience),
            BadAnswer::Stream(_) | BadAnswer::Cut => NoAnswer::HungUp,
            BadAnswer::TooLarge(_) | BadAnswer::Garbled(_) => NoAnswer::Garbled(bad),
        })
    }
}

impl AsFd for Asked {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.line.stream.as_fd()
    }
}

/// Why `socket` gave no answer, for a person.
pub fn failure(socket: &Path, none: &NoAnswer) -> Failure {
    let (exit, cure) = match none {
        NoAnswer::NotRunning(_) => (
            Exit::Unavailable,
            "start the daemon with `systemctl start zoho-tokend.socket zoho-tokend.service`, \
             or name its socket with --socket or $ZOHO_TOKEND_SOCKET",
        ),
        NoAnswer::NotPermitted(_) => (
            Exit::NotPermitted,
            "the socket should have mode 0666 and every folder above it x for all, \
             since the daemon itself decides who reads: `namei -l` shows where it stops",
        ),
        NoAnswer::BadPath(_) => (
            Exit::Usage,
            "name the daemon's socket with --socket or $ZOHO_TOKEND_SOCKET",
        ),
        NoAnswer::Slow(_) => (
            Exit::TryLater,
            "try again; if that does not help, see `journalctl -u zoho-tokend`",
        ),
        NoAnswer::HungUp => (
            Exit::TryLater,
            "try again: it may have been restarted just now",
        ),
        NoAnswer::Garbled(_) => (
            Exit::Bug,
            "see that --socket or $ZOHO_TOKEND_SOCKET names the daemon's socket, not another program's",
        ),
    };
    Failure::new(exit, &socket.display().to_string(), &none.to_string(), cure)
}

/// Connects within `patience`: a full backlog blocks `connect` for good unless the socket has a send timeout.
fn connect(socket: &Path, patience: Duration) -> Result<UnixStream, NoAnswer> {
    let address = SocketAddrUnix::new(socket).map_err(|errno| NoAnswer::BadPath(errno.into()))?;
    let connected = || {
        let kind = (
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
        );
        let fd = rustix::net::socket_with(kind.0, kind.1, kind.2, None)?;
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, Some(patience))?;
        rustix::net::connect(&fd, &address)?;
        Ok(UnixStream::from(fd))
    };
    connected().map_err(|error: io::Error| match error.kind() {
        ErrorKind::PermissionDenied => NoAnswer::NotPermitted(error),
        _ if is_late(&error) => NoAnswer::Slow(patience),
        _ => NoAnswer::NotRunning(error),
    })
}

/// Where the verbs read a monotonic clock: nowhere else.
fn now() -> Instant {
    Instant::now()
}

/// How Linux reports a timeout of a socket, and how [`Line`] reports its own.
fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A connection on which every call ends by one deadline: a byte a second buys no more time.
struct Line {
    stream: UnixStream,
    deadline: Instant,
}

impl Line {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(Some(left))
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(60);

    fn asked(socket: &Path) -> NoAnswer {
        match exchange(socket, &Request::get("/v1/orgs"), PATIENCE) {
            Ok(answer) => unreachable!("an answer with status {}", answer.status),
            Err(none) => none,
        }
    }

    #[test]
    fn a_daemon_that_never_answers_is_given_up_at_the_deadline() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("silent");
        let _listener = UnixListener::bind(&socket).expect("a socket");
        assert!(matches!(asked(&socket), NoAnswer::Slow(_)));
    }

    #[test]
    fn a_daemon_that_answers_byte_by_byte_buys_no_more_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("dripping");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let (stop, stopped) = mpsc::channel::<()>();
        let drip = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            // A byte every 5 ms for as long as anyone reads.
            while stopped.recv_timeout(Duration::from_millis(5)).is_err() {
                stream.write_all(b"H").ok();
            }
        });
        assert!(matches!(asked(&socket), NoAnswer::Slow(_)));
        stop.send(()).expect("the drip runs until told");
        drip.join().expect("no panic");
    }

    #[test]
    fn a_full_backlog_blocks_no_longer_than_the_deadline() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("full");
        let address = SocketAddrUnix::new(&socket).expect("a short path");
        let fd =
            rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).expect("a socket");
        rustix::net::bind(&fd, &address).expect("bound");
        rustix::net::listen(&fd, 0).expect("listening");
        let _first = UnixStream::connect(&socket).expect("room for one");
        assert!(matches!(asked(&socket), NoAnswer::Slow(_)));
    }

    #[test]
    fn a_deadline_that_passed_is_for_later_and_says_how_long_it_was() {
        let late = failure(
            Path::new("/run/s"),
            &NoAnswer::Slow(Duration::from_secs(15)),
        );
        assert_eq!(late.exit, Exit::TryLater);
        assert_eq!(
            late.to_string(),
            "/run/s: no answer within 15 s; try again; if that does not help, see `journalctl -u zoho-tokend`"
        );
    }
}
