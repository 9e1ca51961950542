//! Which functions were called, by their selectors and how much data came with them.
//!
//! **Spec:** go-ethereum's `eth/tracers/native/4byte.go`.

use std::collections::BTreeMap;

use alloy_primitives::hex;
use quintet_evm::execute::{
    Inspector,
    inspect::{Call, CallKind},
};
use serde_json::{Value, json};

/// Most different entries kept.
const ENTRIES_MAX: usize = 65_536;

/// Counts selectors.
#[derive(Debug, Default)]
pub(crate) struct FourByteTracer {
    counts: BTreeMap<([u8; 4], usize), u64>,
}

impl FourByteTracer {
    pub(super) fn finish(self) -> Value {
        let entry = |((selector, length), count): (([u8; 4], usize), u64)| {
            (format!("{}-{length}", hex::encode_prefixed(selector)), json!(count))
        };
        Value::Object(self.counts.into_iter().map(entry).collect())
    }
}

impl Inspector for FourByteTracer {
    fn enter(&mut self, call: &Call<'_>) {
        if matches!(call.kind, CallKind::Create | CallKind::Create2) {
            return;
        }
        let Some((selector, rest)) = call.input.split_first_chunk::<4>() else { return };
        let key = (*selector, rest.len());
        if self.counts.len() < ENTRIES_MAX || self.counts.contains_key(&key) {
            *self.counts.entry(key).or_default() += 1;
        }
    }
}
