//! States that earlier releases wrote, and what the newest schema adds.

use zoho_tokend::base::SecretMark;
use zoho_tokend::edge::store::Store;
use zoho_tokend::policy::identity::Identity;
use zoho_tokend::policy::record::{Change, OrgRecord, Stored, Streak};
use zoho_tokend::policy::root::Root;

use crate::fixture::{Home, all_of, lane, name, org, put, secret};

/// What the fourth schema brought.
fn forget_reports(record: &mut OrgRecord) {
    record.streak = Streak::default();
    record.verdict.refused_secret = None;
}

/// The files in `schema_1` were written by the release that had the first schema.
#[test]
fn r7_a_state_of_the_first_schema_is_all_there_and_vouches_for_no_clock() {
    let home = Home::new();
    home.put("state.db", include_bytes!("schema_1/state.db"));
    home.put("seal.key", include_bytes!("schema_1/seal.key"));
    let mut acme = org("acme", 2);
    let mut beta = org("beta", 1);
    let mut only_lane = lane("acme/1", 4);
    for record in [&mut acme, &mut beta] {
        record.anchor.is_vouched = false;
        record.identity = Identity::default();
        forget_reports(record);
    }
    only_lane.anchor.is_vouched = false;
    only_lane.quiet_until = None;
    let whole = Stored {
        orgs: vec![acme, beta],
        lanes: vec![only_lane],
    };
    assert_eq!(home.start().unwrap(), all_of(&whole));
    let mut store = home.open().unwrap();
    assert_eq!(store.history(&name("beta")).unwrap().len(), 1);
    store
        .write(&[put(org("acme", 3)), Change::Lane(lane("acme/1", 5))])
        .unwrap();
    drop(store);
    let stored = home.open().unwrap().load().unwrap();
    assert!(stored.orgs[0].anchor.is_vouched && stored.lanes[0].anchor.is_vouched);
    assert_eq!(stored.orgs[0].streak, org("acme", 3).streak);
    assert_eq!(stored.orgs[0].verdict.refused_secret, Some(SecretMark(7)));
    let beta = &stored.orgs[1];
    assert!(!beta.anchor.is_vouched, "not written since");
    assert_eq!(beta.streak, Streak::default(), "not written since");
}

/// The files in `schema_2` were written by the release that had the second schema.
#[test]
fn r7_a_state_of_the_second_schema_is_all_there_and_has_no_soid_and_no_word_of_the_api() {
    let home = Home::new();
    home.put("state.db", include_bytes!("schema_2/state.db"));
    home.put("seal.key", include_bytes!("schema_2/seal.key"));
    let mut acme = org("acme", 3);
    acme.identity = Identity::default();
    let grant = acme.grant.as_mut().unwrap();
    grant.root = Root::RefreshToken(secret("refresh-0"));
    assert_eq!(grant.binding.soid, None);
    forget_reports(&mut acme);
    let mut only_lane = lane("acme/1", 3);
    only_lane.quiet_until = None;
    let whole = Stored {
        orgs: vec![acme],
        lanes: vec![only_lane],
    };
    assert_eq!(home.start().unwrap(), all_of(&whole));
    home.open().unwrap().write(&[put(org("acme", 4))]).unwrap();
    let told = home.open().unwrap().load().unwrap().orgs.remove(0);
    assert_eq!(told.identity, org("acme", 4).identity);
}

/// What a grant replaced stood in two columns beside it, until the third schema.
#[test]
fn r7_a_state_of_the_second_schema_keeps_what_a_grant_replaced_and_moves_it_with_the_next_write() {
    let home = Home::new();
    home.put("state.db", include_bytes!("schema_2/state.db"));
    home.put("seal.key", include_bytes!("schema_2/seal.key"));
    let left = || {
        let conn = rusqlite::Connection::open(home.file("state.db")).unwrap();
        let sql = "SELECT count(prior_refresh_token) + count(prior_lane) FROM org";
        conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let mut store = home.open().unwrap();
    assert_eq!(left(), 2, "a start changes no row");
    store.write(&[put(org("acme", 4))]).unwrap();
    drop(store);
    assert_eq!(left(), 0);
    let stored = home.open().unwrap().load().unwrap();
    assert_eq!(stored.orgs[0].past.len(), 1);
}

#[test]
fn r7_a_grant_by_the_clients_own_right_is_kept_with_its_soid_and_without_a_refresh_token() {
    let home = Home::new();
    let mut record = org("acme", 1);
    record.past = Vec::new();
    let grant = record.grant.as_mut().unwrap();
    grant.root = Root::Client;
    grant.binding.soid = Some("ZohoCRM.600123".into());
    let with_secret = record.clone();
    let mut without = OrgRecord {
        revision: 2,
        ..record
    };
    without.grant.as_mut().unwrap().client_secret = None;
    let mut store = home.open().unwrap();
    for record in [with_secret, without] {
        let whole = Stored {
            orgs: vec![record.clone()],
            lanes: Vec::new(),
        };
        store.write(&[put(record)]).unwrap();
        assert_eq!(all_of(&store.load().unwrap()), all_of(&whole));
    }
}

/// Of unknown age it counts as the oldest of its client, also after a restart.
#[test]
fn r7_that_a_refresh_token_was_taken_over_is_kept() {
    let home = Home::new();
    let mut record = org("acme", 1);
    record.grant.as_mut().unwrap().is_taken_over = true;
    home.open().unwrap().write(&[put(record)]).unwrap();
    let stored = home.open().unwrap().load().unwrap();
    assert!(stored.orgs[0].grant.as_ref().unwrap().is_taken_over);
}

/// S1: what a grant no longer stands on is wiped, as a replaced refresh token is.
#[test]
fn s1_a_refresh_token_that_client_credentials_replace_is_wiped() {
    let home = Home::new();
    let mut store = home.open().unwrap();
    let before = org("acme", 1);
    store.write(&[put(before.clone())]).unwrap();
    let conn = rusqlite::Connection::open(home.file("state.db")).unwrap();
    let sealed: Vec<u8> = conn
        .query_row("SELECT refresh_token FROM org", [], |row| row.get(0))
        .unwrap();
    drop(conn);
    let mut after = OrgRecord {
        revision: 2,
        ..before
    };
    after.grant.as_mut().unwrap().root = Root::Client;
    store.write(&[put(after)]).unwrap();
    drop(store);
    for (name, bytes) in home.files() {
        let is_there = bytes.windows(sealed.len()).any(|part| part == sealed);
        assert!(!is_there, "{name}");
    }
}
