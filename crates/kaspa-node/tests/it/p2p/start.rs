//! Nodes that start from the pruning point of one that has pruned; and peers that lie about theirs.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use quintet_kaspa_node::{
    consensus::{Consensus, Options},
    ports::Ledger,
    storage::LedgerHome,
};
use quintet_kaspa_protocol::{
    params::Params,
    wire::{Kind, Message},
};

use super::{
    node::{Node, eventually},
    raw::Raw,
};
use crate::{
    lab::{clock, simulate_at},
    pruning::shallow,
    storage,
};

/// Milliseconds from block to block: nobody starts anew for headers that are less than ten minutes ahead.
const PACE: u64 = 5000;

/// Blocks of the DAG of who serves: several times the pruning depth.
const BLOCKS: usize = 260;

/// A node that has pruned, the network's rules and its time.
async fn pruned() -> (Node, Params, Arc<AtomicU64>) {
    let params = shallow();
    let blocks = simulate_at(PACE, &params, 11, 3, BLOCKS);
    let last = blocks.last().unwrap().header.timestamp;
    let time = Arc::new(AtomicU64::new(last + PACE));
    let full = Node::start(&params, &time, &[]).await;
    blocks.iter().for_each(|block| full.take(block));
    let genesis = params.genesis.header().hash();
    assert_ne!(full.consensus().pruning_point(), genesis, "the pruning point has moved");
    // On top of all that may be merged: what nobody builds on is not announced to who comes later.
    time.fetch_add(PACE, Ordering::Relaxed);
    full.mine(1);
    let first = blocks[5].header.hash();
    assert!(!full.consensus().status(&first).is_some_and(|status| status.has_body()));
    (full, params, time)
}

/// Finds blocks and tells of them.
fn go_on(node: &Node, count: u64, nonce: u64) {
    for _ in 0..count {
        node.time.fetch_add(PACE, Ordering::Relaxed);
        let hash = node.mine(nonce).header.hash();
        node.network.announce_block(hash);
    }
}

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
async fn a_new_node_starts_from_a_pruning_point_prunes_by_itself_and_serves_the_next() {
    let (full, params, time) = pruned().await;
    let new = Node::start(&params, &time, &[&full]).await;
    same(&full, &new).await;
    let point = new.consensus().pruning_point();
    assert_eq!(point, full.consensus().pruning_point());
    assert!(new.consensus().header_count() < BLOCKS, "below the pruning point little is left");
    eventually("the download is over", || new.network.ibd().is_none()).await;
    // What comes after is judged by both alike, until both have pruned again.
    for nonce in 1..=4 {
        go_on(&full, 30, nonce);
        same(&full, &new).await;
    }
    eventually("the new node has pruned", || new.consensus().pruning_point() != point).await;
    assert_eq!(full.consensus().pruning_point(), new.consensus().pruning_point());
    full.stop().await;
    // What the new node offers is as good as what it was offered.
    let third = Node::start(&params, &time, &[&new]).await;
    same(&new, &third).await;
    assert_eq!(new.consensus().pruning_point(), third.consensus().pruning_point());
    third.stop().await;
    new.stop().await;
}

fn home(params: &Params, folder: &std::path::Path) -> Arc<LedgerHome> {
    let genesis = params.genesis.header().hash();
    Arc::new(LedgerHome::open(folder, &genesis, &storage::options()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_disk_is_there_after_the_end_and_nothing_of_what_was_before() {
    let (full, params, time) = pruned().await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = home(&params, folder.path());
    let settings = Node::settings(&time);
    let settings = quintet_kaspa_node::p2p::Settings { add: vec![full.target()], ..settings };
    let new = Node::over(&params, &time, settings, Arc::clone(&ledger) as Arc<dyn Ledger>).await;
    same(&full, &new).await;
    go_on(&full, 20, 1);
    same(&full, &new).await;
    let before = new.consensus().virtual_state();
    let point = new.consensus().pruning_point();
    new.stop().await;
    ledger.close().unwrap();
    drop(ledger);
    assert!(folder.path().join("CURRENT").is_file());
    assert!(!folder.path().join("headers").exists(), "the DAG of before has gone");
    let ledger = home(&params, folder.path());
    let options = Options { threads: 2, clock: clock(&time), ..Options::default() };
    let again = Arc::new(Consensus::open(params.clone(), options, ledger).unwrap());
    let after = again.virtual_state();
    assert_eq!(before.parent_hashes, after.parent_hashes);
    assert_eq!(before.multiset.finalise(), after.multiset.finalise());
    assert_eq!(before.lanes.root(), after.lanes.root());
    assert_eq!(again.pruning_point(), point);
    // It takes what comes next.
    time.fetch_add(PACE, Ordering::Relaxed);
    let block = full.mine(7);
    assert!(again.submit_block(block.clone()).unwrap().is_present());
    assert_eq!(again.sink(), block.header.hash());
    full.stop().await;
}

/// Stands between a node that has pruned and one that starts, and changes what it is told. Ends when either side closes.
async fn between(
    server: SocketAddr,
    client: SocketAddr,
    network: &str,
    mut change: impl FnMut(&mut Message),
) {
    let mut server = Raw::meet(server, network).await;
    let mut client = Raw::meet(client, network).await;
    loop {
        tokio::select! {
            came = server.next() => {
                let Some(mut frame) = came else { return };
                change(&mut frame.message);
                client.send_frame(frame).await;
            }
            asked = client.next() => {
                let Some(frame) = asked else { return };
                if frame.message.kind() == Kind::Reject {
                    return;
                }
                server.send_frame(frame).await;
            }
        }
    }
}

/// Starts a node with a liar, which must be found out, and then with an honest node, which must do.
async fn refuses(what: &str, change: impl FnMut(&mut Message)) {
    let (full, params, time) = pruned().await;
    let new = Node::start(&params, &time, &[]).await;
    let genesis = new.consensus().sink();
    let network = format!("kaspa-{}", params.network.name());
    let server = full.network.local_address().unwrap();
    let client = new.network.local_address().unwrap();
    tokio::time::timeout(super::node::PATIENCE, between(server, client, &network, change))
        .await
        .unwrap_or_else(|_| panic!("{what}: the liar was not let go"));
    eventually("nothing is downloaded from the liar any more", || new.network.ibd().is_none())
        .await;
    assert_eq!(new.consensus().sink(), genesis, "{what}: nothing of it was taken");
    new.network.add_peer(full.target(), true);
    same(&full, &new).await;
    new.stop().await;
    full.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_with_a_header_changed_is_refused_and_an_honest_peer_serves() {
    refuses("a proof", |message| {
        if let Message::PruningPointProofChunk { level: 0, headers } = message {
            let middle = headers.len() / 2;
            Arc::make_mut(&mut headers[middle]).nonce += 1;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_with_an_amount_changed_is_refused_and_an_honest_peer_serves() {
    refuses("a set", |message| {
        if let Message::PruningPointUtxoSetChunk(utxos) = message
            && let Some((_, entry)) = utxos.first_mut()
        {
            entry.amount += 1;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_lacks_an_entry_is_refused_and_an_honest_peer_serves() {
    refuses("a set", |message| {
        if let Message::PruningPointUtxoSetChunk(utxos) = message {
            utxos.pop();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_lanes_than_the_headers_are_refused_and_an_honest_peer_serves() {
    refuses("lanes", |message| {
        if let Message::SmtLaneChunk(lanes) = message
            && let Some(lane) = lanes.first_mut()
        {
            lane.lane.blue_score -= 1;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_blocks_without_one_are_refused_and_an_honest_peer_serves() {
    refuses("trusted data", |message| {
        if let Message::TrustedDataChunk(window) = message {
            let half = window.len() / 2;
            window.truncate(half);
        }
    })
    .await;
}
