//! What is told of an org, and when: a line for each new generation, each change of a word, and once at the beginning.
//!
//! Compares what was told with what is now, so that it does not matter by how many answers, restarts or runs the two
//! are apart. Invariant: no token is in a line.

use serde::{Deserialize, Serialize};

use crate::cli::failure::in_one_line;

/// One org, as the daemon answers. What a later daemon says besides is left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OrgNow {
    /// Its name in the config.
    pub org: String,
    token: String,
    token_since: Option<String>,
    grant: String,
    grant_since: Option<String>,
    generation: Option<u64>,
    expires_at: Option<String>,
    cause: Option<String>,
    cure: Option<String>,
    environment: Option<String>,
    data_center: Option<String>,
}

/// What was told of an org: what a cursor keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Of the last token that was told, also when it is served no more.
    generation: Option<u64>,
    token: String,
    grant: String,
}

/// Why something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Nothing was known of the org before.
    First,
    /// Its token is another one.
    Generation,
    /// A word is another one.
    State,
    /// The org is seen no more: it left the config, or this user may not read it.
    Gone,
}

/// One line. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its name in the config.
    pub org: String,
    /// Why this is told.
    pub change: Kind,
    /// `none`, `fresh`, `stale`, `expired`.
    pub token: Option<String>,
    /// Since when.
    pub token_since: Option<String>,
    /// `ok`, `retrying`, …
    pub grant: Option<String>,
    /// Since when.
    pub grant_since: Option<String>,
    /// Of the token that is served, if one is.
    pub generation: Option<u64>,
    /// When that token ends.
    pub expires_at: Option<String>,
    /// Zoho's own code for a grant that is not ok.
    pub cause: Option<String>,
    /// What a person does about it.
    pub cure: Option<String>,
    /// `production`, `sandbox`, `developer`.
    pub environment: Option<String>,
    /// `eu`, `us`, …
    pub data_center: Option<String>,
    /// What a cursor keeps once this is told; `None`: nothing more of this org.
    #[serde(skip)]
    pub told: Option<Told>,
}

impl Kind {
    /// The word of the line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Generation => "generation",
            Self::State => "state",
            Self::Gone => "gone",
        }
    }
}

impl Change {
    /// What is to be told of an org that is `now`, where `told` is what was told before; with `generations_only`
    /// nothing but new tokens.
    pub fn between(
        told: Option<&Told>,
        now: Option<&OrgNow>,
        generations_only: bool,
    ) -> Option<Kind> {
        let kind = match (told, now) {
            (None, Some(_)) => Kind::First,
            (Some(_), None) => Kind::Gone,
            (Some(told), Some(now)) if now.has_another_than(told) => Kind::Generation,
            (Some(told), Some(now)) if told.token != now.token || told.grant != now.grant => {
                Kind::State
            }
            _ => return None,
        };
        let has_token = now.is_some_and(|now| now.generation.is_some());
        let is_of_token = matches!(kind, Kind::First | Kind::Generation) && has_token;
        (is_of_token || !generations_only).then_some(kind)
    }

    /// The line about an org as it is now.
    pub fn of(now: OrgNow, kind: Kind, before: Option<&Told>) -> Self {
        let last = before.and_then(|told| told.generation);
        let told = Told {
            generation: now.generation.or(last),
            token: now.token.clone(),
            grant: now.grant.clone(),
        };
        Self {
            org: now.org,
            change: kind,
            token: Some(now.token),
            token_since: now.token_since,
            grant: Some(now.grant),
            grant_since: now.grant_since,
            generation: now.generation,
            expires_at: now.expires_at,
            cause: now.cause,
            cure: now.cure,
            environment: now.environment,
            data_center: now.data_center,
            told: Some(told),
        }
    }

    /// The line about an org that is seen no more.
    pub fn gone(org: &str) -> Self {
        Self {
            org: org.to_owned(),
            change: Kind::Gone,
            token: None,
            token_since: None,
            grant: None,
            grant_since: None,
            generation: None,
            expires_at: None,
            cause: None,
            cure: None,
            environment: None,
            data_center: None,
            told: None,
        }
    }

    /// As one line of JSON, with its end.
    pub fn to_line(&self) -> String {
        // Texts and numbers under text keys: nothing in it can be refused.
        let line = serde_json::to_string(self).unwrap_or_default();
        line + "\n"
    }

    /// The same for the environment of a command; what is not known is empty.
    pub fn variables(&self) -> [(&'static str, String); 7] {
        // Part of it is Zoho's; a variable cannot hold every character.
        let text = |value: &Option<String>| value.as_deref().map(in_one_line).unwrap_or_default();
        let generation = self.generation.map(|number| number.to_string());
        [
            ("ZOHO_ORG", self.org.clone()),
            ("ZOHO_CHANGE", self.change.as_str().to_owned()),
            ("ZOHO_GENERATION", generation.unwrap_or_default()),
            ("ZOHO_TOKEN_STATE", text(&self.token)),
            ("ZOHO_GRANT_STATE", text(&self.grant)),
            ("ZOHO_TOKEN_EXPIRES_AT", text(&self.expires_at)),
            ("ZOHO_CAUSE", text(&self.cause)),
        ]
    }
}

impl OrgNow {
    /// In either direction: over a restored state numbers may go back.
    fn has_another_than(&self, told: &Told) -> bool {
        self.generation.is_some() && self.generation != told.generation
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cli::watch) fn now(
        org: &str,
        generation: impl Into<Option<u64>>,
        token: &str,
        grant: &str,
    ) -> OrgNow {
        OrgNow {
            org: org.to_owned(),
            token: token.to_owned(),
            token_since: None,
            grant: grant.to_owned(),
            grant_since: None,
            generation: generation.into(),
            expires_at: None,
            cause: None,
            cure: None,
            environment: None,
            data_center: None,
        }
    }

    fn told(now: &OrgNow, before: Option<&Told>) -> Told {
        let change = Change::of(now.clone(), Kind::First, before);
        change.told.expect("it is there")
    }

    #[test]
    fn a_change_is_of_the_token_or_of_a_word_and_is_told_or_not_as_asked() {
        use Kind::{First, Generation, Gone, State};
        let at = |generation: Option<u64>, token, grant| now("acme", generation, token, grant);
        let was = told(&at(Some(7), "fresh", "ok"), None);
        for (told, now, kind, of_generations) in [
            (
                None,
                Some(at(Some(7), "fresh", "ok")),
                Some(First),
                Some(First),
            ),
            (
                None,
                Some(at(None, "none", "unenrolled")),
                Some(First),
                None,
            ),
            (Some(&was), Some(at(Some(7), "fresh", "ok")), None, None),
            (
                Some(&was),
                Some(at(Some(8), "fresh", "ok")),
                Some(Generation),
                Some(Generation),
            ),
            (
                Some(&was),
                Some(at(Some(6), "stale", "ok")),
                Some(Generation),
                Some(Generation),
            ),
            (
                Some(&was),
                Some(at(Some(7), "stale", "ok")),
                Some(State),
                None,
            ),
            (
                Some(&was),
                Some(at(Some(7), "fresh", "retrying")),
                Some(State),
                None,
            ),
            (
                Some(&was),
                Some(at(None, "expired", "ok")),
                Some(State),
                None,
            ),
            (Some(&was), None, Some(Gone), None),
            (None, None, None, None),
        ] {
            let between = |only| Change::between(told, now.as_ref(), only);
            assert_eq!(between(false), kind, "{now:?}");
            assert_eq!(between(true), of_generations, "{now:?}");
        }
    }

    /// Quarantined for a while, or expired: the same token is no new one.
    #[test]
    fn a_token_that_is_served_again_is_no_other_token() {
        let was = told(&now("acme", 7, "fresh", "ok"), None);
        let away = told(&now("acme", None, "none", "quarantined"), Some(&was));
        let again = now("acme", 7, "fresh", "ok");
        assert_eq!(
            Change::between(Some(&away), Some(&again), false),
            Some(Kind::State)
        );
        let other = now("acme", 8, "fresh", "ok");
        assert_eq!(
            Change::between(Some(&away), Some(&other), true),
            Some(Kind::Generation)
        );
    }

    #[test]
    fn whatever_zoho_says_is_one_line_and_fits_a_variable() {
        let mut org = now("acme", 7, "fresh", "needs-consent");
        org.cause = Some("bad\0code\nZOHO_ORG=x".to_owned());
        let change = Change::of(org, Kind::State, None);
        assert_eq!(change.to_line().matches('\n').count(), 1);
        let variables = change.variables();
        assert_eq!(
            variables[6],
            ("ZOHO_CAUSE", "bad code ZOHO_ORG=x".to_owned())
        );
    }
}
