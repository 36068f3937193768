//! `[[orgs.NAME.outputs]]`: single files for one job, beside `tokens_dir`.

use std::path::PathBuf;

use super::kinds::path;
use super::principals::{Principal, principal};
use super::report::Outside;
use super::value::Value;

/// Owner and group may read and write; nobody else may do anything, and nobody executes a token.
const MODE_BITS: u32 = 0o660;
const MODE: u32 = 0o640;
const FORMATS: [Format; 4] = [Format::Token, Format::Header, Format::Env, Format::Json];

/// A file that holds the org's current token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Where. Its folder must be writable by the daemon.
    pub path: PathBuf,
    /// What is in it.
    pub format: Format,
    /// Its group; `None`: the daemon's own.
    pub group: Option<Principal>,
    /// Its mode.
    pub mode: u32,
}

/// How a token is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The token alone.
    Token,
    /// `Authorization: Zoho-oauthtoken …`.
    Header,
    /// `ZOHO_ACCESS_TOKEN=…`.
    Env,
    /// With its org, scope and end.
    Json,
}

impl Format {
    /// The word of the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Header => "header",
            Self::Env => "env",
            Self::Json => "json",
        }
    }
}

impl Output {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let section = value.section("[[orgs.acme.outputs]]")?;
        let path = section.required("path", "path = \"/srv/sync/zoho.header\"", path);
        let format = section.required("format", "format = \"header\"", |value| {
            let parse = |word: &str| FORMATS.into_iter().find(|format| format.as_str() == word);
            value.one_of(&FORMATS.map(Format::as_str), parse)
        });
        let group = section.optional("group", principal);
        let mode = section.or("mode", MODE, mode);
        section.finish(&[]);
        let new = Self {
            path: path?,
            format: format?,
            group,
            mode,
        };
        value.mention(Outside::Output(new.clone()));
        Some(new)
    }
}

fn mode(value: &Value<'_>) -> Option<u32> {
    if value.is_whole_number() {
        return value.refuse("must be a text; write it like \"0640\"");
    }
    let text = value.text()?;
    let is_octal = text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    let mode = u32::from_str_radix(text, 8).ok();
    let Some(mode) = mode.filter(|_| is_octal && (3..=4).contains(&text.len())) else {
        return value.refuse("is no mode; write it in octal, like \"0640\"");
    };
    if mode & !MODE_BITS == 0 && mode & 0o400 != 0 {
        return Some(mode);
    }
    value.refuse(format!(
        "is {mode:04o}; a token is for its owner and group alone: use 0600, 0640 or 0660"
    ))
}
