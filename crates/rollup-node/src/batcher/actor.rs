//! The task that posts.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_consensus::{TxEip1559, TxEip4844};
use alloy_primitives::{B256, Bytes, TxKind, keccak256};
use quintet_rollup_protocol::{config::RollupConfig, frame::ChannelId, inbox::blob::BLOB_DATA_MAX};
use tokio_util::sync::CancellationToken;

use super::{
    BatcherOptions, DataAvailability,
    blobs::{self, BlobTxError, Proofs, Sidecar},
    blocks::{Blocks, Tips},
    channels::{Channels, Posting},
    outbox::{Offer, Outbox},
    safe::{SafeMove, SafeWatch},
};
use crate::{
    engine::EngineError,
    l1::{
        L1Error,
        account::{L1Fees, L1Writer},
    },
    wallet::Wallet,
};

/// L2 blocks that are read in one go.
const BLOCKS_AT_ONCE: u64 = 1_000;
/// Gas of a transaction beside its data.
const GAS_BASE: u64 = 21_000;
/// Gas of a byte of data at most, by the floor of EIP-7623.
const GAS_A_BYTE: u64 = 40;

/// Why nothing could be posted. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum BatcherError {
    /// L1, or the node whose blocks are posted, does not answer.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The chain cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A block is none of a rollup's.
    #[error("block {number}: expected one that begins with L1 information, {reason}")]
    Block {
        /// Its number.
        number: u64,
        /// What is wrong.
        reason: String,
    },
    /// Data is in no blob.
    #[error(transparent)]
    Blob(#[from] BlobTxError),
    /// A thread did not come to an end.
    #[error("making a blob: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// L1 is another one.
    #[error("expected an L1 node of chain {expected}, got one of chain {actual}")]
    OtherL1 {
        /// The chain the rollup is on.
        expected: u64,
        /// The node's.
        actual: u64,
    },
}

/// Posts a chain's blocks.
#[derive(Debug)]
pub struct Batcher {
    config: Arc<RollupConfig>,
    wallet: Wallet,
    l1: L1Writer,
    blocks: Box<dyn Blocks>,
    options: BatcherOptions,
    begun: Instant,
    state: Option<State>,
}

/// What is known since it began.
#[derive(Debug)]
struct State {
    channels: Channels,
    outbox: Outbox,
    safe: SafeWatch,
    /// Pieces that wait for space in the outbox.
    pieces: std::collections::VecDeque<Bytes>,
    /// The L1 block at which the last channel was wholly in blocks, and the safe head then.
    posted_at: Option<(u64, u64)>,
}

impl Batcher {
    /// Puts a batcher together.
    #[must_use]
    pub fn new(
        config: Arc<RollupConfig>,
        wallet: Wallet,
        l1: L1Writer,
        blocks: Box<dyn Blocks>,
        mut options: BatcherOptions,
    ) -> Self {
        if matches!(options.data, DataAvailability::Blobs(_)) {
            options.limits.transaction_bytes = BLOB_DATA_MAX;
        }
        Self { config, wallet, l1, blocks, options, begun: Instant::now(), state: None }
    }

    /// Posts until told to stop. What fails is tried again.
    pub async fn run(mut self, stop: CancellationToken) {
        let configured = self.config.genesis.system_config.batcher;
        if configured != self.wallet.address() {
            tracing::warn!(key = %self.wallet.address(), %configured, "the chain began with another batcher: what is posted counts only if L1 has changed it since");
        }
        let mut ticks = tokio::time::interval(self.options.poll);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = self.step() => done,
            };
            if let Err(error) = done {
                tracing::error!(%error, "nothing was posted");
            }
        }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Looks at both chains and does what is due.
    async fn step(&mut self) -> Result<(), BatcherError> {
        let Some(tips) = self.blocks.tips().await? else { return Ok(()) };
        let l1_head: alloy_primitives::U64 = self.l1.ask("eth_blockNumber", [(); 0]).await?;
        let l1_head = l1_head.to::<u64>();
        let mut state = match self.state.take() {
            Some(state) => state,
            None => self.begin(&tips).await?,
        };
        let stepped = self.with(&mut state, &tips, l1_head).await;
        self.state = Some(state);
        stepped
    }

    async fn begin(&self, tips: &Tips) -> Result<State, BatcherError> {
        let (expected, actual) = (self.config.l1_chain_id, self.l1.chain_id().await?);
        if expected != actual {
            return Err(BatcherError::OtherL1 { expected, actual });
        }
        // What another run has sent and no block has yet comes first.
        let nonce = self.l1.nonce(self.wallet.address(), true).await?;
        tracing::info!(nonce, safe = tips.safe.number, "posting begins");
        Ok(State {
            channels: Channels::new(self.options.limits, tips.safe),
            outbox: Outbox::new(nonce),
            safe: SafeWatch::new(&tips.safe),
            pieces: std::collections::VecDeque::new(),
            posted_at: None,
        })
    }

    async fn with(&self, state: &mut State, tips: &Tips, l1_head: u64) -> Result<(), BatcherError> {
        let was_reorganised = self.watch(state, l1_head).await?;
        state.channels.safe(&tips.safe);
        match state.safe.look(&tips.safe) {
            SafeMove::Forward if was_reorganised || self.is_lost(state, tips, l1_head) => {
                self.restart(state, tips, "L1 does not have what was posted");
            }
            SafeMove::Forward => {}
            SafeMove::Back => self.restart(state, tips, "the safe head went back"),
            SafeMove::Unsettled => {
                tracing::info!(
                    safe = tips.safe.number,
                    "the safe head is lower than it was: waiting whether it comes back"
                );
                if was_reorganised {
                    self.restart(state, tips, "L1 does not have what was posted");
                }
                // What is under way goes on; nothing new is posted on a chain that may not stay.
                return self.send(state).await;
            }
        }
        self.load(state, tips, l1_head).await?;
        if state.pieces.is_empty()
            && state.channels.is_due(l1_head)
            && let Some(Posting { last, pieces }) = state.channels.close(channel_id(), &self.config)
        {
            let frames = pieces.len();
            tracing::info!(last = last.number, frames, "channel closed");
            state.pieces.extend(pieces);
            state.posted_at = None;
        }
        self.send(state).await
    }

    /// Begins again at the safe head. Transactions under way are seen to their end: their nonces are given out.
    fn restart(&self, state: &mut State, tips: &Tips, reason: &str) {
        tracing::warn!(reason, safe = tips.safe.number, "posting begins again");
        state.channels = Channels::new(self.options.limits, tips.safe);
        state.pieces.clear();
        state.posted_at = None;
    }

    /// Returns whether the safe head stands still although everything was posted long ago: a channel was late, or reorganised away.
    fn is_lost(&self, state: &mut State, tips: &Tips, l1_head: u64) -> bool {
        let under_way = !state.pieces.is_empty()
            || state.outbox.waiting().any(|(_, one)| one.included.is_none());
        if state.channels.oldest().is_none() || under_way {
            state.posted_at = None;
            return false;
        }
        let safe = tips.safe.number;
        match state.posted_at {
            Some((since, before)) if before == safe => {
                // As long as a channel may be open; in that time derivation has read it, or never will.
                l1_head > since.saturating_add(self.config.granite_channel_timeout.max(2))
            }
            _ => {
                state.posted_at = Some((l1_head, safe));
                false
            }
        }
    }

    /// Reads the blocks that are not in channels yet.
    async fn load(&self, state: &mut State, tips: &Tips, l1_head: u64) -> Result<(), BatcherError> {
        if state.channels.tip().number < tips.safe.number {
            // Somebody else posted them.
            self.restart(state, tips, "the safe chain is further than what was posted");
        }
        for _ in 0..BLOCKS_AT_ONCE {
            let number = state.channels.tip().number.saturating_add(1);
            if number > tips.unsafe_number || !state.channels.has_space() {
                return Ok(());
            }
            let Some((at, batch)) = self.blocks.batch(number).await? else { return Ok(()) };
            if let Err(gap) = state.channels.push(at, batch, l1_head) {
                self.restart(state, tips, &gap.to_string());
                return Ok(());
            }
        }
        Ok(())
    }

    /// Looks where the transactions under way are; returns whether one has left its block.
    async fn watch(&self, state: &mut State, l1_head: u64) -> Result<bool, BatcherError> {
        let waiting: Vec<(u64, Vec<B256>)> =
            state.outbox.waiting().map(|(nonce, one)| (nonce, one.hashes.clone())).collect();
        let account = self.wallet.address();
        let used = self.l1.nonce(account, false).await?;
        let mut is_gone = false;
        if used < state.outbox.first() {
            // Sent by another run and waiting still, or reorganised away although it was taken to stay.
            let pending = self.l1.nonce(account, true).await?;
            if state.outbox.lose(pending) {
                tracing::warn!(
                    pending,
                    "nonces are unused again: L1 was reorganised deeper than what is taken to stay"
                );
                is_gone = true;
            }
        }
        for (nonce, hashes) in waiting {
            let mut included = None;
            for hash in hashes.iter().rev() {
                if let Some(receipt) = self.l1.receipt(*hash).await? {
                    included = Some(receipt.block_number.to::<u64>());
                    break;
                }
            }
            if included.is_none() && nonce < used {
                tracing::warn!(nonce, "the nonce was used by a transaction that is not ours");
                state.outbox.forget(nonce);
                is_gone = true;
                continue;
            }
            if state.outbox.seen(nonce, included) {
                tracing::warn!(nonce, "a transaction has left its block: L1 was reorganised");
                is_gone = true;
            }
        }
        state.outbox.settle(l1_head, self.options.confirmations);
        Ok(is_gone)
    }

    /// Sends what waits, and again what found no block for long.
    async fn send(&self, state: &mut State) -> Result<(), BatcherError> {
        let overdue = state.outbox.overdue(self.now(), self.options.resubmission);
        if overdue.is_empty() && state.pieces.is_empty() {
            return Ok(());
        }
        let (fees, first): (_, fn(&L1Fees) -> Offer) = match self.options.data {
            DataAvailability::Calldata => (self.l1.fees().await?, Offer::first),
            DataAvailability::Blobs(_) => (self.l1.blob_fees().await?, Offer::first_of_blob),
        };
        for nonce in overdue {
            let found = state.outbox.waiting().find(|(known, _)| *known == nonce);
            let Some((_, one)) = found else { continue };
            // One that was never taken is offered anew, not replaced.
            let is_new = one.hashes.is_empty();
            let offer = if is_new { first(&fees) } else { one.offer.raised(&fees) };
            let data = one.data.clone();
            self.post(state, nonce, &data, offer).await?;
        }
        while state.outbox.has_space() {
            let Some(piece) = state.pieces.pop_front() else { break };
            let offer = first(&fees);
            let nonce = state.outbox.take(piece.clone(), offer);
            self.post(state, nonce, &piece, offer).await?;
        }
        Ok(())
    }

    async fn post(
        &self,
        state: &mut State,
        nonce: u64,
        data: &Bytes,
        offer: Offer,
    ) -> Result<(), BatcherError> {
        let bytes = data.len();
        let (raw, hash) = match self.options.data {
            DataAvailability::Calldata => self.calldata(nonce, data, offer),
            DataAvailability::Blobs(proofs) => {
                self.blob(nonce, data.clone(), offer, proofs).await?
            }
        };
        self.l1.send(&raw).await?;
        tracing::info!(nonce, %hash, bytes, fee = %offer.fee, "transaction sent");
        state.outbox.sent(nonce, hash, offer, self.now());
        Ok(())
    }

    /// Signs a transaction that carries the data itself.
    fn calldata(&self, nonce: u64, data: &Bytes, offer: Offer) -> (Bytes, B256) {
        let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
        let raw = self.wallet.sign(TxEip1559 {
            chain_id: self.config.l1_chain_id,
            nonce,
            gas_limit: GAS_BASE.saturating_add(bytes.saturating_mul(GAS_A_BYTE)),
            max_fee_per_gas: offer.fee,
            max_priority_fee_per_gas: offer.tip,
            to: TxKind::Call(self.config.batch_inbox),
            input: data.clone(),
            ..TxEip1559::default()
        });
        let hash = keccak256(&raw);
        (raw, hash)
    }

    /// Signs a transaction that carries the data in a blob.
    async fn blob(
        &self,
        nonce: u64,
        data: Bytes,
        offer: Offer,
        proofs: Proofs,
    ) -> Result<(Bytes, B256), BatcherError> {
        let made = tokio::task::spawn_blocking(move || Sidecar::new(&data, proofs)).await?;
        let tx = TxEip4844 {
            chain_id: self.config.l1_chain_id,
            nonce,
            gas_limit: GAS_BASE,
            max_fee_per_gas: offer.fee,
            max_priority_fee_per_gas: offer.tip,
            max_fee_per_blob_gas: offer.blob_fee,
            to: self.config.batch_inbox,
            ..TxEip4844::default()
        };
        Ok(blobs::signed(&self.wallet, tx, &made?))
    }
}

/// Makes an id that was never used.
fn channel_id() -> ChannelId {
    ChannelId(rand::random())
}
