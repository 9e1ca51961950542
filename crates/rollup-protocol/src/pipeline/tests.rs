//! The pipeline against an L1 made for it: one test a rule that no stage can show alone.

use std::{cell::RefCell, collections::HashMap};

use alloy_consensus::Receipt;
use alloy_primitives::{Address, Bloom, BloomInput, Bytes, Log, LogData, U256};

use super::*;
use crate::{
    encode::{ChannelBuilder, Compression, transaction_of},
    frame::{ChannelId, Frame},
    inbox::{InboxPayload, InboxTx, blob},
    refs::{NoBlocks, SafeBlock},
    testing::{config_at, transactions},
};

const BATCHER: Address = Address::repeat_byte(0xba);

fn l1_hash(number: u64) -> B256 {
    B256::from(U256::from(1 + number))
}

fn l2_hash(number: u64) -> B256 {
    if number == 0 { B256::from(U256::from(2)) } else { B256::from(U256::from(1_000_000 + number)) }
}

/// An L1 of six-second blocks: three L2 blocks an epoch.
#[derive(Default)]
struct FakeL1 {
    headers: Vec<L1Header>,
    inbox: HashMap<u64, Vec<InboxTx>>,
    receipts: HashMap<u64, Vec<Receipt>>,
    blobs: HashMap<B256, Vec<u8>>,
    asked: RefCell<Vec<u64>>,
}

impl FakeL1 {
    fn new(blocks: u64) -> Self {
        let header = |number: u64| L1Header {
            block: L1Ref {
                number,
                hash: l1_hash(number),
                parent_hash: number.checked_sub(1).map(l1_hash).unwrap_or_default(),
                timestamp: 100 + 6 * number,
            },
            base_fee: 7,
            ..L1Header::default()
        };
        Self { headers: (0..=blocks).map(header).collect(), ..Self::default() }
    }

    fn send(&mut self, block: u64, frames: &[Frame]) {
        let payload = InboxPayload::Calldata(transaction_of(frames));
        self.inbox.entry(block).or_default().push(InboxTx { sender: BATCHER, payload });
    }

    fn log(&mut self, block: u64, log: Log) {
        let bloom = &mut self.headers[usize::try_from(block).unwrap()].logs_bloom;
        bloom.accrue(BloomInput::Raw(log.address.as_slice()));
        bloom.accrue(BloomInput::Raw(log.topics()[0].as_slice()));
        self.receipts
            .entry(block)
            .or_default()
            .push(Receipt { logs: vec![log], ..Receipt::default() });
    }
}

impl L1View for FakeL1 {
    fn header(&self, number: u64) -> Option<&L1Header> {
        self.headers.get(usize::try_from(number).ok()?)
    }

    fn inbox(&self, block: &L1Ref) -> Option<&[InboxTx]> {
        Some(self.inbox.get(&block.number).map_or(&[], Vec::as_slice))
    }

    fn receipts(&self, block: &L1Ref) -> Option<&[Receipt]> {
        self.asked.borrow_mut().push(block.number);
        self.receipts.get(&block.number).map(Vec::as_slice)
    }

    fn blob(&self, _block: &L1Ref, hash: &B256) -> Option<&[u8]> {
        self.blobs.get(hash).map(Vec::as_slice)
    }
}

fn chain(fork: Fork) -> RollupConfig {
    let mut config = config_at(fork);
    config.genesis.system_config.batcher = BATCHER;
    config
}

fn pipeline(config: &RollupConfig, l1: &FakeL1) -> Pipeline {
    Pipeline::new(Arc::new(config.clone()), &Start::genesis(config, l1.headers[0].block))
}

/// What the sequencer made of block `number`.
fn batch(config: &RollupConfig, number: u64) -> SingularBatch {
    SingularBatch {
        parent_hash: l2_hash(number - 1),
        epoch_number: number / 3,
        epoch_hash: l1_hash(number / 3),
        timestamp: 100 + 2 * number,
        transactions: transactions(config.l2_chain_id, number)[..3].to_vec(),
    }
}

fn batches(config: &RollupConfig, numbers: core::ops::RangeInclusive<u64>) -> Vec<SingularBatch> {
    numbers.map(|number| batch(config, number)).collect()
}

fn singular(batches: &[SingularBatch], id: u8) -> Vec<Frame> {
    let mut builder = ChannelBuilder::default();
    batches.iter().for_each(|batch| builder.push_singular(batch));
    builder.into_frames(ChannelId([id; 16]), Compression::Zlib, 80)
}

fn span(config: &RollupConfig, batches: &[SingularBatch], id: u8) -> Vec<Frame> {
    let mut builder = ChannelBuilder::default();
    builder.push_span(batches, false, config).unwrap();
    builder.into_frames(ChannelId([id; 16]), Compression::Zlib, 80)
}

/// Drives to the end of L1, confirming every block.
fn derive_all(pipeline: &mut Pipeline, l1: &FakeL1) -> Vec<DerivedAttributes> {
    let mut derived = Vec::new();
    loop {
        match pipeline.poll(l1, &NoBlocks).unwrap() {
            Step::Attributes(attributes) => {
                pipeline.confirm(l2_hash(attributes.parent.number + 1)).unwrap();
                derived.push((*attributes).clone());
            }
            Step::Advanced { .. } => {}
            Step::NeedL1(Need::Header { number }) => {
                assert_eq!(number, l1.headers.len() as u64);
                return derived;
            }
            other => panic!("{other:?}"),
        }
    }
}

fn numbers(derived: &[DerivedAttributes]) -> Vec<u64> {
    derived.iter().map(|attributes| attributes.parent.number + 1).collect()
}

fn users(attributes: &DerivedAttributes) -> &[Bytes] {
    &attributes.attributes.transactions[attributes.deposits..]
}

#[test]
fn what_a_batcher_sent_is_derived_in_every_fork_and_format() {
    for fork in Fork::ALL.into_iter().filter(|fork| *fork != Fork::Lagoon) {
        for is_span in [false, true] {
            if is_span && fork < Fork::Delta {
                continue;
            }
            let config = chain(fork);
            let sent = batches(&config, 1..=9);
            let mut l1 = FakeL1::new(6);
            let frames = if is_span { span(&config, &sent, 1) } else { singular(&sent, 1) };
            assert!(frames.len() > 2);
            // One transaction each, over two blocks.
            let (first, second) = frames.split_at(frames.len() / 2);
            first.iter().for_each(|frame| l1.send(4, core::slice::from_ref(frame)));
            l1.send(5, second);
            let mut pipeline = pipeline(&config, &l1);
            let derived = derive_all(&mut pipeline, &l1);
            assert_eq!(numbers(&derived), (1..=9).collect::<Vec<_>>(), "{fork:?} {is_span}");
            for (attributes, batch) in derived.iter().zip(&sent) {
                assert_eq!(users(attributes), batch.transactions);
                assert_eq!(attributes.l1_origin.number, batch.epoch_number);
                assert_eq!(attributes.sequence_number, (attributes.parent.number + 1) % 3);
                assert_eq!(attributes.derived_from.number, 5);
            }
            assert_eq!(pipeline.safe_head().number, 9);
            assert!(l1.asked.borrow().is_empty(), "no bloom holds anything");
        }
    }
}

#[test]
fn a_closed_sequencing_window_is_filled_with_empty_blocks() {
    for fork in [Fork::Canyon, Fork::Holocene] {
        let config = chain(fork);
        let l1 = FakeL1::new(14);
        let derived = derive_all(&mut pipeline(&config, &l1), &l1);
        assert!(derived.iter().all(|attributes| users(attributes).is_empty()));
        // Blocks up to the epoch whose window has closed: 10 L1 blocks each.
        let last = derived.last().unwrap();
        assert!(last.l1_origin.number >= 3 && last.parent.number >= 8, "{fork:?} {last:?}");
        let times: Vec<_> = derived.iter().map(|a| a.attributes.timestamp).collect();
        assert!(times.windows(2).all(|pair| pair[1] == pair[0] + 2));
    }
}

#[test]
fn another_branch_of_l1_is_a_reset() {
    let config = chain(Fork::Holocene);
    let mut l1 = FakeL1::new(3);
    l1.headers[3].block.parent_hash = B256::repeat_byte(9);
    let mut pipeline = pipeline(&config, &l1);
    let step = loop {
        match pipeline.poll(&l1, &NoBlocks).unwrap() {
            Step::Advanced { .. } => {}
            step => break step,
        }
    };
    let expected = l1.headers[2].block.id();
    let reset = Reset::L1Reorg { expected, actual: B256::repeat_byte(9) };
    assert_eq!(step, Step::Reset(reset));
    let fresh = FakeL1::new(4);
    pipeline.reset(&Start::genesis(&config, fresh.headers[0].block));
    derive_all(&mut pipeline, &fresh);
    assert_eq!(pipeline.origin().number, 4);
}

#[test]
fn from_holocene_an_invalid_block_becomes_deposits_alone_and_its_channel_ends() {
    let config = chain(Fork::Holocene);
    let sent = batches(&config, 1..=6);
    let mut l1 = FakeL1::new(5);
    l1.send(4, &span(&config, &sent, 1));
    let mut pipeline = pipeline(&config, &l1);
    let mut out = Vec::new();
    loop {
        match pipeline.poll(&l1, &NoBlocks).unwrap() {
            Step::Attributes(attributes) => {
                let number = attributes.parent.number + 1;
                if number == 3 && !attributes.is_deposits_only {
                    assert_eq!(pipeline.poll(&l1, &NoBlocks).unwrap(), Step::AwaitingResult);
                    pipeline.reject().unwrap();
                } else {
                    pipeline.confirm(l2_hash(number)).unwrap();
                    out.push((number, users(&attributes).len()));
                }
            }
            Step::Advanced { .. } => {}
            _ => break,
        }
    }
    assert_eq!(out, [(1, 3), (2, 3), (3, 0)]);
    assert_eq!(pipeline.stats().rejected, 1);
}

#[test]
fn a_block_of_deposits_alone_that_is_invalid_ends_derivation() {
    let config = chain(Fork::Holocene);
    let l1 = FakeL1::new(14);
    let mut pipeline = pipeline(&config, &l1);
    assert_eq!(pipeline.reject(), Err(DerivationError::NothingPending));
    while !matches!(pipeline.poll(&l1, &NoBlocks).unwrap(), Step::Attributes(_)) {}
    assert!(matches!(pipeline.reject(), Err(DerivationError::DepositsOnlyInvalid { .. })));
}

#[test]
fn before_holocene_a_span_is_taken_back_whole_and_the_next_batch_tried() {
    let config = chain(Fork::Granite);
    let sent = batches(&config, 1..=4);
    let mut other = sent.clone();
    other.iter_mut().for_each(|batch| batch.transactions.truncate(1));
    let mut l1 = FakeL1::new(6);
    l1.send(4, &span(&config, &sent, 1));
    l1.send(5, &singular(&other, 2));
    let mut pipeline = pipeline(&config, &l1);
    let mut out = Vec::new();
    loop {
        match pipeline.poll(&l1, &NoBlocks).unwrap() {
            Step::Attributes(attributes) => {
                let (number, count) = (attributes.parent.number + 1, users(&attributes).len());
                if number == 3 && count == 3 {
                    assert_eq!((pipeline.head().number, pipeline.safe_head().number), (2, 0));
                    pipeline.reject().unwrap();
                } else {
                    pipeline.confirm(l2_hash(number)).unwrap();
                    out.push((number, count));
                }
            }
            Step::Advanced { .. } => {}
            _ => break,
        }
    }
    assert_eq!(out, [(1, 3), (2, 3), (1, 1), (2, 1), (3, 1), (4, 1)]);
}

#[test]
fn batches_out_of_order_wait_before_holocene_and_end_the_channel_from_it() {
    for (fork, expected) in [(Fork::Granite, vec![1, 2, 3]), (Fork::Holocene, vec![1])] {
        let config = chain(fork);
        let mut sent = batches(&config, 1..=3);
        sent.swap(1, 2);
        let mut l1 = FakeL1::new(4);
        l1.send(3, &singular(&sent, 1));
        let mut pipeline = pipeline(&config, &l1);
        assert_eq!(numbers(&derive_all(&mut pipeline, &l1)), expected);
        let dropped = pipeline.stats().dropped_batches.get(&DropRule::FutureTimestamp);
        assert_eq!(dropped.is_some(), fork == Fork::Holocene);
    }
}

#[test]
fn the_first_block_of_holocene_forgets_frames_and_batches() {
    let mut config = chain(Fork::Granite);
    config.forks.set(Fork::Holocene, Some(100 + 6 * 4));
    let frames = singular(&batches(&config, 1..=3), 1);
    let (first, second) = frames.split_at(1);
    for (at, expected) in [(3, vec![1, 2, 3]), (4, vec![])] {
        let mut l1 = FakeL1::new(6);
        l1.send(3, first);
        l1.send(at, second);
        assert_eq!(numbers(&derive_all(&mut pipeline(&config, &l1), &l1)), expected, "{at}");
    }
}

#[test]
fn blobs_are_asked_for_together_and_read_in_order() {
    let config = chain(Fork::Ecotone);
    let frames = singular(&batches(&config, 1..=3), 1);
    let (first, second) = frames.split_at(1);
    let hashes = vec![B256::repeat_byte(1), B256::repeat_byte(2)];
    let mut l1 = FakeL1::new(4);
    let payload = InboxPayload::Blobs { hashes: hashes.clone(), calldata: Bytes::new() };
    l1.inbox.insert(3, vec![InboxTx { sender: BATCHER, payload }]);
    let mut pipeline = pipeline(&config, &l1);
    let need = loop {
        match pipeline.poll(&l1, &NoBlocks).unwrap() {
            Step::Advanced { .. } => {}
            step => break step,
        }
    };
    let block = l1.headers[3].block;
    assert_eq!(need, Step::NeedL1(Need::Blobs { block, hashes: hashes.clone() }));
    for (hash, frames) in hashes.iter().zip([first, second]) {
        l1.blobs.insert(*hash, blob::encode(&transaction_of(frames)).unwrap());
    }
    assert_eq!(numbers(&derive_all(&mut pipeline, &l1)), [1, 2, 3]);
}

fn deposit_log(config: &RollupConfig) -> Log {
    let mut data = [U256::from(32), U256::from(73)].map(|word| word.to_be_bytes::<32>()).concat();
    data.resize(64 + 96, 0);
    let topics = vec![DEPOSIT_TOPIC, B256::ZERO, B256::ZERO, B256::ZERO];
    Log { address: config.deposit_contract, data: LogData::new_unchecked(topics, data.into()) }
}

fn batcher_log(config: &RollupConfig, batcher: Address) -> Log {
    let words = [U256::from(32), U256::from(32), U256::from_be_bytes(batcher.into_word().0)];
    let data = words.map(|word| word.to_be_bytes::<32>()).concat();
    let topics = vec![CONFIG_UPDATE_TOPIC, B256::ZERO, B256::ZERO];
    Log { address: config.l1_system_config, data: LogData::new_unchecked(topics, data.into()) }
}

#[test]
fn receipts_are_asked_for_where_the_bloom_may_hold_what_counts() {
    let config = chain(Fork::Holocene);
    let mut l1 = FakeL1::new(4);
    l1.log(1, deposit_log(&config));
    l1.headers[2].logs_bloom = Bloom::ZERO;
    l1.send(3, &singular(&batches(&config, 1..=4), 1));
    let derived = derive_all(&mut pipeline(&config, &l1), &l1);
    assert_eq!(*l1.asked.borrow(), [1]);
    let deposits: Vec<_> = derived.iter().map(|attributes| attributes.deposits).collect();
    assert_eq!(deposits, [1, 1, 2, 1], "block 3 begins epoch 1");
}

#[test]
fn a_new_batcher_counts_from_the_block_that_names_it() {
    let config = chain(Fork::Holocene);
    let sent = batches(&config, 1..=4);
    let mut l1 = FakeL1::new(5);
    let next = Address::repeat_byte(0xcc);
    l1.log(3, batcher_log(&config, next));
    l1.send(2, &singular(&sent[..2], 1));
    l1.send(3, &singular(&sent[2..3], 2));
    l1.send(4, &singular(&sent[2..], 3));
    for tx in l1.inbox.get_mut(&4).unwrap() {
        tx.sender = next;
    }
    let derived = derive_all(&mut pipeline(&config, &l1), &l1);
    assert_eq!(numbers(&derived), [1, 2, 3, 4]);
    assert_eq!(
        derived[2].derived_from.number, 4,
        "what the old batcher sent in block 3 is nobody's"
    );
}

#[test]
fn a_malformed_deposit_stops_derivation() {
    let config = chain(Fork::Holocene);
    let mut l1 = FakeL1::new(4);
    let mut log = deposit_log(&config);
    log.data.topics_mut()[3] = B256::repeat_byte(1);
    l1.log(2, log);
    let mut pipeline = pipeline(&config, &l1);
    let error = loop {
        match pipeline.poll(&l1, &NoBlocks) {
            Ok(Step::Advanced { .. }) => {}
            other => break other.unwrap_err(),
        }
    };
    assert!(matches!(error, DerivationError::Deposit { .. }));
}

/// The safe chain as it was derived.
struct Safe(Vec<SafeBlock>);

impl SafeChain for Safe {
    fn safe_block(&self, number: u64) -> Option<SafeBlock> {
        self.0.iter().find(|block| block.block.number == number).cloned()
    }
}

#[test]
fn a_span_that_overlaps_the_safe_chain_must_agree_with_it() {
    for (fork, same, expected) in [
        (Fork::Granite, true, 4),
        (Fork::Granite, false, 2),
        // From Holocene the blocks in common are not looked at.
        (Fork::Holocene, true, 4),
        (Fork::Holocene, false, 4),
    ] {
        let config = chain(fork);
        let sent = batches(&config, 1..=4);
        let mut longer = sent.clone();
        if !same {
            longer[1].transactions.clear();
        }
        let mut l1 = FakeL1::new(4);
        l1.send(2, &singular(&sent[..2], 1));
        l1.send(3, &span(&config, &longer, 2));
        let mut pipeline = pipeline(&config, &l1);
        let genesis = SafeBlock { block: *pipeline.safe_head(), transactions: vec![] };
        let mut safe = Safe(vec![genesis]);
        loop {
            match pipeline.poll(&l1, &safe).unwrap() {
                Step::Attributes(attributes) => {
                    let block = pipeline.confirm(l2_hash(attributes.parent.number + 1)).unwrap();
                    let transactions = attributes.attributes.transactions.clone();
                    safe.0.push(SafeBlock { block, transactions });
                }
                Step::Advanced { .. } => {}
                Step::NeedL1(_) => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(pipeline.safe_head().number, expected, "{fork:?} {same}");
        assert_eq!(
            pipeline.poll(&l1, &NoBlocks).unwrap(),
            Step::NeedL1(Need::Header { number: 5 })
        );
    }
}

#[test]
fn a_missing_safe_block_is_asked_for() {
    let config = chain(Fork::Granite);
    let sent = batches(&config, 1..=4);
    let mut l1 = FakeL1::new(4);
    l1.send(2, &singular(&sent[..2], 1));
    l1.send(3, &span(&config, &sent, 2));
    let mut pipeline = pipeline(&config, &l1);
    let need = loop {
        match pipeline.poll(&l1, &NoBlocks).unwrap() {
            Step::Attributes(attributes) => {
                pipeline.confirm(l2_hash(attributes.parent.number + 1)).unwrap();
            }
            Step::Advanced { .. } => {}
            step => break step,
        }
    };
    assert_eq!(need, Step::NeedL2 { number: 0 });
    assert_eq!(pipeline.poll(&l1, &NoBlocks).unwrap(), need, "asking again changes nothing");
}

#[test]
fn a_commitment_to_data_elsewhere_is_refused_on_chains_that_use_them() {
    let mut config = chain(Fork::Granite);
    let send = |config: &RollupConfig| {
        let mut l1 = FakeL1::new(3);
        let payload = InboxPayload::Calldata(vec![1, 0, 7].into());
        l1.inbox.insert(2, vec![InboxTx { sender: BATCHER, payload }]);
        let mut pipeline = pipeline(config, &l1);
        loop {
            match pipeline.poll(&l1, &NoBlocks) {
                Ok(Step::Advanced { .. }) => {}
                other => return other,
            }
        }
    };
    assert!(send(&config).is_ok());
    config.alt_da = Some(crate::config::AltDaConfig {
        challenge_contract: Address::ZERO,
        challenge_window: 1,
        resolve_window: 1,
        commitment: crate::config::CommitmentKind::Keccak,
    });
    assert!(matches!(send(&config), Err(DerivationError::AltDa { .. })));
}

#[test]
fn without_execution_the_batches_say_which_hashes_their_parents_have() {
    let config = chain(Fork::Holocene);
    let sent = batches(&config, 1..=3);
    let mut l1 = FakeL1::new(4);
    l1.send(3, &singular(&sent, 1));
    let mut pipeline = pipeline(&config, &l1);
    let mut parents = Vec::new();
    loop {
        match pipeline.poll(&l1, &NoBlocks).unwrap() {
            Step::Attributes(attributes) => {
                parents.push(attributes.parent.hash);
                pipeline.confirm(B256::ZERO).unwrap();
            }
            Step::Advanced { .. } => {}
            _ => break,
        }
    }
    assert_eq!(parents, [l2_hash(0), l2_hash(1), l2_hash(2)]);
}
