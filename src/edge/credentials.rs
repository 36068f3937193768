//! systemd's credentials: the folder in which it passes them.
//!
//! systemd reads them at the start of a service alone: a changed one needs a restart, a reload does not do.

use std::env;
use std::path::{Path, PathBuf};

use super::systemd_units::SERVICE;

/// The folder with what systemd passed.
#[derive(Debug, Clone)]
pub struct Credentials {
    folder: Option<PathBuf>,
}

/// A credential that systemd did not pass, and how to make it do so.
#[derive(Debug, thiserror::Error)]
#[error(
    "is the credential {name}, which systemd did not pass; put the secret into /etc/credstore/{name} (root, 0600), \
     write \"[Service]\" and \"LoadCredential={name}\" to /etc/systemd/system/{SERVICE}.d/{name}.conf, then run \
     systemctl daemon-reload and systemctl restart {SERVICE}"
)]
pub struct MissingCredential {
    name: String,
}

impl Credentials {
    /// What `$CREDENTIALS_DIRECTORY` names.
    pub fn of_environment() -> Self {
        let folder = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Self {
            folder: folder.filter(|folder| folder.is_absolute()),
        }
    }

    /// What the running service got, for a look from outside; else as [`Self::of_environment`].
    pub fn of_service() -> Self {
        let running = Path::new("/run/credentials").join(SERVICE);
        let own = Self::of_environment();
        Self {
            folder: own.folder.or_else(|| running.is_dir().then_some(running)),
        }
    }

    /// What is in `folder`.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: Some(folder.to_owned()),
        }
    }

    /// None at all.
    pub fn none() -> Self {
        Self { folder: None }
    }

    /// The file of a credential that was passed.
    pub fn path_of(&self, name: &str) -> Result<PathBuf, MissingCredential> {
        let path = self.folder.as_ref().map(|folder| folder.join(name));
        let path = path.filter(|path| path.exists());
        let missing = || MissingCredential {
            name: name.to_owned(),
        };
        path.ok_or_else(missing)
    }
}
