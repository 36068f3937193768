//! `report`: tells the daemon that Zoho's API refused an org's token, and prints what it makes of it.
//!
//! Invariant: exits 0 only where reading the token again gives another one than the refused.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::args::Report;
use super::client::{self, Request};
use super::failure::{Exit, Failure};
use super::{output, refusal, status};
use crate::edge::clock::SystemClock;
use crate::policy::report::ApiCode;

/// The daemon waits 10 s for the new token; a start of it may lie in between.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest code that is sent on, in bytes; Zoho's have 30.
const CODE_MAX: usize = 1024;

/// Longest answer of Zoho's that is read: one to a bulk call.
const ANSWER_MAX: u64 = 4 * 1024 * 1024;

/// `POST /v1/orgs/ORG/rejections`.
#[derive(Debug, Deserialize)]
struct Ruling {
    verdict: String,
    retry_after_s: Option<u64>,
    cure: Option<String>,
}

/// Reports, and prints the verdict: the word alone, or what the daemon answered.
pub fn run(args: &Report) -> Result<Exit, Failure> {
    let org = args.of.org.as_str();
    let target = format!("/v1/orgs/{org}/rejections");
    let code = match (&args.code, &args.answer) {
        (_, Some(path)) => code_in(org, path)?,
        (code, None) => typed(org, code.as_deref().unwrap_or_default())?,
    };
    let body = json!({ "generation": args.generation, "code": code }).to_string();
    let request = Request::post(&target, body.as_bytes());
    let answer = ask(args, &request)?;
    if answer.status != 200 {
        return Err(refusal::failure(org, &answer));
    }
    let not_understood = || refusal::not_understood(org, &answer);
    let ruling: Ruling = serde_json::from_slice(&answer.body).map_err(|_| not_understood())?;
    let end = ruling.end(org).ok_or_else(not_understood)?;
    if args.json {
        output::print(&status::as_answered(&answer))?;
    } else {
        output::print(format!("{}\n", ruling.verdict).as_bytes())?;
    }
    end
}

/// Reports again when it is told to, for as long as the wait lasts: `pending`, too many reports, a start.
fn ask(args: &Report, request: &Request<'_>) -> Result<Answer, Failure> {
    #[derive(Deserialize)]
    struct Later {
        retry_after_s: u64,
    }
    let clock = SystemClock::new();
    let began = clock.now().boot;
    loop {
        let answer = client::ask(&args.of.at.path(), request, PATIENCE)?;
        let Ok(Later { retry_after_s }) = serde_json::from_slice(&answer.body) else {
            return Ok(answer);
        };
        let pause = Duration::from_secs(retry_after_s);
        if clock.now().boot.since(began).saturating_add(pause) > args.wait {
            return Ok(answer);
        }
        thread::sleep(pause);
    }
}

/// The code that was typed, or taken out of an answer by the shell.
fn typed(org: &str, code: &str) -> Result<String, Failure> {
    let what = match code.trim() {
        "" => "--code is empty, as it is where the answer has none (a web page, no body)",
        long if long.len() > CODE_MAX => "--code is far longer than any code of Zoho's",
        code => return Ok(code.to_owned()),
    };
    let cure = "give the `code` of Zoho's answer, or the answer itself with --answer FILE";
    Err(Failure::new(Exit::Data, org, what, cure))
}

/// The code in an answer of Zoho's; nothing else of it is sent on.
fn code_in(org: &str, path: &Path) -> Result<String, Failure> {
    let read = |from: &mut dyn Read| {
        let mut bytes = Vec::new();
        let read = from.take(ANSWER_MAX + 1).read_to_end(&mut bytes);
        read.map(|_| bytes)
    };
    let bytes = match path.to_str() {
        Some("-") => read(&mut io::stdin().lock()),
        _ => File::open(path).and_then(|mut file| read(&mut file)),
    };
    let shown = path.display();
    let bytes = bytes.map_err(|error| {
        let what = format!("{shown} cannot be read: {error}");
        Failure::new(
            Exit::Data,
            org,
            &what,
            "name the file that holds Zoho's answer",
        )
    })?;
    if bytes.len() as u64 > ANSWER_MAX {
        let what = format!(
            "{shown} is longer than the {} MiB that are read",
            ANSWER_MAX >> 20
        );
        let cure = "give the code in it as --code CODE";
        return Err(Failure::new(Exit::Data, org, &what, cure));
    }
    let answer = serde_json::from_slice(&bytes).ok();
    let code = answer.and_then(|answer| ApiCode::in_answer(&answer));
    let code = code.ok_or_else(|| {
        let what = format!("{shown} holds no answer with a code");
        let cure = "see that it is the body of Zoho's answer; a web page or an empty body says nothing of the token";
        Failure::new(Exit::Data, org, &what, cure)
    })?;
    Ok(code.name.to_owned())
}

impl Ruling {
    /// Whether the job can go on with another token, and if not, why; `None` for a word that we do not know.
    fn end(&self, org: &str) -> Option<Result<Exit, Failure>> {
        let (exit, what) = match self.verdict.as_str() {
            "superseded" | "refreshed" => return Some(Ok(Exit::Done)),
            "pending" => (Exit::TryLater, "the token cannot be replaced just now"),
            "scope" => (
                Exit::Config,
                "another token would not help: it may not do this",
            ),
            "binding" => (
                Exit::Config,
                "another token would not help: it is used for another org, environment or api_domain than its own",
            ),
            "not-token" => (Exit::Data, "it was not the token that Zoho refused"),
            _ => return None,
        };
        let cure = match (&self.cure, self.retry_after_s) {
            (None, Some(seconds)) => format!("report again in {seconds} s"),
            (Some(cure), Some(seconds)) => format!("{cure}; report again in {seconds} s"),
            (Some(cure), None) => cure.clone(),
            (None, None) => format!("see `zoho-tokend history {org}`"),
        };
        Some(Err(Failure::new(exit, org, what, &cure)))
    }
}
