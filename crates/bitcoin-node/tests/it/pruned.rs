//! A node that keeps the last blocks alone: what goes, what stays, what it says of itself and to whom.

use std::sync::Arc;

use quintet_bitcoin_node::{
    chain::{Chain, Pruning, VerifyLevel},
    node::{BitcoinNode, NodeOptions, NodeStartError},
    peers::NodeAddress,
    storage::PruneTarget,
};
use quintet_bitcoin_protocol::network::{Params, RegtestOptions};
use serde_json::json;

use crate::network::{options_in, start_with};

/// Size of a block file, bytes: about 100 blocks with nothing but a coinbase.
const FILE_BYTES: u32 = 24 << 10;

fn options(folder: &tempfile::TempDir, pruning: Pruning) -> NodeOptions {
    let params = Params::regtest_with(RegtestOptions { enforce_bip94: false, fast_prune: true });
    let mut options = options_in(folder, params);
    options.chain.segment_bytes_max = FILE_BYTES;
    options.chain.pruning = pruning;
    options
}

fn folder() -> Arc<tempfile::TempDir> {
    Arc::new(tempfile::tempdir().expect("a folder"))
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_go_up_to_the_height_the_operator_names_and_the_node_says_so() {
    let folder = folder();
    let node = start_with(Arc::clone(&folder), options(&folder, Pruning::Manual)).await;
    let tip = node.mine(50).await;
    let refused = node.rpc("pruneblockchain", json!([10])).await.expect_err("refused");
    assert_eq!((refused.code, &refused.message[..]), (-1, "Blockchain is too short for pruning."));
    node.reaches(tip).await;
    node.mine(650).await;
    for (height, code, message) in [
        (-1, -8, "Negative block height."),
        (701, -8, "Blockchain is shorter than the attempted prune height."),
    ] {
        let refused = node.rpc("pruneblockchain", json!([height])).await.expect_err("refused");
        assert_eq!((refused.code, &refused.message[..]), (code, message));
    }
    let gone = node.rpc("pruneblockchain", json!([300])).await.expect("pruned");
    let gone = gone.as_u64().expect("a height");
    assert!(gone > 100 && gone <= 300, "whole files up to 300: {gone}");

    let info = node.rpc("getblockchaininfo", json!([])).await.expect("an answer");
    assert_eq!((&info["pruned"], &info["automatic_pruning"]), (&json!(true), &json!(false)));
    assert_eq!(info["pruneheight"], gone + 1);
    assert_eq!(info.get("prune_target_size"), None);
    let network = node.rpc("getnetworkinfo", json!([])).await.expect("an answer");
    assert_eq!(network["localservicesnames"], json!(["WITNESS", "NETWORK_LIMITED"]));
    let hash = node.rpc("getblockhash", json!([gone])).await.expect("a hash");
    let refused = node.rpc("getblock", json!([hash])).await.expect_err("refused");
    assert_eq!((refused.code, &refused.message[..]), (-1, "Block not available (pruned data)"));
    let hash = node.rpc("getblockhash", json!([gone + 1])).await.expect("a hash");
    node.rpc("getblock", json!([hash, 2])).await.expect("a block and what it spends");

    // The last 288 stay, whatever is asked for; and a file that holds one of them.
    let gone = node.rpc("pruneblockchain", json!([700])).await.expect("pruned");
    assert!(gone.as_u64().is_some_and(|gone| gone <= 700 - 288), "{gone}");
    let tip = node.tip().await;
    node.stop().await;

    let again = start_with(Arc::clone(&folder), options(&folder, Pruning::Manual)).await;
    assert_eq!(again.tip().await, tip);
    let info = again.rpc("getblockchaininfo", json!([])).await.expect("an answer");
    assert_eq!(info["pruneheight"].as_u64(), gone.as_u64().map(|gone| gone + 1));
    again.mine(1).await;
    again.stop().await;
    let refused = BitcoinNode::start(options(&folder, Pruning::Off)).await.expect_err("refused");
    assert!(matches!(refused, NodeStartError::Pruned), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_stay_within_the_target_while_blocks_come_and_what_is_left_is_sound() {
    let folder = folder();
    let target = PruneTarget::for_small_files(150 << 10);
    let settings = options(&folder, Pruning::Automatic(target));
    let node = start_with(Arc::clone(&folder), settings.clone()).await;
    let mut most = 0;
    for _ in 0..18 {
        node.mine(50).await;
        let info = node.rpc("getblockchaininfo", json!([])).await.expect("an answer");
        assert_eq!(info["prune_target_size"], target.bytes());
        most = most.max(info["size_on_disk"].as_u64().expect("bytes"));
    }
    let info = node.rpc("getblockchaininfo", json!([])).await.expect("an answer");
    let from = info["pruneheight"].as_u64().expect("a height");
    assert!(from > 100 && from <= 900 - 288, "{from}");
    // The files being filled come on top, one of each kind.
    assert!(most <= target.bytes() + 2 * u64::from(FILE_BYTES), "{most}");
    node.stop().await;

    let mut chain =
        Chain::open(Arc::clone(&settings.params), settings.chain, u64::MAX / 2).expect("it opens");
    let report = chain
        .verify(VerifyLevel::Connect, 0, &mut |_| std::ops::ControlFlow::Continue(()))
        .expect("sound");
    assert_eq!(u64::from(report.blocks), 900 - from + 1, "all that are there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_node_gets_old_blocks_of_a_full_node_and_not_of_a_pruned_one() {
    let (folder, other) = (folder(), folder());
    let pruned = start_with(Arc::clone(&folder), options(&folder, Pruning::Manual)).await;
    let tip = pruned.mine(400).await;
    let mut settings = options(&other, Pruning::Off);
    settings.peers = vec![NodeAddress::new(&pruned.address.to_string(), 18444)];
    let full = start_with(Arc::clone(&other), settings).await;
    // It takes headers of the other, and asks it for no block while it is catching up.
    let headers = async {
        while full.rpc("getblockchaininfo", json!([])).await.expect("info")["headers"] != 400 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(crate::network::PATIENCE, headers).await.expect("in time");
    let peers = full.rpc("getpeerinfo", json!([])).await.expect("peers");
    assert_eq!(peers[0]["servicesnames"], json!(["WITNESS", "NETWORK_LIMITED"]));
    assert_eq!((&peers[0]["inflight"], full.tip().await.height), (&json!([]), 0));
    // A node that has them all is asked.
    let third = self::folder();
    let mut settings = options(&third, Pruning::Off);
    settings.peers = vec![NodeAddress::new(&full.address.to_string(), 18444)];
    let mut blocks = Vec::new();
    for height in 1..=400 {
        let hash = pruned.rpc("getblockhash", json!([height])).await.expect("a hash");
        blocks.push(pruned.rpc("getblock", json!([hash, 0])).await.expect("a block"));
    }
    for block in blocks {
        full.rpc("submitblock", json!([block])).await.expect("taken in");
    }
    let last = start_with(Arc::clone(&third), settings).await;
    last.reaches(tip).await;
    for node in [pruned, full, last] {
        node.stop().await;
    }
}
