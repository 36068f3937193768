//! The files of the config, and the small files that it names and that nothing can start without.
//!
//! Invariant: `run`, `reload` and `check` read the config through [`read`], so none of them accepts what another
//! refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::Secret;
use crate::config::{self, Config, Include, Outside, Parsed, Place, Problem, SourceText};

use super::credentials::Credentials;
use super::secrets;
use super::small_file::{self, SmallFile};

/// Largest file of a config.
const FILE_MAX: usize = 1024 * 1024;
/// Largest config in all.
const TOTAL_MAX: usize = 64 * 1024 * 1024;
/// Most drop-ins: far beyond the orgs that one host can serve.
const FILES_MAX: usize = 2000;
/// Largest bundle of root certificates.
const CA_MAX: usize = 1024 * 1024;
const PEM_MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A config to run with.
#[derive(Debug)]
pub struct Loaded {
    /// Complete and in range.
    pub config: Config,
    /// The client secrets, by the name of the client; those that are taken at enrolment are not here.
    pub secrets: BTreeMap<String, Arc<Secret>>,
    /// The certificates of `ca_file`, in PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// What somebody should look at.
    pub warnings: Vec<Problem>,
}

/// All of a config that the daemon can use, or every problem in it. `credentials`: where systemd put them.
pub fn load(path: &Path, credentials: &Credentials) -> Result<Loaded, Vec<Problem>> {
    let mut parsed = read(path);
    let secrets = read_secrets(&mut parsed, credentials);
    let ca_pem = read_ca_file(&mut parsed);
    parsed.problems.sort();
    if !parsed.is_good() {
        return Err(parsed.problems);
    }
    Ok(Loaded {
        config: parsed.config,
        secrets,
        ca_pem,
        warnings: parsed.problems,
    })
}

/// What the config's own files say, with every problem of theirs.
pub fn read(path: &Path) -> Parsed {
    let mut reading = Reading::default();
    reading.take(
        path,
        &Place::of_file(path),
        "copy config/minimal.toml there, or name another with --config",
    );
    let main = reading.sources.first().cloned();
    for include in main.iter().flat_map(config::includes) {
        reading.take_all(&include);
    }
    config::read(path, &reading.sources, reading.problems)
}

/// The files so far.
#[derive(Default)]
struct Reading {
    sources: Vec<SourceText>,
    seen: BTreeSet<PathBuf>,
    size: usize,
    problems: Vec<Problem>,
}

impl Reading {
    fn take_all(&mut self, include: &Include) {
        if include.is_plain() {
            let cure = "make it, or drop it from include";
            return self.take(&include.path(), &include.place, cure);
        }
        match self.list(include) {
            Ok(paths) => {
                for path in paths {
                    self.take(&path, &Place::of_file(&path), "make it readable");
                }
            }
            Err(what) => self
                .problems
                .push(Problem::error(include.place.clone(), what)),
        }
    }

    /// A folder that is not there has no drop-ins: a package may make it later.
    fn list(&self, include: &Include) -> Result<Vec<PathBuf>, String> {
        let folder = include.folder.display();
        let told =
            |error| format!("`include` cannot list {folder} ({error}); correct its owner and mode");
        let entries = match fs::read_dir(or_here(&include.folder)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.map_err(told)?,
        };
        let stat = fs::metadata(or_here(&include.folder)).map_err(told)?;
        if stat.mode() & 0o002 != 0 {
            return Err(format!(
                "`include` reads {folder}, where every user can put files; chmod o-w {folder}"
            ));
        }
        let mut paths = vec![];
        for entry in entries {
            let name = entry.map_err(told)?.file_name();
            if name.to_str().is_some_and(|name| include.matches(name)) {
                paths.push(include.folder.join(name));
            }
            if paths.len() + self.sources.len() > FILES_MAX {
                return Err(format!(
                    "`include` finds over {FILES_MAX} files; correct the pattern"
                ));
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// Reads one file, unless another pattern found it before.
    fn take(&mut self, path: &Path, place: &Place, cure: &str) {
        if !self.seen.insert(path.to_owned()) {
            return;
        }
        match self.text_of(path, cure) {
            Ok(text) => self.sources.push(SourceText {
                path: path.to_owned(),
                text,
            }),
            Err((at, what)) => self
                .problems
                .push(Problem::error(at.unwrap_or(place.clone()), what)),
        }
    }

    fn text_of(&mut self, path: &Path, cure: &str) -> Result<String, (Option<Place>, String)> {
        let file = small_file::read(path, FILE_MAX).map_err(|why| match why {
            small_file::Unreadable::Missing => {
                (None, format!("{} is not there; {cure}", path.display()))
            }
            why => (None, format!("{} {why}", path.display())),
        })?;
        self.size += file.bytes.len();
        if self.size > TOTAL_MAX {
            return Err((
                None,
                format!("the config has over {TOTAL_MAX} bytes; correct include"),
            ));
        }
        if file.mode & 0o002 != 0 {
            let what =
                "every user can change this file; run chmod o-w on it, and look at what it says";
            self.problems
                .push(Problem::error(Place::of_file(path), what));
        }
        text(path, &file)
    }
}

fn text(path: &Path, file: &SmallFile) -> Result<String, (Option<Place>, String)> {
    let bad_byte = |error: std::str::Utf8Error| {
        let before = file.bytes[..error.valid_up_to()].rsplit(|b| *b == b'\n');
        let column = before
            .clone()
            .next()
            .map_or(0, |line| String::from_utf8_lossy(line).chars().count());
        let place = Place {
            line: before.count(),
            column: column + 1,
            ..Place::of_file(path)
        };
        let what = "is no UTF-8 from here on; save the file as UTF-8".to_owned();
        (Some(place), what)
    };
    std::str::from_utf8(&file.bytes)
        .map(str::to_owned)
        .map_err(bad_byte)
}

fn read_secrets(parsed: &mut Parsed, credentials: &Credentials) -> BTreeMap<String, Arc<Secret>> {
    let mut read = BTreeMap::new();
    let daemon_uid = rustix::process::geteuid().as_raw();
    for mention in &parsed.mentions {
        let Outside::ClientSecret(client, source) = &mention.what else {
            continue;
        };
        match secrets::read(source, credentials, daemon_uid) {
            Ok(secret) => drop(read.insert(client.clone(), Arc::new(secret))),
            Err(bad) => {
                let place = parsed.places.of(&mention.key);
                parsed
                    .problems
                    .push(Problem::error(place, format!("`client_secret` {bad}")));
            }
        }
    }
    read
}

fn read_ca_file(parsed: &mut Parsed) -> Option<Vec<u8>> {
    let path = parsed.config.daemon.ca_file.as_deref()?;
    let what = match small_file::read(path, CA_MAX) {
        Ok(file)
            if file
                .bytes
                .windows(PEM_MARK.len())
                .any(|part| part == PEM_MARK) =>
        {
            return Some(file.bytes.to_vec());
        }
        Ok(_) => "holds no certificate in PEM; correct the path".to_owned(),
        Err(why) => why.to_string(),
    };
    let what = format!("`ca_file`: {} {what}", path.display());
    parsed
        .problems
        .push(Problem::error(parsed.places.of("daemon.ca_file"), what));
    None
}

fn or_here(folder: &Path) -> &Path {
    match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    }
}
