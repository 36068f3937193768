//! The drop-in that lets the sandboxed service write where the config says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::folders::{FOLDERS_OF_UNIT, is_of_system};
use crate::config::{Outside, Parsed, Principal};
use crate::edge::actor::Actor;
use crate::edge::{systemd_units, users};

const PATH: &str = "/etc/systemd/system/zoho-tokend.service.d/outputs.conf";
/// What the unit hides, and the line that shows it again (systemd.exec(5)).
const HIDDEN: [(&str, &str); 5] = [
    ("/home", "ProtectHome=no"),
    ("/root", "ProtectHome=no"),
    ("/run/user", "ProtectHome=no"),
    ("/tmp", "PrivateTmp=no"),
    ("/var/tmp", "PrivateTmp=no"),
];

/// What to write, if neither the packaged unit nor a drop-in allows everything already.
pub(super) fn of(actor: &Actor, parsed: &Parsed) -> Option<String> {
    let (mut folders, mut groups) = (own_folders(parsed), BTreeSet::new());
    for mention in &parsed.mentions {
        match &mention.what {
            Outside::Output(path) => folders.extend(path.parent().map(Path::to_owned)),
            Outside::OutputGroup(group) if !is_member(actor, group) => drop(groups.insert(group)),
            _ => (),
        }
    }
    let all = folders.clone();
    folders.retain(|folder| {
        let is_of_unit = FOLDERS_OF_UNIT.iter().any(|made| folder.starts_with(made));
        let is_covered = folder.ancestors().skip(1).any(|above| all.contains(above));
        !is_of_unit && !is_covered && !is_of_system(folder)
    });
    let hides = |line: &&(&str, &str)| folders.iter().any(|folder| folder.starts_with(line.0));
    let shown: BTreeSet<_> = HIDDEN
        .iter()
        .filter(hides)
        .map(|(_, line)| (*line).to_owned())
        .collect();
    let mut lines: Vec<String> = shown.into_iter().collect();
    lines.extend(
        folders
            .iter()
            .map(|folder| format!("ReadWritePaths={}", quoted(folder))),
    );
    lines.extend(
        groups
            .into_iter()
            .map(|group| format!("SupplementaryGroups={}", name_of(group))),
    );
    // All or nothing: what is printed is a whole file.
    let is_in_place = lines.is_empty() || systemd_units::drop_ins_say(&lines);
    let text = lines.join("\n");
    (!is_in_place).then(|| format!("under systemd, {PATH} must say:\n[Service]\n{text}"))
}

fn own_folders(parsed: &Parsed) -> BTreeSet<PathBuf> {
    let daemon = &parsed.config.daemon;
    let files = [
        daemon.state.parent(),
        daemon.socket.parent(),
        daemon.tokens_dir.as_deref(),
    ];
    files.into_iter().flatten().map(Path::to_owned).collect()
}

fn is_member(actor: &Actor, group: &Principal) -> bool {
    users::group(group).is_ok_and(|gid| actor.is_in(gid))
}

fn name_of(group: &Principal) -> String {
    match group {
        Principal::Name(name) => name.clone(),
        Principal::Id(id) => id.to_string(),
    }
}

/// systemd splits at spaces and expands `%`.
fn quoted(folder: &Path) -> String {
    let escaped = folder.display().to_string().replace('%', "%%");
    if escaped.contains([' ', '"', '\'', '\\']) {
        return format!("{escaped:?}");
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_the_same_to_systemd() {
        assert_eq!(quoted(Path::new("/srv/sync")), "/srv/sync");
        assert_eq!(quoted(Path::new("/srv/50% of")), "\"/srv/50%% of\"");
    }
}
