//! Receipts: as text, and the encoding their root is taken over.

use alloy_consensus::{Eip658Value, Receipt};
use alloy_primitives::{B256, Bytes, Log, LogData};
use serde::Deserialize;

use super::{
    JsonError,
    digits::{bytes, fixed, uint64},
};
use crate::l1::raw::{EncodedReceipt, encode_receipt};

/// A receipt, as slices of the text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptJson<'a> {
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    status: Option<&'a str>,
    root: Option<&'a str>,
    cumulative_gas_used: &'a str,
    #[serde(borrow)]
    logs: Vec<LogJson<'a>>,
    deposit_nonce: Option<&'a str>,
    deposit_receipt_version: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
struct LogJson<'a> {
    address: &'a str,
    #[serde(borrow)]
    topics: Vec<&'a str>,
    data: &'a str,
}

/// Most topics of a log.
const TOPICS_MAX: usize = 4;

impl LogJson<'_> {
    fn log(&self) -> Result<Log, JsonError> {
        let topic = |text: &&str| fixed::<32>("topics", text).map(B256::from);
        let topics: Vec<_> =
            self.topics.iter().take(TOPICS_MAX + 1).map(topic).collect::<Result<_, _>>()?;
        let data = bytes("data", self.data)?;
        let data = LogData::new(topics, data).ok_or_else(|| JsonError::Field {
            field: "topics",
            expected: "at most 4 topics",
            actual: self.topics.len().to_string(),
        })?;
        Ok(Log { address: fixed("address", self.address)?.into(), data })
    }
}

impl ReceiptJson<'_> {
    /// Returns the receipt and its encoding.
    pub(crate) fn read(&self) -> Result<(Receipt, Bytes), JsonError> {
        let kind = self.kind.map_or(Ok(0), |kind| uint64("type", kind))?;
        let status = match (self.status, self.root) {
            (Some(status), _) => Eip658Value::Eip658(uint64("status", status)? == 1),
            (None, Some(root)) => Eip658Value::PostState(fixed::<32>("root", root)?.into()),
            (None, None) => return Err(JsonError::NoField { field: "status" }),
        };
        let receipt = Receipt {
            status,
            cumulative_gas_used: uint64("cumulativeGasUsed", self.cumulative_gas_used)?,
            logs: self.logs.iter().map(LogJson::log).collect::<Result<_, _>>()?,
        };
        let number = |field, text: Option<&str>| text.map(|text| uint64(field, text)).transpose();
        let encoded = EncodedReceipt {
            kind: u8::try_from(kind).map_err(|_| JsonError::Kind { actual: kind.to_string() })?,
            deposit_nonce: number("depositNonce", self.deposit_nonce)?,
            deposit_version: number("depositReceiptVersion", self.deposit_receipt_version)?,
        };
        let raw = encode_receipt(&receipt, encoded);
        Ok((receipt, raw))
    }
}

/// Reads the receipts of a block.
pub(crate) fn receipts(text: &str) -> Result<(Vec<Receipt>, Vec<Bytes>), JsonError> {
    let list: Vec<ReceiptJson<'_>> = serde_json::from_str(text)?;
    let read: Vec<_> = list.iter().map(ReceiptJson::read).collect::<Result<_, _>>()?;
    Ok(read.into_iter().unzip())
}
