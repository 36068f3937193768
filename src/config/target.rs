//! Which org is meant, and how one gets in: `client`, `data_center`, `environment`, `grant` and `soid`.

use std::collections::BTreeMap;

use super::client::Client;
use super::data_centers::Site;
use super::refresh::Refresh;
use super::section::Section;
use super::suggest::did_you_mean;
use super::value::{Value, shown};
use crate::base::{DataCenter, Environment};
use crate::policy::settings::GrantKind;

/// Longest soid.
const SOID_MAX: usize = 128;
const GRANTS: [GrantKind; 3] = [
    GrantKind::SelfClient,
    GrantKind::Web,
    GrantKind::ClientCredentials,
];

/// What an org may refer to. `None`: it is there, and something is wrong with it.
pub(super) struct Known {
    pub(super) clients: BTreeMap<String, Option<Client>>,
    pub(super) sites: BTreeMap<String, Option<Site>>,
    pub(super) refresh: Refresh,
}

/// Where an org is. What is `None` has been reported.
pub(super) struct Target<'a> {
    pub(super) client: Option<(String, &'a Client)>,
    pub(super) site: Option<Site>,
    pub(super) environment: Option<Environment>,
    pub(super) grant: Option<GrantKind>,
    pub(super) soid: Option<String>,
}

impl<'a> Target<'a> {
    pub(super) fn read(section: &Section<'_>, known: &'a Known) -> Self {
        let client = "client = \"NAME\", with NAME one of [clients]";
        let data_center = "data_center = \"eu\", or where the org is";
        let environment = "environment = \"production\", or sandbox or developer";
        let new = Self {
            client: section.required("client", client, |value| find_client(value, known)),
            site: section.required("data_center", data_center, |value| find_site(value, known)),
            environment: section.required("environment", environment, |value| {
                value.one_of(
                    &Environment::ALL.map(Environment::as_str),
                    Environment::parse,
                )
            }),
            grant: read_grant(section),
            soid: section.optional("soid", soid),
        };
        new.check_soid(section);
        new.check_api_domain(section);
        new.check_grant(section);
        new
    }

    fn check_soid(&self, section: &Section<'_>) {
        let is_zoho = self.site.as_ref().is_some_and(|site| !site.is_custom);
        match (self.grant, section.value("soid")) {
            (Some(GrantKind::ClientCredentials), None) if is_zoho => section.lacks(
                "grant client-credentials needs `soid`; add soid = \"ZohoCRM.ID\", with the ID of the org",
            ),
            (Some(GrantKind::SelfClient | GrantKind::Web), Some(soid)) => {
                soid.error("is for grant = \"client-credentials\" only; drop it, or change the grant");
            }
            _ => (),
        }
    }

    /// Without it nobody could say where the token is used, nor prove that it is of this environment (S4).
    fn check_api_domain(&self, section: &Section<'_>) {
        let (Some(site), Some(environment)) = (&self.site, self.environment) else {
            return;
        };
        let Some(value) = section.value("environment") else {
            return;
        };
        let name = &site.data_center.name;
        if site.data_center.api_domains.of(environment).is_some() {
            return;
        }
        let cure = if site.is_custom {
            format!("add {environment} = \"https://…\" to its api_domains")
        } else {
            let accounts_url = &site.data_center.accounts_url;
            format!(
                "ask Zoho, then define [data_centers.{name}-{environment}] with accounts_url = \"{accounts_url}\" \
                 and api_domains = {{ {environment} = \"https://…\" }}, and name that in data_center"
            )
        };
        value.lacks(format!(
            "is {environment}, whose API host in data center {name} is not known; {cure}"
        ));
    }

    /// Accepted, so that a config can be written ahead; said, so that nobody waits for tokens.
    fn check_grant(&self, section: &Section<'_>) {
        let Some(value) = section.value("grant") else {
            return;
        };
        // A refresh token can be handed over all the same.
        if let (Some(GrantKind::Web), Some((name, client))) = (self.grant, &self.client)
            && client.redirect_uri.is_none()
        {
            value.warn(format!(
                "is web, and [clients.{name}] has no redirect_uri, so `zoho-tokend login` has nowhere to return to; \
                 add redirect_uri = \"http://localhost:8976/callback\" there and at the API console"
            ));
        }
    }
}

fn find_client<'a>(value: &Value<'_>, known: &'a Known) -> Option<(String, &'a Client)> {
    let name = value.text()?;
    let Some(client) = known.clients.get(name) else {
        let names = known.clients.keys().map(String::as_str);
        let cure = did_you_mean(name, names, "define it, with its client_id");
        let name = shown(name);
        return value.refuse_absent(format!(
            "is `{name}`, but there is no [clients.{name}]; {cure}"
        ));
    };
    client.as_ref().map(|client| (name.to_owned(), client))
}

fn find_site(value: &Value<'_>, known: &Known) -> Option<Site> {
    let name = value.text()?;
    if let Some(site) = known.sites.get(name) {
        return site.clone();
    }
    let unknown = || {
        let zoho = DataCenter::names().collect::<Vec<_>>();
        let custom = known.sites.keys().map(String::as_str);
        let all = format!(
            "write one of {}, or define [data_centers.NAME]",
            zoho.join(" ")
        );
        let cure = did_you_mean(name, zoho.iter().copied().chain(custom), &all);
        value.refuse_absent(format!("is `{}`, which is not known; {cure}", shown(name)))
    };
    Site::of_zoho(name).or_else(unknown)
}

fn read_grant(section: &Section<'_>) -> Option<GrantKind> {
    let Some(value) = section.value("grant") else {
        return Some(GrantKind::SelfClient);
    };
    let parse = |word: &str| GRANTS.into_iter().find(|grant| grant.as_str() == word);
    value.one_of(&GRANTS.map(GrantKind::as_str), parse)
}

/// `{Service}.{zsoid}` (Zoho Accounts, "Client Credentials Flow").
fn soid(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    match text.split_once('.') {
        Some((service, id)) if is_word(service) && is_word(id) && text.len() <= SOID_MAX => {
            Some(text.to_owned())
        }
        _ => value.refuse(
            "is no soid; write it like \"ZohoCRM.600123\", with a service and the org's id",
        ),
    }
}
