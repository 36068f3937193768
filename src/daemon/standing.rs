//! The config in force, with all that it names looked up: ids, secrets, the way to Zoho.
//!
//! Made whole or not at all; a reload replaces it as one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::start::Fatal;
use crate::base::{OrgName, Secret};
use crate::config::{self, Config, Org, SecretSource};
use crate::edge::config_files::{self, Loaded};
use crate::edge::credentials::Credentials;
use crate::edge::log::{Log, LogFormat};
use crate::edge::outlet::{self, Output};
use crate::edge::store::KeySource;
use crate::edge::users;
use crate::edge::zoho::{Network, Zoho};
use crate::policy::access::{Access, Ids};
use crate::policy::settings::{GrantKind, OrgSettings};

/// The config, looked up.
pub(super) struct Standing {
    pub(super) path: PathBuf,
    pub(super) config: Config,
    pub(super) warnings: Vec<String>,
    pub(super) access: Access,
    pub(super) zoho: Zoho,
    /// Names that no user or group has, each as a sentence.
    pub(super) unresolved: Vec<String>,
    secrets: BTreeMap<String, Arc<Secret>>,
    readers: BTreeMap<OrgName, Ids>,
    outputs: BTreeMap<OrgName, Vec<Output>>,
    log: Option<Log>,
}

impl Standing {
    /// Reads the config at `path` and all that it names; an error is every problem, in order.
    pub(super) async fn load(path: &Path) -> Result<Self, Vec<String>> {
        let path = path.to_owned();
        // Files may be on a slow disk, names in a directory server: not on the loop's thread.
        let loaded = spawn_blocking(move || load(&path)).await;
        loaded.unwrap_or_else(|err| Err(vec![format!("config: reading it failed: {err}")]))
    }

    /// The same, with every name looked up now.
    pub(super) async fn with_ids_of_now(&self) -> Self {
        let config = self.config.clone();
        let names = spawn_blocking(move || Names::look_up(&config)).await;
        let names = names.unwrap_or_default();
        Self {
            path: self.path.clone(),
            config: self.config.clone(),
            warnings: self.warnings.clone(),
            access: names.access,
            zoho: self.zoho.clone(),
            unresolved: names.unresolved,
            secrets: self.secrets.clone(),
            readers: names.readers,
            outputs: names.outputs,
            log: self.log.clone(),
        }
    }

    /// Starts the log as the config wants it.
    pub(super) fn start_log(mut self) -> Result<Self, Fatal> {
        let daemon = &self.config.daemon;
        self.log = Some(Log::start(&daemon.log, log_format(&self.config))?);
        Ok(self)
    }

    /// Goes on with the log of the config before, as this one wants it.
    pub(super) fn continue_log(&mut self, before: &Self) {
        self.log.clone_from(&before.log);
        if let Some(log) = &self.log
            && let Err(err) = log.change(&self.config.daemon.log, log_format(&self.config))
        {
            tracing::warn!("log: {err}");
        }
    }

    /// What the policy knows of each org.
    pub(super) fn settings(&self) -> Vec<OrgSettings> {
        self.config
            .orgs
            .values()
            .map(|org| org.settings.clone())
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

    /// The client's secret, where the config names it.
    pub(super) fn secret_of(&self, client: &str) -> Option<Arc<Secret>> {
        self.secrets.get(client).cloned()
    }

    /// Only a code from the web flow was given out for a redirect.
    pub(super) fn redirect_uri_of(&self, org: &Org) -> Option<String> {
        let client = self.config.clients.get(&org.client)?;
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

fn load(path: &Path) -> Result<Standing, Vec<String>> {
    let text = |problems: Vec<config::Problem>| -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    };
    let loaded = config_files::load(path, &Credentials::of_environment()).map_err(text)?;
    let Loaded {
        config,
        secrets,
        warnings,
        ..
    } = loaded;
    let daemon = &config.daemon;
    let network = Network {
        ca_file: daemon.ca_file.clone(),
        proxy: daemon.proxy.as_ref().map(|proxy| proxy.expose().to_owned()),
    };
    let zoho = Zoho::new(&network).map_err(|err| vec![format!("config: {err}")])?;
    let names = Names::look_up(&config);
    let warnings = text(warnings)
        .into_iter()
        .chain(names.unresolved.iter().cloned());
    Ok(Standing {
        path: path.to_owned(),
        warnings: warnings.collect(),
        access: names.access,
        zoho,
        unresolved: names.unresolved,
        secrets,
        readers: names.readers,
        outputs: names.outputs,
        log: None,
        config,
    })
}

fn log_format(config: &Config) -> LogFormat {
    match config.daemon.log_format {
        config::LogFormat::Auto => LogFormat::Text,
        config::LogFormat::Json => LogFormat::Json,
    }
}

/// Every name of the config as ids.
struct Names {
    access: Access,
    readers: BTreeMap<OrgName, Ids>,
    outputs: BTreeMap<OrgName, Vec<Output>>,
    unresolved: Vec<String>,
}

impl Default for Names {
    /// Nobody: what is left if looking up fails altogether.
    fn default() -> Self {
        Self {
            access: Access {
                admins: Ids::default(),
                monitors: Ids::default(),
                own_uid: rustix::process::geteuid().as_raw(),
            },
            readers: BTreeMap::new(),
            outputs: BTreeMap::new(),
            unresolved: Vec::new(),
        }
    }
}

impl Names {
    fn look_up(config: &Config) -> Self {
        let mut names = Self::default();
        names.access.admins = names.resolve("daemon.admins", &config.daemon.admins);
        names.access.monitors = names.resolve("daemon.monitors", &config.daemon.monitors);
        for (name, org) in &config.orgs {
            let key = format!("orgs.{name}.readers");
            let readers = names.resolve(&key, &org.readers);
            names.readers.insert(name.clone(), readers);
            let outputs = org
                .outputs
                .iter()
                .filter_map(|output| names.output(name, output));
            let outputs = outputs.collect();
            names.outputs.insert(name.clone(), outputs);
        }
        names
    }

    fn resolve(&mut self, key: &str, principals: &config::Principals) -> Ids {
        let (ids, unresolved) = users::resolve(principals);
        let lines = unresolved.iter().map(|why| format!("config: {key} {why}"));
        self.unresolved.extend(lines);
        ids
    }

    /// An output whose group nobody has is left out: its readers could not read it anyway.
    fn output(&mut self, org: &OrgName, output: &config::Output) -> Option<Output> {
        let group = match output.group.as_ref().map(users::group).transpose() {
            Ok(group) => group,
            Err(why) => {
                let path = output.path.display();
                self.unresolved
                    .push(format!("config: orgs.{org}.outputs {path} {why}"));
                return None;
            }
        };
        Some(Output {
            path: output.path.clone(),
            format: match output.format {
                config::Format::Token => outlet::Format::Token,
                config::Format::Header => outlet::Format::Header,
                config::Format::Env => outlet::Format::Env,
                config::Format::Json => outlet::Format::Json,
            },
            group,
            mode: output.mode,
        })
    }
}
