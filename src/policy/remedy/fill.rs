//! The place in a text of the table: `{org} {client} {dc} {console} {accounts} {status} {works} {api} {verb}
//! {renew} {secret} {code}`.

use std::borrow::Cow;

use super::Place;
use crate::base::DataCenter;
use crate::policy::settings::GrantKind;

/// Puts the place into a text: `{org}` becomes the org's name. One pass, so that no name is filled again.
pub(super) fn fill(template: &str, code: &str, place: &Place) -> String {
    let mut filled = String::with_capacity(2 * template.len());
    let mut parts = template.split('{');
    filled.extend(parts.next());
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or(("", part));
        filled.push_str(&value(name, code, place));
        filled.push_str(rest);
    }
    filled
}

fn value<'a>(name: &str, code: &'a str, place: &'a Place) -> Cow<'a, str> {
    match name {
        "code" => code.into(),
        "org" => place.org.into(),
        "client" => place.client.into(),
        "dc" => place.data_center.into(),
        "works" => place.works_in.unwrap_or("OTHER").into(),
        "api" => place
            .api_domain
            .map_or("the token's own `api_domain`".into(), |api| {
                format!("{api}, the token's own `api_domain`").into()
            }),
        "console" => place.console_url.map_or_else(
            || format!("the API console of data center {}", place.data_center).into(),
            Cow::from,
        ),
        "verb" => verb(place).into(),
        "secret" => fill(new_secret(place), code, place).into(),
        "renew" => fill(renewal(place), code, place).into(),
        "accounts" => DataCenter::of_zoho(place.data_center).map_or_else(
            || format!("the accounts server of data center {}", place.data_center).into(),
            |zoho| zoho.accounts_url.into(),
        ),
        "status" => status_page(place.data_center).into(),
        _ => Cow::from("?"),
    }
}

/// Where Zoho says that it is in trouble.
pub(super) fn status_page(data_center: &str) -> String {
    match DataCenter::status_page(data_center) {
        Some(page) => format!("Zoho's status page {page}"),
        None => format!(
            "Zoho's status page for data center {data_center} (that of us is https://status.zoho.com)"
        ),
    }
}

/// What gives the org another grant, to follow another word.
fn renewal(place: &Place) -> &'static str {
    match place.grant {
        GrantKind::Web => "run `zoho-tokend login {org}`",
        // Anywhere: in a list of all.
        _ if place.org == Place::ANY.org => {
            "make a grant token at {console} (Self Client, Generate Code) and run `zoho-tokend enroll {org}` (web: `zoho-tokend \
             login {org}`)"
        }
        _ => {
            "make a grant token at {console} (Self Client, Generate Code) and run `zoho-tokend enroll {org}`"
        }
    }
}

/// Where a new client secret goes, to follow a comma.
fn new_secret(place: &Place) -> &'static str {
    match place.is_secret_sealed {
        Some(true) => "and give it to `zoho-tokend enroll {org} --client-secret`",
        Some(false) => {
            "to where `client_secret` of [clients.{client}] points, then reload (a file) or restart (a credential)"
        }
        None => {
            "to where `client_secret` of [clients.{client}] points, then reload (a file) or restart (a credential); one \
             that is sealed: `zoho-tokend enroll {org} --client-secret`"
        }
    }
}

fn verb(place: &Place) -> &'static str {
    match place.grant {
        GrantKind::Web => "login",
        _ => "enroll",
    }
}
