//! One block under way: threads that take tasks, run transactions and validate what they read.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use alloy_primitives::{Address, KECCAK256_EMPTY, U256, map::AddressMap};
use quintet_eth::state::StateView;
use revm::context_interface::result::EVMError;

use super::{
    Options,
    cache::Codes,
    memory::{Funds, Location, Memory, Value, Version},
    scheduler::{Scheduler, Task},
    transfer,
    view::{Interrupted, Read, TransactionView},
};
use crate::{
    execute::{
        BlockHashes, Done, Environment, Fate, Machine, Overlay, Payment, Transaction,
        TransactionError, fate_of,
    },
    schedule::Fork,
};

/// Most runs put off, for each transaction of a block; beyond it guesses are not worth their work.
const WAITS_MAX: usize = 8;

/// What a transaction did.
#[derive(Debug)]
pub(super) enum Effect {
    /// The interpreter ran it.
    Ran(Box<Done>),
    /// It moves amounts, which nobody added up yet.
    Moved(Payment),
    /// It cannot be in the block.
    Refused(TransactionError),
    /// It was not run to its end.
    Unknown,
}

/// What came of all transactions.
pub(super) struct Run {
    /// In order; cut short if the work was given up.
    pub(super) effects: Vec<Effect>,
    pub(super) aborts: usize,
    pub(super) waits: usize,
}

/// What is kept of a transaction's last run.
#[derive(Debug, Default)]
struct Last {
    effect: Option<Effect>,
    reads: Vec<Read>,
    written: Vec<Location>,
}

type View<'b, 'a, V, H> = TransactionView<'b, 'a, V, H>;

/// One block under way.
pub(super) struct Block<'b, 'a, V, H> {
    environment: &'b Environment,
    transactions: &'b [Transaction],
    overlay: &'b Overlay<'a, V, H>,
    memory: Memory,
    codes: Codes,
    scheduler: Scheduler,
    last: Vec<Mutex<Last>>,
    /// The transaction before with the same sender.
    before: Vec<Option<usize>>,
    aborts: AtomicUsize,
    aborts_max: usize,
    waits: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'b, 'a, V: StateView + Sync, H: BlockHashes + Sync> Block<'b, 'a, V, H> {
    pub(super) fn new(
        environment: &'b Environment,
        transactions: &'b [Transaction],
        overlay: &'b Overlay<'a, V, H>,
        options: &Options,
    ) -> Self {
        let mut senders = AddressMap::default();
        let before = |(index, transaction): (usize, &Transaction)| {
            senders.insert(transaction.sender(), index)
        };
        Self {
            environment,
            transactions,
            overlay,
            memory: Memory::new(),
            codes: Codes::new(),
            scheduler: Scheduler::new(transactions.len()),
            last: transactions.iter().map(|_| Mutex::default()).collect(),
            before: transactions.iter().enumerate().map(before).collect(),
            aborts: AtomicUsize::new(0),
            aborts_max: options.aborts_max(transactions.len()),
            waits: AtomicUsize::new(0),
        }
    }

    /// Runs all transactions.
    pub(super) fn run(self, threads: usize) -> Run {
        rayon::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|_| self.work());
            }
        });
        let (aborts, waits) = (self.aborts.into_inner(), self.waits.into_inner());
        if aborts > self.aborts_max || waits > self.transactions.len().saturating_mul(WAITS_MAX) {
            return Run { effects: Vec::new(), aborts, waits };
        }
        let last = self
            .last
            .into_iter()
            .map(|last| last.into_inner().unwrap_or_else(PoisonError::into_inner));
        let effects = last.map(|last| last.effect.unwrap_or(Effect::Unknown)).collect();
        Run { effects, aborts, waits }
    }

    fn work(&self) {
        let _guard = GivesUp(&self.scheduler);
        let clears_empty = self.environment.rules.has(Fork::SpuriousDragon);
        let view = View::new(&self.memory, &self.codes, self.overlay.peek(), clears_empty);
        let mut machine = Machine::new(self.environment, view);
        let mut task = None;
        while !self.scheduler.is_over() {
            task = match task {
                Some(Task::Run(version)) => self.run_one(&mut machine, version),
                Some(Task::Validate(version)) => self.validate(version),
                None => {
                    let next = self.scheduler.next();
                    if next.is_none() {
                        std::thread::yield_now();
                    }
                    next
                }
            };
        }
    }

    fn run_one(&self, machine: &mut Machine<View<'b, 'a, V, H>>, version: Version) -> Option<Task>
    where
        Self: 'b,
    {
        let index = version.index;
        let transaction = &self.transactions[index];
        let transfer = transfer::of(self.environment, transaction);
        if let (None, Some(before)) = (&transfer, self.before[index])
            && !self.scheduler.is_done(before)
            && self.put_off(index, before)
        {
            return None;
        }
        let view = machine.database();
        view.begin(index);
        let effect = match self.guess(machine, transaction, transfer) {
            Ok(effect) => effect,
            Err(other) if self.put_off(index, other) => return None,
            // It was done meanwhile: run again at once.
            Err(_) => return Some(Task::Run(version)),
        };
        let view = machine.database();
        let writes = self.writes(view, &effect);
        let mut last = lock(&self.last[index]);
        let elsewhere = self.memory.write(version, &writes, &last.written);
        *last = Last {
            effect: Some(effect),
            reads: view.take_reads(),
            written: writes.into_iter().map(|(location, _)| location).collect(),
        };
        drop(last);
        self.scheduler.ran(version, elsewhere)
    }

    /// Puts off a transaction until another is done, unless it is.
    fn put_off(&self, index: usize, other: usize) -> bool {
        let put_off = self.scheduler.wait_for(index, other);
        if put_off {
            let waits = self.waits.fetch_add(1, Relaxed) + 1;
            if waits > self.transactions.len().saturating_mul(WAITS_MAX) {
                self.scheduler.give_up();
            }
        }
        put_off
    }

    /// Runs a transaction as if those before it were done. Gives the one it must wait for.
    fn guess(
        &self,
        machine: &mut Machine<View<'b, 'a, V, H>>,
        transaction: &Transaction,
        transfer: Option<Payment>,
    ) -> Result<Effect, usize> {
        if let Some(transfer) = transfer {
            match is_between_keys(machine.database(), &transfer) {
                Ok(true) => return Ok(Effect::Moved(transfer)),
                Ok(false) => {}
                Err(Interrupted::Blocked(other)) => return Err(other),
                Err(Interrupted::Read(_)) => return Ok(Effect::Unknown),
            }
        }
        match machine.transact(transaction) {
            Ok(done) => Ok(Effect::Ran(Box::new(done))),
            Err(EVMError::Transaction(error)) => Ok(Effect::Refused(error)),
            Err(EVMError::Database(Interrupted::Blocked(other))) => Err(other),
            // Whether the state cannot be read, or a wrong guess asked too much, shows when it is run in order.
            Err(EVMError::Database(Interrupted::Read(_)))
            | Err(EVMError::Header(_) | EVMError::Custom(_) | EVMError::CustomAny(_)) => {
                Ok(Effect::Unknown)
            }
        }
    }

    /// Returns what a transaction did, place by place.
    fn writes(&self, view: &View<'b, 'a, V, H>, effect: &Effect) -> Vec<(Location, Value)> {
        match effect {
            Effect::Refused(_) | Effect::Unknown => Vec::new(),
            Effect::Moved(transfer) => vec![
                (
                    Location::Account(transfer.from),
                    Value::Debit(transfer.value.saturating_add(transfer.fee)),
                ),
                (Location::Account(transfer.to), Value::Credit(transfer.value)),
                (
                    Location::Account(self.environment.block.beneficiary),
                    Value::Credit(transfer.tip),
                ),
            ],
            Effect::Ran(done) => {
                let mut writes = Vec::new();
                for (address, loaded) in &done.state {
                    self.account_writes(view, *address, loaded, &mut writes);
                }
                for (address, amount) in &done.payments {
                    add_payment(&mut writes, *address, *amount);
                }
                writes
            }
        }
    }

    fn account_writes(
        &self,
        view: &View<'b, 'a, V, H>,
        address: Address,
        loaded: &revm::state::Account,
        writes: &mut Vec<(Location, Value)>,
    ) {
        let found = view.found(&address);
        match fate_of(loaded) {
            Fate::Untouched => {}
            Fate::Gone => {
                if let Some(found) = found {
                    writes.push((Location::Account(address), Value::Account(None)));
                    writes.push((Location::Wipe(address), Value::Wiped));
                    if found.code_hash != KECCAK256_EMPTY {
                        writes.push((Location::Code(address), Value::Code(KECCAK256_EMPTY)));
                    }
                }
            }
            Fate::There { account, made } => {
                let funds = Funds { nonce: account.nonce, balance: account.balance };
                let before =
                    found.map(|found| Funds { nonce: found.nonce, balance: found.balance });
                if before != Some(funds) {
                    writes.push((Location::Account(address), Value::Account(Some(funds))));
                }
                let code = found.map_or(KECCAK256_EMPTY, |found| found.code_hash);
                if account.code_hash != code {
                    if let Some(code) = &loaded.info.code {
                        self.codes.insert(account.code_hash, code.clone());
                    }
                    writes.push((Location::Code(address), Value::Code(account.code_hash)));
                }
                if made && found.is_some() {
                    writes.push((Location::Wipe(address), Value::Wiped));
                }
                let slots = loaded.changed_storage_slots();
                writes.extend(slots.map(|(slot, value)| {
                    (Location::Slot(address, *slot), Value::Slot(value.present_value))
                }));
            }
        }
    }

    fn validate(&self, version: Version) -> Option<Task> {
        let index = version.index;
        let last = lock(&self.last[index]);
        let valid =
            last.reads.iter().all(|read| self.memory.still(&read.location, index, &read.origins));
        let aborted = !valid && self.scheduler.abort(version);
        if aborted {
            self.memory.mark_stale(index, &last.written);
            if self.aborts.fetch_add(1, Relaxed) + 1 > self.aborts_max {
                self.scheduler.give_up();
            }
        }
        drop(last);
        self.scheduler.validated(index, aborted)
    }
}

/// Ends the work of the others if a thread panics: they would wait for it for ever.
struct GivesUp<'a>(&'a Scheduler);

impl Drop for GivesUp<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up();
        }
    }
}

/// Returns whether neither side of a transfer has code.
fn is_between_keys<V: StateView, H: BlockHashes>(
    view: &mut View<'_, '_, V, H>,
    transfer: &Payment,
) -> Result<bool, Interrupted<V::Error>> {
    let plain = view.code_hash(transfer.from)? == KECCAK256_EMPTY;
    Ok(plain && view.code_hash(transfer.to)? == KECCAK256_EMPTY)
}

/// Adds a payment to an account that the transaction did not load; two to one account are one.
fn add_payment(writes: &mut Vec<(Location, Value)>, address: Address, amount: U256) {
    let location = Location::Account(address);
    let known = writes.iter_mut().find(|(written, _)| *written == location);
    match known {
        Some((_, Value::Credit(sum))) => *sum = sum.saturating_add(amount),
        _ => writes.push((location, Value::Credit(amount))),
    }
}
