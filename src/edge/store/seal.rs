//! Seals values: whoever copies the database learns nothing, and no value opens in another's place.
//!
//! XChaCha20-Poly1305 with a random nonce: 24 bytes, so that no count of writes makes a repeat likely.
//!
//! A sealed value, byte by byte:
//!
//! | bytes | what |
//! |---|---|
//! | 0 | format, 1 |
//! | 1 to 8 | id of the key, so that a state may hold values of two keys while it changes over |
//! | 9 to 32 | nonce |
//! | 33 to the end | ciphertext, then the 16-byte tag |
//!
//! Associated data: bytes 0 to 8, then each part of the place, led by its length in 4 bytes, low byte first, so
//! that no two places give the same bytes. The length of a value is not hidden.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// Bytes of a key.
pub(super) const KEY_LEN: usize = 32;

const FORMAT: u8 = 1;
const ID_LEN: usize = 8;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
const HEAD_LEN: usize = 1 + ID_LEN;

/// Where a value belongs, from the general to the particular.
pub(super) type Place<'a> = [&'a [u8]];

/// The end of a sealed value: differs from one sealing to the next, even of the same value.
pub(super) type Tag = [u8; TAG_LEN];

/// Seals and opens with one key.
pub(super) struct Seal {
    cipher: XChaCha20Poly1305,
    id: [u8; ID_LEN],
}

/// Why a value does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// It names another key, by this id.
    OtherKey(String),
    /// It is no sealed value, was changed, or belongs elsewhere.
    Broken,
}

impl Seal {
    pub(super) fn new(key: &[u8; KEY_LEN]) -> Self {
        let cipher = XChaCha20Poly1305::new(key.into());
        // The one use of this nonce: an empty text, so the tag tells of the key and of nothing else.
        let about_key = Payload {
            msg: b"",
            aad: b"zoho-tokend key id",
        };
        let tag = cipher
            .encrypt(&XNonce::default(), about_key)
            .expect("only a text of over 256 GiB is refused");
        let mut id = [0; ID_LEN];
        id.copy_from_slice(&tag[..ID_LEN]);
        Self { cipher, id }
    }

    /// Names the key, 16 hex digits; tells nothing about it.
    pub(super) fn key_id(&self) -> String {
        hex(&self.id)
    }

    /// Seals `plain` for `place`.
    pub(super) fn seal(&self, plain: &[u8], place: &Place<'_>) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        fill_random(&mut nonce);
        let mut sealed = Vec::with_capacity(HEAD_LEN + NONCE_LEN + plain.len() + TAG_LEN);
        sealed.push(FORMAT);
        sealed.extend(self.id);
        let aad = associated(&sealed, place);
        let payload = Payload {
            msg: plain,
            aad: &aad,
        };
        let cipher_text = self
            .cipher
            .encrypt(&nonce.into(), payload)
            .expect("only a text of over 256 GiB is refused");
        sealed.extend(nonce);
        sealed.extend(cipher_text);
        sealed
    }

    /// What was sealed for `place`.
    pub(super) fn unseal(
        &self,
        sealed: &[u8],
        place: &Place<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let (head, rest) = sealed.split_at_checked(HEAD_LEN).ok_or(Refused::Broken)?;
        let (nonce, cipher_text) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(Refused::Broken)?;
        if head[0] != FORMAT {
            return Err(Refused::Broken);
        }
        if head[1..] != self.id {
            return Err(Refused::OtherKey(hex(&head[1..])));
        }
        let aad = associated(head, place);
        let payload = Payload {
            msg: cipher_text,
            aad: &aad,
        };
        let plain = self.cipher.decrypt(nonce.into(), payload);
        plain.map(Zeroizing::new).map_err(|_| Refused::Broken)
    }
}

/// The tag of a sealed value; zeros if it is too short to have one.
pub(super) fn tag(sealed: &[u8]) -> Tag {
    sealed.last_chunk().copied().unwrap_or_default()
}

/// Random bytes from the kernel.
pub(super) fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("getrandom(2) is in every kernel since 3.17");
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|b| [b >> 4, b & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// The bytes that `text` spells in hex, if there are exactly `N`.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |c: u8| {
            char::from(c)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn associated(head: &[u8], place: &Place<'_>) -> Vec<u8> {
    let mut bytes = head.to_vec();
    for part in place {
        let len = u32::try_from(part.len()).expect("no part of a place has 4 GiB");
        bytes.extend(len.to_le_bytes());
        bytes.extend(*part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &Place<'_> = &[b"state", b"acme", b"refresh_token"];

    #[test]
    fn s1_a_sealed_value_opens_in_its_own_place_alone() {
        let seal = Seal::new(&[7; KEY_LEN]);
        let sealed = seal.seal(b"1000.canary", PLACE);
        assert_eq!(
            *seal.unseal(&sealed, PLACE).expect("its own place"),
            b"1000.canary"
        );
        let elsewhere: [&Place<'_>; 4] = [
            &[b"state", b"other", b"refresh_token"],
            &[b"state", b"acm", b"erefresh_token"],
            &[b"state", b"acme"],
            &[b"state", b"acme", b"refresh_token", b""],
        ];
        for place in elsewhere {
            assert_eq!(
                seal.unseal(&sealed, place),
                Err(Refused::Broken),
                "{place:?}"
            );
        }
    }

    #[test]
    fn a_flip_of_any_bit_is_refused() {
        let seal = Seal::new(&[7; KEY_LEN]);
        let sealed = seal.seal(b"1000.canary", PLACE);
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(seal.unseal(&flipped, PLACE).is_err(), "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert!(seal.unseal(&sealed[..len], PLACE).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn another_key_is_told_by_its_id() {
        let (one, other) = (Seal::new(&[1; KEY_LEN]), Seal::new(&[2; KEY_LEN]));
        let sealed = one.seal(b"x", PLACE);
        assert_eq!(
            other.unseal(&sealed, PLACE),
            Err(Refused::OtherKey(one.key_id()))
        );
    }

    #[test]
    fn the_same_value_never_looks_the_same_twice() {
        let seal = Seal::new(&[7; KEY_LEN]);
        assert_ne!(seal.seal(b"x", PLACE), seal.seal(b"x", PLACE));
    }

    #[test]
    fn hex_reads_what_it_wrote_and_nothing_else() {
        assert_eq!(
            unhex::<3>(&hex(&[0, 0x9f, 0xff])).as_deref(),
            Some(&[0, 0x9f, 0xff])
        );
        for bad in ["", "0", "00", "000", "0g", "+1", "é"] {
            assert!(
                unhex::<2>(bad).is_none() && unhex::<1>("+1").is_none(),
                "{bad}"
            );
        }
    }
}
