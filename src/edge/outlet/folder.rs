//! One generation of an org's files: a folder that is written once, and never changed under its name.
//!
//! Nobody but the daemon may enter it until all in it is right: the folder's own access list comes last.
//! The name that readers use is [`super::bundle`]'s.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FsWord, OFlags};
use zeroize::Zeroizing;

use super::acl::AccessList;
use super::{Format, Publication, Trouble};
use crate::base::OrgName;

/// `ORG.GENERATION.SERIAL`; a dot is in no org's name. The serial tells attempts apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FolderName {
    pub(super) org: OrgName,
    pub(super) generation: u64,
    pub(super) serial: u64,
}

impl FolderName {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let name = Self {
            org: OrgName::parse(parts.next()?).ok()?,
            generation: parts.next()?.parse().ok()?,
            serial: parts.next()?.parse().ok()?,
        };
        // Only what `Display` writes: no sign, no leading zero, no fourth part.
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.org, self.generation, self.serial)
    }
}

/// What a folder must hold, and who may read it.
pub(super) struct Contents {
    files: [(&'static str, Zeroizing<Vec<u8>>); 4],
    file_list: AccessList,
    folder_list: AccessList,
}

impl Contents {
    pub(super) fn of(publication: &Publication) -> Self {
        Self {
            files: Format::ALL.map(|format| (format.file_name(), format.render(publication))),
            file_list: AccessList::of_file(&publication.readers),
            folder_list: AccessList::of_folder(&publication.readers),
        }
    }

    /// Makes `folder` with all of it; where that fails, what is there is half-made and nobody's.
    pub(super) fn write_to(&self, folder: &Path, durable: bool) -> Result<(), Trouble> {
        let parent = folder.parent().unwrap_or(folder);
        let failed = |step, path: &Path, err| Trouble::of(step, path, parent, err);
        DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .map_err(|err| failed("make", folder, err))?;
        for (name, content) in &self.files {
            let path = folder.join(name);
            let mut file = create_new(&path).map_err(|err| failed("make", &path, err))?;
            file.write_all(content)
                .map_err(|err| failed("write", &path, err))?;
            self.restrict(&self.file_list, &file, &path)?;
            sync(&file, durable).map_err(|err| failed("sync", &path, err))?;
        }
        let handle = open(folder, OFlags::DIRECTORY).map_err(|err| failed("open", folder, err))?;
        self.restrict(&self.folder_list, &handle, folder)?;
        sync(&handle, durable).map_err(|err| failed("sync", folder, err))
    }

    /// Whether `folder` holds exactly this, with its owner, modes and access lists.
    pub(super) fn is_in(&self, folder: &Path) -> io::Result<bool> {
        let handle = open(folder, OFlags::DIRECTORY)?;
        if !is_ours(&handle)? || !self.folder_list.is_on(&handle)? {
            return Ok(false);
        }
        if std::fs::read_dir(folder)?.count() != self.files.len() {
            return Ok(false);
        }
        for (name, content) in &self.files {
            let file = open(&folder.join(name), OFlags::NONBLOCK)?;
            let as_made = is_ours(&file)? && self.file_list.is_on(&file)?;
            if !as_made || !holds(file, content)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn restrict(&self, list: &AccessList, file: &File, path: &Path) -> Result<(), Trouble> {
        list.put_on(file)
            .map_err(|err| Trouble::of_access_list(path, self.file_list.len(), err))
    }
}

/// Makes a file that was not there, for the daemon alone; a link in its place is no way around that.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Opens for reading what `path` itself names, not what a link there points to.
pub(super) fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW;
    OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).expect("open's flags are a C int"))
        .open(path)
}

/// Waits for the disk where there is one.
pub(super) fn sync(file: &File, durable: bool) -> io::Result<()> {
    if durable { file.sync_all() } else { Ok(()) }
}

/// Whether what is stored on the file system of `file` outlives a power loss.
pub(super) fn is_durable(file: &File) -> io::Result<bool> {
    // TMPFS_MAGIC of linux/magic.h.
    const TMPFS: FsWord = 0x0102_1994;
    Ok(rustix::fs::fstatfs(file)?.f_type != TMPFS)
}

/// Whether `file` holds `content` and nothing more.
pub(super) fn holds(file: File, content: &[u8]) -> io::Result<bool> {
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    let room = content.len() + 1;
    let mut found = Zeroizing::new(Vec::with_capacity(room));
    let limit = u64::try_from(room).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut found)?;
    Ok(*found == content)
}

/// Whether `file` belongs to the daemon's user and has no second name.
fn is_ours(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    let names = if metadata.is_dir() {
        1
    } else {
        metadata.nlink()
    };
    Ok(metadata.uid() == rustix::process::geteuid().as_raw() && names == 1)
}
