//! Blocks executed by many threads at once, with the outcome of one.
//!
//! ```text
//!              ┌─► thread: run 0, validate 0, run 3, …  ─┐
//!   block ─────┤   memory with versions · scheduler      ├─► what each did, in order ─► Session ─► BlockOutcome
//!              └─► thread: run 1, run 2, run 1 again, … ─┘
//! ```
//!
//! Every transaction is run as if those before it were done. What it read is kept with the versions it met; if one of
//! them changes, it is run again. When all are validated, what they did is put together in order by the same
//! [`Session`] that the sequential executor uses. Where guesses fail too often, the rest is run in sequence; where what the
//! transactions ask for is not worth guessing, all of it is.
//!
//! # Invariants
//!
//! - The outcome is equal to that of [`execute`](crate::execute::execute) bit by bit, good blocks and bad.
//! - A transaction is run at most so often that all aborts together stay under [`Options`]' share of the block.
//!
//! **Spec:** Gelashvili et al., *Block-STM* (2022).

mod cache;
mod memory;
mod scheduler;
mod transfer;
mod view;
mod worker;

use alloy_primitives::KECCAK256_EMPTY;
use quintet_eth::state::StateView;

use self::{
    cache::Cached,
    worker::{Block, Effect, Run},
};
use crate::{
    execute::{
        BlockHashes, BlockInput, BlockOutcome, ExecuteError, Payment, RootAfter, RunError, Session,
        Transaction,
    },
    schedule::Rules,
};

/// When and how wide to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Threads that work on a block. One runs it in sequence.
    pub threads: usize,
    /// The least number of transactions worth threads, plain transfers aside.
    pub transactions_min: usize,
    /// Most transactions taken back, in percent of the block; beyond it the block is run in sequence.
    pub aborts_max_percent: usize,
}

impl Options {
    /// Aborts that any block may have, beside its share.
    const ABORTS_FREE: usize = 16;

    /// Plain transfers for each transaction of the interpreter beyond which threads cost more than they save.
    const TRANSFERS_FOR_EACH: usize = 8;

    /// What keeping versions and validating costs a transaction, in gas that the interpreter runs meanwhile: some 10 µs.
    const GUESS_GAS: u128 = 50_000;

    /// What putting together costs a transaction, in gas that the interpreter runs meanwhile: some 8 µs.
    const TAKE_GAS: u128 = 40_000;

    /// Returns usual options for a number of threads.
    #[must_use]
    pub const fn new(threads: usize) -> Self {
        Self { threads, transactions_min: 8, aborts_max_percent: 50 }
    }

    /// Returns options that never run a block in sequence: for tests.
    #[must_use]
    pub const fn always(threads: usize) -> Self {
        Self { threads, transactions_min: 0, aborts_max_percent: usize::MAX }
    }

    /// Returns whether so many transactions, some of which the interpreter runs with so much gas at most, are run by many threads.
    ///
    /// By many threads a transaction costs what the interpreter needs and [`Self::GUESS_GAS`], both shared by the threads, and
    /// [`Self::TAKE_GAS`], which one thread pays; in order it costs the interpreter alone.
    const fn are_worth_threads(&self, all: usize, interpreted: usize, gas: u128) -> bool {
        if self.transactions_min == 0 {
            return self.threads > 1 && all > 0;
        }
        let threads = self.threads as u128;
        let overhead = Self::GUESS_GAS.saturating_add(Self::TAKE_GAS.saturating_mul(threads));
        self.threads > 1
            && interpreted >= self.transactions_min
            && interpreted.saturating_mul(Self::TRANSFERS_FOR_EACH) >= all
            && gas.saturating_mul(threads - 1) >= overhead.saturating_mul(interpreted as u128)
    }

    const fn aborts_max(&self, transactions: usize) -> usize {
        (transactions.saturating_mul(self.aborts_max_percent) / 100)
            .saturating_add(Self::ABORTS_FREE)
    }
}

/// How a block was run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Transactions whose guess was right.
    pub parallel: usize,
    /// Transactions run in sequence.
    pub sequential: usize,
    /// Runs that were taken back.
    pub aborts: usize,
    /// Runs put off because they met what another will write.
    pub waits: usize,
}

/// Executes a block by many threads.
///
/// # Errors
///
/// [`ExecuteError`] as [`execute`](crate::execute::execute) gives it.
pub fn execute<V: StateView + Sync, H: BlockHashes + Sync>(
    rules: Rules,
    block: &BlockInput<'_>,
    view: &V,
    hashes: &H,
    root_after: Option<RootAfter<'_>>,
    options: &Options,
) -> Result<(BlockOutcome, Statistics), ExecuteError<V::Error>> {
    let cached = Cached::new(view);
    let mut session = Session::begin(rules, block.header, &cached, hashes, root_after)?;
    let statistics =
        run(&mut session, block.transactions, options).map_err(|(index, error)| error.at(index))?;
    Ok((session.finish(block.ommers, block.withdrawals)?, statistics))
}

/// Runs transactions of a block in the making by many threads, as if they were run one by one.
///
/// Plain transfers are amounts, which one thread adds up faster than many agree on their order; and what the interpreter runs in a
/// few microseconds is done sooner than shared. Only what is heavier is worth threads, by the gas it asks for.
///
/// # Errors
///
/// [`RunError`] with the index of the first transaction that was not taken; those before it were.
pub fn run<V: StateView + Sync, H: BlockHashes + Sync>(
    session: &mut Session<'_, V, H>,
    transactions: &[Transaction],
    options: &Options,
) -> Result<Statistics, (usize, RunError<V::Error>)> {
    let mut statistics = Statistics::default();
    let mut done = 0;
    let environment = session.environment().clone();
    let payments: Vec<_> =
        transactions.iter().map(|transaction| transfer::of(&environment, transaction)).collect();
    let mut interpreted = (0, 0_u128);
    for (transaction, _) in transactions.iter().zip(&payments).filter(|(_, one)| one.is_none()) {
        interpreted.0 += 1;
        interpreted.1 = interpreted.1.saturating_add(u128::from(transaction.gas_limit()));
    }
    if options.are_worth_threads(transactions.len(), interpreted.0, interpreted.1) {
        let block = Block::new(&environment, transactions, session.overlay(), options);
        let Run { effects, aborts, waits } = block.run(options.threads);
        (statistics.aborts, statistics.waits) = (aborts, waits);
        for (effect, transaction) in effects.into_iter().zip(transactions) {
            let taken = take(session, transaction, effect).map_err(|error| (done, error))?;
            if !taken {
                break;
            }
            done += 1;
        }
    } else if options.threads > 1 {
        let parties = payments.iter().flatten().flat_map(|payment| [payment.from, payment.to]);
        session.overlay().read_ahead(parties.collect());
    }
    statistics.parallel = done;
    for (index, (transaction, payment)) in transactions.iter().zip(&payments).enumerate().skip(done)
    {
        in_order(session, transaction, payment.as_ref()).map_err(|error| (index, error))?;
        statistics.sequential += 1;
    }
    Ok(statistics)
}

/// Runs the next transaction: a transfer between keys by its amounts, anything else by the interpreter.
fn in_order<V: StateView, H: BlockHashes>(
    session: &mut Session<'_, V, H>,
    transaction: &Transaction,
    payment: Option<&Payment>,
) -> Result<(), RunError<V::Error>> {
    if let Some(payment) = payment {
        let overlay = session.overlay();
        let mut parties = [payment.from, payment.to].into_iter();
        let are_keys = parties.try_fold(true, |so_far, address| {
            let account = overlay.account(address)?;
            Ok(so_far && account.is_none_or(|account| account.code_hash == KECCAK256_EMPTY))
        });
        if are_keys.map_err(RunError::Read)? {
            session.admit(transaction)?;
            if session.transfer(transaction, payment)? {
                return Ok(());
            }
        }
    }
    session.run(transaction).map(|_| ())
}

/// Takes over what a transaction did. Returns false if that cannot stand, so that it must be run here.
fn take<V: StateView, H: BlockHashes>(
    session: &mut Session<'_, V, H>,
    transaction: &Transaction,
    effect: Effect,
) -> Result<bool, RunError<V::Error>> {
    match effect {
        Effect::Unknown => return Ok(false),
        Effect::Refused(error) => {
            session.admit(transaction)?;
            return Err(error.into());
        }
        Effect::Ran(done) => {
            session.admit(transaction)?;
            let nonce = session.deposit_nonce(transaction)?;
            session.take(transaction, *done, nonce)?;
        }
        Effect::Moved(transfer) => {
            session.admit(transaction)?;
            return session.transfer(transaction, &transfer);
        }
    }
    Ok(true)
}
