//! Our derivation of a case.

use std::{collections::BTreeSet, sync::Arc};

use quintet_rollup_protocol::{
    pipeline::{Pipeline, Start, Stats, Step},
    refs::{SafeBlock, SafeChain},
    system::SystemConfig,
    view::Need,
};

use crate::{
    Block, block_hash,
    chain::{Chain, L1},
};

/// What was derived, and the system configuration each block records.
#[derive(Debug, Default)]
pub struct Derived {
    /// The blocks behind genesis.
    pub blocks: Vec<Block>,
    /// From genesis on.
    pub systems: Vec<SystemConfig>,
    /// What went through.
    pub stats: Stats,
    /// Numbers of the L1 blocks in which batches were dropped.
    pub dropped_in: BTreeSet<u64>,
    /// Why it ended before L1 did, if it did.
    pub stopped: Option<String>,
}

struct Safe(Vec<SafeBlock>);

impl SafeChain for Safe {
    fn safe_block(&self, number: u64) -> Option<SafeBlock> {
        self.0.get(usize::try_from(number).ok()?).cloned()
    }
}

/// Derives everything `l1` holds.
#[must_use]
pub fn derive(chain: &Chain, l1: &L1) -> Derived {
    let start = Start::genesis(&chain.ours, l1_base(l1));
    let mut pipeline = Pipeline::new(Arc::clone(&chain.ours), &start);
    let mut safe = Safe(vec![SafeBlock { block: start.safe, transactions: vec![] }]);
    let mut derived = Derived { systems: vec![start.safe_system], ..Derived::default() };
    derived.stopped = loop {
        let dropped = dropped_batches(&pipeline);
        let (step, read) = (pipeline.poll(l1, &safe), pipeline.origin().number);
        if dropped_batches(&pipeline) > dropped {
            derived.dropped_in.insert(read);
        }
        match step {
            Ok(Step::Attributes(attributes)) => {
                let a = &attributes.attributes;
                let hash = block_hash(attributes.parent.hash, a.timestamp, &a.transactions);
                derived.blocks.push(Block {
                    timestamp: a.timestamp,
                    parent_hash: attributes.parent.hash,
                    derived_from: attributes.derived_from.number,
                    prev_randao: a.prev_randao,
                    gas_limit: a.gas_limit,
                    beacon_root: a.parent_beacon_block_root,
                    eip1559_params: a.eip1559_params.map(|params| params.0),
                    withdrawals: a.withdrawals,
                    transactions: a.transactions.clone(),
                });
                match pipeline.confirm(hash) {
                    Ok(block) => {
                        safe.0.push(SafeBlock { block, transactions: a.transactions.clone() })
                    }
                    Err(error) => break Some(error.to_string()),
                }
                derived.systems.push(*pipeline.head_system());
            }
            Ok(Step::Advanced { .. }) => {}
            Ok(Step::NeedL1(Need::Header { .. })) => break None,
            Ok(other) => break Some(format!("{other:?}")),
            Err(error) => break Some(error.to_string()),
        }
    };
    derived.stats = pipeline.stats().clone();
    derived
}

fn dropped_batches(pipeline: &Pipeline) -> u64 {
    pipeline.stats().dropped_batches.values().sum()
}

fn l1_base(l1: &L1) -> quintet_rollup_protocol::refs::L1Ref {
    use quintet_rollup_protocol::view::L1View;
    l1.header(0).map(|header| header.block).unwrap_or_default()
}
