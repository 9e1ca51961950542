//! The coins as the rules see them, over the cache and its encoding.

use bitcoin::OutPoint;
use quintet_bitcoin_protocol::{
    Block, Coin, CoinRef,
    coins::{ScriptBuffer, coin_key, decode_coin, encode_coin},
    header::ChainView,
    rules::{
        BlockContext, BlockError, CoinAccess, ConnectError, Connected, ScriptJobs,
        check_block_in_context, connect_block,
    },
};
use quintet_utxo::{Cache, Overwrite};

use super::CoinsError;

/// The coins of the connected chain. Encoded in the cache and on disk, decoded when they are spent.
#[derive(Debug)]
pub(super) struct Coins {
    cache: Cache,
    /// The coin being encoded.
    encoded: Vec<u8>,
    /// The script of the coin that was spent last, where its encoding is not the script itself.
    script: ScriptBuffer,
}

impl Coins {
    pub(super) fn new(cache: Cache) -> Self {
        Self { cache, encoded: Vec::new(), script: ScriptBuffer::default() }
    }

    pub(super) const fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(super) const fn cache_mut(&mut self) -> &mut Cache {
        &mut self.cache
    }
}

impl super::Chain {
    /// Returns an unspent output of the connected chain.
    ///
    /// # Errors
    ///
    /// [`super::ChainError`] if the coins cannot be reached.
    pub fn coin(&mut self, outpoint: &OutPoint) -> Result<Option<Coin>, super::ChainError> {
        let coins = &mut self.coins;
        let found = coins.cache.get(&coin_key(outpoint))?;
        let Some(encoded) = found else { return Ok(None) };
        let decoded = decode_coin(encoded, &mut coins.script);
        let damaged = |source| CoinsError::Damaged { outpoint: *outpoint, source };
        Ok(Some(decoded.map_err(damaged)?.to_coin()))
    }

    /// Checks a block that would come next, its proof of work left out, and leaves everything as it is.
    ///
    /// **Spec:** Bitcoin Core, `TestBlockValidity`.
    ///
    /// # Errors
    ///
    /// [`super::ChainError`] if the chain cannot go on; in the inner result, the rule the block breaks.
    pub fn test_block(
        &mut self,
        block: &Block,
    ) -> Result<Result<Connected, BlockError>, super::ChainError> {
        self.settle()?;
        let (tree, params) = (&self.tree, &self.params);
        let tip = self.active.tip();
        let below = ChainView::new(tree, tip);
        let context = BlockContext::new(params, block.hash(), tree.height(tip) + 1, &below);
        if let Err(error) = check_block_in_context(block, &context) {
            return Ok(Err(error));
        }
        self.coins.cache.begin()?;
        let connected = connect_block(block, &context, &mut self.coins);
        let flags = context.flags;
        self.coins.cache.rollback()?;
        let connected = match connected {
            Ok(connected) => connected,
            Err(ConnectError::Rule(error)) => return Ok(Err(error)),
            Err(ConnectError::Coins(error)) => return Err(error.into()),
        };
        let jobs = ScriptJobs::new(block, &connected.spent, flags);
        for item in 0..jobs.len() {
            if let Err(error) = jobs.run(item) {
                return Ok(Err(error));
            }
        }
        drop(jobs);
        Ok(Ok(connected))
    }
}

impl CoinAccess for Coins {
    type Error = CoinsError;

    fn spend(&mut self, outpoint: &OutPoint) -> Result<Option<CoinRef<'_>>, CoinsError> {
        let Some(encoded) = self.cache.spend(&coin_key(outpoint))? else { return Ok(None) };
        let decoded = decode_coin(encoded, &mut self.script);
        decoded.map(Some).map_err(|source| CoinsError::Damaged { outpoint: *outpoint, source })
    }

    fn create(
        &mut self,
        outpoint: OutPoint,
        coin: CoinRef<'_>,
        overwrite: bool,
    ) -> Result<(), CoinsError> {
        self.encoded.clear();
        encode_coin(coin, &mut self.encoded);
        let overwrite = if overwrite { Overwrite::Possible } else { Overwrite::Never };
        Ok(self.cache.create(&coin_key(&outpoint), &self.encoded, overwrite)?)
    }

    fn contains(&mut self, outpoint: &OutPoint) -> Result<bool, CoinsError> {
        Ok(self.cache.contains(&coin_key(outpoint))?)
    }
}
