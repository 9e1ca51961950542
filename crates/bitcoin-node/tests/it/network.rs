//! Nodes over real sockets: they find each other's chain, follow each other's blocks, and pass transactions on.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bitcoin::BlockHash;
use quintet_bitcoin_node::{
    kernel::{KernelClient, Tip},
    miner::TemplateOptions,
    node::{BitcoinNode, NodeOptions},
    peers::NodeAddress,
};
use quintet_bitcoin_protocol::network::Params;
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Time for anything to happen.
const PATIENCE: Duration = Duration::from_secs(120);

const OP_TRUE: u8 = 0x51;

struct Running {
    kernel: KernelClient,
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
    folder: Arc<tempfile::TempDir>,
}

async fn start(peers: &[SocketAddr]) -> Running {
    start_in(Arc::new(tempfile::tempdir().expect("a folder")), peers).await
}

async fn start_in(folder: Arc<tempfile::TempDir>, peers: &[SocketAddr]) -> Running {
    let mut options = NodeOptions::new(Params::regtest(), folder.path().to_owned(), [7; 32]);
    options.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    options.peers = peers.iter().map(|peer| NodeAddress::new(&peer.to_string(), 18444)).collect();
    options.chain.coins_bytes = 16 << 20;
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
    async fn mine(&self, count: u32) -> BlockHash {
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

    async fn tip(&self) -> Tip {
        let ask = self.kernel.call(|kernel| Ok(*kernel.watch_tip().borrow()));
        ask.await.expect("an answer")
    }

    /// Waits until this block is the tip.
    async fn reaches(&self, hash: BlockHash) {
        let mut tip = self.kernel.call(|kernel| Ok(kernel.watch_tip())).await.expect("an answer");
        let reached = tip.wait_for(|tip| tip.hash == hash);
        timeout(PATIENCE, reached).await.expect("in time").expect("runs");
    }

    async fn stop(self) -> Arc<tempfile::TempDir> {
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
