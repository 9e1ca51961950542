//! Running the scripts of an input, one after another.
//!
//! ```text
//!   signature script ──► script public key ──► top is true
//!         └─ pushes only         └─ a script hash? the last value pushed is the script to run on the rest
//! ```
//!
//! **Spec:** rusty-kaspa's `TxScriptEngine::execute`.

use super::{
    ScriptError, SignatureChecker, Spent, Trace, TxContext,
    class::{SCRIPT_VERSION_MAX, STANDARD_SIZE_MAX, ScriptClass},
    interpreter::Machine,
    meter::{Meter, UNITS_PER_GRAM},
    stack::Item,
};

/// Runs the scripts of an input and returns what they spent.
///
/// # Errors
///
/// [`ScriptError`] if the input is invalid.
pub fn verify_input(
    context: &TxContext<'_>,
    input: usize,
    checker: &mut dyn SignatureChecker,
) -> Result<Spent, ScriptError> {
    verify_input_traced(context, input, checker, &mut ())
}

/// Does what [`verify_input`] does, and shows every step to `trace`.
///
/// # Errors
///
/// [`ScriptError`] if the input is invalid.
pub fn verify_input_traced<T: Trace>(
    context: &TxContext<'_>,
    input: usize,
    checker: &mut dyn SignatureChecker,
    trace: &mut T,
) -> Result<Spent, ScriptError> {
    let spending = context.tx().inputs.get(input).ok_or_else(|| missing(context, input))?;
    let meter = Meter::new(context.rules().metering, spending.compute_commit);
    run(context, input, checker, trace, meter)
}

/// Runs the scripts of an input whatever it commits to, and returns what it has to commit to.
///
/// # Errors
///
/// [`ScriptError`] if the input is invalid for another reason.
pub fn measure_input(
    context: &TxContext<'_>,
    input: usize,
    checker: &mut dyn SignatureChecker,
) -> Result<Spent, ScriptError> {
    run(context, input, checker, &mut (), Meter::unlimited(context.rules().metering))
}

fn missing(context: &TxContext<'_>, input: usize) -> ScriptError {
    let index = i64::try_from(input).unwrap_or(i64::MAX);
    ScriptError::InvalidInputIndex { index, inputs: context.tx().inputs.len() }
}

fn run<T: Trace>(
    context: &TxContext<'_>,
    input: usize,
    checker: &mut dyn SignatureChecker,
    trace: &mut T,
    mut meter: Meter,
) -> Result<Spent, ScriptError> {
    let spending = context.tx().inputs.get(input).ok_or_else(|| missing(context, input))?;
    let entry = context.entries().get(input).ok_or_else(|| missing(context, input))?;
    let signature_script = spending.signature_script.as_slice();
    let script = entry.script_public_key.script.as_slice();
    if entry.script_public_key.version > SCRIPT_VERSION_MAX {
        // Versions to come: whatever they will mean, until then anyone may spend.
        return Ok(meter.spent());
    }
    // Standard scripts were priced before this was; only what is longer pays. Lossless: a length.
    meter.spend_units(
        (script.len().saturating_sub(STANDARD_SIZE_MAX) as u64).saturating_mul(UNITS_PER_GRAM),
    )?;
    if signature_script.is_empty() && script.is_empty() {
        return Err(ScriptError::EvalFalse);
    }
    let limit = context.rules().script_size_max;
    for script in [signature_script, script] {
        if script.len() > limit {
            return Err(ScriptError::ScriptSize { actual: script.len(), limit });
        }
    }
    let mut machine = Machine::new(context, input, checker, trace, meter);
    machine.run(signature_script, true)?;
    if matches!(ScriptClass::of_known(script), ScriptClass::ScriptHash(_)) {
        let mut saved = machine.stack().clone();
        machine.run(script, false)?;
        machine.pop_true()?;
        // Signature scripts only push, and what is pushed is borrowed from the script.
        let Item::Borrowed(redeem) = saved.pop()? else { return Err(ScriptError::NotPushOnly) };
        machine.set_stack(saved);
        machine.run(redeem, false)?;
    } else {
        machine.run(script, false)?;
    }
    machine.conclude()
}
