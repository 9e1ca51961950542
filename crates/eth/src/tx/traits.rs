//! What alloy's blocks ask of a transaction, so that a block may hold deposits too.
//!
//! Reading is our own strict reader's: a transaction is taken in its one encoding or refused.

use alloy_consensus::{Transaction, Typed2718};
use alloy_eips::{
    eip2718::{Decodable2718, Eip2718Error, Eip2718Result, Encodable2718},
    eip2930::AccessList,
    eip7702::SignedAuthorization,
};
use alloy_primitives::{B256, Bytes, ChainId, TxKind, U256};
use alloy_rlp::{BufMut, Decodable, Encodable, Header};

use super::EthTransaction;

impl Typed2718 for EthTransaction {
    fn ty(&self) -> u8 {
        self.kind()
    }
}

impl Transaction for EthTransaction {
    fn chain_id(&self) -> Option<ChainId> {
        self.as_transaction().chain_id()
    }

    fn nonce(&self) -> u64 {
        self.as_transaction().nonce()
    }

    fn gas_limit(&self) -> u64 {
        self.as_transaction().gas_limit()
    }

    fn gas_price(&self) -> Option<u128> {
        self.as_transaction().gas_price()
    }

    fn max_fee_per_gas(&self) -> u128 {
        self.as_transaction().max_fee_per_gas()
    }

    fn max_priority_fee_per_gas(&self) -> Option<u128> {
        self.as_transaction().max_priority_fee_per_gas()
    }

    fn max_fee_per_blob_gas(&self) -> Option<u128> {
        self.as_transaction().max_fee_per_blob_gas()
    }

    fn priority_fee_or_price(&self) -> u128 {
        self.as_transaction().priority_fee_or_price()
    }

    fn effective_gas_price(&self, base_fee: Option<u64>) -> u128 {
        self.as_transaction().effective_gas_price(base_fee)
    }

    fn is_dynamic_fee(&self) -> bool {
        self.as_transaction().is_dynamic_fee()
    }

    fn kind(&self) -> TxKind {
        self.as_transaction().kind()
    }

    fn is_create(&self) -> bool {
        self.as_transaction().is_create()
    }

    fn value(&self) -> U256 {
        self.as_transaction().value()
    }

    fn input(&self) -> &Bytes {
        self.as_transaction().input()
    }

    fn access_list(&self) -> Option<&AccessList> {
        self.as_transaction().access_list()
    }

    fn blob_versioned_hashes(&self) -> Option<&[B256]> {
        self.as_transaction().blob_versioned_hashes()
    }

    fn authorization_list(&self) -> Option<&[SignedAuthorization]> {
        self.as_transaction().authorization_list()
    }
}

impl Encodable2718 for EthTransaction {
    fn encode_2718_len(&self) -> usize {
        match self {
            Self::Signed(transaction) => transaction.encode_2718_len(),
            Self::Deposit(deposit) => deposit.inner().encode_2718_len(),
        }
    }

    fn encode_2718(&self, out: &mut dyn BufMut) {
        match self {
            Self::Signed(transaction) => transaction.encode_2718(out),
            Self::Deposit(deposit) => deposit.inner().encode_2718(out),
        }
    }

    fn trie_hash(&self) -> B256 {
        self.hash()
    }
}

/// As blocks hold it: a legacy transaction is a list, another a string.
impl Encodable for EthTransaction {
    fn encode(&self, out: &mut dyn BufMut) {
        self.network_encode(out);
    }

    fn length(&self) -> usize {
        self.network_len()
    }
}

/// Says what the strict reader found wrong; alloy's errors have no room for its words.
fn refused<E>(_: E) -> Eip2718Error {
    Eip2718Error::RlpError(alloy_rlp::Error::Custom(
        "a transaction in its one encoding is expected",
    ))
}

impl Decodable2718 for EthTransaction {
    fn typed_decode(kind: u8, buf: &mut &[u8]) -> Eip2718Result<Self> {
        let mut whole = Vec::with_capacity(1 + buf.len());
        whole.push(kind);
        // The rest is one list, and what is behind it is not this transaction's.
        let mut rest = *buf;
        let header = Header::decode(&mut rest)?;
        let length = (buf.len() - rest.len()).saturating_add(header.payload_length);
        let fields = buf.get(..length).ok_or(alloy_rlp::Error::InputTooShort)?;
        whole.extend_from_slice(fields);
        let transaction = Self::decode(&whole).map_err(refused)?;
        *buf = &buf[length..];
        Ok(transaction)
    }

    fn fallback_decode(buf: &mut &[u8]) -> Eip2718Result<Self> {
        let mut rest = *buf;
        let header = Header::decode(&mut rest)?;
        let length = (buf.len() - rest.len()).saturating_add(header.payload_length);
        let whole = buf.get(..length).ok_or(alloy_rlp::Error::InputTooShort)?;
        let transaction = Self::decode(whole).map_err(refused)?;
        *buf = &buf[length..];
        Ok(transaction)
    }
}

impl Decodable for EthTransaction {
    fn decode(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
        let mut rest = *buf;
        let header = Header::decode(&mut rest)?;
        let item = rest.get(..header.payload_length).ok_or(alloy_rlp::Error::InputTooShort)?;
        let after = &rest[header.payload_length..];
        let encoded = if header.list { &buf[..buf.len() - after.len()] } else { item };
        let wrong = alloy_rlp::Error::Custom("a transaction in its one encoding is expected");
        // A legacy transaction stands as the list it is, never inside a string.
        if !header.list && encoded.first().is_none_or(|kind| *kind > 0x7f) {
            return Err(wrong);
        }
        let transaction = Self::decode(encoded).map_err(|_| wrong)?;
        *buf = after;
        Ok(transaction)
    }
}
