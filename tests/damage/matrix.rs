//! Every file of the state, broken in every way: the start says which, keeps the files, and never begins anew.

use std::fs;

use zoho_tokend::edge::store::{Damage, KeyFlaw, Store, StoreError};
use zoho_tokend::policy::record::Change;

use crate::fixture::{Files, Home, lane, note, org, put};

pub(crate) const STATE: &str = "state.db";
pub(crate) const WAL: &str = "state.db-wal";
pub(crate) const KEY: &str = "seal.key";
pub(crate) const MARK: &str = "state.db.mark";

/// A home as kill -9 leaves it, three acknowledged writes in its log, and what a start must find.
pub(crate) fn killed() -> (Home, String) {
    let home = Home::new();
    let mut store = home.open().unwrap();
    let orgs = ["acme", "beta", "gamma"];
    store.write(&orgs.map(|name| put(org(name, 1)))).unwrap();
    drop(store);
    let mut store = home.open().unwrap();
    store
        .write(&[put(org("acme", 2)), Change::Lane(lane("acme/1", 4))])
        .unwrap();
    store
        .write(&[put(org("beta", 2)), Change::Note(note("beta", "minted"))])
        .unwrap();
    store.write(&[Change::Lane(lane("acme/1", 5))]).unwrap();
    let copy = home.copy();
    let whole = copy.copy().start().unwrap();
    assert!(
        copy.files()[WAL].len() > 4096 && whole.contains("acme"),
        "the log holds writes"
    );
    (copy, whole)
}

/// A home as a clean stop leaves it.
pub(crate) fn stopped() -> (Home, String) {
    let (home, whole) = killed();
    assert_eq!(home.start().unwrap(), whole);
    assert!(!home.files().contains_key(WAL));
    (home, whole)
}

/// Starts on `files`. Refused: returns the error, and every file is as it was. Started: all is there, and the
/// state takes a write that the next start finds.
pub(crate) fn try_start(home: &Home, files: &Files, whole: &str, case: &str) -> Option<StoreError> {
    home.restore(files);
    match home.start() {
        Err(err) => {
            let after = home.files();
            for name in [STATE, WAL, KEY, MARK] {
                // SQLite may have opened an empty log: it says as much as none.
                let of = |files: &Files| files.get(name).cloned().unwrap_or_default();
                assert!(
                    of(&after) == of(files),
                    "{case}: {name} is not as it was: {err}"
                );
            }
            Some(err)
        }
        Ok(found) => {
            assert_eq!(found, whole, "{case}");
            let mut store = home.open().unwrap();
            store
                .write(&[
                    put(org("acme", 3)),
                    put(org("late", 1)),
                    Change::Note(note("late", "x")),
                ])
                .unwrap();
            drop(store);
            let after = home.start().unwrap();
            assert!(
                after.contains("access-acme-3") && after.contains("access-late-1"),
                "{case}"
            );
            None
        }
    }
}

pub(crate) fn is_damage(err: Option<&StoreError>) -> bool {
    matches!(err, Some(StoreError::Damaged { .. }))
}

#[test]
fn r7_a_missing_file_is_told_and_nothing_begins_anew() {
    for (home, whole) in [killed(), stopped()] {
        let without = |names: &[&str]| {
            let mut files = home.files();
            files.retain(|name, _| !names.contains(&&**name));
            try_start(&Home::new(), &files, &whole, &format!("without {names:?}"))
        };
        let had_log = home.files().contains_key(WAL);
        assert!(matches!(
            without(&[KEY]),
            Some(StoreError::WrongKey {
                flaw: KeyFlaw::Missing(_),
                ..
            })
        ));
        let lost = without(&[WAL]);
        assert_eq!(
            had_log,
            matches!(
                lost,
                Some(StoreError::Damaged {
                    damage: Damage::Behind(3),
                    ..
                })
            ),
            "{lost:?}"
        );
        assert_eq!(without(&[MARK]), None);
        for names in [
            &[STATE][..],
            &[STATE, WAL],
            &[STATE, MARK],
            &[STATE, WAL, MARK],
            &[STATE, WAL, KEY],
        ] {
            let lost = without(names);
            assert!(
                matches!(
                    &lost,
                    Some(StoreError::Damaged {
                        damage: Damage::Missing(_),
                        ..
                    })
                ),
                "{names:?}: {lost:?}"
            );
        }
    }
}

#[test]
fn r7_an_empty_or_foreign_file_is_told() {
    let (home, whole) = killed();
    let with = |name: &str, bytes: &[u8]| {
        let mut files = home.files();
        files.insert(name.into(), bytes.to_vec());
        try_start(&Home::new(), &files, &whole, name)
    };
    let damage = |err: Option<StoreError>| match err {
        Some(StoreError::Damaged { damage, .. }) => damage,
        other => panic!("{other:?}"),
    };
    assert_eq!(damage(with(STATE, b"")), Damage::Short(0));
    assert_eq!(damage(with(WAL, b"")), Damage::Behind(3));
    assert_eq!(
        damage(with(STATE, b"<html>not found</html>")),
        Damage::Short(22)
    );
    for bytes in [[b' '; 4096], [0; 4096]] {
        assert!(matches!(damage(with(STATE, &bytes)), Damage::Structure(_)));
    }
    for text in [&b""[..], b"garbage", &[0; 64]] {
        let err = with(KEY, text);
        assert!(
            matches!(
                err,
                Some(StoreError::WrongKey {
                    flaw: KeyFlaw::Malformed,
                    ..
                })
            ),
            "{err:?}"
        );
    }
    for mark in [&b""[..], b"garbage", &[0xff; 153]] {
        assert_eq!(
            with(MARK, mark),
            None,
            "a mark that says nothing stops nothing"
        );
    }
}

#[test]
fn r7_a_state_cut_at_any_length_is_told() {
    let mut told = 0;
    for (home, whole) in [killed(), stopped()] {
        let files = home.files();
        let len = files[STATE].len();
        let lengths = [1, 15, 16, 99, 100, 511, 512, 4095]
            .into_iter()
            .chain((4096..len).step_by(1021))
            .chain([len - 1]);
        for len in lengths {
            let mut cut = files.clone();
            cut.get_mut(STATE).unwrap().truncate(len);
            let err = try_start(&Home::new(), &cut, &whole, &format!("state cut to {len}"));
            // What was cut off may stand in the log, or be nothing but zeros: then nothing is lost.
            assert!(err.is_none() || is_damage(err.as_ref()), "{len}: {err:?}");
            told += usize::from(err.is_some());
        }
    }
    assert!(told > 40, "{told}");
}

#[test]
fn r7_a_log_cut_at_any_length_is_told() {
    let (home, whole) = killed();
    let files = home.files();
    let len = files[WAL].len();
    for len in [1, 31, 32, 33, 55, 56]
        .into_iter()
        .chain((57..len).step_by(509))
        .chain([len - 1])
    {
        let mut cut = files.clone();
        cut.get_mut(WAL).unwrap().truncate(len);
        let err = try_start(&Home::new(), &cut, &whole, &format!("log cut to {len}"));
        assert!(
            matches!(
                err,
                Some(StoreError::Damaged {
                    damage: Damage::Behind(1..=3),
                    ..
                })
            ),
            "{len}: {err:?}"
        );
    }
}

#[test]
fn r7_a_flipped_bit_anywhere_is_told_or_harmless() {
    let (mut told, mut harmless) = (0, 0);
    for ((home, whole), name) in [(killed(), WAL), (stopped(), STATE)] {
        let files = home.files();
        let len = files[name].len();
        let folder = Home::new();
        // Every byte of the headers, and a prime step through the rest.
        for at in (0..120).chain((120..len).step_by(97)) {
            let mut flipped = files.clone();
            flipped.get_mut(name).unwrap()[at] ^= 1 << (at % 8);
            let err = try_start(&folder, &flipped, &whole, &format!("{name}, byte {at}"));
            assert!(
                err.is_none() || is_damage(err.as_ref()),
                "{name}, byte {at}: {err:?}"
            );
            *if err.is_some() {
                &mut told
            } else {
                &mut harmless
            } += 1;
        }
    }
    assert!(
        told > 100 && harmless > 10,
        "{told} told, {harmless} harmless"
    );
}

#[test]
fn r7_a_flipped_bit_in_the_key_is_told_as_a_wrong_key() {
    let (home, whole) = stopped();
    let files = home.files();
    for at in 0..64 {
        let mut flipped = files.clone();
        flipped.get_mut(KEY).unwrap()[at] ^= 1 << (at % 7);
        let err = try_start(&Home::new(), &flipped, &whole, &format!("key, byte {at}"));
        // A letter in the other case is the same digit.
        assert!(
            matches!(err, None | Some(StoreError::WrongKey { .. })),
            "{at}: {err:?}"
        );
    }
}

/// The state's own seal holds against a pen as well as against a disk.
#[test]
fn r7_rows_that_were_changed_moved_removed_or_put_back_are_told() {
    let (home, whole) = stopped();
    let earlier = "CREATE TEMP TABLE old AS SELECT * FROM org WHERE name = 'acme'";
    for sql in [
        "UPDATE org SET refresh_token = (SELECT refresh_token FROM org WHERE name = 'beta') WHERE name = 'acme'",
        "UPDATE org SET environment = 'production' WHERE name = 'acme'",
        "UPDATE org SET generation = 1",
        "UPDATE lane SET slots = '[]'",
        "UPDATE org SET client_secret = NULL WHERE name = 'gamma'",
        "UPDATE org SET seal = x''",
        "UPDATE org SET name = 'delta' WHERE name = 'acme'",
        "DELETE FROM org WHERE name = 'acme'",
        "DELETE FROM org",
        "DELETE FROM lane",
        "DELETE FROM meta",
        "UPDATE meta SET writes = writes - 1",
        "DROP TABLE lane",
        "DROP TABLE history",
        "ALTER TABLE org RENAME COLUMN lane TO lame",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 9",
        "PRAGMA application_id = 1",
    ] {
        let copy = home.copy();
        let conn = rusqlite::Connection::open(copy.file(STATE)).unwrap();
        conn.execute_batch(earlier).unwrap();
        conn.execute_batch(sql).unwrap();
        drop(conn);
        let err = try_start(&Home::new(), &copy.files(), &whole, sql);
        assert!(is_damage(err.as_ref()), "{sql}: {err:?}");
    }
}

#[test]
fn r7_an_older_copy_is_told_with_what_is_missing_and_can_be_taken_on_purpose() {
    let home = Home::new();
    let mut store = home.open().unwrap();
    store.write(&[put(org("acme", 1))]).unwrap();
    drop(store);
    let older = home.files()[STATE].clone();
    let mut store = home.open().unwrap();
    store.write(&[put(org("acme", 2))]).unwrap();
    store.write(&[put(org("acme", 3))]).unwrap();
    drop(store);
    home.put(STATE, &older);
    let err = home.start().unwrap_err();
    assert!(
        matches!(
            err,
            StoreError::Damaged {
                damage: Damage::Behind(2),
                ..
            }
        ),
        "{err}"
    );
    assert_eq!(home.files()[STATE], older);
    fs::remove_file(home.file(MARK)).unwrap();
    assert!(home.start().unwrap().contains("access-acme-1"));
}
