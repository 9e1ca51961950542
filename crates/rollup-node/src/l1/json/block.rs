//! A block: its header, and its transactions as text.

use alloy_consensus::Header;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, hex};
use memchr::{
    memchr2_iter,
    memmem::{self, Finder},
};
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

    /// Returns those transactions, encoded, in which the inbox is named; the others are passed over as text.
    pub(crate) fn transactions_to(&self, inbox: &Written) -> Result<Vec<Bytes>, JsonError> {
        let goes_there = |text: &&&RawValue| inbox.is_in(text.get());
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

/// An address as nodes write it: in lower case, in upper case, or with EIP-55's checksum.
pub(crate) struct Written([Finder<'static>; 3]);

impl Written {
    pub(crate) fn new(address: Address) -> Self {
        let (lower, upper) = (hex::encode(address), hex::encode_upper(address));
        let checked = address.to_checksum(None);
        let digits = checked.trim_start_matches("0x");
        Self([lower.as_str(), &upper, digits].map(|digits| Finder::new(digits).into_owned()))
    }

    /// Returns whether it stands anywhere in a text.
    fn is_in(&self, text: &str) -> bool {
        self.0.iter().any(|finder| finder.find(text.as_bytes()).is_some())
    }
}

/// What stands before a block's transactions.
const TRANSACTIONS: &[u8] = b"\"transactions\":[";

/// Returns a block's text without its transactions, if the address stands nowhere in them: then none goes there, and none has to be read.
///
/// Brackets are counted wherever they stand. Nodes write nothing but digits and names into strings; what is cut elsewhere on account of others
/// is no block, or one with another hash.
pub(crate) fn without_transactions(text: &str, to: &Written) -> Option<String> {
    let begin = memmem::find(text.as_bytes(), TRANSACTIONS)? + TRANSACTIONS.len();
    let inside = text.get(begin..)?;
    let mut depth = 1_usize;
    let end = memchr2_iter(b'[', b']', inside.as_bytes()).find(|at| {
        depth = if inside.as_bytes()[*at] == b'[' { depth + 1 } else { depth - 1 };
        depth == 0
    })?;
    let (transactions, behind) = (inside.get(..end)?, inside.get(end..)?);
    (!to.is_in(transactions)).then(|| [text.get(..begin).unwrap_or_default(), behind].concat())
}

fn hash(field: &'static str, text: &str) -> Result<B256, JsonError> {
    fixed::<32>(field, text).map(B256::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: Address = Address::repeat_byte(0xab);

    fn block(to: &str) -> String {
        format!(
            r#"{{"hash":"0x1","transactions":[{{"to":"0x{to}","accessList":[{{"storageKeys":["0x1"]}}]}}],"uncles":[]}}"#
        )
    }

    #[test]
    fn a_block_without_the_inbox_is_read_without_its_transactions() {
        let text = without_transactions(&block(&"cd".repeat(20)), &Written::new(TO)).unwrap();
        assert_eq!(text, r#"{"hash":"0x1","transactions":[],"uncles":[]}"#);
    }

    #[test]
    fn the_inbox_is_found_however_it_is_written() {
        for to in [hex::encode(TO), hex::encode_upper(TO), TO.to_checksum(None)[2..].to_owned()] {
            assert_eq!(without_transactions(&block(&to), &Written::new(TO)), None, "{to}");
        }
    }

    #[test]
    fn what_has_no_end_is_left_to_the_parser() {
        for text in
            ["", r#"{"transactions":["#, r#"{"transactions":[[]"#, r#"{"transactions": []}"#]
        {
            assert_eq!(without_transactions(text, &Written::new(TO)), None, "{text}");
        }
    }
}
