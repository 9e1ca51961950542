//! The door to the curve: the three questions scripts ask of secp256k1.

use bitcoin::secp256k1::{
    Message, Parity, PublicKey, Scalar, Secp256k1, VerifyOnly, XOnlyPublicKey, ecdsa, schnorr,
};
use std::sync::LazyLock;

static SECP: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);

/// Returns whether `signature_der` (lax DER, either S) is of `public_key` over `message`.
pub(super) fn ecdsa_verify(signature_der: &[u8], public_key: &[u8], message: &[u8; 32]) -> bool {
    let Ok(mut signature) = ecdsa::Signature::from_der_lax(signature_der) else { return false };
    let Ok(public_key) = PublicKey::from_slice(public_key) else { return false };
    signature.normalize_s();
    SECP.verify_ecdsa(&Message::from_digest(*message), &signature, &public_key).is_ok()
}

/// Returns whether `signature` is a BIP-0340 signature of `public_key` over `message`.
pub(super) fn schnorr_verify(
    signature: &[u8; 64],
    public_key: &[u8; 32],
    message: &[u8; 32],
) -> bool {
    let Ok(signature) = schnorr::Signature::from_slice(signature) else { return false };
    let Ok(public_key) = XOnlyPublicKey::from_slice(public_key) else { return false };
    SECP.verify_schnorr(&signature, &Message::from_digest(*message), &public_key).is_ok()
}

/// Returns whether `output_key` is `internal_key` plus `tweak` times the generator, with that parity.
pub(super) fn tweak_check(
    output_key: &[u8; 32],
    parity_odd: bool,
    internal_key: &[u8; 32],
    tweak: &[u8; 32],
) -> bool {
    let Ok(output) = XOnlyPublicKey::from_slice(output_key) else { return false };
    let Ok(internal) = XOnlyPublicKey::from_slice(internal_key) else { return false };
    let Ok(tweak) = Scalar::from_be_bytes(*tweak) else { return false };
    let parity = if parity_odd { Parity::Odd } else { Parity::Even };
    internal.tweak_add_check(&SECP, &output, parity, tweak)
}
