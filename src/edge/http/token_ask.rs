//! What a read of a token asks for: parameters, `Accept`, `If-None-Match`.

use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{ACCEPT, HeaderName, IF_NONE_MATCH};

use super::ask::{Pairs, unknown};
use super::call::BadAsk;
use crate::policy::query::Query;

/// The longest that a read may wait for something new.
pub(super) const WAIT_MAX: Duration = Duration::from_mins(1);

/// A read of a token.
#[derive(Debug)]
pub struct TokenAsk {
    /// What it must satisfy.
    pub query: Query,
    /// How long to wait for one that does, at most a minute.
    pub wait: Duration,
    /// `Accept: text/plain`: the token alone.
    pub plain: bool,
    /// The tags of `If-None-Match`, as sent.
    if_none_match: Vec<String>,
}

impl TokenAsk {
    pub(super) fn parse(pairs: &Pairs<'_>, headers: &HeaderMap) -> Result<Self, BadAsk> {
        let mut ask = Self {
            query: Query::default(),
            wait: Duration::ZERO,
            plain: prefers_plain(headers),
            if_none_match: items(headers, &IF_NONE_MATCH).map(str::to_owned).collect(),
        };
        for (key, value) in pairs {
            match &**key {
                "min_ttl" => ask.query.min_ttl = Some(duration(key, value)?),
                "wait" => ask.wait = duration(key, value)?.min(WAIT_MAX),
                "after" => {
                    let generation = value.parse().map_err(|_| {
                        let told = "after is no generation; give the number that came with a token";
                        BadAsk::Malformed(told.to_owned())
                    })?;
                    ask.query.after = Some(generation);
                }
                _ => return Err(unknown(key, "there are min_ttl, wait and after")),
            }
        }
        Ok(ask)
    }

    /// Whether the client has what bears `etag`, by the weak comparison of RFC 9110 §8.8.3.2.
    pub fn has(&self, etag: &str) -> bool {
        let mut tags = self.if_none_match.iter();
        tags.any(|tag| tag == "*" || opaque(tag) == opaque(etag))
    }
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Seconds as a bare number, or as people write them: `300`, `5m`.
pub(super) fn duration(key: &str, value: &str) -> Result<Duration, BadAsk> {
    let bare = value.parse().ok().map(Duration::from_secs);
    let spelled = || humantime::parse_duration(value).ok();
    bare.or_else(spelled)
        .ok_or_else(|| BadAsk::Malformed(format!("{key} is no duration; write it like 300 or 5m")))
}

/// Whether `text/plain` is named, and is wanted more than JSON. Ranges with a star mean JSON.
fn prefers_plain(headers: &HeaderMap) -> bool {
    let weight_of = |kind: &str| {
        let weights = items(headers, &ACCEPT).filter_map(|range| weight(range, kind));
        weights.fold(0.0, f32::max)
    };
    weight_of("text/plain") > weight_of("application/json")
}

/// The weight of a media range (RFC 9110 §12.5.1), if it is of this kind; 0 means "not this".
fn weight(range: &str, kind: &str) -> Option<f32> {
    let mut parts = range.split(';').map(str::trim);
    parts.next().filter(|own| own.eq_ignore_ascii_case(kind))?;
    let q = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.eq_ignore_ascii_case("q").then_some(value)
    });
    Some(q.map_or(1.0, |value| value.parse().unwrap_or(0.0)))
}

/// The items of a list header, over all of its lines.
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    texts.flat_map(|text| text.split(',').map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn ask(pairs: &[(&str, &str)]) -> Result<TokenAsk, BadAsk> {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        TokenAsk::parse(&pairs.collect(), &HeaderMap::new())
    }

    fn ask_with(name: &HeaderName, lines: &[&'static str]) -> TokenAsk {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_static(line));
        }
        TokenAsk::parse(&Vec::new(), &headers).expect("no parameter is wrong")
    }

    #[test]
    fn a_read_takes_seconds_or_spelled_durations() {
        let ask = ask(&[("min_ttl", "5m"), ("wait", "10"), ("after", "7")]).expect("a read");
        assert_eq!(ask.query.min_ttl, Some(Duration::from_mins(5)));
        assert_eq!(ask.wait, Duration::from_secs(10));
        assert_eq!(ask.query.after, Some(7));
        assert!(!ask.plain);
    }

    #[test]
    fn a_wait_is_cut_to_a_minute() {
        assert_eq!(ask(&[("wait", "9000")]).expect("a read").wait, WAIT_MAX);
    }

    #[test]
    fn what_does_not_parse_is_refused() {
        for pair in [
            ("ttl", "1"),
            ("wait", "-1"),
            ("min_ttl", "abc"),
            ("after", "x"),
        ] {
            assert!(
                matches!(ask(&[pair]), Err(BadAsk::Malformed(_))),
                "{pair:?}"
            );
        }
    }

    #[test]
    fn text_is_sent_to_whom_it_is_named_by_and_to_nobody_who_refuses_it() {
        let plain = |lines: &[&'static str]| ask_with(&ACCEPT, lines).plain;
        assert!(plain(&["text/plain"]));
        assert!(plain(&["text/plain;q=0.5, */*"]));
        assert!(plain(&["image/png", "Text/Plain"]));
        assert!(plain(&["application/json;q=0.5, text/plain"]));
        for json in ["text/plain;q=0", "text/plain; Q=0.0", "text/plainer", "*/*"] {
            assert!(!plain(&[json]), "{json}");
        }
        assert!(!plain(&["text/plain", "application/json"]));
    }

    #[test]
    fn a_tag_is_known_by_its_text_on_any_line_weak_or_not() {
        let knows = |lines: &[&'static str]| ask_with(&IF_NONE_MATCH, lines).has("W/\"7-ab\"");
        assert!(knows(&["W/\"7-ab\""]));
        assert!(knows(&["\"7-ab\""]));
        assert!(knows(&["\"other\"", "W/\"x\", W/\"7-ab\""]));
        assert!(knows(&["*"]));
        assert!(!knows(&["\"7-ac\""]));
        assert!(!knows(&[]));
    }
}
