//! Our inspectors behind the interpreter's.

use alloy_primitives::{Address, Log, U256};
use revm::{
    Inspector as Hooks,
    context::{ContextTr, CreateScheme, JournalTr},
    interpreter::{
        CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome, Interpreter,
        InterpreterResult, interpreter::EthInterpreter, interpreter_types::LoopControl,
    },
};

use super::{
    Halt,
    inspect::{Call, CallEnd, CallKind, Inspector, Step},
};

/// Hands what the interpreter says to an inspector of ours.
pub(super) struct Watch<'i> {
    inspector: &'i mut dyn Inspector,
    /// What frames above the one at hand paid back so far.
    above: Vec<i64>,
    /// What the one at hand paid back so far.
    here: i64,
}

impl<'i> Watch<'i> {
    pub(super) fn new(inspector: &'i mut dyn Inspector) -> Self {
        Self { inspector, above: Vec::new(), here: 0 }
    }

    fn entered(&mut self) {
        self.above.push(self.here);
        self.here = 0;
    }

    fn left(&mut self) {
        // What a frame that went well paid back is with its caller's by the next step.
        self.here = self.above.pop().unwrap_or_default();
    }

    fn view<'a>(&self, interpreter: &'a Interpreter<EthInterpreter>) -> Step<'a> {
        let refund = self.above.iter().sum::<i64>().saturating_add(self.here);
        Step { interpreter, depth: self.above.len(), refund }
    }
}

/// Gas a frame used: all it had if the interpreter ended it, whatever its counter says at that point.
fn used_of(limit: u64, result: &InterpreterResult) -> u64 {
    let left = if result.result.is_error() { 0 } else { result.gas.remaining() };
    limit.saturating_sub(left)
}

impl<C: ContextTr> Hooks<C, EthInterpreter> for Watch<'_> {
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _context: &mut C) {
        self.here = interpreter.gas.refunded();
        let step = self.view(interpreter);
        self.inspector.step(&step);
    }

    fn step_end(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _context: &mut C) {
        self.here = interpreter.gas.refunded();
        let halt = interpreter.bytecode.instruction_result().and_then(Halt::of);
        let step = self.view(interpreter);
        self.inspector.step_end(&step, halt.as_ref());
    }

    fn log(&mut self, _context: &mut C, log: Log) {
        self.inspector.log(&log);
    }

    fn call(&mut self, context: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.entered();
        let kind = match inputs.scheme {
            CallScheme::Call => CallKind::Call,
            CallScheme::CallCode => CallKind::CallCode,
            CallScheme::DelegateCall => CallKind::DelegateCall,
            CallScheme::StaticCall => CallKind::StaticCall,
        };
        let from = match kind {
            // The one whose storage is worked on calls; it keeps its own caller for its callee.
            CallKind::DelegateCall | CallKind::CallCode => inputs.target_address,
            _ => inputs.caller,
        };
        let input = inputs.input.bytes(context);
        let call = Call {
            kind,
            from,
            to: inputs.bytecode_address,
            value: inputs.value.get(),
            gas: inputs.gas_limit,
            input: &input,
            depth: self.above.len(),
        };
        self.inspector.enter(&call);
        None
    }

    fn call_end(&mut self, _context: &mut C, inputs: &CallInputs, outcome: &mut CallOutcome) {
        let result = &outcome.result;
        let end = CallEnd {
            gas_used: used_of(inputs.gas_limit, result),
            output: &result.output,
            reverted: result.result == revm::interpreter::InstructionResult::Revert,
            halt: Halt::of(result.result),
            created: None,
        };
        self.inspector.exit(&end);
        self.left();
    }

    fn create(&mut self, context: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.entered();
        let kind = match inputs.scheme() {
            CreateScheme::Create2 { .. } => CallKind::Create2,
            CreateScheme::Create | CreateScheme::Custom { .. } => CallKind::Create,
        };
        // The account is loaded: it makes the contract.
        let account = context.journal_mut().load_account(inputs.caller());
        let nonce = account.map_or(0, |account| account.data.info.nonce);
        let call = Call {
            kind,
            from: inputs.caller(),
            to: inputs.created_address(nonce),
            value: inputs.value(),
            gas: inputs.gas_limit(),
            input: inputs.init_code(),
            depth: self.above.len(),
        };
        self.inspector.enter(&call);
        None
    }

    fn create_end(&mut self, _context: &mut C, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        let result = &outcome.result;
        let end = CallEnd {
            gas_used: used_of(inputs.gas_limit(), result),
            output: &result.output,
            reverted: result.result == revm::interpreter::InstructionResult::Revert,
            halt: Halt::of(result.result),
            created: outcome.address,
        };
        self.inspector.exit(&end);
        self.left();
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        self.inspector.destroyed(contract, target, value);
    }
}
