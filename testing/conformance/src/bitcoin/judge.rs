//! Verdicts on an input, each reached in two ways that must agree.

use std::collections::HashMap;

use quintet_bitcoin_protocol::{
    script::{
        Deferred, ScriptError, ScriptFlags, SignatureCheck, SignatureChecker, TxContext,
        verify_input,
    },
    transaction::{Input, Transaction, Tx},
};

use crate::suite::{Mismatch, expect_eq};

/// Verifies at once and remembers: a case is run under many flags with the same signatures.
#[derive(Default)]
pub(super) struct Judge {
    known: HashMap<SignatureCheck, bool>,
}

impl SignatureChecker for Judge {
    fn check(&mut self, check: SignatureCheck) -> bool {
        *self.known.entry(check).or_insert_with_key(SignatureCheck::verify)
    }

    fn check_exact(&mut self, check: SignatureCheck) -> bool {
        self.check(check)
    }
}

impl Judge {
    /// Returns the verdict, if deferring the signatures leads to the same.
    pub(super) fn verdict(
        &mut self,
        context: &TxContext<'_>,
        input: usize,
        flags: ScriptFlags,
    ) -> Result<Result<(), ScriptError>, Mismatch> {
        let at_once = verify_input(context, input, flags, self);
        let mut deferred = Deferred::default();
        let mut later = deferred.verify(context, input, flags);
        if later.is_ok() && !deferred.take().into_iter().all(|check| self.check(check)) {
            later = verify_input(context, input, flags, self);
        }
        expect_eq("verdict with deferred signatures", at_once, later)?;
        Ok(at_once)
    }
}

/// Appends a compact size.
pub(super) fn put_size(out: &mut Vec<u8>, size: usize) {
    quintet_bitcoin_protocol::encode::put_size(out, size as u64);
}

/// Appends a byte string behind its compact size.
pub(super) fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_size(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Returns a copy of `tx` in which `input` has this script and witness.
pub(super) fn with_input(
    tx: Tx<'_>,
    input: usize,
    script_sig: &[u8],
    witness: &[Vec<u8>],
) -> Result<Transaction, Mismatch> {
    let witness_of = |index: usize, other: Input<'_>| -> Vec<Vec<u8>> {
        if index == input {
            witness.to_vec()
        } else {
            other.witness.iter().map(Into::into).collect()
        }
    };
    let witnesses: Vec<_> =
        tx.inputs().enumerate().map(|(index, input)| witness_of(index, input)).collect();
    let has_witness = witnesses.iter().any(|witness| !witness.is_empty());

    let mut out = tx.version().to_le_bytes().to_vec();
    if has_witness {
        out.extend([0, 1]);
    }
    put_size(&mut out, tx.inputs().len());
    for (index, other) in tx.inputs().enumerate() {
        out.extend_from_slice(other.previous.txid.as_ref());
        out.extend(other.previous.vout.to_le_bytes());
        put_sized(&mut out, if index == input { script_sig } else { other.script_sig });
        out.extend(other.sequence.to_le_bytes());
    }
    put_size(&mut out, tx.outputs().len());
    for output in tx.outputs() {
        out.extend(output.value.to_le_bytes());
        put_sized(&mut out, output.script_pubkey);
    }
    for witness in witnesses.iter().filter(|_| has_witness) {
        put_size(&mut out, witness.len());
        witness.iter().for_each(|item| put_sized(&mut out, item));
    }
    out.extend(tx.lock_time().to_le_bytes());
    decode(out)
}

/// Parses a transaction.
pub(super) fn decode(bytes: Vec<u8>) -> Result<Transaction, Mismatch> {
    Transaction::decode(bytes)
        .map_err(|error| Mismatch::new("transaction", "one that parses", error.to_string()))
}
