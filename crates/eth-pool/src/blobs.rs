//! Blobs beside a transaction: how they travel, and whether they are what the transaction names.
//!
//! ```text
//!   in a block:    03 ‖ [fields]
//!   on the way:    03 ‖ [[fields], blobs, commitments, proofs]          (EIP-4844)
//!                  03 ‖ [[fields], 1, blobs, commitments, cell proofs]  (EIP-7594)
//! ```

use alloy_eips::{
    eip4844::env_settings::EnvKzgSettings,
    eip7594::{BlobTransactionSidecarEip7594, BlobTransactionSidecarVariant},
};
use alloy_primitives::B256;
use alloy_rlp::{Encodable as _, Header};
use quintet_eth::tx::TxRules;

use crate::error::PoolError;

/// Blobs with their commitments and proofs.
pub type Sidecar = BlobTransactionSidecarVariant;

/// Type of a transaction with blobs.
pub(crate) const BLOB_TYPE: u8 = 3;

/// Splits what travels into the transaction as a block has it and what is beside it. `None` if nothing is.
pub(crate) fn split(bytes: &[u8]) -> Result<Option<(Vec<u8>, Sidecar)>, PoolError> {
    let Some((&BLOB_TYPE, mut rest)) = bytes.split_first() else { return Ok(None) };
    let unreadable = |error: alloy_rlp::Error| PoolError::Sidecar { reason: error.to_string() };
    // What the transaction itself gets wrong its own reader says better.
    let Ok(outer) = Header::decode(&mut rest) else { return Ok(None) };
    if !outer.list
        || outer.payload_length != rest.len()
        || rest.first().is_none_or(|first| *first < 0xc0)
    {
        return Ok(None);
    }
    let whole = rest;
    let fields = Header::decode_bytes(&mut rest, true).map_err(unreadable)?;
    let list = whole.get(..whole.len() - rest.len()).unwrap_or(fields);
    let transaction = [&[BLOB_TYPE], list].concat();
    let sidecar = Sidecar::rlp_decode_fields(&mut rest).map_err(unreadable)?;
    if !rest.is_empty() {
        return Err(PoolError::Sidecar { reason: format!("{} bytes left over", rest.len()) });
    }
    Ok(Some((transaction, sidecar)))
}

/// Puts a transaction and what is beside it into the form that travels.
pub(crate) fn join(transaction: &[u8], sidecar: &Sidecar) -> Vec<u8> {
    let Some((kind, list)) = transaction.split_first() else { return Vec::new() };
    let payload_length = list.len() + sidecar.rlp_encoded_fields_length();
    let mut out = Vec::with_capacity(payload_length + 10);
    out.push(*kind);
    Header { list: true, payload_length }.encode(&mut out);
    out.extend_from_slice(list);
    sidecar.rlp_encode_fields(&mut out);
    out
}

/// Returns about how much memory a sidecar takes, in bytes.
pub(crate) fn bytes_of(sidecar: &Sidecar) -> usize {
    sidecar.length()
}

/// Checks that the proofs are of the fork's sort and the blobs those the transaction names.
///
/// Costs a few milliseconds a transaction: not to be done with a lock held.
///
/// **Spec:** EIP-4844, "Networking"; EIP-7594, "Networking".
pub(crate) fn check(sidecar: &Sidecar, hashes: &[B256], rules: TxRules) -> Result<(), PoolError> {
    let expected = u8::from(rules >= TxRules::Osaka);
    let actual = u8::from(matches!(sidecar, Sidecar::Eip7594(_)));
    if actual != expected {
        return Err(PoolError::SidecarVersion { expected, actual });
    }
    let failed = |reason: String| PoolError::BlobProof { reason };
    let blobs = sidecar.blobs().len();
    if blobs != hashes.len() {
        return Err(failed(format!("expected {} blobs, got {blobs}", hashes.len())));
    }
    let settings = EnvKzgSettings::Default;
    sidecar.validate(hashes, settings.get()).map_err(|error| failed(error.to_string()))
}

/// Makes proofs of Osaka's sort from those of Cancun's, as nodes do for senders that do not yet. Anything else stays as it is.
///
/// Costs hundreds of milliseconds a blob.
///
/// # Errors
///
/// [`PoolError::BlobProof`] if a blob is none.
pub(crate) fn convert(sidecar: Sidecar, rules: TxRules) -> Result<Sidecar, PoolError> {
    let Sidecar::Eip4844(old) = sidecar else { return Ok(sidecar) };
    if rules < TxRules::Osaka {
        return Ok(Sidecar::Eip4844(old));
    }
    let converted: Result<BlobTransactionSidecarEip7594, _> =
        Sidecar::Eip4844(old).try_into_eip7594();
    converted
        .map(Sidecar::Eip7594)
        .map_err(|error| PoolError::BlobProof { reason: format!("{error:?}") })
}
