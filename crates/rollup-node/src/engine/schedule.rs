//! The execution layer's schedule of a rollup: from the configuration derivation uses, so that the two cannot differ.

use quintet_evm::schedule::{Fork as EthereumFork, OpFork, OpSchedule, Schedule};
use quintet_rollup_protocol::config::{Fork, RollupConfig};

/// Forks that change execution, under both names. Delta changes derivation alone.
const FORKS: [(Fork, OpFork); 10] = [
    (Fork::Regolith, OpFork::Regolith),
    (Fork::Canyon, OpFork::Canyon),
    (Fork::Ecotone, OpFork::Ecotone),
    (Fork::Fjord, OpFork::Fjord),
    (Fork::Granite, OpFork::Granite),
    (Fork::Holocene, OpFork::Holocene),
    (Fork::Isthmus, OpFork::Isthmus),
    (Fork::Jovian, OpFork::Jovian),
    (Fork::Karst, OpFork::Karst),
    (Fork::Lagoon, OpFork::Interop),
];

/// Returns the schedule by which a rollup's blocks are executed.
#[must_use]
pub fn schedule_of(config: &RollupConfig) -> Schedule {
    let begins = |(fork, op): (Fork, OpFork)| Some((op, config.forks.time(fork)?));
    let mut op = OpSchedule::new(FORKS.into_iter().filter_map(begins).collect());
    op.elasticity = config.base_fee.elasticity.into();
    op.denominator = config.base_fee.denominator.into();
    op.denominator_canyon = config.base_fee.denominator_canyon.into();
    let mut schedule = Schedule::from_start(config.l2_chain_id, EthereumFork::Paris);
    schedule.blobs.clear();
    schedule.op = Some(op);
    schedule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_have_the_same_fork_at_every_time() {
        let mut config = crate::testing::config();
        config.forks.set(Fork::Isthmus, Some(1_000));
        let schedule = schedule_of(&config);
        assert_eq!(schedule.rules(1, 999, true).op, Some(OpFork::Holocene));
        assert_eq!(schedule.rules(1, 1_000, true).op, Some(OpFork::Isthmus));
        assert_eq!(schedule.chain_id, config.l2_chain_id);
    }
}
