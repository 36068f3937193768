//! `report`: what it asks, what it prints of each verdict, and how it exits.

use std::path::Path;

use crate::daemon::{Daemon, Ended, json, problem, program, run};

const REPORT: [&str; 6] = [
    "report",
    "acme",
    "--generation",
    "1795306331",
    "--code",
    "INVALID_TOKEN",
];

fn told(answer: &str) -> Ended {
    Daemon::answering([json(answer)]).run(&REPORT)
}

#[test]
fn a_report_names_the_generation_and_the_code() {
    let ended = told(r#"{"verdict":"refreshed","generation":1795306400}"#);
    assert!(ended.asked[0].starts_with("POST /v1/orgs/acme/rejections HTTP/1.1\r\n"));
    let (_, body) = ended.asked[0].split_once("\r\n\r\n").expect("a body");
    assert_eq!(body, r#"{"code":"INVALID_TOKEN","generation":1795306331}"#);
}

/// What Zoho's answer holds beside its code stays with the job.
#[test]
fn a_report_finds_the_code_in_the_whole_answer_and_sends_nothing_else() {
    let whole = r#"{"data":[{"code":"SUCCESS","details":{"id":"canary"}},{"code":"INVALID_TOKEN","details":{}}]}"#;
    let args = ["report", "acme", "--generation", "7", "--answer", "-"];
    let told = json(r#"{"verdict":"refreshed","generation":8}"#);
    let ended = Daemon::answering([told]).run_with(&args, whole);
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    let (_, body) = ended.asked[0].split_once("\r\n\r\n").expect("a body");
    assert_eq!(body, r#"{"code":"INVALID_TOKEN","generation":7}"#);
    for none in ["", "<html>canary</html>", "{}"] {
        let ended = run(Path::new("/nowhere"), &args, none);
        assert_eq!(ended.exit, 65, "{none}");
        assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    }
}

/// S5
#[test]
fn s5_an_answer_of_over_four_megabytes_is_not_taken_for_one() {
    let args = ["report", "acme", "--generation", "7", "--answer", "-"];
    let whole = |spaces: usize| format!(r#"{{{}"code":"INVALID_TOKEN"}}"#, " ".repeat(spaces));
    let four_mb = 4 * 1024 * 1024;
    assert_eq!(run(Path::new("/nowhere"), &args, &whole(four_mb)).exit, 65);
    assert_eq!(
        run(Path::new("/nowhere"), &args, &whole(four_mb - 100)).exit,
        69
    );
}

/// A bulk answer may have its one telling part at its end; one that is not read whole is not judged.
#[test]
fn a_report_looks_at_every_part_of_an_answer_and_says_so_where_it_is_too_long() {
    let args = ["report", "acme", "--generation", "7", "--answer", "-"];
    let with = |count| {
        let well = r#"{"code":"SUCCESS","details":{"id":"12345678901234567"}},"#.repeat(count);
        format!(r#"{{"data":[{well}{{"code":"OAUTH_SCOPE_MISMATCH"}}]}}"#)
    };
    let told = json(r#"{"verdict":"scope","generation":8}"#);
    let ended = Daemon::answering([told]).run_with(&args, &with(2_000));
    let (_, body) = ended.asked[0].split_once("\r\n\r\n").expect("a body");
    assert_eq!(body, r#"{"code":"OAUTH_SCOPE_MISMATCH","generation":7}"#);
    let ended = run(Path::new("/nowhere"), &args, &with(80_000));
    let line = "zoho-tokend: acme: - is longer than the 4 MiB that are read; give the code in it as --code CODE\n";
    assert_eq!(ended.failed(), (65, line));
}

#[test]
fn with_a_wait_a_report_is_made_again_when_the_daemon_says_so_and_no_longer() {
    let pending = || json(r#"{"verdict":"pending","generation":7,"retry_after_s":1}"#);
    let often = || problem(429, "too-many-reports", r#","retry_after_s":1"#);
    let done = || json(r#"{"verdict":"superseded","generation":8}"#);
    let args = [&REPORT[..], &["--wait", "9s"]].concat();
    let ended = Daemon::answering([pending(), often(), done()]).run(&args);
    assert_eq!((ended.exit, &*ended.stdout), (0, "superseded\n"));
    assert_eq!(ended.asked.len(), 3);
    let late = json(r#"{"verdict":"pending","generation":7,"retry_after_s":10}"#);
    let ended = Daemon::answering([late]).run(&args);
    assert_eq!((ended.exit, &*ended.stdout), (75, "pending\n"));
}

#[test]
fn a_report_exits_0_only_where_another_token_is_out() {
    for verdict in ["superseded", "refreshed"] {
        let ended = told(&format!(r#"{{"verdict":"{verdict}","generation":7}}"#));
        let line = format!("{verdict}\n");
        assert_eq!((ended.exit, ended.stdout, &*ended.stderr), (0, line, ""));
    }
}

#[test]
fn every_other_verdict_says_what_to_do_and_has_its_exit_code() {
    for (answer, exit, line) in [
        (
            r#"{"verdict":"pending","generation":7,"retry_after_s":4}"#,
            75,
            "zoho-tokend: acme: the token cannot be replaced just now; report again in 4 s\n",
        ),
        (
            r#"{"verdict":"pending","generation":7,"retry_after_s":120,"cure":"Run `zoho-tokend enroll acme`"}"#,
            75,
            "zoho-tokend: acme: the token cannot be replaced just now; run `zoho-tokend enroll acme`; report again in \
             120 s\n",
        ),
        (
            r#"{"verdict":"scope","generation":7,"cure":"Give it the scope."}"#,
            78,
            "zoho-tokend: acme: another token would not help: it may not do this; give it the scope\n",
        ),
        (
            r#"{"verdict":"binding","generation":null,"cure":"use its api_domain"}"#,
            78,
            "zoho-tokend: acme: another token would not help: it is used for another org, environment or api_domain \
             than its own; use its api_domain\n",
        ),
        (
            r#"{"verdict":"not-token","generation":7}"#,
            65,
            "zoho-tokend: acme: it was not the token that Zoho refused; see `zoho-tokend history acme`\n",
        ),
    ] {
        let ended = told(answer);
        let verdict = answer.split('"').nth(3).expect("a verdict");
        assert_eq!(ended.stdout, format!("{verdict}\n"));
        assert_eq!((ended.exit, &*ended.stderr), (exit, line));
    }
}

#[test]
fn json_is_what_the_daemon_answers_with_the_same_exit_code() {
    let answer = r#"{"verdict":"pending","generation":7,"retry_after_s":4}"#;
    let args = [&REPORT[..], &["--json"]].concat();
    let ended = Daemon::answering([json(answer)]).run(&args);
    assert_eq!((ended.exit, ended.stdout), (75, format!("{answer}\n")));
}

#[test]
fn a_verdict_that_is_none_of_ours_is_not_taken_for_a_good_one() {
    for answer in [
        r#"{"verdict":"splendid"}"#,
        r#"{"generation":7}"#,
        "refreshed",
    ] {
        let ended = told(answer);
        assert_eq!(ended.failed().0, 70, "{answer}");
    }
}

#[test]
fn who_reports_too_often_is_told_when_to_come_back() {
    let more = r#","detail":"uid 1001 has made 30 reports within a minute","retry_after_s":41"#;
    let ended = Daemon::answering([problem(429, "too-many-reports", more)]).run(&REPORT);
    let line =
        "zoho-tokend: acme: uid 1001 has made 30 reports within a minute; try again in 41 s\n";
    assert_eq!(ended.failed(), (75, line));
}

#[test]
fn a_report_without_a_generation_or_a_code_is_a_usage_error() {
    for (args, line) in [
        (
            &["report", "acme", "--code", "INVALID_TOKEN"][..],
            "zoho-tokend: report: the following required arguments were not provided: --generation <N>; see \
             `zoho-tokend report --help`\n",
        ),
        (
            &[
                "report",
                "acme",
                "--generation",
                "x",
                "--code",
                "INVALID_TOKEN",
            ],
            "zoho-tokend: report: invalid value 'x' for '--generation <N>': invalid digit found in string; see \
             `zoho-tokend report --help`\n",
        ),
        (
            &["report", "acme", "--generation", "-1", "--code", "X"],
            "zoho-tokend: report: invalid value '-1' for '--generation <N>': invalid digit found in string; see \
             `zoho-tokend report --help`\n",
        ),
    ] {
        let ended = Ended::from(program(args).output().expect("it ends"));
        assert_eq!(ended.failed(), (64, line));
    }
}

/// As a shell takes it out of an answer that has none.
#[test]
fn a_report_of_no_code_is_told_without_a_word_of_requests() {
    let long = "X".repeat(100_000);
    for (code, what) in [
        (
            "",
            "--code is empty, as it is where the answer has none (a web page, no body)",
        ),
        (
            " ",
            "--code is empty, as it is where the answer has none (a web page, no body)",
        ),
        (&*long, "--code is far longer than any code of Zoho's"),
    ] {
        let args = ["report", "acme", "--generation", "7", "--code", code];
        let ended = run(Path::new("/nowhere"), &args, "");
        let line = format!(
            "zoho-tokend: acme: {what}; give the `code` of Zoho's answer, or the answer itself with --answer FILE\n"
        );
        assert_eq!(ended.failed(), (65, &*line));
    }
}

#[test]
fn the_help_names_every_verdict_and_its_exit_code() {
    let ended = Ended::from(program(&["report", "--help"]).output().expect("it ends"));
    let text = "\
Verdicts and exit codes:
  superseded, refreshed  0   another token is out: get it and try again
  pending                75  not yet: report again after the time on stderr, as --wait does
  scope, binding         78  another token would not help: a person must act
  not-token              65  the code is not about the token: mend the request, or slow down
";
    assert!(ended.stdout.contains(text), "{}", ended.stdout);
}
