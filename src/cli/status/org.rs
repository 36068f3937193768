//! One org's status as the daemon tells it; every key may be missing or null.

use serde::Deserialize;

use crate::cli::failure::Exit;

/// The object of `GET /v1/orgs/ORG`. Times are RFC 3339, spans in seconds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OrgStatus {
    /// Its name in the config.
    pub org: Option<String>,
    /// `production`, `sandbox`, `developer`.
    pub environment: Option<String>,
    /// `eu`, `us`, …
    pub data_center: Option<String>,
    /// `self-client`, `web`, `client-credentials`.
    pub grant_kind: Option<String>,
    /// `none`, `fresh`, `stale`, `expired`.
    pub token: Option<String>,
    /// `ok`, `retrying`, `throttled`, …
    pub grant: Option<String>,
    /// Zoho's own code for it.
    pub cause: Option<String>,
    /// One sentence of what a person does.
    pub cure: Option<String>,
    /// The number of the current token.
    pub generation: Option<u64>,
    /// The end of the current token.
    pub expires_at: Option<String>,
    /// What is left of it.
    pub expires_in: Option<i64>,
    /// When the daemon mints next, or probes.
    pub next_refresh_at: Option<String>,
    /// Of the lane's window.
    pub mints_left: Option<u64>,
    /// How many refresh tokens of its client Zoho has from this daemon.
    pub refresh_tokens: Option<Places>,
    /// The same before an enrolment.
    pub refresh_tokens_before: Option<u64>,
    /// What an admin should know of the places of its client, after an enrolment.
    pub refresh_tokens_warning: Option<String>,
    /// `after-refresh`, `now`: when Zoho revokes what newer enrolments have replaced.
    pub replaced_is_revoked: Option<String>,
    /// How long Zoho may be away.
    pub outage_budget_s: Option<OutageBudget>,
    /// Whether Zoho's tokens live too short for its own limits.
    pub life_too_short: Option<bool>,
    /// Of the last call that failed.
    pub last_error: Option<LastError>,
    /// False for an org that left the config.
    pub configured: Option<bool>,
    /// `verified`, `unverified`.
    pub binding: Option<String>,
    /// Why it is unverified, and what to do.
    pub binding_detail: Option<String>,
    /// Zoho's own id of the org, as its API told it.
    pub org_id: Option<String>,
    /// That org's name.
    pub org_name: Option<String>,
    /// Whatever else a person should know.
    pub warnings: Option<Vec<String>>,
    /// What the grant allows, as Zoho said.
    pub scope: Option<Vec<String>>,
    /// Where the token is used.
    pub api_domain: Option<String>,
}

/// The places of one client at Zoho.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Places {
    /// Those that this daemon has enrolled and does not know to be gone.
    pub known: Option<u64>,
    /// What Zoho keeps.
    pub most: Option<u64>,
}

/// How long Zoho may be away before a reader notices, in seconds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OutageBudget {
    /// Before one gets less than `min_ttl`.
    pub min_ttl: Option<i64>,
    /// Before one gets nothing.
    pub end: Option<i64>,
}

/// The last call that failed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LastError {
    /// When it was.
    pub at: Option<String>,
    /// Zoho's code, or ours.
    pub code: Option<String>,
    /// One sentence.
    pub detail: Option<String>,
}

impl OrgStatus {
    /// Whether the config still names it; an old daemon, which does not say, shows no others.
    pub fn is_configured(&self) -> bool {
        self.configured != Some(false)
    }

    /// Which of Zoho's orgs it is: `60012345 (Zylker)`.
    pub fn zoho_org(&self) -> Option<String> {
        let id = self.org_id.as_ref()?;
        Some(match &self.org_name {
            Some(name) => format!("{id} ({name})"),
            None => id.clone(),
        })
    }

    /// What `status --check` makes of it. Words that are not known are not good ones.
    pub fn verdict(&self) -> Exit {
        match (self.token.as_deref(), self.grant.as_deref()) {
            (Some("fresh"), Some("ok")) => Exit::Done,
            (Some("fresh"), _) => Exit::NotWell,
            _ => Exit::NotFresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(json: &str) -> Exit {
        let org: OrgStatus = serde_json::from_str(json).expect("a status");
        org.verdict()
    }

    #[test]
    fn only_a_fresh_token_of_a_good_grant_is_well() {
        assert_eq!(verdict(r#"{"token":"fresh","grant":"ok"}"#), Exit::Done);
        for grant in ["retrying", "throttled", "needs-consent", "new-word"] {
            let json = format!(r#"{{"token":"fresh","grant":"{grant}"}}"#);
            assert_eq!(verdict(&json), Exit::NotWell, "{grant}");
        }
        for token in ["stale", "expired", "none", "new-word"] {
            let json = format!(r#"{{"token":"{token}","grant":"ok"}}"#);
            assert_eq!(verdict(&json), Exit::NotFresh, "{token}");
        }
        assert_eq!(verdict(r#"{"token":null,"new_key":[1]}"#), Exit::NotFresh);
    }
}
