//! Peers of a rollup that lie, some of them with the sequencer's own key.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes, hex};
use alloy_rlp::Decodable as _;
use anyhow::{Context as _, Result, ensure};
use interop::{Binary, eventually, jsonrpc, lab};
use quintet_rollup_node::{p2p::multiaddr, p2p::testing::TestPeer, wallet::Wallet};
use quintet_rollup_protocol::{
    config::RollupConfig,
    gossip::message,
    payload::{Envelope, PayloadVersion, ssz},
};
use serde_json::json;

use super::Memory;
use crate::{
    kind::{Kind as _, Place},
    kinds::{Rollup, rollup},
    network::Network,
};

/// Time each liar is there, at least.
const STAY: Duration = Duration::from_millis(1_500);

/// Time between two lies.
const PAUSE: Duration = Duration::from_millis(150);

/// Bytes of an answer that is none.
const ANSWER_BYTES: usize = 1 << 20;

/// What a peer lies about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// Nobody's key has signed the block.
    WrongKey,
    /// It is signed for another chain.
    WrongChain,
    /// It is not the block whose hash it names.
    WrongHash,
    /// It is two minutes old.
    Old,
    /// It is a minute ahead of everybody's clock.
    Ahead,
    /// It ends in the middle.
    Cut,
    /// It is as long as a message may be, and nothing.
    Long,
    /// The sequencer's key signs two blocks of a height, neither of which can be executed.
    TwiceAHeight,
    /// The sequencer's key signs a block far above the head; whoever asks for those below gets a megabyte of nothing.
    FarAhead,
}

impl Lie {
    const ALL: [Self; 9] = [
        Self::WrongKey,
        Self::WrongChain,
        Self::WrongHash,
        Self::Old,
        Self::Ahead,
        Self::Cut,
        Self::Long,
        Self::TwiceAHeight,
        Self::FarAhead,
    ];

    /// What the node's log says of it: it was heard, and seen through.
    const fn noticed(self) -> &'static str {
        match self {
            Self::TwiceAHeight => "the sequencer has signed a block that cannot be executed",
            Self::FarAhead => "a block is missing",
            _ => "message rejected",
        }
    }
}

/// A liar's means.
struct Liar {
    config: Arc<RollupConfig>,
    sequencer: Wallet,
    nobody: Wallet,
}

impl Liar {
    fn new(network: &Network<Rollup>) -> Result<Self> {
        let files = network.kind().files();
        let config = RollupConfig::from_json(&fs::read_to_string(files.join("rollup.json"))?)?;
        let key = files.join("sequencer.key");
        Ok(Self {
            config: Arc::new(config),
            sequencer: Wallet::read(&key.display().to_string())?,
            nobody: Wallet::new(B256::repeat_byte(0x52))?,
        })
    }

    /// A block that could follow a node's newest one, but for what it says of the state.
    fn next_block(&self, place: &Place) -> Result<(PayloadVersion, Envelope)> {
        let told =
            jsonrpc::call(&place.calls.to_string(), "debug_getRawBlock", &json!(["latest"]))?;
        let block = hex::decode(told.as_str().context("a block")?)?;
        let rest = &mut block.as_slice();
        alloy_rlp::Header::decode(rest)?;
        let parent = Header::decode(rest)?;
        let mut transactions = alloy_rlp::Header::decode_bytes(rest, true)?;
        let mut raw: Vec<Bytes> = Vec::new();
        while transactions.first().is_some_and(|first| *first < 0xc0) {
            raw.push(Bytes::copy_from_slice(alloy_rlp::Header::decode_bytes(
                &mut transactions,
                false,
            )?));
        }
        let header = Header {
            parent_hash: parent.hash_slow(),
            number: parent.number + 1,
            timestamp: parent.timestamp + self.config.block_time,
            ..parent
        };
        let version = PayloadVersion::of_block(&self.config, header.timestamp);
        let mut envelope = Envelope::of_block(version, &header, B256::ZERO, raw);
        rehash(version, &mut envelope)?;
        Ok((version, envelope))
    }

    fn sign(&self, version: PayloadVersion, envelope: &Envelope, by: &Wallet) -> Result<Vec<u8>> {
        self.sign_for(self.config.l2_chain_id, version, envelope, by)
    }

    fn sign_for(
        &self,
        chain_id: u64,
        version: PayloadVersion,
        envelope: &Envelope,
        by: &Wallet,
    ) -> Result<Vec<u8>> {
        let payload = ssz::encode(version, envelope)?;
        let digest = message::signing_hash(chain_id, &payload);
        Ok(message::join(&by.sign_digest(digest).context("a signature")?, &payload))
    }

    /// The messages of one round of a lie. Each round's are others: gossip passes on no message twice, and the first may have reached
    /// another node alone.
    fn messages(
        &self,
        lie: Lie,
        place: &Place,
        round: u8,
    ) -> Result<Vec<(PayloadVersion, Vec<u8>)>> {
        let (version, mut envelope) = self.next_block(place)?;
        let payload = &mut envelope.payload;
        let by_sequencer = |envelope: &Envelope| self.sign(version, envelope, &self.sequencer);
        let messages = match lie {
            Lie::WrongKey => vec![self.sign(version, &envelope, &self.nobody)?],
            Lie::WrongChain => {
                let other = self.config.l2_chain_id + 1;
                vec![self.sign_for(other, version, &envelope, &self.sequencer)?]
            }
            Lie::WrongHash => {
                payload.block_hash = B256::repeat_byte(1);
                vec![by_sequencer(&envelope)?]
            }
            Lie::Old | Lie::Ahead => {
                let time = payload.timestamp;
                payload.timestamp = if lie == Lie::Old { time - 120 } else { time + 60 };
                rehash(version, &mut envelope)?;
                vec![by_sequencer(&envelope)?]
            }
            Lie::Cut => {
                let mut message = by_sequencer(&envelope)?;
                message.truncate(300);
                vec![message]
            }
            Lie::Long => vec![vec![round; message::CONTENT_BYTES_MAX]],
            Lie::TwiceAHeight => {
                let mut both = Vec::new();
                for byte in [1, 2] {
                    envelope.payload.state_root = B256::repeat_byte(byte);
                    rehash(version, &mut envelope)?;
                    both.push(by_sequencer(&envelope)?);
                }
                both
            }
            Lie::FarAhead => {
                payload.number += 40;
                payload.parent_hash = B256::repeat_byte(3);
                rehash(version, &mut envelope)?;
                vec![by_sequencer(&envelope)?]
            }
        };
        Ok(messages.into_iter().map(|message| (version, message)).collect())
    }

    /// Lies to verifiers until the first of them has noticed.
    async fn lie(&self, lie: Lie, verifiers: &[Place]) -> Result<()> {
        let there = verifiers.iter().map(|place| multiaddr(place.peers)).collect();
        let mut peer = TestPeer::start(Arc::clone(&self.config), there).await?;
        let victim = verifiers.first().context("a verifier")?;
        let before = noticed(victim, lie)?;
        let begun = Instant::now();
        let mut round = 0u8;
        while begun.elapsed() < STAY || noticed(victim, lie)? == before {
            ensure!(
                begun.elapsed() < interop::PATIENCE,
                "{lie:?}: the verifier's log never said {:?}",
                lie.noticed()
            );
            // Between two questions the head moves on: what cannot be asked now can a moment later.
            for (version, content) in self.messages(lie, victim, round).unwrap_or_default() {
                peer.publish(version, content);
            }
            round = round.wrapping_add(1);
            let pause = Instant::now() + PAUSE;
            while Instant::now() < pause {
                let nothing = peer.answer(|_| vec![0x5a; ANSWER_BYTES]);
                let _ = tokio::time::timeout(PAUSE, nothing).await;
            }
        }
        Ok(())
    }
}

fn rehash(version: PayloadVersion, envelope: &mut Envelope) -> Result<()> {
    envelope.payload.block_hash = envelope.header(version)?.hash_slow();
    Ok(())
}

/// How often a node's log says that it has seen through a lie.
fn noticed(place: &Place, lie: Lie) -> Result<usize> {
    let log = fs::read(place.folder.join("log"))?;
    Ok(String::from_utf8_lossy(&log).matches(lie.noticed()).count())
}

/// Liars come to the verifiers, each sort in turn: the verifiers go on to have the sequencer's blocks before L1 does, all agree on what L1 says,
/// and nobody grows.
///
/// # Errors
///
/// If it is otherwise.
pub fn liars(binary: &Binary, seed: u64) -> Result<()> {
    lab(|lab| {
        let begun = Instant::now();
        let mut network = Network::<Rollup>::start(lab, binary, seed)?;
        let everybody: Vec<_> = (0..Rollup::NODES).collect();
        network.agree(&everybody, 1)?;
        let places: Vec<_> = network.nodes.iter().map(|node| node.place.clone()).collect();
        let (sequencer, verifiers) = (&places[rollup::SEQUENCER], &places[rollup::VERIFIERS]);
        let liar = Liar::new(&network)?;
        let memory = Memory::of(&network)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let mut most = 0;
        for lie in Lie::ALL {
            runtime.block_on(liar.lie(lie, verifiers))?;
            network.work(rollup::SEQUENCER)?;
            let goal = Rollup::head_of(sequencer, "unsafe_l2")?;
            for verifier in verifiers {
                eventually(&format!("after {lie:?} verifier {}", verifier.index), || {
                    let reached = Rollup::head_of(verifier, "unsafe_l2")?.height >= goal.height;
                    Ok((reached && network.kind().holds(verifier, &goal)?).then_some(()))
                })?;
            }
            let most_now = memory.stayed(&network, &format!("{lie:?}"))?;
            most = most.max(most_now);
        }
        let safe = network.head(rollup::SEQUENCER)?.height;
        network.agree(&everybody, safe + 1)?;
        network.all_arrived()?;
        eprintln!(
            "rollup: {} sorts of liars cost {} MiB, {:.1} s",
            Lie::ALL.len(),
            most >> 20,
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    })
}
