//! A block executed on the head: checks, senders, transactions, root.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use quintet_eth::{
    block::EthBlock,
    state::{
        StateChanges,
        store::{StateError, StateReader, Update},
    },
    tx::{EthTransaction, TxRules},
};
use quintet_evm::{
    block::{self, BlockError, Chain, Link},
    execute::{BlockInput, BlockOutcome, ExecuteError, Transaction, TransactionError},
    parallel,
    schedule::{Fork, OpFork, Rules},
};

use super::EthChain;
use crate::{
    attributes::Executed,
    block::{BlockRef, SealedBlock},
    error::{ChainError, ImportError},
    reader::{Ancestors, ChainReader},
    spec::MESSAGE_PASSER,
};

/// Returns the rules for signatures that hold with these rules.
pub(crate) fn tx_rules(rules: &Rules) -> TxRules {
    // What a type needs is asked by execution; here only whether S may be high.
    if rules.has(Fork::Homestead) { TxRules::Osaka } else { TxRules::Frontier }
}

/// Puts a transaction into the interpreter's form; `None` if the chain knows no such.
pub(crate) fn runnable(
    rules: &Rules,
    transaction: &EthTransaction,
    sender: Address,
) -> Option<Transaction> {
    if rules.op.is_some() {
        return Some(Transaction::optimism(&transaction.to_optimism()?, sender));
    }
    Some(Transaction::ethereum(transaction.as_signed()?, sender))
}

/// Puts a block's transactions into the interpreter's form.
pub(crate) fn all_runnable(
    rules: &Rules,
    transactions: &[EthTransaction],
    senders: &[Address],
) -> Result<Vec<Transaction>, BlockError> {
    let pairs = transactions.iter().zip(senders).enumerate();
    pairs
        .map(|(index, (transaction, sender))| {
            let error = TransactionError::TypeNotSupported { actual: transaction.kind() };
            let missing = BlockError::Transaction { index, error };
            runnable(rules, transaction, *sender).ok_or(missing)
        })
        .collect()
}

/// What a reader says of blocks, as rules ask for it. The first error of the disk is kept.
pub(super) struct Links<'a> {
    reader: &'a ChainReader,
    failed: std::cell::RefCell<Option<ChainError>>,
}

impl<'a> Links<'a> {
    pub(super) fn new(reader: &'a ChainReader) -> Self {
        Self { reader, failed: std::cell::RefCell::default() }
    }

    /// Ends the questions: what failed matters more than what followed from it.
    pub(super) fn finish<T>(
        self,
        result: Result<T, BlockError>,
    ) -> Result<Result<T, BlockError>, ChainError> {
        match self.failed.into_inner() {
            Some(error) => Err(error),
            None => Ok(result),
        }
    }
}

impl Chain for Links<'_> {
    fn link(&self, hash: B256) -> Option<Link> {
        match self.reader.header_record(hash) {
            Ok(record) => record.map(|record| Link {
                header: record.header.clone(),
                ommers: record.ommers.clone(),
                total_difficulty: record.total_difficulty,
            }),
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error);
                None
            }
        }
    }
}

impl EthChain {
    /// Checks a block and executes it on the head, which is its parent.
    pub(super) fn execute(
        &self,
        reader: &ChainReader,
        block: EthBlock,
        hash: B256,
    ) -> Result<Executed, ImportError> {
        let at = BlockRef { number: block.header.number, hash };
        let invalid = |error| ImportError::Invalid { block: at, error: Box::new(error) };
        let links = Links::new(reader);
        let checked =
            block::check(&self.inner.spec.schedule, &links, &block).map(|checked| checked.rules());
        let rules = links.finish(checked)?.map_err(invalid)?;
        let transactions = &block.body.transactions;
        let senders = self.inner.senders.recover(transactions, tx_rules(&rules)).map_err(
            |(index, error)| {
                let error = TransactionError::Other { reason: error.to_string() };
                invalid(BlockError::Transaction { index, error })
            },
        )?;
        let runnable = all_runnable(&rules, transactions, &senders).map_err(invalid)?;
        let outcome = self.run(reader, &rules, &block, &runnable).map_err(|error| match error {
            ExecuteError::Invalid(error) => invalid(error),
            other => ImportError::Chain(failed(other)),
        })?;
        let update = self.inner.state.root_of(&outcome.changes)?;
        block::check_outcome(&rules, &block.header, &outcome, update.root()).map_err(invalid)?;
        if let Some(expected) = withdrawals_root(&rules, &update, reader.state())? {
            let actual = block.header.withdrawals_root.unwrap_or_default();
            if actual != expected {
                return Err(invalid(BlockError::WithdrawalsRoot { expected, actual }));
            }
        }
        let parent = reader.header_record(block.header.parent_hash)?;
        let before = parent.map(|parent| parent.total_difficulty).unwrap_or_default();
        let total_difficulty = before.saturating_add(block.header.difficulty);
        let block = Arc::new(SealedBlock { hash, block, senders, total_difficulty });
        Ok(Executed { block, receipts: outcome.receipts.into(), update })
    }

    fn run(
        &self,
        reader: &ChainReader,
        rules: &Rules,
        block: &EthBlock,
        transactions: &[Transaction],
    ) -> Result<BlockOutcome, ExecuteError<StateError>> {
        let withdrawals = block.body.withdrawals.as_ref().map(|withdrawals| withdrawals.as_slice());
        let header = &block.header;
        let input = BlockInput { header, transactions, ommers: &block.body.ommers, withdrawals };
        let ancestors = Ancestors::before(reader, header);
        // Asked below Byzantium alone. A root that cannot be computed is none, and the receipts' root then differs.
        let root_after = |changes: &StateChanges| {
            self.inner.state.root_of(changes).map_or(B256::ZERO, |update| update.root())
        };
        let options = self.inner.options.parallel();
        parallel::execute(*rules, &input, reader.state(), &ancestors, Some(&root_after), &options)
            .map(|(outcome, _)| outcome)
    }
}

/// Returns what an OP chain's header says in place of a withdrawals root, from Isthmus on.
pub(super) fn withdrawals_root(
    rules: &Rules,
    update: &Update,
    before: &StateReader,
) -> Result<Option<B256>, StateError> {
    if !rules.has_op(OpFork::Isthmus) {
        return Ok(None);
    }
    let leaf = match update.leaf(MESSAGE_PASSER) {
        Some(leaf) => leaf,
        None => before.leaf(alloy_primitives::keccak256(MESSAGE_PASSER))?,
    };
    Ok(Some(leaf.map_or(quintet_eth::trie::EMPTY_ROOT, |leaf| leaf.storage_root)))
}

/// Says why a block was not executed, other than that it is bad.
pub(crate) fn failed(error: ExecuteError<StateError>) -> ChainError {
    use quintet_evm::execute::ReadError;
    match error {
        ExecuteError::Read(ReadError::View(error)) => ChainError::State(error),
        other => ChainError::Interpreter { reason: other.to_string() },
    }
}
