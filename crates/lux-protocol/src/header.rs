//! The rules of LuxTensor's header beyond Ethereum's, and what a proposer needs to follow them.
//!
//! ```text
//!   Position of the parent ─┬─► draft ──► mixHash, timestamp, extra data without signature ──► (execution) ──► sign
//!                           └─► check ──► Position, which the child's check needs
//! ```
//!
//! What Ethereum asks of a header (roots, gas, base fee, no difficulty, no ommers) is checked where blocks are executed.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes};
use quintet_crypto::{secp, vrf};

use crate::{
    beacon::Beacon,
    params::{Params, Purpose},
    seal::{self, Seal, SealError},
    signature::{self, SIGNATURE_LEN},
    validator::ValidatorSet,
};

/// What a child's check needs of its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Number.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Hash of the parent.
    pub parent: B256,
    /// Slot.
    pub slot: u64,
    /// The beacon after it.
    pub beacon: Beacon,
}

/// Why a header breaks LuxTensor's rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The extra data is no seal.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The parent is another.
    #[error("expected parent {expected} and number {number}, got {actual} and {actual_number}")]
    Parent {
        /// The parent's hash.
        expected: B256,
        /// The number after it.
        number: u64,
        /// What the header says.
        actual: B256,
        /// What the header says.
        actual_number: u64,
    },
    /// The slot is not after the parent's.
    #[error("expected a slot after {parent}, got {actual}")]
    Slot {
        /// The parent's.
        parent: u64,
        /// What the header says.
        actual: u64,
    },
    /// The timestamp is not its slot's.
    #[error("expected timestamp {expected} in slot {slot}, got {actual}")]
    Timestamp {
        /// The slot.
        slot: u64,
        /// The second in which it begins.
        expected: u64,
        /// What the header says.
        actual: u64,
    },
    /// Another validator proposes in this slot.
    #[error("expected {expected} to propose in slot {slot}, got {actual}")]
    Proposer {
        /// The slot.
        slot: u64,
        /// Whose slot it is.
        expected: Address,
        /// Whose block it is.
        actual: Address,
    },
    /// The proof does not hold.
    #[error("the proof of randomness of slot {slot}: {error}")]
    Proof {
        /// The slot.
        slot: u64,
        /// Why.
        error: vrf::VrfError,
    },
    /// The randomness or the beacon is not what the proof gives.
    #[error("{field} of slot {slot} does not follow from the parent's beacon and the proof")]
    Beacon {
        /// Which field.
        field: &'static str,
        /// The slot.
        slot: u64,
    },
    /// The signature is not the beneficiary's.
    #[error("expected the seal of {expected}, got that of {actual:?}")]
    Signature {
        /// The beneficiary.
        expected: Address,
        /// Who signed, if anybody did.
        actual: Option<Address>,
    },
    /// The beacon root of Ethereum's consensus layer, which there is none of here.
    #[error("expected a parentBeaconBlockRoot of zero, got {actual:?}")]
    BeaconRoot {
        /// What the header says.
        actual: Option<B256>,
    },
}

impl Position {
    /// The first block's.
    #[must_use]
    pub fn genesis(params: &Params) -> Self {
        let beacon = Beacon::genesis(&params.domain);
        Self { number: 0, hash: params.genesis, parent: B256::ZERO, slot: 0, beacon }
    }

    /// Reads that of a block that was checked before.
    ///
    /// # Errors
    ///
    /// [`SealError`] if the header has no seal: it was not checked.
    pub fn of_checked(params: &Params, header: &Header, hash: B256) -> Result<Self, SealError> {
        if header.number == 0 {
            return Ok(Self::genesis(params));
        }
        let Seal { slot, beacon, .. } = Seal::decode(&header.extra_data)?;
        Ok(Self { number: header.number, hash, parent: header.parent_hash, slot, beacon })
    }

    /// Returns the beacon as a block of `slot` on this one finds it.
    #[must_use]
    pub fn beacon_at(&self, params: &Params, slot: u64) -> Beacon {
        self.beacon.at(params.epoch_of(self.slot), params.epoch_of(slot))
    }

    /// Returns who proposes in `slot` on this block.
    #[must_use]
    pub fn proposer(&self, params: &Params, set: &ValidatorSet, slot: u64) -> usize {
        set.proposer(&self.beacon_at(params, slot).seed, slot)
    }
}

/// Returns what the random function of a slot's proposer is asked.
#[must_use]
pub fn vrf_message(params: &Params, slot: u64, seed: &B256) -> B256 {
    let epoch = params.epoch_of(slot).to_be_bytes();
    params.domain.digest(Purpose::Vrf, &[&epoch, &slot.to_be_bytes(), &seed[..]])
}

/// Cuts an output to what a header holds.
fn randomness(output: &vrf::Output) -> B256 {
    B256::from_slice(output.first_chunk::<32>().map_or(&[0; 32], |front| front))
}

/// What a proposer puts into its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Timestamp.
    pub timestamp: u64,
    /// `mixHash`.
    pub prev_randao: B256,
    /// Extra data, with room for the signature.
    pub extra_data: Bytes,
}

/// Prepares a block of `slot` on a parent.
///
/// # Errors
///
/// [`vrf::VrfError`] in a case that nobody has seen.
pub fn draft(
    params: &Params,
    parent: &Position,
    slot: u64,
    key: &vrf::SecretKey,
) -> Result<Draft, vrf::VrfError> {
    let beacon = parent.beacon_at(params, slot);
    let (output, proof) = key.prove(&vrf_message(params, slot, &beacon.seed)[..])?;
    let prev_randao = randomness(&output);
    let beacon = beacon.with(&prev_randao);
    let seal = Seal { slot, beacon, proof, signature: [0; SIGNATURE_LEN] };
    let timestamp = params.timestamp_of(slot);
    Ok(Draft { timestamp, prev_randao, extra_data: seal.encode() })
}

/// Signs a header whose extra data is a draft's, and returns the extra data with the signature.
#[must_use]
pub fn sign(params: &Params, header: &Header, key: &secp::SecretKey) -> Option<Bytes> {
    let mut seal = Seal::decode(&header.extra_data).ok()?;
    seal.signature = signature::sign(key, &seal::digest(&params.domain, header))?;
    Some(seal.encode())
}

/// Returns a header's slot and who signed it.
///
/// # Errors
///
/// [`SealError`] if the extra data is no seal.
pub fn signer(params: &Params, header: &Header) -> Result<(u64, Option<Address>), SealError> {
    let seal = Seal::decode(&header.extra_data)?;
    let digest = seal::digest(&params.domain, header);
    Ok((seal.slot, signature::recover(&seal.signature, &digest)))
}

/// Checks a header against its parent.
///
/// # Errors
///
/// [`HeaderError`] for the first rule that does not hold.
pub fn check(
    params: &Params,
    set: &ValidatorSet,
    parent: &Position,
    header: &Header,
) -> Result<Position, HeaderError> {
    let seal = Seal::decode(&header.extra_data)?;
    let slot = seal.slot;
    let (expected, number) = (parent.hash, parent.number.saturating_add(1));
    if header.parent_hash != expected || header.number != number {
        let (actual, actual_number) = (header.parent_hash, header.number);
        return Err(HeaderError::Parent { expected, number, actual, actual_number });
    }
    if slot <= parent.slot {
        return Err(HeaderError::Slot { parent: parent.slot, actual: slot });
    }
    let expected = params.timestamp_of(slot);
    if header.timestamp != expected {
        return Err(HeaderError::Timestamp { slot, expected, actual: header.timestamp });
    }
    if header.parent_beacon_block_root.is_some_and(|root| !root.is_zero()) {
        return Err(HeaderError::BeaconRoot { actual: header.parent_beacon_block_root });
    }
    let beacon = parent.beacon_at(params, slot);
    let proposer = set.get(set.proposer(&beacon.seed, slot));
    let expected = proposer.map(|one| one.address).unwrap_or_default();
    let Some(proposer) = proposer.filter(|one| one.address == header.beneficiary) else {
        return Err(HeaderError::Proposer { slot, expected, actual: header.beneficiary });
    };
    // The cheaper check first: a stranger's header costs one recovery.
    let actual = signature::recover(&seal.signature, &seal::digest(&params.domain, header));
    if actual != Some(expected) {
        return Err(HeaderError::Signature { expected, actual });
    }
    let message = vrf_message(params, slot, &beacon.seed);
    let output = vrf::verify(&proposer.vrf_key, &message[..], &seal.proof)
        .map_err(|error| HeaderError::Proof { slot, error })?;
    let output = randomness(&output);
    if header.mix_hash != output {
        return Err(HeaderError::Beacon { field: "mixHash", slot });
    }
    let beacon = beacon.with(&output);
    if seal.beacon != beacon {
        return Err(HeaderError::Beacon { field: "the beacon", slot });
    }
    let hash = header.hash_slow();
    Ok(Position { number, hash, parent: parent.hash, slot, beacon })
}
