//! What an operator may set of the pool, with a bound on everything.

use serde::{Deserialize, Serialize};

/// Limits of the pool. Those of memory hold after every call.
///
/// The names are go-ethereum's where the meaning is (`core/txpool/legacypool`, `Config`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolConfig {
    /// Least tip, in wei for each gas.
    pub price_limit: u128,
    /// By how many percent a replacement must raise both of its fees.
    pub price_bump: u32,
    /// The same for a transaction with blobs, for all three of its fees.
    pub blob_price_bump: u32,
    /// Longest transaction without its blobs, in bytes.
    pub transaction_bytes_max: usize,
    /// Most room of all transactions without blobs, in slots of [`SLOT_BYTES`](crate::SLOT_BYTES) each.
    pub slots_max: usize,
    /// Most memory of all transactions, without sidecars, in bytes.
    pub bytes_max: usize,
    /// Most room of one sender's transactions, in slots.
    pub sender_slots_max: usize,
    /// Most queued transactions of one sender.
    pub sender_queued_max: usize,
    /// Most queued transactions of all senders.
    pub queued_max: usize,
    /// Most memory of blobs with their proofs, in bytes.
    pub sidecar_bytes_max: usize,
    /// Most transactions with blobs of one sender.
    pub sender_blob_transactions_max: usize,
    /// How long a queued transaction may wait for the gap before it to close, in seconds.
    pub queued_lifetime: u64,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            price_limit: 1,
            price_bump: 10,
            blob_price_bump: 100,
            transaction_bytes_max: 128 * 1024,
            slots_max: 65_536,
            bytes_max: 64 << 20,
            sender_slots_max: 16_384,
            sender_queued_max: 64,
            queued_max: 4_096,
            sidecar_bytes_max: 64 << 20,
            sender_blob_transactions_max: 16,
            queued_lifetime: 3 * 60 * 60,
        }
    }
}
