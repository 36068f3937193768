//! Folders that the daemon writes to: are they there, and if not, who makes them.

use std::path::{Path, PathBuf};

use super::Look;
use crate::config::{Outside, SecretSource};
use crate::edge::actor::Folder;
use crate::edge::outlet::{Output, TokenFiles};
use crate::edge::store::{self, StoreError};
use crate::edge::systemd_units;

/// What the unit's `RuntimeDirectory=` and `StateDirectory=` make before the start.
pub(super) const FOLDERS_OF_UNIT: [&str; 2] = ["/run/zoho-tokend", "/var/lib/zoho-tokend"];

pub(super) fn check(look: &mut Look<'_>) {
    for (key, folder) in own_folders(look) {
        check_own(look, key, &folder);
    }
    check_state(look);
    check_tokens_dir(look);
    for mention in look.parsed.mentions.clone() {
        if let Outside::Output(path) = mention.what {
            check_output(look, &mention.key, &path);
        }
    }
}

fn own_folders(look: &Look<'_>) -> Vec<(&'static str, PathBuf)> {
    let daemon = &look.parsed.config.daemon;
    let mut all = vec![
        ("daemon.socket", folder_of(&daemon.socket)),
        ("daemon.state", folder_of(&daemon.state)),
    ];
    let tokens_dir = daemon.tokens_dir.clone();
    all.extend(tokens_dir.map(|folder| ("daemon.tokens_dir", folder)));
    if let SecretSource::File(path) = &daemon.seal_key
        && !path.exists()
    {
        all.push(("daemon.seal_key", folder_of(path)));
    }
    // Key and state stand side by side by default: one problem is enough.
    all.sort_by(|a, b| a.1.cmp(&b.1));
    all.dedup_by(|a, b| a.1 == b.1);
    all
}

/// The daemon makes its own folders where it may.
fn check_own(look: &mut Look<'_>, key: &str, folder: &Path) {
    let user = look.actor.name.clone();
    let shown = folder.display();
    match look.actor.look_at(folder) {
        Folder::Writable => (),
        Folder::CanBeMade => look.note(format!(
            "{shown} is made at the start, and belongs to {user}"
        )),
        Folder::Closed(..) | Folder::Missing(_) if is_made_by_unit(folder) => {
            look.note(format!(
                "{shown} is made by systemd before the start, and belongs to the unit's user"
            ));
        }
        Folder::NotAFolder(path) => {
            let path = path.display();
            let what = format!(
                "needs the folder {shown}, and {path} is no folder; move that away, or name another"
            );
            look.error(key, what);
        }
        _ if is_of_system(folder) => {
            let what = format!("needs {shown} for the daemon's own, and that is the system's");
            let own = format!("name one of its own, such as {}", own_instead(key));
            look.error(key, format!("{what}; {own}"));
        }
        other => {
            let why = explain(&other);
            let make = if folder.exists() { "" } else { "make it, and " };
            let what = format!("needs {shown}, where {user} may not write ({why})");
            look.error(key, format!("{what}; {make}chown it to {user}"));
        }
    }
}

/// The daemon mixes its folders with nobody's things.
fn check_tokens_dir(look: &mut Look<'_>) {
    let folder = look.parsed.config.daemon.tokens_dir.clone();
    let uid = look.actor.uid;
    let hindrance = |folder| TokenFiles::hindrance(folder, uid);
    if let Some(trouble) = folder.as_deref().and_then(hindrance) {
        look.error("daemon.tokens_dir", format!("cannot be used: {trouble}"));
    }
    let stranger = folder.as_deref().and_then(TokenFiles::stranger_in);
    if let (Some(folder), Some(stranger)) = (folder, stranger) {
        let what = format!(
            "is {}, in use for other things ({stranger})",
            folder.display()
        );
        look.error(
            "daemon.tokens_dir",
            format!("{what}; give it a folder of its own"),
        );
    }
}

/// A state that somebody made as another user is of no use to the daemon, nor is one that is damaged.
fn check_state(look: &mut Look<'_>) {
    let path = look.parsed.config.daemon.state.clone();
    if path.exists() && !look.actor.may_change(&path) {
        let (user, path) = (&look.actor.name, path.display());
        look.error(
            "daemon.state",
            format!("is {path}, which {user} may not change; chown it to {user}"),
        );
        return;
    }
    let key = look.seal_key.clone();
    let key = key.as_ref().map(|(path, found)| (path.as_path(), *found));
    for refused in store::look_at_state(&path, key, look.actor.uid) {
        let key = match refused {
            StoreError::WrongKey { .. } => "daemon.seal_key",
            _ => "daemon.state",
        };
        look.error(key, refused);
    }
}

/// Others share the folder of an output, so the daemon leaves its making to them.
fn check_output(look: &mut Look<'_>, key: &str, path: &Path) {
    let folder = folder_of(path);
    let (user, shown) = (look.actor.name.clone(), folder.display());
    if path.is_dir() {
        look.error(key, "is a folder; name a file in it");
        return;
    }
    if let Some(trouble) = Output::stranger_at(path, look.actor.uid) {
        look.error(key, format!("cannot be used: {trouble}"));
    }
    match look.actor.look_at(&folder) {
        Folder::Writable => (),
        _ if is_of_system(&folder) => {
            let what = format!("is in {shown}, and that is the system's");
            look.error(
                key,
                format!("{what}; name a folder of its own, such as /srv/{user}"),
            );
        }
        _ if !folder.exists() => {
            look.error(
                key,
                format!("is in {shown}, which is not there; make it, writable by {user}"),
            );
        }
        other => {
            let why = explain(&other);
            let what = format!("is in {shown}, where {user} may not write ({why})");
            look.error(key, format!("{what}; setfacl -m u:{user}:rwx {shown}"));
        }
    }
}

/// Whether everybody's things are in that folder: whoever may write there may do much more than the daemon should.
pub(super) fn is_of_system(folder: &Path) -> bool {
    const WHOLE: [&str; 8] = [
        "/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr",
    ];
    // `/run`, `/srv`, `/home` and the like, and what is right below `/var`.
    let depth = folder.components().count();
    let is_below_var = folder.starts_with("/var") && depth == 3;
    depth <= 2 || is_below_var || WHOLE.iter().any(|whole| folder.starts_with(whole))
}

fn own_instead(key: &str) -> &'static str {
    match key {
        "daemon.socket" => "/run/zoho-tokend",
        "daemon.tokens_dir" => "/run/zoho-tokend/tokens",
        _ => "/var/lib/zoho-tokend",
    }
}

fn is_made_by_unit(folder: &Path) -> bool {
    let is_of_unit = FOLDERS_OF_UNIT.iter().any(|made| folder.starts_with(made));
    is_of_unit && !folder.exists() && systemd_units::is_booted()
}

fn explain(folder: &Folder) -> String {
    match folder {
        Folder::Closed(path, owner) => format!("{} belongs to {owner}", path.display()),
        Folder::NotAFolder(path) => format!("{} is no folder", path.display()),
        Folder::Missing(path) => format!("{} is not there", path.display()),
        Folder::Writable | Folder::CanBeMade => "it may".to_owned(),
    }
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_everybodys_is_not_given_to_the_daemon() {
        for folder in [
            "/",
            "/run",
            "/etc",
            "/etc/cron.d",
            "/srv",
            "/home",
            "/var/lib",
            "/usr/lib/x",
        ] {
            assert!(is_of_system(Path::new(folder)), "{folder}");
        }
        for folder in [
            "/run/zoho-tokend",
            "/srv/sync",
            "/home/ann",
            "/var/lib/zoho-tokend",
            "/tmp/x",
        ] {
            assert!(!is_of_system(Path::new(folder)), "{folder}");
        }
    }
}
