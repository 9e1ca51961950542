//! What a chain's nodes agree on before the first block: how time is cut, and what every signature is bound to.
//!
//! ```text
//!   genesis ──┬── slot 1 ──┬── slot 2 ──┬── …      slot_millis each; slot 0 is the genesis
//!             └ epoch 0 … epoch_slots slots each
//! ```

use alloy_primitives::{B256, keccak256};

/// Longest slot: a day, in milliseconds.
pub const SLOT_MILLIS_MAX: u64 = 86_400_000;

/// Shortest slot, in milliseconds.
pub const SLOT_MILLIS_MIN: u64 = 10;

/// Longest epoch, in slots.
pub const EPOCH_SLOTS_MAX: u64 = 1_000_000;

/// What something is signed as. No two kinds sign the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A header.
    Seal,
    /// The message of the verifiable random function.
    Vrf,
    /// A vote.
    Vote,
    /// Randomness of the first two epochs.
    Beacon,
}

impl Purpose {
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Seal => b"luxtensor/seal/1",
            Self::Vrf => b"luxtensor/vrf/1",
            Self::Vote => b"luxtensor/vote/1",
            Self::Beacon => b"luxtensor/beacon/1",
        }
    }
}

/// A chain, as signatures name it: its id and its first block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain(B256);

impl Domain {
    /// Takes the number that transactions sign, and the hash of the first block.
    #[must_use]
    pub fn new(chain_id: u64, genesis: B256) -> Self {
        Self(keccak256([b"luxtensor/chain/1", &chain_id.to_be_bytes()[..], &genesis[..]].concat()))
    }

    /// Returns what is signed for a purpose. The parts have fixed lengths, so that no two lists of them run together.
    #[must_use]
    pub fn digest(&self, purpose: Purpose, parts: &[&[u8]]) -> B256 {
        let mut bytes = [purpose.tag(), &self.0[..]].concat();
        bytes.extend(parts.iter().copied().flatten());
        keccak256(bytes)
    }
}

/// A chain's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// What signatures are bound to.
    pub domain: Domain,
    /// Hash of the first block.
    pub genesis: B256,
    /// When slot 0 begins, seconds since 1970.
    pub genesis_time: u64,
    /// Length of a slot, in milliseconds.
    pub slot_millis: u64,
    /// Slots of an epoch.
    pub epoch_slots: u64,
}

/// Why parameters make no chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {field} from {min} to {max}, got {actual}")]
pub struct ParamsError {
    /// Which one.
    pub field: &'static str,
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
    /// What came.
    pub actual: u64,
}

impl Params {
    /// Checks the lengths.
    ///
    /// # Errors
    ///
    /// [`ParamsError`] if a slot or an epoch is too long or too short.
    pub fn check(self) -> Result<Self, ParamsError> {
        let fields = [
            ("a slot's milliseconds", SLOT_MILLIS_MIN, SLOT_MILLIS_MAX, self.slot_millis),
            ("an epoch's slots", 1, EPOCH_SLOTS_MAX, self.epoch_slots),
        ];
        match fields.into_iter().find(|(_, min, max, actual)| actual < min || actual > max) {
            Some((field, min, max, actual)) => Err(ParamsError { field, min, max, actual }),
            None => Ok(self),
        }
    }

    const fn genesis_millis(&self) -> u64 {
        self.genesis_time.saturating_mul(1_000)
    }

    /// Returns the slot at a time, milliseconds since 1970; slot 0 before the genesis.
    #[must_use]
    pub const fn slot_at(&self, millis: u64) -> u64 {
        match millis.saturating_sub(self.genesis_millis()).checked_div(self.slot_millis) {
            Some(slot) => slot,
            None => 0,
        }
    }

    /// Returns when a slot begins, milliseconds since 1970.
    #[must_use]
    pub const fn start_of(&self, slot: u64) -> u64 {
        self.genesis_millis().saturating_add(slot.saturating_mul(self.slot_millis))
    }

    /// Returns the timestamp of a slot's block: the second in which the slot begins.
    #[must_use]
    pub const fn timestamp_of(&self, slot: u64) -> u64 {
        self.start_of(slot) / 1_000
    }

    /// Returns the epoch of a slot.
    #[must_use]
    pub const fn epoch_of(&self, slot: u64) -> u64 {
        match slot.checked_div(self.epoch_slots) {
            Some(epoch) => epoch,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> Params {
        let genesis = B256::repeat_byte(1);
        let domain = Domain::new(8_898, genesis);
        Params { domain, genesis, genesis_time: 1_000, slot_millis: 100, epoch_slots: 10 }
    }

    #[test]
    fn slots_cut_time_from_the_genesis_on() {
        let params = params();
        assert_eq!(params.slot_at(5), 0);
        assert_eq!(params.slot_at(1_000_099), 0);
        assert_eq!(params.slot_at(1_000_100), 1);
        assert_eq!(params.start_of(12), 1_001_200);
        assert_eq!(params.timestamp_of(9), 1_000);
        assert_eq!(params.timestamp_of(10), 1_001);
        assert_eq!(params.epoch_of(9), 0);
        assert_eq!(params.epoch_of(10), 1);
    }

    #[test]
    fn a_signature_holds_for_one_chain_and_one_purpose() {
        let params = params();
        let here = params.domain.digest(Purpose::Vote, &[b"x"]);
        assert_ne!(here, params.domain.digest(Purpose::Seal, &[b"x"]));
        assert_ne!(here, Domain::new(9_999, params.genesis).digest(Purpose::Vote, &[b"x"]));
    }

    #[test]
    fn slots_of_no_time_are_refused() {
        let error = Params { slot_millis: 0, ..params() }.check().unwrap_err();
        assert_eq!(error.actual, 0);
        assert!(params().check().is_ok());
    }
}
