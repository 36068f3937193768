//! The listening socket: systemd's, or one of our own.
//!
//! Its mode is 0666 either way: the kernel's word on each peer decides, not the file's mode.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
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

/// A listening socket, and where its file is.
#[derive(Debug)]
pub struct Socket {
    /// Ready to accept.
    pub listener: UnixListener,
    spot: Spot,
}

/// Where a socket's file is, and which file that is.
#[derive(Debug)]
pub struct Spot {
    path: PathBuf,
    /// Device and inode; `None` where the file could not be seen from the beginning, as in a sandbox.
    file: Option<(u64, u64)>,
    is_own: bool,
}

impl Socket {
    /// Takes systemd's socket if it `adopted` one, or binds `path`. Call it only while the state is held: that
    /// is what makes a socket file that nobody answers at a leftover.
    pub fn open(adopted: Option<StdListener>, path: &Path) -> Result<Self, SocketError> {
        if let Some(listener) = adopted {
            // Not the config's word: systemd's unit says where.
            let address = listener.local_addr();
            let address = address.map_err(|source| at(path, source))?;
            let path = address.as_pathname().unwrap_or(path);
            return Self::of(listener, path, false).map_err(|source| at(path, source));
        }
        clear(path)?;
        let bound = StdListener::bind(path).and_then(|listener| {
            fs::set_permissions(path, Permissions::from_mode(0o666))?;
            Self::of(listener, path, true)
        });
        bound.map_err(|source| at(path, source))
    }

    fn of(listener: StdListener, path: &Path, is_own: bool) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let spot = Spot {
            path: path.to_owned(),
            file: file_at(path),
            is_own,
        };
        Ok(Self {
            listener: UnixListener::from_std(listener)?,
            spot,
        })
    }

    /// The listener, and where its file is.
    pub fn into_parts(self) -> (UnixListener, Spot) {
        (self.listener, self.spot)
    }
}

impl Spot {
    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this process made the file, and removes it.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Whether the path still leads to the socket.
    pub fn is_kept(&self) -> bool {
        self.file.is_none() || self.file == file_at(&self.path)
    }

    /// Binds the path anew, where the file is gone or a leftover.
    pub fn renew(&mut self) -> Result<UnixListener, SocketError> {
        let socket = Socket::open(None, &self.path)?;
        *self = socket.spot;
        Ok(socket.listener)
    }

    /// Removes the file, once nobody accepts behind it; another's in its place stays.
    pub fn remove(&self) {
        if self.is_own && self.is_kept() {
            fs::remove_file(&self.path).ok();
        }
    }
}

/// What to say of a socket of systemd's whose file is gone: nobody but systemd can make it anew.
pub fn lost_of_systemd(path: &Path) -> String {
    format!(
        "socket {}: somebody removed or replaced its file, and nobody new can connect; make it anew: systemctl stop \
         zoho-tokend.service zoho-tokend.socket && systemctl start zoho-tokend.socket zoho-tokend.service",
        path.display()
    )
}

fn file_at(path: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
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
    async fn a_socket_whose_file_is_gone_is_made_anew_and_never_at_another_ones_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.sock");
        let (_first, mut spot) = Socket::open(None, &path).expect("free").into_parts();
        assert!(spot.is_kept());
        fs::remove_file(&path).expect("ours");
        assert!(!spot.is_kept());
        let _second = spot.renew().expect("free again");
        assert!(spot.is_kept());

        fs::remove_file(&path).expect("ours");
        let other = StdListener::bind(&path).expect("free");
        assert!(!spot.is_kept());
        let refused = spot.renew().expect_err("in use").to_string();
        assert!(refused.contains("another process listens there"));
        spot.remove();
        assert!(path.exists(), "it is the other one's");
        drop(other);
    }

    #[tokio::test]
    async fn a_socket_of_systemds_is_watched_where_systemd_has_it_and_left_to_systemd() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.sock");
        let adopted = StdListener::bind(&path).expect("free");
        let socket = Socket::open(Some(adopted), Path::new("/elsewhere"));
        let (_listener, spot) = socket.expect("a listener").into_parts();
        assert!(spot.path() == path && spot.is_kept() && !spot.is_own());
        spot.remove();
        assert!(path.exists());
        fs::remove_file(&path).expect("ours");
        assert!(!spot.is_kept());
        assert!(lost_of_systemd(spot.path()).contains("systemctl start zoho-tokend.socket"));
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
