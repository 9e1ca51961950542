//! Verifying one input: the scripts in their order, and what must be left when they have run.
//!
//! **Spec:** Bitcoin Core's `VerifyScript`; BIP-0016, BIP-0141.

use super::{
    ScriptError, ScriptFlags, SignatureChecker, Trace, TxContext, WitnessProgram,
    interpreter::{Run, Version, evaluate},
    is_p2sh, is_push_only,
    stack::Stack,
    witness::verify_program,
};
use crate::transaction::Input;

/// Verifies that `input` of the transaction may spend its output, under `flags`.
///
/// Inputs are independent: they may be verified in any order, on any thread. As in Bitcoin Core,
/// [`ScriptFlags::WITNESS`] means something only together with [`ScriptFlags::P2SH`], and
/// [`ScriptFlags::CLEANSTACK`] only with both.
///
/// Cost: linear in the scripts and the witness, and a signature hash per signature operation. A legacy one
/// hashes the transaction, but once only for each script code and sort of hash type.
///
/// # Errors
///
/// [`ScriptError`], the one Bitcoin Core names; [`ScriptError::UnknownError`] if there is no such input or
/// its output was not given. With a checker that guesses see [`Deferred`](super::Deferred).
pub fn verify_input(
    context: &TxContext<'_>,
    input: usize,
    flags: ScriptFlags,
    signatures: &mut impl SignatureChecker,
) -> Result<(), ScriptError> {
    verify_input_traced(context, input, flags, signatures, &mut ())
}

/// Does what [`verify_input`] does, watched step by step.
///
/// # Errors
///
/// As [`verify_input`].
pub fn verify_input_traced<T: Trace>(
    context: &TxContext<'_>,
    input: usize,
    flags: ScriptFlags,
    signatures: &mut impl SignatureChecker,
    trace: &mut T,
) -> Result<(), ScriptError> {
    // Taproot signs all spent outputs, so a missing one anywhere leaves nothing to verify.
    if context.spent().len() != context.tx().inputs().len() {
        return Err(ScriptError::UnknownError);
    }
    let (Some(spending), Some(output)) = (context.tx().input(input), context.spent().get(input))
    else {
        return Err(ScriptError::UnknownError);
    };
    let mut run = Run::new(context, input, flags, signatures, trace);
    verify(&mut run, spending, output.script_pubkey)
}

fn verify<T: Trace>(
    run: &mut Run<'_, T>,
    input: Input<'_>,
    script_pubkey: &[u8],
) -> Result<(), ScriptError> {
    let Input { script_sig, witness, .. } = input;
    if run.has(ScriptFlags::SIGPUSHONLY) && !is_push_only(script_sig) {
        return Err(ScriptError::SigPushonly);
    }
    // Two runs on one stack. Joined into one script, an early `RETURN` could skip the second (CVE-2010-5141).
    let pushed = evaluate(run, Stack::default(), script_sig, Version::Base)?;
    let is_p2sh = run.has(ScriptFlags::P2SH) && is_p2sh(script_pubkey);
    let kept = is_p2sh.then(|| pushed.clone());
    let mut left = evaluate(run, pushed, script_pubkey, Version::Base)?;
    require_true(&left)?;

    let has_witness = run.has(ScriptFlags::WITNESS);
    let mut used_witness = false;
    if has_witness && let Some(program) = WitnessProgram::parse(script_pubkey) {
        used_witness = true;
        if !script_sig.is_empty() {
            return Err(ScriptError::WitnessMalleated);
        }
        verify_program(run, program, witness, false)?;
        left.truncate(1);
    }

    let redeem;
    if let Some(mut kept) = kept {
        if !is_push_only(script_sig) {
            return Err(ScriptError::SigPushonly);
        }
        redeem = kept.pop()?;
        let script = redeem.as_bytes();
        left = evaluate(run, kept, script, Version::Base)?;
        require_true(&left)?;
        if has_witness && let Some(program) = WitnessProgram::parse(script) {
            used_witness = true;
            // A program has 4 to 42 bytes, so its one push is its length and itself.
            let is_one_push = script_sig
                .split_first()
                .is_some_and(|(len, rest)| usize::from(*len) == script.len() && rest == script);
            if !is_one_push {
                return Err(ScriptError::WitnessMalleatedP2sh);
            }
            verify_program(run, program, witness, true)?;
            left.truncate(1);
        }
    }

    if run.has(ScriptFlags::CLEANSTACK) && left.len() != 1 {
        return Err(ScriptError::Cleanstack);
    }
    if has_witness && !used_witness && !witness.is_empty() {
        return Err(ScriptError::WitnessUnexpected);
    }
    Ok(())
}

fn require_true(stack: &Stack<'_>) -> Result<(), ScriptError> {
    if stack.is_top_true() { Ok(()) } else { Err(ScriptError::EvalFalse) }
}
