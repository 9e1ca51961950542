//! Addresses and private keys as the strings people pass around.
//!
//! ```text
//!   script ◄──► base58check  version ‖ hash160                        pay to key hash, to script hash
//!          ◄──► bech32       prefix, version 0, 20 or 32 bytes        (BIP-0173)
//!          ◄──► bech32m      prefix, version 1..=16, 2..=40 bytes     (BIP-0350)
//! ```
//!
//! An address stands for exactly one script, and a script has at most one address on a network. All test
//! networks share prefixes, regtest's bech32 prefix apart.
//!
//! # Invariants
//!
//! - What decodes re-encodes to the same string, letter case and outer white space aside.
//! - Strings longer than any address or key are refused before any arithmetic.
//!
//! Like with Bitcoin Core, base58 may have white space around it and bech32 may not.
//!
//! **Spec:** BIP-0013, BIP-0141, BIP-0173, BIP-0350. Bitcoin Core: `src/key_io.cpp`.

mod extended;

pub use extended::{decode_extended_public, decode_extended_secret};

use bitcoin::{
    base58,
    bech32::{self, Bech32, Bech32m, Fe32, Hrp, primitives::decode::CheckedHrpstring},
    secp256k1::SecretKey,
};
use thiserror::Error;

/// Longest address that is looked at, bytes: a bech32 address has at most 90 characters.
pub const ADDRESS_BYTES_MAX: usize = 90;

/// Longest extended key that is looked at, bytes: 82 bytes with their checksum take at most 112 characters.
pub const EXTENDED_KEY_BYTES_MAX: usize = 112;

/// What an address or key of a network begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefixes {
    /// Base58 version of pay to key hash.
    pub key_hash: u8,
    /// Base58 version of pay to script hash.
    pub script_hash: u8,
    /// Base58 version of a private key.
    pub secret: u8,
    /// Base58 version of an extended public key (BIP-0032).
    pub extended_public: [u8; 4],
    /// Base58 version of an extended private key (BIP-0032).
    pub extended_secret: [u8; 4],
    /// Human-readable part of witness programs.
    pub bech32: &'static str,
}

impl Prefixes {
    /// The main network's.
    pub const MAIN: Self = Self {
        key_hash: 0,
        script_hash: 5,
        secret: 128,
        extended_public: [0x04, 0x88, 0xb2, 0x1e],
        extended_secret: [0x04, 0x88, 0xad, 0xe4],
        bech32: "bc",
    };

    /// Those testnet3, testnet4 and signets share.
    pub const TEST: Self = Self {
        key_hash: 111,
        script_hash: 196,
        secret: 239,
        extended_public: [0x04, 0x35, 0x87, 0xcf],
        extended_secret: [0x04, 0x35, 0x83, 0x94],
        bech32: "tb",
    };

    /// Regtest's.
    pub const REGTEST: Self = Self { bech32: "bcrt", ..Self::TEST };

    /// Returns those of the network with Bitcoin Core's name.
    #[must_use]
    pub fn of(network: &str) -> Option<&'static Self> {
        match network {
            "main" => Some(&Self::MAIN),
            "test" | "testnet4" | "signet" => Some(&Self::TEST),
            "regtest" => Some(&Self::REGTEST),
            _ => None,
        }
    }
}

/// Why a string is no address or key of a network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The string is longer than any.
    #[error("expected at most {most} characters, got {actual}")]
    TooLong {
        /// The most there may be.
        most: usize,
        /// Bytes of the string.
        actual: usize,
    },
    /// Neither bech32 nor base58.
    #[error("expected bech32 or base58 with a checksum: {0}")]
    Encoding(String),
    /// Another network's or kind's prefix.
    #[error("expected the prefix {expected}, got {actual}")]
    Prefix {
        /// The network's.
        expected: String,
        /// The string's.
        actual: String,
    },
    /// The checksum is that of the other bech32 variant.
    #[error("expected {expected} for witness version {version}")]
    Variant {
        /// `bech32` for version 0, else `bech32m`.
        expected: &'static str,
        /// The witness version.
        version: u8,
    },
    /// The witness version is above 16, or missing.
    #[error("expected a witness version of at most 16, got {actual:?}")]
    Version {
        /// The version.
        actual: Option<u8>,
    },
    /// The bits after the last byte are too many or not zero.
    #[error("expected whole bytes and fewer than 5 zero bits after them")]
    Padding,
    /// The payload has a length that nothing has.
    #[error("expected a payload of {expected} bytes, got {actual}")]
    Length {
        /// The lengths that are possible.
        expected: &'static str,
        /// Bytes of the payload.
        actual: usize,
    },
    /// The key has no parent and yet names one.
    #[error("expected no parent and no number for a master key")]
    Master,
    /// The point is not on the curve.
    #[error("expected a public key of the curve")]
    Public,
    /// The key is zero or not below the order of the curve, or its compression mark is not 1.
    #[error("expected a private key of the curve")]
    Secret,
}

/// A private key with the form of its public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret {
    /// The key.
    pub key: SecretKey,
    /// Whether its public key is written in 33 bytes.
    pub compressed: bool,
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Secret").field("compressed", &self.compressed).finish_non_exhaustive()
    }
}

/// Returns the script an address of the network stands for.
///
/// # Errors
///
/// [`AddressError`] if it is none.
pub fn decode(address: &str, network: &Prefixes) -> Result<Vec<u8>, AddressError> {
    let prefix = address.get(..network.bech32.len());
    if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(network.bech32)) {
        // No base58 address of a network begins like its bech32 ones.
        return decode_bech32(address, network);
    }
    decode_base58(address, network)
}

/// Returns the address of a script on the network; bare keys, multisig and data have none.
#[must_use]
pub fn encode(script: &[u8], network: &Prefixes) -> Option<String> {
    match script {
        [0x76, 0xa9, 0x14, hash @ .., 0x88, 0xac] if hash.len() == 20 => {
            Some(base58::encode_check(&[&[network.key_hash], hash].concat()))
        }
        [0xa9, 0x14, hash @ .., 0x87] if hash.len() == 20 => {
            Some(base58::encode_check(&[&[network.script_hash], hash].concat()))
        }
        [opcode, len, program @ ..] if usize::from(*len) == program.len() => {
            let version = match opcode {
                0 => 0,
                0x51..=0x60 => opcode - 0x50,
                _ => return None,
            };
            let hrp = Hrp::parse(network.bech32).ok()?;
            // Refuses lengths outside of 2..=40, and all but 20 and 32 for version 0.
            bech32::segwit::encode(hrp, Fe32::try_from(version).ok()?, program).ok()
        }
        _ => None,
    }
}

/// Reads a private key of the network in wallet import format.
///
/// # Errors
///
/// [`AddressError`] if it is none.
pub fn decode_secret(text: &str, network: &Prefixes) -> Result<Secret, AddressError> {
    let payload = base58_payload(text, ADDRESS_BYTES_MAX)?;
    let (version, rest) = payload.split_first().ok_or(AddressError::Secret)?;
    if *version != network.secret {
        return Err(prefix_error(network.secret, *version));
    }
    let (key, compressed) = match rest {
        [key @ .., 1] if key.len() == 32 => (key, true),
        key if key.len() == 32 => (key, false),
        [key @ .., _] if key.len() == 32 => return Err(AddressError::Secret),
        _ => return Err(AddressError::Length { expected: "33 or 34", actual: payload.len() }),
    };
    let key = SecretKey::from_slice(key).map_err(|_| AddressError::Secret)?;
    Ok(Secret { key, compressed })
}

/// Writes a private key of the network in wallet import format.
#[must_use]
pub fn encode_secret(secret: &Secret, network: &Prefixes) -> String {
    let mut payload = vec![network.secret];
    payload.extend_from_slice(&secret.key.secret_bytes());
    payload.extend(secret.compressed.then_some(1));
    base58::encode_check(&payload)
}

fn decode_base58(address: &str, network: &Prefixes) -> Result<Vec<u8>, AddressError> {
    let payload = base58_payload(address, ADDRESS_BYTES_MAX)?;
    let [version, hash @ ..] = payload.as_slice() else {
        return Err(AddressError::Length { expected: "21", actual: payload.len() });
    };
    if hash.len() != 20 {
        return Err(AddressError::Length { expected: "21", actual: payload.len() });
    }
    if *version == network.key_hash {
        Ok([&[0x76, 0xa9, 0x14], hash, &[0x88, 0xac]].concat())
    } else if *version == network.script_hash {
        Ok([&[0xa9, 0x14], hash, &[0x87]].concat())
    } else {
        Err(AddressError::Prefix {
            expected: format!("{} or {}", network.key_hash, network.script_hash),
            actual: version.to_string(),
        })
    }
}

fn base58_payload(text: &str, most: usize) -> Result<Vec<u8>, AddressError> {
    // What C calls white space; Core skips it on both sides.
    let text = text.trim_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    check_length(text, most)?;
    base58::decode_check(text).map_err(|error| AddressError::Encoding(error.to_string()))
}

fn decode_bech32(address: &str, network: &Prefixes) -> Result<Vec<u8>, AddressError> {
    let program = decode_witness_program(address)?;
    let actual = program.prefix.to_lowercase();
    if actual != network.bech32 {
        return Err(AddressError::Prefix { expected: network.bech32.to_owned(), actual });
    }
    Ok(program.script)
}

/// A bech32 or bech32m string that encodes a witness program of some network.
struct Program {
    prefix: Hrp,
    script: Vec<u8>,
}

fn decode_witness_program(address: &str) -> Result<Program, AddressError> {
    check_length(address, ADDRESS_BYTES_MAX)?;
    let (is_bech32m, mut parsed) = if let Ok(parsed) = CheckedHrpstring::new::<Bech32m>(address) {
        (true, parsed)
    } else {
        let parsed = CheckedHrpstring::new::<Bech32>(address);
        (false, parsed.map_err(|error| AddressError::Encoding(error.to_string()))?)
    };
    let version = parsed.remove_witness_version().map(Fe32::to_u8);
    let version = version
        .filter(|version| *version <= 16)
        .ok_or(AddressError::Version { actual: version })?;
    if is_bech32m != (version > 0) {
        let expected = if version == 0 { "bech32" } else { "bech32m" };
        return Err(AddressError::Variant { expected, version });
    }
    parsed.validate_segwit_padding().map_err(|_| AddressError::Padding)?;
    let program: Vec<u8> = parsed.byte_iter().collect();
    let expected = if version == 0 { "20 or 32" } else { "2..=40" };
    let fits = if version == 0 {
        matches!(program.len(), 20 | 32)
    } else {
        (2..=40).contains(&program.len())
    };
    let (Ok(len), true) = (u8::try_from(program.len()), fits) else {
        return Err(AddressError::Length { expected, actual: program.len() });
    };
    let opcode = if version == 0 { 0 } else { 0x50 + version };
    Ok(Program { prefix: parsed.hrp(), script: [&[opcode, len], &program[..]].concat() })
}

const fn check_length(text: &str, most: usize) -> Result<(), AddressError> {
    let actual = text.len();
    if actual > most { Err(AddressError::TooLong { most, actual }) } else { Ok(()) }
}

fn prefix_error(expected: u8, actual: u8) -> AddressError {
    AddressError::Prefix { expected: expected.to_string(), actual: actual.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAPROOT: &str = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0";

    #[test]
    fn every_form_of_address_is_read_back_as_written() {
        let scripts: [&[u8]; 6] = [
            &[&[0x76, 0xa9, 0x14][..], &[1; 20], &[0x88, 0xac]].concat(),
            &[&[0xa9, 0x14][..], &[2; 20], &[0x87]].concat(),
            &[&[0, 20][..], &[3; 20]].concat(),
            &[&[0, 32][..], &[4; 32]].concat(),
            &[&[0x51, 32][..], &[5; 32]].concat(),
            &[0x51, 2, 0x4e, 0x73],
        ];
        for network in [Prefixes::MAIN, Prefixes::TEST, Prefixes::REGTEST] {
            for script in scripts {
                let address = encode(script, &network).unwrap();
                assert_eq!(decode(&address, &network).unwrap(), script);
            }
        }
        assert_eq!(encode(scripts[5], &Prefixes::MAIN).unwrap(), "bc1pfeessrawgf");
    }

    #[test]
    fn scripts_without_an_address_have_none() {
        let bare_key = [&[0x21][..], &[2; 33], &[0xac]].concat();
        let short_program: &[u8] = &[0x51, 1, 7];
        let odd_version_0 = [&[0, 21][..], &[0; 21]].concat();
        for script in [&[], &[0x6a][..], &bare_key, short_program, &odd_version_0, &[0x61, 2, 0, 0]]
        {
            assert_eq!(encode(script, &Prefixes::MAIN), None);
        }
    }

    #[test]
    fn an_address_of_another_network_is_refused() {
        let refused = decode(TAPROOT, &Prefixes::TEST).unwrap_err();
        assert!(matches!(refused, AddressError::Encoding(_)));
        let script = decode(TAPROOT, &Prefixes::MAIN).unwrap();
        let regtest = encode(&script, &Prefixes::REGTEST).unwrap();
        assert!(decode(&regtest, &Prefixes::TEST).is_err());
        let key_hash = encode(&[&[0xa9, 0x14][..], &[2; 20], &[0x87]].concat(), &Prefixes::MAIN);
        let refused = decode(&key_hash.unwrap(), &Prefixes::TEST).unwrap_err();
        let (expected, actual) = ("111 or 196".to_owned(), "5".to_owned());
        assert_eq!(refused, AddressError::Prefix { expected, actual });
    }

    #[test]
    fn letter_case_may_be_upper_or_lower_but_not_both() {
        assert!(decode(&TAPROOT.to_uppercase(), &Prefixes::MAIN).is_ok());
        let mixed = TAPROOT.replacen('x', "X", 1);
        assert!(decode(&mixed, &Prefixes::MAIN).is_err());
    }

    #[test]
    fn an_address_cut_anywhere_or_too_long_is_refused() {
        let base58 = encode(&[&[0xa9, 0x14][..], &[2; 20], &[0x87]].concat(), &Prefixes::MAIN);
        for whole in [TAPROOT, &base58.unwrap()] {
            for cut in 0..whole.len() {
                assert!(decode(&whole[..cut], &Prefixes::MAIN).is_err(), "{whole} cut at {cut}");
            }
        }
        for long in ["1".repeat(91), "z".repeat(1 << 20), format!("bc1{}", "q".repeat(90))] {
            let refused = decode(&long, &Prefixes::MAIN).unwrap_err();
            assert_eq!(refused, AddressError::TooLong { most: 90, actual: long.len() });
        }
        assert!(decode("é", &Prefixes::MAIN).is_err());
    }

    #[test]
    fn white_space_around_base58_is_skipped_and_around_bech32_is_not() {
        let base58 = encode(&[&[0xa9, 0x14][..], &[2; 20], &[0x87]].concat(), &Prefixes::MAIN);
        assert!(decode(&format!(" \t{}\n", base58.unwrap()), &Prefixes::MAIN).is_ok());
        assert!(decode(&format!("{TAPROOT} "), &Prefixes::MAIN).is_err());
    }

    #[test]
    fn private_keys_are_read_back_as_written() {
        let key = SecretKey::from_slice(&[7; 32]).unwrap();
        for compressed in [false, true] {
            let secret = Secret { key, compressed };
            let text = encode_secret(&secret, &Prefixes::TEST);
            assert_eq!(decode_secret(&text, &Prefixes::TEST), Ok(secret));
            assert!(matches!(
                decode_secret(&text, &Prefixes::MAIN),
                Err(AddressError::Prefix { .. })
            ));
        }
    }

    #[test]
    fn a_private_key_of_zero_or_with_another_mark_is_refused() {
        let zero = base58::encode_check(&[&[128][..], &[0; 32]].concat());
        assert_eq!(decode_secret(&zero, &Prefixes::MAIN), Err(AddressError::Secret));
        let marked = base58::encode_check(&[&[128][..], &[7; 32], &[2]].concat());
        assert_eq!(decode_secret(&marked, &Prefixes::MAIN), Err(AddressError::Secret));
        let long = base58::encode_check(&[&[128][..], &[7; 35]].concat());
        let refused = AddressError::Length { expected: "33 or 34", actual: 36 };
        assert_eq!(decode_secret(&long, &Prefixes::MAIN), Err(refused));
    }
}
