//! The L1 origin of the next block.
//!
//! ```text
//!   head, its origin, the L1 block behind that (if deep enough) ──► choose ──► Stay | Advance | Wait | Reorged
//! ```
//!
//! The next L1 block is taken as soon as it may be: its time is not after that of the L2 block. Where it is not known, blocks go on behind the
//! present origin as long as the chain may drift ahead of it; beyond that, blocks of deposits alone may follow only once the next one is known.
//!
//! # Invariants
//!
//! - An origin never skips an L1 block and never goes back.
//! - A block whose time is beyond the drift is empty of users' transactions: derivation would refuse it otherwise.
//! - Nothing is chosen on an L1 that is not the one the head was built on.
//!
//! **Spec:** op-node's `L1OriginSelector.FindL1Origin`; `protocol/derivation.md`, batch rules for `max_sequencer_drift`.

use alloy_primitives::B256;

use crate::{
    config::{Fork, RollupConfig},
    refs::{L1Ref, L2Ref},
};

/// What the next block stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginChoice {
    /// The head's origin.
    Stay {
        /// Whether users' transactions may be in the block.
        users: bool,
    },
    /// The L1 block behind the head's origin.
    Advance {
        /// Whether users' transactions may be in the block.
        users: bool,
    },
    /// Nothing: the chain has drifted as far from L1 as it may, and the next L1 block is not known.
    Wait {
        /// Seconds by which the block would be ahead of its origin.
        drift: u64,
        /// The most it may be.
        drift_max: u64,
    },
    /// L1 was reorganised below the head.
    Reorged {
        /// What the head or its origin builds on.
        expected: B256,
        /// What L1 has there.
        actual: B256,
    },
}

/// Returns whether a block of L1 is deep enough to be an origin.
///
/// **Spec:** op-node's `confDepth.L1BlockRefByNumber`, flag `sequencer.l1-confs`.
#[must_use]
pub const fn is_deep_enough(number: u64, l1_head: u64, confirmations: u64) -> bool {
    number.saturating_add(confirmations) <= l1_head
}

/// Chooses. `current` is the L1 block of the number of the head's origin; `next` the one behind it, if it is known and deep enough.
#[must_use]
pub fn choose(
    config: &RollupConfig,
    head: &L2Ref,
    current: &L1Ref,
    next: Option<&L1Ref>,
) -> OriginChoice {
    if current.hash != head.l1_origin.hash {
        return OriginChoice::Reorged { expected: head.l1_origin.hash, actual: current.hash };
    }
    if let Some(next) = next
        && next.parent_hash != current.hash
    {
        return OriginChoice::Reorged { expected: current.hash, actual: next.parent_hash };
    }
    let time = head.timestamp.saturating_add(config.block_time);
    let users = |origin: &L1Ref| {
        let drift_max = config.sequencer_drift(origin.timestamp);
        time <= origin.timestamp.saturating_add(drift_max) && !is_upgrade(config, time)
    };
    if let Some(next) = next.filter(|next| time >= next.timestamp) {
        return OriginChoice::Advance { users: users(next) };
    }
    let drift = time.saturating_sub(current.timestamp);
    let drift_max = config.sequencer_drift(current.timestamp);
    if drift > drift_max && next.is_none() {
        return OriginChoice::Wait { drift, drift_max };
    }
    OriginChoice::Stay { users: users(current) }
}

/// Returns whether a block is the first of a fork with upgrade transactions: such blocks hold no users' transactions.
///
/// **Spec:** op-node's sequencer, `NoTxPool` at fork activations; `jovian/derivation.md` makes it a rule of batches.
fn is_upgrade(config: &RollupConfig, time: u64) -> bool {
    let forks = [Fork::Ecotone, Fork::Fjord, Fork::Granite, Fork::Holocene, Fork::Isthmus];
    let later = [Fork::Jovian, Fork::Karst, Fork::Lagoon];
    forks.into_iter().chain(later).any(|fork| config.is_activation(fork, time))
}

#[cfg(test)]
mod tests {
    use alloy_eips::BlockNumHash;

    use super::*;
    use crate::testing::config_at;

    /// Seconds a block may be ahead of its origin, from Fjord.
    const DRIFT: u64 = crate::config::SEQUENCER_DRIFT_FJORD;

    fn l1(number: u8, timestamp: u64) -> L1Ref {
        L1Ref {
            number: number.into(),
            hash: B256::repeat_byte(number),
            parent_hash: B256::repeat_byte(number - 1),
            timestamp,
        }
    }

    fn head(timestamp: u64) -> L2Ref {
        let l1_origin = BlockNumHash { number: 5, hash: B256::repeat_byte(5) };
        L2Ref { number: 100, timestamp, l1_origin, ..L2Ref::default() }
    }

    fn chosen(time: u64, next: Option<&L1Ref>) -> OriginChoice {
        let config = config_at(Fork::Isthmus);
        choose(&config, &head(time - config.block_time), &l1(5, 10_000), next)
    }

    #[test]
    fn the_next_origin_is_taken_as_soon_as_the_block_is_not_before_it() {
        let next = l1(6, 10_012);
        assert_eq!(chosen(10_010, Some(&next)), OriginChoice::Stay { users: true });
        assert_eq!(chosen(10_012, Some(&next)), OriginChoice::Advance { users: true });
        assert_eq!(chosen(10_012, None), OriginChoice::Stay { users: true });
    }

    #[test]
    fn the_chain_drifts_as_far_as_it_may_and_then_waits_for_l1() {
        let last = 10_000 + DRIFT;
        assert_eq!(chosen(last, None), OriginChoice::Stay { users: true });
        let waits = OriginChoice::Wait { drift: DRIFT + 2, drift_max: DRIFT };
        assert_eq!(chosen(last + 2, None), waits);
    }

    #[test]
    fn beyond_the_drift_blocks_are_empty_until_the_next_origin_may_be_taken() {
        let beyond = 10_000 + DRIFT + 2;
        // L1 made no block for longer than the drift: nothing but empty blocks until its time has come.
        let late = l1(6, beyond + 10);
        assert_eq!(chosen(beyond, Some(&late)), OriginChoice::Stay { users: false });
        let early = l1(6, beyond - DRIFT - 1);
        assert_eq!(chosen(beyond, Some(&early)), OriginChoice::Advance { users: false });
        assert_eq!(
            chosen(beyond, Some(&l1(6, beyond - DRIFT))),
            OriginChoice::Advance { users: true }
        );
    }

    #[test]
    fn before_fjord_the_drift_is_the_chains_own() {
        let config = config_at(Fork::Ecotone);
        let time = 10_000 + config.max_sequencer_drift;
        let at = |time: u64| choose(&config, &head(time - config.block_time), &l1(5, 10_000), None);
        assert_eq!(at(time), OriginChoice::Stay { users: true });
        assert!(matches!(at(time + 2), OriginChoice::Wait { .. }));
    }

    #[test]
    fn an_l1_that_is_another_one_is_told() {
        let other = L1Ref { hash: B256::repeat_byte(0xee), ..l1(5, 10_000) };
        let config = config_at(Fork::Isthmus);
        let (expected, actual) = (B256::repeat_byte(5), other.hash);
        let told = OriginChoice::Reorged { expected, actual };
        assert_eq!(choose(&config, &head(10_000), &other, None), told);
        let next = L1Ref { parent_hash: B256::repeat_byte(0xdd), ..l1(6, 10_002) };
        let (expected, actual) = (B256::repeat_byte(5), B256::repeat_byte(0xdd));
        assert_eq!(chosen(10_010, Some(&next)), OriginChoice::Reorged { expected, actual });
    }

    #[test]
    fn the_first_block_of_a_fork_holds_no_users_transactions() {
        let mut config = config_at(Fork::Isthmus);
        config.forks.set(Fork::Jovian, Some(10_010));
        let at = |time: u64| choose(&config, &head(time - config.block_time), &l1(5, 10_000), None);
        assert_eq!(at(10_008), OriginChoice::Stay { users: true });
        assert_eq!(at(10_010), OriginChoice::Stay { users: false });
        assert_eq!(at(10_012), OriginChoice::Stay { users: true });
    }

    #[test]
    fn an_origin_has_as_many_blocks_above_it_as_were_asked_for() {
        assert!(is_deep_enough(5, 9, 4));
        assert!(!is_deep_enough(6, 9, 4));
        assert!(is_deep_enough(9, 9, 0));
        assert!(!is_deep_enough(u64::MAX, u64::MAX - 1, 4));
    }
}
