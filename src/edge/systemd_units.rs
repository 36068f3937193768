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
/// Settings of which every line adds to those before (systemd.exec(5)).
const LISTS: [&str; 2] = ["ReadWritePaths", "SupplementaryGroups"];

/// Whether systemd runs this machine (`sd_booted(3)`).
pub fn is_booted() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Whether the service's unit, or a drop-in of it, asks systemd for the credential `name`.
pub fn announces_credential(name: &str) -> bool {
    let units = UNIT_FOLDERS.map(|folder| Path::new(folder).join(SERVICE));
    let mut files = drop_ins().into_iter().chain(units);
    files.any(|file| {
        let text = text_of(&file);
        text.lines().any(|line| announced_by(line) == Some(name))
    })
}

/// Whether drop-ins of the service say all of these settings, `KEY=VALUE` each, beyond doubt: whoever only wrote
/// them another way is told again.
pub fn drop_ins_say(settings: &[String]) -> bool {
    let texts: Vec<String> = drop_ins().iter().map(|file| text_of(file)).collect();
    say_all(&texts, settings)
}

fn say_all(texts: &[String], settings: &[String]) -> bool {
    let said: Vec<(&str, &str)> = texts.iter().flat_map(|text| of_service(text)).collect();
    settings.iter().all(|setting| {
        let Some((key, value)) = setting.split_once('=') else {
            return false;
        };
        let mut values = said.iter().filter(|said| said.0 == key).map(|said| said.1);
        // An empty one takes back what stood before; of others than lists the last counts, whichever that is.
        let is_in_doubt =
            |other: &str| other.is_empty() || (!LISTS.contains(&key) && other != value);
        values.clone().any(|other| other == value) && !values.any(is_in_doubt)
    })
}

/// The settings below `[Service]`.
fn of_service(text: &str) -> Vec<(&str, &str)> {
    let mut section = "";
    let mut settings = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if let (Some((key, value)), "[Service]") = (line.split_once('='), section) {
            settings.push((key.trim(), value.trim()));
        }
    }
    settings
}

fn drop_ins() -> Vec<PathBuf> {
    let folders = UNIT_FOLDERS.map(|folder| Path::new(folder).join(format!("{SERVICE}.d")));
    let of_folder = |folder: PathBuf| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let paths = entries.take(DROP_INS_MAX).map(|entry| entry.path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "conf"))
    };
    folders.into_iter().flat_map(of_folder).collect()
}

/// The text of a unit file; empty where there is none that can be read.
fn text_of(file: &Path) -> String {
    let file = small_file::read(file, UNIT_MAX);
    file.map_or_else(
        |_| String::new(),
        |file| String::from_utf8_lossy(&file.bytes).into_owned(),
    )
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

    #[test]
    fn a_setting_is_known_to_be_in_place_only_if_a_drop_in_says_exactly_that() {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let wanted = texts(&[
            "ProtectHome=no",
            "ReadWritePaths=/srv/a",
            "ReadWritePaths=/srv/b",
        ]);
        let good = "[Service]\nProtectHome = no\nReadWritePaths=/srv/b\n";
        let rest = "[Service]\nReadWritePaths=/srv/a\nReadWritePaths=/srv/c\n";
        assert!(say_all(&texts(&[good, rest]), &wanted));
        for bad in [
            &texts(&[good]),
            &texts(&[good, "[Unit]\nReadWritePaths=/srv/a"]),
            &texts(&[good, "[Service]\n# ReadWritePaths=/srv/a"]),
            &texts(&[good, rest, "[Service]\nReadWritePaths="]),
            &texts(&[good, rest, "[Service]\nProtectHome=yes"]),
        ] {
            assert!(!say_all(bad, &wanted), "{bad:?}");
        }
    }
}
