//! Zoho's own list of its accounts servers, held against this release's table.
//!
//! The list comes from the network and is believed in nothing: it only says where a person should look. Shape:
//! `{"result":"success","locations":{"eu":"https://accounts.zoho.eu",…}}`, as public code reads it; China is in no
//! other data center's list.

use serde_json::{Map, Value};
use url::Url;

use crate::base::DataCenter;

/// The data center that is run apart from the others, and missing from their lists.
const APART: &str = "cn";

/// Most locations that are looked at; Zoho has eleven.
const LOCATIONS_MAX: usize = 64;

/// Longest name of a data center that is shown.
const NAME_MAX: usize = 16;

/// Every difference, as a sentence with what to do.
pub(super) fn differences(asked: &DataCenter, status: u16, body: &[u8]) -> Vec<String> {
    let is_zoho = DataCenter::of_zoho(&asked.name).is_some();
    let Some(locations) = locations(status, body) else {
        // Another OAuth server has no such page; Zoho's have.
        let what = format!(
            "{} answered HTTP {status}, and not with the list of data centers that Zoho's accounts servers have; see \
             whether a proxy or a portal answers in its place",
            asked.accounts_url
        );
        return if is_zoho { vec![what] } else { vec![] };
    };
    let shown = locations.iter().take(LOCATIONS_MAX);
    let mut all: Vec<String> = shown
        .filter_map(|(name, url)| difference(name, url))
        .collect();
    if is_zoho && asked.name != APART && !locations.contains_key(&asked.name) {
        all.push(format!(
            "Zoho's own list has no data center {}: see Zoho's page on data centers whether it is still there",
            asked.name
        ));
    }
    all
}

fn locations(status: u16, body: &[u8]) -> Option<Map<String, Value>> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    match answer.get("locations") {
        Some(Value::Object(locations)) if status == 200 && !locations.is_empty() => {
            Some(locations.clone())
        }
        _ => None,
    }
}

fn difference(name: &str, url: &Value) -> Option<String> {
    let is_name = (1..=NAME_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let url = origin(url.as_str()?)?;
    if !is_name {
        return None;
    }
    let Some(own) = DataCenter::of_zoho(name) else {
        return Some(format!(
            "Zoho's own list has a data center that this release does not know: {name}, at {url}; to use it, define \
             [data_centers.{name}] with accounts_url = \"{url}\" and its api_domains"
        ));
    };
    (own.accounts_url != url).then(|| {
        format!(
            "Zoho's own list has data center {name} at {url}, this release has {}; if that is so, define \
             [data_centers.{name}-2] with accounts_url = \"{url}\" and its api_domains, and name that in data_center",
            own.accounts_url
        )
    })
}

/// Scheme and host, which is all of it that is shown.
fn origin(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let origin = url.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(asked: &str, locations: &str) -> Vec<String> {
        let asked = DataCenter::of_zoho(asked).expect("in the table");
        let body = format!(r#"{{"result":"success","locations":{{{locations}}}}}"#);
        differences(&asked, 200, body.as_bytes())
    }

    #[test]
    fn a_list_that_agrees_says_nothing_and_china_need_not_be_in_it() {
        let both = r#""eu":"https://accounts.zoho.eu","ca":"https://accounts.zohocloud.ca/""#;
        assert_eq!(told("eu", both), [""; 0]);
        assert_eq!(told("cn", both), [""; 0]);
    }

    #[test]
    fn a_list_that_differs_is_told_with_what_to_write() {
        let moved = told("eu", r#""eu":"https://accounts.zoho.example/x?y""#);
        assert_eq!(moved.len(), 1);
        for part in [
            "data center eu at https://accounts.zoho.example,",
            "has https://accounts.zoho.eu;",
            "[data_centers.eu-2]",
        ] {
            assert!(moved[0].contains(part), "{part} is not in {moved:?}");
        }
        let new = told(
            "eu",
            r#""eu":"https://accounts.zoho.eu","br":"https://accounts.zoho.br""#,
        );
        assert!(
            new[0].contains("br, at https://accounts.zoho.br"),
            "{new:?}"
        );
        let missing = told("sg", r#""eu":"https://accounts.zoho.eu""#);
        assert!(missing[0].contains("no data center sg"), "{missing:?}");
    }

    #[test]
    fn what_is_no_list_is_told_of_zohos_servers_alone() {
        let zoho = DataCenter::of_zoho("eu").expect("in the table");
        let lab = DataCenter {
            name: "lab".into(),
            ..zoho.clone()
        };
        let list = r#"{"locations":{"eu":"https://accounts.zoho.eu"}}"#;
        for (status, body) in [(404, list), (200, "<html>"), (200, "{}"), (503, "")] {
            assert_eq!(
                differences(&zoho, status, body.as_bytes()).len(),
                1,
                "{body}"
            );
            assert!(
                differences(&lab, status, body.as_bytes()).is_empty(),
                "{body}"
            );
        }
    }

    /// S5
    #[test]
    fn s5_a_hostile_list_neither_steers_the_terminal_nor_grows() {
        let odd = told(
            "eu",
            r#""eu":"https://accounts.zoho.eu","\u001b[2J":"https://x.example","a":7,"b":"no url","c":"mailto:x""#,
        );
        assert_eq!(odd, [""; 0]);
        let many: Vec<String> = (0..500)
            .map(|n| format!(r#""x{n}":"https://x{n}.example""#))
            .collect();
        assert!(told("cn", &many.join(",")).len() <= LOCATIONS_MAX);
    }
}
