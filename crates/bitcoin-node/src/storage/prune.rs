//! Which files a pruned node may give up.
//!
//! ```text
//!   blocks   [0: up to height 900] [1: up to 2,100] [2: up to 1,950] [3: …]      oldest first, whole files,
//!   undo     [0: up to height 1,800] [1: …]                                      until the target is met
//! ```
//!
//! The files being filled are never touched, so the total may pass the target by one of each until the next plan.
//!
//! A file goes when every block in it is at least [`KEEP_BLOCKS`] below the tip, as in Core (`FindFilesToPrune`), so that a reorganisation and
//! peers that ask for recent blocks are served. The index says so first: [`Storage::prune`] commits, then unlinks.
//!
//! [`Storage::prune`]: super::Storage::prune

use std::collections::BTreeMap;

use quintet_store::segment::Position;

use super::{StorageError, files::BlockFiles, schema::IndexEntry};

/// Least that a pruned node may be told to keep, bytes (Core: `MIN_DISK_SPACE_FOR_BLOCK_FILES`).
pub const PRUNE_TARGET_BYTES_MIN: u64 = 550 << 20;

/// Blocks up to the tip whose data and undo data are kept, blocks (Core: `MIN_BLOCKS_TO_KEEP`).
pub const KEEP_BLOCKS: u32 = 288;

/// What the files of a pruned node may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneTarget {
    bytes: u64,
    /// Nothing above this height goes.
    highest: u32,
}

impl PruneTarget {
    /// Takes a target of an operator.
    ///
    /// # Errors
    ///
    /// [`StorageError::PruneTarget`] if it is below [`PRUNE_TARGET_BYTES_MIN`].
    pub const fn new(bytes: u64) -> Result<Self, StorageError> {
        if bytes < PRUNE_TARGET_BYTES_MIN {
            let expected = PRUNE_TARGET_BYTES_MIN;
            return Err(StorageError::PruneTarget { expected, actual: bytes });
        }
        Ok(Self::for_small_files(bytes))
    }

    /// Takes any target, for chains of small blocks with small files (Core: `-fastprune`).
    #[must_use]
    pub const fn for_small_files(bytes: u64) -> Self {
        Self { bytes, highest: u32::MAX }
    }

    /// Takes everything up to a height, whatever it frees (Core: `FindFilesToPruneManual`).
    #[must_use]
    pub const fn up_to(height: u32) -> Self {
        Self { bytes: 0, highest: height }
    }

    /// Returns the target, bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns a target that leaves room for so many bytes more.
    #[must_use]
    pub const fn less(self, bytes: u64) -> Self {
        Self { bytes: self.bytes.saturating_sub(bytes), ..self }
    }

    /// Returns whether files of so many bytes meet the target.
    #[must_use]
    pub const fn allows(&self, bytes: u64) -> bool {
        bytes <= self.bytes
    }
}

/// The first segments that stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrunePlan {
    pub(super) blocks_from: u32,
    pub(super) undo_from: u32,
    /// Bytes that will be free.
    pub freed_bytes: u64,
}

impl PrunePlan {
    /// Returns whether nothing can or need go.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.freed_bytes == 0
    }

    /// Returns the entry without what will be gone, or `None` if it keeps all it has.
    #[must_use]
    pub fn pruned(&self, entry: &IndexEntry) -> Option<IndexEntry> {
        let keep = |position: Option<Position>, from| position.filter(|p| p.segment >= from);
        let block = keep(entry.block, self.blocks_from);
        let undo = keep(entry.undo, self.undo_from);
        ((block, undo) != (entry.block, entry.undo)).then_some(IndexEntry { block, undo, ..*entry })
    }
}

/// The segments of one log, oldest first, each with its bytes and the height of the highest block that has something in it.
struct Candidates {
    segments: Vec<(u32, u64, u32)>,
    taken: usize,
    first: u32,
}

impl Candidates {
    /// The last segment is no candidate, nor any that reaches `indexed_end`.
    fn new(segments: Vec<(u32, u64)>, heights: &BTreeMap<u32, u32>, indexed_end: Position) -> Self {
        let first = segments.first().map_or(0, |&(segment, _)| segment);
        let last = segments.last().map_or(0, |&(segment, _)| segment);
        let segments = segments
            .into_iter()
            .filter(|&(segment, _)| segment < last.min(indexed_end.segment))
            // One without a block of the index holds what was pruned before, or what nobody refers to.
            .map(|(segment, bytes)| (segment, bytes, heights.get(&segment).copied().unwrap_or(0)))
            .collect();
        Self { segments, taken: 0, first }
    }

    /// Returns bytes and height of the oldest that is left, if it may go.
    fn next(&self, highest: u32) -> Option<(u64, u32)> {
        let &(_, bytes, height) = self.segments.get(self.taken)?;
        (height <= highest).then_some((bytes, height))
    }

    fn first_kept(&self) -> u32 {
        let before = self.taken.checked_sub(1).and_then(|at| self.segments.get(at));
        before.map_or(self.first, |&(segment, ..)| segment.saturating_add(1))
    }
}

/// Plans what goes so that the files take at most `target_bytes`, as far as the rules allow.
///
/// `entries` are all entries that have data, with their heights; `tip_height` is that of the block the coins on disk are those of.
pub(super) fn plan<'a>(
    files: &BlockFiles,
    indexed: super::LogEnds,
    tip_height: u32,
    target: PruneTarget,
    entries: impl IntoIterator<Item = (u32, &'a IndexEntry)>,
) -> PrunePlan {
    let mut heights = [BTreeMap::new(), BTreeMap::new()];
    for (height, entry) in entries {
        for (heights, position) in heights.iter_mut().zip([entry.block, entry.undo]) {
            if let Some(position) = position {
                let highest = heights.entry(position.segment).or_insert(height);
                *highest = height.max(*highest);
            }
        }
    }
    let [block_heights, undo_heights] = heights;
    let mut blocks = Candidates::new(files.blocks().segments(), &block_heights, indexed.blocks);
    let mut undo = Candidates::new(files.undo().segments(), &undo_heights, indexed.undo);
    let total_bytes = files.total_bytes();
    let mut freed_bytes = 0;
    if let Some(highest) = tip_height.checked_sub(KEEP_BLOCKS) {
        let highest = highest.min(target.highest);
        while total_bytes.saturating_sub(freed_bytes) > target.bytes {
            let (log, bytes) = match (blocks.next(highest), undo.next(highest)) {
                (Some((bytes, height)), other) if other.is_none_or(|(_, undo)| height <= undo) => {
                    (&mut blocks, bytes)
                }
                (_, Some((bytes, _))) => (&mut undo, bytes),
                (_, None) => break,
            };
            log.taken += 1;
            freed_bytes += bytes;
        }
    }
    PrunePlan { blocks_from: blocks.first_kept(), undo_from: undo.first_kept(), freed_bytes }
}
