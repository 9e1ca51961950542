//! The contracts of a development rollup on L1, opcode by opcode.
//!
//! ```text
//!   portal           depositTransaction(address,uint256,uint64,bool,bytes), or money alone ──► TransactionDeposited
//!   configuration    nothing but the slot in which nodes look for who signs gossip
//! ```
//!
//! **Spec:** `protocol/deposits.md`, "Deposit Contract"; OptimismPortal's `depositTransaction` and `receive`; SystemConfig's
//! `UNSAFE_BLOCK_SIGNER_SLOT`.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use quintet_rollup_protocol::{deposit::DEPOSIT_TOPIC, system::UNSAFE_BLOCK_SIGNER_SLOT};

use super::assembler::{Assembler, deploying, op};

/// Signature of the portal's function.
pub const DEPOSIT_SIGNATURE: &str = "depositTransaction(address,uint256,uint64,bool,bytes)";
/// Gas on L2 of a deposit that is money alone.
///
/// **Spec:** OptimismPortal, `RECEIVE_DEFAULT_GAS_LIMIT`.
const RECEIVE_GAS: u64 = 100_000;
/// Longest data of a deposit, bytes.
const DATA_MAX: u64 = 120_000;
/// Gas a byte of a deposit's data must buy.
///
/// **Spec:** OptimismPortal, `minimumGasLimit`.
const BYTE_GAS: u64 = 40;
/// Gas every deposit must buy.
const BASE_GAS: u64 = 21_000;
/// Bytes in front of the data: money, value, gas limit, whether it creates.
const PREFIX: u64 = 32 + 32 + 8 + 1;
/// Added to the addresses of contracts of L1 that deposit.
///
/// **Spec:** `protocol/deposits.md`, "Address Aliasing".
const ALIAS: [u8; 20] = {
    let mut alias = [0; 20];
    (alias[0], alias[1], alias[18], alias[19]) = (0x11, 0x11, 0x11, 0x11);
    alias
};

/// Places in memory: what the log's data consists of.
const OFFSET: u64 = 0x00;
const LENGTH: u64 = 0x20;
const MONEY: u64 = 0x40;
const VALUE: u64 = 0x60;
const GAS_AND_KIND: u64 = 0x80;
const DATA: u64 = MONEY + PREFIX;

/// Places in the call's data.
const TO_ARG: u64 = 4;
const VALUE_ARG: u64 = 36;
const GAS_ARG: u64 = 68;
const CREATES_ARG: u64 = 100;
const DATA_ARG: u64 = 132;
const ARGS_END: u64 = 164;

/// Returns code that deploys the system configuration: the slot, and a contract that refuses every call.
#[must_use]
pub fn system_config_init(signer: Address) -> Bytes {
    let mut store = Assembler::default();
    store
        .push_bytes(signer.as_slice())
        .push_bytes(UNSAFE_BLOCK_SIGNER_SLOT.as_slice())
        .ops(&[op::SSTORE]);
    deploying(&store.finish(), &[op::INVALID])
}

/// Returns the system configuration as it is once deployed: its code, and what its one slot holds.
#[must_use]
pub fn system_config(signer: Address) -> (Bytes, (B256, B256)) {
    (Bytes::from_static(&[op::INVALID]), (UNSAFE_BLOCK_SIGNER_SLOT, signer.into_word()))
}

/// Returns code that deploys the portal.
#[must_use]
pub fn portal_init() -> Bytes {
    deploying(&[], &portal())
}

/// Returns the portal.
#[must_use]
pub fn portal() -> Bytes {
    let selector = keccak256(DEPOSIT_SIGNATURE);
    let mut code = Assembler::default();
    code.ops(&[op::CALLDATASIZE, op::ISZERO]).jump_if("money");
    code.ops(&[op::PUSH0, op::CALLDATALOAD]).push(224).ops(&[op::SHR]);
    code.push_bytes(selector.get(..4).unwrap_or_default()).ops(&[op::EQ]).jump_if("deposit");
    code.label("refuse").ops(&[op::PUSH0, op::PUSH0, op::REVERT]);

    // Money alone: to whom it came from, all of it.
    code.label("money");
    code.push(PREFIX).push(LENGTH).ops(&[op::MSTORE]);
    code.ops(&[op::CALLVALUE]).push(VALUE).ops(&[op::MSTORE]);
    code.push(RECEIVE_GAS).push(192).ops(&[op::SHL]).push(GAS_AND_KIND).ops(&[op::MSTORE]);
    code.ops(&[op::CALLER]).jump("log");

    deposit(&mut code);
    log(&mut code);
    code.finish()
}

/// Reads the arguments; leaves the destination on the stack.
fn deposit(code: &mut Assembler) {
    code.label("deposit");
    code.push(ARGS_END).ops(&[op::CALLDATASIZE, op::LT]).jump_if("refuse");
    // No bits behind an address, a gas limit, a truth value.
    for (argument, bits) in [(TO_ARG, 160), (GAS_ARG, 64), (CREATES_ARG, 1), (DATA_ARG, 32)] {
        code.push(argument).ops(&[op::CALLDATALOAD]).push(bits).ops(&[op::SHR]).jump_if("refuse");
    }
    // What creates a contract has no destination.
    code.push(CREATES_ARG).ops(&[op::CALLDATALOAD]);
    code.push(TO_ARG).ops(&[op::CALLDATALOAD, op::ISZERO, op::ISZERO, op::AND]).jump_if("refuse");
    // stack: where the data is, its length
    code.push(DATA_ARG).ops(&[op::CALLDATALOAD]).push(TO_ARG).ops(&[op::ADD]);
    code.ops(&[op::DUP1, op::CALLDATALOAD]);
    code.ops(&[op::DUP1]).push(DATA_MAX).ops(&[op::LT]).jump_if("refuse");
    code.ops(&[op::DUP1, op::DUP3, op::ADD]).push(32).ops(&[op::ADD, op::CALLDATASIZE, op::LT]);
    code.jump_if("refuse");
    code.ops(&[op::DUP1]).push(BYTE_GAS).ops(&[op::MUL]).push(BASE_GAS).ops(&[op::ADD]);
    code.push(GAS_ARG).ops(&[op::CALLDATALOAD, op::LT]).jump_if("refuse");
    code.ops(&[op::DUP1]).push(PREFIX).ops(&[op::ADD]).push(LENGTH).ops(&[op::MSTORE]);
    code.push(VALUE_ARG).ops(&[op::CALLDATALOAD]).push(VALUE).ops(&[op::MSTORE]);
    code.push(GAS_ARG).ops(&[op::CALLDATALOAD]).push(192).ops(&[op::SHL]);
    code.push(CREATES_ARG).ops(&[op::CALLDATALOAD]).push(184).ops(&[op::SHL, op::OR]);
    code.push(GAS_AND_KIND).ops(&[op::MSTORE]);
    // CALLDATACOPY(DATA, where + 32, length)
    code.ops(&[op::SWAP1]).push(32).ops(&[op::ADD]).push(DATA).ops(&[op::CALLDATACOPY]);
    code.push(TO_ARG).ops(&[op::CALLDATALOAD]);
}

/// Logs the deposit to the destination on the stack.
fn log(code: &mut Assembler) {
    code.label("log");
    code.push(32).push(OFFSET).ops(&[op::MSTORE, op::CALLVALUE]).push(MONEY).ops(&[op::MSTORE]);
    // The last topic first: version 0, to, from, the event.
    code.ops(&[op::PUSH0, op::SWAP1, op::CALLER, op::CALLER, op::ORIGIN, op::EQ]).jump_if("person");
    code.push_bytes(&ALIAS).ops(&[op::ADD]).push_bytes(&[0xff; 20]).ops(&[op::AND]);
    code.label("person").push_bytes(DEPOSIT_TOPIC.as_slice());
    // The data's length in whole words, with its own offset and length before it.
    code.push(LENGTH).ops(&[op::MLOAD]).push(31).ops(&[op::ADD]);
    code.push(5).ops(&[op::SHR]).push(5).ops(&[op::SHL]).push(MONEY).ops(&[op::ADD]);
    code.ops(&[op::PUSH0, op::LOG4, op::STOP]);
}
