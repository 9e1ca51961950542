//! Transactions under way to L1: their nonces, what they offer for gas, and when they are sent again. Decided without a clock or a network.
//!
//! ```text
//!   take(piece) ──► Waiting { nonce, fees } ──► sent ──► seen in a block ──► confirmed: forgotten
//!                        ▲          no block for long: fees raised    │ gone again: sent again
//!                        └────────────────────────────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - Nonces are given out once, in the order of the pieces; none is left out. Those that L1 was reorganised away below, deeper than what is
//!   taken to stay, are given out again before all others: what comes behind them finds no block until then.
//! - A replacement offers at least [`BUMP_PERCENT`] more of both fees, one with a blob [`BLOB_BUMP_PERCENT`] of all three, as nodes ask for, and
//!   never more than [`FEE_MAX`].
//! - A transaction is forgotten only when it is deep enough in L1, or its nonce is used up otherwise.
//!
//! **Spec:** go-ethereum's `PriceBump` (10 %, in its pool of blobs 100 %); op-service's `txmgr`, `calcThresholdValue`.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use alloy_primitives::{B256, Bytes};

use crate::l1::account::L1Fees;

/// Transactions that may wait for a block at once: what most nodes keep of one account.
pub const IN_FLIGHT_MAX: usize = 16;
/// By how much a replacement offers more, percent.
pub const BUMP_PERCENT: u128 = 12;
/// By how much a replacement with a blob offers more, percent.
pub const BLOB_BUMP_PERCENT: u128 = 100;
/// The least offered for a unit of blob gas, wei: one gwei, what op-batcher offers.
pub const BLOB_FEE_MIN: u128 = 1_000_000_000;
/// The least tip offered, wei: one gwei, what op-batcher asks for.
pub const TIP_MIN: u128 = 1_000_000_000;
/// The most offered for a unit of gas, wei: 10,000 gwei. Beyond it a human should look.
pub const FEE_MAX: u128 = 10_000_000_000_000;

/// What a transaction offers for a unit of gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offer {
    /// At most, wei.
    pub fee: u128,
    /// Of that to the proposer, wei.
    pub tip: u128,
    /// For a unit of blob gas at most, wei; zero where there is no blob.
    pub blob_fee: u128,
}

impl Offer {
    /// Makes a first offer: twice the base fee, so that it stands for some blocks, and a tip.
    #[must_use]
    pub fn first(fees: &L1Fees) -> Self {
        let tip = fees.tip.max(TIP_MIN);
        let fee = fees.base_fee.saturating_mul(2).saturating_add(tip).min(FEE_MAX);
        Self { fee, tip: tip.min(fee), blob_fee: 0 }
    }

    /// Makes a first offer for a transaction with a blob.
    #[must_use]
    pub fn first_of_blob(fees: &L1Fees) -> Self {
        let blob_fee = fees.blob_base_fee.saturating_mul(2).clamp(BLOB_FEE_MIN, FEE_MAX);
        Self { blob_fee, ..Self::first(fees) }
    }

    /// Returns whether it is for a transaction with a blob.
    const fn has_blob(&self) -> bool {
        self.blob_fee > 0
    }

    /// Makes an offer that takes the place of this one.
    #[must_use]
    pub fn raised(&self, fees: &L1Fees) -> Self {
        let percent = if self.has_blob() { BLOB_BUMP_PERCENT } else { BUMP_PERCENT };
        let more = |offer: u128| {
            let part = offer.saturating_mul(percent) / 100;
            offer.saturating_add(part.max(1))
        };
        let now = if self.has_blob() { Self::first_of_blob(fees) } else { Self::first(fees) };
        let fee = now.fee.max(more(self.fee)).min(FEE_MAX);
        let blob_fee =
            if self.has_blob() { now.blob_fee.max(more(self.blob_fee)).min(FEE_MAX) } else { 0 };
        Self { fee, tip: now.tip.max(more(self.tip)).min(fee), blob_fee }
    }
}

/// A transaction under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its data.
    pub data: Bytes,
    /// What it offers.
    pub offer: Offer,
    /// Hashes under which it was sent, the newest last.
    pub hashes: Vec<B256>,
    /// When it was sent last; nothing if that is due: it was never taken, or has left its block and who knows whether a pool still has it.
    pub sent: Option<Duration>,
    /// The L1 block it was seen in.
    pub included: Option<u64>,
}

/// Transactions under way, by their nonces.
#[derive(Debug, Default)]
pub struct Outbox {
    next: u64,
    /// Nonces that were used, and are not any more.
    lost: Range<u64>,
    waiting: BTreeMap<u64, Waiting>,
}

impl Outbox {
    /// Begins with a nonce.
    #[must_use]
    pub const fn new(next: u64) -> Self {
        Self { next, lost: 0..0, waiting: BTreeMap::new() }
    }

    /// Returns whether another transaction may be sent.
    #[must_use]
    pub fn has_space(&self) -> bool {
        // What waits behind lost nonces waits for them.
        let in_flight = self.waiting.values().filter(|one| one.included.is_none()).count();
        !self.lost.is_empty() || in_flight < IN_FLIGHT_MAX
    }

    /// Returns the transactions, in the order of their nonces.
    pub fn waiting(&self) -> impl Iterator<Item = (u64, &Waiting)> {
        self.waiting.iter().map(|(nonce, one)| (*nonce, one))
    }

    /// Returns whether none is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns the nonce below which all are thought to be used.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.waiting.keys().next().copied().unwrap_or(self.next)
    }

    /// Takes note of the next nonce by what is in blocks and waits for one; returns whether it shows nonces to be lost that were not known to be.
    pub fn lose(&mut self, pending: u64) -> bool {
        let lost = pending..self.first();
        let is_new = !lost.is_empty() && lost != self.lost;
        self.lost = lost;
        if is_new {
            // What waits stood on them: who knows whether a pool still has it.
            self.waiting.values_mut().for_each(|one| one.sent = None);
        }
        is_new
    }

    /// Takes a piece, which gets the next nonce.
    pub fn take(&mut self, data: Bytes, offer: Offer) -> u64 {
        let nonce = self.lost.next().unwrap_or(self.next);
        self.next = self.next.max(nonce.saturating_add(1));
        let (hashes, sent, included) = (Vec::new(), None, None);
        self.waiting.insert(nonce, Waiting { data, offer, hashes, sent, included });
        nonce
    }

    /// Takes note that a transaction was sent.
    pub fn sent(&mut self, nonce: u64, hash: B256, offer: Offer, now: Duration) {
        if let Some(one) = self.waiting.get_mut(&nonce) {
            one.offer = offer;
            one.sent = Some(now);
            if one.hashes.last() != Some(&hash) {
                one.hashes.push(hash);
            }
        }
    }

    /// Takes note of where a transaction is now; returns whether it has left the block it was in.
    pub fn seen(&mut self, nonce: u64, included: Option<u64>) -> bool {
        let Some(one) = self.waiting.get_mut(&nonce) else { return false };
        let is_gone = one.included.is_some() && included.is_none();
        one.included = included;
        if is_gone {
            one.sent = None;
        }
        is_gone
    }

    /// Returns the transactions to send again: those that found no block for long, were never taken, or have left their block.
    #[must_use]
    pub fn overdue(&self, now: Duration, patience: Duration) -> Vec<u64> {
        let late = |one: &Waiting| {
            let is_late = |sent: Duration| now.saturating_sub(sent) >= patience;
            one.included.is_none() && one.sent.is_none_or(is_late)
        };
        self.waiting.iter().filter(|(_, one)| late(one)).map(|(nonce, _)| *nonce).collect()
    }

    /// Forgets transactions that are deep enough.
    pub fn settle(&mut self, l1_head: u64, confirmations: u64) {
        let deep = |at: u64| l1_head.saturating_add(1) >= at.saturating_add(confirmations);
        self.waiting.retain(|_, one| !one.included.is_some_and(deep));
    }

    /// Forgets a transaction whose nonce somebody else has used.
    pub fn forget(&mut self, nonce: u64) {
        self.waiting.remove(&nonce);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEES: L1Fees =
        L1Fees { base_fee: 100_000_000_000, tip: 2_000_000_000, blob_base_fee: 3_000_000_000 };

    #[test]
    fn a_replacement_offers_enough_more_and_never_too_much() {
        let mut offer = Offer::first(&FEES);
        assert_eq!(offer, Offer { fee: 202_000_000_000, tip: 2_000_000_000, blob_fee: 0 });
        for _ in 0..100 {
            let raised = offer.raised(&FEES);
            assert!(raised.fee == FEE_MAX || raised.fee * 100 >= offer.fee * 110);
            assert!(raised.tip <= raised.fee && raised.fee <= FEE_MAX);
            offer = raised;
        }
        assert_eq!(offer.fee, FEE_MAX);
        let cheap = Offer::first(&L1Fees::default());
        assert_eq!(cheap, Offer { fee: TIP_MIN, tip: TIP_MIN, blob_fee: 0 });
    }

    #[test]
    fn a_replacement_with_a_blob_offers_twice_as_much_of_everything() {
        let offer = Offer::first_of_blob(&FEES);
        assert_eq!(offer, Offer { blob_fee: 6_000_000_000, ..Offer::first(&FEES) });
        let raised = offer.raised(&FEES);
        assert!(raised.fee >= offer.fee * 2 && raised.tip >= offer.tip * 2);
        assert!(raised.blob_fee >= offer.blob_fee * 2);
        let cheap = Offer::first_of_blob(&L1Fees::default());
        assert_eq!(cheap.blob_fee, BLOB_FEE_MIN);
        let most = (0..100).fold(offer, |offer, _| offer.raised(&FEES));
        assert_eq!((most.fee, most.blob_fee), (FEE_MAX, FEE_MAX));
    }

    #[test]
    fn nonces_follow_each_other_and_only_so_many_wait() {
        let mut outbox = Outbox::new(5);
        for nonce in 5..5 + IN_FLIGHT_MAX as u64 {
            assert!(outbox.has_space());
            assert_eq!(outbox.take(Bytes::new(), Offer::default()), nonce);
        }
        assert!(!outbox.has_space());
        outbox.seen(5, Some(1));
        assert!(outbox.has_space(), "one is in a block");
    }

    #[test]
    fn nonces_that_a_deep_reorganisation_leaves_unused_are_given_out_first() {
        let mut outbox = Outbox::new(5);
        outbox.take(Bytes::new(), Offer::default());
        assert_eq!(outbox.first(), 5);
        let now = Duration::from_secs(1);
        outbox.sent(5, B256::ZERO, Offer::default(), now);
        assert!(!outbox.lose(5), "all below are used");
        assert!(outbox.overdue(now, now).is_empty());
        assert!(outbox.lose(3));
        assert_eq!(outbox.overdue(now, now), [5], "a pool may have lost it with them");
        assert!(!outbox.lose(3), "that is known");
        let mut take = || outbox.take(Bytes::new(), Offer::default());
        assert_eq!([take(), take(), take()], [3, 4, 6]);
    }

    #[test]
    fn what_finds_no_block_is_sent_again_and_what_leaves_its_block_is_noticed() {
        let mut outbox = Outbox::new(0);
        let nonce = outbox.take(Bytes::new(), Offer::default());
        let (at, patience) = (Duration::from_secs(100), Duration::from_secs(48));
        outbox.sent(nonce, B256::ZERO, Offer::default(), at);
        assert_eq!(outbox.overdue(at + patience / 2, patience), Vec::<u64>::new());
        assert_eq!(outbox.overdue(at + patience, patience), [nonce]);
        assert!(!outbox.seen(nonce, Some(10)));
        assert_eq!(outbox.overdue(at + patience, patience), Vec::<u64>::new());
        assert!(outbox.seen(nonce, None), "the block is gone");
        assert_eq!(outbox.overdue(at, patience), [nonce], "and nobody may have it any more");
        assert!(!outbox.seen(nonce, Some(11)));
        outbox.settle(19, 10);
        assert!(!outbox.is_empty(), "nine blocks are not ten");
        outbox.settle(20, 10);
        assert!(outbox.is_empty());
    }
}
