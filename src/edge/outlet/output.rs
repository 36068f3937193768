//! Single files of the operator's choice (`[[orgs.ORG.outputs]]`), each replaced whole.
//!
//! Written under another name in the same folder, given group and mode, synced, renamed. What stands at the
//! path before, a link included, is replaced and never followed or opened for writing; a folder there is
//! refused. Invariant: the path names a whole token with the right group and mode, or what it named before.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fchown};
use rustix::process::{Gid, getegid, geteuid};

use super::acl::{drop_list, has_list};
use super::folder::{create_new, holds, is_durable, open, sync};
use super::{Format, OutletError, Publication, Published, Trouble, Written, found};
use crate::base::OrgName;

/// One file, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Absolute.
    pub path: PathBuf,
    /// What stands in it.
    pub format: Format,
    /// One of the daemon's groups; `None` is its own, whatever the folder would give.
    pub group: Option<u32>,
    /// Permission bits, `0o640`.
    pub mode: u32,
}

impl Output {
    /// One that is there only to be taken away.
    pub fn left_at(path: PathBuf) -> Self {
        Self {
            path,
            format: Format::Token,
            group: None,
            mode: 0o600,
        }
    }

    /// Writes the token to the path, unless exactly that is there already; in `written` first.
    ///
    /// On an error the path names what it named before.
    pub fn publish(
        &self,
        publication: &Publication,
        written: &Written,
    ) -> Result<Published, OutletError> {
        let published = self.try_publish(publication, written);
        published.map_err(|trouble| self.with_name(&publication.org, trouble))
    }

    /// What stands at `path`, if no daemon that runs as `us` can have written it.
    pub fn stranger_at(path: &Path, us: u32) -> Option<Trouble> {
        found::look(path, us).err()
    }

    /// Removes the file, and what a crash may have left beside it; neither need be there. What can be no token
    /// stays.
    pub fn withdraw(&self, org: &OrgName, written: &Written) -> Result<(), OutletError> {
        let removed = match self.refuse_if_used(written) {
            Ok(()) => self.remove(&self.path),
            Err(_) => Ok(()),
        };
        self.finish(removed, org, written)
    }

    /// The same for a path that no config names any more: a file there goes only if the daemon made it.
    pub fn withdraw_own(&self, org: &OrgName, written: &Written) -> Result<(), OutletError> {
        let removed = match self.path.symlink_metadata() {
            Ok(found) if written.is_own(&self.path, &found) => self.remove(&self.path),
            Ok(_) => {
                let path = self.path.display();
                tracing::warn!(%org, "output {path} is not the file that the daemon wrote; it stays");
                Ok(())
            }
            Err(err) if is_absent(&err) => Ok(()),
            Err(err) => Err(self.trouble("look at", &self.path, err)),
        };
        self.finish(removed, org, written)
    }

    fn finish(
        &self,
        removed: Result<(), Trouble>,
        org: &OrgName,
        written: &Written,
    ) -> Result<(), OutletError> {
        let gone = removed.and(self.remove(&self.half_made()));
        if gone.is_ok() {
            written.forget(&self.path);
        }
        gone.map_err(|trouble| self.with_name(org, trouble))
    }

    fn try_publish(
        &self,
        publication: &Publication,
        written: &Written,
    ) -> Result<Published, Trouble> {
        let content = self.format.render(publication);
        // Left by a crash: the daemon is the only one to use this name.
        self.remove(&self.half_made())?;
        if self.is_there(&content, written).unwrap_or(false) {
            return Ok(Published::Unchanged);
        }
        self.refuse_if_used(written)?;
        let (folder, durable) =
            open_folder(self.folder()).map_err(|err| self.trouble("open", self.folder(), err))?;
        written.expect(&self.path, &publication.org);
        let replaced = self
            .write_half(&content, durable, written)
            .and_then(|()| self.put_in_place());
        if replaced.is_err() {
            // The first error is the one to tell.
            drop(fs::remove_file(self.half_made()));
        }
        replaced?;
        sync(&folder, durable).map_err(|err| self.trouble("sync", self.folder(), err))?;
        Ok(Published::Written)
    }

    /// The whole file with group and mode, under the name of [`Self::half_made`], and listed.
    fn write_half(&self, content: &[u8], durable: bool, written: &Written) -> Result<(), Trouble> {
        let half = self.half_made();
        let failed = |step, err| self.trouble(step, &half, err);
        let mut file = create_new(&half).map_err(|err| failed("make", err))?;
        file.write_all(content)
            .map_err(|err| failed("write", err))?;
        let group = self.gid();
        fchown(&file, None, Some(Gid::from_raw(group)))
            .map_err(|err| self.group_trouble(group, err.into()))?;
        // A default list of the folder would let in others than the config names.
        drop_list(&file).map_err(|err| failed("drop the access list of", err))?;
        file.set_permissions(Permissions::from_mode(self.mode))
            .map_err(|err| failed("set the mode of", err))?;
        sync(&file, durable).map_err(|err| failed("sync", err))?;
        written
            .note(&self.path, &file)
            .map_err(|err| failed("look at", err))
    }

    /// Where the daemon has written before, it goes on, whatever somebody did to its file.
    fn refuse_if_used(&self, written: &Written) -> Result<(), Trouble> {
        if written.knows(&self.path) {
            return Ok(());
        }
        found::look(&self.path, geteuid().as_raw())
    }

    fn remove(&self, path: &Path) -> Result<(), Trouble> {
        match fs::remove_file(path) {
            Err(err) if !is_absent(&err) => Err(self.trouble("remove", path, err)),
            _ => Ok(()),
        }
    }

    fn put_in_place(&self) -> Result<(), Trouble> {
        fs::rename(self.half_made(), &self.path)
            .map_err(|err| self.trouble("replace", &self.path, err))
    }

    /// Whether the path names a listed file of the daemon with this content, group and mode.
    fn is_there(&self, content: &[u8], written: &Written) -> io::Result<bool> {
        let file = open(&self.path, OFlags::NONBLOCK)?;
        let metadata = file.metadata()?;
        let as_made = metadata.uid() == geteuid().as_raw()
            && metadata.gid() == self.gid()
            && metadata.mode() & 0o7777 == self.mode
            && written.is_own(&self.path, &metadata)
            && !has_list(&file)?;
        Ok(as_made && holds(file, content)?)
    }

    fn gid(&self) -> u32 {
        self.group.unwrap_or_else(|| getegid().as_raw())
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// In the same folder, so that it can be renamed; hidden, so that `*` does not find it.
    fn half_made(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(".zoho-tokend");
        self.folder().join(name)
    }

    fn trouble(&self, step: &'static str, path: &Path, err: io::Error) -> Trouble {
        Trouble::of(step, path, self.folder(), err)
    }

    fn group_trouble(&self, group: u32, err: io::Error) -> Trouble {
        if err.kind() == io::ErrorKind::PermissionDenied {
            Trouble::NotInGroup(group)
        } else {
            self.trouble("set the group of", &self.half_made(), err)
        }
    }

    fn with_name(&self, org: &OrgName, trouble: Trouble) -> OutletError {
        OutletError {
            what: format!("output {} of org {org}", self.path.display()),
            trouble,
        }
    }
}

/// The folder, and whether it outlives a power loss. It may be a link: the operator chose it.
fn open_folder(folder: &Path) -> io::Result<(File, bool)> {
    // As a folder or not at all: opening a FIFO would wait for whoever writes to it.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(folder, flags, Mode::empty())?);
    let durable = is_durable(&file)?;
    Ok((file, durable))
}

fn is_absent(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
