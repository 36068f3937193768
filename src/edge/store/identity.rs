//! What Zoho's API has told of an org, as the JSON of one cell.
//!
//! Not secret, so that people can read it there; the row's seal covers it. Knows the keys, not what they mean.

use rusqlite::types::Value;
use serde::{Deserialize, Serialize};

use crate::base::Environment;
use crate::policy::identity::{Found, Identity, Pin, ZohoOrg};
use crate::policy::record::LaneId;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cell {
    pinned: Option<Pinned>,
    found: Option<FoundOf>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pinned {
    org: Org,
    data_center: String,
    environment: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FoundOf {
    org: Org,
    lane: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Org {
    id: String,
    record_id: Option<String>,
    name: Option<String>,
    environment: Option<String>,
}

/// The cell for `identity`; NULL where nothing is known.
pub(super) fn to_cell(identity: &Identity) -> Value {
    if *identity == Identity::default() {
        return Value::Null;
    }
    let cell = Cell {
        pinned: identity.pinned.as_ref().map(|pin| Pinned {
            org: Org::of(&pin.org),
            data_center: pin.data_center.to_string(),
            environment: pin.environment.to_string(),
        }),
        found: identity.found.as_ref().map(|found| FoundOf {
            org: Org::of(&found.org),
            lane: found.lane.0.to_string(),
        }),
    };
    let text = serde_json::to_string(&cell);
    Value::Text(text.expect("texts have a JSON"))
}

/// What `text` says; `None` where [`to_cell`] did not write it.
pub(super) fn of_cell(text: &str) -> Option<Identity> {
    let cell: Cell = serde_json::from_str(text).ok()?;
    let mut identity = Identity::default();
    if let Some(own) = cell.pinned {
        identity.pinned = Some(Pin {
            org: own.org.into_org()?,
            data_center: own.data_center.into(),
            environment: Environment::parse(&own.environment)?,
        });
    }
    if let Some(own) = cell.found {
        identity.found = Some(Found {
            org: own.org.into_org()?,
            lane: LaneId(own.lane.into()),
        });
    }
    Some(identity)
}

impl Org {
    fn of(org: &ZohoOrg) -> Self {
        Self {
            id: org.id.clone(),
            record_id: org.record_id.clone(),
            name: org.name.clone(),
            environment: org.environment.map(|own| own.to_string()),
        }
    }

    fn into_org(self) -> Option<ZohoOrg> {
        let mut org = ZohoOrg {
            id: self.id,
            record_id: self.record_id,
            name: self.name,
            environment: None,
        };
        if let Some(word) = self.environment {
            org.environment = Some(Environment::parse(&word)?);
        }
        Some(org)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        let org = ZohoOrg {
            id: "60012345".into(),
            record_id: Some("111111000000033001".into()),
            name: Some("Zylker \"East\"".into()),
            environment: Some(Environment::Sandbox),
        };
        Identity {
            pinned: Some(Pin {
                org: org.clone(),
                data_center: "eu".into(),
                environment: Environment::Sandbox,
            }),
            found: Some(Found {
                org: ZohoOrg {
                    record_id: None,
                    name: None,
                    environment: None,
                    ..org
                },
                lane: LaneId("acme.1.2".into()),
            }),
        }
    }

    #[test]
    fn what_the_api_told_is_read_as_it_was_written() {
        let Value::Text(cell) = to_cell(&identity()) else {
            unreachable!("there is something to write");
        };
        assert_eq!(of_cell(&cell), Some(identity()));
        assert_eq!(to_cell(&Identity::default()), Value::Null);
    }

    #[test]
    fn s5_a_cell_that_nobody_wrote_is_refused() {
        let Value::Text(good) = to_cell(&identity()) else {
            unreachable!("there is something to write");
        };
        let another = good.replace("sandbox", "moon");
        for bad in [
            "",
            "{}x",
            "[]",
            "null",
            r#"{"pinned":{"id":"1"}}"#,
            &another,
        ] {
            assert_eq!(of_cell(bad), None, "{bad}");
        }
    }
}
