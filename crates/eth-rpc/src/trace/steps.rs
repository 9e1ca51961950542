//! Struct logs: an entry for each instruction.
//!
//! An entry's text is written when its instruction has run, since only then is known what it cost; what it looked like before is noted
//! when it begins. Texts, not values, are kept: a trace of a million steps is large enough as it is.
//!
//! **Spec:** go-ethereum's `eth/tracers/logger.StructLogger`, "legacy" form.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
};

use alloy_primitives::{Address, U256, hex};
use quintet_evm::execute::{
    Called, Ending, Halt, Inspector,
    inspect::{Step, opcode_name},
};

use super::too_long;
use crate::error::EthResult;

const SLOAD: u8 = 0x54;
const SSTORE: u8 = 0x55;

/// What entries hold.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "options of a client's, each by itself")]
pub(super) struct Options {
    pub(super) memory: bool,
    pub(super) no_stack: bool,
    pub(super) no_storage: bool,
    pub(super) return_data: bool,
    /// Bytes after which no entry is added; zero for none.
    pub(super) limit: usize,
}

/// An instruction that runs.
#[derive(Debug, Default)]
struct Begun {
    gas: u64,
    head: String,
    tail: String,
    contract: Address,
    /// Slot that is read or written, and the value written.
    slot: Option<(U256, Option<U256>)>,
}

/// Writes an entry for each instruction.
#[derive(Debug)]
pub(crate) struct StepTracer {
    options: Options,
    bytes_max: usize,
    out: String,
    begun: Option<Begun>,
    /// Slots seen so far, by contract.
    storage: HashMap<Address, BTreeMap<U256, U256>>,
    is_full: bool,
}

impl StepTracer {
    pub(super) fn new(options: Options, bytes_max: usize) -> Self {
        Self {
            options,
            bytes_max,
            out: String::new(),
            begun: None,
            storage: HashMap::new(),
            is_full: false,
        }
    }

    pub(super) fn finish(mut self, called: &Called) -> EthResult<String> {
        self.end(None, None);
        if self.is_full {
            return Err(too_long(self.bytes_max));
        }
        let (failed, output) = match &called.ending {
            Ending::Returned { output, .. } => (false, output.as_ref()),
            Ending::Reverted { output } => (true, output.as_ref()),
            Ending::Halted(_) => (true, [].as_slice()),
        };
        let mut text = String::with_capacity(self.out.len() + 256);
        let _ = write!(
            text,
            r#"{{"gas":{},"failed":{failed},"returnValue":"{}","structLogs":[{}]}}"#,
            called.gas_used,
            hex::encode_prefixed(output),
            self.out
        );
        Ok(text)
    }

    fn is_over(&self) -> bool {
        self.is_full || (self.options.limit > 0 && self.out.len() > self.options.limit)
    }

    /// Writes down the instruction that ran, with what it cost.
    fn end(&mut self, step: Option<&Step<'_>>, halt: Option<&Halt>) {
        let Some(begun) = self.begun.take() else { return };
        if !self.out.is_empty() {
            self.out.push(',');
        }
        let cost = step.map_or(0, |step| begun.gas.saturating_sub(step.gas()));
        let _ = write!(self.out, "{}{cost}{}", begun.head, begun.tail);
        if let Some((slot, written)) = begun.slot {
            let read = || step.and_then(|step| step.stack().last().copied()).unwrap_or_default();
            let value = written.unwrap_or_else(read);
            let known = self.storage.entry(begun.contract).or_default();
            known.insert(slot, value);
            self.out.push_str(r#","storage":{"#);
            for (at, (slot, value)) in known.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let _ = write!(self.out, r#"{comma}"{slot:#066x}":"{value:#066x}""#);
            }
            self.out.push('}');
        }
        if let Some(halt) = halt {
            let _ = write!(self.out, r#","error":{}"#, serde_json::Value::from(halt.to_string()));
        }
        self.out.push('}');
        self.is_full = self.out.len() > self.bytes_max;
    }

    fn tail(&self, step: &Step<'_>) -> String {
        let mut tail = String::new();
        let _ = write!(tail, r#","depth":{}"#, step.depth);
        if step.refund != 0 {
            let _ = write!(tail, r#","refund":{}"#, step.refund);
        }
        if !self.options.no_stack {
            tail.push_str(r#","stack":["#);
            for (at, word) in step.stack().iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let _ = write!(tail, r#"{comma}"{word:#x}""#);
            }
            tail.push(']');
        }
        if self.options.return_data && !step.return_data().is_empty() {
            let _ = write!(tail, r#","returnData":"{}""#, hex::encode_prefixed(step.return_data()));
        }
        if self.options.memory && step.memory_len() > 0 {
            tail.push_str(r#","memory":["#);
            for (at, chunk) in step.memory().chunks(32).enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let _ = write!(tail, r#"{comma}"{:0<66}""#, hex::encode_prefixed(chunk));
            }
            tail.push(']');
        }
        tail
    }
}

impl Inspector for StepTracer {
    fn step(&mut self, step: &Step<'_>) {
        // A step that never ended was ended by its frame.
        self.end(None, None);
        if self.is_over() {
            return;
        }
        let opcode = step.opcode();
        let mut head = String::new();
        let _ = match opcode_name(opcode) {
            Some(name) => write!(head, r#"{{"pc":{},"op":"{name}","#, step.pc()),
            None => write!(head, r#"{{"pc":{},"op":"opcode {opcode:#x} not defined","#, step.pc()),
        };
        let _ = write!(head, r#""gas":{},"gasCost":"#, step.gas());
        let mut words = step.stack().iter().rev().copied();
        let (top, second) = (words.next(), words.next());
        let slot = match opcode {
            _ if self.options.no_storage => None,
            SLOAD => top.map(|slot| (slot, None)),
            SSTORE => top.zip(second).map(|(slot, value)| (slot, Some(value))),
            _ => None,
        };
        let (gas, tail, contract) = (step.gas(), self.tail(step), step.contract());
        self.begun = Some(Begun { gas, head, tail, contract, slot });
    }

    fn step_end(&mut self, step: &Step<'_>, halt: Option<&Halt>) {
        self.end(Some(step), halt);
    }
}
