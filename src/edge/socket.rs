//! The listening socket: systemd's, or one of our own.
//!
//! Its mode is 0666 either way: the kernel's word on each peer decides, not the file's mode.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::UnixListener;

use super::systemd;

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// systemd passed something else than one Unix stream socket.
    #[error("{0}")]
    Adopted(#[from] systemd::AdoptError),
    /// Another process answers there.
    #[error("socket {}: another process listens there; stop it, or set another `daemon.socket`", .0.display())]
    InUse(PathBuf),
    /// Something that is no socket is in the way.
    #[error("socket {}: a file that is no socket is in the way; move it away", .0.display())]
    NotASocket(PathBuf),
    /// The folder cannot be made, or the socket not be bound.
    #[error("socket {}: {source}; the folder must exist and be writable by the daemon's user", .path.display())]
    Bind {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A listening socket, and whether its file is ours to remove.
#[derive(Debug)]
pub struct Socket {
    /// Ready to accept.
    pub listener: UnixListener,
    own_path: Option<PathBuf>,
}

impl Socket {
    /// Takes systemd's socket if it `adopted` one, or binds `path`. Call it only while the state is held: that
    /// is what makes a socket file that nobody answers at a leftover.
    pub fn open(adopted: Option<StdListener>, path: &Path) -> Result<Self, SocketError> {
        if let Some(listener) = adopted {
            return Self::of(listener, None).map_err(|source| at(path, source));
        }
        clear(path)?;
        let bound = StdListener::bind(path).and_then(|listener| {
            fs::set_permissions(path, Permissions::from_mode(0o666))?;
            Self::of(listener, Some(path.to_owned()))
        });
        bound.map_err(|source| at(path, source))
    }

    fn of(listener: StdListener, own_path: Option<PathBuf>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener: UnixListener::from_std(listener)?,
            own_path,
        })
    }

    /// The listener, and the file to remove once it no longer accepts.
    pub fn into_parts(self) -> (UnixListener, Option<PathBuf>) {
        (self.listener, self.own_path)
    }
}

fn at(path: &Path, source: io::Error) -> SocketError {
    SocketError::Bind {
        path: path.to_owned(),
        source,
    }
}

/// Removes a socket file that nobody answers at. Only a refusal says so: a full backlog, a file without a right
/// to it, a listener of another kind all mean that somebody may be there.
fn clear(path: &Path) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(at(path, source)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(SocketError::NotASocket(path.to_owned()));
        }
        Ok(_) => (),
    }
    match knock(path) {
        Ok(()) | Err(Errno::AGAIN) => Err(SocketError::InUse(path.to_owned())),
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(|source| at(path, source)),
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(at(path, errno.into())),
    }
}

/// Connects without waiting: `EAGAIN` where the listener's backlog is full.
fn knock(path: &Path) -> Result<(), Errno> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    net::connect(&socket, &SocketAddrUnix::new(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_nobody_answers_at_is_taken_over_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.sock");
        drop(StdListener::bind(&path).expect("bound"));
        let socket = Socket::open(None, &path).expect("the leftover is removed");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o666);
        let second = Socket::open(None, &path).expect_err("in use");
        assert!(second.to_string().contains("another process listens there"));
        drop(socket);
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notes");
        fs::write(&path, "mine").expect("written");
        let error = Socket::open(None, &path).expect_err("no socket");
        assert!(matches!(error, SocketError::NotASocket(_)));
        assert_eq!(fs::read_to_string(&path).expect("still there"), "mine");
    }

    #[tokio::test]
    async fn a_listener_that_accepts_nobody_is_in_use_and_does_not_hang_the_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.sock");
        let flags = SocketFlags::CLOEXEC;
        let listener = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
        let listener = listener.expect("a descriptor");
        let address = SocketAddrUnix::new(&path).expect("short");
        net::bind(&listener, &address).expect("free");
        net::listen(&listener, 0).expect("bound");
        let _only = std::os::unix::net::UnixStream::connect(&path).expect("room for one");
        let refused = Socket::open(None, &path).expect_err("the backlog is full");
        assert!(matches!(refused, SocketError::InUse(_)), "{refused}");
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_socket_of_another_kind_is_left_alone_and_the_error_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.sock");
        let _other = std::os::unix::net::UnixDatagram::bind(&path).expect("free");
        let refused = Socket::open(None, &path).expect_err("a datagram socket is there");
        assert!(refused.to_string().contains("rong type"), "{refused}");
        assert!(path.exists());
    }
}
