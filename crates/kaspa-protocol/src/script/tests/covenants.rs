//! Covenants and the chain, as scripts see them.

use super::*;
use crate::{
    script::{CovenantError, covenant_id},
    tx::CovenantBinding,
};

fn id(byte: u8) -> Hash256 {
    Hash256::new([byte; 32])
}

fn binding(authorizing_input: u16, covenant_id: Hash256) -> Option<CovenantBinding> {
    Some(CovenantBinding { authorizing_input, covenant_id })
}

/// Input 1 is under covenant `aa…` and goes on with it in output 0.
fn going_on() -> Spend {
    let mut spend = Spend::new(&[]);
    spend.entries[1].covenant_id = Some(id(0xaa));
    spend.tx.outputs[0].covenant = binding(1, id(0xaa));
    spend
}

#[test]
fn a_script_sees_who_belongs_to_a_covenant_and_by_whose_authority() {
    let rules = Rules::toccata();
    let covenant = push(&[0xaa; 32]);
    let with_id = |tail: &[u8]| join(&[&covenant, tail]);
    for (script, expected) in [
        (vec![OP_TRUE, OP_AUTH_OUTPUT_COUNT], &[1_u8][..]),
        (vec![OP_FALSE, OP_AUTH_OUTPUT_COUNT], &[]),
        (vec![OP_TRUE, OP_FALSE, OP_AUTH_OUTPUT_IDX], &[]),
        (vec![OP_TRUE, OP_INPUT_COVENANT_ID], &[0xaa; 32]),
        (vec![OP_FALSE, OP_INPUT_COVENANT_ID], &[0; 32]),
        (with_id(&[OP_COV_INPUT_COUNT]), &[1]),
        (with_id(&[OP_FALSE, OP_COV_INPUT_IDX]), &[1]),
        (with_id(&[OP_COV_OUTPUT_COUNT]), &[1]),
        (with_id(&[OP_FALSE, OP_COV_OUTPUT_IDX]), &[]),
        (vec![OP_FALSE, OP_OUTPUT_COVENANT_ID], &[0xaa; 32]),
        (vec![OP_TRUE, OP_OUTPUT_COVENANT_ID], &[0; 32]),
        (vec![OP_FALSE, OP_OUTPUT_AUTHORIZING_INPUT], &[1]),
        (vec![OP_TRUE, OP_OUTPUT_AUTHORIZING_INPUT], &[0x81]),
        (join(&[&push(&[0xbb; 32]), &[OP_COV_INPUT_COUNT]]), &[]),
    ] {
        assert_leaves(&going_on(), rules, &script, expected);
        assert!(run(Rules::crescendo(), &script).is_err());
    }
}

#[test]
fn members_that_do_not_exist_and_ids_that_are_no_hash_are_errors() {
    let result = |script: &[u8]| {
        let mut spend = going_on();
        spend.entries[0].script_public_key = ScriptPublicKey::new(0, script);
        spend.run(Rules::toccata()).map(drop)
    };
    let covenant = push(&[0xaa; 32]);
    let error = ScriptError::Covenant(CovenantError::NoInput { index: 1, count: 1 });
    assert_eq!(result(&join(&[&covenant, &[OP_TRUE, OP_COV_INPUT_IDX]])), Err(error));
    let error = ScriptError::Covenant(CovenantError::NoOutput { index: 1, count: 1 });
    assert_eq!(result(&join(&[&covenant, &[OP_TRUE, OP_COV_OUTPUT_IDX]])), Err(error));
    let error =
        ScriptError::Covenant(CovenantError::NotAuthorised { input: 0, index: 0, count: 0 });
    assert_eq!(result(&[OP_FALSE, OP_FALSE, OP_AUTH_OUTPUT_IDX]), Err(error));
    assert_eq!(result(&[OP_2, OP_COV_INPUT_COUNT]), Err(ScriptError::HashSize { actual: 1 }));
}

#[test]
fn a_covenant_is_founded_only_under_the_id_of_its_outpoint_and_outputs() {
    let mut spend = Spend::new(&[OP_TRUE]);
    let outpoint = spend.tx.inputs[0].previous_outpoint;
    let founded = covenant_id(&outpoint, &[(1, &spend.tx.outputs[1])]);
    spend.tx.outputs[1].covenant = binding(0, founded);
    let covenants = Covenants::of(spend.populated()).unwrap();
    // Founding outputs are not members scripts see.
    assert_eq!(covenants, Covenants::default());
    spend.tx.outputs[1].value += 1;
    let expected = covenant_id(&outpoint, &[(1, &spend.tx.outputs[1])]);
    let error = CovenantError::WrongId { input: 0, expected, actual: founded };
    assert_eq!(Covenants::of(spend.populated()), Err(error));
    // Joining a covenant through an input that is not under it is founding it.
    let mut joining = going_on();
    joining.tx.outputs[1].covenant = binding(0, id(0xaa));
    assert!(matches!(Covenants::of(joining.populated()), Err(CovenantError::WrongId { .. })));
}

#[test]
fn an_output_must_name_an_input_that_exists() {
    let mut spend = going_on();
    spend.tx.outputs[0].covenant = binding(2, id(0xaa));
    let error = CovenantError::AuthorityMissing { output: 0, input: 2 };
    assert_eq!(Covenants::of(spend.populated()), Err(error));
}

/// Knows block 1 with its commitment, block 2 off the chain and block 3 too deep.
struct Chain;

impl SequencingCommitments for Chain {
    fn is_chain_ancestor(&self, block: &Hash256) -> Option<bool> {
        [(1, true), (2, false), (3, true)]
            .into_iter()
            .find(|(known, _)| id(*known) == *block)
            .map(|(_, on_chain)| on_chain)
    }

    fn commitment_within_depth(&self, block: &Hash256) -> Option<Hash256> {
        (*block == id(1)).then(|| id(0xcc))
    }
}

#[test]
fn a_script_sees_the_sequencing_commitments_of_the_selected_chain() {
    let result = |block: &[u8], with_chain: bool| {
        let tail = join(&[&[OP_CHAINBLOCK_SEQ_COMMIT], &push(&[0xcc; 32]), &[OP_EQUAL]]);
        let spend = Spend::new(&join(&[&push(block), &tail]));
        let context = spend.context(Rules::toccata());
        let context = if with_chain { context.with_commitments(&Chain) } else { context };
        verify_input(&context, 0, &mut Immediate).map(drop)
    };
    assert_eq!(result(&[1; 32], true), Ok(()));
    assert_eq!(result(&[2; 32], true), Err(ScriptError::BlockNotSelected));
    assert_eq!(result(&[3; 32], true), Err(ScriptError::BlockTooDeep));
    assert_eq!(result(&[4; 32], true), Err(ScriptError::BlockPruned));
    assert_eq!(result(&[1; 31], true), Err(ScriptError::HashSize { actual: 31 }));
    let opcode = OP_CHAINBLOCK_SEQ_COMMIT;
    assert_eq!(result(&[1; 32], false), Err(ScriptError::InvalidOpcode { opcode }));
}
