//! Single files: what is replaced, what is refused, and what a person is told.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use zoho_tokend::edge::outlet::{Format, Output, Published, Trouble};

use crate::support::{
    FOLDER, GROUP, STRANGER, as_user, folder, folders, has_tool_or_skips, is_root_or_skips, org,
    publication, said_in_namespace, token, written,
};

fn output(path: &Path) -> Output {
    Output {
        path: path.to_owned(),
        format: Format::Token,
        group: None,
        mode: 0o640,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("ours");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("readable").file_name();
    entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_format_is_written_with_its_mode_and_nothing_else_is_left() {
    for folder in folders() {
        for format in Format::ALL {
            let mut out = output(&folder.path().join("zoho"));
            (out.format, out.mode) = (format, 0o604);
            assert_eq!(
                out.publish(&publication(1), written()).expect("room"),
                Published::Written
            );
            let content = fs::read(&out.path).expect("written");
            assert_eq!(content, **format.render(&publication(1)));
            assert_eq!(
                fs::metadata(&out.path).expect("written").mode() & 0o7777,
                0o604
            );
            assert_eq!(names(folder.path()), ["zoho"]);
        }
    }
}

#[test]
fn what_is_there_already_is_left_alone_and_what_differs_is_replaced() {
    let folder = folder();
    let out = output(&folder.path().join("zoho"));
    out.publish(&publication(1), written()).expect("room");
    let inode = || fs::metadata(&out.path).expect("written").ino();
    let first = inode();
    assert_eq!(
        out.publish(&publication(1), written()).expect("room"),
        Published::Unchanged
    );
    assert_eq!(inode(), first);
    fs::set_permissions(&out.path, Permissions::from_mode(0o644)).expect("ours");
    assert_eq!(
        out.publish(&publication(1), written()).expect("room"),
        Published::Written
    );
    assert_eq!(
        fs::metadata(&out.path).expect("written").mode() & 0o777,
        0o640
    );
    fs::write(&out.path, "forged").expect("ours");
    assert_eq!(
        out.publish(&publication(1), written()).expect("room"),
        Published::Written
    );
    assert_eq!(
        out.publish(&publication(2), written()).expect("room"),
        Published::Written
    );
    assert_eq!(fs::read_to_string(&out.path).expect("written"), token(2));
}

#[test]
fn a_link_at_the_path_or_at_the_temporary_name_is_replaced_and_not_followed() {
    let folder = folder();
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").expect("ours");
    let out = output(&folder.path().join("zoho"));
    for link in [&out.path, &folder.path().join(".zoho.zoho-tokend")] {
        symlink(&victim, link).expect("ours");
        out.publish(&publication(1), written()).expect("room");
        assert!(fs::symlink_metadata(&out.path).expect("written").is_file());
        assert_eq!(fs::read_to_string(&victim).expect("there"), "precious");
        fs::remove_file(&out.path).expect("ours");
    }
    assert_eq!(names(folder.path()), ["victim"]);
}

#[test]
fn a_folder_at_the_path_is_refused_by_name() {
    let folder = folder();
    let out = output(&folder.path().join("zoho"));
    fs::create_dir(&out.path).expect("ours");
    let err = out
        .publish(&publication(1), written())
        .expect_err("a folder");
    let path = out.path.display();
    assert_eq!(
        err.to_string(),
        format!(
            "output {path} of org acme: {path} is a folder that the daemon did not make; move it away"
        )
    );
    assert_eq!(names(folder.path()), ["zoho"], "nothing half-made is left");
}

#[test]
fn withdrawing_removes_the_file_and_what_a_crash_left() {
    let folder = folder();
    let out = output(&folder.path().join("zoho"));
    out.publish(&publication(1), written()).expect("room");
    fs::write(folder.path().join(".zoho.zoho-tokend"), "half").expect("ours");
    out.withdraw(&org("acme"), written()).expect("ours");
    assert!(names(folder.path()).is_empty());
    out.withdraw(&org("acme"), written())
        .expect("what is gone is gone");
    output(&folder.path().join("no/such"))
        .withdraw(&org("acme"), written())
        .expect("nor was it there");
}

#[test]
fn a_missing_folder_is_said_with_its_cure() {
    let folder = folder();
    let err = output(&folder.path().join("no/such")).publish(&publication(1), written());
    let err = err.expect_err("no folder");
    assert!(matches!(err.trouble, Trouble::NoFolder(_)), "{err}");
    assert!(
        err.to_string()
            .contains("/no does not exist, or the unit hides it"),
        "{err}"
    );
}

#[test]
fn a_file_in_place_of_the_folder_is_no_folder() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").expect("ours");
    let err = output(&folder.path().join("file/zoho")).publish(&publication(1), written());
    assert!(matches!(
        err.expect_err("no folder").trouble,
        Trouble::NoFolder(_)
    ));
}

#[test]
fn the_group_is_the_configured_one() {
    if !is_root_or_skips("the_group_is_the_configured_one") {
        return;
    }
    let folder = folder();
    let mut out = output(&folder.path().join("zoho"));
    out.group = Some(GROUP);
    out.publish(&publication(1), written()).expect("room");
    assert_eq!(fs::metadata(&out.path).expect("written").gid(), GROUP);
    assert!(as_user(STRANGER, GROUP, &[], || fs::read(&out.path)).is_ok());
    assert!(as_user(STRANGER, STRANGER, &[], || fs::read(&out.path)).is_err());
    out.group = Some(STRANGER);
    assert_eq!(
        out.publish(&publication(1), written()).expect("room"),
        Published::Written
    );
}

#[test]
fn without_a_configured_group_it_is_the_daemons_whatever_the_folder_gives() {
    if !is_root_or_skips("without_a_configured_group_it_is_the_daemons_…") {
        return;
    }
    let folder = folder();
    chown(folder.path(), None, Some(GROUP)).expect("root may");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o2755)).expect("ours");
    let out = output(&folder.path().join("zoho"));
    out.publish(&publication(1), written()).expect("room");
    let own = rustix::process::getegid().as_raw();
    assert_eq!(fs::metadata(&out.path).expect("written").gid(), own);
    assert_eq!(
        out.publish(&publication(1), written()).expect("room"),
        Published::Unchanged
    );
}

#[test]
fn a_group_that_is_not_the_daemons_is_said_with_the_drop_in() {
    if !is_root_or_skips("a_group_that_is_not_the_daemons_is_said_with_the_drop_in") {
        return;
    }
    let folder = folder();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("ours");
    let mut out = output(&folder.path().join("zoho"));
    out.group = Some(GROUP);
    let err = as_user(STRANGER, STRANGER, &[], || {
        out.publish(&publication(1), written())
    });
    let text = err.expect_err("not in that group").to_string();
    assert!(
        text.contains(&format!("not in group {GROUP}; add it with a drop-in")),
        "{text}"
    );
    assert!(
        text.contains(&format!("SupplementaryGroups={GROUP}")),
        "{text}"
    );
    assert!(names(folder.path()).is_empty(), "nothing half-made is left");
}

#[test]
fn a_folder_that_the_daemon_may_not_write_in_is_said_with_the_right_to_give() {
    if !is_root_or_skips("a_folder_that_the_daemon_may_not_write_in_…") {
        return;
    }
    let folder = folder();
    let out = output(&folder.path().join("zoho"));
    let err = as_user(STRANGER, STRANGER, &[], || {
        fs::metadata(folder.path()).expect("one may look");
        out.publish(&publication(1), written())
    });
    let text = err.expect_err("not writable").to_string();
    assert!(
        text.contains(&format!("setfacl -m u:{STRANGER}:rwx ")),
        "{text}"
    );
}

#[test]
fn a_read_only_and_a_full_file_system_are_told_apart() {
    let name = "a_read_only_and_a_full_file_system_are_told_apart";
    if !is_root_or_skips(name) || !has_tool_or_skips(name, "unshare") {
        return;
    }
    let full = "no space or no inodes are left where";
    for (options, expected) in [
        ("ro", "is read-only for the daemon; mount it writable, or"),
        ("size=4k", full),
        ("nr_inodes=1", full),
    ] {
        let mount = format!("mount -t tmpfs -o {options} none");
        let said = said_in_namespace("--mount", &mount, folder().path(), "output::publishes_once");
        assert!(said.contains(expected), "{options}: {said}");
        assert!(
            said.contains("output /") && said.contains("of org acme"),
            "{said}"
        );
    }
}

/// Not a test: what runs where something is mounted.
#[test]
#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn publishes_once() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let folder = Path::new(&folder);
        let result = output(&folder.join("zoho")).publish(&publication(1), written());
        println!(
            "{}",
            result.expect_err("the file system is full or read-only")
        );
        let left = names(folder);
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn curl_sends_the_header_file_as_one_header() {
    if !has_tool_or_skips("curl_sends_the_header_file_as_one_header", "curl") {
        return;
    }
    let folder = folder();
    let mut out = output(&folder.path().join("zoho.header"));
    out.format = Format::Header;
    out.publish(&publication(1), written()).expect("room");
    let server = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let url = format!("http://{}/", server.local_addr().expect("bound"));
    let header = format!("@{}", out.path.display());
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--noproxy", "*", "-H", &header, &url]);
    let mut curl = curl.spawn().expect("curl runs");
    let (stream, _) = server.accept().expect("curl connects");
    let lines = BufReader::new(&stream)
        .lines()
        .map(|line| line.expect("text"));
    let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    (&stream)
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .expect("curl waits");
    assert!(curl.wait().expect("our child").success());
    let expected = format!("Authorization: Zoho-oauthtoken {}", token(1));
    assert_eq!(request.iter().filter(|line| **line == expected).count(), 1);
}

/// The folder's default list names others than the config does.
#[test]
fn a_default_list_of_the_folder_lets_nobody_in() {
    let name = "a_default_list_of_the_folder_lets_nobody_in";
    if !is_root_or_skips(name) || !has_tool_or_skips(name, "setfacl") {
        return;
    }
    let folder = folder();
    let spec = format!("default:user:{STRANGER}:rwx");
    let setfacl = Command::new("setfacl")
        .args(["-m", &spec])
        .arg(folder.path())
        .status();
    assert!(setfacl.expect("setfacl runs").success());
    let out = output(&folder.path().join("zoho"));
    out.publish(&publication(1), written()).expect("room");
    let is_let_in = || as_user(STRANGER, STRANGER, &[], || fs::read(&out.path)).is_ok();
    let publish = || out.publish(&publication(1), written()).expect("room");
    assert!(!is_let_in());
    assert_eq!(publish(), Published::Unchanged);
    let spec = format!("user:{STRANGER}:r");
    let setfacl = Command::new("setfacl")
        .args(["-m", &spec])
        .arg(&out.path)
        .status();
    assert!(setfacl.expect("setfacl runs").success());
    assert!(
        is_let_in(),
        "somebody let a stranger in, and the mode does not show it"
    );
    assert_eq!(publish(), Published::Written);
    assert!(!is_let_in());
}

/// R6
#[test]
fn r6_a_reader_of_an_output_sees_a_whole_token_with_its_mode_at_any_moment() {
    let folder = folder();
    let out = output(&folder.path().join("zoho"));
    out.publish(&publication(1), written()).expect("room");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0_u32;
            while reads < 2_000 || !done.load(Ordering::Relaxed) {
                let text = fs::read_to_string(&out.path).expect("never missing");
                let generation = text.get(5..13).and_then(|digits| digits.parse().ok());
                assert_eq!(text, token(generation.expect("a number")));
                let mode = fs::metadata(&out.path).expect("never missing").mode();
                assert_eq!(mode & 0o7777, 0o640);
                reads += 1;
            }
        });
        for generation in 2..=200 {
            out.publish(&publication(generation), written())
                .expect("room");
        }
        done.store(true, Ordering::Relaxed);
        reader.join().expect("no read failed");
    });
}

/// A slip of the pen in the config, and the daemon may be root.
#[test]
fn a_file_that_holds_no_token_is_neither_replaced_nor_withdrawn() {
    let folder = folder();
    let out = output(&folder.path().join("passwd"));
    fs::write(&out.path, "root:x:0:0:root:/root:/bin/sh\n").expect("ours");
    let err = out.publish(&publication(1), written());
    let err = err.expect_err("in use").to_string();
    assert!(err.contains("holds no token; move it away"), "{err}");
    out.withdraw(&org("acme"), written())
        .expect("nothing of ours");
    assert!(
        fs::read_to_string(&out.path)
            .expect("there")
            .starts_with("root:")
    );
    assert_eq!(names(folder.path()), ["passwd"]);

    fs::remove_file(&out.path).expect("ours");
    out.publish(&publication(1), written()).expect("room");
    fs::write(&out.path, "forged").expect("ours");
    out.publish(&publication(1), written())
        .expect("once ours, ever ours");
    assert_eq!(fs::read_to_string(&out.path).expect("there"), token(1));
}
