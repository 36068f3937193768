//! What a file of the console says about the grant token in it, weighed before the token is spent.
//!
//! Zoho describes the file nowhere, so each of its words may be missing, and a missing one refuses nothing.

use super::record::Cause;
use super::settings::Binding;
use crate::base::{ScopeSet, UnixTime};

/// The words of the file beside the token and the client's secret.
#[derive(Debug, Clone, Default)]
pub struct Paper {
    /// Whose grant token it is.
    pub client_id: Option<String>,
    /// What it is good for.
    pub scopes: Option<ScopeSet>,
    /// When it ends.
    pub expires_at: Option<UnixTime>,
}

impl Paper {
    /// Why its token is of no use for `config` at `now`; `None` where nothing says so.
    pub fn contradiction(&self, config: &Binding, now: UnixTime) -> Option<Cause> {
        let client = self.client_id.as_deref();
        if let Some(other) = client.filter(|id| config.client_id != *id) {
            let detail = format!(
                "the file is of client {other}, the config has {}",
                config.client_id
            );
            return Some(Cause::new("other-client", &detail));
        }
        let lacking = self.scopes.as_ref();
        let lacking = lacking.map(|scopes| scopes.lacks(&config.scopes));
        if let Some(lacking) = lacking.filter(|lacking| !lacking.is_empty()) {
            let detail = format!("the file lacks the scopes {}", lacking.join(","));
            return Some(Cause::new("scope-too-narrow", &detail));
        }
        let ended = self.expires_at.filter(|at| *at <= now)?;
        let detail = format!("it ended at {}; nothing was sent", ended.to_rfc3339());
        Some(Cause::new("grant-token-expired", &detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Environment;

    fn config() -> Binding {
        Binding {
            client_id: "1000.OURS".into(),
            data_center: "eu".into(),
            environment: Environment::Production,
            scopes: ScopeSet::parse("ZohoCRM.modules.ALL"),
            soid: None,
        }
    }

    fn cause(paper: &Paper) -> Option<Cause> {
        paper.contradiction(&config(), UnixTime(1_000_000))
    }

    #[test]
    fn a_file_that_says_nothing_or_the_same_passes() {
        assert_eq!(cause(&Paper::default()), None);
        let same = Paper {
            client_id: Some("1000.OURS".into()),
            scopes: Some(ScopeSet::parse("zohocrm.modules.all ZohoCRM.org.READ")),
            expires_at: Some(UnixTime(1_000_001)),
        };
        assert_eq!(cause(&same), None);
    }

    #[test]
    fn a_file_of_another_client_is_named_with_both_ids() {
        let other = Paper {
            client_id: Some("1000.THEIRS".into()),
            ..Paper::default()
        };
        let cause = cause(&other).expect("of another client");
        assert_eq!(cause.code, "other-client");
        assert_eq!(
            cause.detail,
            "the file is of client 1000.THEIRS, the config has 1000.OURS"
        );
    }

    #[test]
    fn a_file_that_lacks_a_scope_or_is_over_is_refused() {
        let narrow = Paper {
            scopes: Some(ScopeSet::parse("ZohoCRM.org.READ")),
            ..Paper::default()
        };
        let told = cause(&narrow).expect("too narrow");
        assert_eq!(told.code, "scope-too-narrow");
        assert_eq!(told.detail, "the file lacks the scopes ZohoCRM.modules.ALL");
        let over = Paper {
            expires_at: Some(UnixTime(1_000_000)),
            ..Paper::default()
        };
        let told = cause(&over).expect("over");
        assert_eq!(told.code, "grant-token-expired");
        assert_eq!(
            told.detail,
            "it ended at 1970-01-01T00:16:40Z; nothing was sent"
        );
    }
}
