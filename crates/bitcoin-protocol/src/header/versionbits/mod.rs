//! Votes for rules: blocks set a bit of their version, periods are counted, states follow.
//!
//! ```text
//!              start reached          threshold met        minimum height reached
//!   DEFINED ─────────────────► STARTED ───────────► LOCKED_IN ─────────────────► ACTIVE
//!                                 │ timeout reached, threshold not met
//!                                 └──────────────► FAILED
//! ```
//!
//! All blocks of a period share a state; it changes only from one period to the next and is decided by the blocks before.
//!
//! **Spec:** BIP-0009 with the minimum height of BIP-0341; Core's `versionbits.cpp`.

use std::collections::HashMap;

use super::{HeaderId, HeaderTree};
use crate::network::{
    Deployment, DeploymentStart, NO_TIMEOUT, Params, VERSION_BITS, VERSION_TOP_BITS,
    VERSION_TOP_MASK,
};

/// Most states kept for a rule; beyond, they are computed again.
const CACHE_MAX: usize = 1 << 20;

/// How far a vote has come, for the blocks of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThresholdState {
    /// It has not begun. Genesis is in this state.
    Defined,
    /// Votes count.
    Started,
    /// It was won; it takes effect one period later, or at its minimum height.
    LockedIn,
    /// The rule holds, for ever.
    Active,
    /// It was not won in time, for ever.
    Failed,
}

impl ThresholdState {
    /// Returns the name answers carry (Core's `StateName`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Defined => "defined",
            Self::Started => "started",
            Self::LockedIn => "locked_in",
            Self::Active => "active",
            Self::Failed => "failed",
        }
    }
}

/// How the count stands in the period of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Blocks of a period.
    pub period: u32,
    /// Votes that win; 0 once it was won.
    pub threshold: u32,
    /// Blocks of this period so far.
    pub elapsed: u32,
    /// Votes of this period so far.
    pub count: u32,
    /// Whether it can still be won in this period.
    pub possible: bool,
    /// Which blocks of this period voted for it, the first of the period first.
    pub signalling: Vec<bool>,
}

/// All that `getdeploymentinfo` tells of a vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Information {
    /// State of the block.
    pub state: ThresholdState,
    /// Height from which it is in that state.
    pub since: u32,
    /// State of the block after it.
    pub next_state: ThresholdState,
    /// How the count stands, while votes mean something.
    pub statistics: Option<Statistics>,
    /// Height from which the rule holds, if that is known.
    pub active_since: Option<u32>,
}

/// What is asked of a period: a rule the network knows, or whether others vote for one it does not know.
#[derive(Debug, Clone, Copy)]
struct Terms {
    start: DeploymentStart,
    timeout: i64,
    min_activation_height: u32,
    period: u32,
    threshold: u32,
}

impl Terms {
    fn of(rule: &Deployment) -> Self {
        let &Deployment { start, timeout, min_activation_height, period, threshold, .. } = rule;
        Self { start, timeout, min_activation_height, period: period.max(1), threshold }
    }

    /// Returns the last block of the period before the block after `parent`.
    fn period_end(&self, tree: &HeaderTree, parent: HeaderId) -> Option<HeaderId> {
        (tree.height(parent) + 1 - (tree.height(parent) + 1) % self.period)
            .checked_sub(1)
            .and_then(|height| tree.ancestor(parent, height))
    }

    /// Returns the last block of the period before the one that ends with `end`.
    fn period_before(&self, tree: &HeaderTree, end: HeaderId) -> Option<HeaderId> {
        let height = tree.height(end).checked_sub(self.period)?;
        tree.ancestor(end, height)
    }
}

/// Asks whether a block votes.
type Signals<'a> = dyn FnMut(HeaderId) -> bool + 'a;

/// States by the last block of the period before: what follows from it stays true whatever the best chain is.
#[derive(Debug, Clone, Default)]
struct Cache {
    states: HashMap<HeaderId, ThresholdState>,
}

impl Cache {
    /// Returns the state of the block after `parent`.
    ///
    /// **Spec:** Core's `GetStateFor`.
    fn state(
        &mut self,
        tree: &HeaderTree,
        terms: &Terms,
        parent: Option<HeaderId>,
        signals: &mut Signals<'_>,
    ) -> ThresholdState {
        let start = match terms.start {
            DeploymentStart::Always => return ThresholdState::Active,
            DeploymentStart::Never => return ThresholdState::Failed,
            DeploymentStart::At(start) => start,
        };
        if self.states.len() >= CACHE_MAX {
            self.states.clear();
        }
        let median = |end| i64::from(tree.median_time_past(end));
        let mut open = Vec::new();
        let mut at = parent.and_then(|parent| terms.period_end(tree, parent));
        let mut state = loop {
            let Some(end) = at else { break ThresholdState::Defined };
            if let Some(&known) = self.states.get(&end) {
                break known;
            }
            // Median times never fall, so before this period it had not begun either.
            if median(end) < start {
                self.states.insert(end, ThresholdState::Defined);
                break ThresholdState::Defined;
            }
            open.push(end);
            at = terms.period_before(tree, end);
        };
        while let Some(end) = open.pop() {
            state = match state {
                ThresholdState::Defined if median(end) >= start => ThresholdState::Started,
                ThresholdState::Started if is_won(tree, terms, end, signals) => {
                    ThresholdState::LockedIn
                }
                ThresholdState::Started if median(end) >= terms.timeout => ThresholdState::Failed,
                ThresholdState::LockedIn if tree.height(end) + 1 >= terms.min_activation_height => {
                    ThresholdState::Active
                }
                same => same,
            };
            self.states.insert(end, state);
        }
        state
    }

    /// Returns the height from which blocks are in the state of the block after `parent`.
    ///
    /// **Spec:** Core's `GetStateSinceHeightFor`.
    fn since(
        &mut self,
        tree: &HeaderTree,
        terms: &Terms,
        parent: Option<HeaderId>,
        signals: &mut Signals<'_>,
    ) -> u32 {
        if !matches!(terms.start, DeploymentStart::At(_)) {
            return 0;
        }
        let state = self.state(tree, terms, parent, signals);
        let end = parent.and_then(|parent| terms.period_end(tree, parent));
        let (Some(mut end), true) = (end, state != ThresholdState::Defined) else { return 0 };
        while let Some(before) = terms.period_before(tree, end)
            && self.state(tree, terms, Some(before), signals) == state
        {
            end = before;
        }
        tree.height(end) + 1
    }
}

/// Counts the period that ends with `end`.
fn is_won(tree: &HeaderTree, terms: &Terms, end: HeaderId, signals: &mut Signals<'_>) -> bool {
    let mut count = 0;
    let mut at = Some(end);
    for _ in 0..terms.period {
        let Some(block) = at else { break };
        count += u32::from(signals(block));
        at = tree.parent(block);
    }
    count >= terms.threshold
}

/// The state of every vote of a network, remembered.
///
/// It belongs to one tree: ids of another give wrong answers.
#[derive(Debug, Clone)]
pub struct VersionBits {
    rules: Vec<Deployment>,
    caches: Vec<Cache>,
    unknown: Vec<Cache>,
}

impl VersionBits {
    /// Makes an empty memory for the votes of a network.
    #[must_use]
    pub fn new(params: &Params) -> Self {
        let rules = params.deployments.clone();
        let caches = vec![Cache::default(); rules.len()];
        Self { rules, caches, unknown: vec![Cache::default(); usize::from(VERSION_BITS)] }
    }

    /// Returns the rules that are voted on.
    #[must_use]
    pub fn rules(&self) -> &[Deployment] {
        &self.rules
    }

    /// Returns the state of the block after `parent`, for the rule at `index` of [`Self::rules`]; none if there is none.
    pub fn state(
        &mut self,
        tree: &HeaderTree,
        index: usize,
        parent: Option<HeaderId>,
    ) -> Option<ThresholdState> {
        let (rule, cache) = (self.rules.get(index)?, self.caches.get_mut(index)?);
        let mut signals = |id| rule.is_signalled_by(tree.version(id));
        Some(cache.state(tree, &Terms::of(rule), parent, &mut signals))
    }

    /// Returns all there is to tell of the rule at `index` for the block `id`; none if there is no such rule.
    ///
    /// **Spec:** Core's `VersionBitsCache::Info`.
    pub fn information(
        &mut self,
        tree: &HeaderTree,
        index: usize,
        id: HeaderId,
    ) -> Option<Information> {
        let (rule, cache) = (self.rules.get(index)?, self.caches.get_mut(index)?);
        let terms = Terms::of(rule);
        let mut signals = |id| rule.is_signalled_by(tree.version(id));
        let parent = tree.parent(id);
        let state = cache.state(tree, &terms, parent, &mut signals);
        let next_state = cache.state(tree, &terms, Some(id), &mut signals);
        let since = cache.since(tree, &terms, parent, &mut signals);
        let statistics = match state {
            ThresholdState::Started => Some(statistics(tree, rule, id)),
            ThresholdState::LockedIn => {
                Some(Statistics { threshold: 0, possible: false, ..statistics(tree, rule, id) })
            }
            ThresholdState::Defined | ThresholdState::Active | ThresholdState::Failed => None,
        };
        let active_since = match (state, next_state) {
            (ThresholdState::Active, _) => Some(since),
            (_, ThresholdState::Active) => Some(tree.height(id) + 1),
            _ => None,
        };
        Some(Information { state, since, next_state, statistics, active_since })
    }

    /// Returns the version a block on top of `parent` should have: a vote for every rule that is voted on or won.
    ///
    /// **Spec:** Core's `ComputeBlockVersion`.
    pub fn block_version(&mut self, tree: &HeaderTree, parent: Option<HeaderId>) -> i32 {
        block_version(tree, &self.rules, &mut self.caches, parent)
    }

    /// Returns the bits that blocks vote with for rules this network does not know, and whether they are in force
    /// already: a sign that the node should be upgraded.
    ///
    /// **Spec:** Core's `CheckUnknownActivations`.
    pub fn unknown_activations(&mut self, tree: &HeaderTree, id: HeaderId) -> Vec<(u8, bool)> {
        let Self { rules, caches, unknown } = self;
        let params = tree.params();
        // Main counts as BIP-0341 did, test networks want three quarters.
        let period = if params.is_test_chain() { params.retarget_interval() } else { 2016 };
        let threshold = if params.is_test_chain() { period * 3 / 4 } else { 1815 };
        let terms = Terms {
            start: DeploymentStart::At(0),
            timeout: NO_TIMEOUT,
            min_activation_height: 0,
            period,
            threshold,
        };
        let mut found = Vec::new();
        for (bit, cache) in (0..VERSION_BITS).zip(unknown) {
            let mut signals = |id| {
                let version = tree.version(id).cast_unsigned();
                tree.height(id) >= params.version_warning_height
                    && version & VERSION_TOP_MASK == VERSION_TOP_BITS
                    && version >> bit & 1 == 1
                    && block_version(tree, rules, caches, tree.parent(id)) >> bit & 1 == 0
            };
            match cache.state(tree, &terms, Some(id), &mut signals) {
                ThresholdState::Active => found.push((bit, true)),
                ThresholdState::LockedIn => found.push((bit, false)),
                ThresholdState::Defined | ThresholdState::Started | ThresholdState::Failed => {}
            }
        }
        found
    }
}

fn block_version(
    tree: &HeaderTree,
    rules: &[Deployment],
    caches: &mut [Cache],
    parent: Option<HeaderId>,
) -> i32 {
    let mut version = VERSION_TOP_BITS;
    for (rule, cache) in rules.iter().zip(caches) {
        let mut signals = |id| rule.is_signalled_by(tree.version(id));
        match cache.state(tree, &Terms::of(rule), parent, &mut signals) {
            ThresholdState::Started | ThresholdState::LockedIn => version |= rule.mask(),
            ThresholdState::Defined | ThresholdState::Active | ThresholdState::Failed => {}
        }
    }
    version.cast_signed()
}

/// Counts the period of `id` up to it.
///
/// **Spec:** Core's `GetStateStatisticsFor`.
fn statistics(tree: &HeaderTree, rule: &Deployment, id: HeaderId) -> Statistics {
    let period = rule.period.max(1);
    let elapsed = tree.height(id) % period + 1;
    let mut signalling = Vec::with_capacity(elapsed as usize);
    let mut at = Some(id);
    for _ in 0..elapsed {
        let Some(block) = at else { break };
        signalling.push(rule.is_signalled_by(tree.version(block)));
        at = tree.parent(block);
    }
    signalling.reverse();
    let count: u32 = signalling.iter().map(|&signals| u32::from(signals)).sum();
    let threshold = rule.threshold;
    let possible = period.saturating_sub(threshold) >= elapsed - count;
    Statistics { period, threshold, elapsed, count, possible, signalling }
}

#[cfg(test)]
mod tests;
