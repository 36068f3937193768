//! What a running daemon cannot change: its socket, its folders and its key are those of its start.
//!
//! A reload is compared with these and not with the config before it, which may have wished for others already.

use crate::config::{self, Config, Places};

/// What stands in the config for them.
const KEYS: [&str; 4] = [
    "daemon.socket",
    "daemon.tokens_dir",
    "daemon.state",
    "daemon.seal_key",
];

/// As the config had them at the start.
#[derive(Debug)]
pub(super) struct Fixed {
    daemon: config::Daemon,
    /// Those that were written down, and not left to their defaults.
    written: Vec<&'static str>,
}

impl Fixed {
    pub(super) fn of(config: &Config, places: &Places) -> Self {
        Self {
            daemon: config.daemon.clone(),
            written: KEYS.into_iter().filter(|key| places.has(key)).collect(),
        }
    }

    /// Those that only a restart would make what this config says.
    pub(super) fn moved_by(&self, config: &Config) -> Vec<&'static str> {
        let (old, new) = (&self.daemon, &config.daemon);
        let differs = [
            old.socket != new.socket,
            old.tokens_dir != new.tokens_dir,
            old.state != new.state,
            format!("{:?}", old.seal_key) != format!("{:?}", new.seal_key),
        ];
        let all = KEYS.into_iter().zip(differs);
        all.filter_map(|(key, differs)| differs.then_some(key))
            .collect()
    }

    /// Those that were written down at the start and are left out here, to another effect.
    pub(super) fn lost_by(&self, config: &Config, places: &Places) -> Vec<&'static str> {
        let moved = self.moved_by(config).into_iter();
        let is_lost = |key: &&'static str| self.written.contains(key) && !places.has(key);
        moved.filter(is_lost).collect()
    }
}
