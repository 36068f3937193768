//! Text that is the key of a map, and is compared more often than read.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A text with its first bytes as a number, which sorts as they do: most keys differ there, and a step of the policy
/// looks a dozen of them up. Cheap to clone, and its clones are told to be equal without a look at the text.
#[derive(Clone)]
pub struct Key {
    head: u64,
    text: Arc<str>,
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_head = self.head.cmp(&other.head);
        if by_head.is_ne() || Arc::ptr_eq(&self.text, &other.text) {
            return by_head;
        }
        if self.text.len().max(other.text.len()) <= size_of_val(&self.head) {
            // All of it is in the head, but for the zeros at its end.
            return self.text.len().cmp(&other.text.len());
        }
        self.text.cmp(&other.text)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Key {}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
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
            let (left, right) = (Key::from(*one), Key::from(other));
            assert_eq!(left.cmp(&right), (*one).cmp(other), "{one:?} {other:?}");
            assert_eq!(left == right, *one == other, "{one:?} {other:?}");
            assert_eq!(left.clone(), left);
        }
    }
}
