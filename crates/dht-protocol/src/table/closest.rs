//! Live nodes in order of distance to any key, without sorting the table.
//!
//! Let `d` be the distance from the owner to the target. Bucket `i` holds the ids that agree with the
//! owner in bits `0..i` and differ in bit `i`. So if bit `i` of `d` is set, all of bucket `i` is
//! closer to the target than every deeper bucket; if it is clear, all of it is farther:
//!
//! ```text
//!   d = 0 1 1 0 1        order: 1, 2, 4, then 3, 0
//!       └ buckets 0..5          set bits inwards, then clear bits outwards
//! ```
//!
//! Ranges of buckets never overlap, so only one bucket at a time needs sorting, and a caller that
//! takes eight nodes usually sorts one or two. Nothing is allocated.

use core::{cmp::Reverse, iter::FusedIterator};

use arrayvec::ArrayVec;

use super::{K_MAX, Node, RoutingTable, bucket::Bucket};
use crate::key::{Distance, Key};

/// Iterator over live nodes that are not bad, closest first; made by [`RoutingTable::closest`].
#[derive(Debug)]
pub struct Closest<'table> {
    buckets: &'table [Bucket],
    target: Key,
    /// Distance from the owner to the target: its bits give the order of buckets.
    distance: Distance,
    /// Next bucket to look at while walking inwards; then one past the next while walking outwards.
    next: usize,
    inwards: bool,
    /// Nodes of the present bucket, farthest first.
    sorted: ArrayVec<(Distance, &'table Node), K_MAX>,
}

impl RoutingTable {
    /// Iterates over the live nodes that are not bad, in order of distance to `target`; take as many
    /// as are needed.
    ///
    /// Cost: a walk over the (at most 160) buckets and a sort of each bucket that is reached.
    #[must_use]
    pub fn closest(&self, target: Key) -> Closest<'_> {
        Closest {
            buckets: &self.buckets,
            target,
            distance: self.owner.distance(target),
            next: 0,
            inwards: true,
            sorted: ArrayVec::new(),
        }
    }
}

impl<'table> Closest<'table> {
    fn next_bucket(&mut self) -> Option<&'table Bucket> {
        while self.inwards {
            let index = self.next;
            if index == self.buckets.len() {
                self.inwards = false;
                break;
            }
            self.next += 1;
            if self.is_set(index) {
                return self.buckets.get(index);
            }
        }
        while self.next > 0 {
            self.next -= 1;
            if !self.is_set(self.next) {
                return self.buckets.get(self.next);
            }
        }
        None
    }

    const fn is_set(&self, bit: usize) -> bool {
        self.distance.as_bytes()[bit / 8] & (0x80 >> (bit % 8)) != 0
    }
}

impl<'table> Iterator for Closest<'table> {
    type Item = &'table Node;

    fn next(&mut self) -> Option<&'table Node> {
        loop {
            if let Some((_, node)) = self.sorted.pop() {
                return Some(node);
            }
            let bucket = self.next_bucket()?;
            let live = bucket.live().iter().filter(|node| !node.is_bad());
            // A bucket has at most `K_MAX` live nodes, so `take` drops none and `extend` has room.
            let entries = live.map(|node| (self.target.distance(node.contact().id), node));
            self.sorted.extend(entries.take(K_MAX));
            self.sorted.sort_unstable_by_key(|(distance, _)| Reverse(*distance));
        }
    }
}

impl FusedIterator for Closest<'_> {}
