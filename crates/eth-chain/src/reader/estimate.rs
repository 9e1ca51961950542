//! How much gas a call needs.

use alloy_primitives::{Bytes, U256};
use quintet_eth::state::StateView as _;
use quintet_evm::execute::{CallTransaction, Called, Ending, Halt, TransactionError};

use super::Simulator;
use crate::error::ChainError;

/// A result this close to what is needed is good enough: 1.5 %, go-ethereum's `estimateGasErrorRatio`.
const CLOSE_PER_MILLE: u64 = 15;

/// Gas of a transfer between two keys.
const TRANSFER_GAS: u64 = 21_000;

/// Why no gas is enough.
#[derive(Debug, thiserror::Error)]
pub enum EstimateError {
    /// It reverts with all the gas there is.
    #[error("execution reverted")]
    Reverted {
        /// What it says.
        output: Bytes,
    },
    /// It fails with all the gas there is, for a reason that is not gas.
    #[error("{0}")]
    Halted(Halt),
    /// All the gas there is, or that can be paid for, is not enough.
    #[error("gas required exceeds allowance ({allowance})")]
    Allowance {
        /// The gas there is.
        allowance: u64,
    },
    /// The sender cannot pay for what it sends, whatever the gas.
    #[error("insufficient funds for transfer")]
    Funds,
    /// The chain failed, or the call cannot be run at all.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl Simulator {
    /// Returns the least gas limit, or one close above it, with which a call ends well. `cap` bounds it; the call's own limit does
    /// if it is not zero, and so does what the sender can pay for.
    ///
    /// Cost: the call, run some ten times.
    ///
    /// **Spec:** go-ethereum, `eth/gasestimator`.
    ///
    /// # Errors
    ///
    /// [`EstimateError`] if no gas is enough.
    pub fn estimate_gas(&self, call: &CallTransaction, cap: u64) -> Result<u64, EstimateError> {
        let mut most =
            if call.gas_limit >= TRANSFER_GAS { call.gas_limit } else { self.header.gas_limit };
        most = most.min(self.affordable(call)?.unwrap_or(u64::MAX)).min(cap);
        if self.is_transfer(call)? && most >= TRANSFER_GAS {
            let plain = self.with_gas(call, TRANSFER_GAS)?;
            if plain.is_some_and(|called| called.is_success()) {
                return Ok(TRANSFER_GAS);
            }
        }
        let called =
            self.with_gas(call, most)?.ok_or(EstimateError::Allowance { allowance: most })?;
        match called.ending {
            Ending::Returned { .. } => {}
            Ending::Reverted { output } => return Err(EstimateError::Reverted { output }),
            Ending::Halted(Halt::OutOfGas) => {
                return Err(EstimateError::Allowance { allowance: most });
            }
            Ending::Halted(halt) => return Err(EstimateError::Halted(halt)),
        }
        self.narrow(call, called.gas_used, called.gas_peak, most)
    }

    /// Halves the gap between what is not enough and what is.
    fn narrow(
        &self,
        call: &CallTransaction,
        used: u64,
        peak: u64,
        mut enough: u64,
    ) -> Result<u64, EstimateError> {
        let mut too_little = used.saturating_sub(1);
        // Often what it takes is its peak, and of each call inside a 64th kept back.
        let guess = peak.saturating_add(2_300).saturating_mul(64) / 63;
        if guess < enough {
            match self.is_enough(call, guess)? {
                true => enough = guess,
                false => too_little = guess,
            }
        }
        while too_little + 1 < enough {
            if (enough - too_little).saturating_mul(1_000) / enough.max(1) < CLOSE_PER_MILLE {
                break;
            }
            // Needs are mostly near the low end.
            let middle = too_little.midpoint(enough).min(too_little.saturating_mul(2).max(1));
            match self.is_enough(call, middle)? {
                true => enough = middle,
                false => too_little = middle,
            }
        }
        Ok(enough)
    }

    fn is_enough(&self, call: &CallTransaction, gas_limit: u64) -> Result<bool, EstimateError> {
        Ok(self.with_gas(call, gas_limit)?.is_some_and(|called| called.is_success()))
    }

    /// Runs the call with this gas; `None` if that does not even pay for its data.
    fn with_gas(
        &self,
        call: &CallTransaction,
        gas_limit: u64,
    ) -> Result<Option<Called>, EstimateError> {
        let call = CallTransaction { gas_limit, ..call.clone() };
        match self.call(&call, None) {
            Ok(called) => Ok(Some(called)),
            Err(ChainError::Refused(
                TransactionError::IntrinsicGas { .. } | TransactionError::DataGas { .. },
            )) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the gas that the sender can pay for; `None` if the call pays nothing.
    fn affordable(&self, call: &CallTransaction) -> Result<Option<u64>, EstimateError> {
        if call.max_fee_per_gas == 0 {
            return Ok(None);
        }
        let overridden = self.overrides.get(&call.from).and_then(|account| account.balance);
        let balance = match overridden {
            Some(balance) => balance,
            None => {
                let account = self.state.account(call.from).map_err(ChainError::State)?;
                account.map_or(U256::ZERO, |account| account.balance)
            }
        };
        let blobs =
            U256::from(call.blob_hashes.len()) * U256::from(alloy_eips::eip4844::DATA_GAS_PER_BLOB);
        let blobs = blobs.saturating_mul(U256::from(call.max_fee_per_blob_gas));
        let left = balance.checked_sub(call.value).and_then(|left| left.checked_sub(blobs));
        let left = left.ok_or(EstimateError::Funds)?;
        Ok(Some((left / U256::from(call.max_fee_per_gas)).saturating_to()))
    }

    /// Whether the call only moves value to an account without code.
    fn is_transfer(&self, call: &CallTransaction) -> Result<bool, ChainError> {
        let Some(to) = call.to.to() else { return Ok(false) };
        if !call.input.is_empty()
            || !call.authorization_list.is_empty()
            || !call.access_list.is_empty()
        {
            return Ok(false);
        }
        if self.overrides.get(to).is_some_and(|account| account.code.is_some()) {
            return Ok(false);
        }
        let account = self.state.account(*to)?;
        let none = alloy_primitives::KECCAK256_EMPTY;
        Ok(account.is_none_or(|account| account.code_hash == none))
    }
}
