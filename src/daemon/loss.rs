//! What a reload does not take away: a new config that looks like the stump of the old one.
//!
//! An editor, a full disk or a deployment leaves a file empty or cut off, and TOML calls what is left good. Not the
//! job: an org that left among others, which is everyday work and told by name. Invariant: no reload leaves a daemon
//! with orgs without any, nor moves its state, key, socket or `tokens_dir` to the defaults by an omission.

use super::standing::Standing;
use crate::base::OrgName;
use crate::config::{Place, Problem};

/// Most names in a line.
const NAMES_MAX: usize = 8;

/// Refuses `new` where `old` has lost what nobody takes away by a reload.
pub(super) fn refuse(old: &Standing, new: &Standing) -> Result<(), Vec<String>> {
    let problems = [all_orgs(old, new), settings(new)];
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(problems)
}

/// `a, b and 3 more`.
pub(super) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn all_orgs(old: &Standing, new: &Standing) -> Option<String> {
    let names: Vec<&str> = old.config.orgs.keys().map(OrgName::as_str).collect();
    if names.is_empty() || !new.config.orgs.is_empty() {
        return None;
    }
    let count = names.len();
    let plural = if count == 1 { "" } else { "s" };
    let what = format!(
        "no org is left, but the running config has {count} org{plural} ({}); is this file cut off, or a folder of \
         `include` empty? Put them back, or, if all are meant to go, restart the daemon: a reload does not do it",
        listed(&names)
    );
    Some(problem(new, &what))
}

fn settings(new: &Standing) -> Option<String> {
    let lost = new.fixed.lost_by(&new.config, &new.places);
    if lost.is_empty() {
        return None;
    }
    let what = format!(
        "{} left out, but the running daemon has it from here; is this file cut off? Put it back; to move to the \
         default, write the default down, and restart",
        lost.join(", ")
    );
    Some(problem(new, &what))
}

fn problem(new: &Standing, what: &str) -> String {
    Problem::error(Place::of_file(&new.path), what).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_names_has_an_end() {
        let names: Vec<String> = (0..10).map(|n| format!("o{n}")).collect();
        assert_eq!(listed(&names[..2]), "o0, o1");
        assert_eq!(listed(&names), "o0, o1, o2, o3, o4, o5, o6, o7 and 2 more");
    }
}
