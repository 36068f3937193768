//! The body of an enrolment.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::call::BadAsk;
use crate::base::Secret;

/// The body of an enrolment.
#[derive(Debug)]
pub struct Enrollment {
    /// A grant code, a refresh token, or nothing but the client itself.
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
    /// `{"kind":"code","code":…}`
    Code(Secret),
    /// `{"kind":"refresh-token","refresh_token":…}`
    RefreshToken(Secret),
    /// `{"kind":"client-credentials"}`
    ClientCredentials,
}

impl Enrollment {
    pub(super) fn parse(body: &[u8]) -> Result<Self, BadAsk> {
        // The parser's own words may quote the body, and the body holds a secret.
        let malformed = |what: &str| BadAsk::Malformed(format!("the enrolment's body {what}"));
        let body: Body = serde_json::from_slice(body).map_err(|err| {
            malformed(&format!(
                "is not the JSON of the contract (column {})",
                err.column()
            ))
        })?;
        let secret = |field: &str, text: Option<Zeroizing<String>>| {
            let mut text = text.ok_or_else(|| malformed(&format!("lacks {field}")))?;
            if !text.is_empty() && text.len() <= 4096 && text.bytes().all(|b| b.is_ascii_graphic())
            {
                Ok(Secret::new(std::mem::take(&mut *text)))
            } else {
                Err(malformed(&format!(
                    "has a {field} that is empty, too long, or not plain ASCII"
                )))
            }
        };
        let kind = match body.kind.as_str() {
            "code" => EnrollmentKind::Code(secret("code", body.code)?),
            "refresh-token" => {
                EnrollmentKind::RefreshToken(secret("refresh_token", body.refresh_token)?)
            }
            "client-credentials" => EnrollmentKind::ClientCredentials,
            _ => {
                return Err(malformed(
                    "has a kind that is none of code, refresh-token and client-credentials",
                ));
            }
        };
        let client_secret = body
            .client_secret
            .map(|text| secret("client_secret", Some(text)));
        Ok(Self {
            kind,
            client_secret: client_secret.transpose()?,
            keep_client_secret: body.keep_client_secret,
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
    client_secret: Option<Zeroizing<String>>,
    #[serde(default)]
    keep_client_secret: bool,
    #[serde(default)]
    keep_old: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_a_malformed_enrolment_is_not_quoted() {
        let body = r#"{"kind":"code","code":"1000.canary","extra":"canary"}"#;
        let error = Enrollment::parse(body.as_bytes()).expect_err("unknown field");
        assert!(!format!("{error:?}").contains("canary"));
    }
}
