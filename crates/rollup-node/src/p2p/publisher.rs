//! Blocks that are made here, signed and told to others.
//!
//! A block is told only while others would take it: a sequencer that makes up for lost time makes blocks of times long past, and who tells of
//! those is to blame. They are given to whoever asks for them.
//!
//! **Spec:** op-node's `GossipOut.SignAndPublishL2Payload`.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use quintet_eth_chain::BlockTag;
use quintet_rollup_protocol::{
    config::RollupConfig,
    gossip::{gate::AGE_MAX, message},
    payload::{PayloadVersion, ssz},
    refs::L2Ref,
};
use tokio::{sync::mpsc, task::JoinError};
use tokio_util::sync::CancellationToken;

use super::{P2pClient, Signers};
use crate::{engine::L2Reader, wallet::Wallet};

/// Tells of blocks.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) config: Arc<RollupConfig>,
    pub(crate) reader: L2Reader,
    pub(crate) wallet: Wallet,
    pub(crate) signers: Signers,
    pub(crate) client: P2pClient,
    pub(crate) made: mpsc::Receiver<L2Ref>,
}

impl Publisher {
    /// Tells until told to stop.
    ///
    /// # Errors
    ///
    /// [`JoinError`] if a thread panicked.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), JoinError> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                made = self.made.recv() => match made {
                    Some(block) => self.publish(block).await?,
                    None => return Ok(()),
                },
                // The sender lives as long as the task that asks L1; without one nothing changes any more.
                Ok(()) = self.signers.changed() => self.warn(),
            }
        }
    }

    /// Warns of a key that nobody will believe.
    fn warn(&mut self) {
        let (ours, signer) = (self.wallet.address(), *self.signers.borrow_and_update());
        if let Some(signer) = signer.filter(|signer| *signer != ours) {
            tracing::warn!(%ours, %signer, "blocks are signed with another key than the system configuration names: nobody will take them");
        }
    }

    async fn publish(&self, block: L2Ref) -> Result<(), JoinError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if block.timestamp.saturating_add(AGE_MAX) < now {
            tracing::debug!(number = block.number, "too old to be told of");
            return Ok(());
        }
        let (reader, wallet) = (self.reader.clone(), self.wallet.clone());
        let chain_id = self.config.l2_chain_id;
        let packed =
            tokio::task::spawn_blocking(move || pack(&reader, &wallet, chain_id, &block)).await?;
        match packed {
            Ok((version, content)) => self.client.publish(version, content),
            Err(reason) => tracing::error!(number = block.number, reason, "a block is not told of"),
        }
        Ok(())
    }
}

/// Signs a block.
fn pack(
    reader: &L2Reader,
    wallet: &Wallet,
    chain_id: u64,
    block: &L2Ref,
) -> Result<(PayloadVersion, Vec<u8>), String> {
    let found = reader.envelope(BlockTag::Hash(block.hash)).map_err(|error| error.to_string())?;
    let (version, envelope) = found.ok_or("it is not there any more")?;
    let payload = ssz::encode(version, &envelope).map_err(|error| error.to_string())?;
    let digest = message::signing_hash(chain_id, &payload);
    let signature = wallet.sign_digest(digest).ok_or("it cannot be signed")?;
    Ok((version, message::join(&signature, &payload)))
}
