//! The answer to a submitted block, once there is one.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use crate::consensus::{ConsensusError, Outcome};

type Answer = Result<Outcome, ConsensusError>;

#[derive(Debug, Default)]
struct Slot {
    answer: Mutex<Option<Answer>>,
    answered: Condvar,
}

/// Waits for the answer.
#[derive(Debug)]
#[must_use = "a block may be refused"]
pub struct Ticket(Arc<Slot>);

/// Gives the answer, once.
#[derive(Debug)]
pub(super) struct Responder(Arc<Slot>);

/// Makes both ends.
pub(super) fn ticket() -> (Ticket, Responder) {
    let slot = Arc::new(Slot::default());
    (Ticket(Arc::clone(&slot)), Responder(slot))
}

impl Ticket {
    /// Waits for the answer: of a block, after the virtual block was brought up to it.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if consensus cannot go on.
    pub fn wait(self) -> Result<Outcome, ConsensusError> {
        let mut answer = self.0.answer.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(answer) = answer.take() {
                return answer;
            }
            answer = self.0.answered.wait(answer).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for the answer, but no longer than this; an answer is given once.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if consensus cannot go on.
    pub fn wait_at_most(&self, time: Duration) -> Result<Option<Outcome>, ConsensusError> {
        let answer = self.0.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = self.0.answered.wait_timeout_while(answer, time, |answer| answer.is_none());
        let (mut answer, _) = wait.unwrap_or_else(PoisonError::into_inner);
        answer.take().transpose()
    }

    /// Returns whether [`Self::wait`] would return at once.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.0.answer.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Responder {
    pub(super) fn answer(self, answer: Answer) {
        *self.0.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        self.0.answered.notify_all();
    }
}
