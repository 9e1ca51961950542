//! Who downloads, and what makes somebody download.

use std::sync::{Arc, Mutex};

use quintet_kaspa_protocol::block::Block;
use quintet_primitives::Hash256;
use tokio::sync::Notify;

use crate::p2p::{hub::lock, peer::PeerKey};

/// A download under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IbdStatus {
    /// Where the peer that we download from is.
    pub peer: std::net::SocketAddr,
    /// The block that made us download.
    pub target: Hash256,
    /// Its DAA score.
    pub target_daa_score: u64,
    /// What is being downloaded.
    pub stage: IbdStage,
    /// How many of that have come.
    pub done: u64,
    /// How many there are, if that is known.
    pub total: Option<u64>,
}

/// What is being downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IbdStage {
    /// The highest block both know is being found.
    Negotiation,
    /// The proof of the peer's pruning point, and what belongs to it.
    Proof,
    /// Headers; counted in DAA score.
    Headers,
    /// Lanes of the pruning point.
    Lanes,
    /// The UTXO set of the pruning point.
    UtxoSet,
    /// Bodies.
    Bodies,
}

/// The place of the one download there may be at a time.
#[derive(Debug, Default)]
pub(in crate::p2p) struct IbdSlot(Mutex<Option<(PeerKey, IbdStatus)>>);

/// The right to download; given back when dropped.
#[derive(Debug)]
pub(super) struct Running<'a>(&'a IbdSlot);

impl IbdSlot {
    /// Takes the place if it is free.
    pub(super) fn take(&self, peer: PeerKey, status: IbdStatus) -> Option<Running<'_>> {
        let mut slot = lock(&self.0);
        if slot.is_some() {
            return None;
        }
        *slot = Some((peer, status));
        Some(Running(self))
    }

    pub(in crate::p2p) fn is_running(&self) -> bool {
        lock(&self.0).is_some()
    }

    /// Returns the DAA score the download under way leads to.
    pub(in crate::p2p) fn target(&self) -> Option<u64> {
        lock(&self.0).as_ref().map(|(_, status)| status.target_daa_score)
    }

    pub(in crate::p2p) fn status(&self) -> Option<IbdStatus> {
        lock(&self.0).as_ref().map(|(_, status)| status.clone())
    }

    pub(in crate::p2p) fn peer(&self) -> Option<PeerKey> {
        lock(&self.0).as_ref().map(|(peer, _)| *peer)
    }

    /// Takes in how far the download is.
    pub(super) fn progress(&self, stage: IbdStage, done: u64, total: Option<u64>) {
        if let Some((_, status)) = &mut *lock(&self.0) {
            (status.stage, status.done, status.total) = (stage, done, total);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.0.0).take();
    }
}

/// Blocks that lie too far ahead, from a peer's relay workers to its download.
#[derive(Debug, Clone, Default)]
pub(in crate::p2p) struct Trigger(Arc<Pulled>);

#[derive(Debug, Default)]
struct Pulled {
    block: Mutex<Option<Block>>,
    bell: Notify,
}

impl Trigger {
    /// Asks for a download that leads to a block. Of several the one with most blue work counts.
    pub(in crate::p2p) fn pull(&self, block: Block) {
        let mut waiting = lock(&self.0.block);
        let is_more = |other: &Block| block.header.blue_work > other.header.blue_work;
        if waiting.as_ref().is_none_or(is_more) {
            *waiting = Some(block);
        }
        drop(waiting);
        self.0.bell.notify_one();
    }

    /// Waits for a block.
    pub(super) async fn pulled(&self) -> Block {
        loop {
            if let Some(block) = lock(&self.0.block).take() {
                return block;
            }
            self.0.bell.notified().await;
        }
    }
}
