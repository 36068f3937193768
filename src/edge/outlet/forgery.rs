//! Whether somebody else could put a forged token where readers look for ours.
//!
//! Who owns a folder can replace what is in it, and so can who owns one above it. Looks at owners and modes only, by
//! name, and changes nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Trouble;

/// Whom the kernel shows for an owner that this user namespace does not know, like the host's root in a container
/// (`user_namespaces(7)`).
const UNKNOWN_UID: u32 = 65534;

/// What stands against `root`, there or not, as the folder of a daemon that runs as `us`.
pub(super) fn look(root: &Path, us: u32) -> Result<(), Trouble> {
    let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let above = root.ancestors().skip(1).chain(real.ancestors().skip(1));
    for folder in above.filter(|folder| !folder.as_os_str().is_empty()) {
        look_above(folder, us)?;
    }
    look_at(root, us)
}

/// The same of a folder that the daemon makes itself, and whose mode it mends if it is its own.
pub(super) fn look_at(folder: &Path, us: u32) -> Result<(), Trouble> {
    let Ok(found) = fs::metadata(folder) else {
        return Ok(());
    };
    match found.uid() {
        owner if owner == us => Ok(()),
        0 => refuse_if_open(folder, found.mode()),
        owner => Err(foreign(folder, owner)),
    }
}

fn look_above(folder: &Path, us: u32) -> Result<(), Trouble> {
    let Ok(found) = fs::metadata(folder) else {
        return Ok(());
    };
    let owner = found.uid();
    if owner != us && owner != 0 && owner != UNKNOWN_UID {
        return Err(foreign(folder, owner));
    }
    refuse_if_open(folder, found.mode())
}

fn refuse_if_open(folder: &Path, mode: u32) -> Result<(), Trouble> {
    // In a sticky folder, as /tmp, nobody replaces what is another's.
    if mode & 0o002 == 0 || mode & 0o1000 != 0 {
        return Ok(());
    }
    let why = format!("lets every user replace them (mode {:04o})", mode & 0o7777);
    let cure = format!("chmod o-w {}", folder.display());
    Err(trouble(folder, why, cure))
}

fn foreign(folder: &Path, owner: u32) -> Trouble {
    let why = format!("belongs to uid {owner}, who can replace them");
    let cure =
        "name a folder that is root's or the daemon's own, and so are all above it".to_owned();
    trouble(folder, why, cure)
}

fn trouble(folder: &Path, why: String, cure: String) -> Trouble {
    let folder = folder.to_owned();
    Trouble::Forgeable { folder, why, cure }
}
