//! What the interpreter left out.
//!
//! # The price of a write at Constantinople
//!
//! Constantinople was to price `SSTORE` by what a slot held before the transaction (EIP-1283). Two days before its
//! block on the main network a way was found to enter contracts again on 2,300 gas, and the rule was taken out again
//! at the same block by Petersburg. Test networks had it for three months, and so have the test suites.
//!
//! # The hash of no code
//!
//! An account without nonce and code that has slots is given to the interpreter with a hash of zero, so that no
//! contract is made there (EIP-7610). `EXTCODEHASH` must not show it.

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use revm::{
    bytecode::opcode::{EXTCODEHASH, SSTORE},
    interpreter::{
        Host, Instruction, InstructionContext, InstructionResult,
        instructions::host::extcodehash,
        interpreter::EthInterpreter,
        interpreter_types::{InputsTr, RuntimeFlag, StackTr},
    },
};

/// Price of a write that changes nothing, or changes again what was changed.
const AGAIN: u64 = 200;
/// Price of a slot that was empty.
const SET: u64 = 20_000;
/// Price of a slot that was not.
const RESET: u64 = 5_000;
/// Paid back for a slot that is emptied.
const CLEARED: i64 = 15_000;

/// The instruction's code and what it does at Constantinople.
pub(super) const fn sstore<H: Host + ?Sized>() -> (u8, Instruction<EthInterpreter, H>) {
    (SSTORE, Instruction::new(run::<H>, 0))
}

/// The instruction's code and what it does, at the price it has.
pub(super) const fn code_hash<H: Host + ?Sized>(
    static_gas: u64,
) -> (u8, Instruction<EthInterpreter, H>) {
    (EXTCODEHASH, Instruction::new(run_code_hash::<H>, static_gas))
}

fn run_code_hash<H: Host + ?Sized>(context: InstructionContext<'_, H, EthInterpreter>) {
    let InstructionContext { interpreter, host } = context;
    let asked = StackTr::popn_top::<0>(&mut interpreter.stack).map(|(_, top)| *top);
    extcodehash(InstructionContext { interpreter: &mut *interpreter, host: &mut *host });
    let (Some(asked), Some((_, top))) = (asked, StackTr::popn_top::<0>(&mut interpreter.stack))
    else {
        return;
    };
    if !top.is_zero() {
        return;
    }
    let address = Address::from_word(B256::from(asked));
    if let Ok(loaded) = host.load_account_info_skip_cold_load(address, false, false)
        && loaded.account.code_hash.is_zero()
        && !loaded.account.is_empty()
    {
        *top = KECCAK256_EMPTY.into();
    }
}

fn run<H: Host + ?Sized>(context: InstructionContext<'_, H, EthInterpreter>) {
    let interpreter = context.interpreter;
    if interpreter.runtime_flag.is_static() {
        return interpreter.halt(InstructionResult::StateChangeDuringStaticCall);
    }
    let Some([slot, value]) = StackTr::popn(&mut interpreter.stack) else {
        return interpreter.halt(InstructionResult::StackUnderflow);
    };
    let target = interpreter.input.target_address();
    let Some(stored) = context.host.sstore(target, slot, value) else {
        return interpreter.halt_fatal();
    };
    let stored = stored.data;
    let (gas, refund) = price(stored.original_value, stored.present_value, stored.new_value);
    if !interpreter.gas.record_regular_cost(gas) {
        return interpreter.halt_oog();
    }
    interpreter.gas.record_refund(refund);
}

/// Returns the price of a write and what is paid back, given the slot's value before the transaction, before the
/// write and after it.
///
/// **Spec:** EIP-1283.
fn price(original: U256, present: U256, new: U256) -> (u64, i64) {
    if present == new {
        return (AGAIN, 0);
    }
    if original == present {
        return match (original.is_zero(), new.is_zero()) {
            (true, _) => (SET, 0),
            (false, true) => (RESET, CLEARED),
            (false, false) => (RESET, 0),
        };
    }
    let mut refund = 0;
    if !original.is_zero() {
        if present.is_zero() {
            refund -= CLEARED;
        } else if new.is_zero() {
            refund += CLEARED;
        }
    }
    if original == new {
        refund += if original.is_zero() { 19_800 } else { 4_800 };
    }
    (AGAIN, refund)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_of_the_specification_cost_what_it_says() {
        // EIP-1283, "Test cases": one write each from (original, present) to new, gas and what is paid back.
        let cases = [
            ((0, 0, 0), (200, 0)),
            ((0, 0, 1), (20_000, 0)),
            ((0, 1, 0), (200, 19_800)),
            ((0, 1, 2), (200, 0)),
            ((1, 1, 0), (5_000, 15_000)),
            ((1, 0, 1), (200, -10_200)),
            ((1, 0, 2), (200, -15_000)),
            ((1, 2, 0), (200, 15_000)),
            ((1, 2, 1), (200, 4_800)),
            ((1, 1, 2), (5_000, 0)),
        ];
        for ((original, present, new), expected) in cases {
            let [original, present, new] =
                [original, present, new].map(|value: u64| U256::from(value));
            assert_eq!(price(original, present, new), expected, "{original} {present} {new}");
        }
    }
}
