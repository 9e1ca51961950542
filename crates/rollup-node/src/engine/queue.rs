//! The order in which the engine does what is asked of it, decided without a thread or a clock.
//!
//! ```text
//!   sequencer ── seal, build ──┐
//!   gossip ───── insert ───────┼──► TaskQueue: a lane each, bounded ──► one task at a time ──► execution layer
//!   derivation ─ consolidate ──┤
//!   L1 ───────── finalise ─────┘      a full lane refuses at once; nobody waits for space
//! ```
//!
//! Kona and op-node put one queue between gossip and derivation and let the engine wait for what derivation does about an invalid block: an edge
//! back, and with it a circle in which both can wait. Here the engine's answer is a value that travels with the call, a full lane is an error the
//! caller sees, and the engine waits for nobody; so there is no circle.
//!
//! # Invariants
//!
//! - No lane holds more than [`Lane::capacity`]; inserts wait in order, consolidation has one block out at a time.
//! - Of what is to be final only the newest counts: an older one gives way.
//! - Inserts do not starve what is below them: after [`INSERTS_IN_A_ROW`] it is another lane's turn.
//!
//! **Spec:** ethereum-optimism/design-docs, `protocol/kona-node-arch.md`, "Engine"; kona's `EngineTask`, whose order of precedence is this one.

use std::collections::VecDeque;

use thiserror::Error;

/// Blocks inserted one after the other before something of lower precedence has its turn.
pub const INSERTS_IN_A_ROW: u32 = 16;

/// Kinds of tasks, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// End a block in the making: its slot is over.
    Seal,
    /// Begin a block.
    Build,
    /// Take an unsafe block.
    Insert,
    /// Build or find a derived block.
    Consolidate,
    /// Say what is safe and final.
    Finalise,
}

impl Lane {
    const ALL: [Self; 5] =
        [Self::Seal, Self::Build, Self::Insert, Self::Consolidate, Self::Finalise];

    /// Returns how many tasks may wait.
    #[must_use]
    pub const fn capacity(self) -> usize {
        match self {
            Self::Seal | Self::Build | Self::Consolidate | Self::Finalise => 1,
            Self::Insert => 256,
        }
    }
}

/// A lane is full: the task is refused, and nothing waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "engine: expected at most {capacity} tasks waiting to {lane:?}, got another; try again later"
)]
pub struct LaneFull {
    /// The lane.
    pub lane: Lane,
    /// Tasks it holds.
    pub capacity: usize,
}

/// Tasks that wait.
#[derive(Debug)]
pub struct TaskQueue<T> {
    lanes: [VecDeque<T>; 5],
    inserted: u32,
}

impl<T> Default for TaskQueue<T> {
    fn default() -> Self {
        Self { lanes: std::array::from_fn(|_| VecDeque::new()), inserted: 0 }
    }
}

impl<T> TaskQueue<T> {
    /// Adds a task; returns the one it takes the place of, if it does.
    ///
    /// # Errors
    ///
    /// [`LaneFull`] if the lane is full.
    pub fn push(&mut self, lane: Lane, task: T) -> Result<Option<T>, LaneFull> {
        let waiting = &mut self.lanes[lane as usize];
        if lane == Lane::Finalise {
            let older = waiting.pop_front();
            waiting.push_back(task);
            return Ok(older);
        }
        let capacity = lane.capacity();
        if waiting.len() >= capacity {
            return Err(LaneFull { lane, capacity });
        }
        waiting.push_back(task);
        Ok(None)
    }

    /// Takes the next task.
    pub fn pop(&mut self) -> Option<(Lane, T)> {
        let begin = |lane: &&Lane| !self.lanes[**lane as usize].is_empty();
        let first = *Lane::ALL.iter().find(begin)?;
        let below = Lane::ALL.iter().find(|lane| **lane > Lane::Insert && begin(lane));
        let lane = match below {
            Some(below) if first == Lane::Insert && self.inserted >= INSERTS_IN_A_ROW => *below,
            _ => first,
        };
        self.inserted = if lane == Lane::Insert { self.inserted.saturating_add(1) } else { 0 };
        self.lanes[lane as usize].pop_front().map(|task| (lane, task))
    }

    /// Returns how many tasks wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    /// Returns whether no task waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_comes_first_and_each_lane_in_order() {
        let mut queue = TaskQueue::default();
        for (lane, task) in [
            (Lane::Finalise, 1),
            (Lane::Consolidate, 2),
            (Lane::Insert, 3),
            (Lane::Insert, 4),
            (Lane::Build, 5),
            (Lane::Seal, 6),
        ] {
            queue.push(lane, task).unwrap();
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(_, task)| task).collect();
        assert_eq!(order, [6, 5, 3, 4, 2, 1]);
    }

    #[test]
    fn a_flood_of_unsafe_blocks_is_refused_and_starves_nobody() {
        let mut queue = TaskQueue::default();
        let capacity = Lane::Insert.capacity();
        (0..capacity).for_each(|task| assert_eq!(queue.push(Lane::Insert, task), Ok(None)));
        assert_eq!(queue.push(Lane::Insert, 0), Err(LaneFull { lane: Lane::Insert, capacity }));
        queue.push(Lane::Consolidate, 9_999).unwrap();
        let before = std::iter::from_fn(|| queue.pop()).take_while(|(_, task)| *task != 9_999);
        assert_eq!(before.count(), INSERTS_IN_A_ROW as usize);
    }

    #[test]
    fn of_what_is_final_the_newest_counts() {
        let mut queue = TaskQueue::default();
        assert_eq!(queue.push(Lane::Finalise, 1), Ok(None));
        assert_eq!(queue.push(Lane::Finalise, 2), Ok(Some(1)));
        assert_eq!(queue.pop(), Some((Lane::Finalise, 2)));
        assert!(queue.is_empty());
    }
}
