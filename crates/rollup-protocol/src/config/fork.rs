//! Forks as data: their order, their names in configuration files, when each begins.
//!
//! A rule asks `schedule.is_active(Fork::Holocene, time)`; which time it hands over is the rule's own business, because
//! the stack has three clocks: the L2 block's time, the time of its L1 origin, and that of the L1 block that included
//! a batch. Upgrades come about twice a year; a new one is a variant here, a key, and the rules that ask for it.

/// A fork, in the order in which chains pass them.
///
/// **Spec:** `protocol/superchain-upgrades.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
pub enum Fork {
    /// The first release of the stack in this form; active from genesis.
    Bedrock,
    /// System transactions become ordinary deposits.
    Regolith,
    /// Shanghai; channels are read out of order.
    Canyon,
    /// Span batches.
    Delta,
    /// Cancun; blobs; packed L1 information.
    Ecotone,
    /// Brotli; larger channels; drift is a constant.
    Fjord,
    /// Channels live for 50 L1 blocks.
    Granite,
    /// Strict order of frames and batches; deposits-only replacement.
    Holocene,
    /// Prague; operator fee.
    Isthmus,
    /// Minimum base fee; data availability footprint.
    Jovian,
    /// Osaka.
    Karst,
    /// Messages between chains (once called Interop).
    Lagoon,
}

impl Fork {
    /// How many forks there are.
    pub const COUNT: usize = 12;

    /// All, from the oldest.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Bedrock,
        Self::Regolith,
        Self::Canyon,
        Self::Delta,
        Self::Ecotone,
        Self::Fjord,
        Self::Granite,
        Self::Holocene,
        Self::Isthmus,
        Self::Jovian,
        Self::Karst,
        Self::Lagoon,
    ];

    /// Returns the keys under which configuration files name its time.
    #[must_use]
    pub const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Bedrock => &[],
            Self::Regolith => &["regolith_time"],
            Self::Canyon => &["canyon_time"],
            Self::Delta => &["delta_time"],
            Self::Ecotone => &["ecotone_time"],
            Self::Fjord => &["fjord_time"],
            Self::Granite => &["granite_time"],
            Self::Holocene => &["holocene_time"],
            Self::Isthmus => &["isthmus_time"],
            Self::Jovian => &["jovian_time"],
            Self::Karst => &["karst_time"],
            Self::Lagoon => &["lagoon_time", "interop_time"],
        }
    }

    /// Returns the fork whose time a key of a configuration file sets.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fork| fork.keys().contains(&key))
    }
}

/// When each fork begins, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForkSchedule {
    times: [Option<u64>; Fork::COUNT],
}

impl Default for ForkSchedule {
    fn default() -> Self {
        Self::new()
    }
}

impl ForkSchedule {
    /// Returns a schedule with Bedrock alone.
    #[must_use]
    pub const fn new() -> Self {
        let mut times = [None; Fork::COUNT];
        times[Fork::Bedrock as usize] = Some(0);
        Self { times }
    }

    /// Returns a schedule in which `fork` and all before it are active from genesis.
    #[must_use]
    pub fn active_up_to(fork: Fork) -> Self {
        let mut schedule = Self::new();
        Fork::ALL.into_iter().filter(|f| *f <= fork).for_each(|f| schedule.set(f, Some(0)));
        schedule
    }

    /// Sets when `fork` begins, `None` for never.
    pub const fn set(&mut self, fork: Fork, time: Option<u64>) {
        self.times[fork as usize] = time;
    }

    /// Returns the time set for `fork` itself.
    #[must_use]
    pub const fn time(&self, fork: Fork) -> Option<u64> {
        self.times[fork as usize]
    }

    /// Returns whether `fork` has begun at `time`. A later fork includes all before it.
    #[must_use]
    pub fn is_active(&self, fork: Fork, time: u64) -> bool {
        self.times[fork as usize..].iter().flatten().any(|begins| time >= *begins)
    }

    /// Returns whether `fork` is active at `time` and was not `block_time` seconds before.
    ///
    /// **Spec:** op-node's `Is*ActivationBlock`: a chain that has a fork from genesis has no activation block of it.
    #[must_use]
    pub fn is_activation(&self, fork: Fork, time: u64, block_time: u64) -> bool {
        self.is_active(fork, time) && time >= block_time && !self.is_active(fork, time - block_time)
    }

    /// Returns the latest fork active at `time`.
    #[must_use]
    pub fn at(&self, time: u64) -> Fork {
        Fork::ALL
            .into_iter()
            .rev()
            .find(|fork| self.is_active(*fork, time))
            .unwrap_or(Fork::Bedrock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_fork_includes_all_before_it() {
        let mut schedule = ForkSchedule::new();
        schedule.set(Fork::Granite, Some(100));
        assert!(!schedule.is_active(Fork::Canyon, 99));
        assert!(schedule.is_active(Fork::Canyon, 100));
        assert!(!schedule.is_active(Fork::Holocene, 100));
        assert_eq!(schedule.at(100), Fork::Granite);
    }

    #[test]
    fn an_activation_block_is_the_first_of_its_fork() {
        let mut schedule = ForkSchedule::new();
        schedule.set(Fork::Ecotone, Some(11));
        assert!(schedule.is_activation(Fork::Ecotone, 12, 2));
        assert!(!schedule.is_activation(Fork::Ecotone, 14, 2));
        assert!(!ForkSchedule::active_up_to(Fork::Ecotone).is_activation(Fork::Ecotone, 12, 2));
    }

    #[test]
    fn every_key_names_one_fork() {
        for fork in Fork::ALL {
            for key in fork.keys() {
                assert_eq!(Fork::of_key(key), Some(fork));
            }
        }
        assert_eq!(Fork::of_key("monsoon_time"), None);
    }
}
