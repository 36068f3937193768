//! `[[orgs.NAME.outputs]]`: single files for one job, beside `tokens_dir`.

use std::path::PathBuf;

use super::kinds::path;
use super::principals::{Principal, principal};
use super::report::Outside;
use super::value::Value;

/// Owner and group may read and write; nobody else may do anything, and nobody executes a token.
const MODE_BITS: u32 = 0o660;
const MODE: u32 = 0o640;

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

/// One way to write a token down; what then stands in the file, [`crate::edge::outlet`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// The token alone, without a line break.
    Token,
    /// A header line for `curl -H @FILE`.
    Header,
    /// Variables for systemd's `EnvironmentFile=` and for a shell's `.`.
    Env,
    /// All that is known, one JSON object in one line.
    Json,
}

impl Format {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 4] = [Self::Token, Self::Header, Self::Env, Self::Json];

    /// The word of the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Header => "header",
            Self::Env => "env",
            Self::Json => "json",
        }
    }

    /// The format that `word` names, exactly.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
}

impl Output {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let section = value.section("[[orgs.acme.outputs]]")?;
        let path = section.required("path", "path = \"/srv/sync/zoho.header\"", path);
        let format = section.required("format", "format = \"header\"", |value| {
            value.one_of(&Format::ALL.map(Format::as_str), Format::parse)
        });
        let group = section.optional("group", principal);
        let mode = section.or("mode", MODE, mode);
        section.finish(&[]);
        // Each by itself: a problem beside it hides nothing that is wrong with it.
        if let Some(path) = &path {
            value.mention_of("path", Outside::Output(path.clone()));
        }
        if let Some(group) = &group {
            value.mention_of("group", Outside::OutputGroup(group.clone()));
        }
        Some(Self {
            path: path?,
            format: format?,
            group,
            mode,
        })
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
