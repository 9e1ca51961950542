//! Sending and signing for accounts whose keys a development chain has, or that are played.

use alloy_consensus::{TxEip1559, TxEip2930, TxEip7702, TxLegacy, TypedTransaction};
use alloy_primitives::{Address, Bytes, TxKind, keccak256};
use quintet_eth::state::StateView as _;
use quintet_eth_pool::{Origin, Verified};
use serde_json::{Value, json};

use super::DevControls;
use crate::{
    answer::Answer,
    args::{Args, BlockId, BlockOverrides, CallArgs, StateOverrides},
    error::{EthError, EthResult},
    json::data,
    methods::{Prepared, state_error},
    node::{EthNode, Named as _},
};

/// Addresses the node has keys of.
pub(crate) fn accounts(node: &EthNode, _: &Args) -> EthResult<Answer> {
    Ok(json!(node.dev().map(|dev| dev.accounts()).unwrap_or_default()).into())
}

fn unknown(node: &EthNode) -> EthError {
    match node.dev() {
        Some(_) => EthError::server("No Signer available"),
        None => EthError::server("unknown account: the node has no keys, send signed transactions"),
    }
}

/// **Spec:** EIP-191, version `0x45`.
pub(crate) fn sign(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let (account, message): (Address, Bytes) = (args.required(0)?, args.required(1)?);
    let mut text = format!("\u{19}Ethereum Signed Message:\n{}", message.len()).into_bytes();
    text.extend_from_slice(&message);
    let signature = node.dev().and_then(|dev| dev.sign_digest(account, keccak256(text)));
    let signature = signature.ok_or_else(|| unknown(node))?;
    Ok(data(&signature.as_bytes()).into())
}

/// Fills in what a client left out.
fn filled(node: &EthNode, args: &CallArgs, from: Address) -> EthResult<TypedTransaction> {
    let reader = node.reader()?;
    let nonce = match args.nonce {
        Some(nonce) => nonce,
        None => {
            let account = reader.state().account(from).map_err(state_error)?;
            let pending = node.pool.pool().next_nonce(&from);
            pending.unwrap_or_default().max(account.map_or(0, |account| account.nonce))
        }
    };
    let args = CallArgs { nonce: Some(nonce), from: Some(from), ..args.clone() };
    let (accounts, fields) = (StateOverrides::default(), BlockOverrides::default());
    let Prepared { simulator, call } =
        Prepared::new(node, &reader, &args, BlockId::Latest, accounts, fields)?;
    let gas_limit = match args.gas {
        Some(gas) => gas,
        None => simulator.estimate_gas(&call, node.config.gas_cap).map_err(crate::methods::estimate_error)?,
    };
    let base_fee = reader.head_header()?.base_fee_per_gas.unwrap_or_default();
    let tip = match call.max_priority_fee_per_gas {
        Some(tip) if args.tip.is_some() => tip,
        _ => node.tips.suggest(&reader, &node.config)?,
    };
    // Room for the base fee to double.
    let fee = if args.max_fee.is_some() { call.max_fee_per_gas } else { u128::from(base_fee) * 2 + tip };
    let (chain_id, tip) = (node.chain.spec().chain_id(), tip.min(fee));
    let (to, value, input, access_list) = (call.to, call.value, call.input, call.access_list);
    Ok(match args.gas_price {
        Some(_) if access_list.0.is_empty() => {
            let gas_price = call.max_fee_per_gas;
            TxLegacy { chain_id: Some(chain_id), nonce, gas_price, gas_limit, to, value, input }.into()
        }
        Some(_) => {
            let gas_price = call.max_fee_per_gas;
            TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input }.into()
        }
        None if !call.authorization_list.is_empty() => TxEip7702 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: fee,
            max_priority_fee_per_gas: tip,
            to: match to {
                TxKind::Call(to) => to,
                TxKind::Create => return Err(EthError::params("missing \"to\" in set code transaction")),
            },
            value,
            access_list,
            authorization_list: call.authorization_list,
            input,
        }
        .into(),
        None => TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: fee,
            max_priority_fee_per_gas: tip,
            to,
            value,
            access_list,
            input,
        }
        .into(),
    })
}

pub(crate) fn sign_transaction(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let call: CallArgs = args.required(0)?;
    let from = call.from.ok_or_else(|| EthError::params("missing \"from\""))?;
    let dev: &dyn DevControls = node.dev().ok_or_else(|| unknown(node))?;
    let signed = dev.sign(from, filled(node, &call, from)?).ok_or_else(|| unknown(node))?;
    Ok(data(&signed.encoded()).into())
}

/// Signs with the sender's key, or plays the sender, and puts the transaction into the pool.
pub(crate) fn send_transaction(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let call: CallArgs = args.required(0)?;
    let Some(dev) = node.dev() else { return Err(unknown(node)) };
    let from = match call.from {
        Some(from) => from,
        None => dev.accounts().first().copied().ok_or_else(|| unknown(node))?,
    };
    let played = dev.is_impersonated(from);
    if !played && !dev.accounts().contains(&from) {
        return Err(unknown(node));
    }
    let transaction = filled(node, &call, from)?;
    if let Some(signed) = dev.sign(from, transaction.clone()) {
        let decoded = node.pool.read(&signed.encoded())?;
        let hash = decoded.hash();
        node.pool.submit(decoded)?;
        return Ok(json!(hash).into());
    }
    let made = dev.play(from, transaction).ok_or_else(|| unknown(node))?;
    let hash = made.hash();
    node.pool.add(Verified::impersonated(made, from), Origin::Local)?;
    let answer: Value = json!(hash);
    Ok(answer.into())
}
