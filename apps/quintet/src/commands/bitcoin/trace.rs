//! `quintet bitcoin script-trace`.

use quintet_bitcoin_node::shown;
use quintet_bitcoin_protocol::{
    script::{
        Immediate, Instruction, ScriptError, ScriptFlags, Step, Trace, TxContext,
        verify_input_traced,
    },
    transaction::Output,
};
use quintet_primitives::hex;
use serde::Serialize;
use serde_json::json;

use super::decode;
use crate::{
    cli::ScriptTraceArgs,
    exit::{AlreadyTold, UsageError},
    output::{self, Style, paint},
};

/// Steps that are shown; a script of the largest size has fewer, a tapscript may have more.
const STEPS_MAX: usize = 100_000;

/// The moment before an instruction.
#[derive(Debug, Serialize)]
struct Shown {
    /// Which of the scripts, from 0.
    script: usize,
    position: usize,
    instruction: String,
    executed: bool,
    /// Bottom first.
    stack: Vec<String>,
}

/// The steps so far.
#[derive(Debug, Default)]
struct Recorder {
    scripts: Vec<String>,
    steps: Vec<Shown>,
    left_out: usize,
}

impl Trace for Recorder {
    fn step(&mut self, step: &Step<'_>) {
        // Every script begins at its first byte, and none goes back there.
        if step.position == 0 {
            self.scripts.push(hex::encode(step.script));
        }
        if self.steps.len() >= STEPS_MAX {
            self.left_out += 1;
            return;
        }
        self.steps.push(Shown {
            script: self.scripts.len().saturating_sub(1),
            position: step.position,
            instruction: shown::word(Instruction { opcode: step.opcode, data: step.data }),
            executed: step.executed,
            stack: step.stack.iter().map(hex::encode).collect(),
        });
    }
}

pub(super) fn run(args: &ScriptTraceArgs) -> anyhow::Result<()> {
    let flags = flags(&args.flags)?;
    let transaction = decode::read(&args.tx)?;
    let tx = transaction.view();
    let inputs = tx.inputs().len();
    if args.prevout.len() != inputs {
        return Err(UsageError::new(format!(
            "the transaction has {inputs} inputs: expected as many --prevout, found {}",
            args.prevout.len()
        ))
        .into());
    }
    if args.input >= inputs {
        return Err(UsageError::new(format!(
            "--input: expected a number below {inputs}, found {}",
            args.input
        ))
        .into());
    }
    let spent = args.prevout.iter();
    let spent =
        spent.map(|output| Output { value: output.value, script_pubkey: &output.script }).collect();
    let context = TxContext::new(tx, spent);
    let mut recorder = Recorder::default();
    let verdict = verify_input_traced(&context, args.input, flags, &mut Immediate, &mut recorder);
    if args.json {
        output::json(&json!({
            "valid": verdict.is_ok(),
            "error": verdict.as_ref().err().map(|error| error.name()),
            "message": verdict.as_ref().err().map(ToString::to_string),
            "flags": flags.iter_names().map(|(name, _)| name).collect::<Vec<_>>(),
            "scripts": recorder.scripts,
            "steps": recorder.steps,
            "steps_left_out": recorder.left_out,
        }))?;
    } else {
        tell(&recorder, verdict)?;
    }
    verdict.map_err(|_| AlreadyTold { usage: false }.into())
}

fn tell(recorder: &Recorder, verdict: Result<(), ScriptError>) -> anyhow::Result<()> {
    let mut script = None;
    for step in &recorder.steps {
        if script != Some(step.script) {
            script = Some(step.script);
            let bytes = recorder.scripts.get(step.script).map_or("", String::as_str);
            output::line(paint(Style::Heading, &format!("script {}: {bytes}", step.script)))?;
        }
        let instruction = match step.executed {
            true => step.instruction.clone(),
            false => format!("[{}]", step.instruction),
        };
        let stack: Vec<_> = step.stack.iter().map(|item| format!("<{item}>")).collect();
        output::line(
            format!("{:>5}  {instruction:<24}  {}", step.position, stack.join(" ")).trim_end(),
        )?;
    }
    if recorder.left_out > 0 {
        output::line(format!("… {} more steps", recorder.left_out))?;
    }
    match verdict {
        Ok(()) => output::line(paint(Style::Good, "valid")),
        Err(error) => {
            output::line(paint(Style::Bad, &format!("invalid: {}: {error}", error.name())))
        }
    }
}

/// The rules everybody agrees on today, and those nodes relay by.
fn flags(text: &str) -> Result<ScriptFlags, UsageError> {
    let consensus = ScriptFlags::P2SH
        | ScriptFlags::DERSIG
        | ScriptFlags::NULLDUMMY
        | ScriptFlags::CHECKLOCKTIMEVERIFY
        | ScriptFlags::CHECKSEQUENCEVERIFY
        | ScriptFlags::WITNESS
        | ScriptFlags::TAPROOT;
    let mut flags = ScriptFlags::empty();
    for name in text.split(',').map(str::trim) {
        flags |= match name {
            "none" => ScriptFlags::empty(),
            "consensus" => consensus,
            // The one rule that is neither: it would refuse what nodes relay (`STANDARD_SCRIPT_VERIFY_FLAGS`).
            "standard" => ScriptFlags::all().difference(ScriptFlags::SIGPUSHONLY),
            name => ScriptFlags::from_name(name).ok_or_else(|| {
                let names: Vec<_> = ScriptFlags::all().iter_names().map(|(name, _)| name).collect();
                UsageError::new(format!(
                    "--flags: expected consensus, standard, none or {}; found {name:?}",
                    names.join(", ")
                ))
            })?,
        };
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_added_up_by_name() {
        assert_eq!(flags("none").unwrap(), ScriptFlags::empty());
        assert_eq!(flags("P2SH, WITNESS").unwrap(), ScriptFlags::P2SH | ScriptFlags::WITNESS);
        assert!(flags("standard").unwrap().contains(flags("consensus").unwrap()));
        let error = flags("P2SH,MOON").unwrap_err().to_string();
        assert!(error.contains("found \"MOON\""), "{error}");
    }
}
