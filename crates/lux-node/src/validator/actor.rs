//! The task that drives consensus: the clock, and what peers say of blocks and votes.
//!
//! ```text
//!   slot begins ─► propose ─► publish        half of it is over ─► vote, unless a block of the slot came before
//!   gossip ─► judge ─► engine                a block without parent, a peer ahead ─► catch up
//! ```

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use libp2p::PeerId;
use quintet_eth::block::EthBlock;
use quintet_lux_protocol::{consensus::Progress, params::Params, wire::VoteMessage};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinHandle},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    engine::{BlockTaken, EngineError},
    sync::{self, Shared, SyncError, catch_up},
};
use crate::p2p::{Heard, P2pClient, P2pEvent, Topic, Verdict};

/// Time between asking peers where they are.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// Time a node that has just started listens before it proposes or votes.
const LISTEN_FIRST: Duration = Duration::from_millis(1_500);

/// Milliseconds since 1970.
pub(super) fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What drives a node.
pub(super) struct Actor {
    pub(super) engine: Shared,
    pub(super) params: Params,
    pub(super) p2p: P2pClient,
    pub(super) events: mpsc::Receiver<P2pEvent>,
    /// Whom the network is connected to now.
    pub(super) connected: watch::Receiver<BTreeSet<PeerId>>,
    /// Those of them that were greeted.
    pub(super) peers: BTreeSet<PeerId>,
    /// Catching up with a peer.
    pub(super) catching_up: Option<(PeerId, JoinHandle<Result<(), SyncError>>)>,
    /// Whether that peer is far ahead: then duties wait.
    pub(super) behind: Arc<AtomicBool>,
    /// The newest slot that began, and whether its vote was tried.
    pub(super) slot: u64,
    pub(super) voted: bool,
    /// When duties begin, milliseconds since 1970.
    pub(super) duties_from: u64,
}

impl Actor {
    /// Runs until told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let listen = u64::try_from(LISTEN_FIRST.as_millis()).unwrap_or_default();
        self.duties_from = now_millis().saturating_add(listen);
        let mut status = tokio::time::interval(STATUS_EVERY);
        status.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let wait = self.next_wait();
            let done = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => self.on_time().await,
                ended = Self::ended(&mut self.catching_up) => self.on_caught_up(ended),
                Ok(()) = self.connected.changed() => self.on_peers().await,
                event = self.events.recv() => match event {
                    Some(event) => self.on_event(event).await,
                    None => return,
                },
                _ = status.tick() => {
                    self.look_round();
                    Ok(())
                }
            };
            if let Err(error) = done {
                tracing::error!(%error, "the validator could not do a step");
            }
        }
    }

    /// Waits for the end of catching up; for ever if there is none under way.
    async fn ended(
        under_way: &mut Option<(PeerId, JoinHandle<Result<(), SyncError>>)>,
    ) -> Result<Result<(), SyncError>, JoinError> {
        match under_way {
            Some((_, task)) => task.await,
            None => std::future::pending().await,
        }
    }

    fn on_caught_up(
        &mut self,
        ended: Result<Result<(), SyncError>, JoinError>,
    ) -> Result<(), SyncError> {
        let Some((peer, _)) = self.catching_up.take() else { return Ok(()) };
        self.behind.store(false, Ordering::Relaxed);
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error @ SyncError::Bad { .. })) => {
                tracing::info!(%error, "a peer is no use, its connections end");
                self.p2p.drop_peer(peer);
            }
            Ok(Err(error)) => tracing::debug!(%error, "catching up ended"),
            Err(error) => return Err(SyncError::Thread { reason: error.to_string() }),
        }
        Ok(())
    }

    /// Milliseconds after a slot's begin at which its vote is made without a block.
    const fn vote_after(&self) -> u64 {
        self.params.slot_millis / 2
    }

    fn next_wait(&self) -> Duration {
        let due = if self.voted {
            self.params.start_of(self.slot.saturating_add(1))
        } else {
            self.params.start_of(self.slot).saturating_add(self.vote_after())
        };
        Duration::from_millis(due.saturating_sub(now_millis()))
    }

    fn on_duty(&self) -> bool {
        let behind = self.behind.load(Ordering::Relaxed);
        !behind && now_millis() >= self.duties_from && self.slot > 0
    }

    async fn on_time(&mut self) -> Result<(), SyncError> {
        let slot = self.params.slot_at(now_millis());
        if slot > self.slot {
            (self.slot, self.voted) = (slot, false);
            sync::with(&self.engine, move |engine| engine.on_slot(slot)).await?;
            if self.on_duty() {
                let made = sync::with(&self.engine, move |engine| {
                    (engine.propose(slot), engine.justification().cloned())
                });
                let (made, justification) = made.await?;
                if let Some(block) = made? {
                    tracing::info!(slot, bytes = block.len(), "block proposed");
                    self.p2p.publish(Topic::Blocks, block);
                    // Who did not hear every vote votes from an older source: from here on all know the same.
                    let told = justification.map(VoteMessage::Certificate);
                    if let Some(message) = told {
                        self.p2p.publish(Topic::Votes, message.encode());
                    }
                    self.vote().await?;
                }
            }
            return Ok(());
        }
        self.vote().await
    }

    /// Votes in this slot, once.
    async fn vote(&mut self) -> Result<(), SyncError> {
        if std::mem::replace(&mut self.voted, true) || !self.on_duty() {
            return Ok(());
        }
        let slot = self.slot;
        match sync::with(&self.engine, move |engine| engine.attest(slot)).await? {
            Ok(Some((vote, progress))) => {
                let message = VoteMessage::Vote(Box::new(vote));
                self.p2p.publish(Topic::Votes, message.encode());
                self.tell(&progress);
            }
            Ok(None) => {}
            Err(EngineError::Watermark(error)) => tracing::debug!(%error, "no vote"),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Tells peers of evidence found.
    fn tell(&self, progress: &Progress) {
        if let Some(found) = &progress.evidence {
            let message = VoteMessage::Evidence(found.evidence().clone());
            self.p2p.publish(Topic::Votes, message.encode());
        }
    }

    /// Asks a peer where it is, and takes what it has more than we.
    fn look_round(&mut self) {
        // One after the other, so that a silent one keeps nobody from the rest.
        let turn = usize::try_from(now_millis() / 1_000).unwrap_or_default();
        let peer = self.peers.iter().nth(turn % self.peers.len().max(1)).copied();
        if let Some(peer) = peer {
            self.catch_up_with(peer);
        }
    }

    fn catch_up_with(&mut self, peer: PeerId) {
        if self.catching_up.is_some() {
            return;
        }
        let slot = self.params.slot_at(now_millis());
        let work = catch_up(
            Arc::clone(&self.engine),
            self.p2p.clone(),
            peer,
            slot,
            Arc::clone(&self.behind),
        );
        self.catching_up = Some((peer, tokio::spawn(work.in_current_span())));
    }

    async fn on_event(&mut self, event: P2pEvent) -> Result<(), SyncError> {
        match event {
            P2pEvent::Gossip { topic, heard } => self.on_gossip(topic, heard).await,
            P2pEvent::Asked { request, channel, .. } => {
                let answer = sync::with(&self.engine, |engine| engine.answer(request)).await??;
                self.p2p.answer(channel, answer);
                Ok(())
            }
        }
    }

    /// Greets those who came since the last look.
    async fn on_peers(&mut self) -> Result<(), SyncError> {
        let now = self.connected.borrow_and_update().clone();
        let new = now.difference(&self.peers).next().copied();
        self.peers = now;
        let Some(peer) = new else { return Ok(()) };
        self.catch_up_with(peer);
        let told =
            sync::with(&self.engine, |engine| engine.evidence().cloned().collect::<Vec<_>>());
        for evidence in told.await? {
            self.p2p.publish(Topic::Votes, VoteMessage::Evidence(evidence).encode());
        }
        Ok(())
    }

    async fn on_gossip(&mut self, topic: Topic, heard: Heard) -> Result<(), SyncError> {
        let verdict = match topic {
            Topic::Blocks => self.on_block(heard.from, &heard.bytes).await?,
            Topic::Votes => self.on_votes(&heard.bytes).await?,
            // They have a queue and a task of their own.
            Topic::Transactions => Verdict::Ignore,
        };
        self.p2p.judge(heard, verdict);
        Ok(())
    }

    async fn on_block(&mut self, from: PeerId, bytes: &[u8]) -> Result<Verdict, SyncError> {
        let Ok(block) = alloy_rlp::decode_exact::<EthBlock>(bytes) else {
            return Ok(Verdict::Reject);
        };
        let now = now_millis();
        let slot = self.params.slot_at(now);
        let since = now.saturating_sub(self.params.start_of(slot));
        let timely = since < self.vote_after();
        let imported =
            sync::with(&self.engine, move |engine| engine.import(block, slot, timely)).await??;
        Ok(match imported {
            BlockTaken::New(progress) => {
                self.tell(&progress);
                if slot == self.slot {
                    self.vote().await?;
                }
                Verdict::Accept
            }
            BlockTaken::UnknownParent => {
                self.catch_up_with(from);
                Verdict::Ignore
            }
            BlockTaken::Known | BlockTaken::Early => Verdict::Ignore,
            BlockTaken::Bad(reason) => {
                tracing::info!(%reason, "a block is bad");
                Verdict::Reject
            }
        })
    }

    async fn on_votes(&self, bytes: &[u8]) -> Result<Verdict, SyncError> {
        let Ok(message) = VoteMessage::decode(bytes) else { return Ok(Verdict::Reject) };
        let taken = sync::with(&self.engine, |engine| engine.on_vote_message(message)).await??;
        Ok(match taken {
            Ok((new, progress)) => {
                self.tell(&progress);
                if new { Verdict::Accept } else { Verdict::Ignore }
            }
            Err(reason) => {
                tracing::debug!(%reason, "a vote is bad");
                Verdict::Reject
            }
        })
    }
}
