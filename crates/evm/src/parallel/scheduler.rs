//! Who runs what next: transactions to run and to validate, in the order of the block as far as that goes.
//!
//! ```text
//!   Ready(k) ──► Running(k) ──► Done(k) ──► Aborting(k) ──► Ready(k + 1)
//!                    └── met what another will write again ──┘
//! ```
//!
//! # Invariants
//!
//! - A transaction is run by one thread at a time, and its incarnations are counted.
//! - When [`Scheduler::is_over`], every transaction was validated after everything before it was last run.
//! - A lock of a transaction's waiters is taken before that of a transaction's state, never after.
//!
//! **Spec:** Gelashvili et al., *Block-STM* (2022), algorithms 4 and 5.

use std::{
    cmp::min,
    mem,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use super::memory::Version;

/// What a thread is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Run a transaction.
    Run(Version),
    /// Look whether what it read is still so.
    Validate(Version),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Ready,
    Running,
    Done,
    Aborting,
}

#[derive(Debug, Clone, Copy)]
struct State {
    incarnation: usize,
    phase: Phase,
}

/// The order of work of one block.
#[derive(Debug)]
pub(super) struct Scheduler {
    to_run: AtomicUsize,
    to_validate: AtomicUsize,
    /// How often one of the two went back: a thread that saw it grow must look again.
    went_back: AtomicUsize,
    active: AtomicUsize,
    over: AtomicBool,
    states: Vec<Mutex<State>>,
    /// Transactions that wait for this one.
    waiters: Vec<Mutex<Vec<usize>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scheduler {
    pub(super) fn new(transactions: usize) -> Self {
        let state = || Mutex::new(State { incarnation: 0, phase: Phase::Ready });
        Self {
            to_run: AtomicUsize::new(0),
            to_validate: AtomicUsize::new(0),
            went_back: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
            over: AtomicBool::new(transactions == 0),
            states: (0..transactions).map(|_| state()).collect(),
            waiters: (0..transactions).map(|_| Mutex::default()).collect(),
        }
    }

    /// Returns whether nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(SeqCst)
    }

    /// Ends the work before its time.
    pub(super) fn give_up(&self) {
        self.over.store(true, SeqCst);
    }

    /// Returns what to do next, or `None` if there is nothing just now.
    pub(super) fn next(&self) -> Option<Task> {
        if self.to_validate.load(SeqCst) < self.to_run.load(SeqCst) {
            self.next_to_validate()
        } else {
            self.next_to_run()
        }
    }

    fn next_to_run(&self) -> Option<Task> {
        if self.to_run.load(SeqCst) >= self.states.len() {
            self.look_whether_over();
            return None;
        }
        self.active.fetch_add(1, SeqCst);
        let index = self.to_run.fetch_add(1, SeqCst);
        let task = self.start(index);
        if task.is_none() {
            self.active.fetch_sub(1, SeqCst);
        }
        task
    }

    fn next_to_validate(&self) -> Option<Task> {
        if self.to_validate.load(SeqCst) >= self.states.len() {
            self.look_whether_over();
            return None;
        }
        self.active.fetch_add(1, SeqCst);
        let index = self.to_validate.fetch_add(1, SeqCst);
        if let Some(state) = self.states.get(index) {
            let state = *lock(state);
            if state.phase == Phase::Done {
                return Some(Task::Validate(Version { index, incarnation: state.incarnation }));
            }
        }
        self.active.fetch_sub(1, SeqCst);
        None
    }

    fn start(&self, index: usize) -> Option<Task> {
        let mut state = lock(self.states.get(index)?);
        if state.phase != Phase::Ready {
            return None;
        }
        state.phase = Phase::Running;
        Some(Task::Run(Version { index, incarnation: state.incarnation }))
    }

    fn look_whether_over(&self) {
        let went_back = self.went_back.load(SeqCst);
        let front = min(self.to_run.load(SeqCst), self.to_validate.load(SeqCst));
        if front >= self.states.len()
            && self.active.load(SeqCst) == 0
            && went_back == self.went_back.load(SeqCst)
        {
            self.over.store(true, SeqCst);
        }
    }

    fn go_back(&self, counter: &AtomicUsize, index: usize) {
        counter.fetch_min(index, SeqCst);
        self.went_back.fetch_add(1, SeqCst);
    }

    /// Returns whether a transaction is done for now.
    pub(super) fn is_done(&self, index: usize) -> bool {
        self.states.get(index).is_none_or(|state| lock(state).phase == Phase::Done)
    }

    /// Puts off a running transaction until another is done. Returns whether it was: the other may be done already.
    pub(super) fn wait_for(&self, index: usize, other: usize) -> bool {
        let Some(waiters) = self.waiters.get(other) else { return false };
        let mut waiters = lock(waiters);
        if self.is_done(other) {
            return false;
        }
        lock(&self.states[index]).phase = Phase::Aborting;
        waiters.push(index);
        drop(waiters);
        self.active.fetch_sub(1, SeqCst);
        true
    }

    fn make_ready(&self, index: usize) {
        let mut state = lock(&self.states[index]);
        state.incarnation += 1;
        state.phase = Phase::Ready;
    }

    /// Ends a run. `elsewhere` says whether it wrote where it had not before.
    pub(super) fn ran(&self, version: Version, elsewhere: bool) -> Option<Task> {
        let index = version.index;
        lock(&self.states[index]).phase = Phase::Done;
        let waiters = mem::take(&mut *lock(&self.waiters[index]));
        for waiter in &waiters {
            self.make_ready(*waiter);
        }
        if let Some(first) = waiters.into_iter().min() {
            self.go_back(&self.to_run, first);
        }
        if self.to_validate.load(SeqCst) > index {
            if !elsewhere {
                return Some(Task::Validate(version));
            }
            self.go_back(&self.to_validate, index);
        }
        self.active.fetch_sub(1, SeqCst);
        None
    }

    /// Takes a transaction back whose reads are no longer so. Returns whether this thread was the one to do it.
    pub(super) fn abort(&self, version: Version) -> bool {
        let mut state = lock(&self.states[version.index]);
        if state.phase != Phase::Done || state.incarnation != version.incarnation {
            return false;
        }
        state.phase = Phase::Aborting;
        true
    }

    /// Ends a validation.
    pub(super) fn validated(&self, index: usize, aborted: bool) -> Option<Task> {
        if aborted {
            self.make_ready(index);
            self.go_back(&self.to_validate, index + 1);
            if self.to_run.load(SeqCst) > index
                && let Some(task) = self.start(index)
            {
                return Some(task);
            }
        }
        self.active.fetch_sub(1, SeqCst);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(index: usize, incarnation: usize) -> Version {
        Version { index, incarnation }
    }

    #[test]
    fn one_thread_runs_and_validates_in_order() {
        let scheduler = Scheduler::new(2);
        for index in 0..2 {
            assert_eq!(scheduler.next(), Some(Task::Run(version(index, 0))));
            assert_eq!(scheduler.ran(version(index, 0), true), None);
            assert_eq!(scheduler.next(), Some(Task::Validate(version(index, 0))));
            assert_eq!(scheduler.validated(index, false), None);
        }
        assert_eq!(scheduler.next(), None);
        assert!(scheduler.is_over());
    }

    #[test]
    fn an_aborted_transaction_is_run_again_and_those_after_it_validated_again() {
        let scheduler = Scheduler::new(2);
        assert_eq!(scheduler.next(), Some(Task::Run(version(0, 0))));
        assert_eq!(
            scheduler.next(),
            None,
            "transaction 0 runs still, so there is nothing to validate"
        );
        assert_eq!(scheduler.next(), Some(Task::Run(version(1, 0))));
        scheduler.ran(version(1, 0), true);
        assert_eq!(scheduler.next(), Some(Task::Validate(version(1, 0))));
        assert!(scheduler.abort(version(1, 0)));
        assert!(!scheduler.abort(version(1, 0)), "once");
        assert_eq!(scheduler.validated(1, true), Some(Task::Run(version(1, 1))));
        assert!(!scheduler.is_over());
    }

    #[test]
    fn a_transaction_that_waits_is_ready_when_the_other_is_done() {
        let scheduler = Scheduler::new(2);
        scheduler.next();
        scheduler.next();
        assert_eq!(scheduler.next(), Some(Task::Run(version(1, 0))));
        assert!(scheduler.wait_for(1, 0));
        scheduler.ran(version(0, 0), true);
        assert!(!scheduler.wait_for(1, 0), "0 is done");
        let next =
            core::iter::repeat_with(|| scheduler.next()).take(4).flatten().collect::<Vec<_>>();
        assert!(next.contains(&Task::Run(version(1, 1))), "{next:?}");
    }

    #[test]
    fn a_block_of_nothing_is_over() {
        assert!(Scheduler::new(0).is_over());
    }
}
