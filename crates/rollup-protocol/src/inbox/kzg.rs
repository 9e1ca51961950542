//! Whether a blob is the one a versioned hash names.
//!
//! **Spec:** EIP-4844, "Helpers" and "Point evaluation"; the proofs of the beacon API's blob sidecars.

use alloy_eips::eip4844::{
    Blob, Bytes48, c_kzg, env_settings::EnvKzgSettings, kzg_to_versioned_hash,
};
use alloy_primitives::B256;
use thiserror::Error;

use super::blob::BLOB_LEN;

/// Why a blob is not what was asked for: ask somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KzgError {
    /// Not as long as blobs are.
    #[error("blob: expected {BLOB_LEN} bytes, got {actual}")]
    Len {
        /// How long it is.
        actual: usize,
    },
    /// Its commitment has another hash.
    #[error("blob: expected versioned hash {expected}, got {actual}")]
    Hash {
        /// The hash asked for.
        expected: B256,
        /// The hash it has.
        actual: B256,
    },
    /// The proof does not show that the blob belongs to its commitment.
    #[error("blob {hash}: expected a KZG proof that holds, got one that does not")]
    Proof {
        /// The hash asked for.
        hash: B256,
    },
    /// Elements, commitment or proof are no valid numbers.
    #[error("blob {hash}: expected field elements and points, got {reason}")]
    Malformed {
        /// The hash asked for.
        hash: B256,
        /// What the library says.
        reason: String,
    },
}

/// Checks a blob that came with commitment and proof: 1 ms where computing the commitment takes 10.
///
/// # Errors
///
/// [`KzgError`] if it is not the blob `expected` names.
pub fn verify(
    blob: &[u8],
    commitment: &[u8; 48],
    proof: &[u8; 48],
    expected: B256,
) -> Result<(), KzgError> {
    let malformed =
        |error: c_kzg::Error| KzgError::Malformed { hash: expected, reason: error.to_string() };
    let actual = kzg_to_versioned_hash(commitment);
    if actual != expected {
        return Err(KzgError::Hash { expected, actual });
    }
    let blob = c_kzg::Blob::from_bytes(checked(blob)?.as_slice()).map_err(malformed)?;
    let settings = EnvKzgSettings::Default.get();
    let (commitment, proof) = (c_kzg::Bytes48::new(*commitment), c_kzg::Bytes48::new(*proof));
    match settings.verify_blob_kzg_proof(&blob, &commitment, &proof) {
        Ok(true) => Ok(()),
        Ok(false) => Err(KzgError::Proof { hash: expected }),
        Err(error) => Err(malformed(error)),
    }
}

/// Checks a blob that came alone, by computing its commitment.
///
/// # Errors
///
/// [`KzgError`] if it is not the blob `expected` names.
pub fn verify_alone(blob: &[u8], expected: B256) -> Result<(), KzgError> {
    let malformed =
        |error: c_kzg::Error| KzgError::Malformed { hash: expected, reason: error.to_string() };
    let blob = c_kzg::Blob::from_bytes(checked(blob)?.as_slice()).map_err(malformed)?;
    let settings = EnvKzgSettings::Default.get();
    let commitment = settings.blob_to_kzg_commitment(&blob).map_err(malformed)?;
    let actual = kzg_to_versioned_hash(commitment.as_slice());
    if actual == expected { Ok(()) } else { Err(KzgError::Hash { expected, actual }) }
}

fn checked(blob: &[u8]) -> Result<&Blob, KzgError> {
    <&Blob>::try_from(blob).map_err(|_| KzgError::Len { actual: blob.len() })
}

/// Makes commitment and proof of a blob, for whoever sends it.
///
/// # Errors
///
/// [`KzgError`] if it is no blob.
pub fn commit(blob: &[u8]) -> Result<(Bytes48, Bytes48, B256), KzgError> {
    let malformed =
        |error: c_kzg::Error| KzgError::Malformed { hash: B256::ZERO, reason: error.to_string() };
    let blob = c_kzg::Blob::from_bytes(checked(blob)?.as_slice()).map_err(malformed)?;
    let settings = EnvKzgSettings::Default.get();
    let commitment = settings.blob_to_kzg_commitment(&blob).map_err(malformed)?.to_bytes();
    let proof = settings.compute_blob_kzg_proof(&blob, &commitment).map_err(malformed)?.to_bytes();
    let hash = kzg_to_versioned_hash(commitment.as_slice());
    Ok((Bytes48::from(commitment.into_inner()), Bytes48::from(proof.into_inner()), hash))
}

/// Makes the proofs of a blob's cells, in their order, for whoever sends it from Osaka on.
///
/// # Errors
///
/// [`KzgError`] if it is no blob.
///
/// **Spec:** EIP-7594, `compute_cells_and_kzg_proofs`.
pub fn cell_proofs(blob: &[u8]) -> Result<Vec<Bytes48>, KzgError> {
    let malformed =
        |error: c_kzg::Error| KzgError::Malformed { hash: B256::ZERO, reason: error.to_string() };
    let blob = c_kzg::Blob::from_bytes(checked(blob)?.as_slice()).map_err(malformed)?;
    let settings = EnvKzgSettings::Default.get();
    let (_, proofs) = settings.compute_cells_and_kzg_proofs(&blob).map_err(malformed)?;
    Ok(proofs.iter().map(|proof| Bytes48::from(proof.to_bytes().into_inner())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::blob;

    #[test]
    fn a_blob_is_taken_for_its_own_hash_alone() {
        let blob = blob::encode(b"a channel").unwrap();
        let (commitment, proof, hash) = commit(&blob).unwrap();
        assert_eq!(verify(&blob, &commitment, &proof, hash), Ok(()));
        assert_eq!(verify_alone(&blob, hash), Ok(()));
        let other = blob::encode(b"another").unwrap();
        assert_eq!(verify(&other, &commitment, &proof, hash), Err(KzgError::Proof { hash }));
        assert!(matches!(verify_alone(&other, hash), Err(KzgError::Hash { .. })));
        let wrong = B256::repeat_byte(1);
        assert!(matches!(verify(&blob, &commitment, &proof, wrong), Err(KzgError::Hash { .. })));
        assert!(matches!(verify_alone(&blob[1..], hash), Err(KzgError::Len { .. })));
    }
}
