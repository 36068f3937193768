//! What Zoho says beside its token endpoint: at the consent page, and to a revocation.
//!
//! Sources: Kaizen #79, Accounts "Authorization Request", CRM API v8 "Token Validity" and "Revoke Tokens".

use super::row::{Row, fine, heals, stays};
use super::table::NO_SUCH_REDIRECT;

/// `error` in the redirect, or on the page itself.
pub(super) const CONSENT: &[Row] = &[
    stays(
        &["access_denied"],
        "The person at the consent page declined, or Zoho has given this client too many grant tokens in 10 minutes",
        "Run `zoho-tokend login {org}` again and press Accept, as a user who may see what the jobs need; after many tries wait 10 \
         minutes first",
    ),
    stays(
        &["invalid_client"],
        "The consent page knows no client with this client id",
        "Compare `client_id` of client {client} with its page at {console}; of another data center the client must have \
         Multi-DC switched on",
    ),
    NO_SUCH_REDIRECT,
    stays(
        &["invalid_scope"],
        "The consent page does not know one of the scopes",
        "Compare `scopes` of org {org} with the names in Zoho's API documentation",
    ),
    stays(
        &["invalid_response_type"],
        "The consent URL was cut or changed: it asks for no code",
        "Open the whole URL, as it was printed",
    ),
];

/// Its answers have no documented code, only a status; the codes are those that Zoho has for such a token elsewhere.
pub(super) const REVOCATION: &[Row] = &[
    heals(
        &["http-200"],
        "The revocation endpoint answered, and did not say that it has revoked",
        "See what the accounts server of the org's data center answers to this host, and whether a proxy in between changes \
         it",
    ),
    fine(
        &["invalid_token", "invalid_oauthtoken", "invalid_oauth_token"],
        "Zoho does not know the token that was to be revoked: it has ended already",
    ),
    stays(
        &["http-400"],
        "Zoho does not know the token that was to be revoked: it has ended already, or is of another data center",
        "Look whether the client still stands under Connected Apps of the user who consented, and remove it there",
    ),
];
