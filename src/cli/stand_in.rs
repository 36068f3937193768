//! `stand-in`: Zoho's accounts server on loopback, for tests that need it in a process of its own.

use super::args::StandIn;
use super::failure::{Exit, Failure};
use super::output;
use crate::stand_in::{Clocks, Rules, Settings, run_process};

/// The one client that every stand-in knows; its secret is no secret.
pub const CLIENT: (&str, &str) = ("1000.STANDIN", "stand-in-secret");

/// Prints a line of JSON with the address once it listens, and serves until it is ended.
pub fn run(args: &StandIn) -> Result<Exit, Failure> {
    let clocks = Clocks {
        token_life: args.token_life,
        window: args.window,
        ..Clocks::ZOHO
    };
    let settings = Settings {
        port: args.port,
        rules: Rules {
            clocks,
            ..Rules::default()
        },
        clients: vec![(CLIENT.0.to_owned(), CLIENT.1.to_owned())],
        ..Settings::default()
    };
    let ready = |addr| {
        let line = format!("{{\"accounts_url\":\"http://{addr}\"}}\n");
        output::print(line.as_bytes()).ok();
    };
    run_process(settings, ready)
        .map(|()| Exit::Done)
        .map_err(|err| {
            Failure::new(
                Exit::Unavailable,
                "stand-in",
                &err.to_string(),
                "choose another --port",
            )
        })
}
