//! Peers of a network of another kind, found through the DHT: each node announces itself under a key that follows from its genesis, and
//! looks who else did.
//!
//! ```text
//!   genesis hash ──sha1──► info-hash ──announce (BEP 5), again every quarter of an hour──► DHT
//!                               └────get_peers, every few seconds until somebody is there──► known ──► PeerSource::find
//! ```
//!
//! The swarm asks for peers between its other duties and must not wait for the network: it gets what the last look found.

use std::{
    collections::BTreeSet,
    fmt,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use futures_util::future::BoxFuture;
use quintet_crypto::digest::sha1;
use quintet_dht_node::{DhtClient, DhtConfig, DhtNode};
use quintet_dht_protocol::key::Key;
use quintet_lux_node::p2p::{Multiaddr, PeerSource, multiaddr};
use quintet_node::{
    config::BindAddr,
    datadir::DataDir,
    lifecycle::{NodeContext, RunningNode},
    ops::Health,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// Begins what is hashed, so that the key is nobody else's.
const DOMAIN: &[u8] = b"quintet lux peers";

/// Pause between two looks while nobody is known.
const LOOK_ALONE: Duration = Duration::from_secs(2);

/// Pause between two looks otherwise.
const LOOK: Duration = Duration::from_secs(60);

/// Most peers kept of what the DHT says: anybody may announce anything.
const KNOWN_MAX: usize = 64;

/// Where a node's part of the DHT is.
#[derive(Debug, Clone)]
pub(crate) struct DhtOptions {
    /// UDP address.
    pub(crate) listen: SocketAddr,
    /// Nodes to ask first.
    pub(crate) bootstrap: Vec<SocketAddr>,
}

/// Peers that were found, and those that somebody wrote down.
#[derive(Clone)]
pub(crate) struct DhtPeers {
    fixed: Vec<Multiaddr>,
    found: Arc<Mutex<BTreeSet<SocketAddr>>>,
}

impl fmt::Debug for DhtPeers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DhtPeers").field("fixed", &self.fixed).finish_non_exhaustive()
    }
}

impl DhtPeers {
    /// Begins with those that somebody wrote down.
    pub(crate) fn new(fixed: Vec<Multiaddr>) -> Self {
        Self { fixed, found: Arc::default() }
    }

    fn found(&self) -> BTreeSet<SocketAddr> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, peers: BTreeSet<SocketAddr>) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    /// Announces the node's TCP port under the genesis, and looks for others until told to stop.
    pub(crate) async fn look(
        self,
        client: DhtClient,
        genesis: [u8; 32],
        port: u16,
        stop: CancellationToken,
    ) {
        let key = Key::new(sha1(&[DOMAIN, &genesis]).into_bytes());
        let mut announced = false;
        loop {
            if !announced {
                // From then on it is repeated by itself.
                match client.announce(key, Some(port), false, true).await {
                    Ok(stored) => announced = stored.acknowledged > 0,
                    Err(error) => tracing::debug!(%error, "not announced yet"),
                }
            }
            match client.get_peers(key).await {
                Ok(found) => {
                    let peers: BTreeSet<_> = found.value.into_iter().take(KNOWN_MAX).collect();
                    tracing::debug!(%key, peers = peers.len(), "looked for peers");
                    // What was found stays when the DHT is not reached for a while.
                    if !peers.is_empty() {
                        self.set(peers);
                    }
                }
                Err(error) => tracing::debug!(%error, "no peers found"),
            }
            // One of them is this node.
            let pause = if self.found().len() < 2 { LOOK_ALONE } else { LOOK };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

impl PeerSource for DhtPeers {
    fn find(&self) -> BoxFuture<'_, Vec<Multiaddr>> {
        let found = self.found().into_iter().map(multiaddr);
        Box::pin(std::future::ready(self.fixed.iter().cloned().chain(found).collect()))
    }
}

/// A node of the DHT inside another node's process.
#[derive(Debug)]
pub(crate) struct DhtSide {
    running: RunningNode,
    _look: AbortOnDropHandle<()>,
    stop: CancellationToken,
}

impl DhtSide {
    /// Starts one below `home`, and looks for peers with it.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub(crate) async fn start(
        home: &Path,
        options: DhtOptions,
        peers: &DhtPeers,
        genesis: [u8; 32],
        port: u16,
    ) -> anyhow::Result<Self> {
        let local = options.listen.ip().is_loopback();
        let usual = if local { DhtConfig::local() } else { DhtConfig::default() };
        let mut config = DhtConfig { listen: vec![BindAddr::from(options.listen)], ..usual };
        config.rpc.enabled = false;
        if !options.bootstrap.is_empty() {
            config = config.with_bootstrap(options.bootstrap);
        }
        let data_dir = DataDir::open(home.join("dht"))?;
        let ctx = NodeContext::new("dht", data_dir, &Health::new());
        let (running, handle) =
            DhtNode::new(config).spawn(ctx).await.context("the DHT does not start")?;
        let stop = CancellationToken::new();
        let look = peers.clone().look(handle.client(), genesis, port, stop.clone());
        Ok(Self { running, _look: AbortOnDropHandle::new(tokio::spawn(look)), stop })
    }

    /// Stops looking, and leaves.
    ///
    /// # Errors
    ///
    /// If the node ended by itself before.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.running.stop().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_found_is_told_behind_what_was_written_down() {
        let [written, found] =
            [30_303, 30_304].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let peers = DhtPeers::new(vec![multiaddr(written)]);
        assert_eq!(peers.find().await, [multiaddr(written)]);
        peers.set(BTreeSet::from([found]));
        assert_eq!(peers.find().await, [written, found].map(multiaddr));
    }
}
