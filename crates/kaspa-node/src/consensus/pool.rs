//! Transactions of the memory pool, judged on top of the virtual block.
//!
//! Two steps, so that whoever keeps the pool can weigh fees before scripts are run: [`Consensus::prepare_for_pool`], then
//! [`Consensus::verify_prepared`].
//!
//! Reference: `validate_mempool_transaction`.

use std::sync::Arc;

use quintet_kaspa_protocol::{
    mass::storage_mass,
    mempool::UNACCEPTED_DAA_SCORE,
    params::Era,
    script::Covenants,
    state::{ScriptJob, ScriptVerifier as _},
    tx::{PopulatedTransaction, Transaction, UtxoEntry},
    validation::{
        TxRuleError, check_tx_in_header_context, check_tx_in_isolation, check_tx_in_utxo_context,
    },
};
use quintet_primitives::Hash256;

use super::{Consensus, error::ConsensusError, virtual_state::VirtualState};

/// A transaction that breaks no rule but perhaps those of its scripts.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The transaction, with the storage mass it must commit to.
    pub tx: Transaction,
    /// Its id.
    pub id: Hash256,
    /// What it spends, one entry an input.
    pub entries: Vec<UtxoEntry>,
    /// What it pays.
    pub fee: u64,
    state: Arc<VirtualState>,
}

/// Why a transaction is not prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unprepared {
    /// Transactions that make what it spends are not known.
    Missing(Vec<Hash256>),
    /// It breaks a rule.
    Rule(TxRuleError),
}

impl Consensus {
    /// Finds what a transaction spends, as far as `known` does not say it, and checks all but its scripts. Sets its storage mass.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails; what the transaction breaks is a value.
    pub fn prepare_for_pool(
        &self,
        mut tx: Transaction,
        known: Vec<Option<UtxoEntry>>,
    ) -> Result<Result<Prepared, Unprepared>, ConsensusError> {
        let wanted: Vec<_> = tx
            .inputs
            .iter()
            .zip(&known)
            .filter(|(_, entry)| entry.is_none())
            .map(|(input, _)| input.previous_outpoint)
            .collect();
        let state = self.virtual_state();
        let rules = self.params().rules_at(state.daa_score);
        let early = check_tx_in_isolation(self.params(), rules, &tx).and_then(|()| {
            check_tx_in_header_context(&tx, state.daa_score, state.past_median_time)
        });
        if let Err(error) = early {
            return Ok(Err(Unprepared::Rule(error)));
        }
        let mut found = self.utxos(&wanted)?.into_iter().zip(wanted);
        let (mut entries, mut missing) = (Vec::with_capacity(known.len()), Vec::new());
        for entry in known {
            let entry = match entry {
                Some(entry) => Some(entry),
                None => found.next().and_then(|(entry, outpoint)| {
                    if entry.is_none() && !missing.contains(&outpoint.transaction_id) {
                        missing.push(outpoint.transaction_id);
                    }
                    entry
                }),
            };
            entries.extend(entry);
        }
        if !missing.is_empty() {
            return Ok(Err(Unprepared::Missing(missing)));
        }
        Ok(self.judge_for_pool(&mut tx, &entries, &state).map_err(Unprepared::Rule).map(|fee| {
            let id = tx.id();
            Prepared { tx, id, entries, fee, state }
        }))
    }

    fn judge_for_pool(
        &self,
        tx: &mut Transaction,
        entries: &[UtxoEntry],
        state: &VirtualState,
    ) -> Result<u64, TxRuleError> {
        // What is in no block yet counts as made before everything, as in the reference.
        let mut aged = entries.to_vec();
        for entry in aged.iter_mut().filter(|entry| entry.block_daa_score == UNACCEPTED_DAA_SCORE) {
            entry.block_daa_score = 0;
        }
        if self.params().era_at(state.daa_score) >= Era::Crescendo {
            let populated =
                PopulatedTransaction::new(tx, &aged).map_err(|_| TxRuleError::NoTxInputs)?;
            tx.storage_mass =
                storage_mass(self.params(), populated).ok_or(TxRuleError::MassIncomputable)?;
        }
        let populated =
            PopulatedTransaction::new(tx, &aged).map_err(|_| TxRuleError::NoTxInputs)?;
        check_tx_in_utxo_context(self.params(), populated, state.daa_score, state.daa_score)
    }

    /// Runs the scripts of a prepared transaction; they are remembered and not run again for a template or a block.
    ///
    /// # Errors
    ///
    /// [`TxRuleError`] if one fails.
    pub fn verify_prepared(&self, prepared: &Prepared) -> Result<(), TxRuleError> {
        let _numbering = self.numbering();
        let era = self.params().era_at(prepared.state.daa_score);
        let populated = PopulatedTransaction::new(&prepared.tx, &prepared.entries)
            .map_err(|_| TxRuleError::NoTxInputs)?;
        let covenants = match era {
            Era::PreCrescendo | Era::Crescendo => Covenants::default(),
            Era::Toccata => {
                Covenants::of(populated).map_err(|source| TxRuleError::CovenantsError { source })?
            }
        };
        let entries = prepared.entries.clone();
        let job = ScriptJob { tx: &prepared.tx, id: prepared.id, entries, covenants, era };
        // Its number may have changed since; then that of the sink now serves as well.
        let sink = self.columns().dag.find(&prepared.state.sink_hash());
        let chain = self.chain_view(sink.unwrap_or_else(|| self.virtual_state().sink));
        let verdicts = self.scripts.with(&chain).verify(&[job]);
        verdicts.into_iter().next().unwrap_or(Ok(()))
    }
}
