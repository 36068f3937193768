//! A disk that is full, fails or must be synced.

use std::fs;
use std::io::{Write, stdout};

use zoho_tokend::edge::store::{KeySource, Sqlite, Store, StoreError};
use zoho_tokend::policy::record::Change;

use crate::fixture::{Home, child, lane, org, put, role, traced};

/// Run in a child: single writes and a batch, with marks between them, or writes that are tried again.
#[test]
fn child_meets_the_disk() {
    let Some((role, home)) = role() else { return };
    let say = |text: &str| {
        stdout()
            .write_all(format!("<{text}>\n").as_bytes())
            .unwrap();
    };
    let open = || {
        Sqlite::open(
            &home.join("state.db"),
            &KeySource::File(home.join("seal.key")),
        )
    };
    let refused = |err: StoreError| {
        assert!(
            matches!(err, StoreError::Unwritable { .. }) && err.exit_code() == 75,
            "{err}"
        );
        say(&format!("refused {err}"));
    };
    let mut store = open()
        .or_else(|err| {
            refused(err);
            open()
        })
        .unwrap();
    if role == "syncs" {
        store.write(&[Change::Lane(lane("first", 1))]).unwrap();
        for n in 1..=10 {
            say("single");
            store
                .write(&[put(org("acme", n)), Change::Lane(lane("acme/1", 3))])
                .unwrap();
        }
        say("batch");
        store
            .write(
                &(0..200)
                    .map(|n| put(org(&format!("org-{n}"), 1)))
                    .collect::<Vec<_>>(),
            )
            .unwrap();
        say("end");
        return;
    }
    for n in 1..=6 {
        let tried =
            (0..20).map(|_| store.write(&[put(org("acme", n)), Change::Lane(lane("acme/1", 3))]));
        tried.map_while(Result::err).for_each(refused);
        say(&format!("acknowledged {n}"));
    }
}

#[test]
fn a_write_of_one_org_is_one_sync_and_one_of_two_hundred_is_one_too() {
    let home = Home::new();
    drop(home.open().unwrap());
    let trace = home.file("trace");
    let strace = [
        "-o",
        trace.to_str().unwrap(),
        "-e",
        "trace=fsync,fdatasync,write",
    ];
    let Some(mut traced) = traced(
        &strace,
        &child("disk::child_meets_the_disk", "syncs", home.path()),
    ) else {
        return;
    };
    assert!(traced.output().unwrap().status.success());
    let text = fs::read_to_string(trace).unwrap();
    let (_, rest) = text.split_once("<single>").unwrap();
    let parts: Vec<&str> = rest
        .split("<single>")
        .flat_map(|part| part.split("<batch>"))
        .collect();
    assert_eq!(parts.len(), 11);
    for part in parts {
        let part = part.split("<end>").next().unwrap();
        assert_eq!(part.matches("sync(").count(), 1, "{part}");
    }
}

/// Each failing call of the disk in turn, once: the write is refused, tried again, and then kept.
#[test]
fn r7_a_disk_that_fails_refuses_a_write_and_the_same_write_goes_through_later() {
    let mut refused = 0;
    for (call, error) in [
        ("pwrite64", "ENOSPC"),
        ("pwrite64", "EIO"),
        ("fdatasync", "EIO"),
        ("ftruncate", "EIO"),
    ] {
        for nth in (1..=24).step_by(if call == "pwrite64" { 1 } else { 3 }) {
            let home = Home::new();
            drop(home.open().unwrap());
            let inject = format!("inject={call}:error={error}:when={nth}");
            let strace = [
                "-o",
                "/dev/null",
                "-e",
                &format!("trace={call}"),
                "-e",
                &inject,
            ];
            let Some(mut traced) = traced(
                &strace,
                &child("disk::child_meets_the_disk", "retries", home.path()),
            ) else {
                return;
            };
            let out = traced.output().unwrap();
            let said = String::from_utf8_lossy(&out.stdout).into_owned();
            assert!(
                out.status.success() && said.contains("<acknowledged 6>"),
                "{call} {error} {nth}: {said}"
            );
            refused += said.matches("<refused").count();
            assert!(
                home.start().unwrap().contains("access-acme-6"),
                "{call} {error} {nth}"
            );
        }
    }
    assert!(refused > 10, "{refused}: the faults missed the writes");
}
