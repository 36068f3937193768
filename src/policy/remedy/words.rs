//! Our own words: the verdicts on reports, the states of `status`, the kinds of a line in `history` and the log.

use super::row::{Row, fine, heals, stays};

/// What a job is told of its report.
pub(super) const VERDICTS: &[Row] = &[
    stays(
        &["superseded", "refreshed"],
        "Another token than the refused one is out",
        "Read the token again, and repeat the call once",
    ),
    stays(
        &["pending"],
        "The token cannot be replaced just now: a mint is on its way or waits for budget, or the token is under 5 s old",
        "Report again after `retry_after_s`",
    ),
    stays(
        &["scope"],
        "Another token would not help: the grant, or the user who consented, may not do this",
        "Give the grant the scope that the call needs (`scopes`, then enroll again), or that user the permission in \
         Zoho's CRM; do not retry",
    ),
    stays(
        &["binding"],
        "Another token would not help: a fresh one was refused as well, or it is used for another org, environment or \
         api_domain than its own",
        "Make the calls at {api}: most likely the job calls another data center or environment, or something else that \
         refreshes with the same grant pushes its tokens out (an old script); mended, `zoho-tokend refresh {org}` has \
         reports mint again",
    ),
    stays(
        &["not-token"],
        "It was not the token that Zoho refused",
        "Mend the request by what Zoho's answer says, or slow down after TOO_MANY_REQUESTS",
    ),
];

/// TOKEN and GRANT of `status`, and `binding` of its JSON.
pub(super) const STATUS: &[Row] = &[
    fine(&["fresh"], "The token has at least `min_ttl` left"),
    stays(
        &["stale"],
        "The token has less than `min_ttl` left, and is served until its end",
        "See GRANT of org {org} for why it was not replaced",
    ),
    stays(
        &["expired", "none"],
        "There is no token to serve",
        "See GRANT of org {org} for why; `zoho-tokend status {org}` has the cure",
    ),
    fine(&["ok"], "The last mint succeeded"),
    fine(
        &["starting"],
        "The daemon has just started, and the first mint is not decided yet",
    ),
    heals(
        &["retrying"],
        "The last mint failed in a way that heals by itself",
        "See the cause in `zoho-tokend status {org}`",
    ),
    stays(
        &["throttled"],
        "Zoho says: too many tokens; nothing is sent for a whole window",
        "Stop whatever else refreshes with this refresh token (an old script, another host)",
    ),
    stays(
        &["needs-consent"],
        "The grant is gone at Zoho; the current token is served until its end",
        "{renew}",
    ),
    stays(
        &["misconfigured"],
        "Zoho refuses the client, or the config no longer agrees with the grant",
        "Mend what the cause in `zoho-tokend status {org}` names, and reload",
    ),
    stays(
        &["quarantined"],
        "Zoho's words contradict the config: the grant is of another org, environment or data center, or too narrow; \
         nothing is served",
        "Do what the cure in `zoho-tokend status {org}` says; most often enroll again with the right org chosen",
    ),
    fine(
        &["verified"],
        "Zoho's own words prove the token's environment",
    ),
    fine(
        &["unverified"],
        "Zoho's words neither prove nor contradict the token's environment",
    ),
];

/// The first word of a line. What it tells may have a cause of its own.
pub(super) const HISTORY: &[Row] = &[
    fine(&["enrolled"], "The org has a new grant"),
    fine(
        &["verified"],
        "Zoho's API has told which org the grant is of, and it is the one that is meant",
    ),
    heals(
        &["unverified"],
        "Zoho's API has not told which org the grant is of; its token is handed out all the same",
        "See `binding_detail` in `zoho-tokend status {org} --json` for why",
    ),
    fine(
        &["client-secret"],
        "The org has a new client secret, sealed in the state",
    ),
    fine(&["minted"], "The org has a new token"),
    fine(
        &["kept"],
        "A stored token is used after a reboot: Zoho's clock confirms this machine's",
    ),
    fine(
        &["revoked"],
        "Zoho has revoked a refresh token, and all access tokens with it",
    ),
    stays(
        &["revoke"],
        "A refresh token is to be revoked, or was not",
        "Nothing to do while it is tried on; where it was given up, remove the client under Connected Apps at Zoho",
    ),
    stays(
        &["forgotten"],
        "Our copy of a refresh token was dropped by an admin; at Zoho it still works",
        "Remove the client under Connected Apps of the user who consented",
    ),
    stays(
        &["evicted"],
        "The grant that is gone was the oldest of its client: a 21st refresh token makes Zoho delete the oldest",
        "Make a grant token at {console} and run `zoho-tokend enroll {org}`, and revoke grants that nobody uses",
    ),
    stays(
        &["enroll"],
        "An enrolment was refused; the older grant stays as it was",
        "Do what the code behind it asks for: `zoho-tokend explain CODE`",
    ),
    stays(
        &["grant"],
        "The grant's word has changed",
        "Do what the code behind it asks for: `zoho-tokend explain CODE`",
    ),
    stays(
        &["reported"],
        "A job says that Zoho's API refused its token",
        "Nothing to do where it is replaced; else see `zoho-tokend explain` of the verdict",
    ),
    stays(
        &["state"],
        "The state cannot be written, or can be again",
        "See `zoho-tokend explain state-unwritable`",
    ),
    heals(
        &["cut-off"],
        "The end of the last daemon cut off a call to Zoho, which counts as a mint",
        "See why the daemon ends: `journalctl -u zoho-tokend`",
    ),
    stays(
        &["api-domain"],
        "Zoho named an api_domain that no table knows; the configured one is published",
        "See whether `data_center` and `environment` of org {org} are right",
    ),
    stays(
        &["clock"],
        "This machine's clock and Zoho's differ, so that stored tokens are not used",
        "Set the clock right: `timedatectl set-ntp true`, then look at `timedatectl`",
    ),
];
