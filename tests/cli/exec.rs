//! `exec`: what keeps a command from running, told with the codes that shells and `get` use.

use crate::daemon::{Daemon, Ended, json, problem, program};

const TOKEN: &str = r#"{"access_token":"1000.canary","expires_at":"2026-11-22T01:12:11Z"}"#;

fn refused(args: &[&str]) -> (i32, String) {
    let ended = Ended::from(program(args).output().expect("it ends"));
    let (exit, told) = ended.failed();
    (exit, told.to_owned())
}

#[test]
fn without_dashes_it_says_where_they_stand() {
    let told = "zoho-tokend: exec: no -- stands between the orgs and the command; \
                write it like `zoho-tokend exec acme-production -- CMD ARG…`\n";
    for args in [
        &["exec", "acme", "curl", "-sS", "https://www.zohoapis.eu"][..],
        &["exec", "acme"],
        &["exec", "acme", "./sync"],
        &["exec"],
    ] {
        assert_eq!(refused(args), (64, told.to_owned()), "{args:?}");
    }
    let (exit, told) = refused(&["exec", "acme", "--"]);
    assert_eq!(exit, 64);
    assert!(told.contains("<CMD>"), "{told}");
    let (exit, told) = refused(&["exec", "--", "true"]);
    assert_eq!(exit, 64);
    assert!(told.contains("<ORG>"), "{told}");
}

#[test]
fn an_org_that_is_named_twice_is_refused_before_anything_is_asked() {
    let told = "zoho-tokend: acme-eu: two orgs would be ZOHO_ACME_EU_…; name each org once\n";
    let args = ["exec", "acme-eu", "beta", "acme-eu", "--", "true"];
    assert_eq!(refused(&args), (64, told.to_owned()));
}

#[test]
fn over_a_hundred_orgs_are_refused_before_anything_is_asked() {
    let orgs: Vec<String> = (0..=100).map(|number| format!("org-{number}")).collect();
    let mut args = vec!["exec"];
    args.extend(orgs.iter().map(String::as_str));
    args.extend(["--", "true"]);
    let told = "zoho-tokend: exec: 101 orgs are more than 100; \
                let the command call `zoho-tokend get` for each org when it needs it\n";
    assert_eq!(refused(&args), (64, told.to_owned()));
}

#[test]
fn what_keeps_every_org_from_its_token_is_told_once() {
    let args = ["exec", "acme", "beta", "--socket", "/nowhere", "--", "true"];
    let (exit, told) = refused(&args);
    assert_eq!((exit, told.lines().count()), (69, 1), "{told}");
}

#[test]
fn a_command_that_is_not_there_is_127_and_one_that_cannot_run_is_126() {
    let run =
        |command: &str| Daemon::answering([json(TOKEN)]).run(&["exec", "acme", "--", command]);
    let ended = run("no-such-command");
    let (exit, told) = ended.failed();
    assert_eq!(exit, 127);
    assert!(
        told.starts_with("zoho-tokend: no-such-command: there is no such command; "),
        "{told}"
    );
    let ended = run("/dev/null");
    let (exit, told) = ended.failed();
    assert_eq!(exit, 126);
    assert!(
        told.starts_with("zoho-tokend: /dev/null: it cannot be run ("),
        "{told}"
    );
}

#[test]
fn of_several_failures_all_are_told_and_the_exit_is_of_the_one_that_waiting_helps_least() {
    let answers = [
        problem(
            503,
            "needs-consent",
            r#","detail":"revoked","cure":"enroll""#,
        ),
        problem(
            503,
            "not-fresh",
            r#","detail":"no token","retry_after_s":3"#,
        ),
        json(TOKEN),
    ];
    let args = "exec acme beta gamma --wait 0 -- echo ran";
    let args: Vec<&str> = args.split(' ').collect();
    let ended = Daemon::answering(answers).run(&args);
    let told =
        "zoho-tokend: beta: no token; try again in 3 s\nzoho-tokend: acme: revoked; enroll\n";
    assert_eq!(ended.failed(), (78, told));
}

/// R8: none of several orgs is given up because the daemon is restarted while they wait.
#[test]
fn r8_a_command_waits_over_a_restart_for_the_tokens_of_all_its_orgs() {
    let gone = || b"".to_vec();
    let answers = [gone(), json(TOKEN), gone(), json(TOKEN), json(TOKEN)];
    let args = ["exec", "acme", "beta", "gamma", "--", "echo", "ran"];
    let ended = Daemon::answering(answers).run(&args);
    assert_eq!(
        (ended.exit, &*ended.stdout),
        (0, "ran\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_is_no_whole_token_runs_nothing() {
    for body in ["{}", "", r#"{"access_token":"1000.a b","expires_at":"x"}"#] {
        let ended = Daemon::answering([json(body)]).run(&["exec", "acme", "--", "echo", "ran"]);
        let (exit, told) = ended.failed();
        assert_eq!(exit, 70);
        assert!(!told.contains("1000."), "{told}");
    }
}

#[test]
fn times_are_handed_over_and_an_api_domain_that_is_not_known_is_empty() {
    let script = "echo $ZOHO_ACCESS_TOKEN \"<$ZOHO_API_DOMAIN>\"";
    let args = [
        "exec",
        "acme",
        "--min-ttl",
        "20m",
        "--wait",
        "3s",
        "--",
        "sh",
        "-c",
        script,
    ];
    let ended = Daemon::answering([json(TOKEN)]).run(&args);
    assert_eq!((ended.exit, &*ended.stdout), (0, "1000.canary <>\n"));
    assert!(ended.asked[0].starts_with("GET /v1/orgs/acme/token?wait=3&min_ttl=1200 "));
}
