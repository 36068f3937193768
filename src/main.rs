//! The `zoho-tokend` program: argv to a verb, how it ends to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    zoho_tokend::cli::run(std::env::args_os()).into()
}
