//! Who signed what: recovered once, in batches over all cores, and remembered for whoever asks next.
//!
//! A transaction's signature is checked when it enters the pool and again when a block brings it. Recovery is what both cost most;
//! what the pool found out the importer need not find out again. The memory is the importer's, seen through [`KnownSenders`].

use alloy_primitives::{Address, B256};
use quintet_eth::tx::{TxRules, recover_senders};

use crate::{
    error::PoolError,
    transaction::{Decoded, Verified},
};

/// Senders by the hashes of their transactions, kept by whoever imports blocks.
///
/// A hash covers the signature, so what is remembered of it stays true.
pub trait KnownSenders {
    /// Returns the sender of a transaction, if it is remembered.
    fn get(&self, hash: &B256) -> Option<Address>;

    /// Remembers a sender.
    fn insert(&self, hash: B256, sender: Address);
}

/// Remembers nothing.
impl KnownSenders for () {
    fn get(&self, _: &B256) -> Option<Address> {
        None
    }

    fn insert(&self, _: B256, _: Address) {}
}

/// Finds the senders of many transactions: remembered, or recovered over all cores, several signatures at a time.
#[must_use]
pub fn verify_all(
    decoded: Vec<Decoded>,
    rules: TxRules,
    known: &dyn KnownSenders,
) -> Vec<Result<Verified, PoolError>> {
    let found: Vec<_> = decoded.iter().map(|one| known.get(&one.hash())).collect();
    let missing: Vec<_> = decoded
        .iter()
        .zip(&found)
        .filter(|(_, found)| found.is_none())
        .map(|(one, _)| one.transaction.clone())
        .collect();
    let mut recovered = recover_senders(&missing, rules).into_iter();
    let verify = |(decoded, found): (Decoded, Option<Address>)| {
        let sender = match found {
            Some(sender) => sender,
            None => match recovered.next() {
                Some(Ok(sender)) => {
                    known.insert(decoded.hash(), sender);
                    sender
                }
                Some(Err(error)) => return Err(PoolError::Sender { reason: error.to_string() }),
                None => return Err(PoolError::Sender { reason: "not recovered".to_owned() }),
            },
        };
        Ok(decoded.with_sender(sender))
    };
    decoded.into_iter().zip(found).map(verify).collect()
}
