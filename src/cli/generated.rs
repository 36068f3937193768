//! `completions` and `man`: what packagers ship, made from the command line's own definition.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::{CommandLine, Completions, Man};
use super::failure::{Exit, Failure};
use super::output;

/// Prints the completions of a shell.
pub fn completions(args: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut CommandLine::command(),
        "zoho-tokend",
        &mut script,
    );
    if args.shell == Shell::Bash {
        script = with_one_label(&script);
    }
    output::print(&script)?;
    Ok(Exit::Done)
}

/// The generator writes the `-` of a program's name in two ways, where it sets a label and where it looks for it
/// (clap-rs/clap#6421), so that bash would complete nothing behind a verb.
fn with_one_label(script: &[u8]) -> Vec<u8> {
    let script = String::from_utf8_lossy(script).replace("zoho__subcmd__tokend", "zoho__tokend");
    script.into_bytes()
}

/// Prints the main man page, or writes all pages into a folder.
pub fn man(args: &Man) -> Result<Exit, Failure> {
    match &args.out {
        Some(folder) => write_pages(folder)?,
        None => output::print(&main_page()?)?,
    }
    Ok(Exit::Done)
}

/// Without the verb `help`, which would repeat every page.
fn command() -> clap::Command {
    CommandLine::command().disable_help_subcommand(true)
}

fn main_page() -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command()).render(&mut page);
    rendered.map_err(|error| Failure::bug("man", &error.to_string()))?;
    Ok(page)
}

fn write_pages(folder: &Path) -> Result<(), Failure> {
    clap_mangen::generate_to(command(), folder).map_err(|error| {
        let what = format!("{}: {error}", folder.display());
        Failure::new(
            Exit::Output,
            "man",
            &what,
            "name a folder that exists and can be written",
        )
    })
}
