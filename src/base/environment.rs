//! The three kinds of org that Zoho keeps apart by host.

use std::fmt;

/// Which of a customer's orgs a grant belongs to (Zoho CRM, "Org-specific OAuth2.0 Tokens").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    /// The live data.
    Production,
    /// A copy to try things on.
    Sandbox,
    /// An org for building extensions.
    Developer,
}

impl Environment {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Production, Self::Sandbox, Self::Developer];

    /// The word of the config and of every answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Sandbox => "sandbox",
            Self::Developer => "developer",
        }
    }

    /// The environment that `word` names, exactly.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|env| env.as_str() == word)
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
