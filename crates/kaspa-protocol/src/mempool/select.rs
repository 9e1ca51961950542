//! Which transactions a block gets: drawn by weight until the block is full.

use std::collections::HashMap;

use quintet_primitives::Hash256;

use super::{Candidate, Frontier, Policy};
use crate::{params::LaneLimits, tx::SubnetworkId};

/// Transactions drawn that do not fit what is left, at most: the block is full enough then.
const TOO_HEAVY_MAX: usize = 8;

/// Transactions drawn whose lane has no room, at most.
const NO_LANE_MAX: usize = 2048;

/// What a block still has room for.
#[derive(Debug, Clone)]
pub struct BlockRoom {
    mass: u64,
    lanes: LaneLimits,
    used: HashMap<SubnetworkId, u64>,
}

/// Why a transaction does not go in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoRoom {
    Mass,
    Lane,
}

impl BlockRoom {
    /// Returns the room of an empty block.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        Self { mass: policy.block_mass.compute, lanes: policy.lanes, used: HashMap::new() }
    }

    fn take(&mut self, item: &Candidate) -> Result<(), NoRoom> {
        let mass = self.mass.checked_sub(item.mass).ok_or(NoRoom::Mass)?;
        let used = self.used.get(&item.lane).copied();
        let gas = used.unwrap_or(0).saturating_add(item.gas);
        let lanes = u64::try_from(self.used.len()).unwrap_or(u64::MAX);
        if gas > self.lanes.gas_per_lane || used.is_none() && lanes >= self.lanes.lanes_per_block {
            return Err(NoRoom::Lane);
        }
        self.used.insert(item.lane, gas);
        self.mass = mass;
        Ok(())
    }
}

impl Frontier {
    /// Selects transactions for a block: all if they fit, otherwise drawn by weight without putting back. `random` is uniform in [0, 1). O(k log n)
    /// for k transactions of a block.
    ///
    /// Reference: `build_selector`, `MutatingTreeSelector`.
    pub fn select(&mut self, mut room: BlockRoom, random: &mut dyn FnMut() -> f64) -> Vec<Hash256> {
        if self.total_mass() <= room.mass {
            let fits = self.descending().filter(|item| room.take(item).is_ok());
            return fits.map(|item| item.id).collect();
        }
        let (mut selected, mut drawn) = (Vec::new(), Vec::new());
        let (mut too_heavy, mut no_lane) = (0, 0);
        while too_heavy < TOO_HEAVY_MAX && no_lane < NO_LANE_MAX {
            let Some(item) = self.draw(random()) else { break };
            drawn.push(item);
            match room.take(&item) {
                Ok(()) => selected.push(item.id),
                Err(NoRoom::Mass) => too_heavy += 1,
                Err(NoRoom::Lane) => no_lane += 1,
            }
        }
        for item in &drawn {
            self.put_back(item);
        }
        selected
    }
}
