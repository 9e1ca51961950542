//! Proofs that some transactions are in a block: its Merkle tree, cut down to what they need.
//!
//! The tree is walked from the root, depth first. A bit tells of each node whether a proven transaction
//! lies below; if so the walk goes down, else the node's hash is given and its subtree left out:
//!
//! ```text
//!             1                 bits    1 1 0 1 0
//!         1       0             hashes      a b  cd
//!       0   1   (cd)
//!       a   b                   proves b
//! ```
//!
//! # Invariants
//!
//! - Every bit and every hash of a proof is used, and nothing is left over but padding.
//! - A node with two equal children is refused: duplicated tails make two lists of transactions with one
//!   root (CVE-2012-2459), and an inner node could be passed off as a transaction.
//!
//! **Spec:** BIP-0037. Bitcoin Core: `src/merkleblock.cpp`, `CPartialMerkleTree`.

use bitcoin::{TxMerkleNode, Txid, block::Header, hashes::Hash};
use quintet_crypto::digest::sha256d;
use thiserror::Error;

use crate::{
    block::{HEADER_BYTES, decode_header, encode_header},
    encode::{DecodeError, Reader, put_size},
};

/// Most transactions of a block: its largest weight over the smallest of a transaction, 4 × 60.
pub const TRANSACTIONS_MAX: u32 = 4_000_000 / 240;

/// Why bytes prove nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The bytes are malformed.
    #[error("Merkle proof: {0}")]
    Malformed(#[from] DecodeError),
    /// No transaction, or more than a block can hold.
    #[error("Merkle proof: expected 1..={TRANSACTIONS_MAX} transactions, got {actual}")]
    Count {
        /// Transactions of the block, as claimed.
        actual: u32,
    },
    /// More hashes than transactions, or fewer bits than hashes.
    #[error("Merkle proof: expected at most {expected} hashes, got {actual}")]
    Hashes {
        /// The transactions or the bits, whichever are fewer.
        expected: usize,
        /// The hashes.
        actual: usize,
    },
    /// The walk needs a bit or a hash more than there is.
    #[error("Merkle proof: expected more {what}, got {actual}")]
    End {
        /// Bits or hashes.
        what: &'static str,
        /// How many there are.
        actual: usize,
    },
    /// The walk left a bit or a hash over.
    #[error("Merkle proof: expected all {expected} {what} to be used, got {actual}")]
    Unused {
        /// Bits or hashes.
        what: &'static str,
        /// How many there are.
        expected: usize,
        /// How many the walk used.
        actual: usize,
    },
    /// Two equal children.
    #[error("Merkle proof: expected different hashes below each node")]
    Duplicate,
    /// The proof is of another tree.
    #[error("Merkle proof: expected the root {expected}, got {actual}")]
    Root {
        /// The header's.
        expected: TxMerkleNode,
        /// The proof's.
        actual: TxMerkleNode,
    },
}

/// A transaction that is proven: its id and its index in the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proven {
    /// Where in the block it stands.
    pub index: u32,
    /// Its id.
    pub txid: Txid,
}

/// A Merkle tree cut down to some of its leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialMerkleTree {
    transactions: u32,
    hashes: Vec<[u8; 32]>,
    /// Eight bits a byte, least significant first.
    bits: Vec<u8>,
}

impl PartialMerkleTree {
    /// Proves those transactions of a block that `wanted` chooses. `None` if the block has none or too many.
    #[must_use]
    pub fn prove(txids: &[Txid], wanted: impl Fn(usize, &Txid) -> bool) -> Option<Self> {
        let transactions = u32::try_from(txids.len()).ok()?;
        if !(1..=TRANSACTIONS_MAX).contains(&transactions) {
            return None;
        }
        let leaves = txids.iter().enumerate();
        let mut level: Vec<_> =
            leaves.map(|(index, txid)| (txid.to_byte_array(), wanted(index, txid))).collect();
        let mut levels = vec![level.clone()];
        while level.len() > 1 {
            let join = |pair: &[([u8; 32], bool)]| {
                let (left, right) = (pair[0], pair[pair.len() - 1]);
                (join(&left.0, &right.0), left.1 || right.1)
            };
            level = level.chunks(2).map(join).collect();
            levels.push(level.clone());
        }
        let mut flags = Vec::new();
        let mut hashes = Vec::new();
        let mut open = vec![(levels.len() - 1, 0)];
        while let Some((height, at)) = open.pop() {
            let Some(&(hash, below)) = levels[height].get(at) else { continue };
            flags.push(below);
            if below && height > 0 {
                open.push((height - 1, 2 * at + 1));
                open.push((height - 1, 2 * at));
            } else {
                hashes.push(hash);
            }
        }
        let byte = |flags: &[bool]| {
            flags.iter().enumerate().fold(0, |byte, (at, flag)| byte | u8::from(*flag) << at)
        };
        Some(Self { transactions, hashes, bits: flags.chunks(8).map(byte).collect() })
    }

    /// Reads a tree. Whether it proves anything, [`extract`](Self::extract) tells.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes end early or a count is malformed.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let transactions = reader.u32()?;
        let (count, reserve) = reader.count(32)?;
        let mut hashes = Vec::with_capacity(reserve);
        for _ in 0..count {
            hashes.push(reader.array()?);
        }
        let bits = reader.sized()?.to_vec();
        Ok(Self { transactions, hashes, bits })
    }

    /// Appends the serialisation, the inverse of [`decode`](Self::decode).
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.transactions.to_le_bytes());
        put_size(out, self.hashes.len() as u64);
        self.hashes.iter().for_each(|hash| out.extend_from_slice(hash));
        put_size(out, self.bits.len() as u64);
        out.extend_from_slice(&self.bits);
    }

    /// Returns how many transactions the block has, as claimed.
    #[must_use]
    pub const fn transaction_count(&self) -> u32 {
        self.transactions
    }

    /// Walks the tree and returns its root with the transactions it proves to be below that root.
    ///
    /// # Errors
    ///
    /// [`ProofError`] if the tree is malformed.
    pub fn extract(&self) -> Result<(TxMerkleNode, Vec<Proven>), ProofError> {
        if !(1..=TRANSACTIONS_MAX).contains(&self.transactions) {
            return Err(ProofError::Count { actual: self.transactions });
        }
        let transactions = usize::try_from(self.transactions).unwrap_or(usize::MAX);
        let expected = transactions.min(self.bits.len() * 8);
        if self.hashes.len() > expected {
            return Err(ProofError::Hashes { expected, actual: self.hashes.len() });
        }
        let height = self.transactions.next_power_of_two().trailing_zeros();
        let mut walk = Walk { tree: self, bits: 0, hashes: 0, proven: Vec::new() };
        let root = walk.node(height, 0)?;
        if walk.bits.div_ceil(8) != self.bits.len() {
            let expected = self.bits.len() * 8;
            return Err(ProofError::Unused { what: "bits", expected, actual: walk.bits });
        }
        if walk.hashes != self.hashes.len() {
            let expected = self.hashes.len();
            return Err(ProofError::Unused { what: "hashes", expected, actual: walk.hashes });
        }
        Ok((TxMerkleNode::from_byte_array(root), walk.proven))
    }

    /// Nodes at `height` above the leaves.
    fn width(&self, height: u32) -> u32 {
        self.transactions.div_ceil(1 << height)
    }
}

/// The walk through a tree; its depth is at most that of [`TRANSACTIONS_MAX`] leaves.
struct Walk<'a> {
    tree: &'a PartialMerkleTree,
    bits: usize,
    hashes: usize,
    proven: Vec<Proven>,
}

impl Walk<'_> {
    fn node(&mut self, height: u32, at: u32) -> Result<[u8; 32], ProofError> {
        let byte = self.tree.bits.get(self.bits / 8);
        let byte = byte.ok_or(ProofError::End { what: "bits", actual: self.bits })?;
        let below = byte >> (self.bits % 8) & 1 == 1;
        self.bits += 1;
        if height == 0 || !below {
            let hash = self.tree.hashes.get(self.hashes).copied();
            let hash = hash.ok_or(ProofError::End { what: "hashes", actual: self.hashes })?;
            self.hashes += 1;
            if below {
                self.proven.push(Proven { index: at, txid: Txid::from_byte_array(hash) });
            }
            return Ok(hash);
        }
        let left = self.node(height - 1, 2 * at)?;
        if 2 * at + 1 == self.tree.width(height - 1) {
            return Ok(join(&left, &left));
        }
        let right = self.node(height - 1, 2 * at + 1)?;
        if left == right {
            return Err(ProofError::Duplicate);
        }
        Ok(join(&left, &right))
    }
}

fn join(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256d(&[left, right]).into_bytes()
}

/// The message `merkleblock`, and what `gettxoutproof` returns: a header with a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerkleBlock {
    /// The header of the block.
    pub header: Header,
    /// The proof.
    pub tree: PartialMerkleTree,
}

impl MerkleBlock {
    /// Reads a message that begins at the reader's position; what follows is left.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are malformed.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let raw: [u8; HEADER_BYTES] = reader.array()?;
        Ok(Self { header: decode_header(&raw), tree: PartialMerkleTree::decode(reader)? })
    }

    /// Reads a message that fills `bytes`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are malformed or go on after it.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes)?;
        let block = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(block)
    }

    /// Serialises the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::from(encode_header(&self.header));
        self.tree.encode(&mut out);
        out
    }

    /// Returns the transactions it proves to be in the block of its header.
    ///
    /// # Errors
    ///
    /// [`ProofError`] if the proof is malformed or of another block.
    pub fn verify(&self) -> Result<Vec<Proven>, ProofError> {
        let (actual, proven) = self.tree.extract()?;
        let expected = self.header.merkle_root;
        if actual == expected { Ok(proven) } else { Err(ProofError::Root { expected, actual }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn txids(count: u8) -> Vec<Txid> {
        (0..count).map(|mark| Txid::from_byte_array([mark; 32])).collect()
    }

    fn root(txids: &[Txid]) -> TxMerkleNode {
        let mut level: Vec<_> = txids.iter().map(|txid| txid.to_byte_array()).collect();
        while level.len() > 1 {
            level = level.chunks(2).map(|pair| join(&pair[0], &pair[pair.len() - 1])).collect();
        }
        TxMerkleNode::from_byte_array(level[0])
    }

    fn message(count: u8, wanted: &[usize]) -> MerkleBlock {
        let mut header = decode_header(&[0; HEADER_BYTES]);
        header.merkle_root = root(&txids(count));
        let tree = PartialMerkleTree::prove(&txids(count), |index, _| wanted.contains(&index));
        MerkleBlock { header, tree: tree.unwrap() }
    }

    #[test]
    fn what_is_proven_is_extracted_for_blocks_of_every_shape() {
        for count in 1..40 {
            for wanted in [vec![], vec![0], vec![usize::from(count) - 1], vec![0, 3, 4, 11]] {
                let message = message(count, &wanted);
                let proven = MerkleBlock::decode(&message.encode()).unwrap().verify().unwrap();
                let expected: Vec<_> = wanted.iter().filter(|at| **at < count.into()).collect();
                let actual: Vec<_> = proven.iter().map(|proven| proven.index as usize).collect();
                assert_eq!(actual.iter().collect::<Vec<_>>(), expected, "{count}");
                for Proven { index, txid } in proven {
                    assert_eq!(txid, txids(count)[index as usize]);
                }
            }
        }
    }

    #[test]
    fn a_message_cut_at_any_byte_is_refused() {
        let whole = message(9, &[2, 5]).encode();
        for cut in 0..whole.len() {
            assert!(MerkleBlock::decode(&whole[..cut]).is_err(), "cut at {cut}");
        }
        let longer = [&whole[..], &[0]].concat();
        assert!(matches!(MerkleBlock::decode(&longer), Err(DecodeError::Trailing { .. })));
    }

    #[test]
    fn any_changed_bit_of_the_proof_is_noticed() {
        let whole = message(9, &[2, 5]).encode();
        let expected = message(9, &[2, 5]).verify().unwrap();
        // Not the count in front: the root does not commit to it, and the walk may never reach the tail.
        for at in (HEADER_BYTES + 4) * 8..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[at / 8] ^= 1 << (at % 8);
            let Ok(changed) = MerkleBlock::decode(&changed) else { continue };
            // Padding after the last bit is free; BIP-0037 gives it no meaning.
            let padding = at / 8 == whole.len() - 1;
            assert!(padding || changed.verify() != Ok(expected.clone()), "bit {at}");
        }
    }

    #[test]
    fn a_count_beyond_a_block_is_refused() {
        for actual in [0, TRANSACTIONS_MAX + 1, u32::MAX] {
            let mut message = message(9, &[2]);
            message.tree.transactions = actual;
            assert_eq!(message.verify(), Err(ProofError::Count { actual }));
        }
    }

    #[test]
    fn hashes_and_bits_that_are_too_many_or_too_few_are_refused() {
        let mut more = message(9, &[2]);
        more.tree.hashes.push([0; 32]);
        assert!(matches!(more.verify(), Err(ProofError::Unused { what: "hashes", .. })));
        more.tree.hashes.resize(10, [0; 32]);
        assert!(matches!(more.verify(), Err(ProofError::Hashes { expected: 9, actual: 10 })));
        let mut bits = message(9, &[2]);
        bits.tree.bits.push(0);
        assert!(matches!(bits.verify(), Err(ProofError::Unused { what: "bits", .. })));
        let mut fewer = message(9, &[2]);
        fewer.tree.hashes.pop();
        assert!(matches!(fewer.verify(), Err(ProofError::End { what: "hashes", .. })));
        let mut none = message(9, &[2]);
        none.tree.bits = vec![0xff];
        none.tree.hashes.truncate(8);
        assert!(none.verify().is_err());
    }

    #[test]
    fn equal_children_are_refused() {
        let doubled = [txids(3), vec![txids(3)[2]]].concat();
        let tree = PartialMerkleTree::prove(&doubled, |index, _| index == 3).unwrap();
        assert_eq!(root(&doubled), root(&txids(3)));
        assert_eq!(tree.extract(), Err(ProofError::Duplicate));
    }

    #[test]
    fn a_proof_under_another_header_is_refused() {
        let mut message = message(9, &[2]);
        message.header.merkle_root = root(&txids(8));
        assert!(matches!(message.verify(), Err(ProofError::Root { .. })));
    }
}
