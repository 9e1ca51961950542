//! What a call that nobody signed did: for answers, not for blocks.

use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, Log, TxKind, U256};
use quintet_eth::state::Account;
use revm::{
    context::TxEnv,
    context_interface::{
        either::Either,
        result::{ExecutionResult, Output},
    },
    state::{Account as Loaded, AccountInfo},
};

use super::{
    Done, Halt, Transaction,
    overlay::{Fate, account_of, fate_of},
    transaction::OpParts,
};
use crate::schedule::Rules;

/// A transaction that nobody signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallTransaction {
    /// In whose name.
    pub from: Address,
    /// Whom it calls, or that it makes a contract.
    pub to: TxKind,
    /// Gas it may use.
    pub gas_limit: u64,
    /// The most it pays for gas, wei; zero for nothing, and then the block has no base fee.
    pub max_fee_per_gas: u128,
    /// Of that to the beneficiary; `None` for all of it.
    pub max_priority_fee_per_gas: Option<u128>,
    /// Wei that move.
    pub value: U256,
    /// Data.
    pub input: Bytes,
    /// Its nonce; the sender's next one where [`Checks::nonce`] is off or the caller looked it up.
    pub nonce: u64,
    /// Places it says it reads.
    pub access_list: AccessList,
    /// Hashes of blobs.
    pub blob_hashes: Vec<B256>,
    /// The most it pays for blobs.
    pub max_fee_per_blob_gas: u128,
    /// Keys that lend their accounts code.
    pub authorization_list: Vec<SignedAuthorization>,
}

/// What is asked of a transaction beyond what running it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// That its nonce is the sender's next one.
    pub nonce: bool,
    /// That its sender has no code.
    pub sender_code: bool,
    /// That its gas fits into the block and into what one transaction may ask for.
    pub gas_limit: bool,
}

impl Checks {
    /// All of them: a block's.
    pub const ALL: Self = Self { nonce: true, sender_code: true, gas_limit: true };
    /// None of them: `eth_call`'s.
    pub const NONE: Self = Self { nonce: false, sender_code: false, gas_limit: false };
}

impl Transaction {
    /// Takes a transaction that nobody signed.
    #[must_use]
    pub fn call(rules: &Rules, call: &CallTransaction) -> Self {
        let mut env = TxEnv {
            caller: call.from,
            gas_limit: call.gas_limit,
            gas_price: call.max_fee_per_gas,
            kind: call.to,
            value: call.value,
            data: call.input.clone(),
            nonce: call.nonce,
            chain_id: Some(rules.chain_id),
            access_list: call.access_list.clone(),
            gas_priority_fee: call.max_priority_fee_per_gas,
            blob_hashes: call.blob_hashes.clone(),
            max_fee_per_blob_gas: call.max_fee_per_blob_gas,
            authorization_list: call.authorization_list.iter().cloned().map(Either::Left).collect(),
            ..TxEnv::default()
        };
        env.tx_type = kind_of(call);
        // Data that nobody publishes costs nothing on L1.
        let op = rules.op.map(|_| OpParts { encoded: Bytes::new(), deposit: None });
        Self { kind: env.tx_type, env, op }
    }
}

fn kind_of(call: &CallTransaction) -> u8 {
    if !call.authorization_list.is_empty() {
        4
    } else if !call.blob_hashes.is_empty() || call.max_fee_per_blob_gas > 0 {
        3
    } else if call.max_priority_fee_per_gas.is_some() {
        2
    } else {
        u8::from(!call.access_list.is_empty())
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Well, with what it returned.
    Returned {
        /// What it returned; code, where a contract was made.
        output: Bytes,
        /// The contract that was made.
        created: Option<Address>,
    },
    /// With `REVERT`.
    Reverted {
        /// What it says.
        output: Bytes,
    },
    /// Badly.
    Halted(Halt),
}

/// An account that a call loaded or paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Its address.
    pub address: Address,
    /// The account before; `None` if there was none.
    pub before: Option<Account>,
    /// The account afterwards.
    pub after: Option<Account>,
    /// Code it got.
    pub code: Option<Bytes>,
    /// Slots that were read or written: number, value before, value afterwards.
    pub slots: Vec<(U256, U256, U256)>,
}

/// What a call did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// How it ended.
    pub ending: Ending,
    /// Gas it used, what was paid back left out.
    pub gas_used: u64,
    /// Gas it needed at its height: before anything was paid back, and at least what its data costs.
    pub gas_peak: u64,
    /// What it logged, if it ended well.
    pub logs: Vec<Log>,
    /// Accounts it loaded or paid, in the order of their addresses.
    pub touched: Vec<Touched>,
}

impl Called {
    /// Returns whether it ended well.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.ending, Ending::Returned { .. })
    }

    /// Reads what the interpreter says.
    pub(super) fn of(done: &Done) -> Self {
        let gas = *done.result.gas();
        let (ending, logs) = match &done.result {
            ExecutionResult::Success { output, logs, .. } => {
                let created = match output {
                    Output::Create(_, created) => *created,
                    Output::Call(_) => None,
                };
                (Ending::Returned { output: output.data().clone(), created }, logs.clone())
            }
            ExecutionResult::Revert { output, .. } => {
                (Ending::Reverted { output: output.clone() }, Vec::new())
            }
            ExecutionResult::Halt { reason, .. } => {
                (Ending::Halted(reason.clone().into()), Vec::new())
            }
        };
        let mut touched: Vec<_> =
            done.state.iter().map(|(at, loaded)| of_loaded(*at, loaded)).collect();
        touched.sort_unstable_by_key(|touched| touched.address);
        Self {
            ending,
            gas_used: gas.tx_gas_used(),
            gas_peak: gas.total_gas_spent().max(gas.floor_gas()),
            logs,
            touched,
        }
    }
}

fn of_loaded(address: Address, loaded: &Loaded) -> Touched {
    let there = |info: &AccountInfo| {
        let nobody = info.is_empty() && info.nonce == 0;
        (!nobody).then(|| account_of(info))
    };
    let before = there(&loaded.original_info).filter(|_| !loaded.is_loaded_as_not_existing());
    let after = match fate_of(loaded) {
        Fate::Untouched => before,
        Fate::Gone => None,
        Fate::There { account, .. } => Some(account),
    };
    let hash =
        |account: Option<Account>| account.map_or(KECCAK256_EMPTY, |account| account.code_hash);
    let code = loaded.info.code.as_ref().filter(|_| hash(before) != hash(after));
    let mut slots: Vec<_> = loaded
        .storage
        .iter()
        .map(|(slot, value)| (*slot, value.original_value, value.present_value))
        .collect();
    slots.sort_unstable();
    Touched { address, before, after, code: code.map(|code| code.original_bytes()), slots }
}
