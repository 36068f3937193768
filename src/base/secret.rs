//! Refresh tokens, access tokens, client secrets and grant codes.

use std::fmt;

use zeroize::Zeroizing;

/// A text that must not leak: never printed, cloned, serialised or compared by accident; wiped when dropped.
///
/// Share one through an `Arc`. [`Secret::expose`] is the only way out: search for it to audit every use.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; the caller's own copies are the caller's to wipe.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What tells it from most others, and nothing more.
    pub fn mark(&self) -> SecretMark {
        // FNV-1a, 64 bits: the same in every release, since the state holds it.
        let hash = self
            .0
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        let folded = hash
            .to_be_bytes()
            .chunks_exact(2)
            .fold([0, 0], |sum, pair| [sum[0] ^ pair[0], sum[1] ^ pair[1]]);
        SecretMark(u16::from_be_bytes(folded))
    }

    /// Whether both hold the same text, in a time that depends on the lengths alone.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
    }
}

/// Sixteen bits of a secret: enough to see that another one has taken its place, too few to find it by.
///
/// Two secrets have the same mark once in 65 536 times; whoever asks must be able to live with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretMark(pub u16);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_a_secret_prints_its_length_alone() {
        assert_eq!(
            format!("{:?}", Secret::new("1000.canary".into())),
            "Secret(11 bytes)"
        );
    }

    #[test]
    fn a_mark_is_of_the_text_alone_and_the_same_in_every_release() {
        let mark = |text: &str| Secret::new(text.into()).mark();
        assert_eq!(mark("abc"), mark("abc"));
        assert_ne!(mark("abc"), mark("abd"));
        assert_eq!(mark("abc"), SecretMark(0x170c));
    }

    #[test]
    fn secrets_differ_in_any_byte_or_in_length() {
        let secret = |text: &str| Secret::new(text.into());
        assert!(secret("abc").is_same_as(&secret("abc")));
        assert!(!secret("abc").is_same_as(&secret("abd")));
        assert!(!secret("abc").is_same_as(&secret("abcd")));
    }
}
