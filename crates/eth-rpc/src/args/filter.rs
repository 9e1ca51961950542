//! Which logs a client asks for.
//!
//! **Spec:** execution-apis, `Filter`; go-ethereum's `eth/filters.FilterCriteria`.

use alloy_primitives::{Address, B256};
use serde_json::Value;

use super::{
    call::{field, object},
    values::{BlockId, FromArg},
};

/// Most places of topics in a filter: as many as a log has.
pub(crate) const TOPICS_MAX: usize = 4;

/// Logs of which blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilterBlocks {
    /// Of this block.
    Hash(B256),
    /// Of a range; the head where nothing is said.
    Range { from: Option<BlockId>, to: Option<BlockId> },
}

/// Which logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterArgs {
    pub(crate) blocks: FilterBlocks,
    /// Any of these; all if there is none.
    pub(crate) addresses: Vec<Address>,
    /// For each place any of these; whatever it is if there is none.
    pub(crate) topics: Vec<Vec<B256>>,
}

/// Reads one item or a list of them.
fn one_or_many<T: FromArg>(value: &Value) -> Result<Vec<T>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(T::from_arg).collect(),
        one => T::from_arg(one).map(|one| vec![one]),
    }
}

/// A place of topics: null, or a list with null in it, takes all.
fn place(value: &Value) -> Result<Vec<B256>, String> {
    match value {
        Value::Array(items) if items.iter().any(Value::is_null) => Ok(Vec::new()),
        other => one_or_many(other),
    }
}

impl FromArg for FilterArgs {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "filters.FilterCriteria")?;
        let hash: Option<B256> = field(fields, "blockHash")?;
        let from: Option<BlockId> = field(fields, "fromBlock")?;
        let to: Option<BlockId> = field(fields, "toBlock")?;
        let blocks = match hash {
            Some(_) if from.is_some() || to.is_some() => {
                return Err(
                    "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"
                        .to_owned(),
                );
            }
            Some(hash) => FilterBlocks::Hash(hash),
            None => FilterBlocks::Range { from, to },
        };
        let addresses = fields.get("address").map_or(Ok(Vec::new()), one_or_many)?;
        let topics = match fields.get("topics") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(places)) if places.len() <= TOPICS_MAX => {
                places.iter().map(place).collect::<Result<_, _>>()?
            }
            Some(Value::Array(_)) => return Err("exceed max topics".to_owned()),
            Some(_) => return Err("invalid topic(s)".to_owned()),
        };
        Ok(Self { blocks, addresses, topics })
    }
}

impl FilterArgs {
    /// Every log.
    pub(crate) const fn everything() -> Self {
        let blocks = FilterBlocks::Range { from: None, to: None };
        Self { blocks, addresses: Vec::new(), topics: Vec::new() }
    }

    /// Returns the most items of one list in it.
    pub(crate) fn widest(&self) -> usize {
        let topics = self.topics.iter().map(Vec::len).max().unwrap_or_default();
        topics.max(self.addresses.len())
    }

    /// Returns whether a log is asked for, whatever its block.
    pub(crate) fn takes(&self, log: &alloy_primitives::Log) -> bool {
        if !self.addresses.is_empty() && !self.addresses.contains(&log.address) {
            return false;
        }
        let topics = log.data.topics();
        self.topics.len() <= topics.len()
            && self
                .topics
                .iter()
                .zip(topics)
                .all(|(any, topic)| any.is_empty() || any.contains(topic))
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Log;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_filter_takes_any_of_a_place_and_all_places() {
        let (a, b) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let log = |topics: Vec<B256>| {
            Log::new_unchecked(Address::repeat_byte(9), topics, alloy_primitives::Bytes::new())
        };
        let filter = |value| FilterArgs::from_arg(&value).unwrap();
        let wild = filter(json!({"topics": [null, [a, b]]}));
        assert!(wild.takes(&log(vec![a, b])));
        assert!(!wild.takes(&log(vec![a])), "a place that is asked for must be there");
        assert!(!wild.takes(&log(vec![a, B256::ZERO])));
        let one = filter(json!({"address": Address::repeat_byte(9), "topics": [a]}));
        assert!(one.takes(&log(vec![a, b])));
        assert!(!filter(json!({"address": [Address::ZERO]})).takes(&log(vec![])));
    }

    #[test]
    fn a_block_and_a_range_are_not_both() {
        let both = json!({"blockHash": B256::ZERO, "fromBlock": "0x1"});
        assert!(FilterArgs::from_arg(&both).unwrap_err().starts_with("cannot specify both"));
        assert!(FilterArgs::from_arg(&json!({"topics": [[], [], [], [], []]})).is_err());
    }
}
