//! This project's verdict, both ways: every signature at once, and signatures set aside for later.

use std::panic::{AssertUnwindSafe, catch_unwind};

use quintet_bitcoin_protocol::{
    Transaction,
    script::{
        Deferred, Immediate, ScriptError, ScriptFlags, TxContext, are_all_valid, verify_input,
    },
    transaction::Output,
};

use super::{Case, Verdict};

/// Signatures that are verified side by side.
const LANES: usize = 8;

/// Returns this project's verdict on a case, whose transaction is serialised already.
///
/// The two ways contradicting each other, and a panic, are verdicts too.
pub fn verdict(case: &Case, bytes: &[u8]) -> Verdict {
    catch_unwind(AssertUnwindSafe(|| verify(case, bytes)))
        .unwrap_or_else(|_| Verdict::Broken("panicked".to_owned()))
}

/// Returns whether these bytes are a transaction; `None` if reading them panics.
pub fn decodes(bytes: &[u8]) -> Option<bool> {
    catch_unwind(|| Transaction::decode(bytes.to_vec()).is_ok()).ok()
}

fn verify(case: &Case, bytes: &[u8]) -> Verdict {
    let tx = match Transaction::decode(bytes.to_vec()) {
        Ok(tx) => tx,
        Err(error) => return Verdict::Unable(error.to_string()),
    };
    let Some(flags) = ScriptFlags::from_bits(case.flags) else {
        return Verdict::Unable(format!("unknown flags {:x}", case.flags));
    };
    let context = || {
        let spent = case.prevouts.iter().map(|output| Output {
            value: i64::try_from(output.value.to_sat()).unwrap_or(i64::MAX),
            script_pubkey: output.script_pubkey.as_bytes(),
        });
        TxContext::new(tx.view(), spent.collect())
    };
    let immediate = verify_input(&context(), case.input, flags, &mut Immediate);
    let deferred = deferred(&context(), case.input, flags);
    match (immediate, deferred) {
        (Ok(()), Ok(())) => Verdict::Valid,
        (Err(error), Err(_)) => Verdict::Invalid(Some(error.to_string())),
        (immediate, deferred) => {
            Verdict::Broken(format!("at once {immediate:?}, deferred {deferred:?}"))
        }
    }
}

/// Verifies as a block's pipeline does: guesses first, the curve later, and once more if a guess was wrong.
fn deferred(context: &TxContext<'_>, input: usize, flags: ScriptFlags) -> Result<(), ScriptError> {
    let mut deferred = Deferred::default();
    deferred.verify(context, input, flags)?;
    // As often as fills two groups of lanes, so that a lone signature too goes the way a block's many do.
    let mut checks = deferred.take();
    let of_case = checks.clone();
    while !of_case.is_empty() && checks.len() <= LANES {
        checks.extend_from_slice(&of_case);
    }
    if are_all_valid(&checks) {
        return Ok(());
    }
    verify_input(context, input, flags, &mut Immediate)
}
