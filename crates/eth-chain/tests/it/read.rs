//! What is read of a chain.

use alloy_primitives::{Address, B256, U256};
use quintet_eth::state::StateView as _;
use quintet_eth_chain::{BlockTag, ChainError, LogFilter, LogLimits, LogRange};

use crate::world::{COUNTER, Key, in_memory, mine, mine_many};

const ALL: LogRange = LogRange::Blocks { from: BlockTag::Earliest, to: BlockTag::Latest };

#[test]
fn logs_are_found_by_address_and_topic_and_bounded() {
    let chain = in_memory();
    mine_many(&chain, 20);
    let reader = chain.reader().unwrap();
    let search = |filter: &LogFilter, limits: &LogLimits| reader.logs(filter, ALL, limits);
    let limits = LogLimits::default();
    let of_counter = LogFilter { addresses: vec![COUNTER], ..LogFilter::default() };
    let found = search(&of_counter, &limits).unwrap();
    assert_eq!(found.len(), 20);
    assert_eq!((found[4].block.number, found[4].transaction_index, found[4].log_index), (5, 0, 0));
    assert_eq!(found[4].log.data.data[..], U256::from(5).to_be_bytes::<32>());
    let mut of_caller = LogFilter::default();
    of_caller.topics[0] = vec![B256::ZERO, Key::new(0).address.into_word()];
    assert_eq!(search(&of_caller, &limits).unwrap(), found);
    of_caller.topics[1] = vec![B256::ZERO];
    assert_eq!(search(&of_caller, &limits).unwrap(), []);
    let of_nobody = LogFilter { addresses: vec![Address::ZERO], ..LogFilter::default() };
    assert_eq!(search(&of_nobody, &limits).unwrap(), []);
    let error = search(&of_counter, &LogLimits { logs: 3, ..limits }).unwrap_err();
    assert!(matches!(error, ChainError::RangeLogs { most: 3, upto: 4, .. }), "{error}");
    let error = search(&of_counter, &LogLimits { blocks: 20, ..limits }).unwrap_err();
    assert!(matches!(error, ChainError::RangeBlocks { most: 20, actual: 21 }), "{error}");
    let range = LogRange::Blocks { from: BlockTag::Number(5), to: BlockTag::Number(4) };
    assert!(matches!(reader.logs(&of_counter, range, &limits), Err(ChainError::RangeOrder { .. })));
    let one =
        reader.logs(&LogFilter::default(), LogRange::Block(found[7].block.hash), &limits).unwrap();
    assert_eq!(one, found[7..8]);
}

#[test]
fn logs_are_found_through_the_index_of_a_whole_section() {
    let chain = in_memory();
    let (key, quiet) = (Key::new(0), Key::new(1));
    let calls = [7_u64, 2_000, 4_095, 4_096, 4_099];
    let mut nonce = 0;
    for number in 1..=4_100 {
        if calls.contains(&number) {
            let transaction = std::sync::Arc::new(key.call(nonce, COUNTER, 0, &[]));
            let candidate = quintet_eth_chain::Candidate { transaction, sender: key.address };
            mine(&chain, &[candidate]);
            nonce += 1;
        } else {
            mine(&chain, &[]);
        }
    }
    let filter = LogFilter { addresses: vec![COUNTER], ..LogFilter::default() };
    let numbers = |chain: &quintet_eth_chain::EthChain| {
        let found = chain.reader().unwrap().logs(&filter, ALL, &LogLimits::default()).unwrap();
        found.iter().map(|entry| entry.block.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&chain), calls);
    // Going back into the section takes its index back, and the next block that ends it writes it anew.
    chain.rollback(4_090).unwrap();
    assert_eq!(numbers(&chain), calls[..2]);
    for nonce in 0..8 {
        mine(&chain, &[quiet.candidate(nonce, COUNTER, 0)]);
    }
    let again: Vec<_> = calls[..2].iter().copied().chain(4_091..=4_098).collect();
    assert_eq!(numbers(&chain), again);
}

#[test]
fn the_state_of_an_earlier_block_is_read_and_proved() {
    let chain = in_memory();
    mine_many(&chain, 10);
    let reader = chain.reader().unwrap();
    for number in 0..=10 {
        let state = reader.state_at(number.into()).unwrap();
        assert_eq!(state.storage(COUNTER, U256::ZERO).unwrap(), U256::from(number));
        let header =
            reader.header(reader.canonical_hash(number).unwrap().unwrap()).unwrap().unwrap();
        let proof = reader.prove(number.into(), COUNTER, &[U256::ZERO]).unwrap();
        proof.verify(header.state_root).unwrap();
        assert_eq!(proof.storage[0].value, U256::from(number));
    }
    assert!(matches!(reader.state_at(11.into()), Err(ChainError::UnknownBlock { .. })));
}

#[test]
fn tags_name_blocks() {
    let chain = in_memory();
    mine_many(&chain, 2);
    let reader = chain.reader().unwrap();
    let number = |tag| reader.find(tag).unwrap().map(|at| at.number);
    assert_eq!(number(BlockTag::Latest), Some(2));
    assert_eq!(number(BlockTag::Earliest), Some(0));
    assert_eq!(number(BlockTag::Finalized), Some(0));
    assert_eq!(number(BlockTag::Number(1)), Some(1));
    assert_eq!(number(BlockTag::Number(3)), None);
    assert_eq!(number(BlockTag::Hash(reader.head().hash)), Some(2));
    assert_eq!(number(BlockTag::Hash(B256::ZERO)), None);
}
