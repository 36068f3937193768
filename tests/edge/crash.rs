//! kill -9 half-way, and what the next start makes of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use zoho_tokend::edge::outlet::{Format, Output, TokenFiles, Written};

use crate::support::{START, folder, org, publication, token};

/// Where the publishing child works; set for the child alone.
const WORKPLACE: &str = "ZOHO_TOKEND_TEST_WORKPLACE";

/// All paths below `folder`, sorted, without the content of links.
fn tree(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("ours") {
            let path = entry.expect("readable").path();
            if path.symlink_metadata().expect("there").is_dir() {
                open.push(path.clone());
            }
            let below = path.strip_prefix(folder).expect("below");
            paths.push(below.to_string_lossy().into_owned());
        }
    }
    paths.sort();
    paths
}

/// R6: one leftover of each stage of a publication, and of each older life.
#[test]
fn r6_what_a_crash_left_at_any_stage_is_gone_after_the_next_start() {
    let folder = folder();
    let at = |path: &str| folder.path().join(path);
    let mut before = TokenFiles::open(folder.path()).expect("an empty folder");
    before.publish(&publication(7), START).expect("room");
    let clean = tree(folder.path());

    // Made and empty; half written; whole, but not yet the org's; its link not yet renamed.
    fs::create_dir(at(".generations/acme.8.2")).expect("ours");
    fs::create_dir(at(".generations/acme.8.3")).expect("ours");
    fs::write(at(".generations/acme.8.3/access_token"), "1000.ha").expect("ours");
    fs::create_dir(at(".generations/acme.8.4")).expect("ours");
    for format in Format::ALL {
        let content = format.render(&publication(8));
        fs::write(
            at(".generations/acme.8.4").join(format.file_name()),
            content,
        )
        .expect("ours");
    }
    symlink(".generations/acme.8.4", at(".generations/acme.link")).expect("ours");
    // Retired, and not yet swept.
    fs::create_dir(at(".generations/acme.6.1")).expect("ours");
    // An org that left, one whose folder is gone, one whose token has ended.
    fs::create_dir(at(".generations/left.5.1")).expect("ours");
    symlink(".generations/left.5.1", at("left")).expect("ours");
    symlink(".generations/dangling.5.1", at("dangling")).expect("ours");
    // Not a generation at all.
    fs::write(at(".generations/junk"), "").expect("ours");
    fs::create_dir_all(at(".generations/deep.x/er")).expect("ours");
    // Not ours.
    fs::write(at("lost+found"), "").expect("ours");
    symlink("/etc/hostname", at("foreign")).expect("ours");

    drop(before);
    let mut files = TokenFiles::open(folder.path()).expect("a folder of ours");
    files.tidy(&[org("acme"), org("dangling")]).expect("ours");
    let mut expected = clean;
    expected.extend(["foreign".into(), "lost+found".into()]);
    expected.sort();
    assert_eq!(tree(folder.path()), expected);
}

/// R1: at the start a token that has ended is withdrawn.
#[test]
fn r1_the_files_of_an_org_that_is_not_live_go_at_the_start() {
    let folder = folder();
    let mut before = TokenFiles::open(folder.path()).expect("an empty folder");
    before.publish(&publication(7), START).expect("room");
    drop(before);
    let mut files = TokenFiles::open(folder.path()).expect("a folder of ours");
    files.tidy(&[]).expect("ours");
    assert_eq!(tree(folder.path()), [".generations"]);
}

/// R6, R7
#[test]
fn r6_kill_9_while_publishing_leaves_a_whole_token_or_none() {
    let folder = folder();
    let tokens_dir = folder.path().join("tokens");
    let output = folder.path().join("out");
    for round in 0..30_u64 {
        let mut child = publisher(folder.path());
        wait_for(&output.join("token"));
        // A different moment each time; what counts is that some fall into the middle of a publication.
        std::thread::sleep(Duration::from_micros(300 * round));
        child.kill().expect("our child");
        let status = child.wait().expect("our child");
        assert_eq!(status.signal(), Some(9), "the child ended by itself");

        let json = fs::read(tokens_dir.join("acme/token.json")).expect("whole");
        let json: serde_json::Value = serde_json::from_slice(&json).expect("whole JSON");
        let generation = json["generation"].as_u64().expect("a number");
        let text = fs::read_to_string(tokens_dir.join("acme/access_token")).expect("whole");
        assert_eq!(text, token(generation));
        let text = fs::read_to_string(output.join("token")).expect("whole");
        let digits = text.get(5..13).expect("a generation").parse();
        assert_eq!(text, token(digits.expect("a number")));

        let mut files = TokenFiles::open(&tokens_dir).expect("a folder of ours");
        files.tidy(&[org("acme")]).expect("ours");
        let generations = fs::read_dir(tokens_dir.join(".generations")).expect("ours");
        assert_eq!(generations.count(), 1);
        let (output_of, list) = (token_output(&output), list(folder.path()));
        output_of.withdraw_own(&org("acme"), &list).expect("ours");
        assert_eq!(
            tree(&output),
            [""; 0],
            "whenever it was killed, it knows its own"
        );
        output_of
            .publish(&publication(generation), &list)
            .expect("room");
        assert_eq!(tree(&output), ["token"]);
    }
}

fn token_output(folder: &Path) -> Output {
    Output {
        path: folder.join("token"),
        format: Format::Token,
        group: None,
        mode: 0o640,
    }
}

fn list(workplace: &Path) -> Written {
    Written::open(&workplace.join("outputs.json"))
}

/// This very program, publishing for ever in `workplace`.
fn publisher(workplace: &Path) -> Child {
    let program = std::env::current_exe().expect("a test is a program");
    let mut command = Command::new(program);
    command.args([
        "--exact",
        "crash::publishes_until_it_is_killed",
        "--nocapture",
    ]);
    command.env(WORKPLACE, workplace).stdout(Stdio::null());
    command.spawn().expect("a second copy of a running program")
}

fn wait_for(path: &Path) {
    let is_there = |_| {
        std::thread::sleep(Duration::from_millis(1));
        path.exists()
    };
    assert!(
        (0..10_000).any(is_there),
        "{} did not appear",
        path.display()
    );
}

/// Not a test: what [`publisher`] runs.
#[test]
fn publishes_until_it_is_killed() {
    let Some(workplace) = std::env::var_os(WORKPLACE) else {
        return;
    };
    let workplace = Path::new(&workplace);
    let mut files = TokenFiles::open(&workplace.join("tokens")).expect("made or ours");
    let (output, list) = (workplace.join("out"), list(workplace));
    drop(fs::create_dir(&output));
    for generation in 1.. {
        let new = publication(generation);
        files.publish(&new, START).expect("room");
        token_output(&output).publish(&new, &list).expect("room");
    }
}
