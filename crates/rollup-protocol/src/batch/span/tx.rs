//! A span's transactions: the data column's entries, and the whole transactions built from them.
//!
//! ```text
//!   data column                                          transaction
//!   rlp [value, gas_price, data]                         rlp [nonce, price, gas, to, value, data, v, r, s]
//!   1 · rlp [value, gas_price, data, access]             1 · rlp [chain, nonce, price, gas, to, value, data, access, y, r, s]
//!   2 · rlp [value, tip, fee, data, access]              2 · rlp [chain, nonce, tip, fee, gas, to, value, data, access, y, r, s]
//!   4 · rlp [value, tip, fee, data, access, auths]       4 · rlp [chain, nonce, tip, fee, gas, to, value, data, access, auths, y, r, s]
//! ```
//!
//! **Spec:** `delta/span-batches.md`, "`tx_data`"; `isthmus/derivation.md`, "EIP-7702 transactions in span batches".

use crate::{
    batch::BatchError,
    rlp::{Items, RlpError, list_header_len, write_list_header},
};

/// Returns whether an entry of the data column is a legacy transaction's.
pub(super) fn is_legacy(data: &[u8]) -> bool {
    data.first().is_some_and(|first| *first > 0x7f)
}

/// The fields of an entry of the data column, each with its RLP header.
struct Fields<'a> {
    kind: u8,
    value: &'a [u8],
    /// One price, or tip and fee.
    prices: &'a [u8],
    data: &'a [u8],
    /// Access list and, with type 4, authorisations.
    lists: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Splits an entry into its fields without looking into its lists.
    fn split(entry: &'a [u8]) -> Result<Self, RlpError> {
        let (kind, list) = if is_legacy(entry) { (0, entry) } else { (entry[0], &entry[1..]) };
        let mut items = Items::of_list(list)?;
        let value = items.raw_number()?;
        let before = items.rest();
        items.raw_number()?;
        if matches!(kind, 2 | 4) {
            items.raw_number()?;
        }
        let prices = &before[..before.len() - items.rest().len()];
        let data = items.raw_string()?;
        Ok(Self { kind, value, prices, data, lists: items.rest() })
    }
}

/// Checks that an entry of a known type can be built: the number, form and kind of every field.
pub(super) fn check(index: usize, entry: &[u8], creates: bool) -> Result<(), BatchError> {
    let wrap = |error| BatchError::Tx { index, error };
    let fields = Fields::split(entry).map_err(wrap)?;
    let mut lists = Items::new(fields.lists);
    if fields.kind != 0 {
        lists.raw_list().and_then(check_access_list).map_err(wrap)?;
    }
    if fields.kind == 4 {
        if creates {
            return Err(BatchError::NoDestination { index });
        }
        lists.raw_list().and_then(check_authorisations).map_err(wrap)?;
    }
    lists.end().map_err(wrap)
}

/// Each entry: an address and a list of slots.
fn check_access_list(list: &[u8]) -> Result<(), RlpError> {
    let mut entries = Items::of_list(list)?;
    while !entries.is_empty() {
        let mut entry = Items::of_list(entries.raw_list()?)?;
        entry.array::<20>()?;
        let mut slots = Items::of_list(entry.raw_list()?)?;
        while !slots.is_empty() {
            slots.array::<32>()?;
        }
        entry.end()?;
    }
    Ok(())
}

/// Each entry: chain id, address, nonce, parity, r, s.
fn check_authorisations(list: &[u8]) -> Result<(), RlpError> {
    let word = |items: &mut Items<'_>| {
        let actual = items.raw_number()?.len();
        if actual <= 33 { Ok(()) } else { Err(RlpError::Size { expected: 33, actual }) }
    };
    let mut entries = Items::of_list(list)?;
    while !entries.is_empty() {
        let mut entry = Items::of_list(entries.raw_list()?)?;
        word(&mut entry)?;
        entry.array::<20>()?;
        entry.uint64()?;
        if entry.uint64()? > u64::from(u8::MAX) {
            return Err(RlpError::Size { expected: 1, actual: 8 });
        }
        word(&mut entry)?;
        word(&mut entry)?;
        entry.end()?;
    }
    Ok(())
}

/// What the other columns say of a transaction.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) chain_id: u64,
    pub(super) nonce: u64,
    pub(super) gas: u64,
    /// 20 bytes, `None` for a transaction that creates a contract.
    pub(super) to: Option<&'a [u8]>,
    pub(super) parity: bool,
    /// Of a legacy transaction: whether its signature names the chain.
    pub(super) protected: bool,
    /// r and s, 32 bytes each.
    pub(super) signature: &'a [u8],
}

/// Appends the transaction of an entry that passed [`check`].
pub(super) fn build(entry: &[u8], parts: &Parts<'_>, out: &mut Vec<u8>) {
    // An entry that does not split was refused when the span was decoded.
    let Ok(fields) = Fields::split(entry) else { return };
    let v = match (fields.kind, parts.protected) {
        (0, true) => parts.chain_id.wrapping_mul(2).wrapping_add(35 + u64::from(parts.parity)),
        (0, false) => 27 + u64::from(parts.parity),
        _ => u64::from(parts.parity),
    };
    let (r, s) = parts.signature.split_at(32);
    let chain = if fields.kind == 0 { 0 } else { number_len(parts.chain_id) };
    let payload = chain
        + number_len(parts.nonce)
        + fields.prices.len()
        + number_len(parts.gas)
        + parts.to.map_or(1, |_| 21)
        + fields.value.len()
        + fields.data.len()
        + fields.lists.len()
        + number_len(v)
        + word_len(r)
        + word_len(s);
    if fields.kind != 0 {
        out.push(fields.kind);
    }
    out.reserve(list_header_len(payload) + payload);
    write_list_header(payload, out);
    if fields.kind != 0 {
        write_number(parts.chain_id, out);
    }
    write_number(parts.nonce, out);
    out.extend_from_slice(fields.prices);
    write_number(parts.gas, out);
    match parts.to {
        Some(to) => {
            out.push(0x80 + 20);
            out.extend_from_slice(to);
        }
        None => out.push(0x80),
    }
    out.extend_from_slice(fields.value);
    out.extend_from_slice(fields.data);
    out.extend_from_slice(fields.lists);
    write_number(v, out);
    write_word(r, out);
    write_word(s, out);
}

fn number_len(number: u64) -> usize {
    alloy_rlp::Encodable::length(&number)
}

fn write_number(number: u64, out: &mut Vec<u8>) {
    alloy_rlp::Encodable::encode(&number, out);
}

/// Returns a big-endian number without the zeros before it.
fn digits(word: &[u8]) -> &[u8] {
    let zeros = word.iter().take_while(|byte| **byte == 0).count();
    &word[zeros..]
}

fn word_len(word: &[u8]) -> usize {
    alloy_rlp::Encodable::length(digits(word))
}

fn write_word(word: &[u8], out: &mut Vec<u8>) {
    alloy_rlp::Encodable::encode(digits(word), out);
}
