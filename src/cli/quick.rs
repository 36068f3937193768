//! The command line that jobs run all day, `get ORG`, read without building the parser of all verbs.
//!
//! No second opinion: it takes the plainest form alone and leaves the rest, every error included, to
//! [`CommandLine`](super::args::CommandLine). Invariant: where it reads a line at all, it reads it as that does.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;

use super::args::{Format, Get, OneOrg, SocketAt};
use super::span;
use crate::base::OrgName;

/// The values of `get`'s flags, as typed.
#[derive(Default)]
struct Typed<'a> {
    org: Option<&'a str>,
    socket: Option<&'a str>,
    format: Option<&'a str>,
    min_ttl: Option<&'a str>,
    wait: Option<&'a str>,
}

/// `get ORG` with flags written `--flag VALUE`, each once; `None` for whatever else.
pub fn parse(argv: &[OsString]) -> Option<Get> {
    let [_, verb, words @ ..] = argv else {
        return None;
    };
    if verb != "get" {
        return None;
    }
    let typed = Typed::of(words)?;
    Some(Get {
        of: OneOrg {
            org: OrgName::parse(typed.org?).ok()?,
            at: SocketAt {
                socket: typed.socket.map(PathBuf::from),
            },
        },
        format: Format::from_str(typed.format.unwrap_or("token"), false).ok()?,
        min_ttl: typed.min_ttl.map(span::parse).transpose().ok()?,
        wait: span::parse_wait(typed.wait.unwrap_or(span::WAIT_DEFAULT)).ok()?,
    })
}

impl<'a> Typed<'a> {
    fn of(words: &'a [OsString]) -> Option<Self> {
        let mut typed = Self::default();
        let mut words = words.iter().map(|word| word.to_str());
        while let Some(word) = words.next() {
            let (place, value) = match word? {
                "--socket" => (&mut typed.socket, words.next()??),
                "--format" => (&mut typed.format, words.next()??),
                "--min-ttl" => (&mut typed.min_ttl, words.next()??),
                "--wait" => (&mut typed.wait, words.next()??),
                word => (&mut typed.org, word),
            };
            let is_plain = !value.is_empty() && !value.starts_with('-');
            if !is_plain || place.replace(value).is_some() {
                return None;
            }
        }
        Some(typed)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{CommandLine, Verb};
    use super::*;

    fn argv(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn by_the_parser(line: &str) -> Option<Get> {
        match CommandLine::try_parse_from(argv(line)).ok()?.verb {
            Verb::Get(get) => Some(get),
            _ => None,
        }
    }

    #[test]
    fn what_is_read_quickly_is_read_as_the_parser_reads_it() {
        for line in [
            "zoho-tokend get acme",
            "zoho-tokend get acme --format header",
            "zoho-tokend get --format env acme-production",
            "zoho-tokend get acme --wait 0 --min-ttl 5m",
            "zoho-tokend get --socket /tmp/s acme --min-ttl 300 --wait 60s --format json",
            "./zoho-tokend get 0 --socket relative --format token",
        ] {
            let quick = parse(&argv(line));
            assert!(quick.is_some(), "{line}");
            assert_eq!(quick, by_the_parser(line), "{line}");
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_parser() {
        for line in [
            "zoho-tokend",
            "zoho-tokend status acme",
            "zoho-tokend get",
            "zoho-tokend get acme beta",
            "zoho-tokend get ACME",
            "zoho-tokend get acme --wait=5s",
            "zoho-tokend get acme --wait",
            "zoho-tokend get acme --wait 2m",
            "zoho-tokend get acme --wait 1s --wait 2s",
            "zoho-tokend get acme --wait -1",
            "zoho-tokend get acme --format yaml",
            "zoho-tokend get acme --format Token",
            "zoho-tokend get acme --min-ttl soon",
            "zoho-tokend get acme --socket ",
            "zoho-tokend get acme --help",
            "zoho-tokend get -h",
            "zoho-tokend get --format",
            "zoho-tokend get --for token acme",
            "zoho-tokend get --bogus acme",
            "zoho-tokend get -- acme",
            "zoho-tokend --help get acme",
        ] {
            assert!(parse(&argv(line)).is_none(), "{line}");
        }
    }
}
