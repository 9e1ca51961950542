//! One BEP 44 item: its key, its signature, and which of two versions wins.
//!
//! **Spec:** BEP 44. A sequence number may not be negative, as in libtorrent; the BEP does not say.

use std::io::Write as _;

use quintet_crypto::{digest::sha1, ed25519};

use super::Refusal;
use crate::{
    bencode,
    key::Key,
    message::{Item, MutableItem, SALT_MAX, VALUE_MAX},
};

/// Returns the bytes a mutable item's owner signs: the salt (if there is one), the sequence number
/// and the value as entries of a bencoded dictionary, without its `d` and `e`.
#[must_use]
pub fn signable(salt: &[u8], seq: i64, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(salt.len() + value.len() + 48);
    // Writing to a vector cannot fail.
    if !salt.is_empty() {
        let _ = write!(bytes, "4:salt{}:", salt.len());
        bytes.extend_from_slice(salt);
    }
    let _ = write!(bytes, "3:seqi{seq}e1:v");
    bytes.extend_from_slice(value);
    bytes
}

/// Returns the key of the immutable item with this bencoded value.
#[must_use]
pub fn immutable_target(value: &[u8]) -> Key {
    Key::new(sha1(&[value]).into_bytes())
}

/// Returns the key of the mutable item of this public key and salt.
#[must_use]
pub fn mutable_target(public_key: &[u8; 32], salt: &[u8]) -> Key {
    Key::new(sha1(&[public_key, salt]).into_bytes())
}

impl Item {
    /// Returns the key the item is stored under.
    #[must_use]
    pub fn target(&self) -> Key {
        match self {
            Self::Immutable { value } => immutable_target(value),
            Self::Mutable(item) => mutable_target(&item.public_key, &item.salt),
        }
    }

    /// Returns the bencoded value.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        match self {
            Self::Immutable { value } => value,
            Self::Mutable(item) => &item.value,
        }
    }

    /// Returns the sequence number of a mutable item.
    #[must_use]
    pub const fn seq(&self) -> Option<i64> {
        match self {
            Self::Immutable { .. } => None,
            Self::Mutable(item) => Some(item.seq),
        }
    }

    /// Checks all that the item alone can tell: sizes and form first, the signature last.
    ///
    /// # Errors
    ///
    /// The first [`Refusal`] found.
    pub fn check(&self, key: Key) -> Result<(), Refusal> {
        self.check_form(key)?;
        self.verify()
    }

    /// Checks sizes, form and key, everything but the signature.
    ///
    /// # Errors
    ///
    /// The first [`Refusal`] found.
    pub fn check_form(&self, key: Key) -> Result<(), Refusal> {
        check_value(self.value())?;
        if let Self::Mutable(item) = self {
            if item.salt.len() > SALT_MAX {
                return Err(Refusal::SaltTooBig { actual: item.salt.len() });
            }
            if item.seq < 0 {
                return Err(Refusal::SeqNegative { actual: item.seq });
            }
        }
        let expected = self.target();
        if expected == key { Ok(()) } else { Err(Refusal::WrongKey { expected, actual: key }) }
    }

    /// Checks the signature of a mutable item; an immutable one has none.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadSignature`].
    pub fn verify(&self) -> Result<(), Refusal> {
        match self {
            Self::Immutable { .. } => Ok(()),
            Self::Mutable(item) => item.verify(),
        }
    }
}

impl MutableItem {
    /// Makes and signs an item.
    #[must_use]
    pub fn sign(key: &ed25519::SecretKey, salt: Vec<u8>, seq: i64, value: Vec<u8>) -> Self {
        let signature = key.sign(&signable(&salt, seq, &value));
        Self { public_key: key.public_key(), salt, seq, signature, value }
    }

    /// Checks the signature.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadSignature`].
    pub fn verify(&self) -> Result<(), Refusal> {
        let message = signable(&self.salt, self.seq, &self.value);
        ed25519::verify(&self.public_key, &message, &self.signature)
            .map_err(|_| Refusal::BadSignature)
    }

    /// Checks whether this version may take the place of `stored`, which has the same key.
    ///
    /// # Errors
    ///
    /// [`Refusal::CasMismatch`] if the writer expected another version, [`Refusal::SeqTooLow`] if
    /// this one is not newer. The same version once more is welcome: it renews the lifetime.
    pub fn check_succeeds(&self, stored: &Self, cas: Option<i64>) -> Result<(), Refusal> {
        if let Some(expected) = cas
            && expected != stored.seq
        {
            return Err(Refusal::CasMismatch { expected, actual: stored.seq });
        }
        let renews = self.seq == stored.seq && self.value == stored.value;
        if self.seq > stored.seq || renews {
            return Ok(());
        }
        Err(Refusal::SeqTooLow { stored: stored.seq, actual: self.seq })
    }
}

fn check_value(value: &[u8]) -> Result<(), Refusal> {
    if value.len() > VALUE_MAX {
        return Err(Refusal::ValueTooBig { actual: value.len() });
    }
    bencode::validate(value).map_err(|error| Refusal::NotBencoded { offset: error.offset() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ed25519::SecretKey {
        ed25519::SecretKey::from_seed(&[3; 32])
    }

    fn item(seq: i64, value: &[u8]) -> MutableItem {
        MutableItem::sign(&key(), b"salt".to_vec(), seq, value.to_vec())
    }

    #[test]
    fn the_signed_bytes_are_a_dictionary_without_its_ends() {
        assert_eq!(signable(b"", 1, b"12:Hello World!"), b"3:seqi1e1:v12:Hello World!");
        assert_eq!(signable(b"foobar", 1, b"1:a"), b"4:salt6:foobar3:seqi1e1:v1:a");
    }

    #[test]
    fn an_item_is_accepted_under_its_own_key_only() {
        for item in [Item::Immutable { value: b"1:a".to_vec() }, Item::Mutable(item(1, b"1:a"))] {
            assert_eq!(item.check(item.target()), Ok(()));
            let refused = item.check(Key::default());
            assert_eq!(
                refused,
                Err(Refusal::WrongKey { expected: item.target(), actual: Key::default() })
            );
        }
    }

    #[test]
    fn a_changed_value_salt_or_number_breaks_the_signature() {
        let signed = item(1, b"1:a");
        let changes: [fn(&mut MutableItem); 3] =
            [|i| i.seq = 2, |i| i.salt = b"other".to_vec(), |i| i.value = b"1:b".to_vec()];
        for change in changes {
            let mut changed = signed.clone();
            change(&mut changed);
            assert_eq!(changed.verify(), Err(Refusal::BadSignature));
        }
    }

    #[test]
    fn sizes_and_form_are_refused_before_the_signature_is_checked() {
        let big =
            Item::Mutable(MutableItem { value: vec![b'x'; VALUE_MAX + 1], ..item(1, b"1:a") });
        assert_eq!(big.check(big.target()), Err(Refusal::ValueTooBig { actual: VALUE_MAX + 1 }));
        let salty = Item::Mutable(MutableItem { salt: vec![0; SALT_MAX + 1], ..item(1, b"1:a") });
        assert_eq!(salty.check(salty.target()), Err(Refusal::SaltTooBig { actual: SALT_MAX + 1 }));
        let unsorted = Item::Immutable { value: b"d1:bi1e1:ai1ee".to_vec() };
        assert!(matches!(unsorted.check(unsorted.target()), Err(Refusal::NotBencoded { .. })));
        let negative = Item::Mutable(item(-1, b"1:a"));
        assert_eq!(negative.check(negative.target()), Err(Refusal::SeqNegative { actual: -1 }));
    }

    #[test]
    fn a_newer_version_wins_and_an_older_one_is_told_so() {
        let stored = item(5, b"1:a");
        assert_eq!(item(6, b"1:b").check_succeeds(&stored, None), Ok(()));
        assert_eq!(item(5, b"1:a").check_succeeds(&stored, None), Ok(()));
        let same_number = item(5, b"1:b").check_succeeds(&stored, None);
        assert_eq!(same_number, Err(Refusal::SeqTooLow { stored: 5, actual: 5 }));
        let older = item(4, b"1:b").check_succeeds(&stored, None);
        assert_eq!(older, Err(Refusal::SeqTooLow { stored: 5, actual: 4 }));
    }

    #[test]
    fn compare_and_swap_needs_the_stored_number() {
        let stored = item(5, b"1:a");
        assert_eq!(item(6, b"1:b").check_succeeds(&stored, Some(5)), Ok(()));
        let mismatch = item(6, b"1:b").check_succeeds(&stored, Some(4));
        assert_eq!(mismatch, Err(Refusal::CasMismatch { expected: 4, actual: 5 }));
    }
}
