//! The edge on a real host: files as other users see them, peers with many groups, kill -9 half-way.
//!
//! What needs root is skipped loudly without it, and fails in CI (`CI=true`).

#[path = "../support/users.rs"]
mod users;

mod access;
mod bundle;
mod crash;
mod log;
mod output;
mod peer;
mod support;
mod systemd;
