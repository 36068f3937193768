//! Acts: one outside thing a file, and no decisions.
//!
//! What to do and when comes from [`crate::policy`], carried here by the daemon's loop. All of it may
//! block unless it is `async`; the loop calls it from threads that may.

pub mod actor;
pub mod clock;
pub mod config_files;
pub mod credentials;
pub mod descriptors;
pub mod dice;
pub mod http;
pub mod kernel;
pub mod log;
pub mod loopback;
pub mod memory;
pub mod outlet;
pub mod parent;
pub mod peer;
pub mod secrets;
pub mod signals;
pub mod small_file;
pub mod socket;
pub mod store;
pub mod systemd;
pub mod systemd_units;
pub mod terminal;
pub mod users;
pub mod zoho;
