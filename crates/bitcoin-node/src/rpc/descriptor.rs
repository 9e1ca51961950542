//! Descriptors that name one script in other words: `raw(HEX)` and `addr(ADDRESS)`.
//!
//! Keys, and what is derived from them, are a wallet's business, and there is none here.
//!
//! **Spec:** BIP-0380 (checksums), BIP-0385 (`raw`, `addr`).

use quintet_bitcoin_protocol::address::{self, Prefixes};
use quintet_primitives::hex;

use super::fault::{Failure, code};

/// Characters of descriptors, in groups of 32: a mistake between neighbours changes one symbol of the checksum.
const INPUT: &str = "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ ";
const CHECKSUM: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u64; 5] =
    [0xf5_dee5_1989, 0xa9_fdca_3312, 0x1b_ab10_e32d, 0x37_06b1_677a, 0x64_4d62_6ffd];
const CHECKSUM_CHARS: u32 = 8;

/// A script, and the descriptor that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) script: Vec<u8>,
    /// What was written, with its checksum.
    pub(super) text: String,
}

impl Descriptor {
    /// Reads a descriptor, with a checksum or without.
    pub(super) fn parse(text: &str, prefixes: Option<&Prefixes>) -> Result<Self, Failure> {
        let refused = |message: String| Failure::new(code::ADDRESS_OR_KEY, message);
        let (bare, given) = match text.split_once('#') {
            Some((bare, given)) => (bare, Some(given)),
            None => (text, None),
        };
        let computed =
            checksum(bare).ok_or_else(|| refused("Invalid characters in payload".to_owned()))?;
        if let Some(given) = given.filter(|given| *given != computed) {
            return Err(refused(format!(
                "Provided checksum '{given}' does not match computed checksum '{computed}'"
            )));
        }
        let inner = |name: &str| bare.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        let script = if let Some(digits) = inner("raw") {
            hex::decode(digits).map_err(|_| refused("Raw script is not hex".to_owned()))?
        } else if let Some(shown) = inner("addr") {
            let found = prefixes.and_then(|prefixes| address::decode(shown, prefixes).ok());
            found.ok_or_else(|| refused("Address is not valid".to_owned()))?
        } else {
            return Err(refused(format!(
                "'{bare}' is not a valid descriptor function here: expected raw(HEX) or addr(ADDRESS)"
            )));
        };
        Ok(Self { script, text: format!("{bare}#{computed}") })
    }
}

/// **Spec:** BIP-0380, "Checksum".
fn checksum(text: &str) -> Option<String> {
    let (mut sum, mut group, mut count) = (1_u64, 0_u64, 0);
    for character in text.chars() {
        let at = INPUT.find(character)? as u64;
        sum = step(sum, at & 31);
        group = group * 3 + (at >> 5);
        count += 1;
        if count == 3 {
            sum = step(sum, group);
            (group, count) = (0, 0);
        }
    }
    if count > 0 {
        sum = step(sum, group);
    }
    for _ in 0..CHECKSUM_CHARS {
        sum = step(sum, 0);
    }
    sum ^= 1;
    let symbol = |at: u32| {
        let value = sum >> (5 * (CHECKSUM_CHARS - 1 - at)) & 31;
        char::from(CHECKSUM[usize::try_from(value).unwrap_or(0)])
    };
    Some((0..CHECKSUM_CHARS).map(symbol).collect())
}

fn step(sum: u64, value: u64) -> u64 {
    let top = sum >> 35;
    let shifted = (sum & 0x7_ffff_ffff) << 5 ^ value;
    let taps = GENERATOR.iter().zip(0..).filter(|(_, bit)| top >> bit & 1 == 1);
    taps.fold(shifted, |sum, (generator, _)| sum ^ generator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Descriptor, String> {
        Descriptor::parse(text, Prefixes::of("regtest")).map_err(|failure| match failure {
            Failure::Fault(fault) => fault.message,
            Failure::Chain(error) => error.to_string(),
        })
    }

    #[test]
    fn a_checksum_is_that_of_the_specification() {
        // BIP-0380, "Test Vectors".
        assert_eq!(checksum("raw(deadbeef)").as_deref(), Some("89f8spxm"));
        assert_eq!(parse("raw(deadbeef)#89f8spxm").unwrap().script, [0xde, 0xad, 0xbe, 0xef]);
        for wrong in [
            "raw(deadbeef)#",
            "raw(deadbeef)#89f8spxmx",
            "raw(deadbeef)#89f8spx",
            "raw(dedbeef)#89f8spxm",
            "raw(deadbeef)##9f8spxm",
            "raw(Ü)#00000000",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_script_is_named_in_two_ways_and_keys_are_refused() {
        assert_eq!(parse("raw(51)").unwrap().text, "raw(51)#8lvh9jxk");
        let anybody =
            parse("addr(bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85)");
        assert_eq!(anybody.unwrap().script[..2], [0, 32]);
        assert!(parse("wpkh(02c6047f)").unwrap_err().contains("expected raw(HEX)"));
        assert!(parse("addr(x)").is_err() && parse("raw(5)").is_err() && parse("").is_err());
    }
}
