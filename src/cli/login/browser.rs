//! Opens the person's browser, where there is one.
//!
//! Invariant: what it is told is an argument, which every user of the host can read: never a secret.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, thread};

/// The freedesktop way to open an address with whatever the person prefers.
const OPENER: &str = "xdg-open";

/// Shows `url` if this is a person's desktop. A browser that does not come is no failure: the address is printed.
pub(super) fn open(url: &str) {
    if !is_desktop() {
        return;
    }
    let mut command = Command::new(OPENER);
    command.arg(url);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Ok(mut child) = command.spawn() {
        // It may last as long as the browser does.
        thread::spawn(move || drop(child.wait()));
    }
}

/// Not for root, whose browser would have root's rights and none of the person's logins.
fn is_desktop() -> bool {
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path);
    has_display
        && !rustix::process::geteuid().is_root()
        && folders.any(|folder| Path::new(&folder).join(OPENER).is_file())
}
