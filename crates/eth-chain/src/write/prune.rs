//! Forgetting old bodies, receipts and what finds them, a few blocks with each one that comes.

use quintet_store::Batch;

use super::EthChain;
use crate::{
    error::ChainError,
    reader::ChainReader,
    tables::{BODIES, CANONICAL, HEADERS, NUMBERS, OLDEST_BODY, RECEIPTS, SENDERS, TRANSACTIONS},
};

/// Blocks forgotten with one that comes: more than one, so that a chain opened with less retention catches up.
const BLOCKS_MAX: u64 = 4;

impl EthChain {
    /// Adds to the batch of block `head` what is forgotten with it.
    pub(super) fn prune(
        &self,
        batch: &mut Batch,
        reader: &ChainReader,
        head: u64,
    ) -> Result<(), ChainError> {
        self.prune_aside(batch, reader, head)?;
        let Some(kept) = self.inner.options.retention.bodies else { return Ok(()) };
        // What a reorganisation may need stays.
        let kept = kept.max(self.inner.options.retention.states).max(1);
        let first = self.inner.spec.header.number;
        let oldest = reader.snapshot().get(&OLDEST_BODY, &())?.unwrap_or(first);
        let keep_from = (head + 1).saturating_sub(kept);
        let until = keep_from.min(oldest.saturating_add(BLOCKS_MAX));
        if until <= oldest {
            return Ok(());
        }
        for number in oldest..until {
            let Some(hash) = reader.canonical_hash(number)? else { continue };
            let key = (number, hash.0);
            if let Some(block) = reader.block(hash)? {
                for transaction in block.transactions() {
                    batch.delete(&TRANSACTIONS, &transaction.hash().0);
                }
            }
            batch.delete(&BODIES, &key);
            batch.delete(&SENDERS, &key);
            batch.delete(&RECEIPTS, &key);
        }
        batch.put(&OLDEST_BODY, &(), &until);
        Ok(())
    }

    /// Forgets blocks beside the head's chain that no reorganisation reaches any more.
    fn prune_aside(
        &self,
        batch: &mut Batch,
        reader: &ChainReader,
        head: u64,
    ) -> Result<(), ChainError> {
        let Some(number) = head.checked_sub(self.inner.options.retention.states.saturating_add(1))
        else {
            return Ok(());
        };
        let snapshot = reader.snapshot();
        let canonical = snapshot.get(&CANONICAL, &number)?;
        let all = (number, [0; 32])..=(number, [u8::MAX; 32]);
        for row in snapshot.range(&HEADERS, all)? {
            let (key, _) = row?;
            if Some(key.1) == canonical {
                continue;
            }
            batch.delete(&HEADERS, &key);
            batch.delete(&NUMBERS, &key.1);
            batch.delete(&BODIES, &key);
            batch.delete(&SENDERS, &key);
            batch.delete(&RECEIPTS, &key);
        }
        Ok(())
    }
}
