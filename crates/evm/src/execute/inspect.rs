//! Watching a transaction run: the hooks behind `debug_trace*`, access lists and the like.
//!
//! ```text
//!   enter(call) ── step, step_end, step, … ── enter(inner) … exit(inner) ── step … ── exit(call)
//!                                    └── log, destroyed
//! ```
//!
//! # Invariants
//!
//! - Watching changes nothing: what a watched transaction does is what it does unwatched.

use core::ops::Deref;

use alloy_primitives::{Address, Log, U256};
use revm::{
    bytecode::opcode::OpCode,
    interpreter::{
        Interpreter,
        interpreter::EthInterpreter,
        interpreter_types::{InputsTr, Jumps, MemoryTr, ReturnData, RuntimeFlag},
    },
};

use super::Halt;

/// Watches a transaction run. Every hook may be left out.
pub trait Inspector {
    /// An instruction is about to run.
    fn step(&mut self, step: &Step<'_>) {
        let _ = step;
    }

    /// The instruction ran; `halt` says if it ended its frame badly. What a call returned is not there yet.
    fn step_end(&mut self, step: &Step<'_>, halt: Option<&Halt>) {
        let _ = (step, halt);
    }

    /// A frame begins: the transaction's own first.
    fn enter(&mut self, call: &Call<'_>) {
        let _ = call;
    }

    /// The frame entered last, and not left yet, ends.
    fn exit(&mut self, end: &CallEnd<'_>) {
        let _ = end;
    }

    /// A contract logged something, which a revert may undo.
    fn log(&mut self, log: &Log) {
        let _ = log;
    }

    /// A contract is destroyed, and what it has goes to `target`.
    fn destroyed(&mut self, contract: Address, target: Address, value: U256) {
        let _ = (contract, target, value);
    }
}

/// Watches nothing.
impl Inspector for () {}

/// The interpreter before or after an instruction.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    pub(super) interpreter: &'a Interpreter<EthInterpreter>,
    /// Frames there are, 1 for the transaction's own.
    pub depth: usize,
    /// What all frames so far paid back.
    pub refund: i64,
}

impl<'a> Step<'a> {
    /// Where in the code the next instruction is.
    #[must_use]
    pub fn pc(&self) -> usize {
        self.interpreter.bytecode.pc()
    }

    /// The next instruction.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        self.interpreter.bytecode.opcode()
    }

    /// Gas left.
    #[must_use]
    pub const fn gas(&self) -> u64 {
        self.interpreter.gas.remaining()
    }

    /// The stack, its top last.
    #[must_use]
    pub fn stack(&self) -> &'a [U256] {
        self.interpreter.stack.data()
    }

    /// The frame's memory.
    #[must_use]
    pub fn memory(&self) -> impl Deref<Target = [u8]> + 'a {
        self.interpreter.memory.slice(0..self.interpreter.memory.size())
    }

    /// Length of the frame's memory, bytes.
    #[must_use]
    pub fn memory_len(&self) -> usize {
        self.interpreter.memory.size()
    }

    /// What the last call returned.
    #[must_use]
    pub fn return_data(&self) -> &'a [u8] {
        self.interpreter.return_data.buffer()
    }

    /// The account whose storage the frame works on.
    #[must_use]
    pub fn contract(&self) -> Address {
        self.interpreter.input.target_address()
    }

    /// Who called the frame.
    #[must_use]
    pub fn caller(&self) -> Address {
        self.interpreter.input.caller_address()
    }

    /// Whether the frame may not write.
    #[must_use]
    pub fn is_static(&self) -> bool {
        self.interpreter.runtime_flag.is_static()
    }
}

/// Returns the name of an instruction, `None` for a byte that is none.
#[must_use]
pub fn opcode_name(opcode: u8) -> Option<&'static str> {
    OpCode::new(opcode).map(|opcode| opcode.as_str())
}

/// How a frame came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// `CALL`, or a transaction.
    Call,
    /// `CALLCODE`.
    CallCode,
    /// `DELEGATECALL`.
    DelegateCall,
    /// `STATICCALL`.
    StaticCall,
    /// `CREATE`, or a transaction without a recipient.
    Create,
    /// `CREATE2`.
    Create2,
}

/// A frame that begins.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// How it came about.
    pub kind: CallKind,
    /// Who calls.
    pub from: Address,
    /// Whose code runs; what is made, where a contract is.
    pub to: Address,
    /// Wei; with `DELEGATECALL` that of the frame above, which does not move again.
    pub value: U256,
    /// Gas it may use.
    pub gas: u64,
    /// Data of the call; code that makes the contract.
    pub input: &'a [u8],
    /// Frames there are with it, 1 for the transaction's own.
    pub depth: usize,
}

/// How a frame ended.
#[derive(Debug, Clone)]
pub struct CallEnd<'a> {
    /// Gas it used.
    pub gas_used: u64,
    /// What it returned, or reverted with.
    pub output: &'a [u8],
    /// Whether it ended with `REVERT`.
    pub reverted: bool,
    /// What else ended it badly.
    pub halt: Option<Halt>,
    /// The contract it made.
    pub created: Option<Address>,
}
