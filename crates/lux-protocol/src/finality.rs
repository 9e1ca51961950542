//! Finality: what more than two thirds of the stake have agreed on.
//!
//! ```text
//!   votes of slot n:    source ──(> 2/3)──► target (n)       the target is justified: "safe"
//!   votes of slot n+1:  target (n) ──(> 2/3)──► (n+1)        it is final
//! ```
//!
//! Why two conflicting blocks are never final with less than a third of the stake faulty: let `C` be final in slot `c`, by a link to
//! `c + 1`, and let `D` be the justified checkpoint with the least slot after `c` whose block does not stand on `C`'s. In slot `c` or
//! `c + 1` it would share honest voters with `C` or the link's end, who vote once a slot. Later, the link to `D` comes from some `S`: if
//! `S` is before `c`, the link spans over the one that made `C` final, which an honest voter of both does not sign; if not, `S` stands
//! on `C` as `D` is the first that does not, and honest voters vote for what stands on their source.
//!
//! # Invariants
//!
//! - Votes of the last [`VOTE_SLOTS`] slots are kept, one for each validator and slot, and certificates of two links.
//! - Of two votes by a validator that conflict, only the first is ever counted.
//!
//! **Spec:** Buterin et al., *Combining GHOST and Casper* (2020), section 5; a checkpoint each slot as in D'Amato et al., *3-Slot-Finality
//! Protocol for Ethereum* (2024).

use std::collections::BTreeMap;

use crate::{
    certificate::{Certificate, CheckedCertificate, Signed},
    evidence::{Evidence, TwoVotes},
    fork_choice::ForkChoice,
    validator::ValidatorSet,
    vote::{CheckedVote, Checkpoint, SignedVote, Vote},
};

/// Slots whose votes are kept.
pub const VOTE_SLOTS: u64 = 64;

/// What became of a vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoteTaken {
    /// It counts.
    New,
    /// It is there already.
    Known,
    /// It is too old to matter.
    Old,
    /// It is of a slot that is long to come.
    Early,
    /// Its validator said something else before.
    Conflict(Evidence),
}

/// Votes of one slot.
#[derive(Debug, Clone, Default)]
struct SlotVotes {
    /// By validator.
    votes: BTreeMap<usize, SignedVote>,
    /// Stake by link; few, as each validator has one.
    links: Vec<(Vote, u64)>,
}

/// What two thirds have agreed on, as far as this node has heard.
#[derive(Debug, Clone)]
pub struct Finality {
    slots: BTreeMap<u64, SlotVotes>,
    newest: u64,
    justified: Checkpoint,
    finalised: Checkpoint,
    /// What justified the newest justified checkpoint.
    justification: Option<CheckedCertificate>,
    /// What made the newest final one final.
    finalisation: Option<CheckedCertificate>,
    /// Certificates for blocks that are not known yet: the one that justifies the newest, and the one that finalises the newest.
    waiting: [Option<CheckedCertificate>; 2],
}

impl Finality {
    /// Begins with a final checkpoint.
    #[must_use]
    pub const fn new(finalised: Checkpoint) -> Self {
        Self {
            slots: BTreeMap::new(),
            newest: 0,
            justified: finalised,
            finalised,
            justification: None,
            finalisation: None,
            waiting: [None, None],
        }
    }

    /// The newest justified checkpoint.
    #[must_use]
    pub const fn justified(&self) -> Checkpoint {
        self.justified
    }

    /// The newest final checkpoint.
    #[must_use]
    pub const fn finalised(&self) -> Checkpoint {
        self.finalised
    }

    /// The certificate that justified the newest justified checkpoint; none for the genesis.
    #[must_use]
    pub const fn justification(&self) -> Option<&CheckedCertificate> {
        self.justification.as_ref()
    }

    /// The certificate that made the newest final checkpoint final; none for the genesis.
    #[must_use]
    pub const fn finalisation(&self) -> Option<&CheckedCertificate> {
        self.finalisation.as_ref()
    }

    /// Certificates for blocks that are not known yet.
    pub fn waiting(&self) -> impl Iterator<Item = &CheckedCertificate> {
        self.waiting.iter().flatten()
    }

    /// Stake that voted in a slot, by link, the first heard first.
    pub fn links(&self, slot: u64) -> impl Iterator<Item = (Vote, u64)> {
        self.slots.get(&slot).into_iter().flat_map(|votes| votes.links.iter().copied())
    }

    /// Takes a vote.
    pub fn vote(&mut self, set: &ValidatorSet, checked: &CheckedVote) -> VoteTaken {
        let (vote, validator) = (*checked.vote(), checked.validator());
        let slot = vote.target.slot;
        if slot.saturating_add(VOTE_SLOTS) <= self.newest {
            return VoteTaken::Old;
        }
        for votes in self.slots.values() {
            let Some(before) = votes.votes.get(&validator) else { continue };
            if before.vote == vote {
                return VoteTaken::Known;
            }
            if before.vote.conflicts(&vote).is_some() {
                let both = TwoVotes { first: *before, second: *checked.signed() };
                return VoteTaken::Conflict(Evidence::Votes(Box::new(both)));
            }
        }
        let votes = self.slots.entry(slot).or_default();
        votes.votes.insert(validator, *checked.signed());
        let stake = set.stake(validator);
        match votes.links.iter_mut().find(|(link, _)| *link == vote) {
            Some((_, sum)) => *sum = sum.saturating_add(stake),
            None => votes.links.push((vote, stake)),
        }
        self.newest = self.newest.max(slot);
        let oldest = self.newest.saturating_sub(VOTE_SLOTS - 1);
        while self.slots.first_key_value().is_some_and(|(slot, _)| *slot < oldest) {
            self.slots.pop_first();
        }
        VoteTaken::New
    }

    /// Returns whether a certificate, if it is good, says anything new: only then is it worth checking its signatures.
    #[must_use]
    pub fn is_news(&self, certificate: &Certificate) -> bool {
        self.news(certificate).contains(&true)
    }

    /// Whether a certificate justifies more, and whether it makes more final.
    fn news(&self, certificate: &Certificate) -> [bool; 2] {
        let [justifies, finalises] = &self.waiting;
        let Vote { source, target } = certificate.vote;
        let ahead = |waiting: &Option<CheckedCertificate>| {
            waiting.as_ref().is_none_or(|one| one.get().vote.target.slot < target.slot)
        };
        let finalises_more = certificate.finalises().is_some()
            && source.slot > self.finalised.slot
            && ahead(finalises);
        [target.slot > self.justified.slot && ahead(justifies), finalises_more]
    }

    /// Takes a certificate; returns whether it says anything new.
    pub fn certificate(&mut self, certificate: CheckedCertificate) -> bool {
        let [justifies_more, finalises_more] = self.news(certificate.get());
        let [justifies, finalises] = &mut self.waiting;
        if finalises_more {
            *finalises = Some(certificate.clone());
        }
        if justifies_more {
            *justifies = Some(certificate);
        }
        finalises_more || justifies_more
    }

    /// Moves on as far as votes, certificates and known blocks allow. Returns whether anything moved.
    pub fn advance(&mut self, set: &ValidatorSet, tree: &ForkChoice) -> bool {
        let before = (self.justified, self.finalised);
        for certificate in self.certificates(set) {
            self.apply(certificate, tree);
        }
        for waiting in &mut self.waiting {
            let done = |one: &CheckedCertificate| {
                let vote = one.get().vote;
                let finalises = one.get().finalises().is_some();
                vote.target.slot <= self.justified.slot
                    && (!finalises || vote.source.slot <= self.finalised.slot)
            };
            if waiting.as_ref().is_some_and(done) {
                *waiting = None;
            }
        }
        before != (self.justified, self.finalised)
    }

    /// Links that more than two thirds voted for and that say something new, the oldest first.
    fn certificates(&self, set: &ValidatorSet) -> Vec<CheckedCertificate> {
        let new = |vote: &Vote| {
            vote.target.slot > self.justified.slot
                || (vote.source.slot > self.finalised.slot
                    && vote.source.slot.saturating_add(1) == vote.target.slot)
        };
        let mut found: Vec<CheckedCertificate> = self.waiting.iter().flatten().cloned().collect();
        // A justified slot n may still make n − 1 final.
        let from = self.finalised.slot.min(self.justified.slot);
        for votes in self.slots.range(from..).map(|(_, votes)| votes) {
            for (vote, stake) in &votes.links {
                if set.is_quorum(*stake) && new(vote) {
                    found.push(votes.certificate(vote));
                }
            }
        }
        found.sort_by_key(|one| one.get().vote.target.slot);
        found
    }

    fn apply(&mut self, certificate: CheckedCertificate, tree: &ForkChoice) {
        let Vote { source, target } = certificate.get().vote;
        let known = |at: &Checkpoint| {
            tree.get(&at.block).is_some_and(|block| block.slot <= at.slot)
                && !tree.is_bad(&at.block)
        };
        let stands =
            tree.get(&source.block).is_none() || tree.descends(&target.block, &source.block);
        if known(&target) && stands && target.slot > self.justified.slot {
            self.justified = target;
            self.justification = Some(certificate.clone());
        }
        let finalises = certificate.get().finalises().is_some();
        if finalises && source.slot > self.finalised.slot && known(&source) {
            self.finalised = source;
            self.finalisation = Some(certificate);
        }
    }
}

impl SlotVotes {
    fn certificate(&self, vote: &Vote) -> CheckedCertificate {
        let alike = self.votes.iter().filter(|(_, signed)| signed.vote == *vote);
        let signed = alike.filter_map(|(validator, signed)| {
            let validator = u16::try_from(*validator).ok()?;
            Some(Signed { validator, signature: signed.signature })
        });
        let certificate = Certificate { vote: *vote, signed: signed.collect() };
        CheckedCertificate::of_checked_votes(certificate)
    }
}
