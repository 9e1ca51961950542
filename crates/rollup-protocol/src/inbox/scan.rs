//! Finding the inbox's transactions among the raw ones of an L1 block.
//!
//! **Spec:** `protocol/derivation.md`, "L1 Retrieval": type 0, 1, 2, 3 or 0x7e, destination, signature.

use alloy_primitives::{Address, B256, Bytes, Keccak256};

use super::{InboxPayload, InboxTx};
use crate::{
    rlp::{Items, RlpError, list_header_len, write_list_header},
    signer::recover,
};

/// The fields of a type of transaction that matter here, by their place in its list.
struct Shape {
    /// Place of the destination.
    to: usize,
    /// Place of the calldata.
    data: usize,
    /// How many fields are signed.
    signed: usize,
}

const LEGACY: Shape = Shape { to: 3, data: 5, signed: 6 };

/// Returns the shape of a typed transaction a batcher may send.
const fn shape(kind: u8) -> Option<Shape> {
    match kind {
        1 => Some(Shape { to: 4, data: 6, signed: 8 }),
        2 => Some(Shape { to: 5, data: 7, signed: 9 }),
        3 => Some(Shape { to: 5, data: 7, signed: 11 }),
        _ => None,
    }
}

/// Place of the blob hashes in a blob transaction.
const BLOB_HASHES: usize = 10;

/// Finds the transactions to `inbox` among `raw` ones (EIP-2718 encoded), in their order.
///
/// What cannot be read is passed over: a block that was verified holds no such transaction, and one that was not is not to be
/// trusted with more than this.
#[must_use]
pub fn scan<'a>(raw: impl IntoIterator<Item = &'a Bytes>, inbox: Address) -> Vec<InboxTx> {
    raw.into_iter().filter_map(|tx| read(tx, inbox).ok().flatten()).collect()
}

/// Reads one transaction; `None` if it goes elsewhere.
fn read(tx: &Bytes, inbox: Address) -> Result<Option<InboxTx>, RlpError> {
    let Some(&first) = tx.first() else { return Ok(None) };
    if first == 0x7e {
        return read_deposit(tx, inbox);
    }
    let (kind, body, shape) = match shape(first) {
        Some(shape) => (Some(first), &tx[1..], shape),
        None if first >= 0xc0 => (None, &tx[..], LEGACY),
        None => return Ok(None),
    };
    let mut fields = Items::of_list(body)?;
    let list = fields.rest();
    skip(&mut fields, shape.to)?;
    if fields.string()? != inbox.as_slice() {
        return Ok(None);
    }
    skip(&mut fields, shape.data - shape.to - 1)?;
    let calldata = fields.string()?;
    let mut hashes = Vec::new();
    if kind == Some(3) {
        skip(&mut fields, BLOB_HASHES - shape.data - 1)?;
        let mut list = Items::of_list(fields.raw_list()?)?;
        while !list.is_empty() {
            hashes.push(B256::from(list.array::<32>()?));
        }
    } else {
        skip(&mut fields, shape.signed - shape.data - 1)?;
    }
    let signed = &list[..list.len() - fields.rest().len()];
    let Some(sender) = Signature::read(&mut fields)?.sender(kind, signed) else { return Ok(None) };
    let payload = if kind == Some(3) {
        InboxPayload::Blobs { hashes, calldata: tx.slice_ref(calldata) }
    } else {
        InboxPayload::Calldata(tx.slice_ref(calldata))
    };
    Ok(Some(InboxTx { sender, payload }))
}

/// A deposit on a chain that is itself an L2: it names its sender.
fn read_deposit(tx: &Bytes, inbox: Address) -> Result<Option<InboxTx>, RlpError> {
    let mut fields = Items::of_list(&tx[1..])?;
    skip(&mut fields, 1)?;
    let sender = Address::from(fields.array::<20>()?);
    if fields.string()? != inbox.as_slice() {
        return Ok(None);
    }
    skip(&mut fields, 4)?;
    let payload = InboxPayload::Calldata(tx.slice_ref(fields.string()?));
    Ok(Some(InboxTx { sender, payload }))
}

fn skip(fields: &mut Items<'_>, count: usize) -> Result<(), RlpError> {
    (0..count).try_for_each(|_| fields.raw().map(|_| ()))
}

/// A transaction's signature as it stands.
struct Signature {
    v: u64,
    r: [u8; 32],
    s: [u8; 32],
}

impl Signature {
    fn read(fields: &mut Items<'_>) -> Result<Self, RlpError> {
        let v = fields.uint64()?;
        let (r, s) = (scalar(fields.string()?)?, scalar(fields.string()?)?);
        fields.end()?;
        Ok(Self { v, r, s })
    }

    /// Recovers who signed the fields `signed` of a transaction of this kind, `None` for a legacy one.
    fn sender(&self, kind: Option<u8>, signed: &[u8]) -> Option<Address> {
        let mut tail = Vec::new();
        let parity = match (kind, self.v) {
            (Some(_), v @ (0 | 1)) => v,
            (Some(_), _) => return None,
            (None, v @ (27 | 28)) => v - 27,
            // EIP-155: what is signed ends with the chain id and two zeros.
            (None, v) => {
                let v = v.checked_sub(35)?;
                alloy_rlp::Encodable::encode(&(v / 2), &mut tail);
                tail.extend_from_slice(&[0x80, 0x80]);
                v % 2
            }
        };
        let payload = signed.len() + tail.len();
        let mut head = Vec::with_capacity(1 + list_header_len(payload));
        head.extend(kind);
        write_list_header(payload, &mut head);
        let mut hasher = Keccak256::new();
        hasher.update(&head);
        hasher.update(signed);
        hasher.update(&tail);
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.r);
        bytes[32..].copy_from_slice(&self.s);
        recover(&bytes, parity == 1, &hasher.finalize())
    }
}

/// Pads a number to 32 bytes.
fn scalar(digits: &[u8]) -> Result<[u8; 32], RlpError> {
    let mut bytes = [0; 32];
    let at = bytes
        .len()
        .checked_sub(digits.len())
        .ok_or(RlpError::Size { expected: 32, actual: digits.len() })?;
    bytes[at..].copy_from_slice(digits);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use alloy_consensus::{
        EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702,
        TxLegacy,
    };
    use alloy_eips::eip2718::Encodable2718;
    use alloy_primitives::{Signature as AlloySignature, TxKind};

    use super::*;

    const INBOX: Address = Address::repeat_byte(0xff);

    type Envelope = EthereumTxEnvelope<TxEip4844>;

    fn sign<T: SignableTransaction<AlloySignature>>(tx: T) -> (Bytes, Address)
    where
        Envelope: From<alloy_consensus::Signed<T>>,
    {
        let (signature, signer) = crate::testing::sign(&tx.signature_hash());
        let envelope = Envelope::from(tx.into_signed(signature));
        (envelope.encoded_2718().into(), signer)
    }

    fn calldata() -> Bytes {
        vec![0xab; 300].into()
    }

    fn expect_calldata(signed: &(Bytes, Address)) {
        let found = scan([&signed.0], INBOX);
        let payload = InboxPayload::Calldata(calldata());
        assert_eq!(found, [InboxTx { sender: signed.1, payload }]);
        assert!(scan([&signed.0], Address::ZERO).is_empty());
    }

    #[test]
    fn senders_of_every_type_are_recovered() {
        let to = TxKind::Call(INBOX);
        for chain_id in [None, Some(1), Some(11_155_111)] {
            expect_calldata(&sign(TxLegacy {
                to,
                chain_id,
                input: calldata(),
                ..Default::default()
            }));
        }
        let access_list = vec![alloy_eips::eip2930::AccessListItem::default()];
        expect_calldata(&sign(TxEip2930 {
            to,
            input: calldata(),
            access_list: access_list.clone().into(),
            ..Default::default()
        }));
        expect_calldata(&sign(TxEip1559 {
            to,
            chain_id: 1,
            input: calldata(),
            access_list: access_list.into(),
            ..Default::default()
        }));
    }

    #[test]
    fn a_blob_transaction_carries_its_hashes() {
        let hashes = vec![B256::repeat_byte(1), B256::repeat_byte(2)];
        let tx = TxEip4844 {
            to: INBOX,
            input: calldata(),
            blob_versioned_hashes: hashes.clone(),
            ..Default::default()
        };
        let (raw, sender) = sign(tx);
        let payload = InboxPayload::Blobs { hashes, calldata: calldata() };
        assert_eq!(scan([&raw], INBOX), [InboxTx { sender, payload }]);
    }

    #[test]
    fn types_a_batcher_may_not_send_are_passed_over() {
        let (raw, _) = sign(TxEip7702 { to: INBOX, ..Default::default() });
        assert!(scan([&raw], INBOX).is_empty());
    }

    #[test]
    fn a_deposit_names_its_sender() {
        let sender = Address::repeat_byte(3);
        let deposit = op_alloy_consensus::TxDeposit {
            from: sender,
            to: TxKind::Call(INBOX),
            input: calldata(),
            ..Default::default()
        };
        let raw: Bytes = deposit.encoded_2718().into();
        let payload = InboxPayload::Calldata(calldata());
        assert_eq!(scan([&raw], INBOX), [InboxTx { sender, payload }]);
    }

    #[test]
    fn a_transaction_cut_anywhere_is_passed_over() {
        let (raw, _) =
            sign(TxLegacy { to: TxKind::Call(INBOX), input: calldata(), ..Default::default() });
        for end in 0..raw.len() {
            assert!(scan([&raw.slice(..end)], INBOX).is_empty(), "{end}");
        }
    }
}
