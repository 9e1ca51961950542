//! The DAG itself: columns of what is known of every block, by its number.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher},
};

use quintet_primitives::Hash256;
use ruint::aliases::U192;

use super::{BlockId, DagError, Ghostdag, Reachability, lists::Rows};

/// A blue block and how many blues of a worldview are in its anticone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnticoneSize {
    /// The blue block.
    pub block: BlockId,
    /// Blues in its anticone, at most K.
    pub size: u16,
}

/// The DAG of blocks with reachability and GHOSTDAG data.
///
/// Reading takes `&self`, so headers can be coloured side by side, each with a [`Colouring`](super::Colouring) of its own; inserting is one
/// thread's. Layout and bytes per block: see the [module](super).
#[derive(Debug, Clone)]
pub struct Dag {
    door: HashMap<Hash256, BlockId, Door>,
    hashes: Vec<Hash256>,
    parents: Rows<BlockId>,
    works: Vec<U192>,
    selected_parents: Vec<BlockId>,
    blue_scores: Vec<u64>,
    blue_works: Vec<U192>,
    mergesets: Rows<BlockId>,
    blue_counts: Vec<u32>,
    anticone_sizes: Rows<AnticoneSize>,
    reachability: Reachability,
}

impl Dag {
    /// Makes an empty DAG. `seed` salts the map of hashes, so that nobody can mine blocks into one bucket.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dag = Self {
            door: HashMap::with_hasher(Door(seed)),
            hashes: vec![Hash256::new([0xfe; 32])],
            parents: Rows::default(),
            works: vec![U192::ZERO],
            selected_parents: vec![BlockId::ORIGIN],
            blue_scores: vec![0],
            blue_works: vec![U192::ZERO],
            mergesets: Rows::default(),
            blue_counts: vec![0],
            anticone_sizes: Rows::default(),
            reachability: Reachability::new(),
        };
        // Rows of the root: all empty, which cannot fail.
        let _ = dag.parents.push([&[], &[]]);
        let _ = dag.mergesets.push([&[], &[]]);
        let _ = dag.anticone_sizes.push([&[], &[]]);
        dag
    }

    /// Inserts a block with what [`Colouring::run`](super::Colouring::run) found of its parents.
    ///
    /// `work` is what the block itself adds to the blue work of those who merge it as a blue.
    ///
    /// # Errors
    ///
    /// [`DagError::Known`], [`DagError::UnknownParent`] or [`DagError::Full`]; nothing has changed then.
    pub fn insert(
        &mut self,
        hash: Hash256,
        parents: &[BlockId],
        work: U192,
        ghostdag: &Ghostdag,
    ) -> Result<BlockId, DagError> {
        if self.door.contains_key(&hash) {
            return Err(DagError::Known { hash });
        }
        if !(self.parents.has_room() && self.mergesets.has_room() && self.anticone_sizes.has_room())
        {
            return Err(DagError::Full);
        }
        let block = self.reachability.add(ghostdag.selected_parent, ghostdag.merged())?;
        self.parents.push([parents, &[]])?;
        self.mergesets.push([&ghostdag.blues, &ghostdag.reds])?;
        self.anticone_sizes.push([&ghostdag.anticone_sizes, &[]])?;
        self.door.insert(hash, block);
        self.hashes.push(hash);
        self.works.push(work);
        self.selected_parents.push(ghostdag.selected_parent);
        self.blue_scores.push(ghostdag.blue_score);
        self.blue_works.push(ghostdag.blue_work);
        self.blue_counts.push(u32::try_from(ghostdag.blues.len()).unwrap_or(u32::MAX));
        Ok(block)
    }

    /// Inserts a block whose GHOSTDAG data a peer said, above a window below which nothing is known.
    ///
    /// `found` is what [`Colouring::run`](super::Colouring::run) makes of the known parents, which is what reachability follows; `said` is what
    /// the block counts for.
    ///
    /// # Errors
    ///
    /// As of [`Self::insert`].
    pub fn insert_trusted(
        &mut self,
        hash: Hash256,
        parents: &[BlockId],
        work: U192,
        found: &Ghostdag,
        said: &Ghostdag,
    ) -> Result<BlockId, DagError> {
        let block = self.insert(hash, parents, work, found)?;
        self.mergesets.pop();
        self.anticone_sizes.pop();
        self.mergesets.push([&said.blues, &said.reds])?;
        self.anticone_sizes.push([&said.anticone_sizes, &[]])?;
        self.selected_parents[block.row()] = said.selected_parent;
        self.blue_scores[block.row()] = said.blue_score;
        self.blue_works[block.row()] = said.blue_work;
        self.blue_counts[block.row()] = u32::try_from(said.blues.len()).unwrap_or(u32::MAX);
        self.reachability.remember(block, found.merged());
        Ok(block)
    }

    /// Deletes a block: its hash is forgotten and it is nobody's ancestor; answers about the others stay.
    ///
    /// Its rows stay until the DAG is written out and read again. Later blocks must not have it, or what only it leads to, in their mergeset:
    /// the rule against merging what is in the anticone of the pruning point sees to that.
    pub fn delete(&mut self, block: BlockId) {
        self.door.remove(&self.hashes[block.row()]);
        self.reachability.delete(block, self.mergesets.get(block.row()).iter().copied());
    }

    /// Returns the number of a block by its hash.
    #[must_use]
    pub fn find(&self, hash: &Hash256) -> Option<BlockId> {
        self.door.get(hash).copied()
    }

    /// Returns how many numbers were given, the root's among them.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Returns whether no block was inserted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.hashes.len() == 1
    }

    /// Returns who is in whose past.
    #[must_use]
    pub const fn reachability(&self) -> &Reachability {
        &self.reachability
    }

    /// Returns the block's hash.
    #[must_use]
    pub fn hash(&self, block: BlockId) -> &Hash256 {
        &self.hashes[block.row()]
    }

    /// Returns the parents in the header's order.
    #[must_use]
    pub fn parents(&self, block: BlockId) -> &[BlockId] {
        self.parents.get(block.row())
    }

    /// Returns the block's own work.
    #[must_use]
    pub fn work(&self, block: BlockId) -> U192 {
        self.works[block.row()]
    }

    /// Returns the parent with most blue work.
    #[must_use]
    pub fn selected_parent(&self, block: BlockId) -> BlockId {
        self.selected_parents[block.row()]
    }

    /// Returns how many blues are in the block's past.
    #[must_use]
    pub fn blue_score(&self, block: BlockId) -> u64 {
        self.blue_scores[block.row()]
    }

    /// Returns the work of the blues in the block's past.
    #[must_use]
    pub fn blue_work(&self, block: BlockId) -> U192 {
        self.blue_works[block.row()]
    }

    /// Returns what blocks are ordered by everywhere: blue work, then hash.
    #[must_use]
    pub fn rank(&self, block: BlockId) -> (U192, &Hash256) {
        (self.blue_works[block.row()], &self.hashes[block.row()])
    }

    /// Returns the blues and reds of the mergeset, the selected parent among them, in no particular order as a whole.
    #[must_use]
    pub fn mergeset(&self, block: BlockId) -> &[BlockId] {
        self.mergesets.get(block.row())
    }

    /// Returns the blues of the mergeset: the selected parent, then the others by rank.
    #[must_use]
    pub fn blues(&self, block: BlockId) -> &[BlockId] {
        &self.mergeset(block)[..self.blue_counts[block.row()] as usize]
    }

    /// Returns the reds of the mergeset by rank.
    #[must_use]
    pub fn reds(&self, block: BlockId) -> &[BlockId] {
        &self.mergeset(block)[self.blue_counts[block.row()] as usize..]
    }

    /// Returns the blue anticone sizes that the block changed.
    #[must_use]
    pub fn anticone_sizes(&self, block: BlockId) -> &[AnticoneSize] {
        self.anticone_sizes.get(block.row())
    }

    /// Returns what was found of the block when it was coloured.
    #[must_use]
    pub fn ghostdag(&self, block: BlockId) -> Ghostdag {
        Ghostdag {
            selected_parent: self.selected_parent(block),
            blues: self.blues(block).to_vec(),
            reds: self.reds(block).to_vec(),
            anticone_sizes: self.anticone_sizes(block).to_vec(),
            blue_score: self.blue_score(block),
            blue_work: self.blue_work(block),
        }
    }

    /// Returns the bytes the columns hold, without the spare room of vectors.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let row = 2 * size_of::<Hash256>() + size_of::<BlockId>() * 2 + 2 * 24 + 8 + 4;
        self.len() * row
            + self.parents.bytes()
            + self.mergesets.bytes()
            + self.anticone_sizes.bytes()
            + self.reachability.bytes()
    }
}

/// Hashes block hashes, which are random but for what a miner cares to grind, with a salt.
#[derive(Debug, Clone, Copy)]
struct Door(u64);

impl BuildHasher for Door {
    type Hasher = DoorHasher;

    fn build_hasher(&self) -> DoorHasher {
        DoorHasher(self.0)
    }
}

#[derive(Debug)]
struct DoorHasher(u64);

impl Hasher for DoorHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        /// An odd constant with bits everywhere (2^64 divided by the golden ratio).
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let mixed = u128::from(self.0 ^ u64::from_le_bytes(word) ^ SPREAD)
                * u128::from(SPREAD ^ self.0.rotate_left(32) | 1);
            let bytes = mixed.to_le_bytes();
            let half = |at: usize| {
                let mut word = [0; 8];
                word.copy_from_slice(&bytes[at..at + 8]);
                u64::from_le_bytes(word)
            };
            self.0 = half(0) ^ half(8);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}
