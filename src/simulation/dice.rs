//! Chance from a seed: the same seed, the same run.

use crate::policy::schedule::Dice;

/// A generator (splitmix64, Steele et al. 2014): one addition and two multiplications a number.
#[derive(Debug, Clone)]
pub struct Seeded(u64);

impl Seeded {
    /// Begins at `seed`; neighbouring seeds give unrelated runs.
    pub fn new(seed: u64) -> Self {
        let mut seeded = Self(seed ^ 0x5851_f42d_4c95_7f2d);
        Self(seeded.number())
    }

    /// Another generator, so that what one part of the world uses up shifts no other part.
    #[must_use]
    pub(super) fn fork(&mut self) -> Self {
        Self(self.number())
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number under `n`; zero where `n` is.
    pub fn below(&mut self, n: u64) -> u64 {
        self.number() % n.max(1)
    }

    /// A span in milliseconds from `low` to under `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low).max(1).unsigned_abs()).cast_signed()
    }

    /// Whether something with this chance in a thousand happens.
    pub fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of them.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.place(from)]
    }

    /// The place of one of them.
    pub(super) fn place<T>(&mut self, of: &[T]) -> usize {
        let at = self.below(of.len() as u64);
        usize::try_from(at).unwrap_or(0)
    }
}

impl Dice for Seeded {
    fn roll(&mut self) -> f64 {
        let top = u32::try_from(self.number() >> 32).unwrap_or(u32::MAX);
        f64::from(top) / (f64::from(u32::MAX) + 1.0)
    }
}
