//! Watching a script step by step: for debuggers and for finding where two engines part.
//!
//! A run is generic over its [`Trace`]; `()` watches nothing and costs nothing.

use super::stack::Stack;

/// The moment before an instruction.
#[derive(Debug, Clone, Copy)]
pub struct Step<'t> {
    /// The script that is run: signature script, script public key or redeem script.
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
    /// Script units spent before it.
    pub script_units: u64,
}

/// Watches the steps of a script.
pub trait Trace {
    /// Sees the moment before an instruction.
    fn step(&mut self, step: &Step<'_>) {
        let _ = step;
    }
}

impl Trace for () {}
