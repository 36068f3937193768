//! kill -9 at random moments and at every call that changes a file.

use std::io::{BufRead, BufReader, Write, stdout};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use zoho_tokend::edge::store::{KeySource, Sqlite, Store};
use zoho_tokend::policy::record::{Change, OrgRecord};
use zoho_tokend::policy::root::Root;

use crate::fixture::{Home, child, lane, note, org, put, role, secret, traced};

/// Calls that change a file or make a change durable.
const CHANGES: &str = "write,pwrite64,pwritev,fsync,fdatasync,ftruncate,rename,renameat,renameat2,\
                       link,linkat,unlink,unlinkat,chmod,fchmod,fchmodat,mkdir,mkdirat";

fn open(home: &Path) -> Sqlite {
    Sqlite::open(
        &home.join("state.db"),
        &KeySource::File(home.join("seal.key")),
    )
    .unwrap()
}

/// One step of a busy life: mints, and now and then a rotation, which empties the log.
fn step(revision: u64) -> Vec<Change> {
    let mut record = org("acme", revision);
    let turn = revision / 5;
    if let Some(grant) = &mut record.grant {
        grant.root = Root::RefreshToken(secret(&format!("refresh-{turn}")));
    }
    let slots = i64::try_from(revision % 10).unwrap();
    vec![
        put(record),
        Change::Lane(lane("acme/1", slots)),
        Change::Note(note("acme", &revision.to_string())),
    ]
}

fn revision_of(store: &mut Sqlite) -> u64 {
    store
        .load()
        .unwrap()
        .orgs
        .first()
        .map_or(0, |org| org.revision)
}

/// Run in a child: writes revisions, for ever or three of them, and says each that was acknowledged.
#[test]
fn child_writes() {
    let Some((role, home)) = role() else { return };
    let mut store = open(&home);
    let first = revision_of(&mut store) + 1;
    let last = if role == "three" { first + 2 } else { u64::MAX };
    for revision in first..=last {
        store.write(&step(revision)).unwrap();
        writeln!(stdout(), "acknowledged {revision}").unwrap();
    }
}

/// The state holds revision `acknowledged`, or one of those that were on their way, and the parts of it fit.
fn assert_kept(home: &Home, acknowledged: u64, on_their_way: u64, case: &str) -> u64 {
    let mut store = home.open().unwrap_or_else(|err| panic!("{case}: {err}"));
    let stored = store.load().unwrap();
    let Some(OrgRecord {
        revision,
        generation,
        grant: Some(grant),
        ..
    }) = stored.orgs.first()
    else {
        assert_eq!(acknowledged, 0, "{case}");
        return 0;
    };
    assert!(
        (acknowledged..=acknowledged + on_their_way).contains(revision),
        "{case}: {acknowledged}, found {revision}"
    );
    assert_eq!(generation, revision, "{case}");
    let refresh_token = secret(&format!("refresh-{}", revision / 5));
    let kept = grant.root.refresh_token();
    assert!(
        kept.is_some_and(|kept| kept.is_same_as(&refresh_token)),
        "{case}"
    );
    assert_eq!(
        stored.lanes[0].slots.len(),
        usize::try_from(revision % 10).unwrap(),
        "{case}"
    );
    let newest = store.history(&stored.orgs[0].org).unwrap().pop().unwrap();
    assert_eq!(newest.detail, revision.to_string(), "{case}");
    *revision
}

/// When a child is killed: so long after it has said so many lines.
#[derive(Debug)]
struct Moment {
    lines: usize,
    then: Duration,
}

/// Runs `command` until it ends or is killed; returns the last revision that it was told is kept.
fn acknowledged_by(mut command: Command, killed: Option<&Moment>) -> (u64, bool) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    // libtest may have printed its own words in front.
    let said = |line: String| {
        line.rsplit_once("acknowledged ")
            .and_then(|(_, revision)| revision.parse().ok())
    };
    let mut revisions = lines.filter_map(said);
    let mut last = 0;
    if let Some(Moment { lines, then }) = killed {
        last = revisions.by_ref().take(*lines).fold(0, u64::max);
        std::thread::sleep(*then);
        child.kill().unwrap();
    }
    last = revisions.fold(last, u64::max);
    (last, child.wait().unwrap().signal() == Some(9))
}

#[test]
fn r7_what_was_acknowledged_is_there_after_kill_9_at_any_moment() {
    let (home, mut last) = (Home::new(), 0);
    for round in 0..60 {
        let (lines, most_us) = if round % 6 == 0 {
            (0, 30_000)
        } else {
            (round % 7, 3_000)
        };
        let moment = Moment {
            lines,
            then: Duration::from_micros(fastrand::u64(0..most_us)),
        };
        let writer = child("kill::child_writes", "forever", home.path());
        let (acknowledged, _) = acknowledged_by(writer, Some(&moment));
        // A child that died before its first write has acknowledged nothing new.
        last = assert_kept(
            &home,
            acknowledged.max(last),
            1,
            &format!("round {round}: {moment:?}"),
        );
    }
    assert!(
        last > 60,
        "only {last} writes in 60 rounds: killed too early to tell anything"
    );
}

/// A child that writes three revisions, killed before its `nth` call that changes a file. `None` without strace.
fn killed_before(nth: u32, home: &Home) -> Option<(u64, bool)> {
    let writer = child("kill::child_writes", "three", home.path());
    let (trace, inject) = (
        format!("trace={CHANGES}"),
        format!("inject={CHANGES}:signal=SIGKILL:when={nth}"),
    );
    let writer = traced(&["-o", "/dev/null", "-e", &trace, "-e", &inject], &writer)?;
    Some(acknowledged_by(writer, None))
}

#[test]
fn r7_a_first_start_or_a_write_may_die_before_any_call_that_changes_a_file_and_so_may_the_next() {
    for nth in 1.. {
        let home = Home::new();
        let Some((first, was_killed)) = killed_before(nth, &home) else {
            return;
        };
        let again = fastrand::u32(1..70);
        let (second, _) = killed_before(again, &home).unwrap();
        let case = format!("killed before change {nth}, then before change {again}");
        // A death that left nothing acknowledged leaves what was on its way in the one before, too.
        let on_their_way = if second == 0 { 2 } else { 1 };
        let found = assert_kept(&home, first.max(second), on_their_way, &case);
        open(home.path()).write(&step(found + 1)).unwrap();
        assert!(
            home.files().keys().all(|name| !name.contains(".new")),
            "{case}: {:?}",
            home.files().keys()
        );
        assert_kept(&home, found + 1, 0, &case);
        if !was_killed {
            assert!(
                nth > 40 && first == 3,
                "{nth}, {first}: the child did not do its work"
            );
            return;
        }
    }
}
