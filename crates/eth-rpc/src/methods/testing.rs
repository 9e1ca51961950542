//! Blocks built on demand: `testing_buildBlockV1`, and the pending block.
//!
//! **Spec:** execution-apis, `testing_buildBlockV1`.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes};
use quintet_eth::tx::EthTransaction;
use quintet_eth_chain::{Attributes, BuildError, Built};
use serde_json::Value;

use super::Entry;
use crate::{
    answer::Answer,
    args::{Args, FromArg, Quantity, field, needed, object},
    engine,
    error::{EthError, EthResult},
    node::{EthNode, Named as _},
    pool::next_block,
    schema::{Data, Hash, MaybeList, Object},
};

/// Most transactions looked at for one block.
pub(crate) const CANDIDATES_MAX: usize = 65_536;

/// How much the gas limit may move from a block to the next. **Spec:** Yellow Paper, section 4.3.4.
const GAS_LIMIT_STEP: u64 = 1_024;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::heavy(
            "testing_buildBlockV1",
            "Builds a block on the head, of given transactions or of the pool.",
            build_block,
        )
        .param::<Hash>("parent", "The head.")
        .param::<Object>(
            "attributes",
            "timestamp, prevRandao, suggestedFeeRecipient, withdrawals, parentBeaconBlockRoot.",
        )
        .optional::<MaybeList>(
            "transactions",
            "Transactions, all of which must be in it; null for the pool's.",
        )
        .optional::<Data>("extraData", "The block's extra data.")
        .gives::<Object>("payload", "As engine_getPayload gives it."),
    ]
}

/// Payload attributes as the Engine API writes them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PayloadAttributes {
    pub(crate) timestamp: u64,
    pub(crate) prev_randao: B256,
    pub(crate) fee_recipient: Address,
    pub(crate) withdrawals: Option<Vec<alloy_eips::eip4895::Withdrawal>>,
    pub(crate) beacon_root: Option<B256>,
}

impl FromArg for PayloadAttributes {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "engine.PayloadAttributes")?;
        Ok(Self {
            timestamp: needed::<Quantity>(fields, "timestamp")?.0,
            prev_randao: needed(fields, "prevRandao")?,
            fee_recipient: needed(fields, "suggestedFeeRecipient")?,
            withdrawals: field(fields, "withdrawals")?,
            beacon_root: field(fields, "parentBeaconBlockRoot")?,
        })
    }
}

impl PayloadAttributes {
    /// Makes the chain's attributes of them.
    pub(crate) fn attributes(&self) -> Attributes {
        Attributes {
            timestamp: self.timestamp,
            prev_randao: self.prev_randao,
            fee_recipient: self.fee_recipient,
            withdrawals: self.withdrawals.clone(),
            parent_beacon_block_root: self.beacon_root,
            ..Attributes::default()
        }
    }
}

/// Gas that go-ethereum's builder aims at. **Spec:** its `miner.DefaultConfig.GasCeil`.
const GAS_CEIL: u64 = 60_000_000;

/// Moves a gas limit one step towards the one aimed at. **Spec:** go-ethereum's `core.CalcGasLimit`.
fn next_gas_limit(parent: u64, aim: u64) -> u64 {
    let step = (parent / GAS_LIMIT_STEP).saturating_sub(1);
    if parent < aim {
        parent.saturating_add(step).min(aim)
    } else {
        parent.saturating_sub(step).max(aim)
    }
}

fn build_block(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let parent: B256 = args.required(0)?;
    let wanted: PayloadAttributes = args.required(1)?;
    let transactions: Option<Vec<Bytes>> = args.optional(2)?;
    let extra_data: Bytes = args.optional(3)?.unwrap_or_default();
    let reader = node.reader()?;
    let head = reader.head_header()?;
    let mut attributes = Attributes { extra_data, ..wanted.attributes() };
    attributes.gas_limit = Some(next_gas_limit(head.gas_limit, GAS_CEIL));
    let candidates = match transactions {
        Some(transactions) => {
            let read = |bytes: &Bytes| {
                EthTransaction::decode(bytes)
                    .map_err(|error| EthError::params(format!("invalid argument 2: {error}")))
            };
            attributes.forced = transactions.iter().map(read).collect::<EthResult<_>>()?;
            Vec::new()
        }
        None => {
            let next = next_block(&reader, &head)?;
            let base_fee = next.base_fee.unwrap_or_default();
            node.pool.candidates(base_fee, next.blob_fee, CANDIDATES_MAX)
        }
    };
    let built = node.chain.build(Some(parent), &attributes, &candidates)?;
    Ok(engine::envelope(node, &built).into())
}

/// Builds the block that would come next, of the pool, as if now were its time.
pub(super) fn build_pending(node: &EthNode) -> EthResult<Arc<Built>> {
    let reader = node.reader()?;
    let head = reader.head_header()?;
    let next = next_block(&reader, &head)?;
    let after = head.timestamp.saturating_add(1);
    let attributes = Attributes {
        timestamp: node.now().max(after),
        fee_recipient: head.beneficiary,
        prev_randao: head.mix_hash,
        withdrawals: head.withdrawals_root.map(|_| Vec::new()),
        parent_beacon_block_root: head.parent_beacon_block_root.map(|_| B256::ZERO),
        ..Attributes::default()
    };
    let base_fee = next.base_fee.unwrap_or_default();
    let candidates = node.pool.candidates(base_fee, next.blob_fee, CANDIDATES_MAX);
    let built: Result<Built, BuildError> = node.chain.build(None, &attributes, &candidates);
    Ok(Arc::new(built?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gas_limit_moves_by_less_than_a_1024th() {
        assert_eq!(next_gas_limit(200_000_000, GAS_CEIL), 200_000_000 - (200_000_000 / 1_024 - 1));
        assert_eq!(next_gas_limit(60_000_000, GAS_CEIL), 60_000_000);
        assert_eq!(next_gas_limit(30_000_000, GAS_CEIL), 30_000_000 + (30_000_000 / 1_024 - 1));
    }
}
