//! What is no TOML, said once for each slip of the pen.
//!
//! The parser reads on after an error and stumbles again over what follows from it: behind a list that is not closed
//! everything is an item. Such lines are marked as garbled, and nothing is said of them.

use std::ops::RangeInclusive;

use toml::de::DeTable;

use super::problem::Problem;
use super::source::Source;
use super::value::shown;

/// How often a file is parsed anew without the lines that the parser gave up at, so that what follows is read, too.
const ROUNDS_MAX: usize = 3;
/// Errors of one file that are told one by one: a file of garbage has one for every byte.
const SLIPS_MAX: usize = 200;
/// What to say of the parser's commonest errors, by how they begin. None repeats the text: it may be a secret.
const CURES: [(&str, &str); 14] = [
    (
        STOP,
        "a key without a value; write `key = value`, or drop the line",
    ),
    (
        "duplicate key",
        "this key stands here a second time; keep one",
    ),
    (
        "string values must be quoted",
        "a text without quotes; write it between \"…\"",
    ),
    (
        "missing opening quote",
        "a text without its first quote; write it between \"…\"",
    ),
    (
        COMMA_IN_LIST,
        "the list before this lacks its end, or a comma; write `]` or `,` there",
    ),
    (
        COMMA_IN_TABLE,
        "the table before this lacks its end, or a comma; write `}` or `,` there",
    ),
    (
        "unexpected key or value",
        "more than one value in a line; start a new line here",
    ),
    (
        "unexpected leading zero",
        "a number that starts with 0; write a mode as a text, like \"0640\"",
    ),
    (
        "invalid basic string",
        "a text that is not closed; write `\"` at its end",
    ),
    (
        "invalid literal string",
        "a text that is not closed; write `'` at its end",
    ),
    ("too few unicode value digits", ESCAPE),
    ("missing escaped value", ESCAPE),
    ("unclosed table", UNCLOSED_TABLE),
    ("unclosed array table", UNCLOSED_TABLE),
];
const TOO_MANY: &str = "and more that is no TOML; mend what comes before this first";
const ESCAPE: &str =
    "in \"…\" a backslash starts an escape; double it, or write the text between '…'";
const UNCLOSED_TABLE: &str = "a table's name that is not closed; write `]` or `]]` at its end";
/// The parser stops for good at a line without `=`.
const STOP: &str = "key with no value";
const COMMA_IN_LIST: &str = "missing comma between array elements";
const COMMA_IN_TABLE: &str = "missing comma between key-value pairs";

/// One error of the parser.
struct Slip {
    offset: usize,
    message: String,
}

/// Reports every syntax error of `source`, and blanks the lines that the parser gives up at.
pub(super) fn check(source: &mut Source<'_>) {
    for _ in 0..ROUNDS_MAX {
        let slips = parse(source);
        report(source, &slips);
        let stops = slips.iter().filter(|slip| slip.message.starts_with(STOP));
        let lines: Vec<_> = stops
            .map(|slip| source.line_of(slip.offset.saturating_sub(1)))
            .collect();
        if lines.is_empty() {
            return;
        }
        for line in lines {
            source.blank(line);
        }
    }
}

fn parse(source: &Source<'_>) -> Vec<Slip> {
    let (_, errors) = DeTable::parse_recoverable(&source.text);
    let errors = errors.into_iter();
    let slips = errors.map(|error| Slip {
        offset: error.span().map_or(0, |span| span.start),
        message: error.message().to_owned(),
    });
    let mut slips: Vec<_> = slips.collect();
    if let Some(first) = slips.get_mut(SLIPS_MAX) {
        TOO_MANY.clone_into(&mut first.message);
    }
    slips.truncate(SLIPS_MAX + 1);
    slips
}

fn report(source: &Source<'_>, slips: &[Slip]) {
    let garbled = garbled_lines(source, slips);
    let is_garbled = |line| garbled.iter().any(|lines| lines.contains(&line));
    for slip in slips {
        if !is_garbled(source.line_of(slip.offset)) {
            let place = source.place(slip.offset);
            source
                .report
                .add_syntax(Problem::error(place, describe(source, slip)));
        }
    }
    for line in garbled.into_iter().flatten() {
        source.report.add_garbled(source.place_of_line(line));
    }
}

fn describe(source: &Source<'_>, slip: &Slip) -> String {
    let line = source.line_of(slip.offset);
    let text = source.line(line);
    if text.ends_with('=') && slip.message != TOO_MANY {
        return "a key without a value; write one after `=`".to_owned();
    }
    if let Some(first) = first_opened(source, slip) {
        let table = shown(text.trim());
        return format!("{table} stands here a second time, first in line {first}; keep one");
    }
    let known = CURES
        .iter()
        .find(|(start, _)| slip.message.starts_with(start));
    match known {
        Some((_, cure)) => (*cure).to_owned(),
        None => slip.message.replacen(", expected ", "; expected here: ", 1),
    }
}

/// Where a table that is opened twice was opened first: nearly always one of the two is a copied drop-in.
fn first_opened(source: &Source<'_>, slip: &Slip) -> Option<usize> {
    let this = source.line_of(slip.offset);
    let header = source.line(this).trim();
    if slip.message != "duplicate key" || !header.starts_with('[') {
        return None;
    }
    let mut before = source.lines().take_while(|line| *line < this);
    before.find(|line| source.line(*line).trim() == header)
}

/// Lines that say nothing after an error above them.
fn garbled_lines(source: &Source<'_>, slips: &[Slip]) -> Vec<RangeInclusive<usize>> {
    let line_of = |slip: &Slip| source.line_of(slip.offset);
    let mut garbled = vec![];
    for slip in slips {
        let message = slip.message.as_str();
        if is_unclosed_header(message) || first_opened(source, slip).is_some() {
            garbled.push(line_of(slip) + 1..=last_of_table(source, line_of(slip)));
        }
        let comma = match message {
            _ if is_unclosed_header(message) => continue,
            _ if message.starts_with("unclosed array") => COMMA_IN_LIST,
            _ if message.starts_with("unclosed inline table") => COMMA_IN_TABLE,
            _ => continue,
        };
        let missing = slips.iter().find(|slip| slip.message.starts_with(comma));
        garbled.extend(missing.map(|missing| line_of(missing) + 1..=line_of(slip)));
    }
    garbled
}

fn is_unclosed_header(message: &str) -> bool {
    message.starts_with("unclosed table") || message.starts_with("unclosed array table")
}

fn last_of_table(source: &Source<'_>, header: usize) -> usize {
    let mut below = source.lines().skip(header);
    let next = below.find(|line| source.line(*line).trim_start().starts_with('['));
    next.map_or(source.lines().end, |next| next) - 1
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::report::Report;
    use super::super::source::SourceText;
    use super::*;

    fn problems_of(text: &str) -> Vec<String> {
        let report = Report::new(Path::new("z"), vec![]);
        let source = SourceText {
            path: "z".into(),
            text: text.into(),
        };
        Source::new(&source, &report);
        report.finish().0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let problems = problems_of("a = 1\nb = \"äöü\" x\n");
        assert!(problems[0].starts_with("z:2:11: "), "{problems:?}");
    }

    #[test]
    fn what_follows_a_line_without_a_value_is_read_too() {
        let problems = problems_of("foo\nb = 2\nbar\nc = 5m\n");
        assert_eq!(
            problems,
            [
                "z:1:4: a key without a value; write `key = value`, or drop the line",
                "z:3:4: a key without a value; write `key = value`, or drop the line",
                "z:4:5: a text without quotes; write it between \"…\"",
            ]
        );
    }

    #[test]
    fn a_list_that_is_not_closed_is_one_problem() {
        let problems = problems_of("a = [1, 2\nb = 3\n[x]\ny = 5m\n");
        assert_eq!(
            problems,
            ["z:2:1: the list before this lacks its end, or a comma; write `]` or `,` there"]
        );
    }

    #[test]
    fn a_table_that_is_opened_twice_is_one_problem_and_names_the_first() {
        let problems = problems_of("[a]\nx = 1\n[a]\nx = 2\nz = 1\n[b]\nx = 5m\n");
        assert_eq!(
            problems,
            [
                "z:3:2: [a] stands here a second time, first in line 1; keep one",
                "z:7:5: a text without quotes; write it between \"…\"",
            ]
        );
    }

    #[test]
    fn s1_a_text_without_quotes_is_never_repeated() {
        let problems = problems_of("client_secret = canary\n");
        assert!(!problems[0].contains("canary"), "{problems:?}");
    }
}
