//! A development chain: mining, time, snapshots, accounts set by hand.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use alloy_consensus::{TxEip1559, TypedTransaction};
use alloy_primitives::{Address, B256, TxKind, U256, bytes};
use quintet_eth::{state::StateView as _, tx::EthTransaction};
use quintet_eth_chain::{BlockTag, Candidate, ChainOptions, EthChain, Retention};
use quintet_lux_node::{
    dev::{
        CHAIN_ID_DEFAULT, DevChain, DevError, DevOptions, MNEMONIC, Miner, Mining,
        TransactionSource, accounts, impersonated,
    },
    genesis::LuxGenesis,
};
use tokio_util::sync::CancellationToken;

const ETHER: u64 = 1_000_000_000_000_000_000;
const TO: Address = Address::repeat_byte(0x77);

/// A pool that gives what was put in, once.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Vec<Candidate>>,
    refreshed: AtomicU64,
}

impl TransactionSource for Queue {
    fn candidates(&self, _base_fee: u64, _blob_fee: u128, most: usize) -> Vec<Candidate> {
        let mut waiting = self.waiting.lock().unwrap();
        let count = waiting.len().min(most);
        waiting.drain(..count).collect()
    }

    fn forget(&self, _hash: B256) {}

    fn clear(&self) {
        self.waiting.lock().unwrap().clear();
    }

    fn refresh(&self) {
        self.refreshed.fetch_add(1, Ordering::Relaxed);
    }
}

struct World {
    dev: DevChain,
    queue: Arc<Queue>,
    clock: Arc<AtomicU64>,
}

fn world(mining: Mining) -> World {
    let keys = accounts(MNEMONIC, 3).unwrap();
    let addresses: Vec<_> = keys.iter().map(|key| key.address).collect();
    let balance = U256::from(10_000) * U256::from(ETHER);
    let genesis = LuxGenesis::development(CHAIN_ID_DEFAULT, 1_000, 30_000_000, addresses, balance);
    let retention = Retention { states: 1_000, ..Retention::full() };
    let options = ChainOptions { retention, threads: 1, ..ChainOptions::default() };
    let chain = EthChain::in_memory(genesis.unwrap().spec, options).unwrap();
    let (queue, clock) = (Arc::new(Queue::default()), Arc::new(AtomicU64::new(2_000)));
    let now = Arc::clone(&clock);
    let dev = DevChain::new(
        chain,
        Arc::clone(&queue) as _,
        Arc::new(move || now.load(Ordering::Relaxed)),
        DevOptions { mining, coinbase: Address::repeat_byte(0xc0), accounts: keys },
    );
    World { dev, queue, clock }
}

fn transfer(nonce: u64, value: u64) -> TypedTransaction {
    TypedTransaction::Eip1559(TxEip1559 {
        chain_id: CHAIN_ID_DEFAULT,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 2_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(TO),
        value: U256::from(value),
        ..TxEip1559::default()
    })
}

impl World {
    fn send(&self, account: usize, nonce: u64, value: u64) {
        let account = &self.dev.accounts()[account];
        let transaction = account.sign(transfer(nonce, value)).unwrap();
        self.put(transaction, account.address);
    }

    fn put(&self, transaction: EthTransaction, sender: Address) {
        let candidate = Candidate { transaction: Arc::new(transaction), sender };
        self.queue.waiting.lock().unwrap().push(candidate);
        self.dev.on_pending().unwrap();
    }

    fn balance(&self, of: Address) -> U256 {
        let reader = self.dev.chain().reader().unwrap();
        reader.state().account(of).unwrap().map_or(U256::ZERO, |account| account.balance)
    }

    fn head(&self) -> u64 {
        self.dev.chain().head().number
    }

    fn head_time(&self) -> u64 {
        let reader = self.dev.chain().reader().unwrap();
        reader.header(reader.head().hash).unwrap().unwrap().timestamp
    }
}

#[test]
fn a_transaction_is_mined_at_once_or_when_asked() {
    let world = world(Mining::Instant);
    world.send(0, 0, 5);
    assert_eq!((world.head(), world.balance(TO)), (1, U256::from(5)));
    world.dev.set_mining(Mining::Manual);
    world.send(0, 1, 5);
    assert_eq!(world.head(), 1);
    world.dev.mine(1, None).unwrap();
    assert_eq!((world.head(), world.balance(TO)), (2, U256::from(10)));
    world.dev.mine(3, Some(60)).unwrap();
    assert_eq!(world.head(), 5);
    assert!(matches!(world.dev.mine(u64::MAX, None), Err(DevError::TooMany { .. })));
}

#[test]
fn nothing_is_mined_of_what_no_block_takes() {
    let world = world(Mining::Instant);
    world.send(0, 7, 5);
    assert_eq!(world.head(), 0);
}

#[test]
fn a_revert_restores_blocks_accounts_and_time() {
    let world = world(Mining::Instant);
    let account = Address::repeat_byte(0x11);
    world.send(0, 0, 1);
    world.dev.set_balance(account, U256::from(1)).unwrap();
    let snapshot = world.dev.snapshot();
    let time = world.dev.now();
    world.dev.set_balance(account, U256::from(2)).unwrap();
    world.dev.set_nonce(account, 9).unwrap();
    world.send(0, 1, 1);
    world.dev.increase_time(1_000);
    world.dev.set_balance(account, U256::from(3)).unwrap();
    let inner = world.dev.snapshot();
    world.send(0, 2, 1);
    assert_eq!((world.head(), world.balance(TO)), (3, U256::from(3)));
    assert!(world.dev.revert(snapshot).unwrap());
    assert_eq!((world.head(), world.balance(TO)), (1, U256::from(1)));
    assert_eq!(world.balance(account), U256::from(1));
    assert_eq!(world.dev.now(), time);
    assert!(!world.dev.revert(snapshot).unwrap(), "it is forgotten");
    assert!(!world.dev.revert(inner).unwrap(), "so are those after it");
    world.send(0, 1, 4);
    assert_eq!(world.balance(TO), U256::from(5));
    assert!(world.queue.refreshed.load(Ordering::Relaxed) >= 4);
}

#[test]
fn time_is_moved_and_goes_on_from_there() {
    let world = world(Mining::Manual);
    world.dev.mine(1, None).unwrap();
    assert_eq!(world.head_time(), 2_000);
    assert_eq!(world.dev.increase_time(3_600), 3_600);
    world.dev.mine(1, None).unwrap();
    assert_eq!(world.head_time(), 5_600);
    world.dev.set_next_timestamp(9_000).unwrap();
    world.dev.mine(1, None).unwrap();
    world.clock.fetch_add(5, Ordering::Relaxed);
    world.dev.mine(1, None).unwrap();
    assert_eq!(world.head_time(), 9_005);
    let error = world.dev.set_next_timestamp(9_005).unwrap_err();
    assert!(matches!(error, DevError::Timestamp { head: 9_005, actual: 9_005 }));
    world.dev.set_timestamp_step(Some(7));
    world.dev.mine(2, None).unwrap();
    assert_eq!(world.head_time(), 9_019);
}

#[test]
fn anybody_may_send_in_the_name_of_an_account() {
    let world = world(Mining::Instant);
    let whale = Address::repeat_byte(0x99);
    world.dev.fund(whale, U256::from(ETHER)).unwrap();
    assert!(!world.dev.is_impersonated(whale));
    world.dev.impersonate(whale);
    assert!(world.dev.is_impersonated(whale));
    world.put(impersonated(transfer(0, 3), whale).unwrap(), whale);
    assert_eq!((world.head(), world.balance(TO)), (1, U256::from(3)));
    let reader = world.dev.chain().reader().unwrap();
    let hash = reader.canonical_hash(1).unwrap().unwrap();
    assert_eq!(reader.block(hash).unwrap().unwrap().senders, [whale]);
    // It is taken back and done again with the same sender, though nobody could recover it.
    let zero = B256::ZERO;
    let genesis = reader.genesis().hash;
    world.dev.chain().set_forkchoice(genesis, zero, zero).unwrap();
    assert_eq!(world.balance(TO), U256::ZERO);
}

#[test]
fn code_and_slots_are_set_by_hand() {
    let world = world(Mining::Instant);
    let contract = Address::repeat_byte(0x55);
    world.dev.set_storage_at(contract, U256::from(3), B256::with_last_byte(9)).unwrap();
    // Returns slot 3.
    world.dev.set_code(contract, bytes!("6003545f5260205ff3")).unwrap();
    let reader = world.dev.chain().reader().unwrap();
    let call = quintet_evm::execute::CallTransaction {
        to: TxKind::Call(contract),
        gas_limit: 100_000,
        ..Default::default()
    };
    let called = reader.simulator(BlockTag::Latest).unwrap().call(&call, None).unwrap();
    let quintet_evm::execute::Ending::Returned { output, .. } = called.ending else {
        panic!("{:?}", called.ending)
    };
    assert_eq!(output[..], B256::with_last_byte(9)[..]);
}

#[test]
fn the_next_block_says_what_it_was_told_to_and_later_ones_do_not() {
    let world = world(Mining::Manual);
    world.dev.set_next_base_fee(77);
    world.dev.set_next_prev_randao(B256::repeat_byte(5));
    world.dev.set_gas_limit(12_345_678);
    world.dev.set_coinbase(TO);
    world.dev.mine(2, None).unwrap();
    let reader = world.dev.chain().reader().unwrap();
    let header =
        |number| reader.header(reader.canonical_hash(number).unwrap().unwrap()).unwrap().unwrap();
    let (first, second) = (header(1), header(2));
    assert_eq!((first.base_fee_per_gas, first.mix_hash), (Some(77), B256::repeat_byte(5)));
    assert_ne!(second.mix_hash, B256::repeat_byte(5));
    assert_eq!((second.gas_limit, second.beneficiary), (12_345_678, TO));
    assert_eq!(second.extra_data[..], [1]);
}

#[tokio::test(start_paused = true)]
async fn blocks_come_at_intervals_until_that_is_changed() {
    let world = world(Mining::Interval { millis: 1_000 });
    let stop = CancellationToken::new();
    let running = tokio::spawn(Miner::new(world.dev.clone()).run(stop.clone()));
    let (sender, mut mined) = tokio::sync::mpsc::unbounded_channel();
    let _subscription =
        world.dev.chain().subscribe(Arc::new(move |event: &quintet_eth_chain::ChainEvent| {
            if let quintet_eth_chain::ChainEvent::Connected { block, .. } = event {
                let _ = sender.send(block.header().number);
            }
        }));
    for number in 1..=3 {
        assert_eq!(mined.recv().await, Some(number));
    }
    stop.cancel();
    running.await.unwrap();
}
