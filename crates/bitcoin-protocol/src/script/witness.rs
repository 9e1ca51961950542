//! Witness programs: what the witness must be for each version.
//!
//! ```text
//!   version 0  20 bytes   hash of a key      as P2PKH, signature and key from the witness
//!              32 bytes   hash of a script   the last witness item, run on the others
//!   version 1  32 bytes   a taproot output   one item: key path; more: leaf and control block
//!   others                anyone can spend, until a soft fork says otherwise
//! ```
//!
//! **Spec:** BIP-0141, BIP-0341, BIP-0342; Bitcoin Core's `VerifyWitnessProgram`.

use quintet_crypto::digest::sha256;

use super::{
    ScriptError, ScriptFlags, Trace, WitnessProgram,
    instruction::Instructions,
    interpreter::{Leaf, Run, Version, evaluate},
    opcode::{self, OP_CHECKSIG, OP_DUP, OP_EQUALVERIFY, OP_HASH160},
    sighash::{self, Writer},
    stack::{ELEMENT_SIZE_MAX, STACK_ITEMS_MAX, Stack},
    taproot::{ANNEX_TAG, ControlBlock, LEAF_TAPSCRIPT, leaf_hash},
};
use crate::transaction::Witness;

/// What a tapscript may spend on signatures beyond the weight of its witness, weight units (BIP-0342).
const BUDGET_FREE: usize = 50;

/// Checks a witness against the program it satisfies. `nested` in pay to script hash there is no taproot.
pub(super) fn verify_program<T: Trace>(
    run: &mut Run<'_, T>,
    program: WitnessProgram<'_>,
    witness: Witness<'_>,
    nested: bool,
) -> Result<(), ScriptError> {
    match program {
        WitnessProgram { version: 0, program } => match program.len() {
            32 => verify_script_hash(run, program, witness),
            20 => verify_key_hash(run, program, witness),
            _ => Err(ScriptError::WitnessProgramWrongLength),
        },
        WitnessProgram { version: 1, program } if !nested && program.len() == 32 => {
            match program.first_chunk() {
                Some(output_key) if run.has(ScriptFlags::TAPROOT) => {
                    verify_taproot(run, output_key, witness)
                }
                _ => Ok(()),
            }
        }
        anchor if !nested && anchor.is_anchor() => Ok(()),
        _ if run.has(ScriptFlags::DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM) => {
            Err(ScriptError::DiscourageUpgradableWitnessProgram)
        }
        _ => Ok(()),
    }
}

fn verify_key_hash<T: Trace>(
    run: &mut Run<'_, T>,
    hash: &[u8],
    witness: Witness<'_>,
) -> Result<(), ScriptError> {
    if witness.len() != 2 {
        return Err(ScriptError::WitnessProgramMismatch);
    }
    let mut script = [0; 25];
    script[..3].copy_from_slice(&[OP_DUP, OP_HASH160, 20]);
    script[3..23].copy_from_slice(hash);
    script[23..].copy_from_slice(&[OP_EQUALVERIFY, OP_CHECKSIG]);
    execute(run, Stack::from_items(witness.iter()), &script, Version::WitnessV0)
}

fn verify_script_hash<T: Trace>(
    run: &mut Run<'_, T>,
    hash: &[u8],
    witness: Witness<'_>,
) -> Result<(), ScriptError> {
    let mut items = witness.iter();
    let script = items.next_back().ok_or(ScriptError::WitnessProgramWitnessEmpty)?;
    if sha256(&[script]).as_bytes() != hash {
        return Err(ScriptError::WitnessProgramMismatch);
    }
    execute(run, Stack::from_items(items), script, Version::WitnessV0)
}

fn verify_taproot<T: Trace>(
    run: &mut Run<'_, T>,
    output_key: &[u8; 32],
    witness: Witness<'_>,
) -> Result<(), ScriptError> {
    let mut items = witness.iter();
    let mut last = items.next_back().ok_or(ScriptError::WitnessProgramWitnessEmpty)?;
    let mut annex = None;
    if last.first() == Some(&ANNEX_TAG)
        && let Some(before) = items.next_back()
    {
        annex = Some(sighash::annex_digest(last));
        last = before;
    }
    let Some(script) = items.next_back() else {
        return run.check_schnorr(last, output_key, annex.as_ref(), None);
    };

    let control = ControlBlock::parse(last)?;
    let hash = leaf_hash(control.leaf_version(), script);
    if !run.check(control.commitment(output_key, hash)) {
        return Err(ScriptError::WitnessProgramMismatch);
    }
    if control.leaf_version() == LEAF_TAPSCRIPT {
        let budget = serialized_len(witness) + BUDGET_FREE;
        let leaf = Leaf { hash, annex, budget };
        return execute_tapscript(run, items, script, leaf);
    }
    if run.has(ScriptFlags::DISCOURAGE_UPGRADABLE_TAPROOT_VERSION) {
        return Err(ScriptError::DiscourageUpgradableTaprootVersion);
    }
    Ok(())
}

fn execute_tapscript<'w, T: Trace>(
    run: &mut Run<'_, T>,
    items: impl ExactSizeIterator<Item = &'w [u8]>,
    script: &'w [u8],
    leaf: Leaf,
) -> Result<(), ScriptError> {
    // One of these opcodes overrides every other rule, if all before it can be read.
    let mut instructions = Instructions::new(script);
    while !instructions.is_done() {
        let instruction = instructions.next().ok_or(ScriptError::BadOpcode)?;
        if opcode::is_success(instruction.opcode) {
            return if run.has(ScriptFlags::DISCOURAGE_OP_SUCCESS) {
                Err(ScriptError::DiscourageOpSuccess)
            } else {
                Ok(())
            };
        }
    }
    if items.len() > STACK_ITEMS_MAX {
        return Err(ScriptError::StackSize);
    }
    execute(run, Stack::from_items(items), script, Version::Tapscript(leaf))
}

/// Runs a script on the items of a witness; it must leave exactly one value, and that true.
fn execute<'w, T: Trace>(
    run: &mut Run<'_, T>,
    stack: Stack<'w>,
    script: &'w [u8],
    version: Version,
) -> Result<(), ScriptError> {
    if stack.iter().any(|item| item.len() > ELEMENT_SIZE_MAX) {
        return Err(ScriptError::PushSize);
    }
    let stack = evaluate(run, stack, script, version)?;
    if stack.len() != 1 {
        return Err(ScriptError::Cleanstack);
    }
    if stack.is_top_true() { Ok(()) } else { Err(ScriptError::EvalFalse) }
}

/// Returns the bytes of the whole witness as serialised, its count included.
fn serialized_len(witness: Witness<'_>) -> usize {
    let items: usize = witness.iter().map(|item| Writer::size_len(item.len()) + item.len()).sum();
    Writer::size_len(witness.len()) + items
}
