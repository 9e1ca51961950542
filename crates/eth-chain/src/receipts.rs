//! Receipts as they lie on disk: what cannot be computed, and no filter of logs.
//!
//! ```text
//!   count · receipt …
//!   receipt   kind u8 · flags u8 · [root 32] · gas used · [created 20] · [deposit: nonce · [version]] · logs
//!   flags     1 succeeded · 2 a root in its place · 4 created · 8 deposit · 16 version
//!   log       address 20 · topics count · topics 32 each · data length · data
//! ```

use alloy_consensus::Eip658Value;
use alloy_primitives::{Address, B256, Bytes, Log, LogData};
use quintet_evm::execute::{DepositReceipt, Receipt};
use quintet_store::{DecodeError, Reader, ValueCodec, put_varint};

const SUCCEEDED: u8 = 1;
const ROOT: u8 = 2;
const CREATED: u8 = 4;
const DEPOSIT: u8 = 8;
const VERSION: u8 = 16;

/// Most topics of a log.
const TOPICS_MAX: u64 = 4;

/// Receipts of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipts(pub(crate) Vec<Receipt>);

/// Appends receipts, the way [`Receipts`] are read.
pub(crate) fn encode(receipts: &[Receipt], out: &mut Vec<u8>) {
    put_varint(receipts.len() as u64, out);
    receipts.iter().for_each(|receipt| put(receipt, out));
}

fn put(receipt: &Receipt, out: &mut Vec<u8>) {
    let root = match receipt.status {
        Eip658Value::PostState(root) => Some(root),
        Eip658Value::Eip658(_) => None,
    };
    let version = receipt.deposit.and_then(|deposit| deposit.version);
    let flags = [
        (receipt.status.as_eip658() == Some(true), SUCCEEDED),
        (root.is_some(), ROOT),
        (receipt.created.is_some(), CREATED),
        (receipt.deposit.is_some(), DEPOSIT),
        (version.is_some(), VERSION),
    ];
    out.push(receipt.kind);
    out.push(flags.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag).sum());
    out.extend(root.iter().flat_map(|root| root.0));
    put_varint(receipt.gas_used, out);
    out.extend(receipt.created.iter().flat_map(|created| created.0));
    if let Some(deposit) = receipt.deposit {
        put_varint(deposit.nonce, out);
        if let Some(version) = version {
            put_varint(version, out);
        }
    }
    put_varint(receipt.logs.len() as u64, out);
    for log in &receipt.logs {
        out.extend_from_slice(log.address.as_slice());
        put_varint(log.topics().len() as u64, out);
        log.topics().iter().for_each(|topic| out.extend_from_slice(topic.as_slice()));
        put_varint(log.data.data.len() as u64, out);
        out.extend_from_slice(&log.data.data);
    }
}

fn take(reader: &mut Reader<'_>, gas_before: u64) -> Result<Receipt, DecodeError> {
    let (kind, flags) = (reader.u8()?, reader.u8()?);
    if flags >= 2 * VERSION {
        return Err(DecodeError::invalid("flags of a receipt, 0 to 31", flags));
    }
    let has = |flag| flags & flag != 0;
    let status = if has(ROOT) {
        Eip658Value::PostState(reader.array()?.into())
    } else {
        Eip658Value::Eip658(has(SUCCEEDED))
    };
    let gas_used = reader.varint()?;
    let created = has(CREATED).then(|| reader.array().map(Address::new)).transpose()?;
    let mut deposit = None;
    if has(DEPOSIT) {
        let nonce = reader.varint()?;
        let version = has(VERSION).then(|| reader.varint()).transpose()?;
        deposit = Some(DepositReceipt { nonce, version });
    }
    let mut logs = Vec::new();
    for _ in 0..reader.varint()? {
        logs.push(take_log(reader)?);
    }
    let cumulative_gas_used = gas_before.saturating_add(gas_used);
    Ok(Receipt { kind, status, cumulative_gas_used, logs, deposit, gas_used, created })
}

fn take_log(reader: &mut Reader<'_>) -> Result<Log, DecodeError> {
    let address = Address::new(reader.array()?);
    let count = reader.varint()?;
    if count > TOPICS_MAX {
        return Err(DecodeError::invalid("4 topics at most", count));
    }
    let topics: Result<Vec<_>, _> = (0..count).map(|_| reader.array().map(B256::new)).collect();
    let data = Bytes::copy_from_slice(reader.counted_bytes()?);
    Ok(Log { address, data: LogData::new_unchecked(topics?, data) })
}

impl ValueCodec for Receipts {
    fn encode_value(&self, out: &mut Vec<u8>) {
        encode(&self.0, out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut receipts: Vec<Receipt> = Vec::new();
        for _ in 0..reader.varint()? {
            let before = receipts.last().map_or(0, |receipt| receipt.cumulative_gas_used);
            receipts.push(take(reader, before)?);
        }
        Ok(Self(receipts))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn status() -> impl Strategy<Value = Eip658Value> {
        prop_oneof![
            any::<bool>().prop_map(Eip658Value::Eip658),
            any::<[u8; 32]>().prop_map(|root| Eip658Value::PostState(root.into())),
        ]
    }

    fn log() -> impl Strategy<Value = Log> {
        let topics = proptest::collection::vec(any::<[u8; 32]>().prop_map(B256::new), 0..=4);
        let data = proptest::collection::vec(any::<u8>(), 0..40);
        (any::<[u8; 20]>(), topics, data).prop_map(|(address, topics, data)| Log {
            address: address.into(),
            data: LogData::new_unchecked(topics, data.into()),
        })
    }

    fn receipt() -> impl Strategy<Value = Receipt> {
        let logs = proptest::collection::vec(log(), 0..4);
        let created = proptest::option::of(any::<[u8; 20]>().prop_map(Address::new));
        let deposit = proptest::option::of((any::<u64>(), proptest::option::of(any::<u64>())));
        (any::<u8>(), status(), 0..1_u64 << 40, created, deposit, logs).prop_map(
            |(kind, status, gas_used, created, deposit, logs)| Receipt {
                kind,
                status,
                cumulative_gas_used: 0,
                logs,
                deposit: deposit.map(|(nonce, version)| DepositReceipt { nonce, version }),
                gas_used,
                created,
            },
        )
    }

    proptest! {
        #[test]
        fn receipts_are_read_back_as_they_were(
            mut receipts in proptest::collection::vec(receipt(), 0..5),
        ) {
            let mut gas = 0;
            for receipt in &mut receipts {
                gas += receipt.gas_used;
                receipt.cumulative_gas_used = gas;
            }
            let written = Receipts(receipts);
            let mut bytes = Vec::new();
            written.encode_value(&mut bytes);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(Receipts::decode_value(&mut reader).unwrap(), written);
            reader.finish().unwrap();
            for length in 0..bytes.len() {
                let mut reader = Reader::new(&bytes[..length]);
                prop_assert!(Receipts::decode_value(&mut reader).is_err());
            }
        }
    }
}
