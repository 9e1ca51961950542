//! The ledger on disk beside the ledger in memory: what it keeps, what it gives back after it was closed, what pruning leaves.

use std::{fs, path::Path, time::Duration};

use quintet_kaspa_node::{
    consensus::MemoryLedger,
    ports::{BlockStatus, Committed, Ledger, LedgerError, LoadedBlock},
    storage::{DiskLedger, StorageError, StorageOptions},
};
use quintet_kaspa_protocol::dag::{BlockId, Dag, Depths, PruningPoints, Windows};
use quintet_primitives::Hash256;

use crate::model::{Model, Op, check};

pub(crate) fn options() -> StorageOptions {
    StorageOptions {
        coins_bytes: 8 << 20,
        coins_batch_bytes: 4096,
        segment_bytes_max: 1 << 20,
        sync_interval: Duration::from_millis(200),
        ..StorageOptions::new([1, 2])
    }
}

pub(crate) fn open(directory: &Path, model: &Model) -> DiskLedger {
    DiskLedger::open(directory, &model.genesis(), &options()).unwrap()
}

pub(crate) fn load(ledger: &dyn Ledger) -> (Vec<LoadedBlock>, Option<Committed>) {
    let mut blocks = Vec::new();
    let committed = ledger
        .load(&mut |block| {
            blocks.push(block);
            Ok(())
        })
        .unwrap();
    (blocks, committed)
}

#[test]
fn everything_is_read_back_at_once_and_after_reopening() {
    let model = Model::new(1, 3000);
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path(), &model);
    let memory = MemoryLedger::new();
    for &op in &model.ops {
        model.apply(&ledger, op).unwrap();
        model.apply(&memory, op).unwrap();
    }
    check(&model, &ledger, &model.ops);
    let expected = load(&memory);
    drop(ledger);
    for close in [true, false] {
        let ledger = open(directory.path(), &model);
        let found = load(&ledger);
        assert_eq!(found.1, expected.1);
        assert_eq!(found.0.len(), expected.0.len());
        for (found, expected) in found.0.iter().zip(&expected.0) {
            assert_eq!((found.block, found.status), (expected.block, expected.status));
            assert_eq!(found.row, expected.row, "row {}", found.block.number());
        }
        check(&model, &ledger, &model.ops);
        if close {
            ledger.close().unwrap();
        }
    }
}

#[test]
fn a_ledger_goes_on_where_it_was_closed() {
    let model = Model::new(2, 600);
    let directory = tempfile::tempdir().unwrap();
    for (round, part) in model.ops.chunks(101).enumerate() {
        let ledger = open(directory.path(), &model);
        load(&ledger);
        part.iter().for_each(|&op| model.apply(&ledger, op).unwrap());
        check(&model, &ledger, &model.ops[..round * 101 + part.len()]);
    }
}

/// The blocks that are left, with the numbers they had before.
fn survivors(model: &Model, blocks: &[LoadedBlock]) -> Vec<BlockId> {
    let number = |hash: &Hash256| {
        let place = model.blocks.iter().position(|block| block.row.hash == *hash).unwrap();
        BlockId::new(u32::try_from(place + 1).unwrap())
    };
    blocks.iter().map(|block| number(&block.row.hash)).collect()
}

#[test]
fn pruning_gives_files_back_and_keeps_what_must_be_kept() {
    let model = Model::new(3, 6000);
    let directory = tempfile::tempdir().unwrap();
    let options = StorageOptions { segment_bytes_max: 128 << 10, ..options() };
    let open = || DiskLedger::open(directory.path(), &model.genesis(), &options).unwrap();
    let ledger = open();
    model.ops.iter().for_each(|&op| model.apply(&ledger, op).unwrap());
    let before = ledger.usage().unwrap().log_bytes;
    let sink = model.steps.last().unwrap().sink;
    let chain = model.chain(sink);
    let points = [chain[chain.len() / 2], chain[chain.len() / 3], chain[chain.len() / 10]];
    let mut earlier = vec![BlockId::new(1)];
    for point in points {
        model.prune(&ledger, point, &earlier, 100);
        earlier.push(point);
        let set = ledger.pruning_utxos(None, usize::MAX).unwrap();
        // The set pruned from is empty here, so what the genesis made is not in it.
        let diff = model.diff_between(BlockId::new(1), point);
        assert_eq!(set.len(), diff.added().len(), "the set at {point:?}");
        assert!(set.iter().all(|(outpoint, entry)| diff.added().get(outpoint) == Some(entry)));
        let half = ledger.pruning_utxos(None, set.len() / 2).unwrap();
        let rest = ledger.pruning_utxos(half.last().map(|&(outpoint, _)| outpoint), usize::MAX);
        assert_eq!([half, rest.unwrap()].concat(), set, "pages join");
    }
    let after = ledger.usage().unwrap().log_bytes;
    assert!(after * 3 < before, "{after} of {before} bytes are left");
    let alive: Vec<_> = (1..=u32::try_from(model.blocks.len()).unwrap())
        .map(BlockId::new)
        .filter(|&id| ledger.header(id).unwrap().is_some())
        .collect();
    for _ in 0..2 {
        let (loaded, committed) = load(&ledger);
        let committed = committed.unwrap();
        assert_eq!(survivors(&model, &loaded), alive);
        let old = |id: BlockId| alive[id.row() - 1];
        assert_eq!(old(committed.sink), sink);
        let found: Vec<_> = committed.pruning_points.iter().map(|&id| old(id)).collect();
        assert_eq!(found, [&[BlockId::new(1)], &points[..]].concat());
        check_columns(&model, &loaded, &alive);
        for block in &loaded {
            let expected = model.block(old(block.block));
            assert_eq!(ledger.header(block.block).unwrap().as_ref(), Some(&expected.header));
            let body = ledger.body(block.block).unwrap();
            assert_eq!(body.is_some(), block.status.has_body());
            assert!(body.is_none_or(|body| body == expected.body));
            let record = ledger.chain_record(block.block).unwrap();
            assert_eq!(record.is_some(), block.status == BlockStatus::UtxoValid);
        }
    }
    drop(ledger);
    let ledger = open();
    let (loaded, _) = load(&ledger);
    assert_eq!(survivors(&model, &loaded), alive);
    let (all, set) = model.set_after(usize::MAX);
    let expected: Vec<_> = all.iter().map(|outpoint| set.get(outpoint).cloned()).collect();
    assert!(ledger.utxos(&all).unwrap() == expected);
}

/// Pushes loaded rows into columns and looks whether the chain is still one.
fn check_columns(model: &Model, loaded: &[LoadedBlock], alive: &[BlockId]) {
    let mut dag = Dag::new(0);
    let mut windows = Windows::new(0, loaded[0].row.bits, 0);
    let (mut depths, mut points) = (Depths::new(), PruningPoints::new());
    for block in loaded {
        let row = &block.row;
        let id = dag.insert(row.hash, &row.parents, row.work, &row.ghostdag).unwrap();
        assert_eq!(id, block.block);
        if id != BlockId::new(1) {
            let Ok(()) =
                windows.push(&row.ghostdag, &row.expected, row.sampling, row.timestamp, row.bits)
            else {
                panic!("windows of {id:?}");
            };
        }
        depths.push(row.depths);
        points.push(row.pruning);
    }
    let sink = model.steps.last().unwrap().sink;
    let chain = model.chain(sink);
    let place = |id: BlockId| {
        let row = alive.binary_search(&id).ok()?;
        Some(BlockId::new(u32::try_from(row + 1).unwrap()))
    };
    let sink = place(sink).unwrap();
    for (id, number) in alive.iter().zip(1..) {
        let on_chain = dag.reachability().is_chain_ancestor_of(BlockId::new(number), sink);
        assert_eq!(on_chain, chain.contains(id), "{id:?}");
    }
}

#[test]
fn another_networks_directory_is_refused() {
    let model = Model::new(4, 10);
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), &model));
    let other = Hash256::new([7; 32]);
    let refused = DiskLedger::open(directory.path(), &other, &options());
    assert!(
        matches!(refused, Err(StorageError::OtherNetwork { expected, .. }) if expected == other)
    );
}

#[test]
fn damage_is_told_by_file_and_offset() {
    let model = Model::new(5, 400);
    for folder in ["headers", "bodies", "records"] {
        let directory = tempfile::tempdir().unwrap();
        let ledger = open(directory.path(), &model);
        model.ops.iter().for_each(|&op| model.apply(&ledger, op).unwrap());
        ledger.close().unwrap();
        drop(ledger);
        let path = directory.path().join(folder).join("00000000.seg");
        let mut bytes = fs::read(&path).unwrap();
        bytes[2000] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let told = match DiskLedger::open(directory.path(), &model.genesis(), &options()) {
            Err(error) => error.to_string(),
            Ok(ledger) => read_all(&ledger, &model).unwrap_err().to_string(),
        };
        assert!(told.contains("00000000.seg") && told.contains("at byte"), "{folder}: {told}");
    }
}

fn read_all(ledger: &DiskLedger, model: &Model) -> Result<(), LedgerError> {
    ledger.load(&mut |_| Ok(()))?;
    for number in 1..=u32::try_from(model.blocks.len()).unwrap() {
        ledger.header(BlockId::new(number))?;
        ledger.body(BlockId::new(number))?;
        ledger.chain_record(BlockId::new(number))?;
    }
    Ok(())
}

#[test]
fn a_log_that_lost_what_was_synced_is_an_error() {
    let model = Model::new(6, 400);
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path(), &model);
    model.ops.iter().for_each(|&op| model.apply(&ledger, op).unwrap());
    ledger.close().unwrap();
    drop(ledger);
    fs::remove_dir_all(directory.path().join("bodies")).unwrap();
    let refused = DiskLedger::open(directory.path(), &model.genesis(), &options());
    assert!(matches!(refused, Err(StorageError::FilesBehind { log: "bodies", .. })), "{refused:?}");
}

#[test]
fn blocks_come_in_order_and_after_the_load() {
    let model = Model::new(7, 50);
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path(), &model);
    let second = model.apply(&ledger, Op::Header(BlockId::new(2)));
    assert!(matches!(second, Err(LedgerError::Damaged { .. })), "{second:?}");
    let first = model.apply(&ledger, Op::Header(BlockId::new(1)));
    assert!(matches!(first, Err(LedgerError::Poisoned { .. })), "{first:?}");
    drop(ledger);
    let ledger = open(directory.path(), &model);
    model.ops.iter().for_each(|&op| model.apply(&ledger, op).unwrap());
    drop(ledger);
    let ledger = open(directory.path(), &model);
    let early = model.apply(&ledger, Op::Header(BlockId::new(50)));
    assert!(early.unwrap_err().to_string().contains("loaded first"));
}
