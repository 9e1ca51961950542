//! A block in the making: begun, given transactions one by one, finished.

use alloy_consensus::{Eip658Value, Header};
use alloy_eips::{eip4844::DATA_GAS_PER_BLOB, eip4895::Withdrawal, eip7685::Requests};
use alloy_primitives::{Address, Bytes, U256};
use op_revm::{L1BlockInfo, OpHaltReason, estimate_tx_compressed_size};
use quintet_eth::state::{Account, StateChanges, StateView};
use revm::context_interface::result::{
    EVMError, ExecutionResult, Output, ResultGas, SuccessReason,
};

use super::{
    BlockHashes, BlockOutcome, Done, Environment, ExecuteError, Failure, Machine, Overlay,
    ReadError, Receipt, RootAfter, Transaction, TransactionError, dao, receipt::DepositReceipt,
    rewards::rewards, system,
};
use crate::{
    block::BlockError,
    op::create2,
    schedule::{Fork, OpFork, Rules},
};

/// Wei in a gwei, the unit of withdrawals.
const GWEI: u64 = 1_000_000_000;

/// Why a transaction was not taken.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E> {
    /// It cannot be in the block now. Nothing changed; the block may go on without it.
    #[error(transparent)]
    Refused(#[from] TransactionError),
    /// The state cannot be read. The block cannot go on.
    #[error("state: {0}")]
    Read(#[source] ReadError<E>),
    /// A precompile or the interpreter could not work. The block cannot go on.
    #[error("interpreter: {reason}")]
    Interpreter {
        /// What it says.
        reason: String,
    },
}

impl<E> RunError<E> {
    /// Names the transaction that makes a block bad.
    pub(crate) fn at(self, index: usize) -> ExecuteError<E> {
        match self {
            Self::Refused(error) => ExecuteError::transaction(index, error),
            Self::Read(error) => ExecuteError::Read(error),
            Self::Interpreter { reason } => ExecuteError::Interpreter { reason },
        }
    }
}

impl<E> From<Failure<ReadError<E>>> for RunError<E> {
    fn from(failure: Failure<ReadError<E>>) -> Self {
        match failure {
            EVMError::Transaction(error) => Self::Refused(error),
            EVMError::Database(error) => Self::Read(error),
            EVMError::Header(error) => Self::Interpreter { reason: error.to_string() },
            EVMError::Custom(reason) => Self::Interpreter { reason },
            EVMError::CustomAny(error) => Self::Interpreter { reason: error.to_string() },
        }
    }
}

/// A plain transfer, in numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payment {
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) value: U256,
    pub(crate) nonce: u64,
    /// What the sender must have.
    pub(crate) most: U256,
    /// What the sender pays for gas.
    pub(crate) fee: U256,
    /// What the beneficiary gets of it.
    pub(crate) tip: U256,
    /// Gas it uses.
    pub(crate) gas: u64,
}

/// A block in the making.
#[expect(missing_debug_implementations, reason = "the interpreter has none for every state")]
pub struct Session<'a, V: StateView, H: BlockHashes> {
    header: &'a Header,
    pub(super) rules: Rules,
    environment: Environment,
    machine: Machine<Overlay<'a, V, H>>,
    root_after: Option<RootAfter<'a>>,
    receipts: Vec<Receipt>,
    gas_used: u64,
    blob_gas_used: u64,
}

impl<'a, V: StateView, H: BlockHashes> Session<'a, V, H> {
    /// Begins the block of a header: does what comes before its transactions.
    ///
    /// `root_after` is needed below Byzantium if the receipts' root matters.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`] if the state cannot be read.
    pub fn begin(
        rules: Rules,
        header: &'a Header,
        view: &'a V,
        hashes: &'a H,
        root_after: Option<RootAfter<'a>>,
    ) -> Result<Self, ExecuteError<V::Error>> {
        let environment = Environment::new(rules, header);
        let overlay = Overlay::new(view, hashes, rules.has(Fork::SpuriousDragon));
        let mut session = Self::with(rules, header, environment, overlay);
        session.root_after = root_after.filter(|_| !rules.has(Fork::Byzantium));
        session.before().map_err(ExecuteError::Read)?;
        Ok(session)
    }

    /// Puts a session together.
    pub(super) fn with(
        rules: Rules,
        header: &'a Header,
        environment: Environment,
        overlay: Overlay<'a, V, H>,
    ) -> Self {
        Self {
            header,
            rules,
            machine: Machine::new(&environment, overlay),
            environment,
            root_after: None,
            receipts: Vec::new(),
            gas_used: 0,
            blob_gas_used: 0,
        }
    }

    pub(super) fn before(&mut self) -> Result<(), ReadError<V::Error>> {
        if self.rules.is_dao_fork() {
            for address in dao::DRAINED {
                self.machine.database().drain(address, dao::REFUND)?;
            }
        }
        if self.rules.begins_canyon {
            self.machine.database().set_code(create2::ADDRESS, create2::code())?;
        }
        let root = self.header.parent_beacon_block_root.filter(|_| self.rules.has(Fork::Cancun));
        if let Some(root) = root.filter(|_| self.header.number > 0) {
            self.call_if_there(system::BEACON_ROOTS, root.0.into())?;
        }
        if self.rules.has(Fork::Prague) && self.header.number > 0 {
            self.call_if_there(system::BLOCK_HASHES, self.header.parent_hash.0.into())?;
        }
        Ok(())
    }

    /// Calls a contract whose failure, or absence, is no matter.
    fn call_if_there(&mut self, contract: Address, data: Bytes) -> Result<(), ReadError<V::Error>> {
        match self.machine.system_call(contract, data) {
            Ok(done) => self.machine.database().commit(done.state),
            Err(EVMError::Database(error)) => Err(error),
            Err(_) => Ok(()),
        }
    }

    /// Returns gas used so far.
    #[must_use]
    pub const fn gas_used(&self) -> u64 {
        self.gas_used
    }

    /// Returns what the transactions so far did.
    #[must_use]
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    pub(crate) const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Moves an amount from one account without code to another, as the interpreter would. Returns false, and does
    /// nothing, if the sender cannot: the interpreter then names the reason.
    pub(crate) fn transfer(
        &mut self,
        transaction: &Transaction,
        payment: &Payment,
    ) -> Result<bool, RunError<V::Error>> {
        let beneficiary = self.header.beneficiary;
        let overlay = self.machine.database();
        let sender = overlay.account(payment.from).map_err(RunError::Read)?;
        let able =
            |account: &Account| account.nonce == payment.nonce && account.balance >= payment.most;
        let Some(sender) = sender.filter(able) else { return Ok(false) };
        let balance = sender.balance.saturating_sub(payment.value.saturating_add(payment.fee));
        let after = Account { nonce: sender.nonce.saturating_add(1), balance, ..sender };
        overlay.set_account(payment.from, after).map_err(RunError::Read)?;
        overlay.credit(payment.to, payment.value).map_err(RunError::Read)?;
        overlay.credit(beneficiary, payment.tip).map_err(RunError::Read)?;
        let result = ExecutionResult::Success {
            reason: SuccessReason::Stop,
            gas: ResultGas::default().with_total_gas_spent(payment.gas),
            logs: Vec::new(),
            output: Output::Call(Bytes::new()),
        };
        self.record(transaction, result, None)?;
        Ok(true)
    }

    /// Returns what the block changed so far.
    #[must_use]
    pub fn changes(&mut self) -> StateChanges {
        self.overlay().changes()
    }

    /// Pays an amount of nobody's balance: a faucet's, or what a test wants.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the state cannot be read.
    pub fn credit(&mut self, address: Address, amount: U256) -> Result<(), ReadError<V::Error>> {
        self.overlay().credit(address, amount)
    }

    pub(crate) fn overlay(&mut self) -> &mut Overlay<'a, V, H> {
        self.machine.database()
    }

    /// Runs the next transaction of the block.
    ///
    /// # Errors
    ///
    /// [`RunError`] if it cannot be in the block, or the state cannot be read. The block is as it was before.
    pub fn run(&mut self, transaction: &Transaction) -> Result<&Receipt, RunError<V::Error>> {
        self.admit(transaction)?;
        let nonce = self.deposit_nonce(transaction)?;
        let done = self.machine.transact(transaction)?;
        self.take(transaction, done, nonce)
    }

    /// Checks what does not depend on the state but on what is left of the block.
    ///
    /// **Spec:** Yellow Paper, section 6.1; EIP-4844, "Block validity".
    pub(crate) fn admit(&self, transaction: &Transaction) -> Result<(), TransactionError> {
        let left = self.header.gas_limit.saturating_sub(self.gas_used);
        let system = transaction.is_deposit() && !self.rules.has_op(OpFork::Regolith);
        if transaction.gas_limit() > left && !system && self.environment.checks.gas_limit {
            return Err(TransactionError::BlockGas {
                expected: left,
                actual: transaction.gas_limit(),
            });
        }
        if transaction.kind == 3 && transaction.env.kind.is_create() {
            return Err(TransactionError::BlobCreate);
        }
        if self.rules.op.is_none() && transaction.blobs() > 0 {
            let most = self.rules.blobs.map_or(0, |blobs| blobs.max_blob_count);
            let left = most.saturating_sub(self.blob_gas_used / DATA_GAS_PER_BLOB);
            if transaction.blobs() > left && self.rules.has(Fork::Cancun) {
                return Err(TransactionError::TooManyBlobs {
                    expected: left,
                    actual: transaction.blobs(),
                });
            }
        }
        if transaction.env.chain_id.is_some_and(|chain| chain != self.rules.chain_id) {
            return Err(TransactionError::WrongChain { expected: self.rules.chain_id });
        }
        Ok(())
    }

    /// Returns the sender's nonce before a deposit, which its receipt holds since Regolith.
    pub(crate) fn deposit_nonce(
        &mut self,
        transaction: &Transaction,
    ) -> Result<Option<u64>, RunError<V::Error>> {
        if !transaction.is_deposit() || !self.rules.has_op(OpFork::Regolith) {
            return Ok(None);
        }
        let account = self.overlay().account(transaction.sender()).map_err(RunError::Read)?;
        Ok(Some(account.map_or(0, |account| account.nonce)))
    }

    /// Takes over what a transaction did.
    pub(crate) fn take(
        &mut self,
        transaction: &Transaction,
        done: Done,
        deposit_nonce: Option<u64>,
    ) -> Result<&Receipt, RunError<V::Error>> {
        let overlay = self.machine.database();
        overlay.commit(done.state).map_err(RunError::Read)?;
        for (recipient, fee) in done.payments {
            overlay.credit(recipient, fee).map_err(RunError::Read)?;
        }
        self.record(transaction, done.result, deposit_nonce)
    }

    /// Writes a receipt. What the transaction changed is in the state already.
    pub(crate) fn record(
        &mut self,
        transaction: &Transaction,
        result: ExecutionResult<OpHaltReason>,
        deposit_nonce: Option<u64>,
    ) -> Result<&Receipt, RunError<V::Error>> {
        let gas_used = result.tx_gas_used();
        self.gas_used = self.gas_used.saturating_add(gas_used);
        self.blob_gas_used = self.blob_gas_used.saturating_add(self.footprint(transaction)?);
        let status = match self.root_after {
            Some(root_after) => {
                Eip658Value::PostState(root_after(&self.machine.database().changes()))
            }
            None => Eip658Value::Eip658(result.is_success()),
        };
        let version = self.rules.has_op(OpFork::Canyon).then_some(1);
        let index = self.receipts.len();
        self.receipts.push(Receipt {
            kind: transaction.kind,
            status,
            cumulative_gas_used: self.gas_used,
            created: result.created_address().filter(|_| transaction.env.kind.is_create()),
            logs: if result.is_success() { result.into_logs() } else { Vec::new() },
            deposit: deposit_nonce.map(|nonce| DepositReceipt { nonce, version }),
            gas_used,
        });
        Ok(&self.receipts[index])
    }

    /// Returns the gas of a transaction's blobs, or on an OP chain from Jovian on that of its data on L1.
    fn footprint(&mut self, transaction: &Transaction) -> Result<u64, RunError<V::Error>> {
        let Some(encoded) = transaction.op_encoding() else {
            return Ok(transaction.blobs() * DATA_GAS_PER_BLOB);
        };
        if !self.rules.has_op(OpFork::Jovian) || transaction.is_deposit() {
            return Ok(0);
        }
        let overlay = self.machine.database();
        let scalar = L1BlockInfo::fetch_da_footprint_gas_scalar(overlay).map_err(RunError::Read)?;
        Ok((estimate_tx_compressed_size(encoded) / 1_000_000).saturating_mul(u64::from(scalar)))
    }

    /// Finishes the block: does what comes after its transactions.
    ///
    /// # Errors
    ///
    /// [`ExecuteError`] if a request cannot be made, or the state cannot be read.
    pub fn finish(
        mut self,
        ommers: &[Header],
        withdrawals: Option<&[Withdrawal]>,
    ) -> Result<BlockOutcome, ExecuteError<V::Error>> {
        let overlay = self.machine.database();
        for (miner, reward) in rewards(&self.rules, self.header, ommers) {
            overlay.credit(miner, reward).map_err(ExecuteError::Read)?;
        }
        for withdrawal in withdrawals.unwrap_or_default() {
            let amount = U256::from(withdrawal.amount) * U256::from(GWEI);
            overlay.credit(withdrawal.address, amount).map_err(ExecuteError::Read)?;
        }
        let requests = match self.rules.op {
            // An OP chain makes none, but says so in its header since Isthmus.
            Some(op) => (op >= OpFork::Isthmus).then(Requests::default),
            None if self.rules.has(Fork::Prague) => Some(self.requests()?),
            None => None,
        };
        let Self { machine, receipts, gas_used, blob_gas_used, .. } = self;
        let changes = machine.into_database().changes();
        Ok(BlockOutcome { receipts, gas_used, blob_gas_used, requests, changes })
    }

    fn requests(&mut self) -> Result<Requests, ExecuteError<V::Error>> {
        let mut requests = Requests::default();
        let deposits = system::deposits(self.rules.deposit_contract, &self.receipts)?;
        if !deposits.is_empty() {
            requests.push_request_with_type(system::DEPOSIT_REQUEST, deposits);
        }
        for contract in system::REQUEST_CONTRACTS {
            let address = contract.address;
            let account = self.overlay().account(address).map_err(ExecuteError::Read)?;
            if account.is_none_or(|account| account.code_hash == alloy_primitives::KECCAK256_EMPTY)
            {
                return Err(BlockError::NoSystemContract { address }.into());
            }
            let done = match self.machine.system_call(address, Bytes::new()) {
                Ok(done) => done,
                Err(EVMError::Database(error)) => return Err(ExecuteError::Read(error)),
                Err(_) => return Err(BlockError::SystemCall { address }.into()),
            };
            if !done.result.is_success() {
                return Err(BlockError::SystemCall { address }.into());
            }
            self.overlay().commit(done.state).map_err(ExecuteError::Read)?;
            let output = done.result.into_output().unwrap_or_default();
            if !output.is_empty() {
                requests.push_request_with_type(contract.kind, output);
            }
        }
        Ok(requests)
    }
}
