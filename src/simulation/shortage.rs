//! What the readers of an org went short of, and from when to when.
//!
//! Knows no promise: [`super::judge`] tells it what a reader found, and it keeps the spans. Invariant: of one kind of
//! shortage no more than [`GAPS_MAX`] spans are kept; all of them are counted.

/// Most spans of one kind that are kept.
const GAPS_MAX: usize = 100;

/// What a reader found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Find {
    /// A token with the promised `min_ttl` left.
    Enough,
    /// A token with less.
    Stale,
    /// A token that Zoho takes no more, since somebody took the right away.
    Refused,
    /// Nothing.
    Nothing,
}

impl Find {
    /// What a token is with so many milliseconds left, where `min_ttl_ms` are promised.
    pub(super) fn with_left(left_ms: i64, min_ttl_ms: i64) -> Self {
        match left_ms {
            ..=0 => Self::Nothing,
            left if left < min_ttl_ms => Self::Stale,
            _ => Self::Enough,
        }
    }
}

/// From when to when readers went short, in true milliseconds since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first moment.
    pub from_ms: i64,
    /// The first moment after it, or the end of the run.
    pub to_ms: i64,
    /// Whether it lasted to the end of the run.
    pub is_open: bool,
}

impl Gap {
    /// How long it was.
    pub fn span_ms(self) -> i64 {
        self.to_ms - self.from_ms
    }
}

/// All shortages of one kind.
#[derive(Debug, Clone, Default)]
pub struct Gaps {
    /// How many there were.
    pub times: u64,
    /// All of them together.
    pub total_ms: i64,
    /// The longest.
    pub longest: Option<Gap>,
    /// The first ones.
    pub spans: Vec<Gap>,
}

impl Gaps {
    fn add(&mut self, gap: Gap) {
        self.times += 1;
        self.total_ms += gap.span_ms();
        if self
            .longest
            .is_none_or(|longest| longest.span_ms() < gap.span_ms())
        {
            self.longest = Some(gap);
        }
        if self.spans.len() < GAPS_MAX {
            self.spans.push(gap);
        }
    }
}

/// Every kind of shortage of one org.
#[derive(Debug, Clone)]
pub struct Shortages {
    /// Readers got a token with less than the promised `min_ttl` left.
    pub stale: Gaps,
    /// Readers got a token that Zoho takes no more.
    pub refused: Gaps,
    /// Readers got nothing.
    pub nothing: Gaps,
    /// What they find now, and since when.
    now: (Find, i64),
}

impl Default for Shortages {
    fn default() -> Self {
        Self {
            stale: Gaps::default(),
            refused: Gaps::default(),
            nothing: Gaps::default(),
            now: (Find::Enough, 0),
        }
    }
}

impl Shortages {
    /// A reader found this.
    pub(super) fn note(&mut self, find: Find, at: i64) {
        if self.now.0 != find {
            self.end(at, false);
            self.now = (find, at);
        }
    }

    /// The run is over: what lasts, lasts to here.
    pub(super) fn conclude(&mut self, at: i64) {
        self.end(at, true);
        self.now = (Find::Enough, at);
    }

    fn end(&mut self, at: i64, is_open: bool) {
        let (find, since) = self.now;
        let gaps = match find {
            Find::Enough => return,
            Find::Stale => &mut self.stale,
            Find::Refused => &mut self.refused,
            Find::Nothing => &mut self.nothing,
        };
        if at > since {
            gaps.add(Gap {
                from_ms: since,
                to_ms: at,
                is_open,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_lasts_from_the_first_reader_who_goes_short_to_the_first_who_does_not() {
        let mut short = Shortages::default();
        let finds = [
            (Find::Enough, 5),
            (Find::Stale, 10),
            (Find::Stale, 20),
            (Find::Nothing, 30),
            (Find::Enough, 45),
            (Find::Nothing, 50),
        ];
        for (find, at) in finds {
            short.note(find, at);
        }
        short.conclude(60);
        let gap = |from_ms, to_ms, is_open| Gap {
            from_ms,
            to_ms,
            is_open,
        };
        assert_eq!(short.stale.spans, [gap(10, 30, false)]);
        assert_eq!(short.nothing.spans, [gap(30, 45, false), gap(50, 60, true)]);
        assert_eq!((short.nothing.times, short.nothing.total_ms), (2, 25));
        assert_eq!(short.nothing.longest, Some(gap(30, 45, false)));
        assert!(short.refused.spans.is_empty());
    }

    #[test]
    fn gaps_beyond_a_hundred_are_counted_and_not_kept() {
        let mut short = Shortages::default();
        for at in 0..300 {
            let find = if at % 2 == 0 {
                Find::Stale
            } else {
                Find::Enough
            };
            short.note(find, at);
        }
        assert_eq!(
            (short.stale.times, short.stale.spans.len()),
            (150, GAPS_MAX)
        );
    }
}
