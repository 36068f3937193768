//! One call to have a refresh token revoked, in the dialect of the endpoint.
//!
//! Sources: Zoho Accounts "Revoke" (`token` alone), Zoho's newer "Revoke Token" (HTTP Basic, `token_type`), RFC 7009
//! §2.1 (`token_type_hint`, the client's id and secret as at the token endpoint).

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::form::encode;
use super::{Basic, Reply, Zoho};
use crate::base::Secret;
use crate::policy::revocation::Dialect;

/// One call of a revocation endpoint.
#[derive(Debug)]
pub struct RevokeCall {
    /// `https://accounts.zoho.eu/oauth/v2/token/revoke`; `http` on loopback alone.
    pub url: String,
    /// For all of it: address, connection, TLS, request, answer.
    pub timeout: Duration,
    /// How the endpoint wants to be asked.
    pub dialect: Dialect,
    /// The refresh token.
    pub refresh_token: Arc<Secret>,
    /// The client's id and, for all but [`Dialect::Zoho`], its secret.
    pub client: (String, Option<Arc<Secret>>),
}

impl RevokeCall {
    /// Every secret in it: what a server may not have shown again.
    pub fn secrets(&self) -> Vec<Arc<Secret>> {
        let secret = self.client.1.clone();
        secret
            .into_iter()
            .chain([Arc::clone(&self.refresh_token)])
            .collect()
    }

    fn form(&self) -> Zeroizing<Vec<u8>> {
        let mut pairs = vec![("token", self.refresh_token.expose())];
        match self.dialect {
            Dialect::Zoho => (),
            Dialect::ZohoNewer => pairs.push(("token_type", "refresh_token")),
            Dialect::Standard => {
                pairs.push(("token_type_hint", "refresh_token"));
                pairs.push(("client_id", &self.client.0));
                let secret = self.client.1.as_ref();
                pairs.extend(secret.map(|secret| ("client_secret", secret.expose())));
            }
        }
        encode(&pairs)
    }

    /// What goes as HTTP Basic (RFC 7617).
    fn basic(&self) -> Option<Basic> {
        let (id, secret) = (self.client.0.clone(), self.client.1.clone()?);
        (self.dialect == Dialect::ZohoNewer).then_some((id, secret))
    }
}

impl Zoho {
    /// Asks once and waits for the answer. Dropping the future closes the connection.
    pub async fn post_revoke(&self, call: RevokeCall) -> Reply {
        self.post(&call.url, call.timeout, call.form(), call.basic())
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(dialect: Dialect) -> RevokeCall {
        let secret = |text: &str| Arc::new(Secret::new(text.into()));
        RevokeCall {
            url: "http://127.0.0.1/".into(),
            timeout: Duration::from_secs(1),
            dialect,
            refresh_token: secret("1000.a&b"),
            client: ("1000.ABC".into(), Some(secret("canary"))),
        }
    }

    #[test]
    fn each_endpoint_is_asked_in_its_own_dialect() {
        let text = |dialect| String::from_utf8(call(dialect).form().to_vec()).expect("text");
        assert_eq!(text(Dialect::Zoho), "token=1000.a%26b");
        assert_eq!(
            text(Dialect::ZohoNewer),
            "token=1000.a%26b&token_type=refresh_token"
        );
        assert_eq!(
            text(Dialect::Standard),
            "token=1000.a%26b&token_type_hint=refresh_token&client_id=1000.ABC&client_secret=canary"
        );
        let has_basic = |dialect| call(dialect).basic().is_some();
        assert!(has_basic(Dialect::ZohoNewer));
        assert!(!has_basic(Dialect::Zoho) && !has_basic(Dialect::Standard));
    }

    #[test]
    fn s1_a_call_prints_no_secret() {
        let printed = format!("{:?}", call(Dialect::ZohoNewer));
        assert!(
            !printed.contains("canary") && !printed.contains("1000.a"),
            "{printed}"
        );
    }
}
