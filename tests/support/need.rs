//! What a test needs from the machine: skipped loudly where it is missing, and a failure in CI.
//!
//! A test that finds nothing to test with must not look like one that passed. Where `CI` is `true`, nothing may be
//! missing: `.ci/run` has installed it.

use std::io::{self, Write as _};
use std::path::Path;

/// Whether every one of `tools` is on the PATH; a test that gets `false` returns at once.
pub fn need_tools(tools: &[&str]) -> bool {
    tools.iter().all(|tool| need(is_on_path(tool), tool))
}

/// Whether this is root; a test that gets `false` returns at once.
pub fn need_root() -> bool {
    need(rustix::process::geteuid().is_root(), "root")
}

fn need(is_here: bool, what: &str) -> bool {
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(is_here || !is_ci, "CI must have {what}: see .ci/run");
    if !is_here {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        // Not eprintln!: the test harness would keep that to itself.
        let told = writeln!(io::stderr(), "SKIPPED {test}: it needs {what}");
        told.expect("standard error is open");
    }
    is_here
}

fn is_on_path(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Administrators' tools, which a user's PATH leaves out on some systems.
    let extra = ["/usr/sbin", "/sbin"].map(|dir| Path::new(dir).to_owned());
    std::env::split_paths(&path)
        .chain(extra)
        .any(|dir| dir.join(tool).is_file())
}
