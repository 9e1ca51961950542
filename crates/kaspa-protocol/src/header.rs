//! The header of a block of the DAG, its parents kept as runs of levels.
//!
//! A header names parents for up to 256 levels of proof of work, ten kilobytes as a rule; but the
//! levels above the first few repeat one another, so that eleven to fifteen distinct lists remain.
//! [`LevelParents`] keeps these; only hashing walks the levels one by one.
//!
//! ```text
//!   level    0     1  2  3     4 … 255
//!   parents  [A B] [A] [A] [A] [G] … [G]
//!   runs     (1, [A B])  (4, [A])  (256, [G])
//! ```
//!
//! # Invariants
//!
//! - Neighbouring runs differ, and each covers a level or more: one value has one form.
//! - At most [`LEVELS_MAX`] levels, and at most [`EXPANDED_MAX`] parents over all levels: a run of a few
//!   bytes must not make a node hash gigabytes.
//!
//! **Spec:** rusty-kaspa's `Header`, `CompressedParents`; the run form is what peers of protocol 9 send.

use quintet_primitives::Hash256;
use ruint::aliases::U192;
use thiserror::Error;

/// Most levels a header may name parents for: levels are bytes.
pub const LEVELS_MAX: usize = 256;

/// Most parents over all levels, each level counted: 4 MiB to hash, where real headers have some 300
/// parents and simulations of wide DAGs some thousands.
pub const EXPANDED_MAX: usize = 1 << 17;

/// Sum of work over blue blocks, in expected hashes.
pub type BlueWork = U192;

/// A header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Version: 0 in a genesis, 1 before Toccata, 2 since.
    pub version: u16,
    /// Parents by level of proof of work; those of level 0 are the block's parents in the DAG.
    pub parents: LevelParents,
    /// Merkle root of the transactions' hashes.
    pub hash_merkle_root: Hash256,
    /// What is said of the accepted transactions; its meaning changed with each era.
    pub accepted_id_merkle_root: Hash256,
    /// MuHash of the UTXO set from this block's view.
    pub utxo_commitment: Hash256,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// Target of the proof of work, in compact form.
    pub bits: u32,
    /// What the miner varies.
    pub nonce: u64,
    /// Blocks of the difficulty windows' count up to this one.
    pub daa_score: u64,
    /// Work of the blue past.
    pub blue_work: BlueWork,
    /// Blocks in the blue past.
    pub blue_score: u64,
    /// The pruning point from this block's view.
    pub pruning_point: Hash256,
}

impl Header {
    /// Returns the parents in the DAG: those of level 0.
    #[must_use]
    pub fn direct_parents(&self) -> &[Hash256] {
        self.parents.level(0).unwrap_or_default()
    }
}

/// Why runs or levels of parents are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LevelParentsError {
    /// More levels than a byte counts.
    #[error("expected parents for at most {max} levels, got {actual}")]
    TooManyLevels {
        /// [`LEVELS_MAX`].
        max: usize,
        /// Levels that came.
        actual: usize,
    },
    /// More parents than anybody has.
    #[error("expected at most {max} parents over all levels, got {actual} or more")]
    TooManyParents {
        /// [`EXPANDED_MAX`].
        max: usize,
        /// Parents up to the level that is too much.
        actual: usize,
    },
    /// A run ends where the one before it does, or earlier.
    #[error("expected run {run} to end above level {previous}, it ends at {actual}")]
    RunsNotIncreasing {
        /// The run's index.
        run: usize,
        /// End of the run before it.
        previous: u16,
        /// Its end.
        actual: u16,
    },
    /// Two neighbouring runs name the same parents.
    #[error("expected run {run} to name other parents than the run before it")]
    RunsNotMerged {
        /// The second run's index.
        run: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// First level above the run.
    levels_end: u16,
    /// First hash after the run's.
    hashes_end: u32,
}

/// Parents by level, in one table of hashes and one of runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LevelParents {
    hashes: Vec<Hash256>,
    runs: Vec<Run>,
    /// Parents over all levels.
    expanded: usize,
}

impl LevelParents {
    /// Takes the parents of one level after the other.
    ///
    /// # Errors
    ///
    /// [`LevelParentsError::TooManyLevels`] or [`LevelParentsError::TooManyParents`].
    pub fn from_levels<L: AsRef<[Hash256]>>(
        levels: impl IntoIterator<Item = L>,
    ) -> Result<Self, LevelParentsError> {
        let mut parents = Self::default();
        levels.into_iter().try_for_each(|level| parents.push(level.as_ref()))?;
        Ok(parents)
    }

    /// Takes runs, each the level above its last and its parents: the form peers send.
    ///
    /// # Errors
    ///
    /// [`LevelParentsError`] if the runs are not in their one form.
    pub fn from_runs<L: AsRef<[Hash256]>>(
        runs: impl IntoIterator<Item = (u16, L)>,
    ) -> Result<Self, LevelParentsError> {
        let mut parents = Self::default();
        for (run, (actual, hashes)) in runs.into_iter().enumerate() {
            let previous = parents.runs.last().map_or(0, |run| run.levels_end);
            if actual <= previous {
                return Err(LevelParentsError::RunsNotIncreasing { run, previous, actual });
            }
            check_levels(actual.into())?;
            if parents.runs().last().is_some_and(|(_, last)| last == hashes.as_ref()) {
                return Err(LevelParentsError::RunsNotMerged { run });
            }
            parents.count(hashes.as_ref().len().saturating_mul((actual - previous).into()))?;
            parents.append(actual, hashes.as_ref());
        }
        Ok(parents)
    }

    /// Adds the parents of the next level.
    ///
    /// # Errors
    ///
    /// [`LevelParentsError::TooManyLevels`] or [`LevelParentsError::TooManyParents`].
    pub fn push(&mut self, level: &[Hash256]) -> Result<(), LevelParentsError> {
        let end = self.levels() + 1;
        check_levels(end)?;
        self.count(level.len())?;
        let end = u16::try_from(end).unwrap_or(u16::MAX);
        let repeats = self.runs().last().is_some_and(|(_, last)| last == level);
        match self.runs.last_mut().filter(|_| repeats) {
            Some(run) => run.levels_end = end,
            None => self.append(end, level),
        }
        Ok(())
    }

    /// Returns how many levels there are.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.runs.last().map_or(0, |run| run.levels_end.into())
    }

    /// Returns the parents of a level, if it has any said.
    #[must_use]
    pub fn level(&self, level: usize) -> Option<&[Hash256]> {
        let run = self.runs.partition_point(|run| usize::from(run.levels_end) <= level);
        (run < self.runs.len()).then(|| self.hashes_of(run))
    }

    /// Returns the runs, each the level above its last and its parents.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = (usize, &[Hash256])> + ExactSizeIterator {
        let run = |(index, run): (usize, &Run)| (run.levels_end.into(), self.hashes_of(index));
        self.runs.iter().enumerate().map(run)
    }

    fn hashes_of(&self, run: usize) -> &[Hash256] {
        let start = run.checked_sub(1).and_then(|run| self.runs.get(run));
        let start = start.map_or(0, |run| run.hashes_end);
        let end = self.runs.get(run).map_or(start, |run| run.hashes_end);
        self.hashes.get(start as usize..end as usize).unwrap_or_default()
    }

    const fn count(&mut self, more: usize) -> Result<(), LevelParentsError> {
        let actual = self.expanded.saturating_add(more);
        if actual > EXPANDED_MAX {
            return Err(LevelParentsError::TooManyParents { max: EXPANDED_MAX, actual });
        }
        self.expanded = actual;
        Ok(())
    }

    fn append(&mut self, levels_end: u16, hashes: &[Hash256]) {
        self.hashes.extend_from_slice(hashes);
        // At most EXPANDED_MAX.
        let hashes_end = u32::try_from(self.hashes.len()).unwrap_or(u32::MAX);
        self.runs.push(Run { levels_end, hashes_end });
    }
}

const fn check_levels(actual: usize) -> Result<(), LevelParentsError> {
    if actual > LEVELS_MAX {
        return Err(LevelParentsError::TooManyLevels { max: LEVELS_MAX, actual });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(byte: u8) -> Hash256 {
        Hash256::new([byte; 32])
    }

    #[test]
    fn equal_levels_make_one_run() {
        let levels = [vec![hash(1), hash(2)], vec![hash(1)], vec![hash(1)], vec![], vec![hash(1)]];
        let parents = LevelParents::from_levels(&levels).unwrap();
        assert_eq!(parents.levels(), 5);
        assert_eq!(
            parents.runs().map(|(end, _)| end).collect::<Vec<_>>(),
            [1, 3, 4, 5],
            "levels 1 and 2 are one run"
        );
        for (level, expected) in levels.iter().enumerate() {
            assert_eq!(parents.level(level), Some(expected.as_slice()), "level {level}");
        }
        assert_eq!(parents.level(5), None);
        let runs: Vec<_> = parents
            .runs()
            .map(|(end, hashes)| (u16::try_from(end).unwrap(), hashes.to_vec()))
            .collect();
        assert_eq!(LevelParents::from_runs(runs), Ok(parents));
    }

    #[test]
    fn runs_of_another_form_are_refused() {
        assert_eq!(
            LevelParents::from_runs([(0, [hash(1)])]),
            Err(LevelParentsError::RunsNotIncreasing { run: 0, previous: 0, actual: 0 })
        );
        assert_eq!(
            LevelParents::from_runs([(3, [hash(1)]), (3, [hash(2)])]),
            Err(LevelParentsError::RunsNotIncreasing { run: 1, previous: 3, actual: 3 })
        );
        assert_eq!(
            LevelParents::from_runs([(3, [hash(1)]), (4, [hash(1)])]),
            Err(LevelParentsError::RunsNotMerged { run: 1 })
        );
        assert_eq!(
            LevelParents::from_runs([(257, [hash(1)])]),
            Err(LevelParentsError::TooManyLevels { max: 256, actual: 257 })
        );
        let wide = |parents| [(256, vec![hash(1); parents])];
        assert!(LevelParents::from_runs(wide(512)).is_ok());
        assert_eq!(
            LevelParents::from_runs(wide(513)),
            Err(LevelParentsError::TooManyParents { max: 1 << 17, actual: 256 * 513 })
        );
        assert!(LevelParents::from_levels(vec![[hash(1)]; 256]).is_ok());
        assert_eq!(
            LevelParents::from_levels(vec![[hash(1)]; 257]),
            Err(LevelParentsError::TooManyLevels { max: 256, actual: 257 })
        );
    }
}
