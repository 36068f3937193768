//! What the browser brought back: the query of the redirect (RFC 6749, 4.1.2).
//!
//! Invariant: nothing counts whose `state` is not that of this login, and the two are compared in a time that tells
//! nothing about them.

use url::form_urlencoded;

use super::Begin;
use crate::base::{OrgName, Secret};
use crate::cli::failure::{Exit, Failure};
use crate::policy::record::Cause;
use crate::policy::remedy::{self, Place};
use crate::policy::settings::GrantKind;

/// A consent, for the daemon to weigh.
#[derive(Debug)]
pub(super) struct Consent {
    pub(super) code: Secret,
    /// `eu`: the person's data center.
    pub(super) location: Option<String>,
    /// `https://accounts.zoho.eu`
    pub(super) accounts_server: Option<String>,
}

/// No consent, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// `access_denied`
    cause: Cause,
}

/// What a query may be.
#[derive(Debug)]
pub(super) enum Returned {
    /// Of this login.
    Ours(Result<Consent, Refused>),
    /// Of another login, or of nobody.
    Foreign,
    /// Neither a code nor an error.
    Nothing,
}

/// Reads `query`, which must carry `state`.
pub(super) fn read(query: &str, state: &Secret) -> Returned {
    let Some(fields) = Fields::read(query) else {
        return Returned::Foreign;
    };
    let is_ours = fields.state.as_ref().map(|own| own.is_same_as(state));
    match (fields.code, fields.error) {
        (None, None) => Returned::Nothing,
        (Some(code), None) if is_ours == Some(true) && !code.expose().is_empty() => {
            Returned::Ours(Ok(Consent {
                code,
                location: fields.location,
                accounts_server: fields.accounts_server,
            }))
        }
        // No page of Zoho's says whether it repeats the state with an error: one without is believed, since a stranger
        // gains nothing by ending a login. A wrong one is another login's.
        (None, Some(error)) if is_ours != Some(false) => {
            let detail = fields.error_description.unwrap_or_default();
            let cause = Cause::new(&error, &detail);
            Returned::Ours(Err(Refused { cause }))
        }
        _ => Returned::Foreign,
    }
}

impl Refused {
    /// For the terminal and the browser.
    pub(super) fn failure(&self, org: &OrgName, begin: &Begin) -> Failure {
        let Cause { code, detail } = &self.cause;
        let said = Some(detail).filter(|detail| !detail.is_empty());
        let said = said
            .map(|detail| format!(" ({detail})"))
            .unwrap_or_default();
        let place = Place {
            data_center: &begin.data_center,
            console_url: begin.console_url.as_deref(),
            org: org.as_str(),
            client: &begin.client,
            grant: GrantKind::Web,
            ..Place::ANY
        };
        let remedy = remedy::of_consent(code, &place);
        let what = format!("{code}: {}{said}; no grant has changed", remedy.meaning);
        Failure::new(Exit::Config, org.as_str(), &what, &remedy.cure)
    }
}

#[derive(Default)]
struct Fields {
    code: Option<Secret>,
    state: Option<Secret>,
    location: Option<String>,
    accounts_server: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Fields {
    /// `None` where one of them is there twice: then it says two things (RFC 6749, 3.1).
    fn read(query: &str) -> Option<Self> {
        let mut fields = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let text = value.into_owned();
            let is_twice = match &*name {
                "code" => fields.code.replace(Secret::new(text)).is_some(),
                "state" => fields.state.replace(Secret::new(text)).is_some(),
                "location" => fields.location.replace(text).is_some(),
                "accounts-server" => fields.accounts_server.replace(text).is_some(),
                "error" => fields.error.replace(text).is_some(),
                "error_description" => fields.error_description.replace(text).is_some(),
                _ => false,
            };
            if is_twice {
                return None;
            }
        }
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Some(Self {
            location: filled(fields.location),
            accounts_server: filled(fields.accounts_server),
            ..fields
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> Secret {
        Secret::new("the-state".into())
    }

    #[test]
    fn a_consent_is_read_with_the_data_center_that_zoho_names() {
        for server in ["https://accounts.zoho.in", "https%3A%2F%2Faccounts.zoho.in"] {
            let query = format!(
                "state=the-state&code=1000.a.b&location=in&accounts-server={server}&more=1"
            );
            let Returned::Ours(Ok(consent)) = read(&query, &state()) else {
                unreachable!("a consent");
            };
            assert_eq!(consent.code.expose(), "1000.a.b");
            assert_eq!(consent.location.as_deref(), Some("in"));
            let read = consent.accounts_server.as_deref();
            assert_eq!(read, Some("https://accounts.zoho.in"));
        }
    }

    #[test]
    fn a_data_center_that_is_named_with_nothing_is_none() {
        let query = "state=the-state&code=1000.a.b&location=&accounts-server=";
        let Returned::Ours(Ok(consent)) = read(query, &state()) else {
            unreachable!("a consent");
        };
        assert_eq!((consent.location, consent.accounts_server), (None, None));
    }

    #[test]
    fn what_does_not_carry_the_state_of_this_login_is_none_of_it() {
        for query in [
            "code=1000.a.b",
            "code=1000.a.b&state=",
            "code=1000.a.b&state=the-statE",
            "code=1000.a.b&state=the-state&state=the-state",
            "code=1&code=2&state=the-state",
            "code=&state=the-state",
            "error=access_denied&state=another",
            "error=access_denied&code=1000.a.b&state=the-state",
        ] {
            let read = read(query, &state());
            assert!(matches!(read, Returned::Foreign), "{query}: {read:?}");
        }
        for query in ["", "state=the-state", "x=y"] {
            assert!(
                matches!(read(query, &state()), Returned::Nothing),
                "{query}"
            );
        }
    }

    #[test]
    fn a_refusal_counts_also_without_a_state() {
        for query in [
            "error=access_denied",
            "error=access_denied&state=the-state&error_description=no",
        ] {
            let read = read(query, &state());
            assert!(matches!(read, Returned::Ours(Err(_))), "{query}: {read:?}");
        }
    }

    /// S5
    #[test]
    fn s5_an_error_of_the_redirect_reaches_the_terminal_short_and_without_commands() {
        let query = format!(
            "error=x%1b[2J%0azoho-tokend&error_description={}",
            "y".repeat(5000)
        );
        let Returned::Ours(Err(refused)) = read(&query, &state()) else {
            unreachable!("a refusal");
        };
        assert_eq!(refused.cause.code, "x[2Jzoho-tokend");
        assert!(refused.cause.detail.len() <= Cause::DETAIL_MAX);
    }

    /// S1
    #[test]
    fn s1_what_came_back_prints_no_code() {
        let read = read("code=canary&state=the-state", &state());
        assert!(!format!("{read:?}").contains("canary"), "{read:?}");
    }
}
