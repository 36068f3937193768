//! What `simulate` is told on the command line.

use std::time::Duration;

use clap::Args;

use super::when::{self, Strike, When};
use crate::cli::args::ConfigAt;
use crate::cli::span;
use crate::policy::reply::LIFE_MAX;
use crate::simulation::trouble::Trouble;

/// Most days of a run: a quarter of a year.
const DAYS_MAX: i64 = 92;

/// How long a machine is off that reboots, unless told.
const REBOOT: Duration = Duration::from_mins(2);

/// How long a daemon is down that is restarted, unless told.
const RESTART: Duration = Duration::from_secs(2);

/// What `--help` says of times, results and exit codes.
pub const AFTER_HELP: &str = "\
Examples:
  zoho-tokend simulate --outage 02:00+40m
  zoho-tokend simulate --days 30 --reboot 03:00 --throttle 3d12:00+1h --json
  zoho-tokend simulate --config ./zoho-tokend.toml --revoke acme-production@2d09:30

The daemon's own decisions, on the config's orgs, in a simulated world: nothing is sent, no secret is \
needed, nothing of this host is read but the config. Every org is enrolled on day 1 at 00:00.

WHEN is [DAYd]HH:MM[:SS]+SPAN: 02:00+20m on each day, 3d02:00+20m on day 3 alone. Days count from 1.

Exit codes: 0 no reader would go short; 1 readers would get less than min_ttl, nothing, or a token \
that Zoho refuses; 70 a promise would break without a reason: a bug; 78 config.";

/// `simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// Which config.
    #[command(flatten)]
    pub of: ConfigAt,
    /// How many days, at most 92
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=DAYS_MAX))]
    pub days: i64,
    /// Zoho is out of reach: no call gets there
    #[arg(long, value_name = "WHEN", value_parser = when::lasting)]
    pub outage: Vec<When>,
    /// Zoho takes calls and says nothing: each costs a mint that may have been made
    #[arg(long, value_name = "WHEN", value_parser = when::lasting)]
    pub silent: Vec<When>,
    /// Zoho answers that there were too many calls
    #[arg(long, value_name = "WHEN", value_parser = when::lasting)]
    pub throttle: Vec<When>,
    /// The disk of the state takes no write
    #[arg(long, value_name = "WHEN", value_parser = when::lasting)]
    pub disk_full: Vec<When>,
    /// The machine sleeps
    #[arg(long, value_name = "WHEN", value_parser = when::lasting)]
    pub suspend: Vec<When>,
    /// The machine is off, for two minutes unless told, and starts again
    #[arg(long, value_name = "WHEN", value_parser = |text: &str| when::lasting_or(text, REBOOT))]
    pub reboot: Vec<When>,
    /// The daemon is down, for two seconds unless told; files stay
    #[arg(long, value_name = "WHEN", value_parser = |text: &str| when::lasting_or(text, RESTART))]
    pub restart: Vec<When>,
    /// Somebody takes the org's grant away at Zoho, and nobody enrolls it again
    #[arg(long, value_name = "ORG@TIME", value_parser = when::of_org)]
    pub revoke: Vec<Strike>,
    /// Life of an access token [default: Zoho's hour, scaled as the `limits` of a stand-in's data center are]
    #[arg(long, value_name = "TIME", value_parser = token_life)]
    pub token_life: Option<Duration>,
    /// Chance: how long calls and writes take, how Zoho words its answers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
}

impl Simulate {
    /// All trouble that was asked for, flag by flag.
    pub fn strikes(&self) -> Vec<Strike> {
        let kinds = [
            ("--outage", Trouble::Unreachable, &self.outage),
            ("--silent", Trouble::Silent, &self.silent),
            ("--throttle", Trouble::Throttling, &self.throttle),
            ("--disk-full", Trouble::DiskFull, &self.disk_full),
            ("--suspend", Trouble::Suspend, &self.suspend),
            ("--reboot", Trouble::Reboot, &self.reboot),
            ("--restart", Trouble::Restart, &self.restart),
        ];
        let of_all = kinds.into_iter().flat_map(|(flag, trouble, whens)| {
            whens.iter().map(move |when| Strike {
                flag,
                trouble,
                org: None,
                when: when.clone(),
            })
        });
        of_all.chain(self.revoke.iter().cloned()).collect()
    }
}

/// Whole seconds, as Zoho says it.
fn token_life(text: &str) -> Result<Duration, String> {
    let life = Duration::from_secs(span::parse(text)?.as_secs());
    match life {
        Duration::ZERO => Err("a token lives for a second at least".to_owned()),
        life if life > LIFE_MAX => Err(format!("no token lives for over {}s", LIFE_MAX.as_secs())),
        life => Ok(life),
    }
}
