//! A secret opens in its own place alone, and no row of any values makes us panic.

use super::super::error::Damage;
use super::super::rows;
use super::*;

fn org(name: &str, environment: Environment) -> OrgRecord {
    let secret = |text: &str| Arc::new(Secret::new(text.into()));
    let at = Now {
        boot: Boottime(1),
        wall: UnixTime(2),
    };
    let binding = Binding {
        client_id: "1000.C".into(),
        data_center: "eu".into(),
        environment,
        scopes: ScopeSet::parse("ZohoCRM.org.READ"),
        soid: None,
    };
    OrgRecord {
        org: OrgName::parse(name).expect("a good name"),
        revision: 1,
        anchor: Anchor {
            boot_id: "b".into(),
            at,
            is_vouched: true,
        },
        grant: Some(Grant {
            binding,
            root: Root::RefreshToken(secret("refresh")),
            client_secret: Some(secret("client")),
            lane: LaneId("l".into()),
            enrolled_at: Boottime(3),
            is_taken_over: true,
        }),
        past: vec![Past {
            lane: LaneId("k".into()),
            client_id: "1000.OLD".into(),
            data_center: "us".into(),
            since: Some(UnixTime(7)),
            refresh_token: Some(secret("past")),
            client_secret: None,
            plan: Plan::Revoke { tries: 2 },
            may_be_gone: true,
        }],
        token: None,
        generation: 9,
        verdict: Verdict {
            word: Word::Ok,
            since: Boottime(4),
            cause: None,
            failures: 0,
            until: None,
            refused_secret: None,
        },
        identity: Identity::default(),
        streak: Streak::default(),
    }
}

fn at(column: &str) -> usize {
    ORG.columns
        .iter()
        .position(|name| *name == column)
        .expect("a column")
}

/// The seal of the row aside: each secret alone opens in its own place and nowhere else.
#[test]
fn s1_a_secret_of_another_org_environment_client_or_column_does_not_open() {
    let seal = Seal::new(&[1; 32]);
    let row = |record: &OrgRecord| rows::of_org(record, None, &seal).0;
    let good = row(&org("acme", Environment::Sandbox));
    to_org(&good, &seal).expect("its own place");
    let other_org = row(&org("beta", Environment::Sandbox));
    let other_environment = row(&org("acme", Environment::Production));
    for (from, source, into) in [
        (&other_org, "refresh_token", "refresh_token"),
        (&other_environment, "refresh_token", "refresh_token"),
        (&good, "refresh_token", "client_secret"),
        (&good, "refresh_token", "past"),
        (&other_org, "past", "past"),
    ] {
        let mut pasted = good.clone();
        pasted[at(into)] = from[at(source)].clone();
        let Err(Fault::Damage(damage)) = to_org(&pasted, &seal) else {
            unreachable!("{source} opened as {into}");
        };
        let (table, key, column) = ("org", "acme".into(), Some(into));
        assert_eq!(damage, Damage::Row { table, key, column });
    }
    for column in ["client_id", "data_center", "environment"] {
        let mut moved = good.clone();
        moved[at(column)] = Value::Text("production".into());
        assert!(to_org(&moved, &seal).is_err(), "{column}");
    }
}

#[test]
fn s5_a_row_of_any_other_values_is_refused_and_does_not_panic() {
    let seal = Seal::new(&[1; 32]);
    let (good, _) = rows::of_org(&org("acme", Environment::Sandbox), None, &seal);
    let odd = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(f64::NAN),
        Value::Text("\0../x".into()),
        Value::Blob(vec![1; 40]),
    ];
    for at in 0..good.len() {
        for value in &odd {
            let mut row = good.clone();
            row[at] = value.clone();
            drop(to_org(&row, &seal));
        }
    }
    let lane = |slots: &str| {
        let record = LaneRecord {
            id: LaneId("l".into()),
            client_id: "".into(),
            data_center: "".into(),
            anchor: org("acme", Environment::Sandbox).anchor,
            slots: Vec::new(),
            quiet_until: None,
        };
        let mut row = rows::of_lane(&record);
        row[6] = Value::Text(slots.into());
        to_lane(&row, &seal).map(|lane| lane.slots.len()).ok()
    };
    assert_eq!(lane("[[1,2,3],[-4,5,6]]"), Some(2));
    for bad in [
        "",
        "[",
        "[1,2,3]",
        "[[1,2]]",
        "[[1,2,3,4]]",
        "[[1,2,1e99]]",
        "{}",
    ] {
        assert_eq!(lane(bad), None, "{bad}");
    }
}
