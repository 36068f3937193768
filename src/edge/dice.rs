//! Jitter from the machine. The one place that rolls dice; nobody gains by guessing them.

use crate::policy::schedule::Dice;

/// Dice seeded by the operating system.
#[derive(Debug, Default)]
pub struct Jitter(fastrand::Rng);

impl Dice for Jitter {
    fn roll(&mut self) -> f64 {
        self.0.f64()
    }
}
