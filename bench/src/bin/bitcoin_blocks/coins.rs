//! Coins in a hash map: what connecting costs apart from any store.

use std::{collections::HashMap, convert::Infallible};

use bitcoin::OutPoint;
use quintet_bitcoin_protocol::{
    coin::{Coin, CoinRef},
    rules::CoinAccess,
};

/// All coins, and the one that was spent last.
#[derive(Default)]
pub(crate) struct Coins {
    all: HashMap<OutPoint, Coin>,
    last: Option<Coin>,
}

impl Coins {
    pub(crate) fn insert(&mut self, outpoint: OutPoint, coin: Coin) {
        self.all.insert(outpoint, coin);
    }
}

impl CoinAccess for Coins {
    type Error = Infallible;

    fn spend(&mut self, outpoint: &OutPoint) -> Result<Option<CoinRef<'_>>, Infallible> {
        self.last = self.all.remove(outpoint);
        Ok(self.last.as_ref().map(Coin::view))
    }

    fn create(&mut self, outpoint: OutPoint, coin: CoinRef<'_>, _: bool) -> Result<(), Infallible> {
        self.all.insert(outpoint, coin.to_coin());
        Ok(())
    }

    fn contains(&mut self, outpoint: &OutPoint) -> Result<bool, Infallible> {
        Ok(self.all.contains_key(outpoint))
    }
}
