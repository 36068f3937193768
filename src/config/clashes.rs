//! Files that the config names twice: a token written over the state, or over somebody's secret.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::problem::Problem;
use super::report::{Outside, Report};
use super::secret_source::SecretSource;
use super::{Config, Daemon};

/// A path that the config names.
struct Named {
    path: PathBuf,
    /// Where: `daemon.state`.
    key: String,
    /// Whether the daemon writes to it.
    is_written: bool,
}

/// Reports paths that two keys name, if the daemon writes there, and paths inside `tokens_dir`, which is its own.
pub(super) fn check(config: &Config, report: &Report) {
    let mut seen: BTreeMap<PathBuf, Named> = BTreeMap::new();
    for named in all(&config.daemon, report) {
        let tokens_dir = config.daemon.tokens_dir.as_deref();
        if tokens_dir.is_some_and(|dir| named.is_written && is_inside(&named.path, dir)) {
            let what = "lies in tokens_dir, which is for the folders of orgs; put it elsewhere";
            tell(&named, what, report);
        }
        match seen.get(&named.path) {
            Some(first) if first.is_written || named.is_written => {
                let what = format!("names the same file as `{}`; give each its own", first.key);
                tell(&named, &what, report);
            }
            _ => drop(seen.insert(named.path.clone(), named)),
        }
    }
}

fn all(daemon: &Daemon, report: &Report) -> Vec<Named> {
    let new = |path: &Path, key: &str, is_written| Named {
        path: path.to_owned(),
        key: key.to_owned(),
        is_written,
    };
    let mut all = vec![
        new(&daemon.state, "daemon.state", true),
        new(&daemon.socket, "daemon.socket", true),
    ];
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
            Outside::Output(output) => {
                all.push(new(&output.path, &format!("{}.path", mention.key), true));
            }
            _ => (),
        }
    }
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
