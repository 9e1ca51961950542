//! The rules of blocks on blocks made for them: each rule with a block that passes and one that fails for that reason.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
};

use bitcoin::{BlockHash, OutPoint, TxMerkleNode, block::Version, hashes::Hash};

use super::{
    Ancestors, BlockContext, BlockError, CoinAccess, ConnectError, Connected,
    WITNESS_COMMITMENT_PREFIX, connect_block, witness_merkle_root,
};
use crate::{
    block::{Block, decode_header, encode_header},
    coin::{Coin, CoinRef},
    encode::put_size,
    network::Params,
    transaction::sample::{TRUE, TestTx, outpoint},
};

mod block;
mod connect;
mod context;
mod disconnect;
mod history;
mod scripts;
mod transaction;

/// A block of `transactions` whose header fits them.
fn block(transactions: &[TestTx]) -> Block {
    let root = |block: &Block| {
        let ids = block.transactions().iter().map(|tx| tx.txid().to_byte_array());
        quintet_crypto::merkle::root(&ids.collect::<Vec<_>>()).hash
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
