//! Compact filters of blocks: which scripts a block may touch, in about a fiftieth of its size.
//!
//! ```text
//!   block + spent scripts ──► set of scripts ──► SipHash into 0..N·M ──► sorted ──► differences, Golomb-Rice
//!                                                                                          │
//!   header = sha256d( sha256d(filter) ‖ header before )  ◄──────────── N ‖ bit stream ─────┘
//! ```
//!
//! A light client tests its own scripts against the filter and fetches the block if one matches: a
//! script of the block always does, another one in `M` tests does by chance.
//!
//! # Invariants
//!
//! - A [`BasicFilter`] decodes to exactly its `N` elements and holds nothing after them.
//! - Memory is proportional to the filter's bytes and the query, whatever `N` claims.
//!
//! **Spec:** BIP-0158; BIP-0157 for headers. Bitcoin Core: `GCSFilter`, `BasicFilterElements`.

mod bits;

use std::collections::BTreeSet;

use bitcoin::{
    BlockHash,
    bip158::{FilterHash, FilterHeader},
    hashes::Hash,
};
use quintet_crypto::{digest::sha256d, keyed::SipKey};
use thiserror::Error;

use crate::{
    block::Block,
    encode::{DecodeError, Reader, put_size},
};
use bits::{BitReader, BitWriter};

/// Number of the basic filter's type on the wire.
pub const BASIC_FILTER_TYPE: u8 = 0;

/// Bits of a Golomb-Rice remainder (`P`).
pub const REMAINDER_BITS: u32 = 19;

/// Inverse of the chance that a foreign script matches (`M`).
pub const FALSE_POSITIVE_INVERSE: u64 = 784_931;

/// Scripts that begin so are no part of a filter: nobody can spend them.
const OP_RETURN: u8 = 0x6a;

/// Why bytes are no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FilterError {
    /// The count of elements is malformed.
    #[error("count of a filter's elements: {0}")]
    Count(#[from] DecodeError),
    /// The bit stream ends inside an element.
    #[error("expected {expected} elements, got a filter that ends in element {actual}")]
    End {
        /// Elements the filter announces.
        expected: usize,
        /// Elements read.
        actual: usize,
    },
    /// The bit stream goes on after the last element.
    #[error("expected the end of the filter after {elements} elements, got {actual} more bytes")]
    Trailing {
        /// Elements the filter announces.
        elements: usize,
        /// Bytes left over.
        actual: usize,
    },
}

/// The basic filter of a block, checked to be well-formed.
#[derive(Debug, Clone)]
pub struct BasicFilter {
    key: SipKey,
    elements: usize,
    /// Where the bit stream begins in `bytes`.
    stream: usize,
    bytes: Vec<u8>,
}

impl BasicFilter {
    /// Builds the filter of `block`, given the scripts of the coins it spends, in any order.
    #[must_use]
    pub fn of_block<'a>(block: &'a Block, spent: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let spent = spent.into_iter().filter(|script| !script.is_empty());
        let made = block.transactions().iter().flat_map(|tx| tx.outputs());
        let made = made.map(|output| output.script_pubkey);
        let made = made.filter(|script| script.first().is_some_and(|first| *first != OP_RETURN));
        Self::of_elements(block.hash(), spent.chain(made))
    }

    /// Builds the filter of any set of byte strings; duplicates count once.
    #[must_use]
    pub fn of_elements<'a>(hash: BlockHash, elements: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let elements: BTreeSet<&[u8]> = elements.into_iter().collect();
        let key = key_of(hash);
        let mut hashed: Vec<u64> =
            elements.iter().map(|element| place(key, elements.len(), element)).collect();
        hashed.sort_unstable();

        let mut bytes = Vec::with_capacity(elements.len() * 3 + 9);
        put_size(&mut bytes, elements.len() as u64);
        let stream = bytes.len();
        let mut writer = BitWriter::new(bytes);
        let mut before = 0;
        for value in hashed {
            writer.golomb_rice(value - before, REMAINDER_BITS);
            before = value;
        }
        Self { key, elements: elements.len(), stream, bytes: writer.finish() }
    }

    /// Reads the filter of the block with this hash and checks that it holds its elements and no more.
    ///
    /// # Errors
    ///
    /// [`FilterError`] if it does not.
    pub fn decode(hash: BlockHash, bytes: Vec<u8>) -> Result<Self, FilterError> {
        let mut reader = Reader::new(&bytes)?;
        let expected = reader.size()?;
        let stream = reader.at();
        let mut bits = BitReader::new(&bytes[stream..]);
        for actual in 0..expected {
            bits.golomb_rice(REMAINDER_BITS).ok_or(FilterError::End { expected, actual })?;
        }
        match bits.whole_bytes_left() {
            0 => Ok(Self { key: key_of(hash), elements: expected, stream, bytes }),
            actual => Err(FilterError::Trailing { elements: expected, actual }),
        }
    }

    /// Returns the serialisation: the count as a compact size, then the bit stream.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns how many different elements it holds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.elements
    }

    /// Returns whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.elements == 0
    }

    /// Returns whether one of `query` may be in the block; never `false` for one that is.
    #[must_use]
    pub fn matches_any<'a>(&self, query: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let place = |element| place(self.key, self.elements, element);
        let mut query: Vec<u64> = query.into_iter().map(place).collect();
        query.sort_unstable();
        let mut query = query.into_iter().peekable();
        self.values().any(|value| {
            while query.next_if(|wanted| *wanted < value).is_some() {}
            query.peek() == Some(&value)
        })
    }

    /// Returns the hash of the serialisation.
    #[must_use]
    pub fn hash(&self) -> FilterHash {
        FilterHash::from_byte_array(sha256d(&[&self.bytes]).into_bytes())
    }

    /// Returns the filter header, which commits to this filter and to all before it.
    #[must_use]
    pub fn header(&self, before: FilterHeader) -> FilterHeader {
        header(self.hash(), before)
    }

    /// The places of the elements in ascending order.
    fn values(&self) -> impl Iterator<Item = u64> {
        let mut bits = BitReader::new(&self.bytes[self.stream..]);
        let mut value = 0_u64;
        (0..self.elements).map_while(move |_| {
            value = value.saturating_add(bits.golomb_rice(REMAINDER_BITS)?);
            Some(value)
        })
    }
}

/// Returns the filter header for a filter that is known by its hash alone, as in `cfheaders`.
#[must_use]
pub fn header(filter: FilterHash, before: FilterHeader) -> FilterHeader {
    let parts: [&[u8]; 2] = [filter.as_byte_array(), before.as_byte_array()];
    FilterHeader::from_byte_array(sha256d(&parts).into_bytes())
}

/// The key is the first half of the block's hash, as serialised.
fn key_of(hash: BlockHash) -> SipKey {
    let half = hash.as_byte_array().first_chunk().copied();
    SipKey::new(half.unwrap_or_default())
}

/// Maps an element into `0..N·M` without a division: the upper half of a 64 × 64 bit product.
fn place(key: SipKey, elements: usize, element: &[u8]) -> u64 {
    let range = (elements as u64).saturating_mul(FALSE_POSITIVE_INVERSE);
    let product = u128::from(key.hash(&[element])) * u128::from(range);
    u64::try_from(product >> 64).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPTS: [&[u8]; 5] = [b"a", b"bc", &[0x51], &[0; 22], &[7; 34]];

    fn filter() -> BasicFilter {
        BasicFilter::of_elements(BlockHash::all_zeros(), SCRIPTS)
    }

    #[test]
    fn every_element_matches_and_a_stranger_does_not() {
        let filter = filter();
        for script in SCRIPTS {
            assert!(filter.matches_any([&b"stranger"[..], script]));
        }
        assert!(!filter.matches_any([&b"stranger"[..], b"another"]));
        assert!(!filter.matches_any([]));
    }

    #[test]
    fn a_filter_is_read_back_as_written() {
        let filter = filter();
        let read = BasicFilter::decode(BlockHash::all_zeros(), filter.as_bytes().to_vec()).unwrap();
        assert_eq!((read.as_bytes(), read.len()), (filter.as_bytes(), 5));
        assert!(read.matches_any(SCRIPTS));
        assert_eq!(read.hash(), filter.hash());
    }

    #[test]
    fn duplicates_count_once() {
        let twice = SCRIPTS.iter().chain(&SCRIPTS).copied();
        let twice = BasicFilter::of_elements(BlockHash::all_zeros(), twice);
        assert_eq!(twice.as_bytes(), filter().as_bytes());
    }

    #[test]
    fn a_filter_cut_at_any_byte_is_refused() {
        let whole = filter().as_bytes().to_vec();
        for cut in 0..whole.len() {
            let refused = BasicFilter::decode(BlockHash::all_zeros(), whole[..cut].to_vec());
            assert!(refused.is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn bytes_after_the_last_element_are_refused() {
        let mut bytes = filter().as_bytes().to_vec();
        bytes.push(0);
        let refused = BasicFilter::decode(BlockHash::all_zeros(), bytes);
        assert_eq!(refused.unwrap_err(), FilterError::Trailing { elements: 5, actual: 1 });
    }

    #[test]
    fn a_count_without_elements_ends_at_the_first() {
        let refused = BasicFilter::decode(BlockHash::all_zeros(), vec![0xfe, 0, 0, 0, 2]);
        let expected = FilterError::End { expected: 0x0200_0000, actual: 0 };
        assert_eq!(refused.unwrap_err(), expected);
    }

    #[test]
    fn an_empty_filter_matches_nothing() {
        let empty = BasicFilter::decode(BlockHash::all_zeros(), vec![0]).unwrap();
        assert!(empty.is_empty());
        assert!(!empty.matches_any(SCRIPTS));
        assert_eq!(BasicFilter::of_elements(BlockHash::all_zeros(), []).as_bytes(), [0]);
    }
}
