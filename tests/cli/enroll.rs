//! `enroll`: what it sends, what it says, and what it never repeats.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::daemon::{Daemon, Ended, json, problem, program, run};
use crate::users::as_user;
use crate::wait::{SOON, wait_until};

const ENROLLED: &str = r#"{"org":"acme","token":"fresh","grant":"ok","scope":["ZohoCRM.modules.ALL","ZohoCRM.org.READ"],
"api_domain":"https://www.zohoapis.eu","expires_at":"2026-11-22T01:12:11Z","binding":"verified"}"#;

/// The kind of grant that wants a grant token.
const CODE: &str = "self-client";

/// The body of a request.
fn body(asked: &str) -> &str {
    asked.split_once("\r\n\r\n").expect("a head").1
}

#[test]
fn enroll_hands_over_a_code_and_says_what_it_is_good_for() {
    let ended = Daemon::enrolling(CODE, [json(ENROLLED)])
        .run_with(&["enroll", "acme"], "  1000.code\r\n\n");
    let text = "\
acme: enrolled
  scope       ZohoCRM.modules.ALL ZohoCRM.org.READ
  api_domain  https://www.zohoapis.eu
  expires_at  2026-11-22T01:12:11Z
";
    assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, text, ""));
    assert!(ended.asked[0].starts_with("POST /v1/orgs/acme/enrollment HTTP/1.1\r\n"));
    assert_eq!(
        body(&ended.asked[0]),
        r#"{"kind":"code","code":"1000.code"}"#
    );
}

/// Whoever enrols because the older one has leaked must not believe that it is dead.
#[test]
fn enroll_says_when_the_grant_that_it_replaces_ends_and_whom_the_21st_ends() {
    let more = r#","replaced_is_revoked":"after-refresh","refresh_tokens_warning":"21 are known""#;
    let status = ENROLLED.replace('}', &format!("{more}}}"));
    let ended = Daemon::enrolling(CODE, [json(&status)]).run_with(&["enroll", "acme"], "1000.code");
    let lines = "  replaced    the older refresh token is revoked at Zoho after the next refresh; `zoho-tokend refresh \
                 acme` makes that now\n  warning     21 are known\n";
    assert!(ended.stdout.ends_with(lines), "{}", ended.stdout);
}

/// The code is good once: whoever tries it again blindly is told that it is none.
#[test]
fn enroll_without_an_answer_says_that_it_may_have_been_done() {
    let ended = Daemon::enrolling(CODE, [Vec::new()]).run_with(&["enroll", "acme"], "1000.code");
    let (exit, line) = ended.failed();
    let told = "hung up before it had answered; look at `zoho-tokend status acme` and `history acme` before you try again";
    assert!(exit == 75 && line.contains(told), "{line}");
}

#[test]
fn a_name_that_cannot_be_one_is_told_as_that() {
    let ended = Ended::from(
        program(&["enroll", "acme_canary"])
            .output()
            .expect("it ends"),
    );
    let (exit, line) = ended.failed();
    assert_eq!(exit, 64);
    let told = "in the place of the org's name cannot be one: names have a-z, 0-9 and -; mend it; if it was a secret,";
    assert!(line.contains(told) && !line.contains("canary"), "{line}");
}

#[test]
fn enroll_takes_over_a_refresh_token() {
    let args = ["enroll", "acme", "--refresh-token"];
    let ended = Daemon::enrolling(CODE, [json(ENROLLED)]).run_with(&args, "1000.refresh\n");
    assert_eq!(ended.exit, 0);
    assert_eq!(
        body(&ended.asked[0]),
        r#"{"kind":"refresh-token","refresh_token":"1000.refresh"}"#
    );
}

#[test]
fn enroll_gives_the_client_secret_only_when_asked_for_it() {
    let needed = problem(422, "client-secret-needed", "");
    let ended = Daemon::enrolling(CODE, [needed, json(ENROLLED)])
        .run_with(&["enroll", "acme"], "code\nsecret\n");
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
    let bodies: Vec<&str> = ended.asked.iter().map(|asked| body(asked)).collect();
    let with_secret = r#"{"kind":"code","code":"code","client_secret":"secret"}"#;
    assert_eq!(bodies, [r#"{"kind":"code","code":"code"}"#, with_secret]);

    let ended =
        Daemon::enrolling(CODE, [json(ENROLLED)]).run_with(&["enroll", "acme"], "code\nsecret\n");
    let note = "zoho-tokend: acme: the second line of stdin was not used; nothing to do: the config has the client's secret\n";
    assert_eq!((ended.exit, &*ended.stderr), (0, note));
}

#[test]
fn enroll_sends_the_words_of_a_download_and_its_secret_only_when_asked_for_it() {
    let file = r#"{"client_id":"1000.ABC","client_secret":"secret","code":"1000.code","scope":["A.b.READ","C.d.ALL"],
        "expiry_time":4102444800000}"#;
    let args = ["enroll", "acme", "--self-client", "-"];
    let words = r#"{"kind":"code","code":"1000.code","client_id":"1000.ABC","scope":"A.b.READ,C.d.ALL","expiry_time":4102444800000"#;
    let ended = Daemon::answering([json(ENROLLED)]).run_with(&args, file);
    assert_eq!(ended.exit, 0);
    assert_eq!(body(&ended.asked[0]), format!("{words}}}"));
    let kept = [&args[..], &["--keep-old"]].concat();
    let ended = Daemon::answering([json(ENROLLED)]).run_with(&kept, file);
    assert_eq!(
        body(&ended.asked[0]),
        format!("{words},\"keep_old\":true}}")
    );
    let needed = problem(422, "client-secret-needed", "");
    let ended = Daemon::answering([needed, json(ENROLLED)]).run_with(&args, file);
    assert_eq!(body(&ended.asked[0]), format!("{words}}}"));
    let with_secret = format!(r#"{words},"client_secret":"secret"}}"#);
    assert_eq!(body(&ended.asked[1]), with_secret);
}

#[test]
fn client_credentials_take_the_clients_secret_alone_and_only_if_it_is_needed() {
    let kind = "client-credentials";
    let needed = problem(422, "client-secret-needed", "");
    let ended = Daemon::enrolling(kind, [needed, json(ENROLLED)])
        .run_with(&["enroll", "acme"], " secret\n");
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
    let bodies: Vec<&str> = ended.asked.iter().map(|asked| body(asked)).collect();
    let with_secret = r#"{"kind":"client-credentials","client_secret":"secret"}"#;
    assert_eq!(bodies, [r#"{"kind":"client-credentials"}"#, with_secret]);

    let ended =
        Daemon::enrolling(kind, [json(ENROLLED)]).run_with(&["enroll", "acme"], "1000.code");
    let note = "zoho-tokend: acme: what stands on stdin was not used; nothing to do: client credentials take no grant, and the config has the client's secret\n";
    assert_eq!((ended.exit, &*ended.stderr), (0, note));

    let needed = || problem(422, "client-secret-needed", "");
    let ended = Daemon::enrolling(kind, [needed(), needed()]).run_with(&["enroll", "acme"], "");
    let line = "zoho-tokend: acme: nothing on stdin; pipe in the client secret, or run it on a terminal to be asked\n";
    assert_eq!(ended.failed(), (65, line));
}

#[test]
fn what_is_more_than_a_grant_and_a_secret_is_told_as_such() {
    let needed = problem(422, "client-secret-needed", "");
    let ended = Daemon::enrolling(CODE, [needed, json(ENROLLED)])
        .run_with(&["enroll", "acme"], "code\nsecret\nmore\n");
    let note = "zoho-tokend: acme: only the first two lines of stdin were used; nothing to do: grant and client secret are all that is taken\n";
    assert_eq!((ended.exit, &*ended.stderr), (0, note));
}

#[test]
fn enroll_asks_for_a_missing_client_secret_once() {
    let needed = || {
        problem(
            422,
            "client-secret-needed",
            r#","detail":"the secret is empty","cure":"give it""#,
        )
    };
    let ended =
        Daemon::enrolling(CODE, [needed(), needed()]).run_with(&["enroll", "acme"], "code\n");
    assert_eq!(ended.failed().0, 65);
    let kept = r#"{"kind":"code","code":"code","keep_client_secret":true}"#;
    assert_eq!(body(&ended.asked[1]), kept);
    let ended = Daemon::enrolling(CODE, [needed(), needed()])
        .run_with(&["enroll", "acme"], "code\nsecret\n");
    assert_eq!(
        ended.failed(),
        (
            78,
            "zoho-tokend: acme: the secret is empty; run it again, and give the client's secret when it is asked for\n"
        )
    );
}

#[test]
fn enroll_says_why_zoho_refused() {
    let more = r#","detail":"Zoho says invalid_code: the grant token is used or older than its life",
        "cure":"make a new one in the API console and enroll within its minutes""#;
    let ended = Daemon::enrolling(CODE, [problem(422, "refused", more)])
        .run_with(&["enroll", "acme"], "1000.canary");
    let line = "zoho-tokend: acme: Zoho says invalid_code: the grant token is used or older than its life; \
        make a new one in the API console and enroll within its minutes\n";
    assert_eq!(ended.failed(), (78, line));
}

#[test]
fn enroll_refuses_what_cannot_be_a_code() {
    let large = "a".repeat(5000);
    let nowhere = Path::new("/nowhere");
    for (stdin, what) in [
        ("", "nothing on stdin"),
        ("\n \n", "nothing on stdin"),
        (
            "1000.can\u{7}ary",
            "the grant token has control characters in it",
        ),
        (
            "hello world",
            "the grant token has a space or a letter outside ASCII in it",
        ),
        (&*large, "over 4096 bytes on stdin"),
    ] {
        let ended = run(nowhere, &["enroll", "acme"], stdin);
        let (exit, line) = ended.failed();
        assert_eq!(exit, 65, "{line}");
        assert!(
            line.starts_with(&format!("zoho-tokend: acme: {what}; ")),
            "{line}"
        );
    }
}

#[test]
fn s1_a_secret_given_as_an_argument_is_refused_and_not_repeated() {
    for args in [
        &["enroll", "acme", "1000.canary"][..],
        &["enroll", "1000.canary"],
        &["enroll", "acme", "--refresh-token=1000.canary"],
        &["enroll", "acme", "--refresh-token", "1000.canary"],
        &["enroll", "acme", "--code", "1000.canary"],
        &[
            "login",
            "acme",
            "http://localhost:8976/callback?code=1000.canary&state=canary",
        ],
        &[
            "login",
            "acme",
            "--paste=http://localhost:8976/callback?state=canary",
        ],
    ] {
        let ended = Ended::from(program(args).output().expect("it ends"));
        let (exit, line) = ended.failed();
        assert_eq!(exit, 64);
        assert!(
            line.contains("every user of this host could read it"),
            "{line}"
        );
        assert!(!line.contains("canary"), "{line}");
    }
}

/// S1: what holds a secret dumps no core, and lets no other process of its user look inside.
#[test]
fn s1_enroll_seals_its_memory_before_it_reads_a_secret() {
    const OPERATOR: u32 = 41_902;
    // Where another user may not go, the built one may stand.
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("zoho-tokend");
    let for_all = |path| fs::set_permissions(path, Permissions::from_mode(0o755));
    fs::copy(env!("CARGO_BIN_EXE_zoho-tokend"), &program).expect("room for a copy");
    for_all(folder.path()).and(for_all(&program)).expect("ours");
    let looks_inside = || {
        let mut command = Command::new(&program);
        command.args(["enroll", "acme"]).stdin(Stdio::piped());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().expect("the program starts");
        let environ = format!("/proc/{}/environ", child.id());
        // It waits for the secret meanwhile. The kernel gives the files of a sealed process to root.
        wait_until("it is sealed", SOON, || {
            let looked = fs::read(&environ).map_err(|err| err.kind());
            looked == Err(ErrorKind::PermissionDenied)
        });
        drop(child.stdin.take());
        child.wait_with_output().expect("it ends")
    };
    let output = if rustix::process::geteuid().is_root() {
        as_user(OPERATOR, OPERATOR, &[], looks_inside)
    } else {
        looks_inside()
    };
    assert_eq!(Ended::from(output).exit, 65, "there was nothing to read");
}
