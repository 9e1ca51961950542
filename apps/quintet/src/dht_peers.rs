//! Peers of a network of another kind, found through the DHT: each node announces itself under a key that follows from its genesis, and
//! looks who else did.
//!
//! ```text
//!   genesis hash ──sha1──► info-hash ──announce (BEP 5), again every quarter of an hour──► DHT
//!                               └────get_peers, every two seconds while alone, then ever more rarely──► known ──► PeerSource
//! ```
//!
//! The swarm asks for peers between its other duties and must not wait for the network: it gets what the last look found, and is told when
//! that changed. A node announces itself before it looks, so of two that do so at once one finds the other at least.

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
use tokio::{sync::Notify, time::Instant};
use tokio_util::task::AbortOnDropHandle;

/// Begins what is hashed, so that the key is nobody else's.
const DOMAIN: &[u8] = b"quintet lux peers";

/// Pause between two looks while nobody is known.
const LOOK_ALONE: Duration = Duration::from_secs(2);

/// Longest pause between two looks: each is twice as long as the one before, once somebody is known.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// Time after which a node announces itself again: nodes of the DHT forget it after half an hour.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(15 * 60);

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
    changed: Arc<Notify>,
}

impl fmt::Debug for DhtPeers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DhtPeers").field("fixed", &self.fixed).finish_non_exhaustive()
    }
}

impl DhtPeers {
    /// Begins with those that somebody wrote down.
    pub(crate) fn new(fixed: Vec<Multiaddr>) -> Self {
        Self { fixed, found: Arc::default(), changed: Arc::default() }
    }

    fn found(&self) -> BTreeSet<SocketAddr> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, peers: BTreeSet<SocketAddr>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if *found != peers {
            *found = peers;
            self.changed.notify_one();
        }
    }

    /// Announces the node's TCP port under the genesis, and looks for others for ever.
    pub(crate) async fn look(self, client: DhtClient, genesis: [u8; 32], port: u16) {
        let key = Key::new(sha1(&[DOMAIN, &genesis]).into_bytes());
        let mut announced: Option<Instant> = None;
        let mut pause = LOOK_ALONE;
        loop {
            if announced.is_none_or(|at| at.elapsed() >= ANNOUNCE_EVERY) {
                // Not published for good: with the next start the port may be another.
                match client.announce(key, Some(port), false, false).await {
                    Ok(stored) if stored.acknowledged > 0 => announced = Some(Instant::now()),
                    Ok(_) => {}
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
            let alone = self.found().len() < 2;
            pause = if alone { LOOK_ALONE } else { LOOK_MAX.min(pause * 2) };
            tokio::time::sleep(pause).await;
        }
    }
}

impl PeerSource for DhtPeers {
    fn find(&self) -> BoxFuture<'_, Vec<Multiaddr>> {
        let found = self.found().into_iter().map(multiaddr);
        Box::pin(std::future::ready(self.fixed.iter().cloned().chain(found).collect()))
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.changed.notified())
    }
}

/// A node of the DHT inside another node's process.
#[derive(Debug)]
pub(crate) struct DhtSide {
    running: RunningNode,
    _look: AbortOnDropHandle<()>,
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
        let look = peers.clone().look(handle.client(), genesis, port);
        Ok(Self { running, _look: AbortOnDropHandle::new(tokio::spawn(look)) })
    }

    /// Stops looking, and leaves.
    ///
    /// # Errors
    ///
    /// If the node ended by itself before.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.running.stop().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn who_waits_for_others_hears_of_them_and_not_of_those_it_knows() {
        let peers = DhtPeers::new(Vec::new());
        let found = BTreeSet::from([SocketAddr::from(([127, 0, 0, 1], 30_303))]);
        peers.set(found.clone());
        assert_eq!(peers.changed().now_or_never(), Some(()));
        peers.set(found);
        assert_eq!(peers.changed().now_or_never(), None, "nobody new was found");
    }

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
