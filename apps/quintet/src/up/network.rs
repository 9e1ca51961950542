//! The nodes of a local network: started one after the other, each asking some of those before it.
//!
//! ```text
//!   dht-00 ◄── dht-01 ◄── dht-02 ◄── …        each node's bootstrap: the first, the one before, one between
//!      each: UDP on 127.0.0.1, JSON-RPC on 127.0.0.1, a data directory of its own
//! ```

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use futures_util::future::join_all;
use quintet_actor::bus::EventBus;
use quintet_dht_node::{DhtClient, DhtConfig, DhtEvent, DhtHandle, DhtNode, NodeStatus, RpcListen};
use quintet_node::{
    config::BindAddr,
    datadir::DataDir,
    lifecycle::{NodeContext, RunningNode},
    ops::Health,
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{
    endpoints::{Endpoints, Published},
    stop::stop_all,
};

/// Time between two looks at who has joined.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where the network keeps its data.
#[derive(Debug)]
pub(super) enum Home {
    /// Removed with this value.
    Temporary(TempDir),
    /// Kept.
    Kept(PathBuf),
}

impl Home {
    pub(super) fn new(named: Option<PathBuf>) -> anyhow::Result<Self> {
        match named {
            Some(path) => {
                std::fs::create_dir_all(&path)
                    .with_context(|| format!("cannot create {}", path.display()))?;
                Ok(Self::Kept(std::path::absolute(&path)?))
            }
            None => {
                let made = temporary().context("cannot create a temporary directory")?;
                Ok(Self::Temporary(made))
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Temporary(dir) => dir.path(),
            Self::Kept(path) => path,
        }
    }
}

/// Readable by its owner alone: there are cookies in it.
fn temporary() -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("quintet-up-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

/// One node of the network.
#[derive(Debug)]
pub(super) struct LocalNode {
    pub(super) name: Arc<str>,
    pub(super) client: DhtClient,
    pub(super) endpoints: Endpoints,
    /// Removes the file with the endpoints at the end.
    _published: Published,
}

/// The network; its running nodes are handed to whoever waits for the end.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) nodes: Vec<LocalNode>,
    pub(super) running: Vec<RunningNode>,
}

impl Network {
    /// Starts `count` nodes below `home`; all tell what happens on `bus`.
    ///
    /// # Errors
    ///
    /// If a node does not start; those before it are stopped by then.
    pub(super) async fn start(
        count: u16,
        home: &Path,
        bus: &EventBus<DhtEvent>,
        health: &Health,
    ) -> anyhow::Result<Self> {
        let mut network = Self { nodes: Vec::new(), running: Vec::new() };
        let mut addrs = Vec::new();
        for index in 0..usize::from(count) {
            let name = format!("dht-{index:02}");
            let bootstrap = acquaintances(index).filter_map(|other| addrs.get(other).copied());
            let config = DhtConfig {
                rpc: RpcListen { listen: BindAddr::loopback(0), ..RpcListen::default() },
                ..DhtConfig::local().with_bootstrap(bootstrap)
            };
            let started = async {
                let data_dir = DataDir::open(home.join(&name))?;
                let ctx = NodeContext::new(&name, data_dir.clone(), health);
                let node = DhtNode::new(config).with_events(bus.clone());
                let (running, handle) = node.spawn(ctx).await?;
                network.running.push(running);
                let node = LocalNode::new(&name, &handle, data_dir.path()).await?;
                addrs.extend(handle.local_addrs().first());
                network.nodes.push(node);
                anyhow::Ok(())
            };
            if let Err(error) = started.await {
                network.stop().await;
                return Err(error.context(format!("{name} does not start")));
            }
        }
        Ok(network)
    }

    /// What each node is asked by.
    pub(super) fn clients(&self) -> Vec<DhtClient> {
        self.nodes.iter().map(|node| node.client.clone()).collect()
    }

    /// Waits until every node knows `contacts` others, or until `deadline`; returns the last look at each.
    pub(super) async fn joined(
        &self,
        contacts: usize,
        deadline: Instant,
    ) -> Vec<Option<NodeStatus>> {
        loop {
            let statuses = self.statuses().await;
            let has_joined = |status: &Option<NodeStatus>| {
                status.as_ref().is_some_and(|status| status.dht.contacts >= contacts)
            };
            if statuses.iter().all(has_joined) || Instant::now() >= deadline {
                return statuses;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn statuses(&self) -> Vec<Option<NodeStatus>> {
        join_all(self.nodes.iter().map(async |node| node.client.status().await.ok())).await
    }

    /// Stops all nodes, last started first.
    pub(super) async fn stop(&mut self) {
        stop_all(&mut self.running).await;
    }
}

impl LocalNode {
    async fn new(name: &str, handle: &DhtHandle, data_dir: &Path) -> anyhow::Result<Self> {
        let client = handle.client();
        let endpoints = Endpoints::of_dht(name, handle, data_dir).await?;
        Ok(Self { name: name.into(), client, _published: endpoints.publish()?, endpoints })
    }
}

/// The earlier nodes that a node asks first: a chain alone would be as fragile as its weakest link.
fn acquaintances(index: usize) -> impl Iterator<Item = usize> {
    let mut known: Vec<usize> =
        [0, index / 2, index.wrapping_sub(1)].into_iter().filter(|other| *other < index).collect();
    known.dedup();
    known.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_asks_earlier_nodes_only_and_the_first_asks_nobody() {
        let known = |index| acquaintances(index).collect::<Vec<_>>();
        assert_eq!(known(0), [0_usize; 0]);
        assert_eq!(known(1), [0]);
        assert_eq!(known(2), [0, 1]);
        assert_eq!(known(9), [0, 4, 8]);
    }
}
