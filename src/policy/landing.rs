//! What a browser brings back from the consent page, weighed before the code is spent.
//!
//! Zoho sends along which data center the person's account is in (Accounts, "Using Multi DC in server and
//! client-based apps"). Where that is another one than the config's the code is of no use here: code and client secret go
//! to the org's own data center alone (S3), and a token of another one must not be published (S4). Absent evidence
//! refuses nothing.

use super::record::Cause;
use super::reply::host_of;
use crate::base::DataCenter;

/// Beside the code and the state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landing {
    /// `eu`; in Zoho's samples in lower case.
    pub location: Option<String>,
    /// `https://accounts.zoho.eu`, decoded.
    pub accounts_server: Option<String>,
}

impl Landing {
    /// Why it is not of `own`, the org's data center; `None` where nothing says so.
    pub fn contradiction(&self, own: &DataCenter) -> Option<Cause> {
        let by_server = self.accounts_server.as_deref();
        let by_server = by_server.and_then(|server| server_contradicts(server, own));
        by_server.or_else(|| location_contradicts(self.location.as_deref()?, own))
    }
}

fn server_contradicts(server: &str, own: &DataCenter) -> Option<Cause> {
    let server = server.trim_end_matches('/');
    if server.eq_ignore_ascii_case(&own.accounts_url) {
        return None;
    }
    let host = host_of(server);
    let cause = match DataCenter::name_at(server) {
        Some(name) => elsewhere(name, &host, own),
        None => Cause::new(
            "unknown-accounts-server",
            &format!("the browser was sent back from {host}"),
        ),
    };
    Some(cause)
}

/// Counts only where the config's data center is one of Zoho's: nobody knows what others call themselves.
fn location_contradicts(location: &str, own: &DataCenter) -> Option<Cause> {
    let own_name = DataCenter::name_at(&own.accounts_url)?;
    let named = DataCenter::names().find(|name| name.eq_ignore_ascii_case(location))?;
    let other = DataCenter::of_zoho(named).filter(|_| named != own_name)?;
    Some(elsewhere(named, &other.accounts_url, own))
}

fn elsewhere(name: &str, server: &str, own: &DataCenter) -> Cause {
    let detail = format!(
        "the account is in data center {name} ({server}), the config says {} ({})",
        own.name, own.accounts_url
    );
    Cause::new("other-data-center", &detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(location: &str, server: &str, own: &DataCenter) -> Option<Cause> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let landing = Landing {
            location: given(location),
            accounts_server: given(server),
        };
        landing.contradiction(own)
    }

    fn eu() -> DataCenter {
        DataCenter::of_zoho("eu").expect("in the table")
    }

    #[test]
    fn what_is_of_the_orgs_own_data_center_or_not_told_passes() {
        for (location, server) in [
            ("eu", "https://accounts.zoho.eu"),
            ("EU", "https://ACCOUNTS.zoho.eu/"),
            ("", ""),
            ("eu", ""),
            ("a-new-word", "https://accounts.zoho.eu"),
        ] {
            assert_eq!(cause(location, server, &eu()), None, "{location} {server}");
        }
    }

    /// S3, S4
    #[test]
    fn s4_an_account_of_another_data_center_is_named_with_both() {
        for (location, server) in [
            ("us", "https://accounts.zoho.com"),
            ("", "https://accounts.zoho.com"),
            ("us", ""),
            ("us", "https://accounts.zoho.eu"),
        ] {
            let cause = cause(location, server, &eu()).expect("of another data center");
            assert_eq!(cause.code, "other-data-center");
            assert_eq!(
                cause.detail,
                "the account is in data center us (https://accounts.zoho.com), the config says eu (https://accounts.zoho.eu)"
            );
        }
    }

    /// S3
    #[test]
    fn s3_a_host_that_is_none_of_zohos_is_refused_and_nothing_but_its_host_is_shown() {
        for server in [
            "https://accounts.zoho.eu.evil.example/x?y",
            "http://accounts.zoho.eu",
            "https://accounts.zoho.eu@evil.example",
            "nonsense",
        ] {
            let cause = cause("eu", server, &eu()).expect("a stranger");
            assert_eq!(cause.code, "unknown-accounts-server");
            assert!(!cause.detail.contains("x?y"), "{cause:?}");
        }
    }

    #[test]
    fn a_data_center_of_the_config_is_known_by_its_host_alone() {
        let lab = DataCenter {
            name: "lab".into(),
            accounts_url: "http://127.0.0.1:9000".into(),
            ..eu()
        };
        assert_eq!(cause("us", "http://127.0.0.1:9000", &lab), None);
        assert_eq!(cause("us", "", &lab), None);
        assert!(cause("us", "https://accounts.zoho.com", &lab).is_some());
        // Zoho's own data center under another name is still that one.
        let renamed = DataCenter {
            name: "eu-2".into(),
            ..eu()
        };
        assert_eq!(cause("eu", "https://accounts.zoho.eu", &renamed), None);
        assert!(cause("in", "", &renamed).is_some());
    }
}
