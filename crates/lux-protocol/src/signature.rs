//! Validators' signatures: ECDSA over secp256k1, from which the signer's address is recovered, as of a transaction.
//!
//! One key makes blocks, votes and an account, and a contract checks evidence with `ecrecover`.

use alloy_primitives::{Address, B256, keccak256};
use quintet_crypto::secp::{self, SecretKey};

/// Length of a signature, in bytes: r, s, and which of two keys.
pub const SIGNATURE_LEN: usize = 65;

/// r, s, and which of two keys: 0 or 1.
pub type Signature = [u8; SIGNATURE_LEN];

/// Half of the group's order: the largest s of a signature that nobody can turn into another one.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Signs a digest; nothing comes only if the key's recovery is one of those that nobody has seen.
#[must_use]
pub fn sign(key: &SecretKey, digest: &B256) -> Option<Signature> {
    let (compact, odd) = key.sign_ecdsa_recoverable(&digest.0)?;
    let mut signature = [0; SIGNATURE_LEN];
    for (to, from) in signature.iter_mut().zip(compact) {
        *to = from;
    }
    if let Some(last) = signature.last_mut() {
        *last = u8::from(odd);
    }
    Some(signature)
}

/// Returns who signed a digest; nobody if the signature has another form than [`sign`]'s.
///
/// A signature with the other s would recover to the same address; it is refused, so that a block has one hash whoever carries it.
#[must_use]
pub fn recover(signature: &Signature, digest: &B256) -> Option<Address> {
    let (compact, last) = signature.split_last_chunk::<1>()?;
    let odd = match last {
        [0] => false,
        [1] => true,
        _ => return None,
    };
    let compact: &[u8; 64] = compact.try_into().ok()?;
    let (_, s) = compact.split_at(32);
    if *s > HALF_ORDER[..] {
        return None;
    }
    let public = secp::ecdsa_recover(compact, odd, &digest.0)?;
    Some(address_of(&public))
}

/// Returns the address of a key.
#[must_use]
pub fn address(key: &SecretKey) -> Option<Address> {
    let uncompressed = key.public_key_uncompressed();
    let (_, public) = uncompressed.split_first()?;
    Some(Address::from_word(keccak256(public)))
}

fn address_of(public: &[u8; 64]) -> Address {
    Address::from_word(keccak256(public))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_signed_is_recovered_and_a_changed_signature_is_nobodys_or_anothers() {
        let key = SecretKey::from_bytes(&[7; 32]).unwrap();
        let digest = keccak256(b"digest");
        let signature = sign(&key, &digest).unwrap();
        let signer = address(&key);
        assert_eq!(recover(&signature, &digest), signer);
        for bit in 0..SIGNATURE_LEN * 8 {
            let mut flipped = signature;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(recover(&flipped, &digest), signer, "bit {bit}");
        }
    }

    #[test]
    fn the_same_signature_with_the_other_s_is_refused() {
        let order = secp_order();
        let key = SecretKey::from_bytes(&[9; 32]).unwrap();
        let digest = keccak256(b"digest");
        let mut signature = sign(&key, &digest).unwrap();
        let s = alloy_primitives::U256::from_be_slice(&signature[32..64]);
        signature[32..64].copy_from_slice(&(order - s).to_be_bytes::<32>());
        signature[64] ^= 1;
        assert_eq!(recover(&signature, &digest), None);
    }

    fn secp_order() -> alloy_primitives::U256 {
        let half = alloy_primitives::U256::from_be_bytes(HALF_ORDER);
        half * alloy_primitives::U256::from(2) + alloy_primitives::U256::from(1)
    }
}
