//! The consent page's address, and what proves that an answer belongs to it.
//!
//! Sources: Zoho Accounts "Authorization Request" (`access_type`, `prompt`), RFC 6749 4.1.1 (`state`), RFC 7636 (PKCE).
//! The address holds the state: it is for the person's own browser, and belongs into no log and no argument.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::base::Secret;

/// What the daemon knows of a consent page: the answer of `GET /v1/orgs/ORG/login`. No secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentPage {
    /// `https://accounts.zoho.eu/oauth/v2/auth`
    pub authorize_url: String,
    /// Of the API console.
    pub client_id: String,
    /// With commas.
    pub scope: String,
    /// Where the browser is sent back to, as registered.
    pub redirect_uri: String,
    /// Whether it takes a PKCE challenge.
    pub pkce: bool,
}

/// One visit of it: what goes there, and what must come back.
#[derive(Debug)]
pub struct Visit {
    /// Comes back as it is.
    pub state: Secret,
    /// Goes with the code; the page gets its hash. `None` where the server knows no PKCE.
    pub code_verifier: Option<Secret>,
    url: Secret,
}

impl Visit {
    /// A visit that nobody can guess. `anew`: consent is asked for although it was given before.
    ///
    /// `None` where the page's address is none.
    pub fn plan(page: &ConsentPage, anew: bool) -> Option<Self> {
        let code_verifier = page.pkce.then(unguessable);
        Self::with(page, anew, unguessable(), code_verifier)
    }

    fn with(
        page: &ConsentPage,
        anew: bool,
        state: Secret,
        code_verifier: Option<Secret>,
    ) -> Option<Self> {
        let mut url = Url::parse(&page.authorize_url).ok()?;
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &page.client_id)
                .append_pair("scope", &page.scope)
                .append_pair("redirect_uri", &page.redirect_uri)
                // Else there is no refresh token: the default is `online`.
                .append_pair("access_type", "offline")
                .append_pair("state", state.expose());
            if anew {
                query.append_pair("prompt", "consent");
            }
            if let Some(verifier) = &code_verifier {
                query
                    .append_pair("code_challenge", &challenge(verifier))
                    .append_pair("code_challenge_method", "S256");
            }
        }
        Some(Self {
            state,
            code_verifier,
            url: Secret::new(url.into()),
        })
    }

    /// The address for the person's browser.
    pub fn url(&self) -> &Secret {
        &self.url
    }
}

/// 256 bits, in 43 characters that no URL escapes: enough for a state (RFC 6749, 10.10) and the shortest that a
/// verifier may be (RFC 7636, 4.1).
#[expect(clippy::missing_panics_doc, reason = "it says itself why it cannot")]
pub fn unguessable() -> Secret {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).expect("getrandom(2) is in every kernel since 3.17");
    Secret::new(URL_SAFE_NO_PAD.encode(*bytes))
}

/// RFC 7636, 4.2.
fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> ConsentPage {
        ConsentPage {
            authorize_url: "https://accounts.zoho.eu/oauth/v2/auth".into(),
            client_id: "1000.ABC".into(),
            scope: "ZohoCRM.modules.ALL,ZohoCRM.org.READ".into(),
            redirect_uri: "http://localhost:8976/callback".into(),
            pkce: true,
        }
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.into())
    }

    /// RFC 7636, appendix B.
    #[test]
    fn a_challenge_is_that_of_the_standard() {
        let verifier = secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(
            challenge(&verifier),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn an_address_asks_for_a_refresh_token_and_for_consent_anew_only_when_told() {
        let url = |anew, pkce| {
            let page = ConsentPage { pkce, ..page() };
            let verifier = pkce.then(|| secret("verifier"));
            let visit = Visit::with(&page, anew, secret("state"), verifier);
            visit.expect("a good address").url().expose().to_owned()
        };
        let plain = "https://accounts.zoho.eu/oauth/v2/auth?response_type=code&client_id=1000.ABC\
            &scope=ZohoCRM.modules.ALL%2CZohoCRM.org.READ\
            &redirect_uri=http%3A%2F%2Flocalhost%3A8976%2Fcallback&access_type=offline&state=state";
        assert_eq!(url(false, false), plain);
        assert_eq!(url(true, false), format!("{plain}&prompt=consent"));
        let with_pkce = url(false, true);
        assert!(
            with_pkce.ends_with("&code_challenge_method=S256"),
            "{with_pkce}"
        );
        assert!(!with_pkce.contains("verifier"), "{with_pkce}");
    }

    #[test]
    fn a_query_of_the_page_itself_stays() {
        let page = ConsentPage {
            authorize_url: "https://login.example/auth?tenant=7".into(),
            ..page()
        };
        let visit = Visit::plan(&page, false).expect("a good address");
        let url = visit.url().expose();
        assert!(url.starts_with("https://login.example/auth?tenant=7&response_type=code&"));
    }

    #[test]
    fn no_two_visits_share_a_state_or_a_verifier() {
        let [one, two] = [0, 1].map(|_| Visit::plan(&page(), false).expect("a good address"));
        assert!(!one.state.is_same_as(&two.state));
        assert_eq!(one.state.expose().len(), 43);
        let verifiers = one.code_verifier.zip(two.code_verifier);
        let (verifier, two) = verifiers.expect("PKCE is on");
        assert!(!verifier.is_same_as(&two));
        // The state is in the address that the page sees; the verifier must not be.
        assert!(!verifier.is_same_as(&one.state));
    }

    #[test]
    fn every_letter_of_a_state_is_drawn() {
        let drawn: Vec<Secret> = (0..32).map(|_| unguessable()).collect();
        for at in 0..43 {
            let first = drawn[0].expose().as_bytes()[at];
            let is_fixed = drawn.iter().all(|own| own.expose().as_bytes()[at] == first);
            assert!(!is_fixed, "letter {at}");
        }
    }

    /// S1
    #[test]
    fn s1_a_visit_prints_neither_its_state_nor_its_address() {
        let visit = Visit::with(&page(), false, secret("canary-1"), Some(secret("canary-2")));
        assert!(!format!("{visit:?}").contains("canary"));
    }
}
