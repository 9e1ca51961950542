//! The file a chain of the Python node began from: its accounts, its validators, the rules it was told.
//!
//! **Spec:** `sdk/testnet/genesis.py`, `GenesisConfig`.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    error::PythonError,
    field::{Natural, prefixed_address},
    state::{PythonAccount, State},
};

/// Largest file, bytes.
pub const CONFIG_BYTES_MAX: u64 = 64 << 20;

/// Decimals that a chain of today counts in.
const DECIMALS: u64 = 18;

/// What a chain began from.
#[derive(Debug, Clone)]
pub struct PythonConfig {
    /// Its number, which its transactions do not sign.
    pub chain_id: u64,
    /// Seconds between blocks.
    pub block_seconds: u64,
    /// Blocks of an epoch.
    pub epoch_blocks: u64,
    /// Validators of the beginning with their stakes, which are their balances too.
    pub validators: Vec<(Address, U256)>,
    /// The first block's extra data.
    pub(super) extra_data: Vec<u8>,
    pub(super) state: State,
}

#[derive(Deserialize)]
struct Fields<'a> {
    chain_id: Natural,
    consensus: ConsensusFields,
    #[serde(default)]
    initial_validators: Vec<ValidatorFields>,
    #[serde(default)]
    initial_accounts: Vec<AccountFields>,
    decimals: Option<Natural>,
    #[serde(borrow)]
    extra_data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ConsensusFields {
    epoch_length: Option<Natural>,
    slot_duration: Option<Natural>,
}

#[derive(Deserialize)]
struct ValidatorFields {
    address: String,
    stake: Natural,
}

#[derive(Deserialize)]
struct AccountFields {
    address: String,
    balance: Natural,
    nonce: Option<Natural>,
}

fn wrong(reason: impl Into<String>) -> PythonError {
    PythonError::Config { reason: reason.into() }
}

impl PythonConfig {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`PythonError`] if it is none, or says something that cannot be meant.
    pub fn read(json: &[u8]) -> Result<Self, PythonError> {
        if json.len() as u64 > CONFIG_BYTES_MAX {
            return Err(PythonError::ConfigSize { actual: json.len() as u64 });
        }
        let fields: Fields<'_> =
            serde_json::from_slice(json).map_err(|error| wrong(error.to_string()))?;
        let small = |field: &'static str, number: Natural| {
            number.small(field).map_err(|fault| wrong(fault.to_string()))
        };
        let or = |field, number: Option<Natural>, usual| match number {
            None => Ok(usual),
            Some(number) => small(field, number).and_then(|number| match number {
                0 => Err(wrong(format!("{field}: expected a number from 1 on, got 0"))),
                number => Ok(number),
            }),
        };
        let decimals = fields.decimals.map_or(Ok(DECIMALS), |number| small("decimals", number))?;
        if decimals != DECIMALS {
            return Err(wrong(format!(
                "decimals: expected {DECIMALS}, got {decimals}: balances would be worth something else"
            )));
        }
        let address = |text: &str| {
            let shown: String = text.chars().take(60).collect();
            prefixed_address(text).ok_or_else(|| {
                wrong(format!("expected an address of 20 bytes with 0x, got {shown:?}"))
            })
        };
        let mut state = State::default();
        let mut seen = BTreeSet::new();
        let mut once = |address: Address| match seen.insert(address) {
            true => Ok(()),
            false => Err(wrong(format!("account {address} is there twice"))),
        };
        let mut validators = Vec::with_capacity(fields.initial_validators.len());
        for ValidatorFields { address: text, stake: Natural(stake) } in fields.initial_validators {
            let address = address(&text)?;
            once(address)?;
            state.set(address, PythonAccount { balance: stake, ..PythonAccount::default() });
            validators.push((address, stake));
        }
        for AccountFields { address: text, balance: Natural(balance), nonce } in
            fields.initial_accounts
        {
            let address = address(&text)?;
            once(address)?;
            let nonce = nonce.map_or(Ok(0), |nonce| small("nonce", nonce))?;
            state.set(address, PythonAccount { nonce, balance, ..PythonAccount::default() });
        }
        Ok(Self {
            chain_id: small("chain_id", fields.chain_id)?,
            block_seconds: or("slot_duration", fields.consensus.slot_duration, 12)?,
            epoch_blocks: or("epoch_length", fields.consensus.epoch_length, 100)?,
            validators,
            extra_data: dumps(fields.extra_data.map_or("{}", RawValue::get)),
            state,
        })
    }
}

/// Writes JSON as Python's `json.dumps` does, made of JSON that it wrote with other blanks.
fn dumps(json: &str) -> Vec<u8> {
    let mut written = Vec::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        match (in_text, byte) {
            (true, _) => {
                in_text = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
                written.push(byte);
            }
            (false, b' ' | b'\t' | b'\r' | b'\n') => {}
            (false, b',' | b':') => written.extend([byte, b' ']),
            (false, _) => {
                in_text = byte == b'"';
                written.push(byte);
            }
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_data_are_written_as_python_writes_them() {
        let indented = "{\n  \"a\\\" b\": [\n    1,\n    2.50\n  ],\n  \"c\": \"x: y, z\"\n}";
        assert_eq!(dumps(indented), br#"{"a\" b": [1, 2.50], "c": "x: y, z"}"#);
        assert_eq!(dumps("{}"), b"{}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let file = |accounts: &str, decimals: u32| {
            format!(
                r#"{{"chain_id": 7, "consensus": {{}}, "decimals": {decimals}, "initial_accounts": [{accounts}]}}"#
            )
        };
        let one = r#"{"address": "0x00000000000000000000000000000000000000aa", "balance": 5}"#;
        assert_eq!(PythonConfig::read(file(one, 18).as_bytes()).unwrap().block_seconds, 12);
        for (file, said) in [
            (file(one, 6), "decimals"),
            (file(&format!("{one},{one}"), 18), "twice"),
            (file(&one.replace("0x", ""), 18), "20 bytes"),
            (file(&one.replace('5', "-5"), 18), "whole number"),
            (String::new(), "EOF"),
        ] {
            let error = PythonConfig::read(file.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
