//! Starts from a pruning point: of the reference node from ours, and of ours from the reference node's.
//!
//! Its depths are made short by the file of parameters that it takes, ours are the same.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use quintet_kaspa_protocol::{block::Block, params::Params, wire::Kind};
use quintet_net::dial::Target;

use super::{
    super::{
        node::{Node, eventually},
        raw::Raw,
    },
    beside, has,
    kaspad::{Kaspad, find},
    mine_at,
};
use crate::{
    lab::{self, clock, simulate_at},
    pruning::shallow,
};

/// Milliseconds from block to block: nobody starts anew for headers that are less than ten minutes ahead.
const PACE: u64 = 5000;

/// Blocks of the DAG of who serves: several times the pruning depth.
const BLOCKS: usize = 260;

/// A DAG and a node of ours that has it and has pruned.
async fn pruned(params: &Params) -> (Node, Vec<Block>, Arc<AtomicU64>) {
    let blocks = simulate_at(PACE, params, 11, 3, BLOCKS);
    let time = Arc::new(AtomicU64::new(blocks.last().unwrap().header.timestamp + PACE));
    let full = Node::start(params, &time, &[]).await;
    blocks.iter().for_each(|block| full.take(block));
    time.fetch_add(PACE, Ordering::Relaxed);
    full.mine(1);
    assert!(!has(&full, &blocks[5].header.hash()), "it has pruned");
    (full, blocks, time)
}

/// Finds blocks one after the other; the reference node has each before the next.
async fn go_on(node: &Node, kaspad: &Kaspad, count: u64, nonce: u64) {
    for _ in 0..count {
        node.time.fetch_add(PACE, Ordering::Relaxed);
        let hash = mine_at(node, nonce, Vec::new()).header.hash();
        kaspad.reaches(hash).await;
    }
}

/// Waits until two nodes have one virtual block, and compares what makes it.
async fn same(a: &Node, b: &Node) {
    eventually("both nodes have one virtual block", || {
        let (one, other) = (a.consensus().virtual_state(), b.consensus().virtual_state());
        one.parent_hashes == other.parent_hashes
    })
    .await;
    let (one, other) = (a.consensus().virtual_state(), b.consensus().virtual_state());
    assert_eq!(one.multiset.finalise(), other.multiset.finalise());
    assert_eq!(one.accepted_id_root, other.accepted_id_root);
    assert_eq!(one.lanes.root(), other.lanes.root());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_node_starts_from_our_pruning_point_and_a_node_of_ours_from_its_next() {
    let Some(executable) = find() else { return };
    let params = shallow();
    let (full, _, time) = pruned(&params).await;
    let point = full.consensus().pruning_point();
    let kaspad = Kaspad::start(&executable, &params, full.network.local_address()).await;
    kaspad.reaches(full.consensus().sink()).await;
    assert!(kaspad.log().contains("IBD with headers proof"), "it did not start from a proof");
    // It prunes by itself: its pruning point is another when it serves.
    go_on(&full, &kaspad, 120, 1).await;
    assert_ne!(full.consensus().pruning_point(), point);
    let new = beside(&params, &time, &kaspad).await;
    same(&full, &new).await;
    assert_eq!(new.consensus().pruning_point(), full.consensus().pruning_point());
    assert!(new.consensus().header_count() < BLOCKS, "below the pruning point little is left");
    go_on(&new, &kaspad, 10, 2).await;
    same(&full, &new).await;
    new.stop().await;
    full.stop().await;
}

/// A reference node that was told of all blocks one by one, and has pruned.
async fn told(executable: &PathBuf, params: &Params, blocks: &[Block]) -> (Kaspad, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(blocks.last().unwrap().header.timestamp + PACE));
    let full = Node::start(params, &time, &[]).await;
    let kaspad = Kaspad::start(executable, params, None).await;
    // Before anybody's pruning point moves.
    let (first, rest) = blocks.split_at(30);
    first.iter().for_each(|block| full.take(block));
    full.network.add_peer(Target::Addr(kaspad.p2p), true);
    kaspad.reaches(full.consensus().sink()).await;
    for block in rest {
        full.take(block);
        full.network.announce_block(block.header.hash());
        kaspad.reaches(full.consensus().sink()).await;
    }
    full.stop().await;
    (kaspad, time)
}

/// Stands between a node that serves headers and one that takes them, until that asks for bodies.
async fn headers_alone(server: SocketAddr, client: SocketAddr, network: &str) {
    let mut server = Raw::meet(server, network).await;
    let mut client = Raw::meet(client, network).await;
    loop {
        tokio::select! {
            came = server.next() => client.send_frame(came.unwrap()).await,
            asked = client.next() => {
                let asked = asked.unwrap();
                match asked.message.kind() {
                    Kind::RequestBlockBodies => return,
                    Kind::Reject => panic!("rejected: {:?}", asked.message),
                    _ => server.send_frame(asked).await,
                }
            }
        }
    }
}

/// Returns how many blocks are below the last pruning point, and how many there were before it became that.
fn last_move(params: &Params, blocks: &[Block]) -> (usize, usize) {
    let node = lab::Node::new(params, clock(&Arc::new(AtomicU64::new(u64::MAX / 2))));
    let mut last = None;
    for (number, block) in blocks.iter().enumerate() {
        node.take(block);
        if let Some(point) = node.consensus.advance_pruning_point().unwrap() {
            last = Some((point, number));
        }
    }
    let (point, number) = last.unwrap();
    (blocks.iter().position(|block| block.header.hash() == point).unwrap(), number)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_node_with_headers_alone_catches_up_with_a_node_of_ours() {
    let Some(executable) = find() else { return };
    let mut params = shallow();
    // A block a second: what is some dozens of blocks ahead is downloaded, not asked for block by block.
    for rules in [&mut params.crescendo, &mut params.toccata] {
        rules.rate.target_time_per_block = 1000;
        rules.rate.finality_depth = 40;
        rules.rate.pruning_depth = 120;
    }
    let blocks = simulate_at(PACE, &params, 23, 2, 500);
    let (below, before) = last_move(&params, &blocks);
    let (kaspad, time) = told(&executable, &params, &blocks[..below]).await;
    time.store(blocks.last().unwrap().header.timestamp + PACE, Ordering::Relaxed);
    let whole = Node::start(&params, &time, &[]).await;
    blocks[..before].iter().for_each(|block| whole.take(block));
    let network = format!("kaspa-{}", params.network.name());
    headers_alone(whole.network.local_address().unwrap(), kaspad.p2p, &network).await;
    whole.stop().await;
    let full = Node::start(&params, &time, &[]).await;
    blocks.iter().for_each(|block| full.take(block));
    time.fetch_add(PACE, Ordering::Relaxed);
    full.mine(1);
    assert_eq!(full.consensus().pruning_point(), blocks[below].header.hash());
    full.network.add_peer(Target::Addr(kaspad.p2p), true);
    kaspad.reaches(full.consensus().sink()).await;
    assert!(kaspad.log().contains("catching up to new pruning point"), "it did not catch up");
    go_on(&full, &kaspad, 130, 4).await;
    full.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_ours_starts_from_a_reference_node_that_had_everything() {
    let Some(executable) = find() else { return };
    let params = shallow();
    let blocks = simulate_at(PACE, &params, 13, 3, BLOCKS);
    let (kaspad, time) = told(&executable, &params, &blocks).await;
    let new = beside(&params, &time, &kaspad).await;
    let sink = kaspad.sink().await;
    eventually("we have its sink", || new.consensus().sink() == sink).await;
    assert!(new.consensus().header_count() < BLOCKS, "below the pruning point little is left");
    go_on(&new, &kaspad, 60, 3).await;
    new.stop().await;
}
