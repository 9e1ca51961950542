//! Transactions made for tests: right or wrong, serialised field by field.

use bitcoin::{OutPoint, Txid, hashes::Hash};

use super::Transaction;
use crate::encode::put_size;

/// `OP_1`: a script that anybody satisfies.
pub(crate) const TRUE: &[u8] = &[0x51];

/// An input to be serialised.
#[derive(Debug, Clone)]
pub(crate) struct TestInput {
    pub(crate) previous: OutPoint,
    pub(crate) script_sig: Vec<u8>,
    pub(crate) sequence: u32,
    pub(crate) witness: Vec<Vec<u8>>,
}

/// A transaction to be serialised, right or wrong.
#[derive(Debug, Clone)]
pub(crate) struct TestTx {
    pub(crate) version: u32,
    pub(crate) inputs: Vec<TestInput>,
    pub(crate) outputs: Vec<(i64, Vec<u8>)>,
    pub(crate) lock_time: u32,
}

impl TestTx {
    /// A transaction that spends `previous` and pays `value` to anybody.
    pub(crate) fn spending(previous: OutPoint, value: i64) -> Self {
        Self::empty().input(previous).output(value, TRUE)
    }

    pub(crate) fn empty() -> Self {
        Self { version: 1, inputs: Vec::new(), outputs: Vec::new(), lock_time: 0 }
    }

    /// A coinbase whose script begins with four bytes that read as `height` (BIP-0034, for heights of three bytes).
    pub(crate) fn coinbase(height: u32, value: i64) -> Self {
        let [a, b, c, _] = height.to_le_bytes();
        let mut tx = Self::empty().input(OutPoint::null()).output(value, TRUE);
        tx.inputs[0].script_sig = vec![3, a, b, c, 0];
        tx
    }

    pub(crate) fn input(mut self, previous: OutPoint) -> Self {
        let sequence = 0xffff_ffff;
        self.inputs.push(TestInput { previous, script_sig: vec![], sequence, witness: vec![] });
        self
    }

    pub(crate) fn output(mut self, value: i64, script: &[u8]) -> Self {
        self.outputs.push((value, script.to_vec()));
        self
    }

    pub(crate) fn script_sig(mut self, script: &[u8]) -> Self {
        self.inputs[0].script_sig = script.to_vec();
        self
    }

    pub(crate) fn witness(mut self, items: &[&[u8]]) -> Self {
        self.inputs[0].witness = items.iter().map(|item| item.to_vec()).collect();
        self
    }

    pub(crate) fn sequence(mut self, version: u32, sequence: u32) -> Self {
        self.version = version;
        self.inputs[0].sequence = sequence;
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.version.to_le_bytes().to_vec();
        let has_witness = self.inputs.iter().any(|input| !input.witness.is_empty());
        if has_witness {
            out.extend([0, 1]);
        }
        put_size(&mut out, self.inputs.len() as u64);
        for input in &self.inputs {
            out.extend(input.previous.txid.as_byte_array());
            out.extend(input.previous.vout.to_le_bytes());
            put_sized(&mut out, &input.script_sig);
            out.extend(input.sequence.to_le_bytes());
        }
        put_size(&mut out, self.outputs.len() as u64);
        for (value, script) in &self.outputs {
            out.extend(value.to_le_bytes());
            put_sized(&mut out, script);
        }
        for input in self.inputs.iter().filter(|_| has_witness) {
            put_size(&mut out, input.witness.len() as u64);
            input.witness.iter().for_each(|item| put_sized(&mut out, item));
        }
        out.extend(self.lock_time.to_le_bytes());
        out
    }

    pub(crate) fn build(&self) -> Transaction {
        Transaction::decode(self.bytes()).unwrap()
    }

    pub(crate) fn txid(&self) -> Txid {
        self.build().view().txid()
    }

    /// Output `vout` of it, to be spent.
    pub(crate) fn at(&self, vout: u32) -> OutPoint {
        OutPoint { txid: self.txid(), vout }
    }
}

fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_size(out, bytes.len() as u64);
    out.extend(bytes);
}

/// An outpoint nobody else uses.
pub(crate) fn outpoint(number: u8) -> OutPoint {
    OutPoint { txid: Txid::from_byte_array([number; 32]), vout: u32::from(number) }
}
