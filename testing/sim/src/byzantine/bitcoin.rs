//! Peers of a Bitcoin node that know the protocol: work on regtest is cheap, so that they can mine what they lie about.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail, ensure};
use bitcoin::{
    Amount, Block, BlockHash, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode,
    TxOut, Txid, Witness, absolute,
    bip152::HeaderAndShortIds,
    block::{Header, Version},
    consensus::{Encodable, encode::VarInt, serialize},
    hashes::{Hash as _, sha256d},
    transaction,
};
use interop::{Binary, lab};
use rand::{RngExt as _, rngs::StdRng};

use super::{Memory, connect_from};
use crate::{
    kind::{Head, Kind as _},
    kinds::Bitcoin,
    network::Network,
};

/// What begins each message on regtest.
const MAGIC: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];

/// The easiest work there is.
const BITS: u32 = 0x207f_ffff;

/// Liars of a sort.
const LIARS: u8 = 2;

/// Longest wait for what a liar has to hear.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most entries of an inventory, and of a list of addresses.
const INV_MAX: u64 = 50_000;
const ADDR_MAX: u64 = 1_000;

/// What a peer lies about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// Headers without work.
    Workless,
    /// Headers that hang in the air, again and again.
    Unconnected,
    /// A compact block that breaks a rule once it is whole.
    InvalidCompact,
    /// A block that breaks a rule.
    InvalidBlock,
    /// A block whose transactions are not those of its header.
    Mutated,
    /// Headers with work whose blocks it does not give.
    Withheld,
    /// Inventories of what is not there, as long as allowed, and one longer.
    Inventories,
    /// Addresses, as many as allowed, again and again, and one list longer.
    Addresses,
    /// Transactions that spend what nobody knows.
    Orphans,
    /// Questions for what nobody has.
    Questions,
    /// A message whose checksum is another's.
    Checksum,
}

impl Lie {
    const ALL: [Self; 11] = [
        Self::Workless,
        Self::Unconnected,
        Self::InvalidCompact,
        Self::InvalidBlock,
        Self::Mutated,
        Self::Withheld,
        Self::Inventories,
        Self::Addresses,
        Self::Orphans,
        Self::Questions,
        Self::Checksum,
    ];

    /// Whether whoever does it is let go.
    const fn ends(self) -> bool {
        matches!(
            self,
            Self::Workless
                | Self::InvalidBlock
                | Self::Mutated
                | Self::Inventories
                | Self::Addresses
        )
    }
}

/// A liar's connection.
struct Peer {
    stream: TcpStream,
    unread: Vec<u8>,
    is_gone: bool,
}

fn frame(command: &str, payload: &[u8]) -> Vec<u8> {
    let mut name = [0; 12];
    for (to, from) in name.iter_mut().zip(command.bytes()) {
        *to = from;
    }
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    let checksum = sha256d::Hash::hash(payload).to_byte_array();
    [&MAGIC[..], &name, &length, &checksum[..4], payload].concat()
}

fn now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}

/// A list on the wire: how many, then each.
fn list<T: Encodable>(items: &[T]) -> Vec<u8> {
    let mut bytes = serialize(&VarInt(items.len() as u64));
    bytes.extend(items.iter().flat_map(|item| serialize(item)));
    bytes
}

impl Peer {
    /// Connects and shakes hands.
    fn meet(stream: TcpStream, nonce: u64) -> Result<Self> {
        stream.set_read_timeout(Some(Duration::from_millis(50)))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        let mut peer = Self { stream, unread: Vec::new(), is_gone: false };
        let mut version = Vec::new();
        version.extend(70_016_i32.to_le_bytes());
        // NETWORK and WITNESS, as whoever has blocks to give.
        version.extend(9_u64.to_le_bytes());
        version.extend(i64::from(now()).to_le_bytes());
        version.extend([0; 52]);
        version.extend(nonce.to_le_bytes());
        version.extend(b"\x06/liar/");
        version.extend(0_i32.to_le_bytes());
        version.push(1);
        peer.send("version", &version);
        peer.wait_for("verack")?;
        peer.send("verack", &[]);
        Ok(peer)
    }

    /// Sends a message; whoever is let go half-way has been understood.
    fn send(&mut self, command: &str, payload: &[u8]) {
        self.send_bytes(&frame(command, payload));
    }

    fn send_bytes(&mut self, bytes: &[u8]) {
        self.is_gone |= self.stream.write_all(bytes).is_err();
    }

    /// The next message, if there is one for now; questions whether it is there are answered.
    fn next(&mut self) -> Option<(String, Vec<u8>)> {
        // What has come already goes first: the stream may stay silent for a while.
        let (command, payload) = self.unread_message().or_else(|| {
            self.read();
            self.unread_message()
        })?;
        if command == "ping" {
            self.send("pong", &payload);
        }
        Some((command, payload))
    }

    fn read(&mut self) {
        let mut buffer = [0; 64 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.is_gone = true,
            Ok(length) => self.unread.extend(buffer.iter().take(length)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => self.is_gone = true,
        }
    }

    fn unread_message(&mut self) -> Option<(String, Vec<u8>)> {
        let head = self.unread.get(..24)?;
        let name = head.get(4..16)?.iter().take_while(|byte| **byte != 0).copied().collect();
        let command = String::from_utf8(name).ok()?;
        let length = u32::from_le_bytes(head.get(16..20)?.try_into().ok()?);
        let end = 24 + usize::try_from(length).ok()?;
        let payload = self.unread.get(24..end)?.to_vec();
        self.unread.drain(..end);
        Some((command, payload))
    }

    fn wait_for(&mut self, wanted: &str) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && !self.is_gone {
            if self.next().is_some_and(|(command, _)| command == wanted) {
                return Ok(());
            }
        }
        bail!("expected {wanted}, gone: {}", self.is_gone)
    }

    /// Waits until the node has let it go.
    fn ends(&mut self) -> Result<()> {
        let begun = Instant::now();
        while !self.is_gone {
            ensure!(begun.elapsed() < PATIENCE, "it is still connected");
            self.next();
        }
        Ok(())
    }

    /// Waits until the node has taken all that was sent: it answers in order.
    fn heard(&mut self) -> Result<()> {
        self.send("ping", &7_u64.to_le_bytes());
        self.wait_for("pong")
    }
}

/// A block on another with one transaction, which takes more than there is to take.
fn greedy_block(parent: BlockHash, height: u64, chance: &mut StdRng) -> Result<Block> {
    let height = i64::try_from(height)?;
    let script = bitcoin::script::Builder::new().push_int(height).push_int(chance.random());
    let input = TxIn { script_sig: script.into_script(), ..TxIn::default() };
    let output =
        TxOut { value: Amount::from_sat(100_000_000_000), script_pubkey: ScriptBuf::new() };
    let coinbase = Transaction {
        version: transaction::Version::ONE,
        lock_time: absolute::LockTime::ZERO,
        input: vec![input],
        output: vec![output],
    };
    let root = TxMerkleNode::from_byte_array(coinbase.compute_txid().to_byte_array());
    Ok(Block { header: mined(header(parent, root), true)?, txdata: vec![coinbase] })
}

fn header(parent: BlockHash, root: TxMerkleNode) -> Header {
    Header {
        version: Version::from_consensus(0x2000_0000),
        prev_blockhash: parent,
        merkle_root: root,
        time: now(),
        bits: bitcoin::CompactTarget::from_consensus(BITS),
        nonce: 0,
    }
}

/// Looks for a nonce whose hash has, or has not, the work it should.
fn mined(mut header: Header, works: bool) -> Result<Header> {
    for nonce in 0..10_000 {
        header.nonce = nonce;
        if header.validate_pow(header.target()).is_ok() == works {
            return Ok(header);
        }
    }
    bail!("no nonce")
}

/// Headers on one another, as their message has them: with a count of no transactions each.
fn headers_message(first: BlockHash, count: usize, works: bool) -> Result<Vec<u8>> {
    let mut bytes = serialize(&VarInt(count as u64));
    let mut parent = first;
    for _ in 0..count {
        let next = mined(header(parent, TxMerkleNode::all_zeros()), works)?;
        parent = next.block_hash();
        bytes.extend(serialize(&next));
        bytes.push(0);
    }
    Ok(bytes)
}

fn orphan(chance: &mut StdRng) -> Transaction {
    let from = OutPoint::new(Txid::from_byte_array(chance.random()), 0);
    let input = |_| TxIn {
        previous_output: from,
        script_sig: ScriptBuf::from_bytes(vec![0x51; 1_000]),
        sequence: Sequence::MAX,
        witness: Witness::new(),
    };
    let script = ScriptBuf::from_bytes(vec![0x51]);
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: (0..1).map(input).collect(),
        output: vec![TxOut { value: Amount::from_sat(1_000), script_pubkey: script }],
    }
}

/// Entries of an inventory, or of a question for it, of things of a kind that nobody has.
fn inventory(count: u64, kind: u32, chance: &mut StdRng) -> Vec<u8> {
    let first: [u8; 24] = chance.random();
    let mut bytes = serialize(&VarInt(count));
    for number in 0..count {
        bytes.extend(kind.to_le_bytes());
        bytes.extend(first);
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

fn addresses(count: u64, chance: &mut StdRng) -> Vec<u8> {
    let mut bytes = serialize(&VarInt(count));
    for _ in 0..count {
        bytes.extend(now().to_le_bytes());
        bytes.extend(9_u64.to_le_bytes());
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
        bytes.extend(chance.random::<[u8; 4]>());
        bytes.extend([0x20, 0x8d]);
    }
    bytes
}

impl Peer {
    fn lie(&mut self, lie: Lie, tip: &Head, chance: &mut StdRng) -> Result<()> {
        let parent: BlockHash = tip.hash.parse()?;
        match lie {
            Lie::Workless => self.send("headers", &headers_message(parent, 20, false)?),
            Lie::Unconnected => {
                for _ in 0..20 {
                    let nowhere = BlockHash::from_byte_array(chance.random());
                    self.send("headers", &headers_message(nowhere, 5, true)?);
                }
            }
            Lie::InvalidCompact => {
                let block = greedy_block(parent, tip.height + 1, chance)?;
                let compact = HeaderAndShortIds::from_block(&block, chance.random(), 2, &[])?;
                self.send("cmpctblock", &serialize(&compact));
            }
            Lie::InvalidBlock => {
                let block = greedy_block(parent, tip.height + 1, chance)?;
                self.send("block", &serialize(&block));
            }
            Lie::Mutated => {
                let mut block = greedy_block(parent, tip.height + 1, chance)?;
                block.txdata[0].lock_time = absolute::LockTime::from_consensus(1);
                self.send("block", &serialize(&block));
            }
            Lie::Withheld => self.send("headers", &headers_message(parent, 3, true)?),
            Lie::Inventories => {
                // Transactions by their ids with witness, then blocks.
                self.send("inv", &inventory(INV_MAX, 5, chance));
                self.send("inv", &inventory(INV_MAX, 2, chance));
                self.send("inv", &inventory(INV_MAX + 1, 5, chance));
            }
            Lie::Addresses => {
                for _ in 0..20 {
                    self.send("addr", &addresses(ADDR_MAX, chance));
                }
                self.send("addr", &addresses(ADDR_MAX + 1, chance));
            }
            Lie::Orphans => {
                for _ in 0..200 {
                    self.send("tx", &serialize(&orphan(chance)));
                }
            }
            Lie::Questions => {
                for kind in [1, 2, 4] {
                    self.send("getdata", &inventory(INV_MAX, kind, chance));
                }
                let nowhere = [BlockHash::from_byte_array(chance.random())];
                let mut ask = 70_016_i32.to_le_bytes().to_vec();
                ask.extend(list(&nowhere));
                ask.extend([0; 32]);
                for _ in 0..500 {
                    self.send("getheaders", &ask);
                }
            }
            Lie::Checksum => {
                let mut bytes = frame("ping", &7_u64.to_le_bytes());
                bytes[20] ^= 1;
                self.send_bytes(&bytes);
            }
        }
        Ok(())
    }
}

/// Liars come to a node, each sort in turn, while others mine: those who break a rule are let go, nobody takes what they say, all agree, and the
/// node does not grow.
///
/// # Errors
///
/// If it is otherwise.
pub fn liars(binary: &Binary, seed: u64) -> Result<()> {
    lab(|lab| {
        let begun = Instant::now();
        let mut network = Network::<Bitcoin>::start(lab, binary, seed)?;
        let everybody: Vec<_> = (0..Bitcoin::NODES).collect();
        network.work(0)?;
        network.agree(&everybody, 1)?;
        let memory = Memory::of(&network)?;
        let at = network.nodes.first().context("a node")?.place.peers;
        let mut most = 0;
        for (number, lie) in (1_u8..).zip(Lie::ALL) {
            let tip = network.head(0)?;
            let mut peers = Vec::new();
            for liar in 1..=LIARS {
                // Who misbehaved at an address is not wanted from there again.
                let stream = connect_from([127, 8, number, liar], at)?;
                let mut peer = Peer::meet(stream, u64::from(liar))
                    .with_context(|| format!("{lie:?} shakes hands"))?;
                peer.lie(lie, &tip, &mut network.chance)?;
                peers.push(peer);
            }
            network.work(1)?;
            let goal = network.head(1)?;
            let agreed = network.agree(&everybody, goal.height);
            let agreed = agreed.with_context(|| format!("among {lie:?}"))?;
            ensure!(agreed == goal, "{lie:?}: expected {goal:?}, got {agreed:?}");
            for peer in &mut peers {
                let understood = if lie.ends() { peer.ends() } else { peer.heard() };
                // Who asks for more than is there, or is merely odd, may be let go or not; but what was said was taken.
                understood
                    .or_else(|error| if peer.is_gone { Ok(()) } else { Err(error) })
                    .with_context(|| format!("after {lie:?}"))?;
            }
            most = most.max(memory.stayed(&network, &format!("{lie:?}"))?);
        }
        eprintln!(
            "bitcoin: {} sorts of liars cost {} MiB, {:.1} s",
            Lie::ALL.len(),
            most >> 20,
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    })
}
