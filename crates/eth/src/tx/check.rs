//! What a fork allows a transaction to be, whatever the state it meets.

use alloy_primitives::{Address, B256, U256};

use super::{
    TxRules,
    envelope::DEPOSIT_TYPE,
    intrinsic::{IntrinsicGas, intrinsic_gas},
    parse::Parsed,
    sender::{SenderError, recover_parsed},
};

/// Most bytes of code that makes a contract (EIP-3860).
const INITCODE_MAX: usize = 49_152;
/// Most gas of a transaction (EIP-7825).
const GAS_LIMIT_MAX: u64 = 1 << 24;
/// Most blobs of a transaction (EIP-7594).
const BLOBS_MAX: usize = 6;
/// First byte of a blob's hash made with KZG commitments (EIP-4844).
const BLOB_VERSION: u8 = 1;

/// What a chain sets for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The chain's id.
    pub chain_id: u64,
    /// Most bytes of code that makes a contract, from Shanghai on.
    pub initcode_bytes_max: usize,
}

impl Limits {
    /// Ethereum's, with this chain id.
    #[must_use]
    pub const fn of_chain(chain_id: u64) -> Self {
        Self { chain_id, initcode_bytes_max: INITCODE_MAX }
    }
}

/// Why a fork does not allow a transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// A type the fork does not know.
    #[error("transaction type {kind} is not known before {since:?}")]
    Type {
        /// The type.
        kind: u8,
        /// Who brought it.
        since: TxRules,
    },
    /// Signed for another chain.
    #[error("transaction is for chain {actual}, expected {expected}")]
    ChainId {
        /// This chain.
        expected: u64,
        /// What the signature says.
        actual: U256,
    },
    /// EIP-2681: such a nonce could not be followed.
    #[error("nonce is 2^64 - 1, expected less")]
    NonceMax,
    /// The gas, at its highest price, costs more than a balance can be.
    #[error("gas limit {gas_limit} at {max_fee} wei is above 2^256 wei")]
    CostOverflow {
        /// The gas limit.
        gas_limit: u64,
        /// Wei for each gas.
        max_fee: U256,
    },
    /// EIP-1559: the part cannot be more than the whole.
    #[error("max priority fee per gas {priority} is above max fee per gas {max_fee}")]
    PriorityFee {
        /// Wei for each gas, for the proposer.
        priority: U256,
        /// Wei for each gas.
        max_fee: U256,
    },
    /// Less gas than is used before it runs, or at least.
    #[error("gas limit {actual} is below the {expected} that the transaction uses at least")]
    IntrinsicGas {
        /// The least.
        expected: u64,
        /// The gas limit.
        actual: u64,
    },
    /// EIP-7825.
    #[error("gas limit {actual} is above {GAS_LIMIT_MAX}, the most of one transaction")]
    GasLimit {
        /// The gas limit.
        actual: u64,
    },
    /// EIP-3860.
    #[error("code that makes a contract has {actual} bytes, expected at most {expected}")]
    InitcodeLength {
        /// Most bytes.
        expected: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// EIP-4844: nothing to carry, or, EIP-7594, too much.
    #[error("transaction carries {actual} blobs, expected 1 to {expected}")]
    Blobs {
        /// Most blobs.
        expected: usize,
        /// Blobs there are.
        actual: usize,
    },
    /// EIP-4844.
    #[error("blob hash {actual} begins with another version than 1")]
    BlobVersion {
        /// The hash.
        actual: B256,
    },
    /// EIP-7702.
    #[error("authorization list is empty, expected one authorization at least")]
    NoAuthorization,
    /// The signature is none.
    #[error(transparent)]
    Sender(#[from] SenderError),
}

/// A transaction its fork allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// The transaction's hash.
    pub hash: B256,
    /// Who sent it.
    pub sender: Address,
    /// What it costs before it runs.
    pub intrinsic_gas: IntrinsicGas,
}

impl Parsed<'_> {
    /// Checks all that the rules say without looking at the state, and recovers the sender.
    ///
    /// # Errors
    ///
    /// [`CheckError`], naming the first rule that is broken.
    pub fn check(&self, rules: TxRules, limits: &Limits) -> Result<Checked, CheckError> {
        let intrinsic_gas = self.check_unsigned(rules, limits)?;
        let sender = recover_parsed(self, rules)?;
        Ok(Checked { hash: self.hash(), sender, intrinsic_gas })
    }

    /// Checks all but the signature.
    ///
    /// # Errors
    ///
    /// [`CheckError`], naming the first rule that is broken.
    pub fn check_unsigned(
        &self,
        rules: TxRules,
        limits: &Limits,
    ) -> Result<IntrinsicGas, CheckError> {
        let since = match self.kind {
            1 => TxRules::Berlin,
            2 => TxRules::London,
            3 => TxRules::Cancun,
            4 => TxRules::Prague,
            _ => TxRules::Frontier,
        };
        if rules < since {
            return Err(CheckError::Type { kind: self.kind, since });
        }
        let intrinsic = intrinsic_gas(self, rules);
        if self.kind == DEPOSIT_TYPE {
            return Ok(intrinsic);
        }
        if let Some(actual) = self.signed_chain_id()
            && rules >= TxRules::SpuriousDragon
            && actual != U256::from(limits.chain_id)
        {
            return Err(CheckError::ChainId { expected: limits.chain_id, actual });
        }
        self.check_numbers(rules, limits, intrinsic)?;
        self.check_lists(rules)?;
        Ok(intrinsic)
    }

    fn check_numbers(
        &self,
        rules: TxRules,
        limits: &Limits,
        intrinsic: IntrinsicGas,
    ) -> Result<(), CheckError> {
        let (gas_limit, max_fee) = (self.gas_limit, self.max_fee);
        if self.nonce == u64::MAX {
            return Err(CheckError::NonceMax);
        }
        if max_fee.checked_mul(U256::from(gas_limit)).is_none() {
            return Err(CheckError::CostOverflow { gas_limit, max_fee });
        }
        if let Some(priority) = self.priority_fee.filter(|priority| *priority > max_fee) {
            return Err(CheckError::PriorityFee { priority, max_fee });
        }
        if gas_limit < intrinsic.required() {
            let expected = intrinsic.required();
            return Err(CheckError::IntrinsicGas { expected, actual: gas_limit });
        }
        if rules >= TxRules::Osaka && gas_limit > GAS_LIMIT_MAX {
            return Err(CheckError::GasLimit { actual: gas_limit });
        }
        let actual = self.data.len();
        let expected = limits.initcode_bytes_max;
        if self.to.is_none() && rules >= TxRules::Shanghai && actual > expected {
            return Err(CheckError::InitcodeLength { expected, actual });
        }
        Ok(())
    }

    fn check_lists(&self, rules: TxRules) -> Result<(), CheckError> {
        if self.kind == 3 {
            let expected = if rules >= TxRules::Osaka { BLOBS_MAX } else { usize::MAX };
            let actual = self.blob_hashes.len();
            if actual == 0 || actual > expected {
                return Err(CheckError::Blobs { expected, actual });
            }
            if let Some(actual) = self.blob_hashes.iter().find(|hash| hash[0] != BLOB_VERSION) {
                return Err(CheckError::BlobVersion { actual: *actual });
            }
        }
        if self.kind == 4 && self.authorizations.is_empty() {
            return Err(CheckError::NoAuthorization);
        }
        Ok(())
    }
}
