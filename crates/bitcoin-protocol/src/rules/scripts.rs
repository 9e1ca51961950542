//! The script checks of a block, each on its own.
//!
//! Once a block is connected its coins are known, and whether one input's script is satisfied depends on no
//! other's. So the checks can run on any core, in any order, beside those of other blocks:
//!
//! ```text
//!   let jobs = ScriptJobs::new(&block, &spent, flags);
//!   (0..jobs.len()).into_par_iter().try_for_each(|item| jobs.run(item))
//! ```
//!
//! What the inputs of a transaction share (its signature hashes' parts) is computed by the first of them
//! that runs, and freed with the jobs.
//!
//! **Spec:** Bitcoin Core, `CheckInputScripts`, `CScriptCheck`.

use std::sync::OnceLock;

use super::BlockError;
use crate::{
    block::Block,
    coin::SpentCoins,
    script::{Immediate, ScriptError, ScriptFlags, SignatureChecker, TxContext, verify_input},
    transaction::Tx,
};

/// An input whose script is to be checked.
#[derive(Debug, Clone, Copy)]
struct Item {
    transaction: u32,
    input: u32,
}

/// A transaction of the block.
struct Shared<'a> {
    tx: Tx<'a>,
    /// Where the coins it spends begin among the block's.
    first: usize,
    context: OnceLock<TxContext<'a>>,
}

/// The script checks of a connected block, numbered from 0 in the order of its inputs.
pub struct ScriptJobs<'a> {
    spent: &'a SpentCoins,
    flags: ScriptFlags,
    transactions: Vec<Shared<'a>>,
    items: Vec<Item>,
}

impl std::fmt::Debug for ScriptJobs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptJobs")
            .field("flags", &self.flags)
            .field("items", &self.items.len())
            .finish_non_exhaustive()
    }
}

impl<'a> ScriptJobs<'a> {
    /// Lists the checks of every input of `block`, which spent `spent` and is run under `flags`.
    #[must_use]
    pub fn new(block: &'a Block, spent: &'a SpentCoins, flags: ScriptFlags) -> Self {
        Self::without(block, spent, flags, |_| false)
    }

    /// Lists the checks without those of transactions that are `known` to pass under these flags or more.
    ///
    /// What is known goes by [`Tx::wtxid`], which commits to witnesses and, through the ids spent, to the coins.
    #[must_use]
    pub fn without(
        block: &'a Block,
        spent: &'a SpentCoins,
        flags: ScriptFlags,
        mut known: impl FnMut(Tx<'_>) -> bool,
    ) -> Self {
        let mut transactions = Vec::with_capacity(block.transactions().len());
        let mut items = Vec::with_capacity(spent.len());
        let mut first = 0;
        for tx in block.transactions().iter().filter(|tx| !tx.is_coinbase()) {
            let inputs = tx.inputs().len();
            if !known(tx) {
                let transaction = index(transactions.len());
                items.extend((0..inputs).map(|input| Item { transaction, input: index(input) }));
                transactions.push(Shared { tx, first, context: OnceLock::new() });
            }
            first += inputs;
        }
        Self { spent, flags, transactions, items }
    }

    /// Returns how many checks there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns whether there is nothing to check.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns check `item`.
    #[must_use]
    pub fn get(&self, item: usize) -> Option<ScriptJob<'_>> {
        let &Item { transaction, input } = self.items.get(item)?;
        let Shared { tx, first, context } = self.transactions.get(transaction as usize)?;
        let context = context.get_or_init(|| {
            let coins = *first..first + tx.inputs().len();
            TxContext::new(*tx, coins.filter_map(|coin| self.spent.output(coin)).collect())
        });
        Some(ScriptJob { context, input: input as usize, flags: self.flags })
    }

    /// Runs check `item`, every signature at once. An item that does not exist passes.
    ///
    /// # Errors
    ///
    /// [`BlockError::Script`] if the script is not satisfied.
    pub fn run(&self, item: usize) -> Result<(), BlockError> {
        self.get(item).map_or(Ok(()), |job| job.run(&mut Immediate))
    }
}

/// The script check of one input.
#[derive(Debug, Clone, Copy)]
pub struct ScriptJob<'a> {
    /// Its transaction and what that spends, shared with the other inputs.
    pub context: &'a TxContext<'a>,
    /// Which input of it.
    pub input: usize,
    /// The rules it is run under.
    pub flags: ScriptFlags,
}

impl ScriptJob<'_> {
    /// Runs the check, asking `signatures` about every signature.
    ///
    /// # Errors
    ///
    /// [`BlockError::Script`] if the script is not satisfied.
    pub fn run(self, signatures: &mut impl SignatureChecker) -> Result<(), BlockError> {
        verify_input(self.context, self.input, self.flags, signatures)
            .map_err(|error| self.refusal(error))
    }

    /// Returns what a block is refused for whose check ends in `error`.
    #[must_use]
    pub fn refusal(self, error: ScriptError) -> BlockError {
        BlockError::Script { txid: self.context.tx().txid(), input: self.input, error }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a block has fewer things than 32 MiB")]
const fn index(position: usize) -> u32 {
    position as u32
}
