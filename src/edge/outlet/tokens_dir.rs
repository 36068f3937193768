//! The folder `tokens_dir` on disk: names of orgs, and the generations that they lead to.
//!
//! ```text
//! tokens_dir/                    0711: readers walk through, and cannot list the orgs
//!   acme-production              -> .generations/acme-production.1795306331.2
//!   .generations/                0711
//!     acme-production.1795306331.2/   access_token  header  env  token.json
//!     acme-production.1795304519.1/   the one before, for a moment
//! ```
//!
//! Single steps, without memory; in which order they keep the promises is [`super::bundle`]'s. Never
//! touches what the daemon did not make, but for a file in the place of an org's name.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;

use super::folder::{Contents, FolderName, is_durable, open, sync};
use super::hold::Hold;
use super::{Trouble, acl, forgery};
use crate::base::OrgName;

/// Where the folders are; no org can have this name.
const GENERATIONS: &str = ".generations";

/// For everybody's passage, and nobody's listing.
const PASSAGE_MODE: u32 = 0o711;

/// The path, and nothing that could be out of date.
#[derive(Debug)]
pub(super) struct TokensDir {
    root: PathBuf,
    generations: PathBuf,
}

impl TokensDir {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            generations: root.join(GENERATIONS),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes what is missing, takes the folder, and mends the modes; says whether it outlives a power loss.
    pub(super) fn prepare(&self, hold: &mut Option<Hold>) -> Result<bool, Trouble> {
        if self.root.exists() && !self.root.is_dir() {
            return Err(Trouble::NotAFolder(self.root.clone()));
        }
        if let Some(found) = self.stranger()? {
            return Err(Trouble::NotOurs {
                folder: self.root.clone(),
                found,
            });
        }
        let us = geteuid().as_raw();
        forgery::look(&self.root, us)?;
        for folder in [&self.root, &self.generations] {
            let parent = folder.parent().unwrap_or(folder);
            make(folder).map_err(|err| Trouble::of("make", folder, parent, err))?;
            forgery::look_at(folder, us)?;
            // Before anything of it is changed.
            self.hold(hold)?;
            mend(folder).map_err(|err| Trouble::of("set the mode of", folder, parent, err))?;
        }
        open(&self.generations, OFlags::DIRECTORY)
            .and_then(|folder| is_durable(&folder))
            .map_err(|err| Trouble::of("open", &self.generations, &self.root, err))
    }

    /// Takes the folder, or the one that has come in its place; one that is not there cannot be another's.
    pub(super) fn hold(&self, hold: &mut Option<Hold>) -> Result<(), Trouble> {
        if !self.root.is_dir() || hold.as_ref().is_some_and(|hold| hold.is_of(&self.root)) {
            return Ok(());
        }
        *hold = None;
        *hold = Some(Hold::take(&self.root)?);
        Ok(())
    }

    /// The folder that the org's name leads to, there or not; `None` where it leads nowhere of ours.
    pub(super) fn current(&self, org: &OrgName) -> Result<Option<FolderName>, Trouble> {
        let link = self.root.join(org.as_str());
        match fs::read_link(&link) {
            Ok(target) => {
                let name = target.strip_prefix(GENERATIONS).ok().and_then(Path::to_str);
                let name = name.and_then(FolderName::parse);
                Ok(name.filter(|name| name.org == *org))
            }
            // Invalid: no link. The rename replaces a file there and refuses a folder.
            Err(err) => match err.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::InvalidInput => Ok(None),
                _ => Err(Trouble::of("read", &link, &self.root, err)),
            },
        }
    }

    /// Makes the folder `name` with `contents`, or nothing.
    pub(super) fn write(
        &self,
        name: &FolderName,
        contents: &Contents,
        durable: bool,
    ) -> Result<(), Trouble> {
        let written = contents.write_to(&self.path_of(name), durable);
        let written = written.and_then(|()| self.sync(&self.generations, durable));
        if written.is_err() {
            // The first error is the one to tell; what is left goes when it is next tidied.
            drop(self.remove(&name.to_string()));
        }
        written
    }

    /// Makes the folder the org's: a link under another name, renamed over the old one.
    pub(super) fn swap_in(&self, name: &FolderName) -> Result<(), Trouble> {
        let new = self.generations.join(format!("{}.link", name.org));
        let link = self.root.join(name.org.as_str());
        let target = Path::new(GENERATIONS).join(name.to_string());
        // Left by a crash, or not there.
        drop(fs::remove_file(&new));
        let swapped = symlink(target, &new).and_then(|()| fs::rename(&new, &link));
        swapped.map_err(|err| {
            drop(fs::remove_file(&new));
            Trouble::of("replace", &link, &self.root, err)
        })
    }

    /// Waits until the names of the orgs are on disk.
    pub(super) fn sync_names(&self, durable: bool) -> Result<(), Trouble> {
        self.sync(&self.root, durable)
    }

    /// Takes the org's name away.
    pub(super) fn unlink(&self, org: &OrgName) -> Result<(), Trouble> {
        let link = self.root.join(org.as_str());
        match fs::remove_file(&link) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => {
                Err(Trouble::of("remove", &link, &self.root, err))
            }
            _ => Ok(()),
        }
    }

    /// The orgs whose name leads, or led, to a folder of ours.
    pub(super) fn orgs(&self) -> Result<Vec<OrgName>, Trouble> {
        let names = list(&self.root)?;
        let orgs = names.iter().filter_map(|name| OrgName::parse(name).ok());
        Ok(orgs
            .filter(|org| self.is_link_of_ours(org.as_str()))
            .collect())
    }

    fn is_link_of_ours(&self, name: &str) -> bool {
        let target = fs::read_link(self.root.join(name));
        target.is_ok_and(|target| target.starts_with(GENERATIONS))
    }

    /// All that lies beside the generations, half-made things included.
    pub(super) fn entries(&self) -> Result<Vec<String>, Trouble> {
        list(&self.generations)
    }

    /// Removes one of [`Self::entries`]; it may be gone already.
    pub(super) fn remove(&self, entry: &str) -> Result<(), Trouble> {
        let path = self.generations.join(entry);
        let removed = path.symlink_metadata().and_then(|metadata| {
            if metadata.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            }
        });
        match removed {
            Err(err) if err.kind() != io::ErrorKind::NotFound => {
                Err(Trouble::of("remove", &path, &self.generations, err))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn path_of(&self, name: &FolderName) -> PathBuf {
        self.generations.join(name.to_string())
    }

    /// What keeps this from being the folder of a daemon that runs as `us`, as far as a look can tell.
    pub(super) fn hindrance(&self, us: u32) -> Result<(), Trouble> {
        forgery::look(&self.root, us)?;
        forgery::look_at(&self.generations, us)?;
        let parent = self.root.parent().unwrap_or(&self.root);
        let is_there = |folder: &&&Path| folder.is_dir();
        let disk = [&*self.root, parent].iter().find(is_there).copied();
        if disk.is_some_and(|folder| !acl::knows_lists(folder)) {
            return Err(Trouble::NoAccessLists(self.root.clone()));
        }
        Ok(())
    }

    /// Something in a folder that has none of ours, and so is somebody else's: `tokens_dir = "/etc"`, say.
    pub(super) fn stranger(&self) -> Result<Option<String>, Trouble> {
        if self.generations.is_dir() {
            return Ok(None);
        }
        let mut names = list(&self.root)?.into_iter();
        // Links of ours without what they led to: somebody removed that alone.
        let is_ours = |name: &String| self.is_link_of_ours(name);
        Ok(names.find(|name| !is_ours(name)))
    }

    fn sync(&self, folder: &Path, durable: bool) -> Result<(), Trouble> {
        // Follows a link, which the operator may have put in the place of `tokens_dir`.
        File::open(folder)
            .and_then(|handle| sync(&handle, durable))
            .map_err(|err| Trouble::of("sync", folder, &self.root, err))
    }
}

/// Makes a folder to walk through, if there is none.
fn make(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(PASSAGE_MODE).create(folder) {
        Err(err) if err.kind() != io::ErrorKind::AlreadyExists => Err(err),
        _ => Ok(()),
    }
}

/// Lets everybody walk through, whatever the umask was, and nobody list.
fn mend(folder: &Path) -> io::Result<()> {
    if fs::metadata(folder)?.mode() & 0o7777 == PASSAGE_MODE {
        return Ok(());
    }
    fs::set_permissions(folder, Permissions::from_mode(PASSAGE_MODE))
}

/// The names in `folder`, ours and others'; none where there is no folder.
fn list(folder: &Path) -> Result<Vec<String>, Trouble> {
    let entries = match fs::read_dir(folder) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries,
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
    };
    entries
        .and_then(|entries| entries.map(name).collect())
        .map_err(|err| Trouble::of("list", folder, folder, err))
}
