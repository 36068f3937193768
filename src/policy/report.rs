//! What a job may say of a token that Zoho's API refused, and what it is told.
//!
//! The codes are the API's own, not the token endpoint's ([`super::reply`]). Decides nothing about an org:
//! [`super::reporting`] does. Invariant: only a code of the table can lead to a mint.

use crate::base::Boottime;

/// What a job says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Who says it, for the org's history.
    pub uid: u32,
    /// The token that was refused.
    pub generation: u64,
    /// What the API said.
    pub code: ApiCode,
}

/// What a job is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// In a word.
    pub finding: Finding,
    /// The generation that is served now, if any is.
    pub generation: Option<u64>,
}

/// The word of a ruling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Another token than the reported one is out: read it.
    Superseded,
    /// A new token has been minted for this report, and is out: read it.
    Refreshed,
    /// Not yet: report again, not before that moment.
    Pending(Boottime),
    /// Another token would not help: the grant or its user may not do it.
    Scope,
    /// Another token would not help: org, environment or `api_domain` are not those of the token.
    Binding,
    /// It was not about the token.
    NotToken,
}

impl Finding {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Refreshed => "refreshed",
            Self::Pending(_) => "pending",
            Self::Scope => "scope",
            Self::Binding => "binding",
            Self::NotToken => "not-token",
        }
    }
}

/// What is at fault where the API sends a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The token: it ended, was evicted or revoked. A new one cures it, once.
    Token,
    /// What the token, or the user who consented, may do.
    Scope,
    /// Where it was used.
    Binding,
    /// The request, or their number.
    Request,
}

/// A code of Zoho's API. Holds no word of the reporter's own, which may be anything, a token too (S1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiCode {
    /// As Zoho writes it.
    pub name: &'static str,
    /// What it means.
    pub fault: Fault,
}

impl ApiCode {
    /// The code of that name, in capitals or not; a code that nobody has seen is taken for one of the request,
    /// since a mint must not be had for a word that anybody can make up.
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        let known = CODES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        let (name, fault) = known.unwrap_or(&("an unknown code", Fault::Request));
        Self {
            name,
            fault: *fault,
        }
    }
}

/// Sources: CRM API v8 "Token Validity" and its OAS, Kaizen #25, Desk's API notes; for `AUTHENTICATION_FAILURE`
/// users of the API, who see it at times in place of `INVALID_TOKEN`. Statuses are left out: Zoho's are not reliable.
const CODES: [(&str, Fault); 12] = [
    ("INVALID_TOKEN", Fault::Token),
    ("INVALID_OAUTHTOKEN", Fault::Token),
    ("INVALID_OAUTH_TOKEN", Fault::Token),
    ("AUTHENTICATION_FAILURE", Fault::Token),
    ("AUTHENTICATION_FAILED", Fault::Token),
    ("OAUTH_SCOPE_MISMATCH", Fault::Scope),
    ("NO_PERMISSION", Fault::Scope),
    ("OAUTH_ORG_MISMATCH", Fault::Binding),
    ("INVALID_REQUEST", Fault::Request),
    ("AUTHORIZATION_FAILED", Fault::Request),
    ("INVALID_URL_PATTERN", Fault::Request),
    ("TOO_MANY_REQUESTS", Fault::Request),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: &str) -> Fault {
        ApiCode::of(code).fault
    }

    /// "expired, evicted, revoked, or valid token at the wrong DC" or `api_domain`: "refresh once".
    #[test]
    fn invalid_token_is_cured_by_a_new_token() {
        assert_eq!(fault("INVALID_TOKEN"), Fault::Token);
    }

    /// "same meaning" as `INVALID_TOKEN`; both spellings are documented.
    #[test]
    fn invalid_oauthtoken_is_the_same_by_each_of_its_names() {
        assert_eq!(fault("INVALID_OAUTHTOKEN"), Fault::Token);
        assert_eq!(fault("invalid_oauth_token"), Fault::Token);
    }

    /// "usually treated as expired; at times sent in place of `INVALID_TOKEN`: refresh once".
    #[test]
    fn authentication_failure_is_cured_by_a_new_token() {
        assert_eq!(fault("AUTHENTICATION_FAILURE"), Fault::Token);
    }

    /// "Kaizen #25's spelling; a team's notes tie it to the wrong DC": one new token tells the two apart.
    #[test]
    fn authentication_failed_is_cured_by_a_new_token() {
        assert_eq!(fault("AUTHENTICATION_FAILED"), Fault::Token);
    }

    /// "token fine, scope missing → do not refresh; human".
    #[test]
    fn oauth_scope_mismatch_is_the_scopes_fault() {
        assert_eq!(fault("OAUTH_SCOPE_MISMATCH"), Fault::Scope);
    }

    /// "user's CRM profile → human".
    #[test]
    fn no_permission_is_the_users_fault_and_no_token_has_more() {
        assert_eq!(fault("NO_PERMISSION"), Fault::Scope);
    }

    /// Desk: "when the orgId header is not the token's org".
    #[test]
    fn oauth_org_mismatch_is_the_places_fault() {
        assert_eq!(fault("OAUTH_ORG_MISMATCH"), Fault::Binding);
    }

    /// "not a token matter".
    #[test]
    fn invalid_request_is_no_matter_of_the_token() {
        assert_eq!(fault("INVALID_REQUEST"), Fault::Request);
    }

    /// "listed only for user transfer/delete; not a token matter".
    #[test]
    fn authorization_failed_is_no_matter_of_the_token() {
        assert_eq!(fault("AUTHORIZATION_FAILED"), Fault::Request);
    }

    /// "wrong path, or wrong host per one report".
    #[test]
    fn invalid_url_pattern_is_no_matter_of_the_token() {
        assert_eq!(fault("INVALID_URL_PATTERN"), Fault::Request);
    }

    /// "credits or concurrency → never refresh".
    #[test]
    fn too_many_requests_is_no_matter_of_the_token() {
        assert_eq!(fault("TOO_MANY_REQUESTS"), Fault::Request);
    }

    /// R12
    #[test]
    fn r12_no_word_that_somebody_makes_up_is_cured_by_a_new_token() {
        for text in ["", "INVALID", "INVALID_TOKEN_", "401", "1000.canary"] {
            assert_eq!(fault(text), Fault::Request, "{text}");
        }
    }

    /// S1: a job that sends its token in place of the code finds it nowhere again.
    #[test]
    fn s1_a_code_that_is_not_in_the_table_is_not_repeated() {
        assert_eq!(ApiCode::of("1000.canary").name, "an unknown code");
    }
}
