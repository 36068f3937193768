//! Which records are kept: the syntax of `RUST_LOG`, read more strictly.

use std::env;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Builder, LevelFilter};

/// Where the filter may be set beside the config; it goes before the config's.
const VARIABLE: &str = "RUST_LOG";

/// A filter that cannot be meant, with where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{place}: `{directive}` is no filter; write a level (off, error, warn, info, debug, trace) or \
     TARGET=LEVEL, several with commas, as in info,zoho_tokend::edge=debug"
)]
pub struct BadFilter {
    /// `log` of the config, or `RUST_LOG`.
    pub place: &'static str,
    /// The part that is wrong.
    pub directive: String,
}

/// Reads a filter; `place` is where it stands, for the error.
///
/// A bare word that is no level is refused: to `RUST_LOG`, `inof` means all of a module `inof` and
/// nothing else, so that a slip of the finger silences the daemon.
pub fn parse_filter(text: &str, place: &'static str) -> Result<EnvFilter, BadFilter> {
    let bad = |directive: &str| BadFilter {
        place,
        directive: directive.to_owned(),
    };
    // Trimmed here: tracing-subscriber takes the wrong letters of a directive with a space before it.
    let directives = text.split(',').map(str::trim);
    let directives: Vec<&str> = directives.filter(|part| !part.is_empty()).collect();
    for directive in &directives {
        let is_level = directive.parse::<LevelFilter>().is_ok();
        let is_bare = !directive.contains(['=', '[']);
        if (is_bare && !is_level) || builder().parse(directive).is_err() {
            return Err(bad(directive));
        }
    }
    builder().parse(directives.join(",")).map_err(|_| bad(text))
}

/// The filter in force: of the environment if set there, else of the config. Both must be good.
pub(super) fn chosen_filter(config: &str) -> Result<EnvFilter, BadFilter> {
    let of_config = parse_filter(config, "log")?;
    match env::var(VARIABLE) {
        Ok(text) if !text.trim().is_empty() => parse_filter(&text, VARIABLE),
        _ => Ok(of_config),
    }
}

fn builder() -> Builder {
    EnvFilter::builder().with_regex(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_is_named() {
        for (text, wrong) in [
            ("inof", "inof"),
            ("info,zoho_tokend=lodu", "zoho_tokend=lodu"),
            ("warn, hyper ,debug", "hyper"),
            ("info,[span{a=1=x", "[span{a=1=x"),
        ] {
            let err = parse_filter(text, "log").expect_err(text);
            assert_eq!(err.directive, wrong, "{text}");
            let said = err.to_string();
            assert!(said.starts_with(&format!("log: `{wrong}` is no filter; ")));
        }
    }

    #[test]
    fn the_syntax_of_rust_log_is_taken() {
        for text in [
            "info",
            "OFF",
            "warn,zoho_tokend::edge=debug",
            "[mint{org=acme}]=trace",
            "info, hyper=warn",
            "",
        ] {
            assert!(parse_filter(text, "log").is_ok(), "{text}");
        }
    }
}
