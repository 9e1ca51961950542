//! What queries take: calls and which logs.

use alloy_primitives::{Address, B256};
use async_graphql::InputObject;

use super::scalars::{Addr, BigInt, Data, Long, Word};
use crate::args::{BlockId, CallArgs, FilterArgs, FilterBlocks};

/// CallData describes a call; everything may be left out.
#[derive(Debug, InputObject)]
pub(super) struct CallData {
    /// Who calls.
    from: Option<Addr>,
    /// Who is called; without it data is the code that makes a contract, and a call without data either goes to nobody.
    to: Option<Addr>,
    /// Gas it may use.
    gas: Option<Long>,
    /// Wei it pays for each gas.
    gas_price: Option<BigInt>,
    /// The most it pays for each gas, in wei.
    max_fee_per_gas: Option<BigInt>,
    /// The most of that which is a tip.
    max_priority_fee_per_gas: Option<BigInt>,
    /// Wei that move.
    value: Option<BigInt>,
    /// What the callee is given.
    data: Option<Data>,
}

impl From<CallData> for CallArgs {
    fn from(call: CallData) -> Self {
        // No code makes no contract: as hive's cases have it, such a call costs what a transfer costs.
        let nobody = call.data.is_none().then_some(Address::ZERO);
        Self {
            from: call.from.map(|from| from.0),
            to: call.to.map(|to| to.0).or(nobody),
            gas: call.gas.map(|gas| gas.0),
            gas_price: call.gas_price.map(|price| price.0),
            max_fee: call.max_fee_per_gas.map(|fee| fee.0),
            tip: call.max_priority_fee_per_gas.map(|tip| tip.0),
            value: call.value.map(|value| value.0),
            input: call.data.map(|data| data.0.into()),
            ..Self::default()
        }
    }
}

/// BlockFilterCriteria says which logs of a block.
#[derive(Debug, InputObject)]
pub(super) struct BlockFilterCriteria {
    /// Who logged: any of these, anybody if the list is empty.
    addresses: Option<Vec<Addr>>,
    /// Topics by their place: any of each list, anything if the list is empty.
    topics: Option<Vec<Vec<Word>>>,
}

/// FilterCriteria says which logs of the chain.
#[derive(Debug, InputObject)]
pub(super) struct FilterCriteria {
    /// The first block; the head if left out.
    from_block: Option<Long>,
    /// The last block; the head if left out.
    to_block: Option<Long>,
    /// Who logged: any of these, anybody if the list is empty.
    addresses: Option<Vec<Addr>>,
    /// Topics by their place: any of each list, anything if the list is empty.
    topics: Option<Vec<Vec<Word>>>,
}

fn addresses(given: Option<Vec<Addr>>) -> Vec<Address> {
    given.unwrap_or_default().into_iter().map(|address| address.0).collect()
}

fn topics(given: Option<Vec<Vec<Word>>>) -> Vec<Vec<B256>> {
    let place = |any: Vec<Word>| any.into_iter().map(|word| word.0).collect();
    given.unwrap_or_default().into_iter().map(place).collect()
}

impl BlockFilterCriteria {
    /// Makes a filter of it for a block.
    pub(super) fn of_block(self, hash: B256) -> FilterArgs {
        FilterArgs {
            blocks: FilterBlocks::Hash(hash),
            addresses: addresses(self.addresses),
            topics: topics(self.topics),
        }
    }
}

impl From<FilterCriteria> for FilterArgs {
    fn from(filter: FilterCriteria) -> Self {
        let id = |number: Option<Long>| number.map(|Long(number)| BlockId::Number(number));
        Self {
            blocks: FilterBlocks::Range { from: id(filter.from_block), to: id(filter.to_block) },
            addresses: addresses(filter.addresses),
            topics: topics(filter.topics),
        }
    }
}
