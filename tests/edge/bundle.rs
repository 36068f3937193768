//! Token files: whole, together, withdrawn, mended.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, openat};
use zoho_tokend::base::{Now, UnixTime};
use zoho_tokend::edge::outlet::{Published, TokenFiles, Trouble};

use crate::support::{READER, START, folder, folders, ids, later, org, publication, token};

/// The names of the generations on disk.
fn generations(tokens_dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(tokens_dir.join(".generations")).expect("a folder of ours");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("readable").file_name();
    let mut names: Vec<_> = entries
        .map(|e| name(e).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn token_of(tokens_dir: &Path, org: &str) -> String {
    fs::read_to_string(tokens_dir.join(org).join("access_token")).expect("published")
}

/// One read of two files through one open folder.
fn read_pair(tokens_dir: &Path) -> (String, serde_json::Value) {
    let folder = File::open(tokens_dir.join("acme")).expect("the org is never without a folder");
    let read = |name: &str| {
        let file = openat(&folder, name, OFlags::RDONLY, Mode::empty());
        let mut text = String::new();
        let file = file.expect("an open folder keeps its files while a reader needs them");
        File::from(file)
            .read_to_string(&mut text)
            .expect("readable");
        text
    };
    let token = read("access_token");
    (
        token,
        serde_json::from_str(&read("token.json")).expect("whole JSON"),
    )
}

/// R6: ten thousand reads, fifty between one publication and the next.
#[test]
fn r6_readers_see_one_generation_whole_while_two_hundred_are_published() {
    const GENERATIONS: u32 = 200;
    const READS_EACH: u64 = 50;
    for folder in folders() {
        let tokens_dir = folder.path().join("tokens");
        let mut files = TokenFiles::open(&tokens_dir).expect("a folder of ours");
        files.publish(&publication(1), START).expect("room");
        let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| read_until(&done, &reads, &tokens_dir));
            for turn in 2..=GENERATIONS {
                // A folder goes forty publications after it was replaced: no reader is that slow.
                let now = later(turn * Duration::from_millis(125));
                files.publish(&publication(turn.into()), now).expect("room");
                files.sweep(now).expect("ours to remove");
                let enough = reads.load(Ordering::Relaxed) + READS_EACH;
                while reads.load(Ordering::Relaxed) < enough && !reader.is_finished() {
                    std::thread::yield_now();
                }
            }
            done.store(true, Ordering::Relaxed);
            assert_eq!(
                reader.join().expect("no read failed"),
                u64::from(GENERATIONS)
            );
        });
        assert_eq!(
            generations(&tokens_dir).len(),
            41,
            "the current one, and forty that linger"
        );
    }
}

/// Reads until `done`, and once more; says which generation came last.
fn read_until(done: &AtomicBool, reads: &AtomicU64, tokens_dir: &Path) -> u64 {
    let mut newest = 0;
    loop {
        let last = done.load(Ordering::Relaxed);
        let (text, json) = read_pair(tokens_dir);
        let generation = json["generation"].as_u64().expect("a number");
        assert_eq!(text, token(generation), "whole, and of the same generation");
        assert_eq!(json["access_token"], text);
        assert!(generation >= newest, "no older token after a newer one");
        newest = generation;
        reads.fetch_add(1, Ordering::Relaxed);
        if last {
            return newest;
        }
    }
}

#[test]
fn the_folder_before_stays_for_five_seconds_and_not_longer() {
    let folder = folder();
    let mut files = TokenFiles::open(folder.path()).expect("an empty folder");
    files.publish(&publication(1), START).expect("room");
    assert_eq!(files.next_sweep(), None);
    files.publish(&publication(2), START).expect("room");
    let due = later(Duration::from_secs(5));
    assert_eq!(files.next_sweep(), Some(due.boot));
    files
        .sweep(later(Duration::from_millis(4_999)))
        .expect("nothing to do");
    assert_eq!(generations(folder.path()), ["acme.1.1", "acme.2.2"]);
    files.sweep(due).expect("ours to remove");
    assert_eq!(generations(folder.path()), ["acme.2.2"]);
    assert_eq!(files.next_sweep(), None);
}

/// R1
#[test]
fn r1_no_folder_stays_longer_than_its_token_lives() {
    let folder = folder();
    let mut files = TokenFiles::open(folder.path()).expect("an empty folder");
    let mut dying = publication(1);
    dying.expires_at = UnixTime(START.wall.0 + 2_000);
    files.publish(&dying, START).expect("room");
    files.publish(&publication(2), START).expect("room");
    assert_eq!(files.next_sweep(), Some(later(Duration::from_secs(2)).boot));
}

/// R1: the end of an older process's token is not known, so that its folder gets a second.
#[test]
fn r1_the_folder_of_an_earlier_process_goes_within_a_second() {
    let folder = folder();
    let mut before = TokenFiles::open(folder.path()).expect("an empty folder");
    before.publish(&publication(1), START).expect("room");
    drop(before);
    let mut files = TokenFiles::open(folder.path()).expect("a folder of ours");
    files.publish(&publication(2), START).expect("room");
    assert_eq!(files.next_sweep(), Some(later(Duration::from_secs(1)).boot));
}

/// R6: also where only the readers changed over a restart.
#[test]
fn r6_the_folder_of_an_earlier_process_with_the_same_token_stays_as_long_as_one_of_ours() {
    let folder = folder();
    let mut before = TokenFiles::open(folder.path()).expect("an empty folder");
    before.publish(&publication(1), START).expect("room");
    drop(before);
    let mut files = TokenFiles::open(folder.path()).expect("a folder of ours");
    let mut new = publication(1);
    new.readers = ids(&[READER], &[]);
    files.publish(&new, START).expect("room");
    assert_eq!(files.next_sweep(), Some(later(Duration::from_secs(5)).boot));
}

/// R9: a folder's time goes by the clock that nobody sets.
#[test]
fn r9_a_step_of_the_wall_clock_keeps_no_folder() {
    let folder = folder();
    let mut files = TokenFiles::open(folder.path()).expect("an empty folder");
    files.publish(&publication(1), START).expect("room");
    files.publish(&publication(2), START).expect("room");
    let stepped = Now {
        boot: later(Duration::from_secs(5)).boot,
        wall: UnixTime(0),
    };
    files.sweep(stepped).expect("ours to remove");
    assert_eq!(generations(folder.path()), ["acme.2.2"]);
}

/// R8: a restart that publishes what is there makes no reader look twice.
#[test]
fn the_same_token_for_the_same_readers_leaves_the_folder_alone() {
    let folder = folder();
    let mut new = publication(1);
    new.readers = ids(&[READER], &[]);
    let mut before = TokenFiles::open(folder.path()).expect("an empty folder");
    assert_eq!(
        before.publish(&new, START).expect("room"),
        Published::Written
    );
    drop(before);
    let mut files = TokenFiles::open(folder.path()).expect("a folder of ours");
    files.tidy(&[org("acme")]).expect("ours");
    assert_eq!(
        files.publish(&new, START).expect("room"),
        Published::Unchanged
    );
    assert_eq!(generations(folder.path()), ["acme.1.1"]);
}

/// A name, and what somebody does to an org's folder.
type Damage = (&'static str, fn(&Path));

const DAMAGES: [Damage; 8] = [
    ("another mode", |org| set_mode(&org.join("env"), 0o444)),
    ("another mode of the folder", |org| set_mode(org, 0o755)),
    ("other content", |org| {
        rewrite(&org.join("header"), "forged");
    }),
    ("more content", |org| {
        let text = fs::read_to_string(org.join("env")).expect("readable");
        rewrite(&org.join("env"), &(text + "MORE=1\n"));
    }),
    ("a file gone", |org| {
        fs::remove_file(org.join("token.json")).expect("ours");
    }),
    ("a file more", |org| rewrite(&org.join("more"), "")),
    ("a link instead of a file", |org| {
        fs::rename(org.join("env"), org.join("../../env")).expect("ours");
        symlink("../../env", org.join("env")).expect("ours");
    }),
    ("a second name", |org| {
        fs::hard_link(org.join("env"), org.join("../../env")).expect("ours");
    }),
];

#[test]
fn whatever_somebody_did_to_the_files_is_mended_by_the_next_publication() {
    for (damage, act) in DAMAGES {
        let folder = folder();
        let mut new = publication(1);
        new.readers = ids(&[READER], &[]);
        let mut files = TokenFiles::open(folder.path()).expect("an empty folder");
        let mut publish = || files.publish(&new, START).expect("room");
        publish();
        act(&fs::canonicalize(folder.path().join("acme")).expect("published"));
        assert_eq!(publish(), Published::Written, "{damage}");
        assert_eq!(publish(), Published::Unchanged, "{damage}");
        assert_eq!(token_of(folder.path(), "acme"), token(1));
    }
}

/// Changes content and nothing else.
fn rewrite(path: &Path, content: &str) {
    let mode = fs::metadata(path).map(|metadata| metadata.permissions());
    drop(fs::set_permissions(path, Permissions::from_mode(0o600)));
    fs::write(path, content).expect("ours");
    fs::set_permissions(path, mode.unwrap_or(Permissions::from_mode(0o400))).expect("ours");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
}

#[test]
fn other_readers_of_the_same_token_get_other_folders() {
    let folder = folder();
    let mut files = TokenFiles::open(folder.path()).expect("an empty folder");
    let mut new = publication(1);
    files.publish(&new, START).expect("room");
    new.readers = ids(&[READER], &[]);
    assert_eq!(
        files.publish(&new, START).expect("room"),
        Published::Written
    );
    files.sweep(later(Duration::from_secs(5))).expect("ours");
    assert_eq!(generations(folder.path()), ["acme.1.2"]);
}

#[test]
fn withdrawing_takes_the_name_and_every_generation_of_that_org_alone() {
    let folder = folder();
    let mut files = TokenFiles::open(folder.path()).expect("an empty folder");
    let mut other = publication(1);
    other.org = org("acme-2");
    files.publish(&other, START).expect("room");
    files.publish(&publication(1), START).expect("room");
    files.publish(&publication(2), START).expect("room");
    files.withdraw(&org("acme")).expect("ours");
    assert_eq!(generations(folder.path()), ["acme-2.1.1"]);
    assert!(folder.path().join("acme").symlink_metadata().is_err());
    assert_eq!(
        (token_of(folder.path(), "acme-2"), files.next_sweep()),
        (token(1), None)
    );
    files.withdraw(&org("acme")).expect("what is gone is gone");
}

#[test]
fn a_tokens_dir_that_was_removed_under_the_daemon_comes_back() {
    let folder = folder();
    let tokens_dir = folder.path().join("tokens");
    let mut files = TokenFiles::open(&tokens_dir).expect("made");
    files.publish(&publication(1), START).expect("room");
    fs::remove_dir_all(&tokens_dir).expect("ours");
    files.withdraw(&org("acme")).expect("nothing is there");
    files.publish(&publication(2), START).expect("made anew");
    assert_eq!(token_of(&tokens_dir, "acme"), token(2));
    let mode = fs::metadata(&tokens_dir)
        .expect("made")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o711);
}

#[test]
fn a_folder_in_use_for_other_things_is_refused_and_left_as_it_was() {
    let folder = folder();
    set_mode(folder.path(), 0o755);
    fs::write(folder.path().join("passwd"), "root").expect("ours");
    let err = TokenFiles::open(folder.path()).expect_err("not ours");
    assert!(matches!(err.trouble, Trouble::NotOurs { .. }));
    let text = err.to_string();
    assert!(
        text.starts_with("tokens_dir /")
            && text.contains("(passwd); give tokens_dir a folder of its own"),
        "{text}"
    );
    assert_eq!(fs::read_dir(folder.path()).expect("ours").count(), 1);
    assert_eq!(
        fs::metadata(folder.path())
            .expect("ours")
            .permissions()
            .mode()
            & 0o777,
        0o755
    );
}

#[test]
fn a_missing_parent_is_said_with_its_cure() {
    let folder = folder();
    let err = TokenFiles::open(&folder.path().join("a/b")).expect_err("no parent");
    assert!(matches!(err.trouble, Trouble::NoFolder(_)), "{err}");
    assert!(err.to_string().contains("does not exist"), "{err}");
}

#[test]
fn a_folder_in_the_place_of_an_org_is_said_and_the_rest_goes_on() {
    let folder = folder();
    let mut files = TokenFiles::open(folder.path()).expect("an empty folder");
    fs::create_dir(folder.path().join("acme")).expect("ours");
    let err = files
        .publish(&publication(1), START)
        .expect_err("a folder is in the way");
    assert!(matches!(err.trouble, Trouble::IsFolder(_)), "{err}");
    assert!(
        generations(folder.path()).is_empty(),
        "nothing half-made is left"
    );
    let mut other = publication(1);
    other.org = org("acme-2");
    files.publish(&other, START).expect("another org");
}

#[test]
fn more_readers_than_an_access_list_holds_are_said_and_nothing_is_shown() {
    let folder = folder();
    let mut files = TokenFiles::open(folder.path()).expect("an empty folder");
    let mut new = publication(1);
    new.readers.users = (50_000..60_000).collect();
    let err = files.publish(&new, START).expect_err("10 000 readers");
    assert!(
        matches!(err.trouble, Trouble::TooManyReaders(10_000)),
        "{err}"
    );
    assert!(generations(folder.path()).is_empty());
}
