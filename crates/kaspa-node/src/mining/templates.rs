//! Block templates: transactions drawn from the pool, on top of the virtual block, kept as long as they are good.
//!
//! # Invariants
//!
//! - A template kept is of the virtual block of now, and no older than [`TEMPLATE_LIFETIME`].
//! - A template holds only transactions that are valid there; those that are not go from the pool, unless the pool has merely not heard of the block yet that
//!   accepted them.
//!
//! Reference: `mining/src/manager.rs`, `get_block_template`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use quintet_kaspa_protocol::{
    coinbase::MinerData,
    tx::Transaction,
    validation::{RuleError, TxRuleError},
};
use thiserror::Error;
use tracing::debug;

use crate::{
    consensus::{BlockTemplate, Consensus, ConsensusError, VirtualState},
    mempool::Mempool,
};

/// How long a template is given out again.
pub const TEMPLATE_LIFETIME: Duration = Duration::from_secs(1);

/// Attempts to make a template while blocks keep coming; the last is without transactions.
const ATTEMPTS_MAX: usize = 5;

/// Why there is no template.
#[derive(Debug, Clone, Error)]
pub enum TemplateError {
    /// The miner's data cannot be in a block.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Consensus cannot go on.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
}

#[derive(Debug)]
struct Kept {
    state: Arc<VirtualState>,
    made: Instant,
    script: quintet_kaspa_protocol::tx::ScriptPublicKey,
    extra_data: Vec<u8>,
    template: Arc<BlockTemplate>,
}

/// Makes templates and keeps the last.
#[derive(Debug)]
pub struct Templates {
    consensus: Arc<Consensus>,
    mempool: Arc<Mempool>,
    kept: Mutex<Option<Kept>>,
}

impl Templates {
    /// Makes templates of this pool on this consensus.
    #[must_use]
    pub const fn new(consensus: Arc<Consensus>, mempool: Arc<Mempool>) -> Self {
        Self { consensus, mempool, kept: Mutex::new(None) }
    }

    /// Returns a template: the one kept if it is good still, or a new one.
    ///
    /// # Errors
    ///
    /// [`TemplateError`].
    pub fn get(&self, miner: &MinerData<'_>) -> Result<Arc<BlockTemplate>, TemplateError> {
        // Held while one is made: whoever asks meanwhile gets the same.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.consensus.virtual_state();
        let good = kept.as_ref().filter(|kept| {
            Arc::ptr_eq(&kept.state, &state) && kept.made.elapsed() < TEMPLATE_LIFETIME
        });
        if let Some(good) = good {
            if good.script == miner.script_public_key && good.extra_data == miner.extra_data {
                return Ok(Arc::clone(&good.template));
            }
            // Another miner's: the same transactions, whose scripts need not be run again. The one kept stays.
            let transactions = good.template.block.transactions.get(1..).unwrap_or_default();
            let built = self.build(miner, transactions.to_vec())?;
            if let Some(template) = built {
                return Ok(Arc::new(template));
            }
        }
        let template = self.make(miner)?;
        *kept = Some(Kept {
            state: Arc::clone(&template.virtual_state),
            made: Instant::now(),
            script: miner.script_public_key.clone(),
            extra_data: miner.extra_data.to_vec(),
            template: Arc::clone(&template),
        });
        Ok(template)
    }

    /// Returns a new template.
    ///
    /// # Errors
    ///
    /// [`TemplateError`].
    pub fn fresh(&self, miner: &MinerData<'_>) -> Result<Arc<BlockTemplate>, TemplateError> {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.get(miner)
    }

    fn build(
        &self,
        miner: &MinerData<'_>,
        transactions: Vec<Transaction>,
    ) -> Result<Option<BlockTemplate>, TemplateError> {
        let miner = MinerData {
            script_public_key: miner.script_public_key.clone(),
            extra_data: miner.extra_data,
        };
        match self.consensus.build_block_template(miner, transactions)? {
            Ok(template) => Ok(Some(template)),
            // A block came in between.
            Err(RuleError::InvalidTransactionsInNewBlock { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn make(&self, miner: &MinerData<'_>) -> Result<Arc<BlockTemplate>, TemplateError> {
        for _ in 1..ATTEMPTS_MAX {
            let selected = self.mempool.select(&mut rand::random::<f64>);
            let selected: Vec<Transaction> = selected.iter().map(|tx| (**tx).clone()).collect();
            let verdicts = self.consensus.check_transactions(&selected)?;
            let mut valid = Vec::with_capacity(selected.len());
            for (tx, verdict) in selected.into_iter().zip(verdicts) {
                match verdict {
                    Ok(_) => valid.push(tx),
                    // The pool follows soon, and knows better what becomes of it.
                    Err(TxRuleError::MissingTxOutpoints { .. }) => {}
                    Err(error) => {
                        let id = tx.id();
                        debug!(%id, %error, "a transaction of the pool is not valid any more");
                        self.mempool.evict(&id);
                    }
                }
            }
            if let Some(template) = self.build(miner, valid)? {
                return Ok(Arc::new(template));
            }
        }
        let template = self.build(miner, Vec::new())?;
        let without = ConsensusError::Inconsistent { expected: "a block of a coinbase alone" };
        Ok(Arc::new(template.ok_or(without)?))
    }
}
