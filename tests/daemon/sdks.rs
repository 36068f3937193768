//! The jobs of `examples/`: Zoho's own SDKs, and plain clients, with tokens of the daemon.
//!
//! The stand-in has leads to read, and lets nobody in with a token that is dead. What a job prints and what it leaves
//! on the disk is looked at: neither has a token in it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;
use std::time::Duration;

use zoho_tokend::stand_in::{End, Fault, Leads, ON_CRM, Rules, Traffic};

use crate::daemon::Daemon;
use crate::job::{Job, PLAIN_JOBS, SDK_JOBS, need_jobs};
use crate::reports::kinds;
use crate::site::Site;
use crate::wait::{SOON, wait_until};
use crate::zoho::rules;

/// One lead a page: each is a call of its own, and `count` of them take `count` times `delay` at least.
fn with_leads(rules: Rules, count: usize, delay: Duration) -> (Site, Daemon) {
    let (site, daemon) = Site::enrolled(rules, &["acme"]);
    site.zoho.world.with(|zoho, _| {
        zoho.leads = Leads {
            count,
            page_max: 1,
            delay,
            ..Leads::default()
        }
    });
    (site, daemon)
}

fn start(site: &Site, job: &str) -> Job {
    Job::start(job, "acme", &site.socket())
}

/// The tokens that leads were read with.
fn tokens_seen(site: &Site) -> Vec<String> {
    let tokens = site.zoho.world.with(|zoho, _| zoho.leads.tokens.clone());
    tokens.into_iter().collect()
}

fn traffic(site: &Site) -> Traffic {
    site.zoho.stats().traffic
}

/// What the job printed, if it did its work and showed no token.
#[track_caller]
fn done(site: &Site, output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    shows_no_token(site, output);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Nor a half of one.
#[track_caller]
fn shows_no_token(site: &Site, output: &Output) {
    let said = format!("{output:?}");
    for token in tokens_seen(site).iter().chain([&site.token("acme").text]) {
        for part in token.split('.').filter(|part| part.len() >= 20) {
            assert!(!said.contains(part), "a token is shown: {said}");
        }
    }
}

fn every_lead(count: usize) -> String {
    let lines: Vec<_> = (1..=count).map(|id| format!("{id}\tLead {id}\n")).collect();
    lines.concat()
}

/// R1: every call has a live token, although none lives as long as the job runs.
#[track_caller]
fn outlasts_its_tokens(job: &str) {
    if !need_jobs() {
        return;
    }
    let life = Duration::from_secs(6);
    let (site, _daemon) = with_leads(rules(life, life), 24, life / 20);
    let first = site.token("acme");
    let output = start(&site, job).end();
    assert_eq!(done(&site, &output), every_lead(24));
    assert!(!site.zoho.is_alive(&first.text), "the job outlasted it");
    let seen = tokens_seen(&site);
    assert!(seen.len() >= 2, "{seen:?}");
    let traffic = traffic(&site);
    assert!(traffic.crm_refused.is_empty(), "{traffic:?}");
    assert_eq!(traffic.strays, 0, "the SDK calls nothing but the API");
    assert_eq!(traffic.crm_let_in, 24 + 1, "the fields are asked for once");
}

#[test]
fn r1_a_read_with_zohos_python_sdk_outlasts_its_tokens() {
    outlasts_its_tokens(SDK_JOBS[0]);
}

#[test]
fn r1_a_read_with_zohos_node_sdk_outlasts_its_tokens() {
    outlasts_its_tokens(SDK_JOBS[1]);
}

/// R12: the job reported the token that died early, which cost one mint, and went on.
#[track_caller]
fn was_reported_once(site: &Site, daemon: &Daemon) {
    assert_eq!(traffic(site).crm_refused[&End::Revoked], 1);
    assert_eq!(site.zoho.mints("acme"), 2, "{}", daemon.said());
    assert_eq!(kinds(site, "reported").len(), 1);
    let metrics = site.get("/metrics").body;
    let refreshed = "zoho_tokend_reports_total{org=\"acme\",verdict=\"refreshed\"} 1\n";
    assert!(metrics.contains(refreshed), "{metrics}");
}

#[track_caller]
fn reads_on_after_a_report(job: &str) {
    if !need_jobs() {
        return;
    }
    let (site, daemon) = with_leads(Rules::default(), 12, Duration::from_millis(100));
    let running = start(&site, job);
    wait_until("the job reads", SOON, || !tokens_seen(&site).is_empty());
    site.zoho.revoke(&site.token("acme").text);
    assert_eq!(done(&site, &running.end()), every_lead(12));
    assert_eq!(tokens_seen(&site).len(), 2);
    was_reported_once(&site, &daemon);
}

#[test]
fn r12_a_python_sdk_job_whose_token_zoho_ends_reports_it_and_reads_on() {
    reads_on_after_a_report(SDK_JOBS[0]);
}

#[test]
fn r12_a_node_sdk_job_whose_token_zoho_ends_reports_it_and_reads_on() {
    reads_on_after_a_report(SDK_JOBS[1]);
}

/// The SDKs' own first call, for the fields of a module, is refused in another way than the others.
#[test]
fn r12_every_job_reports_a_token_that_was_dead_from_the_start() {
    if !need_jobs() {
        return;
    }
    let from_the_start = |job: &'static str, expected: &str| {
        let (site, daemon) = with_leads(Rules::default(), 1, Duration::ZERO);
        site.zoho.revoke(&site.token("acme").text);
        let output = start(&site, job).end();
        assert_eq!(done(&site, &output), expected, "{job}");
        was_reported_once(&site, &daemon);
    };
    thread::scope(|scope| {
        for job in SDK_JOBS {
            scope.spawn(move || from_the_start(job, "1\tLead 1\n"));
        }
        for job in PLAIN_JOBS {
            scope.spawn(move || from_the_start(job, "Zylker\n"));
        }
    });
}

#[test]
fn an_org_without_leads_is_no_error() {
    if !need_jobs() {
        return;
    }
    let (site, _daemon) = with_leads(Rules::default(), 0, Duration::ZERO);
    for job in SDK_JOBS {
        let output = start(&site, job).end();
        assert_eq!(done(&site, &output), "", "{job}");
    }
}

#[test]
fn every_job_says_in_the_daemons_words_why_there_is_no_token() {
    if !need_jobs() {
        return;
    }
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    let nobody = site.path("nobody-listens");
    let fails = |job: &str, socket: &Path, word: &str| {
        let output = Job::start(job, "acme", socket).end();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{job}: {output:?}");
        assert!(said.contains(word), "{job}: {said}");
        assert!(
            !said.contains("Traceback") && !said.contains("    at "),
            "{job}: {said}"
        );
    };
    // At once: the daemon holds each as long as it asks to wait.
    thread::scope(|scope| {
        for job in SDK_JOBS.iter().chain(&PLAIN_JOBS) {
            scope.spawn(|| fails(job, &site.socket(), "zoho-tokend enroll acme"));
        }
        for job in PLAIN_JOBS {
            scope.spawn(|| fails(job, &nobody, "nobody-listens"));
        }
    });
}

#[test]
fn an_sdk_job_that_cannot_reach_zoho_ends_and_shows_no_token() {
    if !need_jobs() {
        return;
    }
    let (site, _daemon) = with_leads(Rules::default(), 1, Duration::ZERO);
    site.zoho.away_for(Duration::from_mins(10));
    thread::scope(|scope| {
        for job in SDK_JOBS {
            let site = &site;
            scope.spawn(move || {
                let output = start(site, job).end();
                assert!(!output.status.success(), "{job}: {output:?}");
                shows_no_token(site, &output);
            });
        }
    });
}

/// R8: the patience of a job is for a daemon that dies and comes back as well.
#[test]
fn r8_a_job_that_waits_for_a_token_gets_it_from_the_daemon_that_comes_back() {
    if !need_jobs() {
        return;
    }
    let site = Site::new(Rules::default(), &["acme"]);
    let mut daemon = site.run();
    // The one that asked whether it is ready is not taken for a job.
    wait_until("nobody is there", SOON, || site.readers() == 0);
    let jobs = PLAIN_JOBS.map(|job| start(&site, job));
    wait_until("all wait", SOON, || site.readers() == jobs.len());
    daemon.kill();
    let _daemon = site.run();
    site.enroll("acme").done();
    for job in jobs {
        assert_eq!(done(&site, &job.end()), "Zylker\n");
    }
}

/// It says nothing of the token, and everything of what the job ran into.
#[test]
fn a_job_that_is_sent_a_web_page_says_with_which_status() {
    if !need_jobs() {
        return;
    }
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let page = Fault::answer(502, "<html>bad gateway</html>".to_owned());
    let added = site
        .zoho
        .world
        .with(|zoho, _| zoho.add_fault(ON_CRM, None, page));
    added.expect("room");
    for job in PLAIN_JOBS {
        let output = start(&site, job).end();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{job}: {output:?}");
        assert!(said.contains("Zoho answered 502"), "{job}: {said}");
        assert!(said.lines().count() <= 2, "{job}: {said}");
    }
    assert_eq!(site.zoho.mints("acme"), 1, "no page is a word on a token");
}

/// A socket on the way to the daemon's, whose first answer is that a token will be there in a second.
fn not_yet(site: &Site, name: &str) -> PathBuf {
    let (path, daemon) = (site.path(name), site.socket());
    let listener = UnixListener::bind(&path).expect("the folder is ours");
    // The thread ends with the test's process.
    thread::spawn(move || {
        let mut clients = listener.incoming().flatten();
        if let Some(mut client) = clients.next() {
            let body = r#"{"status":503,"detail":"acme has no token.","retry_after_s":1}"#;
            let length = body.len();
            let _head = client.read(&mut [0; 4096]).expect("a request");
            let head = format!("HTTP/1.1 503 Service Unavailable\r\nContent-Length: {length}\r\n");
            let sent = write!(client, "{head}Connection: close\r\n\r\n{body}");
            sent.expect("the job listens");
        }
        for client in clients {
            pass_on(client, UnixStream::connect(&daemon).expect("it listens"));
        }
    });
    path
}

fn pass_on(client: UnixStream, server: UnixStream) {
    let clone = |stream: &UnixStream| stream.try_clone().expect("a descriptor");
    let (mut from_client, mut to_server) = (clone(&client), clone(&server));
    let (mut from_server, mut to_client) = (server, client);
    thread::spawn(move || {
        // Either may hang up at any time.
        drop(std::io::copy(&mut from_client, &mut to_server));
        drop(to_server.shutdown(std::net::Shutdown::Write));
    });
    thread::spawn(move || {
        drop(std::io::copy(&mut from_server, &mut to_client));
        drop(to_client.shutdown(std::net::Shutdown::Both));
    });
}

#[test]
fn a_job_that_is_told_when_to_ask_again_does() {
    if !need_jobs() {
        return;
    }
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    for (job, name) in PLAIN_JOBS.iter().zip(["python", "node"]) {
        let output = Job::start(job, "acme", &not_yet(&site, name)).end();
        assert_eq!(done(&site, &output), "Zylker\n", "{job}");
    }
}
