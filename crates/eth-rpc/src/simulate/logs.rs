//! What a simulated call logged, with transfers of ether among the logs if they are asked for.
//!
//! **Spec:** go-ethereum's `internal/ethapi/logtracer.go`; ERC-7528 for the address of ether.

use alloy_primitives::{Address, B256, Bytes, Log, U256, address, b256};
use quintet_evm::execute::{
    Inspector,
    inspect::{Call, CallEnd, CallKind},
};

/// Who logs transfers of ether.
const ETHER: Address = address!("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
/// `Transfer(address,address,uint256)`.
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// Gathers logs, those of failed frames left out.
#[derive(Debug)]
pub(super) struct LogTracer {
    transfers: bool,
    /// Logs of the frames that are open, with their numbers.
    open: Vec<Vec<(usize, Log)>>,
    /// Logs there were so far, failed ones counted.
    count: usize,
    done: Vec<(usize, Log)>,
}

impl LogTracer {
    /// Begins a call whose first log has this number.
    pub(super) const fn new(transfers: bool, count: usize) -> Self {
        Self { transfers, open: Vec::new(), count, done: Vec::new() }
    }

    /// Returns the logs with their numbers, and the number of the next call's first.
    pub(super) fn finish(self) -> (Vec<(usize, Log)>, usize) {
        (self.done, self.count)
    }

    fn add(&mut self, log: Log) {
        if let Some(frame) = self.open.last_mut() {
            frame.push((self.count, log));
        }
        self.count += 1;
    }

    fn transfer(&mut self, from: Address, to: Address, value: U256) {
        if self.transfers && !value.is_zero() {
            let topics = vec![TRANSFER, from.into_word(), to.into_word()];
            let data = Bytes::copy_from_slice(&value.to_be_bytes::<32>());
            self.add(Log::new_unchecked(ETHER, topics, data));
        }
    }
}

impl Inspector for LogTracer {
    fn enter(&mut self, call: &Call<'_>) {
        self.open.push(Vec::new());
        if !matches!(call.kind, CallKind::DelegateCall | CallKind::CallCode) {
            self.transfer(call.from, call.to, call.value);
        }
    }

    fn exit(&mut self, end: &CallEnd<'_>) {
        let Some(logs) = self.open.pop() else { return };
        if end.reverted || end.halt.is_some() {
            return;
        }
        match self.open.last_mut() {
            Some(above) => above.extend(logs),
            None => self.done = logs,
        }
    }

    fn log(&mut self, log: &Log) {
        self.add(log.clone());
    }

    fn destroyed(&mut self, contract: Address, target: Address, value: U256) {
        self.transfer(contract, target, value);
    }
}
