//! From the nodes to the page: ten times a second what joined the DAG and where the selected chain went, as the first node sees it; once a second what
//! each node is at.
//!
//! ```text
//!   tips ─► parents that are not known yet ─► DagBlockAdded, parents first
//!   sink told last ─► chain to the sink of now ─► SelectedChainMoved
//! ```
//!
//! # Invariants
//!
//! - Of the DAG no more than [`KNOWN_MAX`] blocks are remembered, and a look finds no more than [`FOUND_MAX`]: a download of a whole DAG costs a
//!   picture, never memory.
//! - A block is told before the chain goes through it.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use quintet_actor::supervisor::Fault;
use quintet_dashboard::{
    DagBlock, DagId, DagRates, Event, Figures, KaspaNode, Kind, NodeEntry, NodeId, NodeState,
    Panel, PoolPicture, Publisher, Rates, Throughput,
};
use quintet_kaspa_node::{
    consensus::{Consensus, ConsensusError},
    rpc::Core,
};
use quintet_kaspa_protocol::header::Header;
use quintet_primitives::Hash256;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::LocalKaspa;
use crate::up::feed::unix_millis;

/// Time between two looks at the DAG: as often as the page gets a frame.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks from one picture of the nodes to the next; the page's charts are drawn for one a second.
const LOOKS_A_PICTURE: u64 = 10;

/// Blocks that one look finds, and so those that the page begins with.
const FOUND_MAX: usize = 300;

/// Blocks remembered: more than the page shows.
const KNOWN_MAX: usize = 4_096;

/// Chain blocks joined or left in one look.
const CHAIN_MAX: usize = 300;

/// Transactions of a pool looked at.
const POOL_MAX: usize = 20_000;

/// Where bands of the pool begin, sompi a gram.
const BANDS: [f64; 10] =
    [100.0, 150.0, 200.0, 300.0, 500.0, 750.0, 1_000.0, 1_500.0, 2_000.0, 3_000.0];

/// Tells of the nodes until told to stop. A look that fails is said in the log, and the next one tried.
pub(in crate::up) async fn run(
    nodes: Vec<LocalKaspa>,
    publisher: Publisher,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let Some(first) = nodes.first() else { return Ok(()) };
    for node in &nodes {
        publisher.event(Event::NodeStarted { node: NodeId::new(&*node.name) });
    }
    let (core, mut view) = (Arc::clone(&first.core), DagView::default());
    let mut counted = Counted::new();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for look in 0_u64.. {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            break;
        }
        let core = Arc::clone(&core);
        let looked = tokio::task::spawn_blocking(move || {
            let seen = view.look(&core);
            (view, seen)
        });
        let (back, seen) = looked.await?;
        view = back;
        match seen {
            Ok(seen) => {
                counted.add(&seen);
                publish(seen, &publisher);
            }
            Err(error) => tracing::warn!(%error, "the DAG cannot be shown"),
        }
        if look.is_multiple_of(LOOKS_A_PICTURE) {
            for node in &nodes {
                publisher.node(entry(node));
            }
            let figures = Figures::Dag(counted.rates());
            publisher.throughput(Throughput { kind: Kind::Kaspa, time: unix_millis(), figures });
        }
    }
    Ok(())
}

/// What a look found.
#[derive(Debug, Default)]
struct Seen {
    blocks: Vec<DagBlock>,
    left: Vec<DagId>,
    joined: Vec<DagId>,
    /// Transactions accepted now and not before: fewer than none where the chain left more than it joined.
    accepted: i64,
}

/// What the page knows of the DAG.
#[derive(Debug, Default)]
struct DagView {
    known: HashSet<Hash256>,
    order: VecDeque<Hash256>,
    /// The tip of the selected chain that was told last.
    sink: Option<Hash256>,
}

impl DagView {
    fn look(&mut self, core: &Core) -> Result<Seen, ConsensusError> {
        let consensus = &core.consensus;
        // The sink first: whatever joins meanwhile is told of with the next one.
        let sink = consensus.sink();
        let mut seen = Seen::default();
        for (hash, header) in self.found(consensus)? {
            self.remember(hash);
            seen.blocks.extend(shown(consensus, &hash, &header)?);
        }
        let from = self.sink.unwrap_or_else(|| first_of_the_chain(consensus, sink));
        if from != sink
            && let Some(path) = consensus.chain_from(&from, CHAIN_MAX)
        {
            for hash in &path.added {
                seen.accepted += accepted(consensus, hash)?;
            }
            for hash in &path.removed {
                seen.accepted -= accepted(consensus, hash)?;
            }
            // Of a long way no more than its beginning is told at once.
            self.sink = path.added.last().copied().or(Some(sink));
            seen.left = path.removed.iter().take(CHAIN_MAX).map(id).collect();
            seen.joined = path.added.iter().map(id).collect();
        } else {
            self.sink = Some(sink);
        }
        Ok(seen)
    }

    /// The blocks in the past of the tips that are not known yet, parents first.
    fn found(&self, consensus: &Consensus) -> Result<Vec<(Hash256, Arc<Header>)>, ConsensusError> {
        let mut next = VecDeque::from(consensus.tips());
        let mut asked: HashSet<Hash256> = next.iter().copied().collect();
        let mut found = Vec::new();
        while found.len() < FOUND_MAX
            && let Some(hash) = next.pop_front()
        {
            if self.known.contains(&hash) {
                continue;
            }
            let Some(header) = consensus.header(&hash)? else { continue };
            next.extend(header.direct_parents().iter().filter(|parent| asked.insert(**parent)));
            found.push((hash, header));
        }
        // Blue work grows from every parent to its child.
        found.sort_by_key(|(_, header)| header.blue_work);
        Ok(found)
    }

    fn remember(&mut self, hash: Hash256) {
        if self.known.insert(hash) {
            self.order.push_back(hash);
        }
        while self.order.len() > KNOWN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// What happened since the last rates.
#[derive(Debug)]
struct Counted {
    since: Instant,
    blocks: i64,
    chain: i64,
    accepted: i64,
    /// The first look finds the past, which is no rate.
    is_first: bool,
}

impl Counted {
    fn new() -> Self {
        Self { since: Instant::now(), blocks: 0, chain: 0, accepted: 0, is_first: true }
    }

    fn add(&mut self, seen: &Seen) {
        if !std::mem::take(&mut self.is_first) {
            self.blocks += signed(seen.blocks.len());
            self.chain += signed(seen.joined.len()) - signed(seen.left.len());
            self.accepted += seen.accepted;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a second")]
    fn rates(&mut self) -> DagRates {
        let last = std::mem::replace(self, Self { is_first: self.is_first, ..Self::new() });
        let seconds = last.since.elapsed().as_secs_f64();
        let rate = |count: i64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        DagRates {
            blocks: rate(last.blocks),
            chain: rate(last.chain),
            accepted: rate(last.accepted),
        }
    }
}

fn publish(Seen { blocks, left, joined, .. }: Seen, publisher: &Publisher) {
    for block in blocks {
        publisher.event(Event::DagBlockAdded { block });
    }
    if !left.is_empty() || !joined.is_empty() {
        publisher.event(Event::SelectedChainMoved { left, joined });
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn id(hash: &Hash256) -> DagId {
    DagId::of(hash.as_bytes())
}

/// A block as the page shows it; none if it was pruned meanwhile.
fn shown(
    consensus: &Consensus,
    hash: &Hash256,
    header: &Header,
) -> Result<Option<DagBlock>, ConsensusError> {
    let Some(place) = consensus.place(hash) else { return Ok(None) };
    let block = consensus.block(hash)?;
    let transactions = block.map_or(0, |block| block.transactions.len());
    let blues = place.blues.iter().filter(|blue| **blue != place.selected_parent);
    Ok(Some(DagBlock {
        id: id(hash),
        parents: header.direct_parents().iter().map(id).collect(),
        selected_parent: id(&place.selected_parent),
        blues: blues.map(id).collect(),
        reds: place.reds.iter().map(id).collect(),
        blue_score: header.blue_score,
        daa_score: header.daa_score,
        made: header.timestamp,
        transactions: u32::try_from(transactions).unwrap_or(u32::MAX),
    }))
}

/// As far down the selected chain as the page is told at once.
fn first_of_the_chain(consensus: &Consensus, sink: Hash256) -> Hash256 {
    let mut hash = sink;
    for _ in 0..CHAIN_MAX {
        match consensus.place(&hash).map(|place| place.selected_parent) {
            Some(below) if consensus.status(&below).is_some() => hash = below,
            _ => break,
        }
    }
    hash
}

/// How many transactions a chain block accepted, the one coinbase among them aside.
fn accepted(consensus: &Consensus, hash: &Hash256) -> Result<i64, ConsensusError> {
    let by = consensus.accepted_by(hash)?;
    let sum = by.map_or(0, |by| by.merged.iter().map(|(_, ids)| ids.len()).sum::<usize>());
    Ok(signed(sum.saturating_sub(1)))
}

fn entry(node: &LocalKaspa) -> NodeEntry {
    let core = &node.core;
    let state = core.consensus.virtual_state();
    let rules = core.consensus.params().rules_at(state.daa_score);
    let peers = core.peers.connected().len();
    let pool = core.mempool.read(|pool| {
        let ready = pool.frontier().descending().take(POOL_MAX);
        PoolPicture::of(&BANDS, ready.map(|waits| (waits.feerate(), waits.mass)))
    });
    NodeEntry {
        id: NodeId::new(&*node.name),
        name: node.name.to_string(),
        endpoint: format!("ws://{}", node.borsh),
        state: if peers == 0 { NodeState::Degraded } else { NodeState::Running },
        peers: u32::try_from(peers).unwrap_or(u32::MAX),
        rates: Rates::default(),
        panel: Panel::Kaspa(KaspaNode {
            network: core.network().name().to_owned(),
            blocks_per_second: rules.rate.bps(),
            sink: id(&state.sink_hash()),
            daa_score: state.daa_score,
            blue_score: core.consensus.place(&state.sink_hash()).map_or(0, |at| at.blue_score),
            tips: core.consensus.tips().len() as u64,
            blocks: core.consensus.header_count() as u64,
            ghostdag_k: rules.rate.ghostdag_k.into(),
            pool,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(joined: usize, left: usize, accepted: i64) -> Seen {
        let ids = |count| vec![DagId::default(); count];
        Seen { blocks: Vec::new(), left: ids(left), joined: ids(joined), accepted }
    }

    #[test]
    fn the_past_is_no_rate_and_what_the_chain_leaves_is_taken_off() {
        let mut counted = Counted::new();
        counted.add(&seen(300, 0, 3_000));
        counted.add(&seen(2, 0, 10));
        counted.add(&seen(3, 1, -4));
        assert_eq!((counted.chain, counted.accepted), (4, 6));
        counted.rates();
        assert_eq!((counted.chain, counted.accepted, counted.is_first), (0, 0, false));
    }
}
