//! Payloads in SSZ, as gossip carries them.
//!
//! ```text
//!   fixed     parent … timestamp │ offset of extra data │ base fee (LE), hash │ offset of transactions │ V2: of withdrawals │ V3, V4 fields
//!   lists     extra data │ transactions: offsets, then bytes │ withdrawals: 44 bytes each
//!   before    from V3: root of the beacon block, 32 bytes
//! ```
//!
//! # Invariants
//!
//! - Every byte is accounted for: offsets lead to where the list before ends, so one payload has one encoding.
//! - Counts are checked before anything is reserved.
//!
//! **Spec:** `rollup-node-p2p.md`, "Block encoding"; op-service's `eth/ssz.go`.

use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B256, Bloom, Bytes, U256};

use super::{EXTRA_DATA_MAX, Envelope, Payload, PayloadError, PayloadVersion};

/// Most transactions of a block that gossip carries: as many as 10 MiB could hold of the least size, and what op-node's SSZ allows at most.
pub const TRANSACTIONS_MAX: usize = 1_048_576;
/// Most withdrawals; there are none on these chains.
pub const WITHDRAWALS_MAX: usize = 16;
/// Bytes of a withdrawal.
const WITHDRAWAL_BYTES: usize = 44;
/// Bytes of an offset.
const OFFSET_BYTES: usize = 4;

/// Returns the bytes in front of the lists.
const fn fixed_bytes(version: PayloadVersion) -> usize {
    match version {
        PayloadVersion::V1 => 508,
        PayloadVersion::V2 => 512,
        PayloadVersion::V3 => 528,
        PayloadVersion::V4 => 560,
    }
}

/// Reads from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        // The whole fixed part was seen to be there.
        let (taken, rest) = self.0.split_at_checked(length).unwrap_or((&[], self.0));
        self.0 = rest;
        taken
    }

    fn hash(&mut self) -> B256 {
        B256::try_from(self.take(32)).unwrap_or_default()
    }

    fn u64(&mut self) -> u64 {
        self.take(8).try_into().map(u64::from_le_bytes).unwrap_or_default()
    }

    fn offset(&mut self) -> usize {
        let number = self.take(4).try_into().map(u32::from_le_bytes).unwrap_or_default();
        usize::try_from(number).unwrap_or(usize::MAX)
    }
}

fn expect_offset(what: &'static str, expected: usize, actual: usize) -> Result<(), PayloadError> {
    if expected == actual {
        return Ok(());
    }
    Err(PayloadError::Offset { what, expected, actual })
}

/// Reads an envelope of a version. Transactions are slices of `bytes`.
///
/// # Errors
///
/// [`PayloadError`] if it is malformed.
pub fn decode(version: PayloadVersion, bytes: &Bytes) -> Result<Envelope, PayloadError> {
    if version < PayloadVersion::V3 {
        return Ok(Envelope { parent_beacon_root: None, payload: payload(version, bytes)? });
    }
    let Some((root, _)) = bytes.split_at_checked(32) else {
        let what = "parent beacon root";
        return Err(PayloadError::Length { what, expected: 32, actual: bytes.len() });
    };
    let parent_beacon_root = Some(B256::try_from(root).unwrap_or_default());
    Ok(Envelope { parent_beacon_root, payload: payload(version, &bytes.slice(32..))? })
}

fn payload(version: PayloadVersion, bytes: &Bytes) -> Result<Payload, PayloadError> {
    let fixed = fixed_bytes(version);
    if bytes.len() < fixed {
        let what = "fixed fields";
        return Err(PayloadError::Length { what, expected: fixed, actual: bytes.len() });
    }
    let mut reader = Reader(bytes);
    let mut read = Payload {
        parent_hash: reader.hash(),
        fee_recipient: Address::try_from(reader.take(20)).unwrap_or_default(),
        state_root: reader.hash(),
        receipts_root: reader.hash(),
        logs_bloom: Bloom::try_from(reader.take(256)).unwrap_or_default(),
        prev_randao: reader.hash(),
        number: reader.u64(),
        gas_limit: reader.u64(),
        gas_used: reader.u64(),
        timestamp: reader.u64(),
        ..Payload::default()
    };
    let extra_data = reader.offset();
    read.base_fee = U256::from_le_slice(reader.take(32));
    read.block_hash = reader.hash();
    let transactions = reader.offset();
    let withdrawals = (version >= PayloadVersion::V2).then(|| reader.offset());
    if version >= PayloadVersion::V3 {
        read.blob_gas_used = Some(reader.u64());
        read.excess_blob_gas = Some(reader.u64());
    }
    if version >= PayloadVersion::V4 {
        read.withdrawals_root = Some(reader.hash());
    }
    expect_offset("extra data", fixed, extra_data)?;
    let end = withdrawals.unwrap_or(bytes.len());
    if transactions < extra_data || end < transactions || bytes.len() < end {
        let what = "lists";
        return Err(PayloadError::Offset { what, expected: bytes.len(), actual: end });
    }
    let length = transactions - extra_data;
    if length > EXTRA_DATA_MAX {
        let what = "bytes of extra data";
        return Err(PayloadError::TooMany { what, expected: EXTRA_DATA_MAX, actual: length });
    }
    read.extra_data = bytes.slice(extra_data..transactions);
    read.transactions = transaction_list(&bytes.slice(transactions..end))?;
    if withdrawals.is_some() {
        read.withdrawals = Some(withdrawal_list(&bytes.slice(end..))?);
    }
    Ok(read)
}

fn transaction_list(bytes: &Bytes) -> Result<Vec<Bytes>, PayloadError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = Reader(bytes);
    if bytes.len() < OFFSET_BYTES {
        let what = "the first transaction's offset";
        return Err(PayloadError::Length { what, expected: OFFSET_BYTES, actual: bytes.len() });
    }
    let first = reader.offset();
    let count = first / OFFSET_BYTES;
    if count > TRANSACTIONS_MAX {
        let what = "transactions";
        return Err(PayloadError::TooMany { what, expected: TRANSACTIONS_MAX, actual: count });
    }
    if count == 0 || !first.is_multiple_of(OFFSET_BYTES) || first > bytes.len() {
        let what = "the first transaction";
        return Err(PayloadError::Offset { what, expected: bytes.len(), actual: first });
    }
    let mut out = Vec::with_capacity(count);
    let mut begin = first;
    for index in 0..count {
        let end = if index + 1 < count { reader.offset() } else { bytes.len() };
        if end < begin || end > bytes.len() {
            let what = "a transaction";
            return Err(PayloadError::Offset { what, expected: begin, actual: end });
        }
        out.push(bytes.slice(begin..end));
        begin = end;
    }
    Ok(out)
}

fn withdrawal_list(bytes: &Bytes) -> Result<Vec<Withdrawal>, PayloadError> {
    let count = bytes.len() / WITHDRAWAL_BYTES;
    if !bytes.len().is_multiple_of(WITHDRAWAL_BYTES) {
        let expected = count * WITHDRAWAL_BYTES;
        return Err(PayloadError::Length { what: "withdrawals", expected, actual: bytes.len() });
    }
    if count > WITHDRAWALS_MAX {
        let what = "withdrawals";
        return Err(PayloadError::TooMany { what, expected: WITHDRAWALS_MAX, actual: count });
    }
    let mut reader = Reader(bytes);
    let read = (0..count).map(|_| Withdrawal {
        index: reader.u64(),
        validator_index: reader.u64(),
        address: Address::try_from(reader.take(20)).unwrap_or_default(),
        amount: reader.u64(),
    });
    Ok(read.collect())
}

/// Writes an envelope.
///
/// # Errors
///
/// [`PayloadError`] if its fields are not those of the version.
pub fn encode(version: PayloadVersion, envelope: &Envelope) -> Result<Vec<u8>, PayloadError> {
    envelope.check_fields(version)?;
    let payload = &envelope.payload;
    let lists: usize = payload.transactions.iter().map(|one| OFFSET_BYTES + one.len()).sum();
    let transactions = fixed_bytes(version) + payload.extra_data.len();
    let withdrawals = transactions + lists;
    // Beyond what an offset can say no block lies: ten mebibytes are the most gossip carries.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes();
    let mut out = Vec::with_capacity(32 + withdrawals);
    if let Some(root) = envelope.parent_beacon_root {
        out.extend_from_slice(root.as_slice());
    }
    out.extend_from_slice(payload.parent_hash.as_slice());
    out.extend_from_slice(payload.fee_recipient.as_slice());
    out.extend_from_slice(payload.state_root.as_slice());
    out.extend_from_slice(payload.receipts_root.as_slice());
    out.extend_from_slice(payload.logs_bloom.as_slice());
    out.extend_from_slice(payload.prev_randao.as_slice());
    for number in [payload.number, payload.gas_limit, payload.gas_used, payload.timestamp] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&offset(fixed_bytes(version)));
    out.extend_from_slice(&payload.base_fee.to_le_bytes::<32>());
    out.extend_from_slice(payload.block_hash.as_slice());
    out.extend_from_slice(&offset(transactions));
    if payload.withdrawals.is_some() {
        out.extend_from_slice(&offset(withdrawals));
    }
    for number in [payload.blob_gas_used, payload.excess_blob_gas].into_iter().flatten() {
        out.extend_from_slice(&number.to_le_bytes());
    }
    if let Some(root) = payload.withdrawals_root {
        out.extend_from_slice(root.as_slice());
    }
    out.extend_from_slice(&payload.extra_data);
    let mut at = payload.transactions.len() * OFFSET_BYTES;
    for one in &payload.transactions {
        out.extend_from_slice(&offset(at));
        at += one.len();
    }
    payload.transactions.iter().for_each(|one| out.extend_from_slice(one));
    for one in payload.withdrawals.iter().flatten() {
        out.extend_from_slice(&one.index.to_le_bytes());
        out.extend_from_slice(&one.validator_index.to_le_bytes());
        out.extend_from_slice(one.address.as_slice());
        out.extend_from_slice(&one.amount.to_le_bytes());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::tests::envelope;

    #[test]
    fn every_version_comes_back_and_a_part_of_it_does_not() {
        for version in PayloadVersion::ALL {
            let mut whole = envelope(version);
            if let Some(withdrawals) = &mut whole.payload.withdrawals {
                withdrawals.push(Withdrawal { index: 1, amount: 2, ..Withdrawal::default() });
            }
            let bytes: Bytes = encode(version, &whole).unwrap().into();
            assert_eq!(decode(version, &bytes), Ok(whole.clone()));
            let fixed = fixed_bytes(version);
            for length in 0..bytes.len() {
                let cut = decode(version, &bytes.slice(..length));
                // The last list may be shorter by a whole item.
                assert!(cut.as_ref() != Ok(&whole), "{version:?} {length}");
                assert!(length >= fixed || cut.is_err(), "{version:?} {length}");
            }
        }
    }

    #[test]
    fn offsets_that_lead_elsewhere_are_refused() {
        let bytes = encode(PayloadVersion::V1, &envelope(PayloadVersion::V1)).unwrap();
        // Offsets of the extra data, of the transactions, of the first and the second transaction.
        for at in [436, 504, 517, 521] {
            let mut spoilt = bytes.clone();
            spoilt[at + 3] = 0xff;
            let read = decode(PayloadVersion::V1, &spoilt.into());
            assert!(matches!(
                read,
                Err(PayloadError::Offset { .. } | PayloadError::TooMany { .. })
            ));
        }
    }
}
