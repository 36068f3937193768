//! Every name of the config as ids: who may do what, and which group an output gets.
//!
//! A directory server that is down must not stop the daemon, nor take a right away that it has confirmed before:
//! then the last known number counts, and is looked up again later. Invariant: a name that was never looked up
//! grants nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::OrgName;
use crate::config::{self, Config, Principal, Principals};
use crate::edge::outlet::Output;
use crate::edge::users::{self, Unresolved};
use crate::policy::access::{Access, Ids};

/// How long all look-ups together may take before the rest counts as failed: a start has 90 s in all.
const LOOK_UP_MAX: Duration = Duration::from_secs(10);

/// What names were looked up to.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
}

/// The config's names, looked up.
pub(super) struct Names {
    pub(super) access: Access,
    pub(super) readers: BTreeMap<OrgName, Ids>,
    pub(super) outputs: BTreeMap<OrgName, Vec<Output>>,
    /// What is to be looked up again, each as a sentence.
    pub(super) unresolved: Vec<String>,
    pub(super) known: Known,
}

impl Names {
    /// Looks all of them up, each name once. Blocks for as long as the directory server does.
    pub(super) fn look_up(config: &Config, before: &Known) -> Self {
        let mut directory = Directory::new(before);
        let admins = directory.ids("daemon.admins", &config.daemon.admins);
        let monitors = directory.ids("daemon.monitors", &config.daemon.monitors);
        let (mut readers, mut outputs) = (BTreeMap::new(), BTreeMap::new());
        for (name, org) in &config.orgs {
            let key = format!("orgs.{name}.readers");
            readers.insert(name.clone(), directory.ids(&key, &org.readers));
            let own = org
                .outputs
                .iter()
                .filter_map(|output| directory.output(name, output));
            outputs.insert(name.clone(), own.collect());
        }
        Self {
            access: Access {
                admins,
                monitors,
                own_uid: rustix::process::geteuid().as_raw(),
            },
            readers,
            outputs,
            unresolved: directory.unresolved,
            known: directory.known,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    User,
    Group,
}

/// One round of look-ups.
struct Directory<'a> {
    before: &'a Known,
    known: Known,
    until: Instant,
    unresolved: Vec<String>,
}

impl<'a> Directory<'a> {
    fn new(before: &'a Known) -> Self {
        Self {
            before,
            known: Known::default(),
            until: Instant::now() + LOOK_UP_MAX,
            unresolved: Vec::new(),
        }
    }

    fn ids(&mut self, key: &str, principals: &Principals) -> Ids {
        let mut of = |kind, list: &[Principal]| {
            let found = list
                .iter()
                .filter_map(|principal| self.id(key, kind, principal));
            found.collect()
        };
        Ids {
            users: of(Kind::User, &principals.users),
            groups: of(Kind::Group, &principals.groups),
        }
    }

    /// An output whose group nobody has is left out: its readers could not read it anyway.
    fn output(&mut self, org: &OrgName, output: &config::Output) -> Option<Output> {
        let group = match &output.group {
            Some(group) => {
                let key = format!("orgs.{org}.outputs {}", output.path.display());
                Some(self.id(&key, Kind::Group, group)?)
            }
            None => None,
        };
        Some(Output {
            path: output.path.clone(),
            format: output.format,
            group,
            mode: output.mode,
        })
    }

    fn id(&mut self, key: &str, kind: Kind, principal: &Principal) -> Option<u32> {
        let name = match principal {
            Principal::Id(id) => return Some(*id),
            Principal::Name(name) => name,
        };
        if let Some(id) = self.known.of(kind).get(name) {
            return Some(*id);
        }
        let (id, why) = self.ask(kind, principal, name);
        if let Some(why) = why {
            self.unresolved.push(format!("config: {key} {why}"));
        }
        if let Some(id) = id {
            self.known.of_mut(kind).insert(name.clone(), id);
        }
        id
    }

    /// The id to go by, and what is to be said of it.
    fn ask(&self, kind: Kind, principal: &Principal, name: &str) -> (Option<u32>, Option<String>) {
        let last = self.before.of(kind).get(name).copied();
        if Instant::now() >= self.until {
            let why = format!(
                "names {name}, which was not looked up: the directory server is too slow; look at it"
            );
            return (last, Some(why));
        }
        let found = match kind {
            Kind::User => users::user(principal),
            Kind::Group => users::group(principal),
        };
        match found {
            Ok(id) => (Some(id), None),
            Err(why @ Unresolved::LookupFailed { .. }) => (last, Some(why.to_string())),
            Err(why) => (None, Some(why.to_string())),
        }
    }
}

impl Known {
    fn of(&self, kind: Kind) -> &BTreeMap<String, u32> {
        match kind {
            Kind::User => &self.users,
            Kind::Group => &self.groups,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut BTreeMap<String, u32> {
        match kind {
            Kind::User => &mut self.users,
            Kind::Group => &mut self.groups,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str, id: u32) -> Known {
        Known {
            users: BTreeMap::from([(name.to_owned(), id)]),
            groups: BTreeMap::new(),
        }
    }

    #[test]
    fn a_directory_server_that_is_too_slow_takes_no_right_away() {
        let before = known("crm-sync", 1001);
        let mut directory = Directory::new(&before);
        directory.until = Instant::now();
        let crm_sync = Principal::Name("crm-sync".into());
        assert_eq!(
            directory.id("orgs.acme.readers", Kind::User, &crm_sync),
            Some(1001)
        );
        assert!(
            directory.unresolved[0].contains("too slow"),
            "it is looked up again"
        );
        let stranger = Principal::Name("stranger".into());
        assert_eq!(
            directory.id("orgs.acme.readers", Kind::User, &stranger),
            None
        );
    }

    #[test]
    fn a_user_that_was_deleted_loses_its_right() {
        let before = known("no-such-user-at-all", 1001);
        let mut directory = Directory::new(&before);
        let gone = Principal::Name("no-such-user-at-all".into());
        assert_eq!(directory.id("orgs.acme.readers", Kind::User, &gone), None);
        assert!(directory.unresolved[0].contains("does not exist"));
    }
}
