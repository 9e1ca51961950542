//! What a header says of a block's lists.

use alloy_eips::{eip2718::Encodable2718, eip4895::Withdrawal};
use alloy_primitives::{B256, Bloom, Log};

use crate::{trie::ordered_root, tx::EthTransaction};

/// A block of any chain here: its transactions may be deposits.
pub type EthBlock = alloy_consensus::Block<EthTransaction>;

/// Its transactions, uncles and withdrawals.
pub type EthBlockBody = alloy_consensus::BlockBody<EthTransaction>;

/// Returns the root of a block's transactions.
///
/// **Spec:** Yellow Paper, section 4.4.2.
#[must_use]
pub fn transactions_root(transactions: &[EthTransaction]) -> B256 {
    let encoded: Vec<_> = transactions.iter().map(EthTransaction::encoded).collect();
    ordered_root(&encoded)
}

/// Returns the root of a block's receipts, each in its own encoding, with its bloom.
///
/// **Spec:** Yellow Paper, section 4.4.1; EIP-2718.
#[must_use]
pub fn receipts_root<R: Encodable2718>(receipts: &[R]) -> B256 {
    let encoded: Vec<_> = receipts.iter().map(Encodable2718::encoded_2718).collect();
    ordered_root(&encoded)
}

/// Returns the root of a block's withdrawals.
///
/// **Spec:** EIP-4895.
#[must_use]
pub fn withdrawals_root(withdrawals: &[Withdrawal]) -> B256 {
    let encoded: Vec<_> = withdrawals.iter().map(alloy_rlp::encode).collect();
    ordered_root(&encoded)
}

/// Returns the filter over addresses and topics of logs.
///
/// **Spec:** Yellow Paper, section 4.4.1.
#[must_use]
pub fn logs_bloom<'a>(logs: impl IntoIterator<Item = &'a Log>) -> Bloom {
    alloy_primitives::logs_bloom(logs)
}
