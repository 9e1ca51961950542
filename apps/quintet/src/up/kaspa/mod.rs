//! The Kaspa nodes of a local network: two on a devnet, each other's peers, with wRPC for everybody's tools, and miners that find ten blocks a second.
//!
//! ```text
//!   miners ──blocks──► kaspa-00 ◄──P2P──► kaspa-01 ◄──blocks── miners
//!   traffic ─payments─►   │  │                │  ◄──payments── traffic
//!                         │  └── wRPC ────────┴──► wallets, scripts
//!                         └── DAG, pool ──► feed ──► Publisher ──► pages
//! ```
//!
//! The network is the devnet with two changes, written beside the data for whoever wants to join with a node of his own: the miners' clock stands
//! in the place of the work, for two processors find no ten blocks a second at the devnet's first target; and coins are spent after ten seconds.

mod check;
mod feed;
mod miner;
mod places;
mod purse;
mod traffic;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use self::places::KaspaPlace;
use crate::{
    listen::{loopback, usual_or_free},
    stop::stop_all,
};
use anyhow::Context as _;
use quintet_kaspa_node::{
    node::{KaspaNode, NodeOptions},
    p2p::{Settings, Target},
    rpc::{Core, CoreOptions},
};
use quintet_kaspa_protocol::params::{Network, Overrides, Params};
use quintet_node::{
    datadir::DataDir,
    lifecycle::{NodeContext, RunningNode},
    ops::Health,
};

pub(super) use self::{
    check::prove, feed::run as feed, miner::run as mine, places::KaspaPlaces,
    traffic::run as traffic,
};

/// Nodes of the network.
const NODES: usize = 2;

/// What differs from the devnet, as kaspad's `--override-params-file` reads it.
const OVERRIDES: &str = include_str!("params.json");

/// Where that lies below the network's folder.
const OVERRIDES_FILE: &str = "kaspa-params.json";

/// Memory for coins of each node, bytes: a chain to play with has few.
const COINS_BYTES: usize = 2 << 20;

/// Part of the usual memory for the pool and what is kept at hand of blocks, in thousandths.
const MEMORY_PER_MILLE: usize = 8;

/// Threads of each node that check scripts: payments are few.
const SCRIPT_THREADS: usize = 1;

/// The file in a node's folder that keeps known peers between runs.
const BOOK_FILE: &str = "peers";

/// One node of the network.
#[derive(Debug, Clone)]
pub(super) struct LocalKaspa {
    name: Arc<str>,
    core: Arc<Core>,
    peers: SocketAddr,
    borsh: SocketAddr,
    json: SocketAddr,
}

/// The nodes; those running are handed to whoever waits for the end.
#[derive(Debug, Default)]
pub(super) struct KaspaNodes {
    pub(super) nodes: Vec<LocalKaspa>,
    pub(super) running: Vec<RunningNode>,
    overrides: PathBuf,
}

impl KaspaNodes {
    /// Starts the nodes below `home`, the first with wRPC at the ports tools expect if `usual` and they are free.
    ///
    /// # Errors
    ///
    /// If one does not start; those before it are stopped by then.
    pub(super) async fn start(home: &Path, usual: bool, health: &Health) -> anyhow::Result<Self> {
        let overrides = home.join(OVERRIDES_FILE);
        std::fs::write(&overrides, OVERRIDES)
            .with_context(|| format!("cannot write {}", overrides.display()))?;
        let mut started = Self { overrides, ..Self::default() };
        for index in 0..NODES {
            let name = format!("kaspa-{index:02}");
            if let Err(error) = started.add(&name, home, usual && index == 0, health).await {
                started.stop().await;
                return Err(error.context(format!("{name} does not start")));
            }
        }
        Ok(started)
    }

    async fn add(
        &mut self,
        name: &str,
        home: &Path,
        usual: bool,
        health: &Health,
    ) -> anyhow::Result<()> {
        let data_dir = DataDir::open(home.join(name))?;
        let folder = data_dir.path().to_owned();
        let mut options = NodeOptions::new(params()?, folder.clone());
        options.coins_bytes = COINS_BYTES;
        options.memory_per_mille = MEMORY_PER_MILLE;
        options.threads = Some(SCRIPT_THREADS);
        options.utxo_index = true;
        options.rpc = CoreOptions { unsynced_mining: true, ..CoreOptions::default() };
        options.rpc_borsh = Some(usual_or_free(Network::Devnet.wrpc_borsh_port(), usual));
        options.rpc_json = Some(usual_or_free(Network::Devnet.wrpc_json_port(), usual));
        options.peers = Some(Settings {
            listen: Some(loopback(0)),
            add: self.nodes.iter().map(|node| Target::Addr(node.peers)).collect(),
            // They name each other: others come by themselves.
            outbound: 0,
            allow_local: true,
            book: Some(folder.join(BOOK_FILE)),
            ..Settings::default()
        });
        let ctx = NodeContext::new(name, data_dir, health);
        let node = KaspaNode::start(options, ctx.shutdown.clone()).await?;
        let core = Arc::clone(node.core());
        let peers = node.network().and_then(quintet_kaspa_node::p2p::Network::local_address);
        let addresses = (peers, node.addresses());
        self.running.push(RunningNode::supervise(ctx, Vec::new(), node.into_supervisor()));
        let (Some(peers), (Some(borsh), Some(json))) = addresses else {
            anyhow::bail!("it listens nowhere")
        };
        self.nodes.push(LocalKaspa { name: name.into(), core, peers, borsh, json });
        Ok(())
    }

    /// Where they are.
    ///
    /// # Errors
    ///
    /// If the key of their blocks is none.
    pub(super) fn places(&self) -> anyhow::Result<KaspaPlaces> {
        let place = |node: &LocalKaspa| KaspaPlace {
            name: node.name.to_string(),
            p2p: node.peers.to_string(),
            wrpc_borsh: format!("ws://{}", node.borsh),
            wrpc_json: format!("ws://{}", node.json),
        };
        let purse = purse::Purse::new()?;
        Ok(KaspaPlaces {
            nodes: self.nodes.iter().map(place).collect(),
            override_params_file: self.overrides.clone(),
            address: purse.address().to_string(),
            private_key: purse.private_key(),
        })
    }

    /// Stops everything, last started first.
    pub(super) async fn stop(&mut self) {
        self.nodes.clear();
        stop_all(&mut self.running).await;
    }
}

/// The devnet's parameters with the changes.
fn params() -> anyhow::Result<Params> {
    let overrides: Overrides = serde_json::from_str(OVERRIDES)?;
    Ok(overrides.apply(Params::of(Network::Devnet))?)
}

#[cfg(test)]
mod tests {
    use quintet_kaspa_protocol::params::{BlockRate, Era};

    use super::*;

    /// Ten blocks a second, and depths that are safe for the K they are made for, so that a node prunes within a quarter of an hour.
    #[test]
    fn the_network_is_the_devnet_with_short_depths() {
        let mut expected = Params::of(Network::Devnet);
        expected.skip_proof_of_work = true;
        expected.max_block_level = u8::MAX;
        expected.pruning_proof_m = 100;
        for rules in [&mut expected.crescendo, &mut expected.toccata] {
            rules.rate = BlockRate {
                ghostdag_k: 18,
                past_median_time_sample_rate: 10,
                difficulty_sample_rate: 4,
                mergeset_size_limit: 60,
                merge_depth: 400,
                finality_depth: 1_200,
                pruning_depth: 6_400,
                coinbase_maturity: 100,
                ..rules.rate
            };
        }
        let params = params().unwrap();
        assert_eq!(params, expected);
        assert_eq!(params.era_at(0), Era::Crescendo);
        let rate = params.crescendo.rate;
        assert_eq!(rate.bps(), 10);
        // Lower, and what is pruned might still be asked for.
        assert!(rate.anticone_finalization_depth() + rate.merge_depth < rate.pruning_depth);
        assert!(rate.pruning_depth < 15 * 60 * rate.bps());
    }
}
