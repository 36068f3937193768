//! Files that the config names twice: a token written over the state, or over somebody's secret.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::problem::Problem;
use super::report::{Outside, Report};
use super::secret_source::SecretSource;
use super::source::SourceText;
use super::{Config, Daemon};

/// What the daemon keeps beside its state, by the end of the name: `edge::store` and `edge::outlet` make them.
const BESIDE_STATE: [&str; 6] = ["-wal", "-shm", "-journal", ".lock", ".mark", ".new"];
const OUTPUTS_NAME: &str = "outputs.json";

/// A path that the config names, or that follows from one.
struct Named {
    path: PathBuf,
    /// Where: `daemon.state`. Of what follows from it, the key that it follows from.
    key: String,
    /// As a message calls it.
    shown: String,
    /// Whether the daemon writes to it.
    is_written: bool,
}

/// Reports paths that two keys name, if the daemon writes there, those that are the daemon's own, and paths inside
/// `tokens_dir`.
pub(super) fn check(config: &Config, files: &[SourceText], report: &Report) {
    let mut seen: BTreeMap<PathBuf, Named> = BTreeMap::new();
    for named in all(&config.daemon, files, report) {
        let tokens_dir = config.daemon.tokens_dir.as_deref();
        if tokens_dir.is_some_and(|dir| named.is_written && is_inside(&named.path, dir)) {
            let what = "lies in tokens_dir, which is for the folders of orgs; put it elsewhere";
            tell(&named, what, report);
        }
        match seen.get(&named.path) {
            Some(first) if first.is_written || named.is_written => {
                let what = format!("names the same file as {}; give each its own", first.shown);
                tell(&named, &what, report);
            }
            _ => drop(seen.insert(named.path.clone(), named)),
        }
    }
}

/// What was not chosen comes first, so that a problem stands at a key that can be changed.
fn all(daemon: &Daemon, files: &[SourceText], report: &Report) -> Vec<Named> {
    let new = |path: &Path, key: &str, is_written| Named {
        path: path.to_owned(),
        key: key.to_owned(),
        shown: format!("`{key}`"),
        is_written,
    };
    let config = files.iter().map(|file| Named {
        shown: format!("this config ({})", file.path.display()),
        ..new(&file.path, "", false)
    });
    let beside = beside_state(&daemon.state).into_iter().map(|path| Named {
        shown: format!("the state's own {}", path.display()),
        ..new(&path, "daemon.state", true)
    });
    let mut all: Vec<Named> = config.chain(beside).collect();
    all.extend([
        new(&daemon.state, "daemon.state", true),
        new(&daemon.socket, "daemon.socket", true),
    ]);
    if let SecretSource::File(path) = &daemon.seal_key {
        all.push(new(path, "daemon.seal_key", true));
    }
    let tokens_dir = daemon.tokens_dir.iter();
    all.extend(tokens_dir.map(|path| new(path, "daemon.tokens_dir", true)));
    let ca_file = daemon.ca_file.iter();
    all.extend(ca_file.map(|path| new(path, "daemon.ca_file", false)));
    for mention in report.mentions() {
        match mention.what {
            Outside::ClientSecret(_, SecretSource::File(path)) => {
                all.push(new(&path, &mention.key, false));
            }
            Outside::Output(path) => all.push(new(&path, &mention.key, true)),
            _ => (),
        }
    }
    all
}

fn beside_state(state: &Path) -> Vec<PathBuf> {
    let with = |end: &&str| {
        let mut name = OsString::from(state);
        name.push(end);
        PathBuf::from(name)
    };
    let mut all: Vec<PathBuf> = BESIDE_STATE.iter().map(with).collect();
    all.push(state.with_file_name(OUTPUTS_NAME));
    all
}

fn is_inside(path: &Path, folder: &Path) -> bool {
    path != folder && path.starts_with(folder)
}

fn tell(named: &Named, what: &str, report: &Report) {
    let key = named.key.rsplit('.').next().unwrap_or(&named.key);
    let place = report.place_of(&named.key);
    report.add(Problem::error(place, format!("`{key}` {what}")));
}
