//! Plain transfers, which need no interpreter: an amount from one key's account to another without code.
//!
//! What can be said without the state is said here; that the sender can pay and its nonce is the next, when the block
//! is put together. Until then the transfer is three amounts, so that transfers do not depend on each other even
//! when they share a sender, a recipient or the beneficiary.

use alloy_primitives::{TxKind, U256};
use revm::primitives::eip7825::TX_GAS_LIMIT_CAP;

use crate::{
    execute::{Environment, Payment, Transaction},
    precompiles,
    schedule::Fork,
};

/// Gas of a transfer.
const GAS: u64 = 21_000;

/// Reads a transaction as a transfer, if nothing about it needs the interpreter. One that would be refused is left
/// to the interpreter, which names the reason.
pub(super) fn of(environment: &Environment, transaction: &Transaction) -> Option<Payment> {
    let (rules, block, env) = (&environment.rules, &environment.block, &transaction.env);
    let TxKind::Call(to) = env.kind else { return None };
    let in_force = match transaction.kind {
        0 => Fork::SpuriousDragon,
        1 => Fork::Berlin,
        2 => Fork::London,
        _ => return None,
    };
    let from = env.caller;
    let parties_differ = from != to && from != block.beneficiary && to != block.beneficiary;
    let plain = env.data.is_empty() && env.access_list.0.is_empty() && env.nonce != u64::MAX;
    let chain = match env.chain_id {
        Some(chain) => chain == rules.chain_id,
        None => transaction.kind == 0,
    };
    let cap = if rules.has(Fork::Osaka) { TX_GAS_LIMIT_CAP } else { u64::MAX };
    let gas = (GAS..=cap.min(block.gas_limit)).contains(&env.gas_limit);
    if rules.op.is_some() || !rules.has(Fork::SpuriousDragon) || !rules.has(in_force) {
        return None;
    }
    if !(parties_differ && plain && chain && gas) || precompiles::is_one(rules, &to) {
        return None;
    }
    let base = u128::from(block.basefee);
    let price = match env.gas_priority_fee {
        Some(tip) if tip > env.gas_price => return None,
        Some(tip) => env.gas_price.min(base.saturating_add(tip)),
        None => env.gas_price,
    };
    let tip = price.checked_sub(base)?;
    let most = U256::from(env.gas_limit) * U256::from(env.gas_price);
    Some(Payment {
        from,
        to,
        value: env.value,
        nonce: env.nonce,
        most: most.checked_add(env.value)?,
        fee: U256::from(GAS) * U256::from(price),
        tip: U256::from(GAS) * U256::from(tip),
        gas: GAS,
    })
}
