//! The engine from outside: scripts run as inputs of a transaction.
//!
//! [`Spend`] is that transaction: two inputs and two outputs, of which a test changes what it is about.

mod covenants;
mod introspection;
mod limits;
#[cfg(feature = "zk")]
mod proofs;
mod random;
mod signatures;
mod values;

use quintet_primitives::Hash256;

use super::{
    Covenants, Immediate, Rules, ScriptError, SequencingCommitments, Spent, TxContext, opcode::*,
    verify_input,
};
use crate::tx::{
    ComputeCommit, Outpoint, PopulatedTransaction, ScriptPublicKey, SubnetworkId, Transaction,
    TransactionInput, TransactionOutput, UtxoEntry,
};

/// The rules of every era.
fn eras() -> [&'static Rules; 3] {
    [Rules::legacy(), Rules::crescendo(), Rules::toccata()]
}

/// A transaction and what it spends.
#[derive(Clone)]
struct Spend {
    tx: Transaction,
    entries: Vec<UtxoEntry>,
}

impl Spend {
    fn new(script: &[u8]) -> Self {
        let input = |index: u8| TransactionInput {
            previous_outpoint: Outpoint::new(Hash256::new([index; 32]), index.into()),
            signature_script: Vec::new(),
            sequence: u64::from(index) + 5,
            compute_commit: ComputeCommit::SigOpCount(20),
        };
        let entry = |amount, script: &[u8]| UtxoEntry {
            amount,
            script_public_key: ScriptPublicKey::new(0, script),
            block_daa_score: amount + 1,
            is_coinbase: amount == 200,
            covenant_id: None,
        };
        let output =
            |amount| TransactionOutput::new(amount, ScriptPublicKey::new(3, &[OP_TRUE, OP_NOP]));
        Self {
            tx: Transaction {
                version: 0,
                inputs: vec![input(7), input(8)],
                outputs: vec![output(100), output(200)],
                lock_time: 1_000,
                subnetwork_id: SubnetworkId::NATIVE,
                gas: 9,
                payload: b"payload".to_vec(),
                storage_mass: 0,
            },
            entries: vec![entry(150, script), entry(200, &[OP_TRUE])],
        }
    }

    fn with_signature_script(mut self, signature_script: &[u8]) -> Self {
        self.tx.inputs[0].signature_script = signature_script.to_vec();
        self
    }

    fn with_commitment(mut self, commitment: ComputeCommit) -> Self {
        self.tx.inputs[0].compute_commit = commitment;
        self
    }

    fn populated(&self) -> PopulatedTransaction<'_> {
        PopulatedTransaction::new(&self.tx, &self.entries).unwrap()
    }

    fn context(&self, rules: &'static Rules) -> TxContext<'_> {
        TxContext::new(self.populated(), rules)
            .with_covenants(Covenants::of(self.populated()).unwrap_or_default())
    }

    fn run(&self, rules: &'static Rules) -> Result<Spent, ScriptError> {
        verify_input(&self.context(rules), 0, &mut Immediate)
    }
}

/// Runs a script that has nothing to satisfy.
fn run(rules: &'static Rules, script: &[u8]) -> Result<(), ScriptError> {
    Spend::new(script).run(rules).map(drop)
}

/// Joins parts of a script.
fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Pushes data in the shortest way.
fn push(data: &[u8]) -> Vec<u8> {
    let len = data.len();
    let mut script = match (data, u8::try_from(len)) {
        ([number @ 1..=16], _) => return vec![OP_TRUE - 1 + number],
        ([0x81], _) => return vec![OP_1NEGATE],
        (_, Ok(len @ ..=75)) => vec![len],
        (_, Ok(len)) => vec![OP_PUSHDATA1, len],
        (_, Err(_)) if len < 0x1_0000 => {
            join(&[&[OP_PUSHDATA2], &u16::try_from(len).unwrap().to_le_bytes()])
        }
        _ => join(&[&[OP_PUSHDATA4], &u32::try_from(len).unwrap().to_le_bytes()]),
    };
    script.extend(data);
    script
}

/// Pushes a number.
fn number(number: i64) -> Vec<u8> {
    let mut bytes = [0; 32];
    let len = super::number::encode(number, &mut bytes).unwrap();
    push(&bytes[..usize::from(len)])
}

/// Asserts that a script leaves `expected` under these rules.
#[track_caller]
fn assert_leaves(spend: &Spend, rules: &'static Rules, script: &[u8], expected: &[u8]) {
    let mut spend = spend.clone();
    let script = join(&[script, &push(expected), &[OP_EQUAL]]);
    spend.entries[0].script_public_key = ScriptPublicKey::new(0, &script);
    assert_eq!(spend.run(rules).map(drop), Ok(()), "{script:02x?}");
}

#[test]
fn an_input_that_does_not_exist_is_an_error() {
    let spend = Spend::new(&[OP_TRUE]);
    let error = ScriptError::InvalidInputIndex { index: 2, inputs: 2 };
    for rules in eras() {
        assert_eq!(verify_input(&spend.context(rules), 2, &mut Immediate), Err(error));
    }
}

#[test]
fn what_has_a_script_of_a_later_version_anyone_may_spend() {
    let mut spend = Spend::new(&[OP_RETURN]);
    spend.entries[0].script_public_key.version = 1;
    for rules in eras() {
        assert_eq!(spend.run(rules), Ok(Spent::default()));
        assert_eq!(run(rules, &[OP_RETURN]), Err(ScriptError::EarlyReturn));
    }
}

#[test]
fn a_script_must_leave_exactly_one_value_that_is_true() {
    for rules in eras() {
        assert_eq!(run(rules, &[OP_TRUE]), Ok(()));
        assert_eq!(run(rules, &[OP_FALSE]), Err(ScriptError::EvalFalse));
        assert_eq!(run(rules, &[]), Err(ScriptError::EvalFalse));
        assert_eq!(run(rules, &[OP_NOP]), Err(ScriptError::EmptyStack));
        assert_eq!(run(rules, &[OP_TRUE, OP_TRUE]), Err(ScriptError::CleanStack { extra: 1 }));
    }
}

#[test]
fn a_signature_script_may_only_push() {
    for rules in eras() {
        let spend = Spend::new(&[OP_DROP, OP_TRUE]);
        assert!(spend.clone().with_signature_script(&[2, 9, 9]).run(rules).is_ok());
        let result = spend.with_signature_script(&[OP_TRUE, OP_NOP]).run(rules);
        assert_eq!(result, Err(ScriptError::NotPushOnly));
    }
}

#[test]
fn of_a_script_hash_the_script_behind_it_is_run() {
    let redeem = [OP_2, OP_EQUAL];
    let hash = blake2b_simd::Params::new().hash_length(32).hash(&redeem);
    let script = join(&[&[OP_BLAKE2B, 32], hash.as_bytes(), &[OP_EQUAL]]);
    for rules in eras() {
        let result = |signature_script: &[u8]| {
            Spend::new(&script).with_signature_script(signature_script).run(rules).map(drop)
        };
        assert_eq!(result(&join(&[&[OP_2], &push(&redeem)])), Ok(()));
        assert_eq!(result(&join(&[&[OP_3], &push(&redeem)])), Err(ScriptError::EvalFalse));
        assert_eq!(result(&push(&[OP_TRUE, OP_NOP])), Err(ScriptError::EvalFalse));
        let extra = ScriptError::CleanStack { extra: 1 };
        assert_eq!(result(&join(&[&[OP_3, OP_2], &push(&redeem)])), Err(extra));
    }
}
