//! Which messages are accepted, ignored or rejected: an extended validator, without a clock or a network.
//!
//! ```text
//!   decompressed ─► encoding ─► age ─► hash ─► fields of its version ─► others of its height ─► seen? ─► signature ─► accepted
//!                      └──────────────── reject: whoever brought it loses score ────────┘         └ ignore      └ reject
//! ```
//!
//! The order is the specification's: what costs least comes first, and a signature is recovered last. A message that could not be decompressed
//! does not come so far; it is to be rejected.
//!
//! One rule is read with a later fork in mind: from Jovian the field of blob gas holds the footprint of the block's data, so that it must be zero
//! only before.
//!
//! # Invariants
//!
//! - A block is accepted once. Of a height, at most [`BLOCKS_A_HEIGHT_MAX`] + 1 are, which must all be signed: nobody else fills the memory.
//! - At most [`HEIGHTS_MAX`] heights are remembered, the oldest is forgotten first.
//! - Without a signer nothing is accepted, and nobody is blamed.
//!
//! **Spec:** `rollup-node-p2p.md`, "Block validation"; op-node's `BuildBlocksValidator`.

use std::collections::{HashMap, VecDeque};

use alloy_primitives::{Address, B256, Bytes};
use thiserror::Error;

use super::{
    GossipBlock, MessageError,
    message::{self, Message},
};
use crate::{
    config::{Fork, RollupConfig},
    payload::{Envelope, PayloadError, PayloadVersion, ssz},
};

/// How old a block may be, seconds.
pub const AGE_MAX: u64 = 60;
/// How far ahead of our clock a block may be, seconds.
pub const AHEAD_MAX: u64 = 5;
/// Different blocks of one height beyond which others are rejected.
pub const BLOCKS_A_HEIGHT_MAX: usize = 5;
/// Heights whose blocks are remembered.
pub const HEIGHTS_MAX: usize = 1_000;

/// Why a message is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is no message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Its payload is none, lacks what its version has, or is not the block whose hash it names.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// It is too old.
    #[error("message: expected a block of {expected} or later, got one of {actual}")]
    Old {
        /// The oldest time that is accepted, seconds.
        expected: u64,
        /// The block's.
        actual: u64,
    },
    /// It is too new.
    #[error(
        "message: expected a block of {expected} or earlier, got one of {actual}: is the clock right?"
    )]
    New {
        /// The newest time that is accepted, seconds.
        expected: u64,
        /// The block's.
        actual: u64,
    },
    /// It has withdrawals, of which there are none on these chains.
    #[error("message: expected no withdrawals, got {actual}")]
    Withdrawals {
        /// How many.
        actual: usize,
    },
    /// It says that blobs were used, of which there are none on these chains.
    #[error("message: expected {what} of zero, got {actual}")]
    BlobGas {
        /// Which field.
        what: &'static str,
        /// What it holds.
        actual: u64,
    },
    /// The sequencer has signed too many blocks of this height.
    #[error("message: expected at most {expected} blocks of height {height}, got another")]
    TooMany {
        /// The bound.
        expected: usize,
        /// The height.
        height: u64,
    },
    /// It was accepted before.
    #[error("message: block {hash} was seen already")]
    Seen {
        /// Its hash.
        hash: B256,
    },
    /// It is not known who may sign.
    #[error("message: not known who signs blocks of this chain: L1 has not said it yet")]
    NoSigner,
    /// It is signed by somebody else, or nobody.
    #[error("message: expected a signature of {expected}, got one of {actual:?}")]
    Signer {
        /// Who signs.
        expected: Address,
        /// Who did, if it is a signature at all.
        actual: Option<Address>,
    },
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is passed on, and its block may be executed.
    Accept(GossipBlock),
    /// It is not passed on, and nobody is to blame.
    Ignore(Refusal),
    /// It is not passed on, and whoever brought it is to blame.
    Reject(Refusal),
}

/// Blocks that were accepted, by their heights.
#[derive(Debug, Default)]
struct Seen {
    hashes: HashMap<u64, Vec<B256>>,
    order: VecDeque<u64>,
}

impl Seen {
    fn of(&self, height: u64) -> &[B256] {
        self.hashes.get(&height).map(Vec::as_slice).unwrap_or_default()
    }

    fn add(&mut self, height: u64, hash: B256) {
        let known = self.hashes.entry(height).or_default();
        if known.is_empty() {
            self.order.push_back(height);
        }
        known.push(hash);
        if self.order.len() > HEIGHTS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.hashes.remove(&oldest);
        }
    }
}

/// Judges the messages of a chain.
#[derive(Debug)]
pub struct Gate {
    chain_id: u64,
    /// When the field of blob gas is given another meaning.
    jovian: Option<u64>,
    seen: Seen,
}

impl Gate {
    /// Begins with nothing seen.
    #[must_use]
    pub fn new(config: &RollupConfig) -> Self {
        let jovian = config.forks.time(Fork::Jovian);
        Self { chain_id: config.l2_chain_id, jovian, seen: Seen::default() }
    }

    /// Judges a message of a version's topic that was decompressed to `content`, at a time of our clock in seconds.
    pub fn judge(
        &mut self,
        version: PayloadVersion,
        content: &Bytes,
        now: u64,
        signer: Option<Address>,
    ) -> Verdict {
        let (message, envelope) = match self.check(version, content, now) {
            Ok(checked) => checked,
            Err(refusal) => return Verdict::Reject(refusal),
        };
        let block = match GossipBlock::new(version, &envelope) {
            Ok(block) => block,
            Err(error) => return Verdict::Reject(error.into()),
        };
        if let Err(refusal) = self.check_fields(&envelope) {
            return Verdict::Reject(refusal);
        }
        let known = self.seen.of(block.number);
        if known.len() > BLOCKS_A_HEIGHT_MAX {
            let (expected, height) = (BLOCKS_A_HEIGHT_MAX, block.number);
            return Verdict::Reject(Refusal::TooMany { expected, height });
        }
        if known.contains(&block.hash) {
            return Verdict::Ignore(Refusal::Seen { hash: block.hash });
        }
        let Some(expected) = signer else { return Verdict::Ignore(Refusal::NoSigner) };
        let actual = message.signer(self.chain_id);
        if actual != Some(expected) {
            return Verdict::Reject(Refusal::Signer { expected, actual });
        }
        self.seen.add(block.number, block.hash);
        Verdict::Accept(block)
    }

    /// Checks encoding and age, before anything is hashed.
    fn check(
        &self,
        version: PayloadVersion,
        content: &Bytes,
        now: u64,
    ) -> Result<(Message, Envelope), Refusal> {
        if content.len() > message::CONTENT_BYTES_MAX {
            let (expected, actual) = (message::CONTENT_BYTES_MAX, content.len());
            return Err(MessageError::Length { expected, actual }.into());
        }
        let message = Message::split(content)?;
        let envelope = ssz::decode(version, &message.payload)?;
        let actual = envelope.payload.timestamp;
        let expected = now.saturating_sub(AGE_MAX);
        if actual < expected {
            return Err(Refusal::Old { expected, actual });
        }
        let expected = now.saturating_add(AHEAD_MAX);
        if actual > expected {
            return Err(Refusal::New { expected, actual });
        }
        Ok((message, envelope))
    }

    /// Checks what fields hold. Which of them are there the encoding of the version has decided.
    fn check_fields(&self, envelope: &Envelope) -> Result<(), Refusal> {
        let payload = &envelope.payload;
        let withdrawals = payload.withdrawals.as_deref().unwrap_or_default();
        if !withdrawals.is_empty() {
            return Err(Refusal::Withdrawals { actual: withdrawals.len() });
        }
        let is_footprint = self.jovian.is_some_and(|begins| payload.timestamp >= begins);
        for (what, value, may_be_used) in [
            ("blobGasUsed", payload.blob_gas_used, is_footprint),
            ("excessBlobGas", payload.excess_blob_gas, false),
        ] {
            if let Some(actual) = value
                && actual != 0
                && !may_be_used
            {
                return Err(Refusal::BlobGas { what, actual });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloy_eips::eip4895::Withdrawal;

    use super::*;
    use crate::{
        payload::tests::envelope as sample,
        testing::{config_at, sign},
    };

    /// Time of the sample's block.
    const NOW: u64 = 1_000;

    fn signer() -> Option<Address> {
        Some(sign(&B256::ZERO).1)
    }

    /// Gives a payload the hash it has, and signs it.
    fn content(version: PayloadVersion, mut envelope: Envelope) -> Bytes {
        envelope.payload.block_hash = envelope.header(version).unwrap().hash_slow();
        signed(version, &envelope)
    }

    fn signed(version: PayloadVersion, envelope: &Envelope) -> Bytes {
        let payload = ssz::encode(version, envelope).unwrap();
        let (signature, _) = sign(&message::signing_hash(901, &payload));
        message::join(&signature, &payload).into()
    }

    fn gate() -> Gate {
        Gate::new(&config_at(Fork::Isthmus))
    }

    fn refusal(gate: &mut Gate, version: PayloadVersion, content: &Bytes) -> Refusal {
        match gate.judge(version, content, NOW, signer()) {
            Verdict::Reject(refusal) => refusal,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    /// Spoils a sample of a version; returns why it is rejected.
    fn spoilt(version: PayloadVersion, spoil: impl FnOnce(&mut Envelope)) -> Refusal {
        let mut envelope = sample(version);
        spoil(&mut envelope);
        refusal(&mut gate(), version, &content(version, envelope))
    }

    #[test]
    fn a_block_of_every_version_is_accepted_once() {
        for version in PayloadVersion::ALL {
            let (mut gate, envelope) = (gate(), sample(version));
            let content = content(version, envelope.clone());
            let block = GossipBlock::new(version, &envelope).unwrap();
            assert_eq!(
                gate.judge(version, &content, NOW, signer()),
                Verdict::Accept(block.clone())
            );
            let seen = Verdict::Ignore(Refusal::Seen { hash: block.hash });
            assert_eq!(gate.judge(version, &content, NOW, signer()), seen);
        }
    }

    #[test]
    fn what_is_cut_anywhere_is_rejected() {
        for version in PayloadVersion::ALL {
            let whole = content(version, sample(version));
            for length in 0..whole.len() {
                let _why = refusal(&mut gate(), version, &whole.slice(..length));
            }
        }
    }

    #[test]
    fn what_is_read_under_another_version_is_rejected() {
        for made in PayloadVersion::ALL {
            let content = content(made, sample(made));
            for other in PayloadVersion::ALL.into_iter().filter(|other| *other != made) {
                let why = refusal(&mut gate(), other, &content);
                assert!(
                    matches!(why, Refusal::Payload(_) | Refusal::Old { .. } | Refusal::New { .. }),
                    "{why}"
                );
            }
        }
    }

    #[test]
    fn a_block_is_accepted_from_sixty_seconds_behind_to_five_ahead() {
        let version = PayloadVersion::V4;
        let content = content(version, sample(version));
        for (now, is_good) in [
            (NOW + AGE_MAX, true),
            (NOW + AGE_MAX + 1, false),
            (NOW - AHEAD_MAX, true),
            (NOW - AHEAD_MAX - 1, false),
            (0, false),
            (u64::MAX, false),
        ] {
            let verdict = gate().judge(version, &content, now, signer());
            assert_eq!(matches!(verdict, Verdict::Accept(_)), is_good, "{now} {verdict:?}");
            if !is_good {
                assert!(matches!(
                    verdict,
                    Verdict::Reject(Refusal::Old { .. } | Refusal::New { .. })
                ));
            }
        }
    }

    #[test]
    fn another_hash_is_rejected() {
        let mut envelope = sample(PayloadVersion::V4);
        envelope.payload.block_hash = B256::repeat_byte(1);
        let why = refusal(&mut gate(), PayloadVersion::V4, &signed(PayloadVersion::V4, &envelope));
        assert!(matches!(why, Refusal::Payload(PayloadError::Hash { .. })), "{why}");
    }

    #[test]
    fn withdrawals_and_blob_gas_are_rejected() {
        for version in [PayloadVersion::V2, PayloadVersion::V3, PayloadVersion::V4] {
            let why = spoilt(version, |envelope| {
                envelope.payload.withdrawals = Some(vec![Withdrawal::default()]);
            });
            assert_eq!(why, Refusal::Withdrawals { actual: 1 });
        }
        for version in [PayloadVersion::V3, PayloadVersion::V4] {
            let why = spoilt(version, |envelope| envelope.payload.blob_gas_used = Some(1));
            assert_eq!(why, Refusal::BlobGas { what: "blobGasUsed", actual: 1 });
            let why = spoilt(version, |envelope| envelope.payload.excess_blob_gas = Some(2));
            assert_eq!(why, Refusal::BlobGas { what: "excessBlobGas", actual: 2 });
        }
    }

    #[test]
    fn from_jovian_the_field_of_blob_gas_holds_the_footprint() {
        let version = PayloadVersion::V4;
        let mut envelope = sample(version);
        envelope.payload.blob_gas_used = Some(40_000);
        let mut gate = Gate::new(&config_at(Fork::Jovian));
        let verdict = gate.judge(version, &content(version, envelope.clone()), NOW, signer());
        assert!(matches!(verdict, Verdict::Accept(_)), "{verdict:?}");
        envelope.payload.excess_blob_gas = Some(1);
        let why = refusal(&mut gate, version, &content(version, envelope));
        assert!(matches!(why, Refusal::BlobGas { what: "excessBlobGas", .. }));
    }

    #[test]
    fn a_sequencer_that_signs_one_height_again_and_again_is_stopped() {
        let (version, mut gate) = (PayloadVersion::V4, gate());
        let mut told = |gas_used: u64| {
            let mut envelope = sample(version);
            envelope.payload.gas_used = gas_used;
            gate.judge(version, &content(version, envelope), NOW, signer())
        };
        for gas_used in 0..=BLOCKS_A_HEIGHT_MAX as u64 {
            assert!(matches!(told(gas_used), Verdict::Accept(_)));
        }
        let stopped = Refusal::TooMany { expected: BLOCKS_A_HEIGHT_MAX, height: 7 };
        assert_eq!(told(100), Verdict::Reject(stopped.clone()));
        assert_eq!(told(0), Verdict::Reject(stopped), "seen or not");
    }

    #[test]
    fn only_the_sequencer_is_believed_and_without_one_nobody_is_blamed() {
        let version = PayloadVersion::V4;
        let content = content(version, sample(version));
        let other = Address::repeat_byte(9);
        let verdict = gate().judge(version, &content, NOW, Some(other));
        let refused = Refusal::Signer { expected: other, actual: signer() };
        assert_eq!(verdict, Verdict::Reject(refused));
        let verdict = gate().judge(version, &content, NOW, None);
        assert_eq!(verdict, Verdict::Ignore(Refusal::NoSigner));
        // Signed for another chain.
        let mut elsewhere = Gate::new(&config_at(Fork::Isthmus));
        elsewhere.chain_id = 902;
        let why = refusal(&mut elsewhere, version, &content);
        assert!(matches!(why, Refusal::Signer { .. }));
    }

    #[test]
    fn what_is_not_signed_takes_no_place_of_what_is() {
        let (version, mut gate) = (PayloadVersion::V4, gate());
        for gas_used in 0..20 {
            let mut envelope = sample(version);
            envelope.payload.gas_used = gas_used;
            let mut content = content(version, envelope).to_vec();
            content[0] ^= 1;
            let why = refusal(&mut gate, version, &content.into());
            assert!(matches!(why, Refusal::Signer { .. }), "{why}");
        }
        let good = gate.judge(version, &content(version, sample(version)), NOW, signer());
        assert!(matches!(good, Verdict::Accept(_)));
    }

    #[test]
    fn old_heights_are_forgotten_first() {
        let mut seen = Seen::default();
        for height in 0..=HEIGHTS_MAX as u64 {
            seen.add(height, B256::ZERO);
            seen.add(height, B256::repeat_byte(1));
        }
        assert!(seen.of(0).is_empty());
        assert_eq!(seen.of(1).len(), 2);
        assert_eq!(seen.hashes.len(), HEIGHTS_MAX);
    }
}
