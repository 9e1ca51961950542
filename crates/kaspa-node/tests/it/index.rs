//! The UTXO index of a node that is killed: it goes on where it was, and is the set of the virtual block again.
//!
//! `QUINTET_KILL_ROUNDS` sets the rounds.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use quintet_kaspa_node::{
    consensus::{Consensus, Options},
    index::{UtxoIndex, WritePolicy},
    storage::DiskLedger,
};
use quintet_kaspa_protocol::{hashing::UtxoMuHash, params::Params, state::insert_entry};
use quintet_store::testing::kill::{child_directory, kill_a_child, ready, report, rounds};

use crate::{
    lab::{Dice, clock, miner, params},
    storage::options,
};

const ROUNDS: u64 = 20;

/// Entries of the diff in memory: the rows are written every few blocks.
const ENTRIES_MAX: usize = 6;

struct Node {
    consensus: Arc<Consensus>,
    index: UtxoIndex,
    time: Arc<AtomicU64>,
}

impl Node {
    fn open(directory: &Path) -> Self {
        let params: Params = params(true);
        let mut storage = options();
        // As rarely as can be: what is durable is what the index asked for.
        storage.sync_interval = Duration::from_secs(3600);
        let genesis = params.genesis.header().hash();
        let ledger = DiskLedger::open(&directory.join("dag"), &genesis, &storage).unwrap();
        let time = Arc::new(AtomicU64::new(params.genesis.timestamp));
        let options = Options { threads: 1, clock: clock(&time), ..Options::default() };
        let consensus = Arc::new(Consensus::open(params, options, Arc::new(ledger)).unwrap());
        time.fetch_add(1000 + 100 * consensus.virtual_state().daa_score, Ordering::Relaxed);
        let policy = WritePolicy {
            every: Duration::from_secs(3600),
            entries_max: ENTRIES_MAX,
            ..WritePolicy::default()
        };
        let directory = directory.join("index");
        let index = UtxoIndex::open(&directory, Arc::clone(&consensus), policy).unwrap();
        Self { consensus, index, time }
    }

    /// Finds two blocks side by side, so that the sink changes sides now and then.
    fn mine(&self, dice: &mut Dice) {
        self.time.fetch_add(100, Ordering::Relaxed);
        let template = self.consensus.build_block_template(miner(), vec![]).unwrap().unwrap();
        for _ in 0..2 {
            let mut block = template.block.clone();
            block.header.nonce = u64::try_from(dice.below(usize::MAX)).unwrap();
            assert!(self.consensus.submit_block(block).unwrap().is_present());
            self.index.follow(&self.consensus.virtual_state()).unwrap();
        }
    }

    /// Checks that the index shows the set that the virtual block commits to.
    fn check(&self, round: u64) {
        let state = self.consensus.virtual_state();
        let found = self.index.utxos(&[miner().script_public_key].into()).unwrap();
        let mut multiset = UtxoMuHash::new();
        let mut supply = 0;
        for (outpoint, entry) in &found {
            insert_entry(&mut multiset, outpoint, entry);
            supply += entry.amount;
        }
        assert_eq!(multiset.finalise(), state.multiset.finalise(), "round {round}");
        assert_eq!(self.index.supply(), supply, "round {round}");
        assert_eq!(self.index.tip(), state.sink_hash(), "round {round}");
    }
}

/// What the child does until it is killed.
fn work(directory: &Path) {
    let node = Node::open(directory);
    let mut dice = Dice::new(u64::from(std::process::id()));
    ready();
    for number in 1.. {
        node.mine(&mut dice);
        if !report(number) {
            return;
        }
    }
}

#[test]
fn a_killed_nodes_index_goes_on_where_it_was_and_is_the_virtual_set() {
    if let Some(directory) = child_directory() {
        return work(&directory);
    }
    let directory = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(11);
    let mut height = 0;
    for round in 0..rounds(ROUNDS) {
        let reports = u64::try_from(10 + dice.below(60)).unwrap();
        let test = "index::a_killed_nodes_index_goes_on_where_it_was_and_is_the_virtual_set";
        kill_a_child(test, directory.path(), reports, &[]);
        let node = Node::open(directory.path());
        assert_eq!(node.index.begun_anew(), 0, "round {round}");
        node.check(round);
        let now = node.consensus.virtual_state().daa_score;
        assert!(
            now > height,
            "round {round}: the rows drag the ledger along, from {height} to {now}"
        );
        height = now;
    }
}
