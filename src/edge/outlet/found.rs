//! What stands at the path of an output before the daemon has ever written there: a token file, or somebody's.
//!
//! `path = "/etc/passwd"` is a slip of the pen, and the daemon may be root. Judged by what is in the file: a token
//! that was a script's may be replaced whoever owns it. Never follows a link, which is replaced as such.

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::Trouble;
use super::folder::open;

/// How the formats begin that say what they are.
const OPENINGS: [&[u8]; 3] = [b"Authorization: ", b"ZOHO_ACCESS_TOKEN=", b"{\"org\":\""];

/// How Zoho's tokens begin. So do its refresh tokens, so that alone it does not suffice.
const TOKEN_OPENING: &[u8] = b"1000.";

/// Longest bare token that is known as one, in bytes; Zoho's have 70.
const LOOK_MAX: u64 = 1_024;

/// Refuses what no daemon that runs as `us` can have written, unless nothing is lost with it.
pub(super) fn look(path: &Path, us: u32) -> Result<(), Trouble> {
    let Ok(found) = path.symlink_metadata() else {
        return Ok(());
    };
    let is_file = found.is_file();
    // A folder is refused when it is replaced, with a text of its own.
    let is_free = found.is_dir() || found.is_symlink() || (is_file && found.len() == 0);
    if is_free || (is_file && is_token(path, us).unwrap_or(false)) {
        return Ok(());
    }
    Err(Trouble::InUse(path.to_owned()))
}

fn is_token(path: &Path, us: u32) -> io::Result<bool> {
    let file = open(path, OFlags::NONBLOCK)?;
    let metadata = file.metadata()?;
    let mut text = Zeroizing::new(Vec::new());
    file.take(LOOK_MAX).read_to_end(&mut text)?;
    let is_told = OPENINGS.iter().any(|opening| text.starts_with(opening));
    Ok(is_told || is_bare_token(&text, &metadata, us))
}

/// It says nothing of itself, and could be a secret: it must be as the daemon makes it.
fn is_bare_token(text: &[u8], metadata: &Metadata, us: u32) -> bool {
    metadata.uid() == us
        && metadata.mode() & 0o117 == 0
        && metadata.nlink() == 1
        && text.starts_with(TOKEN_OPENING)
        && text.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_holds_no_token_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let us = rustix::process::geteuid().as_raw();
        let is_free = |text: &str, mode| {
            fs::write(&path, text).expect("ours");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("ours");
            look(&path, us).is_ok()
        };
        assert!(look(&path, us).is_ok(), "nothing is there");
        for (text, mode) in [
            ("", 0o644),
            ("Authorization: Zoho-oauthtoken old\n", 0o644),
            ("ZOHO_ACCESS_TOKEN=old\nZOHO_API_DOMAIN=x\n", 0o600),
            ("{\"org\":\"acme\"}\n", 0o640),
            ("1000.ab.cd", 0o640),
        ] {
            assert!(is_free(text, mode), "{text}");
        }
        for (text, mode) in [
            ("root:x:0:0:root:/root:/bin/sh\n", 0o644),
            ("[daemon]\n", 0o644),
            ("1000.ab.cd", 0o644),
            ("1000.ab.cd\n", 0o600),
            ("canary", 0o600),
        ] {
            assert!(!is_free(text, mode), "{text}");
        }
        assert!(look(Path::new("/dev/null"), us).is_err(), "a device");
    }
}
