//! The command line: every verb, its flags and its help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::simulate::flags;
pub use super::socket_at::SocketAt;
use super::{exec, explain, span, watch};
use crate::base::OrgName;

/// Keeps the OAuth tokens of Zoho CRM orgs fresh and hands them to the jobs of this host
#[derive(Debug, Parser)]
#[command(
    name = "zoho-tokend",
    version,
    subcommand_required = true,
    arg_required_else_help = false,
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs",
    after_help = "Examples:\n  \
        zoho-tokend demo\n  \
        zoho-tokend enroll acme-production\n  \
        zoho-tokend exec acme-production -- ./sync-contacts\n\n\
        Exit codes (sysexits): 0 done; 64 usage; 65 bad input; 69 no daemon, or Zoho not reached; \
        70 a bug; 74 output; 75 try later; 77 not permitted; 78 config, or a person must act."
)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What the program can be told to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print the access token of an org
    #[command(after_help = "Examples:\n  \
        zoho-tokend get acme-production\n  \
        header=$(zoho-tokend get acme-production --format header) &&\n    \
        printf '%s\\n' \"$header\" | curl -H @- https://www.zohoapis.eu/crm/v8/org\n  \
        eval \"$(zoho-tokend get acme-production --format env --min-ttl 10m)\"")]
    Get(Get),
    /// Run a command with the tokens of one org, or of several, in its environment
    #[command(after_help = exec::AFTER_HELP)]
    Exec(exec::Exec),
    /// Tell of each new token and each change of state, in a line of JSON or by running a command
    #[command(after_help = watch::flags::AFTER_HELP)]
    Watch(watch::flags::Watch),
    /// Say that Zoho's API refused an org's token; print the verdict
    #[command(after_help = "Example:\n  \
        zoho-tokend report acme-production --generation 1795306331 --code INVALID_TOKEN --wait 60s && retry\n\n\
        The generation stands beside the token in `get --format json`, the code in the body of Zoho's answer.\n\n\
        Verdicts and exit codes:\n  \
        superseded, refreshed  0   another token is out: get it and try again\n  \
        pending                75  not yet: report again after the time on stderr, as --wait does\n  \
        scope, binding         78  another token would not help: a person must act\n  \
        not-token              65  the code is not about the token: mend the request, or slow down")]
    Report(Report),
    /// Show the orgs, their tokens and grants, and what to do about them
    #[command(after_help = "Examples:\n  \
        zoho-tokend status\n  \
        zoho-tokend status acme-production --json\n  \
        zoho-tokend status --check || alert\n\n\
        --check exits 0: fresh and ok; 1: fresh, but a grant is not ok; 2: stale, expired or none; 3: no daemon.")]
    Status(Status),
    /// Get one new token from Zoho now, inside the org's budget
    #[command(after_help = "Example:\n  zoho-tokend refresh acme-production")]
    Refresh(OneOrg),
    /// Show an org's enrolments, mints, failures and reports
    #[command(after_help = "Example:\n  zoho-tokend history acme-production --json")]
    History(History),
    /// Have the daemon take the new config: all of it or, if it has a problem, none
    #[command(after_help = "Example:\n  zoho-tokend reload")]
    Reload(SocketAt),
    /// Give an org its grant: a grant token of the API console, a refresh token, or a client's secret
    #[command(after_help = "Examples:\n  \
        zoho-tokend enroll acme-production\n  \
        zoho-tokend enroll acme-production < grant-token\n  \
        zoho-tokend enroll acme-production --self-client self_client.json\n  \
        zoho-tokend enroll acme-production --refresh-token < refresh-token\n  \
        zoho-tokend enroll acme-production --client-secret < new-secret\n\n\
        On a terminal it asks without echo. On stdin a second line is the client secret, for a config that leaves \
        it to the enrolment. An org with client credentials needs no enrolment but for that secret, which is then \
        all that is asked for.")]
    Enroll(Enroll),
    /// Give an org its grant by consent in a browser: for grant = "web"
    #[command(after_help = "Examples:\n  \
        zoho-tokend login acme-production\n  \
        zoho-tokend login acme-production --paste\n\n\
        It prints the address of Zoho's consent page and waits on the port of the client's redirect_uri for the \
        browser to come back. Where the browser is on another host, --paste asks for the address that it ends on.")]
    Login(Login),
    /// Explain a code that Zoho, `status`, a problem or the log shows: what it means here, what to do
    #[command(after_help = "Examples:\n  \
        zoho-tokend explain invalid_code\n  \
        zoho-tokend explain 'Access Denied' --data-center eu\n  \
        zoho-tokend explain        # all of them\n\n\
        Needs neither config nor daemon.")]
    Explain(explain::Explain),
    /// Revoke an org's refresh token at Zoho, and forget it
    #[command(after_help = "Examples:\n  \
        zoho-tokend revoke acme-production\n  \
        zoho-tokend revoke acme-production --yes\n  \
        zoho-tokend revoke acme-production --old\n\n\
        Zoho ends all access tokens of it at once. Where Zoho is not reached nothing is forgotten (exit 75); --forget \
        says nothing to Zoho and drops ours alone. Also for an org that has left the config.")]
    Revoke(Revoke),
    /// Run the daemon
    #[command(
        after_help = "Example:\n  zoho-tokend run --config /etc/zoho-tokend/zoho-tokend.toml"
    )]
    Run(Run),
    /// Check the config and all that it names; print every problem
    #[command(after_help = "Examples:\n  \
        zoho-tokend check\n  \
        zoho-tokend check --online\n  \
        zoho-tokend check --against-running\n\n\
        Exit codes: 0 good; 78 the config has a problem; 69 it is good, but with --online a host gave no good answer, \
        or with --against-running no daemon.")]
    Check(Check),
    /// Tell what readers would see of the config through an outage or other trouble
    #[command(after_help = flags::AFTER_HELP)]
    Simulate(flags::Simulate),
    /// Try the whole system on this machine, against a stand-in of Zoho
    #[cfg(feature = "stand-in")]
    #[command(after_help = "Example:\n  zoho-tokend demo --for 45s")]
    Demo(Demo),
    /// Run the stand-in of Zoho's accounts server alone
    #[cfg(feature = "stand-in")]
    #[command(
        hide = true,
        after_help = "Example:\n  zoho-tokend stand-in --port 9000 --token-life 60s"
    )]
    StandIn(StandIn),
    /// Print the completions of a shell
    #[command(after_help = "Example:\n  \
        zoho-tokend completions bash > /usr/share/bash-completion/completions/zoho-tokend")]
    Completions(Completions),
    /// Print the man page, or write one for each verb
    #[command(after_help = "Examples:\n  \
        zoho-tokend man | man -l -\n  \
        zoho-tokend man --out /usr/share/man/man1")]
    Man(Man),
}

/// One org, and where to ask about it.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct OneOrg {
    /// The org's name in the config
    #[arg(value_parser = OrgName::parse)]
    pub org: OrgName,
    /// Where the daemon listens.
    #[command(flatten)]
    pub at: SocketAt,
}

/// `get`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Get {
    /// Which org.
    #[command(flatten)]
    pub of: OneOrg,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Token)]
    pub format: Format,
    /// Only a token that lives at least so long
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub min_ttl: Option<Duration>,
    /// Wait at most so long for such a token, up to 60s, also over a restart of the daemon
    #[arg(long, value_name = "TIME", value_parser = span::parse_wait, default_value = span::WAIT_DEFAULT)]
    pub wait: Duration,
}

/// How `get` prints a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The token alone
    Token,
    /// `Authorization: Zoho-oauthtoken …`, for `curl -H`
    Header,
    /// Assignments for a shell's `eval`
    Env,
    /// What the daemon answers
    Json,
}

/// `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Which org.
    #[command(flatten)]
    pub of: OneOrg,
    /// The generation of the token that was refused
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub generation: u64,
    /// The `code` in the body of Zoho's answer
    #[arg(long, value_name = "CODE", required_unless_present = "answer")]
    pub code: Option<String>,
    /// A file with the body itself, for answers that keep their codes further down, at most 4 MiB; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with = "code")]
    pub answer: Option<PathBuf>,
    /// Report again when told to, for at most so long
    #[arg(long, value_name = "TIME", value_parser = span::parse, default_value = "0s")]
    pub wait: Duration,
    /// Print what the daemon answers
    #[arg(long)]
    pub json: bool,
}

/// `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Only this org
    #[arg(value_parser = OrgName::parse)]
    pub org: Option<OrgName>,
    /// Print what the daemon answers
    #[arg(long)]
    pub json: bool,
    /// Also orgs that left the config
    #[arg(long, conflicts_with = "org")]
    pub all: bool,
    /// Tell by the exit code whether all is well
    #[arg(long)]
    pub check: bool,
    /// Where the daemon listens.
    #[command(flatten)]
    pub at: SocketAt,
}

/// `history`.
#[derive(Debug, Args)]
pub struct History {
    /// Which org.
    #[command(flatten)]
    pub of: OneOrg,
    /// Print what the daemon answers
    #[arg(long)]
    pub json: bool,
}

/// `enroll`.
#[derive(Debug, Args)]
pub struct Enroll {
    /// Which org.
    #[command(flatten)]
    pub of: OneOrg,
    /// Take over a refresh token instead of exchanging a grant token; one mint proves it
    #[arg(long)]
    pub refresh_token: bool,
    /// Take the grant token out of the console's download; `-`: from stdin
    #[arg(long, value_name = "FILE", conflicts_with = "refresh_token")]
    pub self_client: Option<PathBuf>,
    /// Bring another client secret for the grant that is there; one mint proves it, and it is sealed for every org of
    /// the client in that data center
    #[arg(long, conflicts_with_all = ["refresh_token", "self_client"])]
    pub client_secret: bool,
    /// Leave the refresh token that this one replaces alive at Zoho, instead of revoking it
    #[arg(long)]
    pub keep_old: bool,
}

/// `login`.
#[derive(Debug, Args)]
pub struct Login {
    /// Which org.
    #[command(flatten)]
    pub of: OneOrg,
    /// Ask for the address that the browser ends on, instead of waiting for the browser here
    #[arg(long)]
    pub paste: bool,
    /// Open no browser
    #[arg(long)]
    pub no_browser: bool,
}

/// `revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// Which org.
    #[command(flatten)]
    pub of: OneOrg,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Drop ours alone: at Zoho the refresh token lives on until a person ends it
    #[arg(long)]
    pub forget: bool,
    /// Only the refresh tokens that newer enrolments have replaced; the org's grant stays
    #[arg(long)]
    pub old: bool,
}

/// Where the config is.
#[derive(Debug, Args)]
pub struct ConfigAt {
    /// The config
    #[arg(
        long,
        value_name = "PATH",
        env = "ZOHO_TOKEND_CONFIG",
        default_value = "/etc/zoho-tokend/zoho-tokend.toml"
    )]
    pub config: PathBuf,
}

/// `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Which config.
    #[command(flatten)]
    pub of: ConfigAt,
    /// End when this process ends, which must be the parent: for `demo`
    #[arg(long, value_name = "PID", hide = true)]
    pub end_with: Option<i32>,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Which config.
    #[command(flatten)]
    pub of: ConfigAt,
    /// Also list the orgs that a reload would add, remove or change, by the running daemon's own word
    #[arg(long)]
    pub against_running: bool,
    /// Also ask each data center that the config names, without any secret, whether it answers and what it says
    #[arg(long)]
    pub online: bool,
    /// Where the daemon listens.
    #[command(flatten)]
    pub at: SocketAt,
}

/// `demo`.
#[cfg(feature = "stand-in")]
#[derive(Debug, Args)]
pub struct Demo {
    /// End by itself after so long; exit 0 only if all went well
    #[arg(long = "for", value_name = "TIME", value_parser = span::parse)]
    pub span: Option<Duration>,
}

/// `stand-in`.
#[cfg(feature = "stand-in")]
#[derive(Debug, Args)]
pub struct StandIn {
    /// Port on loopback; 0 for any
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Life of an access token
    #[arg(long, value_name = "TIME", value_parser = span::parse, default_value = "1h")]
    pub token_life: Duration,
    /// Length of the window in which ten mints are allowed
    #[arg(long, value_name = "TIME", value_parser = span::parse, default_value = "10m")]
    pub window: Duration,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Write one page for each verb into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        CommandLine::command().debug_assert();
    }
}
