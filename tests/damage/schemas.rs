//! States of older releases: all that they hold is there, in its new place.

use zoho_tokend::edge::store::Store;
use zoho_tokend::policy::record::{Change, Stored};

use crate::fixture::{Home, all_of, lane, name, org, put};

/// The files in `schema_1` were written by the release that had the first schema.
#[test]
fn r7_a_state_of_the_first_schema_is_all_there_and_vouches_for_no_clock() {
    let home = Home::new();
    home.put("state.db", include_bytes!("schema_1/state.db"));
    home.put("seal.key", include_bytes!("schema_1/seal.key"));
    let mut acme = org("acme", 2);
    let mut beta = org("beta", 1);
    let mut only_lane = lane("acme/1", 4);
    acme.anchor.is_vouched = false;
    beta.anchor.is_vouched = false;
    only_lane.anchor.is_vouched = false;
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
    assert!(!stored.orgs[1].anchor.is_vouched, "not written since");
}

/// The files in `schema_2` were written by the release that had the second schema: what a grant replaced stood in two
/// columns beside it.
#[test]
fn r7_a_state_of_the_second_schema_keeps_what_a_grant_replaced() {
    let home = Home::new();
    home.put("state.db", include_bytes!("schema_2/state.db"));
    home.put("seal.key", include_bytes!("schema_2/seal.key"));
    let whole = Stored {
        orgs: vec![org("acme", 2), org("beta", 1)],
        lanes: vec![lane("acme/1", 4)],
    };
    assert_eq!(home.start().unwrap(), all_of(&whole));
    // The next write moves it, and leaves nothing behind in its old place.
    let mut store = home.open().unwrap();
    store.write(&[put(org("acme", 3))]).unwrap();
    drop(store);
    let stored = home.open().unwrap().load().unwrap();
    assert_eq!(stored.orgs[0].past.len(), 1);
    let conn = rusqlite::Connection::open(home.file("state.db")).unwrap();
    let sql = "SELECT count(prior_refresh_token) + count(prior_lane) FROM org WHERE name = ?1";
    let left = |org: &str| {
        conn.query_row(sql, [org], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(
        (left("acme"), left("beta")),
        (0, 2),
        "beta was not written since"
    );
}
