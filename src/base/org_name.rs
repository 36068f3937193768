//! The name of an org: safe as a file name, a URL segment and a part of a variable's name.

use std::fmt;

use super::key::Key;

/// Longest name, in bytes: a DNS label, so that the name also fits where host names go.
const LEN_MAX: usize = 63;

/// The name under which the config lists one org in one environment.
///
/// Shape: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`. No dot and no slash, so no name can leave its folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrgName(Key);

/// Why a text is no [`OrgName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an org's name has 1 to 63 of a-z, 0-9 and -, and neither starts nor ends with -, like acme-production"
)]
pub struct BadOrgName;

impl OrgName {
    /// Takes `text` as it stands; nothing is trimmed or folded.
    pub fn parse(text: &str) -> Result<Self, BadOrgName> {
        let inner = text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let edges = !text.starts_with('-') && !text.ends_with('-');
        if inner && edges && (1..=LEN_MAX).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(BadOrgName)
        }
    }

    /// The name as written in the config.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a part of an environment variable: `acme-production` is `ACME_PRODUCTION`.
    pub fn to_variable(&self) -> String {
        self.0.to_ascii_uppercase().replace('-', "_")
    }
}

impl fmt::Display for OrgName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OrgName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_a_folder_or_hide_are_refused() {
        for bad in [
            "", "-", "-a", "a-", ".", "..", "a/b", "a.b", "A", "a_b", "é", "a b", "a\n",
        ] {
            assert_eq!(OrgName::parse(bad), Err(BadOrgName), "{bad:?}");
        }
    }

    #[test]
    fn a_name_is_at_most_63_bytes() {
        assert!(OrgName::parse(&"a".repeat(63)).is_ok());
        assert!(OrgName::parse(&"a".repeat(64)).is_err());
    }

    #[test]
    fn a_variable_is_upper_case_with_underscores() {
        let org = OrgName::parse("acme-eu-2").expect("a good name");
        assert_eq!(org.to_variable(), "ACME_EU_2");
    }
}
