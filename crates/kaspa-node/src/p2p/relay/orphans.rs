//! Blocks whose parents are missing, kept until these come. Pure: it holds blocks and gives them back.
//!
//! An orphan's *roots* are its missing ancestors: what is neither here nor in consensus with a body. They are what the peer that sent the
//! orphan is asked for next.
//!
//! # Invariants
//!
//! - At most as many orphans are kept as was said, and bytes as [`BYTES_MAX`]. When there is no room the peer with most orphans loses one,
//!   and never an ancestor of another orphan as long as it has others.
//! - An orphan is given back once, and after its parents.
//!
//! # Deviations
//!
//! The reference lets a random orphan go that has no ancestor among the orphans' ancestors; here the one to go is the latest of the peer
//! that sent most, so that one peer cannot push out what others sent.
//!
//! Reference: `OrphanBlocksPool`.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use quintet_kaspa_protocol::{block::Block, mass::estimated_size, params::BlockRate};
use quintet_primitives::Hash256;

use crate::p2p::peer::PeerKey;

/// Orphans at most, at any rate of blocks.
///
/// Reference: `MAX_ORPHANS_UPPER_BOUND`.
const ORPHANS_MAX: usize = 1024;

/// Bytes of all orphans.
const BYTES_MAX: u64 = 128 << 20;

/// The exponent of the locator that tells whether an orphan is near, at one block a second.
///
/// Reference: `BASELINE_ORPHAN_RESOLUTION_RANGE`.
const RANGE: u32 = 5;

/// Returns how many hashes of a locator are asked for to see whether an orphan is near: its distances double, so each reaches twice as far.
pub(in crate::p2p) const fn resolution_range(rate: &BlockRate) -> u32 {
    let per_second = match 1000_u64.checked_div(rate.target_time_per_block) {
        Some(per_second) if per_second > 1 => per_second,
        _ => 1,
    };
    RANGE + (64 - (per_second - 1).leading_zeros())
}

#[derive(Debug)]
struct Orphan {
    block: Block,
    from: PeerKey,
    bytes: u64,
    number: u64,
}

/// The orphans.
#[derive(Debug)]
pub(in crate::p2p) struct Orphans {
    orphans: HashMap<Hash256, Orphan>,
    /// Orphans by a parent.
    children: HashMap<Hash256, Vec<Hash256>>,
    bytes: u64,
    max: usize,
    next: u64,
}

impl Orphans {
    pub(in crate::p2p) fn new(max: usize) -> Self {
        Self { orphans: HashMap::new(), children: HashMap::new(), bytes: 0, max, next: 0 }
    }

    /// Returns how many orphans are kept at a rate of blocks.
    pub(in crate::p2p) fn max_for(rate: &BlockRate) -> usize {
        let reach = 1_usize.checked_shl(resolution_range(rate)).unwrap_or(usize::MAX);
        reach.saturating_mul(rate.ghostdag_k.into()).clamp(1, ORPHANS_MAX)
    }

    pub(in crate::p2p) const fn max(&self) -> usize {
        self.max
    }

    pub(in crate::p2p) fn len(&self) -> usize {
        self.orphans.len()
    }

    pub(in crate::p2p) fn has(&self, hash: &Hash256) -> bool {
        self.orphans.contains_key(hash)
    }

    /// Keeps an orphan.
    pub(in crate::p2p) fn add(&mut self, hash: Hash256, block: Block, from: PeerKey) {
        if self.has(&hash) {
            return;
        }
        let bytes: u64 = block.transactions.iter().map(estimated_size).sum();
        for parent in block.header.direct_parents() {
            self.children.entry(*parent).or_default().push(hash);
        }
        let number = self.next;
        self.next += 1;
        self.bytes += bytes;
        self.orphans.insert(hash, Orphan { block, from, bytes, number });
        while self.orphans.len() > self.max || self.bytes > BYTES_MAX {
            let Some(loser) = self.loser() else { return };
            self.remove(&loser);
        }
    }

    /// Returns the missing ancestors of an orphan, near ones first; none if it is no orphan.
    pub(in crate::p2p) fn roots(
        &self,
        hash: &Hash256,
        has_body: impl Fn(&Hash256) -> bool,
    ) -> Option<Vec<Hash256>> {
        let orphan = self.orphans.get(hash)?;
        let mut rest: VecDeque<Hash256> =
            orphan.block.header.direct_parents().iter().copied().collect();
        let mut met: HashSet<Hash256> = rest.iter().copied().collect();
        let mut roots = Vec::new();
        while let Some(at) = rest.pop_front() {
            match self.orphans.get(&at) {
                Some(orphan) => {
                    let parents = orphan.block.header.direct_parents().iter().copied();
                    rest.extend(parents.filter(|parent| met.insert(*parent)));
                }
                None if !has_body(&at) => roots.push(at),
                None => {}
            }
        }
        Some(roots)
    }

    /// Takes the orphans out that wait for nothing any more now that a block has come, parents first.
    pub(in crate::p2p) fn take_ready(
        &mut self,
        come: &Hash256,
        has_body: impl Fn(&Hash256) -> bool,
    ) -> Vec<(Hash256, Block)> {
        self.remove(come);
        let (mut ready, mut taken) = (Vec::new(), HashSet::from([*come]));
        let mut rest: VecDeque<Hash256> = self.children_of(come).collect();
        while let Some(hash) = rest.pop_front() {
            let Some(orphan) = self.orphans.get(&hash) else { continue };
            let is_there = |parent: &Hash256| taken.contains(parent) || has_body(parent);
            if !orphan.block.header.direct_parents().iter().all(is_there) {
                continue;
            }
            rest.extend(self.children_of(&hash));
            if let Some(block) = self.remove(&hash) {
                taken.insert(hash);
                ready.push((hash, block));
            }
        }
        ready
    }

    /// Takes everything out that is in consensus already, or waits for nothing: after a download.
    pub(in crate::p2p) fn take_settled(
        &mut self,
        has_body: impl Fn(&Hash256) -> bool,
    ) -> Vec<(Hash256, Block)> {
        let known: Vec<Hash256> =
            self.orphans.keys().filter(|hash| has_body(hash)).copied().collect();
        known.iter().for_each(|hash| {
            self.remove(hash);
        });
        let is_root = |orphan: &&Orphan| orphan.block.header.direct_parents().iter().all(&has_body);
        let roots: Vec<Hash256> = self
            .orphans
            .iter()
            .filter(|(_, orphan)| is_root(orphan))
            .map(|(hash, _)| *hash)
            .collect();
        let mut ready = Vec::new();
        for root in roots {
            if let Some(block) = self.remove(&root) {
                ready.push((root, block));
                let done: HashSet<Hash256> = ready.iter().map(|(hash, _)| *hash).collect();
                ready.extend(self.take_ready(&root, |hash| done.contains(hash) || has_body(hash)));
            }
        }
        ready
    }

    fn children_of(&self, hash: &Hash256) -> impl Iterator<Item = Hash256> + use<> {
        self.children.get(hash).cloned().unwrap_or_default().into_iter()
    }

    fn remove(&mut self, hash: &Hash256) -> Option<Block> {
        let orphan = self.orphans.remove(hash)?;
        self.bytes -= orphan.bytes;
        for parent in orphan.block.header.direct_parents() {
            if let Some(children) = self.children.get_mut(parent) {
                children.retain(|child| child != hash);
                if children.is_empty() {
                    self.children.remove(parent);
                }
            }
        }
        Some(orphan.block)
    }

    /// Returns the orphan to go: the latest of the peer with most, one that no other orphan waits for.
    fn loser(&self) -> Option<Hash256> {
        let mut by_peer: BTreeMap<PeerKey, usize> = BTreeMap::new();
        for orphan in self.orphans.values() {
            *by_peer.entry(orphan.from).or_default() += 1;
        }
        let (most, _) = by_peer.into_iter().max_by_key(|(_, count)| *count)?;
        let of_most = self.orphans.iter().filter(|(_, orphan)| orphan.from == most);
        let rank = |(hash, orphan): &(&Hash256, &Orphan)| {
            (!self.children.contains_key(*hash), orphan.number)
        };
        of_most.max_by_key(rank).map(|(hash, _)| *hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_kaspa_protocol::{
        header::{Header, LevelParents},
        params::{Network, Params},
    };

    const A: PeerKey = PeerKey(1);
    const B: PeerKey = PeerKey(2);

    fn hash(byte: u8) -> Hash256 {
        Hash256::new([byte; 32])
    }

    fn block(parents: &[u8]) -> Block {
        let parents: Vec<Hash256> = parents.iter().map(|&parent| hash(parent)).collect();
        let genesis = Params::of(Network::Simnet).genesis.block();
        let header =
            Header { parents: LevelParents::from_levels([parents]).unwrap(), ..genesis.header };
        Block { header, transactions: vec![] }
    }

    fn hashes(ready: &[(Hash256, Block)]) -> Vec<Hash256> {
        ready.iter().map(|(hash, _)| *hash).collect()
    }

    #[test]
    fn the_roots_are_what_is_neither_here_nor_in_consensus() {
        let mut orphans = Orphans::new(8);
        orphans.add(hash(3), block(&[1, 2]), A);
        orphans.add(hash(4), block(&[3, 0]), A);
        let in_consensus = |at: &Hash256| *at == hash(0) || *at == hash(1);
        assert_eq!(orphans.roots(&hash(4), in_consensus), Some(vec![hash(2)]));
        assert_eq!(orphans.roots(&hash(9), in_consensus), None, "no orphan");
        assert_eq!(orphans.roots(&hash(4), |_| true), Some(vec![]));
    }

    #[test]
    fn orphans_follow_their_last_parent_in_order() {
        let mut orphans = Orphans::new(8);
        orphans.add(hash(5), block(&[4]), A);
        orphans.add(hash(4), block(&[2, 3]), A);
        orphans.add(hash(6), block(&[4, 9]), A);
        assert!(orphans.take_ready(&hash(2), |_| false).is_empty(), "3 is missing");
        let ready = orphans.take_ready(&hash(3), |at| *at == hash(2));
        assert_eq!(hashes(&ready), [hash(4), hash(5)]);
        assert!(orphans.has(&hash(6)) && orphans.len() == 1);
    }

    #[test]
    fn after_a_download_what_is_known_goes_and_what_is_ready_comes() {
        let mut orphans = Orphans::new(8);
        orphans.add(hash(1), block(&[0]), A);
        orphans.add(hash(2), block(&[1]), A);
        orphans.add(hash(3), block(&[2]), A);
        orphans.add(hash(8), block(&[7]), A);
        let ready = orphans.take_settled(|at| *at == hash(1) || *at == hash(0));
        assert_eq!(hashes(&ready), [hash(2), hash(3)]);
        assert_eq!(orphans.len(), 1);
    }

    #[test]
    fn a_peer_with_many_orphans_pushes_out_its_own() {
        let mut orphans = Orphans::new(3);
        orphans.add(hash(1), block(&[100]), B);
        orphans.add(hash(2), block(&[100]), A);
        orphans.add(hash(3), block(&[2]), A);
        orphans.add(hash(4), block(&[101]), A);
        assert!(orphans.has(&hash(1)), "the other peer's");
        assert!(orphans.has(&hash(2)), "another waits for it");
        assert!(!orphans.has(&hash(4)), "the latest of the peer with most");
    }

    #[test]
    fn the_range_grows_with_the_rate() {
        let rate = |millis| BlockRate { target_time_per_block: millis, ..BlockRate::TEN };
        assert_eq!(resolution_range(&rate(1000)), 5);
        assert_eq!(resolution_range(&rate(100)), 9);
        assert_eq!(Orphans::max_for(&BlockRate::TEN), 1024);
    }
}
