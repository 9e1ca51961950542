//! Peers of a Kaspa node that lie. Simnet asks for no proof of work, so that a block costs them nothing.

mod raw;

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use interop::{Binary, lab};
use quintet_kaspa_protocol::{
    block::Block,
    hashing::hash_merkle_root,
    header::LevelParents,
    wire::{Frame, Message},
};
use quintet_primitives::Hash256;
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};

use self::raw::Raw;
use super::Memory;
use crate::{kind::Kind as _, kinds::Kaspa, network::Network};

const SIMNET: &str = "kaspa-simnet";

/// Liars of a sort.
const LIARS: u8 = 3;

/// Time each liar is there, at least.
const STAY: Duration = Duration::from_millis(800);

/// Longest wait for one thing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Blocks or inventories that a liar names.
const MANY: usize = 300;

/// What a peer lies about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// A block whose coinbase says another blue score than its past has.
    InvalidBlock,
    /// A block whose transactions are not those of its header.
    WrongRoot,
    /// Another block than the one that was asked for.
    Exchanged,
    /// Blocks that it names and does not give.
    Withheld,
    /// Blocks whose parents nobody has.
    Orphans,
    /// Transactions that it names and does not give, by the thousands.
    Inventories,
    /// Random bytes.
    Garbage,
    /// Questions for what nobody has.
    Questions,
}

impl Lie {
    const ALL: [Self; 8] = [
        Self::InvalidBlock,
        Self::WrongRoot,
        Self::Exchanged,
        Self::Withheld,
        Self::Orphans,
        Self::Inventories,
        Self::Garbage,
        Self::Questions,
    ];

    /// Whether whoever does it is let go.
    const fn ends(self) -> bool {
        matches!(
            self,
            Self::InvalidBlock
                | Self::WrongRoot
                | Self::Exchanged
                | Self::Garbage
                | Self::Questions
        )
    }
}

fn random_hash(chance: &mut StdRng) -> Hash256 {
    Hash256::new(chance.random())
}

/// Asks a node for a block.
async fn fetch(raw: &mut Raw, hash: Hash256) -> Result<Block> {
    raw.send(Message::RequestRelayBlocks(vec![hash])).await;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && !raw.is_gone {
        if let Some(Frame { message: Message::Block(block), .. }) = raw.next(STAY).await
            && block.header.hash() == hash
        {
            return Ok(*block);
        }
    }
    anyhow::bail!("the node does not give its own block {hash}")
}

/// A liar and the blocks it has to give, by what it lies about.
struct Liar {
    lie: Lie,
    raw: Raw,
    blocks: Vec<Block>,
}

impl Liar {
    async fn meet(
        lie: Lie,
        ip: IpAddr,
        to: SocketAddr,
        tip: Hash256,
        chance: &mut StdRng,
    ) -> Result<Self> {
        let mut raw = Raw::meet(ip, to, SIMNET, chance.random()).await?;
        let good = fetch(&mut raw, tip).await?;
        let mut blocks = Vec::new();
        let mut made = |block: Block| blocks.push(block);
        let mut spoilt = good.clone();
        spoilt.header.nonce = chance.random();
        match lie {
            Lie::InvalidBlock => {
                let coinbase = spoilt.transactions.first_mut().context("a coinbase")?;
                *coinbase.payload.first_mut().context("a payload")? ^= 1;
                spoilt.header.hash_merkle_root = hash_merkle_root(&spoilt.transactions);
                made(spoilt);
            }
            Lie::WrongRoot => {
                spoilt.header.hash_merkle_root = random_hash(chance);
                made(spoilt);
            }
            Lie::Exchanged => made(good),
            Lie::Orphans => {
                for _ in 0..MANY {
                    let mut orphan = spoilt.clone();
                    let parents = LevelParents::from_levels([vec![random_hash(chance)]])?;
                    orphan.header.parents = parents;
                    orphan.header.nonce = chance.random();
                    made(orphan);
                }
            }
            Lie::Withheld | Lie::Inventories | Lie::Garbage | Lie::Questions => {}
        }
        Ok(Self { lie, raw, blocks })
    }

    /// Tells its lie.
    async fn tell(&mut self, chance: &mut StdRng) {
        match self.lie {
            Lie::InvalidBlock | Lie::WrongRoot | Lie::Orphans => {
                let named: Vec<_> = self.blocks.iter().map(|block| block.header.hash()).collect();
                for hash in named {
                    self.raw.send(Message::InvRelayBlock(hash)).await;
                }
            }
            Lie::Exchanged => self.raw.send(Message::InvRelayBlock(random_hash(chance))).await,
            Lie::Withheld => {
                for _ in 0..MANY {
                    self.raw.send(Message::InvRelayBlock(random_hash(chance))).await;
                }
            }
            Lie::Inventories => {
                for _ in 0..20 {
                    let ids = (0..1_000).map(|_| random_hash(chance)).collect();
                    self.raw.send(Message::InvTransactions(ids)).await;
                }
            }
            Lie::Garbage => {
                let mut bytes = vec![0; 64 << 10];
                chance.fill_bytes(&mut bytes);
                bytes[0] = 0xff;
                self.raw.send_bytes(bytes).await;
            }
            Lie::Questions => {
                let nowhere = random_hash(chance);
                self.raw.send(Message::RequestRelayBlocks(vec![nowhere])).await;
            }
        }
    }

    /// Answers what it is asked, as it lies, for so long or until it is let go.
    async fn answer(&mut self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time && !self.raw.is_gone {
            let Some(frame) = self.raw.next(Duration::from_millis(50)).await else { continue };
            let Message::RequestRelayBlocks(hashes) = frame.message else { continue };
            for hash in hashes {
                let named = self.blocks.iter().find(|block| block.header.hash() == hash);
                let given = named.or_else(|| self.blocks.first()).cloned();
                if let Some(block) = given {
                    let answer = Message::Block(Box::new(block));
                    self.raw.send_frame(Frame::response(answer, frame.request_id)).await;
                }
            }
        }
    }
}

/// Liars come to a node, each sort in turn, while others make blocks: those who break a rule are let go, all agree, and the node does not grow.
///
/// # Errors
///
/// If it is otherwise.
pub fn liars(binary: &Binary, seed: u64) -> Result<()> {
    lab(|lab| {
        let begun = Instant::now();
        let mut network = Network::<Kaspa>::start(lab, binary, seed)?;
        let everybody: Vec<_> = (0..Kaspa::NODES).collect();
        for _ in 0..3 {
            network.work(0)?;
        }
        network.agree(&everybody, 1)?;
        let memory = Memory::of(&network)?;
        let at = network.nodes.first().context("a node")?.place.peers;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let mut most = 0;
        for (number, lie) in (1_u8..).zip(Lie::ALL) {
            let tip: Hash256 = network.head(0)?.hash.parse()?;
            let mut chance = StdRng::seed_from_u64(network.chance.random());
            let mut liars = Vec::new();
            for liar in 1..=LIARS {
                let ip = [127, 9, number, liar].into();
                let met = runtime.block_on(Liar::meet(lie, ip, at, tip, &mut chance));
                liars.push(met.with_context(|| format!("{lie:?} shakes hands"))?);
            }
            for liar in &mut liars {
                runtime.block_on(liar.tell(&mut chance));
            }
            for liar in &mut liars {
                runtime.block_on(liar.answer(STAY));
            }
            network.work(1)?;
            let goal = network.head(1)?.height;
            let agreed = network.agree(&everybody, goal);
            agreed.with_context(|| format!("among {lie:?}"))?;
            for liar in &mut liars {
                if lie.ends() {
                    runtime.block_on(liar.answer(PATIENCE));
                    ensure!(liar.raw.is_gone, "{lie:?}: it is still connected");
                }
            }
            most = most.max(memory.stayed(&network, &format!("{lie:?}"))?);
        }
        eprintln!(
            "kaspa: {} sorts of liars cost {} MiB, {:.1} s",
            Lie::ALL.len(),
            most >> 20,
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    })
}
