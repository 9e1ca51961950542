//! Signature checks as values: what a script asks of the curve, and who answers when.
//!
//! A script needs an answer at once, but the answer is nearly always yes, and the work is best done in
//! batches on every core. So a check is a self-contained item, and the [`SignatureChecker`] chooses:
//!
//! ```text
//!   interpreter ── SignatureCheck ──► Immediate   verifies now
//!                                ├──► Cached      verifies now what was not verified before
//!                                └──► Deferred    says yes and keeps the item ──► settle() on any core
//! ```
//!
//! # What saying yes may mean
//!
//! A script may go on after an invalid signature (`OP_CHECKSIG OP_NOT`), and a key that is no point fails
//! it. So a deferred yes is a guess: if an item proves invalid, or the script fails after a guess, the input
//! is run again with [`Immediate`]. [`Deferred::verify`] does the second; its caller owes the first.
//! `OP_CHECKMULTISIG` tries keys in turn and needs the true answers, unless there are as many signatures as
//! keys: then each signature has one key to match, and yes to all is a guess like any other.

use quintet_crypto::{schnorr_batch::Batch, secp};

use super::{ScriptError, Spent, TxContext, verify_input};

/// Fewest Schnorr signatures that are faster verified together.
const BATCH_MIN: usize = 10;

/// Most Schnorr signatures verified together; some 400 bytes each.
const BATCH_MAX: usize = 4_096;

/// The order of secp256k1's group, big-endian.
const GROUP_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

/// One thing a script asks of the curve.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SignatureCheck {
    /// A BIP-0340 signature.
    Schnorr {
        /// The signature without its hash type.
        signature: [u8; 64],
        /// The X coordinate of the key it should be of.
        public_key: [u8; 32],
        /// What it should sign.
        message: [u8; 32],
    },
    /// An ECDSA signature, R then S; a high S is invalid.
    Ecdsa {
        /// The signature without its hash type.
        signature: [u8; 64],
        /// The compressed key it should be of.
        public_key: [u8; 33],
        /// What it should sign.
        message: [u8; 32],
    },
}

/// The answer to a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The signature is valid.
    Valid,
    /// The signature is not valid.
    Invalid,
    /// The key is no point of the curve, which fails the script.
    BadKey,
    /// A number of the signature is too high, which fails the script.
    BadSignature,
}

impl SignatureCheck {
    /// Does the work.
    #[must_use]
    pub fn verify(&self) -> Verdict {
        match self {
            Self::Schnorr { signature, public_key, message } => {
                if secp::schnorr_verify(signature, public_key, message) {
                    Verdict::Valid
                } else if secp::is_x_only_public_key(public_key) {
                    Verdict::Invalid
                } else {
                    Verdict::BadKey
                }
            }
            Self::Ecdsa { signature, public_key, message } => {
                let (r, s) = signature.split_at(32);
                if secp::ecdsa_verify_compact(signature, public_key, message) {
                    Verdict::Valid
                } else if !secp::is_public_key(public_key) {
                    Verdict::BadKey
                } else if r >= &GROUP_ORDER[..] || s >= &GROUP_ORDER[..] {
                    Verdict::BadSignature
                } else {
                    Verdict::Invalid
                }
            }
        }
    }
}

/// Remembers which checks were found valid. Shared by the threads that verify.
pub trait SignatureCache: Sync {
    /// Returns whether the check is known to be valid.
    fn contains(&self, check: &SignatureCheck) -> bool;

    /// Remembers that the check is valid.
    fn insert(&self, check: &SignatureCheck);
}

/// Answers the checks of a script.
pub trait SignatureChecker {
    /// Answers a check. A guess must be [`Verdict::Valid`], and whoever guesses must see to it that it is
    /// made good.
    fn check(&mut self, check: SignatureCheck) -> Verdict;

    /// Answers a check whose true answer decides how the script goes on. Never a guess.
    fn check_exact(&mut self, check: SignatureCheck) -> Verdict {
        check.verify()
    }
}

/// Verifies every check at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Immediate;

impl SignatureChecker for Immediate {
    fn check(&mut self, check: SignatureCheck) -> Verdict {
        check.verify()
    }
}

/// Verifies every check at once that was not verified before.
#[derive(Clone, Copy)]
pub struct Cached<'c>(pub &'c dyn SignatureCache);

impl core::fmt::Debug for Cached<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Cached")
    }
}

impl SignatureChecker for Cached<'_> {
    fn check(&mut self, check: SignatureCheck) -> Verdict {
        if self.0.contains(&check) {
            return Verdict::Valid;
        }
        let verdict = check.verify();
        if verdict == Verdict::Valid {
            self.0.insert(&check);
        }
        verdict
    }

    fn check_exact(&mut self, check: SignatureCheck) -> Verdict {
        self.check(check)
    }
}

/// Says yes to every check and keeps it for later.
///
/// Holds what the inputs run through it ask: at most one item for each signature operation.
///
/// ```
/// # use quintet_kaspa_protocol::script::{Deferred, Immediate, ScriptError, TxContext, verify_input};
/// # fn example(context: &TxContext<'_>) -> Result<(), ScriptError> {
/// let mut deferred = Deferred::default();
/// deferred.verify(context, 0)?;
/// // Any time later:
/// if !deferred.settle() {
///     verify_input(context, 0, &mut Immediate)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Deferred<'c> {
    checks: Vec<SignatureCheck>,
    cache: Option<&'c dyn SignatureCache>,
}

impl core::fmt::Debug for Deferred<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Deferred").field("checks", &self.checks).finish_non_exhaustive()
    }
}

impl SignatureChecker for Deferred<'_> {
    fn check(&mut self, check: SignatureCheck) -> Verdict {
        if !self.cache.is_some_and(|cache| cache.contains(&check)) {
            self.checks.push(check);
        }
        Verdict::Valid
    }

    fn check_exact(&mut self, check: SignatureCheck) -> Verdict {
        match self.cache {
            Some(cache) => Cached(cache).check(check),
            None => check.verify(),
        }
    }
}

impl<'c> Deferred<'c> {
    /// Makes one that keeps no check `cache` knows to be valid, and tells it what it finds to be.
    #[must_use]
    pub const fn with_cache(cache: &'c dyn SignatureCache) -> Self {
        Self { checks: Vec::new(), cache: Some(cache) }
    }

    /// Runs an input, keeping its checks behind those already held.
    ///
    /// On success the input is valid if every kept check is; if one is not, the answer of [`verify_input`]
    /// with [`Immediate`] holds. A failure is final: where a guess may have caused it the input has been run
    /// again, and its checks are not kept.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] if the input is invalid.
    pub fn verify(&mut self, context: &TxContext<'_>, input: usize) -> Result<Spent, ScriptError> {
        let before = self.checks.len();
        let result = verify_input(context, input, self);
        let Err(error) = result else { return result };
        let guessed = self.checks.len() > before;
        self.checks.truncate(before);
        if guessed { verify_input(context, input, &mut Immediate) } else { Err(error) }
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

    /// Verifies the checks held and returns whether all are valid; then the cache knows them and none is
    /// held any more. If one is not, all are still held.
    pub fn settle(&mut self) -> bool {
        let valid = are_all_valid(&self.checks);
        if valid {
            if let Some(cache) = self.cache {
                self.checks.iter().for_each(|check| cache.insert(check));
            }
            self.checks.clear();
        }
        valid
    }
}

/// Returns whether every check is valid, verifying Schnorr signatures together.
#[must_use]
pub fn are_all_valid(checks: &[SignatureCheck]) -> bool {
    checks.chunks(BATCH_MAX).all(|checks| {
        if checks.len() < BATCH_MIN {
            return checks.iter().all(|check| check.verify() == Verdict::Valid);
        }
        let mut batch = Batch::new();
        let ecdsa = checks.iter().all(|check| match check {
            SignatureCheck::Schnorr { signature, public_key, message } => {
                batch.add_signature(signature, public_key, message);
                true
            }
            SignatureCheck::Ecdsa { .. } => check.verify() == Verdict::Valid,
        });
        ecdsa && batch.verify()
    })
}
