//! Certificates: votes of more than two thirds of the stake for one link.
//!
//! A certificate stands alone. Its signers are more than a third of the stake even without all faulty ones, so one honest validator
//! among them knew the source to be justified. A certificate whose target is in the slot after its source's makes the source final.

use alloy_rlp::{RlpDecodable, RlpEncodable};

use crate::{
    params::Params,
    signature::{self, Signature},
    validator::ValidatorSet,
    vote::{Checkpoint, Vote},
};

/// One validator's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Signed {
    /// Index of the validator.
    pub validator: u16,
    /// Its signature.
    pub signature: Signature,
}

/// Votes of more than two thirds of the stake for one link.
#[derive(Debug, Clone, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Certificate {
    /// The link.
    pub vote: Vote,
    /// Who voted for it, by rising index.
    pub signed: Vec<Signed>,
}

/// Why a certificate is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It does not lead forward.
    #[error("expected a source before the target in slot {target}, got one in slot {origin}")]
    Order {
        /// The source's slot.
        origin: u64,
        /// The target's slot.
        target: u64,
    },
    /// Validators are not in their order, or unknown.
    #[error("validator {actual} of the certificate is unknown, or not after the one before it")]
    Index {
        /// Its index.
        actual: u16,
    },
    /// A signature is not its validator's.
    #[error("the signature of validator {validator} is not its own")]
    Signature {
        /// Its index.
        validator: u16,
    },
    /// Too few voted.
    #[error("expected more than two thirds of {total} gwei of stake, got {actual}")]
    Stake {
        /// Stake of all.
        total: u64,
        /// Stake of those who voted.
        actual: u64,
    },
}

/// A certificate whose signatures were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedCertificate(Certificate);

impl Certificate {
    /// Checks the signatures. Costs one recovery for each; the cheap checks come first.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] for the first thing that is wrong.
    pub fn check(
        self,
        params: &Params,
        set: &ValidatorSet,
    ) -> Result<CheckedCertificate, CertificateError> {
        let (source, target) = (self.vote.source.slot, self.vote.target.slot);
        if source >= target {
            return Err(CertificateError::Order { origin: source, target });
        }
        let mut stake: u64 = 0;
        let mut before = None;
        for Signed { validator, .. } in &self.signed {
            let index = usize::from(*validator);
            if index >= set.len() || before.is_some_and(|before| before >= index) {
                return Err(CertificateError::Index { actual: *validator });
            }
            before = Some(index);
            stake = stake.saturating_add(set.stake(index));
        }
        if !set.is_quorum(stake) {
            return Err(CertificateError::Stake { total: set.total(), actual: stake });
        }
        let digest = self.vote.digest(params);
        for Signed { validator, signature } in &self.signed {
            let expected = set.get(usize::from(*validator)).map(|one| one.address);
            if signature::recover(signature, &digest) != expected {
                return Err(CertificateError::Signature { validator: *validator });
            }
        }
        Ok(CheckedCertificate(self))
    }

    /// Returns the checkpoint that it makes final, if it does.
    #[must_use]
    pub fn finalises(&self) -> Option<Checkpoint> {
        let Vote { source, target } = self.vote;
        (source.slot.checked_add(1) == Some(target.slot)).then_some(source)
    }
}

impl CheckedCertificate {
    /// Puts together what votes that were checked say.
    pub(crate) const fn of_checked_votes(certificate: Certificate) -> Self {
        Self(certificate)
    }

    /// The certificate.
    #[must_use]
    pub const fn get(&self) -> &Certificate {
        &self.0
    }
}
