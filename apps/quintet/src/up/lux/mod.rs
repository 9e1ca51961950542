//! The LuxTensor network of a local network: four validators, who reach each other over libp2p, with RPC for everybody's tools.
//!
//! They find each other through the network's nodes of the DHT; where it has none, each is told of those before it.
//!
//! ```text
//!   traffic ──transfers, a token──► lux-00 ◄──libp2p──► lux-01, lux-02, lux-03
//!                                     │ HTTP, WebSocket, GraphQL each ──► wallets, cast, scripts, the rollup
//!                                     └── head, slots, votes, pool ──► feed ──► Publisher ──► pages
//! ```

pub(super) mod check;
mod feed;
mod files;
mod places;
mod traffic;

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use quintet_actor::supervisor::{ChildSpec, Fault, RestartPolicy, Supervisor};
use quintet_dht_node::DhtClient;
use quintet_eth_chain::{EthChain, Retention};
use quintet_eth_pool::PoolConfig;
use quintet_eth_rpc::{EthNode, EthRpcConfig};
use quintet_lux_node::{
    p2p::{Multiaddr, PeerSource, StaticPeers, port},
    validator::{Engine, ValidatorKeys, ValidatorOptions},
};
use quintet_node::{
    datadir::DataDir,
    lifecycle::{NodeContext, RunningNode},
    ops::Health,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use self::files::Network;
pub(super) use self::{
    check::{LuxSeen, prove},
    feed::run as feed,
    places::LuxPlaces,
    traffic::run as traffic,
};
use super::{accounts::Cast, evm::chain_options, wants};
use crate::{
    cli::UpArgs,
    commands::lux::{LuxServing, client_version},
    dht_peers::DhtPeers,
    listen::{loopback, usual_or_free},
    stop::stop_all,
};

/// Validators of the network.
const VALIDATORS: u16 = 4;

/// Port that tools expect of the first; a free one is taken where it is not free.
const PORT: u16 = 8_545;

/// What is kept of each chain: states, which can be gone back to, of two hours of blocks, and bodies of six.
const RETENTION: Retention = Retention { states: 3_600, archive: false, bodies: Some(10_800) };

/// Time a validator has to end.
const GRACE: Duration = Duration::from_secs(5);

/// One node of the network.
#[derive(Debug, Clone)]
pub(super) struct LocalValidator {
    pub(super) name: Arc<str>,
    /// Chain and pool.
    pub(super) node: Arc<EthNode>,
    engine: Arc<Mutex<Engine>>,
    p2p: Multiaddr,
    keys: ValidatorKeys,
    served: SocketAddr,
    /// Whom it finds through the DHT, where it does.
    found: Option<DhtPeers>,
}

/// The nodes; those running are handed to whoever waits for the end.
#[derive(Debug)]
pub(super) struct LuxNodes {
    pub(super) nodes: Vec<LocalValidator>,
    pub(super) running: Vec<RunningNode>,
    pub(super) cast: Cast,
    acquaintance: Acquaintance,
    /// Looks for each other in the DHT, which end with this value.
    looks: Vec<AbortOnDropHandle<()>>,
}

/// How validators come to know each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acquaintance {
    /// Each is told of those before it.
    Told,
    /// Through the DHT, see [`LuxNodes::look_for_each_other`].
    ThroughDht,
}

impl Acquaintance {
    /// Through the DHT, if that is among the kinds.
    pub(super) fn of(args: &UpArgs) -> Self {
        if wants(args, "dht") { Self::ThroughDht } else { Self::Told }
    }

    /// By what they find each other.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Told => "a list",
            Self::ThroughDht => "the dht",
        }
    }
}

impl LuxNodes {
    /// Starts the validators below `home`, the first at the port tools expect if `usual` and it is free.
    ///
    /// # Errors
    ///
    /// If one does not start; those before it are stopped by then.
    pub(super) async fn start(
        home: &Path,
        usual: bool,
        acquaintance: Acquaintance,
        health: &Health,
    ) -> anyhow::Result<Self> {
        let cast = Cast::new()?;
        let network = files::open(home, &cast).context("the LuxTensor network does not start")?;
        let (nodes, running, looks) = (Vec::new(), Vec::new(), Vec::new());
        let mut started = Self { nodes, running, cast, acquaintance, looks };
        for (index, keys) in network.keys.iter().enumerate() {
            let name = format!("lux-{index:02}");
            let listen = usual_or_free(PORT, usual && index == 0);
            let added = started.add(&name, keys, (home, listen), &network, health);
            if let Err(error) = added.await {
                started.stop().await;
                return Err(error.context(format!("{name} does not start")));
            }
        }
        Ok(started)
    }

    async fn add(
        &mut self,
        name: &str,
        keys: &ValidatorKeys,
        (home, listen): (&Path, SocketAddr),
        network: &Network,
        health: &Health,
    ) -> anyhow::Result<()> {
        let data_dir = DataDir::open(home.join(name))?;
        let ctx = NodeContext::new(name, data_dir.clone(), health);
        let through_dht = self.acquaintance == Acquaintance::ThroughDht;
        let found = through_dht.then(|| DhtPeers::new(Vec::new()));
        let peers: Box<dyn PeerSource> = match &found {
            Some(found) => Box::new(found.clone()),
            None => {
                let known = self.nodes.iter().map(|node| node.p2p.clone()).collect();
                Box::new(StaticPeers::new(known))
            }
        };
        let options = ValidatorOptions {
            genesis: network.genesis.clone(),
            directory: data_dir.path().to_owned(),
            keys: Some(keys.clone()),
            listen: loopback(0),
            peers,
            chain: chain_options(RETENTION),
            rpc: EthRpcConfig::default(),
            pool: PoolConfig::default(),
            client_version: client_version(),
        };
        let serving = Box::pin(LuxServing::start(options, listen)).instrument(ctx.span()).await?;
        self.nodes.push(LocalValidator {
            name: name.into(),
            node: Arc::clone(&serving.node.node),
            engine: Arc::clone(serving.node.engine()),
            p2p: serving.node.address().clone(),
            keys: keys.clone(),
            served: serving.address(),
            found,
        });
        self.running.push(supervised(ctx, serving));
        Ok(())
    }

    /// How the validators come to know each other.
    pub(super) const fn acquaintance(&self) -> Acquaintance {
        self.acquaintance
    }

    /// Lets those that find each other through the DHT announce themselves and look, each through another of its nodes.
    pub(super) fn look_for_each_other(&mut self, dht: &[DhtClient]) {
        for (node, client) in self.nodes.iter().zip(dht.iter().cycle()) {
            let (Some(found), Some(port)) = (node.found.clone(), port(&node.p2p)) else { continue };
            let span = tracing::error_span!("node", instance = &*node.name);
            let look = found.look(client.clone(), node.chain().spec().hash.0, port);
            self.looks.push(AbortOnDropHandle::new(tokio::spawn(look.instrument(span))));
        }
    }

    /// Stops everything, last started first.
    pub(super) async fn stop(&mut self) {
        stop_all(&mut self.running).await;
    }
}

impl LocalValidator {
    pub(super) fn http(&self) -> String {
        format!("http://{}", self.served)
    }

    pub(super) fn chain(&self) -> &EthChain {
        self.node.chain()
    }
}

/// A validator that ends when its context says so.
fn supervised(ctx: NodeContext, serving: LuxServing) -> RunningNode {
    let mut supervisor = Supervisor::new("lux");
    let spec = ChildSpec::new("validator", RestartPolicy::Never, GRACE);
    let own = Arc::new(Mutex::new(Some(serving)));
    supervisor.spawn(spec, move |stop| {
        let own = Arc::clone(&own);
        async move {
            stop.cancelled().await;
            let serving = own.lock().unwrap_or_else(PoisonError::into_inner).take();
            let serving = serving.ok_or_else(|| Fault::new("stopped twice"))?;
            serving.stop().await.map_err(|error| Fault::new(&format!("{error:#}")))
        }
    });
    RunningNode::supervise(ctx, Vec::new(), supervisor)
}
