//! The command line of `watch`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::base::OrgName;
use crate::cli::args::SocketAt;
use crate::cli::span;

/// What `--help` adds.
pub const AFTER_HELP: &str = "Examples:\n  \
    zoho-tokend watch\n  \
    zoho-tokend watch acme-production --generations --cursor ~/.cache/acme.cursor --exec ./token-has-changed\n\n\
    A line has org, change, token, grant, generation, expires_at, cause, cure and when the words became true; never a \
    token: `zoho-tokend get` has that. `change` is first (nothing was known before), generation (another token), state \
    (a word changed), or gone (this user may see the org no more). What changes faster than it is taken is told once, \
    as it is then.\n\n\
    --exec runs CMD as this user, one at a time, in a process group of its own, with the line on its stdin and ZOHO_ORG, ZOHO_CHANGE, \
    ZOHO_GENERATION, ZOHO_TOKEN_STATE, ZOHO_GRANT_STATE, ZOHO_TOKEN_EXPIRES_AT, ZOHO_CAUSE and ZOHO_TOKEND_SOCKET. One \
    that fails is run again after a second, then later and later, at most every five minutes, with what is true then. \
    With --cursor it is run at least once for each change, over restarts of this program and of the daemon.\n\n\
    Ends with 0 at SIGTERM, SIGINT, or when nobody reads its lines any more.";

/// `watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Only these orgs; without one, every org that this user may see, also one that comes later
    #[arg(value_name = "ORG", value_parser = OrgName::parse)]
    pub orgs: Vec<OrgName>,
    /// Only new tokens: nothing where a word alone changes
    #[arg(long)]
    pub generations: bool,
    /// Keep what was told in this file, and begin with what has changed since
    #[arg(long, value_name = "FILE")]
    pub cursor: Option<PathBuf>,
    /// End a CMD that runs longer, which counts as a failure
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "15m")]
    pub timeout: Duration,
    /// Where the daemon listens.
    #[command(flatten)]
    pub at: SocketAt,
    /// Run CMD for each change instead of printing it; takes the rest of the command line
    #[arg(long, value_name = "CMD", num_args = 1.., allow_hyphen_values = true)]
    pub exec: Vec<OsString>,
    /// The same as --exec
    #[arg(last = true, value_name = "CMD", conflicts_with = "exec")]
    pub rest: Vec<OsString>,
}

impl Watch {
    /// The program to run for each change and its arguments; `None` where lines are printed.
    pub fn command(&self) -> Option<(&OsString, &[OsString])> {
        let words = match &*self.exec {
            [dashes, words @ ..] if dashes == "--" => words,
            [] => &self.rest,
            words => words,
        };
        words.split_first()
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    match span::parse(text)? {
        span if span >= Duration::from_secs(1) => Ok(span),
        _ => Err("a command gets at least a second".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::args::{CommandLine, Verb};

    fn command(line: &str) -> Option<Vec<String>> {
        let words = format!("zoho-tokend watch {line}");
        let line = CommandLine::try_parse_from(words.split_whitespace()).expect("it parses");
        let Verb::Watch(watch) = line.verb else {
            unreachable!("watch was asked for");
        };
        let (program, rest) = watch.command()?;
        let words = [program].into_iter().chain(rest);
        Some(
            words
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
        )
    }

    #[test]
    fn exec_takes_the_rest_of_the_line_whatever_it_looks_like() {
        let words = |line: &str| Some(line.split(' ').map(str::to_owned).collect());
        assert_eq!(command(""), None);
        assert_eq!(command("acme beta"), None);
        assert_eq!(command("acme --exec true"), words("true"));
        let flags = "sh -c x --socket y --help -- z";
        assert_eq!(command(&format!("acme --exec {flags}")), words(flags));
        assert_eq!(command(&format!("acme -- {flags}")), words(flags));
        assert_eq!(command(&format!("--exec -- {flags}")), words(flags));
    }
}
