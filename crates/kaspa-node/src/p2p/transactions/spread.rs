//! Ids of transactions that wait to be told to all peers, in one message for many.
//!
//! Reference: `TransactionsSpread`.

use std::collections::{HashSet, VecDeque};

use quintet_kaspa_protocol::wire::TRANSACTION_IDS_MAX;
use quintet_primitives::Hash256;

/// Ids that wait, each once.
#[derive(Debug, Default)]
pub(in crate::p2p) struct Spread {
    queue: VecDeque<Hash256>,
    queued: HashSet<Hash256>,
}

impl Spread {
    /// Adds ids; the oldest are forgotten when more wait than one message holds.
    pub(in crate::p2p) fn add(&mut self, ids: impl IntoIterator<Item = Hash256>) {
        for id in ids {
            if self.queued.insert(id) {
                self.queue.push_back(id);
            }
            if self.queue.len() > TRANSACTION_IDS_MAX
                && let Some(oldest) = self.queue.pop_front()
            {
                self.queued.remove(&oldest);
            }
        }
    }

    /// Takes all ids out.
    pub(in crate::p2p) fn take(&mut self) -> Vec<Hash256> {
        self.queued.clear();
        self.queue.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_once_a_round() {
        let (a, b) = (Hash256::new([1; 32]), Hash256::new([2; 32]));
        let mut spread = Spread::default();
        spread.add([a, b, a]);
        assert_eq!(spread.take(), [a, b]);
        assert!(spread.take().is_empty());
        spread.add([a]);
        assert_eq!(spread.take(), [a]);
    }
}
