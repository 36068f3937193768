//! The config in force, with all that it names looked up: ids, secrets, the way to Zoho.
//!
//! Made whole or not at all; a reload replaces it as one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::fixed::Fixed;
use super::names::{Known, Names};
use super::start::Fatal;
use crate::base::{OrgName, Secret};
use crate::config::{self, Config, Org, Places, SecretSource};
use crate::edge::config_files::{self, Loaded};
use crate::edge::credentials::Credentials;
use crate::edge::log::Log;
use crate::edge::outlet::Output;
use crate::edge::store::KeySource;
use crate::edge::zoho::{Network, Zoho};
use crate::policy::access::{Access, Ids};
use crate::policy::settings::{GrantKind, OrgSettings};

/// The config, looked up.
pub(super) struct Standing {
    pub(super) path: PathBuf,
    pub(super) config: Config,
    pub(super) warnings: Vec<String>,
    /// Where each key stands.
    pub(super) places: Places,
    /// What only a restart changes.
    pub(super) fixed: Arc<Fixed>,
    pub(super) access: Access,
    pub(super) zoho: Zoho,
    /// Names that no user or group has, each as a sentence.
    pub(super) unresolved: Vec<String>,
    /// What the names were looked up to, for a directory server that is down the next time.
    known: Known,
    secrets: BTreeMap<String, Arc<Secret>>,
    readers: BTreeMap<OrgName, Ids>,
    outputs: BTreeMap<OrgName, Vec<Output>>,
    log: Option<Log>,
}

impl Standing {
    /// Reads the config at `path` and all that it names; an error is every problem, in order. A name that the
    /// directory server does not tell now counts as `before`.
    pub(super) async fn load(path: &Path, before: Option<&Self>) -> Result<Self, Vec<String>> {
        let path = path.to_owned();
        let known = before
            .map(|before| before.known.clone())
            .unwrap_or_default();
        // Files may be on a slow disk, names in a directory server: not on the loop's thread.
        let loaded = spawn_blocking(move || load(&path, &known)).await;
        let loaded =
            loaded.unwrap_or_else(|err| Err(vec![format!("config: reading it failed: {err}")]));
        let fixed = before.map(|before| Arc::clone(&before.fixed));
        loaded.map(|new| Self {
            fixed: fixed.unwrap_or_else(|| Arc::clone(&new.fixed)),
            ..new
        })
    }

    /// The same, with every name looked up now; `None` where that fails altogether.
    pub(super) async fn with_ids_of_now(&self) -> Option<Self> {
        let (config, known) = (self.config.clone(), self.known.clone());
        let names = spawn_blocking(move || Names::look_up(&config, &known)).await;
        let names = names.ok()?;
        Some(Self {
            path: self.path.clone(),
            config: self.config.clone(),
            warnings: self.warnings.clone(),
            places: self.places.clone(),
            fixed: Arc::clone(&self.fixed),
            access: names.access,
            zoho: self.zoho.clone(),
            unresolved: names.unresolved,
            known: names.known,
            secrets: self.secrets.clone(),
            readers: names.readers,
            outputs: names.outputs,
            log: self.log.clone(),
        })
    }

    /// Whether both let the same peers read the same orgs.
    pub(super) fn grants_like(&self, other: &Self) -> bool {
        self.access == other.access
            && self.readers == other.readers
            && self.outputs == other.outputs
            && self.unresolved == other.unresolved
    }

    /// Starts the log as the config wants it.
    pub(super) fn start_log(mut self) -> Result<Self, Fatal> {
        let daemon = &self.config.daemon;
        self.log = Some(Log::start(&daemon.log, daemon.log_format)?);
        Ok(self)
    }

    /// Goes on with the log of the config before, as this one wants it.
    pub(super) fn continue_log(&mut self, before: &Self) {
        self.log.clone_from(&before.log);
        if let Some(log) = &self.log
            && let Err(err) = log.change(&self.config.daemon.log, self.config.daemon.log_format)
        {
            tracing::warn!("log: {err}");
        }
    }

    /// What the policy knows of each org.
    pub(super) fn settings(&self) -> Vec<OrgSettings> {
        self.config
            .orgs
            .values()
            .map(|org| OrgSettings {
                secret: self.secret_of(&org.settings.client).map(|own| own.mark()),
                ..org.settings.clone()
            })
            .collect()
    }

    pub(super) fn org(&self, name: &OrgName) -> Option<&Org> {
        self.config.orgs.get(name)
    }

    pub(super) fn readers_of(&self, name: &OrgName) -> &Ids {
        static NOBODY: Ids = Ids {
            users: BTreeSet::new(),
            groups: BTreeSet::new(),
        };
        self.readers.get(name).unwrap_or(&NOBODY)
    }

    pub(super) fn outputs_of(&self, name: &OrgName) -> &[Output] {
        self.outputs.get(name).map_or(&[], Vec::as_slice)
    }

    /// Where the config wants outputs, those included whose group nobody has at the moment.
    pub(super) fn output_paths(&self) -> BTreeSet<&Path> {
        let outputs = self.config.orgs.values().flat_map(|org| &org.outputs);
        outputs.map(|output| &*output.path).collect()
    }

    /// The client's secret, where the config names it.
    pub(super) fn secret_of(&self, client: &str) -> Option<Arc<Secret>> {
        self.secrets.get(client).cloned()
    }

    /// Only a code from the web flow was given out for a redirect.
    pub(super) fn redirect_uri_of(&self, org: &Org) -> Option<String> {
        let client = self.config.clients.get(&org.settings.client)?;
        let is_web = org.settings.grant == GrantKind::Web;
        client.redirect_uri.clone().filter(|_| is_web)
    }

    pub(super) fn key_source(&self) -> KeySource {
        match &self.config.daemon.seal_key {
            SecretSource::Credential(name) => KeySource::Credential(name.clone()),
            SecretSource::File(path) => KeySource::File(path.clone()),
        }
    }
}

fn load(path: &Path, known: &Known) -> Result<Standing, Vec<String>> {
    let text = |problems: Vec<config::Problem>| -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    };
    let loaded = config_files::load(path, &Credentials::of_environment()).map_err(text)?;
    let Loaded {
        config,
        secrets,
        warnings,
        places,
        ..
    } = loaded;
    let network = Network::of(&config.daemon);
    let zoho = Zoho::new(&network).map_err(|err| vec![format!("config: {err}")])?;
    let names = Names::look_up(&config, known);
    let warnings = text(warnings)
        .into_iter()
        .chain(network.warnings(|name| std::env::var(name).ok()))
        .chain(names.unresolved.iter().cloned());
    Ok(Standing {
        path: path.to_owned(),
        warnings: warnings.collect(),
        fixed: Fixed::of(&config, &places).into(),
        places,
        access: names.access,
        zoho,
        unresolved: names.unresolved,
        known: names.known,
        secrets,
        readers: names.readers,
        outputs: names.outputs,
        log: None,
        config,
    })
}
