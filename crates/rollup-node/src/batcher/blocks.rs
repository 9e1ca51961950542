//! The chain that is posted: in this process, or behind the RPC of a node.

use alloy_primitives::Bytes;
use futures_util::future::BoxFuture;
use quintet_eth::{block::EthBlock, tx::EthTransaction};
use quintet_rollup_protocol::{
    batch::SingularBatch,
    l1_info::{L2Header, read_block},
    refs::L2Ref,
};
use serde::Deserialize;
use serde_json::json;

use super::BatcherError;
use crate::{
    engine::{L2Reader, batch_of},
    l1::account::L1Writer,
    node::Status,
};

/// How far the chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tips {
    /// Number of the newest block.
    pub unsafe_number: u64,
    /// The newest block that L1 tells of.
    pub safe: L2Ref,
}

/// A chain whose blocks are posted.
pub trait Blocks: Send + Sync + std::fmt::Debug {
    /// Returns how far it is; `None` if that is not known yet.
    ///
    /// # Errors
    ///
    /// [`BatcherError`] if it does not say.
    fn tips(&self) -> BoxFuture<'_, Result<Option<Tips>, BatcherError>>;

    /// Returns a block as a batch tells of it.
    ///
    /// # Errors
    ///
    /// [`BatcherError`] if it does not say.
    fn batch(
        &self,
        number: u64,
    ) -> BoxFuture<'_, Result<Option<(L2Ref, SingularBatch)>, BatcherError>>;
}

/// The chain of the node this is part of.
#[derive(Debug)]
pub struct OwnBlocks {
    reader: L2Reader,
    status: Status,
}

impl OwnBlocks {
    /// Takes a node's chain.
    #[must_use]
    pub const fn new(reader: L2Reader, status: Status) -> Self {
        Self { reader, status }
    }
}

impl Blocks for OwnBlocks {
    fn tips(&self) -> BoxFuture<'_, Result<Option<Tips>, BatcherError>> {
        Box::pin(async move {
            let heads = self.status.heads();
            let (head, _) = self.reader.head()?;
            let tips = Tips { unsafe_number: head.number, safe: heads.safe_l2 };
            Ok(heads.is_caught_up.then_some(tips))
        })
    }

    fn batch(
        &self,
        number: u64,
    ) -> BoxFuture<'_, Result<Option<(L2Ref, SingularBatch)>, BatcherError>> {
        Box::pin(async move { Ok(self.reader.batch(number)?) })
    }
}

/// The chain of a node behind RPC: op-node's methods at one address, Ethereum's at another.
#[derive(Debug)]
pub struct RemoteBlocks {
    rollup: L1Writer,
    execution: L1Writer,
}

#[derive(Deserialize)]
struct SyncStatus {
    head_l1: Numbered,
    current_l1: Numbered,
    unsafe_l2: Numbered,
    safe_l2: SafeJson,
}

#[derive(Deserialize)]
struct Numbered {
    number: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SafeJson {
    hash: alloy_primitives::B256,
    number: u64,
    parent_hash: alloy_primitives::B256,
    timestamp: u64,
}

impl RemoteBlocks {
    /// Takes a node's two doors.
    #[must_use]
    pub const fn new(rollup: L1Writer, execution: L1Writer) -> Self {
        Self { rollup, execution }
    }
}

impl Blocks for RemoteBlocks {
    fn tips(&self) -> BoxFuture<'_, Result<Option<Tips>, BatcherError>> {
        Box::pin(async move {
            let status: SyncStatus = self.rollup.ask("optimism_syncStatus", json!([])).await?;
            // A node that has just started says what it had, not what is.
            if status.head_l1.number == 0 || status.current_l1.number == 0 {
                return Ok(None);
            }
            let SafeJson { hash, number, parent_hash, timestamp } = status.safe_l2;
            let safe = L2Ref { hash, number, parent_hash, timestamp, ..L2Ref::default() };
            Ok(Some(Tips { unsafe_number: status.unsafe_l2.number, safe }))
        })
    }

    fn batch(
        &self,
        number: u64,
    ) -> BoxFuture<'_, Result<Option<(L2Ref, SingularBatch)>, BatcherError>> {
        Box::pin(async move {
            let params = json!([format!("{number:#x}")]);
            let raw: Option<Bytes> = self.execution.ask("debug_getRawBlock", params).await?;
            let Some(raw) = raw else { return Ok(None) };
            let bad = |reason: String| BatcherError::Block { number, reason };
            let block: EthBlock =
                alloy_rlp::decode_exact(&raw).map_err(|error| bad(error.to_string()))?;
            let first = block.body.transactions.first().map(EthTransaction::encoded);
            let known = L2Header {
                number: block.header.number,
                hash: block.header.hash_slow(),
                parent_hash: block.header.parent_hash,
                timestamp: block.header.timestamp,
                gas_limit: block.header.gas_limit,
                extra_data: &block.header.extra_data,
            };
            let (at, _) = read_block(&known, &first.unwrap_or_default())
                .map_err(|error| bad(error.to_string()))?;
            let transactions = block.body.transactions.iter().map(|tx| tx.encoded().into());
            let batch = batch_of(&at, transactions);
            Ok(Some((at, batch)))
        })
    }
}
