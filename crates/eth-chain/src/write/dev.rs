//! What development chains do to a state without a block: balances, nonces, code and slots set by hand.

use alloy_primitives::B256;
use quintet_eth::state::StateChanges;

use super::EthChain;
use crate::error::ChainError;

impl EthChain {
    /// Changes the state of the head by hand, and returns the root it has then. The head's header says another one: for development
    /// chains alone. Going back over the head takes the change back with the block; going back to the head does not.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the state cannot be read or written.
    pub fn amend_state(&self, changes: &StateChanges) -> Result<B256, ChainError> {
        let mut writer = self.writer();
        writer.pending.clear();
        let update = self.inner.state.root_of(changes)?;
        let head = self.inner.state.amend(&update, self.inner.options.durability)?;
        Ok(head.root)
    }
}
