//! What happens to rollups alone: the chain they stand on is gone for a while.

use std::time::Instant;

use anyhow::{Result, ensure};
use interop::{Binary, eventually, lab};

use super::{everybody, settled, tell};
use crate::{
    kind::Kind as _,
    kinds::{
        Rollup,
        rollup::{BATCHER, L1, SEQUENCER, VERIFIERS},
    },
};

/// Blocks that are made meanwhile.
const BLOCKS: u64 = 6;

/// L1 cannot be reached: the sequencer goes on and verifiers follow its gossip, while nothing becomes safe; once L1 is back, all of it does.
///
/// # Errors
///
/// If it is otherwise.
pub fn l1_away(binary: &Binary, seed: u64) -> Result<()> {
    lab(|lab| {
        let begun = Instant::now();
        let mut network = settled::<Rollup>(lab, binary, seed)?;
        let places: Vec<_> = network.nodes.iter().map(|node| node.place.clone()).collect();
        let head = |index: usize, name: &str| Rollup::head_of(&places[index], name);
        network.fabric.part(&[0, 1, 2, BATCHER], &[L1]);
        // What was on its way arrives; then nothing does.
        let cut = head(SEQUENCER, "unsafe_l2")?.height;
        let reaches = |index: usize, height: u64| {
            eventually(&format!("unsafe block {height} at node {index}"), || {
                let head = head(index, "unsafe_l2")?;
                Ok((head.height >= height).then_some(head))
            })
        };
        reaches(SEQUENCER, cut + 2)?;
        let safe = head(SEQUENCER, "safe_l2")?;
        network.work(SEQUENCER)?;
        let made = reaches(SEQUENCER, cut + 2 + BLOCKS)?;
        for index in VERIFIERS {
            reaches(index, made.height)?;
            ensure!(network.kind().holds(&places[index], &made)?, "node {index} lacks {made:?}");
        }
        let still = head(SEQUENCER, "safe_l2")?;
        ensure!(
            still == safe,
            "from {safe:?} to {still:?}: expected nothing from an L1 that is cut off"
        );
        network.fabric.heal();
        network.agree(&everybody::<Rollup>(), made.height)?;
        for index in everybody::<Rollup>() {
            ensure!(network.kind().holds(&places[index], &made)?, "node {index} lost {made:?}");
        }
        network.all_arrived()?;
        tell::<Rollup>("L1 away and back, all blocks safe", begun);
        Ok(())
    })
}
