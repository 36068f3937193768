//! What happened last, for a person who looks for the cause. Kept only in a run that is replayed: writing it costs
//! more than the run.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::base::OrgName;

/// Most lines that are kept.
const LINES_MAX: usize = 4000;

/// Longest line, in characters.
const LINE_MAX: usize = 220;

/// How many lines back one that says the same of the same moment is counted instead: a storm is a few lines.
const FOLDED: usize = 4;

/// What of a run is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Nothing.
    Nothing,
    /// What happens to this org, or to all.
    Of(OrgName),
    /// Everything.
    Everything,
}

/// The newest events, oldest first.
#[derive(Debug)]
pub(super) struct Timeline {
    is_kept: bool,
    /// The only org of which lines are kept; `None`: of all.
    only: Option<usize>,
    lines: VecDeque<Line>,
}

#[derive(Debug)]
struct Line {
    at: i64,
    text: String,
    /// How often it happened at that moment.
    times: usize,
}

impl Timeline {
    pub(super) fn new(record: &Record, index: &BTreeMap<OrgName, usize>) -> Self {
        Self {
            is_kept: *record != Record::Nothing,
            only: match record {
                Record::Of(org) => index.get(org).copied(),
                _ => None,
            },
            lines: VecDeque::new(),
        }
    }

    /// Notes something of an org, or of all; the text is made only where it is kept.
    pub(super) fn note(&mut self, at: i64, org: Option<usize>, text: impl FnOnce() -> String) {
        let is_others = org.is_some() && self.only.is_some() && org != self.only;
        if !self.is_kept || is_others {
            return;
        }
        let text: String = text().chars().take(LINE_MAX).collect();
        let mut lately = self.lines.iter_mut().rev().take(FOLDED);
        if let Some(same) = lately.find(|line| line.at == at && line.text == text) {
            same.times += 1;
            return;
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(Line { at, text, times: 1 });
    }

    /// The lines, oldest first.
    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines.iter().map(ToString::to_string).collect()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Moment(self.at), self.text)?;
        match self.times {
            1 => Ok(()),
            times => write!(f, ", {times} times"),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_of_two_texts_is_two_lines_and_a_later_moment_another() {
        let mut timeline = Timeline::new(&Record::Everything, &BTreeMap::new());
        for nth in 0..200 {
            let text = if nth % 3 == 0 { "one" } else { "other" };
            timeline.note(1_000, None, || text.to_owned());
        }
        timeline.note(2_000, None, || "one".to_owned());
        let lines = timeline.into_lines();
        assert_eq!(
            lines,
            [
                "0d 00:00:01.000 one, 67 times",
                "0d 00:00:01.000 other, 133 times",
                "0d 00:00:02.000 one"
            ]
        );
    }
}
