//! OAuth scopes as Zoho writes them: commas in requests, spaces in answers, letters in either case.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Most scopes that one set keeps: Zoho documents about 450, and an answer must not grow us.
const COUNT_MAX: usize = 512;

/// A set of scopes, compared without regard to case, printed as first written.
/// Cheap to clone: records with it are written at every mint.
#[derive(Debug, Clone, Default)]
pub struct ScopeSet(Arc<BTreeMap<String, String>>);

impl ScopeSet {
    /// Splits at commas and white space; takes whatever is between them.
    pub fn parse(text: &str) -> Self {
        text.split(|c: char| c == ',' || c.is_whitespace())
            .collect()
    }

    /// Whether `word` has the shape of a scope: 2 to 5 parts between dots, or one of `OpenID`'s bare words.
    ///
    /// A placeholder from the documentation such as `ZohoCRM.modules.{module_API_name}.READ` is refused.
    pub fn is_scope(word: &str) -> bool {
        if ["email", "profile", "openid", "phone", "offline_access"].contains(&word) {
            return true;
        }
        let parts: Vec<&str> = word.split('.').collect();
        let is_part = |part: &&str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        (2..=5).contains(&parts.len())
            && parts.iter().all(is_part)
            && parts[0].starts_with(|c: char| c.is_ascii_alphabetic())
    }

    /// Those of `wanted` that this set lacks, as `wanted` writes them.
    pub fn lacks<'a>(&self, wanted: &'a Self) -> Vec<&'a str> {
        let missing = wanted
            .0
            .iter()
            .filter(|(key, _)| !self.0.contains_key(*key));
        missing.map(|(_, written)| written.as_str()).collect()
    }

    /// Whether both name the same scopes.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.keys().eq(other.0.keys())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

impl<'a> FromIterator<&'a str> for ScopeSet {
    fn from_iter<T: IntoIterator<Item = &'a str>>(words: T) -> Self {
        let words = words.into_iter().filter(|word| !word.is_empty());
        let folded = words.map(|word| (word.to_ascii_lowercase(), word.to_owned()));
        Self(Arc::new(folded.take(COUNT_MAX).collect()))
    }
}

/// With commas, as Zoho wants them in a request.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_spaces_and_case_make_no_difference() {
        let asked = ScopeSet::parse("ZohoCRM.modules.ALL,ZohoCRM.org.READ");
        let answered = ScopeSet::parse("zohocrm.org.read zohocrm.modules.all");
        assert!(asked.is_same_as(&answered));
        assert!(answered.lacks(&asked).is_empty());
    }

    #[test]
    fn what_is_missing_is_named_as_it_was_asked_for() {
        let asked = ScopeSet::parse("ZohoCRM.modules.ALL,ZohoCRM.org.READ");
        let answered = ScopeSet::parse("ZohoCRM.modules.ALL");
        assert_eq!(answered.lacks(&asked), ["ZohoCRM.org.READ"]);
    }

    #[test]
    fn a_placeholder_from_the_documentation_is_no_scope() {
        for good in [
            "ZohoCRM.modules.ALL",
            "aaaserver.profile.READ",
            "ZohoCRM.modules.leads.READ",
            "email",
        ] {
            assert!(ScopeSet::is_scope(good), "{good}");
        }
        for bad in [
            "",
            "ZohoCRM",
            "ZohoCRM.modules.{module_API_name}.READ",
            "a..b",
            "1.b",
            "a.b.c.d.e.f",
            "a.b ",
        ] {
            assert!(!ScopeSet::is_scope(bad), "{bad}");
        }
    }
}
