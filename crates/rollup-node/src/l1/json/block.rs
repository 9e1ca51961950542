//! A block: its header, and its transactions as text.

use alloy_consensus::Header;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, hex};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    JsonError,
    digits::{bytes, fixed, uint64, uint256},
    tx::TxJson,
};

/// A block, as slices of the text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlockJson<'a> {
    pub(crate) hash: Option<&'a str>,
    parent_hash: &'a str,
    sha3_uncles: &'a str,
    miner: &'a str,
    state_root: &'a str,
    transactions_root: &'a str,
    receipts_root: &'a str,
    logs_bloom: &'a str,
    difficulty: Option<&'a str>,
    number: &'a str,
    gas_limit: &'a str,
    gas_used: &'a str,
    timestamp: &'a str,
    extra_data: &'a str,
    mix_hash: Option<&'a str>,
    nonce: Option<&'a str>,
    base_fee_per_gas: Option<&'a str>,
    withdrawals_root: Option<&'a str>,
    blob_gas_used: Option<&'a str>,
    excess_blob_gas: Option<&'a str>,
    parent_beacon_block_root: Option<&'a str>,
    requests_hash: Option<&'a str>,
    #[serde(borrow, default)]
    transactions: Vec<&'a RawValue>,
}

impl<'a> BlockJson<'a> {
    /// Reads a block.
    pub(crate) fn read(text: &'a str) -> Result<Self, JsonError> {
        Ok(serde_json::from_str(text)?)
    }

    /// Returns the hash the node says it has.
    pub(crate) fn named_hash(&self) -> Result<B256, JsonError> {
        hash("hash", self.hash.ok_or(JsonError::NoField { field: "hash" })?)
    }

    /// Returns the header.
    pub(crate) fn header(&self) -> Result<Header, JsonError> {
        let some_hash = |field, text: Option<&str>| text.map(|text| hash(field, text)).transpose();
        let some_number =
            |field, text: Option<&str>| text.map(|text| uint64(field, text)).transpose();
        Ok(Header {
            parent_hash: hash("parentHash", self.parent_hash)?,
            ommers_hash: hash("sha3Uncles", self.sha3_uncles)?,
            beneficiary: fixed("miner", self.miner)?.into(),
            state_root: hash("stateRoot", self.state_root)?,
            transactions_root: hash("transactionsRoot", self.transactions_root)?,
            receipts_root: hash("receiptsRoot", self.receipts_root)?,
            logs_bloom: Bloom::from(fixed::<256>("logsBloom", self.logs_bloom)?),
            difficulty: uint256("difficulty", self.difficulty.unwrap_or("0x0"))?,
            number: uint64("number", self.number)?,
            gas_limit: uint64("gasLimit", self.gas_limit)?,
            gas_used: uint64("gasUsed", self.gas_used)?,
            timestamp: uint64("timestamp", self.timestamp)?,
            extra_data: bytes("extraData", self.extra_data)?,
            mix_hash: some_hash("mixHash", self.mix_hash)?.unwrap_or_default(),
            nonce: self.nonce.map_or(Ok([0; 8]), |text| fixed("nonce", text)).map(B64::from)?,
            base_fee_per_gas: some_number("baseFeePerGas", self.base_fee_per_gas)?,
            withdrawals_root: some_hash("withdrawalsRoot", self.withdrawals_root)?,
            blob_gas_used: some_number("blobGasUsed", self.blob_gas_used)?,
            excess_blob_gas: some_number("excessBlobGas", self.excess_blob_gas)?,
            parent_beacon_block_root: some_hash(
                "parentBeaconBlockRoot",
                self.parent_beacon_block_root,
            )?,
            requests_hash: some_hash("requestsHash", self.requests_hash)?,
            ..Header::default()
        })
    }

    /// Returns all transactions, encoded.
    pub(crate) fn transactions(&self) -> Result<Vec<Bytes>, JsonError> {
        self.transactions.iter().map(|text| transaction(text.get())).collect()
    }

    /// Returns those transactions, encoded, in which the inbox is named as the destination; the others are passed over as text.
    pub(crate) fn transactions_to(&self, inbox: Address) -> Result<Vec<Bytes>, JsonError> {
        let digits = hex::encode(inbox);
        let goes_there = |text: &&&RawValue| names(text.get(), digits.as_bytes());
        self.transactions.iter().filter(goes_there).map(|text| transaction(text.get())).collect()
    }

    /// Returns the hashes of the transactions, where the block names them by hash.
    pub(crate) fn transaction_hashes(&self) -> Result<Vec<B256>, JsonError> {
        let read = |text: &&RawValue| {
            let digits: &str = serde_json::from_str(text.get())?;
            hash("transactions", digits)
        };
        self.transactions.iter().map(read).collect()
    }
}

/// Encodes one transaction.
pub(crate) fn transaction(text: &str) -> Result<Bytes, JsonError> {
    serde_json::from_str::<TxJson<'_>>(text)?.encode()
}

/// Returns whether a transaction's text has this destination. It may be wrong in one direction alone: what names the inbox elsewhere is
/// decoded as well and found to go elsewhere then.
fn names(text: &str, digits: &[u8]) -> bool {
    // Destinations stand in upper or lower case; calldata is passed in one stride.
    let text = text.as_bytes();
    let mut rest = text;
    while let Some(at) = find(rest, b"\"to\"") {
        rest = &rest[at + 4..];
        let quoted = rest.iter().position(|byte| *byte == b'0').unwrap_or(rest.len());
        let begin = quoted + 2;
        if rest.get(begin..begin + 40).is_some_and(|found| found.eq_ignore_ascii_case(digits)) {
            return true;
        }
    }
    false
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut at = 0;
    while let Some(step) = text[at..].iter().position(|byte| *byte == first) {
        at += step;
        if text[at..].starts_with(what) {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn hash(field: &'static str, text: &str) -> Result<B256, JsonError> {
    fixed::<32>(field, text).map(B256::from)
}
