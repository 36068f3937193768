//! A row of the table, and the few kinds of rows there are.

use crate::policy::reply::Asked;
use crate::policy::report::Fault;

/// One or more codes that mean the same and have the same cure.
pub(super) struct Row {
    /// As their source writes them. Case makes no difference, nor do space, `-` and `_`.
    pub(super) codes: &'static [&'static str],
    /// The only call that this row speaks of; `None`: all that no other row of its code speaks of.
    pub(super) asked: Option<Asked>,
    /// The case of most people who meet a row that speaks of all calls but those of its neighbours.
    pub(super) mostly: Option<&'static str>,
    /// Whether it speaks of a client alone that mints for another org in another data center.
    pub(super) is_elsewhere: bool,
    /// What has happened.
    pub(super) meaning: &'static str,
    /// What to look at or to do; `None`: nothing yet.
    pub(super) cure: Option<&'static str>,
    /// What to look at when it lasts, if that is something else.
    pub(super) lasting: Option<&'static str>,
    /// Whether trying again may help; what happens next is then put behind the cure.
    pub(super) heals: bool,
    /// Whether it proves that nothing was sent: a grant token is then as good as before.
    pub(super) is_unsent: bool,
    /// What is at fault, where Zoho's API sends it.
    pub(super) fault: Option<Fault>,
}

/// A row of what only a person's act ends.
pub(super) const fn stays(
    codes: &'static [&'static str],
    meaning: &'static str,
    cure: &'static str,
) -> Row {
    Row {
        codes,
        asked: None,
        mostly: None,
        is_elsewhere: false,
        meaning,
        cure: Some(cure),
        lasting: None,
        heals: false,
        is_unsent: false,
        fault: None,
    }
}

/// A row of what may be better at the next try; `lasting` is for when it is not.
pub(super) const fn heals(
    codes: &'static [&'static str],
    meaning: &'static str,
    lasting: &'static str,
) -> Row {
    Row {
        cure: None,
        lasting: Some(lasting),
        heals: true,
        ..stays(codes, meaning, lasting)
    }
}

/// A row of what is no trouble.
pub(super) const fn fine(codes: &'static [&'static str], meaning: &'static str) -> Row {
    stays(codes, meaning, "Nothing to do")
}

/// A row of what Zoho's API says of a call.
pub(super) const fn api(
    codes: &'static [&'static str],
    fault: Fault,
    meaning: &'static str,
    cure: &'static str,
) -> Row {
    Row {
        fault: Some(fault),
        ..stays(codes, meaning, cure)
    }
}

impl Row {
    /// Whether it is for this call. What is for client credentials is for their proof too.
    pub(super) fn speaks_of(&self, asked: Asked) -> bool {
        let is_proof = asked == Asked::ClientProof;
        self.asked
            .is_none_or(|only| only == asked || (is_proof && only == Asked::Client))
    }

    /// Whether it leaves no call out: it counts where no other row of its code does.
    pub(super) fn is_of_all(&self) -> bool {
        self.asked.is_none() && !self.is_elsewhere
    }

    /// Of all calls that no other row of its code speaks of, mostly these.
    pub(super) const fn mostly(self, case: &'static str) -> Self {
        Self {
            mostly: Some(case),
            ..self
        }
    }

    /// Only for this call.
    pub(super) const fn on(self, asked: Asked) -> Self {
        Self {
            asked: Some(asked),
            ..self
        }
    }

    /// Only where the client is known to mint in another data center.
    pub(super) const fn elsewhere(self) -> Self {
        Self {
            is_elsewhere: true,
            ..self
        }
    }

    /// Trying again helps; the cure is for the first time already, and how to go on is put behind it.
    pub(super) const fn once_more(self) -> Self {
        Self {
            heals: true,
            ..self
        }
    }

    /// Zoho was not reached. The cure is for the first time already.
    pub(super) const fn unsent(self) -> Self {
        Self {
            cure: self.lasting,
            is_unsent: true,
            ..self
        }
    }

    /// The row's own spelling of that code.
    pub(super) fn spelling_of(&self, code: &str) -> Option<&'static str> {
        let own = self.codes.iter().find(|own| is_same(own, code));
        own.copied()
    }
}

/// Whether two codes are one: `Access Denied` and `access_denied` are the same to Zoho.
fn is_same(one: &str, other: &str) -> bool {
    fn folded(code: &str) -> impl Iterator<Item = u8> {
        code.trim().bytes().map(|byte| match byte {
            b' ' | b'-' => b'_',
            byte => byte.to_ascii_lowercase(),
        })
    }
    folded(one).eq(folded(other))
}
