//! The standard forms of a script public key.
//!
//! **Spec:** rusty-kaspa's `script_class.rs`.

use super::opcode::{OP_BLAKE2B, OP_CHECKSIG, OP_CHECKSIG_ECDSA, OP_EQUAL};

/// Highest version of a script public key whose meaning is known; what has a higher one, anyone may spend.
pub const SCRIPT_VERSION_MAX: u16 = 0;

/// Longest script public key of a standard form, bytes. What is longer pays for the rest since Toccata.
pub(super) const STANDARD_SIZE_MAX: usize = 35;

/// What form a script public key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScriptClass<'s> {
    /// None of the following.
    NonStandard,
    /// Pay to an X-only key with a Schnorr signature.
    PublicKey(&'s [u8; 32]),
    /// Pay to a compressed key with an ECDSA signature.
    PublicKeyEcdsa(&'s [u8; 33]),
    /// Pay to the BLAKE2b hash of a script.
    ScriptHash(&'s [u8; 32]),
}

impl<'s> ScriptClass<'s> {
    /// Returns the form of a script public key.
    #[must_use]
    pub fn of(version: u16, script: &'s [u8]) -> Self {
        if version > SCRIPT_VERSION_MAX {
            return Self::NonStandard;
        }
        Self::of_known(script)
    }

    /// Returns the form of a script of the known version.
    pub(super) fn of_known(script: &'s [u8]) -> Self {
        let class = match script {
            [32, key @ .., OP_CHECKSIG] => key.try_into().ok().map(Self::PublicKey),
            [33, key @ .., OP_CHECKSIG_ECDSA] => key.try_into().ok().map(Self::PublicKeyEcdsa),
            [OP_BLAKE2B, 32, hash @ .., OP_EQUAL] => hash.try_into().ok().map(Self::ScriptHash),
            _ => None,
        };
        class.unwrap_or(Self::NonStandard)
    }

    /// Returns the script that has this form; `None` for [`ScriptClass::NonStandard`].
    #[must_use]
    pub fn to_script(&self) -> Option<Vec<u8>> {
        Some(match self {
            Self::NonStandard => return None,
            Self::PublicKey(key) => [&[32], &key[..], &[OP_CHECKSIG]].concat(),
            Self::PublicKeyEcdsa(key) => [&[33], &key[..], &[OP_CHECKSIG_ECDSA]].concat(),
            Self::ScriptHash(hash) => [&[OP_BLAKE2B, 32], &hash[..], &[OP_EQUAL]].concat(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_known_by_its_script() {
        for class in [
            ScriptClass::PublicKey(&[7; 32]),
            ScriptClass::PublicKeyEcdsa(&[2; 33]),
            ScriptClass::ScriptHash(&[9; 32]),
        ] {
            let script = class.to_script().unwrap();
            assert_eq!(ScriptClass::of(0, &script), class);
            assert!(script.len() <= STANDARD_SIZE_MAX);
            assert_eq!(ScriptClass::of(1, &script), ScriptClass::NonStandard);
            for at in [0, script.len() - 1] {
                let mut other = script.clone();
                other[at] ^= 1;
                assert_eq!(ScriptClass::of(0, &other), ScriptClass::NonStandard);
            }
            assert_eq!(ScriptClass::of(0, &script[1..]), ScriptClass::NonStandard);
        }
        assert_eq!(ScriptClass::of(0, &[]), ScriptClass::NonStandard);
    }
}
