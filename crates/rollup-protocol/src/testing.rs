//! Chains and blocks for tests.

use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy,
};
use alloy_eips::{eip2718::Encodable2718, eip2930::AccessListItem, eip7702::Authorization};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use secp256k1::{Message, SecretKey};

use crate::{
    batch::SingularBatch,
    config::{Fork, ForkSchedule, RollupConfig},
    signer::CONTEXT,
};

/// Signs a digest; returns who did, too.
pub(crate) fn sign(digest: &B256) -> (Signature, Address) {
    let key = SecretKey::from_slice(&[7; 32]).unwrap();
    let message = Message::from_digest(digest.0);
    let (id, bytes) = CONTEXT.sign_ecdsa_recoverable(&message, &key).serialize_compact();
    let signature = Signature::from_bytes_and_parity(&bytes, id.to_i32() == 1);
    let public = keccak256(&key.public_key(&CONTEXT).serialize_uncompressed()[1..]);
    (signature, Address::from_slice(&public[12..]))
}

/// A chain of two-second blocks with every fork up to `fork` from genesis.
pub(crate) fn config_at(fork: Fork) -> RollupConfig {
    let json = r#"{"genesis":{"l1":{"number":0,"hash":"0x0000000000000000000000000000000000000000000000000000000000000001"},
        "l2":{"number":0,"hash":"0x0000000000000000000000000000000000000000000000000000000000000002"},"l2_time":100},
        "block_time":2,"max_sequencer_drift":600,"seq_window_size":10,"channel_timeout":300,"l1_chain_id":900,"l2_chain_id":901,
        "batch_inbox_address":"0xff00000000000000000000000000000000000901","deposit_contract_address":"0x0000000000000000000000000000000000000011",
        "l1_system_config_address":"0x0000000000000000000000000000000000000022","protocol_versions_address":null}"#;
    RollupConfig {
        forks: ForkSchedule::active_up_to(fork),
        ..RollupConfig::from_json(json).unwrap()
    }
}

/// Transactions of every type a span carries.
pub(crate) fn transactions(chain_id: u64, seed: u64) -> Vec<Bytes> {
    type Envelope = EthereumTxEnvelope<TxEip4844>;
    let signature = |parity| Signature::new(U256::from(seed + 5), U256::MAX >> (seed % 9), parity);
    let input = Bytes::from(vec![7; usize::try_from(seed % 60).unwrap()]);
    let to =
        if seed.is_multiple_of(3) { TxKind::Create } else { TxKind::Call(Address::repeat_byte(9)) };
    let item = AccessListItem {
        address: Address::repeat_byte(1),
        storage_keys: vec![B256::repeat_byte(2)],
    };
    let authorization = Authorization {
        chain_id: U256::from(chain_id),
        address: Address::repeat_byte(3),
        nonce: seed,
    }
    .into_signed(signature(true));
    let legacy = |chain_id| TxLegacy {
        chain_id,
        to,
        nonce: seed,
        gas_limit: 21_000,
        input: input.clone(),
        ..Default::default()
    };
    let envelopes: Vec<Envelope> = vec![
        legacy(None).into_signed(signature(seed.is_multiple_of(2))).into(),
        legacy(Some(chain_id)).into_signed(signature(seed % 2 == 1)).into(),
        TxEip2930 {
            chain_id,
            to,
            gas_price: 1 << 40,
            access_list: vec![item.clone()].into(),
            ..Default::default()
        }
        .into_signed(signature(true))
        .into(),
        TxEip1559 {
            chain_id,
            to,
            nonce: 1 << 30,
            value: U256::MAX,
            max_fee_per_gas: 9,
            input: input.clone(),
            ..Default::default()
        }
        .into_signed(signature(false))
        .into(),
        TxEip7702 {
            chain_id,
            to: Address::repeat_byte(4),
            access_list: vec![item].into(),
            authorization_list: vec![authorization],
            ..Default::default()
        }
        .into_signed(signature(true))
        .into(),
    ];
    envelopes.iter().map(|tx| tx.encoded_2718().into()).collect()
}

/// Blocks behind genesis, three an epoch, the last of every four empty.
pub(crate) fn blocks(config: &RollupConfig, count: u64) -> Vec<SingularBatch> {
    let hash = |number: u64| B256::from(U256::from(number + 1_000));
    (1..=count)
        .map(|number| SingularBatch {
            parent_hash: hash(number - 1),
            epoch_number: 1 + (number - 1) / 3,
            epoch_hash: hash(1_000_000 + (number - 1) / 3),
            timestamp: config.genesis.l2_time + number * config.block_time,
            transactions: if number % 4 == 0 {
                vec![]
            } else {
                transactions(config.l2_chain_id, number)
            },
        })
        .collect()
}
