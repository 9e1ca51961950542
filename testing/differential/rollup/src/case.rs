//! Cases: a chain, an L1, and a batcher that is sometimes careless and sometimes hostile.
//!
//! Everything follows from a seed. What is never done is to break a compressed stream: there kona's reading is known to differ from
//! op-node's, which reads what comes before the break.

use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy,
};
use alloy_eips::{eip2718::Encodable2718, eip7702::Authorization};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use quintet_rollup_protocol::{
    batch::SingularBatch,
    config::Fork,
    encode::{ChannelBuilder, Compression, transaction_of},
    frame::{ChannelId, Frame},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::json;

use crate::{
    block_hash,
    chain::{BATCHER, Chain, L1, PORTAL},
};

/// Time of genesis, of L1 and of L2.
const GENESIS: u64 = 1_000;
/// Chain id of L2.
const CHAIN_ID: u64 = 901;
/// Forks whose derivation the reference knows.
const FORKS: [(Fork, &str); 8] = [
    (Fork::Regolith, "regolith_time"),
    (Fork::Canyon, "canyon_time"),
    (Fork::Delta, "delta_time"),
    (Fork::Ecotone, "ecotone_time"),
    (Fork::Fjord, "fjord_time"),
    (Fork::Granite, "granite_time"),
    (Fork::Holocene, "holocene_time"),
    (Fork::Isthmus, "isthmus_time"),
];

/// A case.
#[derive(Debug)]
pub struct Case {
    /// The chain.
    pub chain: Chain,
    /// The L1.
    pub l1: L1,
    /// The last fork.
    pub fork: Fork,
    /// How many batches were sent.
    pub batches: u64,
}

/// Makes the case of a seed.
///
/// # Errors
///
/// If either side does not read the chain's configuration.
pub fn make(seed: u64) -> anyhow::Result<Case> {
    let mut rng = StdRng::seed_from_u64(seed);
    let rng = &mut rng;
    let last = rng.random_range(0..=FORKS.len());
    let times = l1_times(rng);
    let skeleton =
        L1::new(times.iter().map(|(time, deposits)| (*time, vec![], *deposits)).collect());
    let chain = Chain::read(&configuration(rng, last, &skeleton))?;
    let blocks = sequence(rng, &chain, &skeleton, last);
    let mut batcher = Batcher { chain: &chain, last, batches: 0, next_id: 0 };
    let data = batcher.send(rng, &blocks, times.len())?;
    let batches = batcher.batches;
    let l1 = times.into_iter().zip(data).map(|((time, deposits), data)| (time, data, deposits));
    let fork = last.checked_sub(1).map_or(Fork::Bedrock, |last| FORKS[last].0);
    Ok(Case { l1: L1::new(l1.collect()), chain, fork, batches })
}

fn l1_times(rng: &mut StdRng) -> Vec<(u64, usize)> {
    let mut time = GENESIS;
    let count = rng.random_range(8..24);
    (0..count)
        .map(|number| {
            if number > 0 {
                time += if rng.random_bool(0.05) { 60 } else { rng.random_range(3..14) };
            }
            (time, if rng.random_bool(0.2) { rng.random_range(1..3) } else { 0 })
        })
        .collect()
}

fn configuration(rng: &mut StdRng, last: usize, l1: &L1) -> serde_json::Value {
    let mut config = json!({
        "genesis": {
            "l1": { "number": 0, "hash": l1.blocks[0].hash },
            "l2": { "number": 0, "hash": B256::repeat_byte(0x12) },
            "l2_time": GENESIS,
            "system_config": {
                "batcherAddr": BATCHER,
                "overhead": U256::from(188),
                "scalar": U256::from(684_000),
                "gasLimit": 30_000_000,
            },
        },
        "block_time": 2,
        "max_sequencer_drift": rng.random_range(10..40),
        "seq_window_size": rng.random_range(3..9),
        "channel_timeout": rng.random_range(2..8),
        "granite_channel_timeout": rng.random_range(2..6),
        "l1_chain_id": 900,
        "l2_chain_id": CHAIN_ID,
        "batch_inbox_address": Address::repeat_byte(0xff),
        "deposit_contract_address": PORTAL,
        "l1_system_config_address": Address::repeat_byte(0x22),
        "protocol_versions_address": Address::ZERO,
    });
    // The last fork begins within the case now and then.
    let late = rng.random_bool(0.35);
    let end = l1.blocks.last().map_or(GENESIS, |block| block.header.timestamp);
    for (index, (_, key)) in FORKS[..last].iter().enumerate() {
        let time = if late && index + 1 == last { rng.random_range(GENESIS + 2..=end) } else { 0 };
        config[*key] = time.into();
    }
    config
}

/// A sequencer's blocks: mostly by the rules.
fn sequence(rng: &mut StdRng, chain: &Chain, l1: &L1, last: usize) -> Vec<SingularBatch> {
    let config = &chain.ours;
    let end = l1.blocks.last().map_or(GENESIS, |block| block.header.timestamp);
    let (mut parent, mut epoch, mut timestamp) = (config.genesis.l2.hash, 0_usize, GENESIS);
    let mut blocks = Vec::new();
    while timestamp + 2 <= end {
        timestamp += 2;
        let next = l1.blocks.get(epoch + 1).filter(|next| next.header.timestamp <= timestamp);
        let origin = l1.blocks[epoch].header.timestamp;
        let late = timestamp > origin + config.sequencer_drift(origin);
        if next.is_some() && (late || rng.random_bool(0.6)) {
            epoch += 1;
        }
        let origin = l1.blocks[epoch].header.timestamp;
        let empty = timestamp > origin + config.sequencer_drift(origin)
            || config.is_activation(Fork::Jovian, timestamp);
        let count = if empty { 0 } else { rng.random_range(0..4) };
        let set_code = last == FORKS.len() && config.is_active(Fork::Isthmus, timestamp);
        let transactions: Vec<_> = (0..count).map(|_| transaction(rng, set_code)).collect();
        let batch = SingularBatch {
            parent_hash: parent,
            epoch_number: epoch as u64,
            epoch_hash: l1.blocks[epoch].hash,
            timestamp,
            transactions,
        };
        parent = block_hash(parent, timestamp, &batch.transactions);
        blocks.push(batch);
    }
    blocks
}

/// A transaction of any type a span carries.
fn transaction(rng: &mut StdRng, set_code: bool) -> Bytes {
    type Envelope = EthereumTxEnvelope<TxEip4844>;
    let seed: u64 = rng.random_range(1..1 << 40);
    let signature = Signature::new(U256::from(seed), U256::from(seed * 3), seed.is_multiple_of(2));
    let input =
        Bytes::from(vec![u8::try_from(seed % 251).unwrap_or_default(); rng.random_range(0..80)]);
    let to =
        if rng.random_bool(0.2) { TxKind::Create } else { TxKind::Call(Address::repeat_byte(9)) };
    let (nonce, gas_limit) = (seed % 1_000, 21_000 + seed % 100_000);
    let value = U256::from(seed) << rng.random_range(0..100);
    let chain_id = CHAIN_ID;
    let kind = rng.random_range(0..if set_code { 5 } else { 4 });
    let envelope: Envelope = match kind {
        0 | 1 => {
            let chain_id = (kind == 1).then_some(chain_id);
            let gas_price = u128::from(seed);
            TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input }
                .into_signed(signature)
                .into()
        }
        2 => TxEip2930 {
            chain_id,
            nonce,
            gas_price: 7,
            gas_limit,
            to,
            value,
            input,
            ..Default::default()
        }
        .into_signed(signature)
        .into(),
        3 => TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            to,
            value,
            input,
            max_fee_per_gas: 9,
            ..Default::default()
        }
        .into_signed(signature)
        .into(),
        _ => {
            let authorization =
                Authorization { chain_id: U256::from(chain_id), address: Address::ZERO, nonce };
            TxEip7702 {
                chain_id,
                nonce,
                gas_limit,
                value,
                input,
                to: Address::repeat_byte(4),
                authorization_list: vec![authorization.into_signed(signature)],
                ..Default::default()
            }
            .into_signed(signature)
            .into()
        }
    };
    envelope.encoded_2718().into()
}

struct Batcher<'a> {
    chain: &'a Chain,
    last: usize,
    batches: u64,
    next_id: u8,
}

impl Batcher<'_> {
    /// Sends a sequencer's blocks, and returns the data of each L1 block.
    fn send(
        &mut self,
        rng: &mut StdRng,
        blocks: &[SingularBatch],
        l1_count: usize,
    ) -> anyhow::Result<Vec<Vec<Bytes>>> {
        let mut data = vec![Vec::new(); l1_count];
        let mut at = 0;
        let mut channels = Vec::new();
        while at < blocks.len() {
            let end = (at + rng.random_range(1..10)).min(blocks.len());
            let start =
                if rng.random_bool(0.15) { at.saturating_sub(rng.random_range(1..4)) } else { at };
            channels.push((start, end));
            // Now and then some blocks are sent by nobody.
            at = end + if rng.random_bool(0.03) { rng.random_range(1..3) } else { 0 };
        }
        if rng.random_bool(0.1) && channels.len() > 1 {
            let at = rng.random_range(1..channels.len());
            channels.swap(at - 1, at);
        }
        let mut earliest = 1;
        for (start, end) in channels {
            let chunk = &blocks[start..end.min(blocks.len())];
            let Some(newest) = chunk.last() else { continue };
            let frames = self.channel(rng, chunk)?;
            let epoch = usize::try_from(newest.epoch_number).unwrap_or(usize::MAX);
            let delay =
                if rng.random_bool(0.1) { rng.random_range(0..8) } else { rng.random_range(0..2) };
            let mut block = (epoch + 1 + delay).max(earliest);
            if !rng.random_bool(0.1) {
                earliest = block;
            }
            let mut rest = frames.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rng.random_range(1..=rest.len()));
                if let Some(data) = data.get_mut(block) {
                    data.push(transaction_of(now));
                    if rng.random_bool(0.02) {
                        data.push(Bytes::from_static(&[0, 1, 2, 3]));
                    }
                }
                block += if rng.random_bool(0.3) { rng.random_range(1..4) } else { 0 };
                rest = later;
            }
        }
        Ok(data)
    }

    /// Makes a channel of blocks, and its frames as they are sent.
    fn channel(&mut self, rng: &mut StdRng, chunk: &[SingularBatch]) -> anyhow::Result<Vec<Frame>> {
        let mut builder = ChannelBuilder::default();
        let delta = self.last > 3 || (self.last == 3 && rng.random_bool(0.7));
        let spans = delta && rng.random_bool(0.6);
        let mut rest = chunk.to_vec();
        if rng.random_bool(0.12) {
            spoil(rng, &mut rest);
        }
        while !rest.is_empty() {
            let take = if spans { rng.random_range(1..=rest.len()) } else { 1 };
            let now: Vec<_> = rest.drain(..take).collect();
            // Blocks that make no span are sent one by one.
            if !spans || builder.push_span(&now, rng.random(), &self.chain.ours).is_err() {
                now.iter().for_each(|batch| builder.push_singular(batch));
                self.batches += now.len() as u64;
            } else {
                self.batches += 1;
            }
        }
        self.next_id = self.next_id.wrapping_add(1);
        // Brotli before Fjord is another matter: the two look at different clocks.
        let brotli = self.last > 5 && rng.random_bool(0.3);
        let compression = if brotli { Compression::Brotli } else { Compression::Zlib };
        let mut frames = builder.into_frames(
            ChannelId([self.next_id; 16]),
            compression,
            rng.random_range(60..600),
        );
        mishandle(rng, &mut frames);
        Ok(frames)
    }
}

/// Spoils one block of a chunk.
fn spoil(rng: &mut StdRng, chunk: &mut [SingularBatch]) {
    let at = rng.random_range(0..chunk.len());
    let batch = &mut chunk[at];
    match rng.random_range(0..8) {
        0 => batch.parent_hash = B256::repeat_byte(1),
        1 => batch.epoch_hash = B256::repeat_byte(2),
        2 => batch.epoch_number = batch.epoch_number.saturating_sub(1),
        3 => batch.epoch_number += rng.random_range(1..3),
        4 => batch.timestamp += 2,
        5 => batch.timestamp += 1,
        6 => batch.transactions.push(Bytes::from_static(&[0x7e, 1])),
        _ => batch.transactions.push(Bytes::new()),
    }
}

/// Mishandles a channel's frames.
fn mishandle(rng: &mut StdRng, frames: &mut Vec<Frame>) {
    if rng.random_bool(0.1) {
        frames.shuffle(rng);
    }
    if rng.random_bool(0.08) {
        let at = rng.random_range(0..frames.len());
        let again = frames[at].clone();
        frames.insert(rng.random_range(0..=frames.len()), again);
    }
    if rng.random_bool(0.04) {
        frames.remove(rng.random_range(0..frames.len()));
    }
    if rng.random_bool(0.03)
        && let Some(frame) = frames.last_mut()
    {
        frame.is_last = false;
    }
    if rng.random_bool(0.03)
        && let Some(frame) = frames.last().cloned()
    {
        frames.push(Frame { number: frame.number.wrapping_add(1), ..frame });
    }
}
