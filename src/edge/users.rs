//! Names of users and groups to numbers, through NSS, so that a directory server's count too.
//!
//! A look-up may wait for that server: never call this on the daemon's own thread. Invariant: a name that cannot be
//! looked up grants nothing, and takes nothing from the others.

use nix::unistd::{Group, User};

use crate::config::{Principal, Principals, refusal_of_id};
use crate::policy::access::Ids;

/// Why a user or group counts for nothing now. Ends a sentence that names the key, and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// Nobody has that name.
    #[error("names {kind} {name}, which does not exist; make it, or correct the name")]
    Unknown {
        /// `user` or `group`.
        kind: &'static str,
        /// As configured.
        name: String,
    },
    /// The name belongs to a number that means nobody in particular.
    #[error("names {kind} {name}, whose number {id} {why}")]
    Refused {
        /// `user` or `group`.
        kind: &'static str,
        /// As configured.
        name: String,
        /// What it was looked up to.
        id: u32,
        /// Why that cannot read.
        why: &'static str,
    },
    /// The directory server did not answer.
    #[error(
        "names {kind} {name}, which could not be looked up ({why}); look at the directory server"
    )]
    LookupFailed {
        /// `user` or `group`.
        kind: &'static str,
        /// As configured.
        name: String,
        /// What the system said.
        why: nix::errno::Errno,
    },
}

/// The numbers of all that can be looked up now, and what is to be said of the others.
pub fn resolve(principals: &Principals) -> (Ids, Vec<Unresolved>) {
    let (mut ids, mut unresolved) = (Ids::default(), vec![]);
    for principal in &principals.users {
        match user(principal) {
            Ok(id) => drop(ids.users.insert(id)),
            Err(why) => unresolved.push(why),
        }
    }
    for principal in &principals.groups {
        match group(principal) {
            Ok(id) => drop(ids.groups.insert(id)),
            Err(why) => unresolved.push(why),
        }
    }
    (ids, unresolved)
}

/// The uid of one user.
pub fn user(principal: &Principal) -> Result<u32, Unresolved> {
    look_up("user", principal, |name| {
        Ok(User::from_name(name)?.map(|user| user.uid.as_raw()))
    })
}

/// The gid of one group.
pub fn group(principal: &Principal) -> Result<u32, Unresolved> {
    look_up("group", principal, |name| {
        Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()))
    })
}

fn look_up(
    kind: &'static str,
    principal: &Principal,
    find: impl FnOnce(&str) -> nix::Result<Option<u32>>,
) -> Result<u32, Unresolved> {
    let name = match principal {
        Principal::Id(id) => return Ok(*id),
        Principal::Name(name) => name.clone(),
    };
    match find(&name) {
        Ok(Some(id)) => match refusal_of_id(id) {
            None => Ok(id),
            Some(why) => Err(Unresolved::Refused {
                kind,
                name,
                id,
                why,
            }),
        },
        Ok(None) => Err(Unresolved::Unknown { kind, name }),
        Err(why) => Err(Unresolved::LookupFailed { kind, name, why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_takes_nothing_from_the_others() {
        let principals = Principals {
            users: vec![
                Principal::Name("no-such-user".into()),
                Principal::Name("root".into()),
                Principal::Id(4711),
            ],
            groups: vec![Principal::Name("root".into())],
        };
        let (ids, unresolved) = resolve(&principals);
        assert_eq!(ids.users, [0, 4711].into());
        assert_eq!(ids.groups, [0].into());
        let told: Vec<_> = unresolved.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["names user no-such-user, which does not exist; make it, or correct the name"]
        );
    }

    #[test]
    fn s2_a_name_of_a_number_that_means_nobody_grants_nothing() {
        for id in [61_184, 65_519, 65_534] {
            let found = look_up("user", &Principal::Name("web".into()), |_| Ok(Some(id)));
            assert!(matches!(found, Err(Unresolved::Refused { .. })), "{id}");
        }
    }

    #[test]
    fn a_silent_directory_server_is_not_taken_for_a_missing_user() {
        let down = |_: &str| Err(nix::errno::Errno::ETIMEDOUT);
        let found = look_up("user", &Principal::Name("web".into()), down);
        assert!(matches!(found, Err(Unresolved::LookupFailed { .. })));
    }
}
