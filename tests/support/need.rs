//! What a test needs from the machine: skipped loudly where it is missing, a failure in CI.
//!
//! A test that found nothing to test with must not look like one that passed. Where `CI` is `true` nothing may be
//! missing: `.ci/run` has installed it. A test crate takes this file in by `#[path = "support/need.rs"] mod need;`.

use std::io::{self, Write as _};
use std::path::Path;

/// Whether all of `tools` are here: programs on the PATH, and `root`, which stands for being root.
///
/// A test that gets `false` returns at once: it was reported as skipped. Panics in CI.
pub(crate) fn need_tools(tools: &[&str]) -> bool {
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    let missing: Vec<&str> = tools
        .iter()
        .copied()
        .filter(|tool| !is_here(tool))
        .collect();
    assert!(
        missing.is_empty() || !is_ci,
        "CI must have {missing:?}: see .ci/run"
    );
    if !missing.is_empty() {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        // Not eprintln!, whose text the test harness keeps to itself where a test does not fail.
        let told = writeln!(
            io::stderr(),
            "SKIPPED {test}: it needs {}",
            missing.join(", ")
        );
        told.expect("standard error is open");
    }
    missing.is_empty()
}

fn is_here(tool: &str) -> bool {
    if tool == "root" {
        return rustix::process::geteuid().is_root();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| Path::new(&dir).join(tool).is_file())
}
