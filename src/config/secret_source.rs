//! Where a secret is kept: never in the config itself.

use std::path::PathBuf;

use super::kinds::{credential_name, path};
use super::value::Value;

/// Where to read a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretSource {
    /// A file of this name in `$CREDENTIALS_DIRECTORY` (systemd.exec(5), `LoadCredential=`).
    Credential(String),
    /// A file that only its owner can read.
    File(PathBuf),
}

impl SecretSource {
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        if value.is_text() {
            return value.refuse(
                "must not stand here itself; put it into a file of its own and write { credential = \"NAME\" } \
                 or { file = \"/…\" }",
            );
        }
        let section = value.section("{ credential = \"NAME\" }")?;
        let credential = section.value("credential");
        let file = section.value("file");
        section.finish(&[]);
        match (credential, file) {
            (Some(name), None) => credential_name(&name).map(Self::Credential),
            (None, Some(file)) => path(&file).map(Self::File),
            (Some(_), Some(file)) => file.refuse("and `credential` exclude each other; keep one"),
            (None, None) => value.refuse_absent(
                "names no place; write { credential = \"NAME\" } or { file = \"/…\" }",
            ),
        }
    }
}
