//! Connecting and disconnecting one block at the tip.
//!
//! **Spec:** Bitcoin Core, `ConnectTip`, `DisconnectTip`, `ConnectBlock`.

use std::sync::Arc;

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::{
    Block, SpentCoins,
    coins::undo::{decode_undo, encode_undo},
    header::HeaderId,
    rules::{BlockError, ConnectError, Connected, connect_block, disconnect_block},
};

use quintet_store::segment::Position;

use super::{
    Chain, ChainError, ChainEvent,
    accept::in_context,
    checks::{self, Pending},
};
use crate::storage::BlockFiles;

/// What takes a connected block back.
#[derive(Debug, Clone)]
pub(super) struct Undo {
    pub(super) block: Arc<Block>,
    pub(super) spent: Arc<SpentCoins>,
}

/// What became of a block that was to be connected.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is the tip; its scripts are in the queue.
    Connected,
    /// It breaks a rule; the coins are as before.
    Refused(BlockError),
}

/// Seconds of work that must lie above a block whose scripts are taken to be valid: two weeks.
///
/// Whoever makes a node trust a block must show this much work on top of it (Bitcoin Core, `TWO_WEEKS_IN_SECONDS`).
const ASSUME_VALID_BURIED: i64 = 60 * 60 * 24 * 7 * 2;

impl Chain {
    /// Connects a child of the tip.
    pub(super) fn connect_tip(
        &mut self,
        id: HeaderId,
        block: Arc<Block>,
    ) -> Result<Outcome, ChainError> {
        let coins = &mut self.coins;
        coins.cache_mut().begin()?;
        let connected = in_context(&self.tree, &self.params, id, |context| {
            connect_block(&block, context, coins).map(|done| (done, context.flags))
        });
        let (Connected { spent, .. }, flags) = match connected {
            Ok(done) => done,
            Err(ConnectError::Rule(error)) => {
                self.coins.cache_mut().rollback()?;
                return Ok(Outcome::Refused(error));
            }
            Err(ConnectError::Coins(error)) => return Err(error.into()),
        };
        self.coins.cache_mut().commit()?;
        let hash = block.hash();
        if self.state(id).undo.is_none() {
            let mut undo = Vec::new();
            encode_undo(&spent, &mut undo);
            let position = self.storage.files().append_undo(&hash, &undo)?;
            self.change(id, |state| state.undo = Some(position));
        }
        let undo = Undo { block, spent: Arc::new(spent) };
        let skip = self.scripts_assumed_valid(id);
        let pending = Pending::submit(&self.pool, id, undo, flags, &self.verified, skip);
        self.pending.push_back(pending);
        self.active.set_tip(&self.tree, id);
        self.tell(ChainEvent::Connected { hash, height: self.height() });
        Ok(Outcome::Connected)
    }

    /// Returns whether the scripts of a block need no check: it lies below the block the operator trusts, and enough work lies above.
    ///
    /// Amounts, inputs and locks are checked all the same.
    ///
    /// **Spec:** Bitcoin Core, `ConnectBlock`, on `assumevalid`.
    fn scripts_assumed_valid(&self, id: HeaderId) -> bool {
        let Some(trusted) = self.options.assume_valid.and_then(|hash| self.tree.find(&hash)) else {
            return false;
        };
        let best = self.tree.best();
        self.tree.is_ancestor(id, trusted)
            && self.tree.is_ancestor(id, best)
            && self.tree.work(best) >= self.params.minimum_chain_work
            && self.tree.equivalent_time(best, id, best) > ASSUME_VALID_BURIED
    }

    /// Takes the tip back, from undo data on disk. Nothing is pending.
    pub(super) fn disconnect_tip(&mut self) -> Result<(), ChainError> {
        let id = self.tip();
        let block = Arc::new(self.read_block(id)?);
        let spent = Arc::new(self.read_undo(id)?);
        if self.state(id).scripts_passed {
            // It may come back, after a reorganisation the other way.
            let flags = self.params.script_flags(self.tree.height(id), &block.hash());
            checks::remember(&self.verified, &block, flags);
        }
        self.take_back(&Undo { block, spent })
    }

    /// Takes the tip back with what connecting it left.
    pub(super) fn take_back(&mut self, undo: &Undo) -> Result<(), ChainError> {
        let (hash, height) = (undo.block.hash(), self.height());
        let outcome = disconnect_block(&undo.block, &undo.spent, height, &mut self.coins)
            .map_err(|error| ChainError::from_disconnect(hash, error))?;
        if !outcome.clean {
            return Err(ChainError::CoinsInconsistent { hash });
        }
        let parent = self.tree.parent(self.tip()).unwrap_or(HeaderId::GENESIS);
        self.active.set_tip(&self.tree, parent);
        self.tell(ChainEvent::Disconnected { hash, height });
        Ok(())
    }

    /// Reads a block from the files; genesis from the network's parameters.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if it is not there or damaged.
    pub fn read_block(&self, id: HeaderId) -> Result<Block, ChainError> {
        if id == HeaderId::GENESIS {
            let genesis = Block::decode(self.params.genesis.clone());
            let hash = self.tree.hash(id);
            return genesis.map_err(|source| ChainError::BlockDamaged { hash, source });
        }
        let (hash, position) = self.locate_block(id)?;
        read_block(self.storage.files(), hash, position)
    }

    /// Reads a block that lies at a known place, on any thread.
    pub(crate) fn read_block_at(
        files: &BlockFiles,
        hash: BlockHash,
        position: Position,
    ) -> Result<Block, ChainError> {
        read_block(files, hash, position)
    }

    /// Returns where a block lies.
    pub(crate) fn locate_block(&self, id: HeaderId) -> Result<(BlockHash, Position), ChainError> {
        let hash = self.tree.hash(id);
        let position = self.state(id).block;
        position.map(|at| (hash, at)).ok_or(ChainError::DataAbsent { hash, what: "data" })
    }

    /// Reads the coins a connected block spent.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if they are not there or damaged.
    pub fn read_undo(&self, id: HeaderId) -> Result<SpentCoins, ChainError> {
        let hash = self.tree.hash(id);
        let absent = ChainError::DataAbsent { hash, what: "undo data" };
        let position = self.state(id).undo.ok_or(absent)?;
        let bytes = self.storage.files().read_undo(&hash, position)?;
        decode_undo(&bytes)
            .map_err(|error| ChainError::UndoDamaged { hash, reason: error.to_string() })
    }
}

/// Reads and decodes a block, on any thread.
pub(super) fn read_block(
    files: &BlockFiles,
    hash: BlockHash,
    position: Position,
) -> Result<Block, ChainError> {
    let bytes = files.read_block(&hash, position)?;
    Block::decode(bytes).map_err(|source| ChainError::BlockDamaged { hash, source })
}
