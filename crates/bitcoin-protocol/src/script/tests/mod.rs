//! Traps of whole inputs, with real signatures: each rule once kept and once broken.
//!
//! The vectors of Bitcoin Core run elsewhere; here are the stories they do not tell by name.

mod legacy;
mod taproot;
mod witness;

use quintet_crypto::secp::SecretKey;

use super::{
    Deferred, Immediate, ScriptError, ScriptFlags, SignatureChecker, Step, Trace, TxContext,
    verify_input, verify_input_traced,
};
use crate::{
    encode::put_size,
    transaction::{Output, Transaction},
};

/// Every rule that is consensus today.
const CONSENSUS: ScriptFlags = ScriptFlags::P2SH
    .union(ScriptFlags::DERSIG)
    .union(ScriptFlags::NULLDUMMY)
    .union(ScriptFlags::CHECKLOCKTIMEVERIFY)
    .union(ScriptFlags::CHECKSEQUENCEVERIFY)
    .union(ScriptFlags::WITNESS)
    .union(ScriptFlags::TAPROOT);

const VALUE: i64 = 1_000;

/// What is put into an input.
#[derive(Debug, Clone, Default)]
struct Unlock {
    script_sig: Vec<u8>,
    witness: Vec<Vec<u8>>,
}

impl Unlock {
    fn script(script_sig: &[u8]) -> Self {
        Self { script_sig: script_sig.to_vec(), witness: vec![] }
    }

    fn witness(items: &[&[u8]]) -> Self {
        Self { script_sig: vec![], witness: items.iter().map(|item| item.to_vec()).collect() }
    }
}

/// Returns the n-th of some keys.
fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n + 1; 32]).unwrap()
}

/// Returns a push of `data` in its shortest plain form.
fn push(data: &[u8]) -> Vec<u8> {
    let mut out = match data.len() {
        len @ 0..0x4c => vec![u8::try_from(len).unwrap()],
        len @ 0x4c..=0xff => vec![0x4c, u8::try_from(len).unwrap()],
        len => [&[0x4d][..], &u16::try_from(len).unwrap().to_le_bytes()].concat(),
    };
    out.extend_from_slice(data);
    out
}

/// Returns a transaction with these inputs and that many outputs; `salt` makes it another one.
fn transaction(unlocks: &[Unlock], outputs: u8, salt: u32) -> Transaction {
    let mut out = vec![2, 0, 0, 0];
    let has_witness = unlocks.iter().any(|unlock| !unlock.witness.is_empty());
    if has_witness {
        out.extend([0, 1]);
    }
    put_size(&mut out, unlocks.len() as u64);
    for (index, unlock) in unlocks.iter().enumerate() {
        out.extend([9; 32]);
        out.extend(u32::try_from(index).unwrap().to_le_bytes());
        put_size(&mut out, unlock.script_sig.len() as u64);
        out.extend(&unlock.script_sig);
        out.extend([0xfe, 0xff, 0xff, 0xff]);
    }
    out.push(outputs);
    for output in 0..outputs {
        out.extend((i64::from(output) + 1).to_le_bytes());
        out.extend([1, 0x51]);
    }
    for unlock in unlocks.iter().filter(|_| has_witness) {
        put_size(&mut out, unlock.witness.len() as u64);
        for item in &unlock.witness {
            put_size(&mut out, item.len() as u64);
            out.extend(item);
        }
    }
    out.extend(salt.to_le_bytes());
    Transaction::decode(out).unwrap()
}

/// Returns what inputs that all spend `script_pubkey` share.
fn context<'a>(transaction: &'a Transaction, script_pubkey: &'a [u8]) -> TxContext<'a> {
    let tx = transaction.view();
    TxContext::new(tx, vec![Output { value: VALUE, script_pubkey }; tx.inputs().len()])
}

/// Verifies the one input of a transaction of one output.
fn verify(unlock: Unlock, script_pubkey: &[u8], flags: ScriptFlags) -> Result<(), ScriptError> {
    let transaction = transaction(&[unlock], 1, 0);
    verify_input(&context(&transaction, script_pubkey), 0, flags, &mut Immediate)
}

#[test]
fn a_trace_sees_every_instruction_with_the_stack_before_it() {
    #[derive(Default)]
    struct Seen(Vec<(u8, usize, bool, usize)>);
    impl Trace for Seen {
        fn step(&mut self, step: &Step<'_>) {
            self.0.push((step.opcode, step.position, step.executed, step.stack.len()));
        }
    }
    let transaction = transaction(&[Unlock::script(&[0x51, 0x00])], 1, 0);
    let context = context(&transaction, &[0x63, 0x76, 0x68]);
    let mut seen = Seen::default();
    verify_input_traced(&context, 0, CONSENSUS, &mut Immediate, &mut seen).unwrap();
    let expected = [
        (0x51, 0, true, 0),
        (0x00, 1, true, 1),
        (0x63, 0, true, 2),
        (0x76, 1, false, 1),
        (0x68, 2, false, 1),
    ];
    assert_eq!(seen.0, expected);
}

#[test]
fn an_input_whose_output_was_not_given_does_not_verify() {
    let transaction = transaction(&[Unlock::default(), Unlock::default()], 1, 0);
    let output = Output { value: VALUE, script_pubkey: &[0x51] };
    for spent in [vec![], vec![output], vec![output; 3]] {
        let context = TxContext::new(transaction.view(), spent);
        let verdict = verify_input(&context, 0, CONSENSUS, &mut Immediate);
        assert_eq!(verdict, Err(ScriptError::UnknownError));
    }
    let context = context(&transaction, &[0x51]);
    assert_eq!(verify_input(&context, 1, CONSENSUS, &mut Immediate), Ok(()));
    let verdict = verify_input(&context, 2, CONSENSUS, &mut Immediate);
    assert_eq!(verdict, Err(ScriptError::UnknownError));
}
