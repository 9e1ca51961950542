//! The interpreter, for Ethereum and for OP chains behind one face.
//!
//! Fees are not paid inside: what a transaction pays to the beneficiary (and an OP chain's vaults) comes back as
//! [`Done::payments`], unless it looked at that account itself. So transactions that only pay the same beneficiary
//! do not depend on each other.
//!
//! # Invariants
//!
//! - A payment left out of the state is to an account that the transaction did not load.
//! - Nothing stays in the interpreter from one transaction to the next but what its rules fix.

use core::{cell::RefCell, marker::PhantomData, mem};

use alloy_primitives::{Address, Bytes, U256};
use op_revm::{
    L1BlockInfo, OpBuilder, OpHaltReason, OpSpecId, OpTransaction, OpTransactionError,
    api::{builder::DefaultOpEvm, default_ctx::OpContext},
    constants::{BASE_FEE_RECIPIENT, L1_FEE_RECIPIENT, OPERATOR_FEE_RECIPIENT},
    handler::OpHandler,
};
use revm::{
    Context, Database, Inspector, MainBuilder, MainnetEvm, SystemCallEvm,
    bytecode::opcode::EXTCODEHASH,
    context::{
        BlockEnv, CfgEnv, ContextTr, JournalTr, journaled_state::account::JournaledAccountTr,
    },
    context_interface::result::{
        EVMError, ExecutionResult, HaltReason, InvalidTransaction, ResultGas,
    },
    handler::{EthFrame, FrameResult, Handler, MainnetContext},
    inspector::InspectorHandler,
    interpreter::{InitialAndFloorGas, interpreter::EthInterpreter},
    primitives::hardfork::SpecId,
    state::EvmState,
};

use super::{env::Environment, error::TransactionError, oddities, transaction::Transaction};
use crate::schedule::Fork;

type Ethereum<DB, I> = MainnetEvm<MainnetContext<DB>, I>;
type Optimism<DB, I> = DefaultOpEvm<OpContext<DB>, I>;
type Frame = EthFrame<EthInterpreter>;

/// What a transaction did.
#[derive(Debug)]
pub(crate) struct Done {
    /// How it ended.
    pub(crate) result: ExecutionResult<OpHaltReason>,
    /// Accounts it loaded, as they are afterwards.
    pub(crate) state: EvmState,
    /// Fees it pays to accounts it did not load.
    pub(crate) payments: Vec<(Address, U256)>,
}

/// Why a transaction was not run.
pub(crate) type Failure<E> = EVMError<E, TransactionError>;

/// The interpreter with the state it works on, and who watches.
#[expect(clippy::large_enum_variant, reason = "there is one, and it is not moved in a loop")]
pub(crate) enum Machine<DB: Database, I = ()> {
    Ethereum(Ethereum<DB, I>),
    Optimism(Optimism<DB, I>),
}

impl<DB: Database> Machine<DB> {
    pub(crate) fn new(environment: &Environment, database: DB) -> Self {
        Self::watched(environment, database, ())
    }
}

impl<DB: Database, I> Machine<DB, I> {
    pub(crate) fn watched(environment: &Environment, database: DB, watcher: I) -> Self {
        match environment.op_cfg() {
            None => {
                let context: MainnetContext<DB> = Context::new(database, SpecId::FRONTIER);
                let context =
                    context.with_cfg(environment.cfg()).with_block(environment.block.clone());
                let evm = context.build_mainnet_with_inspector(watcher);
                Self::Ethereum(with_oddities(evm, environment))
            }
            Some(cfg) => {
                let context: Context<
                    BlockEnv,
                    OpTransaction<_>,
                    CfgEnv<OpSpecId>,
                    DB,
                    _,
                    L1BlockInfo,
                > = Context::new(database, OpSpecId::BEDROCK);
                let context = context.with_cfg(cfg).with_block(environment.block.clone());
                Self::Optimism(context.build_op_with_inspector(watcher))
            }
        }
    }

    /// Returns the state it works on.
    pub(crate) fn database(&mut self) -> &mut DB {
        match self {
            Self::Ethereum(evm) => &mut evm.ctx.journaled_state.database,
            Self::Optimism(evm) => &mut evm.0.ctx.journaled_state.database,
        }
    }

    /// Gives back the state it worked on.
    pub(crate) fn into_database(self) -> DB {
        match self {
            Self::Ethereum(evm) => evm.ctx.journaled_state.database,
            Self::Optimism(evm) => evm.0.ctx.journaled_state.database,
        }
    }

    /// Runs a transaction. The state is not changed by it: the caller takes over what was [`Done`].
    pub(crate) fn transact(
        &mut self,
        transaction: &Transaction,
    ) -> Result<Done, Failure<DB::Error>> {
        self.prepare(transaction);
        match self {
            Self::Ethereum(evm) => {
                let mut handler = EthereumHandler::default();
                let result = handler.run(evm);
                ethereum_done(evm, result, handler)
            }
            Self::Optimism(evm) => {
                let mut handler = OptimismHandler::default();
                let result = handler.run(evm);
                optimism_done(evm, result, handler)
            }
        }
    }

    /// Runs a transaction as [`Self::transact`] does, and shows it to who watches.
    pub(crate) fn transact_watched(
        &mut self,
        transaction: &Transaction,
    ) -> Result<Done, Failure<DB::Error>>
    where
        I: Inspector<MainnetContext<DB>> + Inspector<OpContext<DB>>,
    {
        self.prepare(transaction);
        match self {
            Self::Ethereum(evm) => {
                let mut handler = EthereumHandler::default();
                let result = handler.inspect_run(evm);
                ethereum_done(evm, result, handler)
            }
            Self::Optimism(evm) => {
                let mut handler = OptimismHandler::default();
                let result = handler.inspect_run(evm);
                optimism_done(evm, result, handler)
            }
        }
    }

    /// Hands the interpreter a transaction.
    fn prepare(&mut self, transaction: &Transaction) {
        match self {
            Self::Ethereum(evm) => evm.ctx.tx = transaction.env.clone(),
            Self::Optimism(evm) => {
                let op = transaction.op.as_ref();
                evm.0.ctx.tx = OpTransaction {
                    base: transaction.env.clone(),
                    enveloped_tx: op.map(|op| op.encoded.clone()),
                    deposit: op.and_then(|op| op.deposit.clone()).unwrap_or_default(),
                };
                // Read anew by each: what it says is part of what the transaction depends on.
                evm.0.ctx.chain = L1BlockInfo::default();
            }
        }
    }

    /// Calls a contract of the system, as nobody's transaction.
    pub(crate) fn system_call(
        &mut self,
        contract: Address,
        data: Bytes,
    ) -> Result<Done, Failure<DB::Error>> {
        let (result, state) = match self {
            Self::Ethereum(evm) => {
                let result = evm.system_call_one(contract, data);
                let result = result.map_err(|error| named(error, TransactionError::from))?;
                (result.map_haltreason(OpHaltReason::Base), evm.ctx.journal_mut().finalize())
            }
            Self::Optimism(evm) => {
                let result = evm.system_call_one(contract, data);
                let result = result.map_err(|error| named(error, TransactionError::from))?;
                (result, evm.0.ctx.journal_mut().finalize())
            }
        };
        Ok(Done { result, state, payments: Vec::new() })
    }
}

fn ethereum_done<DB: Database, I>(
    evm: &mut Ethereum<DB, I>,
    result: Result<ExecutionResult, EVMError<DB::Error, InvalidTransaction>>,
    handler: EthereumHandler<DB, I>,
) -> Result<Done, Failure<DB::Error>> {
    let state = evm.ctx.journal_mut().finalize();
    let result = result.map_err(|error| named(error, TransactionError::from))?;
    let result = result.map_haltreason(OpHaltReason::Base);
    Ok(Done { result, state, payments: handler.payments.into_inner() })
}

fn optimism_done<DB: Database, I>(
    evm: &mut Optimism<DB, I>,
    result: Result<ExecutionResult<OpHaltReason>, EVMError<DB::Error, OpTransactionError>>,
    handler: OptimismHandler<DB, I>,
) -> Result<Done, Failure<DB::Error>> {
    let state = evm.0.ctx.journal_mut().finalize();
    let result = result.map_err(|error| named(error, TransactionError::from))?;
    Ok(Done { result, state, payments: handler.payments.into_inner() })
}

/// Puts our name in place of the interpreter's.
fn named<D, T, U>(error: EVMError<D, T>, name: impl FnOnce(T) -> U) -> EVMError<D, U> {
    match error {
        EVMError::Transaction(error) => EVMError::Transaction(name(error)),
        EVMError::Header(error) => EVMError::Header(error),
        EVMError::Database(error) => EVMError::Database(error),
        EVMError::Custom(error) => EVMError::Custom(error),
        EVMError::CustomAny(error) => EVMError::CustomAny(error),
    }
}

/// Teaches the interpreter what it left out.
fn with_oddities<DB: Database, I>(
    mut evm: Ethereum<DB, I>,
    environment: &Environment,
) -> Ethereum<DB, I> {
    let table = &evm.instruction.instruction_table;
    let gas = table[usize::from(EXTCODEHASH)].static_gas();
    let (code, instruction) = oddities::code_hash(gas);
    evm.instruction.insert_instruction(code, instruction);
    if environment.rules.fork == Fork::Constantinople {
        let (code, instruction) = oddities::sstore();
        evm.instruction.insert_instruction(code, instruction);
    }
    evm
}

/// Ethereum's steps, fees left aside.
struct EthereumHandler<DB, I> {
    payments: RefCell<Vec<(Address, U256)>>,
    machine: PhantomData<(DB, I)>,
}

impl<DB, I> Default for EthereumHandler<DB, I> {
    fn default() -> Self {
        Self { payments: RefCell::default(), machine: PhantomData }
    }
}

impl<DB: Database, I: Inspector<MainnetContext<DB>>> InspectorHandler for EthereumHandler<DB, I> {
    type IT = EthInterpreter;
}

impl<DB: Database, I> Handler for EthereumHandler<DB, I> {
    type Evm = Ethereum<DB, I>;
    type Error = EVMError<DB::Error, InvalidTransaction>;
    type HaltReason = HaltReason;

    fn reward_beneficiary(
        &self,
        evm: &mut Self::Evm,
        frame: &mut FrameResult,
    ) -> Result<(), Self::Error> {
        let context = &mut evm.ctx;
        let fee = tip(&context.block, &context.tx, context.cfg.spec, frame);
        let beneficiary = context.block.beneficiary;
        if context.journaled_state.inner.state.contains_key(&beneficiary) {
            context.journal_mut().load_account_mut(beneficiary)?.incr_balance(fee);
        } else {
            self.payments.borrow_mut().push((beneficiary, fee));
        }
        Ok(())
    }
}

/// Returns what the beneficiary gets: all of the price before London, what is above the base fee after.
fn tip(
    block: &BlockEnv,
    transaction: impl revm::context_interface::Transaction,
    spec: SpecId,
    frame: &FrameResult,
) -> U256 {
    let base_fee = u128::from(block.basefee);
    let price = transaction.effective_gas_price(base_fee);
    let price =
        if spec.is_enabled_in(SpecId::LONDON) { price.saturating_sub(base_fee) } else { price };
    U256::from(price).saturating_mul(U256::from(frame.gas().used()))
}

/// An OP chain's steps, fees left aside.
struct OptimismHandler<DB: Database, I> {
    inner: OpHandler<Optimism<DB, I>, EVMError<DB::Error, OpTransactionError>, Frame>,
    payments: RefCell<Vec<(Address, U256)>>,
}

impl<DB: Database, I: Inspector<OpContext<DB>>> InspectorHandler for OptimismHandler<DB, I> {
    type IT = EthInterpreter;
}

impl<DB: Database, I> Default for OptimismHandler<DB, I> {
    fn default() -> Self {
        Self { inner: OpHandler::default(), payments: RefCell::default() }
    }
}

impl<DB: Database, I> Handler for OptimismHandler<DB, I> {
    type Evm = Optimism<DB, I>;
    type Error = EVMError<DB::Error, OpTransactionError>;
    type HaltReason = OpHaltReason;

    fn validate_env(&self, evm: &mut Self::Evm) -> Result<(), Self::Error> {
        self.inner.validate_env(evm)
    }

    fn validate_against_state_and_deduct_caller(
        &self,
        evm: &mut Self::Evm,
        gas: &mut InitialAndFloorGas,
    ) -> Result<(), Self::Error> {
        self.inner.validate_against_state_and_deduct_caller(evm, gas)
    }

    fn last_frame_result(
        &mut self,
        evm: &mut Self::Evm,
        frame: &mut FrameResult,
    ) -> Result<(), Self::Error> {
        self.inner.last_frame_result(evm, frame)
    }

    fn reimburse_caller(
        &self,
        evm: &mut Self::Evm,
        frame: &mut FrameResult,
    ) -> Result<(), Self::Error> {
        self.inner.reimburse_caller(evm, frame)
    }

    fn refund(&self, evm: &mut Self::Evm, frame: &mut FrameResult, authorizations: i64) {
        self.inner.refund(evm, frame, authorizations);
    }

    fn reward_beneficiary(
        &self,
        evm: &mut Self::Evm,
        frame: &mut FrameResult,
    ) -> Result<(), Self::Error> {
        let context = &mut evm.0.ctx;
        let Some(encoded) =
            context.tx.enveloped_tx.clone().filter(|_| context.tx.deposit.source_hash.is_zero())
        else {
            return Ok(());
        };
        let spec = context.cfg.spec;
        let used = frame.gas().used();
        let operator = if spec.is_enabled_in(OpSpecId::ISTHMUS) {
            context.chain.operator_fee_charge(&encoded, U256::from(used), spec)
        } else {
            U256::ZERO
        };
        let base = U256::from(context.block.basefee).saturating_mul(U256::from(used));
        let fees = [
            (context.block.beneficiary, tip(&context.block, &context.tx, spec.into(), frame)),
            (L1_FEE_RECIPIENT, context.chain.calculate_tx_l1_cost(&encoded, spec)),
            (BASE_FEE_RECIPIENT, base),
            (OPERATOR_FEE_RECIPIENT, operator),
        ];
        for (recipient, fee) in fees {
            if context.journaled_state.inner.state.contains_key(&recipient) {
                context.journal_mut().load_account_mut(recipient)?.incr_balance(fee);
            } else {
                self.payments.borrow_mut().push((recipient, fee));
            }
        }
        Ok(())
    }

    fn execution_result(
        &mut self,
        evm: &mut Self::Evm,
        frame: FrameResult,
        gas: ResultGas,
    ) -> Result<ExecutionResult<Self::HaltReason>, Self::Error> {
        self.inner.execution_result(evm, frame, gas)
    }

    fn catch_error(
        &self,
        evm: &mut Self::Evm,
        error: Self::Error,
    ) -> Result<ExecutionResult<Self::HaltReason>, Self::Error> {
        // A deposit that failed pays nothing; it was not charged.
        mem::take(&mut *self.payments.borrow_mut());
        self.inner.catch_error(evm, error)
    }
}
