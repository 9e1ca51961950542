//! What becomes of the pool when the virtual block changes.
//!
//! ```text
//!   accepted now ──────► leave, what spends of them is ready; orphans that waited for them are tried again
//!   accepted no longer ► tried again: a reorganisation took their block's place
//!   outpoints that went ► spent by others than the pool's: the pool's are double spends and go, with what spends of them
//! ```
//!
//! The reference looks at the transactions of each new block instead, and lets those of abandoned chain blocks go.

use std::{collections::HashSet, sync::Arc};

use quintet_primitives::Hash256;

use super::{Pool, PoolEntry, Priority};
use crate::{state::UtxoDiff, tx::Transaction};

/// How the virtual block changed.
#[derive(Debug, Clone, Copy)]
pub struct VirtualChange<'a> {
    /// Transactions that are accepted and were not.
    pub accepted: &'a [Hash256],
    /// Transactions that were accepted and are not.
    pub unaccepted: &'a HashSet<Hash256>,
    /// From the last UTXO set to this one.
    pub diff: &'a UtxoDiff,
    /// The DAA score.
    pub daa_score: u64,
}

/// What changed, and what is to be tried again.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// Transactions of the pool that were accepted.
    pub accepted: usize,
    /// Transactions that went because something else spends what they did.
    pub double_spent: usize,
    /// Transactions that are accepted no longer, and orphans whose parents may be there now.
    pub retry: Vec<(Arc<Transaction>, Priority)>,
}

impl Pool {
    /// Follows the virtual block.
    pub fn follow(&mut self, change: &VirtualChange<'_>) -> Followed {
        let mut followed = Followed::default();
        let back = change.unaccepted.iter().filter_map(|id| self.accepted.forget(id));
        followed.retry.extend(back);
        let bounds = (self.policy().accepted_max, self.policy().accepted_bytes_max);
        for id in change.accepted {
            let entry = self.remove(id);
            followed.accepted += usize::from(entry.is_some());
            self.orphans.remove(id);
            let orphans = self.orphans.take_children(*id);
            followed.retry.extend(orphans.into_iter().map(|orphan| (orphan.tx, orphan.priority)));
            let body = entry.map(|entry: PoolEntry| (entry.checked.tx, entry.priority));
            self.accepted.add(*id, change.daa_score, body, bounds);
        }
        for outpoint in change.diff.removed().keys() {
            // It is there still, accepted by another block; or its transaction is to be tried again, and may be there again.
            let is_back = change.diff.added().contains_key(outpoint)
                || change.unaccepted.contains(&outpoint.transaction_id);
            if let Some(spender) = self.spender(outpoint)
                && !is_back
            {
                followed.double_spent += self.remove_with_descendants(&spender);
            }
        }
        followed
    }
}
