//! `/_/…`: how a test in another process, or a shell script, drives the world. JSON in, JSON out.
//!
//! `POST clients codes person refresh-tokens faults outage`, `DELETE clients faults`, `GET stats alive`. Each body is one of
//! the types below; a key that is none of theirs is refused, so that a script cannot be silently wrong.

use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::Reply;
use super::consent::Person;
use super::console::BadScript;
use super::fault::Fault;
use super::params::Params;
use super::routes::Site;
use super::zoho::{Consent, Org};
use crate::base::Environment;

/// `{"client_id": "…", "client_secret": "…", "soids": [{"soid": "ZohoCRM.600123", "environment": "production"}]}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewClient {
    client_id: String,
    client_secret: String,
    #[serde(default)]
    soids: Vec<NewSoid>,
    /// For a client that is there: the secret that it has works on, until the next one.
    #[serde(default)]
    keep_old: bool,
    #[serde(default)]
    redirect_uris: Vec<String>,
}

/// `{"refuses": true}`, `{"location": "us", "accounts_server": "https://accounts.zoho.com"}`: who is at the browser.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NewPerson {
    user: String,
    refuses: bool,
    environment: String,
    location: Option<String>,
    accounts_server: Option<String>,
}

impl Default for NewPerson {
    fn default() -> Self {
        let usual = Person::default();
        Self {
            user: usual.user,
            refuses: usual.refuses,
            environment: Environment::Production.to_string(),
            location: usual.location,
            accounts_server: usual.accounts_server,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSoid {
    soid: String,
    environment: String,
    org_id: Option<String>,
    api_domain: Option<String>,
}

/// `{"client_id": "…", "scope": "ZohoCRM.modules.ALL", "environment": "sandbox"}`; the rest may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewConsent {
    client_id: String,
    scope: String,
    environment: String,
    org_id: Option<String>,
    api_domain: Option<String>,
    user: Option<String>,
    redirect_uri: Option<String>,
    code_life_ms: Option<u64>,
    /// For `refresh-tokens`: one with this text.
    refresh_token: Option<String>,
}

/// `{"on": "1000.CLIENT", "times": 3, "fault": {"instead": "hang"}}`; `on` empty: any call; `times` null: until cleared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFault {
    #[serde(default)]
    on: String,
    #[serde(default = "once")]
    times: Option<u32>,
    fault: Fault,
}

/// `{"ms": 5000}`: nobody listens for so long.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outage {
    ms: u64,
}

/// Why a request of the test is wrong.
#[derive(Debug, thiserror::Error)]
enum BadRequest {
    #[error(transparent)]
    Script(#[from] BadScript),
    #[error("the body is not what this call takes: {0}")]
    Json(#[from] serde_json::Error),
    #[error("no environment {0}; write production, sandbox or developer")]
    Environment(String),
    #[error("an outage is under way")]
    Outage,
    #[error(
        "no such call; there are POST clients codes person refresh-tokens faults outage, DELETE clients faults, GET stats alive"
    )]
    Path,
}

pub(super) fn answer(site: &Site, parts: &Parts, path: &str, body: &Bytes) -> Reply {
    let query = Params::parse(parts.uri.query().unwrap_or("").as_bytes());
    match carry_out(site, &parts.method, path, &query, body) {
        Ok(Value::Null) => Reply::json(204, ""),
        Ok(value) => Reply::json(200, value.to_string()),
        Err(bad) => Reply::json(400, json!({"error": bad.to_string()}).to_string()),
    }
}

fn carry_out(
    site: &Site,
    method: &Method,
    path: &str,
    query: &Params,
    body: &Bytes,
) -> Result<Value, BadRequest> {
    let world = &site.world;
    match (method, path) {
        (&Method::POST, "clients") => add_client(site, read(body)?),
        (&Method::DELETE, "clients") => {
            world.with(|zoho, _| zoho.delete_client(query.value("client_id")));
            Ok(Value::Null)
        }
        (&Method::POST, "codes") => {
            let consent = site.consent(read(body)?)?;
            let org_id = consent.org.id.clone();
            let code = world.with(|zoho, now| zoho.grant_code(consent, now))?;
            Ok(json!({"code": code, "org_id": org_id}))
        }
        (&Method::POST, "person") => {
            let new: NewPerson = read(body)?;
            let org = site.org(&new.environment, None, None)?;
            let person = Person {
                user: new.user,
                refuses: new.refuses,
                org: Some(org),
                location: new.location,
                accounts_server: new.accounts_server,
            };
            world.with(|zoho, _| zoho.seat(person));
            Ok(Value::Null)
        }
        (&Method::POST, "refresh-tokens") => {
            let mut new: NewConsent = read(body)?;
            let given = new.refresh_token.take();
            let consent = site.consent(new)?;
            let org_id = consent.org.id.clone();
            let refresh_token = world.with(|zoho, now| match given {
                None => zoho.install(consent, now),
                Some(text) => zoho.install_as(&text, consent, now).map(|()| text),
            })?;
            Ok(json!({"refresh_token": refresh_token, "org_id": org_id}))
        }
        (&Method::POST, "faults") => {
            let NewFault { on, times, fault } = read(body)?;
            world.with(|zoho, _| zoho.add_fault(&on, times, fault))?;
            Ok(Value::Null)
        }
        (&Method::DELETE, "faults") => {
            world.with(|zoho, _| zoho.clear_faults());
            Ok(Value::Null)
        }
        (&Method::POST, "outage") => {
            let span = Duration::from_millis(read::<Outage>(body)?.ms);
            let sent = site.outage.try_send(span);
            sent.map(|()| Value::Null).map_err(|_| BadRequest::Outage)
        }
        (&Method::GET, "stats") => Ok(serde_json::to_value(
            world.with(|zoho, now| zoho.stats(now)),
        )?),
        (&Method::GET, "alive") => {
            let end = world.with(|zoho, now| zoho.end_of(query.value("token"), now));
            Ok(json!({"alive": end.is_none(), "why": end}))
        }
        _ => Err(BadRequest::Path),
    }
}

fn add_client(site: &Site, new: NewClient) -> Result<Value, BadRequest> {
    let (id, secret) = (new.client_id, new.client_secret);
    site.world.with(|zoho, _| {
        if new.keep_old {
            zoho.rotate_secret(&id, &secret)
        } else {
            zoho.add_client(&id, &secret)
        }
    })?;
    for uri in &new.redirect_uris {
        site.world.with(|zoho, _| zoho.add_redirect_uri(&id, uri))?;
    }
    for soid in new.soids {
        let org = site.org(&soid.environment, soid.org_id, soid.api_domain)?;
        site.world
            .with(|zoho, now| zoho.add_soid(&id, &soid.soid, org, now))?;
    }
    Ok(Value::Null)
}

impl Site {
    fn consent(&self, new: NewConsent) -> Result<Consent, BadRequest> {
        let org = self.org(&new.environment, new.org_id, new.api_domain)?;
        let consent = Consent::new(&new.client_id, &new.scope, org);
        Ok(Consent {
            user: new.user.unwrap_or(consent.user),
            redirect_uri: new.redirect_uri,
            code_life: new.code_life_ms.map(Duration::from_millis),
            ..consent
        })
    }

    fn org(
        &self,
        environment: &str,
        id: Option<String>,
        api_domain: Option<String>,
    ) -> Result<Org, BadRequest> {
        let unknown = || BadRequest::Environment(environment.to_owned());
        let org = self.new_org(Environment::parse(environment).ok_or_else(unknown)?);
        Ok(Org {
            id: id.unwrap_or(org.id),
            api_domain: api_domain.unwrap_or(org.api_domain),
            ..org
        })
    }
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "serde's default has the field's type"
)]
fn once() -> Option<u32> {
    Some(1)
}
