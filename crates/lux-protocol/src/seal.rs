//! What LuxTensor puts into a header's extra data.
//!
//! ```text
//!   version 1 │ slot 8, big-endian │ seed 32 │ next seed 32 │ mix 32 │ proof 80 │ signature 65
//! ```
//!
//! The signature is over the header with its last 65 bytes of extra data cut off; the block's hash is over everything.

use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes, keccak256};
use quintet_crypto::vrf;

use crate::{
    beacon::{BEACON_LEN, Beacon},
    params::{Domain, Purpose},
    signature::{SIGNATURE_LEN, Signature},
};

/// First byte: the version of these fields.
pub const VERSION: u8 = 1;

/// Length of the extra data of every block but the first, in bytes.
pub const SEAL_LEN: usize = 1 + 8 + BEACON_LEN + vrf::PROOF_LEN + SIGNATURE_LEN;

/// Why extra data is no seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Of another length.
    #[error("expected {SEAL_LEN} bytes of extra data, got {actual}")]
    Length {
        /// Its length.
        actual: usize,
    },
    /// Of another version.
    #[error("expected version {VERSION} in the extra data's first byte, got {actual}")]
    Version {
        /// Its version.
        actual: u8,
    },
}

/// LuxTensor's part of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The block's slot.
    pub slot: u64,
    /// The beacon after the block.
    pub beacon: Beacon,
    /// Proof that the block's randomness is its proposer's.
    pub proof: vrf::Proof,
    /// The proposer's signature.
    pub signature: Signature,
}

impl Seal {
    /// Writes the seal.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let Beacon { seed, next, mix } = &self.beacon;
        let slot = self.slot.to_be_bytes();
        let parts: [&[u8]; 7] =
            [&[VERSION], &slot, &seed[..], &next[..], &mix[..], &self.proof, &self.signature];
        parts.concat().into()
    }

    /// Reads a seal.
    ///
    /// # Errors
    ///
    /// [`SealError`] if the bytes are not one.
    pub fn decode(bytes: &[u8]) -> Result<Self, SealError> {
        let wrong = SealError::Length { actual: bytes.len() };
        if bytes.len() != SEAL_LEN {
            return Err(wrong);
        }
        let (version, rest) = bytes.split_first().ok_or(wrong)?;
        if *version != VERSION {
            return Err(SealError::Version { actual: *version });
        }
        let (slot, rest) = rest.split_first_chunk::<8>().ok_or(wrong)?;
        let (seed, rest) = rest.split_first_chunk::<32>().ok_or(wrong)?;
        let (next, rest) = rest.split_first_chunk::<32>().ok_or(wrong)?;
        let (mix, rest) = rest.split_first_chunk::<32>().ok_or(wrong)?;
        let (proof, rest) = rest.split_first_chunk::<{ vrf::PROOF_LEN }>().ok_or(wrong)?;
        let signature = rest.first_chunk::<SIGNATURE_LEN>().ok_or(wrong)?;
        Ok(Self {
            slot: u64::from_be_bytes(*slot),
            beacon: Beacon { seed: B256::new(*seed), next: B256::new(*next), mix: B256::new(*mix) },
            proof: *proof,
            signature: *signature,
        })
    }
}

/// Returns what the proposer signs of a header whose extra data is a seal, whatever signature is in it.
#[must_use]
pub fn digest(domain: &Domain, header: &Header) -> B256 {
    let kept = header.extra_data.len().saturating_sub(SIGNATURE_LEN);
    let extra_data = header.extra_data.slice(..kept);
    let unsigned = Header { extra_data, ..header.clone() };
    domain.digest(Purpose::Seal, &[&keccak256(alloy_rlp::encode(&unsigned))[..]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        let [seed, next, mix] = [1, 2, 3].map(B256::repeat_byte);
        let beacon = Beacon { seed, next, mix };
        Seal { slot: 77, beacon, proof: [4; 80], signature: [5; 65] }
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_shorter_or_longer_is() {
        let bytes = seal().encode();
        assert_eq!(Seal::decode(&bytes), Ok(seal()));
        for length in 0..SEAL_LEN {
            assert_eq!(Seal::decode(&bytes[..length]), Err(SealError::Length { actual: length }));
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(Seal::decode(&longer), Err(SealError::Length { .. })));
        let mut other = bytes.to_vec();
        other[0] = 2;
        assert_eq!(Seal::decode(&other), Err(SealError::Version { actual: 2 }));
    }

    #[test]
    fn the_signature_is_over_all_but_itself() {
        let domain = Domain::new(1, B256::ZERO);
        let header = Header { extra_data: seal().encode(), ..Header::default() };
        let signed = Seal { signature: [9; 65], ..seal() };
        let resealed = Header { extra_data: signed.encode(), ..Header::default() };
        assert_eq!(digest(&domain, &header), digest(&domain, &resealed));
        let later = Seal { slot: 78, ..seal() };
        let later = Header { extra_data: later.encode(), ..Header::default() };
        assert_ne!(digest(&domain, &header), digest(&domain, &later));
    }
}
