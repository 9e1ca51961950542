//! Reading transactions: what is written comes back, and nothing else is read.

use bitcoin::{OutPoint, hashes::Hash};
use bytes::Bytes;
use proptest::prelude::*;
use quintet_crypto::digest::sha256d;

use super::{
    Transaction, Transactions,
    sample::{TRUE, TestInput, TestTx, outpoint},
};
use crate::encode::{DecodeError, Reader};

/// A transaction with a witness for its first input only.
fn witnessed() -> TestTx {
    TestTx::spending(outpoint(1), 50)
        .input(outpoint(2))
        .output(-1, &[0x6a; 300])
        .script_sig(&[1, 2, 3])
        .sequence(2, 7)
        .witness(&[&[], &[9; 40]])
}

fn decode(bytes: &[u8]) -> Result<Transaction, DecodeError> {
    Transaction::decode(bytes.to_vec())
}

/// Compares the views with what was serialised.
fn assert_same(tx: &TestTx) {
    let bytes = tx.bytes();
    let transaction = decode(&bytes).unwrap();
    let view = transaction.view();
    assert_eq!(view.bytes(), bytes);
    assert_eq!((view.version(), view.lock_time()), (tx.version, tx.lock_time));
    assert_eq!((view.inputs().len(), view.outputs().len()), (tx.inputs.len(), tx.outputs.len()));
    for (read, written) in view.inputs().zip(&tx.inputs) {
        assert_eq!((read.previous, read.sequence), (written.previous, written.sequence));
        assert_eq!(read.script_sig, written.script_sig);
        assert!(read.witness.iter().eq(written.witness.iter().map(Vec::as_slice)));
        assert_eq!(read.witness.len(), written.witness.len());
    }
    for (read, (value, script)) in view.outputs().zip(&tx.outputs) {
        assert_eq!((read.value, read.script_pubkey), (*value, script.as_slice()));
    }
    let mut bare = tx.clone();
    bare.inputs.iter_mut().for_each(|input| input.witness.clear());
    let without = bare.bytes();
    assert_eq!(view.base_size(), without.len());
    assert_eq!(view.body(), &without[4..without.len() - 4]);
    assert_eq!(view.weight(), without.len() * 3 + bytes.len());
    assert_eq!(view.txid().to_byte_array(), sha256d(&[&without]).into_bytes());
    assert_eq!(view.wtxid().to_byte_array(), sha256d(&[&bytes]).into_bytes());
}

#[test]
fn a_transaction_is_read_as_it_was_written() {
    assert_same(&witnessed());
    assert_same(&TestTx::spending(outpoint(1), i64::MAX));
    assert_same(&TestTx::coinbase(500_000, 1).witness(&[&[0; 32]]));
    assert!(witnessed().build().view().has_witness());
    assert!(!TestTx::spending(outpoint(1), 0).build().view().has_witness());
}

#[test]
fn a_transaction_cut_anywhere_is_refused() {
    for tx in [witnessed(), TestTx::spending(outpoint(1), 5)] {
        let bytes = tx.bytes();
        for cut in 0..bytes.len() {
            let refused = decode(&bytes[..cut]).unwrap_err();
            assert!(matches!(refused, DecodeError::End { .. }), "{cut}: {refused}");
        }
        let at = bytes.len();
        let longer = [bytes, vec![0]].concat();
        assert_eq!(decode(&longer).unwrap_err(), DecodeError::Trailing { at, actual: 1 });
    }
}

#[test]
fn a_transaction_without_inputs_has_no_outputs_either() {
    // Its zero inputs read as the witness marker, and what would be the number of outputs as the flags: none.
    let bytes = [&[1, 0, 0, 0][..], &[0, 0], &[4, 3, 2, 1]].concat();
    let transaction = decode(&bytes).unwrap();
    let view = transaction.view();
    assert_eq!((view.inputs().len(), view.outputs().len()), (0, 0));
    assert_eq!((view.lock_time(), view.base_size(), view.has_witness()), (0x0102_0304, 10, false));
    assert!(!view.is_coinbase());
}

/// Version, marker, these flags, one input, one output, `witness` and lock time.
fn with_flags(flags: u8, witness: &[u8]) -> Vec<u8> {
    let plain = TestTx::spending(outpoint(1), 5).bytes();
    let (body, lock_time) = plain[4..].split_at(plain.len() - 8);
    [&plain[..4], &[0, flags], body, witness, lock_time].concat()
}

#[test]
fn a_marker_announces_a_witness_that_is_not_empty() {
    assert!(decode(&with_flags(1, &[1, 2, 8, 8])).is_ok());
    assert!(decode(&with_flags(1, &[1, 0])).is_ok(), "an empty item is an item");
    let superfluous = DecodeError::SuperfluousWitness { at: 0 };
    assert_eq!(decode(&with_flags(1, &[0])).unwrap_err(), superfluous);
    let nothing_at_all = [&[1, 0, 0, 0][..], &[0, 1], &[0, 0], &[0; 4]].concat();
    assert_eq!(decode(&nothing_at_all).unwrap_err(), superfluous);
}

#[test]
fn flags_without_a_meaning_are_refused() {
    for (flags, witness) in [(2, &[][..]), (0x80, &[]), (3, &[1, 1, 8]), (0xff, &[1, 1, 8])] {
        let refused = decode(&with_flags(flags, witness)).unwrap_err();
        assert_eq!(refused, DecodeError::UnknownFlags { at: 0, actual: flags & !1 });
    }
    // An empty witness is found first.
    let refused = decode(&with_flags(3, &[0])).unwrap_err();
    assert_eq!(refused, DecodeError::SuperfluousWitness { at: 0 });
}

#[test]
fn counts_in_a_longer_form_are_refused_wherever_they_stand() {
    let bytes = TestTx::spending(outpoint(1), 5).bytes();
    // Inputs, script before, outputs, script after.
    for at in [4, 4 + 1 + 36, 4 + 1 + 41, 4 + 1 + 41 + 1 + 8] {
        let longer = [&bytes[..at], &[0xfd, bytes[at], 0], &bytes[at + 1..]].concat();
        let actual = u64::from(bytes[at]);
        assert_eq!(decode(&longer).unwrap_err(), DecodeError::NonCanonicalSize { at, actual });
    }
}

#[test]
fn claims_take_no_memory() {
    // 33 million transactions, inputs, outputs, items: in a few bytes each.
    let most = [0xfe, 0, 0, 0, 2];
    let claims = [
        most.to_vec(),
        [&[1, 1, 0, 0, 0][..], &most, &[0; 60]].concat(),
        [&[1][..], &TestTx::spending(outpoint(1), 5).bytes()[..46], &most, &[0; 60]].concat(),
        [&[1][..], &with_flags(1, &[])[..59], &most].concat(),
    ];
    for claim in claims {
        let bytes = Bytes::from(claim);
        let mut reader = Reader::new(&bytes).unwrap();
        assert!(matches!(
            Transactions::decode_counted(&bytes, &mut reader),
            Err(DecodeError::End { .. })
        ));
    }
    let many = [&[0xfd, 0, 1][..], &TestTx::spending(outpoint(1), 5).bytes().repeat(256)].concat();
    let bytes = Bytes::from(many);
    let all = Transactions::decode_counted(&bytes, &mut Reader::new(&bytes).unwrap()).unwrap();
    assert_eq!((all.len(), all.input_count(), all.output_count()), (256, 256, 256));
    assert!(all.heap_bytes() < 8 * bytes.len(), "{} of {}", all.heap_bytes(), bytes.len());
}

#[test]
fn witnesses_are_bounded_by_nothing_but_blocks() {
    // Reading had limits of its own in btcd, which a valid block, 802,145, exceeded.
    let many = TestTx::spending(outpoint(1), 5).witness(&vec![&[][..]; 600_000]);
    assert_eq!(many.build().view().input(0).unwrap().witness.len(), 600_000);
    let long = TestTx::spending(outpoint(1), 5).witness(&[&vec![7; 3_900_000]]);
    assert_eq!(long.build().view().input(0).unwrap().witness.get(0).unwrap().len(), 3_900_000);
}

#[test]
fn transactions_of_one_buffer_keep_to_themselves() {
    let parts = [witnessed(), TestTx::spending(outpoint(3), 1), witnessed().output(9, TRUE)];
    let counted = parts.iter().fold(vec![3], |bytes, tx| [bytes, tx.bytes()].concat());
    let bytes = Bytes::from(counted);
    let all = Transactions::decode_counted(&bytes, &mut Reader::new(&bytes).unwrap()).unwrap();
    assert_eq!((all.len(), all.input_count(), all.output_count()), (3, 5, 6));
    for (read, written) in all.iter().zip(&parts) {
        assert_eq!(read.bytes(), written.bytes());
        assert_eq!(
            read.inputs().next_back().map(|input| input.previous),
            written.inputs.last().map(|input| input.previous)
        );
    }
    assert!(all.get(3).is_none());
    assert_eq!(all.get(1).unwrap().output(0).unwrap().value, 1);
    assert!(all.get(1).unwrap().output(1).is_none() && all.get(1).unwrap().input(1).is_none());
}

fn any_input() -> impl Strategy<Value = TestInput> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    let witness = prop::collection::vec(bytes(30), 0..3);
    let previous = (any::<[u8; 32]>(), any::<u32>());
    (previous, bytes(300), any::<u32>(), witness).prop_map(
        |((txid, vout), script_sig, sequence, witness)| TestInput {
            previous: OutPoint { txid: bitcoin::Txid::from_byte_array(txid), vout },
            script_sig,
            sequence,
            witness,
        },
    )
}

fn any_transaction() -> impl Strategy<Value = TestTx> {
    let outputs = (any::<i64>(), prop::collection::vec(any::<u8>(), 0..300));
    (
        any::<u32>(),
        prop::collection::vec(any_input(), 1..4),
        prop::collection::vec(outputs, 0..4),
        any::<u32>(),
    )
        .prop_map(|(version, inputs, outputs, lock_time)| TestTx {
            version,
            inputs,
            outputs,
            lock_time,
        })
}

proptest! {
    #[test]
    fn any_transaction_is_read_as_it_was_written(tx in any_transaction()) {
        assert_same(&tx);
    }

    #[test]
    fn whatever_is_read_says_the_same_as_its_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(read) = decode(&bytes) {
            prop_assert_eq!(read.view().bytes(), bytes);
        }
    }

    #[test]
    fn a_changed_byte_is_refused_or_changes_an_id(tx in any_transaction(), at: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = tx.bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(read) = decode(&bytes) {
            prop_assert_ne!(read.view().wtxid(), tx.build().view().wtxid());
        }
    }
}

/// No input and one output of 1 satoshi with the script `51`.
const DRAFT: [u8; 20] = [2, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x51, 0, 0, 0, 0];

#[test]
fn a_draft_without_inputs_decodes_in_the_plain_form_alone() {
    assert!(Transaction::decode(DRAFT.to_vec()).is_err());
    let draft = Transaction::decode_plain(DRAFT.to_vec()).unwrap();
    let draft = draft.view();
    assert_eq!((draft.inputs().len(), draft.outputs().len()), (0, 1));
    assert_eq!((draft.base_size(), draft.total_size()), (20, 20));
    for cut in 0..DRAFT.len() {
        assert!(Transaction::decode_plain(DRAFT[..cut].to_vec()).is_err(), "cut at {cut}");
    }
}
