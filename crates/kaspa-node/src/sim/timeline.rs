//! What happens when: a queue of events in the order of time, and of their making where times are equal.

use std::{cmp::Reverse, collections::BinaryHeap};

/// An event and when it comes.
#[derive(Debug)]
struct Entry<E> {
    at: u64,
    number: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Events to come, in microseconds of simulated time.
#[derive(Debug)]
pub(super) struct Timeline<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    made: u64,
}

impl<E> Timeline<E> {
    /// Returns a timeline on which nothing happens.
    #[must_use]
    pub(super) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), made: 0 }
    }

    /// Puts an event at a time.
    pub(super) fn put(&mut self, at: u64, event: E) {
        self.heap.push(Reverse(Entry { at, number: self.made, event }));
        self.made += 1;
    }

    /// Takes the next event and its time.
    pub(super) fn next(&mut self) -> Option<(u64, E)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}

impl<E> Default for Timeline<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_of_time_then_of_making() {
        let mut timeline = Timeline::new();
        for (at, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            timeline.put(at, event);
        }
        let events: String =
            std::iter::from_fn(|| timeline.next()).map(|(_, event)| event).collect();
        assert_eq!(events, "abcd");
    }
}
