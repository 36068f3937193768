//! What the browser brought back: the query of the redirect (RFC 6749, 4.1.2).
//!
//! Invariant: nothing counts whose `state` is not that of this login, and the two are compared in a time that tells
//! nothing about them.

use url::form_urlencoded;

use super::Begin;
use crate::base::{OrgName, Secret, flaw_of_field};
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
pub(super) enum Refused {
    /// By the consent page: `access_denied`.
    AtZoho(Cause),
    /// What came cannot be used: half a sentence that quotes none of it.
    Unusable(String),
}

/// What a query may be.
#[derive(Debug)]
pub(super) enum Returned {
    /// Of this login.
    Ours(Result<Consent, Refused>),
    /// An error that names no login. Any page that the person has open can send the browser here with one.
    Unclaimed(Cause),
    /// Of another login.
    Foreign,
    /// Neither a code nor an error.
    Nothing,
}

/// Reads `query`, which must carry `state`.
pub(super) fn read(query: &str, state: &Secret) -> Returned {
    let fields = Fields::read(query);
    let is_said_twice = fields.twice.is_some();
    match (fields.state.as_ref(), &fields.error) {
        _ if fields.twice == Some("state") => Returned::Foreign,
        (Some(own), _) if !own.is_same_as(state) => Returned::Foreign,
        _ if fields.is_empty() && !is_said_twice => Returned::Nothing,
        (Some(_), _) => Returned::Ours(fields.read_ours()),
        (None, Some(error)) if fields.code.is_none() && !is_said_twice => {
            Returned::Unclaimed(fields.cause(error))
        }
        (None, _) => Returned::Foreign,
    }
}

impl Refused {
    /// For the terminal and the browser.
    pub(super) fn failure(&self, org: &OrgName, begin: &Begin) -> Failure {
        let Cause { code, detail } = match self {
            Self::AtZoho(cause) => cause,
            Self::Unusable(what) => {
                let what = format!(
                    "what the browser brought back cannot be used: {what}; no grant has changed"
                );
                let cure = format!("run `zoho-tokend login {org}` again");
                return Failure::new(Exit::Data, org.as_str(), &what, &cure);
            }
        };
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
    /// The first that is there a second time: then it says two things (RFC 6749, 3.1).
    twice: Option<&'static str>,
}

impl Fields {
    fn read(query: &str) -> Self {
        let mut fields = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let text = value.into_owned();
            let (name, is_twice) = match &*name {
                "code" => ("code", fields.code.replace(Secret::new(text)).is_some()),
                "state" => ("state", fields.state.replace(Secret::new(text)).is_some()),
                "location" => ("location", fields.location.replace(text).is_some()),
                "accounts-server" => {
                    let last = fields.accounts_server.replace(text);
                    ("accounts-server", last.is_some())
                }
                "error" => ("error", fields.error.replace(text).is_some()),
                "error_description" => {
                    let last = fields.error_description.replace(text);
                    ("error_description", last.is_some())
                }
                _ => continue,
            };
            if is_twice && fields.twice != Some("state") {
                fields.twice = Some(name);
            }
        }
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            location: filled(fields.location),
            accounts_server: filled(fields.accounts_server),
            ..fields
        }
    }

    fn is_empty(&self) -> bool {
        self.code.is_none() && self.error.is_none()
    }

    fn cause(&self, error: &str) -> Cause {
        Cause::new(error, self.error_description.as_deref().unwrap_or_default())
    }

    /// Whoever knows the state is the consent page, or the person.
    fn read_ours(self) -> Result<Consent, Refused> {
        let unusable = |what| Err(Refused::Unusable(what));
        if let Some(name) = self.twice {
            return unusable(format!("it has two of `{name}`"));
        }
        let fields = [
            ("code", self.code.as_ref().map(Secret::expose)),
            ("location", self.location.as_deref()),
            ("accounts-server", self.accounts_server.as_deref()),
        ];
        for (name, text) in fields {
            if let Some(flaw) = text.and_then(flaw_of_field) {
                return unusable(format!("its `{name}` {flaw}"));
            }
        }
        let refused = self.error.as_deref().map(|error| self.cause(error));
        match (self.code, refused) {
            (Some(_), Some(_)) => unusable("it has a code and an error".to_owned()),
            (None, Some(cause)) => Err(Refused::AtZoho(cause)),
            (None, None) => unusable("it has neither a code nor an error".to_owned()),
            (Some(code), None) => Ok(Consent {
                code,
                location: self.location,
                accounts_server: self.accounts_server,
            }),
        }
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
            "error=x&state=the-state&state=the-state",
            "code=1&error=access_denied",
            "error=access_denied&error=access_denied",
            "error=access_denied&state=another",
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
    fn what_is_of_this_login_and_cannot_be_used_says_why() {
        for (query, why) in [
            ("code=1&code=2", "it has two of `code`"),
            ("code=", "its `code` is empty"),
            ("error=x&code=1", "it has a code and an error"),
            (
                "code=bad%0d%0acanary",
                "its `code` has control characters in it",
            ),
            (
                "code=1&accounts-server=https://a%20b",
                "its `accounts-server` has a space or a letter outside ASCII in it",
            ),
        ] {
            let read = read(&format!("{query}&state=the-state"), &state());
            let Returned::Ours(Err(Refused::Unusable(told))) = read else {
                unreachable!("{query}: {read:?}");
            };
            assert_eq!(told, why);
        }
    }

    #[test]
    fn a_refusal_counts_only_with_the_state() {
        let with = "error=access_denied&state=the-state&error_description=no";
        let refused = read(with, &state());
        assert!(matches!(refused, Returned::Ours(Err(Refused::AtZoho(_)))));
        let without = read("error=access_denied", &state());
        assert!(matches!(without, Returned::Unclaimed(_)), "{without:?}");
    }

    /// S5
    #[test]
    fn s5_an_error_of_the_redirect_reaches_the_terminal_short_and_without_commands() {
        let query = format!(
            "state=the-state&error=x%1b[2J%e2%80%ae%0azoho-tokend&error_description={}",
            "y".repeat(5000)
        );
        let Returned::Ours(Err(Refused::AtZoho(cause))) = read(&query, &state()) else {
            unreachable!("a refusal");
        };
        assert_eq!(cause.code, "x[2Jzoho-tokend");
        assert!(cause.detail.len() <= Cause::DETAIL_MAX);
    }

    /// S1
    #[test]
    fn s1_what_came_back_prints_no_code() {
        let read = read("code=canary&state=the-state", &state());
        assert!(!format!("{read:?}").contains("canary"), "{read:?}");
    }
}
