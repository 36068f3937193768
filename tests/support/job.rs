//! The jobs of `examples/`, run as a stranger would who has copied them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::need::need_tools;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
const INSTALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdks/install.sh");

/// The jobs that read leads with Zoho's own SDKs.
pub(crate) const SDK_JOBS: [&str; 2] = ["python/sdk_job.py", "node/sdk_job.mjs"];

/// The jobs that ask who the org is.
pub(crate) const PLAIN_JOBS: [&str; 3] = [
    "python/plain_job.py",
    "node/plain_job.mjs",
    "shell/plain_job.sh",
];

/// Whether the jobs can run here; skipped loudly where not, and a failure in CI.
pub(crate) fn need_jobs() -> bool {
    if !need_tools(&["python3", "node", "npm", "flock", "curl", "jq"]) {
        return false;
    }
    let venv = Command::new("python3")
        .args(["-c", "import ensurepip"])
        .output();
    if !venv.expect("it is on the path").status.success() {
        // What it is called where it is a package of its own.
        return need_tools(&["python3-venv"]);
    }
    let installed = Command::new("bash").arg(INSTALL).output();
    let installed = installed.expect("bash runs");
    assert!(installed.status.success(), "{installed:?}");
    true
}

/// A job that runs, in a folder of its own. Killed with this value.
pub(crate) struct Job {
    child: Option<Child>,
    folder: TempDir,
}

impl Job {
    /// Starts `job` of `examples/` for `org`, with the daemon behind `socket`.
    pub(crate) fn start(job: &str, org: &str, socket: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for own in ["cwd", "tmp"] {
            fs::create_dir(folder.path().join(own)).expect("ours");
        }
        let child = interpreter(job)
            .arg(Path::new(EXAMPLES).join(job))
            .arg(org)
            .current_dir(folder.path().join("cwd"))
            .env("TMPDIR", folder.path().join("tmp"))
            .env("PATH", path_with_the_program())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("ZOHO_TOKEND_SOCKET", socket)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self {
            child: Some(child.expect("it is installed")),
            folder,
        }
    }

    /// What it said, once it has ended; it must have left nothing behind.
    #[track_caller]
    pub(crate) fn end(mut self) -> Output {
        let child = self.child.take().expect("it ends once");
        let output = child.wait_with_output().expect("ours");
        // Where the SDKs put their files unless they are told otherwise.
        for language in ["python", "node"] {
            for left in ["sdk_tokens.txt", "resources"] {
                let path = Path::new(EXAMPLES).join(language).join(left);
                assert!(!path.exists(), "{} was left", path.display());
            }
        }
        for own in ["cwd", "tmp"] {
            let left: Vec<PathBuf> = fs::read_dir(self.folder.path().join(own))
                .expect("ours")
                .map(|entry| entry.expect("readable").path())
                .collect();
            assert!(left.is_empty(), "{left:?}");
        }
        output
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn interpreter(job: &str) -> Command {
    match job.split('/').next() {
        Some("python") => Command::new(Path::new(EXAMPLES).join("python/.venv/bin/python")),
        Some("node") => Command::new("node"),
        _ => Command::new("sh"),
    }
}

fn path_with_the_program() -> OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_zoho-tokend"));
    let folder = program.parent().expect("a file has a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [folder.to_owned()]
        .into_iter()
        .chain(std::env::split_paths(&path));
    std::env::join_paths(folders).expect("they came from a PATH")
}
