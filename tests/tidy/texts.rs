//! What any text of the repository must have or must not have, Rust or not.

/// Marks of work that is not done. In halves, so that this file has none.
const MARKS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];

/// Folders of a machine that builds, which no other machine has.
const FOLDERS: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tmp/", "wt"),
    concat!("/build", "dir/"),
];

/// Hosts of registries and mirrors: whoever builds has configured theirs.
const HOSTS: [&str; 7] = [
    concat!("crates", ".io"),
    concat!("registry.", "npmjs"),
    concat!("deb.", "debian.org"),
    concat!("security.", "debian.org"),
    concat!("archive.", "ubuntu.com"),
    concat!("pypi", ".org"),
    concat!("proxy.", "golang.org"),
];

/// What no text may have. A lock file names the registry that its tool knows, and nothing else of these.
pub(crate) fn findings(path: &str, text: &str) -> Vec<String> {
    let is_lock = path.ends_with("Cargo.lock") || path.ends_with("package-lock.json");
    let mut findings = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let mut find = |what: String| findings.push(format!("{path}:{number}: {what}"));
        for mark in MARKS.iter().filter(|mark| has_word(line, mark)) {
            find(format!(
                "`{mark}` is work that is not done: do it, or say in words why it is not"
            ));
        }
        for folder in FOLDERS.iter().filter(|folder| line.contains(**folder)) {
            find(format!(
                "`{folder}` is a folder of one machine: take a path from the environment or the arguments"
            ));
        }
        for host in HOSTS
            .iter()
            .filter(|host| !is_lock && line.contains(**host))
        {
            find(format!(
                "`{host}` is one registry of many: use what the tool is configured for"
            ));
        }
    }
    findings
}

/// A module that does not say what it is for.
pub(crate) fn undocumented(path: &str, text: &str) -> Option<String> {
    let is_told = text.starts_with("//! ");
    (!is_told).then(|| {
        format!("{path}:1: no module doc: begin with `//!` and the job, the non-job, the invariant")
    })
}

/// Every dependency of a manifest without a comment of its own.
pub(crate) fn unreasoned(manifest: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut is_in_dependencies = false;
    let mut before = "";
    for (line, number) in manifest.lines().zip(1..) {
        if line.starts_with('[') {
            is_in_dependencies = line.trim_end_matches(']').ends_with("dependencies");
        } else if is_in_dependencies
            && let Some((name, _)) = line.split_once(" =")
            && !line.starts_with('#')
            && !before.starts_with("# ")
        {
            findings.push(format!(
                "Cargo.toml:{number}: `{name}` without a reason: say in one comment line above it what it saves"
            ));
        }
        before = line;
    }
    findings
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_of_work_that_is_not_done_is_found_as_a_word() {
        for mark in MARKS {
            let found = findings("a.sh", &format!("one\n# {mark}: two\n"));
            assert_eq!(found.len(), 1, "{mark}");
            assert!(found[0].starts_with("a.sh:2: "), "{found:?}");
            assert_eq!(findings("a.sh", &format!("A{mark}B")).len(), 0, "{mark}");
        }
    }

    #[test]
    fn a_folder_of_a_machine_is_found_in_every_file() {
        for folder in FOLDERS {
            for path in ["README.md", "Cargo.lock"] {
                assert_eq!(
                    findings(path, &format!("see {folder}x")).len(),
                    1,
                    "{folder}"
                );
            }
        }
    }

    #[test]
    fn a_registry_is_found_outside_of_lock_files() {
        for host in HOSTS {
            assert_eq!(
                findings(".ci/run", &format!("curl https://{host}/x")).len(),
                1,
                "{host}"
            );
            assert_eq!(
                findings("tests/oauth/package-lock.json", host).len(),
                0,
                "{host}"
            );
        }
    }

    #[test]
    fn a_module_that_does_not_say_its_job_is_found() {
        assert!(undocumented("src/a.rs", "use std::io;\n//! Late.").is_some());
        assert!(undocumented("src/a.rs", "//!\n").is_some());
        assert!(undocumented("src/a.rs", "//! Does one thing.\n").is_none());
    }

    #[test]
    fn a_dependency_without_its_own_reason_is_found() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\n# Why b.\nb = \"1\"\nc = \"1\"\n\n\
                        [dev-dependencies]\nd = { version = \"1\" }\n[features]\ne = []\n";
        let found = unreasoned(manifest);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("Cargo.toml:6: `c`") && found[1].starts_with("Cargo.toml:9: `d`")
        );
    }
}
