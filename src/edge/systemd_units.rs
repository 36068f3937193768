//! What systemd's units say of this service.

use std::fs;
use std::path::{Path, PathBuf};

use super::small_file;

/// The packaged unit.
pub const SERVICE: &str = "zoho-tokend.service";
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

/// Whether systemd runs this machine (`sd_booted(3)`).
pub fn is_booted() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Whether the service's unit, or a drop-in of it, asks systemd for the credential `name`.
pub fn announces_credential(name: &str) -> bool {
    let units = UNIT_FOLDERS.map(|folder| Path::new(folder).join(SERVICE));
    units.iter().any(|unit| {
        let folder = unit.with_file_name(format!("{SERVICE}.d"));
        let drop_ins = fs::read_dir(folder).into_iter().flatten().flatten();
        let drop_ins = drop_ins.take(DROP_INS_MAX).map(|entry| entry.path());
        let is_conf = |path: &PathBuf| path.extension().is_some_and(|end| end == "conf");
        let mut files = drop_ins.filter(is_conf).chain([unit.clone()]);
        files.any(|file| file_announces(&file, name))
    })
}

fn file_announces(file: &Path, name: &str) -> bool {
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
