//! Rows of the index.

use quintet_kaspa_protocol::tx::{Outpoint, ScriptPublicKey, UtxoEntry};
use quintet_primitives::Hash256;
use quintet_store::{DecodeError, Reader, ValueCodec, put_varint};

/// Version and script, then the outpoint.
pub(super) type Key = (Vec<u8>, [u8; 36]);

const COINBASE: u8 = 1;
const COVENANT: u8 = 1 << 1;

pub(super) fn script_bytes(script: &ScriptPublicKey) -> Vec<u8> {
    let mut bytes = script.version.to_be_bytes().to_vec();
    bytes.extend_from_slice(&script.script);
    bytes
}

pub(super) fn key(script: &ScriptPublicKey, outpoint: &Outpoint) -> Key {
    let mut bytes = [0; 36];
    let (id, index) = bytes.split_at_mut(32);
    id.copy_from_slice(outpoint.transaction_id.as_bytes());
    index.copy_from_slice(&outpoint.index.to_be_bytes());
    (script_bytes(script), bytes)
}

pub(super) fn outpoint_of(bytes: &[u8; 36]) -> Outpoint {
    let (mut id, mut index) = ([0; 32], [0; 4]);
    let (front, back) = bytes.split_at(32);
    id.copy_from_slice(front);
    index.copy_from_slice(back);
    Outpoint::new(Hash256::new(id), u32::from_be_bytes(index))
}

/// An entry without its script, which is in the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    amount: u64,
    block_daa_score: u64,
    is_coinbase: bool,
    covenant_id: Option<Hash256>,
}

impl Entry {
    pub(super) const fn of(entry: &UtxoEntry) -> Self {
        Self {
            amount: entry.amount,
            block_daa_score: entry.block_daa_score,
            is_coinbase: entry.is_coinbase,
            covenant_id: entry.covenant_id,
        }
    }

    pub(super) fn with(&self, script: &ScriptPublicKey) -> UtxoEntry {
        UtxoEntry {
            amount: self.amount,
            script_public_key: script.clone(),
            block_daa_score: self.block_daa_score,
            is_coinbase: self.is_coinbase,
            covenant_id: self.covenant_id,
        }
    }
}

impl ValueCodec for Entry {
    fn encode_value(&self, out: &mut Vec<u8>) {
        let coinbase = if self.is_coinbase { COINBASE } else { 0 };
        let covenant = if self.covenant_id.is_some() { COVENANT } else { 0 };
        out.push(coinbase | covenant);
        put_varint(self.amount, out);
        put_varint(self.block_daa_score, out);
        if let Some(covenant) = &self.covenant_id {
            out.extend_from_slice(covenant.as_bytes());
        }
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let flags = reader.u8()?;
        if flags & !(COINBASE | COVENANT) != 0 {
            return Err(DecodeError::invalid("flags of an entry, 0 to 3", flags));
        }
        let (amount, block_daa_score) = (reader.varint()?, reader.varint()?);
        let covenant_id =
            if flags & COVENANT != 0 { Some(Hash256::new(reader.array()?)) } else { None };
        Ok(Self { amount, block_daa_score, is_coinbase: flags & COINBASE != 0, covenant_id })
    }
}
