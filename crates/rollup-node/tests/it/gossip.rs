//! Nodes among peers, in one process: blocks before L1 tells of them, what is bad, what was missed.

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::B256;
use quintet_eth_chain::BlockTag;
use quintet_node::{
    datadir::DataDir,
    lifecycle::{NodeContext, RunningNode},
    ops::Health,
};
use quintet_rollup_node::{
    derive::DriverOptions,
    engine::embedded::chain_options,
    node::{RollupHandle, RollupNode, RollupOptions},
    p2p::{
        Multiaddr, P2pOptions,
        testing::{TestPeer, sequencer_wallet},
    },
    sequencer::SequencerOptions,
    testing::{FakeNode, Manners},
    wallet::Wallet,
};
use quintet_rollup_protocol::{
    gossip::request,
    payload::{Envelope, PayloadVersion},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::world::World;

/// Longest time a test waits for one thing.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Versions of the chain's blocks, which has Isthmus from its beginning.
const VERSION: PayloadVersion = PayloadVersion::V4;

/// A rollup that began some seconds ago, with nodes on it.
struct Net {
    world: World,
    l1: FakeNode,
}

/// A node that runs.
struct Node {
    handle: RollupHandle,
    running: RunningNode,
    _dir: TempDir,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.running.shutdown().cancel();
    }
}

/// Runs a test. What still runs at its end, or when it fails, is not waited for.
fn run(test: impl Future<Output = ()>) {
    /// Ends without waiting, also when what it runs panics.
    struct Background(Option<Runtime>);
    impl Drop for Background {
        fn drop(&mut self) {
            self.0.take().unwrap().shutdown_background();
        }
    }
    let runtime = Background(Some(Runtime::new().unwrap()));
    runtime.0.as_ref().unwrap().block_on(test);
}

impl Net {
    /// Begins a rollup whose second block L1 has.
    fn new(age: u64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let world = World::beginning_at(now - age);
        world.l1.lock().unwrap().mine_empty(age / 6);
        let l1 = world.node(Manners::default());
        Self { world, l1 }
    }

    /// Makes blocks that nobody is told of; returns their payloads.
    fn make(&mut self, count: u64) -> Vec<Envelope> {
        let l1 = self.world.l1.lock().unwrap();
        let sequencer = &mut self.world.sequencer;
        (0..count)
            .map(|_| {
                sequencer.next(&l1, 1).unwrap();
                let tag = BlockTag::Hash(sequencer.head().hash);
                let (version, envelope) =
                    sequencer.engine().reader().envelope(tag).unwrap().unwrap();
                assert_eq!(version, VERSION);
                envelope
            })
            .collect()
    }

    async fn node(&self, p2p: P2pOptions, sequencer: Option<SequencerOptions>) -> Node {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let ctx = NodeContext::new("rollup", data, &Health::new());
        let options = RollupOptions {
            config: Arc::clone(self.world.sequencer.config()),
            genesis: self.world.sequencer.genesis_json().into_bytes(),
            chain: chain_options(),
            source: self.world.source(&[&self.l1], self.world.options()),
            driver: DriverOptions::default(),
            l1_poll: Duration::from_millis(100),
            rpc: None,
            admin: false,
            eth_rpc: None,
            sequencer,
            batcher: None,
            p2p: Some(p2p),
        };
        let (running, handle) = RollupNode::new(options).spawn(ctx).await.unwrap();
        Node { handle, running, _dir: dir }
    }

    async fn verifier(&self, peers: Vec<Multiaddr>) -> Node {
        self.node(P2pOptions { peers, ..alone() }, None).await
    }

    async fn peer(&self, others: Vec<Multiaddr>) -> TestPeer {
        TestPeer::start(Arc::clone(self.world.sequencer.config()), others).await.unwrap()
    }
}

/// A node that believes the tests' sequencer.
fn alone() -> P2pOptions {
    let (_, signer) = sequencer_wallet();
    P2pOptions { signer: Some(signer), ..P2pOptions::new((Ipv4Addr::LOCALHOST, 0).into()) }
}

impl Node {
    fn head(&self) -> (u64, B256) {
        let head = self.handle.reader().id(BlockTag::Latest).unwrap().unwrap();
        (head.number, head.hash)
    }

    fn address(&self) -> Multiaddr {
        self.handle.p2p().unwrap().clone()
    }
}

/// Does something again and again until something holds.
async fn until(what: &str, mut act: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !act() {
        assert!(begun.elapsed() < PATIENCE, "{what} never came");
        tokio::time::sleep(LOOK).await;
    }
}

fn signed(peer: &TestPeer, envelope: &Envelope, wallet: &Wallet) -> Vec<u8> {
    peer.sign(VERSION, envelope, wallet).unwrap()
}

#[test]
fn a_verifier_has_the_sequencers_blocks_before_l1_does() {
    let net = Net::new(20);
    run(async {
        let (wallet, _) = sequencer_wallet();
        let options = SequencerOptions { l1_confirmations: 0, ..SequencerOptions::default() };
        let told = P2pOptions { sequencer: Some(wallet), ..alone() };
        let sequencer = net.node(told, Some(options)).await;
        until("a first block", || sequencer.head().0 >= 5).await;
        // It missed those, and is given them when it hears of the next.
        let verifier = net.verifier(vec![sequencer.address()]).await;
        let before = sequencer.head().0;
        until("the head of the sequencer", || {
            verifier.head().0 > before && verifier.head() == sequencer.head()
        })
        .await;
        assert_eq!(verifier.handle.status().heads().safe_l2.number, 0, "L1 has told of nothing");
    });
}

#[test]
fn what_is_bad_moves_nobodys_head_and_is_not_passed_on() {
    let mut net = Net::new(40);
    let blocks = net.make(3);
    run(async {
        let (wallet, _) = sequencer_wallet();
        let verifier = net.verifier(Vec::new()).await;
        let there = || vec![verifier.address()];
        let mut listener = net.peer(there()).await;
        let (liar, honest) = (net.peer(there()).await, net.peer(there()).await);
        let another = Wallet::new(B256::repeat_byte(0x52)).unwrap();
        let mut cut = signed(&liar, &blocks[0], &wallet);
        cut.truncate(300);
        let mut other_hash = blocks[0].clone();
        other_hash.payload.block_hash = B256::repeat_byte(1);
        let mut old = blocks[0].clone();
        old.payload.timestamp -= 120;
        for bad in [
            signed(&liar, &blocks[0], &another),
            cut,
            signed(&liar, &other_hash, &wallet),
            signed(&liar, &old, &wallet),
            Vec::new(),
        ] {
            liar.publish(VERSION, bad);
        }
        // On the topic of another version nothing of it can be read.
        liar.publish(PayloadVersion::V3, signed(&liar, &blocks[0], &wallet));
        for (number, block) in (1..).zip(&blocks) {
            let content = signed(&honest, block, &wallet);
            until("a block of the honest", || {
                honest.publish(VERSION, content.clone());
                verifier.head().0 == number
            })
            .await;
            assert_eq!(verifier.head().1, block.payload.block_hash);
            let heard = tokio::time::timeout(PATIENCE, listener.hear()).await.unwrap();
            assert_eq!(heard, Some((VERSION, content)), "and nothing else");
        }
    });
}

#[test]
fn blocks_that_were_missed_are_asked_for_and_given() {
    let mut net = Net::new(50);
    let blocks = net.make(12);
    run(async {
        let (wallet, _) = sequencer_wallet();
        let verifier = net.verifier(Vec::new()).await;
        let mut peer = net.peer(vec![verifier.address()]).await;
        let newest = blocks.last().unwrap();
        let content = signed(&peer, newest, &wallet);
        let mut asked = Vec::new();
        let begun = Instant::now();
        while verifier.head().0 < 12 {
            assert!(begun.elapsed() < PATIENCE, "asked for {asked:?}");
            peer.publish(VERSION, content.clone());
            let answer = peer.answer(|number| {
                let index = usize::try_from(number).unwrap() - 1;
                request::encode(VERSION, &blocks[index]).unwrap()
            });
            if let Ok(number) = tokio::time::timeout(LOOK, answer).await {
                asked.push(number.unwrap());
            }
        }
        assert_eq!(verifier.head().1, newest.payload.block_hash);
        asked.sort_unstable();
        assert_eq!(asked, (1..12).collect::<Vec<_>>(), "each once");
        // Now it can give them itself.
        let config = net.world.sequencer.config();
        let given = peer.ask(7).await.unwrap();
        let block = request::decode(config, 7, &given).unwrap();
        assert_eq!(block.hash, blocks[6].payload.block_hash);
        assert_eq!(peer.ask(13).await.unwrap(), request::Absence::Unavailable.encode());
        assert_eq!(peer.ask(u64::MAX).await.unwrap(), request::Absence::Invalid.encode());
    });
}
