//! All headers that were ever accepted, as a tree in flat arrays.
//!
//! ```text
//!   id      0        1        2        3   …          dense, in the order of arrival: a parent before its children
//!   links   parent, skip, height, time               16 bytes   what walks along a chain touch
//!   facts   merkle root, version, bits, nonce        44
//!   hashes                                           32         the header's parent hash is its parent's entry
//!   works   work from genesis                        32
//!   medians median time past                          4
//!   marks   valid, failed, child of a failed one      1
//!                                                   129 bytes a header, and 8 to 16 of the index
//! ```
//!
//! A million headers take about 140 MB; Core's index entries take about the same without their map.
//!
//! # Invariants
//!
//! - Every header but genesis (id 0) has a parent with a smaller id.
//! - A header that was accepted satisfied its contextual rules ([`HeaderTree::check_in_context`]).
//! - Descendants of a failed header are marked, and never are the best.
//! - The best header is a valid one with the most work; of equals, the one that was seen first.
//!
//! **Spec:** Core's `CBlockIndex`, `AcceptBlockHeader`, `AddToBlockIndex`.

mod index;
mod rules;
mod walk;

use std::sync::Arc;

use bitcoin::{
    BlockHash, CompactTarget, TxMerkleNode,
    block::{Header, Version},
    hashes::Hash,
};
use ruint::aliases::U256;

use self::index::Index;
use super::{CheckedHeader, HeaderError, pow};
use crate::{block::HEADER_BYTES, network::Params};

pub use rules::{FUTURE_MAX, TIMEWARP_MAX};

/// Most headers a tree holds: at six a second, the fastest the median rule allows, enough for eleven years.
pub const HEADERS_MAX: usize = 1 << 31;

/// Headers whose times give the median time past.
const MEDIAN_SPAN: usize = 11;

/// A header's number in its tree, of use in that tree alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderId(u32);

impl HeaderId {
    /// The genesis block, in every tree.
    pub const GENESIS: Self = Self(0);

    /// Returns the number: dense, in the order of arrival.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is known of a block's validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Nothing is against it: the header is valid, and neither its block nor one before was found invalid.
    Valid,
    /// The block itself was found invalid.
    Failed,
    /// A block before it was found invalid.
    FailedChild,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    parent: u32,
    skip: u32,
    height: u32,
    time: u32,
}

#[derive(Debug, Clone, Copy)]
struct Facts {
    merkle_root: [u8; 32],
    version: i32,
    bits: u32,
    nonce: u32,
}

/// All headers that were ever accepted.
#[derive(Debug, Clone)]
pub struct HeaderTree {
    params: Arc<Params>,
    links: Vec<Link>,
    facts: Vec<Facts>,
    hashes: Vec<BlockHash>,
    works: Vec<U256>,
    medians: Vec<u32>,
    marks: Vec<Validity>,
    index: Index,
    best: HeaderId,
    /// The bits seen last and their work: a division of 256 bits that a period of equal bits needs once.
    last_work: (CompactTarget, U256),
}

impl HeaderTree {
    /// Makes a tree that holds the genesis header. `salt` should be random: it keeps strangers from choosing slow hashes.
    ///
    /// Parameters without a genesis block give a tree that begins with a header of zeros.
    #[must_use]
    pub fn new(params: Arc<Params>, salt: u64) -> Self {
        let raw = params.genesis_header().copied().unwrap_or([0; HEADER_BYTES]);
        let mut tree = Self {
            params,
            links: Vec::new(),
            facts: Vec::new(),
            hashes: Vec::new(),
            works: Vec::new(),
            medians: Vec::new(),
            marks: Vec::new(),
            index: Index::new(salt),
            best: HeaderId::GENESIS,
            last_work: (CompactTarget::from_consensus(0), U256::ZERO),
        };
        tree.push(&CheckedHeader::trusted_bytes(&raw), None);
        tree
    }

    /// Reserves memory for this many more headers.
    pub fn reserve(&mut self, headers: usize) {
        self.links.reserve(headers);
        self.facts.reserve(headers);
        self.hashes.reserve(headers);
        self.works.reserve(headers);
        self.medians.reserve(headers);
        self.marks.reserve(headers);
    }

    /// Checks a header and adds it; one that is known is found. `now` is the time peers agree on, Unix seconds.
    ///
    /// # Errors
    ///
    /// [`HeaderError`]; the tree is unchanged.
    ///
    /// **Spec:** Core's `AcceptBlockHeader`.
    pub fn insert(&mut self, header: &Header, now: u64) -> Result<HeaderId, HeaderError> {
        let checked = CheckedHeader::trusted(header);
        match self.find_valid(&checked.hash())? {
            Some(id) => Ok(id),
            None => self.insert_checked(&CheckedHeader::new(header, &self.params)?, now),
        }
    }

    /// Like [`Self::insert`], for a header whose proof of work was checked.
    ///
    /// # Errors
    ///
    /// [`HeaderError`]; the tree is unchanged.
    pub fn insert_checked(
        &mut self,
        checked: &CheckedHeader,
        now: u64,
    ) -> Result<HeaderId, HeaderError> {
        if let Some(id) = self.find_valid(&checked.hash())? {
            return Ok(id);
        }
        let parent = self.parent_of(checked)?;
        if self.validity(parent) != Validity::Valid {
            return Err(HeaderError::InvalidParent { parent: self.hash(parent) });
        }
        self.check_in_context(checked.header(), parent, now)?;
        self.append(checked, parent)
    }

    /// Adds a header that was accepted before, out of the node's own files: parents first, no rule is checked.
    ///
    /// # Errors
    ///
    /// [`HeaderError::UnknownParent`] or [`HeaderError::Full`]; the tree is unchanged.
    pub fn restore(&mut self, checked: &CheckedHeader) -> Result<HeaderId, HeaderError> {
        match self.find(&checked.hash()) {
            Some(id) => Ok(id),
            None => self.append(checked, self.parent_of(checked)?),
        }
    }

    fn find_valid(&self, hash: &BlockHash) -> Result<Option<HeaderId>, HeaderError> {
        match self.find(hash) {
            Some(id) if self.validity(id) != Validity::Valid => {
                Err(HeaderError::KnownInvalid { hash: *hash })
            }
            found => Ok(found),
        }
    }

    fn parent_of(&self, checked: &CheckedHeader) -> Result<HeaderId, HeaderError> {
        let parent = checked.header().prev_blockhash;
        self.find(&parent).ok_or(HeaderError::UnknownParent { parent })
    }

    fn append(
        &mut self,
        checked: &CheckedHeader,
        parent: HeaderId,
    ) -> Result<HeaderId, HeaderError> {
        if self.hashes.len() >= HEADERS_MAX {
            return Err(HeaderError::Full);
        }
        Ok(self.push(checked, Some(parent)))
    }

    fn push(&mut self, checked: &CheckedHeader, parent: Option<HeaderId>) -> HeaderId {
        let &Header { version, merkle_root, time, bits, nonce, .. } = checked.header();
        let id = Self::nth(self.len());
        let height = parent.map_or(0, |parent| self.height(parent) + 1);
        let (skip, work, mark) = match parent {
            None => (id, U256::ZERO, Validity::Valid),
            Some(parent) => (
                self.ancestor(parent, walk::skip_height(height)).unwrap_or(parent),
                self.work(parent),
                self.child_mark(parent),
            ),
        };
        self.links.push(Link { parent: parent.unwrap_or(id).0, skip: skip.0, height, time });
        self.facts.push(Facts {
            merkle_root: *merkle_root.as_byte_array(),
            version: version.to_consensus(),
            bits: bits.to_consensus(),
            nonce,
        });
        self.hashes.push(checked.hash());
        if self.last_work.0 != bits {
            self.last_work = (bits, pow::work(bits));
        }
        self.works.push(work.saturating_add(self.last_work.1));
        self.medians.push(self.median(id));
        self.marks.push(mark);
        self.index.push(&self.hashes);
        if mark == Validity::Valid && self.work(id) > self.work(self.best) {
            self.best = id;
        }
        id
    }

    /// Computes the median time past from the times of a header and the ten before.
    fn median(&self, id: HeaderId) -> u32 {
        let mut times = [0; MEDIAN_SPAN];
        let mut count = 0;
        let mut at = id;
        loop {
            times[count] = self.time(at);
            count += 1;
            match self.parent(at) {
                Some(parent) if count < MEDIAN_SPAN => at = parent,
                _ => break,
            }
        }
        let times = &mut times[..count];
        times.sort_unstable();
        times[count / 2]
    }

    /// Returns the header with this hash.
    #[must_use]
    pub fn find(&self, hash: &BlockHash) -> Option<HeaderId> {
        self.index.find(hash, &self.hashes).map(HeaderId)
    }

    /// Returns the header with this number.
    #[must_use]
    pub fn id(&self, index: usize) -> Option<HeaderId> {
        u32::try_from(index).ok().filter(|_| index < self.len()).map(HeaderId)
    }

    /// Returns how many headers there are; at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "genesis is always there")]
    pub const fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Returns the valid header with the most work; of equals the first seen.
    #[must_use]
    pub const fn best(&self) -> HeaderId {
        self.best
    }

    /// Returns the network's rules.
    #[must_use]
    pub const fn params(&self) -> &Arc<Params> {
        &self.params
    }

    /// Returns a header's hash.
    #[must_use]
    pub fn hash(&self, id: HeaderId) -> BlockHash {
        self.hashes[id.index()]
    }

    /// Returns a header as it came.
    #[must_use]
    pub fn header(&self, id: HeaderId) -> Header {
        let &Facts { merkle_root, version, bits, nonce } = &self.facts[id.index()];
        Header {
            version: Version::from_consensus(version),
            prev_blockhash: self
                .parent(id)
                .map_or_else(BlockHash::all_zeros, |parent| self.hash(parent)),
            merkle_root: TxMerkleNode::from_byte_array(merkle_root),
            time: self.time(id),
            bits: CompactTarget::from_consensus(bits),
            nonce,
        }
    }

    /// Returns the header before, none before genesis.
    #[must_use]
    pub fn parent(&self, id: HeaderId) -> Option<HeaderId> {
        let parent = HeaderId(self.links[id.index()].parent);
        (parent != id).then_some(parent)
    }

    /// Returns how many headers come before.
    #[must_use]
    pub fn height(&self, id: HeaderId) -> u32 {
        self.links[id.index()].height
    }

    /// Returns a header's time, Unix seconds.
    #[must_use]
    pub fn time(&self, id: HeaderId) -> u32 {
        self.links[id.index()].time
    }

    /// Returns a header's version.
    #[must_use]
    pub fn version(&self, id: HeaderId) -> i32 {
        self.facts[id.index()].version
    }

    /// Returns a header's target in its compact form.
    #[must_use]
    pub fn bits(&self, id: HeaderId) -> CompactTarget {
        CompactTarget::from_consensus(self.facts[id.index()].bits)
    }

    /// Returns the work from genesis to a header, both included.
    #[must_use]
    pub fn work(&self, id: HeaderId) -> U256 {
        self.works[id.index()]
    }

    /// Returns the median of the times of a header and the ten before, Unix seconds (BIP-0113).
    #[must_use]
    pub fn median_time_past(&self, id: HeaderId) -> u32 {
        self.medians[id.index()]
    }

    /// Returns what is known of a block's validity.
    #[must_use]
    pub fn validity(&self, id: HeaderId) -> Validity {
        self.marks[id.index()]
    }

    fn child_mark(&self, parent: HeaderId) -> Validity {
        match self.validity(parent) {
            Validity::Valid => Validity::Valid,
            Validity::Failed | Validity::FailedChild => Validity::FailedChild,
        }
    }

    /// Marks a block that was found invalid, and all that descend from it. Genesis cannot be marked.
    ///
    /// Cost: one pass over the headers that came later, and one over all if the best was among them.
    ///
    /// **Spec:** Core's `InvalidChainFound` and `SetBlockFailureFlags`.
    pub fn mark_failed(&mut self, id: HeaderId) {
        if id == HeaderId::GENESIS {
            return;
        }
        self.marks[id.index()] = Validity::Failed;
        for later in id.index() + 1..self.len() {
            let parent = HeaderId(self.links[later].parent);
            if self.marks[later] == Validity::Valid && self.validity(parent) != Validity::Valid {
                self.marks[later] = Validity::FailedChild;
            }
        }
        if self.validity(self.best) != Validity::Valid {
            self.best = HeaderId::GENESIS;
            self.find_best();
        }
    }

    /// Takes back what was marked on a block, on those before and on those that descend from it.
    ///
    /// **Spec:** Core's `ResetBlockFailureFlags` (`reconsiderblock`).
    pub fn reconsider(&mut self, id: HeaderId) {
        let height = self.height(id);
        for index in 0..self.len() {
            let other = Self::nth(index);
            if self.validity(other) == Validity::Valid {
                continue;
            }
            let is_related = match self.height(other) {
                before if before <= height => self.ancestor(id, before) == Some(other),
                _ => self.ancestor(other, height) == Some(id),
            };
            if is_related {
                self.marks[index] = Validity::Valid;
            }
        }
        self.find_best();
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most `HEADERS_MAX` headers")]
    const fn nth(index: usize) -> HeaderId {
        HeaderId(index as u32)
    }

    /// Goes over to a valid header with more work than the best has, to the first seen of those with the most.
    fn find_best(&mut self) {
        for index in 0..self.len() {
            let id = Self::nth(index);
            if self.validity(id) == Validity::Valid && self.work(id) > self.work(self.best) {
                self.best = id;
            }
        }
    }

    /// Returns the bytes of heap the tree takes.
    #[must_use]
    pub const fn heap_bytes(&self) -> usize {
        self.links.capacity() * size_of::<Link>()
            + self.facts.capacity() * size_of::<Facts>()
            + self.hashes.capacity() * size_of::<BlockHash>()
            + self.works.capacity() * size_of::<U256>()
            + self.medians.capacity() * size_of::<u32>()
            + self.marks.capacity() * size_of::<Validity>()
            + self.index.heap_bytes()
    }
}

#[cfg(test)]
mod tests;
