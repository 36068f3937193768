//! What must not be written in the sources, and what to write instead.

use super::paths;
use super::source::Source;

/// One thing that is not wanted.
pub(crate) struct Ban {
    pub(crate) what: Shape,
    /// Paths that it speaks of begin with one of these.
    within: &'static [&'static str],
    /// Paths that may have it all the same, each with its reason.
    pub(crate) but: &'static [(&'static str, &'static str)],
    /// Whether tests may not have it either.
    in_tests: bool,
    instead: &'static str,
}

/// How it looks.
pub(crate) enum Shape {
    /// A word, wherever it stands.
    Word(&'static str),
    /// Words and signs in a row.
    Row(&'static [&'static str]),
    /// A path that begins so.
    Path(&'static [&'static str]),
}

use Shape::{Path, Row, Word};

const SRC: &[&str] = &["src/"];
const EVERYWHERE: &[&str] = &["src/", "tests/"];
const PURE: &[&str] = &["src/base/", "src/policy/", "src/config/"];

const TAKE_NOW: &str = "take `now` as an argument, and read the clock in edge/clock.rs";
const TAKE_CHANCE: &str =
    "take the number as an argument; jitter comes from edge/dice.rs, keys from edge/store/seal.rs";
const ACT_IN_EDGE: &str = "return a step that says what to do, and do it in `edge`";
const EDGE: (&str, &str) = ("src/edge/", "it acts");

pub(crate) const BANS: &[Ban] = &[
    // Clocks.
    Ban {
        what: Word("clock_gettime"),
        within: SRC,
        but: &[
            EDGE,
            ("src/stand_in/clock.rs", "Zoho has a clock of its own"),
        ],
        in_tests: false,
        instead: TAKE_NOW,
    },
    Ban {
        what: Word("SystemTime"),
        within: SRC,
        but: &[(
            "src/cli/status/",
            "a person reads `in 15m`, and the daemon sends times",
        )],
        in_tests: false,
        instead: TAKE_NOW,
    },
    Ban {
        what: Path(&["std", "time", "Instant"]),
        within: SRC,
        but: &[(
            "src/cli/client.rs",
            "one deadline for a whole call, without a runtime",
        )],
        in_tests: false,
        instead: "use tokio::time::Instant, which tests can stop, or CLOCK_BOOTTIME by edge/clock.rs",
    },
    Ban {
        what: Path(&["time", "Instant"]),
        within: SRC,
        but: &[],
        in_tests: false,
        instead: "import tokio::time::Instant by its full path, so that it is seen which one it is",
    },
    Ban {
        what: Word("Instant"),
        within: PURE,
        but: &[],
        in_tests: true,
        instead: "use base::Boottime: the policy is replayed on a clock of its test's",
    },
    // Chance.
    Ban {
        what: Word("fastrand"),
        within: SRC,
        but: &[
            EDGE,
            ("src/stand_in/", "seeded: the same world on every run"),
        ],
        in_tests: false,
        instead: TAKE_CHANCE,
    },
    Ban {
        what: Word("getrandom"),
        within: SRC,
        but: &[EDGE],
        in_tests: false,
        instead: TAKE_CHANCE,
    },
    Ban {
        what: Word("thread_rng"),
        within: EVERYWHERE,
        but: &[],
        in_tests: true,
        instead: TAKE_CHANCE,
    },
    // I/O and async in what decides.
    pure(Path(&["std", "fs"]), ACT_IN_EDGE),
    pure(Path(&["std", "net"]), ACT_IN_EDGE),
    pure(Path(&["std", "process"]), ACT_IN_EDGE),
    pure(Path(&["std", "thread"]), ACT_IN_EDGE),
    pure(Path(&["std", "env"]), "take the value as an argument"),
    pure(Path(&["tokio"]), ACT_IN_EDGE),
    pure(
        Word("async"),
        "be a function of (state, event, now); `daemon` waits",
    ),
    // Errors.
    Ban {
        what: Row(&[".", "unwrap", "(", ")"]),
        within: SRC,
        but: &[],
        in_tests: false,
        instead: "return an error, or write `expect(\"why it cannot fail\")`",
    },
    everywhere(
        Word("anyhow"),
        "write an enum of the errors, sorted by what to do about them",
    ),
    Ban {
        what: Word("unsafe"),
        within: EVERYWHERE,
        but: &[("src/edge/kernel.rs", "two kernel calls that no crate wraps")],
        in_tests: true,
        instead: "use rustix or nix, or put the call into edge/kernel.rs",
    },
    // Work that is not done.
    everywhere(Row(&["todo", "!"]), "write it, or leave the verb out"),
    everywhere(
        Row(&["unimplemented", "!"]),
        "write it, or leave the verb out",
    ),
    everywhere(Row(&["dbg", "!"]), "remove it, or log with tracing::debug!"),
];

/// A ban for what decides; its tests may do as they like.
const fn pure(what: Shape, instead: &'static str) -> Ban {
    Ban {
        what,
        within: PURE,
        but: &[],
        in_tests: false,
        instead,
    }
}

const fn everywhere(what: Shape, instead: &'static str) -> Ban {
    Ban {
        what,
        within: EVERYWHERE,
        but: &[],
        in_tests: true,
        instead,
    }
}

/// Everything in the file that is banned there.
pub(crate) fn findings(source: &Source) -> Vec<String> {
    BANS.iter().flat_map(|ban| ban.findings(source)).collect()
}

impl Ban {
    fn findings(&self, source: &Source) -> Vec<String> {
        let begins = |start: &&str| source.path.starts_with(*start);
        let is_free = self.but.iter().any(|(path, _)| begins(path));
        if is_free || !self.within.iter().any(begins) {
            return Vec::new();
        }
        let lines = self.lines(source).into_iter();
        let lines = lines.filter(|line| self.in_tests || !source.is_test(*line));
        let what = format!("{} is not for here: {}", self.what.written(), self.instead);
        lines.map(|line| source.finding(line, &what)).collect()
    }

    /// The lines that have it, allowed or not.
    pub(crate) fn lines(&self, source: &Source) -> Vec<usize> {
        let tokens = &source.tokens;
        match self.what {
            Word(word) => {
                let found = tokens.iter().filter(|token| token.text == word);
                found.map(|token| token.line).collect()
            }
            Row(row) => {
                let found = tokens.windows(row.len()).filter(|window| {
                    window
                        .iter()
                        .zip(row)
                        .all(|(token, text)| token.text == *text)
                });
                found.map(|window| window[0].line).collect()
            }
            Path(start) => {
                let found = paths::of(tokens).into_iter();
                let found = found.filter(|path| path.starts_with(start));
                found.map(|path| path.line).collect()
            }
        }
    }
}

impl Shape {
    fn written(&self) -> String {
        match self {
            Word(word) => format!("`{word}`"),
            Row(row) => format!("`{}`", row.concat()),
            Path(path) => format!("`{}`", path.join("::")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        findings(&Source::of_text(path, text)).len()
    }

    #[test]
    fn a_clock_is_found_where_none_may_be_read() {
        let kernel = "use rustix::time::{ClockId, clock_gettime};";
        assert_eq!(count("src/daemon/desk.rs", kernel), 1);
        assert_eq!(count("src/stand_in/lane.rs", kernel), 1);
        assert_eq!(count("src/edge/clock.rs", kernel), 0);
        assert_eq!(count("src/stand_in/clock.rs", kernel), 0);
        for text in [
            "fn a() { std::time::SystemTime::now(); }",
            "use std::time::{Duration, Instant};",
            "use std::time;\nfn a() { time::Instant::now(); }",
        ] {
            assert_eq!(count("src/daemon/desk.rs", text), 1, "{text}");
        }
        let tokio = "use tokio::time::Instant;\nfn a(_: Instant) {}";
        assert_eq!(count("src/daemon/desk.rs", tokio), 0);
        assert_eq!(count("src/policy/schedule.rs", "fn a(_: Instant) {}"), 1);
    }

    #[test]
    fn chance_is_found_outside_of_the_edge() {
        for text in [
            "fn a() { fastrand::u8(..); }",
            "use getrandom::fill;",
            "fn a() { rand::thread_rng(); }",
        ] {
            assert_eq!(count("src/policy/schedule.rs", text), 1, "{text}");
        }
        assert_eq!(count("src/edge/dice.rs", "use fastrand::Rng;"), 0);
    }

    #[test]
    fn io_and_async_are_found_in_what_decides_and_nowhere_else() {
        for text in [
            "use std::{fs, io};",
            "use std::net::IpAddr;",
            "fn a() { std::process::id(); }",
            "fn a() { std::thread::yield_now(); }",
            "fn a() { std::env::args(); }",
            "use tokio::sync::mpsc;",
            "async fn a() {}",
        ] {
            assert_eq!(count("src/policy/org.rs", text), 1, "{text}");
            assert_eq!(count("src/edge/socket.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn an_unwrap_is_found_outside_of_tests() {
        let text = "fn a() { b().unwrap(); b().unwrap_or(1); }";
        assert_eq!(count("src/cli/get.rs", text), 1);
        assert_eq!(
            count(
                "src/cli/get.rs",
                &format!("#[cfg(test)]\nmod tests {{ {text} }}")
            ),
            0
        );
    }

    #[test]
    fn anyhow_unsafe_and_work_that_is_not_done_are_found_in_tests_too() {
        for text in [
            "use anyhow::Result;",
            "fn a() { unsafe { b() } }",
            "fn a() { todo!() }",
            "fn a() { unimplemented!(\"b\") }",
            "fn a() { dbg!(1); }",
        ] {
            assert_eq!(count("src/cli/get.rs", text), 1, "{text}");
            assert_eq!(count("tests/cli/get.rs", text), 1, "{text}");
        }
        assert_eq!(count("src/edge/kernel.rs", "fn a() { unsafe { b() } }"), 0);
        assert_eq!(
            count(
                "src/cli/get.rs",
                "fn a() { todo(\"unsafe dbg!\") } // anyhow"
            ),
            0
        );
    }

    #[test]
    fn a_finding_names_the_place_and_the_replacement() {
        let found = findings(&Source::of_text(
            "src/cli/get.rs",
            "fn a() {\n b().unwrap();\n}",
        ));
        let text = "src/cli/get.rs:2: `.unwrap()` is not for here: return an error, \
                    or write `expect(\"why it cannot fail\")`";
        assert_eq!(found, [text]);
    }
}
