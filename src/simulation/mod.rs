//! The policy, unchanged, in a simulated world: years of operation in a minute, each run replayed from its seed.
//!
//! A world has a Zoho, two clocks, a disk, outlets, readers, operators and trouble. [`judge`] knows the truth that the
//! policy cannot see, and says at every event whether a promise is broken. The tests run worlds from seeds
//! ([`swarm`]); `simulate` runs one ([`Purpose::Forecast`]) on an operator's own config. Imports `base` and `policy`; the simulated Zoho
//! imports `base` alone, so that it shares no mistake with what it judges. Invariant: nothing in here depends on
//! anything but the plan and its seed.

mod api;
mod clocks;
mod desk;
pub mod dice;
mod disk;
mod excuse;
mod forecast;
mod grants;
mod inject;
pub mod judge;
mod limits;
mod mail;
mod network;
pub mod plan;
mod process;
mod readers;
mod reporters;
mod revocations;
pub mod seam;
pub mod shortage;
mod spans;
mod steps;
pub mod swarm;
pub mod tally;
pub mod timeline;
pub mod trouble;
mod vows;
mod waiting;
mod words;
mod world;
pub mod zoho;

pub use plan::{Plan, Purpose, run};
