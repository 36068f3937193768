//! Acts: one outside thing a file, no decisions.

pub mod actor;
pub mod config_files;
pub mod credentials;
pub mod secrets;
pub mod small_file;
pub mod systemd_units;
pub mod users;
