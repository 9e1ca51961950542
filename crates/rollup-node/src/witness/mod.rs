//! Blocks executed on what is known of the state before them: trie nodes, code and headers by their hashes, and nothing else.
//!
//! ```text
//!   Fixture { configuration, parent header, attributes, expected hash, preimages }
//!      └──► header ──► execute on WitnessState ──► changes ──► roots ──► block hash, compared
//! ```
//!
//! That the hash comes out shows that every fork's rules, fees and roots are those of the chain the block is from.
//!
//! **Spec:** `protocol/exec-engine.md` and each fork's; kona's executor, whose recordings have this form.

mod fixture;
mod header;
mod state;

use std::time::{Duration, Instant};

use alloy_consensus::Header;
use alloy_primitives::B256;
use quintet_eth::{
    block::transactions_root,
    tx::{EthTransaction, TxRules, recover_senders},
};
use quintet_evm::{
    execute::{BlockInput, Transaction, execute},
    op::base_fee::ExtraDataError,
    parallel::{self, Options},
    schedule::{OpFork, Rules},
};
use thiserror::Error;

pub use self::{
    fixture::Fixture,
    state::{WitnessError, WitnessState},
};

/// Why a fixture's block does not come out.
#[derive(Debug, Error)]
pub enum ExecuteFixtureError {
    /// The file is not of the form.
    #[error("fixture: expected {expected}, got {actual}")]
    Fixture {
        /// What it should hold.
        expected: &'static str,
        /// What is wrong.
        actual: String,
    },
    /// The parent's extra data holds no parameters of the base fee.
    #[error("parent header: {0}")]
    BaseFee(#[from] ExtraDataError),
    /// A transaction is none, or nobody's.
    #[error("transaction {index}: {reason}")]
    Transaction {
        /// Which one.
        index: usize,
        /// Why.
        reason: String,
    },
    /// The block cannot be executed.
    #[error("execution: {reason}")]
    Execution {
        /// Why.
        reason: String,
    },
    /// A node, code or header is not among what is known.
    #[error("witness: {0}")]
    Witness(#[from] WitnessError),
    /// Another block came out.
    #[error("block {number}: expected hash {expected}, got {actual} with state root {state_root}")]
    Hash {
        /// The block's number.
        number: u64,
        /// Its hash.
        expected: B256,
        /// What came out.
        actual: B256,
        /// State root that came out.
        state_root: B256,
    },
}

/// A block that came out as it should.
#[derive(Debug, Clone)]
pub struct Executed {
    /// Its header.
    pub header: Header,
    /// Its hash.
    pub hash: B256,
    /// Transactions in it.
    pub transactions: usize,
    /// Time from its transactions' bytes to its hash.
    pub time: Duration,
}

impl Fixture {
    /// Executes the block on `threads` threads and compares its hash.
    ///
    /// # Errors
    ///
    /// [`ExecuteFixtureError`] if it cannot be executed or another block comes out.
    pub fn execute(&self, threads: usize) -> Result<Executed, ExecuteFixtureError> {
        let begun = Instant::now();
        let parent = &self.parent;
        let mut header = header::before_execution(self)?;
        let rules = self.schedule.rules_after(parent, &header, true);
        let decoded = self.transactions()?;
        let transactions = runnable(&decoded)?;
        let view = WitnessState::new(parent.state_root, &self.preimages);
        let input = BlockInput {
            header: &header,
            transactions: &transactions,
            ommers: &[],
            withdrawals: Some(&[]),
        };
        let hashes = |number: u64| view.hash_before(parent, number);
        let failed = |reason: String| ExecuteFixtureError::Execution { reason };
        let outcome = if threads > 1 {
            let options = Options::new(threads);
            parallel::execute(rules, &input, &view, &hashes, None, &options)
                .map(|(outcome, _)| outcome)
                .map_err(|error| failed(error.to_string()))?
        } else {
            execute(rules, &input, &view, &hashes, None)
                .map_err(|error| failed(error.to_string()))?
        };
        let roots = view.roots_after(&outcome.changes)?;
        header.transactions_root = transactions_root(&decoded);
        header.gas_used = outcome.gas_used;
        header.logs_bloom = outcome.bloom();
        header.receipts_root = outcome.receipts_root();
        header.state_root = roots.state;
        after_execution(&rules, &mut header, outcome.blob_gas_used, roots.message_passer);
        let actual = header.hash_slow();
        let time = begun.elapsed();
        if actual != self.expected {
            return Err(ExecuteFixtureError::Hash {
                number: header.number,
                expected: self.expected,
                actual,
                state_root: header.state_root,
            });
        }
        Ok(Executed { transactions: decoded.len(), hash: actual, header, time })
    }

    fn transactions(&self) -> Result<Vec<EthTransaction>, ExecuteFixtureError> {
        let read = |(index, raw): (usize, &alloy_primitives::Bytes)| {
            EthTransaction::decode(raw).map_err(|error| ExecuteFixtureError::Transaction {
                index,
                reason: error.to_string(),
            })
        };
        self.attributes.transactions.iter().enumerate().map(read).collect()
    }
}

/// Fills in what forks write into a header after execution.
fn after_execution(rules: &Rules, header: &mut Header, footprint: u64, message_passer: B256) {
    if rules.has_op(OpFork::Isthmus) {
        header.withdrawals_root = Some(message_passer);
    }
    if rules.has_op(OpFork::Jovian) {
        header.blob_gas_used = Some(footprint);
    }
}

fn runnable(decoded: &[EthTransaction]) -> Result<Vec<Transaction>, ExecuteFixtureError> {
    let failed =
        |index, reason: &str| ExecuteFixtureError::Transaction { index, reason: reason.to_owned() };
    let pairs = decoded.iter().zip(recover_senders(decoded, TxRules::Osaka)).enumerate();
    pairs
        .map(|(index, (transaction, sender))| {
            let sender = sender.map_err(|error| failed(index, &error.to_string()))?;
            let envelope = transaction.to_optimism();
            let envelope =
                envelope.ok_or_else(|| failed(index, "expected a type an OP chain has"))?;
            Ok(Transaction::optimism(&envelope, sender))
        })
        .collect()
}
