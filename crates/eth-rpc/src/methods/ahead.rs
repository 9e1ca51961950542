//! Batches of raw transactions before they are taken one by one: their signatures are checked several at a time, which costs each a fraction.

use alloy_primitives::Bytes;
use quintet_rpc::Coming;

use crate::node::EthNode;

/// The method whose calls are looked at.
const SEND: &str = "eth_sendRawTransaction";

/// First byte of a transaction with blobs.
const BLOBS: u8 = 3;

/// Fewest transactions that are worth it.
const TOGETHER_MIN: usize = 2;

/// Finds the senders of all transactions that a batch sends, for [`crate::PoolService`] to know when their turn comes. What is wrong with one
/// is said then.
pub fn look_ahead(node: &EthNode, coming: &[Coming<'_>]) {
    let sent = coming.iter().filter(|call| call.method == SEND);
    let raw: Vec<Bytes> = sent
        .filter_map(|call| serde_json::from_str::<[Bytes; 1]>(call.params).ok())
        .map(|[raw]| raw)
        // Proofs of blobs cost milliseconds and are checked in reading: once is enough.
        .filter(|raw| raw.first() != Some(&BLOBS))
        .collect();
    if raw.len() >= TOGETHER_MIN {
        node.pool().recover_ahead(&raw);
    }
}
