//! The verbs, one a file.

pub mod check;
