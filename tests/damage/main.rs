//! R7 and S1 for the state: what was acknowledged is there, whatever dies or breaks, or its loss is told.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod disk;
mod fixture;
mod kill;
mod matrix;
mod owner;
mod schemas;
mod store;
mod texts;
