//! This project's rules over a plain map of coins: the shortest way from a block to a verdict.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bitcoin::{BlockHash, OutPoint};
use bytes::Bytes;
use quintet_bitcoin_protocol::{
    Block, Coin, CoinRef,
    header::{CheckedHeader, HeaderId, HeaderTree},
    network::Params,
    rules::{
        Ancestors, BlockContext, CoinAccess, ConnectError, ScriptJobs, check_block,
        check_block_in_context, connect_block,
    },
};
use rayon::prelude::*;

/// A chain of valid blocks, and its coins.
#[derive(Debug)]
pub struct Ledger {
    params: Arc<Params>,
    tree: HeaderTree,
    tip: HeaderId,
    coins: HashMap<OutPoint, Coin>,
}

struct Above<'a> {
    tree: &'a HeaderTree,
    parent: HeaderId,
}

impl Ancestors for Above<'_> {
    fn hash(&self, height: u32) -> Option<BlockHash> {
        self.tree.ancestor(self.parent, height).map(|id| self.tree.hash(id))
    }

    fn median_time_past(&self, height: u32) -> u32 {
        self.tree.ancestor(self.parent, height).map_or(0, |id| self.tree.median_time_past(id))
    }
}

/// What a block does to the coins, kept apart until it is known to be valid.
struct Layer<'a> {
    below: &'a HashMap<OutPoint, Coin>,
    made: HashMap<OutPoint, Coin>,
    spent: HashSet<OutPoint>,
    last: Option<Coin>,
}

impl CoinAccess for Layer<'_> {
    type Error = Infallible;

    fn spend(&mut self, outpoint: &OutPoint) -> Result<Option<CoinRef<'_>>, Infallible> {
        self.last = self.made.remove(outpoint).or_else(|| {
            let coin = self.below.get(outpoint)?;
            self.spent.insert(*outpoint).then(|| coin.clone())
        });
        Ok(self.last.as_ref().map(Coin::view))
    }

    fn create(
        &mut self,
        outpoint: OutPoint,
        coin: CoinRef<'_>,
        _overwrite: bool,
    ) -> Result<(), Infallible> {
        self.made.insert(outpoint, coin.to_coin());
        Ok(())
    }

    fn contains(&mut self, outpoint: &OutPoint) -> Result<bool, Infallible> {
        let below = self.below.contains_key(outpoint) && !self.spent.contains(outpoint);
        Ok(below || self.made.contains_key(outpoint))
    }
}

impl Ledger {
    /// Starts with regtest's genesis block.
    pub fn new() -> Self {
        let params = Arc::new(Params::regtest());
        let tree = HeaderTree::new(params.clone(), 0);
        Self { params, tip: tree.best(), tree, coins: HashMap::new() }
    }

    /// Returns how many coins there are.
    pub fn coins(&self) -> usize {
        self.coins.len()
    }

    /// Checks a block above the tip, and makes it the tip if asked to.
    ///
    /// The order is Bitcoin Core's: the body alone before the header's place in the chain.
    ///
    /// # Errors
    ///
    /// The reject reason in Bitcoin Core's words.
    pub fn check(&mut self, bytes: &[u8], apply: bool) -> Result<(), String> {
        let block = Block::decode(Bytes::copy_from_slice(bytes))
            .map_err(|error| format!("not a block: {error}"))?;
        let said = |error: &dyn std::fmt::Display| error.to_string();
        CheckedHeader::new(block.header(), &self.params)
            .map_err(|error| said(&error.reject_reason()))?;
        check_block(&block, &self.params).map_err(|error| said(&error.reject_reason()))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let id =
            self.tree.insert(block.header(), now).map_err(|error| said(&error.reject_reason()))?;
        let parent = self.tree.parent(id).unwrap_or(id);
        let above = Above { tree: &self.tree, parent };
        let height = self.tree.height(id);
        let context = BlockContext::new(&self.params, block.hash(), height, &above);
        check_block_in_context(&block, &context).map_err(|error| said(&error.reject_reason()))?;
        let mut layer =
            Layer { below: &self.coins, made: HashMap::new(), spent: HashSet::new(), last: None };
        let connected =
            connect_block(&block, &context, &mut layer).map_err(|error| match error {
                ConnectError::Rule(error) => said(&error.reject_reason()),
                ConnectError::Coins(never) => match never {},
            })?;
        let jobs = ScriptJobs::new(&block, &connected.spent, context.flags);
        let failed =
            (0..jobs.len()).into_par_iter().map(|item| jobs.run(item)).find_first(Result::is_err);
        if let Some(Err(error)) = failed {
            return Err(said(&error.reject_reason()));
        }
        if apply {
            let Layer { made, spent, .. } = layer;
            spent.iter().for_each(|outpoint| {
                self.coins.remove(outpoint);
            });
            self.coins.extend(made);
            self.tip = id;
        }
        Ok(())
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}
