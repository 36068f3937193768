//! What a look at all orgs asks for: which of them, and whether to wait until something is new.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ask::{Pairs, unknown};
use super::call::BadAsk;
use super::token_ask::{WAIT_MAX, duration};
use crate::base::OrgName;

/// Most names in `only`.
const ONLY_MAX: usize = 100;

/// A look at all orgs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OrgsAsk {
    /// Also those that left the config.
    pub all: bool,
    /// Of these alone.
    pub only: Option<BTreeSet<OrgName>>,
    /// Once the revision is another than this.
    pub after: Option<String>,
    /// How long to wait for that, at most a minute.
    pub wait: Duration,
}

impl OrgsAsk {
    pub(super) fn parse(pairs: &Pairs<'_>) -> Result<Self, BadAsk> {
        let mut ask = Self::default();
        for (key, value) in pairs {
            match &**key {
                "all" => ask.all = flag(key, value)?,
                "only" => ask.only = Some(names(value)?),
                "after" => ask.after = Some(value.to_string()),
                "wait" => ask.wait = duration(key, value)?.min(WAIT_MAX),
                _ => return Err(unknown(key, "there are all, only, after and wait")),
            }
        }
        if ask.all && ask.after.is_some() {
            let told = "nothing new comes of orgs that left the config; ask for all or after";
            return Err(BadAsk::Malformed(told.to_owned()));
        }
        Ok(ask)
    }

    /// Whether it asks for this org among others.
    pub fn wants(&self, org: &OrgName) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(org))
    }
}

pub(super) fn flag(key: &str, value: &str) -> Result<bool, BadAsk> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(BadAsk::Malformed(format!(
            "{key}={value} is neither true nor false"
        ))),
    }
}

fn names(value: &str) -> Result<BTreeSet<OrgName>, BadAsk> {
    let names = value.split(',').map(OrgName::parse);
    let names: Result<BTreeSet<OrgName>, _> = names.collect();
    let names = names.map_err(|bad| BadAsk::Malformed(format!("only: {bad}")))?;
    if names.len() > ONLY_MAX {
        let told = format!("only names over {ONLY_MAX} orgs; leave it out and choose yourself");
        return Err(BadAsk::Malformed(told));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(pairs: &[(&str, &str)]) -> Result<OrgsAsk, BadAsk> {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        OrgsAsk::parse(&pairs.collect())
    }

    #[test]
    fn all_orgs_are_wanted_unless_some_are_named() {
        let (acme, beta) = (OrgName::parse("acme"), OrgName::parse("beta"));
        let (acme, beta) = (acme.expect("a name"), beta.expect("a name"));
        let every = ask(&[]).expect("a look");
        assert!(every.wants(&acme) && every.after.is_none());
        let one = ask(&[("only", "acme"), ("after", "0"), ("wait", "9000")]).expect("a look");
        assert!(one.wants(&acme) && !one.wants(&beta));
        assert_eq!((one.after.as_deref(), one.wait), (Some("0"), WAIT_MAX));
    }

    #[test]
    fn what_does_not_parse_or_makes_no_sense_together_is_refused() {
        let many: Vec<String> = (0..=ONLY_MAX).map(|n| n.to_string()).collect();
        for pairs in [
            &[("all", "1")][..],
            &[("only", "")],
            &[("only", "acme,")],
            &[("only", "ACME")],
            &[("only", &many.join(","))],
            &[("wait", "-1")],
            &[("revision", "0")],
            &[("all", "true"), ("after", "0")],
        ] {
            let refused = ask(pairs);
            assert!(matches!(refused, Err(BadAsk::Malformed(_))), "{pairs:?}");
        }
    }
}
