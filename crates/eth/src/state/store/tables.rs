//! Tables of the state, and how their records are written.
//!
//! The layout is described in `docs/formats/eth-state.md`; a change here is a change there and a migration.

use alloy_primitives::{B256, Bytes, KECCAK256_EMPTY, U256};
use quintet_store::{DecodeError, KeyCodec, Reader, Table, ValueCodec, put_varint};

use super::Head;
use crate::{
    state::AccountLeaf,
    trie::{EMPTY_ROOT, Nibbles},
};

/// keccak256 of an address.
pub(super) type AccountKey = [u8; 32];
/// Account, and keccak256 of a slot's number.
pub(super) type SlotKey = ([u8; 32], [u8; 32]);

pub(super) const ACCOUNTS: Table<AccountKey, AccountLeaf> = Table::new("state-accounts");
pub(super) const SLOTS: Table<SlotKey, SlotValue> = Table::new("state-slots");
pub(super) const CODES: Table<[u8; 32], Raw> = Table::new("state-codes");
pub(super) const NODES: Table<NodeKey, Raw> = Table::new("state-nodes");
pub(super) const SLOT_NODES: Table<([u8; 32], NodeKey), Raw> = Table::new("state-slot-nodes");
pub(super) const DIFFS: Table<u64, super::diff::Diff> = Table::new("state-diffs");
pub(super) const ACCOUNT_HISTORY: Table<([u8; 32], u64), Option<AccountLeaf>> =
    Table::new("state-account-history");
pub(super) const SLOT_HISTORY: Table<([u8; 32], [u8; 32], u64), SlotValue> =
    Table::new("state-slot-history");
/// In an archive: the first block whose state is kept.
pub(super) const FIRST: Table<(), u64> = Table::new("state-first");
pub(super) const HEAD: Table<(), Head> = Table::new("state-head");

/// Where a node lies in its trie: a byte for each half byte, one above it, and a zero at the end.
///
/// The order is that of paths, and no key begins another, though paths do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeKey(pub(super) Nibbles);

impl KeyCodec for NodeKey {
    fn encode_key(&self, out: &mut Vec<u8>) {
        out.extend(self.0.as_slice().iter().map(|nibble| nibble + 1));
        out.push(0);
    }

    fn decode_key(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut nibbles = Vec::new();
        loop {
            match reader.u8()? {
                0 => break,
                nibble @ 1..=16 => nibbles.push(nibble - 1),
                other => return Err(DecodeError::invalid("a half byte, 1 to 16, or 0", other)),
            }
        }
        let path = Nibbles::from_slice(&nibbles);
        path.map(Self).ok_or_else(|| DecodeError::invalid("64 half bytes at most", nibbles.len()))
    }
}

/// Bytes as they are: RLP of nodes, code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raw(pub(super) Bytes);

impl ValueCodec for Raw {
    fn encode_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(Bytes::copy_from_slice(reader.bytes(reader.rest().len())?)))
    }
}

/// A slot's value: big-endian without zeros in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotValue(pub(super) U256);

impl ValueCodec for SlotValue {
    fn encode_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.to_be_bytes_trimmed_vec().as_slice());
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        number(reader.bytes(reader.rest().len())?).map(Self)
    }
}

fn number(bytes: &[u8]) -> Result<U256, DecodeError> {
    let value = U256::try_from_be_slice(bytes).filter(|_| bytes.first() != Some(&0));
    value.ok_or_else(|| {
        DecodeError::invalid("a number of 256 bits without zeros in front", "another")
    })
}

/// Appends a number behind its length.
pub(super) fn put_number(value: &U256, out: &mut Vec<u8>) {
    let bytes = value.to_be_bytes_trimmed_vec();
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(&bytes);
}

/// Takes what [`put_number`] wrote.
pub(super) fn take_number(reader: &mut Reader<'_>) -> Result<U256, DecodeError> {
    number(reader.counted_bytes()?)
}

const HAS_CODE: u8 = 1;
const HAS_STORAGE: u8 = 2;

impl ValueCodec for AccountLeaf {
    fn encode_value(&self, out: &mut Vec<u8>) {
        let code = if self.has_code() { HAS_CODE } else { 0 };
        let storage = if self.has_storage() { HAS_STORAGE } else { 0 };
        out.push(code | storage);
        put_varint(self.nonce, out);
        put_number(&self.balance, out);
        if self.has_code() {
            out.extend_from_slice(self.code_hash.as_slice());
        }
        if self.has_storage() {
            out.extend_from_slice(self.storage_root.as_slice());
        }
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let flags = reader.u8()?;
        if flags > HAS_CODE | HAS_STORAGE {
            return Err(DecodeError::invalid("flags of an account, 0 to 3", flags));
        }
        let (nonce, balance) = (reader.varint()?, take_number(reader)?);
        let mut word = |flag, absent| {
            if flags & flag == 0 { Ok(absent) } else { reader.array().map(B256::new) }
        };
        let code_hash = word(HAS_CODE, KECCAK256_EMPTY)?;
        let storage_root = word(HAS_STORAGE, EMPTY_ROOT)?;
        Ok(Self { nonce, balance, storage_root, code_hash })
    }
}

impl ValueCodec for Head {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.number.encode_value(out);
        out.extend_from_slice(self.hash.as_slice());
        out.extend_from_slice(self.root.as_slice());
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = reader.u64()?;
        Ok(Self { number, hash: reader.array()?.into(), root: reader.array()?.into() })
    }
}
