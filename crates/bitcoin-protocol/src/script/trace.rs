//! Watching a script step by step: for debuggers and for finding where two engines part.
//!
//! A run is generic over its [`Trace`]; `()` watches nothing and costs nothing.

use super::stack::Stack;

/// The moment before an instruction.
#[derive(Debug, Clone, Copy)]
pub struct Step<'t> {
    /// The script that is run: scriptSig, scriptPubKey, redeem script, witness script or leaf.
    pub script: &'t [u8],
    /// Where in it the instruction begins, bytes.
    pub position: usize,
    /// The opcode.
    pub opcode: u8,
    /// What it pushes; empty for other opcodes.
    pub data: &'t [u8],
    /// Whether it lies in a branch that is executed.
    pub executed: bool,
    /// The stack before it.
    pub stack: &'t Stack<'t>,
}

/// Watches the steps of a script.
pub trait Trace {
    /// Sees the moment before an instruction.
    fn step(&mut self, step: &Step<'_>) {
        let _ = step;
    }
}

impl Trace for () {}
