//! The script checks of connected blocks, run ahead on every core.
//!
//! A chunk of inputs is run with its signatures put aside: ECDSA signatures are verified eight side by side, Schnorr signatures and tweaks as one batch. Only if one
//! of them is bad is the chunk run again with every signature checked on the spot, to name the first input that fails.
//!
//! **Spec:** Bitcoin Core, `CCheckQueue`, `CheckInputScripts`.

use std::sync::Arc;

use quintet_bitcoin_protocol::{
    Block, SpentCoins, Tx,
    header::HeaderId,
    rules::{BlockError, ScriptJobs},
    script::{Deferred, ScriptFlags, are_all_valid},
};
use quintet_utxo::{
    checks::{Check, Failure, Group, Pool},
    verified,
};
use self_cell::self_cell;

use super::connect::Undo;

type Owner = (Arc<Block>, Arc<SpentCoins>);

self_cell! {
    /// The checks of a block together with what they borrow from.
    struct Jobs {
        owner: Owner,
        #[not_covariant]
        dependent: ScriptJobs,
    }
}

/// Checks the inputs of one block.
struct BlockCheck(Jobs);

impl Check for BlockCheck {
    type Item = u32;
    type Error = BlockError;

    fn run(&self, items: &[u32]) -> Result<(), (usize, BlockError)> {
        self.0.with_dependent(|_, jobs| {
            let mut deferred = Deferred::with_capacity(items.len());
            for (at, &item) in items.iter().enumerate() {
                let Some(job) = jobs.get(item as usize) else { continue };
                if let Err(error) = deferred.verify(job.context, job.input, job.flags) {
                    // An input before this one may be bad as well: only what was put aside can tell.
                    let before = items.iter().take(at).enumerate();
                    first_bad(jobs, before)?;
                    return Err((at, job.refusal(error)));
                }
            }
            if are_all_valid(deferred.checks()) {
                Ok(())
            } else {
                first_bad(jobs, items.iter().enumerate())
            }
        })
    }
}

/// Runs inputs with every signature checked on the spot, up to the first that is bad.
fn first_bad<'i>(
    jobs: &ScriptJobs<'_>,
    items: impl Iterator<Item = (usize, &'i u32)>,
) -> Result<(), (usize, BlockError)> {
    for (at, &item) in items {
        jobs.run(item as usize).map_err(|error| (at, error))?;
    }
    Ok(())
}

/// A connected block whose scripts are being checked.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) id: HeaderId,
    undo: Undo,
    flags: ScriptFlags,
    group: Option<Group<BlockError>>,
}

impl Pending {
    /// Queues the checks of a block; none, if its scripts need no check.
    pub(super) fn submit(
        pool: &Pool,
        id: HeaderId,
        undo: Undo,
        flags: ScriptFlags,
        verified: &verified::Cache,
        skip: bool,
    ) -> Self {
        let group = (!skip).then(|| {
            let owner = (Arc::clone(&undo.block), Arc::clone(&undo.spent));
            // Nothing is known during initial sync, and then no digest is worth its hash.
            let any_known = !verified.is_empty();
            let known = |tx: Tx<'_>| {
                any_known && verified.contains_and_remove(&digest(verified, tx, flags))
            };
            let jobs =
                Jobs::new(owner, |(block, spent)| ScriptJobs::without(block, spent, flags, known));
            let count =
                jobs.with_dependent(|_, jobs| u32::try_from(jobs.len())).unwrap_or(u32::MAX);
            pool.submit(BlockCheck(jobs), (0..count).collect())
        });
        Self { id, undo, flags, group }
    }

    pub(super) fn is_done(&self) -> bool {
        self.group.as_ref().is_none_or(Group::is_done)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.group.as_ref().is_some_and(Group::has_failed)
    }

    /// Returns whether its scripts are run, and not only taken to be valid.
    pub(super) const fn is_checked(&self) -> bool {
        self.group.is_some()
    }

    /// Returns the serialised size of the block, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.undo.block.bytes().len()
    }

    /// Waits for the verdict, and gives back what takes the block back.
    pub(super) fn wait(self) -> (Result<(), Failure<BlockError>>, Undo) {
        (self.group.map_or(Ok(()), Group::wait), self.undo)
    }

    /// Gives up on the verdict. If it is known and good, it is remembered: the block may be connected again on another way.
    pub(super) fn cancel(self, verified: &verified::Cache) -> Undo {
        if let Some(group) = self.group
            && group.is_done()
            && group.wait().is_ok()
        {
            remember(verified, &self.undo.block, self.flags);
        }
        self.undo
    }
}

/// Remembers that every script of a block passed under `flags`.
pub(super) fn remember(verified: &verified::Cache, block: &Block, flags: ScriptFlags) {
    for tx in block.transactions().iter().filter(|tx| !tx.is_coinbase()) {
        verified.insert(digest(verified, tx, flags));
    }
}

/// Names the checks of a transaction: its id with witnesses, and the rules it is run under. The id covers the outpoints it spends, and
/// these the scripts and amounts.
fn digest(verified: &verified::Cache, tx: Tx<'_>, flags: ScriptFlags) -> verified::Digest {
    use bitcoin::hashes::Hash as _;
    verified.digest(&[tx.wtxid().as_byte_array(), &flags.bits().to_le_bytes()])
}
