//! Transactions, signed before the clock starts.

use alloy_primitives::{B256, Bytes, U256, hex, keccak256};
use anyhow::ensure;
use bench::{
    eth_load::{Key, TOKEN, TOKEN_CODE, TOKEN_GAS, TRANSFER_GAS, stranger, token_input},
    json_rpc::{Client, send},
};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::node::ACCOUNTS;

/// Makes the keys; they are not those of the nodes, which pay them.
pub(crate) fn keys() -> anyhow::Result<Vec<Key>> {
    (0..u64::from(ACCOUNTS)).map(Key::new).collect()
}

/// Gives every key money and tokens.
pub(crate) fn fund(client: &mut Client, keys: &[Key]) -> anyhow::Result<()> {
    let set = |id: usize, method: &str, params: Value| {
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
    };
    let code = hex::encode_prefixed(TOKEN_CODE);
    client.call("anvil_setCode", &json!([TOKEN, code]))?;
    let most = U256::from(10).pow(U256::from(24));
    for some in keys.chunks(100) {
        let money = some
            .iter()
            .enumerate()
            .map(|(id, key)| set(id, "anvil_setBalance", json!([key.address, most])));
        let tokens = some.iter().enumerate().map(|(id, key)| {
            let slot = keccak256([key.address.into_word(), B256::ZERO].concat());
            let params = json!([TOKEN, slot, B256::from(most)]);
            set(some.len() + id, "anvil_setStorageAt", params)
        });
        let errors = client.batch(&money.chain(tokens).collect::<Vec<_>>())?;
        ensure!(errors.iter().all(Option::is_none), "{errors:?}");
    }
    Ok(())
}

/// What a transaction does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deed {
    Pay,
    PayTokens,
}

fn sign(key: &mut Key, deed: Deed) -> anyhow::Result<String> {
    let to = stranger(key.address.as_slice(), key.nonce);
    let signed = match deed {
        Deed::Pay => key.sign(to, TRANSFER_GAS, Bytes::new()),
        Deed::PayTokens => key.sign(TOKEN, TOKEN_GAS, token_input(to)),
    };
    Ok(hex::encode_prefixed(signed?))
}

/// Signs so many for each key; a row is the next of every key.
pub(crate) fn signed(
    keys: &mut [Key],
    deed: Deed,
    each: usize,
) -> anyhow::Result<Vec<Vec<String>>> {
    let of_key = |key: &mut Key| (0..each).map(|_| sign(key, deed)).collect();
    keys.par_iter_mut().map(of_key).collect()
}

/// The calls of one connection: those of its keys, in the order of nonces, in batches.
pub(crate) fn batches(of_keys: &[Vec<String>], batch: usize) -> Vec<Vec<String>> {
    let each = of_keys.first().map_or(0, Vec::len);
    let in_turn = (0..each).flat_map(|at| of_keys.iter().filter_map(move |key| key.get(at)));
    let all: Vec<_> = in_turn.collect();
    let calls = |some: &[&String]| some.iter().enumerate().map(|(id, raw)| send(id, raw)).collect();
    all.chunks(batch).map(calls).collect()
}
