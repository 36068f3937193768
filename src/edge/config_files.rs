//! The files of the config, and the small files that it names and that nothing can start without.
//!
//! Invariant: `run`, `reload` and `check` read the config through [`read`], so none of them accepts what another
//! refuses.

mod reading;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reading::Reading;

use super::credentials::{Credentials, MissingCredential};
use super::store::{self, KeyFile};
use super::{secrets, small_file};
use crate::base::Secret;
use crate::config::{self, Config, Outside, Parsed, Place, Places, Problem, SecretSource};

/// Largest bundle of root certificates.
const CA_MAX: usize = 1024 * 1024;
const SEAL_KEY: &str = "daemon.seal_key";
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
    /// Where each key stands.
    pub places: Places,
}

/// All of a config that the daemon can use, or every problem in it. `credentials`: where systemd put them.
pub fn load(path: &Path, credentials: &Credentials) -> Result<Loaded, Vec<Problem>> {
    let mut parsed = read(path);
    let secrets = read_secrets(&mut parsed, credentials);
    let own_uid = rustix::process::geteuid().as_raw();
    if let Err(missing) = look_at_seal_key(&mut parsed, credentials, own_uid) {
        let place = parsed.places.of(SEAL_KEY);
        let problem = Problem::error(place, format!("`seal_key` {missing}"));
        parsed.problems.push(problem);
    }
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
        places: parsed.places,
    })
}

/// What the config's own files say, with every problem of theirs.
pub fn read(path: &Path) -> Parsed {
    let mut reading = Reading::default();
    let cure = "copy config/minimal.toml there, or name another with --config";
    reading.take(path, &Place::of_file(path), cure);
    let main = reading.sources.first().cloned();
    for include in main.iter().flat_map(config::includes) {
        reading.take_all(&include);
    }
    let mut parsed = config::read(path, &reading.sources, reading.unread);
    parsed.problems.extend(reading.loose);
    parsed.problems.sort();
    parsed
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
                let problem = Problem::error(place, format!("`client_secret` {bad}"));
                parsed.problems.push(problem);
            }
        }
    }
    read
}

/// The seal key's file as it is for a daemon that runs as `uid`; `None` where it is no good, which joins the problems.
pub fn look_at_seal_key(
    parsed: &mut Parsed,
    credentials: &Credentials,
    uid: u32,
) -> Result<Option<(PathBuf, KeyFile)>, MissingCredential> {
    let path = match &parsed.config.daemon.seal_key {
        SecretSource::File(path) => path.clone(),
        SecretSource::Credential(name) => credentials.path_of(name)?,
    };
    match store::look_at_key(&path, uid) {
        Ok(found) => Ok(Some((path, found))),
        Err(why) => {
            let place = parsed.places.of(SEAL_KEY);
            let problem = Problem::error(place, format!("`seal_key` {why}"));
            parsed.problems.push(problem);
            Ok(None)
        }
    }
}

/// The certificates of `ca_file`; what is wrong with them joins the problems.
pub fn read_ca_file(parsed: &mut Parsed) -> Option<Vec<u8>> {
    let path = parsed.config.daemon.ca_file.as_deref()?;
    let why = match small_file::read(path, CA_MAX) {
        Ok(file) if holds_certificate(&file.bytes) => return Some(file.bytes.to_vec()),
        Ok(_) => "holds no certificate in PEM; correct the path".to_owned(),
        Err(why) => why.to_string(),
    };
    let what = format!("`ca_file` is {}, which {why}", path.display());
    let place = parsed.places.of("daemon.ca_file");
    parsed.problems.push(Problem::error(place, what));
    None
}

fn holds_certificate(bytes: &[u8]) -> bool {
    let mut parts = bytes.windows(PEM_MARK.len());
    parts.any(|part| part == PEM_MARK)
}
