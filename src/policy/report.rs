//! What a job may say of a token that Zoho's API refused, and what it is told.
//!
//! The codes are the API's own, not the token endpoint's ([`super::reply`]). Decides nothing about an org:
//! [`super::reporting`] does. Invariant: only a code of the table can lead to a mint.

use serde_json::Value;

use super::remedy;
use crate::base::Boottime;

/// What a job says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Who says it, for the org's history.
    pub uid: u32,
    /// The token that was refused.
    pub generation: u64,
    /// What the API said.
    pub code: ApiCode,
}

/// What a job is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// In a word.
    pub finding: Finding,
    /// The generation that is served now, if any is.
    pub generation: Option<u64>,
}

/// The word of a ruling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Another token than the reported one is out: read it.
    Superseded,
    /// A new token has been minted for this report, and is out: read it.
    Refreshed,
    /// Not yet: report again, not before that moment.
    Pending(Boottime),
    /// Another token would not help: the grant or its user may not do it.
    Scope,
    /// Another token would not help: org, environment or `api_domain` are not those of the token.
    Binding,
    /// It was not about the token.
    NotToken,
}

impl Finding {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Refreshed => "refreshed",
            Self::Pending(_) => "pending",
            Self::Scope => "scope",
            Self::Binding => "binding",
            Self::NotToken => "not-token",
        }
    }
}

/// What is at fault where the API sends a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The token: it ended, was evicted or revoked. A new one cures it, once.
    Token,
    /// What the token, or the user who consented, may do.
    Scope,
    /// Where it was used.
    Binding,
    /// The request, or their number.
    Request,
}

/// A code of Zoho's API. Holds no word of the reporter's own, which may be anything, a token too (S1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiCode {
    /// As Zoho writes it.
    pub name: &'static str,
    /// What it means.
    pub fault: Fault,
}

impl ApiCode {
    /// The code of that name, in capitals or not; a code that nobody has seen is taken for one of the request,
    /// since a mint must not be had for a word that anybody can make up.
    pub fn of(text: &str) -> Self {
        let (name, fault) = remedy::of_api(text).unwrap_or(("an unknown code", Fault::Request));
        Self { name, fault }
    }

    /// The code in a whole answer of the API: `code` (at Desk `errorCode`), on top or, of a bulk call, in the parts of
    /// `data`. Of several the first that is not the request's own; `None` where there is none. Every part is looked
    /// at: whoever reads the answer has a limit on its size.
    pub fn in_answer(answer: &Value) -> Option<Self> {
        let in_data = answer.get("data").into_iter().flat_map(list);
        let parts = list(answer).chain(in_data);
        let code = |part: &Value| {
            let mut keys = ["code", "errorCode"].into_iter();
            let text = keys.find_map(|key| part.get(key)?.as_str())?;
            (!text.eq_ignore_ascii_case("SUCCESS")).then(|| Self::of(text))
        };
        let mut codes = std::iter::once(answer).chain(parts).filter_map(code);
        let first = codes.next()?;
        let mut telling = std::iter::once(first).chain(codes);
        Some(
            telling
                .find(|code| code.fault != Fault::Request)
                .unwrap_or(first),
        )
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: &str) -> Fault {
        ApiCode::of(code).fault
    }

    /// R12
    #[test]
    fn r12_no_word_that_somebody_makes_up_is_cured_by_a_new_token() {
        for text in ["", "INVALID", "INVALID_TOKEN_", "401", "1000.canary"] {
            assert_eq!(fault(text), Fault::Request, "{text}");
        }
    }

    /// S1: a job that sends its token in place of the code finds it nowhere again.
    #[test]
    fn s1_a_code_that_is_not_in_the_table_is_not_repeated() {
        assert_eq!(ApiCode::of("1000.canary").name, "an unknown code");
    }
}
