//! The README's list of errors, made from the table that the program speaks from.

use zoho_tokend::cli::explain::whence;
use zoho_tokend::policy::remedy::{Entry, Origin, Place, entries};

const BEGIN: &str =
    "<!-- errors: made by `RENEW=1 cargo test --test tidy readme` from src/policy/remedy -->\n";
const END: &str = "<!-- errors: end -->";

/// What the README tells in tables of its own, beside what one does there.
const TOLD_ELSEWHERE: [Origin; 3] = [Origin::Verdict, Origin::Status, Origin::History];

/// `readme` with the list as the table makes it now; `None` without both marks.
pub(crate) fn renewed(readme: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, BEGIN, &list(), END, after].concat())
}

fn list() -> String {
    let entries = entries(&Place::ANY);
    let parts = entries.chunk_by(|one, next| one.origin == next.origin);
    let told = parts.filter(|part| !TOLD_ELSEWHERE.contains(&part[0].origin));
    told.map(table).collect()
}

fn table(part: &[Entry]) -> String {
    let lines: String = part.iter().map(line).collect();
    let whence = whence(part[0].origin);
    format!("\n| {whence} | means here | to do |\n|---|---|---|\n{lines}")
}

fn line(entry: &Entry) -> String {
    let codes: Vec<String> = entry.codes.iter().map(|code| format!("`{code}`")).collect();
    let when = entry
        .when
        .map(|when| format!(" {when}"))
        .unwrap_or_default();
    let to_do = match &entry.cure_if_it_lasts {
        Some(lasting) => format!("*if it lasts:* {lasting}"),
        None => entry.cure.clone(),
    };
    format!(
        "| {}{when} | {} | {to_do} |\n",
        codes.join(", "),
        entry.meaning
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_made_anew() {
        let old = format!("before\n{BEGIN}outdated{END}\nafter\n");
        let new = renewed(&old).expect("both marks");
        assert!(new.starts_with("before\n") && new.ends_with("\nafter\n"));
        assert!(!new.contains("outdated") && new.contains("`invalid_code`"));
        assert_eq!(renewed(&new), Some(new.clone()));
        assert_eq!(renewed("no marks"), None);
    }
}
