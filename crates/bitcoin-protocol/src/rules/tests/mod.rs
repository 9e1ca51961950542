//! The rules of blocks on blocks made for them: each rule with a block that passes and one that fails for that reason.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
};

use bitcoin::{BlockHash, OutPoint, TxMerkleNode, Txid, block::Version, hashes::Hash};

use super::{
    Ancestors, BlockContext, BlockError, CoinAccess, ConnectError, Connected,
    WITNESS_COMMITMENT_PREFIX, connect_block, witness_merkle_root,
};
use crate::{
    block::{Block, decode_header, encode_header},
    coin::{Coin, CoinRef},
    encode::put_size,
    network::Params,
    transaction::Transaction,
};

mod block;
mod connect;
mod context;
mod disconnect;
mod history;
// mod scripts;
mod transaction;

/// `OP_1`: a script that anybody satisfies.
const TRUE: &[u8] = &[0x51];

/// An input to be serialised.
#[derive(Clone)]
struct TestInput {
    previous: OutPoint,
    script_sig: Vec<u8>,
    sequence: u32,
    witness: Vec<Vec<u8>>,
}

/// A transaction to be serialised, right or wrong.
#[derive(Clone)]
struct TestTx {
    version: u32,
    inputs: Vec<TestInput>,
    outputs: Vec<(i64, Vec<u8>)>,
    lock_time: u32,
}

impl TestTx {
    /// A transaction that spends `previous` and pays `value` to anybody.
    fn spending(previous: OutPoint, value: i64) -> Self {
        Self::empty().input(previous).output(value, TRUE)
    }

    fn empty() -> Self {
        Self { version: 1, inputs: Vec::new(), outputs: Vec::new(), lock_time: 0 }
    }

    /// A coinbase whose script begins with four bytes that read as `height` (BIP-0034, for heights of three bytes).
    fn coinbase(height: u32, value: i64) -> Self {
        let [a, b, c, _] = height.to_le_bytes();
        let mut tx = Self::empty().input(OutPoint::null()).output(value, TRUE);
        tx.inputs[0].script_sig = vec![3, a, b, c, 0];
        tx
    }

    fn input(mut self, previous: OutPoint) -> Self {
        let sequence = 0xffff_ffff;
        self.inputs.push(TestInput { previous, script_sig: vec![], sequence, witness: vec![] });
        self
    }

    fn output(mut self, value: i64, script: &[u8]) -> Self {
        self.outputs.push((value, script.to_vec()));
        self
    }

    fn script_sig(mut self, script: &[u8]) -> Self {
        self.inputs[0].script_sig = script.to_vec();
        self
    }

    fn witness(mut self, items: &[&[u8]]) -> Self {
        self.inputs[0].witness = items.iter().map(|item| item.to_vec()).collect();
        self
    }

    fn sequence(mut self, version: u32, sequence: u32) -> Self {
        self.version = version;
        self.inputs[0].sequence = sequence;
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = self.version.to_le_bytes().to_vec();
        let has_witness = self.inputs.iter().any(|input| !input.witness.is_empty());
        if has_witness {
            out.extend([0, 1]);
        }
        put_size(&mut out, self.inputs.len() as u64);
        for input in &self.inputs {
            out.extend(input.previous.txid.as_byte_array());
            out.extend(input.previous.vout.to_le_bytes());
            put_sized(&mut out, &input.script_sig);
            out.extend(input.sequence.to_le_bytes());
        }
        put_size(&mut out, self.outputs.len() as u64);
        for (value, script) in &self.outputs {
            out.extend(value.to_le_bytes());
            put_sized(&mut out, script);
        }
        for input in self.inputs.iter().filter(|_| has_witness) {
            put_size(&mut out, input.witness.len() as u64);
            input.witness.iter().for_each(|item| put_sized(&mut out, item));
        }
        out.extend(self.lock_time.to_le_bytes());
        out
    }

    fn build(&self) -> Transaction {
        Transaction::decode(self.bytes()).unwrap()
    }

    fn txid(&self) -> Txid {
        self.build().view().txid()
    }

    /// Output `vout` of it, to be spent.
    fn at(&self, vout: u32) -> OutPoint {
        OutPoint { txid: self.txid(), vout }
    }
}

fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_size(out, bytes.len() as u64);
    out.extend(bytes);
}

/// An outpoint nobody else uses.
fn outpoint(number: u8) -> OutPoint {
    OutPoint { txid: Txid::from_byte_array([number; 32]), vout: u32::from(number) }
}

/// A block of `transactions` whose header fits them.
fn block(transactions: &[TestTx]) -> Block {
    let root = |block: &Block| {
        let ids = block.transactions().iter().map(|tx| tx.txid().to_byte_array()).collect();
        super::merkle::merkle_root(ids).0
    };
    let loose = block_with_root(transactions, [0; 32]);
    block_with_root(transactions, root(&loose))
}

/// A block of `transactions` and a header that says `root`.
fn block_with_root(transactions: &[TestTx], root: [u8; 32]) -> Block {
    let mut header = decode_header(&[0; 80]);
    header.version = Version::from_consensus(4);
    header.time = 1_600_000_000;
    header.merkle_root = TxMerkleNode::from_byte_array(root);
    let mut bytes = encode_header(&header).to_vec();
    put_size(&mut bytes, transactions.len() as u64);
    transactions.iter().for_each(|tx| bytes.extend(tx.bytes()));
    Block::decode(bytes).unwrap()
}

/// Adds the output to the coinbase that commits to the block's witnesses, with this reserved value as its witness.
fn commit(transactions: &mut [TestTx], reserved: &[u8]) {
    let root = witness_merkle_root(&block(transactions));
    let hash = quintet_crypto::digest::sha256d(&[&root, reserved]);
    let script = [&WITNESS_COMMITMENT_PREFIX[..], hash.as_bytes()].concat();
    transactions[0].outputs.push((0, script));
    transactions[0].inputs[0].witness = vec![reserved.to_vec()];
}

/// Coins in a map. Refuses what the rules promise never to do.
#[derive(Debug, Clone, Default)]
struct Coins {
    map: HashMap<OutPoint, Coin>,
    spent: Option<Coin>,
}

impl Coins {
    fn with(mut self, outpoint: OutPoint, value: u64, height: u32, script: &[u8]) -> Self {
        let coin = Coin { value, height, coinbase: false, script_pubkey: script.into() };
        self.map.insert(outpoint, coin);
        self
    }

    fn with_coinbase(mut self, outpoint: OutPoint, value: u64, height: u32) -> Self {
        let coin = Coin { value, height, coinbase: true, script_pubkey: TRUE.into() };
        self.map.insert(outpoint, coin);
        self
    }
}

impl CoinAccess for Coins {
    type Error = Infallible;

    fn spend(&mut self, outpoint: &OutPoint) -> Result<Option<CoinRef<'_>>, Infallible> {
        self.spent = self.map.remove(outpoint);
        Ok(self.spent.as_ref().map(Coin::view))
    }

    fn create(
        &mut self,
        outpoint: OutPoint,
        coin: CoinRef<'_>,
        overwrite: bool,
    ) -> Result<(), Infallible> {
        let before = self.map.insert(outpoint, coin.to_coin());
        assert!(overwrite || before.is_none(), "{outpoint} was overwritten");
        Ok(())
    }

    fn contains(&mut self, outpoint: &OutPoint) -> Result<bool, Infallible> {
        Ok(self.map.contains_key(outpoint))
    }
}

/// Ancestors whose median time past is a thousand seconds times the height, unless named.
#[derive(Debug, Clone, Default)]
struct Chain {
    hashes: BTreeMap<u32, BlockHash>,
}

impl Ancestors for Chain {
    fn hash(&self, height: u32) -> Option<BlockHash> {
        self.hashes.get(&height).copied()
    }

    fn median_time_past(&self, height: u32) -> u32 {
        height.saturating_mul(1_000)
    }
}

/// Runs `check` in the context of a block of main at `height`.
fn at_height<T>(height: u32, check: impl FnOnce(&BlockContext<'_>) -> T) -> T {
    let params = Params::main();
    check(&BlockContext::new(&params, BlockHash::all_zeros(), height, &Chain::default()))
}

/// Connects a block of main at `height`, whose coinbase takes nothing.
fn connect_with_fees_burnt(
    height: u32,
    transactions: &[TestTx],
    coins: &mut Coins,
) -> Result<Connected, BlockError> {
    let all = [&[TestTx::coinbase(height, 0)], transactions].concat();
    connect(height, &all, coins)
}

/// Connects a block of main at `height`.
fn connect(
    height: u32,
    transactions: &[TestTx],
    coins: &mut Coins,
) -> Result<Connected, BlockError> {
    let result = at_height(height, |context| connect_block(&block(transactions), context, coins));
    result.map_err(|error| match error {
        ConnectError::Rule(error) => error,
        ConnectError::Coins(never) => match never {},
    })
}

/// The reject reason of a refusal, empty if there was none.
fn reason<T>(result: Result<T, BlockError>) -> String {
    result.err().map(|error| error.reject_reason().into_owned()).unwrap_or_default()
}
