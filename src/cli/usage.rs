//! What is said to a command line that is not one of ours, or that asks for help.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::CommandLine;
use super::failure::{Exit, Failure};
use super::output;

/// Prints help where it was asked for; else the parser's words in the shape of all our errors.
pub fn answer(argv: &[OsString], error: &clap::Error) -> Result<Exit, Failure> {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        output::print(error.render().to_string().as_bytes())?;
        return Ok(Exit::Done);
    }
    if let [_, help, flag] = argv
        && help == "help"
        && (flag == "--help" || flag == "-h")
    {
        let help = CommandLine::command().render_help();
        output::print(help.to_string().as_bytes())?;
        return Ok(Exit::Done);
    }
    let verb = verb(argv);
    let help = match &verb {
        Some(verb) => format!("see `zoho-tokend {verb} --help`"),
        None => "see `zoho-tokend --help`".to_owned(),
    };
    let who = verb.as_deref().unwrap_or("command line");
    let takes = SECRETIVE.iter().find(|(verb, _)| *verb == who);
    if let Some((_, takes)) = takes.filter(|_| error.kind() != ErrorKind::MissingRequiredArgument) {
        return Err(secret_as_argument(who, takes, is_bad_org(error)));
    }
    let is_bare = who == "exec" && !argv.iter().any(|word| word == "--");
    if is_bare {
        return Err(without_dashes(who));
    }
    Err(Failure::new(Exit::Usage, who, &words(error), &help))
}

/// The words of the command were read as names of orgs.
fn without_dashes(who: &str) -> Failure {
    let what = "no -- stands between the orgs and the command";
    let cure = "write it like `zoho-tokend exec acme-production -- CMD ARG…`";
    Failure::new(Exit::Usage, who, what, cure)
}

/// The verb that was meant, as far as it is one.
fn verb(argv: &[OsString]) -> Option<String> {
    let word = argv.get(1)?.to_str()?;
    let command = CommandLine::command();
    command
        .find_subcommand(word)
        .map(|verb| verb.get_name().to_owned())
}

/// The parser's message without its usage lines, which `--help` has.
fn words(error: &clap::Error) -> String {
    // The parser would list every verb, the hidden one too.
    if error.kind() == ErrorKind::MissingSubcommand {
        return "no verb was given".to_owned();
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let parts = text.split("\n\n").map(str::trim);
    let parts = parts.take_while(|part| !part.starts_with("Usage:"));
    // A dash before a value is no value of any flag of ours.
    let is_idle = |part: &&str| {
        part.starts_with("For more information") || part.starts_with("tip: to pass '")
    };
    let told = parts.filter(|part| !is_idle(part));
    without_tokens(&told.collect::<Vec<_>>().join("; "))
}

/// The parser quotes what it does not take, and a job's stderr is in a journal: a token that stands in the place of
/// another value is not repeated (S1). All of Zoho's begin alike.
fn without_tokens(text: &str) -> String {
    const OPENING: &str = "1000.";
    let is_edge = |c: char| c.is_whitespace() || "'\"=".contains(c);
    let hide = |part: &str| match part.find(OPENING) {
        Some(at) => {
            let token = part[at..].trim_end_matches(is_edge).len();
            format!("{}[hidden]{}", &part[..at], &part[at + token..])
        }
        None => part.to_owned(),
    };
    text.split_inclusive(is_edge).map(hide).collect()
}

/// The verbs that people give a secret to as an argument, and what they take.
const SECRETIVE: [(&str, &str); 2] = [
    (
        "enroll",
        "--refresh-token, --client-secret or --self-client FILE, --keep-old",
    ),
    ("login", "--paste, --no-browser"),
];

/// Whether what stands in the place of the org's name cannot be one.
fn is_bad_org(error: &clap::Error) -> bool {
    let of = error.get(ContextKind::InvalidArg);
    matches!(of, Some(ContextValue::String(arg)) if arg == "<ORG>")
        && error.kind() == ErrorKind::ValueValidation
}

/// The parser would quote what it does not take, and here that may be the secret itself.
fn secret_as_argument(who: &str, takes: &str, is_bad_org: bool) -> Failure {
    let what = if is_bad_org {
        "what stands in the place of the org's name cannot be one: names have a-z, 0-9 and -"
            .to_owned()
    } else {
        format!("it takes an org's name, {takes} and --socket, and nothing else")
    };
    let cure = "mend it; if it was a secret, make a new one, since every user of this host could read it, and give that at \
                the prompt or on stdin";
    Failure::new(Exit::Usage, who, &what, cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1
    #[test]
    fn s1_a_token_in_the_place_of_another_value_is_not_repeated() {
        assert_eq!(
            without_tokens("invalid value '1000.canary' for '--generation <N>': 1000.canary"),
            "invalid value '[hidden]' for '--generation <N>': [hidden]"
        );
        assert_eq!(
            without_tokens("unexpected '--x=1000.ca'"),
            "unexpected '--x=[hidden]'"
        );
        assert_eq!(without_tokens("invalid value '7d'"), "invalid value '7d'");
    }

    /// A line that somebody has ended by hand is ended again where the window is narrower.
    #[test]
    fn no_paragraph_of_any_help_has_line_ends_of_its_own() {
        const WIDTH: usize = 100;
        for mut verb in CommandLine::command().get_subcommands().cloned() {
            let name = verb.get_name().to_owned();
            verb = verb.term_width(WIDTH);
            let help = verb.render_long_help().to_string();
            let lines: Vec<&str> = help.lines().collect();
            for pair in lines.windows(2) {
                let is_text = |line: &str| line.starts_with(|c: char| !c.is_whitespace());
                let is_paragraph = is_text(pair[0]) && is_text(pair[1]);
                let word = pair[1].split(' ').next().unwrap_or_default();
                let fits = pair[0].len() + 1 + word.len() <= WIDTH;
                assert!(!(is_paragraph && fits), "{name}: {pair:?}");
            }
        }
    }
}
