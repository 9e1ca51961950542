//! A small chain with a fork, and what coins there are at each of its blocks.

use std::collections::BTreeMap;

use quintet_store::{Batch, Store, Table};
use quintet_utxo::{After, Cache, CacheError, Head, Key, Overwrite, Tip};

use quintet_primitives::random::SplitMix;

use crate::{COINS, key};

/// A record of the node's own that changes with the coins, through the flush's `extra`: the block's number.
pub(crate) const SIDE: Table<(), u64> = Table::new("side");

pub(crate) type Coins = BTreeMap<Key, Vec<u8>>;

/// A block: what it spends, with the values undo data would hold, and what it makes.
pub(crate) struct Block {
    pub(crate) parent: usize,
    spends: Vec<(Key, Vec<u8>)>,
    creates: Vec<(Key, Vec<u8>)>,
}

/// Blocks by number; 0 has nothing. Each parent has a lower number.
pub(crate) struct Ledger {
    pub(crate) blocks: Vec<Block>,
    pub(crate) coins: Vec<Coins>,
}

pub(crate) fn tip(number: usize) -> Tip {
    [u8::try_from(number).unwrap(); 32]
}

impl Ledger {
    /// A chain 1, 2, …, `length`, and a fork of the same length as what it leaves off, from `fork`.
    pub(crate) fn new(length: usize, fork: usize, seed: u64) -> Self {
        let mut draw = SplitMix::new(seed);
        let genesis = Block { parent: 0, spends: Vec::new(), creates: Vec::new() };
        let mut ledger = Self { blocks: vec![genesis], coins: vec![Coins::new()] };
        let mut next = 0;
        for parent in (0..length).chain([fork]).chain(length + 1..2 * length - fork) {
            ledger.extend(parent, &mut draw, &mut next);
        }
        ledger
    }

    fn extend(&mut self, parent: usize, draw: &mut SplitMix, next: &mut u8) {
        let mut coins = self.coins[parent].clone();
        let mut block = Block { parent, spends: Vec::new(), creates: Vec::new() };
        for _ in 0..draw.index(5) {
            if let Some(spent) = coins.keys().nth(draw.index(coins.len().max(1))).copied() {
                let value = coins.remove(&spent).unwrap();
                block.spends.push((spent, value));
            }
        }
        for _ in 0..2 + draw.index(5) {
            *next = next.wrapping_add(1);
            let value = vec![*next; 20 + draw.index(30)];
            if coins.insert(key(*next), value.clone()).is_none() {
                block.creates.push((key(*next), value));
            }
        }
        self.blocks.push(block);
        self.coins.push(coins);
    }

    pub(crate) fn connect(&self, cache: &mut Cache, number: usize) -> Result<(), CacheError> {
        cache.begin()?;
        for (key, value) in &self.blocks[number].spends {
            assert_eq!(cache.spend(key)?, Some(&value[..]));
        }
        for (key, value) in &self.blocks[number].creates {
            cache.create(key, value, Overwrite::Never)?;
        }
        cache.commit()
    }

    pub(crate) fn disconnect(&self, cache: &mut Cache, number: usize) -> Result<(), CacheError> {
        for (key, value) in &self.blocks[number].creates {
            assert_eq!(cache.spend(key)?, Some(&value[..]));
        }
        for (key, value) in &self.blocks[number].spends {
            cache.create(key, value, Overwrite::Never)?;
        }
        Ok(())
    }

    /// Completes an interrupted flush as the documentation says; returns the block the coins are of.
    pub(crate) fn recover(&self, cache: &mut Cache) -> Result<usize, CacheError> {
        let (old, new) = match cache.head() {
            Head::Empty => return Ok(0),
            Head::At(tip) => return Ok(usize::from(tip[0])),
            Head::Between { old, new } => {
                (old.map_or(0, |tip| usize::from(tip[0])), usize::from(new[0]))
            }
        };
        let mut down = old;
        let mut up = vec![];
        let mut at = new;
        while down != at {
            if down > at {
                for (key, _) in &self.blocks[down].creates {
                    cache.erase(key)?;
                }
                for (key, value) in &self.blocks[down].spends {
                    cache.create(key, value, Overwrite::Possible)?;
                }
                down = self.blocks[down].parent;
            } else {
                up.push(at);
                at = self.blocks[at].parent;
            }
        }
        cache.spill()?;
        for &number in up.iter().rev() {
            for (key, _) in &self.blocks[number].spends {
                cache.erase(key)?;
            }
            for (key, value) in &self.blocks[number].creates {
                cache.create(key, value, Overwrite::Never)?;
            }
        }
        flush(cache, new, After::Drop)?;
        Ok(new)
    }
}

/// Flushes at a block, and changes [`SIDE`] with it.
pub(crate) fn flush(cache: &mut Cache, number: usize, after: After) -> Result<(), CacheError> {
    let side = |batch: &mut Batch| {
        batch.put(&SIDE, &(), &(number as u64));
    };
    cache.flush(tip(number), side, after).map(|_| ())
}

/// What the disk holds.
pub(crate) fn on_disk(store: &Store) -> Coins {
    let snapshot = store.snapshot().unwrap();
    let rows = snapshot.range(&COINS, ..).unwrap();
    rows.map(|row| row.map(|(key, value)| (key, value.0)).unwrap()).collect()
}
