//! The index of transactions: it follows the chain, and heals when it and the chain have parted.

use std::{fs, path::Path, sync::Arc};

use quintet_bitcoin_node::{node::NodeOptions, txindex::TxIndex};
use quintet_bitcoin_protocol::network::Params;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::network::{PATIENCE, Running, options_in, start_with};

fn options(folder: &tempfile::TempDir, txindex: bool) -> NodeOptions {
    NodeOptions { txindex, ..options_in(folder, Params::regtest()) }
}

fn folder() -> Arc<tempfile::TempDir> {
    Arc::new(tempfile::tempdir().expect("a folder"))
}

async fn start(folder: &Arc<tempfile::TempDir>, txindex: bool) -> Running {
    start_with(Arc::clone(folder), options(folder, txindex)).await
}

/// Waits until the index is at the tip.
async fn indexed(node: &Running) {
    let tip = node.tip().await.height;
    let caught_up = async {
        loop {
            let info = node.rpc("getindexinfo", json!([])).await.expect("an answer");
            if info["txindex"] == json!({ "synced": true, "best_block_height": tip }) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, caught_up).await.expect("in time");
}

/// Returns hash and coinbase of the block at a height.
async fn coinbase(node: &Running, height: u32) -> (Value, Value) {
    let hash = node.rpc("getblockhash", json!([height])).await.expect("a hash");
    let block = node.rpc("getblock", json!([hash])).await.expect("a block");
    (hash, block["tx"][0].clone())
}

async fn finds(node: &Running, height: u32) {
    let (hash, txid) = coinbase(node, height).await;
    let found = node.rpc("getrawtransaction", json!([txid, 1])).await.expect("found");
    let above = node.tip().await.height - height;
    assert_eq!((&found["blockhash"], &found["confirmations"]), (&hash, &json!(above + 1)));
    assert_eq!(found["txid"], txid);
    let raw = node.rpc("getrawtransaction", json!([txid])).await.expect("found");
    assert_eq!(raw, found["hex"]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("copied");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_confirmed_transaction_is_found_of_blocks_before_and_after_it_was_turned_on() {
    let folder = folder();
    let node = start(&folder, false).await;
    node.mine(600).await;
    let (_, txid) = coinbase(&node, 1).await;
    let refused = node.rpc("getrawtransaction", json!([txid])).await.expect_err("refused");
    let expected = "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries. Use gettransaction for wallet transactions.";
    assert_eq!((refused.code, &refused.message[..]), (-5, expected));
    assert_eq!(node.rpc("getindexinfo", json!([])).await, Ok(json!({})));
    node.stop().await;

    let node = start(&folder, true).await;
    indexed(&node).await;
    for height in [1, 2, 255, 256, 257, 600] {
        finds(&node, height).await;
    }
    // Nobody waits for the index: what was just mined is there.
    for _ in 0..5 {
        node.mine(1).await;
        finds(&node, node.tip().await.height).await;
    }
    let nowhere = node.rpc("getrawtransaction", json!(["11".repeat(32)])).await;
    let expected =
        "No such mempool or blockchain transaction. Use gettransaction for wallet transactions.";
    assert_eq!(nowhere.expect_err("refused").message, expected);
    let genesis = node.rpc("getblockhash", json!([0])).await.expect("a hash");
    let genesis = node.rpc("getblock", json!([genesis])).await.expect("a block");
    let refused = node.rpc("getrawtransaction", json!([genesis["tx"][0]])).await;
    assert!(refused.expect_err("refused").message.contains("genesis block coinbase"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_is_followed_in_both_directions() {
    let folder = folder();
    let node = start(&folder, true).await;
    node.mine(20).await;
    indexed(&node).await;
    let (left, lost) = coinbase(&node, 18).await;
    node.rpc("invalidateblock", json!([left])).await.expect("taken back");
    indexed(&node).await;
    let refused = node.rpc("getrawtransaction", json!([lost])).await.expect_err("refused");
    assert_eq!(refused.code, -5, "it is in no block of the chain");
    // Who names the block is told all the same.
    let named = node.rpc("getrawtransaction", json!([lost, 1, left])).await.expect("found");
    assert_eq!((&named["in_active_chain"], &named["confirmations"]), (&json!(false), &json!(0)));
    // Not the same blocks again.
    node.rpc("setmocktime", json!([4_000_000_000_u32])).await.expect("set");
    node.mine(2).await;
    for height in 17..=19 {
        finds(&node, height).await;
    }
    node.rpc("reconsiderblock", json!([left])).await.expect("back");
    assert_eq!(node.tip().await.height, 20);
    for height in 17..=20 {
        finds(&node, height).await;
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_a_crash_left_behind_or_ahead_of_the_chain_heals() {
    let (folder, kept) = (folder(), tempfile::tempdir().expect("a folder"));
    let index = TxIndex::directory(folder.path());
    let node = start(&folder, true).await;
    node.mine(30).await;
    indexed(&node).await;
    node.stop().await;
    copy(folder.path(), kept.path());
    let node = start(&folder, true).await;
    let tip = node.mine(300).await;
    indexed(&node).await;
    node.stop().await;

    // The index of thirty blocks, and a chain of 330.
    let ahead = kept.path().join("ahead");
    copy(&index, &ahead);
    fs::remove_dir_all(&index).expect("removed");
    copy(&TxIndex::directory(kept.path()), &index);
    let node = start(&folder, true).await;
    assert_eq!(node.tip().await.hash, tip);
    indexed(&node).await;
    for height in [1, 30, 31, 330] {
        finds(&node, height).await;
    }
    node.stop().await;

    // The index of 330 blocks, and a chain of thirty that goes on another way.
    let other = Arc::new(tempfile::tempdir().expect("a folder"));
    copy(kept.path(), other.path());
    let index = TxIndex::directory(other.path());
    fs::remove_dir_all(&index).expect("removed");
    copy(&ahead, &index);
    let node = start(&other, true).await;
    assert_eq!(node.tip().await.height, 30);
    indexed(&node).await;
    node.rpc("setmocktime", json!([4_000_000_000_u32])).await.expect("set");
    node.mine(5).await;
    for height in [1, 30, 31, 35] {
        finds(&node, height).await;
    }
    node.stop().await;
}
