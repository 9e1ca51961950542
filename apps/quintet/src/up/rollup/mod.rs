//! The rollup of a local network, with its LuxTensor validators as L1: a sequencer that tells and posts what it makes, and a verifier that
//! follows what it is told and confirms it by what L1 says.
//!
//! ```text
//!               ┌────────────── gossip ──────────────────────────────► verifier
//!   traffic ──► sequencer ──batches──► L1: lux-00 … lux-03 ──derivation──┘
//!      └─────────deposits───────────────▲
//! ```

mod check;
mod feed;
mod files;
mod places;
mod traffic;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use quintet_eth_chain::Retention;
use quintet_lux_node::dev::DevAccount;
use quintet_node::{
    datadir::DataDir,
    lifecycle::{NodeContext, RunningNode},
    ops::Health,
};
use quintet_rollup_node::{
    batcher::BatcherOptions,
    derive::DriverOptions,
    l1::{
        prefetch::PrefetchOptions,
        rpc::{RpcL1, RpcOptions},
        transport::Transport,
    },
    node::{BatcherParts, RollupHandle, RollupNode, RollupOptions},
    p2p::P2pOptions,
    sequencer::SequencerOptions,
    wallet::Wallet,
};

use self::files::Files;
pub(super) use self::{
    check::{RollupSeen, prove},
    feed::run as feed,
    files::contracts,
    places::RollupPlaces,
    traffic::run as traffic,
};
use super::{evm::chain_options, lux::LuxNodes};
use crate::{
    listen::{for_the_owner, loopback, usual_or_free},
    stop::stop_all,
};

/// Ports that tools expect of the sequencer, Ethereum's methods and op-node's; free ones are taken where they are not free.
const HTTP_PORT: u16 = 8_546;
const RPC_PORT: u16 = 9_545;

/// What is kept of each chain: states, which can be gone back to, of two hours of blocks, and bodies of twelve.
const RETENTION: Retention = Retention { states: 7_200, archive: false, bodies: Some(43_200) };

/// Time between two looks at L1's newest block.
const L1_POLL: Duration = Duration::from_millis(500);

/// L1 blocks fetched at once.
const IN_FLIGHT: usize = 10;

/// Time between two looks of the batcher at both chains: a slot of L1.
const BATCHER_POLL: Duration = Duration::from_secs(2);

/// Time a batcher's transaction has to get into a block before it is sent again with a higher fee.
const RESUBMISSION: Duration = Duration::from_secs(20);

/// L1 blocks after which a transaction of the batcher is taken to stay: it is final by then.
const CONFIRMATIONS: u64 = 4;

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Sequencer,
    Verifier,
}

/// One node of the rollup.
#[derive(Debug, Clone)]
pub(super) struct LocalRollup {
    name: Arc<str>,
    role: Role,
    handle: RollupHandle,
}

/// The nodes; those running are handed to whoever waits for the end.
#[derive(Debug)]
pub(super) struct RollupNodes {
    pub(super) nodes: Vec<LocalRollup>,
    pub(super) running: Vec<RunningNode>,
    files: Files,
}

impl RollupNodes {
    /// Starts both nodes below `home`, the sequencer at the ports tools expect if `usual` and they are free.
    ///
    /// # Errors
    ///
    /// If one does not start; the one before it is stopped by then.
    pub(super) async fn start(
        home: &Path,
        l1: &LuxNodes,
        usual: bool,
        health: &Health,
    ) -> anyhow::Result<Self> {
        let (place, chain) = (home.to_owned(), l1.nodes.first().map(|node| node.chain().clone()));
        let (chain, cast) = (chain.context("a rollup needs an L1")?, l1.cast.clone());
        let opening = tokio::task::spawn_blocking(move || files::open(&place, &chain, &cast));
        let files = opening.await?.context("the rollup does not start")?;
        let mut started = Self { nodes: Vec::new(), running: Vec::new(), files };
        for role in [Role::Sequencer, Role::Verifier] {
            if let Err(error) = started.add(role, home, l1, usual, health).await {
                started.stop().await;
                return Err(error.context(format!("{} does not start", role.name())));
            }
        }
        Ok(started)
    }

    async fn add(
        &mut self,
        role: Role,
        home: &Path,
        l1: &LuxNodes,
        usual: bool,
        health: &Health,
    ) -> anyhow::Result<()> {
        let usual = usual && role == Role::Sequencer;
        let data_dir = DataDir::open(home.join(role.name()))?;
        let ctx = NodeContext::new(role.name(), data_dir, health);
        let mut urls: Vec<String> = l1.nodes.iter().map(super::lux::LocalValidator::http).collect();
        if role == Role::Verifier {
            // Another one first, so that each sees L1 with other eyes.
            urls.reverse();
        }
        let batcher = match (role, urls.first()) {
            (Role::Sequencer, Some(l1_node)) => Some(batcher(&l1.cast.batcher, l1_node)?),
            _ => None,
        };
        let config = Arc::clone(&self.files.config);
        let l1_options = RpcOptions::new(config.l1_chain_id, config.batch_inbox);
        let prefetch =
            PrefetchOptions { in_flight: IN_FLIGHT, poll: L1_POLL, ..PrefetchOptions::default() };
        let sequencer = (role == Role::Sequencer)
            .then(|| SequencerOptions { l1_confirmations: 0, ..SequencerOptions::default() });
        let options = RollupOptions {
            source: Arc::new(RpcL1::new(&urls, None, l1_options, &Transport::default())?),
            config,
            genesis: self.files.genesis.clone(),
            chain: chain_options(RETENTION),
            driver: DriverOptions { prefetch, ..DriverOptions::default() },
            l1_poll: L1_POLL,
            rpc: Some(for_the_owner(usual_or_free(RPC_PORT, usual))),
            admin: false,
            eth_rpc: Some(for_the_owner(usual_or_free(HTTP_PORT, usual))),
            sequencer,
            batcher,
            p2p: Some(self.p2p(role, &l1.cast.signer)?),
        };
        let (running, handle) = RollupNode::new(options).spawn(ctx).await?;
        self.running.push(running);
        self.nodes.push(LocalRollup { name: role.name().into(), role, handle });
        Ok(())
    }

    /// How a node joins those before it.
    fn p2p(&self, role: Role, signer: &DevAccount) -> anyhow::Result<P2pOptions> {
        let sequencer = match role {
            Role::Sequencer => Some(Wallet::new(signer.key())?),
            Role::Verifier => None,
        };
        let peers = self.nodes.iter().filter_map(|node| node.handle.p2p().cloned()).collect();
        Ok(P2pOptions { peers, sequencer, ..P2pOptions::new(loopback(0)) })
    }

    /// Stops both, the verifier first.
    pub(super) async fn stop(&mut self) {
        stop_all(&mut self.running).await;
    }
}

impl Role {
    /// The node's name, and its directory's.
    const fn name(self) -> &'static str {
        match self {
            Self::Sequencer => "rollup-sequencer",
            Self::Verifier => "rollup-verifier",
        }
    }
}

fn batcher(account: &DevAccount, l1: &str) -> anyhow::Result<BatcherParts> {
    let options = BatcherOptions {
        poll: BATCHER_POLL,
        resubmission: RESUBMISSION,
        confirmations: CONFIRMATIONS,
        ..BatcherOptions::default()
    };
    Ok(BatcherParts { wallet: Wallet::new(account.key())?, l1: l1.to_owned(), options })
}
