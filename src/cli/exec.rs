//! `exec`: becomes a command that has the tokens of its orgs in its environment.
//!
//! For short jobs: what is in an environment does not renew. It is `exec(2)`, so pid, stdin, signals and exit code are
//! the command's own. Invariant: the command runs only with a whole token of every org, and no token is ever an argument.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;

use super::args::SocketAt;
use super::failure::{Exit, Failure};
use super::reading::{Reading, Wanted};
use super::token_answer::TokenAnswer;
use super::{output, refusal, span};
use crate::base::OrgName;

/// Most orgs of one command: each is a question that waits beside the others.
const ORGS_MAX: usize = 100;

/// What `--help` adds.
pub const AFTER_HELP: &str = "Examples:\n  \
    zoho-tokend exec acme-production -- ./sync-contacts --since yesterday\n  \
    zoho-tokend exec acme-production --min-ttl 20m -- sh -c 'curl -H \"Authorization: Zoho-oauthtoken \
    $ZOHO_ACCESS_TOKEN\" $ZOHO_API_DOMAIN/crm/v8/org'\n\n\
    The command gets ZOHO_ACCESS_TOKEN, ZOHO_API_DOMAIN and ZOHO_TOKEN_EXPIRES_AT; of several orgs \
    ZOHO_ACME_PRODUCTION_ACCESS_TOKEN and so on; and ZOHO_TOKEND_SOCKET. These tokens do not renew: a job that runs \
    longer than --min-ttl calls `zoho-tokend get` when it needs one.\n\n\
    Exits as the command does. Where there is no token: 69, 75, 77 or 78, as `get`, and nothing has run. The command \
    cannot be run: 126. There is no such command: 127.";

/// `exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// The orgs whose tokens the command gets
    #[arg(required = true, value_name = "ORG", value_parser = OrgName::parse)]
    pub orgs: Vec<OrgName>,
    /// Only tokens that live at least so long
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub min_ttl: Option<Duration>,
    /// Wait at most so long for such tokens, up to 60s
    #[arg(long, value_name = "TIME", value_parser = span::parse_wait, default_value = span::WAIT_DEFAULT)]
    pub wait: Duration,
    /// Where the daemon listens.
    #[command(flatten)]
    pub at: SocketAt,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// Reads the tokens, and becomes the command; returns only where that fails.
pub fn run(args: &Exec) -> Result<Exit, Failure> {
    require_distinct(&args.orgs)?;
    let socket = args.at.path();
    let tokens = read_all(args, &socket)?;
    let Some((program, rest)) = args.command.split_first() else {
        return Err(Failure::bug("exec", "no command"));
    };
    let mut command = Command::new(program);
    command.args(rest).env("ZOHO_TOKEND_SOCKET", full(socket));
    set_variables(&mut command, &args.orgs, &tokens);
    Err(not_run(program, &command.exec()))
}

/// One org's variables are `ZOHO_ACCESS_TOKEN` and so on; of several, each has its own, and what a caller left in the
/// others' place goes.
fn set_variables(command: &mut Command, orgs: &[OrgName], tokens: &[TokenAnswer]) {
    for (org, token) in orgs.iter().zip(tokens) {
        let prefix = match orgs {
            [_] => "ZOHO_".to_owned(),
            _ => format!("ZOHO_{}_", org.to_variable()),
        };
        if orgs.len() > 1 {
            for (name, _) in token.variables("ZOHO_") {
                command.env_remove(name);
            }
        }
        command.envs(token.variables(&prefix));
    }
}

/// Why the command does not run, with the code that a shell would exit with.
pub(super) fn not_run(program: &OsStr, error: &io::Error) -> Failure {
    let exit = match error.kind() {
        ErrorKind::NotFound => Exit::NotFound,
        _ => Exit::NotExecutable,
    };
    let (what, cure) = match exit {
        Exit::NotFound => (
            "there is no such command".to_owned(),
            "mend its name, or give its whole path; of a script, see that its first line names a program that is there",
        ),
        _ => (
            format!("it cannot be run ({error})"),
            "see that it is a program, and that this user may execute it",
        ),
    };
    Failure::new(exit, &program.to_string_lossy(), &what, cure)
}

/// As the command finds it from whatever folder.
pub(super) fn full(socket: PathBuf) -> PathBuf {
    std::path::absolute(&socket).unwrap_or(socket)
}

/// Names that would share their variables.
fn require_distinct(orgs: &[OrgName]) -> Result<(), Failure> {
    let mut variables = BTreeSet::new();
    if let Some(twice) = orgs.iter().find(|org| !variables.insert(org.to_variable())) {
        let what = format!("two orgs would be ZOHO_{}_…", twice.to_variable());
        let cure = "name each org once";
        return Err(Failure::new(Exit::Usage, twice.as_str(), &what, cure));
    }
    if orgs.len() > ORGS_MAX {
        let what = format!("{} orgs are more than {ORGS_MAX}", orgs.len());
        let cure = "let the command call `zoho-tokend get` for each org when it needs it";
        return Err(Failure::new(Exit::Usage, "exec", &what, cure));
    }
    Ok(())
}

/// Asks for all at once, so that they wait together. Every org that has none is told; the failure returned is the one
/// that waiting helps least.
fn read_all(args: &Exec, socket: &Path) -> Result<Vec<TokenAnswer>, Failure> {
    let begin = |org| {
        let wanted = Wanted {
            org,
            min_ttl: args.min_ttl,
            accept: "application/json",
        };
        Reading::begin(socket, wanted, args.wait)
    };
    let readings: Vec<Reading<'_>> = args.orgs.iter().map(begin).collect();
    let mut tokens = Vec::new();
    let mut failures = Vec::new();
    for (org, reading) in args.orgs.iter().zip(readings) {
        match read(org, reading) {
            Ok(token) => tokens.push(token),
            Err(failure) => failures.push(failure),
        }
    }
    failures.sort_by_key(|failure| failure.exit as u8);
    failures.dedup();
    let Some(worst) = failures.pop() else {
        return Ok(tokens);
    };
    failures.iter().for_each(output::complain_of);
    Err(worst)
}

fn read(org: &OrgName, reading: Reading<'_>) -> Result<TokenAnswer, Failure> {
    let answer = reading.end()?;
    if answer.status != 200 {
        return Err(refusal::failure(org.as_str(), &answer));
    }
    let token = TokenAnswer::parse(&answer.body);
    token.ok_or_else(|| refusal::not_understood(org.as_str(), &answer))
}
