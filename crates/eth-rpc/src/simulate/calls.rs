//! Simulated calls: what a client leaves out filled in, checks in go-ethereum's order and words, and the transaction each one would be.

use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction, Signed, TxEip1559, TxEip4844, TxEip7702, TxLegacy,
};
use alloy_primitives::{Signature, U256};
use quintet_eth::{state::Account, tx::EthTransaction};
use quintet_evm::execute::{CallTransaction, TransactionError};

use crate::{
    args::CallArgs,
    error::{EthError, codes},
};

/// Makes the transaction that a call would be, signed by nobody.
pub(super) fn transaction(
    args: &CallArgs,
    call: &CallTransaction,
    chain_id: u64,
) -> EthTransaction {
    let nobody = Signature::new(U256::ZERO, U256::ZERO, false);
    let (nonce, gas_limit, value, input) =
        (call.nonce, call.gas_limit, call.value, call.input.clone());
    let max_fee_per_gas = call.max_fee_per_gas;
    let max_priority_fee_per_gas = call.max_priority_fee_per_gas.unwrap_or_default();
    let access_list = call.access_list.clone();
    let to = call.to.to().copied().unwrap_or_default();
    let signed: EthereumTxEnvelope<TxEip4844> = if args.gas_price.is_some() {
        let (chain_id, gas_price) = (None, call.max_fee_per_gas);
        TxLegacy { chain_id, nonce, gas_price, gas_limit, to: call.to, value, input }
            .into_signed(nobody)
            .into()
    } else if args.authorizations.is_some() {
        let authorization_list = call.authorization_list.clone();
        TxEip7702 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to,
            value,
            access_list,
            authorization_list,
            input,
        }
        .into_signed(nobody)
        .into()
    } else if args.blob_hashes.is_some() {
        let signed: Signed<TxEip4844> = TxEip4844 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to,
            value,
            access_list,
            blob_versioned_hashes: call.blob_hashes.clone(),
            max_fee_per_blob_gas: call.max_fee_per_blob_gas,
            input,
        }
        .into_signed(nobody);
        EthereumTxEnvelope::Eip4844(signed)
    } else {
        TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to: call.to,
            value,
            access_list,
            input,
        }
        .into_signed(nobody)
        .into()
    };
    EthTransaction::Signed(signed)
}

/// What a call meets.
pub(super) struct Meets {
    pub(super) account: Option<Account>,
    pub(super) base_fee: Option<u64>,
    pub(super) blob_price: u128,
    pub(super) validate: bool,
}

/// Checks what go-ethereum checks before it looks at the gas, in its order.
pub(super) fn check(call: &CallTransaction, meets: &Meets) -> Result<(), EthError> {
    let address = call.from.to_checksum(None);
    let fail = |code, reason: String| {
        let gas = call.gas_limit;
        Err(EthError::new(code, format!("err: {reason} (supplied gas {gas})")))
    };
    let nonce = meets.account.map_or(0, |account| account.nonce);
    if meets.validate {
        if call.nonce > nonce {
            let reason =
                format!("nonce too high: address {address}, tx: {} state: {nonce}", call.nonce);
            return fail(codes::NONCE_TOO_HIGH, reason);
        }
        if call.nonce < nonce {
            let reason =
                format!("nonce too low: address {address}, tx: {} state: {nonce}", call.nonce);
            return fail(codes::NONCE_TOO_LOW, reason);
        }
        if nonce == u64::MAX {
            let reason = format!("nonce has max value: address {address}, nonce: {nonce}");
            return fail(quintet_rpc::code::INTERNAL_ERROR, reason);
        }
    }
    let (fee, tip) = (call.max_fee_per_gas, call.max_priority_fee_per_gas.unwrap_or_default());
    if let Some(base_fee) = meets.base_fee
        && (meets.validate || fee > 0 || tip > 0)
    {
        if fee < tip {
            let reason = format!(
                "max priority fee per gas higher than max fee per gas: address {address}, maxPriorityFeePerGas: {tip}, maxFeePerGas: {fee}"
            );
            return fail(quintet_rpc::code::INVALID_PARAMS, reason);
        }
        if fee < u128::from(base_fee) {
            let reason = format!(
                "max fee per gas less than block base fee: address {address}, maxFeePerGas: {fee}, baseFee: {base_fee}"
            );
            return fail(codes::BASE_FEE_TOO_LOW, reason);
        }
    }
    let blob_gas = call.blob_hashes.len() as u64 * alloy_eips::eip4844::DATA_GAS_PER_BLOB;
    if blob_gas > 0
        && (meets.validate || call.max_fee_per_blob_gas > 0)
        && call.max_fee_per_blob_gas < meets.blob_price
    {
        let (fee, price) = (call.max_fee_per_blob_gas, meets.blob_price);
        let reason = format!(
            "max fee per blob gas less than block blob gas fee: address {address} blobGasFeeCap: {fee}, blobBaseFee: {price}"
        );
        return fail(quintet_rpc::code::INTERNAL_ERROR, reason);
    }
    let gas = U256::from(call.gas_limit).saturating_mul(U256::from(fee));
    let blobs = U256::from(blob_gas).saturating_mul(U256::from(call.max_fee_per_blob_gas));
    let want = gas.saturating_add(blobs).saturating_add(call.value);
    let have = meets.account.map_or(U256::ZERO, |account| account.balance);
    if have < want {
        let reason = format!(
            "insufficient funds for gas * price + value: address {address} have {have} want {want}"
        );
        return fail(codes::INSUFFICIENT_FUNDS, reason);
    }
    Ok(())
}

/// Says why the interpreter would not run a call.
pub(super) fn refused(error: &TransactionError, gas: u64) -> EthError {
    use TransactionError as E;
    let code = match error {
        E::IntrinsicGas { .. } => codes::INTRINSIC_GAS,
        E::NonceTooLow { .. } => codes::NONCE_TOO_LOW,
        E::NonceTooHigh { .. } => codes::NONCE_TOO_HIGH,
        E::Funds { .. } => codes::INSUFFICIENT_FUNDS,
        E::FeeBelowBaseFee => codes::BASE_FEE_TOO_LOW,
        E::SenderHasCode => codes::SENDER_CODE,
        E::InitcodeTooLong => codes::INITCODE,
        E::BlockGas { .. } => codes::BLOCK_GAS_LIMIT,
        E::TipAboveFee => quintet_rpc::code::INVALID_PARAMS,
        E::TypeNotSupported { .. }
        | E::WrongChain { .. }
        | E::DataGas { .. }
        | E::GasCap { .. }
        | E::NonceMax
        | E::CostOverflow
        | E::BlobFee { .. }
        | E::BlobCreate
        | E::NoBlobs
        | E::TooManyBlobs { .. }
        | E::BlobVersion
        | E::NoAuthorizations
        | E::SystemDeposit
        | E::Other { .. } => quintet_rpc::code::INTERNAL_ERROR,
    };
    let told = EthError::from(error).message;
    EthError::new(code, format!("err: {told} (supplied gas {gas})"))
}
