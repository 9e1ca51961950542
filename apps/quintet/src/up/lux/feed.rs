//! From the validators to what the page shows: once a second the latest blocks and slots, each node's heads and pool, and what went into
//! blocks lately.
//!
//! Blocks and slots are in the first node's entry alone: they are the same at all.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use alloy_primitives::{Address, B256};
use quintet_actor::supervisor::Fault;
use quintet_dashboard::{
    ChainRates, Event, Figures, Kind, LuxBlock, LuxConsensus, LuxNode, LuxPoint, LuxSlot,
    LuxSlotState, LuxValidator, NodeEntry, NodeId, NodeState, Panel, Publisher, Rates, Throughput,
    Wei,
};
use quintet_eth_chain::{ChainError, ChainReader};
use quintet_lux_node::{
    send,
    validator::{ConsensusView, Engine, PointView},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::LocalValidator;
use crate::up::feed::unix_millis;

/// Time between two pictures; the page's charts are drawn for one a second.
const PICTURE_EVERY: Duration = Duration::from_secs(1);

/// Blocks shown.
const BLOCKS: usize = 40;

/// Slots shown.
const SLOTS: u64 = 40;

/// Blocks that rates are taken over.
const RATE_BLOCKS: usize = 5;

/// What was seen before, so that it is not read again.
#[derive(Debug, Default)]
struct Seen {
    blocks: Vec<SeenBlock>,
    /// Who was to propose in the latest slots.
    proposers: BTreeMap<u64, u32>,
}

/// A block with what its header says of consensus.
#[derive(Debug, Clone)]
struct SeenBlock {
    shown: LuxBlock,
    slot: u64,
    proposer: Address,
}

/// Takes pictures until told to stop. One that cannot be taken is said in the log, and the next one tried.
pub(in crate::up) async fn run(
    nodes: Vec<LocalValidator>,
    publisher: Publisher,
    stop: CancellationToken,
) -> Result<(), Fault> {
    for node in &nodes {
        publisher.event(Event::NodeStarted { node: NodeId::new(&*node.name) });
    }
    let nodes: Arc<[LocalValidator]> = nodes.into();
    let mut seen = Seen::default();
    let mut ticks = interval(PICTURE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            return Ok(());
        }
        let (all, mut before) = (Arc::clone(&nodes), std::mem::take(&mut seen));
        let taken = tokio::task::spawn_blocking(move || {
            let taken = pictures(&all, &mut before);
            (taken, before)
        });
        match taken.await {
            Ok((taken, after)) => {
                seen = after;
                match taken {
                    Ok(taken) => publish(&publisher, &nodes, taken),
                    Err(error) => tracing::warn!(%error, "the chain cannot be shown"),
                }
            }
            Err(error) => tracing::error!(%error, "the chain cannot be shown"),
        }
    }
}

fn publish(publisher: &Publisher, nodes: &[LocalValidator], taken: Vec<LuxNode>) {
    if let Some(first) = taken.first() {
        let figures = Figures::Chain(rates(&first.blocks));
        publisher.throughput(Throughput { kind: Kind::Lux, time: unix_millis(), figures });
    }
    for (node, lux) in nodes.iter().zip(taken) {
        let peers = node.node.peer_count().unwrap_or_default();
        publisher.node(NodeEntry {
            id: NodeId::new(&*node.name),
            name: node.name.to_string(),
            endpoint: node.served.to_string(),
            state: if peers == 0 { NodeState::Degraded } else { NodeState::Running },
            peers: u32::try_from(peers).unwrap_or(u32::MAX),
            rates: Rates::default(),
            panel: Panel::Lux(lux),
        });
    }
}

fn pictures(nodes: &[LocalValidator], seen: &mut Seen) -> Result<Vec<LuxNode>, ChainError> {
    let each = nodes.iter().enumerate();
    each.map(|(index, node)| picture(node, (index == 0).then_some(&mut *seen))).collect()
}

/// Reads a node; the latest blocks and slots too, if what was seen of them before is given.
fn picture(node: &LocalValidator, seen: Option<&mut Seen>) -> Result<LuxNode, ChainError> {
    let reader = node.chain().reader()?;
    let mut engine = node.engine.lock().unwrap_or_else(PoisonError::into_inner);
    let view = engine.view();
    let mut consensus = consensus(&view);
    let mut blocks = Vec::new();
    if let Some(seen) = seen {
        seen.follow(&reader, &engine)?;
        seen.note(&view);
        consensus.slots = seen.slots(&view, &engine);
        blocks = seen.blocks.iter().map(|block| block.shown.clone()).collect();
    }
    drop(engine);
    let status = node.node.pool().pool().status();
    Ok(LuxNode {
        chain_id: node.chain().spec().chain_id(),
        base_fee: Wei(u128::from(send::next_base_fee(&node.node)?)),
        pending: status.pending as u64,
        queued: status.queued as u64,
        blocks,
        consensus: Some(consensus),
    })
}

fn consensus(view: &ConsensusView) -> LuxConsensus {
    let index = |index: Option<usize>| index.and_then(|index| u32::try_from(index).ok());
    let point = |at: PointView| LuxPoint {
        slot: at.slot,
        number: at.number.unwrap_or_default(),
        hash: at.hash.to_string(),
    };
    let validators = view.validators.iter().map(|one| LuxValidator {
        address: one.address.to_string(),
        stake: one.stake,
        equivocated: one.equivocated,
    });
    LuxConsensus {
        slot: view.slot,
        epoch: view.epoch,
        slot_start: view.slot_start,
        slot_millis: view.slot_millis,
        proposer: index(view.proposer),
        validator: index(view.own),
        head: point(view.head),
        justified: point(view.justified),
        finalised: point(view.finalised),
        total_stake: view.total_stake,
        validators: validators.collect(),
        slots: Vec::new(),
    }
}

impl Seen {
    /// Reads the blocks that are new.
    fn follow(&mut self, reader: &ChainReader, engine: &Engine) -> Result<(), ChainError> {
        let mut blocks = Vec::with_capacity(BLOCKS);
        let mut hash = reader.head().hash;
        while blocks.len() < BLOCKS {
            let text = hash.to_string();
            if let Some(at) = self.blocks.iter().position(|block| block.shown.hash == text) {
                blocks.extend(self.blocks.iter().skip(at).cloned());
                break;
            }
            let Some((block, parent)) = brief(reader, engine, hash)? else { break };
            let is_first = block.shown.number == 0;
            blocks.push(block);
            if is_first {
                break;
            }
            hash = parent;
        }
        blocks.truncate(BLOCKS);
        self.blocks = blocks;
        Ok(())
    }

    /// Remembers who proposes now.
    fn note(&mut self, view: &ConsensusView) {
        if let Some(proposer) = view.proposer.and_then(|index| u32::try_from(index).ok()) {
            self.proposers.insert(view.slot, proposer);
        }
        let oldest = view.slot.saturating_sub(SLOTS);
        self.proposers.retain(|slot, _| *slot >= oldest);
    }

    /// The latest slots, newest first; none before the chain's first.
    fn slots(&self, view: &ConsensusView, engine: &Engine) -> Vec<LuxSlot> {
        let oldest = view.slot.saturating_sub(SLOTS - 1).max(1);
        let slots = (oldest..=view.slot).rev().map(|slot| {
            let block = self.blocks.iter().find(|block| block.slot == slot && slot > 0);
            let index = |address| view.validators.iter().position(|one| one.address == address);
            let proposer = block.and_then(|block| index(block.proposer));
            let proposer = proposer.and_then(|index| u32::try_from(index).ok());
            LuxSlot {
                slot,
                proposer: proposer.or_else(|| self.proposers.get(&slot).copied()),
                block: block.map(|block| block.shown.number),
                votes: engine.votes_in(slot),
                state: state(block.map(|block| block.shown.number), slot, view),
            }
        });
        slots.collect()
    }
}

/// How far a slot's block is.
fn state(block: Option<u64>, slot: u64, view: &ConsensusView) -> LuxSlotState {
    let reaches = |point: PointView, number: u64| point.number.is_some_and(|upto| number <= upto);
    match block {
        None if slot == view.slot => LuxSlotState::Open,
        None => LuxSlotState::Missed,
        Some(number) if reaches(view.finalised, number) => LuxSlotState::Finalised,
        Some(number) if reaches(view.justified, number) => LuxSlotState::Justified,
        Some(_) => LuxSlotState::Proposed,
    }
}

/// A block in brief, and its parent; none if its body has gone.
fn brief(
    reader: &ChainReader,
    engine: &Engine,
    hash: B256,
) -> Result<Option<(SeenBlock, B256)>, ChainError> {
    let Some(block) = reader.block(hash)? else { return Ok(None) };
    let header = block.header();
    let shown = LuxBlock {
        number: header.number,
        hash: hash.to_string(),
        time: header.timestamp.saturating_mul(1_000),
        proposer: header.beneficiary.to_string(),
        transactions: block.transactions().len() as u64,
        gas_used: header.gas_used,
        gas_limit: header.gas_limit,
        base_fee: Wei(header.base_fee_per_gas.map_or(0, u128::from)),
    };
    let slot = engine.slot_of(header, hash).unwrap_or_default();
    let brief = SeenBlock { shown, slot, proposer: header.beneficiary };
    Ok(Some((brief, header.parent_hash)))
}

/// What went into the latest blocks, over the time from the block before them.
#[expect(
    clippy::cast_precision_loss,
    reason = "rates are drawn; counts of some blocks stay far below 2^52"
)]
fn rates(newest_first: &[LuxBlock]) -> ChainRates {
    let (Some(newest), Some(before)) =
        (newest_first.first(), newest_first.get(RATE_BLOCKS).or_else(|| newest_first.last()))
    else {
        return ChainRates::default();
    };
    let counted = newest_first.iter().take_while(|block| block.number > before.number);
    let (transactions, gas) = counted.fold((0, 0), |(transactions, gas), block| {
        (transactions + block.transactions, gas + block.gas_used)
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

    fn block(number: u64, time: u64) -> LuxBlock {
        LuxBlock {
            number,
            hash: number.to_string(),
            time,
            proposer: String::new(),
            transactions: 20,
            gas_used: 1_000,
            gas_limit: 30_000,
            base_fee: Wei(7),
        }
    }

    fn view() -> ConsensusView {
        let point = |number| PointView { slot: number, number: Some(number), hash: B256::ZERO };
        ConsensusView {
            slot: 9,
            epoch: 0,
            slot_start: 0,
            slot_millis: 2_000,
            proposer: None,
            own: None,
            head: point(8),
            justified: point(7),
            finalised: point(6),
            total_stake: 4,
            validators: Vec::new(),
        }
    }

    #[test]
    fn a_slot_is_as_far_as_its_block() {
        let view = view();
        let states = [(Some(6), 6), (Some(7), 7), (Some(8), 8), (None, 9), (None, 5)];
        let states = states.map(|(block, slot)| state(block, slot, &view));
        use LuxSlotState::{Finalised, Justified, Missed, Open, Proposed};
        assert_eq!(states, [Finalised, Justified, Proposed, Open, Missed]);
    }

    #[test]
    fn rates_are_taken_over_the_time_since_the_block_before_those_counted() {
        let blocks: Vec<_> = (0..8).rev().map(|number| block(number, number * 2_000)).collect();
        assert_eq!(rates(&blocks), ChainRates { transactions: 10.0, gas: 500.0 });
    }

    #[test]
    fn of_one_block_or_none_there_is_no_rate() {
        assert_eq!(rates(&[]), ChainRates::default());
        assert_eq!(rates(&[block(1, 1)]), ChainRates::default());
    }
}
