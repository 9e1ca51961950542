//! Accepted blocks that wait for their turn, and which blocks between them and the head are asked for. Knows neither clock nor network.
//!
//! ```text
//!   head ─┬─ head + 1, on the head ──► Next::Insert
//!         ├─ at or below, or beside the head ──► dropped: the first block of a height stays, L1 decides otherwise
//!         └─ above, its parent unknown ──► asks(): the parent, and those below, by number
//!                                              │
//!                taken in ◄── is what its child names as its parent ◄── fetched
//! ```
//!
//! What gossip brought is signed. What was fetched is not: it is set aside until the block above it, which is trusted, names its hash as its
//! parent's.
//!
//! # Invariants
//!
//! - At most [`BLOCKS_MAX`] blocks and [`BYTES_MAX`] bytes wait, the lowest give way.
//! - At most [`ASKED_MAX`] blocks are asked for at once, none of them further than [`GAP_MAX`] above the head, each again only after a pause that
//!   doubles.
//! - On a head from which the sequencer's chain does not follow, nothing is asked for until the head is another.
//! - A block that could not be executed is not taken again.
//!
//! **Spec:** `rollup-node-p2p.md`, "Branch selection", "`payload_by_number`"; op-node's `clsync` and `p2p/sync.go`.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use alloy_eips::BlockNumHash;
use alloy_primitives::B256;
use quintet_rollup_protocol::gossip::GossipBlock;

/// Most blocks that wait, fetched ones among them.
pub(super) const BLOCKS_MAX: usize = 2_048;
/// Most bytes of blocks that wait: 256 MiB.
pub(super) const BYTES_MAX: usize = 256 << 20;
/// How far above the head a block may be that is asked for: beyond it L1 is quicker.
pub(super) const GAP_MAX: u64 = 1_024;
/// Blocks asked for at once.
pub(super) const ASKED_MAX: usize = 8;
/// Pause after the first question that was not answered.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Hashes of blocks that could not be executed.
const BAD_MAX: usize = 64;

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// This block stands on the head: execute it.
    Insert(GossipBlock),
    /// Nothing until something has changed.
    Nothing,
}

/// A question for a number.
#[derive(Debug, Clone, Copy, Default)]
struct Question {
    is_under_way: bool,
    failures: u32,
    /// When it may be asked again.
    not_before: Duration,
}

/// Blocks that wait.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Trusted: signed, or the parent of one that is.
    blocks: BTreeMap<(u64, B256), GossipBlock>,
    /// Not trusted yet.
    fetched: BTreeMap<u64, GossipBlock>,
    bytes: usize,
    questions: BTreeMap<u64, Question>,
    /// The head from which the sequencer's chain does not follow.
    estranged: Option<B256>,
    bad: VecDeque<B256>,
}

impl Backlog {
    /// Takes a block that was accepted.
    pub(super) fn push(&mut self, block: GossipBlock) {
        if self.bad.contains(&block.hash) || self.bad.contains(&block.parent_hash) {
            self.condemn(block.hash);
            return;
        }
        let key = (block.number, block.hash);
        let bytes = block.block.len();
        if self.blocks.insert(key, block).is_none() {
            self.bytes = self.bytes.saturating_add(bytes);
        }
        self.shrink();
    }

    /// Takes what was fetched; it counts once its child is known.
    pub(super) fn fetched(&mut self, block: GossipBlock) {
        if let Some(question) = self.questions.get_mut(&block.number) {
            question.is_under_way = false;
        }
        self.bytes = self.bytes.saturating_add(block.block.len());
        if let Some(other) = self.fetched.insert(block.number, block) {
            self.bytes = self.bytes.saturating_sub(other.block.len());
        }
        self.shrink();
    }

    /// Takes note that nobody gave a block.
    pub(super) fn failed(&mut self, number: u64, now: Duration) {
        if let Some(question) = self.questions.get_mut(&number) {
            let pause =
                PAUSE.saturating_mul(1_u32.checked_shl(question.failures).unwrap_or(u32::MAX));
            question.is_under_way = false;
            question.failures = question.failures.saturating_add(1);
            question.not_before = now.saturating_add(pause.min(PAUSE_MAX));
        }
    }

    /// Takes note that a block cannot be executed.
    pub(super) fn condemn(&mut self, hash: B256) {
        if !self.bad.contains(&hash) {
            self.bad.push_back(hash);
        }
        if self.bad.len() > BAD_MAX {
            self.bad.pop_front();
        }
    }

    /// Forgets everything: blocks are made here.
    pub(super) fn clear(&mut self) {
        *self = Self { bad: std::mem::take(&mut self.bad), ..Self::default() };
    }

    /// Returns how many blocks wait.
    pub(super) fn len(&self) -> usize {
        self.blocks.len() + self.fetched.len()
    }

    fn remove(&mut self, key: (u64, B256)) -> Option<GossipBlock> {
        let block = self.blocks.remove(&key)?;
        self.bytes = self.bytes.saturating_sub(block.block.len());
        Some(block)
    }

    fn remove_fetched(&mut self, number: u64) -> Option<GossipBlock> {
        let block = self.fetched.remove(&number)?;
        self.bytes = self.bytes.saturating_sub(block.block.len());
        Some(block)
    }

    fn shrink(&mut self) {
        while self.bytes > BYTES_MAX || self.len() > BLOCKS_MAX {
            // What is not trusted first.
            if let Some((&number, _)) = self.fetched.first_key_value() {
                self.remove_fetched(number);
            } else if let Some((&key, _)) = self.blocks.first_key_value() {
                self.remove(key);
            } else {
                return;
            }
        }
    }

    /// Drops what the head has passed.
    fn pass(&mut self, head: u64) {
        while let Some((&key, _)) = self.blocks.first_key_value()
            && key.0 <= head
        {
            self.remove(key);
        }
        while let Some((&number, _)) = self.fetched.first_key_value()
            && number <= head
        {
            self.remove_fetched(number);
        }
        self.questions.retain(|number, _| *number > head);
    }

    /// Returns what follows a head.
    pub(super) fn next(&mut self, head: BlockNumHash, now: Duration) -> Next {
        self.pass(head.number);
        self.link(now);
        if self.estranged.is_some_and(|estranged| estranged != head.hash) {
            self.estranged = None;
        }
        let above = head.number.saturating_add(1);
        let beside: Vec<_> = self
            .blocks
            .range((above, B256::ZERO)..=(above, B256::repeat_byte(0xff)))
            .map(|(key, block)| (*key, block.parent_hash == head.hash))
            .collect();
        if beside.is_empty() {
            return Next::Nothing;
        }
        if let Some((key, _)) = beside.iter().find(|(_, is_next)| *is_next)
            && let Some(block) = self.remove(*key)
        {
            return Next::Insert(block);
        }
        for (key, _) in beside {
            tracing::warn!(
                number = key.0, hash = %key.1, head = %head.hash,
                "a block of the sequencer does not stand on the head: L1 will tell which chain stays"
            );
            self.remove(key);
        }
        self.estranged = Some(head.hash);
        self.fetched.clear();
        self.bytes = self.blocks.values().map(|block| block.block.len()).sum();
        Next::Nothing
    }

    /// Trusts what was fetched where a block above names it.
    fn link(&mut self, now: Duration) {
        while let Some((number, parent)) = self.missing()
            && let Some(block) = self.remove_fetched(number)
        {
            if block.hash == parent && !self.bad.contains(&block.hash) {
                self.bytes = self.bytes.saturating_add(block.block.len());
                self.blocks.insert((number, block.hash), block);
            } else {
                // Another chain's, from whom we asked or from whom we follow.
                tracing::debug!(number, hash = %block.hash, expected = %parent, "a fetched block is not the parent of what was signed");
                self.failed(number, now);
                return;
            }
        }
    }

    /// Returns the parent of the lowest block, by number and hash, if it is not there.
    fn missing(&self) -> Option<(u64, B256)> {
        let (_, lowest) = self.blocks.first_key_value()?;
        Some((lowest.number.checked_sub(1)?, lowest.parent_hash))
    }

    /// Returns the numbers to ask for now; each is under way until it was fetched or has failed.
    pub(super) fn asks(&mut self, head: BlockNumHash, now: Duration) -> Vec<u64> {
        let Some((missing, parent)) = self.missing() else { return Vec::new() };
        let gap = missing.saturating_sub(head.number);
        let is_bad = self.bad.contains(&parent) || self.estranged == Some(head.hash);
        if gap == 0 || gap > GAP_MAX || is_bad {
            return Vec::new();
        }
        let under_way = self.questions.values().filter(|question| question.is_under_way).count();
        let mut asked = Vec::new();
        for number in (head.number.saturating_add(1)..=missing).rev() {
            if under_way + asked.len() >= ASKED_MAX {
                break;
            }
            if self.fetched.contains_key(&number) {
                continue;
            }
            let question = self.questions.entry(number).or_default();
            if !question.is_under_way && question.not_before <= now {
                question.is_under_way = true;
                asked.push(number);
            }
        }
        asked
    }

    /// Returns when something that failed may be asked again, if that is still to come.
    pub(super) fn wakes(&self, now: Duration) -> Option<Duration> {
        let waiting = self.questions.values().filter(|question| !question.is_under_way);
        waiting.map(|question| question.not_before).filter(|at| *at > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> B256 {
        B256::with_last_byte(u8::try_from(number % 200).unwrap() + 1)
    }

    fn block(number: u64) -> GossipBlock {
        GossipBlock {
            number,
            hash: hash(number),
            parent_hash: hash(number - 1),
            timestamp: number,
            block: vec![0; 10].into(),
        }
    }

    fn head(number: u64) -> BlockNumHash {
        BlockNumHash { number, hash: hash(number) }
    }

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn blocks_come_out_in_order_whatever_order_they_came_in() {
        let mut backlog = Backlog::default();
        for number in [3, 1, 2] {
            backlog.push(block(number));
        }
        for number in 1..=3 {
            assert_eq!(backlog.next(head(number - 1), NOW), Next::Insert(block(number)));
        }
        assert_eq!(backlog.next(head(3), NOW), Next::Nothing);
        assert_eq!((backlog.len(), backlog.bytes), (0, 0));
    }

    #[test]
    fn the_first_block_of_a_height_stays() {
        let mut backlog = Backlog::default();
        let other = GossipBlock { hash: B256::repeat_byte(0xee), ..block(5) };
        backlog.push(other);
        assert_eq!(backlog.next(head(5), NOW), Next::Nothing, "the head is at its height");
        assert_eq!(backlog.len(), 0);
        let beside = GossipBlock { parent_hash: B256::repeat_byte(0xee), ..block(6) };
        backlog.push(beside);
        backlog.push(block(8));
        assert_eq!(backlog.next(head(5), NOW), Next::Nothing, "it stands on another block");
        assert!(backlog.asks(head(5), NOW).is_empty(), "nothing leads there from this head");
        assert_eq!(backlog.next(head(6), NOW), Next::Nothing);
        assert_eq!(backlog.asks(head(6), NOW), [7], "another head, another chance");
    }

    #[test]
    fn what_is_missing_is_asked_for_from_above_and_trusted_by_its_child() {
        let mut backlog = Backlog::default();
        backlog.push(block(5));
        assert_eq!(backlog.next(head(1), NOW), Next::Nothing);
        assert_eq!(backlog.asks(head(1), NOW), [4, 3, 2]);
        assert!(backlog.asks(head(1), NOW).is_empty(), "they are under way");
        backlog.fetched(block(2));
        backlog.fetched(block(3));
        assert_eq!(backlog.next(head(1), NOW), Next::Nothing, "nobody vouches for them yet");
        backlog.fetched(block(4));
        for number in 2..=5 {
            assert_eq!(backlog.next(head(number - 1), NOW), Next::Insert(block(number)));
        }
        assert_eq!(backlog.bytes, 0);
    }

    #[test]
    fn a_fetched_block_that_nobody_vouches_for_is_asked_for_again() {
        let mut backlog = Backlog::default();
        backlog.push(block(3));
        assert_eq!(backlog.asks(head(1), NOW), [2]);
        backlog.fetched(GossipBlock { hash: B256::repeat_byte(0xee), ..block(2) });
        assert_eq!(backlog.next(head(1), NOW), Next::Nothing);
        assert!(backlog.asks(head(1), NOW).is_empty(), "after a pause");
        assert_eq!(backlog.asks(head(1), NOW + PAUSE), [2]);
        backlog.fetched(block(2));
        assert_eq!(backlog.next(head(1), NOW), Next::Insert(block(2)));
    }

    #[test]
    fn what_fails_waits_twice_as_long_each_time() {
        let mut backlog = Backlog::default();
        backlog.push(block(3));
        let mut now = Duration::ZERO;
        for pause in [PAUSE, PAUSE * 2, PAUSE * 4] {
            assert_eq!(backlog.asks(head(1), now), [2]);
            backlog.failed(2, now);
            assert_eq!(backlog.wakes(now), Some(now + pause));
            assert!(backlog.asks(head(1), now + pause / 2).is_empty());
            now += pause;
        }
        (0..100).for_each(|_| backlog.failed(2, now));
        assert_eq!(backlog.wakes(now), Some(now + PAUSE_MAX));
    }

    #[test]
    fn only_so_many_are_asked_for_and_not_from_far_above() {
        let mut backlog = Backlog::default();
        backlog.push(block(150));
        let asked = backlog.asks(head(1), NOW);
        assert_eq!(asked.len(), ASKED_MAX);
        assert_eq!(asked.first(), Some(&149));
        let mut backlog = Backlog::default();
        backlog.push(block(GAP_MAX + 10));
        assert!(backlog.asks(head(1), NOW).is_empty());
        assert_eq!(backlog.asks(head(GAP_MAX + 8), NOW), [GAP_MAX + 9]);
    }

    #[test]
    fn a_block_that_cannot_be_executed_is_not_taken_again_nor_what_stands_on_it() {
        let mut backlog = Backlog::default();
        backlog.condemn(hash(2));
        backlog.push(block(2));
        backlog.push(block(3));
        backlog.push(block(4));
        assert_eq!(backlog.len(), 0);
        (0..BAD_MAX as u64 * 2)
            .for_each(|at| backlog.condemn(B256::from(alloy_primitives::U256::from(at + 300))));
        assert_eq!(backlog.bad.len(), BAD_MAX);
    }

    #[test]
    fn only_so_many_wait_and_the_lowest_give_way() {
        let mut backlog = Backlog::default();
        let many = BLOCKS_MAX as u64 + 10;
        for number in 1..=many {
            let name = B256::from(alloy_primitives::U256::from(number));
            backlog.push(GossipBlock { hash: name, ..block(number) });
        }
        assert_eq!(backlog.len(), BLOCKS_MAX);
        assert_eq!(backlog.blocks.first_key_value().map(|(key, _)| key.0), Some(11));
        assert_eq!(backlog.bytes, BLOCKS_MAX * 10);
        let large = GossipBlock { block: vec![0; BYTES_MAX].into(), ..block(many + 1) };
        backlog.push(large);
        assert_eq!((backlog.len(), backlog.bytes), (1, BYTES_MAX));
    }
}
