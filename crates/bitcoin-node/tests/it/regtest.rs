//! Real blocks of a regression test chain, made on the spot: they obey every rule, or break the one that is asked for.
//!
//! Coinbases pay two outputs: one that anybody can spend, and one of zero satoshis that nobody can, though it is a coin.

use std::collections::BTreeMap;

use bitcoin::{BlockHash, OutPoint, Txid, hashes::Hash as _};
use quintet_bitcoin_protocol::{
    Block, block::header_hash, encode::put_size, header::pow, network::Params,
};
use quintet_crypto::{digest::sha256d, merkle};

/// Some time after every block, Unix seconds.
pub(crate) const NOW: u64 = 1_700_000_000;

/// Blocks until a coinbase's outputs can be spent.
pub(crate) const MATURITY: u32 = 100;

const OP_TRUE: u8 = 0x51;
const OP_FALSE: u8 = 0x00;

/// A coin that a chain has left.
#[derive(Debug, Clone, Copy)]
struct Left {
    value: u64,
    height: u32,
    coinbase: bool,
    spendable: bool,
}

/// What a block does besides paying its miner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Empty,
    /// Spends the oldest coins there are, all but some, into two each.
    Spends,
    /// Spends a coin twice.
    DoubleSpend,
    /// Spends a coin whose script fails.
    BadScript,
    /// Pays its miner one satoshi too many.
    TooMuchMoney,
    /// Commits to another height.
    WrongHeight,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Empty,
        Self::Spends,
        Self::DoubleSpend,
        Self::BadScript,
        Self::TooMuchMoney,
        Self::WrongHeight,
    ];

    pub(crate) const fn is_valid(self) -> bool {
        matches!(self, Self::Empty | Self::Spends)
    }
}

/// A block and what its chain leaves.
#[derive(Debug, Clone)]
pub(crate) struct Mined {
    pub(crate) bytes: Vec<u8>,
    pub(crate) hash: BlockHash,
    pub(crate) height: u32,
    time: u32,
    coins: BTreeMap<OutPoint, Left>,
}

impl Mined {
    pub(crate) fn genesis(params: &Params) -> Self {
        let bytes = params.genesis.clone();
        let block = Block::decode(bytes.clone()).expect("genesis");
        let (hash, time) = (block.hash(), block.header().time);
        Self { bytes, hash, height: 0, time, coins: BTreeMap::new() }
    }

    pub(crate) fn block(&self) -> Block {
        Block::decode(self.bytes.clone()).expect("a block")
    }

    /// Mines a block on top. `number` makes it differ from others of its kind.
    pub(crate) fn child(&self, kind: Kind, number: u32) -> Self {
        let height = self.height + 1;
        let mut coins = self.coins.clone();
        let mut transactions = Vec::new();
        let ripe = |coin: &Left| !coin.coinbase || coin.height + MATURITY <= height;
        let mut old = coins.clone().into_iter().filter(|(_, coin)| ripe(coin) && coin.spendable);
        let fake = OutPoint { txid: Txid::from_byte_array([9; 32]), vout: 0 };
        let mut spend = |outpoint: OutPoint, value: u64, coins: &mut BTreeMap<OutPoint, Left>| {
            let halves = [(value / 2, OP_TRUE), (value - value / 2, OP_TRUE)];
            let bytes = transaction(outpoint, &[], &halves, 0);
            coins.remove(&outpoint);
            add(coins, &bytes, &halves, height, false);
            transactions.push(bytes);
        };
        match kind {
            Kind::Spends => {
                for (outpoint, coin) in old.take(3) {
                    spend(outpoint, coin.value, &mut coins);
                }
            }
            Kind::DoubleSpend => {
                let (outpoint, value) = old.next().map_or((fake, 8), |(at, coin)| (at, coin.value));
                spend(outpoint, value, &mut coins);
                spend(outpoint, value - 2, &mut coins);
            }
            Kind::BadScript => {
                let bad = coins.iter().find(|(_, coin)| ripe(coin) && !coin.spendable);
                let outpoint = bad.map_or(fake, |(at, _)| *at);
                spend(outpoint, 0, &mut coins);
            }
            Kind::Empty | Kind::TooMuchMoney | Kind::WrongHeight => {}
        }
        let subsidy = Params::regtest().subsidy(height);
        let reward = if kind == Kind::TooMuchMoney { subsidy + 1 } else { subsidy };
        let outputs = [(reward, OP_TRUE), (0, OP_FALSE)];
        let claimed = if kind == Kind::WrongHeight { height + 1 } else { height };
        let mut script = vec![3];
        script.extend_from_slice(&claimed.to_le_bytes()[..3]);
        // Small heights are pushed in other forms.
        if claimed <= 16 {
            script = vec![0x50 + u8::try_from(claimed).expect("small")];
        } else if claimed < 128 {
            script = vec![1, u8::try_from(claimed).expect("small")];
        } else if claimed < 32_768 {
            script = vec![2];
            script.extend_from_slice(&claimed.to_le_bytes()[..2]);
        }
        script.push(4);
        script.extend_from_slice(&number.to_le_bytes());
        let coinbase = transaction(OutPoint::null(), &script, &outputs, u32::MAX);
        add(&mut coins, &coinbase, &outputs, height, true);
        transactions.insert(0, coinbase);
        let time = self.time + 600;
        let bytes = mine(self.hash, time, &transactions);
        let hash = header_hash(bytes.first_chunk().expect("a header"));
        Self { bytes, hash, height, time, coins }
    }

    /// Mines `count` blocks on top of each other, the last of them last.
    pub(crate) fn grow(&self, count: u32, kind: Kind, number: u32) -> Vec<Self> {
        let mut chain: Vec<Self> = Vec::new();
        for _ in 0..count {
            let next = chain.last().unwrap_or(self).child(kind, number);
            chain.push(next);
        }
        chain
    }
}

fn add(
    coins: &mut BTreeMap<OutPoint, Left>,
    transaction: &[u8],
    outputs: &[(u64, u8)],
    height: u32,
    coinbase: bool,
) {
    let txid = Txid::from_byte_array(sha256d(&[transaction]).into_bytes());
    for (vout, &(value, script)) in (0..).zip(outputs) {
        let spendable = script == OP_TRUE;
        coins.insert(OutPoint { txid, vout }, Left { value, height, coinbase, spendable });
    }
}

fn transaction(from: OutPoint, script: &[u8], outputs: &[(u64, u8)], sequence: u32) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 1];
    bytes.extend_from_slice(from.txid.as_byte_array());
    bytes.extend_from_slice(&from.vout.to_le_bytes());
    put_size(&mut bytes, script.len() as u64);
    bytes.extend_from_slice(script);
    bytes.extend_from_slice(&sequence.to_le_bytes());
    put_size(&mut bytes, outputs.len() as u64);
    for (value, script) in outputs {
        bytes.extend_from_slice(&value.to_le_bytes());
        bytes.extend_from_slice(&[1, *script]);
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes
}

fn mine(parent: BlockHash, time: u32, transactions: &[Vec<u8>]) -> Vec<u8> {
    let params = Params::regtest();
    let bits = Block::decode(params.genesis.clone()).expect("genesis").header().bits;
    let ids: Vec<_> = transactions.iter().map(|tx| sha256d(&[tx]).into_bytes()).collect();
    let mut bytes = vec![0, 0, 0, 0x20];
    bytes.extend_from_slice(parent.as_byte_array());
    bytes.extend_from_slice(&merkle::root(&ids).hash);
    bytes.extend_from_slice(&time.to_le_bytes());
    bytes.extend_from_slice(&bits.to_consensus().to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    for nonce in 0_u32.. {
        bytes[76..80].copy_from_slice(&nonce.to_le_bytes());
        let hash = header_hash(bytes.first_chunk().expect("a header"));
        if pow::check(&hash, bits, params.pow_limit) {
            break;
        }
    }
    put_size(&mut bytes, transactions.len() as u64);
    transactions.iter().for_each(|tx| bytes.extend_from_slice(tx));
    bytes
}
