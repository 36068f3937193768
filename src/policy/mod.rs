//! Decides: when to mint, what Zoho's answer means, who may read, what is stored and published.
//!
//! Plain synchronous code: events and [`crate::base::Now`] in, steps out. No I/O, clock, randomness or
//! async in here (`tests/tidy.rs` checks it), so that a simulation runs years of it in a minute.

pub mod access;
mod agenda;
mod asking;
pub mod binding;
mod call;
mod client_right;
mod client_secret;
mod curing;
mod doubt;
mod enrolling;
pub mod event;
pub mod fleet;
pub mod gist;
pub mod identity;
pub mod landing;
pub mod ledger;
mod minting;
pub mod org;
pub mod paper;
pub mod past;
mod proving;
pub mod query;
pub mod quota;
pub mod record;
mod reload;
pub mod remedy;
pub mod reply;
pub mod report;
mod reporting;
pub mod restore;
pub mod revocation;
pub mod revoke;
pub mod revoking;
mod room;
pub mod root;
mod rotation;
mod saving;
pub mod schedule;
pub mod seats;
pub mod settings;
mod sharers;
mod shelf;
mod short_lived;
pub mod status;
#[cfg(test)]
mod tests;
mod turns;
mod verdict;
mod verified;
mod verifying;
pub mod wall_clock;
