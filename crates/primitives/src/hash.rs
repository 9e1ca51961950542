//! Fixed-size byte strings that identify things.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::hex::{self, HexError};

/// A slice whose length is not the hash's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a hash of {expected} bytes, got {actual}")]
pub struct HashLengthError {
    /// Bytes of the hash type.
    pub expected: usize,
    /// Bytes of the slice.
    pub actual: usize,
}

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Wraps the bytes as they are.
            #[must_use]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Returns the bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Returns the bytes by value.
            #[must_use]
            pub const fn into_bytes(self) -> [u8; $len] {
                self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = HashLengthError;

            fn try_from(bytes: &[u8]) -> Result<Self, HashLengthError> {
                let actual = bytes.len();
                bytes.try_into().map(Self).map_err(|_| HashLengthError { expected: $len, actual })
            }
        }

        impl FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<Self, HexError> {
                hex::decode_array(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&hex::encode(&self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

hash_type!(
    /// 160 bits, printed in byte order: a SHA-1 digest, a Kademlia key.
    Hash160,
    20
);
hash_type!(
    /// 256 bits, printed in byte order. Chains that print their ids reversed do so themselves.
    Hash256,
    32
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_two_forms_of_one_hash() {
        let hash = Hash160::new([0xab; 20]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(Hash160::try_from(hash.as_bytes().as_slice()), Ok(hash));
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<Hash160>(&json).unwrap(), hash);
    }

    #[test]
    fn a_slice_of_another_length_is_refused() {
        let refused = Hash256::try_from([0_u8; 31].as_slice());
        assert_eq!(refused, Err(HashLengthError { expected: 32, actual: 31 }));
    }
}
