//! Names of things that can be announced and asked for.
//!
//! **Spec:** Bitcoin Core, `CInv`; BIP-0144, BIP-0152, BIP-0339.

use std::fmt;

use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, Txid, Wtxid};

/// Asked for with witnesses (BIP-0144).
const WITNESS_FLAG: u32 = 1 << 30;

/// What kind of thing a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InventoryKind {
    /// A transaction by the id that leaves witnesses out.
    Tx,
    /// The same, wanted with its witnesses.
    WitnessTx,
    /// A transaction by the id that covers its witnesses.
    Wtx,
    /// A block.
    Block,
    /// The same, wanted with its witnesses.
    WitnessBlock,
    /// A block, wanted filtered (BIP-0037).
    FilteredBlock,
    /// A block, wanted as a compact block.
    CompactBlock,
    /// Nothing that is known here.
    Unknown(u32),
}

/// A name: what kind of thing, and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Inventory {
    /// What kind of thing.
    pub kind: InventoryKind,
    /// Its hash, in the order of the wire.
    pub hash: [u8; 32],
}

impl InventoryKind {
    /// Reads the number of the wire.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Tx,
            2 => Self::Block,
            3 => Self::FilteredBlock,
            4 => Self::CompactBlock,
            5 => Self::Wtx,
            _ if number == 1 | WITNESS_FLAG => Self::WitnessTx,
            _ if number == 2 | WITNESS_FLAG => Self::WitnessBlock,
            _ => Self::Unknown(number),
        }
    }

    /// Returns the number of the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Tx => 1,
            Self::WitnessTx => 1 | WITNESS_FLAG,
            Self::Block => 2,
            Self::WitnessBlock => 2 | WITNESS_FLAG,
            Self::FilteredBlock => 3,
            Self::CompactBlock => 4,
            Self::Wtx => 5,
            Self::Unknown(number) => number,
        }
    }

    /// Returns whether it is a block in some form.
    #[must_use]
    pub const fn is_block(self) -> bool {
        matches!(self, Self::Block | Self::WitnessBlock | Self::FilteredBlock | Self::CompactBlock)
    }

    /// Returns whether it is a transaction in some form.
    #[must_use]
    pub const fn is_transaction(self) -> bool {
        matches!(self, Self::Tx | Self::WitnessTx | Self::Wtx)
    }
}

/// Bitcoin Core's name and the hash the way people write it: last byte first.
impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            InventoryKind::Tx => "tx",
            InventoryKind::WitnessTx => "witness-tx",
            InventoryKind::Block => "block",
            InventoryKind::WitnessBlock => "witness-block",
            InventoryKind::FilteredBlock => "merkleblock",
            InventoryKind::CompactBlock => "cmpctblock",
            InventoryKind::Wtx => "wtx",
            InventoryKind::Unknown(number) => {
                return write!(f, "0x{number:08x} {}", self.block_hash());
            }
        };
        write!(f, "{name} {}", self.block_hash())
    }
}

impl Inventory {
    /// Names a block.
    #[must_use]
    pub fn block(kind: InventoryKind, hash: BlockHash) -> Self {
        Self { kind, hash: hash.to_byte_array() }
    }

    /// Names a transaction by the id that covers its witnesses.
    #[must_use]
    pub fn wtx(wtxid: Wtxid) -> Self {
        Self { kind: InventoryKind::Wtx, hash: wtxid.to_byte_array() }
    }

    /// Names a transaction by the id that leaves its witnesses out.
    #[must_use]
    pub fn tx(txid: Txid) -> Self {
        Self { kind: InventoryKind::Tx, hash: txid.to_byte_array() }
    }

    /// Returns the hash as a block's.
    #[must_use]
    pub fn block_hash(&self) -> BlockHash {
        BlockHash::from_byte_array(self.hash)
    }
}
