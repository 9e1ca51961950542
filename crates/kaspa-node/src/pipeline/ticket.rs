//! The answer to a submitted block, once there is one.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

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
