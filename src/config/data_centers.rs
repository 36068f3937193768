//! `[data_centers.NAME]`: a data center that this release does not know, or a stand-in on loopback.
//!
//! Invariant (S3): the endpoints that see a secret are at the host of `accounts_url`.

use std::time::Duration;

use url::Url;

use super::kinds::{base_url, count_in, duration_in, is_loopback, is_name, origin, url};
use super::section::Section;
use super::value::Value;
use crate::base::{ApiDomains, DataCenter, Endpoints, Environment, Limits};

/// Most mints and live tokens that a stand-in may allow.
const COUNT_MAX: u32 = 1000;
const WINDOW_MIN: Duration = Duration::from_secs(1);
const WINDOW_MAX: Duration = Duration::from_hours(1);

/// A data center with the limits that hold there.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) data_center: DataCenter,
    /// `None`: Zoho's own.
    pub(super) limits: Option<Limits>,
    /// Whether the config defines it.
    pub(super) is_custom: bool,
}

impl Site {
    /// One of Zoho's own.
    pub(super) fn of_zoho(name: &str) -> Option<Self> {
        Some(Self {
            data_center: DataCenter::of_zoho(name)?,
            limits: None,
            is_custom: false,
        })
    }

    pub(super) fn read(name: &str, value: &Value<'_>) -> Option<Self> {
        refuse_name(name, value)?;
        let section = value.section("[data_centers.lab]")?;
        let example = "accounts_url = \"https://…\"";
        let accounts_url = section.required("accounts_url", example, origin);
        let known = accounts_url.as_deref();
        let endpoints = read_endpoints(&section, known);
        let api_domains = match section.value("api_domains") {
            Some(value) => read_api_domains(&value),
            None => Some(ApiDomains::default()),
        };
        let limits = section.optional("limits", |value| read_limits(value, known));
        let takes_pkce = section.or("pkce", true, Value::truth);
        section.finish(&[]);
        Some(Self {
            data_center: DataCenter {
                name: name.to_owned(),
                accounts_url: accounts_url?,
                endpoints: endpoints?,
                api_domains: api_domains?,
                console_url: None,
                takes_pkce,
            },
            limits,
            is_custom: true,
        })
    }
}

fn refuse_name(name: &str, value: &Value<'_>) -> Option<()> {
    if DataCenter::of_zoho(name).is_some() {
        return value.refuse(format!(
            "is one of Zoho's own data centers, which cannot be changed; choose another name, like {name}-2"
        ));
    }
    if is_name(name) {
        return Some(());
    }
    value.refuse("is no name; use up to 63 letters, digits, - and _")
}

/// Zoho's paths, but where the config names others. They are read even if `accounts_url` is not good.
fn read_endpoints(section: &Section<'_>, accounts_url: Option<&str>) -> Option<Endpoints> {
    let zoho = Endpoints::of_zoho(accounts_url.unwrap_or_default());
    let at_host = |value: &Value<'_>| endpoint(value, accounts_url);
    let endpoints = Endpoints {
        token: section.or("token_url", zoho.token, at_host),
        authorize: section.or("authorize_url", zoho.authorize, |value| {
            consent_page(value, accounts_url)
        }),
        revoke: section.or("revoke_url", zoho.revoke, at_host),
    };
    accounts_url.map(|_| endpoints)
}

fn endpoint(value: &Value<'_>, accounts_url: Option<&str>) -> Option<String> {
    let url = url(value, "https://accounts.zoho.eu/oauth/v2/token")?;
    let accounts = Url::parse(accounts_url?).ok()?;
    if url.host() == accounts.host() {
        return Some(url.into());
    }
    let host = accounts.host_str().unwrap_or_default();
    value.refuse(format!(
        "is at another host than accounts_url; secrets go to {host} only, so use that host in both"
    ))
}

/// No secret goes to a consent page, so it may also be at another of Zoho's own hosts: where one of Zoho's pages would
/// have all users begin (Bigin, "Multi-DC"), say.
fn consent_page(value: &Value<'_>, accounts_url: Option<&str>) -> Option<String> {
    let zoho = value.text().and_then(|text| Url::parse(text).ok());
    let origin = zoho.as_ref().map(|url| url.origin().ascii_serialization());
    match (origin.as_deref().and_then(DataCenter::name_at), zoho) {
        (Some(_), Some(_)) => url(value, "https://accounts.zoho.com/oauth/v2/auth").map(Into::into),
        _ => endpoint(value, accounts_url),
    }
}

fn read_api_domains(value: &Value<'_>) -> Option<ApiDomains> {
    let section = value.section("{ production = \"https://www.zohoapis.eu\" }")?;
    // `Some(None)`: not there. `None`: there, and not good.
    let host = |key| match section.value(key) {
        Some(value) => base_url(&value).map(Some),
        None => Some(None),
    };
    let [production, sandbox, developer] = ["production", "sandbox", "developer"].map(host);
    section.finish(&[]);
    let new = ApiDomains {
        production: production?,
        sandbox: sandbox?,
        developer: developer?,
    };
    check_distinct(&section, &new);
    Some(new)
}

/// S4: where two environments share a host, no answer proves which of them a token is of.
fn check_distinct(section: &Section<'_>, domains: &ApiDomains) {
    for environment in Environment::ALL {
        let Some(url) = domains.of(environment) else {
            continue;
        };
        let first = domains
            .environment_of(url)
            .filter(|first| *first != environment);
        if let (Some(first), Some(value)) = (first, section.value(environment.as_str())) {
            value.error(format!(
                "is the same as {first}; name its own, or leave it out"
            ));
        }
    }
}

/// Limits of a stand-in. Zoho's own are not ours to change.
fn read_limits(value: &Value<'_>, accounts_url: Option<&str>) -> Option<Limits> {
    let section = value.section("{ mints = 10, window = \"10m\", live = 10 }")?;
    let zoho = Limits::ZOHO;
    let limits = Limits {
        mints: section.or("mints", zoho.mints, count_in(1..=COUNT_MAX)),
        window: section.or(
            "window",
            zoho.window,
            duration_in(WINDOW_MIN..=WINDOW_MAX, ""),
        ),
        live: section.or("live", zoho.live, count_in(1..=COUNT_MAX)),
    };
    section.finish(&[]);
    let accounts = Url::parse(accounts_url?).ok()?;
    if is_loopback(&accounts) {
        return Some(limits);
    }
    value.refuse("are Zoho's where accounts_url is not on loopback; drop them")
}
