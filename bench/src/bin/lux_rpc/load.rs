//! Transactions, signed before the clock starts.

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip4844};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, address, hex, keccak256};
use anyhow::{Context as _, ensure};
use quintet_crypto::secp::SecretKey;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::{
    client::{Client, send},
    node::ACCOUNTS,
};

/// An ERC-20's `transfer`: balances under keccak256(holder . 0), reverts on too little, logs `Transfer`.
const TOKEN_CODE: &[u8] = &hex!(
    "335f525f60205260405f208054602435808210606157900390556004355f5260405f2080546024350190556024355f52600435337f"
    "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef60205fa360015f5260205ff35b5f5ffd"
);
pub(crate) const TOKEN: Address = address!("00000000000000000000000000000000000c0de0");
const CHAIN_ID: u64 = 31_337;
const GWEI: u128 = 1_000_000_000;

/// A key that sends.
pub(crate) struct Key {
    secret: SecretKey,
    pub(crate) address: Address,
    nonce: u64,
}

/// Makes the keys; they are not those of the nodes, which pay them.
pub(crate) fn keys() -> anyhow::Result<Vec<Key>> {
    let key = |number: u32| {
        let secret = SecretKey::from_bytes(&keccak256(number.to_be_bytes()).0)?;
        let public = secret.public_key_uncompressed();
        let address = Address::from_word(keccak256(&public[1..]));
        Ok(Key { secret, address, nonce: 0 })
    };
    (0..ACCOUNTS).map(key).collect()
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

/// Somebody who never held anything.
fn stranger(key: Address, nonce: u64) -> Address {
    Address::from_word(keccak256([key.as_slice(), &nonce.to_be_bytes()].concat()))
}

pub(crate) fn token_input(to: Address) -> Bytes {
    let mut input = hex!("a9059cbb").to_vec();
    input.extend_from_slice(to.into_word().as_slice());
    input.extend_from_slice(&U256::ONE.to_be_bytes::<32>());
    input.into()
}

impl Key {
    fn sign(&mut self, deed: Deed) -> anyhow::Result<String> {
        let to = stranger(self.address, self.nonce);
        let (to, value, gas_limit, input) = match deed {
            Deed::Pay => (to, U256::ONE, 21_000, Bytes::new()),
            Deed::PayTokens => (TOKEN, U256::ZERO, 100_000, token_input(to)),
        };
        let transaction = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_limit,
            max_fee_per_gas: 100 * GWEI,
            max_priority_fee_per_gas: GWEI,
            to: TxKind::Call(to),
            value,
            access_list: Default::default(),
            input,
        };
        self.nonce += 1;
        let digest = transaction.signature_hash();
        let (compact, odd) =
            self.secret.sign_ecdsa_recoverable(&digest.0).context("a signature")?;
        let signature = Signature::from_bytes_and_parity(&compact, odd);
        let envelope: EthereumTxEnvelope<TxEip4844> = transaction.into_signed(signature).into();
        Ok(hex::encode_prefixed(envelope.encoded_2718()))
    }
}

/// Signs so many for each key; a row is the next of every key.
pub(crate) fn signed(
    keys: &mut [Key],
    deed: Deed,
    each: usize,
) -> anyhow::Result<Vec<Vec<String>>> {
    let of_key = |key: &mut Key| (0..each).map(|_| key.sign(deed)).collect();
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
