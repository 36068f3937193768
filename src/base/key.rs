//! Text that is the key of a map, and is compared more often than read.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A text with its first bytes as a number, which sorts as they do: most keys differ there, and a step of the policy
/// looks a dozen of them up. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    head: u64,
    text: Arc<str>,
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        let mut head = [0; 8];
        let length = text.len().min(head.len());
        head[..length].copy_from_slice(&text.as_bytes()[..length]);
        Self {
            head: u64::from_be_bytes(head),
            text: text.into(),
        }
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl Key {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq<str> for Key {
    fn eq(&self, other: &str) -> bool {
        *self.text == *other
    }
}

impl PartialEq<&str> for Key {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_texts_do() {
        let texts = [
            "",
            "\0",
            "a",
            "a\0",
            "a-b",
            "abcdefgh",
            "abcdefgh\0",
            "abcdefghi",
            "b",
            "é",
        ];
        for (one, other) in texts.iter().flat_map(|one| texts.map(|other| (one, other))) {
            let order = Key::from(*one).cmp(&Key::from(other));
            assert_eq!(order, (*one).cmp(other), "{one:?} {other:?}");
        }
    }
}
