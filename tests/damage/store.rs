//! What the store keeps, bounds, refuses and wipes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use zoho_tokend::base::Secret;
use zoho_tokend::edge::store::{DETAIL_MAX, NOTES_MAX, Store, StoreError};
use zoho_tokend::policy::record::{Change, LaneId, OrgRecord, Stored};
use zoho_tokend::policy::root::Root;

use crate::fixture::{CANARY, Home, all_of, child, lane, name, note, org, put, role, secret};

fn stored(orgs: Vec<OrgRecord>, lanes: &[(&str, i64)]) -> String {
    let lanes = lanes.iter().map(|(id, slots)| lane(id, *slots)).collect();
    all_of(&Stored { orgs, lanes })
}

/// The org after `revoke`, at `revision`.
fn revoked(revision: u64) -> OrgRecord {
    OrgRecord {
        grant: None,
        past: Vec::new(),
        token: None,
        ..org("acme", revision)
    }
}

#[test]
fn every_field_of_every_record_is_kept_over_a_restart() {
    let home = Home::new();
    let bare = |org: OrgRecord| {
        let mut bare = OrgRecord {
            past: Vec::new(),
            token: None,
            ..org
        };
        bare.grant.as_mut().unwrap().client_secret = None;
        bare.verdict.cause = None;
        bare.verdict.until = None;
        bare
    };
    let records = || {
        vec![
            org("acme", 1),
            bare(org("bare", 1)),
            OrgRecord {
                grant: None,
                ..org("gone", 1)
            },
        ]
    };
    let mut store = home.open().unwrap();
    let mut changes: Vec<Change> = records().into_iter().map(put).collect();
    changes.extend([
        Change::Lane(lane("acme/1", 3)),
        Change::Lane(lane("acme/2", 0)),
    ]);
    store.write(&changes).unwrap();
    drop(store);
    assert_eq!(
        home.start().unwrap(),
        stored(records(), &[("acme/1", 3), ("acme/2", 0)])
    );
}

#[test]
fn a_later_record_replaces_the_earlier_and_a_dropped_lane_is_gone() {
    let home = Home::new();
    let mut store = home.open().unwrap();
    store
        .write(&[
            put(org("acme", 1)),
            Change::Lane(lane("a", 1)),
            Change::Lane(lane("b", 1)),
        ])
        .unwrap();
    let drop_b = Change::DropLane(LaneId("b".into()));
    store
        .write(&[
            put(org("acme", 2)),
            Change::Lane(lane("a", 7)),
            drop_b.clone(),
            drop_b,
        ])
        .unwrap();
    store.write(&[]).unwrap();
    assert_eq!(
        all_of(&store.load().unwrap()),
        stored(vec![org("acme", 2)], &[("a", 7)])
    );
}

#[test]
fn a_revision_that_does_not_follow_the_stored_one_is_refused_and_with_it_the_whole_write() {
    let home = Home::new();
    let mut store = home.open().unwrap();
    store.write(&[put(org("acme", 1))]).unwrap();
    for revision in [0, 1, 3, u64::MAX] {
        let refused = store
            .write(&[Change::Lane(lane("a", 1)), put(org("acme", revision))])
            .unwrap_err();
        let path = home.file("state.db");
        assert_eq!(
            refused,
            StoreError::Conflict {
                path,
                org: name("acme"),
                revision,
                stored: 1
            }
        );
    }
    let refused = store.write(&[put(org("new", 2))]).unwrap_err();
    assert!(
        matches!(refused, StoreError::Conflict { stored: 0, .. }),
        "{refused}"
    );
    drop(store);
    assert_eq!(home.start().unwrap(), stored(vec![org("acme", 1)], &[]));
}

#[test]
fn history_keeps_the_newest_notes_of_each_org_and_cuts_long_ones() {
    let home = Home::new();
    let mut store = home.open().unwrap();
    let notes = (0..NOTES_MAX + 5).map(|n| Change::Note(note("acme", &n.to_string())));
    store.write(&notes.collect::<Vec<_>>()).unwrap();
    store
        .write(&[
            Change::Note(note("other", &"é\n".repeat(DETAIL_MAX))),
            Change::Note(note("other", &"é\n".repeat(DETAIL_MAX + 1))),
        ])
        .unwrap();
    drop(store);
    let mut store = home.open().unwrap();
    let kept = store.history(&name("acme")).unwrap();
    assert_eq!(kept.len(), usize::try_from(NOTES_MAX).unwrap());
    assert_eq!(
        (&*kept[0].detail, &*kept[kept.len() - 1].detail),
        ("5", "1004")
    );
    let history = store.history(&name("other")).unwrap();
    assert_eq!(
        history.into_iter().map(Arc::new).collect::<Vec<_>>(),
        [
            note("other", &"é".repeat(DETAIL_MAX)),
            note("other", &("é".repeat(DETAIL_MAX - 1) + "…"))
        ]
    );
    assert_eq!(store.history(&name("nobody")).unwrap(), []);
}

#[test]
fn s1_no_byte_of_any_file_is_a_secret_in_clear() {
    let home = Home::new();
    let mut store = home.open().unwrap();
    for revision in 1..20 {
        store
            .write(&[put(org("acme", revision)), Change::Note(note("acme", "x"))])
            .unwrap();
        for (file, bytes) in home.files() {
            assert!(
                !contains(&bytes, CANARY.as_bytes()),
                "{file} at revision {revision}"
            );
        }
    }
    drop(store);
    assert!(
        home.files()
            .values()
            .all(|bytes| !contains(bytes, CANARY.as_bytes()))
    );
}

/// Not even the sealed bytes stay, in the database or in its log.
#[test]
fn s1_a_revoked_grant_is_wiped_from_every_file() {
    let home = Home::new();
    let mut store = home.open().unwrap();
    store
        .write(&[put(org("acme", 1)), put(org("other", 1))])
        .unwrap();
    let sealed = sealed_of(&home, "acme");
    let is_there = |sealed: &Vec<u8>| home.files().values().any(|bytes| contains(bytes, sealed));
    assert!(
        sealed.iter().all(is_there),
        "the test looks for the right bytes"
    );
    store.write(&[put(revoked(2))]).unwrap();
    assert!(!sealed.iter().any(is_there));
    assert!(sealed_of(&home, "other").iter().all(is_there));
}

#[test]
fn s1_a_replaced_refresh_token_is_wiped_and_one_that_stays_is_not_sealed_anew() {
    let home = Home::new();
    let mut store = home.open().unwrap();
    store.write(&[put(org("acme", 1))]).unwrap();
    let before = sealed_of(&home, "acme");
    let mut rotated = org("acme", 2);
    rotated.grant.as_mut().unwrap().root = Root::RefreshToken(secret("rotated"));
    store.write(&[put(rotated)]).unwrap();
    let after = sealed_of(&home, "acme");
    assert_ne!(before[0], after[0]);
    assert_eq!(before[1..3], after[1..3], "client secret and past");
    assert!(
        !home
            .files()
            .values()
            .any(|bytes| contains(bytes, &before[0]))
    );
}

/// refresh token, client secret, past ones, access token: the sealed bytes of one row.
fn sealed_of(home: &Home, org: &str) -> Vec<Vec<u8>> {
    let conn = rusqlite::Connection::open(home.file("state.db")).unwrap();
    let sql = "SELECT refresh_token, client_secret, past, access_token FROM org WHERE name = ?1";
    conn.query_row(sql, [org], |row| (0..4).map(|at| row.get(at)).collect())
        .unwrap()
}

pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn files_and_a_folder_made_here_are_private_whatever_the_umask() {
    let outer = Home::new();
    let folder = outer.file("made");
    let key = zoho_tokend::edge::store::KeySource::File(folder.join("seal.key"));
    let mut store = zoho_tokend::edge::store::Sqlite::open(&folder.join("state.db"), &key).unwrap();
    store.write(&[put(org("acme", 1))]).unwrap();
    let mode = |path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(folder.clone()), 0o700);
    let names = [
        "state.db",
        "state.db-wal",
        "state.db-shm",
        "state.db.lock",
        "state.db.mark",
        "seal.key",
    ];
    for file in names {
        assert_eq!(mode(folder.join(file)), 0o600, "{file}");
    }
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        names.len(),
        "nothing is left over"
    );
}

#[test]
fn a_folder_whose_parent_is_missing_is_named_and_not_made() {
    let home = Home::new();
    let path = home.file("no/such/state.db");
    let Err(refused) = zoho_tokend::edge::store::Sqlite::open(
        &path,
        &zoho_tokend::edge::store::KeySource::File(home.file("seal.key")),
    ) else {
        panic!("there is no such folder");
    };
    let state = path.display();
    let told = format!("{state}: its folder does not exist; make it");
    assert!(refused.to_string().starts_with(&told), "{refused}");
    assert_eq!(refused.exit_code(), 78);
    assert!(!home.file("no").exists() && !home.file("seal.key").exists());
}

/// Run in a child: opens the state that the parent holds, and says what it was told.
#[test]
fn child_opens_the_state_of_its_parent() {
    let Some((role, home)) = role() else { return };
    assert_eq!(role, "second");
    let key = zoho_tokend::edge::store::KeySource::File(home.join("seal.key"));
    let Err(refused) = zoho_tokend::edge::store::Sqlite::open(&home.join("state.db"), &key) else {
        panic!("opened twice");
    };
    crate::fixture::fixture_says(&refused.to_string());
    std::process::exit(refused.exit_code().into());
}

#[test]
fn a_second_daemon_is_refused_and_told_the_pid_of_the_first() {
    let home = Home::new();
    let store = home.open().unwrap();
    let second = child(
        "store::child_opens_the_state_of_its_parent",
        "second",
        home.path(),
    )
    .output()
    .unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    let told = format!(
        "another zoho-tokend (process {}) has this state open",
        std::process::id()
    );
    assert!(said.contains(&told), "{said}");
    assert_eq!(second.status.code(), Some(75), "{said}");
    drop(store);
    home.open().unwrap();
}

#[test]
fn a_state_that_is_moved_or_replaced_while_in_use_takes_no_more_writes() {
    for file in ["state.db", "state.db-wal"] {
        let home = Home::new();
        let mut store = home.open().unwrap();
        store.write(&[put(org("acme", 1))]).unwrap();
        fs::rename(home.file(file), home.file("aside")).unwrap();
        let refused = store.write(&[put(org("acme", 2))]).unwrap_err();
        assert_eq!(refused.exit_code(), 75);
        assert!(
            refused.to_string().contains("moved, deleted or replaced"),
            "{refused}"
        );
        fs::rename(home.file("aside"), home.file(file)).unwrap();
        store.write(&[put(org("acme", 2))]).unwrap();
    }
}

#[test]
fn a_write_that_another_program_blocks_is_refused_after_a_while_and_goes_through_later() {
    let home = Home::new();
    let mut store = home.open().unwrap();
    let other = rusqlite::Connection::open(home.file("state.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.write(&[put(org("acme", 1))]).unwrap_err();
    assert!(
        refused.to_string().contains("another program holds a lock"),
        "{refused}"
    );
    assert_eq!(refused.exit_code(), 75);
    other.execute_batch("ROLLBACK").unwrap();
    store.write(&[put(org("acme", 1))]).unwrap();
}

/// `backup` reads a live state: it delays no write, and what it keeps from being wiped is wiped after it.
#[test]
fn s1_a_reader_delays_no_write_and_a_wipe_waits_for_it() {
    let home = Home::new();
    let mut store = home.open().unwrap();
    store.write(&[put(org("acme", 1))]).unwrap();
    let sealed = sealed_of(&home, "acme");
    let is_there = |sealed: &Vec<u8>| home.files().values().any(|bytes| contains(bytes, sealed));
    let reader = rusqlite::Connection::open(home.file("state.db")).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM org")
        .unwrap();
    let begun = std::time::Instant::now();
    store.write(&[put(revoked(2))]).unwrap();
    let took = begun.elapsed();
    assert!(took < std::time::Duration::from_secs(1), "{took:?}");
    assert!(sealed.iter().any(is_there), "the reader keeps it");
    reader.execute_batch("COMMIT").unwrap();
    store.write(&[Change::Lane(lane("a", 1))]).unwrap();
    assert!(!sealed.iter().any(is_there));
}

#[test]
fn secrets_of_any_text_are_kept() {
    let home = Home::new();
    let mut record = org("acme", 1);
    let odd = format!("{}\0é\n{}", "'; DROP TABLE org; --", "x".repeat(8192));
    let root = Root::RefreshToken(Arc::new(Secret::new(odd.clone())));
    record.grant.as_mut().unwrap().root = root;
    let mut store = home.open().unwrap();
    store.write(&[put(record)]).unwrap();
    let kept = store.load().unwrap().orgs.remove(0).grant.unwrap();
    let kept = kept.root.refresh_token().unwrap();
    assert_eq!(kept.expose(), odd);
}
