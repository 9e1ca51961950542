//! Our node beside an unmodified rusty-kaspa node, `kaspad`: what each says the other must understand, and both must come to one DAG.
//!
//! The executable is what `KASPAD` names, or `kaspad` on the path (`docs/TESTING.md`). Without one each test says so and passes.

mod kaspad;
mod start;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use quintet_kaspa_node::{
    consensus::MemoryLedger,
    ports::{Ledger, TransactionPool as _},
};
use quintet_kaspa_protocol::{
    address::{Address, AddressVersion, Prefix},
    block::Block,
    coinbase::MinerData,
    mass::storage_mass,
    params::{Network, Params},
    tx::{
        ComputeCommit, Outpoint, PopulatedTransaction, SubnetworkId, Transaction, TransactionInput,
        TransactionOutput, UtxoEntry,
    },
};
use quintet_net::dial::Target;
use quintet_primitives::{Hash256, hex};

use self::kaspad::{Kaspad, find};
use super::node::{Node, eventually};

/// BLAKE2b of the script that anybody satisfies: what is paid to it is standard, and so is spending it.
const ANYBODY: &str = "ce57216285125006ec18197bd8184221cefa559bb0798410d99a5bba5b07cd1d";

/// What satisfies it: the script behind the hash, as data.
const SATISFIED: [u8; 2] = [0x01, 0x51];

/// Blocks after which a coinbase may be spent, and some: more than one message of headers.
const RIPE: u64 = 1200;

fn anybody() -> Address {
    let hash: [u8; 32] = hex::decode_array(ANYBODY).unwrap();
    Address::new(Prefix::Simnet, AddressVersion::ScriptHash, &hash).unwrap()
}

/// The system's time, milliseconds since 1970: the reference knows no other.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// A clock that began so many blocks ago: mining them brings it to the present.
fn blocks_ago(blocks: u64) -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(now() - blocks * 100))
}

/// Finds a block whose coinbase anybody may spend, and tells of it.
fn mine(node: &Node, nonce: u64) -> Block {
    node.time.fetch_max(now(), Ordering::Relaxed);
    mine_at(node, nonce, Vec::new())
}

/// The same at the time it is for the node.
fn mine_at(node: &Node, nonce: u64, transactions: Vec<Transaction>) -> Block {
    node.time.fetch_add(100, Ordering::Relaxed);
    let script_public_key = anybody().script();
    let miner = MinerData { script_public_key, extra_data: b"beside" };
    let template = node.consensus().build_block_template(miner, transactions).unwrap().unwrap();
    let mut block = template.block;
    block.header.nonce = nonce;
    node.take(&block);
    node.network.announce_block(block.header.hash());
    block
}

/// Spends the reward of a block found early in a chain without branches.
fn spend(params: &Params, coinbase: &Transaction) -> Transaction {
    let output = &coinbase.outputs[0];
    let entry = UtxoEntry {
        amount: output.value,
        script_public_key: output.script_public_key.clone(),
        block_daa_score: 0,
        is_coinbase: true,
        covenant_id: None,
    };
    let mut tx = Transaction {
        version: 0,
        inputs: vec![TransactionInput {
            previous_outpoint: Outpoint { transaction_id: coinbase.id(), index: 0 },
            signature_script: SATISFIED.to_vec(),
            sequence: 0,
            compute_commit: ComputeCommit::SigOpCount(0),
        }],
        outputs: vec![TransactionOutput::new(entry.amount - 10_000_000, anybody().script())],
        lock_time: 0,
        subnetwork_id: SubnetworkId::NATIVE,
        gas: 0,
        payload: vec![],
        storage_mass: 0,
    };
    let entries = [entry];
    tx.storage_mass =
        storage_mass(params, PopulatedTransaction::new(&tx, &entries).unwrap()).unwrap();
    tx
}

fn has(node: &Node, hash: &Hash256) -> bool {
    node.consensus().status(hash).is_some_and(|status| status.has_body())
}

/// A node of ours that knows the reference node alone.
async fn beside(params: &Params, time: &Arc<AtomicU64>, kaspad: &Kaspad) -> Node {
    let node = Node::start(params, time, &[]).await;
    node.network.add_peer(Target::Addr(kaspad.p2p), true);
    node
}

/// A node with a chain, the reference node that downloaded it, and a second node that has it from there.
async fn line(executable: &PathBuf, params: &Params) -> (Node, Kaspad, Node, Vec<Block>) {
    let time = blocks_ago(RIPE);
    let ours = Node::start(params, &time, &[]).await;
    let blocks: Vec<Block> = (0..RIPE).map(|_| mine_at(&ours, 1, Vec::new())).collect();
    let sink = ours.consensus().sink();
    let kaspad = Kaspad::start(executable, params, ours.network.local_address()).await;
    eventually("the reference node is connected", || ours.network.peers().len() == 1).await;
    let peer = ours.network.peers().remove(0);
    assert!(peer.user_agent.contains("kaspad"), "{peer:?}");
    assert!((10..=11).contains(&peer.protocol), "{peer:?}");
    kaspad.reaches(sink).await;
    // What it took is seen by asking it: a new node of ours that knows nobody else.
    let new = beside(params, &time, &kaspad).await;
    eventually("our blocks came back from the reference node", || has(&new, &sink)).await;
    (ours, kaspad, new, blocks)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_node_downloads_our_blocks_and_another_node_of_ours_gets_them_from_it() {
    let Some(executable) = find() else { return };
    let params = Params::of(Network::Simnet);
    let (ours, kaspad, new, _) = line(&executable, &params).await;
    // Blocks go through it both ways.
    for nonce in 2..12 {
        let (from, to) = if nonce % 2 == 0 { (&ours, &new) } else { (&new, &ours) };
        let hash = mine(from, nonce).header.hash();
        eventually("a block goes through the reference node", || has(to, &hash)).await;
        kaspad.reaches(hash).await;
    }
    assert_eq!(ours.consensus().sink(), new.consensus().sink());
    // And blocks of its own making are blocks to us.
    for _ in 0..10 {
        kaspad.mine(&anybody().to_string()).await;
        let sink = kaspad.sink().await;
        for node in [&ours, &new] {
            eventually("its block is ours", || node.consensus().sink() == sink).await;
        }
    }
    new.stop().await;
    ours.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_go_through_a_reference_node_both_ways_and_into_its_blocks() {
    let Some(executable) = find() else { return };
    let params = Params::of(Network::Simnet);
    let (ours, kaspad, new, blocks) = line(&executable, &params).await;
    // The second block pays for the first.
    let txs = [&blocks[2], &blocks[3]].map(|block| spend(&params, &block.transactions[0]));
    for (tx, from, to) in [(&txs[0], &ours, &new), (&txs[1], &new, &ours)] {
        let id = tx.id();
        from.pool.submit(vec![tx.clone()]).remove(0).unwrap();
        from.network.announce_transactions([id]);
        eventually("a transaction goes through the reference node", || to.pool.has(&id)).await;
    }
    kaspad.mine(&anybody().to_string()).await;
    let sink = kaspad.sink().await;
    for node in [&ours, &new] {
        eventually("its block is ours", || node.consensus().sink() == sink).await;
        let body = node.consensus().body(&sink).unwrap().unwrap();
        for tx in &txs {
            assert!(body.iter().any(|there| there.id() == tx.id()), "it mined what we told");
        }
    }
    // What it merged and accepted we accept as well, and it us.
    let hash = mine(&ours, 7).header.hash();
    kaspad.reaches(hash).await;
    for tx in &txs {
        let spent = tx.inputs[0].previous_outpoint;
        assert_eq!(ours.consensus().utxo(&spent).unwrap(), None, "what it spends is spent");
    }
    new.stop().await;
    ours.stop().await;
}

/// Lets our node and the reference node find blocks apart, joins them, and waits for one sink: that of who found more.
async fn apart(executable: &PathBuf, ours: u64, theirs: u64) {
    let params = Params::of(Network::Simnet);
    let ledger = Arc::new(MemoryLedger::new());
    let time = blocks_ago(60);
    let open = || {
        let ledger = Arc::clone(&ledger) as Arc<dyn Ledger>;
        Node::over(&params, &time, Node::settings(&time), ledger)
    };
    let node = open().await;
    let kaspad = Kaspad::start(executable, &params, None).await;
    node.network.add_peer(Target::Addr(kaspad.p2p), true);
    let mined: Vec<_> = (0..20).map(|_| mine_at(&node, 1, Vec::new()).header.hash()).collect();
    let common = *mined.last().unwrap();
    kaspad.reaches(common).await;
    node.stop().await;
    let node = open().await;
    assert_eq!(node.consensus().sink(), common);
    time.fetch_max(now(), Ordering::Relaxed);
    (0..ours).for_each(|_| {
        mine_at(&node, 2, Vec::new());
    });
    for _ in 0..theirs {
        kaspad.mine(&anybody().to_string()).await;
    }
    let (our_sink, their_sink) = (node.consensus().sink(), kaspad.sink().await);
    assert_ne!(our_sink, their_sink);
    let wins = if ours > theirs { our_sink } else { their_sink };
    // Until both clocks say that all of these blocks are past.
    time.fetch_max(now(), Ordering::Relaxed);
    node.network.add_peer(Target::Addr(kaspad.p2p), true);
    eventually("we have their blocks", || has(&node, &their_sink)).await;
    eventually("our sink is that of who found more", || node.consensus().sink() == wins).await;
    kaspad.reaches(wins).await;
    // The next block of either has both sides below it.
    let next = mine(&node, 3);
    assert!(next.header.direct_parents().contains(&our_sink));
    assert!(next.header.direct_parents().contains(&their_sink));
    kaspad.reaches(next.header.hash()).await;
    kaspad.mine(&anybody().to_string()).await;
    let sink = kaspad.sink().await;
    eventually("one sink", || node.consensus().sink() == sink).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joined_after_a_partition_a_reference_node_goes_over_to_our_longer_chain() {
    let Some(executable) = find() else { return };
    apart(&executable, 150, 25).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joined_after_a_partition_we_go_over_to_a_reference_nodes_longer_chain() {
    let Some(executable) = find() else { return };
    apart(&executable, 25, 150).await;
}
