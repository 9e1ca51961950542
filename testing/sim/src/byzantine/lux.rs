//! Peers of LuxTensor's validators that lie, one of them with a validator's key.

use std::{
    fs,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{B256, Bytes};
use anyhow::{Context as _, Result, ensure};
use interop::{Binary, hex, lab};
use libp2p::identity::Keypair;
use quintet_crypto::secp::SecretKey;
use quintet_lux_node::{
    genesis::LuxGenesis,
    p2p::{Heard, P2pClient, P2pConfig, P2pEvent, Started, StaticPeers, Topic, multiaddr, start},
};
use quintet_lux_protocol::{
    params::Params,
    vote::{Checkpoint, Vote},
    wire::{
        GOSSIP_BYTES_MAX, Response, Status, TRANSACTIONS_BYTES_MAX, VoteMessage,
        encode_transactions,
    },
};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Memory;
use crate::{
    kind::{Kind as _, Place},
    kinds::{Lux, lux::call},
    network::Network,
};

/// The validator whose key lies: its own process is stopped. Less than a third of the stake, so that the others go on.
const CORRUPT: usize = 3;

/// Time each liar is there, at least.
const STAY: Duration = Duration::from_millis(1_500);

/// Time between two lies.
const PAUSE: Duration = Duration::from_millis(150);

/// What a peer lies about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// Random bytes as blocks, votes and transactions, short ones and the longest there may be.
    Garbage,
    /// Votes that nobody signed who may.
    Stranger,
    /// Transactions that are none, and as many as a message may hold.
    Transactions,
    /// It says that it is far ahead, and gives no block.
    FarAhead,
    /// A validator votes for two blocks in a slot.
    VotesTwice,
}

impl Lie {
    const ALL: [Self; 5] =
        [Self::Garbage, Self::Stranger, Self::Transactions, Self::FarAhead, Self::VotesTwice];

    /// What a node's log says of it: it was heard, and seen through. Of what cannot be read it says nothing.
    const fn noticed(self) -> Option<&'static str> {
        match self {
            Self::Garbage | Self::Transactions | Self::FarAhead => None,
            Self::Stranger => Some("a vote is bad"),
            Self::VotesTwice => Some("a validator said two things"),
        }
    }
}

/// A liar among the peers.
struct Liar {
    params: Params,
    corrupt: SecretKey,
    stranger: SecretKey,
    client: P2pClient,
    events: mpsc::Receiver<P2pEvent>,
    /// Kept, so that what others tell is taken and not judged.
    _transactions: mpsc::Receiver<Heard>,
    chance: StdRng,
    /// How often it was asked something.
    asked: usize,
    _stop: DropGuard,
}

impl Liar {
    async fn meet(network: &Network<Lux>, places: &[Place], chance: StdRng) -> Result<Self> {
        let files = network.kind().files();
        let genesis = LuxGenesis::from_json(&fs::read(files.join("genesis.json"))?)?;
        let key = fs::read_to_string(files.join(format!("validator-{}.key", CORRUPT + 1)))?;
        let secret: [u8; 32] = hex::decode_array(key.trim())?;
        let there = places.iter().map(|place| multiaddr(place.peers)).collect();
        let config = P2pConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            identity: Keypair::generate_ed25519(),
            peers: Box::new(StaticPeers::new(there)),
            connected: watch::Sender::default(),
        };
        let stop = CancellationToken::new();
        let Started { client, events, transactions, .. } = start(config, stop.clone()).await?;
        Ok(Self {
            params: genesis.params()?,
            corrupt: SecretKey::from_bytes(&secret).ok().context("a validator's key")?,
            stranger: SecretKey::from_bytes(&[0x51; 32]).ok().context("a key")?,
            client,
            events,
            _transactions: transactions,
            chance,
            asked: 0,
            _stop: stop.drop_guard(),
        })
    }

    fn slot(&self) -> Result<u64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let begun = u128::from(self.params.genesis_time) * 1_000;
        Ok(u64::try_from(now.saturating_sub(begun) / u128::from(self.params.slot_millis))?)
    }

    fn garbage(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.chance.fill_bytes(&mut bytes);
        bytes
    }

    /// Votes by a key for two blocks of a node's chain in one slot.
    fn two_votes(&self, key: &SecretKey, node: &Place) -> Result<Vec<Vec<u8>>> {
        let slot = self.slot()?;
        let newest = call(node, "eth_getBlockByNumber", &json!(["latest", false]))?;
        let source = Checkpoint { slot: 0, block: self.params.genesis };
        let vote = |field: &str| {
            let block: B256 = newest[field].as_str().context("a hash")?.parse()?;
            let vote = Vote { source, target: Checkpoint { slot, block } };
            let signed = vote.sign(&self.params, key).context("a signature")?;
            Ok(VoteMessage::Vote(Box::new(signed)).encode())
        };
        ["hash", "parentHash"].into_iter().map(vote).collect()
    }

    fn tell(&mut self, lie: Lie, node: &Place) -> Result<()> {
        match lie {
            Lie::Garbage => {
                for topic in [Topic::Blocks, Topic::Votes, Topic::Transactions] {
                    // The longest leave room for what the network puts around them.
                    for length in [0, 1, 500, GOSSIP_BYTES_MAX - 1_024] {
                        let bytes = self.garbage(length);
                        self.client.publish(topic, bytes);
                    }
                }
            }
            Lie::Transactions => {
                let count = TRANSACTIONS_BYTES_MAX / 1_100;
                let all: Vec<_> = (0..count).map(|_| Bytes::from(self.garbage(1_000))).collect();
                self.client.publish(Topic::Transactions, encode_transactions(&all));
            }
            Lie::FarAhead => {}
            Lie::Stranger | Lie::VotesTwice => {
                let key = if lie == Lie::Stranger { &self.stranger } else { &self.corrupt };
                for vote in self.two_votes(key, node)? {
                    self.client.publish(Topic::Votes, vote);
                }
            }
        }
        Ok(())
    }

    /// Says to whoever asks where it is that it has the genesis alone, or that it is far ahead, and gives nothing. Who claims what he does not
    /// give is left at once, so that nobody would hear his other lies.
    async fn answer(&mut self, lie: Lie) {
        let until = Instant::now() + PAUSE;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let Ok(Some(event)) = tokio::time::timeout(left, self.events.recv()).await else {
                continue;
            };
            if let P2pEvent::Asked { channel, .. } = event {
                self.asked += 1;
                let (far, block) = match lie {
                    Lie::FarAhead => (
                        self.chance.random_range(1_000..1_000_000),
                        B256::from(self.chance.random::<[u8; 32]>()),
                    ),
                    _ => (0, self.params.genesis),
                };
                let finalised = Checkpoint { slot: far, block };
                let status = Status {
                    genesis: self.params.genesis,
                    head_number: far,
                    head: block,
                    finalised_number: far,
                    finalised,
                    certificates: Vec::new(),
                };
                self.client.answer(channel, Response::Status(Box::new(status)));
            }
        }
    }

    /// Lies until the first of the nodes has noticed.
    async fn lie(&mut self, lie: Lie, nodes: &[Place]) -> Result<()> {
        let victim = nodes.first().context("a node")?;
        let before = noticed(victim, lie)?;
        let begun = Instant::now();
        let is_heard = |asked: usize| -> Result<bool> {
            match lie.noticed() {
                Some(_) => Ok(noticed(victim, lie)? > before),
                None => Ok(asked > 0),
            }
        };
        while begun.elapsed() < STAY || !is_heard(self.asked)? {
            ensure!(
                begun.elapsed() < interop::PATIENCE,
                "{lie:?}: nobody asked the liar, or the log never said {:?}",
                lie.noticed()
            );
            self.tell(lie, victim)?;
            self.answer(lie).await;
        }
        Ok(())
    }
}

/// How often a node's log says that it has seen through a lie.
fn noticed(place: &Place, lie: Lie) -> Result<usize> {
    let Some(what) = lie.noticed() else { return Ok(0) };
    let log = fs::read(place.folder.join("log"))?;
    Ok(String::from_utf8_lossy(&log).matches(what).count())
}

/// Liars come to three validators, each sort in turn, the last with the key of the fourth: blocks go on to become final, all agree, whoever says
/// two things is named by all, and nobody grows.
///
/// # Errors
///
/// If it is otherwise.
pub fn liars(binary: &Binary, seed: u64) -> Result<()> {
    lab(|lab| {
        let begun = Instant::now();
        let mut network = Network::<Lux>::start(lab, binary, seed)?;
        let everybody: Vec<_> = (0..Lux::NODES).collect();
        network.agree(&everybody, 1)?;
        let memory = Memory::of(&network)?;
        network.stop(CORRUPT)?;
        let honest: Vec<_> = (0..CORRUPT).collect();
        let places: Vec<_> =
            honest.iter().map(|index| network.nodes[*index].place.clone()).collect();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let mut most = 0;
        for lie in Lie::ALL {
            let chance = StdRng::seed_from_u64(network.chance.random());
            runtime.block_on(async {
                // Who was found out is not listened to: each sort comes under a name of its own.
                let mut liar = Liar::meet(&network, &places, chance).await?;
                liar.lie(lie, &places).await
            })?;
            network.work(0)?;
            let final_now = network.head(0)?.height;
            let agreed = network.agree(&honest, final_now + 2);
            agreed.with_context(|| format!("after {lie:?}"))?;
            most = most.max(memory.stayed_of(&network, &honest, &format!("{lie:?}"))?);
        }
        let accused = |place: &Place| call(place, "lux_equivocations", &json!([]));
        let corrupt = network.kind().validator(CORRUPT)?;
        for place in &places {
            interop::eventually("the one who said two things is named", || {
                let named = accused(place)?[0]["validator"].as_str().map(str::to_lowercase);
                Ok((named == Some(corrupt.to_lowercase())).then_some(()))
            })?;
        }
        eprintln!(
            "lux: {} sorts of liars cost {} MiB, {:.1} s",
            Lie::ALL.len(),
            most >> 20,
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    })
}
