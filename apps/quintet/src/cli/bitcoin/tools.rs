//! What needs no chain: transactions and scripts.

use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  quintet bitcoin decode-tx 0100000001…00000000\n  quintet bitcoin decode-tx --network regtest - < transaction.hex"
)]
pub(crate) struct DecodeTxArgs {
    /// The serialised transaction, hexadecimal; - reads it from standard input.
    #[arg(value_name = "HEX")]
    pub(crate) transaction: String,

    /// The network whose addresses are shown, as for `quintet bitcoin import`.
    #[arg(long, value_name = "NETWORK", default_value = "main")]
    pub(crate) network: String,
}

const TRACE_EXAMPLES: &str = "\
Examples:
  quintet bitcoin script-trace --tx HEX --prevout 5000000000:76a914…88ac
  quintet bitcoin script-trace --tx HEX --prevout 1000:5120… --prevout 2000:0014… --input 1
  quintet bitcoin script-trace --tx HEX --prevout 0:51 --flags P2SH,CLEANSTACK,WITNESS --json

Each line is the moment before an instruction: where it begins in its script, the instruction, and the stack, its top last. In brackets:
not executed. Exit status 0 if the input may spend its output, 1 with Bitcoin Core's reason if not.";

#[derive(Debug, Args)]
#[command(after_help = TRACE_EXAMPLES)]
pub(crate) struct ScriptTraceArgs {
    /// The transaction that spends, hexadecimal; - reads it from standard input.
    #[arg(long, value_name = "HEX")]
    pub(crate) tx: String,

    /// An output it spends, one for each input in their order: satoshis, a colon, the script in hexadecimal.
    #[arg(long, value_name = "SATOSHIS:SCRIPT", required = true, value_parser = prevout)]
    pub(crate) prevout: Vec<Prevout>,

    /// The input to run, from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) input: usize,

    /// The rules, by Bitcoin Core's names separated by commas; consensus and standard stand for all of theirs, none for none.
    #[arg(long, value_name = "FLAGS", default_value = "consensus")]
    pub(crate) flags: String,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// An output that is spent.
#[derive(Debug, Clone)]
pub(crate) struct Prevout {
    pub(crate) value: i64,
    pub(crate) script: Vec<u8>,
}

fn prevout(text: &str) -> Result<Prevout, String> {
    let expected = "expected satoshis, a colon and a script in hexadecimal, such as 1000:51";
    let (value, script) = text.split_once(':').ok_or(expected)?;
    let value = value.parse().map_err(|_| expected)?;
    let script = quintet_primitives::hex::decode(script).map_err(|_| expected)?;
    Ok(Prevout { value, script })
}
