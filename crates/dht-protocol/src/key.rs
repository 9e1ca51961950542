//! 160-bit keys and the XOR metric.
//!
//! Spec: Maymounkov & Mazières, *Kademlia* (IPTPS 2002), section 2.1; BEP 5.

use core::{cmp::Ordering, fmt, str::FromStr};

use quintet_primitives::{Hash160, hex::HexError};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Bits in a key.
pub const KEY_BITS: usize = 160;

/// A point in the 160-bit key space: a node id, an info-hash or the key of a record; big-endian.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Hash160);

impl Key {
    /// Length in bytes.
    pub const LEN: usize = Hash160::LEN;

    /// Wraps 20 big-endian bytes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(Hash160::new(bytes))
    }

    /// Wraps a slice, if it has exactly 20 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Hash160::try_from(bytes).ok().map(Self)
    }

    /// Draws a uniformly random key.
    pub fn random(rng: &mut impl Rng) -> Self {
        let mut bytes = [0; Self::LEN];
        rng.fill_bytes(&mut bytes);
        Self::new(bytes)
    }

    /// Draws a key whose first `bits` bits are those of `self` and whose next bit differs, the rest
    /// being random: a key that falls into bucket `bits` of a table owned by `self`.
    ///
    /// `bits` past 159 returns `self`.
    pub fn random_at(self, bits: usize, rng: &mut impl Rng) -> Self {
        let mut bytes = Self::random(rng).into_bytes();
        for (index, own) in self.as_bytes().iter().enumerate() {
            let kept = bits.saturating_sub(index * 8).min(8);
            // `kept` is at most 8, so the shift leaves the low `8 - kept` bits free.
            let mask = u8::try_from(0xff_u16 << (8 - kept) & 0xff).unwrap_or(0xff);
            bytes[index] = (own & mask) | (bytes[index] & !mask);
        }
        if bits < KEY_BITS {
            let bit = 0x80_u8 >> (bits % 8);
            let own = self.as_bytes()[bits / 8] & bit;
            bytes[bits / 8] = (bytes[bits / 8] & !bit) | (own ^ bit);
        }
        Self::new(bytes)
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        self.0.as_bytes()
    }

    /// Returns the bytes by value.
    #[must_use]
    pub const fn into_bytes(self) -> [u8; Self::LEN] {
        self.0.into_bytes()
    }

    /// Returns the XOR distance to `other`; `a.distance(b) == b.distance(a)`.
    #[must_use]
    pub fn distance(self, other: Self) -> Distance {
        let mut out = self.into_bytes();
        out.iter_mut().zip(other.as_bytes()).for_each(|(a, b)| *a ^= b);
        Distance(out)
    }

    /// Returns how many leading bits `self` and `other` share, 0..=160.
    #[must_use]
    pub fn common_prefix(self, other: Self) -> usize {
        self.distance(other).leading_zeros()
    }
}

impl FromStr for Key {
    type Err = HexError;

    /// Parses 40 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, HexError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Key {
    /// The first four bytes: enough to tell keys apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// XOR distance between two keys, ordered as a 160-bit big-endian integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Distance([u8; Key::LEN]);

impl Ord for Distance {
    /// As two numbers: routing compares distances all the time, and a call for every 20 bytes costs
    /// more than the comparison.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.halves().cmp(&other.halves())
    }
}

impl PartialOrd for Distance {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Distance {
    const fn halves(&self) -> (u128, u32) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, rest @ ..] = self.0;
        let high = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
        (u128::from_be_bytes(high), u32::from_be_bytes(rest))
    }

    /// Returns the number of leading zero bits, 0..=160.
    #[must_use]
    pub fn leading_zeros(self) -> usize {
        let mut bits = 0;
        for byte in self.0 {
            bits += byte.leading_zeros() as usize;
            if byte != 0 {
                break;
            }
        }
        bits
    }

    /// Returns the length of the distance in bits, 160 minus the leading zeros: the form in which
    /// libtorrent and mainline quote distances.
    #[must_use]
    pub fn bit_length(self) -> usize {
        KEY_BITS - self.leading_zeros()
    }

    /// Returns the big-endian bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Key::LEN] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    proptest! {
        #[test]
        fn the_metric_is_symmetric_and_tells_keys_apart(a: [u8; 20], b: [u8; 20]) {
            let (a, b) = (Key::new(a), Key::new(b));
            prop_assert_eq!(a.distance(b), b.distance(a));
            prop_assert_eq!(a.distance(b).bit_length() == 0, a == b);
        }

        #[test]
        fn distances_are_ordered_as_their_bytes_are(a: [u8; 20], b: [u8; 20], same in 0_usize..=20) {
            let mut b = b;
            b[..same].copy_from_slice(&a[..same]);
            prop_assert_eq!(Distance(a).cmp(&Distance(b)), a.cmp(&b));
        }

        #[test]
        fn a_key_drawn_for_a_bucket_falls_into_it(own: [u8; 20], bits in 0_usize..160, seed: u64) {
            let own = Key::new(own);
            let drawn = own.random_at(bits, &mut StdRng::seed_from_u64(seed));
            prop_assert_eq!(own.common_prefix(drawn), bits);
        }
    }
}
