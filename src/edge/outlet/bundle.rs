//! Token files: per org a folder of four files that change together.
//!
//! A new generation is a new folder beside the old one; one rename(2) of a link makes it the org's. A
//! reader that opens `tokens_dir/ORG` once and reads from there sees one generation whole; one that was
//! half-way through a path still finds the old folder. Invariant: an org's name leads to a folder that was
//! right, access lists and all, before the name led there; and no folder outlives its token by our doing.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::folder::{Contents, FolderName};
use super::hold::Hold;
use super::tokens_dir::TokensDir;
use super::{OutletError, Publication, Published, Trouble};
use crate::base::{Boottime, Now, OrgName};

/// How long the folder before stays for readers that are half-way through its path.
const LINGER: Duration = Duration::from_secs(5);

/// The same where nobody knows when its token ends, since another process wrote it: within R1's second.
const LINGER_UNKNOWN: Duration = Duration::from_secs(1);

/// The token files of all orgs. Only one of these may act on a `tokens_dir`.
#[derive(Debug)]
pub struct TokenFiles {
    dir: TokensDir,
    hold: Option<Hold>,
    /// Of the next folder, so that no two attempts of this process share a name.
    serial: u64,
    /// The folders that this process knows to be current, and when their tokens end.
    current: BTreeMap<OrgName, (FolderName, Boottime)>,
    /// Folders that no name leads to any more, and until when they stay.
    retired: Vec<(FolderName, Boottime)>,
}

impl TokenFiles {
    /// The files under `tokens_dir`, which is made if it is missing; its parent is not.
    ///
    /// Refuses a folder that another daemon uses, or that only a person can make fit ([`Trouble::is_of_config`]), like one in use for other
    /// things. Any other trouble is the next publication's, which tries again.
    pub fn open(tokens_dir: &Path) -> Result<Self, OutletError> {
        let (dir, mut hold) = (TokensDir::new(tokens_dir), None);
        if let Err(trouble) = dir.prepare(&mut hold)
            && trouble.is_of_config()
        {
            return Err(trouble.with_dir(dir.root()));
        }
        Ok(Self {
            dir,
            hold,
            serial: 1,
            current: BTreeMap::new(),
            retired: Vec::new(),
        })
    }

    /// One of the things that a folder is in use for, if [`Self::open`] would refuse it for that.
    pub fn stranger_in(tokens_dir: &Path) -> Option<String> {
        TokensDir::new(tokens_dir).stranger().ok().flatten()
    }

    /// What else [`Self::open`] or the first publication would refuse the folder for, in a daemon that runs as `us`.
    pub fn hindrance(tokens_dir: &Path, us: u32) -> Option<Trouble> {
        TokensDir::new(tokens_dir).hindrance(us).err()
    }

    /// At the start: removes all that is not the current folder of one of the `live` orgs.
    ///
    /// That is what a crash left half-made or unswept, and the files of orgs that left or whose token has
    /// ended. Things in `tokens_dir` that the daemon did not make are left alone.
    pub fn tidy(&mut self, live: &[OrgName]) -> Result<(), OutletError> {
        let tidied = self.try_tidy(live);
        tidied.map_err(|trouble| trouble.with_dir(self.dir.root()))
    }

    /// Shows the readers of the org's folder this token, unless they see exactly that already.
    ///
    /// On an error they see what they saw before. Mends what somebody did to the files by writing them anew.
    pub fn publish(
        &mut self,
        publication: &Publication,
        now: Now,
    ) -> Result<Published, OutletError> {
        let published = self.try_publish(publication, now);
        published.map_err(|trouble| trouble.with_files_of(&publication.org))
    }

    /// Takes the org's files away: the name first, then every generation.
    pub fn withdraw(&mut self, org: &OrgName) -> Result<(), OutletError> {
        let held = self.dir.hold(&mut self.hold);
        held.map_err(|trouble| trouble.with_files_of(org))?;
        self.current.remove(org);
        let unlinked = self.dir.unlink(org);
        let removed = self.remove_where(|name| name.is_some_and(|name| name.org == *org));
        if removed.is_ok() {
            self.retired.retain(|(name, _)| name.org != *org);
        }
        unlinked
            .and(removed)
            .map_err(|trouble| trouble.with_files_of(org))
    }

    /// Removes the folders whose time is over; call it at [`Self::next_sweep`] or a little later.
    ///
    /// What cannot be removed is told, the last of several, and tried again at the next sweep.
    pub fn sweep(&mut self, now: Now) -> Result<(), OutletError> {
        let mut result = Ok(());
        self.retired.retain(|(name, until)| {
            if now.boot < *until {
                return true;
            }
            match self.dir.remove(&name.to_string()) {
                Ok(()) => false,
                Err(trouble) => {
                    result = Err(trouble.with_files_of(&name.org));
                    true
                }
            }
        });
        result
    }

    /// When the next folder is to go.
    pub fn next_sweep(&self) -> Option<Boottime> {
        self.retired.iter().map(|(_, until)| *until).min()
    }

    fn try_tidy(&mut self, live: &[OrgName]) -> Result<(), Trouble> {
        self.dir.prepare(&mut self.hold)?;
        let mut kept = Vec::new();
        for org in self.dir.orgs()? {
            match self.dir.current(&org)? {
                Some(name) if live.contains(&org) && self.dir.path_of(&name).is_dir() => {
                    kept.push(name);
                }
                _ => self.dir.unlink(&org)?,
            }
        }
        self.current.retain(|_, (name, _)| kept.contains(name));
        self.remove_where(|name| name.is_none_or(|name| !kept.contains(name)))?;
        self.retired.clear();
        Ok(())
    }

    fn try_publish(&mut self, new: &Publication, now: Now) -> Result<Published, Trouble> {
        let durable = self.dir.prepare(&mut self.hold)?;
        let contents = Contents::of(new);
        let ends = now.boot.plus(new.expires_at.since(now.wall));
        let old = self.dir.current(&new.org)?;
        if let Some(old) = &old
            && old.generation == new.generation
            && contents.is_in(&self.dir.path_of(old)).unwrap_or(false)
        {
            self.current.insert(new.org.clone(), (old.clone(), ends));
            return Ok(Published::Unchanged);
        }
        let name = self.next_name(&new.org, new.generation);
        self.dir.write(&name, &contents, durable)?;
        if let Err(trouble) = self.dir.swap_in(&name) {
            // The org's name still leads to the old folder, and nobody has seen the new one.
            drop(self.dir.remove(&name.to_string()));
            return Err(trouble);
        }
        if let Some(old) = old {
            self.retire(old, &name, ends, now.boot);
        }
        self.current.insert(new.org.clone(), (name, ends));
        self.dir.sync_names(durable)?;
        Ok(Published::Written)
    }

    /// A name that no folder has, of this process or of one before it.
    fn next_name(&mut self, org: &OrgName, generation: u64) -> FolderName {
        let mut name = FolderName {
            org: org.clone(),
            generation,
            serial: self.serial,
        };
        while self.dir.path_of(&name).symlink_metadata().is_ok() {
            name.serial += 1;
        }
        self.serial = name.serial + 1;
        name
    }

    /// Lets `old` stay for a moment, but not past its token's end.
    fn retire(&mut self, old: FolderName, new: &FolderName, new_ends: Boottime, now: Boottime) {
        let until = match self.current.get(&old.org) {
            Some((known, ends)) if *known == old => now.plus(LINGER).min(*ends),
            // The same token, for other readers or after somebody changed its files.
            _ if old.generation == new.generation => now.plus(LINGER).min(new_ends),
            _ => now.plus(LINGER_UNKNOWN),
        };
        self.retired.push((old, until));
    }

    /// Removes what `chosen` picks beside the generations; `None` stands for a thing that is none.
    fn remove_where(&self, chosen: impl Fn(Option<&FolderName>) -> bool) -> Result<(), Trouble> {
        let mut result = Ok(());
        for entry in self.dir.entries()? {
            if chosen(FolderName::parse(&entry).as_ref()) {
                result = self.dir.remove(&entry).and(result);
            }
        }
        result
    }
}
