//! Who sent a transaction, remembered: recovering a sender is the dearest part of a transfer.
//!
//! The pool recovers a sender when a transaction comes in; when the block with it comes, it is known.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Address, B256, map::FbBuildHasher};
use quintet_eth::tx::{EthTransaction, SenderError, TxRules, recover_senders};
use quintet_primitives::generations::Generations;

/// Parts with a lock each.
const SHARDS: usize = 16;

type Shard = Generations<B256, Address, FbBuildHasher<32>>;

/// Senders by the hashes of their transactions, at most as many as asked for.
#[derive(Debug)]
pub struct SenderCache {
    shards: [Mutex<Shard>; SHARDS],
}

impl SenderCache {
    /// Remembers at most `senders_max` senders.
    #[must_use]
    pub fn new(senders_max: usize) -> Self {
        // At least one in each generation.
        let shard = || Mutex::new(Shard::new((senders_max / SHARDS).max(2)));
        Self { shards: std::array::from_fn(|_| shard()) }
    }

    fn shard(&self, hash: &B256) -> MutexGuard<'_, Shard> {
        // Not the first byte: a table within may use it.
        let [first, ..] = &self.shards;
        let shard = self.shards.get(usize::from(hash.0[31]) % SHARDS).unwrap_or(first);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the sender of a transaction, if it is remembered.
    #[must_use]
    pub fn get(&self, hash: &B256) -> Option<Address> {
        self.shard(hash).get(hash).copied()
    }

    /// Remembers a sender that somebody recovered. What it says is believed.
    pub fn insert(&self, hash: B256, sender: Address) {
        self.shard(&hash).insert(hash, sender, 1);
    }

    /// Returns who sent each transaction, recovering on all cores those not remembered.
    ///
    /// # Errors
    ///
    /// The first transaction that is nobody's, and why.
    pub fn recover(
        &self,
        transactions: &[EthTransaction],
        rules: TxRules,
    ) -> Result<Vec<Address>, (usize, SenderError)> {
        let mut senders: Vec<_> =
            transactions.iter().map(|transaction| self.get(&transaction.hash())).collect();
        let missing: Vec<_> = senders
            .iter()
            .enumerate()
            .filter(|(_, sender)| sender.is_none())
            .map(|(index, _)| index)
            .collect();
        if !missing.is_empty() {
            let asked: Vec<_> =
                missing.iter().filter_map(|index| transactions.get(*index).cloned()).collect();
            for (index, found) in missing.into_iter().zip(recover_senders(&asked, rules)) {
                let sender = found.map_err(|error| (index, error))?;
                if let Some(place) = senders.get_mut(index) {
                    *place = Some(sender);
                }
                if let Some(transaction) = transactions.get(index) {
                    self.insert(transaction.hash(), sender);
                }
            }
        }
        // Every place is filled.
        Ok(senders.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> B256 {
        alloy_primitives::keccak256(number.to_be_bytes())
    }

    #[test]
    fn no_more_is_remembered_than_asked_for() {
        let cache = SenderCache::new(320);
        for number in 0..10_000 {
            cache.insert(hash(number), Address::ZERO);
        }
        let held = (0..10_000).filter(|number| cache.get(&hash(*number)).is_some()).count();
        assert!(held <= 320, "{held}");
        assert!(cache.get(&hash(9_999)).is_some());
    }
}
