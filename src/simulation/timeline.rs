//! What happened last, for a person who looks for the cause. Kept only in a run that is replayed: writing it costs
//! more than the run.

use std::collections::VecDeque;
use std::fmt;

/// Most lines that are kept.
const LINES_MAX: usize = 400;

/// Longest line, in characters.
const LINE_MAX: usize = 220;

/// The newest events, oldest first.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    is_on: bool,
    lines: VecDeque<Line>,
}

#[derive(Debug)]
struct Line {
    at: i64,
    /// `None`: of no org alone.
    org: Option<usize>,
    text: String,
}

impl Timeline {
    pub(super) fn new(is_on: bool) -> Self {
        Self {
            is_on,
            lines: VecDeque::new(),
        }
    }

    /// Notes something; the text is made only where it is kept.
    pub(super) fn note(&mut self, at: i64, org: Option<usize>, text: impl FnOnce() -> String) {
        if !self.is_on {
            return;
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        let text = text().chars().take(LINE_MAX).collect();
        self.lines.push_back(Line { at, org, text });
    }

    /// The lines that concern an org, and those that concern all.
    pub(super) fn of(&self, org: Option<usize>) -> Vec<String> {
        let concerns = |line: &&Line| line.org.is_none() || org.is_none() || line.org == org;
        let lines = self.lines.iter().filter(concerns);
        lines.map(ToString::to_string).collect()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Moment(self.at), self.text)
    }
}

/// A true moment since the start of the run, `1d 03:25:07.250`.
#[derive(Debug, Clone, Copy)]
pub struct Moment(pub i64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, milliseconds) = (self.0.div_euclid(1000), self.0.rem_euclid(1000));
        let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (hours, minutes) = (of_day / 3600, of_day / 60 % 60);
        let seconds = of_day % 60;
        write!(
            f,
            "{days}d {hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"
        )
    }
}
