//! Acts: one outside thing per file, no decisions.
//!
//! What an answer means, when to call and what to publish is `policy`'s.

pub mod zoho;
