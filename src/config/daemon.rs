//! `[daemon]`: where the daemon keeps things, and who may run it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use url::Url;

use super::kinds::{path, socket_path};
use super::principals::Principals;
use super::secret_source::SecretSource;
use super::section::Section;
use super::suggest::nearest;
use super::value::{Value, shown};
use crate::base::Secret;

const SOCKET: &str = "/run/zoho-tokend/zoho-tokend.sock";
const TOKENS_DIR: &str = "/run/zoho-tokend/tokens";
const STATE: &str = "/var/lib/zoho-tokend/state.db";
const SEAL_KEY_NAME: &str = "seal.key";
const LOG: &str = "info";
const LOG_LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The daemon's own settings. Socket, folders and key change at a restart only.
#[derive(Debug, Clone)]
pub struct Daemon {
    /// Where it listens, unless systemd passes the socket.
    pub socket: PathBuf,
    /// Where token files go; `None`: nowhere.
    pub tokens_dir: Option<PathBuf>,
    /// The sealed state.
    pub state: PathBuf,
    /// The key that seals it. A file is made once if it is not there.
    pub seal_key: SecretSource,
    /// Who may change things. The daemon's own user always may; it is not listed here.
    pub admins: Principals,
    /// Who may read every status, but no token.
    pub monitors: Principals,
    /// One more root certificate.
    pub ca_file: Option<PathBuf>,
    /// The proxy for Zoho, which may hold a password; `None`: from the environment.
    pub proxy: Option<Arc<Secret>>,
    /// What to log, as `RUST_LOG` says it.
    pub log: String,
    /// How a line of the log looks.
    pub log_format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: with priorities under systemd, plain on a terminal.
    Auto,
    /// For machines: one object a line, with `timestamp`, `level`, `message`, `target` and the fields.
    Json,
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            socket: SOCKET.into(),
            tokens_dir: Some(TOKENS_DIR.into()),
            state: STATE.into(),
            seal_key: SecretSource::File(key_beside(Path::new(STATE))),
            admins: Principals::root(),
            monitors: Principals::default(),
            ca_file: None,
            proxy: None,
            log: LOG.to_owned(),
            log_format: LogFormat::Auto,
        }
    }
}

impl Daemon {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let section = value.section("[daemon]")?;
        let default = Self::default();
        let state = section.or("state", default.state, path);
        let beside = SecretSource::File(key_beside(&state));
        let new = Self {
            socket: section.or("socket", default.socket, socket_path),
            tokens_dir: (!section.is_emptied("tokens_dir"))
                .then(|| section.or("tokens_dir", TOKENS_DIR.into(), path)),
            seal_key: section.or("seal_key", beside, SecretSource::read),
            state,
            admins: section.or("admins", default.admins, Principals::read),
            monitors: section.or("monitors", default.monitors, Principals::read),
            ca_file: section.filled("ca_file", path),
            proxy: section.filled("proxy", proxy),
            log: section.or("log", default.log, log_filter),
            log_format: log_format(&section),
        };
        section.finish(&[]);
        Some(new)
    }
}

fn key_beside(state: &Path) -> PathBuf {
    state.with_file_name(SEAL_KEY_NAME)
}

/// Never repeats the value: a proxy's address may hold a password.
fn proxy(value: &Value<'_>) -> Option<Arc<Secret>> {
    let text = value.text()?;
    let is_proxy = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if Url::parse(text).is_ok_and(|url| is_proxy(&url)) {
        return Some(Arc::new(Secret::new(text.to_owned())));
    }
    value.refuse("is no address; write it like \"http://proxy.example:3128\"")
}

fn log_filter(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if EnvFilter::builder().parse(text).is_err() {
        return value.refuse("is no filter; write it like \"info\" or \"info,zoho_tokend=debug\"");
    }
    for word in text.split(',').map(str::trim) {
        let level = nearest(word, LOG_LEVELS).filter(|level| !word.eq_ignore_ascii_case(level));
        if let Some(level) = level {
            let word = shown(word);
            value.warn(format!(
                "takes `{word}` for the name of a module, and nothing else is logged; did you mean `{level}`?"
            ));
        }
    }
    Some(text.to_owned())
}

fn log_format(section: &Section<'_>) -> LogFormat {
    let parse = |word: &str| match word {
        "auto" => Some(LogFormat::Auto),
        "json" => Some(LogFormat::Json),
        _ => None,
    };
    section.or("log_format", LogFormat::Auto, |value| {
        value.one_of(&["auto", "json"], parse)
    })
}
