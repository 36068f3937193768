//! What is asked of the token endpoint, as the form that Zoho reads.
//!
//! Parameters: Accounts "Authorization Code Flow", "Access Token Expiry" and "Client Credentials Flow"; CRM "Access and Refresh Tokens"
//! asks for the body instead of the query. The encoding: RFC 6749 appendix B.

use std::sync::Arc;

use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use crate::base::{Key, Secret};

/// One request, with the secrets that it needs.
#[derive(Debug, Clone)]
pub enum Form {
    /// A grant code for a refresh token.
    Exchange {
        /// Of Zoho's API console.
        client_id: Key,
        /// Of Zoho's API console.
        client_secret: Arc<Secret>,
        /// The grant code; works once.
        code: Arc<Secret>,
        /// As registered; a Self Client has none.
        redirect_uri: Option<String>,
        /// What the challenge of the consent page was made of (RFC 7636, 4.5), if there was one.
        code_verifier: Option<Arc<Secret>>,
    },
    /// A refresh token for an access token.
    Refresh {
        /// Of Zoho's API console.
        client_id: Key,
        /// Of Zoho's API console.
        client_secret: Arc<Secret>,
        /// The root secret of the org.
        refresh_token: Arc<Secret>,
    },
    /// An access token by the client's own right.
    Client {
        /// Of Zoho's API console.
        client_id: Key,
        /// Of Zoho's API console.
        client_secret: Arc<Secret>,
        /// With commas: Zoho refuses a list with spaces.
        scopes: String,
        /// The org, `ZohoCRM.600123`; servers other than Zoho's know none.
        soid: Option<String>,
    },
}

impl Form {
    /// Every secret in it: what a server may not have shown again.
    pub fn secrets(&self) -> Vec<Arc<Secret>> {
        let (client_secret, right, more) = match self {
            Self::Exchange {
                client_secret,
                code,
                code_verifier,
                ..
            } => (client_secret, Some(code), code_verifier.as_ref()),
            Self::Refresh {
                client_secret,
                refresh_token,
                ..
            } => (client_secret, Some(refresh_token), None),
            Self::Client { client_secret, .. } => (client_secret, None, None),
        };
        let all = [Some(client_secret), right, more];
        all.into_iter().flatten().cloned().collect()
    }

    /// `application/x-www-form-urlencoded`, in one piece of memory that is wiped when dropped.
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        encode(&self.pairs())
    }

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Exchange {
                client_id,
                client_secret,
                code,
                redirect_uri,
                code_verifier,
            } => {
                let mut pairs = vec![
                    ("grant_type", "authorization_code"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.expose()),
                    ("code", code.expose()),
                ];
                pairs.extend(redirect_uri.as_deref().map(|uri| ("redirect_uri", uri)));
                let verifier = code_verifier.as_ref().map(|own| own.expose());
                pairs.extend(verifier.map(|verifier| ("code_verifier", verifier)));
                pairs
            }
            Self::Refresh {
                client_id,
                client_secret,
                refresh_token,
            } => vec![
                ("grant_type", "refresh_token"),
                ("client_id", client_id),
                ("client_secret", client_secret.expose()),
                ("refresh_token", refresh_token.expose()),
            ],
            Self::Client {
                client_id,
                client_secret,
                scopes,
                soid,
            } => {
                let mut pairs = vec![
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.expose()),
                    ("scope", scopes),
                ];
                pairs.extend(soid.as_deref().map(|soid| ("soid", soid)));
                pairs
            }
        }
    }
}

/// Names and values as one form, in one piece of memory that is wiped when dropped.
pub(super) fn encode(pairs: &[(&'static str, &str)]) -> Zeroizing<Vec<u8>> {
    // Three bytes for one at worst: a Vec that grew would leave its smaller selves behind, not wiped.
    let worst = pairs.iter().map(|(k, v)| k.len() + 3 * v.len() + 2).sum();
    let mut form = Zeroizing::new(Vec::with_capacity(worst));
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push(b'&');
        }
        form.extend_from_slice(name.as_bytes());
        form.push(b'=');
        let encoded = byte_serialize(value.as_bytes());
        encoded.for_each(|part| form.extend_from_slice(part.as_bytes()));
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ScopeSet;

    fn secret(text: &str) -> Arc<Secret> {
        Arc::new(Secret::new(text.into()))
    }

    fn exchange(redirect_uri: Option<&str>) -> Form {
        Form::Exchange {
            client_id: "1000.ABC".into(),
            client_secret: secret("s&=+ %é"),
            code: secret("1000.a.b"),
            redirect_uri: redirect_uri.map(Into::into),
            code_verifier: None,
        }
    }

    #[test]
    fn whatever_is_in_a_secret_stays_in_its_own_field() {
        assert_eq!(
            std::str::from_utf8(&exchange(None).encode()),
            Ok("grant_type=authorization_code&client_id=1000.ABC\
                &client_secret=s%26%3D%2B+%25%C3%A9&code=1000.a.b")
        );
    }

    #[test]
    fn a_redirect_uri_is_sent_where_there_is_one() {
        let form = exchange(Some("http://localhost:8976/callback")).encode();
        assert!(form.ends_with(b"&redirect_uri=http%3A%2F%2Flocalhost%3A8976%2Fcallback"));
    }

    #[test]
    fn what_a_challenge_was_made_of_is_sent_and_counts_as_a_secret() {
        let Form::Exchange {
            client_id,
            client_secret,
            code,
            redirect_uri,
            ..
        } = exchange(None)
        else {
            unreachable!("an exchange");
        };
        let form = Form::Exchange {
            client_id,
            client_secret,
            code,
            redirect_uri,
            code_verifier: Some(secret("dBjftJeZ4CVP")),
        };
        assert!(form.encode().ends_with(b"&code_verifier=dBjftJeZ4CVP"));
        assert_eq!(form.secrets().len(), 3);
    }

    #[test]
    fn client_credentials_list_scopes_with_commas_and_name_the_org_where_there_is_a_soid() {
        let form = |soid: Option<&str>| Form::Client {
            client_id: "1000.ABC".into(),
            client_secret: secret("s"),
            scopes: ScopeSet::parse("ZohoCRM.org.READ ZohoCRM.modules.ALL").to_string(),
            soid: soid.map(Into::into),
        };
        let text = |soid| String::from_utf8(form(soid).encode().to_vec()).expect("ASCII");
        let bare = "grant_type=client_credentials&client_id=1000.ABC&client_secret=s\
            &scope=ZohoCRM.modules.ALL%2CZohoCRM.org.READ";
        assert_eq!(text(None), bare);
        assert_eq!(
            text(Some("ZohoCRM.600123")),
            format!("{bare}&soid=ZohoCRM.600123")
        );
    }

    #[test]
    fn a_form_never_moves_while_it_is_written() {
        let form = exchange(Some(&"é".repeat(300)));
        let worst: usize = form
            .pairs()
            .iter()
            .map(|(k, v)| k.len() + 3 * v.len() + 2)
            .sum();
        let encoded = form.encode();
        assert_eq!(encoded.capacity(), worst);
        assert!(encoded.len() <= worst);
    }

    #[test]
    fn s1_a_form_prints_no_secret() {
        let form = Form::Refresh {
            client_id: "1000.ABC".into(),
            client_secret: secret("canary-one"),
            refresh_token: secret("canary-two"),
        };
        assert!(!format!("{form:?}").contains("canary"));
    }
}
