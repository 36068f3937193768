//! `exec`: the command has the tokens, and is itself in every other way.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use zoho_tokend::stand_in::Rules;

use crate::daemon::{Daemon, Ended, program};
use crate::site::Site;
use crate::wait::{SOON, wait_until};

fn site(orgs: &[&str]) -> (Site, Daemon) {
    Site::enrolled(Rules::default(), orgs)
}

fn exec(site: &Site, args: &[&str]) -> Command {
    let mut command = program();
    let command_line = command.arg("exec").args(args);
    command_line.env("ZOHO_TOKEND_SOCKET", site.socket());
    command
}

fn run(site: &Site, args: &[&str]) -> Ended {
    exec(site, args).output().expect("it runs").into()
}

fn shell<'a>(orgs: &[&'a str], script: &'a str) -> Vec<&'a str> {
    [orgs, &["--", "sh", "-euc", script]].concat()
}

#[test]
fn a_command_has_the_token_of_its_org_and_where_to_ask_for_the_next() {
    let (site, _daemon) = site(&["acme"]);
    let script =
        "echo $ZOHO_ACCESS_TOKEN $ZOHO_API_DOMAIN $ZOHO_TOKEN_EXPIRES_AT $ZOHO_TOKEND_SOCKET";
    let mut command = exec(&site, &shell(&["acme"], script));
    // Told in full, as the command finds it from whatever folder.
    command.current_dir(site.folder());
    command.env("ZOHO_TOKEND_SOCKET", "socket");
    let ended = Ended::from(command.output().expect("it runs"));
    let (token, url, socket) = (site.token("acme"), site.zoho.url(), site.socket());
    let wanted = format!(
        "{} {url} {} {}\n",
        token.text,
        token.expires_at,
        socket.display()
    );
    assert_eq!(ended.done(), wanted);
}

#[test]
fn a_command_has_the_tokens_of_several_orgs_each_under_its_own_name() {
    let (site, _daemon) = site(&["acme-eu", "beta"]);
    let script = "echo $ZOHO_ACME_EU_ACCESS_TOKEN $ZOHO_BETA_ACCESS_TOKEN $ZOHO_BETA_API_DOMAIN \
                  $ZOHO_BETA_TOKEN_EXPIRES_AT ${ZOHO_ACCESS_TOKEN-none}";
    let args = shell(&["acme-eu", "beta"], script);
    let mut command = exec(&site, &args);
    let output = command.env("ZOHO_ACCESS_TOKEN", "of the caller").output();
    let ended = Ended::from(output.expect("it runs"));
    let (acme, beta) = (site.token("acme-eu"), site.token("beta"));
    let (url, expires_at) = (site.zoho.url(), &beta.expires_at);
    let wanted = format!("{} {} {url} {expires_at} none\n", acme.text, beta.text);
    assert_eq!(ended.done(), wanted);
}

/// S1: no token is an argument, and nobody stands between the caller and the command.
#[test]
fn s1_the_command_takes_the_place_of_the_program_with_its_pid_stdin_and_exit_code() {
    let (site, _daemon) = site(&["acme"]);
    let script = "cat; echo $$; tr '\\0' ' ' < /proc/$$/cmdline; exit 7";
    let mut child = exec(&site, &shell(&["acme"], script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let pid = child.id();
    let mut stdin = child.stdin.take().expect("it was piped");
    stdin.write_all(b"mine\n").expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("ours");
    let printed = String::from_utf8(output.stdout).expect("text");
    assert_eq!(printed, format!("mine\n{pid}\nsh -euc {script} "));
    assert_eq!(output.status.code(), Some(7));
    assert!(!printed.contains(&site.token("acme").text));
}

#[test]
fn signals_reach_the_command_as_if_it_had_been_started_alone() {
    let (site, _daemon) = site(&["acme"]);
    let script = "trap 'exit 9' TERM; touch ready; while :; do sleep 0.05; done";
    let mut command = exec(&site, &shell(&["acme"], script));
    let mut child = command.current_dir(site.folder()).spawn().expect("it runs");
    wait_until("the command runs", SOON, || site.path("ready").exists());
    kill_process(Pid::from_child(&child), Signal::TERM).expect("ours");
    assert_eq!(child.wait().expect("ours").code(), Some(9));
    // The program itself ignores SIGPIPE, as every Rust program does; a command in a pipeline must not.
    let status = exec(&site, &shell(&["acme"], "kill -PIPE $$")).status();
    assert_eq!(status.expect("it runs").signal(), Some(13));
}

#[test]
fn without_a_token_of_every_org_nothing_runs() {
    let (mut site, _daemon) = site(&["acme"]);
    site.config
        .orgs
        .insert("beta".into(), "client = \"acme\"".into());
    site.config
        .orgs
        .insert("gamma".into(), "client = \"acme\"".into());
    site.config.secretless = vec!["beta".into(), "gamma".into()];
    site.write_config();
    site.verb(&["reload"]).done();
    let args = shell(&["acme", "beta", "gamma", "--wait", "0"], "echo it ran");
    let ended = run(&site, &args);
    let told = ended.failed(78);
    for org in ["beta", "gamma"] {
        assert!(
            told.contains(&format!("zoho-tokend: {org}: no token to serve")),
            "{told}"
        );
    }
    let too_long = shell(&["acme", "--min-ttl", "50m"], "echo it ran");
    run(&site, &too_long).failed(64);
}
