//! What a state held, as a genesis file: balances and nonces as they are, stakes and rewards paid out to their owners.
//!
//! A stake does not become a stake again: validators of today sign with keys that the old ones never had. Its owner stakes anew.

use std::collections::BTreeMap;

use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::Serialize;
use serde_json::json;

use super::{
    block::{PythonBlock, PythonHeader},
    chain::Counts,
    config::PythonConfig,
    error::{CarryError, PythonError},
    state::{Key, PythonAccount, State},
};
use crate::genesis::{HEADER_VERSION, LuxGenesis, LuxSection, every_fork, system_contracts};

/// Contracts kept until the end, bytes together.
const CODES_BYTES_MAX: usize = 256 << 20;

/// Gas limits that a chain of today may begin with.
const GAS_LIMITS: [u64; 2] = [5_000, 1 << 40];

/// Things left behind that are listed one by one; the others are counted.
const LISTED_MAX: usize = 1_000;

/// How to carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CarryOptions {
    /// Number of the chain that begins, if it is to be another.
    pub chain_id: Option<u64>,
    /// List what cannot be carried, in place of stopping at it.
    pub leave_behind: bool,
}

/// Code that blocks held.
#[derive(Debug, Default)]
pub(super) struct Codes {
    by_hash: BTreeMap<B256, Bytes>,
    bytes: usize,
    pub(super) first_extra_data: Vec<u8>,
}

impl Codes {
    pub(super) fn keep(&mut self, block: &PythonBlock, height: u64) -> Result<(), PythonError> {
        if height == 0 {
            self.first_extra_data = block.header.extra_data.clone().unwrap_or_default();
        }
        for transaction in block.transactions.iter().filter(|one| one.created().is_some()) {
            let code = Bytes::copy_from_slice(&transaction.data);
            self.bytes = self.bytes.saturating_add(code.len());
            if self.bytes > CODES_BYTES_MAX {
                return Err(PythonError::Codes { height, most: CODES_BYTES_MAX });
            }
            self.by_hash.insert(keccak256(&code), code);
        }
        Ok(())
    }
}

/// Where the chain ends, and what is known of it.
pub(super) struct Ends {
    pub(super) header: PythonHeader,
    pub(super) hash: B256,
    pub(super) counts: Counts,
    pub(super) chain_id: Option<u64>,
    pub(super) config: Option<PythonConfig>,
}

/// A chain that was imported.
#[derive(Debug)]
pub struct Imported {
    /// The genesis that goes on from it.
    pub genesis: Genesis,
    /// What was found and what was done.
    pub report: Report,
}

/// What was found and what was done.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Number of the chain that begins.
    pub chain_id: u64,
    /// Height of the last block.
    pub height: u64,
    /// Its hash.
    pub hash: B256,
    /// Root of the state after it.
    pub state_root: B256,
    /// Hash of the genesis that goes on from it.
    pub genesis_hash: B256,
    /// Blocks, all verified.
    pub blocks: u64,
    /// Transactions in them, all with their senders' signatures.
    pub transactions: u64,
    /// Of these, those the old node took without carrying them out.
    pub without_effect: u64,
    /// Blocks signed by the address they name.
    pub blocks_signed: u64,
    /// Blocks whose signature proves nothing, for no key fits in what they name.
    pub blocks_unproven: u64,
    /// Accounts carried.
    pub accounts: u64,
    /// Of these, contracts: their code is what was sent, and was never run.
    pub contracts: u64,
    /// Wei carried.
    #[serde(serialize_with = "decimal")]
    pub supply: U256,
    /// Stakes paid out to their owners.
    pub stakes: u64,
    /// Wei of them.
    #[serde(serialize_with = "decimal")]
    pub stakes_paid: U256,
    /// Rewards paid out to their owners.
    pub rewards: u64,
    /// Wei of them.
    #[serde(serialize_with = "decimal")]
    pub rewards_paid: U256,
    /// Validators of the file the chain began from, who are none any more.
    pub validators: Vec<Address>,
    /// How many things were left behind.
    pub left: u64,
    /// The first of them.
    pub left_behind: Vec<LeftBehind>,
}

fn decimal<S: serde::Serializer>(number: &U256, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// Something that was not carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftBehind {
    /// Whose it was: an address, or a key in hexadecimal.
    pub key: String,
    /// What it was.
    pub what: &'static str,
    /// Wei lost with it.
    #[serde(serialize_with = "decimal")]
    pub balance: U256,
    /// Why.
    pub reason: String,
}

/// Makes a genesis of a state.
pub(super) fn carry(
    state: &State,
    codes: Codes,
    ends: &Ends,
    options: &CarryOptions,
) -> Result<Imported, CarryError> {
    let chain_id = ends.chain_id.ok_or(CarryError::ChainId)?;
    let mut hold = Hold {
        codes: codes.by_hash,
        system: system_contracts(),
        leave_behind: options.leave_behind,
        alloc: BTreeMap::new(),
        report: Report::new(chain_id, ends),
    };
    for (key, account) in state.accounts() {
        hold.take(key, account)?;
    }
    let Hold { mut alloc, system, mut report, .. } = hold;
    report.accounts = alloc.len() as u64;
    alloc.extend(system);
    let mut config = every_fork(chain_id);
    let usual = LuxSection::default();
    let section = LuxSection {
        block_seconds: ends
            .config
            .as_ref()
            .map_or(usual.block_seconds, |config| config.block_seconds),
        epoch_blocks: ends.config.as_ref().map_or(usual.epoch_blocks, |config| config.epoch_blocks),
        ..usual
    };
    let header = &ends.header;
    let came_from =
        json!({ "height": header.height, "hash": ends.hash, "stateRoot": header.state_root });
    config.extra_fields.insert("lux".to_owned(), json!(section));
    config.extra_fields.insert("pythonChain".to_owned(), came_from);
    let [least, most] = GAS_LIMITS;
    let genesis = Genesis {
        config,
        timestamp: header.timestamp,
        gas_limit: header.gas_limit.clamp(least, most),
        // The version of the header, and what the state was: whoever holds the dump can check that this is the chain it became.
        extra_data: [&[HEADER_VERSION], header.state_root.as_slice()].concat().into(),
        alloc,
        ..Genesis::default()
    };
    let spec = LuxGenesis::from_genesis(genesis)?.spec;
    report.genesis_hash = spec.hash;
    Ok(Imported { genesis: spec.genesis, report })
}

/// A genesis in the making.
struct Hold {
    codes: BTreeMap<B256, Bytes>,
    system: BTreeMap<Address, GenesisAccount>,
    leave_behind: bool,
    alloc: BTreeMap<Address, GenesisAccount>,
    report: Report,
}

impl Hold {
    fn take(&mut self, key: &[u8], account: &PythonAccount) -> Result<(), CarryError> {
        if *account == PythonAccount::default() {
            return Ok(());
        }
        match Key::of(key) {
            Key::Account(address) => self.account(address, account),
            Key::Stake(owner) => {
                self.report.stakes += 1;
                // No sum of parts passes the supply, which is checked.
                self.report.stakes_paid = self.report.stakes_paid.saturating_add(account.balance);
                self.pay(owner, account.balance)
            }
            Key::Reward(owner) => {
                self.report.rewards += 1;
                self.report.rewards_paid = self.report.rewards_paid.saturating_add(account.balance);
                self.pay(owner, account.balance)
            }
            Key::Other => {
                let key = Bytes::copy_from_slice(key);
                self.leave(key.to_string(), "an entry", account.balance, CarryError::Key { key })
            }
        }
    }

    fn account(&mut self, address: Address, account: &PythonAccount) -> Result<(), CarryError> {
        let PythonAccount { nonce, balance, storage_root, code_hash } = *account;
        if self.system.contains_key(&address) {
            let error = CarryError::Taken { address, balance };
            return self.leave(address.to_string(), "an account", balance, error);
        }
        let code = if code_hash == B256::ZERO { None } else { self.codes.get(&code_hash).cloned() };
        if code.is_none() && code_hash != B256::ZERO {
            let error = CarryError::Code { address, code_hash };
            self.leave(address.to_string(), "a contract's code", U256::ZERO, error)?;
        }
        if storage_root != B256::ZERO {
            let error = CarryError::Storage { address, storage_root };
            self.leave(address.to_string(), "a contract's slots", U256::ZERO, error)?;
        }
        self.pay(address, balance)?;
        let carried = self.alloc.entry(address).or_default();
        carried.nonce = Some(nonce).filter(|nonce| *nonce > 0);
        self.report.contracts += u64::from(code.is_some());
        carried.code = code;
        Ok(())
    }

    fn pay(&mut self, to: Address, amount: U256) -> Result<(), CarryError> {
        if self.system.contains_key(&to) {
            let error = CarryError::Taken { address: to, balance: amount };
            return self.leave(to.to_string(), "a payment", amount, error);
        }
        let supply = self.report.supply.checked_add(amount);
        self.report.supply = supply.ok_or(CarryError::Supply)?;
        let account = self.alloc.entry(to).or_default();
        // Never more than the supply.
        account.balance = account.balance.saturating_add(amount);
        Ok(())
    }

    fn leave(
        &mut self,
        key: String,
        what: &'static str,
        balance: U256,
        reason: CarryError,
    ) -> Result<(), CarryError> {
        if !self.leave_behind {
            return Err(reason);
        }
        self.report.left += 1;
        if self.report.left_behind.len() < LISTED_MAX {
            let reason = reason.to_string();
            self.report.left_behind.push(LeftBehind { key, what, balance, reason });
        }
        Ok(())
    }
}

impl Report {
    fn new(chain_id: u64, ends: &Ends) -> Self {
        let Counts { blocks, transactions, without_effect, signed, unproven } = ends.counts;
        let validators = ends.config.iter().flat_map(|config| &config.validators);
        Self {
            chain_id,
            height: ends.header.height,
            hash: ends.hash,
            state_root: ends.header.state_root,
            genesis_hash: B256::ZERO,
            blocks,
            transactions,
            without_effect,
            blocks_signed: signed,
            blocks_unproven: unproven,
            accounts: 0,
            contracts: 0,
            supply: U256::ZERO,
            stakes: 0,
            stakes_paid: U256::ZERO,
            rewards: 0,
            rewards_paid: U256::ZERO,
            validators: validators.map(|(address, _)| *address).collect(),
            left: 0,
            left_behind: Vec::new(),
        }
    }
}
