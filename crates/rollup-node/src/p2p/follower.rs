//! The task that brings accepted blocks to the engine, in order, and asks for those that were missed.
//!
//! While blocks are made here, others' are dropped: there is one sequencer, and it is this one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_eips::BlockNumHash;
use quintet_eth_chain::BlockTag;
use quintet_rollup_protocol::{
    config::RollupConfig,
    gossip::{
        GossipBlock,
        request::{self, AnswerError},
    },
};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    P2pClient,
    backlog::{Backlog, Next},
};
use crate::{
    engine::{Engine as _, EngineClient, EngineError, L2Reader, Processed, UnsafeBlock},
    node::Status,
    sequencer::SequencerControl,
};

/// Why the follower ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// The chain cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A thread panicked.
    #[error("the engine's thread did not answer: {0}")]
    Task(#[from] JoinError),
}

/// Follows the sequencer.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) config: Arc<RollupConfig>,
    pub(crate) engine: EngineClient,
    pub(crate) reader: L2Reader,
    pub(crate) status: Status,
    /// Of this node, if it can make blocks.
    pub(crate) sequencer: Option<SequencerControl>,
    pub(crate) client: P2pClient,
    pub(crate) accepted: mpsc::Receiver<GossipBlock>,
}

/// What became of a question.
struct Answered {
    number: u64,
    block: Option<GossipBlock>,
}

impl Follower {
    /// Follows until told to stop.
    ///
    /// # Errors
    ///
    /// [`FollowError`] if the chain cannot be read.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), FollowError> {
        let begun = Instant::now();
        let mut backlog = Backlog::default();
        let mut questions: JoinSet<Answered> = JoinSet::new();
        let mut heads = self.status.subscribe();
        loop {
            let now = begun.elapsed();
            let wakes = backlog.wakes(now);
            let pause = wakes.map_or(Duration::MAX, |at| at.saturating_sub(now));
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                block = self.accepted.recv() => match block {
                    Some(block) => backlog.push(block),
                    None => return Ok(()),
                },
                Some(answered) = questions.join_next() => {
                    let Answered { number, block } = answered?;
                    match block {
                        Some(block) => backlog.fetched(block),
                        None => backlog.failed(number, begun.elapsed()),
                    }
                }
                // Derivation moves the head as well. The status lives as long as the node.
                Ok(()) = heads.changed(), if backlog.len() > 0 => {}
                () = tokio::time::sleep(pause), if wakes.is_some() => {}
            }
            self.pump(&mut backlog, &mut questions, begun).await?;
        }
    }

    fn head(&self) -> Result<BlockNumHash, EngineError> {
        let lost = || EngineError::Failed { reason: "the chain has no head".to_owned() };
        self.reader.id(BlockTag::Latest)?.ok_or_else(lost)
    }

    /// Executes what stands on the head, and asks for what is missing above it.
    async fn pump(
        &self,
        backlog: &mut Backlog,
        questions: &mut JoinSet<Answered>,
        begun: Instant,
    ) -> Result<(), FollowError> {
        if self.sequencer.as_ref().is_some_and(SequencerControl::is_active) {
            backlog.clear();
            return Ok(());
        }
        let mut head = self.head()?;
        while let Next::Insert(block) = backlog.next(head, begun.elapsed()) {
            if !self.insert(backlog, block, head).await? {
                return Ok(());
            }
            head = self.head()?;
        }
        for number in backlog.asks(head, begun.elapsed()) {
            tracing::debug!(number, head = head.number, "a block is missing");
            let (client, config) = (self.client.clone(), Arc::clone(&self.config));
            questions.spawn(async move {
                Answered { number, block: ask(&client, config, number).await }
            });
        }
        Ok(())
    }

    /// Executes a block; returns whether to go on.
    async fn insert(
        &self,
        backlog: &mut Backlog,
        block: GossipBlock,
        head: BlockNumHash,
    ) -> Result<bool, FollowError> {
        let mut engine = self.engine.clone();
        let (number, hash) = (block.number, block.hash);
        let given = UnsafeBlock { hash, block: block.block.clone() };
        match tokio::task::spawn_blocking(move || engine.insert(&given)).await? {
            Ok(Processed::Valid { .. }) => {
                tracing::info!(number, %hash, "block from peers");
                Ok(true)
            }
            Ok(Processed::Invalid { reason }) if self.head()? == head => {
                tracing::error!(number, %hash, reason, "the sequencer has signed a block that cannot be executed");
                backlog.condemn(hash);
                Ok(true)
            }
            Ok(Processed::Invalid { .. }) => {
                // Derivation was quicker and has moved the head; what the block is worth is seen from there.
                backlog.push(block);
                Ok(true)
            }
            Err(error) => {
                tracing::warn!(number, %error, "a block waits");
                backlog.push(block);
                Ok(false)
            }
        }
    }
}

/// Asks one of the peers for a block. One that gives another than was asked for, or none that is one, is parted with.
async fn ask(client: &P2pClient, config: Arc<RollupConfig>, number: u64) -> Option<GossipBlock> {
    let (peer, answer) = client.ask(number).await?;
    let read = tokio::task::spawn_blocking(move || request::decode(&config, number, &answer)).await;
    match read.ok()? {
        Ok(block) => Some(block),
        Err(error @ AnswerError::Absent { .. }) => {
            tracing::debug!(%peer, %error, "a peer has no block");
            None
        }
        Err(error) => {
            tracing::warn!(%peer, %error, "a peer gives what is no block");
            client.drop_peer(peer);
            None
        }
    }
}
