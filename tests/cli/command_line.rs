//! Help, usage errors, completions, man pages.

use std::process::Command;

use crate::daemon::{Ended, program};

#[test]
fn what_is_no_command_line_of_ours_is_told_in_one_line() {
    for (args, line) in [
        (
            &[][..],
            "zoho-tokend: command line: no verb was given; see `zoho-tokend --help`\n",
        ),
        (
            &["gett"],
            "zoho-tokend: command line: unrecognized subcommand 'gett'; tip: a similar subcommand exists: 'get'; see `zoho-tokend --help`\n",
        ),
        (
            &["get"],
            "zoho-tokend: get: the following required arguments were not provided: <ORG>; see `zoho-tokend get --help`\n",
        ),
        (
            &["get", "acme", "--wait", "2m"],
            "zoho-tokend: get: invalid value '2m' for '--wait <TIME>': the daemon lets nobody wait for over 60s; see `zoho-tokend get --help`\n",
        ),
        (
            &["get", "acme", "--min-ttl", "-5m"],
            "zoho-tokend: get: unexpected argument '-5' found; see `zoho-tokend get --help`\n",
        ),
        (
            &["get", "../etc"],
            "zoho-tokend: get: invalid value '../etc' for '<ORG>': an org's name has 1 to 63 of a-z, 0-9 and -, and neither starts nor ends with -, like acme-production; see `zoho-tokend get --help`\n",
        ),
    ] {
        let ended = Ended::from(program(args).output().expect("it ends"));
        assert_eq!(ended.failed(), (64, line));
    }
}

#[test]
fn every_verb_has_help_with_an_example() {
    let verbs = [
        "run",
        "check",
        "simulate",
        "reload",
        "enroll",
        "explain",
        "get",
        "exec",
        "watch",
        "report",
        "status",
        "refresh",
        "history",
        "demo",
        "completions",
        "man",
        "stand-in",
    ];
    for verb in verbs {
        let ended = Ended::from(program(&[verb, "--help"]).output().expect("it ends"));
        assert_eq!((ended.exit, &*ended.stderr), (0, ""), "{verb}");
        let example = format!("\n  zoho-tokend {verb}");
        assert!(ended.stdout.contains("Example"), "{}", ended.stdout);
        assert!(ended.stdout.contains(&example), "{}", ended.stdout);
    }
}

#[test]
fn help_has_help() {
    let plain = Ended::from(program(&["--help"]).output().expect("it ends"));
    for flag in ["--help", "-h"] {
        let ended = Ended::from(program(&["help", flag]).output().expect("it ends"));
        assert_eq!((ended.exit, &ended.stdout), (0, &plain.stdout), "{flag}");
    }
}

/// What bash offers for a line whose last word is not finished.
fn offered(script: &str, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
    let ask = format!(
        "{script}\nCOMP_WORDS=({line} \"\"); COMP_CWORD={}; _zoho__tokend zoho-tokend \"{last}\" \"{before}\"\n\
         echo \"${{COMPREPLY[@]}}\"",
        words.len() - 1
    );
    let bash = Command::new("bash").args(["--norc", "-c", &ask]).output();
    let offered = bash.expect("bash runs").stdout;
    String::from_utf8(offered)
        .expect("text")
        .trim_end()
        .to_owned()
}

#[test]
fn bash_completes_verbs_flags_and_values() {
    let script = Ended::from(program(&["completions", "bash"]).output().expect("it ends")).stdout;
    assert_eq!(offered(&script, "zoho-tokend exe"), "exec");
    assert_eq!(offered(&script, "zoho-tokend get --f"), "--format");
    assert_eq!(offered(&script, "zoho-tokend get --format he"), "header");
    assert_eq!(offered(&script, "zoho-tokend watch --gen"), "--generations");
}

#[test]
fn packagers_get_completions_and_a_man_page_for_every_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = Ended::from(program(&["completions", shell]).output().expect("it ends"));
        assert_eq!(ended.exit, 0);
        assert!(ended.stdout.contains("min-ttl"), "{shell}");
    }
    let ended = Ended::from(program(&["man"]).output().expect("it ends"));
    assert!(
        ended.stdout.contains(".TH zoho-tokend 1"),
        "{}",
        ended.stdout
    );
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().display().to_string();
    let ended = Ended::from(program(&["man", "--out", &out]).output().expect("it ends"));
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
    let page = std::fs::read_to_string(folder.path().join("zoho-tokend-get.1")).expect("a page");
    assert!(page.contains("min\\-ttl"), "{page}");
}
