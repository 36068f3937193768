//! R7 and S1 for the state: what was acknowledged is there, whatever dies or breaks, or its loss is told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod disk;
mod fixture;
mod kill;
mod matrix;
mod store;
