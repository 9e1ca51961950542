//! Nodes over real sockets: they find each other's chain, follow each other's blocks, and pass transactions on.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bitcoin::BlockHash;
use quintet_bitcoin_node::{
    kernel::{KernelClient, Tip},
    miner::TemplateOptions,
    node::{BitcoinNode, NodeOptions},
    peers::NodeAddress,
    rpc::BitcoinRpc,
};
use quintet_bitcoin_protocol::{Transaction, network::Params};
use quintet_crypto::digest::sha256;
use quintet_primitives::hex;
use quintet_rpc::{
    Identity, Peer,
    lenient::{Calls as _, Fault},
};
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Time for anything to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

const OP_TRUE: u8 = 0x51;

pub(crate) struct Running {
    pub(crate) kernel: KernelClient,
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
    folder: Arc<tempfile::TempDir>,
}

async fn start(peers: &[SocketAddr]) -> Running {
    start_in(Arc::new(tempfile::tempdir().expect("a folder")), peers).await
}

async fn start_in(folder: Arc<tempfile::TempDir>, peers: &[SocketAddr]) -> Running {
    let mut options = options_in(&folder, Params::regtest());
    options.peers = peers.iter().map(|peer| NodeAddress::new(&peer.to_string(), 18444)).collect();
    start_with(folder, options).await
}

pub(crate) fn options_in(folder: &tempfile::TempDir, params: Params) -> NodeOptions {
    let mut options = NodeOptions::new(params, folder.path().to_owned(), [7; 32]);
    options.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    options.chain.coins_bytes = 16 << 20;
    options
}

pub(crate) async fn start_with(folder: Arc<tempfile::TempDir>, options: NodeOptions) -> Running {
    let node = BitcoinNode::start(options).await.expect("starts");
    let (kernel, address) = (node.kernel().clone(), node.addresses()[0]);
    let stop = CancellationToken::new();
    let ended = stop.clone();
    let task = tokio::spawn(async move {
        assert!(node.run(ended).await.expect("runs to its end").is_clean());
    });
    Running { kernel, address, stop, task, folder }
}

impl Running {
    /// Mines blocks that anybody can spend from.
    pub(crate) async fn mine(&self, count: u32) -> BlockHash {
        let options =
            TemplateOptions { script: vec![OP_TRUE], from_pool: true, transactions: Vec::new() };
        let mined = self.kernel.call(move |kernel| {
            for _ in 0..count {
                let template = kernel.make_template(&options).expect("a template");
                kernel.mine(&template, &mut 1_000_000).expect("a block");
            }
            Ok(kernel.chain().tip_hash())
        });
        mined.await.expect("mined")
    }

    pub(crate) async fn tip(&self) -> Tip {
        let ask = self.kernel.call(|kernel| Ok(*kernel.watch_tip().borrow()));
        ask.await.expect("an answer")
    }

    /// Waits until this block is the tip.
    pub(crate) async fn reaches(&self, hash: BlockHash) {
        let mut tip = self.kernel.call(|kernel| Ok(kernel.watch_tip())).await.expect("an answer");
        let reached = tip.wait_for(|tip| tip.hash == hash);
        timeout(PATIENCE, reached).await.expect("in time").expect("runs");
    }

    pub(crate) async fn stop(self) -> Arc<tempfile::TempDir> {
        self.stop.cancel();
        self.task.await.expect("a clean end");
        self.folder
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_node_takes_200_blocks_from_another_and_follows_the_next_ones() {
    let first = start(&[]).await;
    let tip = first.mine(200).await;
    let second = start(&[first.address]).await;
    second.reaches(tip).await;
    assert_eq!(second.tip().await, Tip { hash: tip, height: 200 });
    // The second has no more to learn: what comes now is announced.
    let next = first.mine(1).await;
    second.reaches(next).await;
    let back = second.mine(3).await;
    first.reaches(back).await;
    let folder = second.stop().await;
    // What was taken in is there after a restart.
    let again = start_in(folder, &[]).await;
    assert_eq!(again.tip().await, Tip { hash: back, height: 204 });
    again.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_with_more_work_wins_when_two_meet() {
    let (left, right) = (start(&[]).await, start(&[]).await);
    left.mine(5).await;
    let longer = right.mine(8).await;
    let between = start(&[left.address, right.address]).await;
    between.reaches(longer).await;
    left.reaches(longer).await;
    for node in [left, right, between] {
        node.stop().await;
    }
}

/// An output anybody can spend, in a form that is relayed: the hash of a script that is true.
fn anybody() -> Vec<u8> {
    let mut script = vec![0, 32];
    script.extend_from_slice(sha256(&[&[OP_TRUE]]).as_bytes());
    script
}

/// Spends the first output of a coinbase and pays `value` of it on.
fn spend(coinbase: &str, value: u64) -> String {
    let mut txid = hex::decode(coinbase).expect("hexadecimal");
    txid.reverse();
    let mut out = vec![2, 0, 0, 0, 0, 1, 1];
    out.extend_from_slice(&txid);
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0xfd, 0xff, 0xff, 0xff, 1]);
    out.extend_from_slice(&value.to_le_bytes());
    out.push(34);
    out.extend_from_slice(&anybody());
    out.extend_from_slice(&[1, 1, OP_TRUE, 0, 0, 0, 0]);
    hex::encode(&out)
}

impl Running {
    pub(crate) async fn rpc(&self, method: &str, params: Value) -> Result<Value, Fault> {
        let peer = Peer { addr: self.address, identity: Identity::Anonymous };
        let rpc = BitcoinRpc::new(self.kernel.clone(), self.stop.clone());
        rpc.call(method.to_owned(), params, peer).await
    }

    /// Waits until a transaction is in the pool.
    async fn pools(&self, txid: &Value) {
        let seen = async {
            while self.rpc("getmempoolentry", json!([txid])).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, seen).await.expect("in time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_relayed_replaced_mined_and_comes_back_when_its_block_goes() {
    let first = start(&[]).await;
    let descriptor = format!("raw({})", hex::encode(&anybody()));
    let mined = first.rpc("generatetodescriptor", json!([101, descriptor])).await.expect("mined");
    let second = start(&[first.address]).await;
    let tip = first.tip().await.hash;
    second.reaches(tip).await;
    let block = first.rpc("getblock", json!([mined[0], 1])).await.expect("a block");
    let coinbase = block["tx"][0].as_str().expect("an id").to_owned();

    let cheap = spend(&coinbase, 4_999_999_000);
    let sent = first.rpc("sendrawtransaction", json!([cheap])).await.expect("accepted");
    second.pools(&sent).await;
    // A replacement pays for both, everywhere; one that does not is refused.
    let poor = first.rpc("sendrawtransaction", json!([spend(&coinbase, 4_999_998_999)])).await;
    assert_eq!(poor.expect_err("refused").code, -26);
    let better = first.rpc("sendrawtransaction", json!([spend(&coinbase, 4_999_990_000)])).await;
    let better = better.expect("accepted");
    assert_eq!(first.rpc("getrawmempool", json!([])).await, Ok(json!([better])));
    second.pools(&better).await;

    let block = first.rpc("generatetodescriptor", json!([1, descriptor])).await.expect("mined");
    second.reaches(first.tip().await.hash).await;
    for node in [&first, &second] {
        assert_eq!(node.rpc("getrawmempool", json!([])).await, Ok(json!([])));
    }
    first.rpc("invalidateblock", json!([block[0]])).await.expect("taken back");
    // The same block again, in the same second: no other has its place, and it is not told as mined.
    let now = first.rpc("getblockheader", json!([block[0]])).await.expect("a header");
    first.rpc("setmocktime", json!([now["time"]])).await.expect("set");
    let again = first.rpc("generatetodescriptor", json!([1, descriptor])).await;
    assert_eq!(again.expect_err("refused").code, -32_603);
    first.rpc("setmocktime", json!([0])).await.expect("set");
    assert_eq!(first.rpc("getrawmempool", json!([])).await, Ok(json!([better])));
    // What waits in the pool waits there after a restart.
    let folder = first.stop().await;
    let again = start_in(folder, &[]).await;
    assert_eq!(again.rpc("getrawmempool", json!([])).await, Ok(json!([better])));
    again.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_bitcoin_core_s_words_and_codes() {
    let node = start(&[]).await;
    for (method, params, code, message) in [
        ("getblockhash", json!([1]), -8, "Block height out of range"),
        ("getblock", json!(["00"]), -8, "blockhash must be of length 64 (not 2, for '00')"),
        (
            "getblockhash",
            json!(["x"]),
            -3,
            "JSON value of type string is not of expected type number",
        ),
        ("getblockcount", json!({"x": 1}), -8, "Unknown named parameter x"),
        (
            "sendrawtransaction",
            json!(["zz"]),
            -22,
            "TX decode failed. Make sure the tx has at least one input.",
        ),
        ("nosuchmethod", json!([]), -32_601, "Method not found"),
    ] {
        let refused = node.rpc(method, params).await.expect_err("refused");
        assert_eq!((refused.code, refused.message.as_str()), (code, message), "{method}");
    }
    let missing = spend(&"11".repeat(32), 1_000);
    let judged = node.rpc("testmempoolaccept", json!([[missing]])).await.expect("judged");
    assert_eq!(judged[0]["reject-reason"], "missing-inputs");
    assert!(Transaction::decode(hex::decode(&missing).expect("hexadecimal")).is_ok());
    node.stop().await;
}
