//! `script_tests-*.json`: single scripts of four eras, and which result they have.
//!
//! Each row is run as the only input of a transaction made for it, which spends an output made for it. An
//! error counts as one of the names the reference's own test gives it.

use std::path::Path;

use quintet_kaspa_protocol::{
    script::{
        Deferred, Immediate, Rules, ScriptError, SequencingCommitments, TxContext, verify_input,
    },
    tx::{
        ComputeCommit, Outpoint, PopulatedTransaction, ScriptPublicKey, SubnetworkId, Transaction,
        TransactionInput, TransactionOutput, UtxoEntry,
    },
};
use quintet_primitives::Hash256;
use serde_json::Value;

use super::assembler;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct ScriptTests;

impl Suite for ScriptTests {
    fn name(&self) -> &'static str {
        "scripts"
    }

    fn claims(&self, name: &Path) -> bool {
        rules_of(name).is_some()
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(rules) = rules_of(&file.name) else { return };
        let Some(value) = report.json(file) else { return };
        let Value::Array(rows) = value else {
            report.unreadable = Some("expected a JSON list of rows".to_owned());
            return;
        };
        for (index, row) in rows.iter().enumerate() {
            let cells: Option<Vec<&str>> =
                row.as_array().map(|cells| cells.iter().filter_map(Value::as_str).collect());
            // A row of one cell is a comment.
            if cells.as_ref().is_some_and(|cells| cells.len() == 1) {
                continue;
            }
            report.case(format!("{}[{index}]", file.name.display()), || {
                check(&cells.unwrap_or_default(), rules)
            });
        }
    }
}

/// Returns the rules the rows of a file are under, by what its name ends in.
fn rules_of(name: &Path) -> Option<&'static Rules> {
    let name = name.file_name()?.to_str()?;
    match name.strip_prefix("script_tests-")? {
        "v1.0.1.json" => Some(Rules::legacy()),
        "v1.1.0.json" => Some(Rules::crescendo()),
        "v2.0.1.json" => Some(Rules::crescendo_key_first()),
        "head.json" => Some(Rules::toccata()),
        _ => None,
    }
}

fn check(cells: &[&str], rules: &'static Rules) -> Result<(), Mismatch> {
    let ([signature_script, script, flags, expected]
    | [signature_script, script, flags, expected, _]) = *cells
    else {
        return Err(Mismatch::new("form of the case", "four or five texts", cells));
    };
    // The era is the file's: a row has no flags of its own.
    expect_eq("flags", "", flags)?;
    let signature_script = assembler::script(signature_script)?;
    let script = assembler::script(script)?;
    let spent = ScriptPublicKey::new(0, &script);
    let funding = transaction(Outpoint::new(Hash256::default(), u32::MAX), vec![0, 0], spent);
    let tx =
        transaction(Outpoint::new(funding.id(), 0), signature_script, ScriptPublicKey::default());
    let entries = [UtxoEntry {
        amount: 0,
        script_public_key: ScriptPublicKey::new(0, &script),
        block_daa_score: 0,
        is_coinbase: true,
        covenant_id: None,
    }];
    let populated = PopulatedTransaction::new(&tx, &entries)
        .map_err(|error| Mismatch::new("entries", "one", error))?;
    let context = TxContext::new(populated, rules).with_commitments(&OneBlock);
    let result = verify_input(&context, 0, &mut Immediate).map(drop);
    let mut deferred = Deferred::default();
    let later = match deferred.verify(&context, 0) {
        Ok(_) if deferred.settle() => Ok(()),
        Ok(_) => verify_input(&context, 0, &mut Immediate).map(drop),
        Err(error) => Err(error),
    };
    expect_eq("result with signatures set aside", result, later)?;
    let names = names(result, rules);
    if names.contains(&expected) {
        Ok(())
    } else {
        Err(Mismatch::new("result", expected, (names, result)))
    }
}

fn transaction(
    previous_outpoint: Outpoint,
    signature_script: Vec<u8>,
    script_public_key: ScriptPublicKey,
) -> Transaction {
    let compute_commit = ComputeCommit::SigOpCount(20);
    Transaction {
        version: 1,
        inputs: vec![TransactionInput {
            previous_outpoint,
            signature_script,
            sequence: u64::MAX,
            compute_commit,
        }],
        outputs: vec![TransactionOutput::new(0, script_public_key)],
        lock_time: 0,
        subnetwork_id: SubnetworkId::NATIVE,
        gas: 0,
        payload: Vec::new(),
        storage_mass: 0,
    }
}

/// The chain the rows about sequencing commitments suppose: one block, one commitment.
struct OneBlock;

impl OneBlock {
    fn hash(text: &[u8]) -> Hash256 {
        let mut bytes = [b'f'; 32];
        bytes[..text.len()].copy_from_slice(text);
        Hash256::new(bytes)
    }
}

impl SequencingCommitments for OneBlock {
    fn is_chain_ancestor(&self, block: &Hash256) -> Option<bool> {
        (*block == Self::hash(b"input_block")).then_some(true)
    }

    fn commitment_within_depth(&self, block: &Hash256) -> Option<Hash256> {
        (*block == Self::hash(b"input_block")).then(|| Self::hash(b"output_root_hash"))
    }
}

fn is_signature_first(rules: &'static Rules) -> bool {
    [Rules::legacy(), Rules::crescendo()].iter().any(|era| core::ptr::eq(*era, rules))
}

/// Returns the names a result goes by in the files.
fn names(result: Result<(), ScriptError>, rules: &'static Rules) -> &'static [&'static str] {
    let Err(error) = result else { return &["OK"] };
    match error {
        ScriptError::NumberTooBig { .. }
        | ScriptError::NumberTooLong { .. }
        | ScriptError::OutOfBounds { .. }
        | ScriptError::InvalidIndex { .. }
        | ScriptError::UnequalOperands { .. }
        | ScriptError::Division
        | ScriptError::MessageSize { .. }
        | ScriptError::Covenant(_) => &["UNKNOWN_ERROR"],
        ScriptError::InvalidPublicKey | ScriptError::PublicKeySize { .. } => &["PUBKEYFORMAT"],
        // Before v2.0.1 a signature of a wrong length had an error of its own.
        ScriptError::SignatureSize { .. } if is_signature_first(rules) => &["NULLFAIL"],
        ScriptError::SignatureSize { .. } => &["INVALID_SIG"],
        ScriptError::InvalidSignature => &["INVALID_SIG"],
        ScriptError::EvalFalse => &["EVAL_FALSE"],
        ScriptError::EmptyStack => {
            &["EMPTY_STACK", "EVAL_FALSE", "UNBALANCED_CONDITIONAL", "INVALID_ALTSTACK_OPERATION"]
        }
        ScriptError::NullFail => &["NULLFAIL"],
        ScriptError::SigHashType { .. } => &["SIG_HASHTYPE"],
        ScriptError::NotPushOnly => &["SIG_PUSHONLY"],
        ScriptError::CleanStack { .. } => &["CLEANSTACK"],
        ScriptError::ReservedOpcode { .. }
        | ScriptError::MalformedPush { .. }
        | ScriptError::InvalidOpcode { .. } => &["BAD_OPCODE"],
        ScriptError::UnbalancedConditional | ScriptError::NoCondition => {
            &["UNBALANCED_CONDITIONAL"]
        }
        ScriptError::EarlyReturn => &["OP_RETURN"],
        ScriptError::Verify => &["VERIFY", "EQUALVERIFY"],
        ScriptError::InvalidStackOperation { .. } => {
            &["INVALID_STACK_OPERATION", "INVALID_ALTSTACK_OPERATION"]
        }
        ScriptError::InvalidDepth { .. } => &["INVALID_STACK_OPERATION"],
        ScriptError::DisabledOpcode { .. } => &["DISABLED_OPCODE"],
        ScriptError::ElementTooBig { .. } => &["PUSH_SIZE"],
        ScriptError::TooManyOperations { .. } => &["OP_COUNT"],
        ScriptError::StackSize { .. } => &["STACK_SIZE"],
        ScriptError::PublicKeyCount { .. } => &["PUBKEY_COUNT"],
        ScriptError::SignatureCount { .. } => &["SIG_COUNT"],
        ScriptError::NotMinimal => &["MINIMALDATA", "UNKNOWN_ERROR"],
        ScriptError::UnsatisfiedLockTime { .. } => &["UNSATISFIED_LOCKTIME"],
        ScriptError::NotBoolean => &["MINIMALIF"],
        ScriptError::ScriptSize { .. } => &["SCRIPT_SIZE"],
        ScriptError::InvalidInputIndex { .. }
        | ScriptError::InvalidOutputIndex { .. }
        | ScriptError::InvalidRange { .. }
        | ScriptError::SigOpLimit { .. }
        | ScriptError::ScriptUnits { .. }
        | ScriptError::HashSize { .. }
        | ScriptError::BlockNotSelected
        | ScriptError::BlockPruned
        | ScriptError::BlockTooDeep
        | ScriptError::Proof { .. }
        | ScriptError::ProofsUnavailable => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_passes_and_with_any_field_changed_it_fails() {
        let passes = |cells: [&str; 4], rules| check(&cells, rules).is_ok();
        let toccata = Rules::toccata();
        let row = ["1 2", "2 EQUALVERIFY 1 EQUAL", "", "OK"];
        assert!(passes(row, toccata));
        for (at, other) in
            [(0, "1 3"), (1, "2 EQUALVERIFY 2 EQUAL"), (2, "P2SH"), (3, "EQUALVERIFY"), (3, "")]
        {
            let mut changed = row;
            changed[at] = other;
            assert!(!passes(changed, toccata), "{changed:?}");
        }
        assert!(check(&["1", "1"], toccata).is_err());
    }

    #[test]
    fn a_row_is_run_under_the_rules_of_its_file() {
        let row = ["'ab' 'c'", "CAT 'abc' EQUAL", "", "OK"];
        assert!(check(&row, rules_of(Path::new("script_tests-head.json")).unwrap()).is_ok());
        for file in ["-v1.0.1", "-v1.1.0", "-v2.0.1"] {
            let rules = rules_of(Path::new(&format!("script_tests{file}.json"))).unwrap();
            assert!(check(&row, rules).is_err(), "{file}");
        }
        assert!(rules_of(Path::new("script_tests-v3.json")).is_none());
    }
}
