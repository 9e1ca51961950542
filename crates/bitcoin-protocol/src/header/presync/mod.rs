//! Header synchronisation that takes no memory before a peer has shown work.
//!
//! Headers with little work cost nothing to make, and a node that keeps them all can be filled up. So a peer sends its
//! chain twice:
//!
//! ```text
//!   presync       work and continuity checked, nothing kept but one salted bit every `period` headers
//!      │          … until the chain has enough work; a chain that ends before is dropped
//!      ▼
//!   redownload    the same headers again, each committed one compared with its bit; a header is let out
//!      │          only after `buffer` more came, so after some two dozen secret bits on top of it were right
//!      ▼
//!   done          from enough work on everything is let out
//! ```
//!
//! A peer that wants other headers kept the second time must guess the bits: which heights have one, and what it is,
//! depends on [`Secret`].
//!
//! This module is sans-IO: the driver passes messages in and asks for more with [`HeaderSync::locator`].
//!
//! # Invariants
//!
//! - At most `6 · seconds since the start · 1/period` bits are kept: the median rule allows no longer chain.
//! - At most `buffer` headers plus those of one message are kept, [`HELD_BYTES`] each.
//! - After an error, and when it is done, nothing is kept.
//!
//! **Spec:** Core's `headerssync.cpp`.

mod bits;

use std::{collections::VecDeque, sync::Arc};

use bitcoin::{
    BlockHash, CompactTarget, TxMerkleNode,
    block::{Header, Version},
    hashes::Hash,
};
use quintet_crypto::keyed::SipKey;
use ruint::aliases::U256;
use thiserror::Error;

use self::bits::BitQueue;
use super::{CheckedHeader, HeaderId, HeaderTree, pow, tree::FUTURE_MAX};
use crate::network::Params;

/// Most headers a message may carry (Core's `MAX_HEADERS_RESULTS`); more are refused.
pub const MESSAGE_HEADERS_MAX: usize = 2000;

/// Headers a second that the median rule allows: six blocks may share a time.
const HEADERS_PER_SECOND_MAX: u64 = 6;

/// Bytes a header takes that is held back.
pub const HELD_BYTES: usize = size_of::<Held>();

/// What a peer must not know, fresh from a cryptographic generator for every synchronisation.
#[derive(Debug, Clone, Copy)]
pub struct Secret {
    /// Decides which heights have a commitment.
    pub offset: u32,
    /// Decides what bit a header is worth.
    pub key: [u8; 16],
}

/// How far a synchronisation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The peer has not shown enough work yet.
    Presync,
    /// The peer has, and sends its headers again.
    Redownload,
    /// It is over, well or not.
    Done,
}

/// Why a synchronisation was given up. None of it proves ill will: the peer may have changed over to another chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SyncError {
    /// It was over before.
    #[error("expected no more headers: this synchronisation is over")]
    Over,
    /// The message has no headers or too many.
    #[error("expected 1 to {MESSAGE_HEADERS_MAX} headers, got {actual}")]
    Count {
        /// Headers of the message.
        actual: usize,
    },
    /// A header does not follow the last one.
    #[error("height {height}: expected a header on top of {expected}, got one on top of {actual}")]
    NotContinuous {
        /// Its height.
        height: u32,
        /// The last header.
        expected: BlockHash,
        /// What it says comes before.
        actual: BlockHash,
    },
    /// Difficulty changes where it may not, or by too much.
    #[error(
        "height {height}: expected bits that may follow {:08x}, got {:08x}",
        before.to_consensus(), actual.to_consensus()
    )]
    Difficulty {
        /// The height.
        height: u32,
        /// The bits before.
        before: CompactTarget,
        /// The bits of the header.
        actual: CompactTarget,
    },
    /// The chain is longer than time allows.
    #[error("height {height}: expected at most {most} commitments, got more")]
    TooLong {
        /// Where it was given up.
        height: u32,
        /// The bound.
        most: u64,
    },
    /// The second time, the chain has more headers before it has enough work.
    #[error("height {height}: expected enough work by now, got another chain than before")]
    CommitmentOverrun {
        /// The height without a commitment.
        height: u32,
    },
    /// The second time, another header came.
    #[error("height {height}: expected the header committed to, got another")]
    CommitmentMismatch {
        /// Its height.
        height: u32,
    },
}

/// What came of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Headers on a chain with enough work, to be inserted in order.
    pub ready: Vec<CheckedHeader>,
    /// Whether to ask for more, from [`HeaderSync::locator`].
    pub request_more: bool,
}

/// A header without what the one before tells.
#[derive(Debug, Clone, Copy)]
struct Held {
    hash: BlockHash,
    merkle_root: [u8; 32],
    version: i32,
    time: u32,
    bits: u32,
    nonce: u32,
}

/// The end of a chain that is being followed.
#[derive(Debug, Clone, Copy)]
struct End {
    hash: BlockHash,
    height: u32,
    time: u32,
    bits: CompactTarget,
    work: U256,
}

impl End {
    /// Checks that a header may follow; returns the end after it.
    fn extend(&self, next: &CheckedHeader, params: &Params) -> Result<Self, SyncError> {
        let header = next.header();
        let height = self.height.saturating_add(1);
        let (expected, actual) = (self.hash, header.prev_blockhash);
        if expected != actual {
            return Err(SyncError::NotContinuous { height, expected, actual });
        }
        if !pow::permitted_transition(params, height, self.bits, header.bits) {
            let (before, actual) = (self.bits, header.bits);
            return Err(SyncError::Difficulty { height, before, actual });
        }
        let work = self.work.saturating_add(pow::work(header.bits));
        Ok(Self { hash: next.hash(), height, time: header.time, bits: header.bits, work })
    }
}

/// One synchronisation with one peer; it is not reusable.
#[derive(Debug, Clone)]
pub struct HeaderSync {
    params: Arc<Params>,
    minimum_work: U256,
    key: SipKey,
    offset: u32,
    start_locator: Vec<BlockHash>,
    commitments: BitQueue,
    commitments_max: u64,
    phase: Phase,
    /// The last header of the first download.
    presync: End,
    /// The last header of the second.
    redownload: End,
    /// Headers of the second download that are held back.
    held: VecDeque<Held>,
    /// The header before the first that is held back.
    let_out: BlockHash,
}

impl HeaderSync {
    /// Starts at the last header that is known of a peer's chain. `now` is the time peers agree on, Unix seconds.
    #[must_use]
    pub fn new(
        tree: &HeaderTree,
        start: HeaderId,
        minimum_work: U256,
        secret: &Secret,
        now: u64,
    ) -> Self {
        let params = Arc::clone(tree.params());
        let period = params.headers_sync.commitment_period.max(1);
        let seconds =
            now.saturating_sub(u64::from(tree.median_time_past(start))).saturating_add(FUTURE_MAX);
        let end = End {
            hash: tree.hash(start),
            height: tree.height(start),
            time: tree.time(start),
            bits: tree.bits(start),
            work: tree.work(start),
        };
        Self {
            minimum_work,
            key: SipKey::new(secret.key),
            offset: secret.offset % period,
            start_locator: tree.locator(start),
            commitments: BitQueue::default(),
            commitments_max: seconds.saturating_mul(HEADERS_PER_SECOND_MAX) / u64::from(period),
            phase: Phase::Presync,
            presync: end,
            redownload: end,
            held: VecDeque::new(),
            let_out: end.hash,
            params,
        }
    }

    /// Returns how far it has come.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns height, time and work of the last header of the first download.
    #[must_use]
    pub const fn presync(&self) -> (u32, u32, U256) {
        (self.presync.height, self.presync.time, self.presync.work)
    }

    /// Returns the height of the last header of the second download.
    #[must_use]
    pub const fn redownload_height(&self) -> u32 {
        self.redownload.height
    }

    /// Returns where to ask for headers from: the last one that came, then the locator of the start.
    #[must_use]
    pub fn locator(&self) -> Vec<BlockHash> {
        let last = match self.phase {
            Phase::Presync => self.presync.hash,
            Phase::Redownload => self.redownload.hash,
            Phase::Done => return Vec::new(),
        };
        let mut locator = Vec::with_capacity(self.start_locator.len() + 1);
        locator.push(last);
        locator.extend_from_slice(&self.start_locator);
        locator
    }

    /// Takes the headers of a message; `full` says that the message had no room for more, so that more may come.
    ///
    /// # Errors
    ///
    /// [`SyncError`]: it is over, and nothing is kept.
    ///
    /// **Spec:** Core's `ProcessNextHeaders`.
    pub fn process(
        &mut self,
        headers: &[CheckedHeader],
        full: bool,
    ) -> Result<Progress, SyncError> {
        let processed = match (self.phase, headers.len()) {
            (Phase::Done, _) => Err(SyncError::Over),
            (Phase::Presync, 1..=MESSAGE_HEADERS_MAX) => self.commit(headers, full),
            (Phase::Redownload, 1..=MESSAGE_HEADERS_MAX) => self.verify(headers, full),
            (_, actual) => Err(SyncError::Count { actual }),
        };
        if !matches!(&processed, Ok(progress) if progress.request_more) {
            self.finish();
        }
        processed
    }

    fn finish(&mut self) {
        self.phase = Phase::Done;
        self.commitments = BitQueue::default();
        self.held = VecDeque::new();
        self.start_locator = Vec::new();
    }

    /// First time: checks headers and keeps bits.
    fn commit(&mut self, headers: &[CheckedHeader], full: bool) -> Result<Progress, SyncError> {
        for next in headers {
            self.presync = self.presync.extend(next, &self.params)?;
            let height = self.presync.height;
            if self.is_committed(height) {
                self.commitments.push(self.bit(next));
                if self.commitments.len() as u64 > self.commitments_max {
                    return Err(SyncError::TooLong { height, most: self.commitments_max });
                }
            }
        }
        if self.presync.work >= self.minimum_work {
            self.phase = Phase::Redownload;
            return Ok(Progress { ready: Vec::new(), request_more: true });
        }
        // A chain that ended without enough work is of no use, and no fault.
        Ok(Progress { ready: Vec::new(), request_more: full })
    }

    /// Second time: compares bits, holds headers back and lets out those that are deep enough.
    fn verify(&mut self, headers: &[CheckedHeader], full: bool) -> Result<Progress, SyncError> {
        for next in headers {
            self.redownload = self.redownload.extend(next, &self.params)?;
            let height = self.redownload.height;
            // Past enough work nothing was committed to: the chain may have grown since.
            if !self.has_enough_work() && self.is_committed(height) {
                match self.commitments.pop() {
                    None => return Err(SyncError::CommitmentOverrun { height }),
                    Some(bit) if bit != self.bit(next) => {
                        return Err(SyncError::CommitmentMismatch { height });
                    }
                    Some(_) => {}
                }
            }
            self.held.push_back(Held::new(next));
        }
        let ready = self.let_out();
        let is_complete = self.held.is_empty() && self.has_enough_work();
        Ok(Progress { ready, request_more: full && !is_complete })
    }

    fn has_enough_work(&self) -> bool {
        self.redownload.work >= self.minimum_work
    }

    fn let_out(&mut self) -> Vec<CheckedHeader> {
        let keep = match self.has_enough_work() {
            true => 0,
            false => self.params.headers_sync.redownload_buffer as usize,
        };
        let count = self.held.len().saturating_sub(keep);
        let mut ready = Vec::with_capacity(count);
        for held in self.held.drain(..count) {
            ready.push(held.checked(self.let_out));
            self.let_out = held.hash;
        }
        ready
    }

    fn is_committed(&self, height: u32) -> bool {
        height % self.params.headers_sync.commitment_period.max(1) == self.offset
    }

    /// Returns the bit a header is worth.
    fn bit(&self, header: &CheckedHeader) -> bool {
        self.key.hash(&[header.hash().as_byte_array()]) & 1 == 1
    }

    /// Returns the bytes of heap it takes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.commitments.heap_bytes()
            + self.held.capacity() * HELD_BYTES
            + self.start_locator.capacity() * size_of::<BlockHash>()
    }
}

impl Held {
    fn new(checked: &CheckedHeader) -> Self {
        let header = checked.header();
        Self {
            hash: checked.hash(),
            merkle_root: *header.merkle_root.as_byte_array(),
            version: header.version.to_consensus(),
            time: header.time,
            bits: header.bits.to_consensus(),
            nonce: header.nonce,
        }
    }

    fn checked(&self, prev_blockhash: BlockHash) -> CheckedHeader {
        let header = Header {
            version: Version::from_consensus(self.version),
            prev_blockhash,
            merkle_root: TxMerkleNode::from_byte_array(self.merkle_root),
            time: self.time,
            bits: CompactTarget::from_consensus(self.bits),
            nonce: self.nonce,
        };
        CheckedHeader::from_parts(header, self.hash)
    }
}

#[cfg(test)]
mod tests;
