//! Signature checks as values: what a script asks of the curve, and who answers when.
//!
//! A script needs an answer at once, but the answer is nearly always yes, and the work is best done in
//! batches on every core. So a check is a self-contained item, and the [`SignatureChecker`] chooses:
//!
//! ```text
//!   interpreter ── SignatureCheck ──► Immediate   verifies now
//!                                └──► Deferred    says yes and keeps the item ──► verify() on any core
//! ```
//!
//! # What saying yes may mean
//!
//! - Schnorr signatures and taproot commitments: an invalid one fails the script, whatever follows
//!   (BIP-0341, BIP-0342). Deferring changes nothing but which error is named.
//! - ECDSA signatures: a script may go on after an invalid one (`CHECKSIG NOT`). A deferred yes is a
//!   guess, and if an item proves invalid, or the script fails after a guess, the input is run again with
//!   [`Immediate`]. [`Deferred::verify`] does the second; its caller owes the first.
//! - `CHECKMULTISIG` tries keys in turn and needs the true answers, unless there are as many signatures
//!   as keys: then each signature has one key to match, and yes to all is a guess like any other.

use quintet_crypto::{
    ecdsa_lanes::{self, EcdsaItem},
    schnorr_batch::Batch,
    secp,
};

use super::{ScriptError, ScriptFlags, TxContext, verify_input};

/// Schnorr signatures and tweaks from which on they are verified together; below, the sum of a batch costs more than its parts.
const BATCH_MIN: usize = 16;

/// Longest DER signature kept without an allocation, bytes: the longest strict one without its hash type.
const DER_INLINE: usize = 72;

/// A signature as it stood in the script, its hash type cut off.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DerSignature(Der);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Der {
    Inline {
        len: u8,
        bytes: [u8; DER_INLINE],
    },
    /// Before BIP-0066 a signature could be padded to the 520 bytes of a stack item.
    Long(Box<[u8]>),
}

impl DerSignature {
    /// Keeps a copy of `der`.
    #[must_use]
    pub fn new(der: &[u8]) -> Self {
        let mut bytes = [0; DER_INLINE];
        match (bytes.get_mut(..der.len()), u8::try_from(der.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(der);
                Self(Der::Inline { len, bytes })
            }
            _ => Self(Der::Long(der.into())),
        }
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Der::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Der::Long(bytes) => bytes,
        }
    }
}

/// A serialised public key of the one length its first byte allows: 33 bytes, or 65.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 65]);

impl PublicKey {
    /// Keeps a copy of `key` if its length is what its first byte says (Bitcoin Core's `CPubKey::IsValid`).
    ///
    /// Whether it is a point of the curve is for the check to find out.
    #[must_use]
    pub fn new(key: &[u8]) -> Option<Self> {
        if key.len() != Self::len_of(*key.first()?) {
            return None;
        }
        let mut bytes = [0; 65];
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        Some(Self(bytes))
    }

    const fn len_of(first: u8) -> usize {
        match first {
            2 | 3 => 33,
            4 | 6 | 7 => 65,
            _ => 0,
        }
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0[..Self::len_of(self.0[0])]
    }
}

/// One thing a script asks of the curve.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SignatureCheck {
    /// An ECDSA signature: Bitcoin's lax DER, either S, hybrid keys accepted.
    Ecdsa {
        /// The signature without its hash type.
        signature: DerSignature,
        /// The key it should be of.
        public_key: PublicKey,
        /// The signature hash.
        message: [u8; 32],
    },
    /// A BIP-0340 signature.
    Schnorr {
        /// The signature without its hash type.
        signature: [u8; 64],
        /// The X coordinate of the key it should be of.
        public_key: [u8; 32],
        /// The signature hash.
        message: [u8; 32],
    },
    /// A BIP-0341 commitment: `output_key` is `internal_key` tweaked.
    Tweak {
        /// The X coordinate of the output key.
        output_key: [u8; 32],
        /// Whether the output key's Y is odd.
        parity_odd: bool,
        /// The X coordinate of the internal key.
        internal_key: [u8; 32],
        /// The tagged hash of internal key and Merkle root.
        tweak: [u8; 32],
    },
}

impl SignatureCheck {
    /// Does the work: returns whether it holds.
    #[must_use]
    pub fn verify(&self) -> bool {
        match self {
            Self::Ecdsa { signature, public_key, message } => {
                secp::ecdsa_verify(signature.as_bytes(), public_key.as_bytes(), message)
            }
            Self::Schnorr { signature, public_key, message } => {
                secp::schnorr_verify(signature, public_key, message)
            }
            Self::Tweak { output_key, parity_odd, internal_key, tweak } => {
                secp::tweak_check(output_key, *parity_odd, internal_key, tweak)
            }
        }
    }
}

/// Returns whether every check holds: ECDSA signatures verified side by side, Schnorr signatures and tweaks together. Which one does
/// not, if so, it does not say.
#[must_use]
pub fn are_all_valid(checks: &[SignatureCheck]) -> bool {
    let mut side_by_side = Vec::with_capacity(checks.len());
    let mut batch = Batch::new();
    for check in checks {
        match check {
            SignatureCheck::Ecdsa { signature, public_key, message } => {
                let (signature, public_key) = (signature.as_bytes(), public_key.as_bytes());
                let Some(item) = EcdsaItem::from_der_lax(signature, public_key, message) else {
                    return false;
                };
                side_by_side.push(item);
            }
            SignatureCheck::Schnorr { signature, public_key, message } => {
                batch.add_signature(signature, public_key, message);
            }
            SignatureCheck::Tweak { output_key, parity_odd, internal_key, tweak } => {
                batch.add_tweak(output_key, *parity_odd, internal_key, tweak);
            }
        }
    }
    if !ecdsa_lanes::are_all_valid(&side_by_side) {
        return false;
    }
    if batch.len() >= BATCH_MIN {
        return batch.verify();
    }
    let is_ecdsa = |check: &&SignatureCheck| matches!(check, SignatureCheck::Ecdsa { .. });
    checks.iter().filter(|check| !is_ecdsa(check)).all(SignatureCheck::verify)
}

/// Answers the checks of a script.
pub trait SignatureChecker {
    /// Answers a check. A guess must be yes, and whoever guesses must see to it that it is made good.
    fn check(&mut self, check: SignatureCheck) -> bool;

    /// Answers a check whose true answer decides how the script goes on. Never a guess.
    fn check_exact(&mut self, check: SignatureCheck) -> bool {
        check.verify()
    }
}

impl<C: SignatureChecker + ?Sized> SignatureChecker for &mut C {
    fn check(&mut self, check: SignatureCheck) -> bool {
        (**self).check(check)
    }

    fn check_exact(&mut self, check: SignatureCheck) -> bool {
        (**self).check_exact(check)
    }
}

/// Verifies every check at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Immediate;

impl SignatureChecker for Immediate {
    fn check(&mut self, check: SignatureCheck) -> bool {
        check.verify()
    }
}

/// Says yes to every check and keeps it for later.
///
/// Holds what the inputs run through it ask: at most one item per signature operation.
///
/// ```
/// # use quintet_bitcoin_protocol::script::{
/// #     Deferred, Immediate, ScriptError, ScriptFlags, TxContext, are_all_valid, verify_input,
/// # };
/// # fn example(context: &TxContext<'_>, flags: ScriptFlags) -> Result<(), ScriptError> {
/// let mut deferred = Deferred::default();
/// deferred.verify(context, 0, flags)?;
/// // Anywhere, any time later, in any order:
/// if !are_all_valid(deferred.checks()) {
///     verify_input(context, 0, flags, &mut Immediate)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Deferred {
    checks: Vec<SignatureCheck>,
}

impl SignatureChecker for Deferred {
    fn check(&mut self, check: SignatureCheck) -> bool {
        self.checks.push(check);
        true
    }
}

impl Deferred {
    /// Makes one with room for `checks` items.
    #[must_use]
    pub fn with_capacity(checks: usize) -> Self {
        Self { checks: Vec::with_capacity(checks) }
    }

    /// Runs an input, keeping its checks behind those already held.
    ///
    /// On success the input is valid if every kept check verifies; if one does not, the answer of
    /// [`verify_input`] with [`Immediate`] holds. A failure is final: where a guess may have caused it the
    /// input has been run again, and its checks are not kept.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] if the input is invalid.
    pub fn verify(
        &mut self,
        context: &TxContext<'_>,
        input: usize,
        flags: ScriptFlags,
    ) -> Result<(), ScriptError> {
        let before = self.checks.len();
        let result = verify_input(context, input, flags, self);
        let Err(error) = result else { return Ok(()) };
        let guessed = self.checks.len() > before;
        self.checks.truncate(before);
        if guessed { verify_input(context, input, flags, &mut Immediate) } else { Err(error) }
    }

    /// Returns the checks held, in the order they came.
    #[must_use]
    pub fn checks(&self) -> &[SignatureCheck] {
        &self.checks
    }

    /// Takes the checks out, leaving none.
    #[must_use]
    pub fn take(&mut self) -> Vec<SignatureCheck> {
        core::mem::take(&mut self.checks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_of_any_length_comes_back_as_it_was() {
        for len in [0, 1, DER_INLINE, DER_INLINE + 1, 300, 519] {
            let der: Vec<u8> = (0..len).map(|at| at.to_le_bytes()[0]).collect();
            assert_eq!(DerSignature::new(&der).as_bytes(), der);
        }
    }

    #[test]
    fn a_key_has_the_length_its_first_byte_says_or_is_none() {
        for (first, len) in [(2, 33), (3, 33), (4, 65), (6, 65), (7, 65)] {
            let mut key = vec![9; len];
            key[0] = first;
            assert_eq!(PublicKey::new(&key).unwrap().as_bytes(), key);
            assert_eq!(PublicKey::new(&key[..len - 1]), None);
            key.push(0);
            assert_eq!(PublicKey::new(&key), None);
        }
        assert_eq!(PublicKey::new(&[]), None);
        assert_eq!(PublicKey::new(&[5; 33]), None);
        assert_eq!(PublicKey::new(&[0]), None);
    }
}
