//! Finds and reads the main file and its drop-ins.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::{Include, Place, Problem, SourceText};
use crate::edge::small_file::{self, Unreadable};

/// Largest file of a config.
const FILE_MAX: usize = 1024 * 1024;
/// Largest config in all.
const TOTAL_MAX: usize = 64 * 1024 * 1024;
/// Most drop-ins: far beyond the orgs that one host can serve.
const FILES_MAX: usize = 2000;

/// The files so far.
#[derive(Default)]
pub(super) struct Reading {
    /// What was read, in the order in which it counts.
    pub(super) sources: Vec<SourceText>,
    /// What could not be read.
    pub(super) unread: Vec<Problem>,
    /// What was read, but others could have written.
    pub(super) loose: Vec<Problem>,
    seen: BTreeSet<PathBuf>,
    size: usize,
}

impl Reading {
    /// Reads the files that a pattern finds, by name.
    pub(super) fn take_all(&mut self, include: &Include) {
        if include.is_plain() {
            let cure = "make it, or drop it from include";
            return self.take(&include.path(), &include.place, cure);
        }
        let room = FILES_MAX.saturating_sub(self.seen.len());
        match list(include, room) {
            Ok(Some(paths)) => {
                self.check_folder(include);
                for path in paths {
                    self.take(&path, &Place::of_file(&path), "read the folder again");
                }
            }
            Ok(None) => self.refuse(
                &include.place,
                format!("`include` finds over {FILES_MAX} files; correct the pattern"),
            ),
            Err(error) => {
                let folder = include.folder.display();
                let what =
                    format!("`include` cannot list {folder} ({error}); correct its owner and mode");
                self.refuse(&include.place, what);
            }
        }
    }

    /// Reads one file, unless another pattern found it before. `cure`: what to do if it is not there.
    pub(super) fn take(&mut self, path: &Path, place: &Place, cure: &str) {
        if !self.seen.insert(path.to_owned()) {
            return;
        }
        let shown = path.display();
        let file = match small_file::read(path, FILE_MAX) {
            Ok(file) => file,
            Err(Unreadable::Missing) if path.is_symlink() => {
                let what =
                    format!("{shown} is a link to what is not there; mend or remove the link");
                return self.refuse(place, what);
            }
            Err(Unreadable::Missing) => {
                return self.refuse(place, format!("{shown} is not there; {cure}"));
            }
            Err(why) => return self.refuse(place, format!("{shown} {why}")),
        };
        self.size += file.bytes.len();
        if self.size > TOTAL_MAX {
            let what = format!("the config has over {TOTAL_MAX} bytes; correct include");
            return self.refuse(place, what);
        }
        if is_open_to_all(file.mode) {
            let what = format!(
                "every user can change this file; run chmod o-w {shown}, and see what it says"
            );
            self.loose.push(Problem::error(Place::of_file(path), what));
        }
        match std::str::from_utf8(&file.bytes) {
            Ok(text) => self.sources.push(SourceText {
                path: path.to_owned(),
                text: text.to_owned(),
            }),
            Err(error) => {
                let place = place_after(path, &file.bytes[..error.valid_up_to()]);
                let what = "the file is no UTF-8 from here on; save it as UTF-8";
                self.refuse(&place, what.to_owned());
            }
        }
    }

    fn check_folder(&mut self, include: &Include) {
        let stat = fs::metadata(or_here(&include.folder));
        if stat.is_ok_and(|stat| is_open_to_all(stat.mode())) {
            let folder = include.folder.display();
            let what = format!(
                "`include` reads {folder}, where every user can put files; run chmod o-w {folder}"
            );
            self.loose.push(Problem::error(include.place.clone(), what));
        }
    }

    fn refuse(&mut self, place: &Place, what: String) {
        self.unread.push(Problem::error(place.clone(), what));
    }
}

/// The files that a pattern finds; `None`: more than `room`. A folder that is not there has none: a package may make
/// it later.
fn list(include: &Include, room: usize) -> io::Result<Option<Vec<PathBuf>>> {
    let entries = match fs::read_dir(or_here(&include.folder)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(vec![])),
        entries => entries?,
    };
    let mut paths = vec![];
    for entry in entries {
        let name = entry?.file_name();
        if name.to_str().is_some_and(|name| include.matches(name)) {
            paths.push(include.folder.join(name));
        }
        if paths.len() > room {
            return Ok(None);
        }
    }
    paths.sort();
    Ok(Some(paths))
}

fn is_open_to_all(mode: u32) -> bool {
    mode & 0o002 != 0
}

/// Where a file goes on after `text`.
fn place_after(path: &Path, text: &[u8]) -> Place {
    let text = String::from_utf8_lossy(text);
    let last = text.rsplit('\n').next().unwrap_or_default();
    Place {
        line: text.matches('\n').count() + 1,
        column: last.chars().count() + 1,
        ..Place::of_file(path)
    }
}

/// The folder of a file without one.
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        return Path::new(".");
    }
    folder
}
