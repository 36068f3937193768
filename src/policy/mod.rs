//! Decides: when to mint, what Zoho's answer means, who may read, what is stored and published.
//!
//! Plain synchronous code: events and [`crate::base::Now`] in, steps out. No I/O, clock, randomness or
//! async in here (`tests/tidy.rs` checks it), so that a simulation runs years of it in a minute.

pub mod access;
pub mod record;
pub mod reply;
pub mod settings;
