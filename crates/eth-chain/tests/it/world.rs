//! A small chain: keys with money, contracts that can be read, and what makes blocks of them.

use std::sync::Arc;

use alloy_consensus::{
    SignableTransaction, TxEip1559, TxEnvelope, transaction::SignerRecoverable as _,
};
use alloy_genesis::Genesis;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, address, hex, keccak256};
use quintet_crypto::secp::SecretKey;
use quintet_eth::tx::EthTransaction;
use quintet_eth_chain::{
    Attributes, Built, Candidate, ChainOptions, ChainReader, ChainSpec, EthChain,
};
use quintet_store::{EngineKind, StoreOptions};

pub(crate) const CHAIN_ID: u64 = 31_337;
pub(crate) const GWEI: u128 = 1_000_000_000;

/// Adds one to slot 0, and logs its new value under the topic that is the caller.
pub(crate) const COUNTER: Address = address!("00000000000000000000000000000000000c0de1");
/// PUSH0 SLOAD PUSH1 1 ADD DUP1 PUSH0 SSTORE PUSH0 MSTORE CALLER PUSH1 32 PUSH0 LOG1
const COUNTER_CODE: &[u8] = &hex!("5f54600101805f555f523360205fa100");
/// Reverts with the word 7.
pub(crate) const REVERTS: Address = address!("00000000000000000000000000000000000c0de2");
const REVERTS_CODE: &[u8] = &hex!("60075f5260205ffd");
/// Returns the hash of the block whose number is the input.
pub(crate) const LOOKS_BACK: Address = address!("00000000000000000000000000000000000c0de3");
const LOOKS_BACK_CODE: &[u8] = &hex!("5f35405f5260205ff3");

/// A key by its number.
#[derive(Clone)]
pub(crate) struct Key {
    secret: SecretKey,
    pub(crate) address: Address,
}

impl Key {
    pub(crate) fn new(number: u64) -> Self {
        let secret = SecretKey::from_bytes(&keccak256(number.to_be_bytes()).0).unwrap();
        let public = secret.public_key_uncompressed();
        let address = Address::from_word(keccak256(&public[1..]));
        Self { secret, address }
    }

    pub(crate) fn call(&self, nonce: u64, to: Address, value: u64, input: &[u8]) -> EthTransaction {
        let transaction = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce,
            gas_limit: 100_000,
            max_fee_per_gas: 100 * GWEI,
            max_priority_fee_per_gas: GWEI,
            to: TxKind::Call(to),
            value: U256::from(value),
            access_list: Default::default(),
            input: Bytes::copy_from_slice(input),
        };
        let digest = transaction.signature_hash();
        let (compact, odd) = self.secret.sign_ecdsa_recoverable(&digest.0).unwrap();
        let signature = Signature::from_bytes_and_parity(&compact, odd);
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        debug_assert_eq!(envelope.recover_signer().unwrap(), self.address);
        let mut encoded = Vec::new();
        alloy_eips::eip2718::Encodable2718::encode_2718(&envelope, &mut encoded);
        EthTransaction::decode(&encoded).unwrap()
    }

    pub(crate) fn candidate(&self, nonce: u64, to: Address, value: u64) -> Candidate {
        let transaction = Arc::new(self.call(nonce, to, value, &[]));
        Candidate { transaction, sender: self.address }
    }
}

/// A genesis at Cancun, with ten rich keys and the contracts above.
pub(crate) fn genesis() -> Genesis {
    let mut alloc = serde_json::Map::new();
    let rich = serde_json::json!({ "balance": "0x3635c9adc5dea00000" });
    for number in 0..10 {
        alloc.insert(Key::new(number).address.to_string(), rich.clone());
    }
    for (at, code) in
        [(COUNTER, COUNTER_CODE), (REVERTS, REVERTS_CODE), (LOOKS_BACK, LOOKS_BACK_CODE)]
    {
        let contract = serde_json::json!({ "balance": "0x0", "code": hex::encode_prefixed(code) });
        alloc.insert(at.to_string(), contract);
    }
    serde_json::from_value(serde_json::json!({
        "config": {
            "chainId": CHAIN_ID, "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0,
            "byzantiumBlock": 0, "constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0,
            "berlinBlock": 0, "londonBlock": 0, "terminalTotalDifficulty": 0,
            "terminalTotalDifficultyPassed": true, "shanghaiTime": 0, "cancunTime": 0
        },
        "nonce": "0x0", "timestamp": "0x64", "extraData": "0x", "gasLimit": "0x1c9c380", "difficulty": "0x0",
        "alloc": alloc
    }))
    .unwrap()
}

pub(crate) fn spec() -> ChainSpec {
    ChainSpec::from_genesis(genesis()).unwrap()
}

/// Small caches, one thread, an engine that is quick to open.
pub(crate) fn options() -> ChainOptions {
    let store = StoreOptions { engine: EngineKind::Redb, cache_bytes: 4 << 20 };
    ChainOptions { store, threads: 1, ..ChainOptions::default() }
}

pub(crate) fn in_memory() -> EthChain {
    EthChain::in_memory(spec(), options()).unwrap()
}

pub(crate) fn attributes(reader: &ChainReader) -> Attributes {
    let head = reader.header(reader.head().hash).unwrap().unwrap();
    attributes_at(head.timestamp + 12)
}

pub(crate) fn attributes_at(timestamp: u64) -> Attributes {
    Attributes {
        timestamp,
        prev_randao: B256::repeat_byte(7),
        fee_recipient: Address::repeat_byte(0xfe),
        withdrawals: Some(Vec::new()),
        parent_beacon_block_root: Some(B256::repeat_byte(3)),
        ..Attributes::default()
    }
}

/// Builds a block of these transactions on the head, all of which must be taken.
pub(crate) fn build(chain: &EthChain, candidates: &[Candidate]) -> Built {
    let reader = chain.reader().unwrap();
    let built = chain.build(None, &attributes(&reader), candidates).unwrap();
    assert_eq!(built.refused, []);
    assert_eq!(built.block().transactions().len(), candidates.len());
    built
}

/// Builds a block and makes it head.
pub(crate) fn mine(chain: &EthChain, candidates: &[Candidate]) -> Built {
    let built = build(chain, candidates);
    chain.adopt(&built).unwrap();
    built
}

/// A chain of blocks in which each key sends once a block, and what of it is to be expected: nonces.
pub(crate) fn mine_many(chain: &EthChain, blocks: u64) {
    let reader = chain.reader().unwrap();
    let first = reader.head().number;
    for nonce in first..first + blocks {
        let candidates: Vec<_> = (0..3)
            .map(|number| {
                let key = Key::new(number);
                if number == 0 {
                    Candidate {
                        transaction: Arc::new(key.call(nonce, COUNTER, 0, &[])),
                        sender: key.address,
                    }
                } else {
                    key.candidate(nonce, Address::with_last_byte(0x40), 1 + nonce)
                }
            })
            .collect();
        mine(chain, &candidates);
    }
}

/// Everything that must fit together fits together.
pub(crate) fn assert_sound(chain: &EthChain) {
    let reader = chain.reader().unwrap();
    let head = reader.head();
    let header = reader.header(head.hash).unwrap().unwrap();
    assert_eq!(reader.state().head().unwrap().root, header.state_root, "state of the head");
    let first = reader.oldest_body().unwrap();
    for number in first..=head.number {
        let hash = reader.canonical_hash(number).unwrap().expect("a block of every number");
        let (block, receipts) = reader.block_with_receipts(hash).unwrap().unwrap();
        assert_eq!(block.block.header.hash_slow(), hash);
        if number > first {
            assert_eq!(
                Some(block.header().parent_hash),
                reader.canonical_hash(number - 1).unwrap()
            );
        }
        assert_eq!(
            alloy_consensus::proofs::calculate_receipt_root(&receipts),
            block.header().receipts_root
        );
        for (index, transaction) in block.transactions().iter().enumerate() {
            let place = reader.transaction(transaction.hash()).unwrap().expect("every transaction");
            assert_eq!((place.block.hash, place.index), (hash, index));
        }
    }
}
