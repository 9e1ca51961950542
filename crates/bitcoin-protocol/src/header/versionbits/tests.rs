//! Votes won, lost, delayed and counted.

use std::sync::Arc;

use bitcoin::{
    TxMerkleNode,
    block::{Header, Version},
    hashes::Hash,
};

use super::*;
use crate::header::CheckedHeader;

/// Blocks of a period of regtest's test vote, and votes that win.
const PERIOD: u32 = 144;
const THRESHOLD: u32 = 108;
const VOTE: i32 = 0x3000_0000;
const NO_VOTE: i32 = 0x2000_0000;

struct Chain {
    tree: HeaderTree,
    votes: VersionBits,
    tip: HeaderId,
}

impl Chain {
    fn new(change: impl FnOnce(&mut Deployment)) -> Self {
        let mut params = Params::regtest();
        change(&mut params.deployments[0]);
        let votes = VersionBits::new(&params);
        Self { tree: HeaderTree::new(Arc::new(params), 0), votes, tip: HeaderId::GENESIS }
    }

    /// Adds blocks of a version, a second apart.
    fn mine(&mut self, count: u32, version: i32) {
        for _ in 0..count {
            let header = Header {
                version: Version::from_consensus(version),
                prev_blockhash: self.tree.hash(self.tip),
                merkle_root: TxMerkleNode::all_zeros(),
                time: self.tree.time(self.tip) + 1,
                bits: self.tree.bits(self.tip),
                nonce: 0,
            };
            self.tip = self.tree.restore(&CheckedHeader::trusted(&header)).unwrap();
        }
    }

    /// Returns the state of the next block, from the memory and computed anew.
    fn state(&mut self) -> ThresholdState {
        let state = self.votes.state(&self.tree, 0, Some(self.tip)).unwrap();
        let mut anew = VersionBits::new(self.tree.params());
        assert_eq!(anew.state(&self.tree, 0, Some(self.tip)), Some(state));
        state
    }
}

#[test]
fn a_vote_is_won_and_takes_effect_a_period_later() {
    let mut chain = Chain::new(|_| {});
    chain.mine(PERIOD - 2, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::Defined);
    chain.mine(1, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::Started);
    chain.mine(THRESHOLD, VOTE);
    chain.mine(PERIOD - THRESHOLD, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::LockedIn);
    chain.mine(PERIOD - 1, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::LockedIn);
    chain.mine(1, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::Active);
    chain.mine(PERIOD * 3, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::Active);
    let info = chain.votes.information(&chain.tree, 0, chain.tip).unwrap();
    assert_eq!((info.since, info.active_since), (3 * PERIOD, Some(3 * PERIOD)));
    assert_eq!(info.statistics, None);
}

#[test]
fn one_vote_short_of_the_threshold_wins_nothing() {
    let mut chain = Chain::new(|_| {});
    chain.mine(PERIOD - 1, NO_VOTE);
    chain.mine(THRESHOLD - 1, VOTE);
    chain.mine(PERIOD - THRESHOLD + 1, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::Started);
}

#[test]
fn a_version_without_the_top_bits_is_no_vote() {
    let mut chain = Chain::new(|_| {});
    chain.mine(PERIOD - 1, NO_VOTE);
    chain.mine(PERIOD, 0x1000_0000);
    assert_eq!(chain.state(), ThresholdState::Started);
}

#[test]
fn a_vote_that_was_not_won_in_time_is_lost_for_ever() {
    let genesis = i64::from(
        Params::regtest().genesis_header().map_or(0, |raw| crate::block::decode_header(raw).time),
    );
    let mut chain = Chain::new(|vote| vote.timeout = genesis + i64::from(PERIOD));
    chain.mine(PERIOD - 1, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::Started);
    chain.mine(PERIOD, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::Failed);
    chain.mine(PERIOD * 2, VOTE);
    assert_eq!(chain.state(), ThresholdState::Failed);
}

#[test]
fn a_vote_won_in_the_period_of_its_timeout_is_won() {
    let mut chain = Chain::new(|vote| vote.timeout = 0);
    chain.mine(PERIOD - 1, NO_VOTE);
    chain.mine(PERIOD, VOTE);
    assert_eq!(chain.state(), ThresholdState::LockedIn);
}

#[test]
fn a_minimum_height_delays_what_was_won() {
    let mut chain = Chain::new(|vote| vote.min_activation_height = 4 * PERIOD + 1);
    chain.mine(PERIOD - 1, NO_VOTE);
    chain.mine(PERIOD, VOTE);
    chain.mine(3 * PERIOD - 1, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::LockedIn);
    chain.mine(1, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::Active, "at height {}", 5 * PERIOD);
}

#[test]
fn always_and_never_need_no_votes() {
    for (start, state) in [
        (DeploymentStart::Always, ThresholdState::Active),
        (DeploymentStart::Never, ThresholdState::Failed),
    ] {
        let mut chain = Chain::new(|vote| vote.start = start);
        assert_eq!(chain.votes.state(&chain.tree, 0, None), Some(state));
        let info = chain.votes.information(&chain.tree, 0, chain.tip).unwrap();
        assert_eq!((info.state, info.since), (state, 0));
    }
    let mut chain = Chain::new(|_| {});
    assert_eq!(chain.votes.state(&chain.tree, 1, None), None);
}

#[test]
fn a_block_votes_for_what_is_voted_on_and_for_what_was_won() {
    let mut chain = Chain::new(|_| {});
    assert_eq!(chain.votes.block_version(&chain.tree, Some(chain.tip)), NO_VOTE);
    chain.mine(PERIOD - 1, NO_VOTE);
    assert_eq!(chain.votes.block_version(&chain.tree, Some(chain.tip)), VOTE);
    chain.mine(PERIOD, VOTE);
    assert_eq!(chain.votes.block_version(&chain.tree, Some(chain.tip)), VOTE);
    chain.mine(PERIOD, NO_VOTE);
    assert_eq!(chain.votes.block_version(&chain.tree, Some(chain.tip)), NO_VOTE);
}

#[test]
fn statistics_count_the_period_of_the_block() {
    let mut chain = Chain::new(|_| {});
    chain.mine(PERIOD - 1, NO_VOTE);
    chain.mine(3, VOTE);
    chain.mine(PERIOD - THRESHOLD, NO_VOTE);
    let tip = chain.tip;
    let statistics = |chain: &mut Chain| {
        chain.votes.information(&chain.tree, 0, chain.tip).unwrap().statistics.unwrap()
    };
    let counted = statistics(&mut chain);
    assert_eq!((counted.elapsed, counted.count, counted.possible), (39, 3, true));
    assert_eq!(counted.signalling[..4], [true, true, true, false]);
    assert_eq!(counted.signalling.len(), 39);
    chain.mine(1, NO_VOTE);
    assert!(!statistics(&mut chain).possible);
    let info = chain.votes.information(&chain.tree, 0, tip).unwrap();
    assert_eq!((info.state, info.since), (ThresholdState::Started, PERIOD));
}

#[test]
fn forks_have_states_of_their_own() {
    let mut chain = Chain::new(|_| {});
    chain.mine(PERIOD - 1, NO_VOTE);
    let fork = chain.tip;
    chain.mine(PERIOD, VOTE);
    assert_eq!(chain.state(), ThresholdState::LockedIn);
    chain.tip = fork;
    chain.mine(PERIOD, NO_VOTE);
    assert_eq!(chain.state(), ThresholdState::Started);
}

#[test]
fn votes_for_an_unknown_rule_are_noticed() {
    let mut chain = Chain::new(|_| {});
    chain.mine(PERIOD - 1, NO_VOTE);
    let unknown = |chain: &mut Chain| chain.votes.unknown_activations(&chain.tree, chain.tip);
    chain.mine(PERIOD, NO_VOTE | 1 << 3);
    assert_eq!(unknown(&mut chain), [(3, false)]);
    chain.mine(PERIOD, NO_VOTE);
    assert_eq!(unknown(&mut chain), [(3, true)]);
    // A vote that is known is no surprise.
    let mut chain = Chain::new(|vote| vote.bit = 3);
    chain.mine(PERIOD - 1, NO_VOTE);
    chain.mine(PERIOD, NO_VOTE | 1 << 3);
    assert_eq!(unknown(&mut chain), []);
}
