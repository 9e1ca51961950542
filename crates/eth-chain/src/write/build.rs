//! Building a block on the head: from attributes and candidates to a sealed block, executed once.
//!
//! ```text
//!   attributes ─► header ─► forced transactions, in order, all of them
//!                            └─► candidates: as many as surely fit, by all threads; again with what is left
//!                                  └─► roots ─► sealed block
//! ```

use std::sync::Arc;

use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header, Transaction as _};
use alloy_eips::eip4895::Withdrawals;
use alloy_primitives::{Address, B256, Bytes, U256};
use quintet_eth::{
    block::{EthBlock, EthBlockBody, transactions_root, withdrawals_root as root_of_withdrawals},
    state::{StateView, store::StateError},
    tx::EthTransaction,
};
use quintet_evm::{
    execute::{
        BlockHashes, BlockOutcome, ExecuteError, Receipt, RunError, Session, Transaction,
        TransactionError,
    },
    header::{base_fee, blobs},
    op, parallel,
    schedule::{Fork, OpFork, OpSchedule, Rules},
};

use super::{
    EthChain,
    execute::{all_runnable, failed, runnable, tx_rules, withdrawals_root},
};
use crate::{
    attributes::{Attributes, Built, Candidate, Executed, OpAttributes, Refused},
    block::SealedBlock,
    error::{BuildError, ChainError},
    reader::{Ancestors, ChainReader},
    tables::HeaderRecord,
};

/// Least gas of a transaction: with less left, no candidate is looked at any more.
const TRANSACTION_GAS_MIN: u64 = 21_000;

/// Candidates refused after which those behind them are run one by one.
const REFUSALS_PARALLEL_MAX: usize = 64;

/// Transactions of a block from which on its roots are computed side by side.
const SIDE_BY_SIDE_MIN: usize = 32;

/// What a block in the making holds so far.
#[derive(Default)]
struct Filling {
    transactions: Vec<EthTransaction>,
    senders: Vec<Address>,
    refused: Vec<Refused>,
    considered: usize,
}

impl EthChain {
    /// Builds a block on `parent`, which must be the head, or on the head if none is said. Candidates are taken in their order.
    ///
    /// Nothing is written: see [`Self::adopt`]. The block is remembered, so that [`Self::insert`] and [`Self::set_forkchoice`] do
    /// not run it again.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the attributes do not make a block here, a forced transaction cannot be in it, or the chain failed.
    pub fn build(
        &self,
        parent: Option<B256>,
        attributes: &Attributes,
        candidates: &[Candidate],
    ) -> Result<Built, BuildError> {
        let reader = self.reader()?;
        let head = reader.head();
        if let Some(parent) = parent.filter(|parent| *parent != head.hash) {
            return Err(BuildError::NotHead { parent, head: head.hash });
        }
        let record = reader.header_record(head.hash)?;
        let parent = record.ok_or(ChainError::Damaged { what: "headers", hash: head.hash })?;
        let (rules, header) = self.header(&parent, head.hash, attributes)?;
        let ancestors = Ancestors::before(&reader, &header);
        let session = Session::begin(rules, &header, reader.state(), &ancestors, None);
        let mut session = session.map_err(finish_error)?;
        let mut filling = Filling::default();
        self.force(&mut session, &rules, &attributes.forced, &mut filling)?;
        self.fill(&mut session, &rules, &header, candidates, &mut filling)?;
        let outcome = session.finish(&[], attributes.withdrawals.as_deref());
        let outcome = outcome.map_err(finish_error)?;
        let built =
            self.seal(&reader, &rules, header.clone(), &parent, attributes, filling, outcome)?;
        self.writer().keep(Arc::clone(&built.executed));
        Ok(built)
    }

    /// Makes the header as far as it is known before execution.
    fn header(
        &self,
        parent: &HeaderRecord,
        parent_hash: B256,
        attributes: &Attributes,
    ) -> Result<(Rules, Header), BuildError> {
        let schedule = &self.inner.spec.schedule;
        let before = &parent.header;
        let equal = schedule.equal_timestamps && attributes.timestamp == before.timestamp;
        if attributes.timestamp <= before.timestamp && !equal {
            let (parent, actual) = (before.timestamp, attributes.timestamp);
            return Err(BuildError::Timestamp { parent, actual });
        }
        let mut header = Header {
            parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: attributes.fee_recipient,
            number: before.number.saturating_add(1),
            gas_limit: attributes.gas_limit.unwrap_or(before.gas_limit),
            timestamp: attributes.timestamp,
            mix_hash: attributes.prev_randao,
            extra_data: attributes.extra_data.clone(),
            ..Header::default()
        };
        let merged = schedule.is_merged(parent.total_difficulty);
        let rules = schedule.rules_after(before, &header, merged);
        if !rules.has(Fork::Paris) {
            return Err(BuildError::ProofOfWork);
        }
        expect("withdrawals", rules.has(Fork::Shanghai), attributes.withdrawals.is_some())?;
        let beacon_root = attributes.parent_beacon_block_root;
        expect("parentBeaconBlockRoot", rules.has(Fork::Cancun), beacon_root.is_some())?;
        header.parent_beacon_block_root = beacon_root;
        if let Some(op) = &schedule.op {
            if let Some(extra_data) = op_extra_data(op, attributes)? {
                header.extra_data = extra_data;
            }
            header.base_fee_per_gas = Some(op::base_fee::of_child(op, before, header.timestamp)?);
        } else {
            header.base_fee_per_gas = Some(base_fee::of_child(before));
        }
        header.base_fee_per_gas = attributes.base_fee.or(header.base_fee_per_gas);
        let (most, actual) = (rules.extra_data_max, header.extra_data.len());
        if actual > most {
            return Err(BuildError::ExtraData { most, actual });
        }
        if rules.has(Fork::Cancun) {
            let excess = rules.blobs.map(|blobs| blobs::excess_of_child(&rules, &blobs, before));
            header.excess_blob_gas = Some(excess.unwrap_or_default());
            header.blob_gas_used = Some(0);
        }
        Ok((rules, header))
    }

    /// Runs what must be in the block.
    fn force<V, H>(
        &self,
        session: &mut Session<'_, V, H>,
        rules: &Rules,
        forced: &[EthTransaction],
        filling: &mut Filling,
    ) -> Result<(), BuildError>
    where
        V: StateView<Error = StateError> + Sync,
        H: BlockHashes + Sync,
    {
        if forced.is_empty() {
            return Ok(());
        }
        let senders = self.inner.senders.recover(forced, tx_rules(rules));
        let senders = senders.map_err(|(index, _)| BuildError::ForcedSender { index })?;
        let ready = all_runnable(rules, forced, &senders).map_err(BuildError::Finish)?;
        parallel::run(session, &ready, &self.inner.options.parallel()).map_err(
            |(index, error)| match error {
                RunError::Refused(error) => BuildError::Forced { index, error },
                other => BuildError::Chain(run_failed(other)),
            },
        )?;
        filling.transactions.extend_from_slice(forced);
        filling.senders = senders;
        Ok(())
    }

    /// Runs candidates while there is gas.
    fn fill<V, H>(
        &self,
        session: &mut Session<'_, V, H>,
        rules: &Rules,
        header: &Header,
        candidates: &[Candidate],
        filling: &mut Filling,
    ) -> Result<(), BuildError>
    where
        V: StateView<Error = StateError> + Sync,
        H: BlockHashes + Sync,
    {
        let mut rest = candidates;
        while !rest.is_empty() {
            let left = header.gas_limit.saturating_sub(session.gas_used());
            if left < TRANSACTION_GAS_MIN {
                break;
            }
            let mut options = self.inner.options.parallel();
            if filling.refused.len() > REFUSALS_PARALLEL_MAX {
                options.threads = 1;
            }
            let ready = surely_fit(rules, rest, left);
            let Some(ready) = ready else {
                // The next one does not fit, or is of a kind that never will.
                let refused = unfit(rules, rest, left, filling.considered);
                filling.refused.extend(refused);
                filling.considered += 1;
                rest = rest.get(1..).unwrap_or_default();
                continue;
            };
            let ran = parallel::run(session, &ready, &options);
            let (taken, refused) = match ran {
                Ok(_) => (ready.len(), None),
                Err((index, RunError::Refused(error))) => (index, Some(error)),
                Err((_, other)) => return Err(BuildError::Chain(run_failed(other))),
            };
            for candidate in rest.iter().take(taken) {
                filling.transactions.push(candidate.transaction.as_ref().clone());
                filling.senders.push(candidate.sender);
            }
            filling.considered += taken;
            rest = rest.get(taken..).unwrap_or_default();
            if let (Some(error), Some((candidate, behind))) = (refused, rest.split_first()) {
                let (index, hash) = (filling.considered, candidate.transaction.hash());
                filling.refused.push(Refused { index, hash, error });
                filling.considered += 1;
                rest = behind;
            }
        }
        Ok(())
    }

    /// Computes the roots and puts the block together.
    #[expect(clippy::too_many_arguments, reason = "the last step of one caller, with all it knows")]
    fn seal(
        &self,
        reader: &ChainReader,
        rules: &Rules,
        mut header: Header,
        parent: &HeaderRecord,
        attributes: &Attributes,
        filling: Filling,
        outcome: BlockOutcome,
    ) -> Result<Built, BuildError> {
        let Filling { transactions, senders, refused, considered } = filling;
        let of_state = || self.inner.state.root_of(&outcome.changes);
        let of_transactions = || transactions_root(&transactions);
        let of_receipts = || (outcome.receipts_root(), outcome.bloom());
        // They have nothing to do with each other; but waking threads takes longer than a small block.
        let (update, (transactions_root, (receipts_root, bloom))) =
            if transactions.len() < SIDE_BY_SIDE_MIN {
                (of_state(), (of_transactions(), of_receipts()))
            } else {
                rayon::join(of_state, || rayon::join(of_transactions, of_receipts))
            };
        let update = update?;
        (header.transactions_root, header.receipts_root) = (transactions_root, receipts_root);
        header.state_root = update.root();
        header.logs_bloom = bloom;
        header.gas_used = outcome.gas_used;
        header.requests_hash = outcome.requests_hash();
        let of_body = attributes.withdrawals.as_deref().map(root_of_withdrawals);
        header.withdrawals_root = withdrawals_root(rules, &update, reader.state())?.or(of_body);
        if header.blob_gas_used.is_some() {
            header.blob_gas_used = Some(outcome.blob_gas_used);
        }
        let value = value_of(&header, &transactions, &outcome.receipts);
        let withdrawals = attributes.withdrawals.clone().map(Withdrawals::new);
        let body = EthBlockBody { transactions, ommers: Vec::new(), withdrawals };
        let hash = header.hash_slow();
        let total_difficulty = parent.total_difficulty;
        let block = EthBlock { header, body };
        let block = Arc::new(SealedBlock { hash, block, senders, total_difficulty });
        let executed = Executed { block, receipts: outcome.receipts.into(), update };
        let requests = outcome.requests;
        Ok(Built { executed: Arc::new(executed), requests, value, refused, considered })
    }
}

fn expect(field: &'static str, wanted: bool, there: bool) -> Result<(), BuildError> {
    match (wanted, there) {
        (true, false) => Err(BuildError::Field { field, expected: "some" }),
        (false, true) => Err(BuildError::Field { field, expected: "no" }),
        (true, true) | (false, false) => Ok(()),
    }
}

/// Returns the extra data of an OP chain's block, from Holocene on.
///
/// **Spec:** OP Stack specification, "Holocene: dynamic EIP-1559 parameters", "Jovian: minimum base fee".
fn op_extra_data(op: &OpSchedule, attributes: &Attributes) -> Result<Option<Bytes>, BuildError> {
    let fork = op.fork_at(attributes.timestamp);
    expect("eip1559Params", fork >= OpFork::Holocene, attributes.op.is_some())?;
    let Some(OpAttributes { denominator, elasticity, min_base_fee }) = attributes.op else {
        return Ok(None);
    };
    expect("minBaseFee", fork >= OpFork::Jovian, min_base_fee.is_some())?;
    let (denominator, elasticity) = if denominator == 0 && elasticity == 0 {
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        (narrow(op.denominator_canyon), narrow(op.elasticity))
    } else {
        (denominator, elasticity)
    };
    let mut extra = vec![u8::from(min_base_fee.is_some())];
    extra.extend_from_slice(&denominator.to_be_bytes());
    extra.extend_from_slice(&elasticity.to_be_bytes());
    extra.extend(min_base_fee.into_iter().flat_map(u64::to_be_bytes));
    Ok(Some(extra.into()))
}

/// Returns candidates from the front whose limits of gas together are left; `None` if not even one's is.
fn surely_fit(rules: &Rules, candidates: &[Candidate], mut left: u64) -> Option<Vec<Transaction>> {
    let mut ready = Vec::new();
    for candidate in candidates {
        let Some(rest) = left.checked_sub(candidate.transaction.gas_limit()) else { break };
        let Some(one) = runnable(rules, &candidate.transaction, candidate.sender) else { break };
        left = rest;
        ready.push(one);
    }
    (!ready.is_empty()).then_some(ready)
}

/// Says why the first candidate is passed over; one that only does not fit now is not refused.
fn unfit(rules: &Rules, candidates: &[Candidate], left: u64, index: usize) -> Option<Refused> {
    let Candidate { transaction, .. } = candidates.first()?;
    let known = runnable(rules, transaction, Address::ZERO).is_some();
    if known && transaction.gas_limit() > left {
        return None;
    }
    let error = TransactionError::TypeNotSupported { actual: transaction.kind() };
    Some(Refused { index, hash: transaction.hash(), error })
}

/// Returns what the fee recipient gets.
fn value_of(header: &Header, transactions: &[EthTransaction], receipts: &[Receipt]) -> U256 {
    let base_fee = header.base_fee_per_gas.unwrap_or_default();
    let fees = transactions.iter().zip(receipts).map(|(transaction, receipt)| {
        let tip = transaction.effective_tip_per_gas(base_fee).unwrap_or_default();
        U256::from(tip).saturating_mul(U256::from(receipt.gas_used))
    });
    fees.fold(U256::ZERO, U256::saturating_add)
}

fn finish_error(error: ExecuteError<StateError>) -> BuildError {
    match error {
        ExecuteError::Invalid(error) => BuildError::Finish(error),
        other => BuildError::Chain(failed(other)),
    }
}

/// Says why a transaction could not be run, other than that it was refused.
pub(crate) fn run_failed(error: RunError<StateError>) -> ChainError {
    match error {
        RunError::Refused(error) => ChainError::Refused(error),
        RunError::Read(error) => failed(ExecuteError::Read(error)),
        RunError::Interpreter { reason } => ChainError::Interpreter { reason },
    }
}
