//! Messages in our nouns.

use std::{net::SocketAddr, sync::Arc};

use quintet_primitives::Hash256;

use super::Kind;
use crate::{
    block::Block,
    header::Header,
    lanes::{Lane, LaneMetadata, LaneProof},
    proof::{PruningProof, TrustedGhostdagData, TrustedHeader},
    tx::{Outpoint, SubnetworkId, Transaction, UtxoEntry},
};

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The newest protocol it speaks.
    pub protocol_version: u32,
    /// Name of its network: `kaspa-devnet`.
    pub network: String,
    /// Bits nobody uses.
    pub services: u64,
    /// Its clock, milliseconds since 1970.
    pub timestamp: u64,
    /// Where it can be reached, if it says so.
    pub address: Option<SocketAddr>,
    /// Chosen at random at its start, so that nobody talks to itself or twice to one node.
    pub id: [u8; 16],
    /// Its program, like `/kaspad:2.1.0/kaspad:2.1.0/`.
    pub user_agent: String,
    /// Whether it wants no transactions.
    pub disable_relay_tx: bool,
    /// The subnetwork it is of, if not of all.
    pub subnetwork_id: Option<SubnetworkId>,
}

/// A lane of the pruning point as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentLane {
    /// Its key.
    pub key: Hash256,
    /// Its state.
    pub lane: Lane,
    /// That it belongs to the root: with the first of every so many.
    pub proof: Option<LaneProof>,
}

macro_rules! messages {
    ($($(#[doc = $doc:literal])+ $name:ident $(($content:ty))? $({$($(#[doc = $field_doc:literal])+ $field:ident: $type:ty,)+})?;)+) => {
        /// A message.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Message {
            $($(#[doc = $doc])+ $name $(($content))? $({$($(#[doc = $field_doc])+ $field: $type,)+})?,)+
        }

        impl Message {
            /// Returns its kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self {
                    $(Self::$name { .. } => Kind::$name,)+
                }
            }
        }
    };
}

messages! {
    /// Addresses of peers.
    Addresses(Vec<SocketAddr>);
    /// A block that was asked for by relay.
    Block(Box<Block>);
    /// A transaction that was asked for.
    Transaction(Box<Transaction>);
    /// Blocks of a chain, from the highest down.
    BlockLocator(Vec<Hash256>);
    /// Asks for addresses.
    RequestAddresses;
    /// Asks for blocks by relay.
    RequestRelayBlocks(Vec<Hash256>);
    /// Asks for transactions by id.
    RequestTransactions(Vec<Hash256>);
    /// A block that was asked for during a download.
    IbdBlock(Box<Block>);
    /// There is a block of this hash.
    InvRelayBlock(Hash256);
    /// There are transactions of these ids.
    InvTransactions(Vec<Hash256>);
    /// Are you there.
    Ping(u64);
    /// The answer, with the same number.
    Pong(u64);
    /// The version was read.
    Verack;
    /// Who speaks.
    Version(Box<Version>);
    /// There is no transaction of this id.
    TransactionNotFound(Hash256);
    /// The connection ends for this reason.
    Reject(String);
    /// A part of the pruning point's UTXO set, in the order of outpoints.
    PruningPointUtxoSetChunk(Vec<(Outpoint, UtxoEntry)>);
    /// Asks for blocks during a download.
    RequestIbdBlocks(Vec<Hash256>);
    /// The pruning point asked about is not the pruning point.
    UnexpectedPruningPoint;
    /// Go on with the UTXO set.
    RequestNextPruningPointUtxoSetChunk;
    /// That was the UTXO set.
    DonePruningPointUtxoSetChunks;
    /// That were the trusted blocks.
    DoneBlocksWithTrustedData;
    /// Asks for past pruning points, trusted data and trusted blocks.
    RequestPruningPointAndItsAnticone;
    /// Headers, parents first.
    BlockHeaders(Vec<Arc<Header>>);
    /// Go on with the headers.
    RequestNextHeaders;
    /// That were the headers.
    DoneHeaders;
    /// Asks for the UTXO set of this pruning point.
    RequestPruningPointUtxoSet(Hash256);
    /// Asks for the headers above `low`, up to `high`.
    RequestHeaders {
        /// A chain block of `high`, which the one who asks knows.
        low: Hash256,
        /// The last header wanted.
        high: Hash256,
    };
    /// Asks for blocks of the chain of `high` at distances that double.
    RequestBlockLocator {
        /// Where to begin.
        high: Hash256,
        /// How many at most.
        limit: u32,
    };
    /// The headers of all pruning points so far, upwards.
    PruningPoints(Vec<Arc<Header>>);
    /// Asks for the pruning point's proof.
    RequestPruningPointProof;
    /// The pruning point's proof, whole (protocol 10).
    PruningPointProof(PruningProof);
    /// The flows run.
    Ready;
    /// The pruning point, a block beside it, or, without transactions, a header of its chain.
    BlockWithTrustedData(Box<Block>);
    /// What windows and GHOSTDAG need below the pruning point, whole (protocol 10).
    TrustedData {
        /// Headers with their GHOSTDAG data.
        window: Vec<TrustedHeader>,
        /// GHOSTDAG data by hash, which peers of protocol 5 needed.
        ghostdag: Vec<TrustedGhostdagData>,
    };
    /// Asks for blocks of the selected chain between two of them; without them, of the whole chain.
    RequestIbdChainBlockLocator {
        /// Where to end; the pruning point if none.
        low: Option<Hash256>,
        /// Where to begin; the sink if none.
        high: Option<Hash256>,
    };
    /// Blocks of the selected chain, from the highest down; none if the chain does not hold both that were named.
    IbdChainBlockLocator(Vec<Hash256>);
    /// Asks for headers that are in the past of `context` and not in that of `block`.
    RequestAntipast {
        /// The sink.
        block: Hash256,
        /// The relayed block.
        context: Hash256,
    };
    /// Go on with the trusted blocks.
    RequestNextPruningPointAndItsAnticoneBlocks;
    /// A block's transactions.
    BlockBody(Vec<Transaction>);
    /// Asks for blocks' transactions.
    RequestBlockBodies(Vec<Hash256>);
    /// Asks for the lanes of this pruning point.
    RequestPruningPointSmtState(Hash256);
    /// What the pruning point's lanes add up to.
    SmtMetadata(LaneMetadata);
    /// A part of the lanes, by key.
    SmtLaneChunk(Vec<SentLane>);
    /// Go on with the lanes.
    RequestNextPruningPointSmtChunk;
    /// A part of a level of the proof (protocol 11); the highest level comes first.
    PruningPointProofChunk {
        /// The level.
        level: u8,
        /// Headers of it.
        headers: Vec<Arc<Header>>,
    };
    /// That was the proof (protocol 11).
    PruningPointProofChunksEnd;
    /// A part of the trusted data (protocol 11).
    TrustedDataChunk(Vec<TrustedHeader>);
    /// That was the trusted data (protocol 11).
    TrustedDataChunksEnd;
}
