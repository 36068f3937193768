//! What the daemon says when it does not do what it was asked: RFC 9457 problems, sorted into exit codes.
//!
//! Most of the daemon's words hold for a person and a program alike. Those that speak of a request and its keys are put in
//! the words of a command line here, and nowhere else. What a person gives is looked at before it is sent.
//!
//! Invariant: an answer that is not understood ends in [`Exit::Bug`], never in [`Exit::Done`], and
//! nothing but the daemon's own words about it is printed.

use serde::Deserialize;

use super::answer::Answer;
use super::failure::{Exit, Failure};
use super::span;
use crate::policy::remedy;

/// What every `type` of ours starts with.
const TYPE_PREFIX: &str = "urn:zoho-tokend:";

/// The daemon's word for: no token has so much life left. The only bad value that no look of ours finds before.
const MIN_TTL_TOO_LONG: &str = "min-ttl-too-long";

/// Words of cures that say what comes next, or when: no time to try again is put behind them.
const NEXT: [&str; 5] = [
    "Wait ",
    "Nothing to do",
    "try again",
    "` again",
    "it is tried on",
];

/// The words with which a 503 says that a person must act: no waiting helps.
const FOR_A_PERSON: [&str; 4] = [
    "needs-consent",
    "misconfigured",
    "quarantined",
    "unenrolled",
];

/// A problem as the daemon writes it; every key may be missing or null.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    #[serde(rename = "type")]
    kind: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    cure: Option<String>,
    /// The code of what is behind a failed call to Zoho.
    cause: Option<String>,
    retry_after_s: Option<u64>,
    max_min_ttl_s: Option<u64>,
    /// Of a config that was refused: `file:line:col: message`, one each.
    problems: Option<Vec<String>>,
}

impl Refusal {
    /// The problem in `answer`; `None` where it holds none of ours.
    pub fn of(answer: &Answer) -> Option<Self> {
        let refusal: Self = serde_json::from_slice(&answer.body).ok()?;
        let is_ours = |kind: &String| kind.starts_with(TYPE_PREFIX);
        refusal
            .kind
            .as_ref()
            .is_some_and(is_ours)
            .then_some(refusal)
    }

    /// The daemon's short word for it, `not-fresh`.
    pub fn code(&self) -> &str {
        let kind = self.kind.as_deref().unwrap_or_default();
        kind.strip_prefix(TYPE_PREFIX).unwrap_or_default()
    }

    /// Zoho's code, or ours, for what is behind it.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Each problem of a refused config.
    pub fn problems(&self) -> &[String] {
        self.problems.as_deref().unwrap_or_default()
    }

    /// The exit code that goes with `status`.
    fn exit(&self, status: u16) -> Exit {
        match status {
            400 if self.code() == MIN_TTL_TOO_LONG => Exit::Usage,
            400 | 413 => Exit::Data,
            403 => Exit::NotPermitted,
            404 | 422 => Exit::Config,
            503 if FOR_A_PERSON.contains(&self.code()) => Exit::Config,
            503 if self.cause.as_deref().is_some_and(remedy::is_unsent) => Exit::Unavailable,
            429 | 503 => Exit::TryLater,
            _ => Exit::Bug,
        }
    }

    fn what(&self) -> String {
        let words = self.detail.as_deref().or(self.title.as_deref());
        let words = words.filter(|words| !words.trim().is_empty());
        let words = words.unwrap_or(self.code());
        match self.code() {
            "bad-request" | "too-large" => format!("the daemon cannot read the request: {words}"),
            _ => words.to_owned(),
        }
    }

    /// The cure, where the daemon's is for who writes a request.
    fn own_cure(&self) -> Option<String> {
        match self.code() {
            MIN_TTL_TOO_LONG => {
                let most = self.max_min_ttl_s.map(span::short)?;
                Some(format!("ask for at most {most}"))
            }
            "bad-request" | "too-large" => {
                Some("see whether client and daemon are of one version".to_owned())
            }
            "client-secret-needed" => {
                Some("run it again, and give the client's secret when it is asked for".to_owned())
            }
            _ => None,
        }
    }

    fn cure(&self, exit: Exit) -> String {
        let may_wait = matches!(exit, Exit::TryLater | Exit::Unavailable);
        let later = self.retry_after_s.filter(|_| may_wait);
        let later = later.map(|seconds| format!("try again in {seconds} s"));
        let own = self.own_cure().or_else(|| self.cure.clone());
        let own = own.filter(|cure| !cure.trim().is_empty());
        match (own, later) {
            // It says itself what comes next.
            (Some(own), Some(_)) if NEXT.iter().any(|next| own.contains(next)) => own,
            (Some(own), Some(later)) => format!("{}, or {later}", own.trim_end_matches('.')),
            (Some(own), None) => own,
            (None, Some(later)) => later,
            (None, None) => general_cure(exit).to_owned(),
        }
    }
}

/// Why `answer` is not what was asked for, told about `who`.
pub fn failure(who: &str, answer: &Answer) -> Failure {
    let status = answer.status;
    match Refusal::of(answer) {
        Some(refusal) if status >= 400 => {
            let exit = refusal.exit(status);
            Failure::new(exit, who, &refusal.what(), &refusal.cure(exit))
        }
        _ => not_understood(who, answer),
    }
}

/// For an answer whose body is not what its status promises. Quotes none of it: it may hold a token.
pub fn not_understood(who: &str, answer: &Answer) -> Failure {
    let (status, length) = (answer.status, answer.body.len());
    let what = format!("the answer is not understood (HTTP {status}, {length} bytes)");
    Failure::bug(who, &what)
}

/// What to do where the daemon does not say.
fn general_cure(exit: Exit) -> &'static str {
    match exit {
        Exit::Usage => "see --help",
        Exit::NotPermitted => {
            "ask an admin of zoho-tokend to name this user, or one of its groups, under `readers`"
        }
        Exit::Config => "see `zoho-tokend status`",
        Exit::TryLater => "try again later",
        _ => "see `journalctl -u zoho-tokend`",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::OrgName;
    use crate::edge::http::{self, Problem};

    fn answer(status: u16, body: &str) -> Answer {
        let length = body.len();
        let text = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
        Answer::read(text.as_bytes()).expect("a good answer")
    }

    fn line_of(status: u16, body: &str) -> (Exit, String) {
        let failure = failure("acme", &answer(status, body));
        (failure.exit, failure.to_string())
    }

    #[test]
    fn a_503_is_for_later_unless_a_person_must_act() {
        for word in FOR_A_PERSON {
            let body = format!(r#"{{"type":"urn:zoho-tokend:{word}","retry_after_s":60}}"#);
            assert_eq!(line_of(503, &body).0, Exit::Config, "{word}");
        }
        for word in [
            "not-fresh",
            "throttled",
            "retrying",
            "starting",
            "no-budget",
            "new-word",
        ] {
            let body = format!(r#"{{"type":"urn:zoho-tokend:{word}"}}"#);
            assert_eq!(line_of(503, &body).0, Exit::TryLater, "{word}");
        }
    }

    #[test]
    fn where_zoho_was_not_reached_the_exit_says_so() {
        for (cause, exit) in [
            ("dns", Exit::Unavailable),
            ("connect", Exit::Unavailable),
            ("tls-expired", Exit::Unavailable),
            ("timeout", Exit::TryLater),
            ("http-503", Exit::TryLater),
        ] {
            let body = format!(r#"{{"type":"urn:zoho-tokend:retrying","cause":"{cause}"}}"#);
            assert_eq!(line_of(503, &body).0, exit, "{cause}");
        }
    }

    #[test]
    fn the_daemons_cure_stands_beside_the_time_to_wait() {
        let body = r#"{"type":"urn:zoho-tokend:retrying","title":"no fresh token",
            "detail":"Zoho could not be reached.","cure":"see that the host reaches Zoho.","retry_after_s":40}"#;
        let line =
            "acme: Zoho could not be reached; see that the host reaches Zoho, or try again in 40 s";
        assert_eq!(line_of(503, body), (Exit::TryLater, line.to_owned()));
    }

    #[test]
    fn a_problem_of_any_type_reads_at_a_command_line_as_if_there_were_no_request() {
        let place = remedy::Place::ANY;
        let entries = remedy::entries(&place).into_iter();
        let problems = entries.filter(|own| own.origin == remedy::Origin::Problem);
        let org = OrgName::parse("acme").expect("a name");
        for code in problems.flat_map(|own| own.codes).copied() {
            let is_bad = ["bad-request", "too-large", MIN_TTL_TOO_LONG].contains(&code);
            let status = match code {
                _ if is_bad => 400,
                "client-secret-needed" | "config" => 422,
                _ => 503,
            };
            let problem = Problem::new(status, code, "title", "something is wrong").of(&org);
            let problem = problem.retry_after(Duration::from_secs(7));
            let problem = problem.max_min_ttl(Duration::from_mins(27));
            let answered = http::Answer::from(problem);
            let body = std::str::from_utf8(answered.body()).expect("JSON");
            let (exit, line) = line_of(status, body);
            for word in ["_s`", "`detail`", "keep_client_secret", "body", "1620"] {
                assert!(!line.contains(word), "{code}: {line}");
            }
            let (_, rest) = line.split_once("; ").expect("a cure");
            assert!(rest.starts_with(char::is_lowercase), "{code}: {line}");
            let times = line.matches("7 s").count();
            assert_eq!(times, usize::from(exit == Exit::TryLater), "{code}: {line}");
        }
        let body = r#"{"type":"urn:zoho-tokend:min-ttl-too-long","detail":"too long","max_min_ttl_s":1620}"#;
        let line = "acme: too long; ask for at most 27m".to_owned();
        assert_eq!(line_of(400, body), (Exit::Usage, line));
    }

    #[test]
    fn what_is_not_a_problem_of_ours_is_a_bug_and_is_not_quoted() {
        for (status, body) in [
            (503, "<html>1000.canary</html>"),
            (403, r#"{"error":"1000.canary"}"#),
            (500, r#"{"type":"about:blank","detail":"1000.canary"}"#),
            (
                200,
                r#"{"type":"urn:zoho-tokend:not-fresh","detail":"1000.canary"}"#,
            ),
            (404, ""),
        ] {
            let (exit, line) = line_of(status, body);
            assert_eq!(exit, Exit::Bug, "{body}");
            assert!(!line.contains("canary"), "{line}");
        }
    }
}
