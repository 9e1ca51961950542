//! The journal against an engine in memory, row by row: commits, snapshots, walks, flushes and reopening in any order.

use std::{borrow::Cow, path::Path, sync::Arc};

use quintet_store::{
    Direction, Durability, Engine, EngineSnapshot, KeyRange, MemoryEngine, Op, StoreError,
    segment::{SegmentLog, SegmentOptions},
};
use tempfile::TempDir;

use super::engine::JournalEngine;

const TABLES: [&str; 2] = ["a", "b"];
const KEYS: u64 = 40;

/// Numbers in no order, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn commit(&mut self) -> Vec<Op> {
        let mut ops = std::collections::BTreeMap::new();
        for _ in 0..=self.below(6) {
            let table = TABLES[usize::from(self.below(2) == 1)];
            let key = vec![self.below(KEYS).to_be_bytes()[7]];
            let value = (self.below(4) > 0).then(|| self.below(1 << 20).to_be_bytes().to_vec());
            ops.insert((table, key), value);
        }
        let op = |((table, key), value)| Op { table: Cow::Borrowed(table), key, value };
        ops.into_iter().map(op).collect()
    }
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// Everything a snapshot says, walked both ways, in whole and in parts, and asked for key by key.
fn contents(snapshot: &dyn EngineSnapshot) -> Vec<Rows> {
    let walk = |table, range, direction| {
        let rows = snapshot.scan(table, range, direction).unwrap();
        rows.collect::<Result<Rows, StoreError>>().unwrap()
    };
    let mut all = Vec::new();
    for table in TABLES {
        let rows = walk(table, KeyRange::all(), Direction::Forward);
        let mut back = walk(table, KeyRange::all(), Direction::Reverse);
        back.reverse();
        assert_eq!(rows, back);
        for (key, value) in &rows {
            assert_eq!(snapshot.get(table, key).unwrap().as_ref(), Some(value));
        }
        for key in 0..=255_u8 {
            let there = rows.iter().any(|(known, _)| *known == [key]);
            assert_eq!(snapshot.get(table, &[key]).unwrap().is_some(), there);
        }
        all.push(walk(table, KeyRange::prefix(vec![7]), Direction::Forward));
        all.push(rows);
    }
    all
}

fn log(directory: &Path) -> SegmentLog {
    let options = SegmentOptions {
        // So small that segments are begun and removed.
        segment_bytes_max: 2_048,
        buffer_bytes: 0,
        ..SegmentOptions::new("test")
    };
    SegmentLog::open(directory, options).unwrap()
}

struct World {
    directory: TempDir,
    tables: Arc<MemoryEngine>,
    engine: Option<JournalEngine>,
    model: MemoryEngine,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let tables = Arc::new(MemoryEngine::new());
        let mut world = Self { directory, tables, engine: None, model: MemoryEngine::new() };
        world.reopen();
        world
    }

    fn reopen(&mut self) {
        // The journal is locked until the old one is gone.
        self.engine = None;
        let tables: Arc<dyn Engine> = self.tables.clone();
        self.engine = Some(JournalEngine::recover(tables, log(self.directory.path())).unwrap());
    }

    fn engine(&self) -> &JournalEngine {
        self.engine.as_ref().unwrap()
    }
}

#[test]
fn a_journal_in_front_of_tables_says_what_one_table_would() {
    let mut dice = Dice(4_711);
    let mut world = World::new();
    let mut snapshots = Vec::new();
    for _ in 0..2_000 {
        match dice.below(12) {
            0 => world.engine().freeze(),
            1 => world.engine().flush_tables().unwrap(),
            2 => {
                let (ours, expected) = (world.engine().snapshot(), world.model.snapshot());
                snapshots.push((ours.unwrap(), expected.unwrap()));
            }
            3 if !snapshots.is_empty() => {
                let at = usize::try_from(dice.below(snapshots.len() as u64)).unwrap();
                let (ours, expected) = snapshots.swap_remove(at);
                assert_eq!(contents(&*ours), contents(&*expected));
            }
            4 if dice.below(8) == 0 => {
                snapshots.clear();
                world.reopen();
            }
            _ => {
                let ops = dice.commit();
                let sync = dice.below(4) == 0;
                let durability = if sync { Durability::Sync } else { Durability::Buffered };
                world.engine().commit(ops.clone(), durability).unwrap();
                world.model.commit(ops, durability).unwrap();
            }
        }
        let (ours, expected) =
            (world.engine().snapshot().unwrap(), world.model.snapshot().unwrap());
        assert_eq!(contents(&*ours), contents(&*expected));
    }
}

#[test]
fn what_the_tables_hold_is_gone_from_the_journal_and_is_not_shown_as_a_table() {
    let mut dice = Dice(42);
    let mut world = World::new();
    for _ in 0..300 {
        world.engine().commit(dice.commit(), Durability::Buffered).unwrap();
    }
    let before = world.engine().disk_bytes().unwrap();
    let held = contents(&*world.engine().snapshot().unwrap());
    world.engine().freeze();
    world.engine().flush_tables().unwrap();
    assert!(world.engine().disk_bytes().unwrap() < before, "{before} bytes before");
    world.reopen();
    let snapshot = world.engine().snapshot().unwrap();
    assert_eq!(contents(&*snapshot), held);
    assert_eq!(snapshot.tables().unwrap(), TABLES);
}

#[test]
fn tables_that_fell_behind_are_caught_up_from_the_journal() {
    let mut dice = Dice(7);
    let mut world = World::new();
    for number in 0..200 {
        let ops = dice.commit();
        world.engine().commit(ops.clone(), Durability::Sync).unwrap();
        world.model.commit(ops, Durability::Sync).unwrap();
        if number == 100 {
            world.engine().freeze();
            world.engine().flush_tables().unwrap();
        }
    }
    world.reopen();
    let (ours, expected) = (world.engine().snapshot().unwrap(), world.model.snapshot().unwrap());
    assert_eq!(contents(&*ours), contents(&*expected));
}
