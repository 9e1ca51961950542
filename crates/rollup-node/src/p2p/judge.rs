//! What comes from peers, one after the other: messages are judged, questions handed on.
//!
//! Judging a large message takes a while, its hashes and its signature: it is done on a thread that may, and in order, so that the gate sees each
//! block once. What waits meanwhile is bounded by the swarm.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use libp2p::{
    PeerId,
    gossipsub::{MessageAcceptance, MessageId},
};
use quintet_rollup_protocol::{
    gossip::{Gate, GossipBlock, Verdict},
    payload::PayloadVersion,
};
use tokio::{sync::mpsc, task::JoinError};
use tokio_util::sync::CancellationToken;

use super::{P2pClient, P2pEvent, Server, Signers};

/// Judges what comes.
#[derive(Debug)]
pub(crate) struct Judge {
    gate: Arc<Mutex<Gate>>,
    signers: Signers,
    client: P2pClient,
    events: mpsc::Receiver<P2pEvent>,
    accepted: mpsc::Sender<GossipBlock>,
    server: Server,
}

impl Judge {
    /// Puts a judge together.
    pub(crate) fn new(
        gate: Gate,
        signers: Signers,
        (client, events): (P2pClient, mpsc::Receiver<P2pEvent>),
        accepted: mpsc::Sender<GossipBlock>,
        server: Server,
    ) -> Self {
        Self { gate: Arc::new(Mutex::new(gate)), signers, client, events, accepted, server }
    }

    /// Judges until told to stop.
    ///
    /// # Errors
    ///
    /// [`JoinError`] if a thread panicked.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), JoinError> {
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                event = self.events.recv() => event,
            };
            match event {
                Some(P2pEvent::Gossip { version, id, from, content }) => {
                    self.judge(version, content, id, from).await?;
                }
                Some(P2pEvent::Asked { number, channel }) => self.server.answer(number, channel),
                None => return Ok(()),
            }
        }
    }

    async fn judge(
        &self,
        version: PayloadVersion,
        content: Vec<u8>,
        id: MessageId,
        from: PeerId,
    ) -> Result<(), JoinError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let (gate, signer) = (Arc::clone(&self.gate), *self.signers.borrow());
        let work = move || {
            let mut gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
            gate.judge(version, &content.into(), now, signer)
        };
        match tokio::task::spawn_blocking(work).await? {
            Verdict::Accept(block) => {
                self.client.judge(id, from, MessageAcceptance::Accept);
                tracing::debug!(number = block.number, hash = %block.hash, %from, "block accepted");
                if let Err(error) = self.accepted.try_send(block) {
                    tracing::warn!(%error, "a block waits for derivation: too many others wait to be executed");
                }
            }
            Verdict::Ignore(reason) => {
                tracing::debug!(%from, %reason, "message ignored");
                self.client.judge(id, from, MessageAcceptance::Ignore);
            }
            Verdict::Reject(reason) => {
                tracing::warn!(%from, %reason, "message rejected");
                self.client.judge(id, from, MessageAcceptance::Reject);
            }
        }
        Ok(())
    }
}
