//! Who signed a digest.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, keccak256};
use secp256k1::{
    All, Message, Secp256k1,
    ecdsa::{RecoverableSignature, RecoveryId},
};

/// One context for everybody: its tables are immutable.
pub(crate) static CONTEXT: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// Recovers the account of whoever signed a digest with this R and S, given whether the Y of the point behind R is odd.
///
/// **Spec:** Ethereum yellow paper, appendix F.
pub(crate) fn recover(compact: &[u8; 64], odd: bool, digest: &B256) -> Option<Address> {
    let id = RecoveryId::from_i32(i32::from(odd)).ok()?;
    let signature = RecoverableSignature::from_compact(compact, id).ok()?;
    let key = CONTEXT.recover_ecdsa(&Message::from_digest(digest.0), &signature).ok()?;
    let hash = keccak256(&key.serialize_uncompressed()[1..]);
    Some(Address::from_slice(&hash[12..]))
}
