//! The index against the set itself, over blocks, a restart, a lost tip and a network's other end.

use std::sync::atomic::{AtomicU64, Ordering};

use quintet_kaspa_protocol::{
    coinbase::MinerData,
    params::{Network, Params},
};

use super::*;
use crate::consensus::{MemoryLedger, Options};

struct Lab {
    consensus: Arc<Consensus>,
    ledger: Arc<MemoryLedger>,
    time: Arc<AtomicU64>,
}

/// Some blocks are in the rows and some in memory.
fn often() -> WritePolicy {
    WritePolicy { every: Duration::from_secs(3600), entries_max: 5, ..WritePolicy::default() }
}

fn script(number: u8) -> ScriptPublicKey {
    ScriptPublicKey::new(0, &[0x51, number])
}

impl Lab {
    fn new() -> Self {
        let params = Params::of(Network::Simnet);
        let time = Arc::new(AtomicU64::new(params.genesis.timestamp + 1000));
        let clock = Arc::clone(&time);
        let clock = Arc::new(move || clock.load(Ordering::Relaxed));
        let options = Options { threads: 1, clock, ..Options::default() };
        let ledger = Arc::new(MemoryLedger::new());
        let consensus = Consensus::open(params, options, Arc::clone(&ledger) as _).unwrap();
        Self { consensus: Arc::new(consensus), ledger, time }
    }

    fn mine(&self, who: u8, nonce: u64) {
        self.time.fetch_add(100, Ordering::Relaxed);
        let miner = MinerData { script_public_key: script(who), extra_data: b"" };
        let mut block = self.consensus.build_block_template(miner, vec![]).unwrap().unwrap().block;
        block.header.nonce = nonce;
        assert!(self.consensus.submit_block(block).unwrap().is_present());
    }

    /// What the index should show: the ledger's set and the virtual diff.
    fn expected(&self, who: u8) -> BTreeSet<Outpoint> {
        let state = self.consensus.virtual_state();
        let mut set: std::collections::BTreeMap<Outpoint, UtxoEntry> =
            self.ledger.utxo_set().into_iter().collect();
        set.retain(|outpoint, _| !state.diff.removed().contains_key(outpoint));
        set.extend(state.diff.added().iter().map(|(at, entry)| (*at, entry.clone())));
        let mine = set.iter().filter(|(_, entry)| entry.script_public_key == script(who));
        mine.map(|(outpoint, _)| *outpoint).collect()
    }

    fn assert_is(&self, index: &UtxoIndex) {
        for who in 0..3 {
            let found = index.utxos(&BTreeSet::from([script(who)])).unwrap();
            let outpoints: BTreeSet<Outpoint> = found.iter().map(|(at, _)| *at).collect();
            assert_eq!(outpoints.len(), found.len());
            assert_eq!(outpoints, self.expected(who));
            for (outpoint, entry) in found {
                assert_eq!(self.consensus.utxo(&outpoint).unwrap(), Some(entry));
            }
        }
        let all = BTreeSet::from([script(0), script(1), script(2)]);
        let sum: u64 = index.utxos(&all).unwrap().iter().map(|(_, entry)| entry.amount).sum();
        assert_eq!(index.supply(), sum);
    }
}

#[test]
fn it_follows_the_virtual_block_and_comes_back_where_it_was() {
    let lab = Lab::new();
    let directory = tempfile::tempdir().unwrap();
    let index = UtxoIndex::open(directory.path(), Arc::clone(&lab.consensus), often()).unwrap();
    for nonce in 0..20 {
        lab.mine(u8::try_from(nonce % 3).unwrap(), nonce);
        index.follow(&lab.consensus.virtual_state()).unwrap();
        lab.assert_is(&index);
    }
    let tip = index.tip();
    drop(index);
    // Blocks come while it is closed.
    for nonce in 20..30 {
        lab.mine(1, nonce);
    }
    let index = UtxoIndex::open(directory.path(), Arc::clone(&lab.consensus), often()).unwrap();
    assert_ne!(index.tip(), tip);
    lab.assert_is(&index);
}

#[test]
fn a_tip_that_nobody_knows_means_anew() {
    let lab = Lab::new();
    let store = Store::memory(&INDEX_SCHEMA).unwrap();
    let mut batch = Batch::new();
    batch.put(&META, &TIP, &[9; 32]);
    let outpoint = Outpoint::new(Hash256::new([1; 32]), 0);
    let stale = UtxoEntry {
        amount: 5,
        script_public_key: script(1),
        block_daa_score: 0,
        is_coinbase: false,
        covenant_id: None,
    };
    batch.put(&ROWS, &key(&script(1), &outpoint), &Entry::of(&stale));
    store.commit(batch, Durability::Sync).unwrap();
    for nonce in 0..10 {
        lab.mine(1, nonce);
    }
    let index = UtxoIndex::with(store, Arc::clone(&lab.consensus), often()).unwrap();
    lab.assert_is(&index);
}

#[test]
fn another_networks_index_is_refused() {
    let lab = Lab::new();
    let store = Store::memory(&INDEX_SCHEMA).unwrap();
    let mut batch = Batch::new();
    batch.put(&META, &GENESIS, &[7; 32]);
    store.commit(batch, Durability::Sync).unwrap();
    let refused = UtxoIndex::with(store, Arc::clone(&lab.consensus), often()).unwrap_err();
    assert!(matches!(refused, IndexError::OtherGenesis { .. }));
}
