//! What nodes say to each other: by gossip, and asked for.
//!
//! ```text
//!   gossip   blocks        RLP of a block                            4 MiB
//!            votes         kind byte, RLP: vote, evidence, certificate   64 KiB
//!            transactions  RLP list of transactions as they travel      1 MiB
//!   request  kind byte, RLP: status, headers, blocks                 16 KiB
//!   answer   kind byte, RLP                                          16 MiB
//! ```
//!
//! # Invariants
//!
//! - Nothing is read past the end, and nothing may follow; lists have named bounds.
//! - What is read and written again gives the same bytes.

use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};

use crate::{
    certificate::Certificate,
    evidence::Evidence,
    validator::VALIDATORS_MAX,
    vote::{Checkpoint, SignedVote},
};

/// Topic of blocks.
pub const TOPIC_BLOCKS: &str = "luxtensor/blocks/1.0.0";
/// Topic of votes, evidence and certificates.
pub const TOPIC_VOTES: &str = "luxtensor/votes/1.0.0";
/// Topic of transactions.
pub const TOPIC_TRANSACTIONS: &str = "luxtensor/transactions/1.0.0";
/// Protocol of requests.
pub const PROTOCOL_SYNC: &str = "/luxtensor/sync/1.0.0";

/// Largest gossip message, in bytes.
pub const GOSSIP_BYTES_MAX: usize = 4 << 20;
/// Largest message on the topic of votes, in bytes.
pub const VOTE_BYTES_MAX: usize = 64 << 10;
/// Largest message of transactions, in bytes.
pub const TRANSACTIONS_BYTES_MAX: usize = 1 << 20;
/// Most transactions of a message.
pub const TRANSACTIONS_MAX: usize = 1_024;
/// Largest request, in bytes.
pub const REQUEST_BYTES_MAX: usize = 16 << 10;
/// Largest answer, in bytes.
pub const RESPONSE_BYTES_MAX: usize = 16 << 20;
/// Most headers of an answer.
pub const HEADERS_MAX: usize = 1_024;
/// Most blocks of an answer.
pub const BLOCKS_MAX: usize = 256;

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Longer than such a message may be.
    #[error("expected at most {most} bytes of {what}, got {actual}")]
    Length {
        /// Which message.
        what: &'static str,
        /// Most bytes.
        most: usize,
        /// Its bytes.
        actual: usize,
    },
    /// More items than such a message may have.
    #[error("expected at most {most} {what}, got {actual}")]
    Count {
        /// Which items.
        what: &'static str,
        /// Most of them.
        most: usize,
        /// How many came.
        actual: usize,
    },
    /// A kind nobody knows.
    #[error("expected a kind of {what} from 0 to {last}, got {actual:?}")]
    Kind {
        /// Which message.
        what: &'static str,
        /// The last kind there is.
        last: u8,
        /// The first byte, if there is one.
        actual: Option<u8>,
    },
    /// Not RLP of it.
    #[error("{what}: {error}")]
    Rlp {
        /// Which message.
        what: &'static str,
        /// What is wrong.
        error: alloy_rlp::Error,
    },
}

fn at_most(what: &'static str, most: usize, bytes: &[u8]) -> Result<(), WireError> {
    if bytes.len() > most {
        return Err(WireError::Length { what, most, actual: bytes.len() });
    }
    Ok(())
}

fn few(what: &'static str, most: usize, actual: usize) -> Result<(), WireError> {
    if actual > most { Err(WireError::Count { what, most, actual }) } else { Ok(()) }
}

fn read<T: Decodable>(what: &'static str, bytes: &[u8]) -> Result<T, WireError> {
    alloy_rlp::decode_exact(bytes).map_err(|error| WireError::Rlp { what, error })
}

fn kind<'b>(what: &'static str, last: u8, bytes: &'b [u8]) -> Result<(u8, &'b [u8]), WireError> {
    match bytes.split_first() {
        Some((kind, rest)) if *kind <= last => Ok((*kind, rest)),
        first => Err(WireError::Kind { what, last, actual: first.map(|(kind, _)| *kind) }),
    }
}

fn tagged(kind: u8, value: &dyn Encodable) -> Vec<u8> {
    let mut bytes = vec![kind];
    value.encode(&mut bytes);
    bytes
}

/// What is said on the topic of votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoteMessage {
    /// A vote.
    Vote(Box<SignedVote>),
    /// Proof that a validator said two things.
    Evidence(Evidence),
    /// Two thirds of the stake voting alike.
    Certificate(Certificate),
}

impl VoteMessage {
    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Vote(vote) => tagged(0, &**vote),
            Self::Evidence(evidence) => {
                let mut bytes = vec![1];
                evidence.encode(&mut bytes);
                bytes
            }
            Self::Certificate(certificate) => tagged(2, certificate),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`WireError`] if it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        at_most("votes", VOTE_BYTES_MAX, bytes)?;
        let (kind, rest) = kind("message about votes", 2, bytes)?;
        match kind {
            0 => Ok(Self::Vote(Box::new(read("a vote", rest)?))),
            1 => Evidence::decode(rest)
                .map(Self::Evidence)
                .map_err(|error| WireError::Rlp { what: "evidence", error }),
            _ => Ok(Self::Certificate(certificate(read("a certificate", rest)?)?)),
        }
    }
}

fn certificate(certificate: Certificate) -> Result<Certificate, WireError> {
    few("signatures of a certificate", VALIDATORS_MAX, certificate.signed.len())?;
    Ok(certificate)
}

/// Writes transactions, each as it travels.
#[must_use]
pub fn encode_transactions(transactions: &[Bytes]) -> Vec<u8> {
    let mut bytes = Vec::new();
    alloy_rlp::encode_list::<Bytes, Bytes>(transactions, &mut bytes);
    bytes
}

/// Reads transactions, each as it travels.
///
/// # Errors
///
/// [`WireError`] if they are none.
pub fn decode_transactions(bytes: &[u8]) -> Result<Vec<Bytes>, WireError> {
    at_most("transactions", TRANSACTIONS_BYTES_MAX, bytes)?;
    let transactions: Vec<Bytes> = read("transactions", bytes)?;
    few("transactions", TRANSACTIONS_MAX, transactions.len())?;
    Ok(transactions)
}

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Status {
    /// Hash of the first block.
    pub genesis: B256,
    /// Number of its head.
    pub head_number: u64,
    /// Hash of its head.
    pub head: B256,
    /// Number of its newest final block.
    pub finalised_number: u64,
    /// Its newest final checkpoint.
    pub finalised: Checkpoint,
    /// What made that final, and what justified its newest justified checkpoint; as many as there are.
    pub certificates: Vec<Certificate>,
}

/// Asks for headers of the answerer's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct HeadersRequest {
    /// Number of the first.
    pub from: u64,
    /// How many, at most [`HEADERS_MAX`].
    pub count: u64,
}

/// Headers by rising number, each on the one before.
#[derive(Debug, Clone, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Headers {
    /// The headers.
    pub headers: Vec<Header>,
    /// A certificate that makes one of them final, the newest there is; or none.
    pub certificate: Vec<Certificate>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Where are you? With where the asker is.
    Status(Box<Status>),
    /// Headers.
    Headers(HeadersRequest),
    /// Blocks by hash, at most [`BLOCKS_MAX`].
    Blocks(Vec<B256>),
}

impl Request {
    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Status(status) => tagged(0, &**status),
            Self::Headers(request) => tagged(1, request),
            Self::Blocks(hashes) => tagged(2, hashes),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`WireError`] if it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        at_most("a request", REQUEST_BYTES_MAX, bytes)?;
        let (kind, rest) = kind("request", 2, bytes)?;
        match kind {
            0 => Ok(Self::Status(Box::new(status(read("a status", rest)?)?))),
            1 => Ok(Self::Headers(read("a request for headers", rest)?)),
            _ => {
                let hashes: Vec<B256> = read("a request for blocks", rest)?;
                few("blocks", BLOCKS_MAX, hashes.len())?;
                Ok(Self::Blocks(hashes))
            }
        }
    }
}

fn status(status: Status) -> Result<Status, WireError> {
    few("certificates", 2, status.certificates.len())?;
    for one in &status.certificates {
        few("signatures of a certificate", VALIDATORS_MAX, one.signed.len())?;
    }
    Ok(status)
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// Where the answerer is.
    Status(Box<Status>),
    /// Headers; fewer than asked for if the chain ends.
    Headers(Box<Headers>),
    /// Blocks in RLP, in the order asked for, without those that are not there; fewer if they would be too long together.
    Blocks(Vec<Bytes>),
}

impl Response {
    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Status(status) => tagged(0, &**status),
            Self::Headers(headers) => tagged(1, &**headers),
            Self::Blocks(blocks) => tagged(2, blocks),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`WireError`] if it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        at_most("an answer", RESPONSE_BYTES_MAX, bytes)?;
        let (kind, rest) = kind("answer", 2, bytes)?;
        match kind {
            0 => Ok(Self::Status(Box::new(status(read("a status", rest)?)?))),
            1 => {
                let headers: Headers = read("headers", rest)?;
                few("headers", HEADERS_MAX, headers.headers.len())?;
                few("certificates", 1, headers.certificate.len())?;
                for one in &headers.certificate {
                    few("signatures of a certificate", VALIDATORS_MAX, one.signed.len())?;
                }
                Ok(Self::Headers(Box::new(headers)))
            }
            _ => {
                let blocks: Vec<Bytes> = read("blocks", rest)?;
                few("blocks", BLOCKS_MAX, blocks.len())?;
                Ok(Self::Blocks(blocks))
            }
        }
    }
}
