//! The machine that runs one script on a stack.
//!
//! ```text
//!   Run      one input: context, flags, checker, signature hashes     lives through all its scripts
//!    └ Machine   one script: stack, branches, counts                  evaluate() takes a stack and gives it back
//! ```
//!
//! Every instruction goes through [`Machine::step`], in Bitcoin Core's order of checks, so that of several
//! errors the same one is named. The opcodes are in the files below by what they touch.
//!
//! **Spec:** Bitcoin Core's `EvalScript`.

mod arithmetic;
mod checksig;
mod flow;
mod hashing;
mod multisig;
mod stack_ops;

use super::{
    ScriptError, ScriptFlags, SignatureCheck, SignatureChecker, Trace, TxContext,
    check::{DerSignature, PublicKey},
    instruction::{Instruction, Instructions},
    opcode::{
        OP_0, OP_1, OP_1ADD, OP_1NEGATE, OP_16, OP_CHECKLOCKTIMEVERIFY, OP_CHECKMULTISIG,
        OP_CHECKMULTISIGVERIFY, OP_CHECKSEQUENCEVERIFY, OP_CHECKSIG, OP_CHECKSIGADD,
        OP_CHECKSIGVERIFY, OP_CODESEPARATOR, OP_ELSE, OP_ENDIF, OP_EQUAL, OP_EQUALVERIFY,
        OP_HASH256, OP_IF, OP_NOP, OP_NOP1, OP_NOP4, OP_NOP10, OP_NOTIF, OP_PUSHDATA1,
        OP_PUSHDATA2, OP_PUSHDATA4, OP_RETURN, OP_RIPEMD160, OP_SIZE, OP_TOALTSTACK, OP_TUCK,
        OP_VERIFY, OP_WITHIN, is_disabled,
    },
    sighash::{self, SighashCache},
    stack::{ELEMENT_SIZE_MAX, Item, STACK_ITEMS_MAX, Stack},
    template::SCRIPT_SIZE_MAX,
    trace::Step,
};
use flow::Branches;

/// Most opcodes other than pushes a script runs through, each key of a multisignature counted as one.
/// Tapscript has no such limit.
const OPS_MAX: usize = 201;

/// What one input's scripts have in common.
pub(super) struct Run<'r, T> {
    pub(super) context: &'r TxContext<'r>,
    pub(super) input: usize,
    pub(super) flags: ScriptFlags,
    checker: &'r mut dyn SignatureChecker,
    trace: &'r mut T,
    sighashes: SighashCache,
}

impl<'r, T> Run<'r, T> {
    pub(super) fn new(
        context: &'r TxContext<'r>,
        input: usize,
        flags: ScriptFlags,
        checker: &'r mut dyn SignatureChecker,
        trace: &'r mut T,
    ) -> Self {
        Self { context, input, flags, checker, trace, sighashes: SighashCache::default() }
    }

    pub(super) const fn has(&self, flag: ScriptFlags) -> bool {
        self.flags.contains(flag)
    }

    /// Asks a question whose no fails the script.
    pub(super) fn check(&mut self, check: SignatureCheck) -> bool {
        self.checker.check(check)
    }

    /// Checks an ECDSA signature with its hash type.
    ///
    /// `exact` if the script goes on differently after a no. Bitcoin Core's `CheckECDSASignature`.
    pub(super) fn check_ecdsa(
        &mut self,
        signature: &[u8],
        key: &[u8],
        script_code: &[u8],
        segwit: bool,
        exact: bool,
    ) -> bool {
        let Some(public_key) = PublicKey::new(key) else { return false };
        let Some((&hash_type, der)) = signature.split_last() else { return false };
        let (context, input, cache) = (self.context, self.input, &mut self.sighashes);
        let message = sighash::ecdsa_message(context, input, script_code, hash_type, segwit, cache);
        let signature = DerSignature::new(der);
        let check = SignatureCheck::Ecdsa { signature, public_key, message };
        if exact { self.checker.check_exact(check) } else { self.checker.check(check) }
    }
}

/// A tapscript that is run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) hash: [u8; 32],
    pub(super) annex: Option<[u8; 32]>,
    /// What is left of the witness's weight to pay for signatures, weight units.
    pub(super) budget: usize,
}

/// Which rules a script is run by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Version {
    Base,
    WitnessV0,
    Tapscript(Leaf),
}

/// One script being run.
struct Machine<'s, 'm, 'r, T> {
    run: &'m mut Run<'r, T>,
    version: Version,
    script: &'s [u8],
    stack: Stack<'s>,
    alt_stack: Vec<Item<'s>>,
    branches: Branches,
    /// Opcodes counted towards [`OPS_MAX`].
    ops: usize,
    /// Where the instruction after the one at hand begins.
    next: usize,
    /// Index of the instruction at hand.
    index: u32,
    /// Where the script code begins: behind the last executed `OP_CODESEPARATOR`.
    code_start: usize,
    /// Index of that instruction, all ones before the first.
    code_separator: u32,
}

/// Runs `script` on `stack` and returns what is on it then.
pub(super) fn evaluate<'s, T: Trace>(
    run: &mut Run<'_, T>,
    stack: Stack<'s>,
    script: &'s [u8],
    version: Version,
) -> Result<Stack<'s>, ScriptError> {
    let is_bounded = !matches!(version, Version::Tapscript(_));
    if is_bounded && script.len() > SCRIPT_SIZE_MAX {
        return Err(ScriptError::ScriptSize);
    }
    let mut machine = Machine {
        run,
        version,
        script,
        stack,
        alt_stack: Vec::new(),
        branches: Branches::default(),
        ops: 0,
        next: 0,
        index: 0,
        code_start: 0,
        code_separator: u32::MAX,
    };
    let mut instructions = Instructions::new(script);
    while !instructions.is_done() {
        let position = instructions.at();
        let instruction = instructions.next().ok_or(ScriptError::BadOpcode)?;
        machine.next = instructions.at();
        machine.watch(position, instruction);
        machine.step(instruction)?;
        if machine.stack.len() + machine.alt_stack.len() > STACK_ITEMS_MAX {
            return Err(ScriptError::StackSize);
        }
        machine.index = machine.index.wrapping_add(1);
    }
    if !machine.branches.is_empty() {
        return Err(ScriptError::UnbalancedConditional);
    }
    Ok(machine.stack)
}

impl<'s, T: Trace> Machine<'s, '_, '_, T> {
    #[inline]
    fn watch(&mut self, position: usize, instruction: Instruction<'_>) {
        self.run.trace.step(&Step {
            script: self.script,
            position,
            opcode: instruction.opcode,
            data: instruction.data,
            executed: self.branches.are_all_taken(),
            stack: &self.stack,
        });
    }

    fn step(&mut self, Instruction { opcode, data }: Instruction<'s>) -> Result<(), ScriptError> {
        let executed = self.branches.are_all_taken();
        if data.len() > ELEMENT_SIZE_MAX {
            return Err(ScriptError::PushSize);
        }
        // `OP_RESERVED` is not counted.
        if opcode > OP_16 && !self.is_tapscript() {
            self.count_ops(1)?;
        }
        if is_disabled(opcode) {
            return Err(ScriptError::DisabledOpcode);
        }
        // Refused even in a branch that is not taken.
        if opcode == OP_CODESEPARATOR
            && matches!(self.version, Version::Base)
            && self.has(ScriptFlags::CONST_SCRIPTCODE)
        {
            return Err(ScriptError::OpCodeseparator);
        }
        if executed && opcode <= OP_PUSHDATA4 {
            if self.has(ScriptFlags::MINIMALDATA) && !is_minimal_push(opcode, data) {
                return Err(ScriptError::Minimaldata);
            }
            self.stack.push(Item::Borrowed(data));
            return Ok(());
        }
        if executed || (OP_IF..=OP_ENDIF).contains(&opcode) {
            return self.execute(opcode, executed);
        }
        Ok(())
    }

    /// Runs an opcode that is no push of data. Without `executed`, only branches are followed.
    fn execute(&mut self, opcode: u8, executed: bool) -> Result<(), ScriptError> {
        match opcode {
            OP_1NEGATE => self.stack.push(Item::Borrowed(&[0x81])),
            OP_1..=OP_16 => self.stack.push(small_number(opcode)),
            OP_NOP => {}
            OP_CHECKLOCKTIMEVERIFY => return self.check_lock_time(),
            OP_CHECKSEQUENCEVERIFY => return self.check_sequence(),
            OP_NOP1 | OP_NOP4..=OP_NOP10 => {
                if self.has(ScriptFlags::DISCOURAGE_UPGRADABLE_NOPS) {
                    return Err(ScriptError::DiscourageUpgradableNops);
                }
            }
            OP_IF | OP_NOTIF => return self.branch(opcode, executed),
            OP_ELSE => return self.branches.toggle(),
            OP_ENDIF => return self.branches.pop(),
            OP_VERIFY => {
                return if self.stack.peek(0)?.is_true() {
                    self.stack.drop_top(1)
                } else {
                    Err(ScriptError::Verify)
                };
            }
            OP_RETURN => return Err(ScriptError::OpReturn),
            OP_TOALTSTACK..=OP_TUCK | OP_SIZE => return self.move_values(opcode),
            OP_EQUAL | OP_EQUALVERIFY => return self.compare(opcode),
            OP_1ADD..=OP_WITHIN => return self.compute(opcode),
            OP_RIPEMD160..=OP_HASH256 => return self.hash(opcode),
            OP_CODESEPARATOR => {
                self.code_start = self.next;
                self.code_separator = self.index;
            }
            OP_CHECKSIG | OP_CHECKSIGVERIFY => return self.check_sig(opcode),
            OP_CHECKSIGADD => return self.check_sig_add(),
            OP_CHECKMULTISIG | OP_CHECKMULTISIGVERIFY => return self.check_multisig(opcode),
            _ => return Err(ScriptError::BadOpcode),
        }
        Ok(())
    }

    const fn has(&self, flag: ScriptFlags) -> bool {
        self.run.has(flag)
    }

    const fn is_tapscript(&self) -> bool {
        matches!(self.version, Version::Tapscript(_))
    }

    const fn is_minimal(&self) -> bool {
        self.has(ScriptFlags::MINIMALDATA)
    }

    const fn count_ops(&mut self, count: usize) -> Result<(), ScriptError> {
        self.ops += count;
        if self.ops > OPS_MAX {
            return Err(ScriptError::OpCount);
        }
        Ok(())
    }

    /// Pushes the outcome of a check, or, for the opcode's `VERIFY` form, requires it.
    fn conclude(
        &mut self,
        success: bool,
        verify: bool,
        error: ScriptError,
    ) -> Result<(), ScriptError> {
        match (verify, success) {
            (false, _) => self.stack.push(Item::boolean(success)),
            (true, true) => {}
            (true, false) => return Err(error),
        }
        Ok(())
    }
}

/// Returns the value of `OP_1` to `OP_16`.
fn small_number(opcode: u8) -> Item<'static> {
    const NUMBERS: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    let index = usize::from(opcode.wrapping_sub(OP_1));
    Item::Borrowed(NUMBERS.get(index..=index).unwrap_or_default())
}

/// Returns whether the push could not be shorter. Bitcoin Core's `CheckMinimalPush`.
const fn is_minimal_push(opcode: u8, data: &[u8]) -> bool {
    match data {
        [] => opcode == OP_0,
        [1..=16 | 0x81] => false,
        _ => match data.len() {
            0..=0x4b => opcode < OP_PUSHDATA1,
            0x4c..=0xff => opcode == OP_PUSHDATA1,
            0x100..=0xffff => opcode == OP_PUSHDATA2,
            _ => true,
        },
    }
}
