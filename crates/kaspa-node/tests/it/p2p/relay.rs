//! What one node finds or takes reaches the others.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicU64},
};

use quintet_kaspa_node::{p2p::Settings, ports::TransactionPool as _};
use quintet_kaspa_protocol::params::Params;
use quintet_primitives::Hash256;

use super::node::{Node, eventually};
use crate::lab::{params, spend};

fn beginning(params: &Params) -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(params.genesis.timestamp + 1_000_000))
}

fn has(node: &Node, hash: &Hash256) -> bool {
    node.consensus().status(hash).is_some_and(|status| status.has_body())
}

/// Three nodes, the second between the others, with a few blocks in common.
async fn line(params: &Params, time: &Arc<AtomicU64>) -> [Node; 3] {
    let a = Node::start(params, time, &[]).await;
    a.mine_many(30, 1);
    let b = Node::start(params, time, &[&a]).await;
    let c = Node::start(params, time, &[&b]).await;
    let last = a.mine(2).header.hash();
    a.network.announce_block(last);
    eventually("all have the first blocks", || has(&b, &last)).await;
    // C heard of B's sink when B had none.
    let last = a.mine(3).header.hash();
    a.network.announce_block(last);
    eventually("the third node has them too", || has(&c, &last)).await;
    [a, b, c]
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_travel_over_a_node_in_between() {
    let params = params(true);
    let time = beginning(&params);
    let [a, b, c] = line(&params, &time).await;
    for nonce in 10..40 {
        let hash = a.mine(nonce).header.hash();
        a.network.announce_block(hash);
        eventually("a block reaches the third node", || has(&c, &hash)).await;
    }
    assert_eq!(a.consensus().sink(), c.consensus().sink());
    assert_eq!(a.network.peers().len(), 1);
    assert_eq!(b.network.peers().len(), 2);
    for node in [a, b, c] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_told_of_alone_brings_its_ancestors() {
    let params = params(true);
    let time = beginning(&params);
    let [a, b, c] = line(&params, &time).await;
    let hashes: Vec<Hash256> = (0..12).map(|nonce| a.mine(nonce).header.hash()).collect();
    a.network.announce_block(hashes[11]);
    for node in [&b, &c] {
        eventually("all twelve are there", || hashes.iter().all(|hash| has(node, hash))).await;
        eventually("no orphan is left", || node.network.orphans() == 0).await;
        assert!(node.network.ibd().is_none(), "no download for twelve blocks");
    }
    for node in [a, b, c] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_reaches_every_pool_and_comes_back_to_nobody() {
    let params = params(true);
    let time = beginning(&params);
    let [a, b, c] = line(&params, &time).await;
    assert!(c.network.is_synced());
    let state = a.consensus().virtual_state();
    let (outpoint, entry) = state.diff.added().iter().next().expect("a coinbase").to_owned();
    let tx = spend(&params, *outpoint, entry, 1000);
    let id = tx.id();
    a.pool.submit(vec![tx]);
    a.network.announce_transactions([id]);
    eventually("the third pool has it", || c.pool.has(&id)).await;
    assert!(b.pool.has(&id));
    for node in [a, b, c] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_find_each_other_by_the_addresses_of_a_third() {
    let params = params(true);
    let time = beginning(&params);
    let hub = Node::start(&params, &time, &[]).await;
    let open = |address| Settings { outbound: 4, external: Some(address), ..Node::settings(&time) };
    let mut nodes = Vec::new();
    for port in 0..3_u16 {
        // An address is told before the port is known: take one that is free now.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let settings = Settings { listen: Some(free), add: vec![hub.target()], ..open(free) };
        nodes.push(Node::with(&params, &time, settings).await);
        assert_eq!(nodes.len(), usize::from(port) + 1);
    }
    eventually("everybody has met two others besides", || {
        nodes.iter().all(|node| {
            let ids: HashSet<[u8; 16]> = node.network.peers().iter().map(|peer| peer.id).collect();
            ids.len() >= 2
        })
    })
    .await;
    for node in nodes {
        node.stop().await;
    }
    hub.stop().await;
}
