//! A batcher: batches into channels, channels into signed transactions of an L1.

use std::collections::BTreeMap;

use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction, Transaction as _, TxEip1559, TxEip4844,
    transaction::RlpEcdsaEncodableTx,
};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use quintet_rollup_protocol::{
    batch::SingularBatch,
    config::RollupConfig,
    encode::{ChannelBuilder, Compression, transaction_of},
    frame::ChannelId,
    inbox::{blob, kzg},
};

use crate::{
    batcher::blobs::{Proofs, Sidecar, network_form},
    wallet::Wallet,
};

/// Bytes of a frame: small, so that channels have several.
const FRAME_BYTES: usize = 2_000;

/// What a batch costs L1: transactions, with blobs or without.
#[derive(Debug, Clone, Default)]
pub struct Post {
    /// Signed transactions.
    pub transactions: Vec<Bytes>,
    /// Blobs of them, by their versioned hashes.
    pub blobs: BTreeMap<B256, Bytes>,
}

impl Post {
    /// Returns the transactions as a node's pool takes them: those with blobs have the blobs, commitments and proofs beside them.
    ///
    /// **Spec:** EIP-4844, "Networking".
    #[must_use]
    pub fn pooled(&self) -> Vec<Bytes> {
        self.transactions.iter().map(|tx| self.with_sidecar(tx)).collect()
    }

    fn with_sidecar(&self, tx: &Bytes) -> Bytes {
        let decoded = EthereumTxEnvelope::<TxEip4844>::decode_2718(&mut tx.as_ref()).ok();
        let hashes = decoded.and_then(|tx| tx.blob_versioned_hashes().map(<[B256]>::to_vec));
        let hashes = hashes.unwrap_or_default();
        let blobs = hashes.iter().filter_map(|hash| self.blobs.get(hash));
        let made = blobs.filter_map(|blob| Sidecar::of_blob(blob.clone(), Proofs::Blob).ok());
        let made: Vec<_> = made.collect();
        network_form(tx, &made.iter().collect::<Vec<_>>())
    }
}

/// A batcher with a key of its own.
#[derive(Debug)]
pub struct Batcher {
    wallet: Wallet,
    chain_id: u64,
    inbox: Address,
    nonce: u64,
    channels: u64,
}

impl Batcher {
    /// Makes a batcher for an L1; its key is known to everybody.
    ///
    /// # Panics
    ///
    /// Never: the key is one.
    #[must_use]
    #[expect(clippy::expect_used, reason = "32 equal bytes below the curve's order are a key")]
    pub fn new(chain_id: u64, inbox: Address) -> Self {
        let wallet = Wallet::new(B256::repeat_byte(0x42)).expect("a key");
        Self { wallet, chain_id, inbox, nonce: 0, channels: 0 }
    }

    /// Says which nonce comes next: L1 was reorganised.
    pub const fn set_nonce(&mut self, nonce: u64) {
        self.nonce = nonce;
    }

    /// Returns its address.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.wallet.address()
    }

    /// Puts batches into one channel, as a span or one by one, and cuts it into pieces of calldata.
    #[must_use]
    pub fn channel(
        &mut self,
        batches: &[SingularBatch],
        span: Option<&RollupConfig>,
    ) -> Vec<Bytes> {
        let mut builder = ChannelBuilder::default();
        match span {
            // Batches that make no span are posted one by one.
            Some(config) if builder.push_span(batches, false, config).is_ok() => {}
            _ => batches.iter().for_each(|batch| builder.push_singular(batch)),
        }
        self.channels += 1;
        let id = ChannelId(
            U256::from(self.channels).to_be_bytes::<32>()[16..].try_into().unwrap_or_default(),
        );
        let frames = builder.into_frames(id, Compression::Zlib, FRAME_BYTES);
        frames.iter().map(|frame| transaction_of(std::slice::from_ref(frame))).collect()
    }

    /// Posts pieces as calldata, a transaction each.
    pub fn calldata(&mut self, pieces: &[Bytes]) -> Post {
        let mut post = Post::default();
        for piece in pieces {
            let tx = TxEip1559 {
                chain_id: self.chain_id,
                nonce: self.next_nonce(),
                gas_limit: 1_000_000,
                max_fee_per_gas: 2_000_000_000,
                to: TxKind::Call(self.inbox),
                input: piece.clone(),
                ..TxEip1559::default()
            };
            post.transactions.push(self.sign(tx));
        }
        post
    }

    /// Posts pieces as blobs of one transaction.
    pub fn blobs(&mut self, pieces: &[Bytes]) -> Post {
        let mut post = Post::default();
        let mut hashes = Vec::new();
        for piece in pieces {
            // Pieces are smaller than blobs, and every encoded blob has a commitment.
            let Ok(blob) = blob::encode(piece) else { continue };
            let Ok((_, _, hash)) = kzg::commit(&blob) else { continue };
            hashes.push(hash);
            post.blobs.insert(hash, blob.into());
        }
        let tx = TxEip4844 {
            chain_id: self.chain_id,
            nonce: self.next_nonce(),
            gas_limit: 100_000,
            max_fee_per_gas: 2_000_000_000,
            max_fee_per_blob_gas: 1_000,
            to: self.inbox,
            blob_versioned_hashes: hashes,
            ..TxEip4844::default()
        };
        post.transactions.push(self.sign(tx));
        post
    }

    pub(super) const fn next_nonce(&mut self) -> u64 {
        let nonce = self.nonce;
        self.nonce += 1;
        nonce
    }

    /// Signs a transaction.
    pub fn sign<T>(&self, tx: T) -> Bytes
    where
        T: SignableTransaction<Signature> + RlpEcdsaEncodableTx,
        EthereumTxEnvelope<TxEip4844>: From<alloy_consensus::Signed<T>>,
    {
        self.wallet.sign(tx)
    }
}
