//! Blocks and receipts as nodes store them: what `debug_getRawBlock` and `debug_getRawReceipts` answer, and what lies in a file.
//!
//! A raw block is one buffer; its transactions are slices of it, and its hash is one keccak over the header's bytes. Compared with the
//! JSON of the same block it is a third as long, and nothing of it is parsed but the few transactions to the inbox.
//!
//! **Spec:** Yellow Paper, section 4.3 and 4.4; EIP-2718; geth's `debug` namespace.

use alloy_consensus::{Eip658Value, Header, Receipt, TxReceipt as _};
use alloy_primitives::{B256, Bloom, Bytes, Log, keccak256};
use alloy_rlp::{Decodable, Encodable, Header as RlpHeader};
use thiserror::Error;

/// Why bytes are no block or no receipt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RawError {
    /// The RLP is malformed.
    #[error("malformed RLP: {0}")]
    Rlp(#[from] alloy_rlp::Error),
    /// Something stands behind it.
    #[error("expected nothing behind the value, got {actual} bytes")]
    Trailing {
        /// Bytes behind it.
        actual: usize,
    },
}

/// A block, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawBlock {
    /// keccak256 of the header's bytes.
    pub hash: B256,
    /// The header.
    pub header: Header,
    /// Transactions, encoded: slices of the block.
    pub transactions: Vec<Bytes>,
}

/// Reads the head of the next item and returns the item's payload and all of it, leaving what is behind.
fn item<'a>(rest: &mut &'a [u8]) -> Result<(bool, &'a [u8], &'a [u8]), RawError> {
    let whole = *rest;
    let header = RlpHeader::decode(rest)?;
    let begin = whole.len() - rest.len();
    let end = begin + header.payload_length;
    // `decode` has checked that the payload is there.
    let payload = whole.get(begin..end).ok_or(alloy_rlp::Error::InputTooShort)?;
    let all = whole.get(..end).ok_or(alloy_rlp::Error::InputTooShort)?;
    *rest = whole.get(end..).unwrap_or_default();
    Ok((header.list, payload, all))
}

impl RawBlock {
    /// Takes a block apart.
    ///
    /// # Errors
    ///
    /// [`RawError`] if the bytes are no block.
    pub fn read(bytes: &Bytes) -> Result<Self, RawError> {
        let mut rest = bytes.as_ref();
        let (true, mut fields, _) = item(&mut rest)? else {
            return Err(alloy_rlp::Error::UnexpectedString.into());
        };
        if !rest.is_empty() {
            return Err(RawError::Trailing { actual: rest.len() });
        }
        let (_, _, mut raw) = item(&mut fields)?;
        let hash = keccak256(raw);
        let header = Header::decode(&mut raw)?;
        let (true, mut list, _) = item(&mut fields)? else {
            return Err(alloy_rlp::Error::UnexpectedString.into());
        };
        let mut transactions = Vec::new();
        while !list.is_empty() {
            // A typed transaction is a string whose content it is, a legacy one the list itself.
            let (is_list, payload, all) = item(&mut list)?;
            transactions.push(bytes.slice_ref(if is_list { all } else { payload }));
        }
        Ok(Self { hash, header, transactions })
    }
}

/// What a receipt's encoding holds beside the receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EncodedReceipt {
    /// Type of its transaction.
    pub kind: u8,
    /// Nonce of a deposit, on an L1 that is itself an L2.
    pub deposit_nonce: Option<u64>,
    /// Version of a deposit's receipt.
    pub deposit_version: Option<u64>,
}

/// Encodes a receipt as the root is taken over it.
#[must_use]
pub fn encode_receipt(receipt: &Receipt, encoded: EncodedReceipt) -> Bytes {
    let bloom = receipt.bloom();
    let mut fields = Vec::with_capacity(512);
    match receipt.status {
        Eip658Value::Eip658(status) => status.encode(&mut fields),
        Eip658Value::PostState(root) => root.encode(&mut fields),
    }
    receipt.cumulative_gas_used.encode(&mut fields);
    bloom.encode(&mut fields);
    receipt.logs.encode(&mut fields);
    if let Some(nonce) = encoded.deposit_nonce {
        nonce.encode(&mut fields);
    }
    if let Some(version) = encoded.deposit_version {
        version.encode(&mut fields);
    }
    let mut out = Vec::with_capacity(fields.len() + 8);
    if encoded.kind != 0 {
        out.push(encoded.kind);
    }
    RlpHeader { list: true, payload_length: fields.len() }.encode(&mut out);
    out.extend_from_slice(&fields);
    out.into()
}

/// Reads a receipt; what a deposit's has behind the logs is passed over.
///
/// # Errors
///
/// [`RawError`] if the bytes are no receipt.
pub fn decode_receipt(bytes: &[u8]) -> Result<Receipt, RawError> {
    let mut rest = match bytes.first() {
        Some(first) if *first < 0xc0 => bytes.get(1..).unwrap_or_default(),
        _ => bytes,
    };
    let mut fields = RlpHeader::decode_bytes(&mut rest, true)?;
    if !rest.is_empty() {
        return Err(RawError::Trailing { actual: rest.len() });
    }
    let status = RlpHeader::decode_bytes(&mut fields, false)?;
    let status = if status.len() == 32 {
        Eip658Value::PostState(B256::from_slice(status))
    } else {
        Eip658Value::Eip658(status == [1])
    };
    let cumulative_gas_used = u64::decode(&mut fields)?;
    let _bloom = Bloom::decode(&mut fields)?;
    let logs = Vec::<Log>::decode(&mut fields)?;
    Ok(Receipt { status, cumulative_gas_used, logs })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, LogData};

    use super::*;

    #[test]
    fn receipts_come_back_and_no_part_of_one_does() {
        let log = Log {
            address: Address::repeat_byte(1),
            data: LogData::new_unchecked(vec![B256::repeat_byte(2)], vec![3; 70].into()),
        };
        for kind in [0, 2, 0x7e] {
            let receipt =
                Receipt { status: true.into(), cumulative_gas_used: 9, logs: vec![log.clone()] };
            let deposit_nonce = (kind == 0x7e).then_some(5);
            let encoded = encode_receipt(
                &receipt,
                EncodedReceipt { kind, deposit_nonce, deposit_version: None },
            );
            assert_eq!(decode_receipt(&encoded), Ok(receipt));
            for end in 0..encoded.len() {
                assert!(decode_receipt(&encoded[..end]).is_err(), "{end}");
            }
        }
    }

    #[test]
    fn no_part_of_a_block_is_a_block() {
        let mut fields = Vec::new();
        Header::default().encode(&mut fields);
        // One legacy transaction, one typed; no uncles.
        fields.extend_from_slice(&[0xc4, 0xc1, 0x05, 0x81, 0x82, 0xc0]);
        let mut block = Vec::new();
        RlpHeader { list: true, payload_length: fields.len() }.encode(&mut block);
        block.extend_from_slice(&fields);
        let block = Bytes::from(block);
        let read = RawBlock::read(&block).unwrap();
        assert_eq!(read.hash, Header::default().hash_slow());
        assert_eq!(
            read.transactions,
            [Bytes::from_static(&[0xc1, 5]), Bytes::from_static(&[0x82])]
        );
        for end in 0..block.len() {
            assert!(RawBlock::read(&block.slice(..end)).is_err(), "{end}");
        }
    }
}
