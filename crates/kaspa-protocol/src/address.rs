//! Addresses: a network's prefix, a version, a key or the hash of a script, and a checksum of 40 bits.
//!
//! ```text
//!   kaspa : q p0l70zd5…jv7g3s3a8 … qh70xmfj
//!   prefix  └ version and payload, five bits a letter ┘ └ checksum, eight letters
//! ```
//!
//! The letters are bech32's, the polynomial that of Bitcoin Cash's addresses; the prefix is part of
//! what the checksum covers. Only lower case is an address.
//!
//! **Spec:** rusty-kaspa's `crypto/addresses`; the reference's decoder ignores the last bits that fill
//! up a letter, and so does this one: there are strings that differ and name one address.

use core::{fmt, str::FromStr};

use smallvec::SmallVec;
use thiserror::Error;

use crate::tx::{Script, ScriptPublicKey};

const LETTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Letters of the checksum.
const CHECKSUM_LEN: usize = 8;

/// Longest address read, in bytes: a prefix and the longest payload need half of it.
pub const ADDRESS_LEN_MAX: usize = 160;

const OP_DATA_32: u8 = 0x20;
const OP_DATA_33: u8 = 0x21;
const OP_EQUAL: u8 = 0x87;
const OP_BLAKE2B: u8 = 0xaa;
const OP_CHECK_SIG_ECDSA: u8 = 0xab;
const OP_CHECK_SIG: u8 = 0xac;

/// The network an address is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prefix {
    /// `kaspa`.
    Mainnet,
    /// `kaspatest`.
    Testnet,
    /// `kaspasim`.
    Simnet,
    /// `kaspadev`.
    Devnet,
}

impl Prefix {
    const ALL: [Self; 4] = [Self::Mainnet, Self::Testnet, Self::Simnet, Self::Devnet];

    /// Returns the text before the colon.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mainnet => "kaspa",
            Self::Testnet => "kaspatest",
            Self::Simnet => "kaspasim",
            Self::Devnet => "kaspadev",
        }
    }
}

/// What an address pays to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressVersion {
    /// The X of a key, checked by Schnorr signatures.
    PublicKey,
    /// A compressed key, checked by ECDSA signatures.
    PublicKeyEcdsa,
    /// The BLAKE2b hash of a script.
    ScriptHash,
}

impl AddressVersion {
    /// Returns the byte in front of the payload.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::PublicKey => 0,
            Self::PublicKeyEcdsa => 1,
            Self::ScriptHash => 8,
        }
    }

    /// Returns the bytes of the payload.
    #[must_use]
    pub const fn payload_len(self) -> usize {
        match self {
            Self::PublicKeyEcdsa => 33,
            Self::PublicKey | Self::ScriptHash => 32,
        }
    }

    const fn from_byte(actual: u8) -> Result<Self, AddressError> {
        match actual {
            0 => Ok(Self::PublicKey),
            1 => Ok(Self::PublicKeyEcdsa),
            8 => Ok(Self::ScriptHash),
            _ => Err(AddressError::UnknownVersion { actual }),
        }
    }
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// There is no colon.
    #[error("expected a prefix and a colon, as in kaspa:…")]
    MissingPrefix,
    /// The prefix is no network's.
    #[error("expected the prefix kaspa, kaspatest, kaspasim or kaspadev, got {actual:?}")]
    UnknownPrefix {
        /// The prefix.
        actual: String,
    },
    /// The text is longer than any address.
    #[error("expected at most {max} bytes, got {actual}")]
    TooLong {
        /// [`ADDRESS_LEN_MAX`].
        max: usize,
        /// Bytes that came.
        actual: usize,
    },
    /// A letter is none of the 32.
    #[error("expected letters of bech32 in lower case, got byte {actual:#04x} at {position}")]
    InvalidCharacter {
        /// Bytes before it, after the colon.
        position: usize,
        /// The byte.
        actual: u8,
    },
    /// There are fewer letters than the checksum and a version have.
    #[error("expected at least {min} letters after the colon, got {actual}")]
    TooShort {
        /// Fewest letters.
        min: usize,
        /// Letters that came.
        actual: usize,
    },
    /// The checksum does not fit: a letter is wrong, or the prefix.
    #[error("expected another checksum: the address was mistyped or is of another network")]
    BadChecksum,
    /// The version is not known.
    #[error("expected version 0 (key), 1 (ECDSA key) or 8 (script hash), got {actual}")]
    UnknownVersion {
        /// The version.
        actual: u8,
    },
    /// The payload is not as long as the version says.
    #[error("expected a payload of {expected} bytes, got {actual}")]
    PayloadLength {
        /// Bytes of the version.
        expected: usize,
        /// Bytes that came.
        actual: usize,
    },
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    prefix: Prefix,
    version: AddressVersion,
    payload: SmallVec<[u8; 40]>,
}

impl Address {
    /// Makes an address.
    ///
    /// # Errors
    ///
    /// [`AddressError::PayloadLength`].
    pub fn new(
        prefix: Prefix,
        version: AddressVersion,
        payload: &[u8],
    ) -> Result<Self, AddressError> {
        let (expected, actual) = (version.payload_len(), payload.len());
        if actual != expected {
            return Err(AddressError::PayloadLength { expected, actual });
        }
        Ok(Self { prefix, version, payload: SmallVec::from_slice(payload) })
    }

    /// Returns the address a standard script pays to; `None` if the script is not standard.
    #[must_use]
    pub fn from_script(prefix: Prefix, script: &ScriptPublicKey) -> Option<Self> {
        if script.version != 0 {
            return None;
        }
        let (version, payload) = match script.script.as_slice() {
            [OP_DATA_32, key @ .., OP_CHECK_SIG] => (AddressVersion::PublicKey, key),
            [OP_DATA_33, key @ .., OP_CHECK_SIG_ECDSA] => (AddressVersion::PublicKeyEcdsa, key),
            [OP_BLAKE2B, OP_DATA_32, hash @ .., OP_EQUAL] => (AddressVersion::ScriptHash, hash),
            _ => return None,
        };
        Self::new(prefix, version, payload).ok()
    }

    /// Returns the script that pays to the address.
    #[must_use]
    pub fn script(&self) -> ScriptPublicKey {
        let mut script = Script::new();
        let (before, after): (&[u8], u8) = match self.version {
            AddressVersion::PublicKey => (&[OP_DATA_32], OP_CHECK_SIG),
            AddressVersion::PublicKeyEcdsa => (&[OP_DATA_33], OP_CHECK_SIG_ECDSA),
            AddressVersion::ScriptHash => (&[OP_BLAKE2B, OP_DATA_32], OP_EQUAL),
        };
        script.extend_from_slice(before);
        script.extend_from_slice(&self.payload);
        script.push(after);
        ScriptPublicKey { version: 0, script }
    }

    /// Returns the network.
    #[must_use]
    pub const fn prefix(&self) -> Prefix {
        self.prefix
    }

    /// Returns what it pays to.
    #[must_use]
    pub const fn version(&self) -> AddressVersion {
        self.version
    }

    /// Returns the key or hash.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(self.prefix.as_str(), self.version.to_byte(), &self.payload))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (prefix, _) = text.split_once(':').ok_or(AddressError::MissingPrefix)?;
        let known = Prefix::ALL.into_iter().find(|known| known.as_str() == prefix);
        // What no network has is shown in part: a text may be long.
        let unknown = || AddressError::UnknownPrefix { actual: prefix.chars().take(32).collect() };
        let known = known.ok_or_else(unknown)?;
        let (_, version, payload) = decode(text)?;
        Self::new(known, AddressVersion::from_byte(version)?, &payload)
    }
}

/// Writes any prefix, version and payload in the form of an address.
#[must_use]
pub fn encode(prefix: &str, version: u8, payload: &[u8]) -> String {
    let bytes: Vec<u8> = [version].into_iter().chain(payload.iter().copied()).collect();
    let mut fives = regroup::<8, 5>(&bytes);
    if !(bytes.len() * 8).is_multiple_of(5) {
        let bits = bytes.len() * 8 % 5;
        fives.push(bytes.last().map_or(0, |last| (last << (5 - bits)) & 31));
    }
    let checksum = checksum(prefix, &fives).to_be_bytes();
    fives.extend(regroup::<8, 5>(&checksum[3..]));
    let letters = fives.iter().map(|five| char::from(LETTERS[usize::from(*five & 31)]));
    [prefix, ":"].into_iter().flat_map(str::chars).chain(letters).collect()
}

/// Reads the form of an address with any prefix, version and payload.
///
/// # Errors
///
/// [`AddressError`], but for a prefix, version or length no network has.
pub fn decode(text: &str) -> Result<(&str, u8, Vec<u8>), AddressError> {
    let actual = text.len();
    if actual > ADDRESS_LEN_MAX {
        return Err(AddressError::TooLong { max: ADDRESS_LEN_MAX, actual });
    }
    let (prefix, letters) = text.split_once(':').ok_or(AddressError::MissingPrefix)?;
    let five = |(position, actual): (usize, u8)| {
        let value = LETTERS.iter().position(|letter| *letter == actual);
        let value = value.and_then(|value| u8::try_from(value).ok());
        value.ok_or(AddressError::InvalidCharacter { position, actual })
    };
    let fives: Vec<u8> = letters.bytes().enumerate().map(five).collect::<Result<_, _>>()?;
    let (min, actual) = (CHECKSUM_LEN + 2, fives.len());
    let too_short = AddressError::TooShort { min, actual };
    if actual < min {
        return Err(too_short);
    }
    let (payload, sum) = fives.split_at(actual - CHECKSUM_LEN);
    if regroup::<5, 8>(sum) != checksum(prefix, payload).to_be_bytes()[3..] {
        return Err(AddressError::BadChecksum);
    }
    let bytes = regroup::<5, 8>(payload);
    let (version, payload) = bytes.split_first().ok_or(too_short)?;
    Ok((prefix, *version, payload.to_vec()))
}

/// Regroups words of `FROM` bits as words of `TO` bits; what fills no word at the end is dropped.
fn regroup<const FROM: u32, const TO: u32>(words: &[u8]) -> Vec<u8> {
    let (mut buffer, mut bits) = (0_u32, 0);
    let mut regrouped = Vec::with_capacity(words.len() * 2);
    for word in words {
        buffer = buffer << FROM | u32::from(*word);
        bits += FROM;
        while bits >= TO {
            bits -= TO;
            regrouped.push(((buffer >> bits) & ((1 << TO) - 1)).to_le_bytes()[0]);
        }
        buffer &= (1 << bits) - 1;
    }
    regrouped
}

/// Returns the 40 bits over the prefix, a zero, the letters and room for the checksum itself.
fn checksum(prefix: &str, fives: &[u8]) -> u64 {
    const GENERATOR: [u64; 5] =
        [0x98_f2bc_8e61, 0x79_b76d_99e2, 0xf3_3e5f_b3c4, 0xae_2eab_e2a8, 0x1e_4f43_e470];
    let prefix = prefix.bytes().map(|byte| byte & 31).chain([0]);
    let words = prefix.chain(fives.iter().copied()).chain([0; CHECKSUM_LEN]);
    let step = |sum: u64, word: u8| {
        let top = sum >> 35;
        let shifted = (sum & 0x07_ffff_ffff) << 5 ^ u64::from(word);
        let taps = GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1);
        taps.fold(shifted, |sum, (_, tap)| sum ^ tap)
    };
    words.fold(1, step) ^ 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: &str = "kaspa:qp0l70zd5x85ttwd6jv7g3s3a8llzj96d8dncn4zmhv4tlzx5k2jyqh70xmfj";

    #[test]
    fn reads_and_writes_a_known_address() {
        let address: Address = KNOWN.parse().unwrap();
        assert_eq!(address.version(), AddressVersion::PublicKey);
        assert_eq!(address.to_string(), KNOWN);
        let script = address.script();
        assert_eq!(script.script.len(), 34);
        assert_eq!(Address::from_script(Prefix::Mainnet, &script), Some(address));
    }

    #[test]
    fn refuses_what_is_no_address_and_says_why() {
        let parse = |text: &str| text.parse::<Address>();
        assert_eq!(parse("kaspa"), Err(AddressError::MissingPrefix));
        assert!(matches!(parse("bitcoin:qq"), Err(AddressError::UnknownPrefix { .. })));
        assert!(matches!(parse("kaspa:"), Err(AddressError::TooShort { actual: 0, .. })));
        assert!(matches!(
            parse(&KNOWN.to_uppercase().replace("KASPA", "kaspa")),
            Err(AddressError::InvalidCharacter { position: 0, actual: b'Q' })
        ));
        assert_eq!(parse(&KNOWN.replace("kaspa", "kaspatest")), Err(AddressError::BadChecksum));
        let long = format!("kaspa:{}", "q".repeat(200));
        assert_eq!(parse(&long), Err(AddressError::TooLong { max: 160, actual: 206 }));
        let other = encode("kaspa", 7, &[0; 32]);
        assert_eq!(parse(&other), Err(AddressError::UnknownVersion { actual: 7 }));
        let short = encode("kaspa", 0, &[0; 31]);
        assert_eq!(parse(&short), Err(AddressError::PayloadLength { expected: 32, actual: 31 }));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(version: u8, payload in proptest::collection::vec(any::<u8>(), 0..60)) {
            let text = encode("kaspasim", version, &payload);
            prop_assert_eq!(decode(&text), Ok(("kaspasim", version, payload)));
        }

        #[test]
        fn a_changed_letter_is_noticed(payload: [u8; 32], at in 0_usize..61, letter in 0_usize..32) {
            let text = encode("kaspa", 0, &payload);
            let mut bytes = text.clone().into_bytes();
            let at = "kaspa:".len() + at;
            prop_assume!(bytes[at] != LETTERS[letter]);
            bytes[at] = LETTERS[letter];
            prop_assert_eq!(decode(core::str::from_utf8(&bytes).unwrap()), Err(AddressError::BadChecksum));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,80}") {
            let _ = text.parse::<Address>();
            let _ = format!("kaspa:{text}").parse::<Address>();
        }
    }
}
