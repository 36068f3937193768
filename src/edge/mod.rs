//! Acts: one outside thing a file, and no decisions.

pub mod store;
