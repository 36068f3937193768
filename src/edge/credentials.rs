//! systemd's credentials: the folder that it passes, and what its units say that it will pass.
//!
//! systemd reads them at the start of a service alone: a changed one needs a restart, a reload does not do.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::small_file;

const SERVICE: &str = "zoho-tokend.service";
/// Where units and their drop-ins are (systemd.unit(5)).
const UNIT_FOLDERS: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];
/// Largest unit file.
const UNIT_MAX: usize = 256 * 1024;
/// Most drop-ins of one folder.
const DROP_INS_MAX: usize = 1000;

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

/// Whether the service's unit, or a drop-in of it, asks systemd for the credential `name`.
pub fn is_announced(name: &str) -> bool {
    let units = UNIT_FOLDERS.map(|folder| Path::new(folder).join(SERVICE));
    units.iter().any(|unit| {
        let folder = unit.with_file_name(format!("{SERVICE}.d"));
        let drop_ins = fs::read_dir(folder).into_iter().flatten().flatten();
        let drop_ins = drop_ins.take(DROP_INS_MAX).map(|entry| entry.path());
        let is_conf = |path: &PathBuf| path.extension().is_some_and(|end| end == "conf");
        let mut files = drop_ins.filter(is_conf).chain([unit.clone()]);
        files.any(|file| announces(&file, name))
    })
}

fn announces(file: &Path, name: &str) -> bool {
    let Ok(file) = small_file::read(file, UNIT_MAX) else {
        return false;
    };
    let text = String::from_utf8_lossy(&file.bytes);
    text.lines().any(|line| announced_by(line) == Some(name))
}

/// `LoadCredential=warehouse:/path` announces `warehouse` (systemd.exec(5)).
fn announced_by(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    let is_key = matches!(
        key.trim(),
        "LoadCredential" | "LoadCredentialEncrypted" | "SetCredential" | "SetCredentialEncrypted"
    );
    let name = value.trim().split(':').next();
    name.filter(|_| is_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_announce_a_credential_is_seen() {
        for line in [
            "LoadCredential=warehouse",
            "LoadCredential = warehouse:/etc/x",
            "LoadCredentialEncrypted=warehouse:/etc/x",
            "SetCredentialEncrypted=warehouse: \\",
        ] {
            assert_eq!(announced_by(line), Some("warehouse"), "{line}");
        }
        assert_eq!(announced_by("# LoadCredential=warehouse"), None);
        assert_eq!(announced_by("ImportCredential=warehouse"), None);
    }
}
