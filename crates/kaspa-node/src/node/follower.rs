//! Follows the virtual block: brings the index and the pool up to it, and tells clients.
//!
//! Consensus only wakes the follower, which then asks for the way from the state it knows to the state of now: it cannot fall out of step, however many
//! steps it missed.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use quintet_primitives::Hash256;
use thiserror::Error;
use tracing::{debug, warn};

use crate::{
    consensus::{ConsensusError, VirtualState},
    index::IndexError,
    rpc::{
        Core, accepted_ids,
        model::{
            BlockAdded, NewBlockTemplate, Notification, PruningPointUtxoSetOverride,
            SinkBlueScoreChanged, VirtualChainChanged, VirtualDaaScoreChanged,
        },
        now_millis, show_block,
    },
};

/// Blocks that wait to be told of, at most: clients are not told of what is beyond.
const BLOCKS_MAX: usize = 4096;

/// Longest time between two looks for what expired.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Number of the event that a block was added.
const BLOCK_ADDED: u8 = 0;

/// Why following ended.
#[derive(Debug, Error)]
pub(super) enum FollowError {
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    #[error(transparent)]
    Index(#[from] IndexError),
}

#[derive(Debug, Default)]
struct News {
    blocks: VecDeque<Hash256>,
    is_virtual: bool,
    stop: bool,
}

/// Wakes the follower. Never waits.
#[derive(Debug, Default)]
pub(super) struct Wake {
    news: Mutex<News>,
    came: Condvar,
}

impl Wake {
    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block was added.
    pub(super) fn block(&self, hash: Hash256) {
        let mut news = self.news();
        if news.blocks.len() == BLOCKS_MAX {
            news.blocks.pop_front();
        }
        news.blocks.push_back(hash);
        drop(news);
        self.came.notify_one();
    }

    /// The virtual block is another.
    pub(super) fn virtual_block(&self) {
        self.news().is_virtual = true;
        self.came.notify_one();
    }

    /// Ends the follower.
    pub(super) fn stop(&self) {
        self.news().stop = true;
        self.came.notify_one();
    }

    /// Waits for news, but no longer than [`LOOK_EVERY`]; `None` means the end.
    fn wait(&self) -> Option<VecDeque<Hash256>> {
        let end = Instant::now() + LOOK_EVERY;
        let mut news = self.news();
        while !news.stop && !news.is_virtual && news.blocks.is_empty() {
            let Some(left) = end.checked_duration_since(Instant::now()) else { break };
            let waited = self.came.wait_timeout(news, left);
            news = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if news.stop {
            return None;
        }
        news.is_virtual = false;
        Some(std::mem::take(&mut news.blocks))
    }
}

/// The follower.
#[derive(Debug)]
pub(super) struct Follower {
    core: Arc<Core>,
    last: Arc<VirtualState>,
}

impl Follower {
    pub(super) const fn new(core: Arc<Core>, last: Arc<VirtualState>) -> Self {
        Self { core, last }
    }

    /// Follows until told to stop. Takes a thread.
    pub(super) fn run(mut self, wake: &Wake) -> Result<(), FollowError> {
        while let Some(blocks) = wake.wait() {
            self.tell_blocks(blocks);
            self.step()?;
        }
        if let Some(index) = &self.core.index {
            index.flush()?;
        }
        Ok(())
    }

    fn tell_blocks(&self, blocks: VecDeque<Hash256>) {
        for hash in blocks {
            if !self.core.hub.is_wanted(BLOCK_ADDED) {
                return;
            }
            match show_block(&self.core, &hash, true) {
                Ok(block) => {
                    let added = Box::new(BlockAdded { block });
                    self.core.hub.publish(Notification::BlockAdded(added));
                }
                // It was pruned in the meantime.
                Err(error) => debug!(%hash, %error, "a block is not told of"),
            }
        }
    }

    fn step(&mut self) -> Result<(), FollowError> {
        let core = &self.core;
        let now = core.consensus.virtual_state();
        core.mempool.expire(now.daa_score, now_millis());
        if Arc::ptr_eq(&now, &self.last) {
            return Ok(());
        }
        if let Some(index) = &core.index {
            index.follow(&now)?;
        }
        let Some(changes) = core.consensus.changes(&self.last, &now)? else {
            warn!("the virtual block moved past what is kept: clients are not told of the way");
            // Nothing is known of what was accepted and spent on the way.
            core.mempool.begin_anew();
            let anew = PruningPointUtxoSetOverride {};
            core.hub.publish(Notification::PruningPointUtxoSetOverride(anew));
            self.last = now;
            return Ok(());
        };
        let again = core.mempool.follow(&changes, &now)?;
        core.peers.announce(&again);
        let hub = &core.hub;
        if !changes.added.is_empty() || !changes.removed.is_empty() {
            let mut accepted_transaction_ids = Vec::new();
            if hub.wants_ids() {
                for hash in &changes.added {
                    accepted_transaction_ids
                        .extend(core.consensus.accepted_by(hash)?.map(accepted_ids));
                }
            }
            hub.publish_chain(VirtualChainChanged {
                removed_chain_block_hashes: changes.removed.clone(),
                added_chain_block_hashes: changes.added.clone(),
                accepted_transaction_ids,
            });
            if let Some(place) = core.consensus.place(&now.sink_hash()) {
                let sink_blue_score = place.blue_score;
                let changed = SinkBlueScoreChanged { sink_blue_score };
                hub.publish(Notification::SinkBlueScoreChanged(changed));
            }
        }
        if core.index.is_some() {
            hub.publish_utxos(core.prefix(), &changes.diff);
        }
        if now.daa_score != self.last.daa_score {
            let virtual_daa_score = now.daa_score;
            let changed = VirtualDaaScoreChanged { virtual_daa_score };
            hub.publish(Notification::VirtualDaaScoreChanged(changed));
        }
        hub.publish(Notification::NewBlockTemplate(NewBlockTemplate {}));
        self.last = now;
        Ok(())
    }
}
