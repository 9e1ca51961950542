//! The headers of all pruning points, from the genesis to the proven one.
//!
//! A header names the pruning point of its own view, some steps before the one before it. So the points are held together by two things:
//! the selected chain above the last one names the latest few, in order, and each of these names one further down:
//!
//! ```text
//!   genesis … p4 ◄──┐ p5 ◄──┐ p6 ◄──┐ p7 ◄── named on the chain ── sink
//!              └─────┼── p6  └── p7  └──────── named on the chain
//! ```
//!
//! Reference: `import_pruning_points`, `are_pruning_points_in_valid_chain`.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use quintet_primitives::Hash256;

use super::PruningImportError;
use crate::header::Header;

/// Past pruning points in order, the genesis first, the proven one last.
#[derive(Debug, Clone)]
pub struct PastPruningPoints {
    points: Vec<(Hash256, Arc<Header>)>,
}

impl PastPruningPoints {
    /// Checks what a peer sent of them against the point that was proven.
    ///
    /// # Errors
    ///
    /// [`PruningImportError`].
    pub fn new(headers: Vec<Arc<Header>>, proven: Hash256) -> Result<Self, PruningImportError> {
        let points: Vec<_> = headers.into_iter().map(|header| (header.hash(), header)).collect();
        let different: HashSet<&Hash256> = points.iter().map(|(hash, _)| hash).collect();
        let count = points.len() - different.len();
        if count > 0 {
            return Err(PruningImportError::DuplicatedPastPruningPoints { count });
        }
        for (index, pair) in (1..).zip(points.windows(2)) {
            let [(_, previous), (_, next)] = pair else { continue };
            let (previous, actual) = (previous.blue_score, next.blue_score);
            if previous >= actual {
                return Err(PruningImportError::InconsistentPastPruningPoints {
                    index,
                    previous,
                    actual,
                });
            }
        }
        let last = points.last().ok_or(PruningImportError::MissingPastPruningPoints)?.0;
        if last != proven {
            let expected = proven;
            return Err(PruningImportError::WrongLastPruningPoint { expected, actual: last });
        }
        Ok(Self { points })
    }

    /// Checks that all are named in turn, down to the genesis. `named` are the pruning points that headers of the selected chain
    /// name, from its sink down to the last point; repetitions and points above the last one count for nothing.
    ///
    /// # Errors
    ///
    /// [`PruningImportError::MissingPointedPruningPoint`], [`PruningImportError::WrongPointedPruningPoint`],
    /// [`PruningImportError::UnpointedPruningPoint`].
    pub fn check_named(
        &self,
        named: impl IntoIterator<Item = Hash256>,
        genesis: &Hash256,
    ) -> Result<(), PruningImportError> {
        let mut named: Vec<Hash256> = named.into_iter().collect();
        named.dedup();
        let last = self.points.last().map(|(hash, _)| *hash);
        let mut queue: VecDeque<Hash256> =
            named.into_iter().skip_while(|name| Some(*name) != last).collect();
        for (index, (hash, header)) in self.points.iter().enumerate().rev() {
            let Some(expected) = queue.pop_front() else {
                return Err(PruningImportError::MissingPointedPruningPoint { hash: *hash });
            };
            if expected != *hash {
                return Err(PruningImportError::WrongPointedPruningPoint {
                    expected,
                    actual: *hash,
                });
            }
            if index == 0 {
                if let Some(hash) = queue.pop_front() {
                    return Err(PruningImportError::UnpointedPruningPoint { hash });
                }
                if hash != genesis {
                    return Err(PruningImportError::UnpointedPruningPoint { hash: *genesis });
                }
                break;
            }
            match queue.back() {
                Some(back) if *back == header.pruning_point => (),
                Some(_) => queue.push_back(header.pruning_point),
                None => {
                    let hash = header.pruning_point;
                    return Err(PruningImportError::MissingPointedPruningPoint { hash });
                }
            }
        }
        Ok(())
    }

    /// Returns the points, the genesis first.
    #[must_use]
    pub fn points(&self) -> &[(Hash256, Arc<Header>)] {
        &self.points
    }
}
