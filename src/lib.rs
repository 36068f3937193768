//! zoho-tokend keeps the OAuth 2.0 access tokens of Zoho CRM orgs fresh and hands them to back-end jobs.
//!
//! A scheduler wakes before each org's token ends, mints a new one with the stored refresh token, keeps it, and
//! publishes it on a Unix socket and in files; jobs just read. The parts, each importing only what stands left of
//! it (`tests/tidy.rs` checks that):
//!
//! `base ← policy ← config ← edge ← daemon ← cli`
//!
//! - [`base`]: the words. Valid by construction.
//! - [`policy`]: decides. Events and the time in, steps out; no I/O, clock, randomness or async.
//! - [`config`]: text to a config, or every problem with its place.
//! - [`edge`]: acts. One outside thing a file: Zoho, the state, the files, the socket, systemd, clocks.
//! - [`daemon`]: the only loop. Waits for an event, steps the policy, carries out the steps.
//! - [`cli`]: one file a verb, and a small client of the socket.
//! - [`stand_in`]: Zoho's accounts server on loopback, for `demo` and the tests. Knows nothing of `policy`.
//! - [`simulation`]: the policy, unchanged, in a simulated world, for `simulate` and the tests. Imports `base` and
//!   `policy`; only `cli` imports it.
//!
//! A mint from end to end: [`policy::fleet`] says that an org is due; a slot in its [`policy::ledger`] goes to the
//! disk; one POST ([`edge::zoho`]); [`policy::reply`] sorts the answer; the token goes to the disk, then to every
//! outlet, and readers who wait are told. An answer to an abandoned attempt changes nothing.
//!
//! Absent on purpose: a second thread that decides, a TCP listener (`login`, not the daemon, has one on loopback while a
//! person is at the consent page), a way to read a refresh token back, hooks run by the daemon (it starts no process;
//! [`cli::watch`] runs them, as a job's own user and in its own unit), and shared state for many hosts (one host mints,
//! all read).

pub mod base;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod edge;
pub mod policy;
pub mod simulation;
#[cfg(feature = "stand-in")]
pub mod stand_in;
