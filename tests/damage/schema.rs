//! States of earlier releases: all of them is there, and what they did not tell is not made up.

use zoho_tokend::base::SecretMark;
use zoho_tokend::edge::store::Store;
use zoho_tokend::policy::record::{Change, OrgRecord, Stored, Streak};

use crate::fixture::{Home, all_of, lane, name, org, put};

/// What the third schema brought.
fn forget_reports(record: &mut OrgRecord) {
    record.streak = Streak::default();
    record.verdict.refused_secret = None;
}

/// The files in `schema_2` were written by the release that had the second schema.
#[test]
fn r7_a_state_of_the_second_schema_is_all_there_and_tells_of_no_report() {
    let home = Home::new();
    home.put("state.db", include_bytes!("schema_2/state.db"));
    home.put("seal.key", include_bytes!("schema_2/seal.key"));
    let mut orgs = vec![org("acme", 2), org("beta", 1)];
    orgs.iter_mut().for_each(forget_reports);
    let lanes = vec![lane("acme/1", 4)];
    assert_eq!(home.start().unwrap(), all_of(&Stored { orgs, lanes }));
    let mut store = home.open().unwrap();
    store.write(&[put(org("acme", 3))]).unwrap();
    drop(store);
    let orgs = home.open().unwrap().load().unwrap().orgs;
    assert_eq!(orgs[0].streak, org("acme", 3).streak);
    assert_eq!(orgs[0].verdict.refused_secret, Some(SecretMark(7)));
    assert_eq!(orgs[1].streak, Streak::default(), "not written since");
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
        forget_reports(record);
    }
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
