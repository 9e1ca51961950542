//! Methods about the node itself.

use quintet_bitcoin_protocol::{address, script::WitnessProgram};
use quintet_primitives::hex;
use serde_json::{Value, json};

use super::{
    args::Args,
    fault::{Answer, Failure, code},
    table,
};
use crate::kernel::{Clock, Kernel};

pub(super) fn uptime(kernel: &mut Kernel, _: &Args) -> Answer {
    Ok(json!(Clock::machine().as_secs().saturating_sub(kernel.started)))
}

pub(super) fn help(_: &mut Kernel, args: &Args) -> Answer {
    let wanted = args.text_or(0, "")?;
    if wanted.is_empty() {
        return Ok(json!(table::overview()));
    }
    let found = table::find(wanted);
    Ok(json!(found.map_or_else(|| format!("help: unknown command: {wanted}"), table::describe)))
}

pub(super) fn setmocktime(kernel: &mut Kernel, args: &Args) -> Answer {
    if !kernel.params.is_test_chain() {
        return Err(Failure::new(
            code::MISC,
            "setmocktime is for regression testing (-regtest mode) only",
        ));
    }
    let seconds = args.integer(0)?;
    let seconds = u64::try_from(seconds).map_err(|_| {
        Failure::new(
            code::PARAMETER,
            format!("Mocktime must be in the range [0, 9223372036], not {seconds}."),
        )
    })?;
    kernel.set_time(seconds);
    Ok(Value::Null)
}

/// Nothing is scheduled that does not go by the clock.
pub(super) fn mockscheduler(kernel: &mut Kernel, args: &Args) -> Answer {
    if !kernel.params.is_test_chain() {
        return Err(Failure::new(
            code::MISC,
            "mockscheduler is for regression testing (-regtest mode) only",
        ));
    }
    if !(1..=3600).contains(&args.integer(0)?) {
        return Err(Failure::new(
            code::MISC,
            "delta_time must be between 1 and 3600 seconds (1 hr)",
        ));
    }
    Ok(Value::Null)
}

/// One owner does everything in order: when this is answered, all before is done.
pub(super) fn syncwithvalidationinterfacequeue(_: &mut Kernel, _: &Args) -> Answer {
    Ok(Value::Null)
}

pub(super) fn validateaddress(kernel: &mut Kernel, args: &Args) -> Answer {
    let text = args.text(0)?;
    let prefixes = kernel.prefixes();
    let decoded = prefixes.map(|prefixes| address::decode(text, prefixes));
    let Some(Ok(script)) = decoded else {
        let error =
            decoded.and_then(Result::err).map_or_else(String::new, |error| error.to_string());
        return Ok(json!({ "isvalid": false, "error_locations": [], "error": error }));
    };
    let mut fields = serde_json::Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    let shown = prefixes.and_then(|prefixes| address::encode(&script, prefixes));
    put("isvalid", json!(true));
    put("address", json!(shown.unwrap_or_else(|| text.to_owned())));
    put("scriptPubKey", json!(hex::encode(&script)));
    put("isscript", json!(quintet_bitcoin_protocol::script::is_p2sh(&script)));
    let program = WitnessProgram::parse(&script);
    put("iswitness", json!(program.is_some()));
    if let Some(program) = program {
        put("isscript", json!(program.program.len() == 32));
        put("witness_version", json!(program.version));
        put("witness_program", json!(hex::encode(program.program)));
    }
    Ok(fields.into())
}
