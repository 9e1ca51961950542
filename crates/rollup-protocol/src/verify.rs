//! Whether what an L1 node answered is what a hash names: header, transactions, receipts, withdrawals.
//!
//! Every object derivation sees is checked here against a hash that was trusted before, so that a node that lies, or answers half,
//! can delay derivation and do nothing else.
//!
//! **Spec:** Yellow Paper, section 4.4.3; EIP-4895; op-node's `sources/types.go`.

use alloy_consensus::Header;
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{B256, Bytes};
use quintet_eth::{block::withdrawals_root, trie::ordered_root};
use thiserror::Error;

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
}
