//! Parsed blocks: a header and its transactions over one shared buffer.

use bitcoin::{
    BlockHash, CompactTarget, TxMerkleNode,
    block::{Header, Version},
    hashes::Hash,
};
use bytes::Bytes;
use quintet_crypto::digest::sha256d;

use crate::{
    encode::{DecodeError, Reader},
    transaction::{Transactions, WITNESS_SCALE_FACTOR},
};

/// Bytes of a serialised header.
pub const HEADER_BYTES: usize = 80;

/// A parsed block. Nothing but its form has been checked.
#[derive(Debug, Clone)]
pub struct Block {
    bytes: Bytes,
    header: Header,
    hash: BlockHash,
    transactions: Transactions,
}

impl Block {
    /// Parses a block that fills `bytes`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are no block or go on after it.
    pub fn decode(bytes: impl Into<Bytes>) -> Result<Self, DecodeError> {
        let bytes = bytes.into();
        let mut reader = Reader::new(&bytes)?;
        let raw: [u8; HEADER_BYTES] = reader.array()?;
        let transactions = Transactions::decode_counted(&bytes, &mut reader)?;
        reader.finish()?;
        Ok(Self { header: decode_header(&raw), hash: header_hash(&raw), transactions, bytes })
    }

    /// Returns the serialisation it was parsed from.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the hash of the header.
    #[must_use]
    pub const fn hash(&self) -> BlockHash {
        self.hash
    }

    /// Returns the transactions, the coinbase first if the block is to be valid.
    #[must_use]
    pub const fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    /// Returns the bytes without witnesses.
    #[must_use]
    pub fn base_size(&self) -> usize {
        let witnesses: usize =
            self.transactions.iter().map(|tx| tx.total_size() - tx.base_size()).sum();
        self.bytes.len() - witnesses
    }

    /// Returns the weight, weight units (BIP-0141).
    #[must_use]
    pub fn weight(&self) -> usize {
        self.base_size() * (WITNESS_SCALE_FACTOR - 1) + self.bytes.len()
    }
}

/// Reads a header: version, previous hash, Merkle root, time, bits, nonce, all little-endian.
#[must_use]
pub fn decode_header(raw: &[u8; HEADER_BYTES]) -> Header {
    let word = |at: usize| raw[at..].first_chunk().copied().map_or(0, u32::from_le_bytes);
    let hash = |at: usize| raw[at..].first_chunk().copied().unwrap_or([0; 32]);
    Header {
        version: Version::from_consensus(word(0).cast_signed()),
        prev_blockhash: BlockHash::from_byte_array(hash(4)),
        merkle_root: TxMerkleNode::from_byte_array(hash(36)),
        time: word(68),
        bits: CompactTarget::from_consensus(word(72)),
        nonce: word(76),
    }
}

/// Writes a header, the inverse of [`decode_header`].
#[must_use]
pub fn encode_header(header: &Header) -> [u8; HEADER_BYTES] {
    let mut raw = [0; HEADER_BYTES];
    raw[..4].copy_from_slice(&header.version.to_consensus().to_le_bytes());
    raw[4..36].copy_from_slice(header.prev_blockhash.as_byte_array());
    raw[36..68].copy_from_slice(header.merkle_root.as_byte_array());
    raw[68..72].copy_from_slice(&header.time.to_le_bytes());
    raw[72..76].copy_from_slice(&header.bits.to_consensus().to_le_bytes());
    raw[76..].copy_from_slice(&header.nonce.to_le_bytes());
    raw
}

/// Returns the hash of a serialised header.
#[must_use]
pub fn header_hash(raw: &[u8; HEADER_BYTES]) -> BlockHash {
    BlockHash::from_byte_array(sha256d(&[raw]).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        encode::put_size,
        network::Params,
        transaction::sample::{TestTx, outpoint},
    };

    fn sample() -> Vec<u8> {
        let mut bytes = (0..80).collect::<Vec<u8>>();
        put_size(&mut bytes, 2);
        bytes.extend(TestTx::coinbase(500_000, 1).bytes());
        bytes.extend(TestTx::spending(outpoint(1), 1).witness(&[&[1, 2, 3]]).bytes());
        bytes
    }

    #[test]
    fn a_block_is_read_as_it_was_written() {
        let block = Block::decode(sample()).unwrap();
        assert_eq!(block.bytes(), &sample());
        assert_eq!(block.transactions().len(), 2);
        assert_eq!(encode_header(block.header()), sample()[..80]);
        let [witness_bytes, marker_bytes] = [5, 2];
        assert_eq!(block.base_size(), sample().len() - witness_bytes - marker_bytes);
        assert_eq!(block.weight(), block.base_size() * 3 + sample().len());
    }

    #[test]
    fn a_header_is_little_endian_in_the_order_of_its_fields() {
        let raw: [u8; HEADER_BYTES] = std::array::from_fn(|at| at.to_le_bytes()[0]);
        let header = decode_header(&raw);
        assert_eq!(header.version.to_consensus(), 0x0302_0100);
        assert_eq!(header.prev_blockhash.as_byte_array()[..], raw[4..36]);
        assert_eq!(header.merkle_root.as_byte_array()[..], raw[36..68]);
        assert_eq!((header.time, header.nonce), (0x4746_4544, 0x4f4e_4d4c));
        assert_eq!(header.bits.to_consensus(), 0x4b4a_4948);
        assert_eq!(encode_header(&header), raw);
        assert_eq!(header_hash(&raw), header.block_hash());
    }

    #[test]
    fn the_genesis_block_has_its_hash_and_its_transaction_the_root() {
        let block = Block::decode(Params::main().genesis).unwrap();
        let expected = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
        assert_eq!(block.hash().to_string(), expected);
        let txid = block.transactions().get(0).unwrap().txid();
        assert_eq!(txid.as_byte_array(), block.header().merkle_root.as_byte_array());
        assert_eq!(block.weight(), 285 * 4);
    }

    #[test]
    fn a_block_cut_anywhere_or_with_more_behind_it_is_refused() {
        let bytes = sample();
        for cut in 0..bytes.len() {
            let refused = Block::decode(bytes[..cut].to_vec()).unwrap_err();
            assert!(matches!(refused, DecodeError::End { .. }), "{cut}: {refused}");
        }
        let at = bytes.len();
        let refused = Block::decode([bytes, vec![0]].concat()).unwrap_err();
        assert_eq!(refused, DecodeError::Trailing { at, actual: 1 });
    }
}
