//! Where queries begin.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::U256;
use async_graphql::{Context, Object, SimpleObject};
use quintet_evm::execute::Ending;

use super::{
    account::Account,
    block::{Block, Mined},
    input::{CallData, FilterCriteria},
    log::{self, Log},
    scalars::{Addr, BigInt, Data, Long, Word},
    scope::{Answer, Scope, scope, wrong},
    transaction::Transaction,
};
use crate::{
    args::{BlockId, BlockOverrides, StateOverrides},
    error::{EthError, EthResult},
    methods::{Prepared, capped, estimate_error, submit, supplied},
    node::Named as _,
};

/// Most blocks of one `blocks`.
const BLOCKS_MAX: u64 = 1_024;

/// CallResult is what a call did.
#[derive(Debug, SimpleObject)]
pub(super) struct CallResult {
    /// What it returned, or reverted with.
    data: Data,
    /// Gas it used, what was paid back left out.
    gas_used: Long,
    /// 1 if it went well, else 0.
    status: Long,
}

fn prepare(scope: &Scope, data: CallData, at: BlockId) -> EthResult<Prepared> {
    let (overrides, fields) = (StateOverrides::default(), BlockOverrides::default());
    Prepared::new(&scope.node, &scope.reader, &data.into(), at, overrides, fields)
}

/// Runs a call after a block.
pub(super) fn call(scope: &Scope, data: CallData, at: BlockId) -> EthResult<CallResult> {
    let Prepared { simulator, mut call } = prepare(scope, data, at)?;
    call.gas_limit = capped(&scope.node, call.gas_limit);
    let called = simulator.call(&call, None).map_err(|error| supplied(error, call.gas_limit))?;
    scope.deadline.check()?;
    let (output, status) = match called.ending {
        Ending::Returned { output, .. } => (output, 1),
        Ending::Reverted { output } => (output, 0),
        Ending::Halted(_) => Default::default(),
    };
    let data = scope.data(&output).map_err(|error| EthError::server(error.message))?;
    Ok(CallResult { data, gas_used: Long(called.gas_used), status: Long(status) })
}

/// Tells how much gas a call needs after a block.
pub(super) fn estimate(scope: &Scope, data: CallData, at: BlockId) -> EthResult<Long> {
    let Prepared { simulator, call } = prepare(scope, data, at)?;
    let gas = simulator.estimate_gas(&call, scope.node.config.gas_cap).map_err(estimate_error)?;
    scope.deadline.check()?;
    Ok(Long(gas))
}

/// What is asked of the chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query;

/// SyncState is how far a node is that follows others.
#[derive(Debug, SimpleObject)]
struct SyncState {
    /// Where it began.
    starting_block: Long,
    /// Where it is.
    current_block: Long,
    /// The last block it knows of.
    highest_block: Long,
}

/// Query asks for what is known.
#[Object]
impl Query {
    /// A block by its number or its hash, the head if neither is given.
    async fn block(
        &self,
        context: &Context<'_>,
        number: Option<Long>,
        hash: Option<Word>,
    ) -> Answer<Option<Block>> {
        let scope = scope(context)?;
        let id = match (number, hash) {
            (Some(_), Some(_)) => {
                let both = "only one of number or hash must be specified";
                return Err(wrong(EthError::params(both)));
            }
            (Some(Long(number)), None) => BlockId::Number(number),
            (None, Some(Word(hash))) => BlockId::Hash { hash, canonical: false },
            (None, None) => BlockId::Latest,
        };
        let block = scope.block(id).map_err(wrong)?;
        let block = block.ok_or_else(|| wrong(EthError::server("header not found")))?;
        Ok(Some(Block::sealed(&scope, block)))
    }

    /// Blocks of the chain, both ends in it; up to the head if no end is given.
    async fn blocks(
        &self,
        context: &Context<'_>,
        from: Option<Long>,
        to: Option<Long>,
    ) -> Answer<Vec<Block>> {
        let scope = scope(context)?;
        let refused = |reason: &str| wrong(EthError::params(reason));
        let Some(Long(from)) = from else {
            return Err(refused("from block number must be specified"));
        };
        let head = scope.reader.head().number;
        let to = to.map_or(head, |to| to.0);
        if to < from {
            return Err(refused("invalid block range params"));
        }
        // Nothing is above the head.
        let to = to.min(head);
        if to.saturating_sub(from) >= BLOCKS_MAX {
            return Err(refused(&format!("more than {BLOCKS_MAX} blocks: ask for less at a time")));
        }
        let mut blocks = Vec::new();
        for number in from..=to {
            scope.deadline.check().map_err(wrong)?;
            let Some(block) = scope.block(BlockId::Number(number)).map_err(wrong)? else { break };
            blocks.push(Block::sealed(&scope, block));
        }
        Ok(blocks)
    }

    /// What waits.
    async fn pending(&self, context: &Context<'_>) -> Answer<Pending> {
        Ok(Pending { scope: scope(context)? })
    }

    /// A transaction by its hash, mined or waiting; null if there is none.
    async fn transaction(&self, context: &Context<'_>, hash: Word) -> Answer<Option<Transaction>> {
        let scope = scope(context)?;
        let found = scope.reader.transaction(hash.0).map_err(|error| wrong(error.into()))?;
        if let Some(place) = found {
            let block = Arc::new(Mined::new(place.block));
            return Ok(Some(Transaction::mined(&scope, block, place.index)));
        }
        let waiting = scope.node.pool().transaction(&hash.0);
        Ok(waiting.map(|one| Transaction::waiting(&scope, one)))
    }

    /// Logs of a range of blocks.
    async fn logs(&self, context: &Context<'_>, filter: FilterCriteria) -> Answer<Vec<Log>> {
        log::search(&scope(context)?, &filter.into()).map_err(wrong)
    }

    /// A price for gas with which a transaction is soon mined, in wei.
    async fn gas_price(&self, context: &Context<'_>) -> Answer<BigInt> {
        let scope = scope(context)?;
        let tip = scope.node.tips.suggest(&scope.reader, &scope.node.config).map_err(wrong)?;
        let base_fee = scope.reader.head_header().map_err(wrong)?.base_fee_per_gas;
        Ok(BigInt::wei(tip.saturating_add(u128::from(base_fee.unwrap_or_default()))))
    }

    /// A tip with which a transaction is soon mined, in wei.
    async fn max_priority_fee_per_gas(&self, context: &Context<'_>) -> Answer<BigInt> {
        let scope = scope(context)?;
        let tip = scope.node.tips.suggest(&scope.reader, &scope.node.config).map_err(wrong)?;
        Ok(BigInt::wei(tip))
    }

    /// How far the node is behind those it follows; null if it is not.
    async fn syncing(&self) -> Option<SyncState> {
        None
    }

    /// The number that transactions sign.
    #[graphql(name = "chainID")]
    async fn chain_id(&self, context: &Context<'_>) -> Answer<BigInt> {
        Ok(BigInt(U256::from(scope(context)?.reader.spec().chain_id())))
    }
}

/// What waits.
#[derive(Debug)]
struct Pending {
    scope: Arc<Scope>,
}

impl Pending {
    fn all(&self) -> Vec<Transaction> {
        let (pending, queued) = self.scope.node.pool().pool().content();
        let all = pending.into_values().chain(queued.into_values());
        all.flat_map(BTreeMap::into_values)
            .map(|one| Transaction::waiting(&self.scope, one))
            .collect()
    }
}

/// Pending is what waits, also what waits for another transaction of its sender, and the state with it; balances and code are the head's.
#[Object]
impl Pending {
    /// How many transactions wait.
    async fn transaction_count(&self) -> Long {
        let status = self.scope.node.pool().pool().status();
        Long::count(status.pending.saturating_add(status.queued))
    }

    /// Transactions that wait.
    async fn transactions(&self) -> Option<Vec<Transaction>> {
        Some(self.all())
    }

    /// An account with what waits: its nonce is the one after its waiting transactions.
    async fn account(&self, address: Addr) -> Account {
        Account::new(&self.scope, address.0, BlockId::Pending)
    }

    /// Runs a call and keeps nothing of it.
    async fn call(&self, data: CallData) -> Answer<Option<CallResult>> {
        call(&self.scope, data, BlockId::Pending).map(Some).map_err(wrong)
    }

    /// Tells how much gas a call needs.
    async fn estimate_gas(&self, data: CallData) -> Answer<Long> {
        estimate(&self.scope, data, BlockId::Pending).map_err(wrong)
    }
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mutation;

/// Mutation sends something.
#[Object]
impl Mutation {
    /// Takes a signed transaction; tells its hash.
    async fn send_raw_transaction(&self, context: &Context<'_>, data: Data) -> Answer<Word> {
        let scope = scope(context)?;
        submit(&scope.node, &data.0).map(Word).map_err(wrong)
    }
}
