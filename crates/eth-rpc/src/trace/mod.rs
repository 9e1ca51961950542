//! Traces: transactions run again under watch, told in the forms that tools know.
//!
//! ```text
//!   block, transaction index ─► Replay (the chain's) ─► Tracer: struct logs | calls | prestate | 4byte | mux ─► JSON
//! ```
//!
//! **Spec:** execution-apis, `debug_trace*`; go-ethereum's `eth/tracers/{api,logger,native}`.

mod calls;
mod flat;
mod four_byte;
mod prestate;
mod steps;

use quintet_evm::execute::{
    Called, Halt, Inspector,
    inspect::{Call, CallEnd, Step},
};
use serde_json::{Map, Value, json};

pub(crate) use self::{calls::CallTracer, flat::Position, prestate::CodeOf};
use self::{four_byte::FourByteTracer, steps::StepTracer};
use crate::{
    args::FromArg,
    config::EthRpcConfig,
    error::{EthError, EthResult},
};

/// Most tracers in a mux.
const MUX_MAX: usize = 8;

/// What a client wants of a trace.
#[derive(Debug, Clone)]
pub(crate) struct TraceConfig {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Steps(steps::Options),
    Calls(calls::Options),
    Prestate(prestate::Options),
    FourByte,
    Noop,
    Mux(Vec<(String, Self)>),
}

fn flag(options: &Map<String, Value>, name: &str) -> bool {
    options.get(name).and_then(Value::as_bool).unwrap_or_default()
}

impl Kind {
    fn named(name: &str, options: &Map<String, Value>) -> Result<Self, String> {
        Ok(match name {
            "callTracer" => Self::Calls(calls::Options {
                only_top: flag(options, "onlyTopCall"),
                with_logs: flag(options, "withLog"),
            }),
            "prestateTracer" => {
                let options = prestate::Options {
                    diff: flag(options, "diffMode"),
                    no_code: flag(options, "disableCode"),
                    no_storage: flag(options, "disableStorage"),
                    with_empty: flag(options, "includeEmpty"),
                };
                if options.diff && options.with_empty {
                    return Err("cannot use diffMode with includeEmpty".to_owned());
                }
                Self::Prestate(options)
            }
            "4byteTracer" => Self::FourByte,
            "noopTracer" => Self::Noop,
            "muxTracer" => {
                if options.len() > MUX_MAX {
                    return Err(format!(
                        "muxTracer of {} tracers, expected at most {MUX_MAX}",
                        options.len()
                    ));
                }
                let inner = |(name, options): (&String, &Value)| {
                    if name == "muxTracer" {
                        return Err("muxTracer inside muxTracer".to_owned());
                    }
                    let empty = Map::new();
                    let kind = Self::named(name, options.as_object().unwrap_or(&empty))?;
                    Ok((name.clone(), kind))
                };
                Self::Mux(options.iter().map(inner).collect::<Result<_, _>>()?)
            }
            other => {
                return Err(format!(
                    "tracer {other:?} is not known: use callTracer, prestateTracer, 4byteTracer, noopTracer, muxTracer, or none for struct logs"
                ));
            }
        })
    }
}

impl Default for TraceConfig {
    fn default() -> Self {
        Self { kind: Kind::Steps(steps::Options::default()) }
    }
}

impl FromArg for TraceConfig {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or_else(|| {
            "json: cannot unmarshal into Go value of type tracers.TraceConfig".to_owned()
        })?;
        let Some(name) =
            fields.get("tracer").and_then(Value::as_str).filter(|name| !name.is_empty())
        else {
            let limit = fields.get("limit").and_then(Value::as_u64).unwrap_or_default();
            return Ok(Self {
                kind: Kind::Steps(steps::Options {
                    memory: flag(fields, "enableMemory"),
                    no_stack: flag(fields, "disableStack"),
                    no_storage: flag(fields, "disableStorage"),
                    return_data: flag(fields, "enableReturnData"),
                    limit: usize::try_from(limit).unwrap_or(usize::MAX),
                }),
            });
        };
        let empty = Map::new();
        let options = fields.get("tracerConfig").and_then(Value::as_object).unwrap_or(&empty);
        Kind::named(name, options).map(|kind| Self { kind })
    }
}

/// Watches one transaction.
#[derive(Debug)]
pub(crate) enum Tracer {
    Steps(StepTracer),
    Calls(CallTracer),
    Prestate(prestate::Options),
    FourByte(FourByteTracer),
    Noop,
    Mux(Vec<(String, Self)>),
}

impl Tracer {
    pub(crate) fn new(config: &TraceConfig, limits: &EthRpcConfig) -> Self {
        Self::of(&config.kind, limits)
    }

    fn of(kind: &Kind, limits: &EthRpcConfig) -> Self {
        match kind {
            Kind::Steps(options) => Self::Steps(StepTracer::new(*options, limits.trace_bytes_max)),
            Kind::Calls(options) => Self::Calls(CallTracer::new(*options, limits.trace_bytes_max)),
            Kind::Prestate(options) => Self::Prestate(*options),
            Kind::FourByte => Self::FourByte(FourByteTracer::default()),
            Kind::Noop => Self::Noop,
            Kind::Mux(inner) => {
                let each = |(name, kind): &(String, Kind)| (name.clone(), Self::of(kind, limits));
                Self::Mux(inner.iter().map(each).collect())
            }
        }
    }

    /// Tells what it saw, as JSON text.
    ///
    /// `gas_limit` is the transaction's; `code_of` finds code by its hash.
    pub(crate) fn finish(
        self,
        called: &Called,
        gas_limit: u64,
        code_of: CodeOf<'_>,
    ) -> EthResult<String> {
        match self {
            Self::Steps(steps) => steps.finish(called),
            Self::Calls(calls) => calls.finish(called, gas_limit).map(|value| value.to_string()),
            Self::Prestate(options) => {
                prestate::of(options, called, code_of).map(|value| value.to_string())
            }
            Self::FourByte(four_byte) => Ok(four_byte.finish().to_string()),
            Self::Noop => Ok("{}".to_owned()),
            Self::Mux(inner) => {
                let mut out = String::from("{");
                for (at, (name, tracer)) in inner.into_iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    out.push_str(&json!(name).to_string());
                    out.push(':');
                    out.push_str(&tracer.finish(called, gas_limit, code_of)?);
                }
                out.push('}');
                Ok(out)
            }
        }
    }

    fn each(&mut self, tell: &mut dyn FnMut(&mut dyn Inspector)) {
        match self {
            Self::Steps(steps) => tell(steps),
            Self::Calls(calls) => tell(calls),
            Self::FourByte(four_byte) => tell(four_byte),
            Self::Prestate(_) | Self::Noop => {}
            Self::Mux(inner) => inner.iter_mut().for_each(|(_, tracer)| tracer.each(tell)),
        }
    }
}

impl Inspector for Tracer {
    fn step(&mut self, step: &Step<'_>) {
        self.each(&mut |inspector| inspector.step(step));
    }

    fn step_end(&mut self, step: &Step<'_>, halt: Option<&Halt>) {
        self.each(&mut |inspector| inspector.step_end(step, halt));
    }

    fn enter(&mut self, call: &Call<'_>) {
        self.each(&mut |inspector| inspector.enter(call));
    }

    fn exit(&mut self, end: &CallEnd<'_>) {
        self.each(&mut |inspector| inspector.exit(end));
    }

    fn log(&mut self, log: &alloy_primitives::Log) {
        self.each(&mut |inspector| inspector.log(log));
    }

    fn destroyed(
        &mut self,
        contract: alloy_primitives::Address,
        target: alloy_primitives::Address,
        value: alloy_primitives::U256,
    ) {
        self.each(&mut |inspector| inspector.destroyed(contract, target, value));
    }
}

/// Says that a trace is longer than it may be.
fn too_long(most: usize) -> EthError {
    EthError::server(format!(
        "trace is longer than {most} bytes: leave out memory, stack or storage, or set a limit"
    ))
}
