//! Who sent a transaction: the address whose key made the signature.

use alloy_consensus::{EthereumTxEnvelope, crypto::SECP256K1N_HALF};
use alloy_primitives::{Address, B256, Signature, U256, keccak256};
use rayon::prelude::*;

use super::{TxRules, envelope::EthTransaction, parse::Parsed};

/// Why a signature is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// `v` of a legacy transaction.
    #[error("signature has v {actual}, expected 27 or 28{}", if *.bound { ", or 35 or more with a chain id" } else { "" })]
    V {
        /// Whether a chain id may be in it.
        bound: bool,
        /// What it is.
        actual: U256,
    },
    /// `r` or `s` is zero or not below the group's order.
    #[error("signature has {part} outside of 1 to the group's order")]
    Range {
        /// Which.
        part: &'static str,
    },
    /// `s` is in the upper half (EIP-2).
    #[error("signature has s above half of the group's order, expected the other of the two")]
    HighS,
    /// No point has this `r`.
    #[error("signature recovers to no key")]
    NoKey,
}

/// Fewest transactions a core takes at once.
const CHUNK: usize = 16;

/// The order of the group.
const ORDER: U256 = U256::from_be_bytes(quintet_crypto::secp::ORDER);

/// Returns the address that made a signature.
fn recover(digest: &B256, signature: &Signature, rules: TxRules) -> Result<Address, SenderError> {
    for (part, number) in [("r", signature.r()), ("s", signature.s())] {
        if number.is_zero() || number >= ORDER {
            return Err(SenderError::Range { part });
        }
    }
    if rules >= TxRules::Homestead && signature.s() > SECP256K1N_HALF {
        return Err(SenderError::HighS);
    }
    let key = signature.recover_from_prehash(digest).map_err(|_| SenderError::NoKey)?;
    let key = key.to_encoded_point(false);
    let hash = keccak256(key.as_bytes().get(1..).unwrap_or_default());
    Ok(Address::from_word(hash))
}

/// Returns the sender of parsed fields.
pub(super) fn recover_parsed(
    transaction: &Parsed<'_>,
    rules: TxRules,
) -> Result<Address, SenderError> {
    if let Some(deposit) = transaction.deposit {
        return Ok(deposit.from);
    }
    let Some(signature) = transaction.signature else { return Err(SenderError::NoKey) };
    let bound = rules >= TxRules::SpuriousDragon;
    let odd = if transaction.kind == 0 {
        match Parsed::legacy_v(signature.v) {
            Some((None, odd)) => odd,
            Some((Some(_), odd)) if bound => odd,
            _ => return Err(SenderError::V { bound, actual: signature.v }),
        }
    } else {
        signature.v.bit(0)
    };
    let signature = Signature::new(signature.r, signature.s, odd);
    recover(&transaction.signing_hash(), &signature, rules)
}

/// Returns who sent a transaction. That a legacy one may name a chain is not asked here: see [`Parsed::check`].
///
/// # Errors
///
/// [`SenderError`] if the signature is nobody's.
pub fn recover_sender(
    transaction: &EthTransaction,
    rules: TxRules,
) -> Result<Address, SenderError> {
    let signed = match transaction {
        EthTransaction::Deposit(deposit) => return Ok(deposit.inner().from),
        EthTransaction::Signed(signed) => signed,
    };
    let digest = match signed {
        EthereumTxEnvelope::Legacy(signed) => signed.signature_hash(),
        EthereumTxEnvelope::Eip2930(signed) => signed.signature_hash(),
        EthereumTxEnvelope::Eip1559(signed) => signed.signature_hash(),
        EthereumTxEnvelope::Eip4844(signed) => signed.signature_hash(),
        EthereumTxEnvelope::Eip7702(signed) => signed.signature_hash(),
    };
    recover(&digest, signed.signature(), rules)
}

/// Returns who sent each transaction, working on all cores.
#[must_use]
pub fn recover_senders(
    transactions: &[EthTransaction],
    rules: TxRules,
) -> Vec<Result<Address, SenderError>> {
    transactions
        .par_iter()
        .with_min_len(CHUNK)
        .map(|transaction| recover_sender(transaction, rules))
        .collect()
}
