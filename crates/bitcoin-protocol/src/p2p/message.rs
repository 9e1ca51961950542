//! The messages.
//!
//! Bytes after what a message says are passed over, as Bitcoin Core does. Messages that nobody defined, and those of filtered connections,
//! come as [`Message::Other`]: a peer may speak of more than we know.
//!
//! **Spec:** Bitcoin Core, `NetMsgType`, `PeerManagerImpl::ProcessMessage`.

use std::net::SocketAddr;

use bitcoin::{BlockHash, block::Header};
use bytes::Bytes;
use thiserror::Error;

use super::{Command, Inventory, PeerAddress, Services};
use crate::{
    Block, Transaction,
    compact::{CompactBlock, CompactError},
    encode::DecodeError,
};

/// Why a payload is not the message its frame names.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// The bytes end early or hold a malformed number.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A compact block is malformed.
    #[error(transparent)]
    Compact(#[from] CompactError),
    /// A list is longer than its message allows.
    #[error("{command} message size = {actual}: expected at most {expected} entries")]
    TooMany {
        /// The message.
        command: &'static str,
        /// Entries it may have.
        expected: usize,
        /// Entries it claims.
        actual: usize,
    },
    /// A text is longer than allowed.
    #[error("expected a user agent of at most {expected} bytes, got {actual}")]
    UserAgent {
        /// Bytes it may have.
        expected: usize,
        /// Bytes it claims.
        actual: usize,
    },
    /// An address has not the length of its network's.
    #[error("expected an address of {expected} bytes for network {network}, got {actual}")]
    AddressLength {
        /// Number of the network.
        network: u8,
        /// Bytes of its addresses.
        expected: usize,
        /// Bytes that came.
        actual: usize,
    },
    /// Places in a block are not ascending or beyond any block.
    #[error("expected ascending places below 65536 in getblocktxn")]
    Places,
    /// A feature is announced in another form.
    #[error("expected a feature id of 4 to 80 bytes and up to 512 bytes of data")]
    Feature,
}

impl MessageError {
    /// Returns whether Bitcoin Core counts it as misbehaviour: a list longer than its limit. Anything else that does not parse is passed over.
    #[must_use]
    pub const fn is_misbehaviour(&self) -> bool {
        matches!(self, Self::TooMany { .. })
    }
}

/// What a node says of itself first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionMessage {
    /// Protocol version.
    pub version: u32,
    /// What it offers.
    pub services: Services,
    /// Its clock, Unix seconds.
    pub time: i64,
    /// How it sees the receiver.
    pub receiver: (Services, SocketAddr),
    /// Random; whoever receives its own has connected to itself.
    pub nonce: u64,
    /// Name and version of the program.
    pub user_agent: String,
    /// Height of its chain.
    pub height: i32,
    /// Whether it wants transactions announced.
    pub relay: bool,
}

/// Where a chain is to be compared: hashes from the tip backwards, sparser and sparser, and where to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locator {
    /// Hashes, the newest first.
    pub hashes: Vec<BlockHash>,
    /// The last block wanted; zero for as many as there are.
    pub stop: BlockHash,
}

/// A message.
#[derive(Debug, Clone)]
pub enum Message {
    /// Who is there.
    Version(VersionMessage),
    /// `version` was accepted.
    Verack,
    /// Transactions are to be announced by the id that covers witnesses (BIP-0339).
    WtxidRelay,
    /// Addresses are understood in their new form (BIP-0155).
    SendAddrV2,
    /// Something both may agree on (BIP-0434).
    Feature {
        /// Its name.
        id: String,
        /// What it says.
        data: Bytes,
    },
    /// Blocks are to be announced with their headers (BIP-0130).
    SendHeaders,
    /// Compact blocks are understood (BIP-0152).
    SendCmpct {
        /// Whether new blocks are to come unasked: 1 for yes, 0 for no, anything else is wrong.
        announce: u8,
        /// Version of compact blocks.
        version: u64,
    },
    /// Transactions below this are not to be announced, satoshis a 1,000 virtual bytes (BIP-0133).
    FeeFilter(i64),
    /// Are you there?
    Ping(Option<u64>),
    /// Yes. A nonce that is too short is none.
    Pong(Option<u64>),
    /// Send addresses.
    GetAddr,
    /// Addresses.
    Addr(Vec<PeerAddress>),
    /// Addresses in their new form.
    AddrV2(Vec<PeerAddress>),
    /// There is something.
    Inv(Vec<Inventory>),
    /// Send it.
    GetData(Vec<Inventory>),
    /// It is not here.
    NotFound(Vec<Inventory>),
    /// Send headers.
    GetHeaders(Locator),
    /// Announce blocks.
    GetBlocks(Locator),
    /// Headers.
    Headers(Vec<Header>),
    /// A block.
    Block(Block),
    /// A transaction.
    Tx(Transaction),
    /// Announce what is in the pool (BIP-0035).
    MemPool,
    /// A compact block.
    CmpctBlock(CompactBlock),
    /// Send transactions of a block.
    GetBlockTxn {
        /// The block.
        block: BlockHash,
        /// Places in it, ascending.
        places: Vec<usize>,
    },
    /// Transactions of a block, as asked for.
    BlockTxn {
        /// The block.
        block: BlockHash,
        /// The transactions, serialised.
        transactions: Vec<Bytes>,
    },
    /// Anything else.
    Other {
        /// Its name.
        command: Command,
        /// Bytes it had.
        bytes: usize,
    },
}
