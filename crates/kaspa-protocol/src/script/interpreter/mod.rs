//! The machine that runs the scripts of one input.
//!
//! Every instruction goes through [`Machine::step`], in the reference's order of checks, so that of several
//! errors the same one is named. The opcodes are in the files below by what they touch; what an era allows
//! is asked of the [`Rules`].
//!
//! ```text
//!   run(script) ──► step: kind, push only, counts and sizes ──► execute, if the branch is taken
//!                                                                   └─► charge the bytes pushed
//! ```
//!
//! **Spec:** rusty-kaspa's `execute_script` and `execute_opcode`.

mod arithmetic;
mod checksig;
mod covenants;
mod flow;
mod hashing;
mod introspection;
mod multisig;
mod proof;
mod splice;
mod stack_ops;

use super::{
    Instruction, Instructions, OpcodeKind, Rules, ScriptError, SignatureChecker, Spent, Trace,
    TxContext,
    meter::Meter,
    number,
    opcode::{
        OP_1ADD, OP_1NEGATE, OP_16, OP_AUTH_OUTPUT_COUNT, OP_AUTH_OUTPUT_IDX, OP_BIN2NUM,
        OP_BLAKE2B, OP_BLAKE2B_WITH_KEY, OP_BLAKE3, OP_BLAKE3_WITH_KEY, OP_CAT,
        OP_CHAINBLOCK_SEQ_COMMIT, OP_CHECK_LOCK_TIME_VERIFY, OP_CHECK_MULTISIG,
        OP_CHECK_MULTISIG_ECDSA, OP_CHECK_MULTISIG_VERIFY, OP_CHECK_SEQUENCE_VERIFY, OP_CHECKSIG,
        OP_CHECKSIG_ECDSA, OP_CHECKSIG_FROM_STACK, OP_CHECKSIG_FROM_STACK_ECDSA, OP_CHECKSIGVERIFY,
        OP_COV_OUTPUT_IDX, OP_ELSE, OP_ENDIF, OP_EQUAL, OP_EQUALVERIFY, OP_IF,
        OP_INPUT_COVENANT_ID, OP_INVERT, OP_NOP, OP_NOTIF, OP_NUM2BIN, OP_OUTPUT_AUTHORIZING_INPUT,
        OP_OUTPUT_COVENANT_ID, OP_PUSHDATA4, OP_RETURN, OP_SHA256, OP_SIZE, OP_SUBSTR,
        OP_TOALTSTACK, OP_TRUE, OP_TUCK, OP_TX_INPUT_SCRIPT_SIG_LEN, OP_TX_VERSION, OP_VERIFY,
        OP_WITHIN, OP_XOR, OP_ZK_PRECOMPILE, is_conditional, is_push,
    },
    stack::{Item, STACK_ITEMS_MAX, Stack},
    trace::Step,
};
use crate::tx::{Transaction, TransactionInput};
use flow::Branches;

/// The scripts of one input being run.
pub(super) struct Machine<'s, 'r, T> {
    context: &'r TxContext<'s>,
    rules: &'static Rules,
    tx: &'s Transaction,
    input: usize,
    checker: &'r mut dyn SignatureChecker,
    trace: &'r mut T,
    meter: Meter,
    stack: Stack<'s>,
    alt_stack: Stack<'s>,
    branches: Branches,
    /// Opcodes of the script at hand counted towards its limit.
    ops: usize,
}

impl<'s, 'r, T: Trace> Machine<'s, 'r, T> {
    pub(super) fn new(
        context: &'r TxContext<'s>,
        input: usize,
        checker: &'r mut dyn SignatureChecker,
        trace: &'r mut T,
        meter: Meter,
    ) -> Self {
        Self {
            context,
            rules: context.rules(),
            tx: context.tx(),
            input,
            checker,
            trace,
            meter,
            stack: Stack::default(),
            alt_stack: Stack::default(),
            branches: Branches::default(),
            ops: 0,
        }
    }

    pub(super) const fn stack(&self) -> &Stack<'s> {
        &self.stack
    }

    pub(super) fn set_stack(&mut self, stack: Stack<'s>) {
        self.stack = stack;
    }

    /// Requires the top to be true, and takes it.
    pub(super) fn pop_true(&mut self) -> Result<(), ScriptError> {
        let [top] = self.stack.pop_array()?;
        if top.is_true() { Ok(()) } else { Err(ScriptError::EvalFalse) }
    }

    /// Requires exactly one value on the stack, and that it is true.
    pub(super) fn conclude(mut self) -> Result<Spent, ScriptError> {
        match self.stack.len() {
            0 => return Err(ScriptError::EmptyStack),
            1 => self.pop_true()?,
            len => return Err(ScriptError::CleanStack { extra: len - 1 }),
        }
        Ok(self.meter.spent())
    }

    /// Runs one script on the stack as it is.
    pub(super) fn run(&mut self, script: &'s [u8], push_only: bool) -> Result<(), ScriptError> {
        let mut instructions = Instructions::new(script);
        loop {
            let position = instructions.at();
            let Some(instruction) = instructions.next() else { break };
            let instruction = instruction?;
            self.watch(script, position, instruction);
            self.step(instruction, push_only)?;
            let actual = self.stack.len() + self.alt_stack.len();
            if actual > STACK_ITEMS_MAX {
                return Err(ScriptError::StackSize { actual, limit: STACK_ITEMS_MAX });
            }
        }
        if !self.branches.is_empty() {
            return Err(ScriptError::UnbalancedConditional);
        }
        self.alt_stack = Stack::default();
        self.ops = 0;
        Ok(())
    }

    #[inline]
    fn watch(&mut self, script: &[u8], position: usize, instruction: Instruction<'_>) {
        self.trace.step(&Step {
            script,
            position,
            opcode: instruction.opcode,
            data: instruction.data,
            executed: self.branches.are_all_taken(),
            stack: &self.stack,
            script_units: self.meter.spent().script_units,
        });
    }

    fn step(
        &mut self,
        Instruction { opcode, data }: Instruction<'s>,
        push_only: bool,
    ) -> Result<(), ScriptError> {
        let kind = self.rules.kind(opcode);
        match kind {
            OpcodeKind::Disabled => return Err(ScriptError::DisabledOpcode { opcode }),
            OpcodeKind::Illegal => return Err(ScriptError::ReservedOpcode { opcode }),
            OpcodeKind::Active | OpcodeKind::Reserved | OpcodeKind::Unknown => {}
        }
        if !is_push(opcode) {
            if push_only {
                return Err(ScriptError::NotPushOnly);
            }
            self.count_ops(1)?;
        } else if data.len() > self.rules.element_size_max {
            let limit = self.rules.element_size_max;
            return Err(ScriptError::ElementTooBig { actual: data.len(), limit });
        }
        if !self.branches.are_all_taken() && !is_conditional(opcode) {
            return Ok(());
        }
        match kind {
            OpcodeKind::Reserved => return Err(ScriptError::ReservedOpcode { opcode }),
            OpcodeKind::Unknown => return Err(ScriptError::InvalidOpcode { opcode }),
            OpcodeKind::Active | OpcodeKind::Disabled | OpcodeKind::Illegal => {}
        }
        self.execute(opcode, data)?;
        // What is in the script has been paid for by its size: only what opcodes push is charged.
        let pushed = self.stack.take_pushed().saturating_add(self.alt_stack.take_pushed());
        self.meter.spend_units(pushed)
    }

    #[inline]
    fn execute(&mut self, opcode: u8, data: &'s [u8]) -> Result<(), ScriptError> {
        match opcode {
            0..=OP_PUSHDATA4 => {
                if self.rules.minimal && !is_minimal_push(opcode, data) {
                    return Err(ScriptError::NotMinimal);
                }
                self.stack.push_free(Item::Borrowed(data));
                Ok(())
            }
            OP_1NEGATE | OP_TRUE..=OP_16 => {
                self.stack.push_free(small_number(opcode));
                Ok(())
            }
            OP_NOP => Ok(()),
            OP_IF..=OP_NOTIF => self.branch(opcode == OP_NOTIF),
            OP_ELSE => self.branches.toggle(),
            OP_ENDIF => self.branches.pop(),
            OP_VERIFY => self.require_top(),
            OP_RETURN => Err(ScriptError::EarlyReturn),
            OP_TOALTSTACK..=OP_TUCK | OP_SIZE => self.move_values(opcode),
            OP_CAT | OP_SUBSTR | OP_INVERT..=OP_XOR | OP_NUM2BIN | OP_BIN2NUM => {
                self.splice(opcode)
            }
            OP_EQUAL | OP_EQUALVERIFY => self.compare(opcode),
            OP_1ADD..=OP_WITHIN => self.compute(opcode),
            OP_ZK_PRECOMPILE => self.verify_proof(),
            OP_BLAKE2B_WITH_KEY | OP_SHA256 | OP_BLAKE2B | OP_BLAKE3 | OP_BLAKE3_WITH_KEY => {
                self.hash(opcode)
            }
            OP_CHECKSIG_ECDSA | OP_CHECKSIG | OP_CHECKSIGVERIFY => self.check_sig(opcode),
            OP_CHECKSIG_FROM_STACK | OP_CHECKSIG_FROM_STACK_ECDSA => {
                self.check_sig_from_stack(opcode)
            }
            OP_CHECK_MULTISIG_ECDSA | OP_CHECK_MULTISIG | OP_CHECK_MULTISIG_VERIFY => {
                self.check_multisig(opcode)
            }
            OP_CHECK_LOCK_TIME_VERIFY => self.check_lock_time(),
            OP_CHECK_SEQUENCE_VERIFY => self.check_sequence(),
            OP_TX_VERSION..=OP_TX_INPUT_SCRIPT_SIG_LEN => self.introspect(opcode),
            OP_AUTH_OUTPUT_COUNT..=OP_AUTH_OUTPUT_IDX
            | OP_INPUT_COVENANT_ID..=OP_COV_OUTPUT_IDX
            | OP_OUTPUT_COVENANT_ID..=OP_OUTPUT_AUTHORIZING_INPUT => self.covenant(opcode),
            OP_CHAINBLOCK_SEQ_COMMIT => self.sequencing_commitment(),
            _ => Err(ScriptError::InvalidOpcode { opcode }),
        }
    }

    const fn count_ops(&mut self, count: usize) -> Result<(), ScriptError> {
        self.ops += count;
        if self.ops > self.rules.ops_max {
            return Err(ScriptError::TooManyOperations { limit: self.rules.ops_max });
        }
        Ok(())
    }

    /// Pushes a value, which the rules limit in length.
    fn push(&mut self, item: Item<'s>) -> Result<(), ScriptError> {
        let (actual, limit) = (item.len(), self.rules.result_size_max);
        if actual > limit {
            return Err(ScriptError::ElementTooBig { actual, limit });
        }
        self.stack.push(item);
        Ok(())
    }

    fn push_number(&mut self, number: i64) -> Result<(), ScriptError> {
        self.stack.push(Item::number(number)?);
        Ok(())
    }

    /// Pushes a count or length, which always fits.
    fn push_length(&mut self, length: usize) -> Result<(), ScriptError> {
        let number = i64::try_from(length)
            .map_err(|_| ScriptError::NumberTooBig { limit: number::NUMBER_SIZE_MAX })?;
        self.push_number(number)
    }

    /// Pushes the outcome of a check, or requires it.
    ///
    /// A required outcome costs as if it had been pushed.
    fn push_outcome(&mut self, outcome: bool, required: bool) -> Result<(), ScriptError> {
        self.stack.push(Item::boolean(outcome));
        if required { self.require_top() } else { Ok(()) }
    }

    fn require_top(&mut self) -> Result<(), ScriptError> {
        let [top] = self.stack.pop_array()?;
        if top.is_true() { Ok(()) } else { Err(ScriptError::Verify) }
    }

    /// Takes numbers to compute with.
    fn pop_numbers<const N: usize>(&mut self) -> Result<[i64; N], ScriptError> {
        self.pop_decoded(self.rules.number_size_max)
    }

    /// Takes numbers that say how many or where, of 32 bits.
    fn pop_counts<const N: usize>(&mut self) -> Result<[i64; N], ScriptError> {
        let counts = self.pop_decoded(self.rules.count_size_max)?;
        if counts.iter().any(|count| i32::try_from(*count).is_err()) {
            return Err(ScriptError::NumberTooBig { limit: self.rules.count_size_max });
        }
        Ok(counts)
    }

    fn pop_decoded<const N: usize>(&mut self, size_max: usize) -> Result<[i64; N], ScriptError> {
        let mut numbers = [0; N];
        for (number, item) in numbers.iter_mut().zip(self.stack.pop_array::<N>()?) {
            *number = number::decode(item.as_bytes(), self.rules.minimal, size_max)?;
        }
        Ok(numbers)
    }

    /// Takes numbers that are indices.
    fn pop_indices<const N: usize>(&mut self) -> Result<[usize; N], ScriptError> {
        let mut indices = [0; N];
        for (index, number) in indices.iter_mut().zip(self.pop_counts::<N>()?) {
            *index =
                usize::try_from(number).map_err(|_| ScriptError::InvalidIndex { index: number })?;
        }
        Ok(indices)
    }

    /// Returns the input whose scripts run.
    fn own_input(&self) -> Result<&'s TransactionInput, ScriptError> {
        self.input_at(self.input)
    }

    fn input_at(&self, index: usize) -> Result<&'s TransactionInput, ScriptError> {
        self.tx.inputs.get(index).ok_or_else(|| self.no_input(index))
    }

    fn no_input(&self, index: usize) -> ScriptError {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        ScriptError::InvalidInputIndex { index, inputs: self.tx.inputs.len() }
    }
}

/// Returns the value of `OP_1NEGATE` and of `OP_1` to `OP_16`, borrowed like any other push.
fn small_number(opcode: u8) -> Item<'static> {
    const NUMBERS: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    if opcode == OP_1NEGATE {
        return Item::Borrowed(&[0x81]);
    }
    let index = usize::from(opcode.wrapping_sub(OP_TRUE));
    Item::Borrowed(NUMBERS.get(index..=index).unwrap_or_default())
}

/// Returns whether the push could not be shorter.
const fn is_minimal_push(opcode: u8, data: &[u8]) -> bool {
    match data {
        [] => opcode == 0,
        [1..=16 | 0x81] => false,
        _ => match data.len() {
            0..=0x4b => opcode < 0x4c,
            0x4c..=0xff => opcode == 0x4c,
            0x100..=0xfffe => opcode == 0x4d,
            _ => true,
        },
    }
}
