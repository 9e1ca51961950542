//! Whether what an L1 node answered is what a hash names: header, transactions, receipts, withdrawals, a slot of a contract.
//!
//! Every object derivation sees is checked here against a hash that was trusted before, so that a node that lies, or answers half,
//! can delay derivation and do nothing else.
//!
//! **Spec:** Yellow Paper, section 4.4.3; EIP-4895; op-node's `sources/types.go`.

use alloy_consensus::Header;
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use quintet_eth::{
    block::withdrawals_root,
    trie::{ordered_root, verify_proof},
};
use thiserror::Error;

use crate::rlp::{Items, RlpError};

/// What is not what its hash names: ask somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The header's fields.
    #[error("L1 header: expected hash {expected}, got {actual}")]
    Header {
        /// The hash asked for.
        expected: B256,
        /// The hash of what came.
        actual: B256,
    },
    /// The transactions.
    #[error("L1 transactions: expected root {expected}, got {actual}")]
    Transactions {
        /// The header's root.
        expected: B256,
        /// The root of what came.
        actual: B256,
    },
    /// The receipts.
    #[error("L1 receipts: expected root {expected}, got {actual}")]
    Receipts {
        /// The header's root.
        expected: B256,
        /// The root of what came.
        actual: B256,
    },
    /// The withdrawals.
    #[error("L1 withdrawals: expected root {expected:?}, got {actual:?}")]
    Withdrawals {
        /// The header's root, if it has one.
        expected: Option<B256>,
        /// The root of what came, if anything came.
        actual: Option<B256>,
    },
    /// The state.
    #[error("L1 state: expected a proof of {what} under root {root}, got one that does not hold")]
    State {
        /// Of what.
        what: &'static str,
        /// The root it must lead to.
        root: B256,
    },
}

/// Checks a header against its hash.
///
/// # Errors
///
/// [`VerifyError::Header`].
pub fn header(header: &Header, expected: B256) -> Result<(), VerifyError> {
    let actual = header.hash_slow();
    if actual == expected { Ok(()) } else { Err(VerifyError::Header { expected, actual }) }
}

/// Checks all transactions of a block, EIP-2718 encoded, against the header's root.
///
/// # Errors
///
/// [`VerifyError::Transactions`].
pub fn transactions(raw: &[Bytes], expected: B256) -> Result<(), VerifyError> {
    let actual = ordered_root(raw);
    if actual == expected { Ok(()) } else { Err(VerifyError::Transactions { expected, actual }) }
}

/// Checks all receipts of a block, EIP-2718 encoded, against the header's root.
///
/// # Errors
///
/// [`VerifyError::Receipts`].
pub fn receipts(raw: &[Bytes], expected: B256) -> Result<(), VerifyError> {
    let actual = ordered_root(raw);
    if actual == expected { Ok(()) } else { Err(VerifyError::Receipts { expected, actual }) }
}

/// Checks all withdrawals of a block against the header's root. Neither has any before Shanghai.
///
/// # Errors
///
/// [`VerifyError::Withdrawals`].
pub fn withdrawals(
    withdrawals: Option<&[Withdrawal]>,
    expected: Option<B256>,
) -> Result<(), VerifyError> {
    let actual = withdrawals.map(withdrawals_root);
    if actual == expected { Ok(()) } else { Err(VerifyError::Withdrawals { expected, actual }) }
}

/// Returns what a contract keeps in a slot, by the proofs of its account and of the slot. Where there is no such contract, or nothing in the
/// slot, it is zero.
///
/// # Errors
///
/// [`VerifyError::State`] if a proof does not hold.
///
/// **Spec:** EIP-1186.
pub fn storage(
    state_root: B256,
    (contract, slot): (Address, B256),
    account_proof: &[Bytes],
    slot_proof: &[Bytes],
) -> Result<B256, VerifyError> {
    let bad = |what, root| VerifyError::State { what, root };
    let of_account = bad("an account", state_root);
    let account = verify_proof(state_root, keccak256(contract).as_slice(), account_proof)
        .map_err(|_| of_account)?;
    let Some(account) = account else { return Ok(B256::ZERO) };
    let storage_root = storage_root(&account).map_err(|_| of_account)?;
    let of_slot = bad("a slot", storage_root);
    let value =
        verify_proof(storage_root, keccak256(slot).as_slice(), slot_proof).map_err(|_| of_slot)?;
    let Some(value) = value else { return Ok(B256::ZERO) };
    // A number, as RLP writes it.
    let number: alloy_primitives::U256 = alloy_rlp::decode_exact(&value).map_err(|_| of_slot)?;
    Ok(number.into())
}

/// The third field of an account: nonce, balance, root of the storage, hash of the code.
fn storage_root(account: &[u8]) -> Result<B256, RlpError> {
    let mut fields = Items::of_list(account)?;
    fields.string()?;
    fields.string()?;
    Ok(fields.array::<32>()?.into())
}

#[cfg(test)]
mod tests {
    use alloy_consensus::constants::{EMPTY_ROOT_HASH, EMPTY_WITHDRAWALS};

    use super::*;

    #[test]
    fn nothing_has_the_empty_root() {
        assert_eq!(transactions(&[], EMPTY_ROOT_HASH), Ok(()));
        assert_eq!(receipts(&[], EMPTY_ROOT_HASH), Ok(()));
        assert_eq!(withdrawals(Some(&[]), Some(EMPTY_WITHDRAWALS)), Ok(()));
        assert_eq!(withdrawals(None, None), Ok(()));
    }

    #[test]
    fn what_is_missing_or_more_is_found() {
        let one = [Bytes::from(vec![0xc0])];
        assert!(matches!(
            transactions(&one, EMPTY_ROOT_HASH),
            Err(VerifyError::Transactions { .. })
        ));
        assert!(matches!(receipts(&one, EMPTY_ROOT_HASH), Err(VerifyError::Receipts { .. })));
        assert!(withdrawals(None, Some(EMPTY_WITHDRAWALS)).is_err());
        assert!(matches!(header(&Header::default(), B256::ZERO), Err(VerifyError::Header { .. })));
    }

    /// A trie of one entry; returns its root and the proof.
    fn trie(key: &[u8], value: &[u8]) -> (B256, Vec<Bytes>) {
        use quintet_eth::trie::{EMPTY_ROOT, Entry, MemoryNodes, NodeUpdate, prove, update};
        let hashed = keccak256(key);
        let entries = [Entry { key: hashed.as_slice(), value }];
        let mut nodes = MemoryNodes::default();
        let updated = update::<_, Vec<NodeUpdate>>(&nodes, EMPTY_ROOT, &entries).unwrap();
        nodes.apply(updated.nodes);
        let (proof, _) = prove(&nodes, updated.root, hashed.as_slice()).unwrap();
        (updated.root, proof)
    }

    #[test]
    fn a_slot_is_believed_by_its_proofs_and_by_nothing_else() {
        let (contract, slot) = (Address::repeat_byte(7), B256::repeat_byte(3));
        let value = Address::repeat_byte(9).into_word();
        let written = alloy_rlp::encode(alloy_primitives::U256::from_be_bytes(value.0));
        let (storage_root, slot_proof) = trie(slot.as_slice(), &written);
        let mut fields = Vec::new();
        for field in [&[1_u8][..], &[5], storage_root.as_slice(), B256::ZERO.as_slice()] {
            alloy_rlp::Encodable::encode(field, &mut fields);
        }
        let mut account = Vec::new();
        alloy_rlp::Header { list: true, payload_length: fields.len() }.encode(&mut account);
        account.extend_from_slice(&fields);
        let (state_root, account_proof) = trie(contract.as_slice(), &account);
        let read = |slot, accounts: &[Bytes], slots: &[Bytes]| {
            storage(state_root, (contract, slot), accounts, slots)
        };
        assert_eq!(read(slot, &account_proof, &slot_proof), Ok(value));
        // The same nodes show that another slot is empty.
        assert_eq!(read(B256::repeat_byte(4), &account_proof, &slot_proof), Ok(B256::ZERO));
        assert!(read(slot, &account_proof, &[]).is_err());
        assert!(read(slot, &[], &slot_proof).is_err());
        assert!(read(slot, &slot_proof, &account_proof).is_err());
        // Nor is there another contract.
        let elsewhere = (Address::repeat_byte(8), slot);
        assert_eq!(storage(state_root, elsewhere, &account_proof, &[]), Ok(B256::ZERO));
    }
}
