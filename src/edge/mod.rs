//! x
pub mod http;
pub mod kernel;
pub mod peer;
