//! POSIX access lists: named users and groups that may read, beside the owner.
//!
//! The owner of a file may set its list, so the daemon needs no privilege to let a reader in. Written as
//! the bytes of the extended attribute (`linux/posix_acl_xattr.h`): the crates for it want the C library
//! libacl and its headers wherever the daemon is built. Invariant: whoever is not named gets nothing, and
//! [`NOBODY`] gets nothing whatever groups it is in, as on the socket.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{XattrFlags, fgetxattr, fremovexattr, fsetxattr, getxattr};
use rustix::io::Errno;

use crate::policy::access::{Ids, NOBODY};

const ATTRIBUTE: &str = "system.posix_acl_access";
const VERSION: u32 = 2;
/// Bytes of one entry: two of tag, two of rights, four of id.
const ENTRY_LEN: usize = 8;
/// Entries that name nobody: owner, owning group, mask, others.
const UNNAMED_COUNT: usize = 4;
const READ: u16 = 4;
const WRITE: u16 = 2;
const SEARCH: u16 = 1;
/// The id of an entry that names nobody; no process can have it.
const NO_ID: u32 = u32::MAX;

/// Kinds of entry, in the order in which the kernel takes them (`posix_acl_valid`); users and groups in
/// rising order of their ids.
#[derive(Clone, Copy)]
enum Tag {
    Owner = 0x01,
    User = 0x02,
    OwningGroup = 0x04,
    Group = 0x08,
    Mask = 0x10,
    Other = 0x20,
}

/// Who may do what with one file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessList {
    mode: u32,
    /// The attribute; `None` where nobody is named and the mode says it all.
    attribute: Option<Vec<u8>>,
}

impl AccessList {
    /// A file that its owner and `readers` may read, and nobody may write.
    pub fn of_file(readers: &Ids) -> Self {
        Self::new(READ, READ, readers)
    }

    /// A folder that its owner fills, and that `readers` may list and enter.
    pub fn of_folder(readers: &Ids) -> Self {
        Self::new(READ | WRITE | SEARCH, READ | SEARCH, readers)
    }

    fn new(owner: u16, reader: u16, readers: &Ids) -> Self {
        let can_be = |id: &u32| *id != NOBODY && *id != NO_ID;
        let named = |ids: &BTreeSet<u32>| -> BTreeMap<u32, u16> {
            ids.iter()
                .copied()
                .filter(can_be)
                .map(|id| (id, reader))
                .collect()
        };
        let (mut users, groups) = (named(&readers.users), named(&readers.groups));
        let owner_mode = u32::from(owner) << 6;
        if users.is_empty() && groups.is_empty() {
            return Self {
                mode: owner_mode,
                attribute: None,
            };
        }
        if !groups.is_empty() {
            // A user's own entry goes before every group that it is in.
            users.insert(NOBODY, 0);
        }
        let one = |tag, rights| (tag, NO_ID, rights);
        let entries = [one(Tag::Owner, owner)]
            .into_iter()
            .chain(
                users
                    .into_iter()
                    .map(|(id, rights)| (Tag::User, id, rights)),
            )
            .chain([one(Tag::OwningGroup, 0)])
            .chain(
                groups
                    .into_iter()
                    .map(|(id, rights)| (Tag::Group, id, rights)),
            )
            .chain([one(Tag::Mask, reader), one(Tag::Other, 0)]);
        Self {
            // With a list, the mode's middle digit is the mask (acl(5)).
            mode: owner_mode | u32::from(reader) << 3,
            attribute: Some(encode(entries)),
        }
    }

    /// How many users and groups the list names.
    pub fn len(&self) -> usize {
        let entries = self
            .attribute
            .as_ref()
            .map_or(0, |bytes| bytes.len() / ENTRY_LEN);
        entries.saturating_sub(UNNAMED_COUNT)
    }

    /// Whether the list names nobody.
    pub fn is_empty(&self) -> bool {
        self.attribute.is_none()
    }

    /// Sets mode and list on `file`, which must have been made with no right for group and others.
    ///
    /// Nobody has more rights in between than before or after.
    pub fn put_on(&self, file: &File) -> io::Result<()> {
        match &self.attribute {
            None => drop_list(file)?,
            // Also sets the mode's nine bits.
            Some(bytes) => fsetxattr(file, ATTRIBUTE, bytes, XattrFlags::empty())?,
        }
        file.set_permissions(Permissions::from_mode(self.mode))
    }

    /// Whether `file` has exactly this mode and this list.
    pub fn is_on(&self, file: &File) -> io::Result<bool> {
        if file.metadata()?.mode() & 0o7777 != self.mode {
            return Ok(false);
        }
        let expected = self.attribute.as_deref().unwrap_or_default();
        let mut found = vec![0; expected.len() + 1];
        match fgetxattr(file, ATTRIBUTE, &mut found[..]) {
            Ok(len) => Ok(&found[..len] == expected),
            Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(expected.is_empty()),
            Err(Errno::RANGE) => Ok(false),
            Err(err) => Err(err.into()),
        }
    }
}

/// Drops a list that `file` has from its folder's default list; to have none is fine.
pub fn drop_list(file: &File) -> io::Result<()> {
    match fremovexattr(file, ATTRIBUTE) {
        Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(()),
        Err(err) => Err(err.into()),
    }
}

/// Whether `file` has a list, so that its mode does not say it all.
pub fn has_list(file: &File) -> io::Result<bool> {
    match fgetxattr(file, ATTRIBUTE, &mut [0; 4][..]) {
        Ok(_) | Err(Errno::RANGE) => Ok(true),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(false),
        Err(err) => Err(err.into()),
    }
}

/// Whether the file system of `path` knows lists. Where the look fails, writing will tell.
pub(super) fn knows_lists(path: &Path) -> bool {
    let looked = getxattr(path, ATTRIBUTE, &mut [0; 4][..]);
    !matches!(looked, Err(Errno::OPNOTSUPP))
}

fn encode(entries: impl Iterator<Item = (Tag, u32, u16)>) -> Vec<u8> {
    let mut bytes = VERSION.to_le_bytes().to_vec();
    for (tag, id, rights) in entries {
        bytes.extend_from_slice(&(tag as u16).to_le_bytes());
        bytes.extend_from_slice(&rights.to_le_bytes());
        bytes.extend_from_slice(&id.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(users: &[u32], groups: &[u32]) -> Ids {
        Ids {
            users: users.iter().copied().collect(),
            groups: groups.iter().copied().collect(),
        }
    }

    /// Entries as (tag, rights, id).
    fn entries(list: &AccessList) -> Vec<(u16, u16, u32)> {
        let bytes = list.attribute.as_deref().expect("somebody is named");
        let (version, entries) = bytes.split_at(4);
        assert_eq!(version, [2, 0, 0, 0]);
        let entry = |e: &[u8]| {
            let word = |at: usize| u16::from_le_bytes([e[at], e[at + 1]]);
            (
                word(0),
                word(2),
                u32::from_le_bytes([e[4], e[5], e[6], e[7]]),
            )
        };
        entries.chunks_exact(ENTRY_LEN).map(entry).collect()
    }

    #[test]
    fn entries_stand_in_the_order_that_the_kernel_takes() {
        let list = AccessList::of_file(&ids(&[70_000, 1001], &[500, 9]));
        assert_eq!(
            entries(&list),
            [
                (0x01, 4, NO_ID),
                (0x02, 4, 1001),
                (0x02, 0, NOBODY),
                (0x02, 4, 70_000),
                (0x04, 0, NO_ID),
                (0x08, 4, 9),
                (0x08, 4, 500),
                (0x10, 4, NO_ID),
                (0x20, 0, NO_ID),
            ]
        );
        assert_eq!((list.mode, list.len()), (0o440, 5));
    }

    #[test]
    fn a_reader_may_enter_a_folder_and_not_write_in_it() {
        let list = AccessList::of_folder(&ids(&[1001], &[]));
        assert_eq!(entries(&list)[1], (0x02, 5, 1001));
        assert_eq!(list.mode, 0o750);
    }

    #[test]
    fn without_readers_the_mode_says_it_all() {
        assert_eq!(AccessList::of_file(&Ids::default()).mode, 0o400);
        assert_eq!(AccessList::of_folder(&Ids::default()).mode, 0o700);
        assert!(AccessList::of_folder(&Ids::default()).is_empty());
    }

    /// S2
    #[test]
    fn s2_nobody_is_never_named_as_a_reader() {
        let list = AccessList::of_file(&ids(&[NOBODY], &[NOBODY, NO_ID]));
        assert!(list.is_empty());
        let list = AccessList::of_file(&ids(&[1001, NOBODY], &[500]));
        let of_nobody: Vec<_> = entries(&list)
            .into_iter()
            .filter(|e| e.2 == NOBODY)
            .collect();
        assert_eq!(of_nobody, [(0x02, 0, NOBODY)]);
    }

    #[test]
    fn a_list_is_found_where_it_was_put_and_missed_where_it_was_changed() {
        let file = tempfile::tempfile().expect("a temporary file");
        let list = AccessList::of_file(&ids(&[1001], &[500]));
        assert!(!list.is_on(&file).expect("readable"));
        list.put_on(&file)
            .expect("the file system has access lists");
        assert!(list.is_on(&file).expect("readable"));
        file.set_permissions(Permissions::from_mode(0o400))
            .expect("ours");
        assert!(
            !list.is_on(&file).expect("readable"),
            "the mask hides the readers"
        );
        let more = AccessList::of_file(&ids(&[1001, 1002], &[500]));
        more.put_on(&file).expect("ours");
        assert!(!list.is_on(&file).expect("readable"), "one reader too many");
        let none = AccessList::of_file(&Ids::default());
        none.put_on(&file).expect("ours");
        assert!(none.is_on(&file).expect("readable") && !list.is_on(&file).expect("readable"));
    }
}
