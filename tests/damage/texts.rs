//! What a person reads at 3 am: who, what, and what to do.

use zoho_tokend::edge::store::{Damage, Hindrance, KeyFlaw, StoreError};

use crate::fixture::name;

fn state() -> std::path::PathBuf {
    "/s/state.db".into()
}

#[track_caller]
fn says(err: &StoreError, code: u8, text: &str) {
    assert_eq!(err.to_string(), text);
    assert_eq!(err.exit_code(), code);
}

#[test]
fn a_state_in_use_names_the_other_process() {
    let err = StoreError::Busy {
        path: state(),
        pid: Some(4711),
    };
    says(
        &err,
        75,
        "/s/state.db: another zoho-tokend (process 4711) has this state open; stop that one first, or give \
         this one another `state`",
    );
    let unknown = StoreError::Busy {
        path: state(),
        pid: None,
    }
    .to_string();
    assert!(
        unknown.starts_with("/s/state.db: another zoho-tokend has this state open; stop"),
        "{unknown}"
    );
}

#[test]
fn a_lost_state_names_what_speaks_of_it_and_how_to_begin_anew() {
    let damage = Damage::Missing(vec!["/s/state.db.mark".into(), "/s/seal.key".into()]);
    says(
        &StoreError::Damaged {
            path: state(),
            damage,
        },
        78,
        "/s/state.db: the state is missing, though there was one: see /s/state.db.mark and /s/seal.key; put it \
         back, or restore a backup (README, Backup). To begin anew on purpose, and enroll every org \
         again, delete /s/state.db.mark and /s/seal.key",
    );
}

#[test]
fn a_damaged_state_says_what_and_that_it_is_kept() {
    let key = "acme".into();
    let damage = Damage::Row {
        table: "org",
        key,
        column: Some("refresh_token"),
    };
    says(
        &StoreError::Damaged {
            path: state(),
            damage,
        },
        78,
        "/s/state.db: the state is damaged: org `acme`: the seal of refresh_token is broken; nothing was \
         changed. Move /s/state.db and /s/state.db-wal aside, keep them, and restore a backup (README, \
         Backup)",
    );
}

#[test]
fn an_older_state_says_how_much_is_missing_and_how_to_take_it_anyway() {
    says(
        &StoreError::Damaged {
            path: state(),
            damage: Damage::Behind(3),
        },
        78,
        "/s/state.db: the state lacks the last 3 acknowledged writes: its -wal file was lost or damaged, or this \
         is an older copy; nothing was changed. Put the newest /s/state.db and /s/state.db-wal back, or restore a \
         backup (README, Backup). To go on with this older state on purpose, wait ten minutes, since \
         mints are missing in its count, and delete /s/state.db.mark",
    );
}

#[test]
fn a_key_that_is_missing_malformed_or_not_passed_says_where_to_get_it() {
    let wrong = |path: &str, flaw| StoreError::WrongKey {
        path: path.into(),
        flaw,
    };
    says(
        &wrong("/s/seal.key", KeyFlaw::Missing(state())),
        78,
        "/s/seal.key: the seal key is missing, and /s/state.db is sealed with it; put the key back from where \
         you keep it. No other key opens that state",
    );
    says(
        &wrong("credential k", KeyFlaw::NotPassed),
        78,
        "credential k: the service manager passed no such credential; add `LoadCredential=` (or \
         `LoadCredentialEncrypted=`) for it to the unit and restart",
    );
    says(
        &wrong("/s/seal.key", KeyFlaw::Malformed),
        78,
        "/s/seal.key: this is no seal key: its first line must be 64 hex digits; put the right file back, or \
         make a first one with `openssl rand -hex 32`",
    );
}

#[test]
fn a_newer_state_says_which_release_reads_it() {
    says(
        &StoreError::Newer {
            path: state(),
            schema: 7,
            known: 1,
        },
        78,
        "/s/state.db: a newer zoho-tokend wrote this state (schema 7; this one reads up to 1); run that release \
         again, or restore a backup that this one made",
    );
}

#[test]
fn a_lost_compare_and_set_says_what_stood_there() {
    says(
        &StoreError::Conflict {
            path: state(),
            org: name("acme"),
            revision: 7,
            stored: 9,
        },
        75,
        "/s/state.db: org acme: revision 7 cannot follow the stored 9, so another program has written this \
         state; stop that program, then restart zoho-tokend",
    );
}

#[test]
fn a_disk_that_cannot_serve_says_why_and_that_it_is_tried_again() {
    let unwritable = |hindrance| StoreError::Unwritable {
        path: state(),
        hindrance,
    };
    says(
        &unwritable(Hindrance::Full),
        75,
        "/s/state.db: the disk is full; free some space, then this goes on by itself",
    );
    says(
        &unwritable(Hindrance::ReadOnly),
        75,
        "/s/state.db: the file system is read-only; mount it writable (after an error of the disk: see `dmesg`)",
    );
    says(
        &unwritable(Hindrance::Io("cannot lock it: Input/output error".into())),
        75,
        "/s/state.db: cannot lock it: Input/output error; see `dmesg` for the disk, this is tried again",
    );
}
