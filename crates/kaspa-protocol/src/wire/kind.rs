//! The kinds of messages: their numbers in a frame, and how much of each is read.
//!
//! The bounds are ours. Each is what the rules let a message of its kind hold, or what the reference sends at most, with room to spare; a
//! longer message is refused before any of it is decoded.

use core::fmt;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// What a message of a kind may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the payload.
    pub bytes: usize,
    /// Fields of the payload, each element of a list counted.
    pub fields: usize,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $field:literal, $bytes:expr, $fields:expr;)+) => {
        /// What a message is about. The discriminant is the number of its field in the frame.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Kind {
            $($(#[doc = $doc])+ $name = $field,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Returns the kind of a field of the frame, if a payload has that number.
            #[must_use]
            pub const fn from_field(field: u32) -> Option<Self> {
                match field {
                    $($field => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Returns the number of its field in the frame.
            #[must_use]
            pub const fn field(self) -> u32 {
                match self {
                    $(Self::$name => $field,)+
                }
            }

            /// Returns what a message of this kind may hold.
            #[must_use]
            pub const fn limits(self) -> Limits {
                match self {
                    $(Self::$name => Limits { bytes: $bytes, fields: $fields },)+
                }
            }
        }
    };
}

/// A message without content. Peers may add fields that nobody reads.
const EMPTY: usize = 64;

/// Most hashes a request for blocks may name. The reference asks for 99 at a time.
const ASKED_MAX: usize = 1 << 10;

/// Most ids of transactions told or asked for at once.
///
/// Reference: `MAX_INV_PER_TX_INV_MSG`.
pub const TRANSACTION_IDS_MAX: usize = 131_072;

/// Most addresses taken at once.
///
/// Reference: `MAX_ADDRESSES_RECEIVE`.
pub const ADDRESSES_MAX: usize = 2_500;

/// Most blocks of a locator of the selected chain: its distances double.
pub const LOCATOR_MAX: usize = 64;

/// Most bytes of a block's transactions as they are sent: more than twice what the limit of transient mass leaves.
///
/// Reference: `MAX_BLOCK_BODY_SIZE`.
pub const BODY_BYTES_MAX: usize = 2 * MIB;

/// Most bytes of a header as it is sent: [`EXPANDED_MAX`](crate::header::EXPANDED_MAX) parents, none repeated, are twice that and nobody's.
pub const HEADER_BYTES_MAX: usize = MIB;

/// Most bytes of headers in one message: the reference fills messages up to 20 MiB.
const HEADERS_BYTES: usize = 32 * MIB;

/// Most headers in one message: the larger of 1,024 and what a block may merge, which simulations set high.
const HEADERS: usize = 1 << 13;

/// Most transactions of a block, by far: the smallest weighs two hundred grams.
const TRANSACTIONS: usize = 1 << 13;

const BLOCK_BYTES: usize = BODY_BYTES_MAX + HEADER_BYTES_MAX;
const IDS_BYTES: usize = 40 * TRANSACTION_IDS_MAX;

kinds! {
    /// Addresses of peers.
    Addresses = 1, 64 * ADDRESSES_MAX, ADDRESSES_MAX;
    /// A block that was asked for by relay.
    Block = 2, BLOCK_BYTES, TRANSACTIONS;
    /// A transaction that was asked for.
    Transaction = 3, MIB, 1 << 12;
    /// Blocks of a chain, for orphans.
    BlockLocator = 5, 40 * ASKED_MAX, ASKED_MAX;
    /// Asks for addresses.
    RequestAddresses = 6, EMPTY, EMPTY;
    /// Asks for blocks by relay.
    RequestRelayBlocks = 10, 40 * ASKED_MAX, ASKED_MAX;
    /// Asks for transactions.
    RequestTransactions = 12, IDS_BYTES, TRANSACTION_IDS_MAX;
    /// A block that was asked for during a download.
    IbdBlock = 13, BLOCK_BYTES, TRANSACTIONS;
    /// There is a block.
    InvRelayBlock = 14, EMPTY, EMPTY;
    /// There are transactions.
    InvTransactions = 15, IDS_BYTES, TRANSACTION_IDS_MAX;
    /// Are you there.
    Ping = 16, EMPTY, EMPTY;
    /// The answer.
    Pong = 17, EMPTY, EMPTY;
    /// The version was read.
    Verack = 19, EMPTY, EMPTY;
    /// Who speaks.
    Version = 20, 4 * KIB, EMPTY;
    /// A transaction is not there.
    TransactionNotFound = 21, EMPTY, EMPTY;
    /// The connection ends, and why.
    Reject = 22, 16 * KIB, EMPTY;
    /// A part of the pruning point's UTXO set.
    PruningPointUtxoSetChunk = 25, 16 * MIB, 4 * KIB;
    /// Asks for blocks during a download.
    RequestIbdBlocks = 26, 40 * ASKED_MAX, ASKED_MAX;
    /// The pruning point asked about is not the pruning point.
    UnexpectedPruningPoint = 27, EMPTY, EMPTY;
    /// Go on with the UTXO set.
    RequestNextPruningPointUtxoSetChunk = 33, EMPTY, EMPTY;
    /// That was the UTXO set.
    DonePruningPointUtxoSetChunks = 34, EMPTY, EMPTY;
    /// That were the trusted blocks.
    DoneBlocksWithTrustedData = 37, EMPTY, EMPTY;
    /// Asks for past pruning points, trusted data and trusted blocks.
    RequestPruningPointAndItsAnticone = 40, EMPTY, EMPTY;
    /// Headers.
    BlockHeaders = 41, HEADERS_BYTES, HEADERS;
    /// Go on with the headers.
    RequestNextHeaders = 42, EMPTY, EMPTY;
    /// That were the headers.
    DoneHeaders = 43, EMPTY, EMPTY;
    /// Asks for the pruning point's UTXO set.
    RequestPruningPointUtxoSet = 44, EMPTY, EMPTY;
    /// Asks for headers.
    RequestHeaders = 45, 2 * EMPTY, EMPTY;
    /// Asks for blocks of a chain, for orphans.
    RequestBlockLocator = 46, EMPTY, EMPTY;
    /// All pruning points so far.
    PruningPoints = 47, 64 * MIB, 1 << 16;
    /// Asks for the pruning point's proof.
    RequestPruningPointProof = 48, EMPTY, EMPTY;
    /// The pruning point's proof, whole (protocol 10).
    PruningPointProof = 49, 128 * MIB, 256;
    /// The flows run.
    Ready = 50, EMPTY, EMPTY;
    /// The pruning point, a block beside it, or a header of its chain.
    BlockWithTrustedData = 51, BLOCK_BYTES, 1 << 12;
    /// What windows and GHOSTDAG need below the pruning point, whole (protocol 10).
    TrustedData = 52, 128 * MIB, 1 << 18;
    /// Asks for blocks of the selected chain.
    RequestIbdChainBlockLocator = 53, 2 * EMPTY, EMPTY;
    /// Blocks of the selected chain.
    IbdChainBlockLocator = 54, 40 * LOCATOR_MAX, LOCATOR_MAX;
    /// Asks for headers beside the sink.
    RequestAntipast = 55, 2 * EMPTY, EMPTY;
    /// Go on with the trusted blocks.
    RequestNextPruningPointAndItsAnticoneBlocks = 56, EMPTY, EMPTY;
    /// A block's transactions.
    BlockBody = 57, BODY_BYTES_MAX, TRANSACTIONS;
    /// Asks for blocks' transactions.
    RequestBlockBodies = 58, 40 * ASKED_MAX, ASKED_MAX;
    /// Asks for the pruning point's lanes.
    RequestPruningPointSmtState = 59, EMPTY, EMPTY;
    /// What the pruning point's lanes add up to.
    SmtMetadata = 60, 4 * EMPTY, EMPTY;
    /// A part of the lanes.
    SmtLaneChunk = 61, 4 * MIB, 1 << 12;
    /// Go on with the lanes.
    RequestNextPruningPointSmtChunk = 63, EMPTY, EMPTY;
    /// A part of a level of the proof (protocol 11).
    PruningPointProofChunk = 64, HEADERS_BYTES, 1 << 16;
    /// That was the proof (protocol 11).
    PruningPointProofChunksEnd = 65, EMPTY, EMPTY;
    /// A part of the trusted data (protocol 11).
    TrustedDataChunk = 66, HEADERS_BYTES, 1 << 16;
    /// That was the trusted data (protocol 11).
    TrustedDataChunksEnd = 67, EMPTY, EMPTY;
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
