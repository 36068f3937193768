//! `history`: what happened to an org, one line each, in the daemon's order.

use std::time::Duration;

use serde::Deserialize;

use super::args::History;
use super::client::{self, Request};
use super::failure::{Exit, Failure, in_one_line};
use super::{output, refusal, status};

/// The daemon reads its state; a start of the daemon may lie in between.
const PATIENCE: Duration = Duration::from_secs(10);

/// `GET /v1/orgs/ORG/history`.
#[derive(Deserialize)]
struct Entries {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// RFC 3339.
    at: String,
    /// `enrolled`, `minted`, `failed`, …
    kind: String,
    detail: Option<String>,
}

/// Shows the history of one org.
pub fn run(args: &History) -> Result<Exit, Failure> {
    let org = args.of.org.as_str();
    let target = format!("/v1/orgs/{org}/history");
    let answer = client::ask(&args.of.at.path(), &Request::get(&target), PATIENCE)?;
    if answer.status != 200 {
        return Err(refusal::failure(org, &answer));
    }
    let entries: Entries =
        serde_json::from_slice(&answer.body).map_err(|_| refusal::not_understood(org, &answer))?;
    if args.json {
        output::print(&status::as_answered(&answer))?;
    } else {
        output::print(table(&entries.entries).as_bytes())?;
    }
    Ok(Exit::Done)
}

fn table(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "Nothing has happened yet.\n".to_owned();
    }
    let width = entries.iter().map(|entry| entry.kind.chars().count()).max();
    entries
        .iter()
        .map(|entry| row(entry, width.unwrap_or(0)))
        .collect()
}

fn row(entry: &Entry, width: usize) -> String {
    let (at, kind) = (in_one_line(&entry.at), in_one_line(&entry.kind));
    let detail = in_one_line(entry.detail.as_deref().unwrap_or_default());
    let line = format!("{at}  {kind:width$}  {detail}");
    format!("{}\n", line.trim_end())
}
