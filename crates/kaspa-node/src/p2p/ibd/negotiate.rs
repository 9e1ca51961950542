//! Finds the highest block of a peer's selected chain that we know: a binary search by locators, as a state machine.
//!
//! ```text
//!   whole chain ─► locator ─► between the lowest unknown and the highest known ─► locator ─► … ─► two neighbours
//!                                                     └─ empty: the peer's chain changed; from the start again
//! ```
//!
//! Reference: `negotiate_missing_syncer_chain_segment`.

use quintet_kaspa_protocol::wire::{LOCATOR_MAX, Message};
use quintet_primitives::Hash256;

use crate::{
    p2p::error::{PeerError, misbehaviour},
    ports::BlockStatus,
};

/// How often a peer's chain may change while we search.
const RESTARTS_MAX: u32 = 32;

/// What the search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// The tip of the peer's selected chain.
    pub(super) sink: Hash256,
    /// The bottom of it.
    pub(super) pruning_point: Hash256,
    /// The highest block of it that we know, if there is one.
    pub(super) highest_known: Option<Hash256>,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Ask this, and give the answer to [`Negotiation::take`].
    Ask(Message),
    /// The search is over.
    Done(Found),
}

/// A search.
#[derive(Debug, Default)]
pub(super) struct Negotiation {
    /// Tip and bottom of the chain, once the first locator came.
    ends: Option<(Hash256, Hash256)>,
    /// What the last question named: the lowest unknown and the highest known.
    between: Option<(Hash256, Hash256)>,
    first_len: usize,
    zooms: usize,
    restarts: u32,
}

impl Negotiation {
    /// The first question.
    pub(super) const fn question() -> Message {
        Message::RequestIbdChainBlockLocator { low: None, high: None }
    }

    /// Takes a locator.
    pub(super) fn take(
        &mut self,
        locator: &[Hash256],
        status: impl Fn(&Hash256) -> Option<BlockStatus>,
    ) -> Result<Next, PeerError> {
        if locator.len() > LOCATOR_MAX {
            let reason = format!("expected a locator of at most {LOCATOR_MAX} hashes");
            return Err(misbehaviour(reason));
        }
        let (Some(&top), Some(&bottom)) = (locator.first(), locator.last()) else {
            return self.restart();
        };
        match self.between {
            None => {
                self.ends = Some((top, bottom));
                self.first_len = locator.len();
            }
            Some((high, low)) => {
                if (top, bottom) != (high, low) {
                    return Err(misbehaviour("expected a locator between the hashes asked for"));
                }
                self.zooms += 1;
                if locator.len() <= 2 {
                    return Ok(self.done(Some(low)));
                }
                if self.zooms > 2 * self.first_len {
                    return Err(misbehaviour("the search for a common block does not end"));
                }
            }
        }
        let (mut lowest_unknown, mut highest_known) = (None, None);
        for hash in locator {
            match status(hash) {
                None | Some(BlockStatus::Deleted) => lowest_unknown = Some(*hash),
                Some(BlockStatus::Invalid) => {
                    return Err(misbehaviour(format!("sent invalid chain block {hash}")));
                }
                Some(_) => {
                    highest_known = Some(*hash);
                    break;
                }
            }
        }
        let (Some(high), Some(low)) = (lowest_unknown, highest_known) else {
            return Ok(self.done(highest_known));
        };
        self.between = Some((high, low));
        let (low, high) = (Some(low), Some(high));
        Ok(Next::Ask(Message::RequestIbdChainBlockLocator { low, high }))
    }

    fn restart(&mut self) -> Result<Next, PeerError> {
        if self.between.is_none() {
            return Err(misbehaviour("expected a locator of at least one block"));
        }
        self.restarts += 1;
        if self.restarts > RESTARTS_MAX {
            return Err(misbehaviour("the chain changes more often than it can be searched"));
        }
        (self.between, self.ends, self.zooms) = (None, None, 0);
        Ok(Next::Ask(Self::question()))
    }

    fn done(&self, highest_known: Option<Hash256>) -> Next {
        let (sink, pruning_point) = self.ends.unwrap_or_default();
        Next::Done(Found { sink, pruning_point, highest_known })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quintet_kaspa_protocol::dag::locator_places;

    fn hash(number: u64) -> Hash256 {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Hash256::new(bytes)
    }

    fn number(hash: &Hash256) -> u64 {
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap())
    }

    /// Answers as a node with a chain of this height does.
    fn answer(question: &Message, height: u64) -> Vec<Hash256> {
        let Message::RequestIbdChainBlockLocator { low, high } = question else { panic!() };
        let low = low.as_ref().map_or(0, number);
        let high = high.as_ref().map_or(height, number);
        locator_places(low, high).into_iter().map(hash).collect()
    }

    fn search(known: u64, height: u64) -> (Found, usize) {
        let mut negotiation = Negotiation::default();
        let mut question = Negotiation::question();
        let status = |hash: &Hash256| (number(hash) <= known).then_some(BlockStatus::UtxoValid);
        for asked in 1.. {
            match negotiation.take(&answer(&question, height), status).unwrap() {
                Next::Ask(next) => question = next,
                Next::Done(found) => return (found, asked),
            }
        }
        unreachable!()
    }

    #[test]
    fn the_highest_known_block_is_found_in_few_questions() {
        for known in [0, 1, 2, 99, 500_000, 999_998, 999_999] {
            let (found, asked) = search(known, 1_000_000);
            assert_eq!(found.highest_known, Some(hash(known)), "known up to {known}");
            assert_eq!((found.sink, found.pruning_point), (hash(1_000_000), hash(0)));
            assert!(asked <= 25, "{asked} questions for {known}");
        }
        assert_eq!(search(1_000_000, 1_000_000).1, 1, "all is known");
    }

    #[test]
    fn nothing_in_common_is_an_answer_too() {
        let mut negotiation = Negotiation::default();
        let next = negotiation.take(&[hash(9), hash(5)], |_| None).unwrap();
        let found = Found { sink: hash(9), pruning_point: hash(5), highest_known: None };
        assert_eq!(next, Next::Done(found));
    }

    #[test]
    fn a_locator_of_other_bounds_is_refused() {
        let mut negotiation = Negotiation::default();
        let known = |at: &Hash256| (number(at) == 0).then_some(BlockStatus::UtxoValid);
        negotiation.take(&[hash(9), hash(0)], known).unwrap();
        assert!(negotiation.take(&[hash(8), hash(0)], known).is_err());
    }

    #[test]
    fn a_chain_that_keeps_changing_ends_the_search() {
        let mut negotiation = Negotiation::default();
        let known = |at: &Hash256| (number(at) == 0).then_some(BlockStatus::UtxoValid);
        for _ in 0..RESTARTS_MAX {
            negotiation.take(&[hash(9), hash(0)], known).unwrap();
            assert_eq!(negotiation.take(&[], known).unwrap(), Next::Ask(Negotiation::question()));
        }
        negotiation.take(&[hash(9), hash(0)], known).unwrap();
        assert!(negotiation.take(&[], known).is_err());
        assert!(Negotiation::default().take(&[], known).is_err(), "empty from the start");
    }
}
