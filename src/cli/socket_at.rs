//! Where the daemon listens: `--socket`, `$ZOHO_TOKEND_SOCKET`, or the usual place.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// Where the daemon listens.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct SocketAt {
    /// The daemon's socket [default: `$ZOHO_TOKEND_SOCKET`, else /run/zoho-tokend/zoho-tokend.sock]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

impl SocketAt {
    /// The flag's path, else the environment's, else the usual one.
    pub fn path(&self) -> PathBuf {
        self.path_beside(std::env::var_os("ZOHO_TOKEND_SOCKET"))
    }

    /// An empty path counts as none, in the flag and in the variable.
    fn path_beside(&self, variable: Option<OsString>) -> PathBuf {
        let named = [self.socket.clone(), variable.map(PathBuf::from)];
        let mut named = named
            .into_iter()
            .flatten()
            .filter(|path| !path.as_os_str().is_empty());
        named
            .next()
            .unwrap_or_else(|| PathBuf::from("/run/zoho-tokend/zoho-tokend.sock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_the_flags_then_the_variables_then_the_usual_one() {
        let path = |flag: Option<&str>, variable: Option<&str>| {
            let at = SocketAt {
                socket: flag.map(PathBuf::from),
            };
            at.path_beside(variable.map(OsString::from))
        };
        let usual = PathBuf::from("/run/zoho-tokend/zoho-tokend.sock");
        assert_eq!(path(Some("/a"), Some("/b")), PathBuf::from("/a"));
        assert_eq!(path(None, Some("/b")), PathBuf::from("/b"));
        assert_eq!(path(None, None), usual);
        assert_eq!(path(None, Some("")), usual);
    }
}
