//! The kernel's script engine.

use bitcoinkernel::{
    PrecomputedTransactionData, ScriptPubkey, Transaction, TxOut, prelude::*, verify,
};
use differential_cases::{Case, Judge, Verdict};

/// The kernel's script engine.
#[derive(Debug, Clone, Copy)]
pub struct Kernel;

impl Judge for Kernel {
    fn name(&self) -> &'static str {
        "Bitcoin Core's kernel (bitcoinkernel 0.3.2)"
    }

    fn verdict(&self, case: &Case, bytes: &[u8]) -> Verdict {
        let verified = || {
            let tx = Transaction::new(bytes)?;
            let spent = case
                .prevouts
                .iter()
                .map(|output| {
                    let script = ScriptPubkey::new(output.script_pubkey.as_bytes())?;
                    let value = i64::try_from(output.value.to_sat()).unwrap_or(i64::MAX);
                    Ok::<_, bitcoinkernel::KernelError>(TxOut::new(&script, value))
                })
                .collect::<Result<Vec<_>, _>>()?;
            let data = PrecomputedTransactionData::new(&tx, &spent)?;
            let output = &spent[case.input];
            let (script, value) = (output.script_pubkey(), Some(output.value()));
            verify(&script, value, &tx, case.input, Some(case.flags), &data)
        };
        match verified() {
            Ok(()) => Verdict::Valid,
            Err(bitcoinkernel::KernelError::ScriptVerify(
                bitcoinkernel::ScriptVerifyError::Invalid,
            )) => Verdict::Invalid(None),
            Err(error) => Verdict::Unable(error.to_string()),
        }
    }

    fn decodes(&self, bytes: &[u8]) -> Option<bool> {
        // The kernel leaves what follows the transaction unread: only what it writes again was all there.
        let tx = Transaction::new(bytes);
        Some(tx.is_ok_and(|tx| tx.consensus_encode().is_ok_and(|again| again.len() == bytes.len())))
    }
}
