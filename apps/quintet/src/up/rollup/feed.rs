//! From the rollup's nodes to what the page shows: once a second each node's heads against L1, the sequencer's latest blocks, and what went into
//! them lately.

use std::{sync::Arc, time::Duration};

use quintet_actor::supervisor::Fault;
use quintet_dashboard::{
    ChainRates, Event, Figures, Kind, L1Point, NodeEntry, NodeId, NodeState, Panel, Publisher,
    Rates, RollupBlock, RollupHead, RollupNode, RollupRole, Throughput,
};
use quintet_eth_chain::BlockTag;
use quintet_rollup_node::{engine::EngineError, node::Heads};
use quintet_rollup_protocol::{
    config::RollupConfig,
    deposit::DEPOSIT_TX_TYPE,
    refs::{L1Ref, L2Ref},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{LocalRollup, Role, RollupNodes};
use crate::up::feed::unix_millis;

/// Time between two pictures; the page's charts are drawn for one a second.
const PICTURE_EVERY: Duration = Duration::from_secs(1);

/// Blocks shown.
const BLOCKS: usize = 40;

/// Blocks that rates are taken over.
const RATE_BLOCKS: usize = 10;

/// What is shown.
#[derive(Debug, Clone)]
pub(in crate::up) struct Shown {
    nodes: Vec<LocalRollup>,
    config: Arc<RollupConfig>,
}

impl RollupNodes {
    /// What the page shows of them.
    pub(in crate::up) fn shown(&self) -> Shown {
        Shown { nodes: self.nodes.clone(), config: Arc::clone(&self.files.config) }
    }
}

/// Takes pictures until told to stop. One that cannot be taken is said in the log, and the next one tried.
pub(in crate::up) async fn run(
    shown: Shown,
    publisher: Publisher,
    stop: CancellationToken,
) -> Result<(), Fault> {
    for node in &shown.nodes {
        publisher.event(Event::NodeStarted { node: NodeId::new(&*node.name) });
    }
    let mut blocks: Vec<RollupBlock> = Vec::new();
    let mut ticks = interval(PICTURE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            return Ok(());
        }
        let (of, known) = (shown.clone(), blocks.clone());
        let taken = tokio::task::spawn_blocking(move || {
            let each = of.nodes.iter().map(|node| picture(node, &of.config, &known));
            each.collect::<Result<Vec<_>, EngineError>>()
        });
        match taken.await {
            Ok(Ok(taken)) => {
                if let Some(made) = taken.iter().find(|one| one.role == RollupRole::Sequencer) {
                    blocks.clone_from(&made.blocks);
                }
                publish(&publisher, &shown.nodes, taken);
            }
            Ok(Err(error)) => tracing::warn!(%error, "the rollup cannot be shown"),
            Err(error) => tracing::error!(%error, "the rollup cannot be shown"),
        }
    }
}

fn publish(publisher: &Publisher, nodes: &[LocalRollup], taken: Vec<RollupNode>) {
    for (node, picture) in nodes.iter().zip(taken) {
        if node.role == Role::Sequencer {
            let figures = Figures::Chain(rates(&picture.blocks));
            publisher.throughput(Throughput { kind: Kind::Rollup, time: unix_millis(), figures });
        }
        let peers = node.handle.eth().peer_count().unwrap_or_default();
        let endpoint = node.handle.eth_rpc().map(|address| address.to_string());
        publisher.node(NodeEntry {
            id: NodeId::new(&*node.name),
            name: node.name.to_string(),
            endpoint: endpoint.unwrap_or_default(),
            state: match node.handle.status().heads().is_caught_up {
                true => NodeState::Running,
                false => NodeState::Starting,
            },
            peers: u32::try_from(peers).unwrap_or(u32::MAX),
            rates: Rates::default(),
            panel: Panel::Rollup(picture),
        });
    }
}

fn picture(
    node: &LocalRollup,
    config: &RollupConfig,
    known: &[RollupBlock],
) -> Result<RollupNode, EngineError> {
    let heads: Heads = node.handle.status().heads();
    let (unsafe_l2, _) = node.handle.reader().head()?;
    let blocks = match node.role {
        Role::Sequencer => blocks(node, &unsafe_l2, known)?,
        Role::Verifier => Vec::new(),
    };
    Ok(RollupNode {
        chain_id: config.l2_chain_id,
        l1_chain_id: config.l1_chain_id,
        role: match node.role {
            Role::Sequencer => RollupRole::Sequencer,
            Role::Verifier => RollupRole::Verifier,
        },
        block_seconds: config.block_time,
        unsafe_l2: head(&unsafe_l2),
        safe_l2: head(&heads.safe_l2),
        finalized_l2: head(&heads.finalized_l2),
        current_l1: point(&heads.current_l1),
        head_l1: point(&heads.head_l1),
        safe_l1: point(&heads.safe_l1),
        finalized_l1: point(&heads.finalized_l1),
        pending: node.handle.eth().pool().pool().status().pending as u64,
        blocks,
    })
}

fn point(at: &L1Ref) -> L1Point {
    let hash = if at.hash.is_zero() { String::new() } else { at.hash.to_string() };
    L1Point { number: at.number, hash, time: at.timestamp.saturating_mul(1_000) }
}

fn head(at: &L2Ref) -> RollupHead {
    RollupHead {
        number: at.number,
        hash: at.hash.to_string(),
        time: at.timestamp.saturating_mul(1_000),
        origin: at.l1_origin.number,
        sequence_number: at.sequence_number,
    }
}

/// The latest blocks, newest first, those that are known from memory.
fn blocks(
    node: &LocalRollup,
    newest: &L2Ref,
    known: &[RollupBlock],
) -> Result<Vec<RollupBlock>, EngineError> {
    let reader = node.handle.reader();
    let mut blocks = Vec::with_capacity(BLOCKS);
    let mut hash = newest.hash;
    while blocks.len() < BLOCKS {
        let text = hash.to_string();
        if let Some(at) = known.iter().position(|block| block.hash == text) {
            blocks.extend(known.iter().skip(at).cloned());
            break;
        }
        let Some(block) = reader.sealed(BlockTag::Hash(hash))? else { break };
        let (at, _) = reader.place(&block)?;
        let header = block.header();
        let all = block.transactions();
        let deposits = all.iter().filter(|one| one.kind() == DEPOSIT_TX_TYPE).count();
        blocks.push(RollupBlock {
            number: at.number,
            hash: text,
            time: at.timestamp.saturating_mul(1_000),
            origin: at.l1_origin.number,
            // The first of a block tells it L1's figures and is nobody's.
            deposits: (deposits as u64).saturating_sub(1),
            transactions: all.len().saturating_sub(deposits) as u64,
            gas_used: header.gas_used,
            gas_limit: header.gas_limit,
        });
        if at.number == 0 {
            break;
        }
        hash = at.parent_hash;
    }
    blocks.truncate(BLOCKS);
    Ok(blocks)
}

/// What went into the latest blocks, over the time from the block before them.
#[expect(
    clippy::cast_precision_loss,
    reason = "rates are drawn; counts of some blocks stay far below 2^52"
)]
fn rates(newest_first: &[RollupBlock]) -> ChainRates {
    let before = newest_first.get(RATE_BLOCKS).or_else(|| newest_first.last());
    let (Some(newest), Some(before)) = (newest_first.first(), before) else {
        return ChainRates::default();
    };
    let counted = newest_first.iter().take_while(|block| block.number > before.number);
    let (transactions, gas) = counted.fold((0, 0), |(transactions, gas), block| {
        (transactions + block.transactions + block.deposits, gas + block.gas_used)
    });
    let millis = newest.time.saturating_sub(before.time);
    if millis == 0 {
        return ChainRates::default();
    }
    let seconds = millis as f64 / 1_000.0;
    ChainRates { transactions: transactions as f64 / seconds, gas: gas as f64 / seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_count_users_and_deposits_since_the_block_before_those_counted() {
        let block = |number: u64| RollupBlock {
            number,
            hash: String::new(),
            time: number * 1_000,
            origin: 0,
            deposits: 1,
            transactions: 5,
            gas_used: 100,
            gas_limit: 1_000,
        };
        let blocks: Vec<_> = (0..4).rev().map(block).collect();
        assert_eq!(rates(&blocks), ChainRates { transactions: 6.0, gas: 100.0 });
        assert_eq!(rates(&[]), ChainRates::default());
    }
}
