//! From the chain to what the page shows: once a second its latest blocks, its pool, and what went into blocks lately.

use std::{sync::Arc, time::Duration};

use alloy_primitives::B256;
use quintet_actor::supervisor::Fault;
use quintet_dashboard::{
    ChainRates, Event, Figures, Kind, LuxBlock, LuxNode, NodeEntry, NodeId, NodeState, Panel,
    Publisher, Rates, Throughput, Wei,
};
use quintet_eth_chain::{ChainError, ChainReader};
use quintet_lux_node::dev::DevNode;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::up::feed::unix_millis;

/// Time between two pictures; the page's charts are drawn for one a second.
const PICTURE_EVERY: Duration = Duration::from_secs(1);

/// Blocks shown.
const BLOCKS: usize = 40;

/// Blocks that rates are taken over.
const RATE_BLOCKS: usize = 5;

/// Takes pictures until told to stop. One that cannot be taken is said in the log, and the next one tried.
pub(in crate::up) async fn run(
    dev: DevNode,
    endpoint: String,
    publisher: Publisher,
    stop: CancellationToken,
) -> Result<(), Fault> {
    publisher.event(Event::NodeStarted { node: NodeId::new(super::INSTANCE) });
    let mut blocks: Arc<[LuxBlock]> = Arc::default();
    let mut ticks = interval(PICTURE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            return Ok(());
        }
        let (dev, known) = (dev.clone(), Arc::clone(&blocks));
        let taken = tokio::task::spawn_blocking(move || picture(&dev, &known)).await;
        match taken {
            Ok(Ok(lux)) => {
                blocks = lux.blocks.as_slice().into();
                publish(&publisher, &endpoint, lux);
            }
            Ok(Err(error)) => tracing::warn!(%error, "the chain cannot be shown"),
            Err(error) => tracing::error!(%error, "the chain cannot be shown"),
        }
    }
}

fn publish(publisher: &Publisher, endpoint: &str, lux: LuxNode) {
    let figures = Figures::Chain(rates(&lux.blocks));
    publisher.throughput(Throughput { kind: Kind::Lux, time: unix_millis(), figures });
    publisher.node(NodeEntry {
        id: NodeId::new(super::INSTANCE),
        name: super::INSTANCE.to_owned(),
        endpoint: endpoint.to_owned(),
        state: NodeState::Running,
        peers: 0,
        rates: Rates::default(),
        panel: Panel::Lux(lux),
    });
}

/// Reads the latest blocks, those that are known from memory.
fn picture(dev: &DevNode, known: &[LuxBlock]) -> Result<LuxNode, ChainError> {
    let reader = dev.dev.chain().reader()?;
    let head = reader.head();
    let mut blocks = Vec::with_capacity(BLOCKS);
    let mut hash = head.hash;
    while blocks.len() < BLOCKS {
        let text = hash.to_string();
        if let Some(at) = known.iter().position(|block| block.hash == text) {
            blocks.extend(known.iter().skip(at).cloned());
            break;
        }
        let Some((block, parent)) = brief(&reader, hash)? else { break };
        let is_first = block.number == 0;
        blocks.push(block);
        if is_first {
            break;
        }
        hash = parent;
    }
    blocks.truncate(BLOCKS);
    let base_fee = dev.next_base_fee()?;
    let status = dev.node.pool().pool().status();
    Ok(LuxNode {
        chain_id: dev.dev.chain().spec().chain_id(),
        base_fee: Wei(u128::from(base_fee)),
        pending: status.pending as u64,
        queued: status.queued as u64,
        blocks,
        consensus: None,
    })
}

/// A block in brief, and its parent; none if its body has gone.
fn brief(reader: &ChainReader, hash: B256) -> Result<Option<(LuxBlock, B256)>, ChainError> {
    let Some(block) = reader.block(hash)? else { return Ok(None) };
    let header = block.header();
    let brief = LuxBlock {
        number: header.number,
        hash: hash.to_string(),
        time: header.timestamp.saturating_mul(1_000),
        proposer: header.beneficiary.to_string(),
        transactions: block.transactions().len() as u64,
        gas_used: header.gas_used,
        gas_limit: header.gas_limit,
        base_fee: Wei(header.base_fee_per_gas.map_or(0, u128::from)),
    };
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
