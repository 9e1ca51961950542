//! A run that its caller may give up: somebody is asked now and then whether to go on.
//!
//! It is for calls that are tried where others wait behind them. What is given up is run again elsewhere from the start, so the ending made
//! up for it is seen by nobody.
//!
//! # Invariants
//!
//! - Between two questions lie at most [`STEPS_BETWEEN`] instructions and [`GAS_BETWEEN`] gas, and whatever the last of them costs.
//! - A run that is not given up does what it does unwatched.

use alloy_primitives::Address;
use revm::{
    Inspector as Hooks,
    context::ContextTr,
    interpreter::{
        CallInputs, CallOutcome, Gas, InstructionResult, Interpreter, InterpreterResult,
        interpreter::EthInterpreter,
    },
};

/// Instructions between two questions.
const STEPS_BETWEEN: u32 = 256;

/// Gas between two questions.
const GAS_BETWEEN: u64 = 50_000;

/// Input of a precompile that is run without asking, bytes.
const INPUT_BYTES_MAX: usize = 4_096;

/// Precompiles that are run without asking: recovery of a key, two hashes, a copy. Others cost what their input says.
const CHEAP: u64 = 4;

/// Addresses below this may be precompiles.
const PRECOMPILES: u64 = 0x200;

/// Asks whether to go on.
pub(super) struct Meter<'m> {
    go_on: &'m mut dyn FnMut() -> bool,
    steps: u32,
    /// What the frame at hand had when somebody was asked.
    gas: u64,
    pub(super) over: bool,
}

impl<'m> Meter<'m> {
    pub(super) fn new(go_on: &'m mut dyn FnMut() -> bool) -> Self {
        Self { go_on, steps: STEPS_BETWEEN, gas: u64::MAX, over: false }
    }
}

/// Whether running a precompile takes longer than an instruction may.
fn is_costly(address: &Address, input: usize) -> bool {
    let (high, low) = address.split_at(12);
    let low = low.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let precompile = low < PRECOMPILES && high.iter().all(|byte| *byte == 0);
    precompile && low > 0 && (low > CHEAP || input > INPUT_BYTES_MAX)
}

impl<C: ContextTr> Hooks<C, EthInterpreter> for Meter<'_> {
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _context: &mut C) {
        let gas = interpreter.gas.remaining();
        // A frame begun or left says nothing of gas used: it only moves the mark.
        if gas > self.gas {
            self.gas = gas;
        }
        self.steps -= 1;
        if self.steps == 0 || self.gas.saturating_sub(gas) > GAS_BETWEEN {
            (self.steps, self.gas) = (STEPS_BETWEEN, gas);
            self.over = self.over || !(self.go_on)();
        }
        if self.over {
            interpreter.halt(InstructionResult::OutOfGas);
        }
    }

    fn call(&mut self, _context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.gas = inputs.gas_limit;
        if is_costly(&inputs.bytecode_address, inputs.input.len()) {
            self.over = true;
            let result = InterpreterResult {
                result: InstructionResult::OutOfGas,
                output: Default::default(),
                gas: Gas::new(inputs.gas_limit),
            };
            let place = inputs.return_memory_offset.clone();
            return Some(CallOutcome::new(result, place));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;

    use super::*;

    #[test]
    fn precompiles_whose_cost_nobody_knows_are_told_from_contracts() {
        assert!(!is_costly(&Address::ZERO, 1 << 20));
        assert!(!is_costly(&Address::with_last_byte(4), 4_096));
        assert!(is_costly(&Address::with_last_byte(4), 4_097));
        assert!(is_costly(&Address::with_last_byte(5), 0));
        assert!(is_costly(&address!("0000000000000000000000000000000000000100"), 0));
        assert!(!is_costly(&address!("0000000000000000000000000000000000000200"), 1 << 20));
        assert!(!is_costly(&address!("1000000000000000000000000000000000000005"), 1 << 20));
    }
}
