//! The body of an enrolment.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::call::BadAsk;
use crate::base::{ScopeSet, Secret, UnixTime, flaw_of_field};
use crate::policy::landing::Landing;
use crate::policy::paper::Paper;

/// The body of an enrolment.
#[derive(Debug)]
pub struct Enrollment {
    /// A grant code, a refresh token, a login, a client secret, or nothing but the client itself.
    pub kind: EnrollmentKind,
    /// The client secret, where the config leaves it to the enrolment.
    pub client_secret: Option<Secret>,
    /// Whether the client secret of the last enrolment is to be used again.
    pub keep_client_secret: bool,
    /// Whether the refresh token that it replaces is to live on at Zoho.
    pub keep_old: bool,
}

/// What a person brings.
#[derive(Debug)]
pub enum EnrollmentKind {
    /// `{"kind":"code","code":…}`, with `client_id`, `scope` and `expiry_time` where the console's file tells them.
    Code(Secret, Paper),
    /// `{"kind":"refresh-token","refresh_token":…}`
    RefreshToken(Secret),
    /// `{"kind":"login","code":…,"redirect_uri":…}`, with `code_verifier`, `location` and `accounts_server`.
    Login(Consented),
    /// `{"kind":"client-secret","client_secret":…}`: another secret for the grant that is there.
    ClientSecret(Secret),
    /// `{"kind":"client-credentials"}`
    ClientCredentials,
}

/// What a browser brought back from the consent page.
#[derive(Debug)]
pub struct Consented {
    /// The code.
    pub code: Secret,
    /// Where the consent page sent the browser.
    pub redirect_uri: String,
    /// What the challenge was made of.
    pub code_verifier: Option<Secret>,
    /// Whose data center it is.
    pub landing: Landing,
}

impl Enrollment {
    pub(super) fn parse(body: &[u8]) -> Result<Self, BadAsk> {
        // The parser's own words may quote the body, and the body holds a secret.
        let mut body: Body = serde_json::from_slice(body).map_err(|err| {
            malformed(&format!(
                "is not the JSON that the README shows (column {})",
                err.column()
            ))
        })?;
        let mut client_secret = secret("client_secret", body.client_secret.take())?;
        let keep_client_secret = body.keep_client_secret;
        let kind = match body.kind.as_str() {
            "code" => EnrollmentKind::Code(needed("code", body.code.take())?, body.paper()?),
            "refresh-token" => {
                let token = needed("refresh_token", body.refresh_token.take())?;
                EnrollmentKind::RefreshToken(token)
            }
            "login" => EnrollmentKind::Login(body.consented()?),
            "client-secret" => {
                let given = client_secret.take();
                EnrollmentKind::ClientSecret(given.ok_or_else(|| malformed("lacks client_secret"))?)
            }
            "client-credentials" => EnrollmentKind::ClientCredentials,
            _ => {
                return Err(malformed(
                    "has a kind that is none of code, refresh-token, login, client-secret and client-credentials",
                ));
            }
        };
        if !body.is_used_up() {
            return Err(malformed("has a field of another kind of enrolment"));
        }
        Ok(Self {
            kind,
            client_secret,
            keep_client_secret,
            keep_old: body.keep_old,
        })
    }
}

/// The body as it is written. Deserialised into buffers that are wiped.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    kind: String,
    code: Option<Zeroizing<String>>,
    refresh_token: Option<Zeroizing<String>>,
    client_id: Option<String>,
    scope: Option<String>,
    expiry_time: Option<i64>,
    redirect_uri: Option<String>,
    code_verifier: Option<Zeroizing<String>>,
    location: Option<String>,
    accounts_server: Option<String>,
    client_secret: Option<Zeroizing<String>>,
    #[serde(default)]
    keep_client_secret: bool,
    #[serde(default)]
    keep_old: bool,
}

impl Body {
    /// Whether nothing is left that nobody has asked for.
    fn is_used_up(&self) -> bool {
        let secrets = [&self.code, &self.refresh_token, &self.code_verifier];
        let texts = [
            &self.client_id,
            &self.scope,
            &self.redirect_uri,
            &self.location,
            &self.accounts_server,
        ];
        secrets.iter().all(|secret| secret.is_none())
            && texts.iter().all(|text| text.is_none())
            && self.expiry_time.is_none()
    }

    fn paper(&mut self) -> Result<Paper, BadAsk> {
        Ok(Paper {
            client_id: text("client_id", self.client_id.take())?,
            scopes: self.scope.take().map(|scope| ScopeSet::parse(&scope)),
            expires_at: self.expiry_time.take().map(UnixTime),
        })
    }

    fn consented(&mut self) -> Result<Consented, BadAsk> {
        let redirect_uri = text("redirect_uri", self.redirect_uri.take())?;
        Ok(Consented {
            code: needed("code", self.code.take())?,
            redirect_uri: redirect_uri.ok_or_else(|| lacks("redirect_uri"))?,
            code_verifier: secret("code_verifier", self.code_verifier.take())?,
            landing: Landing {
                location: text("location", self.location.take())?,
                accounts_server: text("accounts_server", self.accounts_server.take())?,
            },
        })
    }
}

fn malformed(what: &str) -> BadAsk {
    BadAsk::Malformed(format!("the enrolment's body {what}"))
}

fn lacks(field: &str) -> BadAsk {
    malformed(&format!("lacks {field}"))
}

fn needed(field: &str, text: Option<Zeroizing<String>>) -> Result<Secret, BadAsk> {
    secret(field, text)?.ok_or_else(|| lacks(field))
}

fn secret(field: &str, text: Option<Zeroizing<String>>) -> Result<Option<Secret>, BadAsk> {
    let Some(mut text) = text else {
        return Ok(None);
    };
    sound(field, &text)?;
    Ok(Some(Secret::new(std::mem::take(&mut *text))))
}

/// The same for what is no secret.
fn text(field: &str, text: Option<String>) -> Result<Option<String>, BadAsk> {
    text.as_deref().map_or(Ok(()), |text| sound(field, text))?;
    Ok(text)
}

fn sound(field: &str, text: &str) -> Result<(), BadAsk> {
    let flaw =
        flaw_of_field(text).map(|flaw| malformed(&format!("cannot be used: `{field}` {flaw}")));
    flaw.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_a_malformed_enrolment_is_not_quoted() {
        for body in [
            r#"{"kind":"code","code":"1000.canary","extra":"canary"}"#,
            r#"{"kind":"code","code":"1000.canary","code_verifier":"canary"}"#,
            r#"{"kind":"login","code":"1000.canary"}"#,
            r#"{"kind":"login","code":"1000.canary","redirect_uri":"can\u0007ary"}"#,
            r#"{"kind":"canary","code":"1000.canary"}"#,
        ] {
            let error = Enrollment::parse(body.as_bytes()).expect_err("not of the contract");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn a_field_of_another_kind_of_enrolment_is_refused_not_ignored() {
        for body in [
            r#"{"kind":"code","code":"c","refresh_token":"r"}"#,
            r#"{"kind":"code","code":"c","location":"eu"}"#,
            r#"{"kind":"refresh-token","refresh_token":"r","expiry_time":1}"#,
            r#"{"kind":"login","code":"c","redirect_uri":"u","client_id":"i"}"#,
        ] {
            assert!(Enrollment::parse(body.as_bytes()).is_err(), "{body}");
        }
        let whole = r#"{"kind":"login","code":"c","redirect_uri":"u","code_verifier":"v",
            "location":"eu","accounts_server":"https://accounts.zoho.eu","keep_client_secret":true}"#;
        assert!(Enrollment::parse(whole.as_bytes()).is_ok());
    }
}
