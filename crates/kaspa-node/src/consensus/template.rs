//! Blocks to mine: a header that says what the virtual block is, a coinbase that pays what it merges, and transactions valid on top.
//!
//! Reference: `build_block_template`, `build_block_template_from_virtual_state`.

use std::sync::Arc;

use quintet_kaspa_protocol::{
    block::Block,
    coinbase::MinerData,
    dag::BlockId,
    hashing::{hash_merkle_root, hash_merkle_root_pre_crescendo},
    header::{Header, LevelParents},
    params::Era,
    state::{MergedBody, check_transactions},
    tx::Transaction,
    validation::{RuleError, TxRuleError, check_tx_in_header_context, check_tx_in_isolation},
};
use quintet_primitives::Hash256;

use super::{
    Consensus,
    chain::fetch,
    columns::Levels,
    error::{ConsensusError, Stop},
    header::level_rules,
    virtual_state::VirtualState,
};

/// A block without proof of work, and what its miner may want to know.
#[derive(Debug, Clone)]
pub struct BlockTemplate {
    /// The block; nonce 0, time now.
    pub block: Block,
    /// What each transaction but the coinbase pays.
    pub fees: Vec<u64>,
    /// The virtual block it was made of.
    pub virtual_state: Arc<VirtualState>,
}

/// The fee of a transaction, or why it is not valid.
type Verdict = Result<u64, TxRuleError>;

impl Consensus {
    /// Builds a block on top of the virtual block.
    ///
    /// # Errors
    ///
    /// `Ok(Err(..))` with [`RuleError::InvalidTransactionsInNewBlock`] if a transaction is not valid there, or
    /// [`RuleError::BadCoinbasePayload`] if the miner's script is too long; [`ConsensusError`] if the ledger fails.
    pub fn build_block_template(
        &self,
        miner: MinerData<'_>,
        transactions: Vec<Transaction>,
    ) -> Result<Result<BlockTemplate, RuleError>, ConsensusError> {
        let _numbering = self.numbering();
        match self.template(miner, transactions) {
            Ok(template) => Ok(Ok(template)),
            Err(Stop::Rule(error)) => Ok(Err(error)),
            Err(Stop::Broken(error)) => Err(error),
        }
    }

    /// Checks transactions against the virtual block, as those of a block on top of it. Returns the verdicts in their order: the fee, or why not.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails.
    pub fn check_transactions(
        &self,
        transactions: &[Transaction],
    ) -> Result<Vec<Result<u64, TxRuleError>>, ConsensusError> {
        let _numbering = self.numbering();
        let (state, verdicts) = self.judge(transactions)?;
        drop(state);
        Ok(verdicts)
    }

    fn judge(
        &self,
        transactions: &[Transaction],
    ) -> Result<(Arc<VirtualState>, Vec<Verdict>), ConsensusError> {
        let (state, base) = {
            // The set and what is published stand together while the door is held.
            let published = self.published_guard();
            let state = Arc::clone(&published);
            let mut all = transactions.iter();
            let entries = fetch(&*self.ledger, &state.diff, &mut all)?.entries;
            (state, entries)
        };
        let view = super::chain::Fetched { since: &state.diff, entries: base };
        let chain = self.chain_view(state.sink);
        let verifier = self.scripts.with(&chain);
        let rules = self.params.rules_at(state.daa_score);
        let mut verdicts = Vec::with_capacity(transactions.len());
        let coinbase = placeholder();
        for tx in transactions {
            let early = check_tx_in_isolation(&self.params, rules, tx).and_then(|()| {
                check_tx_in_header_context(tx, state.daa_score, state.past_median_time)
            });
            if let Err(error) = early {
                verdicts.push(Err(error));
                continue;
            }
            // A body's first transaction is its coinbase and is passed over.
            let pair = [coinbase.clone(), tx.clone()];
            let ids = [Hash256::default(), tx.id()];
            let body = MergedBody {
                block: BlockId::ORIGIN,
                daa_score: state.daa_score,
                transactions: &pair,
                ids: &ids,
            };
            let verdict = check_transactions(&self.params, &view, &body, &verifier);
            verdicts.push(match verdict {
                Ok(fees) => Ok(fees.first().copied().unwrap_or(0)),
                Err(mut errors) => match errors.pop() {
                    Some((_, error)) => Err(error),
                    None => Ok(0),
                },
            });
        }
        Ok((state, verdicts))
    }

    fn template(
        &self,
        miner: MinerData<'_>,
        transactions: Vec<Transaction>,
    ) -> Result<BlockTemplate, Stop> {
        let (state, verdicts) = self.judge(&transactions)?;
        let (mut fees, mut first, mut count) = (Vec::new(), None, 0);
        for (tx, verdict) in transactions.iter().zip(verdicts) {
            match verdict {
                Ok(fee) => fees.push(fee),
                Err(source) => {
                    count += 1;
                    first.get_or_insert((tx.id(), Box::new(source)));
                }
            }
        }
        if let Some((transaction_id, source)) = first {
            return Err(
                RuleError::InvalidTransactionsInNewBlock { count, transaction_id, source }.into()
            );
        }
        let coinbase = state.rewards.coinbase(
            &self.params,
            state.daa_score,
            state.ghostdag.blue_score,
            miner,
        )?;
        let mut all = Vec::with_capacity(transactions.len() + 1);
        all.push(coinbase);
        all.extend(transactions);
        let header = self.header_on_top(&state, &all)?;
        let block = Block { header, transactions: all };
        Ok(BlockTemplate { block, fees, virtual_state: state })
    }

    fn header_on_top(
        &self,
        state: &VirtualState,
        transactions: &[Transaction],
    ) -> Result<Header, Stop> {
        let rules = self.params.rules_at(state.daa_score);
        let hash_merkle_root = match rules.era {
            Era::PreCrescendo => hash_merkle_root_pre_crescendo(transactions),
            Era::Crescendo | Era::Toccata => hash_merkle_root(transactions),
        };
        Ok(Header {
            version: rules.block_version,
            parents: self.level_parents(state)?,
            hash_merkle_root,
            accepted_id_merkle_root: state.accepted_id_root,
            utxo_commitment: state.multiset.finalise(),
            timestamp: (self.options.clock)().max(state.past_median_time + 1),
            bits: state.bits,
            nonce: 0,
            daa_score: state.daa_score,
            blue_work: state.ghostdag.blue_work,
            blue_score: state.ghostdag.blue_score,
            pruning_point: state.pruning_point,
        })
    }

    /// Returns the parents by level, the sink first on level 0.
    fn level_parents(&self, state: &VirtualState) -> Result<LevelParents, ConsensusError> {
        const BROKEN: ConsensusError = ConsensusError::Inconsistent {
            expected: "parents of the virtual block on every level",
        };
        let columns = self.columns();
        let view = Levels { columns: &columns, ledger: &*self.ledger };
        let rules = level_rules(&self.params, &columns);
        let found = rules.expect(&view, columns.pruning_point(), &state.parents);
        let found = found.map_err(|_| BROKEN)?;
        let above = (1..found.levels()).filter_map(|level| found.level(level));
        let levels = core::iter::once(&state.parent_hashes[..]).chain(above);
        LevelParents::from_levels(levels).map_err(|_| BROKEN)
    }
}

/// Stands where a coinbase stands in a body.
fn placeholder() -> Transaction {
    Transaction {
        version: 0,
        inputs: vec![],
        outputs: vec![],
        lock_time: 0,
        subnetwork_id: quintet_kaspa_protocol::tx::SubnetworkId::COINBASE,
        gas: 0,
        payload: vec![],
        storage_mass: 0,
    }
}
