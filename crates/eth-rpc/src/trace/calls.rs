//! The tree of calls.
//!
//! **Spec:** go-ethereum's `eth/tracers/native/call.go`.

use alloy_primitives::{Address, Bytes, Log, U256};
use quintet_evm::execute::{
    Called, Inspector,
    inspect::{Call, CallEnd, CallKind},
};
use serde_json::{Value, json};

use super::{
    flat::{self, Position},
    too_long,
};
use crate::{
    error::EthResult,
    json::{big, count, data, fields, quantity},
    revert,
};

/// What the tree holds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options {
    pub(super) only_top: bool,
    pub(super) with_logs: bool,
}

/// A call with the calls it made.
#[derive(Debug)]
struct Frame {
    kind: &'static str,
    from: Address,
    to: Option<Address>,
    value: Option<U256>,
    gas: u64,
    gas_used: u64,
    input: Bytes,
    output: Bytes,
    error: Option<String>,
    reason: Option<String>,
    calls: Vec<Self>,
    logs: Vec<(Log, usize, usize)>,
}

/// Builds the tree of calls.
#[derive(Debug)]
pub(crate) struct CallTracer {
    options: Options,
    bytes_max: usize,
    bytes: usize,
    open: Vec<Frame>,
    /// Frames below the top that are left out.
    skipped: usize,
    logs: usize,
}

/// What a frame costs in the answer beside its data, in bytes.
const FRAME_BYTES: usize = 400;

const fn name(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Call => "CALL",
        CallKind::CallCode => "CALLCODE",
        CallKind::DelegateCall => "DELEGATECALL",
        CallKind::StaticCall => "STATICCALL",
        CallKind::Create => "CREATE",
        CallKind::Create2 => "CREATE2",
    }
}

impl CallTracer {
    pub(super) const fn new(options: Options, bytes_max: usize) -> Self {
        Self { options, bytes_max, bytes: 0, open: Vec::new(), skipped: 0, logs: 0 }
    }

    pub(super) fn finish(mut self, called: &Called, gas_limit: u64) -> EthResult<Value> {
        if self.bytes > self.bytes_max {
            return Err(too_long(self.bytes_max));
        }
        let Some(mut top) = self.open.pop() else { return Ok(Value::Null) };
        top.gas = gas_limit;
        top.gas_used = called.gas_used;
        Ok(top.written(false))
    }

    /// Watches for all calls, of which at most so many bytes are told.
    pub(crate) const fn whole(bytes_max: usize) -> Self {
        Self::new(Options { only_top: false, with_logs: false }, bytes_max)
    }

    /// Adds the calls in a row; returns the bytes that are left to tell. `most` is what there was at the beginning.
    pub(crate) fn flat(
        mut self,
        at: &Position,
        calls: &mut Vec<Value>,
        most: usize,
    ) -> EthResult<usize> {
        let left = self.bytes_max.checked_sub(self.bytes).ok_or_else(|| too_long(most))?;
        if let Some(top) = self.open.pop() {
            top.flat(&mut Vec::new(), at, calls);
        }
        Ok(left)
    }

    fn is_over(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes).saturating_add(FRAME_BYTES);
        self.bytes > self.bytes_max
    }
}

impl Frame {
    fn end(&mut self, end: &CallEnd<'_>) {
        self.gas_used = end.gas_used;
        let failed = match (&end.halt, end.reverted) {
            (Some(halt), _) => Some(halt.to_string()),
            (None, true) => Some("execution reverted".to_owned()),
            (None, false) => None,
        };
        if failed.is_none() || end.reverted {
            self.output = Bytes::copy_from_slice(end.output);
        }
        if failed.is_some() && self.kind.starts_with("CREATE") {
            self.to = None;
        }
        if end.reverted {
            self.reason = revert::reason(end.output);
        }
        self.error = failed;
    }

    /// Adds this call and those below it.
    fn flat(&self, path: &mut Vec<usize>, at: &Position, calls: &mut Vec<Value>) {
        let done = flat::Done {
            kind: self.kind,
            from: self.from,
            to: self.to,
            value: self.value.unwrap_or_default(),
            gas: self.gas,
            gas_used: self.gas_used,
            input: &self.input,
            output: &self.output,
            error: self.error.as_deref(),
            calls: self.calls.len(),
        };
        calls.push(flat::written(&done, path, at));
        for (index, call) in self.calls.iter().enumerate() {
            path.push(index);
            call.flat(path, at, calls);
            path.pop();
        }
    }

    /// `failed` says whether a frame above failed, whose logs never were.
    fn written(self, failed: bool) -> Value {
        let failed = failed || self.error.is_some();
        let mut out = fields(json!({
            "type": self.kind,
            "from": self.from,
            "gas": quantity(self.gas),
            "gasUsed": quantity(self.gas_used),
            "input": data(&self.input),
        }));
        let mut put = |name: &str, value: Value| {
            out.insert(name.to_owned(), value);
        };
        if let Some(to) = self.to {
            put("to", json!(to));
        }
        if let Some(value) = self.value {
            put("value", big(value));
        }
        if !self.output.is_empty() {
            put("output", data(&self.output));
        }
        if let Some(error) = self.error {
            put("error", json!(error));
        }
        if let Some(reason) = self.reason {
            put("revertReason", json!(reason));
        }
        if !self.calls.is_empty() {
            put("calls", self.calls.into_iter().map(|call| call.written(failed)).collect());
        }
        if !self.logs.is_empty() && !failed {
            let log = |(log, index, position): (Log, usize, usize)| {
                json!({
                    "address": log.address,
                    "topics": log.data.topics(),
                    "data": data(&log.data.data),
                    "index": count(index),
                    "position": count(position),
                })
            };
            put("logs", self.logs.into_iter().map(log).collect());
        }
        Value::Object(out)
    }
}

impl Inspector for CallTracer {
    fn enter(&mut self, call: &Call<'_>) {
        if self.skipped > 0
            || (self.options.only_top && !self.open.is_empty())
            || self.is_over(call.input.len() * 2)
        {
            self.skipped += 1;
            return;
        }
        self.open.push(Frame {
            kind: name(call.kind),
            from: call.from,
            to: Some(call.to),
            value: (call.kind != CallKind::StaticCall).then_some(call.value),
            gas: call.gas,
            gas_used: 0,
            input: Bytes::copy_from_slice(call.input),
            output: Bytes::new(),
            error: None,
            reason: None,
            calls: Vec::new(),
            logs: Vec::new(),
        });
    }

    fn exit(&mut self, end: &CallEnd<'_>) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        self.bytes = self.bytes.saturating_add(end.output.len() * 2);
        if let Some(frame) = self.open.last_mut() {
            frame.end(end);
        }
        if self.open.len() > 1
            && let Some(frame) = self.open.pop()
            && let Some(above) = self.open.last_mut()
        {
            above.calls.push(frame);
        }
    }

    fn log(&mut self, log: &Log) {
        let index = self.logs;
        self.logs += 1;
        if !self.options.with_logs || self.skipped > 0 || self.is_over(log.data.data.len() * 2) {
            return;
        }
        if let Some(frame) = self.open.last_mut() {
            let position = frame.calls.len();
            frame.logs.push((log.clone(), index, position));
        }
    }

    fn destroyed(&mut self, contract: Address, target: Address, value: U256) {
        if self.skipped > 0 || self.options.only_top || self.is_over(0) {
            return;
        }
        if let Some(frame) = self.open.last_mut() {
            frame.calls.push(Frame {
                kind: "SELFDESTRUCT",
                from: contract,
                to: Some(target),
                value: Some(value),
                gas: 0,
                gas_used: 0,
                input: Bytes::new(),
                output: Bytes::new(),
                error: None,
                reason: None,
                calls: Vec::new(),
                logs: Vec::new(),
            });
        }
    }
}
