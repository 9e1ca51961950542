//! A made-up DAG: ten blocks a second by miners that hear of each other late. Colours are thrown, not computed.

use std::collections::VecDeque;

use quintet_dashboard::{
    DagBlock, DagId, DagRates, Event, Figures, KaspaNode, Kind, NodeEntry, NodeId, NodeState,
    Panel, PoolPicture, Publisher, Rates, Throughput,
};
use rand::{RngExt, rngs::StdRng};

use crate::now;

/// Steps after which a block is heard of by everybody.
const LATE: u64 = 4;
const BANDS: [f64; 6] = [100.0, 200.0, 300.0, 500.0, 1_000.0, 2_000.0];

struct Found {
    step: u64,
    block: DagBlock,
    /// Whether a chain block merged it.
    merged: bool,
}

/// The DAG so far; of the past only what may still be a parent.
#[derive(Default)]
pub(crate) struct Dag {
    recent: VecDeque<Found>,
    number: u128,
    score: u64,
    sink: DagId,
    chain: u64,
}

impl Dag {
    /// A step of a twentieth of a second: half of them find a block.
    pub(crate) fn step(&mut self, publisher: &Publisher, random: &mut StdRng, step: u64) {
        if random.random_ratio(1, 2) {
            self.find(publisher, random, step);
        }
        while self.recent.len() > 64 {
            self.recent.pop_front();
        }
    }

    fn find(&mut self, publisher: &Publisher, random: &mut StdRng, step: u64) {
        let seen = step.saturating_sub(random.random_range(0..=LATE));
        let known: Vec<&DagBlock> = self
            .recent
            .iter()
            .filter(|found| found.step <= seen)
            .map(|found| &found.block)
            .collect();
        let is_tip =
            |block: &&DagBlock| !known.iter().any(|child| child.parents.contains(&block.id));
        let mut parents: Vec<&DagBlock> = known.iter().copied().filter(is_tip).collect();
        parents.sort_by_key(|block| std::cmp::Reverse(block.blue_score));
        let mut parents: Vec<DagId> = parents.iter().map(|block| block.id).collect();
        // Who has heard of the sink builds on it; a network that begins has none.
        if self.chain == 0 || known.iter().any(|block| block.id == self.sink) {
            parents.retain(|parent| *parent != self.sink);
            parents.insert(0, self.sink);
        }
        let selected_parent = parents.first().copied().unwrap_or(self.sink);
        self.number += 1;
        let id = DagId(
            (self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes(),
        );
        let (mut blues, mut reds) = (Vec::new(), Vec::new());
        for found in self.recent.iter_mut().filter(|found| !found.merged && found.step <= seen) {
            if found.block.id != selected_parent {
                let merged = if random.random_ratio(1, 12) { &mut reds } else { &mut blues };
                merged.push(found.block.id);
            }
        }
        self.score += 1;
        let block = DagBlock {
            id,
            parents,
            selected_parent,
            blues,
            reds,
            blue_score: self.score,
            daa_score: self.score + 7,
            made: now(),
            transactions: random.random_range(1..6),
        };
        publisher.event(Event::DagBlockAdded { block: block.clone() });
        if selected_parent == self.sink {
            for found in &mut self.recent {
                found.merged |=
                    block.blues.contains(&found.block.id) || block.reds.contains(&found.block.id);
            }
            publisher.event(Event::SelectedChainMoved { left: Vec::new(), joined: vec![id] });
            self.sink = id;
            self.chain += 1;
        }
        let merged = self.sink == id;
        self.recent.push_back(Found { step, block, merged });
    }

    /// What two nodes say once a second.
    pub(crate) fn second(&mut self, publisher: &Publisher, random: &mut StdRng) {
        for name in ["kaspa-00", "kaspa-01"] {
            let pool = (0..14).map(|_| (random.random_range(90.0..2_600.0), 2_036));
            publisher.node(NodeEntry {
                id: NodeId::new(name),
                name: name.to_owned(),
                endpoint: "ws://127.0.0.1:17610".to_owned(),
                state: NodeState::Running,
                peers: 1,
                rates: Rates::default(),
                panel: Panel::Kaspa(KaspaNode {
                    network: "devnet".to_owned(),
                    blocks_per_second: 10,
                    sink: self.sink,
                    daa_score: self.score + 7,
                    blue_score: self.score,
                    tips: 3,
                    blocks: self.score,
                    ghostdag_k: 124,
                    pool: PoolPicture::of(&BANDS, pool),
                }),
            });
        }
        let rates = DagRates {
            blocks: random.random_range(8.0..12.0),
            chain: random.random_range(3.0..5.0),
            accepted: random.random_range(7.0..12.0),
        };
        let figures = Figures::Dag(rates);
        publisher.throughput(Throughput { kind: Kind::Kaspa, time: now(), figures });
    }
}
