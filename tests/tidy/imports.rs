//! Imports run one way.

use super::paths;
use super::source::Source;

/// Each may import itself and what stands left of it.
const LAYERS: [&str; 7] = ["base", "policy", "config", "edge", "daemon", "cli", "main"];

/// Zoho's judge: imports `base` alone, so that it shares no mistake with what it judges; only `cli` starts it.
const JUDGE: &str = "stand_in";

/// The policy's own trial: imports what stands left of `config`, so that nothing in it acts; only `cli` runs it.
const TRIAL: &str = "simulation";

/// Every import against the rule.
pub(crate) fn findings(source: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    for path in paths::of(&source.tokens) {
        if source.is_test(path.line) {
            continue;
        }
        if let Some(layer) = imported(source, &path.names)
            && !may_import(source.layer(), &layer)
        {
            let what = format!(
                "`{}` may not import `{layer}`: imports run {} (and {JUDGE} imports base alone, {TRIAL} base and policy); \
                 move what both need to the left, or hand it in from the right",
                source.layer(),
                LAYERS.join(" <- "),
            );
            findings.push(source.finding(path.line, &what));
        }
    }
    findings
}

fn may_import(from: &str, to: &str) -> bool {
    let place = |layer: &str| LAYERS.iter().position(|known| *known == layer);
    match (from, to) {
        ("", _) => true,
        (JUDGE, to) => to == JUDGE || to == "base",
        (TRIAL, to) => matches!(to, TRIAL | "base" | "policy"),
        (from, JUDGE | TRIAL) => place(from) >= place("cli"),
        (from, to) => place(to).is_some_and(|to| place(from).is_some_and(|from| to <= from)),
    }
}

/// The layer that a path of ours leads to; `None` for a path to elsewhere.
fn imported(source: &Source, names: &[String]) -> Option<String> {
    let mut module: Vec<&str> = source.module();
    let mut names = names.iter().map(String::as_str).peekable();
    match names.next()? {
        "crate" | "zoho_tokend" => module.clear(),
        "super" => {
            module.pop();
            while names.next_if_eq(&"super").is_some() {
                module.pop();
            }
        }
        _ => return None,
    }
    let first = module.first().copied().or_else(|| names.next());
    first.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        findings(&Source::of_text(path, text)).len()
    }

    #[test]
    fn an_import_to_the_right_is_found_in_every_shape() {
        for text in [
            "use crate::edge::clock::SystemClock;",
            "use crate::{base::OrgName, edge};",
            "use super::super::edge;",
            "fn a() { crate::edge::dice::roll(); }",
            "fn a() { log!(\"{}\", crate::edge::dice::roll()); }",
            "fn a(_: zoho_tokend::daemon::Fatal) {}",
            "use crate::stand_in::Rules;",
        ] {
            assert_eq!(count("src/policy/reply/mod.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn an_import_to_the_left_or_of_itself_is_fine() {
        let text = "use crate::base::{OrgName, Secret};\nuse crate::policy::access::Ids;\nuse super::clock;\n\
                    use std::io;\npub(crate) fn a() { self::b() }";
        assert_eq!(count("src/edge/store/mod.rs", text), 0);
        assert_eq!(
            count("src/main.rs", "fn main() { zoho_tokend::cli::run(); }"),
            0
        );
        assert_eq!(count("src/cli/demo.rs", "use crate::stand_in::StandIn;"), 0);
    }

    #[test]
    fn the_judge_knows_the_words_and_nothing_else() {
        assert_eq!(
            count(
                "src/stand_in/lane.rs",
                "use crate::base::Boottime;\nuse super::fault::Fault;"
            ),
            0
        );
        assert_eq!(
            count("src/stand_in/lane.rs", "use crate::policy::schedule;"),
            1
        );
    }

    #[test]
    fn the_trial_knows_what_decides_and_nothing_that_acts() {
        let text =
            "use crate::base::Now;\nuse crate::policy::fleet::Fleet;\nuse super::plan::Plan;";
        assert_eq!(count("src/simulation/world.rs", text), 0);
        for text in [
            "use crate::config::Config;",
            "use crate::edge::clock::SystemClock;",
            "use crate::stand_in::Rules;",
        ] {
            assert_eq!(count("src/simulation/world.rs", text), 1, "{text}");
        }
        let text = "use crate::simulation::Plan;";
        assert_eq!(count("src/cli/simulate.rs", text), 0);
        for path in [
            "src/policy/org.rs",
            "src/daemon/mod.rs",
            "src/stand_in/zoho.rs",
        ] {
            assert_eq!(count(path, text), 1, "{path}");
        }
    }

    #[test]
    fn tests_may_import_all() {
        let text = "#[cfg(test)]\nmod tests {\n use crate::daemon::run;\n}";
        assert_eq!(count("src/base/time.rs", text), 0);
    }
}
