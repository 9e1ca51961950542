//! Starting and stopping the sequencer while the node runs.

use std::sync::Arc;

use alloy_primitives::B256;
use thiserror::Error;
use tokio::sync::{Mutex, MutexGuard, watch};

/// Why the sequencer does not do as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// It does so already.
    #[error("sequencer already running")]
    Running,
    /// It does not so already.
    #[error("sequencer not running")]
    Stopped,
    /// Whoever asks has another head in mind.
    #[error("block hash does not match: head {expected}, received {actual}")]
    OtherHead {
        /// The head.
        expected: B256,
        /// The one named.
        actual: B256,
    },
}

/// Starts and stops a sequencer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SequencerControl {
    active: watch::Sender<bool>,
    /// Held while a block is made, so that stopping waits for its end.
    making: Arc<Mutex<()>>,
}

impl SequencerControl {
    /// Makes one that is active or not.
    #[must_use]
    pub fn new(is_active: bool) -> Self {
        Self { active: watch::Sender::new(is_active), making: Arc::default() }
    }

    /// Returns whether blocks are made.
    #[must_use]
    pub fn is_active(&self) -> bool {
        *self.active.borrow()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<bool> {
        self.active.subscribe()
    }

    /// Returns what is held while a block is made.
    pub(super) async fn making(&self) -> MutexGuard<'_, ()> {
        self.making.lock().await
    }

    /// Begins on a head that whoever asks names; a zero hash stands for any.
    ///
    /// # Errors
    ///
    /// [`Refused`] if it runs already, or the head is another one.
    pub fn start(&self, head: B256, named: B256) -> Result<(), Refused> {
        if self.is_active() {
            return Err(Refused::Running);
        }
        if !named.is_zero() && named != head {
            return Err(Refused::OtherHead { expected: head, actual: named });
        }
        self.active.send_replace(true);
        Ok(())
    }

    /// Ends, once the block in the making is done.
    ///
    /// # Errors
    ///
    /// [`Refused::Stopped`] if it does not run.
    pub async fn stop(&self) -> Result<(), Refused> {
        let was_active = self.active.send_replace(false);
        if !was_active {
            return Err(Refused::Stopped);
        }
        drop(self.making.lock().await);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_begins_on_the_head_that_was_named_and_ends_once() {
        let control = SequencerControl::new(false);
        let (head, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
        assert_eq!(control.stop().await, Err(Refused::Stopped));
        let refused = Refused::OtherHead { expected: head, actual: other };
        assert_eq!(control.start(head, other), Err(refused));
        assert_eq!(control.start(head, head), Ok(()));
        assert_eq!(control.start(head, head), Err(Refused::Running));
        assert_eq!(control.stop().await, Ok(()));
        assert_eq!(control.start(head, B256::ZERO), Ok(()));
    }
}
