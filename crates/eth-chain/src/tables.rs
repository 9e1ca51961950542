//! Tables of the chain, beside those of the state in the same store, and how their records are written.
//!
//! The layout is described in `docs/formats/eth-chain.md`; a change here is a change there and a migration.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, U256};
use alloy_rlp::{Decodable as _, Encodable as _};
use quintet_eth::block::EthBlockBody;
use quintet_store::{DecodeError, Reader, Schema, Table, ValueCodec, put_varint};

use crate::{block::BlockRef, receipts::Receipts};

/// What a store with a chain is called.
pub(crate) const SCHEMA: Schema = Schema { name: "eth-chain", version: 1, migrations: &[] };

/// Number and hash of a block.
pub(crate) type BlockKey = (u64, [u8; 32]);

pub(crate) const GENESIS: Table<(), BlockRef> = Table::new("chain-genesis");
pub(crate) const NUMBERS: Table<[u8; 32], u64> = Table::new("chain-numbers");
pub(crate) const HEADERS: Table<BlockKey, HeaderRecord> = Table::new("chain-headers");
pub(crate) const BODIES: Table<BlockKey, BodyRecord> = Table::new("chain-bodies");
pub(crate) const SENDERS: Table<BlockKey, SenderList> = Table::new("chain-senders");
pub(crate) const RECEIPTS: Table<BlockKey, Receipts> = Table::new("chain-receipts");
/// The head's chain by number.
pub(crate) const CANONICAL: Table<u64, [u8; 32]> = Table::new("chain-canonical");
/// Transactions of the head's chain: number of the block, index within.
pub(crate) const TRANSACTIONS: Table<[u8; 32], (u64, u32)> = Table::new("chain-transactions");
/// Filters of logs, turned: section, bit; a bit a block.
pub(crate) const BLOOM_BITS: Table<(u64, u16), Vec<u8>> = Table::new("chain-bloom-bits");
/// Safe and finalised block.
pub(crate) const MARKS: Table<(), Marks> = Table::new("chain-marks");
/// The oldest block whose body is kept.
pub(crate) const OLDEST_BODY: Table<(), u64> = Table::new("chain-oldest-body");

pub(crate) const fn key(at: BlockRef) -> BlockKey {
    (at.number, at.hash.0)
}

/// A header with what its descendants ask of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderRecord {
    pub(crate) header: Header,
    pub(crate) total_difficulty: U256,
    /// Hashes of the block's uncles.
    pub(crate) ommers: Vec<B256>,
}

/// A block's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BodyRecord(pub(crate) EthBlockBody);

/// Senders of a block's transactions, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SenderList(pub(crate) Vec<Address>);

/// The safe and the finalised block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) safe: Option<BlockRef>,
    pub(crate) finalized: Option<BlockRef>,
}

fn rlp<T: alloy_rlp::Decodable>(
    reader: &mut Reader<'_>,
    what: &'static str,
) -> Result<T, DecodeError> {
    let bytes = reader.counted_bytes()?;
    alloy_rlp::decode_exact(bytes).map_err(|error| DecodeError::invalid(what, error))
}

impl ValueCodec for HeaderRecord {
    fn encode_value(&self, out: &mut Vec<u8>) {
        put_varint(self.header.length() as u64, out);
        self.header.encode(out);
        self.total_difficulty.encode(out);
        put_varint(self.ommers.len() as u64, out);
        for ommer in &self.ommers {
            out.extend_from_slice(ommer.as_slice());
        }
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = rlp(reader, "a header")?;
        let mut rest = reader.rest();
        let total_difficulty = U256::decode(&mut rest)
            .map_err(|error| DecodeError::invalid("a total difficulty", error))?;
        reader.bytes(reader.rest().len() - rest.len())?;
        let mut ommers = Vec::new();
        for _ in 0..reader.varint()? {
            ommers.push(reader.array()?.into());
        }
        Ok(Self { header, total_difficulty, ommers })
    }
}

impl ValueCodec for BodyRecord {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.bytes(reader.rest().len())?;
        let body = alloy_rlp::decode_exact(bytes);
        body.map(Self).map_err(|error| DecodeError::invalid("a block's body", error))
    }
}

impl ValueCodec for SenderList {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|sender| out.extend_from_slice(sender.as_slice()));
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut senders = Vec::new();
        while !reader.rest().is_empty() {
            senders.push(Address::new(reader.array()?));
        }
        Ok(Self(senders))
    }
}

impl ValueCodec for BlockRef {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.number.encode_value(out);
        out.extend_from_slice(self.hash.as_slice());
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { number: reader.u64()?, hash: reader.array()?.into() })
    }
}

impl ValueCodec for Marks {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.safe.encode_value(out);
        self.finalized.encode_value(out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { safe: Option::decode_value(reader)?, finalized: Option::decode_value(reader)? })
    }
}
