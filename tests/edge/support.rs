//! Folders, publications, and other users.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::process::geteuid;
use tempfile::TempDir;
use zoho_tokend::base::{Boottime, Environment, Now, OrgName, Secret, UnixTime};
use zoho_tokend::edge::outlet::{Publication, Written};
use zoho_tokend::policy::access::Ids;

pub(crate) use crate::users::as_user;

/// A listed reader.
pub(crate) const READER: u32 = 41_001;
/// A listed group.
pub(crate) const GROUP: u32 = 41_500;
/// Neither.
pub(crate) const STRANGER: u32 = 41_666;

/// Some moment; the token of [`publication`] lives an hour from here.
pub(crate) const START: Now = Now {
    boot: Boottime(1_000_000),
    wall: UnixTime(1_795_306_331_000),
};

/// `span` after [`START`].
pub(crate) fn later(span: Duration) -> Now {
    Now {
        boot: START.boot.plus(span),
        wall: START.wall.plus(span),
    }
}

pub(crate) fn org(name: &str) -> OrgName {
    OrgName::parse(name).expect("a good name")
}

pub(crate) fn ids(users: &[u32], groups: &[u32]) -> Ids {
    Ids {
        users: users.iter().copied().collect(),
        groups: groups.iter().copied().collect(),
    }
}

/// Generation `generation` of org `acme`, for nobody but the daemon. Its token is long enough to be torn.
pub(crate) fn publication(generation: u64) -> Publication {
    Publication {
        org: org("acme"),
        access_token: Arc::new(Secret::new(token(generation))),
        token_type: "Zoho-oauthtoken".into(),
        api_domain: "https://www.zohoapis.eu".into(),
        scope: vec!["ZohoCRM.modules.ALL".into()],
        environment: Environment::Production,
        data_center: "eu".into(),
        expires_at: START.wall.plus(Duration::from_hours(1)),
        generation,
        readers: Ids::default(),
    }
}

/// The token of a generation: its number over and over, so that a torn one shows.
pub(crate) fn token(generation: u64) -> String {
    format!("1000.{}", format!("{generation:08}").repeat(800))
}

/// A folder that every user may walk through, on the disk or on a tmpfs.
pub(crate) fn folder_in(parent: &Path) -> TempDir {
    let folder = tempfile::tempdir_in(parent).expect("a temporary folder");
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).expect("ours");
    folder
}

/// See [`folder_in`].
pub(crate) fn folder() -> TempDir {
    folder_in(&std::env::temp_dir())
}

/// A folder on a tmpfs and one on the disk, where the host has both.
pub(crate) fn folders() -> Vec<TempDir> {
    let shm = PathBuf::from("/dev/shm");
    let parents = [std::env::temp_dir(), shm];
    let parents = parents.iter().filter(|parent| parent.is_dir());
    parents.map(|parent| folder_in(parent)).collect()
}

/// Whether the test may go on: only root can be other users.
pub(crate) fn is_root_or_skips(test: &str) -> bool {
    geteuid().is_root() || skips(test, "it needs root")
}

/// Whether the test may go on: `tool` must be there.
pub(crate) fn has_tool_or_skips(test: &str, tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output();
    found.is_ok() || skips(test, &format!("it needs {tool}"))
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn skips(test: &str, why: &str) -> bool {
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!in_ci, "{test} must not be skipped in CI: {why}");
    eprintln!("SKIPPED: {test}: {why}");
    false
}

/// The folder that [`said_in_namespace`] prepared; set for its copy alone.
pub(crate) const FOLDER: &str = "ZOHO_TOKEND_TEST_FOLDER";

/// What a copy of this program prints that runs `test` in a new namespace of `kind`, after `mount` of `folder`.
///
/// So nothing is mounted on this host.
pub(crate) fn said_in_namespace(kind: &str, mount: &str, folder: &Path, test: &str) -> String {
    let script = format!("{mount} \"$0\" && exec \"$1\" --exact \"$2\" --nocapture");
    let mut unshare = Command::new("unshare");
    unshare.args([kind, "sh", "-ec", &script]).arg(folder);
    unshare.arg(std::env::current_exe().expect("a test is a program"));
    let ran = unshare.arg(test).env(FOLDER, folder).output();
    let ran = ran.expect("unshare runs");
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{errors}");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// The list of written outputs of this process.
pub(crate) fn written() -> &'static Written {
    static LIST: OnceLock<(TempDir, Written)> = OnceLock::new();
    let open = || {
        let folder = tempfile::tempdir().expect("a folder");
        let list = Written::open(&folder.path().join("outputs.json"));
        (folder, list)
    };
    &LIST.get_or_init(open).1
}
