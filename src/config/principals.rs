//! Who is meant by `{ users = […], groups = […] }`: names or numbers, not yet looked up.

use super::report::Outside;
use super::value::{Value, shown};

/// Most users or groups in one list.
const COUNT_MAX: usize = 256;
/// Longest name: what `useradd` allows is 32, directory servers allow more.
const NAME_MAX: usize = 256;

/// Users and groups as the config names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principals {
    /// By name or uid.
    pub users: Vec<Principal>,
    /// By name or gid.
    pub groups: Vec<Principal>,
}

/// One user or group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    /// To be looked up.
    Name(String),
    /// Needs no look-up, and may be nobody's yet.
    Id(u32),
}

impl Principals {
    /// The one user that every machine has.
    pub(super) fn root() -> Self {
        Self {
            users: vec![Principal::Name("root".to_owned())],
            groups: vec![],
        }
    }

    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let section = value.section("{ users = [\"crm-sync\"], groups = [] }")?;
        let new = Self {
            users: section.or("users", vec![], |value| list(value, Outside::User)),
            groups: section.or("groups", vec![], |value| list(value, Outside::Group)),
        };
        section.finish(&[]);
        Some(new)
    }
}

/// Why nobody may read by this number, if so.
///
/// systemd gives 61184–65519 to whichever `DynamicUser=` comes first (systemd.io/UIDS-GIDS); 65534 is everyone
/// without a name here; 65535 and 4294967295 are -1 in 16 and 32 bits.
pub fn refusal_of_id(id: u32) -> Option<&'static str> {
    match id {
        61_184..=65_519 => Some(
            "is one of systemd's dynamic ids, which name another service tomorrow; name a group, and give the \
             reading unit SupplementaryGroups= with it",
        ),
        65_534 => {
            Some("is nobody, which stands for every stranger; name a user or group of your own")
        }
        65_535 | u32::MAX => Some("is no id, but -1; name a user or group of your own"),
        _ => None,
    }
}

fn list(value: &Value<'_>, outside: fn(Principal) -> Outside) -> Option<Vec<Principal>> {
    let items = value.items("[\"crm-sync\", 1001]", COUNT_MAX)?;
    let mut principals = vec![];
    for item in &items {
        if let Some(principal) = principal(item) {
            item.mention(outside(principal.clone()));
            principals.push(principal);
        }
    }
    Some(principals)
}

pub(super) fn principal(value: &Value<'_>) -> Option<Principal> {
    if value.is_whole_number() {
        let number = u32::try_from(value.whole_number()?).ok();
        return match number {
            Some(number) => id(value, number),
            None => {
                value.refuse("holds a number that no user or group can have; write one of your own")
            }
        };
    }
    let text = value.text()?;
    if let Ok(number) = text.parse() {
        return id(value, number);
    }
    // A space inside stays: directory servers have groups such as "domain users".
    let is_good = |c: char| !c.is_control() && !matches!(c, ':' | ',' | '/');
    let is_filled = (1..=NAME_MAX).contains(&text.len()) && text.trim() == text;
    if is_filled && text.chars().all(is_good) {
        return Some(Principal::Name(text.to_owned()));
    }
    let text = shown(text);
    value.refuse(format!(
        "holds `{text}`, which is no name; write one name an entry"
    ))
}

fn id(value: &Value<'_>, id: u32) -> Option<Principal> {
    match refusal_of_id(id) {
        Some(why) => value.refuse(format!("holds {id}, which {why}")),
        None => Some(Principal::Id(id)),
    }
}
