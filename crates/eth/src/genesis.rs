//! The first block: an Ethereum genesis file becomes a state, its root, a header and its hash.
//!
//! ```text
//!   genesis JSON ─► alloc ──► StateChanges ──► state root ─┐
//!                └► config, header fields ─────────────────┴─► Header ─► hash
//! ```
//!
//! The rules are go-ethereum's, `core/genesis.go`: which fields a header has is decided by the forks that are active in it. What an OP
//! chain does otherwise (a withdrawals root that is a storage root, parameters in `extraData`) its caller sets on the header.

use std::collections::BTreeMap;

use alloy_consensus::{EMPTY_ROOT_HASH, Header};
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{Address, B64, B256, KECCAK256_EMPTY, U256, keccak256};

use crate::state::{Account, AccountChange, StateChanges, root};

/// Gas limit of a genesis that says none: go-ethereum's `GenesisGasLimit`.
const GAS_LIMIT_DEFAULT: u64 = 4_712_388;

/// Wei for each gas in the first block with EIP-1559.
const BASE_FEE_INITIAL: u64 = 1_000_000_000;

/// Longest genesis file read, bytes.
pub const GENESIS_BYTES_MAX: usize = 256 << 20;

/// Why a genesis file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// It is too long.
    #[error("genesis file has {actual} bytes, expected at most {GENESIS_BYTES_MAX}")]
    Length {
        /// Its length, bytes.
        actual: usize,
    },
    /// It is no genesis file.
    #[error("expected an Ethereum genesis file in JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A field that a header cannot hold.
    #[error("genesis field `{field}` is {actual}, expected at most 2^64 - 1")]
    Large {
        /// The field.
        field: &'static str,
        /// Its value.
        actual: u128,
    },
}

/// Reads a genesis file.
///
/// # Errors
///
/// [`GenesisError`] if it is too long or no genesis file.
pub fn read(json: &[u8]) -> Result<Genesis, GenesisError> {
    if json.len() > GENESIS_BYTES_MAX {
        return Err(GenesisError::Length { actual: json.len() });
    }
    Ok(serde_json::from_slice(json)?)
}

/// Returns the state of a genesis as a change of an empty one. Accounts without anything are kept, as go-ethereum keeps them here.
#[must_use]
pub fn changes(alloc: &BTreeMap<Address, GenesisAccount>) -> StateChanges {
    let mut changes = StateChanges::default();
    for (address, account) in alloc {
        let code = account.code.as_ref().filter(|code| !code.is_empty());
        let code_hash = code.map_or(KECCAK256_EMPTY, |code| {
            let hash = keccak256(code);
            changes.codes.insert(hash, code.clone());
            hash
        });
        let nonce = account.nonce.unwrap_or_default();
        let number = |word: &B256| U256::from_be_bytes(word.0);
        let storage = account.storage.iter().flatten();
        let change = AccountChange {
            account: Some(Account { nonce, balance: account.balance, code_hash }),
            wiped: false,
            storage: storage.map(|(slot, value)| (number(slot), number(value))).collect(),
        };
        changes.accounts.insert(*address, change);
    }
    changes
}

/// Returns the state root of a genesis.
#[must_use]
pub fn state_root(alloc: &BTreeMap<Address, GenesisAccount>) -> B256 {
    root::of_new_state(&changes(alloc))
}

/// Returns the header of the first block over a state with this root.
///
/// # Errors
///
/// [`GenesisError::Large`] if the base fee is above 64 bits.
pub fn header(genesis: &Genesis, state_root: B256) -> Result<Header, GenesisError> {
    let number = genesis.number.unwrap_or_default();
    let config = &genesis.config;
    let london = config.is_london_active_at_block(number);
    let at = |time: Option<u64>| london && time.is_some_and(|time| time <= genesis.timestamp);
    let shanghai = at(config.shanghai_time);
    let cancun = at(config.cancun_time);
    let prague = at(config.prague_time);
    let base_fee = match genesis.base_fee_per_gas {
        Some(fee) => u64::try_from(fee)
            .map_err(|_| GenesisError::Large { field: "baseFeePerGas", actual: fee })?,
        None => BASE_FEE_INITIAL,
    };
    Ok(Header {
        parent_hash: genesis.parent_hash.unwrap_or_default(),
        beneficiary: genesis.coinbase,
        state_root,
        difficulty: genesis.difficulty,
        number,
        gas_limit: if genesis.gas_limit == 0 { GAS_LIMIT_DEFAULT } else { genesis.gas_limit },
        timestamp: genesis.timestamp,
        extra_data: genesis.extra_data.clone(),
        mix_hash: genesis.mix_hash,
        nonce: B64::from(genesis.nonce),
        base_fee_per_gas: london.then_some(base_fee),
        withdrawals_root: shanghai.then_some(EMPTY_ROOT_HASH),
        blob_gas_used: cancun.then(|| genesis.blob_gas_used.unwrap_or_default()),
        excess_blob_gas: cancun.then(|| genesis.excess_blob_gas.unwrap_or_default()),
        parent_beacon_block_root: cancun.then_some(B256::ZERO),
        requests_hash: prague.then_some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    })
}

/// Returns the header and the hash of the first block.
///
/// # Errors
///
/// [`GenesisError`] as for [`header()`].
pub fn block(genesis: &Genesis) -> Result<(Header, B256), GenesisError> {
    let header = header(genesis, state_root(&genesis.alloc))?;
    let hash = header.hash_slow();
    Ok((header, hash))
}
