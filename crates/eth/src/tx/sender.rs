//! Who sent a transaction: the address whose key made the signature.

use alloy_consensus::{EthereumTxEnvelope, crypto::SECP256K1N_HALF};
use alloy_primitives::{Address, B256, Signature, U256, keccak256};
use quintet_crypto::{
    ecdsa_lanes::{PART, RecoverItem, recover_many},
    secp::ecdsa_recover,
};
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

/// Transactions a core takes at once: as many as share an inversion.
const CHUNK: usize = PART;

/// The order of the group.
const ORDER: U256 = U256::from_be_bytes(quintet_crypto::secp::ORDER);

/// Checks the numbers of a signature and puts them in the form recovery takes.
fn recoverable(
    digest: B256,
    signature: &Signature,
    rules: TxRules,
) -> Result<RecoverItem, SenderError> {
    for (part, number) in [("r", signature.r()), ("s", signature.s())] {
        if number.is_zero() || number >= ORDER {
            return Err(SenderError::Range { part });
        }
    }
    if rules >= TxRules::Homestead && signature.s() > SECP256K1N_HALF {
        return Err(SenderError::HighS);
    }
    let mut numbers = [0; 64];
    numbers[..32].copy_from_slice(&signature.r().to_be_bytes::<32>());
    numbers[32..].copy_from_slice(&signature.s().to_be_bytes::<32>());
    Ok(RecoverItem { signature: numbers, odd: signature.v(), message: digest.0 })
}

/// Returns the address of a key: the end of its hash.
fn address_of(key: Option<[u8; 64]>) -> Result<Address, SenderError> {
    let key = key.ok_or(SenderError::NoKey)?;
    Ok(Address::from_word(keccak256(key)))
}

/// Returns the address that made a signature.
fn recover(digest: B256, signature: &Signature, rules: TxRules) -> Result<Address, SenderError> {
    let RecoverItem { signature, odd, message } = recoverable(digest, signature, rules)?;
    address_of(ecdsa_recover(&signature, odd, &message))
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
    recover(transaction.signing_hash(), &signature, rules)
}

/// Returns what was signed and the signature; the sender itself where there is none.
fn signed(transaction: &EthTransaction) -> Result<(B256, &Signature), Address> {
    let signed = match transaction {
        EthTransaction::Deposit(deposit) => return Err(deposit.inner().from),
        EthTransaction::Signed(signed) => signed,
    };
    let digest = match signed {
        EthereumTxEnvelope::Legacy(signed) => signed.signature_hash(),
        EthereumTxEnvelope::Eip2930(signed) => signed.signature_hash(),
        EthereumTxEnvelope::Eip1559(signed) => signed.signature_hash(),
        EthereumTxEnvelope::Eip4844(signed) => signed.signature_hash(),
        EthereumTxEnvelope::Eip7702(signed) => signed.signature_hash(),
    };
    Ok((digest, signed.signature()))
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
    match signed(transaction) {
        Ok((digest, signature)) => recover(digest, signature, rules),
        Err(sender) => Ok(sender),
    }
}

/// Returns who sent each transaction, working on all cores and several signatures at a time.
#[must_use]
pub fn recover_senders(
    transactions: &[EthTransaction],
    rules: TxRules,
) -> Vec<Result<Address, SenderError>> {
    if transactions.len() <= CHUNK {
        return recover_part(transactions, rules);
    }
    transactions.par_chunks(CHUNK).flat_map_iter(|part| recover_part(part, rules)).collect()
}

fn recover_part(
    transactions: &[EthTransaction],
    rules: TxRules,
) -> Vec<Result<Address, SenderError>> {
    let mut items = Vec::with_capacity(transactions.len());
    // What is known without recovery; nothing where the next item is this transaction's.
    let known: Vec<Option<Result<Address, SenderError>>> = transactions
        .iter()
        .map(|transaction| match signed(transaction) {
            Err(sender) => Some(Ok(sender)),
            Ok((digest, signature)) => match recoverable(digest, signature, rules) {
                Err(error) => Some(Err(error)),
                Ok(item) => {
                    items.push(item);
                    None
                }
            },
        })
        .collect();
    let mut keys = recover_many(&items).into_iter();
    let found = |known: Option<_>| known.unwrap_or_else(|| address_of(keys.next().flatten()));
    known.into_iter().map(found).collect()
}
