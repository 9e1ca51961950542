//! Compact blocks: a header, six bytes for each transaction the receiver should have, and the others whole.
//!
//! ```text
//!   cmpctblock ─► CompactBlock ─► Reconstruction ─► offer(pool transactions) ─► missing() ─► getblocktxn
//!                                       │                                                        │
//!                                   Block bytes ◄────────────── fill(those) ◄──────── blocktxn ──┘
//! ```
//!
//! Short ids are keyed by header and nonce, so that nobody can prepare transactions that collide in
//! everybody's pool; two that collide in one pool are fetched like a missing one.
//!
//! # Invariants
//!
//! - At most [`TRANSACTIONS_MAX`] transactions, whatever the message claims.
//! - A reconstructed block has the announced header, but its body is a guess: the caller computes the
//!   Merkle root, and if that is wrong fetches the whole block. The sender is not to blame (BIP-0152).
//!
//! **Spec:** BIP-0152, version 2 (ids over witnesses). Bitcoin Core: `src/blockencodings.cpp`.

use bitcoin::{BlockHash, Wtxid, block::Header, hashes::Hash};
use bytes::Bytes;
use quintet_crypto::{digest::sha256, keyed::SipKey};
use thiserror::Error;

use crate::{
    block::{HEADER_BYTES, decode_header, header_hash},
    encode::{DecodeError, Reader, put_size},
    transaction::{Transactions, Tx},
};

/// Bytes of a short id.
pub const SHORT_ID_BYTES: usize = 6;

/// Most transactions of a compact block: their indexes are 16-bit numbers.
pub const TRANSACTIONS_MAX: usize = 0xffff;

/// Why a message is no compact block, or cannot be made into a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CompactError {
    /// The bytes are malformed.
    #[error("compact block: {0}")]
    Malformed(#[from] DecodeError),
    /// No transaction at all, or too many.
    #[error("compact block: expected 1..={TRANSACTIONS_MAX} transactions, got {actual}")]
    Count {
        /// Short ids and whole transactions together.
        actual: usize,
    },
    /// A whole transaction stands behind the end of the block.
    #[error("compact block: expected an index of at most {most}, got {actual}")]
    Index {
        /// The largest that leaves no gap.
        most: usize,
        /// The index.
        actual: usize,
    },
    /// Two transactions of the block have one short id: fetch the block whole.
    #[error("compact block: expected distinct short ids, got {id:012x} twice")]
    Collision {
        /// The id.
        id: u64,
    },
    /// The answer has not as many transactions as are missing.
    #[error("compact block: expected the {expected} missing transactions, got {actual}")]
    Missing {
        /// Transactions that are missing.
        expected: usize,
        /// Transactions of the answer.
        actual: usize,
    },
}

/// The key of a block's short ids.
#[derive(Debug, Clone, Copy)]
pub struct ShortIdKey(SipKey);

impl ShortIdKey {
    /// Derives the key: the first 16 bytes of the SHA-256 digest of header and nonce.
    #[must_use]
    pub fn new(header: &[u8; HEADER_BYTES], nonce: u64) -> Self {
        let digest = sha256(&[header, &nonce.to_le_bytes()]);
        Self(SipKey::new(digest.as_bytes().first_chunk().copied().unwrap_or_default()))
    }

    /// Returns the short id, 48 bits.
    #[must_use]
    pub fn short_id(&self, wtxid: &Wtxid) -> u64 {
        self.0.hash(&[wtxid.as_byte_array()]) & 0xffff_ffff_ffff
    }
}

/// A parsed compact block.
#[derive(Debug, Clone)]
pub struct CompactBlock {
    raw_header: [u8; HEADER_BYTES],
    nonce: u64,
    short_ids: Vec<u64>,
    /// Where in the block the whole transactions stand, ascending.
    places: Vec<usize>,
    whole: Transactions,
}

impl CompactBlock {
    /// Parses the payload of `cmpctblock`.
    ///
    /// # Errors
    ///
    /// [`CompactError`] if it is malformed, empty, too large or has an index beyond its end.
    pub fn decode(bytes: impl Into<Bytes>) -> Result<Self, CompactError> {
        let bytes = bytes.into();
        let mut reader = Reader::new(&bytes)?;
        let raw_header = reader.array()?;
        let nonce = reader.u64()?;
        let (ids, reserve) = reader.count(SHORT_ID_BYTES)?;
        let mut short_ids = Vec::with_capacity(reserve);
        for _ in 0..ids {
            let [a, b, c, d, e, f] = reader.array::<SHORT_ID_BYTES>()?;
            short_ids.push(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]));
        }
        let (count, reserve) = reader.count(11)?;
        let total = ids + count;
        if total == 0 || total > TRANSACTIONS_MAX {
            return Err(CompactError::Count { actual: total });
        }
        let mut places = Vec::with_capacity(reserve);
        let mut whole = Transactions::with_capacity(bytes.clone(), reserve, reader.left());
        let mut next = 0;
        for index in 0..count {
            // Written as the distance to the one before, so that the order cannot be wrong.
            let place = next + reader.size()?;
            let most = ids + index;
            if place > most {
                return Err(CompactError::Index { most, actual: place });
            }
            whole.decode_one(&mut reader)?;
            places.push(place);
            next = place + 1;
        }
        reader.finish()?;
        Ok(Self { raw_header, nonce, short_ids, places, whole })
    }

    /// Returns the header.
    #[must_use]
    pub fn header(&self) -> Header {
        decode_header(&self.raw_header)
    }

    /// Returns the hash of the header.
    #[must_use]
    pub fn hash(&self) -> BlockHash {
        header_hash(&self.raw_header)
    }

    /// Returns the nonce that keys the short ids.
    #[must_use]
    pub const fn nonce(&self) -> u64 {
        self.nonce
    }

    /// Returns how many transactions the block has.
    #[must_use]
    pub const fn transaction_count(&self) -> usize {
        self.short_ids.len() + self.places.len()
    }

    /// Returns the short ids in the order of the block, the whole transactions left out.
    #[must_use]
    pub fn short_ids(&self) -> &[u64] {
        &self.short_ids
    }

    /// Returns the whole transactions and where in the block they stand.
    pub fn prefilled(&self) -> impl ExactSizeIterator<Item = (usize, Tx<'_>)> {
        self.places.iter().copied().zip(self.whole.iter())
    }

    /// Returns the key of the short ids.
    #[must_use]
    pub fn key(&self) -> ShortIdKey {
        ShortIdKey::new(&self.raw_header, self.nonce)
    }

    /// Serialises the message, the inverse of [`decode`](Self::decode).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::from(self.raw_header);
        out.extend_from_slice(&self.nonce.to_le_bytes());
        put_size(&mut out, self.short_ids.len() as u64);
        for id in &self.short_ids {
            out.extend_from_slice(&id.to_le_bytes()[..SHORT_ID_BYTES]);
        }
        put_size(&mut out, self.places.len() as u64);
        let mut next = 0;
        for (place, tx) in self.prefilled() {
            put_size(&mut out, (place - next) as u64);
            out.extend_from_slice(tx.bytes());
            next = place + 1;
        }
        out
    }
}

/// What stands at a place of the block.
#[derive(Debug, Clone)]
enum Slot {
    Empty,
    /// Two offered transactions have this place's short id, or more: none is taken.
    Disputed,
    Filled(Bytes),
}

/// A block on its way from a compact block to a whole one.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    raw_header: [u8; HEADER_BYTES],
    key: ShortIdKey,
    slots: Vec<Slot>,
    /// Short ids in ascending order, each with its place.
    wanted: Vec<(u64, usize)>,
}

impl Reconstruction {
    /// Begins with the transactions that came whole.
    ///
    /// # Errors
    ///
    /// [`CompactError::Collision`] if two places have one short id; the block is fetched whole then.
    pub fn new(compact: &CompactBlock) -> Result<Self, CompactError> {
        let mut slots = vec![Slot::Empty; compact.transaction_count()];
        for (place, tx) in compact.prefilled() {
            slots[place] = Slot::Filled(Bytes::copy_from_slice(tx.bytes()));
        }
        let empty = slots.iter().enumerate().filter(|(_, slot)| matches!(slot, Slot::Empty));
        let places = empty.map(|(place, _)| place);
        let mut wanted: Vec<_> = compact.short_ids.iter().copied().zip(places).collect();
        wanted.sort_unstable();
        if let Some(pair) = wanted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(CompactError::Collision { id: pair[0].0 });
        }
        Ok(Self { raw_header: compact.raw_header, key: compact.key(), slots, wanted })
    }

    /// Offers a transaction of the pool; returns whether the block has a place for its short id.
    ///
    /// Offer each transaction once: a second one with the same short id disputes the place.
    pub fn offer(&mut self, wtxid: &Wtxid, transaction: &Bytes) -> bool {
        let id = self.key.short_id(wtxid);
        let Ok(found) = self.wanted.binary_search_by_key(&id, |(id, _)| *id) else { return false };
        let slot = &mut self.slots[self.wanted[found].1];
        *slot = match slot {
            Slot::Empty => Slot::Filled(transaction.clone()),
            Slot::Disputed | Slot::Filled(_) => Slot::Disputed,
        };
        true
    }

    /// Returns the places to ask for with `getblocktxn`, ascending.
    pub fn missing(&self) -> impl Iterator<Item = usize> {
        let slots = self.slots.iter().enumerate();
        slots.filter(|(_, slot)| !matches!(slot, Slot::Filled(_))).map(|(place, _)| place)
    }

    /// Puts `answer`, the transactions of `blocktxn` in order, in the missing places and returns the block.
    ///
    /// # Errors
    ///
    /// [`CompactError::Missing`] if they are not as many as were missing: the sender is at fault.
    pub fn fill<'a>(
        &self,
        answer: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<u8>, CompactError> {
        let expected = self.missing().count();
        let mut answer = answer.into_iter();
        let mut block = Vec::from(self.raw_header);
        put_size(&mut block, self.slots.len() as u64);
        let mut actual = 0;
        for slot in &self.slots {
            if let Slot::Filled(transaction) = slot {
                block.extend_from_slice(transaction);
            } else {
                let transaction =
                    answer.next().ok_or(CompactError::Missing { expected, actual })?;
                block.extend_from_slice(transaction);
                actual += 1;
            }
        }
        match answer.count() {
            0 => Ok(block),
            more => Err(CompactError::Missing { expected, actual: actual + more }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{block::Block, transaction::Transaction};

    fn transaction(mark: u8) -> Transaction {
        let mut bytes = vec![2, 0, 0, 0, 1];
        bytes.extend_from_slice(&[mark; 36]);
        bytes.extend_from_slice(&[0, 0xff, 0xff, 0xff, 0xff, 1]);
        bytes.extend_from_slice(&[mark, 0, 0, 0, 0, 0, 0, 0, 1, 0x51, 0, 0, 0, 0]);
        Transaction::decode(bytes).unwrap()
    }

    fn wtxid(transaction: &Transaction) -> Wtxid {
        transaction.view().wtxid()
    }

    fn bytes(transaction: &Transaction) -> Bytes {
        Bytes::copy_from_slice(transaction.view().bytes())
    }

    /// Transactions 0 and 2 of four come whole.
    fn message() -> Vec<u8> {
        let header = [3; HEADER_BYTES];
        let key = ShortIdKey::new(&header, 7);
        let mut out = Vec::from(header);
        out.extend_from_slice(&7_u64.to_le_bytes());
        out.push(2);
        for mark in [1, 3] {
            let id = key.short_id(&wtxid(&transaction(mark)));
            out.extend_from_slice(&id.to_le_bytes()[..SHORT_ID_BYTES]);
        }
        out.push(2);
        for mark in [0, 2] {
            out.push(u8::from(mark == 2));
            out.extend_from_slice(&bytes(&transaction(mark)));
        }
        out
    }

    fn block() -> Vec<u8> {
        let mut out = vec![3; HEADER_BYTES];
        out.push(4);
        (0..4).for_each(|mark| out.extend_from_slice(&bytes(&transaction(mark))));
        out
    }

    #[test]
    fn a_message_is_read_back_as_written() {
        let compact = CompactBlock::decode(message()).unwrap();
        assert_eq!(compact.encode(), message());
        assert_eq!((compact.nonce(), compact.transaction_count()), (7, 4));
        let places: Vec<_> = compact.prefilled().map(|(place, _)| place).collect();
        assert_eq!(places, [0, 2]);
    }

    #[test]
    fn a_message_cut_at_any_byte_is_refused() {
        let whole = message();
        for cut in 0..whole.len() {
            assert!(CompactBlock::decode(whole[..cut].to_vec()).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn the_pool_and_an_answer_make_the_block_whole() {
        let compact = CompactBlock::decode(message()).unwrap();
        let mut block_to_be = Reconstruction::new(&compact).unwrap();
        let (known, missing) = (transaction(1), transaction(3));
        assert!(block_to_be.offer(&wtxid(&known), &bytes(&known)));
        assert!(!block_to_be.offer(&wtxid(&transaction(9)), &bytes(&transaction(9))));
        assert_eq!(block_to_be.missing().collect::<Vec<_>>(), [3]);
        let made = block_to_be.fill([&*bytes(&missing)]).unwrap();
        assert_eq!(made, block());
        assert_eq!(Block::decode(made).unwrap().hash(), compact.hash());
    }

    #[test]
    fn an_answer_of_another_length_is_refused() {
        let compact = CompactBlock::decode(message()).unwrap();
        let block_to_be = Reconstruction::new(&compact).unwrap();
        let one = bytes(&transaction(1));
        for actual in [0, 1, 3] {
            let refused = block_to_be.fill(vec![&*one; actual]).unwrap_err();
            assert_eq!(refused, CompactError::Missing { expected: 2, actual });
        }
    }

    #[test]
    fn two_transactions_for_one_place_leave_it_missing() {
        let compact = CompactBlock::decode(message()).unwrap();
        let mut block_to_be = Reconstruction::new(&compact).unwrap();
        let known = transaction(1);
        for _ in 0..3 {
            block_to_be.offer(&wtxid(&known), &bytes(&known));
        }
        assert_eq!(block_to_be.missing().collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn one_short_id_at_two_places_is_a_collision() {
        let mut message = message();
        let ids = HEADER_BYTES + 8 + 1;
        message.copy_within(ids..ids + SHORT_ID_BYTES, ids + SHORT_ID_BYTES);
        let compact = CompactBlock::decode(message).unwrap();
        let refused = Reconstruction::new(&compact).unwrap_err();
        assert!(matches!(refused, CompactError::Collision { .. }));
    }

    #[test]
    fn an_index_beyond_the_end_is_refused() {
        let mut message = message();
        let first = HEADER_BYTES + 8 + 1 + 2 * SHORT_ID_BYTES + 1;
        message[first] = 3;
        let refused = CompactBlock::decode(message).unwrap_err();
        assert_eq!(refused, CompactError::Index { most: 2, actual: 3 });
    }

    #[test]
    fn a_block_without_transactions_or_with_too_many_is_refused() {
        let mut empty = vec![0; HEADER_BYTES + 8];
        let mut full = empty.clone();
        empty.extend_from_slice(&[0, 0]);
        let refused = CompactBlock::decode(empty).unwrap_err();
        assert_eq!(refused, CompactError::Count { actual: 0 });
        put_size(&mut full, 0x1_0000);
        full.resize(full.len() + 0x1_0000 * SHORT_ID_BYTES, 0);
        full.push(0);
        let refused = CompactBlock::decode(full).unwrap_err();
        assert_eq!(refused, CompactError::Count { actual: 0x1_0000 });
    }
}
