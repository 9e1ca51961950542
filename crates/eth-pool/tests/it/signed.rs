//! Transactions as clients send them: bytes, signatures, blobs.

use std::{collections::HashMap, sync::Mutex};

use alloy_consensus::{
    BlobTransactionSidecar, SignableTransaction, Signed, TxEip1559, TxEip4844, TxLegacy,
};
use alloy_eips::{
    eip2718::Encodable2718, eip4844::env_settings::EnvKzgSettings,
    eip7594::BlobTransactionSidecarVariant,
};
use alloy_primitives::{Address, B256, Signature, TxKind, U256, keccak256};
use quintet_eth::tx::{Limits, TxRules};
use quintet_eth_pool::{Decoded, KnownSenders, Origin, PoolError, verify_all};
use secp256k1::{Message, PublicKey, Secp256k1, SecretKey};

use crate::chain::{RICH, World, address, pool};

const LIMITS: Limits = Limits::of_chain(1);
const BYTES_MAX: usize = 128 * 1024;

pub(crate) const fn key(number: u8) -> [u8; 32] {
    [number; 32]
}

pub(crate) fn sign(key: [u8; 32], digest: B256) -> Signature {
    let key = SecretKey::from_slice(&key).unwrap();
    let signature = Secp256k1::new().sign_ecdsa_recoverable(&Message::from_digest(digest.0), &key);
    let (recovery, numbers) = signature.serialize_compact();
    Signature::from_bytes_and_parity(&numbers, recovery.to_i32() == 1)
}

pub(crate) fn address_of(key: [u8; 32]) -> Address {
    let key = PublicKey::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&key).unwrap());
    Address::from_word(keccak256(&key.serialize_uncompressed()[1..]))
}

fn encoded<T>(transaction: T, signer: u8) -> Vec<u8>
where
    T: SignableTransaction<Signature>,
    Signed<T>: Encodable2718,
{
    let signature = sign(key(signer), transaction.signature_hash());
    transaction.into_signed(signature).encoded_2718()
}

fn transfer(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: 1,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 100,
        max_priority_fee_per_gas: 10,
        to: TxKind::Call(address(99)),
        ..TxEip1559::default()
    }
}

pub(crate) fn transfer_bytes(nonce: u64, signer: u8) -> Vec<u8> {
    encoded(transfer(nonce), signer)
}

fn read(bytes: &[u8]) -> Result<Decoded, PoolError> {
    Decoded::read(bytes, TxRules::Osaka, &LIMITS, BYTES_MAX)
}

#[test]
fn bytes_become_a_pending_transaction_of_who_signed_them() {
    let sender = address_of(key(1));
    let world = World::default().with(sender, 0, RICH);
    let bytes = encoded(transfer(0), 1);
    let verified = read(&bytes).unwrap().verify().unwrap();
    assert_eq!(verified.transaction().sender(), sender);
    assert_eq!(verified.transaction().network_encoding(), bytes);
    let mut pool = pool();
    pool.add(verified, Origin::Local, &world, 0).unwrap();
    assert_eq!(pool.status().pending, 1);
}

/// A memory without a bound.
#[derive(Debug, Default)]
struct Memory(Mutex<HashMap<B256, Address>>);

impl KnownSenders for Memory {
    fn get(&self, hash: &B256) -> Option<Address> {
        self.0.lock().unwrap().get(hash).copied()
    }

    fn insert(&self, hash: B256, sender: Address) {
        self.0.lock().unwrap().insert(hash, sender);
    }
}

#[test]
fn many_are_verified_at_once_and_remembered() {
    let cache = Memory::default();
    let bytes: Vec<_> = (0..40).map(|n| encoded(transfer(n), 1 + (n % 3) as u8)).collect();
    let decoded: Vec<_> = bytes.iter().map(|bytes| read(bytes).unwrap()).collect();
    let hashes: Vec<_> = decoded.iter().map(Decoded::hash).collect();
    for _ in 0..2 {
        let verified = verify_all(decoded.clone(), TxRules::Osaka, &cache);
        for (n, one) in verified.into_iter().enumerate() {
            assert_eq!(one.unwrap().transaction().sender(), address_of(key(1 + (n % 3) as u8)));
        }
        assert!(hashes.iter().all(|hash| cache.get(hash).is_some()));
    }
}

#[test]
fn rules_that_need_no_state_are_told_in_geths_words() {
    let told = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    let low = TxEip1559 { gas_limit: 20_999, ..transfer(0) };
    assert_eq!(told(&encoded(low, 1)), "intrinsic gas too low: gas 20999, minimum needed 21000");
    let other = TxEip1559 { chain_id: 2, ..transfer(0) };
    assert_eq!(told(&encoded(other, 1)), "invalid chain id for signer: have 2 want 1");
    let tip = TxEip1559 { max_priority_fee_per_gas: 101, ..transfer(0) };
    assert!(told(&encoded(tip, 1)).starts_with("max priority fee per gas higher than max fee"));
    let long = TxEip1559 { input: vec![0; BYTES_MAX].into(), gas_limit: 9_000_000, ..transfer(0) };
    assert!(told(&encoded(long, 1)).starts_with("oversized data: transaction size"));
    let blobs = TxEip4844 { chain_id: 1, gas_limit: 21_000, ..TxEip4844::default() };
    let blobs = TxEip4844 { blob_versioned_hashes: vec![B256::with_last_byte(1)], ..blobs };
    assert!(told(&encoded(blobs, 1)).starts_with("blob hash"));
    let early = encoded(transfer(0), 1);
    let error = Decoded::read(&early, TxRules::Berlin, &LIMITS, BYTES_MAX).unwrap_err();
    assert!(error.to_string().starts_with("transaction type not supported: type 2 rejected"));
}

#[test]
fn a_signature_without_a_chain_is_known_as_such() {
    let bare = TxLegacy {
        chain_id: None,
        gas_limit: 21_000,
        gas_price: 9,
        to: TxKind::Call(address(9)),
        ..TxLegacy::default()
    };
    assert!(!read(&encoded(bare.clone(), 1)).unwrap().is_replay_protected());
    let bound = TxLegacy { chain_id: Some(1), ..bare };
    assert!(read(&encoded(bound, 1)).unwrap().is_replay_protected());
}

#[test]
fn cut_bytes_are_refused_at_every_length() {
    let bytes = encoded(transfer(3), 1);
    for length in 0..bytes.len() {
        assert!(matches!(read(&bytes[..length]), Err(PoolError::Decode(_))), "{length}");
    }
}

#[test]
fn blobs_travel_beside_their_transaction_and_are_checked() {
    let blob = alloy_eips::eip4844::Blob::repeat_byte(0x11);
    let old = BlobTransactionSidecar::try_from_blobs_with_settings(
        vec![blob],
        EnvKzgSettings::Default.get(),
    )
    .unwrap();
    let transaction = TxEip4844 {
        chain_id: 1,
        gas_limit: 21_000,
        max_fee_per_gas: 100,
        max_priority_fee_per_gas: 10,
        max_fee_per_blob_gas: 5,
        to: address(9),
        blob_versioned_hashes: old.versioned_hashes().collect(),
        ..TxEip4844::default()
    };
    let own = encoded(transaction.clone(), 1);
    assert_eq!(read(&own).unwrap_err(), PoolError::NoSidecar);
    let travelling = |sidecar: BlobTransactionSidecarVariant| {
        let payload_length = own.len() - 1 + sidecar.rlp_encoded_fields_length();
        let mut bytes = vec![3];
        alloy_rlp::Header { list: true, payload_length }.encode(&mut bytes);
        bytes.extend_from_slice(&own[1..]);
        sidecar.rlp_encode_fields(&mut bytes);
        bytes
    };
    // Proofs of the sort before Osaka are made anew; after that it travels as it came.
    let first = travelling(old.clone().into());
    let verified = read(&first).unwrap().verify().unwrap();
    let again = verified.transaction().network_encoding();
    assert_ne!(again, first);
    assert_eq!(read(&again).unwrap().verify().unwrap(), verified);
    assert!(verified.transaction().sidecar_bytes() > 131_072);
    let cancun = Decoded::read(&again, TxRules::Cancun, &LIMITS, BYTES_MAX).unwrap_err();
    assert_eq!(cancun, PoolError::SidecarVersion { expected: 0, actual: 1 });
    let kept = Decoded::read(&first, TxRules::Cancun, &LIMITS, BYTES_MAX).unwrap();
    assert_eq!(kept.verify().unwrap().transaction().network_encoding(), first);
    let mut wrong = old;
    wrong.blobs[0][40] ^= 1;
    let error = Decoded::read(&travelling(wrong.into()), TxRules::Cancun, &LIMITS, BYTES_MAX);
    assert!(matches!(error, Err(PoolError::BlobProof { .. })), "{error:?}");
    assert_eq!(U256::from(transaction.max_fee_per_blob_gas), U256::from(5));
}
