//! GHOSTDAG: which parent is the selected one, what a block merges, and which of it is blue.
//!
//! ```text
//!   parents ──► selected parent: most (blue work, hash)
//!           ──► mergeset: what is in their past and not in its past     (`mergeset`)
//!           ──► by (blue work, hash), each blue or red                  (`colour`)
//!           ──► blue score, blue work, changed blue anticone sizes
//! ```
//!
//! A candidate is blue if afterwards no blue block of the past has more than K blues in its anticone, itself included.
//!
//! **Spec:** Sompolinsky, Wyborski, Zohar, *PHANTOM GHOSTDAG* (eprint 2018/104), algorithm 1; the reference's
//! `GhostdagManager::ghostdag`.

use ruint::aliases::U192;

use super::{AnticoneSize, BlockId, Dag, DagError};

mod colour;
mod mergeset;

/// What GHOSTDAG says of a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ghostdag {
    /// The parent with most blue work.
    pub selected_parent: BlockId,
    /// The selected parent, then the other blues of the mergeset by rank. Empty if the selected parent is the root.
    pub blues: Vec<BlockId>,
    /// The reds of the mergeset by rank.
    pub reds: Vec<BlockId>,
    /// Blues whose anticone has more blues than in the selected parent's view, and those new to it.
    pub anticone_sizes: Vec<AnticoneSize>,
    /// Blues in the past.
    pub blue_score: u64,
    /// Their work.
    pub blue_work: U192,
}

impl Ghostdag {
    /// Returns how many blocks are merged, the selected parent among them.
    #[must_use]
    pub const fn mergeset_size(&self) -> usize {
        self.blues.len() + self.reds.len()
    }

    /// Iterates over the mergeset without the selected parent: blues, then reds.
    pub fn merged(&self) -> impl Iterator<Item = BlockId> + Clone + '_ {
        self.blues.iter().skip(1).chain(&self.reds).copied()
    }

    /// Iterates over the mergeset without the selected parent by rank, highest first.
    ///
    /// The other way round, after the selected parent, it is the order in which transactions are accepted.
    pub fn merged_descending<'a>(&'a self, dag: &'a Dag) -> impl Iterator<Item = BlockId> + 'a {
        let (mut blues, mut reds) = (self.blues.get(1..).unwrap_or_default(), &self.reds[..]);
        core::iter::from_fn(move || {
            let from_blues = match (blues.last(), reds.last()) {
                (Some(&blue), Some(&red)) => dag.rank(blue) > dag.rank(red),
                (blue, _) => blue.is_some(),
            };
            let side = if from_blues { &mut blues } else { &mut reds };
            let (&last, others) = side.split_last()?;
            *side = others;
            Some(last)
        })
    }
}

/// What colouring depends on besides the DAG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GhostdagParams {
    /// Most blues in the anticone of a blue.
    pub k: u16,
    /// Most blocks merged, the selected parent among them; the search stops there.
    pub mergeset_max: usize,
    /// Least work a blue counts for: nothing for the DAG itself, [`level_work`] on a level of a pruning proof.
    pub level_work: U192,
}

impl GhostdagParams {
    /// Returns the parameters of the DAG itself.
    #[must_use]
    pub const fn new(k: u16, mergeset_max: usize) -> Self {
        Self { k, mergeset_max, level_work: U192::ZERO }
    }
}

/// Returns the least work a block of a level counts for in the proof of that level: nothing on level 0, otherwise what a hash
/// of that level is worth, at most 2^128.
///
/// Reference: `processes::difficulty::level_work`.
#[must_use]
pub fn level_work(level: u8, max_level: u8) -> U192 {
    const EXPONENT_MAX: usize = 128;
    if level == 0 {
        return U192::ZERO;
    }
    U192::ONE << (usize::from(level) + 256 - usize::from(max_level)).min(EXPONENT_MAX)
}

/// A number per block that is forgotten all at once.
#[derive(Debug, Clone, Default)]
struct Marks {
    rows: Vec<(u32, u32)>,
    round: u32,
}

impl Marks {
    /// Forgets all, and makes room for `len` blocks.
    fn clear(&mut self, len: usize) {
        if self.round == u32::MAX {
            self.rows.clear();
            self.round = 0;
        }
        self.round += 1;
        if self.rows.len() < len {
            self.rows.resize(len + len / 8, (0, 0));
        }
    }

    fn set(&mut self, block: BlockId, value: u32) {
        self.rows[block.row()] = (self.round, value);
    }

    fn get(&self, block: BlockId) -> Option<u32> {
        let (round, value) = self.rows[block.row()];
        (round == self.round).then_some(value)
    }
}

/// The buffers of colouring, kept from block to block: 24 bytes for each block of the DAG, and one for each thread that colours.
#[derive(Debug, Clone, Default)]
pub struct Colouring {
    seen: Marks,
    merged: Vec<BlockId>,
    window: colour::Window,
    found: Ghostdag,
}

impl Colouring {
    /// Makes empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Colours a block to be with these parents.
    ///
    /// # Errors
    ///
    /// [`DagError::NoParents`], [`DagError::UnknownParent`], [`DagError::RelatedParents`], [`DagError::MergesetTooBig`].
    pub fn run(
        &mut self,
        dag: &Dag,
        parents: &[BlockId],
        params: &GhostdagParams,
    ) -> Result<&Ghostdag, DagError> {
        for &parent in parents {
            if !dag.reachability().has(parent) {
                return Err(DagError::UnknownParent { parent });
            }
        }
        let selected_parent = parents
            .iter()
            .copied()
            .max_by(|&a, &b| dag.rank(a).cmp(&dag.rank(b)))
            .ok_or(DagError::NoParents)?;
        self.found.selected_parent = selected_parent;
        self.found.blues.clear();
        self.found.reds.clear();
        self.found.anticone_sizes.clear();
        self.found.blue_score = 0;
        self.found.blue_work = U192::ZERO;
        self.search(dag, selected_parent, parents, params.mergeset_max)?;
        if selected_parent.is_origin() {
            return Ok(&self.found);
        }
        self.found.blues.push(selected_parent);
        self.window.colour(dag, &self.merged, params.k, &mut self.found);
        let blues = &self.found.blues;
        self.found.blue_score = dag.blue_score(selected_parent) + blues.len() as u64;
        self.found.blue_work = blues.iter().fold(dag.blue_work(selected_parent), |sum, &blue| {
            sum.saturating_add(dag.work(blue).max(params.level_work))
        });
        Ok(&self.found)
    }

    /// Returns what the last successful [`Self::run`] found.
    #[must_use]
    pub const fn found(&self) -> &Ghostdag {
        &self.found
    }
}
