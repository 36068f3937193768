//! The types of problems over the socket, `urn:zoho-tokend:CODE`. A 503 may also have a word of `status` as its type.

use super::row::{Row, heals, stays};

pub(super) const PROBLEMS: &[Row] = &[
    stays(
        &["not-fresh"],
        "There is no token with as much life left as was asked for",
        "Wait `retry_after_s`, ask for less, or see `zoho-tokend status {org}`",
    ),
    stays(
        &["min-ttl-too-long"],
        "No token of this org ever has so much life left when it is replaced",
        "Ask for at most `max_min_ttl_s`",
    ),
    stays(
        &["refused"],
        "Zoho or the config says no, and would again; the code behind it stands in `cause`",
        "Do what its cure says; `zoho-tokend explain CODE` has more",
    ),
    stays(
        &["no-budget"],
        "Zoho's limits leave no room for another mint now, or Zoho throttles; the current token is served on",
        "Wait `retry_after_s`",
    ),
    stays(
        &["client-secret-needed"],
        "The config leaves the client's secret to the enrolment, and none was given",
        "Give it as `client_secret`, or with `keep_client_secret` use that of the last enrolment",
    ),
    stays(
        &["client-secret-unwanted"],
        "The config names the client's secret, and another one was given",
        "Leave it out; to change it, change what `client_secret` in the config names, and reload",
    ),
    stays(
        &["forbidden"],
        "This user is not on the list that the call needs, or there is no such org",
        "An operator adds the user, or one of its groups, to `readers` of the org, `monitors` or `admins`, and reloads",
    ),
    stays(
        &["no-such-org"],
        "The config has no org of this name",
        "Write [orgs.{org}] into the config and reload, or mend the name",
    ),
    stays(
        &["no-such-path", "method"],
        "The socket has no such path, or not with this method",
        "See the README for the calls that there are",
    ),
    stays(
        &["bad-request", "too-large"],
        "A parameter or the body is not what the call takes",
        "Mend the request as `detail` says",
    ),
    stays(
        &["too-many-reports"],
        "This user has made 30 reports within a minute, those aside whose token was replaced already, or 1 000 in all",
        "Report a generation once, and read the token anew before the next call",
    ),
    stays(
        &["too-many-connections"],
        "As many requests of this user, or of all, are under way as there is room for",
        "Let fewer jobs of one user wait at once, each with one connection",
    ),
    stays(
        &["config"],
        "The new config is refused as a whole; the old one stays in force",
        "Mend every problem and reload again; `zoho-tokend check` shows the same list",
    ),
    stays(
        &["bug"],
        "The daemon has come to a state that it cannot be in",
        "Report it, with what `journalctl -u zoho-tokend` says",
    ),
    stays(
        &["state"],
        "The state cannot be read",
        "Free the disk, or mend owner and mode of the folder of `state` in [daemon]: `journalctl -u zoho-tokend` has more",
    ),
    heals(
        &["stopping"],
        "The daemon is stopping; whether it was done, `status` tells after the restart",
        "See `systemctl status zoho-tokend`",
    ),
];
