//! The messages as they lie in a frame: protobuf, with the field numbers of the reference's `messages.proto` and `p2p.proto`.
//!
//! Nothing outside [`wire`](super) sees these types: whoever sends or receives speaks of [`Message`](super::Message). Fields that no
//! peer of protocol 10 or later fills or reads are left out; protobuf passes over them.

use prost::{Message, Oneof};

/// A frame: ids of a question or its answer, and one payload.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KaspadMessage {
    #[prost(uint32, tag = "101")]
    pub(super) response_id: u32,
    #[prost(uint32, tag = "102")]
    pub(super) request_id: u32,
    #[prost(
        oneof = "Payload",
        tags = "1, 2, 3, 5, 6, 10, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 25, 26, 27, 33, 34, 37, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 63, 64, 65, 66, 67"
    )]
    pub(super) payload: Option<Payload>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Payload {
    #[prost(message, tag = "1")]
    Addresses(Addresses),
    #[prost(message, tag = "2")]
    Block(Block),
    #[prost(message, tag = "3")]
    Transaction(Transaction),
    #[prost(message, tag = "5")]
    BlockLocator(Hashes),
    #[prost(message, tag = "6")]
    RequestAddresses(Empty),
    #[prost(message, tag = "10")]
    RequestRelayBlocks(Hashes),
    #[prost(message, tag = "12")]
    RequestTransactions(Hashes),
    #[prost(message, tag = "13")]
    IbdBlock(Block),
    #[prost(message, tag = "14")]
    InvRelayBlock(OneHash),
    #[prost(message, tag = "15")]
    InvTransactions(Hashes),
    #[prost(message, tag = "16")]
    Ping(Nonce),
    #[prost(message, tag = "17")]
    Pong(Nonce),
    #[prost(message, tag = "19")]
    Verack(Empty),
    #[prost(message, tag = "20")]
    Version(Version),
    #[prost(message, tag = "21")]
    TransactionNotFound(OneHash),
    #[prost(message, tag = "22")]
    Reject(Reject),
    #[prost(message, tag = "25")]
    PruningPointUtxoSetChunk(UtxoChunk),
    #[prost(message, tag = "26")]
    RequestIbdBlocks(Hashes),
    #[prost(message, tag = "27")]
    UnexpectedPruningPoint(Empty),
    #[prost(message, tag = "33")]
    RequestNextPruningPointUtxoSetChunk(Empty),
    #[prost(message, tag = "34")]
    DonePruningPointUtxoSetChunks(Empty),
    #[prost(message, tag = "37")]
    DoneBlocksWithTrustedData(Empty),
    #[prost(message, tag = "40")]
    RequestPruningPointAndItsAnticone(Empty),
    #[prost(message, tag = "41")]
    BlockHeaders(Headers),
    #[prost(message, tag = "42")]
    RequestNextHeaders(Empty),
    #[prost(message, tag = "43")]
    DoneHeaders(Empty),
    #[prost(message, tag = "44")]
    RequestPruningPointUtxoSet(OneHash),
    #[prost(message, tag = "45")]
    RequestHeaders(HashPair),
    #[prost(message, tag = "46")]
    RequestBlockLocator(RequestBlockLocator),
    #[prost(message, tag = "47")]
    PruningPoints(Headers),
    #[prost(message, tag = "48")]
    RequestPruningPointProof(Empty),
    #[prost(message, tag = "49")]
    PruningPointProof(Proof),
    #[prost(message, tag = "50")]
    Ready(Empty),
    #[prost(message, tag = "51")]
    BlockWithTrustedData(TrustedBlock),
    #[prost(message, tag = "52")]
    TrustedData(TrustedData),
    #[prost(message, tag = "53")]
    RequestIbdChainBlockLocator(HashPair),
    #[prost(message, tag = "54")]
    IbdChainBlockLocator(Hashes),
    #[prost(message, tag = "55")]
    RequestAntipast(HashPair),
    #[prost(message, tag = "56")]
    RequestNextPruningPointAndItsAnticoneBlocks(Empty),
    #[prost(message, tag = "57")]
    BlockBody(BlockBody),
    #[prost(message, tag = "58")]
    RequestBlockBodies(Hashes),
    #[prost(message, tag = "59")]
    RequestPruningPointSmtState(OneHash),
    #[prost(message, tag = "60")]
    SmtMetadata(SmtMetadata),
    #[prost(message, tag = "61")]
    SmtLaneChunk(LaneChunk),
    #[prost(message, tag = "63")]
    RequestNextPruningPointSmtChunk(Empty),
    #[prost(message, tag = "64")]
    PruningPointProofChunk(ProofChunk),
    #[prost(message, tag = "65")]
    PruningPointProofChunksEnd(Empty),
    #[prost(message, tag = "66")]
    TrustedDataChunk(TrustedDataChunk),
    #[prost(message, tag = "67")]
    TrustedDataChunksEnd(Empty),
}

/// A message without fields, or with none that anybody reads.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Empty {}

/// `Hash`, `TransactionId` and `SubnetworkId`: one field of bytes.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Bytes {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Hashes {
    #[prost(message, repeated, tag = "1")]
    pub(super) hashes: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OneHash {
    #[prost(message, optional, tag = "1")]
    pub(super) hash: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HashPair {
    #[prost(message, optional, tag = "1")]
    pub(super) first: Option<Bytes>,
    #[prost(message, optional, tag = "2")]
    pub(super) second: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RequestBlockLocator {
    #[prost(message, optional, tag = "1")]
    pub(super) high: Option<Bytes>,
    #[prost(uint32, tag = "2")]
    pub(super) limit: u32,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Nonce {
    #[prost(uint64, tag = "1")]
    pub(super) nonce: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Reject {
    #[prost(string, tag = "1")]
    pub(super) reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NetAddress {
    #[prost(int64, tag = "1")]
    pub(super) timestamp: i64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) ip: Vec<u8>,
    #[prost(uint32, tag = "4")]
    pub(super) port: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Addresses {
    #[prost(message, repeated, tag = "1")]
    pub(super) addresses: Vec<NetAddress>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Version {
    #[prost(uint32, tag = "1")]
    pub(super) protocol_version: u32,
    #[prost(uint64, tag = "2")]
    pub(super) services: u64,
    #[prost(int64, tag = "3")]
    pub(super) timestamp: i64,
    #[prost(message, optional, tag = "4")]
    pub(super) address: Option<NetAddress>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) id: Vec<u8>,
    #[prost(string, tag = "6")]
    pub(super) user_agent: String,
    #[prost(bool, tag = "8")]
    pub(super) disable_relay_tx: bool,
    #[prost(message, optional, tag = "9")]
    pub(super) subnetwork_id: Option<Bytes>,
    #[prost(string, tag = "10")]
    pub(super) network: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Outpoint {
    #[prost(message, optional, tag = "1")]
    pub(super) transaction_id: Option<Bytes>,
    #[prost(uint32, tag = "2")]
    pub(super) index: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Input {
    #[prost(message, optional, tag = "1")]
    pub(super) previous_outpoint: Option<Outpoint>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) signature_script: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(super) sequence: u64,
    #[prost(uint32, tag = "4")]
    pub(super) compute_commit: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ScriptPublicKey {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) script: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) version: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CovenantBinding {
    #[prost(uint32, tag = "1")]
    pub(super) authorizing_input: u32,
    #[prost(message, optional, tag = "2")]
    pub(super) covenant_id: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Output {
    #[prost(uint64, tag = "1")]
    pub(super) value: u64,
    #[prost(message, optional, tag = "2")]
    pub(super) script_public_key: Option<ScriptPublicKey>,
    #[prost(message, optional, tag = "3")]
    pub(super) covenant: Option<CovenantBinding>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Transaction {
    #[prost(uint32, tag = "1")]
    pub(super) version: u32,
    #[prost(message, repeated, tag = "2")]
    pub(super) inputs: Vec<Input>,
    #[prost(message, repeated, tag = "3")]
    pub(super) outputs: Vec<Output>,
    #[prost(uint64, tag = "4")]
    pub(super) lock_time: u64,
    #[prost(message, optional, tag = "5")]
    pub(super) subnetwork_id: Option<Bytes>,
    #[prost(uint64, tag = "6")]
    pub(super) gas: u64,
    #[prost(bytes = "vec", tag = "8")]
    pub(super) payload: Vec<u8>,
    #[prost(uint64, tag = "9")]
    pub(super) storage_mass: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LevelParents {
    #[prost(message, repeated, tag = "1")]
    pub(super) hashes: Vec<Bytes>,
    #[prost(uint32, tag = "2")]
    pub(super) cumulative_level: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Header {
    #[prost(uint32, tag = "1")]
    pub(super) version: u32,
    #[prost(message, optional, tag = "3")]
    pub(super) hash_merkle_root: Option<Bytes>,
    #[prost(message, optional, tag = "4")]
    pub(super) accepted_id_merkle_root: Option<Bytes>,
    #[prost(message, optional, tag = "5")]
    pub(super) utxo_commitment: Option<Bytes>,
    #[prost(int64, tag = "6")]
    pub(super) timestamp: i64,
    #[prost(uint32, tag = "7")]
    pub(super) bits: u32,
    #[prost(uint64, tag = "8")]
    pub(super) nonce: u64,
    #[prost(uint64, tag = "9")]
    pub(super) daa_score: u64,
    #[prost(bytes = "vec", tag = "10")]
    pub(super) blue_work: Vec<u8>,
    #[prost(message, repeated, tag = "12")]
    pub(super) parents: Vec<LevelParents>,
    #[prost(uint64, tag = "13")]
    pub(super) blue_score: u64,
    #[prost(message, optional, tag = "14")]
    pub(super) pruning_point: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Headers {
    #[prost(message, repeated, tag = "1")]
    pub(super) headers: Vec<Header>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Block {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<Header>,
    #[prost(message, repeated, tag = "2")]
    pub(super) transactions: Vec<Transaction>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct BlockBody {
    #[prost(message, repeated, tag = "1")]
    pub(super) transactions: Vec<Transaction>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UtxoEntry {
    #[prost(uint64, tag = "1")]
    pub(super) amount: u64,
    #[prost(message, optional, tag = "2")]
    pub(super) script_public_key: Option<ScriptPublicKey>,
    #[prost(uint64, tag = "3")]
    pub(super) block_daa_score: u64,
    #[prost(bool, tag = "4")]
    pub(super) is_coinbase: bool,
    #[prost(message, optional, tag = "5")]
    pub(super) covenant_id: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Utxo {
    #[prost(message, optional, tag = "1")]
    pub(super) outpoint: Option<Outpoint>,
    #[prost(message, optional, tag = "2")]
    pub(super) entry: Option<UtxoEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UtxoChunk {
    #[prost(message, repeated, tag = "1")]
    pub(super) utxos: Vec<Utxo>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Proof {
    #[prost(message, repeated, tag = "1")]
    pub(super) levels: Vec<Headers>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ProofChunk {
    #[prost(message, repeated, tag = "1")]
    pub(super) headers: Vec<Header>,
    #[prost(uint32, tag = "2")]
    pub(super) level: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AnticoneSize {
    #[prost(message, optional, tag = "1")]
    pub(super) blue: Option<Bytes>,
    #[prost(uint32, tag = "2")]
    pub(super) size: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Ghostdag {
    #[prost(uint64, tag = "1")]
    pub(super) blue_score: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) blue_work: Vec<u8>,
    #[prost(message, optional, tag = "3")]
    pub(super) selected_parent: Option<Bytes>,
    #[prost(message, repeated, tag = "4")]
    pub(super) blues: Vec<Bytes>,
    #[prost(message, repeated, tag = "5")]
    pub(super) reds: Vec<Bytes>,
    #[prost(message, repeated, tag = "6")]
    pub(super) anticone_sizes: Vec<AnticoneSize>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TrustedHeader {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<Header>,
    #[prost(message, optional, tag = "2")]
    pub(super) ghostdag: Option<Ghostdag>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HashedGhostdag {
    #[prost(message, optional, tag = "1")]
    pub(super) hash: Option<Bytes>,
    #[prost(message, optional, tag = "2")]
    pub(super) ghostdag: Option<Ghostdag>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TrustedData {
    #[prost(message, repeated, tag = "1")]
    pub(super) window: Vec<TrustedHeader>,
    #[prost(message, repeated, tag = "2")]
    pub(super) ghostdag: Vec<HashedGhostdag>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TrustedDataChunk {
    #[prost(message, repeated, tag = "1")]
    pub(super) headers: Vec<TrustedHeader>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TrustedBlock {
    #[prost(message, optional, tag = "1")]
    pub(super) block: Option<Block>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SmtMetadata {
    /// Root of the lanes, digest of payloads and context, the parent's commitment.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) data: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) active_lanes: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LaneEntry {
    /// Key and tip.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) data: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) blue_score: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) proof: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LaneChunk {
    #[prost(message, repeated, tag = "1")]
    pub(super) entries: Vec<LaneEntry>,
}
