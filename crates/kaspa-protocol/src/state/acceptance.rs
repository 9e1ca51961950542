//! Which transactions of a mergeset a block accepts.
//!
//! ```text
//!   selected parent ─► coinbase, then its transactions     scripts were checked when it was verified itself
//!   the others, by rank ─► their transactions              scripts are checked, each block's together
//!                 └─► valid against base + diff so far? ─ yes ─► AcceptedTx, diff
//!                                                       └ no ──► left out: the block stays valid
//! ```
//!
//! Transactions of one block spend nothing of each other's, so a block's are judged side by side and applied together.
//!
//! # Invariants
//!
//! - The outcome depends on the blocks, their order and the base alone.
//! - Coinbases of blocks other than the selected parent are never accepted.
//!
//! Reference: `calculate_utxo_state`, `validate_transactions_in_parallel`.

use quintet_primitives::Hash256;

use super::{DiffEntry, DiffError, UtxoDiff};
use crate::{
    dag::BlockId,
    params::{Era, Params},
    script::{Covenants, Immediate, Rules, SequencingCommitments, TxContext, verify_input},
    tx::{Outpoint, PopulatedTransaction, Transaction, UtxoEntry},
    validation::{TxRuleError, check_tx_in_utxo_context},
};

/// The set something is judged against. Whoever implements it has read from disk before: looking up cannot fail.
pub trait UtxoView: Sync {
    /// Returns the entry of an unspent output.
    fn get(&self, outpoint: &Outpoint) -> Option<UtxoEntry>;
}

impl UtxoView for super::UtxoMap {
    fn get(&self, outpoint: &Outpoint) -> Option<UtxoEntry> {
        Self::get(self, outpoint).cloned()
    }
}

/// A set and what has changed since.
#[derive(Clone, Copy)]
pub struct Composed<'a> {
    /// The set below.
    pub base: &'a dyn UtxoView,
    /// What has changed.
    pub diff: &'a UtxoDiff,
}

impl core::fmt::Debug for Composed<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Composed").field("diff", &self.diff.len()).finish_non_exhaustive()
    }
}

impl UtxoView for Composed<'_> {
    fn get(&self, outpoint: &Outpoint) -> Option<UtxoEntry> {
        match self.diff.get(outpoint) {
            DiffEntry::Unspent(entry) => Some(entry.clone()),
            DiffEntry::Spent => None,
            DiffEntry::Unchanged => self.base.get(outpoint),
        }
    }
}

/// A transaction whose scripts are to be run: an independent item, for any thread.
#[derive(Debug)]
pub struct ScriptJob<'a> {
    /// The transaction.
    pub tx: &'a Transaction,
    /// Its id.
    pub id: Hash256,
    /// What it spends, one entry an input.
    pub entries: Vec<UtxoEntry>,
    /// Its covenants; none before Toccata.
    pub covenants: Covenants,
    /// The era of the block it is in.
    pub era: Era,
}

impl ScriptJob<'_> {
    /// Runs every script at once, one after another.
    ///
    /// # Errors
    ///
    /// The rule broken by the first input that fails.
    pub fn run(&self, commitments: Option<&dyn SequencingCommitments>) -> Result<(), TxRuleError> {
        let populated = PopulatedTransaction::new(self.tx, &self.entries);
        let Ok(populated) = populated else { return Ok(()) };
        let mut context =
            TxContext::new(populated, Rules::of(self.era)).with_covenants(self.covenants.clone());
        if let Some(commitments) = commitments {
            context = context.with_commitments(commitments);
        }
        for (input, spending) in self.tx.inputs.iter().enumerate() {
            verify_input(&context, input, &mut Immediate).map_err(|source| {
                if spending.signature_script.is_empty() {
                    TxRuleError::SignatureEmpty { input, source }
                } else {
                    TxRuleError::SignatureInvalid { input, source }
                }
            })?;
        }
        Ok(())
    }
}

/// Runs the scripts of transactions, however many threads it has; what it verified before it need not run again.
pub trait ScriptVerifier {
    /// Returns the verdict on each job, in their order.
    fn verify(&self, jobs: &[ScriptJob<'_>]) -> Vec<Result<(), TxRuleError>>;
}

/// Runs every script at once on the caller's thread, without a view of the chain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequential;

impl ScriptVerifier for Sequential {
    fn verify(&self, jobs: &[ScriptJob<'_>]) -> Vec<Result<(), TxRuleError>> {
        jobs.iter().map(|job| job.run(None)).collect()
    }
}

/// A transaction that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedTx {
    /// Its place in its block.
    pub index: u32,
    /// Its id.
    pub id: Hash256,
    /// What it pays, in sompi; 0 for a coinbase.
    pub fee: u64,
}

/// What was accepted of one merged block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedBlock {
    /// The merged block.
    pub block: BlockId,
    /// Its accepted transactions, in order.
    pub accepted: Vec<AcceptedTx>,
}

impl MergedBlock {
    /// Returns the sum of fees.
    #[must_use]
    pub fn fees(&self) -> u64 {
        self.accepted.iter().map(|tx| tx.fee).fold(0, u64::saturating_add)
    }
}

/// The transactions of a block to merge.
#[derive(Debug, Clone, Copy)]
pub struct MergedBody<'a> {
    /// The block.
    pub block: BlockId,
    /// Its DAA score, which decides on the rules.
    pub daa_score: u64,
    /// Its transactions, the coinbase first.
    pub transactions: &'a [Transaction],
    /// Their ids.
    pub ids: &'a [Hash256],
}

/// What a block accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// By merged block: the selected parent first, then the others in the order of acceptance.
    pub merged: Vec<MergedBlock>,
    /// From the set of the selected parent to that of the block.
    pub diff: UtxoDiff,
}

impl Acceptance {
    /// Returns the ids of all accepted transactions, in order.
    #[must_use]
    pub fn ids(&self) -> Vec<Hash256> {
        self.merged.iter().flat_map(|merged| merged.accepted.iter().map(|tx| tx.id)).collect()
    }
}

/// What was found of one transaction.
#[derive(Debug)]
enum Judged<'a> {
    Invalid(TxRuleError),
    /// All but scripts is well; the fee.
    Pending(u64, ScriptJob<'a>),
}

/// Judges a transaction against a set, scripts aside.
fn judge<'a>(
    params: &Params,
    view: &dyn UtxoView,
    tx: &'a Transaction,
    id: Hash256,
    pov_daa_score: u64,
    block_daa_score: u64,
) -> Judged<'a> {
    let mut entries = Vec::with_capacity(tx.inputs.len());
    for input in &tx.inputs {
        let outpoint = input.previous_outpoint;
        match view.get(&outpoint) {
            Some(entry) => entries.push(entry),
            None => return Judged::Invalid(TxRuleError::MissingTxOutpoints { outpoint }),
        }
    }
    let era = params.era_at(block_daa_score);
    // One entry was pushed for each input.
    let Ok(populated) = PopulatedTransaction::new(tx, &entries) else {
        return Judged::Invalid(TxRuleError::NoTxInputs);
    };
    let fee = match check_tx_in_utxo_context(params, populated, pov_daa_score, block_daa_score) {
        Ok(fee) => fee,
        Err(error) => return Judged::Invalid(error),
    };
    let covenants = match era {
        Era::PreCrescendo | Era::Crescendo => Ok(Covenants::default()),
        Era::Toccata => Covenants::of(populated),
    };
    match covenants {
        Ok(covenants) => Judged::Pending(fee, ScriptJob { tx, id, entries, covenants, era }),
        Err(source) => Judged::Invalid(TxRuleError::CovenantsError { source }),
    }
}

/// A transaction found valid, and what it spends.
#[derive(Debug)]
struct Valid<'a> {
    index: u32,
    fee: u64,
    job: ScriptJob<'a>,
}

/// Judges all transactions of a block but the coinbase. Returns the valid ones and what is wrong with the others.
fn judge_block<'a>(
    params: &Params,
    view: &dyn UtxoView,
    body: &MergedBody<'a>,
    pov_daa_score: u64,
    verifier: Option<&dyn ScriptVerifier>,
) -> (Vec<Valid<'a>>, Vec<(Hash256, TxRuleError)>) {
    let (mut valid, mut invalid) = (Vec::new(), Vec::new());
    let (mut places, mut jobs) = (Vec::new(), Vec::new());
    let numbered = (0_u32..).zip(body.transactions).zip(body.ids);
    for ((index, tx), &id) in numbered.skip(1) {
        match judge(params, view, tx, id, pov_daa_score, body.daa_score) {
            Judged::Invalid(error) => invalid.push((id, error)),
            Judged::Pending(fee, job) => {
                places.push((index, fee));
                jobs.push(job);
            }
        }
    }
    let verdicts = verifier.map_or_else(|| vec![Ok(()); jobs.len()], |all| all.verify(&jobs));
    for (((index, fee), job), verdict) in places.into_iter().zip(jobs).zip(verdicts) {
        match verdict {
            Ok(()) => valid.push(Valid { index, fee, job }),
            Err(error) => invalid.push((job.id, error)),
        }
    }
    (valid, invalid)
}

/// Adds the outputs of a transaction accepted at `daa_score`.
fn add_outputs(
    diff: &mut UtxoDiff,
    tx: &Transaction,
    id: Hash256,
    daa_score: u64,
) -> Result<(), DiffError> {
    let is_coinbase = tx.is_coinbase();
    for (index, output) in (0_u32..).zip(&tx.outputs) {
        let entry = UtxoEntry {
            amount: output.value,
            script_public_key: output.script_public_key.clone(),
            block_daa_score: daa_score,
            is_coinbase,
            covenant_id: output.covenant.map(|binding| binding.covenant_id),
        };
        diff.add(Outpoint::new(id, index), entry)?;
    }
    Ok(())
}

/// Accepts the transactions of a mergeset: the selected parent's first, then the others in the order they have in `bodies`.
///
/// `base` is the set of the selected parent, `pov_daa_score` the DAA score of the block that accepts.
///
/// # Errors
///
/// [`DiffError`]: two transactions made the same output, which needs two of one id; `base` is not the set it is said to be.
pub fn accept(
    params: &Params,
    base: &dyn UtxoView,
    bodies: &[MergedBody<'_>],
    pov_daa_score: u64,
    verifier: &dyn ScriptVerifier,
) -> Result<Acceptance, DiffError> {
    let mut acceptance = Acceptance::default();
    for (place, body) in bodies.iter().enumerate() {
        let is_selected_parent = place == 0;
        let mut accepted = Vec::new();
        if let ([coinbase, ..], [id, ..], true) = (body.transactions, body.ids, is_selected_parent)
        {
            add_outputs(&mut acceptance.diff, coinbase, *id, pov_daa_score)?;
            accepted.push(AcceptedTx { index: 0, id: *id, fee: 0 });
        }
        // The selected parent's scripts were run in the same view when it was verified itself. Other checks are
        // repeated, for they are cheap, and what they ask only becomes easier with the DAA score.
        let verifier = (!is_selected_parent).then_some(verifier);
        let view = Composed { base, diff: &acceptance.diff };
        let (valid, _) = judge_block(params, &view, body, pov_daa_score, verifier);
        for Valid { index, fee, job } in valid {
            for (input, entry) in job.tx.inputs.iter().zip(job.entries) {
                acceptance.diff.remove(input.previous_outpoint, entry)?;
            }
            add_outputs(&mut acceptance.diff, job.tx, job.id, pov_daa_score)?;
            accepted.push(AcceptedTx { index, id: job.id, fee });
        }
        acceptance.merged.push(MergedBlock { block: body.block, accepted });
    }
    Ok(acceptance)
}

/// Checks the transactions of a block, its coinbase aside, against its own view: its selected parent's set and what it accepted. Returns the fees.
///
/// # Errors
///
/// The transactions that are not valid, and why.
pub fn check_transactions(
    params: &Params,
    view: &dyn UtxoView,
    body: &MergedBody<'_>,
    verifier: &dyn ScriptVerifier,
) -> Result<Vec<u64>, Vec<(Hash256, TxRuleError)>> {
    let (valid, invalid) = judge_block(params, view, body, body.daa_score, Some(verifier));
    if invalid.is_empty() { Ok(valid.iter().map(|tx| tx.fee).collect()) } else { Err(invalid) }
}

/// Returns the jobs of those transactions of a block whose inputs are all in `view` and that break no rule there: what can be verified ahead.
#[must_use]
pub fn script_jobs<'a>(
    params: &Params,
    view: &dyn UtxoView,
    body: &MergedBody<'a>,
    pov_daa_score: u64,
) -> Vec<ScriptJob<'a>> {
    let (valid, _) = judge_block(params, view, body, pov_daa_score, None);
    valid.into_iter().map(|valid| valid.job).collect()
}
