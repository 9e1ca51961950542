//! Accounts out of a file of anvil's, and the way back to the first block.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io::Read as _,
};

use alloy_primitives::{Address, Bytes, KECCAK256_EMPTY, U256, keccak256};
use flate2::read::GzDecoder;
use quintet_eth::state::{Account, AccountChange, StateChanges, StateView as _};
use quintet_eth_chain::ChainError;
use serde_json::{Map, Value};

use super::{AMENDMENTS_MAX, Controls, DevChain, DevError, amend::NOBODY, time::ChainTime};

/// Largest file once it is unpacked, bytes.
pub const LOADED_BYTES_MAX: u64 = 32 << 20;

/// Why a file is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It does not unpack.
    #[error("expected what anvil_dumpState gives, packed with gzip or plain: {0}")]
    Packed(std::io::Error),
    /// It is too large.
    #[error("expected at most {LOADED_BYTES_MAX} bytes of state once unpacked, got more")]
    Large,
    /// It is something else.
    #[error("expected what anvil_dumpState gives: {reason}")]
    Shape {
        /// What is wrong.
        reason: String,
    },
}

/// An account of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadedAccount {
    /// Its nonce.
    pub nonce: u64,
    /// Its balance, wei.
    pub balance: U256,
    /// Its code.
    pub code: Bytes,
    /// Slots that hold something.
    pub storage: BTreeMap<U256, U256>,
}

/// Reads the accounts of a state that anvil dumped. Its blocks are passed over: they are of a chain with other rules and roots.
///
/// # Errors
///
/// [`LoadError`] if it is none.
pub fn read_accounts(bytes: &[u8]) -> Result<BTreeMap<Address, LoadedAccount>, LoadError> {
    let mut json = Vec::new();
    let mut unpack = |reader: &mut dyn std::io::Read| {
        reader.take(LOADED_BYTES_MAX + 1).read_to_end(&mut json).map_err(LoadError::Packed)
    };
    if bytes.starts_with(&[0x1f, 0x8b]) {
        unpack(&mut GzDecoder::new(bytes))?;
    } else {
        let mut plain = bytes;
        unpack(&mut plain)?;
    }
    if json.len() as u64 > LOADED_BYTES_MAX {
        return Err(LoadError::Large);
    }
    let shape = |reason: String| LoadError::Shape { reason };
    let value: Value = serde_json::from_slice(&json).map_err(|error| shape(error.to_string()))?;
    let accounts = value.get("accounts").and_then(Value::as_object);
    let accounts = accounts.ok_or_else(|| shape("it has no accounts".to_owned()))?;
    let one = |(address, fields): (&String, &Value)| {
        let wrong = |what: &str| shape(format!("account {address}: {what}"));
        let key: Address = address.parse().map_err(|_| wrong("expected an address"))?;
        let fields = fields.as_object().ok_or_else(|| wrong("expected an object"))?;
        Ok((key, account(fields).map_err(|what| wrong(&what))?))
    };
    accounts.iter().map(one).collect()
}

fn account(fields: &Map<String, Value>) -> Result<LoadedAccount, String> {
    let read = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(U256::ZERO),
        Some(value) => {
            number(value).ok_or_else(|| format!("{name}: expected a number of at most 256 bits"))
        }
    };
    let nonce = u64::try_from(read("nonce")?);
    let code = match fields.get("code") {
        None | Some(Value::Null) => Bytes::new(),
        Some(value) => value
            .as_str()
            .and_then(|text| text.parse().ok())
            .ok_or("code: expected bytes in hexadecimal")?,
    };
    let slot = |(slot, value): (&String, &Value)| {
        let parsed = number(&Value::String(slot.clone())).zip(number(value));
        parsed.ok_or_else(|| format!("slot {slot}: expected numbers of at most 256 bits"))
    };
    let storage = match fields.get("storage") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(value) => {
            let slots = value.as_object().ok_or("storage: expected an object")?;
            slots.iter().map(slot).collect::<Result<_, _>>()?
        }
    };
    let nonce = nonce.map_err(|_| "nonce: expected less than 2^64")?;
    Ok(LoadedAccount { nonce, balance: read("balance")?, code, storage })
}

fn number(value: &Value) -> Option<U256> {
    match value {
        Value::Number(number) => number.as_u64().map(U256::from),
        Value::String(text) => {
            let digits = text.strip_prefix("0x")?;
            U256::from_str_radix(digits, 16).ok().filter(|_| !digits.is_empty())
        }
        _ => None,
    }
}

impl DevChain {
    /// Sets accounts as a file has them; slots it does not name stay as they are.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state cannot be read or written.
    pub fn load(&self, accounts: BTreeMap<Address, LoadedAccount>) -> Result<(), DevError> {
        let mut controls = self.controls();
        let reader = self.chain().reader()?;
        let (state, at) = (reader.state(), reader.head());
        let (mut before, mut after) = (StateChanges::default(), StateChanges::default());
        for (address, LoadedAccount { nonce, balance, code, storage }) in accounts {
            let known = state.account(address).map_err(ChainError::State)?;
            let slots = storage
                .keys()
                .map(|slot| state.storage(address, *slot).map(|value| (*slot, value)));
            let slots = slots.collect::<Result<_, _>>().map_err(ChainError::State)?;
            before
                .accounts
                .insert(address, AccountChange { account: known, wiped: false, storage: slots });
            let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
            let mut account = Account { nonce, balance, code_hash };
            if account == NOBODY && !storage.is_empty() {
                // Without anything else it would be none, and hold no slot.
                account.nonce = 1;
            }
            if !code.is_empty() {
                after.codes.insert(code_hash, code);
            }
            let account = Some(account).filter(|account| *account != NOBODY);
            after.accounts.insert(address, AccountChange { account, wiped: false, storage });
        }
        drop(reader);
        self.chain().amend_state(&after)?;
        controls.remember(at, before, self.chain().spec().header.number);
        drop(controls);
        self.inner.source.refresh();
        Ok(())
    }

    /// Goes back to the first block as it was made: no blocks, no changes by hand, nothing that waits, the clock's time.
    ///
    /// # Errors
    ///
    /// [`DevError`] if the state does not reach so far back, or too much was changed by hand at the first block.
    pub fn reset(&self) -> Result<(), DevError> {
        let mut controls = self.controls();
        let Some(origin) = controls.origin.take() else { return Err(DevError::Origin) };
        let first = self.chain().spec().header.number;
        if let Err(error) = self.chain().rollback(first) {
            controls.origin = Some(origin);
            return Err(error.into());
        }
        controls.origin = Some(StateChanges::default());
        if !origin.accounts.is_empty() {
            self.chain().amend_state(&origin)?;
        }
        controls.saved.clear();
        controls.amendments.clear();
        controls.time = ChainTime::default();
        (controls.base_fee, controls.prev_randao, controls.gas_limit) = (None, None, None);
        drop(controls);
        self.inner.source.clear();
        self.inner.source.refresh();
        Ok(())
    }
}

impl Controls {
    /// Keeps what accounts of the first block were before anybody changed them by hand, as long as that is not too much.
    pub(super) fn remember_origin(&mut self, before: &StateChanges) {
        let Some(origin) = &mut self.origin else { return };
        for (address, change) in &before.accounts {
            match origin.accounts.entry(*address) {
                Entry::Vacant(entry) => {
                    entry.insert(change.clone());
                }
                Entry::Occupied(mut entry) => {
                    for (slot, value) in &change.storage {
                        entry.get_mut().storage.entry(*slot).or_insert(*value);
                    }
                }
            }
        }
        let slots = origin.accounts.values().map(|change| change.storage.len());
        if before.accounts.len() > 1 || origin.accounts.len().is_multiple_of(1_000) {
            let all = origin.accounts.len() + slots.sum::<usize>();
            if all > AMENDMENTS_MAX {
                self.origin = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"accounts": {"0x0000000000000000000000000000000000001234":
        {"nonce": 3, "balance": "0x5", "code": "0x00", "storage": {"0x01": "0x07"}}}, "blocks": [], "best_block_number": 1}"#;

    #[test]
    fn accounts_are_read_packed_and_plain() {
        let plain = read_accounts(ONE.as_bytes()).unwrap();
        let account =
            &plain[&alloy_primitives::address!("0000000000000000000000000000000000001234")];
        assert_eq!((account.nonce, account.balance), (3, U256::from(5)));
        assert_eq!(account.storage, BTreeMap::from([(U256::from(1), U256::from(7))]));
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, ONE.as_bytes()).unwrap();
        assert_eq!(read_accounts(&packed.finish().unwrap()).unwrap(), plain);
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for text in [
            "",
            "{}",
            "[]",
            &ONE.replace("1234", "12345"),
            &ONE.replace("\"0x5\"", "-1"),
            &ONE.replace("\"0x00\"", "7"),
            &ONE.replace("0x07", "x"),
            "\u{1f}\u{8b}",
        ] {
            assert!(
                matches!(read_accounts(text.as_bytes()), Err(LoadError::Shape { .. })),
                "{text}"
            );
        }
        assert!(matches!(read_accounts(&[0x1f, 0x8b, 8, 0]), Err(LoadError::Packed(_))));
    }
}
