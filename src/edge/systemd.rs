//! The service manager: readiness, status, the watchdog, and the socket that it passes.
//!
//! Everything here does nothing where there is no service manager, so the daemon runs the same in a
//! container or a terminal. When to say what is the loop's business (R11).

use std::io;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;

/// Longest status text, in bytes: a line of `systemctl status`.
const STATUS_MAX: usize = 256;

/// Tells that the daemon serves, with a first status line.
pub fn tell_ready(status: &str) -> io::Result<()> {
    let status = one_line(status);
    sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)])
}

/// Replaces the status line.
pub fn tell_status(status: &str) -> io::Result<()> {
    sd_notify::notify(&[NotifyState::Status(&one_line(status))])
}

/// Tells that the daemon ends on purpose.
pub fn tell_stopping() -> io::Result<()> {
    sd_notify::notify(&[NotifyState::Stopping])
}

/// Tells the watchdog that the scheduler makes progress.
pub fn feed_watchdog() -> io::Result<()> {
    sd_notify::notify(&[NotifyState::Watchdog])
}

/// How often to feed the watchdog: half of what it tolerates, as `sd_watchdog_enabled(3)` advises.
///
/// `None` where no watchdog waits for this process.
pub fn watchdog_interval() -> Option<Duration> {
    let tolerated = sd_notify::watchdog_enabled()?;
    (!tolerated.is_zero()).then_some(tolerated / 2)
}

/// Why the sockets that the service manager passed are of no use; each names its cure.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// More than one.
    #[error(
        "systemd passed {0} sockets, and the daemon serves one; keep a single ListenStream= in zoho-tokend.socket"
    )]
    Many(usize),
    /// Not of the right kind.
    #[error(
        "the socket that systemd passed is no listening Unix stream socket ({0}); zoho-tokend.socket needs \
         ListenStream=/run/zoho-tokend/zoho-tokend.sock and no Accept=yes"
    )]
    Kind(io::Error),
}

/// The socket that the service manager listens on for us, ready for tokio; `None` if it passed none.
///
/// Forgets `LISTEN_FDS` and `LISTEN_PID`, so it answers once, and must be called before other threads start.
pub fn adopted_listener() -> Result<Option<UnixListener>, AdoptError> {
    let mut passed = ListenFd::from_env();
    match passed.len() {
        0 => return Ok(None),
        1 => (),
        many => return Err(AdoptError::Many(many)),
    }
    let Some(listener) = passed.take_unix_listener(0).map_err(AdoptError::Kind)? else {
        return Ok(None);
    };
    let listens = rustix::net::sockopt::socket_acceptconn(&listener)
        .map_err(|err| AdoptError::Kind(err.into()))?;
    if !listens {
        let why = io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is connected, not listening",
        );
        return Err(AdoptError::Kind(why));
    }
    listener.set_nonblocking(true).map_err(AdoptError::Kind)?;
    Ok(Some(listener))
}

/// A line break would start another assignment of the notify protocol.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.truncate(line.floor_char_boundary(STATUS_MAX));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S5
    #[test]
    fn a_status_cannot_smuggle_in_another_assignment() {
        assert_eq!(one_line("3 orgs\nREADY=1"), "3 orgs READY=1");
        assert_eq!(one_line(&"é".repeat(200)).len(), STATUS_MAX);
        assert!(one_line(&"é".repeat(1_000)).chars().all(|c| c == 'é'));
    }

    #[test]
    fn what_is_wrong_with_the_passed_sockets_is_said_with_its_cure() {
        let text = AdoptError::Many(2).to_string();
        assert!(text.contains("2 sockets") && text.contains("ListenStream="));
    }
}
