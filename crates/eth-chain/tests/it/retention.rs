//! What is kept, what is not, and what is said of the latter.

use alloy_primitives::U256;
use quintet_eth::state::{StateView as _, store::StateError};
use quintet_eth_chain::{BlockTag, ChainError, ChainOptions, EthChain, ForkchoiceError, Retention};

use crate::world::{COUNTER, assert_sound, mine_many, options, spec};

fn with(retention: Retention) -> EthChain {
    EthChain::in_memory(spec(), ChainOptions { retention, ..options() }).unwrap()
}

#[test]
fn a_state_that_is_pruned_is_said_to_be_with_what_is_kept() {
    let chain = with(Retention { states: 8, archive: false, bodies: None });
    mine_many(&chain, 20);
    let reader = chain.reader().unwrap();
    assert_eq!(reader.oldest_state().unwrap(), 12);
    let at = |number: u64| {
        let state = reader.state_at(BlockTag::Number(number))?;
        Ok::<_, ChainError>(state.storage(COUNTER, U256::ZERO).unwrap())
    };
    assert_eq!(at(12).unwrap(), U256::from(12));
    let error = at(11).unwrap_err();
    assert!(
        matches!(
            error,
            ChainError::State(StateError::NotKept { number: 11, oldest: 12, newest: 20 })
        ),
        "{error}"
    );
    let deep = chain.rollback(11).unwrap_err();
    assert!(matches!(deep, ForkchoiceError::TooDeep { ancestor: 11, oldest: 12, .. }), "{deep}");
    chain.rollback(12).unwrap();
    assert_sound(&chain);
}

#[test]
fn an_archive_reads_every_state() {
    let chain = with(Retention { states: 4, archive: true, bodies: None });
    mine_many(&chain, 30);
    let reader = chain.reader().unwrap();
    for number in 0..=30_u64 {
        let state = reader.state_at(BlockTag::Number(number)).unwrap();
        assert_eq!(state.storage(COUNTER, U256::ZERO).unwrap(), U256::from(number));
    }
}

#[test]
fn bodies_that_are_pruned_are_said_to_be_and_their_headers_stay() {
    let chain = with(Retention::pruned(8));
    mine_many(&chain, 30);
    let reader = chain.reader().unwrap();
    assert_eq!(reader.oldest_body().unwrap(), 23);
    assert_sound(&chain);
    let old = reader.canonical_hash(10).unwrap().unwrap();
    assert!(reader.header(old).unwrap().is_some());
    // A chain opened anew has nothing in memory.
    let store = StoreHolder::new();
    let chain = store.open(Retention::pruned(8));
    mine_many(&chain, 30);
    drop(chain);
    let chain = store.open(Retention::pruned(8));
    let reader = chain.reader().unwrap();
    let error = reader.block(old).unwrap_err();
    assert!(
        matches!(error, ChainError::Pruned { what: "bodies", number: 10, oldest: 23 }),
        "{error}"
    );
}

#[test]
fn a_chain_opened_with_less_retention_catches_up() {
    let store = StoreHolder::new();
    let chain = store.open(Retention::full());
    mine_many(&chain, 40);
    drop(chain);
    let chain = store.open(Retention::pruned(8));
    mine_many(&chain, 12);
    assert_eq!(chain.reader().unwrap().oldest_body().unwrap(), 45);
    assert_sound(&chain);
}

#[test]
fn another_genesis_is_refused() {
    let store = StoreHolder::new();
    drop(store.open(Retention::full()));
    let mut genesis = crate::world::genesis();
    genesis.timestamp += 1;
    let spec = quintet_eth_chain::ChainSpec::from_genesis(genesis).unwrap();
    let error = EthChain::open(store.directory.path(), spec, options()).unwrap_err();
    assert!(matches!(error, ChainError::OtherGenesis { .. }), "{error}");
}

/// A directory that outlives the chains in it.
struct StoreHolder {
    directory: tempfile::TempDir,
}

impl StoreHolder {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn open(&self, retention: Retention) -> EthChain {
        let options = ChainOptions {
            retention,
            durability: quintet_store::Durability::Buffered,
            ..options()
        };
        EthChain::open(self.directory.path(), spec(), options).unwrap()
    }
}
