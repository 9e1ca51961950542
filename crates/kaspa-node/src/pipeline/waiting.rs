//! Who waits for whom: jobs that need others to be settled first. Pure: it holds jobs and gives them back.
//!
//! # Invariants
//!
//! - A job is given back once: when the last block it waits for is settled, when it is the oldest of too many, or at the end.
//! - At most as many jobs are held as was said at the start.

use std::collections::{BTreeMap, HashMap};

use quintet_primitives::Hash256;

/// Jobs that wait for blocks.
#[derive(Debug)]
pub(super) struct Waiting<J> {
    jobs: BTreeMap<u64, (J, usize)>,
    by_block: HashMap<Hash256, Vec<u64>>,
    next: u64,
    max: usize,
}

/// What became of a job.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted<J> {
    /// It waits for nothing.
    Ready(J),
    /// It waits.
    Held,
    /// It waits, and another one that waited longest had to go for it.
    Displaced(J),
}

impl<J> Waiting<J> {
    pub(super) fn new(max: usize) -> Self {
        Self { jobs: BTreeMap::new(), by_block: HashMap::new(), next: 0, max: max.max(1) }
    }

    /// Takes a job that needs these blocks to be settled; those that are not yet are `missing`.
    pub(super) fn admit(&mut self, job: J, mut missing: Vec<Hash256>) -> Admitted<J> {
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Admitted::Ready(job);
        }
        let number = self.next;
        self.next += 1;
        for block in &missing {
            self.by_block.entry(*block).or_default().push(number);
        }
        self.jobs.insert(number, (job, missing.len()));
        if self.jobs.len() <= self.max {
            return Admitted::Held;
        }
        match self.jobs.pop_first() {
            Some((number, (job, _))) => {
                // Few lists name it; those of blocks that never come go with the last job that waits for them.
                self.by_block.retain(|_, numbers| {
                    numbers.retain(|&other| other != number);
                    !numbers.is_empty()
                });
                Admitted::Displaced(job)
            }
            None => Admitted::Held,
        }
    }

    /// Returns the jobs that wait for nothing any more now that a block is settled, in the order in which they came.
    pub(super) fn settled(&mut self, block: &Hash256) -> Vec<J> {
        let mut ready = Vec::new();
        for number in self.by_block.remove(block).unwrap_or_default() {
            let Some((_, left)) = self.jobs.get_mut(&number) else { continue };
            *left -= 1;
            if *left == 0
                && let Some((job, _)) = self.jobs.remove(&number)
            {
                ready.push(job);
            }
        }
        ready
    }

    /// Gives all jobs back.
    pub(super) fn drain(&mut self) -> Vec<J> {
        self.by_block.clear();
        core::mem::take(&mut self.jobs).into_values().map(|(job, _)| job).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(byte: u8) -> Hash256 {
        Hash256::new([byte; 32])
    }

    #[test]
    fn a_job_is_ready_when_the_last_block_it_needs_is_settled() {
        let mut waiting = Waiting::new(8);
        assert_eq!(waiting.admit("free", vec![]), Admitted::Ready("free"));
        assert_eq!(waiting.admit("both", vec![hash(1), hash(2), hash(1)]), Admitted::Held);
        assert_eq!(waiting.admit("one", vec![hash(1)]), Admitted::Held);
        assert_eq!(waiting.settled(&hash(1)), ["one"]);
        assert_eq!(waiting.settled(&hash(1)), [""; 0]);
        assert_eq!(waiting.settled(&hash(2)), ["both"]);
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut waiting = Waiting::new(2);
        assert_eq!(waiting.admit(1, vec![hash(1)]), Admitted::Held);
        assert_eq!(waiting.admit(2, vec![hash(1), hash(2)]), Admitted::Held);
        assert_eq!(waiting.admit(3, vec![hash(1)]), Admitted::Displaced(1));
        assert_eq!(waiting.settled(&hash(1)), [3]);
        assert_eq!(waiting.drain(), [2]);
        assert_eq!(waiting.settled(&hash(2)), [0; 0]);
    }
}
