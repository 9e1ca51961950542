//! Made-up chains: Bitcoin's with a pool, LuxTensor's with slots and votes, a rollup's heads. The numbers mean nothing.

use quintet_dashboard::{
    BitcoinBlock, BitcoinNode, BitcoinPeer, BitcoinRates, ChainRates, Figures, Kind, L1Point,
    LuxBlock, LuxConsensus, LuxNode, LuxPoint, LuxSlot, LuxSlotState, LuxValidator, NodeEntry,
    NodeId, NodeState, Panel, PoolPicture, Publisher, Rates, RollupBlock, RollupHead, RollupNode,
    RollupRole, Throughput, Wei,
};
use rand::{RngExt, rngs::StdRng};

use crate::now;

const VALIDATORS: u32 = 4;
const STAKE: u64 = 32_000_000_000;
const SECONDS_A_BITCOIN_BLOCK: u64 = 6;
const BLOCKS: u64 = 24;
const BANDS: [f64; 8] = [0.0, 1.0, 3.0, 5.0, 8.0, 12.0, 20.0, 35.0];

/// Publishes what the chains are at in a second.
pub(crate) fn second(publisher: &Publisher, random: &mut StdRng, second: u64) {
    bitcoin(publisher, random, second);
    lux(publisher, random, second);
    rollup(publisher, second);
}

fn entry(name: &str, endpoint: &str, peers: u32, panel: Panel) -> NodeEntry {
    NodeEntry {
        id: NodeId::new(name),
        name: name.to_owned(),
        endpoint: endpoint.to_owned(),
        state: NodeState::Running,
        peers,
        rates: Rates::default(),
        panel,
    }
}

/// A number that looks like a hash, the same each time.
fn hash(prefix: &str, number: u64) -> String {
    let word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) ^ 0x5bd1_e995;
    format!("{prefix}{word:016x}{:016x}{word:016x}{:016x}", word.rotate_left(9), !word)
}

fn bitcoin(publisher: &Publisher, random: &mut StdRng, second: u64) {
    let height = 101 + second / SECONDS_A_BITCOIN_BLOCK;
    let waiting = 3 * (second % SECONDS_A_BITCOIN_BLOCK) + 1;
    let block = |height: u64| BitcoinBlock {
        height,
        hash: hash("", height),
        time: now() - (101 + second / SECONDS_A_BITCOIN_BLOCK - height) * 6_000,
        transactions: 1 + height % 19,
        weight: 900_000 + (height % 7) * 400_000,
    };
    let pool = (0..waiting).map(|_| (random.random_range(0.5..44.0), 141));
    let pool = PoolPicture::of(&BANDS, pool);
    for (index, name) in ["bitcoin-00", "bitcoin-01"].into_iter().enumerate() {
        let peer = BitcoinPeer {
            address: format!("127.0.0.1:{}", 18_444 + 1_000 * index),
            inbound: index == 0,
            agent: "/quintet:0.1.0/".to_owned(),
            height: Some(height),
            ping_ms: (second > 3).then_some(0.4),
            bytes_in: 90 * second * second,
            bytes_out: 70 * second * second,
        };
        let blocks = if index == 0 {
            (height.saturating_sub(BLOCKS)..=height).rev().map(block).collect()
        } else {
            Vec::new()
        };
        let panel = Panel::Bitcoin(BitcoinNode {
            chain: "regtest".to_owned(),
            height,
            headers: height,
            best: hash("", height),
            blocks,
            pool: pool.clone(),
            connections: vec![peer],
        });
        publisher.node(entry(name, "http://127.0.0.1:18443", 1, panel));
    }
    let mined = if second.is_multiple_of(SECONDS_A_BITCOIN_BLOCK) { 16.0 } else { 0.0 };
    let bytes = random.random_range(400.0..900.0);
    let rates = BitcoinRates { entered: 3.0, mined, bytes_in: bytes, bytes_out: bytes };
    let figures = Figures::Bitcoin(rates);
    publisher.throughput(Throughput { kind: Kind::Bitcoin, time: now(), figures });
}

/// Four of one stake; one of them says two things after a while.
fn validators(second: u64) -> Vec<LuxValidator> {
    let validator = |index: u32| LuxValidator {
        address: hash("0x", u64::from(index) + 90)[..42].to_owned(),
        stake: STAKE,
        equivocated: index == 2 && second > 40,
    };
    (0..VALIDATORS).map(validator).collect()
}

fn lux(publisher: &Publisher, random: &mut StdRng, second: u64) {
    let slot = 200 + second;
    let point = |behind: u64| {
        let slot = slot - behind;
        LuxPoint { slot, number: slot - 3, hash: hash("0x", slot) }
    };
    let state = |slot: u64, newest: u64| match newest - slot {
        _ if slot.is_multiple_of(13) => LuxSlotState::Missed,
        0..=1 => LuxSlotState::Proposed,
        2..=3 => LuxSlotState::Justified,
        _ => LuxSlotState::Finalised,
    };
    let slots = (slot - 60..=slot).rev().map(|each| {
        let state = state(each, slot);
        let is_missed = state == LuxSlotState::Missed;
        let votes = if each == slot { 1 } else { 3 + u64::from(!each.is_multiple_of(5)) };
        LuxSlot {
            slot: each,
            proposer: u32::try_from(each.wrapping_mul(7) / 3 % u64::from(VALIDATORS)).ok(),
            block: (!is_missed).then_some(each - 3),
            votes: votes * STAKE,
            state,
        }
    });
    let slots: Vec<LuxSlot> = slots.collect();
    let block = |number: u64| LuxBlock {
        number,
        hash: hash("0x", number + 3),
        time: now() - (slot - 3 - number) * 1_000,
        proposer: hash("0x", number % 4)[..42].to_owned(),
        transactions: 20 + number % 9,
        gas_used: 700_000 + (number % 9) * 90_000,
        gas_limit: 30_000_000,
        base_fee: Wei(1_000_000_007 - u128::from(number)),
    };
    for index in 0..VALIDATORS {
        let consensus = LuxConsensus {
            slot,
            epoch: slot / 8,
            slot_start: now() - 40,
            slot_millis: 1_000,
            proposer: slots[0].proposer,
            validator: Some(index),
            head: point(1),
            justified: point(2),
            finalised: point(4),
            total_stake: STAKE * u64::from(VALIDATORS),
            validators: validators(second),
            slots: if index == 0 { slots.clone() } else { Vec::new() },
        };
        let blocks =
            if index == 0 { (slot - 43..slot - 3).rev().map(block).collect() } else { Vec::new() };
        let panel = Panel::Lux(LuxNode {
            chain_id: 88_980,
            base_fee: Wei(1_000_000_007),
            pending: 5 + second % 7,
            queued: 0,
            blocks,
            consensus: Some(consensus),
        });
        publisher.node(entry(&format!("lux-{index:02}"), "http://127.0.0.1:8545", 3, panel));
    }
    let transactions = random.random_range(18.0..27.0);
    let rates = ChainRates { transactions, gas: transactions * 34_000.0 };
    let figures = Figures::Chain(rates);
    publisher.throughput(Throughput { kind: Kind::Lux, time: now(), figures });
}

fn rollup(publisher: &Publisher, second: u64) {
    let (l1, l2) = (197 + second, 80 + second / 2);
    let l1_point = |behind: u64| L1Point {
        number: l1 - behind,
        hash: hash("0x", l1 - behind),
        time: now() - behind * 1_000,
    };
    let head = |behind: u64, lag: u64| RollupHead {
        number: l2 - behind,
        hash: hash("0x", l2 - behind + 1_000),
        time: now() - behind * 2_000,
        origin: l1 - lag - 2 * behind,
        sequence_number: second % 2,
    };
    let block = |number: u64| RollupBlock {
        number,
        hash: hash("0x", number + 1_000),
        time: now() - (l2 - number) * 2_000,
        origin: l1 - 2 - 2 * (l2 - number),
        deposits: u64::from(number.is_multiple_of(6)),
        transactions: 4 + number % 3,
        gas_used: 150_000 + (number % 3) * 21_000,
        gas_limit: 30_000_000,
    };
    for (name, role) in
        [("rollup-seq", RollupRole::Sequencer), ("rollup-ver", RollupRole::Verifier)]
    {
        let late = u64::from(role == RollupRole::Verifier);
        let panel = Panel::Rollup(RollupNode {
            chain_id: 901,
            l1_chain_id: 88_980,
            role,
            block_seconds: 2,
            unsafe_l2: head(late, 2),
            safe_l2: head(6 + second % 4, 2),
            finalized_l2: head(10 + second % 4, 2),
            current_l1: l1_point(1 + late),
            head_l1: l1_point(0),
            safe_l1: l1_point(2),
            finalized_l1: l1_point(4),
            pending: 2,
            blocks: if late == 0 { (l2 - 30..=l2).rev().map(block).collect() } else { Vec::new() },
        });
        publisher.node(entry(name, "http://127.0.0.1:9545", 1, panel));
    }
    let figures = Figures::Chain(ChainRates { transactions: 2.5, gas: 90_000.0 });
    publisher.throughput(Throughput { kind: Kind::Rollup, time: now(), figures });
}
