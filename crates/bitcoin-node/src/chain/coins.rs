//! The coins as the rules see them, over the cache and its encoding.

use bitcoin::OutPoint;
use quintet_bitcoin_protocol::{
    CoinRef,
    coins::{ScriptBuffer, coin_key, decode_coin, encode_coin},
    rules::CoinAccess,
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
