//! An L2 block out of a file: what to begin behind.

use quintet_rollup_protocol::{
    l1_info::{L2Header, read_block},
    verify,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::StartAt;
use crate::l1::{L1Error, json::block::BlockJson};

/// The ways in which blocks are wrapped: as an answer of JSON-RPC, as a list of recorded ones, or alone.
#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    l2: Vec<&'a RawValue>,
}

impl StartAt {
    /// Reads an L2 block as `eth_getBlockByNumber` gives it, with its transactions; of several the first. `name` is for messages.
    ///
    /// # Errors
    ///
    /// [`L1Error::File`] if it is none, or is not what its hash names.
    pub fn read(name: &str, text: &str) -> Result<Self, L1Error> {
        let bad = |actual: String| L1Error::File {
            path: name.to_owned(),
            expected: "an L2 block with its transactions",
            actual,
        };
        let wrapped: Wrapped<'_> =
            serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        let inner = wrapped.result.or(wrapped.block).or_else(|| wrapped.l2.first().copied());
        if let Some(inner) = inner {
            return Self::read(name, inner.get());
        }
        let block = BlockJson::read(text).map_err(|error| bad(error.to_string()))?;
        let read = || Ok((block.named_hash()?, block.header()?, block.transactions()?));
        let (hash, header, transactions) =
            read().map_err(|error: crate::l1::json::JsonError| bad(error.to_string()))?;
        verify::header(&header, hash)
            .and_then(|()| verify::transactions(&transactions, header.transactions_root))
            .map_err(|error| bad(error.to_string()))?;
        let first = transactions.first().ok_or_else(|| bad("a block without any".to_owned()))?;
        let known = L2Header {
            number: header.number,
            hash,
            parent_hash: header.parent_hash,
            timestamp: header.timestamp,
            gas_limit: header.gas_limit,
            extra_data: &header.extra_data,
        };
        let (safe, system) = read_block(&known, first).map_err(|error| bad(error.to_string()))?;
        Ok(Self { base: safe.l1_origin.number, safe, system })
    }
}
