//! The log: records on stderr.
//!
//! To the journal each goes with its priority (`<6>`) and without a time, which the journal adds; to
//! anybody else with time and level; as JSON on demand. What is logged is not decided here. Invariant: a
//! record is one line.

mod filter;
mod lines;

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, io};

pub use filter::{BadFilter, parse_filter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

pub use crate::config::LogFormat;

/// Why logging did not start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A person must mend the filter.
    #[error(transparent)]
    Filter(#[from] BadFilter),
    /// Something logs already in this process, or no more: a bug.
    #[error("logging was started twice")]
    Twice,
}

/// Changes what is logged, and how, while the daemon runs.
#[derive(Debug, Clone)]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    json: Arc<AtomicBool>,
}

impl Log {
    /// Starts logging for the whole process by the config's `filter` and `format`; `RUST_LOG` goes first.
    pub fn start(filter: &str, format: LogFormat) -> Result<Self, LogError> {
        let (filter, handle) = reload::Layer::new(filter::chosen_filter(filter)?);
        let json = Arc::new(AtomicBool::new(format == LogFormat::Json));
        let lines = lines::Lines::new(is_stderr_the_journal(), Arc::clone(&json));
        let layer = tracing_subscriber::fmt::layer()
            .event_format(lines)
            .with_writer(io::stderr);
        let subscriber = tracing_subscriber::registry().with(filter).with(layer);
        subscriber.try_init().map_err(|_| LogError::Twice)?;
        Ok(Self {
            filter: handle,
            json,
        })
    }

    /// Goes over to another `filter` and `format`, or stays as it was.
    pub fn change(&self, filter: &str, format: LogFormat) -> Result<(), LogError> {
        let filter = filter::chosen_filter(filter)?;
        self.filter.reload(filter).map_err(|_| LogError::Twice)?;
        self.json
            .store(format == LogFormat::Json, Ordering::Relaxed);
        Ok(())
    }
}

/// What makes a line on stderr an error to the journal (sd-daemon(3)); nothing anywhere else. For the last words of
/// a start that failed before there was a log.
pub fn error_prefix() -> &'static str {
    if is_stderr_the_journal() { "<3>" } else { "" }
}

/// systemd.exec(5), `JOURNAL_STREAM`: it names the stream that the unit got, and stderr may be another by now.
fn is_stderr_the_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else {
        return false;
    };
    let stat = rustix::fs::fstat(io::stderr().as_fd());
    stat.is_ok_and(|stat| is_named(&stream, stat.st_dev, stat.st_ino))
}

fn is_named(stream: &str, device: u64, inode: u64) -> bool {
    let parts = stream.split_once(':');
    parts.is_some_and(|(dev, ino)| dev.parse() == Ok(device) && ino.parse() == Ok(inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stderr_is_the_journal_only_if_device_and_inode_agree() {
        assert!(is_named("8:12345", 8, 12_345));
        assert!(!is_named("8:12345", 8, 12_346) && !is_named("9:12345", 8, 12_345));
        assert!(!is_named("", 0, 0) && !is_named("8", 8, 0));
    }
}
