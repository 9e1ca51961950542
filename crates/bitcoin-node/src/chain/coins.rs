//! The coins as the rules see them, over the cache and its encoding.

use bitcoin::{OutPoint, hashes::Hash as _};
use quintet_bitcoin_protocol::{CoinRef, coins, rules::CoinAccess};
use quintet_utxo::{Cache, Key, Overwrite};

use super::CoinsError;

/// The coins of the connected chain. Encoded in the cache and on disk, decoded when they are spent.
#[derive(Debug)]
pub(super) struct Coins {
    cache: Cache,
    /// The coin being encoded.
    encoded: Vec<u8>,
    /// The script of the coin that was spent last, where its encoding is not the script itself.
    script: Vec<u8>,
}

/// Returns the key of a coin.
pub(super) fn key(outpoint: &OutPoint) -> Key {
    let mut key = [0; 36];
    key[..32].copy_from_slice(outpoint.txid.as_byte_array());
    key[32..].copy_from_slice(&outpoint.vout.to_le_bytes());
    key
}

impl Coins {
    pub(super) const fn new(cache: Cache) -> Self {
        Self { cache, encoded: Vec::new(), script: Vec::new() }
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
        let Some(encoded) = self.cache.spend(&key(outpoint))? else { return Ok(None) };
        let decoded = coins::decode(encoded, &mut self.script);
        decoded.map(Some).map_err(|source| CoinsError::Damaged { outpoint: *outpoint, source })
    }

    fn create(
        &mut self,
        outpoint: OutPoint,
        coin: CoinRef<'_>,
        overwrite: bool,
    ) -> Result<(), CoinsError> {
        self.encoded.clear();
        coins::encode(coin, &mut self.encoded);
        let overwrite = if overwrite { Overwrite::Possible } else { Overwrite::Never };
        Ok(self.cache.create(&key(&outpoint), &self.encoded, overwrite)?)
    }

    fn contains(&mut self, outpoint: &OutPoint) -> Result<bool, CoinsError> {
        Ok(self.cache.contains(&key(outpoint))?)
    }
}

/// The coins while an interrupted flush is replayed: each may be as before or as after what is replayed, so that
/// nothing is looked at and everything is set.
///
/// **Spec:** Bitcoin Core, `ReplayBlocks`, `RollforwardBlock`.
#[derive(Debug)]
pub(super) struct Replay<'a>(pub(super) &'a mut Coins);

impl CoinAccess for Replay<'_> {
    type Error = CoinsError;

    fn spend(&mut self, outpoint: &OutPoint) -> Result<Option<CoinRef<'_>>, CoinsError> {
        self.0.cache.erase(&key(outpoint))?;
        Ok(None)
    }

    fn create(
        &mut self,
        outpoint: OutPoint,
        coin: CoinRef<'_>,
        _overwrite: bool,
    ) -> Result<(), CoinsError> {
        self.0.create(outpoint, coin, true)
    }

    fn contains(&mut self, _outpoint: &OutPoint) -> Result<bool, CoinsError> {
        Ok(false)
    }
}
