//! The tables of a chain's store, and what their rows hold.
//!
//! Coins, the index of blocks and the marks that tie them to the files lie in one store, so that one batch moves them together.
//! Layouts are in `docs/formats/bitcoin-chain.md`.

use bitflags::bitflags;
use quintet_bitcoin_protocol::block::HEADER_BYTES;
use quintet_store::{DecodeError, Reader, Schema, Table, ValueCodec, segment::Position};
use quintet_utxo::Tables;

/// The schema of a chain's store.
pub const CHAIN_SCHEMA: Schema = Schema { name: "bitcoin-chain", version: 1, migrations: &[] };

/// Unspent outputs and the record of whose they are: what a [`quintet_utxo::Cache`] works on.
pub const COIN_TABLES: Tables =
    Tables { coins: Table::new("coins"), head: Table::new("coins-head") };

/// Known blocks by the order in which their headers were accepted. A parent has a smaller number than its children, and of two rivals
/// with equal work the one with the smaller number was seen first.
pub const ENTRIES: Table<u32, IndexEntry> = Table::new("index");

/// Up to where the files are synced and indexed.
pub(super) const LOG_ENDS: Table<u8, LogEnds> = Table::new("meta");
pub(super) const LOG_ENDS_KEY: u8 = 0;

/// Which network's chain this is.
pub(super) const GENESIS: Table<u8, [u8; 32]> = Table::new("meta");
pub(super) const GENESIS_KEY: u8 = 1;

bitflags! {
    /// What is known of a block, apart from where its data lies.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct BlockStatus: u8 {
        /// The header obeys the rules in its place; its ancestors are known. Every entry has this.
        const VALID_TREE = 1;
        /// The body obeys the rules that need no coins (`CheckBlock`, `ContextualCheckBlock`).
        const VALID_TRANSACTIONS = 1 << 1;
        /// It was connected once: inputs, amounts and scripts hold (`ConnectBlock`).
        const VALID_SCRIPTS = 1 << 2;
        /// It breaks a rule.
        const FAILED = 1 << 3;
        /// A block it builds on breaks a rule.
        const FAILED_CHILD = 1 << 4;
    }
}

impl BlockStatus {
    /// Returns whether it, or a block it builds on, breaks a rule.
    #[must_use]
    pub const fn is_failed(self) -> bool {
        self.intersects(Self::FAILED.union(Self::FAILED_CHILD))
    }
}

/// A known block: Core's `CDiskBlockIndex`, without what follows from the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// The header, serialised.
    pub header: [u8; HEADER_BYTES],
    /// What is known of it.
    pub status: BlockStatus,
    /// Transactions; 0 while the body has not been seen. Kept when the data is pruned.
    pub tx_count: u32,
    /// Where the block lies, if its data is there.
    pub block: Option<Position>,
    /// Where the undo data lies, if it is there.
    pub undo: Option<Position>,
}

impl IndexEntry {
    /// Returns the entry of a header that was just accepted.
    #[must_use]
    pub const fn from_header(header: [u8; HEADER_BYTES]) -> Self {
        Self { header, status: BlockStatus::VALID_TREE, tx_count: 0, block: None, undo: None }
    }
}

/// Set in the status byte on disk when a block's position follows.
const HAS_BLOCK: u8 = 1 << 6;
/// Set in the status byte on disk when the undo data's position follows.
const HAS_UNDO: u8 = 1 << 7;

/// Shape: header 80, status u8 (with [`HAS_BLOCK`] and [`HAS_UNDO`]), transactions u32, then the positions the status announces.
impl ValueCodec for IndexEntry {
    fn encode_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header);
        let has_block = if self.block.is_some() { HAS_BLOCK } else { 0 };
        let has_undo = if self.undo.is_some() { HAS_UNDO } else { 0 };
        out.push(self.status.bits() | has_block | has_undo);
        self.tx_count.encode_value(out);
        for position in [self.block, self.undo].into_iter().flatten() {
            position.encode_value(out);
        }
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = reader.array()?;
        let bits = reader.u8()?;
        let status = BlockStatus::from_bits(bits & !(HAS_BLOCK | HAS_UNDO))
            .filter(|status| status.contains(BlockStatus::VALID_TREE))
            .ok_or_else(|| DecodeError::invalid("a status with VALID_TREE and known bits", bits))?;
        let tx_count = reader.u32()?;
        let mut position =
            |bit| (bits & bit != 0).then(|| Position::decode_value(reader)).transpose();
        Ok(Self {
            header,
            status,
            tx_count,
            block: position(HAS_BLOCK)?,
            undo: position(HAS_UNDO)?,
        })
    }
}

/// Up to where the files were synced, and every block in them was in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnds {
    /// End of the blocks.
    pub blocks: Position,
    /// End of the undo data.
    pub undo: Position,
}

impl ValueCodec for LogEnds {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.blocks.encode_value(out);
        self.undo.encode_value(out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { blocks: Position::decode_value(reader)?, undo: Position::decode_value(reader)? })
    }
}
