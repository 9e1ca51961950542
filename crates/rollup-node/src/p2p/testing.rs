//! A peer that is driven by hand: it tells what a test makes it tell, good or bad, and hears what others pass on.

use std::{net::Ipv4Addr, sync::Arc};

use alloy_primitives::Address;
use libp2p::gossipsub::MessageAcceptance;
use quintet_rollup_protocol::{
    config::RollupConfig,
    gossip::message,
    payload::{Envelope, PayloadError, PayloadVersion, ssz},
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Keypair, Multiaddr, P2pClient, P2pError, P2pEvent, start};
use crate::wallet::Wallet;

/// A peer.
#[derive(Debug)]
pub struct TestPeer {
    config: Arc<RollupConfig>,
    client: P2pClient,
    events: mpsc::Receiver<P2pEvent>,
    address: Multiaddr,
    _stop: DropGuard,
}

impl TestPeer {
    /// Starts a peer that is to be connected to others. It runs as long as the value lives.
    ///
    /// # Errors
    ///
    /// [`P2pError`] if it cannot listen.
    pub async fn start(
        config: Arc<RollupConfig>,
        others: Vec<Multiaddr>,
    ) -> Result<Self, P2pError> {
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        let (identity, count) = (Keypair::generate_secp256k1(), watch::Sender::new(0));
        let started = start(&config, listen, identity, others, count).await?;
        let stop = CancellationToken::new();
        tokio::spawn(started.task.run(stop.clone()));
        Ok(Self {
            config,
            client: started.client,
            events: started.events,
            address: started.address,
            _stop: stop.drop_guard(),
        })
    }

    /// Returns where it listens.
    #[must_use]
    pub const fn address(&self) -> &Multiaddr {
        &self.address
    }

    /// Signs a payload as a message.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] if its fields are not those of the version.
    pub fn sign(
        &self,
        version: PayloadVersion,
        envelope: &Envelope,
        wallet: &Wallet,
    ) -> Result<Vec<u8>, PayloadError> {
        let payload = ssz::encode(version, envelope)?;
        let digest = message::signing_hash(self.config.l2_chain_id, &payload);
        // Keys that are keys sign everything.
        let signature = wallet.sign_digest(digest);
        Ok(signature.map(|signature| message::join(&signature, &payload)).unwrap_or_default())
    }

    /// Tells a message, whatever it is.
    pub fn publish(&self, version: PayloadVersion, content: Vec<u8>) {
        self.client.publish(version, content);
    }

    /// Asks one of the peers for a block.
    pub async fn ask(&self, number: u64) -> Option<Vec<u8>> {
        self.client.ask(number).await.map(|(_, answer)| answer)
    }

    /// Waits for the next message that another passes on, and accepts it.
    pub async fn hear(&mut self) -> Option<(PayloadVersion, Vec<u8>)> {
        loop {
            match self.events.recv().await? {
                P2pEvent::Gossip { version, id, from, content } => {
                    self.client.judge(id, from, MessageAcceptance::Accept);
                    return Some((version, content));
                }
                P2pEvent::Asked { .. } => {}
            }
        }
    }

    /// Answers the next question for a block with these bytes; returns the number asked for.
    pub async fn answer(&mut self, answer: impl FnOnce(u64) -> Vec<u8>) -> Option<u64> {
        loop {
            if let P2pEvent::Asked { number, channel } = self.events.recv().await? {
                self.client.answer(channel, answer(number));
                return Some(number);
            }
        }
    }
}

/// Returns the wallet of a test's sequencer, and who that is.
///
/// # Panics
///
/// Never: the key is one.
#[must_use]
#[expect(clippy::expect_used, reason = "32 equal bytes below the curve's order are a key")]
pub fn sequencer_wallet() -> (Wallet, Address) {
    let wallet = Wallet::new(alloy_primitives::B256::repeat_byte(0x51)).expect("a key");
    let address = wallet.address();
    (wallet, address)
}
