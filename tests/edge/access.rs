//! Who may read the files: the kernel's own answer, by really reading as other users.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{fs, io};

use zoho_tokend::edge::outlet::TokenFiles;
use zoho_tokend::policy::access::NOBODY;

use crate::support::{
    FOLDER, GROUP, READER, START, STRANGER, as_user, folder, folders, has_tool_or_skips, ids,
    is_root_or_skips, publication, said_in_namespace, token,
};

const FILES: [&str; 4] = ["access_token", "header", "env", "token.json"];

/// How often the token is replaced under the eyes of a stranger and a reader.
const GENERATIONS: u64 = 300;

fn published(tokens_dir: &Path) -> PathBuf {
    let mut files = TokenFiles::open(tokens_dir).expect("a folder of ours");
    let mut new = publication(1);
    new.readers = ids(&[READER], &[GROUP]);
    files.publish(&new, START).expect("room");
    tokens_dir.join("acme")
}

fn reads(org: &Path) -> Vec<Result<usize, io::ErrorKind>> {
    let read = |file| {
        fs::read(org.join(file))
            .map(|b| b.len())
            .map_err(|e| e.kind())
    };
    FILES.map(read).to_vec()
}

/// S2
#[test]
fn s2_files_are_readable_to_readers_by_uid_gid_or_supplementary_group_and_to_nobody_else() {
    if !is_root_or_skips("s2_files_are_readable_to_readers_…") {
        return;
    }
    for folder in folders() {
        let org = published(&folder.path().join("tokens"));
        let may = |uid, gid, groups: &[u32]| {
            let reads = as_user(uid, gid, groups, || reads(&org));
            let all = reads.iter().all(Result::is_ok);
            let none = reads
                .iter()
                .all(|read| *read == Err(io::ErrorKind::PermissionDenied));
            assert!(all || none, "{uid}: {reads:?}");
            all
        };
        assert!(may(READER, STRANGER, &[]));
        assert!(may(STRANGER, GROUP, &[]));
        assert!(may(STRANGER, STRANGER, &[7, GROUP]));
        assert!(!may(STRANGER, STRANGER, &[READER, 0]));
        assert!(!may(NOBODY, GROUP, &[GROUP]));
        assert!(may(READER, NOBODY, &[NOBODY]));
    }
}

/// S2
#[test]
fn s2_a_reader_cannot_list_the_orgs_nor_write_anything() {
    if !is_root_or_skips("s2_a_reader_cannot_list_the_orgs_nor_write_anything") {
        return;
    }
    let folder = folder();
    let tokens_dir = folder.path().join("tokens");
    let org = published(&tokens_dir);
    as_user(READER, GROUP, &[], || {
        let denied = |result: io::Result<()>| {
            assert_eq!(
                result.map_err(|err| err.kind()),
                Err(io::ErrorKind::PermissionDenied)
            );
        };
        denied(fs::read_dir(&tokens_dir).map(drop));
        denied(fs::read_dir(tokens_dir.join(".generations")).map(drop));
        denied(fs::write(org.join("access_token"), "forged"));
        denied(fs::write(org.join("more"), "forged"));
        denied(fs::remove_file(org.join("access_token")));
        denied(fs::remove_file(&org));
        assert_eq!(
            fs::read_dir(&org)
                .expect("a reader may list its org")
                .count(),
            4
        );
    });
}

/// R6: the name appears only when the access is right, both ways.
///
/// The stranger also knows the names that folders have before they become an org's.
#[test]
fn r6_no_stranger_reads_a_token_and_no_reader_is_refused_at_any_moment() {
    if !is_root_or_skips("r6_no_stranger_reads_a_token_…") {
        return;
    }
    let folder = folder();
    let tokens_dir = folder.path().join("tokens");
    let mut files = TokenFiles::open(&tokens_dir).expect("a folder of ours");
    let mut new = publication(1);
    new.readers = ids(&[READER], &[]);
    files.publish(&new, START).expect("room");

    let (done, at) = (AtomicBool::new(false), AtomicU64::new(1));
    let stranger = || {
        let mut tries = 0_u64;
        while !done.load(Ordering::Relaxed) {
            let next = at.load(Ordering::Relaxed) + 1;
            let unnamed = tokens_dir.join(format!(".generations/acme.{next}.{next}"));
            for file in FILES {
                for path in [unnamed.join(file), tokens_dir.join("acme").join(file)] {
                    assert!(
                        fs::read(&path).is_err(),
                        "a stranger read {}",
                        path.display()
                    );
                    tries += 1;
                }
            }
        }
        tries
    };
    let reader = || {
        let mut reads = 0_u64;
        while !done.load(Ordering::Relaxed) {
            let text = fs::read_to_string(tokens_dir.join("acme/access_token"));
            let text = text.expect("a reader is never refused");
            assert!(text.starts_with("1000.") && text.len() == token(1).len());
            reads += 1;
        }
        reads
    };
    std::thread::scope(|scope| {
        let stranger = scope.spawn(|| as_user(STRANGER, STRANGER, &[], stranger));
        let reader = scope.spawn(|| as_user(READER, STRANGER, &[], reader));
        for generation in 2..=GENERATIONS {
            new.generation = generation;
            new.access_token = publication(generation).access_token;
            files.publish(&new, START).expect("room");
            at.store(generation, Ordering::Relaxed);
        }
        done.store(true, Ordering::Relaxed);
        assert!(stranger.join().expect("no stranger succeeded") > 100);
        assert!(reader.join().expect("no reader failed") > 100);
    });
    let last = tokens_dir.join(format!(".generations/acme.{GENERATIONS}.{GENERATIONS}"));
    assert!(
        last.is_dir(),
        "the stranger's guesses were at the right names"
    );
}

#[test]
fn getfacl_reads_the_list_as_it_is_meant() {
    if !has_tool_or_skips("getfacl_reads_the_list_as_it_is_meant", "getfacl") {
        return;
    }
    let folder = folder();
    let org = published(&folder.path().join("tokens"));
    let list = |path: &Path| {
        let mut getfacl = Command::new("getfacl");
        let getfacl = getfacl.args(["--numeric", "--omit-header", "--absolute-names"]);
        let output = getfacl.arg(path).output().expect("getfacl runs");
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
    };
    assert_eq!(
        list(&org.join("access_token")),
        format!(
            "user::r--\nuser:{READER}:r--\nuser:{NOBODY}:---\ngroup::---\ngroup:{GROUP}:r--\nmask::r--\nother::---"
        )
    );
    assert_eq!(
        list(&fs::canonicalize(&org).expect("a folder")),
        format!(
            "user::rwx\nuser:{READER}:r-x\nuser:{NOBODY}:---\ngroup::---\ngroup:{GROUP}:r-x\nmask::r-x\nother::---"
        )
    );
}

/// A default list on the folder above would be inherited by everything made in it.
#[test]
fn a_default_list_above_lets_nobody_in() {
    let name = "a_default_list_above_lets_nobody_in";
    if !is_root_or_skips(name) || !has_tool_or_skips(name, "setfacl") {
        return;
    }
    let folder = folder();
    let spec = format!("default:user:{STRANGER}:rwx,default:other::rwx");
    let setfacl = Command::new("setfacl")
        .args(["-m", &spec])
        .arg(folder.path())
        .status();
    assert!(setfacl.expect("setfacl runs").success());
    for readers in [ids(&[], &[]), ids(&[READER], &[])] {
        let tokens_dir = folder.path().join("tokens");
        let mut files = TokenFiles::open(&tokens_dir).expect("a folder of ours");
        let mut new = publication(1);
        new.readers = readers;
        files.publish(&new, START).expect("room");
        let reads = as_user(STRANGER, STRANGER, &[], || reads(&tokens_dir.join("acme")));
        assert!(reads.iter().all(Result::is_err), "{reads:?}");
    }
}

#[test]
fn where_readers_cannot_be_let_in_the_reason_and_the_cure_are_said() {
    let name = "where_readers_cannot_be_let_in_the_reason_and_the_cure_are_said";
    if !is_root_or_skips(name) || !has_tool_or_skips(name, "unshare") {
        return;
    }
    let no_lists = "has no POSIX access lists; put tokens_dir on a tmpfs, as /run is";
    let unknown = "a reader's id is not known in this user namespace; run the daemon without one";
    for (kind, mount, expected) in [
        ("--mount", "mount -t ramfs none", no_lists),
        ("--map-root-user", "test -d", unknown),
    ] {
        let folder = folder();
        let said = said_in_namespace(kind, mount, folder.path(), "access::publishes_for_a_reader");
        assert!(said.contains("token files of org acme: "), "{said}");
        assert!(said.contains(expected), "{kind}: {said}");
    }
}

/// Not a test: what runs where readers cannot be let in.
#[test]
#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn publishes_for_a_reader() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let tokens_dir = Path::new(&folder).join("tokens");
    let mut files = TokenFiles::open(&tokens_dir).expect("a folder of ours");
    let mut new = publication(1);
    files.publish(&new, START).expect("the mode says it all");
    new.readers = ids(&[READER], &[]);
    println!("{}", files.publish(&new, START).expect_err("no such list"));
    let read = fs::read_to_string(tokens_dir.join("acme/access_token"));
    assert_eq!(read.expect("what was there is there"), token(1));
}
