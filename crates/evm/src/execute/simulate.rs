//! Sessions that make no block: calls at a state, what-if accounts, and transactions of a block run again under watch.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use quintet_eth::state::{Account, StateView};
use std::collections::BTreeMap;

use super::{
    BlockHashes, CallTransaction, Called, Checks, Environment, Inspector, Machine, Overlay,
    ReadError, Receipt, RunError, Session, Touched, Transaction, meter::Meter, watch::Watch,
};
use crate::schedule::{Fork, Rules};

/// What an account is taken to be, whatever the state says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountOverride {
    /// Its nonce.
    pub nonce: Option<u64>,
    /// Its balance, wei.
    pub balance: Option<U256>,
    /// Its code.
    pub code: Option<Bytes>,
    /// All of its slots: those not named hold zero.
    pub storage: Option<BTreeMap<U256, U256>>,
    /// Some of its slots.
    pub slots: BTreeMap<U256, U256>,
}

impl<'a, V: StateView, H: BlockHashes> Session<'a, V, H> {
    /// Begins a session that makes no block: on the state of `view` as it is, in a block that says what `header` says.
    ///
    /// `blob_price` stands in place of what the header's excess of blob gas asks for.
    #[must_use]
    pub fn simulate(
        rules: Rules,
        header: &'a Header,
        view: &'a V,
        hashes: &'a H,
        checks: Checks,
        blob_price: Option<u128>,
    ) -> Self {
        let mut environment = Environment::new(rules, header);
        environment.checks = checks;
        if let Some((blobs, price)) =
            environment.block.blob_excess_gas_and_price.as_mut().zip(blob_price)
        {
            blobs.blob_gasprice = price;
        }
        let overlay = Overlay::new(view, hashes, rules.has(Fork::SpuriousDragon));
        Self::with(rules, header, environment, overlay)
    }

    /// Does what comes before a block's transactions, as [`Session::begin`] does: for a block that is not there.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the state cannot be read.
    pub fn prepare(&mut self) -> Result<(), ReadError<V::Error>> {
        self.before()
    }

    /// Takes an account to be what is said.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the state cannot be read, or the code is none.
    pub fn override_account(
        &mut self,
        address: Address,
        account: &AccountOverride,
    ) -> Result<(), ReadError<V::Error>> {
        let overlay = self.overlay();
        if let Some(code) = &account.code {
            overlay.set_code(address, code.clone())?;
        }
        let none = Account { nonce: 0, balance: U256::ZERO, code_hash: KECCAK256_EMPTY };
        let mut now = overlay.account(address)?.unwrap_or(none);
        now.nonce = account.nonce.unwrap_or(now.nonce);
        now.balance = account.balance.unwrap_or(now.balance);
        overlay.set_account(address, now)?;
        if let Some(storage) = &account.storage {
            overlay.wipe(address)?;
            overlay.set_slots(address, storage)?;
        }
        overlay.set_slots(address, &account.slots)
    }

    /// Returns an account as it is now.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the state cannot be read.
    pub fn account(&mut self, address: Address) -> Result<Option<Account>, ReadError<V::Error>> {
        self.overlay().account(address)
    }

    /// Returns a slot's value as it is now.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the state cannot be read.
    pub fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadError<V::Error>> {
        self.overlay().slot(address, slot)
    }

    /// Returns code by its hash, also such as this session made.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the state cannot be read.
    pub fn code(&mut self, hash: B256) -> Result<Bytes, ReadError<V::Error>> {
        self.overlay().code_bytes(hash)
    }

    /// Runs a call and leaves the state as it was.
    ///
    /// # Errors
    ///
    /// [`RunError`] if it cannot be run, or the state cannot be read.
    pub fn call(
        &mut self,
        call: &CallTransaction,
        inspector: Option<&mut dyn Inspector>,
    ) -> Result<Called, RunError<V::Error>> {
        let transaction = Transaction::call(&self.rules, call);
        self.try_run(&transaction, inspector)
    }

    /// Runs a call as [`Self::call`] does, as long as `go_on` says so: none if it was given up. How long that may take is told in the
    /// words of work: some hundred instructions, some ten thousand gas, and one instruction more.
    ///
    /// # Errors
    ///
    /// [`RunError`] if it cannot be run, or the state cannot be read.
    pub fn call_while(
        &mut self,
        call: &CallTransaction,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Called>, RunError<V::Error>> {
        let transaction = Transaction::call(&self.rules, call);
        self.admit(&transaction)?;
        let environment = self.environment_of(&transaction);
        let mut meter = Meter::new(go_on);
        let mut machine = Machine::watched(&environment, self.overlay(), &mut meter);
        let done = machine.transact_watched(&transaction);
        drop(machine);
        if meter.over {
            return Ok(None);
        }
        self.called(&done?).map(Some)
    }

    /// Runs a transaction and leaves the state as it was.
    ///
    /// # Errors
    ///
    /// [`RunError`] if it cannot be run, or the state cannot be read.
    pub fn try_run(
        &mut self,
        transaction: &Transaction,
        inspector: Option<&mut dyn Inspector>,
    ) -> Result<Called, RunError<V::Error>> {
        self.admit(transaction)?;
        let done = self.watched(transaction, inspector)?;
        self.called(&done)
    }

    /// Runs the next transaction of the block, watched.
    ///
    /// # Errors
    ///
    /// [`RunError`] as [`Session::run`] gives it.
    pub fn inspect(
        &mut self,
        transaction: &Transaction,
        inspector: Option<&mut dyn Inspector>,
    ) -> Result<(Called, &Receipt), RunError<V::Error>> {
        self.admit(transaction)?;
        let nonce = self.deposit_nonce(transaction)?;
        let done = self.watched(transaction, inspector)?;
        let called = self.called(&done)?;
        Ok((called, self.take(transaction, done, nonce)?))
    }

    /// Runs the next call of the block, watched.
    ///
    /// # Errors
    ///
    /// [`RunError`] as [`Session::run`] gives it.
    pub fn inspect_call(
        &mut self,
        call: &CallTransaction,
        inspector: Option<&mut dyn Inspector>,
    ) -> Result<(Called, &Receipt), RunError<V::Error>> {
        let transaction = Transaction::call(&self.rules, call);
        self.inspect(&transaction, inspector)
    }

    fn watched(
        &mut self,
        transaction: &Transaction,
        inspector: Option<&mut dyn Inspector>,
    ) -> Result<super::Done, RunError<V::Error>> {
        let environment = self.environment_of(transaction);
        let overlay = self.overlay();
        match inspector {
            Some(inspector) => {
                let mut machine = Machine::watched(&environment, overlay, Watch::new(inspector));
                Ok(machine.transact_watched(transaction)?)
            }
            None => Ok(Machine::new(&environment, overlay).transact(transaction)?),
        }
    }

    /// Returns what is around a transaction that may pay nothing.
    fn environment_of(&self, transaction: &Transaction) -> Environment {
        let mut environment = self.environment().clone();
        if !environment.checks.gas_limit && transaction.env.gas_price == 0 {
            // Who pays nothing is not asked for a base fee, nor shown one. **Spec:** go-ethereum, `NoBaseFee`.
            environment.block.basefee = 0;
        }
        // The price of blobs likewise, but to those alone who bring some: BLOBBASEFEE is the block's for everybody else.
        if !environment.checks.gas_limit
            && !transaction.env.blob_hashes.is_empty()
            && transaction.env.max_fee_per_blob_gas == 0
            && let Some(blobs) = &mut environment.block.blob_excess_gas_and_price
        {
            blobs.blob_gasprice = 0;
        }
        environment
    }

    /// Adds what was paid to accounts that were not loaded.
    fn called(&mut self, done: &super::Done) -> Result<Called, RunError<V::Error>> {
        let mut called = Called::of(done);
        for (address, amount) in &done.payments {
            let before = self.overlay().account(*address).map_err(RunError::Read)?;
            let at = called.touched.binary_search_by_key(address, |touched| touched.address);
            let at = at.unwrap_or_else(|at| {
                let touched = Touched {
                    address: *address,
                    before,
                    after: before,
                    code: None,
                    slots: Vec::new(),
                };
                called.touched.insert(at, touched);
                at
            });
            if let Some(touched) = called.touched.get_mut(at) {
                touched.after = super::credited(touched.after, *amount, true);
            }
        }
        Ok(called)
    }
}
