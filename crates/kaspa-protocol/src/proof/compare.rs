//! Which of two proofs is better: from the last block that both have on some level, more work.
//!
//! Reference: `compare_proofs_inner`.

use super::{ProofWeakness, ValidProof, level::Level};
use crate::{dag::BlockId, header::BlueWork};

impl ValidProof {
    /// Checks that this proof, a peer's, is strictly better than `own`. Who is equal does not replace us.
    ///
    /// `relay_work` is the blue work of the block for which we ask the peer; what is claimed between the pruning point and it will be
    /// validated if the proof is taken. `own_work` is that of our highest header.
    ///
    /// # Errors
    ///
    /// [`ProofWeakness`].
    pub fn check_stronger_than(
        &self,
        own: &Self,
        own_work: BlueWork,
        relay_work: BlueWork,
    ) -> Result<(), ProofWeakness> {
        let enough = self.rules.m.saturating_mul(2);
        let own_period = own_work.saturating_sub(own.header().blue_work);
        let period = relay_work.saturating_sub(self.header().blue_work);
        for (level, own_level) in self.levels.iter().zip(&own.levels) {
            if level.blue_score() < enough {
                continue;
            }
            let Some((common, own_common)) = common_ancestor(level, own_level) else { continue };
            let own_work = own_level.blue_work_above(own_common).saturating_add(own_period);
            let work = level.blue_work_above(common).saturating_add(period);
            return if work > own_work { Ok(()) } else { Err(ProofWeakness::InsufficientBlueWork) };
        }
        if own.pruning_point() == self.rules.genesis {
            return Ok(());
        }
        let mut levels = self.levels.iter().zip(&own.levels).rev();
        let deeper = |(level, own): (&Level, &Level)| {
            level.blue_score() >= enough && own.blue_score() < enough
        };
        if levels.any(deeper) { Ok(()) } else { Err(ProofWeakness::NotEnoughHeaders) }
    }
}

/// Returns the highest block of the first level's chain that the second has too, with its numbers in both.
fn common_ancestor(level: &Level, other: &Level) -> Option<(BlockId, BlockId)> {
    let mut at = level.tip();
    while !at.is_origin() {
        if let Some(found) = other.dag().find(level.dag().hash(at)) {
            return Some((at, found));
        }
        at = level.dag().selected_parent(at);
    }
    None
}
