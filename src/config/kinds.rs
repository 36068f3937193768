//! The kinds of value that several tables share: durations, counts, paths, addresses, names of credentials.

use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use url::{Host, Url};

use super::value::Value;

/// Longest path to a socket: `sun_path` of `sockaddr_un` has 108 bytes with the end (man 7 unix).
const SOCKET_PATH_MAX: usize = 107;
/// Longest path anywhere (`PATH_MAX`, less the end).
const PATH_MAX: usize = 4095;
/// Longest name of a credential: a file's (`NAME_MAX`).
const CREDENTIAL_MAX: usize = 255;
/// Longest name of a client or a data center: an org's.
const NAME_MAX: usize = 63;
/// Longest address.
const URL_MAX: usize = 2048;

/// A duration with its unit. `why` ends the sentence "it must be … to …".
pub(super) fn duration_in(
    range: RangeInclusive<Duration>,
    why: &'static str,
) -> impl Fn(&Value<'_>) -> Option<Duration> {
    move |value| {
        if value.is_whole_number() {
            return value.refuse("has no unit; write it like \"90s\" or \"10m\"");
        }
        let text = value.text()?;
        let Ok(duration) = humantime::parse_duration(text) else {
            return value.refuse("is no duration; write it like \"90s\" or \"10m\"");
        };
        if range.contains(&duration) {
            return Some(duration);
        }
        let [is, least, most] =
            [duration, *range.start(), *range.end()].map(humantime::format_duration);
        value.refuse(format!("is {is}; it must be {least} to {most}{why}"))
    }
}

/// A whole number in a range.
pub(super) fn count_in(range: RangeInclusive<u32>) -> impl Fn(&Value<'_>) -> Option<u32> {
    move |value| {
        let count = u32::try_from(value.whole_number()?).ok();
        let fits = count.filter(|count| range.contains(count));
        let (least, most) = (range.start(), range.end());
        fits.or_else(|| value.refuse(format!("is out of range; write {least} to {most}")))
    }
}

/// An absolute path without `..`, so that two paths are the same only if they read the same.
pub(super) fn path(value: &Value<'_>) -> Option<PathBuf> {
    let text = value.text()?;
    let path = Path::new(text);
    let climbs = path.components().any(|part| part == Component::ParentDir);
    if !path.is_absolute() || climbs {
        return value.refuse("is no whole path; write it from / on and without `..`");
    }
    if text.len() > PATH_MAX || text.contains(char::is_control) {
        return value.refuse("is too long or holds control characters; choose another path");
    }
    Some(path.components().collect())
}

/// A path that a socket can be bound to.
pub(super) fn socket_path(value: &Value<'_>) -> Option<PathBuf> {
    let path = path(value)?;
    if path.as_os_str().len() <= SOCKET_PATH_MAX {
        return Some(path);
    }
    value.refuse(format!(
        "is too long for a socket; the kernel allows {SOCKET_PATH_MAX} bytes, so choose a folder nearer to /"
    ))
}

/// The name of a systemd credential (systemd.exec(5): a file name, and printable ASCII without a colon).
pub(super) fn credential_name(value: &Value<'_>) -> Option<String> {
    let name = value.text()?;
    let is_good = |b: u8| b.is_ascii_graphic() && !matches!(b, b'/' | b':');
    if (1..=CREDENTIAL_MAX).contains(&name.len())
        && name.bytes().all(is_good)
        && !name.starts_with('.')
    {
        return Some(name.to_owned());
    }
    value.refuse(
        "is no name of a credential; write the NAME of LoadCredential=NAME, without / and :",
    )
}

/// An `https` address, or an `http` one on loopback: secrets go there. `example` shows a good one.
pub(super) fn url(value: &Value<'_>, example: &str) -> Option<Url> {
    let text = value.text()?;
    let parsed = Url::parse(text).ok().filter(|_| text.len() <= URL_MAX);
    let Some(url) = parsed.filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return value.refuse(format!("is no address; write it like \"{example}\""));
    };
    if url.scheme() == "http" && !is_loopback(&url) {
        return value.refuse("sends secrets in clear; use https, or http on loopback");
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return value.refuse("holds a user or a #fragment; drop it");
    }
    Some(url)
}

/// The address of a host alone, as all of them are kept: no path, no slash at the end.
pub(super) fn origin(value: &Value<'_>) -> Option<String> {
    let base = base_url(value)?;
    match base.matches('/').count() {
        2 => Some(base),
        _ => value.refuse("ends with a path; drop what follows the host and its port"),
    }
}

/// An address that paths are added to: no query, no slash at the end.
pub(super) fn base_url(value: &Value<'_>) -> Option<String> {
    let url = url(value, "https://accounts.zoho.eu")?;
    if url.query().is_some() {
        return value.refuse("holds a ?query; drop it");
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether `name` can name a client or a data center.
pub(super) fn is_name(name: &str) -> bool {
    let is_good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(is_good)
}

/// Whether `url` cannot leave this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3_only_loopback_counts_as_loopback() {
        let is = |text: &str| is_loopback(&Url::parse(text).expect("a good address"));
        for near in [
            "http://127.0.0.1:9000",
            "http://127.9.9.9",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(is(near), "{near}");
        }
        for far in [
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "http://[::2]",
            "http://0.0.0.0",
        ] {
            assert!(!is(far), "{far}");
        }
    }
}
