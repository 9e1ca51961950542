//! Nodes that lack blocks get them from others.

use std::sync::{Arc, atomic::AtomicU64};

use quintet_kaspa_protocol::params::Params;

use super::node::{Node, eventually};
use crate::lab::{params, simulate};

fn beginning(params: &Params) -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(params.genesis.timestamp + 1_000_000))
}

async fn same_sink(a: &Node, b: &Node) {
    eventually("both nodes have one sink", || {
        a.consensus().sink() == b.consensus().sink()
            && a.consensus().tips().len() == b.consensus().tips().len()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_node_downloads_a_wide_dag_from_the_genesis_on() {
    for toccata in [false, true] {
        let params = params(toccata);
        let time = beginning(&params);
        let full = Node::start(&params, &time, &[]).await;
        let blocks = simulate(&params, 7, 5, 400);
        blocks.iter().for_each(|block| full.take(block));
        full.mine(1);
        let new = Node::start(&params, &time, &[&full]).await;
        same_sink(&full, &new).await;
        assert_eq!(new.consensus().header_count(), full.consensus().header_count());
        let (ours, theirs) = (new.consensus().virtual_state(), full.consensus().virtual_state());
        assert_eq!(ours.multiset.finalise(), theirs.multiset.finalise());
        eventually("the download is over", || new.network.ibd().is_none()).await;
        new.stop().await;
        full.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_longer_than_a_message_of_headers_comes_in_parts() {
    let params = params(true);
    let time = beginning(&params);
    let full = Node::start(&params, &time, &[]).await;
    full.mine_many(1500, 1);
    let new = Node::start(&params, &time, &[&full]).await;
    same_sink(&full, &new).await;
    full.stop().await;
    new.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_went_apart_end_with_each_others_blocks() {
    let params = params(true);
    let time = beginning(&params);
    let a = Node::start(&params, &time, &[]).await;
    a.mine_many(700, 1);
    let b = Node::start(&params, &time, &[]).await;
    b.mine_many(40, 2);
    b.network.add_peer(a.target(), true);
    // B, that lacks most, hears of A's sink at once; A of B's when B finds the next block on top of both.
    eventually("B has A's chain", || {
        b.consensus().status(&a.consensus().sink()).is_some_and(|status| status.has_body())
    })
    .await;
    let block = b.mine(3);
    let hash = block.header.hash();
    b.network.announce_block(hash);
    // Until it is resolved both may have one sink without it.
    eventually("A has B's block", || a.consensus().status(&hash).is_some()).await;
    same_sink(&a, &b).await;
    assert_eq!(a.consensus().header_count(), b.consensus().header_count());
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_with_another_peer_where_one_was_lost() {
    let params = params(true);
    let time = beginning(&params);
    let first = Node::start(&params, &time, &[]).await;
    first.mine_many(900, 1);
    let new = Node::start(&params, &time, &[&first]).await;
    eventually("headers have come", || new.consensus().header_count() > 100).await;
    let second = Node::start(&params, &time, &[]).await;
    // The second peer has it all from the first.
    second.network.add_peer(first.target(), true);
    same_sink(&first, &second).await;
    first.stop().await;
    new.network.add_peer(second.target(), true);
    let block = second.mine(9);
    second.network.announce_block(block.header.hash());
    same_sink(&second, &new).await;
    new.stop().await;
    second.stop().await;
}
