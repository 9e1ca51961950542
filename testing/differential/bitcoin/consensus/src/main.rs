//! Does the script engine say what libbitcoinconsensus says? The last release of it, of Bitcoin Core 26: older than the
//! kernel, and built from another state of the same source.

use std::process::ExitCode;

use bitcoinconsensus::{Utxo, verify_with_flags};
use clap::Parser;
use differential_cases::{Arguments, Case, Judge, Verdict, run};

/// Compares script verification with libbitcoinconsensus.
#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    arguments: Arguments,
}

struct Consensus;

impl Judge for Consensus {
    fn name(&self) -> &'static str {
        "libbitcoinconsensus 26.0"
    }

    fn verdict(&self, case: &Case, bytes: &[u8]) -> Verdict {
        let spent: Option<Vec<Utxo>> = case
            .prevouts
            .iter()
            .map(|output| {
                let script = output.script_pubkey.as_bytes();
                Some(Utxo {
                    script_pubkey: script.as_ptr(),
                    script_pubkey_len: script.len().try_into().ok()?,
                    value: output.value.to_sat().try_into().ok()?,
                })
            })
            .collect();
        let Some(spent) = spent else { return Verdict::Unable("beyond its integers".to_owned()) };
        let output = &case.prevouts[case.input];
        let script = output.script_pubkey.as_bytes();
        let value = output.value.to_sat();
        match verify_with_flags(script, value, bytes, Some(&spent), case.input, case.flags) {
            Ok(()) => Verdict::Valid,
            Err(bitcoinconsensus::Error::ERR_SCRIPT) => Verdict::Invalid(None),
            Err(error) => Verdict::Unable(format!("{error:?}")),
        }
    }

    fn decodes(&self, _bytes: &[u8]) -> Option<bool> {
        None
    }
}

fn main() -> anyhow::Result<ExitCode> {
    run(&Command::parse().arguments, &Consensus)
}
