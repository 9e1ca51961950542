//! Targets, and keys that own mutable items.

use interop::{Id, Owner};
use mainline::{MutableItem, SigningKey};
use sha1::{Digest as _, Sha1};

/// Makes the same owner from the same number.
pub(crate) fn owner(number: u8) -> Owner {
    let seed = [number; 32];
    Owner { seed, public_key: SigningKey::from_bytes(&seed).verifying_key().to_bytes() }
}

/// Signs an item whose value is a byte string.
pub(crate) fn signed(owner: &Owner, salt: &[u8], value: &[u8], seq: i64) -> MutableItem {
    let salt = (!salt.is_empty()).then_some(salt);
    MutableItem::new(SigningKey::from_bytes(&owner.seed), value, seq, salt)
}

/// Returns the target of an immutable item whose value is a byte string.
pub(crate) fn immutable_target(value: &[u8]) -> Id {
    let mut hash = Sha1::new();
    hash.update(format!("{}:", value.len()));
    hash.update(value);
    hash.finalize().into()
}

/// Returns the target of a mutable item.
pub(crate) fn mutable_target(owner: &Owner, salt: &[u8]) -> Id {
    Sha1::new().chain_update(owner.public_key).chain_update(salt).finalize().into()
}
