//! What Zoho's API says to a call that it refuses, and whether another token would help.
//!
//! Sources: CRM API v8 "Token Validity", "Status Codes" and its `OpenAPI` files; Kaizen #25; Desk API "Errors"; for
//! `AUTHENTICATION_FAILURE` users of the API, who see it at times in place of `INVALID_TOKEN`. HTTP statuses are left
//! out: Zoho's are not reliable.

use super::row::{Row, api};
use crate::policy::reply::Asked;
use crate::policy::report::Fault;

const ANOTHER_TOKEN: &str = "Report it (`zoho-tokend report {org} --generation N --code {code}`), read the token \
    again, and repeat the call once, at {api}; if that is refused too, stop";

pub(super) const API: &[Row] = &[
    api(
        &[
            "INVALID_TOKEN",
            "INVALID_OAUTHTOKEN",
            "invalid_oauth_token",
            "INVALID_OAUTH",
        ],
        Fault::Token,
        "The access token has ended, was pushed out by a newer one or revoked, or is used at another data center or \
         `api_domain` than its own",
        ANOTHER_TOKEN,
    ),
    api(
        &["AUTHENTICATION_FAILURE"],
        Fault::Token,
        "The access token has most likely ended: Zoho sends this at times in place of INVALID_TOKEN",
        ANOTHER_TOKEN,
    ),
    api(
        &["AUTHENTICATION_FAILED"],
        Fault::Token,
        "The access token was not taken: it has ended, or the call goes to another data center than its own",
        ANOTHER_TOKEN,
    ),
    api(
        &["OAUTH_SCOPE_MISMATCH", "SCOPE_MISMATCH"],
        Fault::Scope,
        "The token is good, and lacks the scope that this call needs; another token would have no more",
        "Add the scope to `scopes` of org {org} and reload",
    )
    .on(Asked::Client),
    api(
        &["OAUTH_SCOPE_MISMATCH", "SCOPE_MISMATCH"],
        Fault::Scope,
        "The token is good, and its grant lacks the scope that this call needs; another token would have no more",
        "Add the scope to `scopes` of org {org}, reload (from then on nothing is served), and {renew}",
    ),
    api(
        &["NO_PERMISSION"],
        Fault::Scope,
        "The token is good, and the user who consented may not do this in the CRM",
        "Give that user the permission that `details` of Zoho's answer names (CRM, Setup, Profiles), or enroll org \
         {org} as a user who has it",
    ),
    api(
        &["OAUTH_ORG_MISMATCH"],
        Fault::Binding,
        "The token is good, and of another org than the one that the call names in `orgId`",
        "Use the token of that org, or correct the call's `orgId`",
    ),
    api(
        &["INVALID_REQUEST"],
        Fault::Request,
        "The call itself is wrong; it is no matter of the token",
        "Mend the request by what `message` and `details` of Zoho's answer say",
    ),
    api(
        &["AUTHORIZATION_FAILED"],
        Fault::Request,
        "The user who consented may not transfer or delete users; it is no matter of the token",
        "Have an administrator do it, or enroll org {org} as one",
    ),
    api(
        &["INVALID_URL_PATTERN"],
        Fault::Request,
        "The API has no such path, or the call went to the wrong host",
        "Correct the path of the call, and make it at {api}",
    ),
    api(
        &["TOO_MANY_REQUESTS"],
        Fault::Request,
        "The org has no API credits left, or too many calls run at once; another token would have no more",
        "Slow the job down, or make fewer calls at once; do not report it",
    ),
    api(
        &["INTERNAL_ERROR"],
        Fault::Request,
        "Zoho's API had an error of its own; it is no matter of the token",
        "Repeat the call later, with longer and longer pauses; do not report it",
    ),
];
