//! Coins: unspent outputs with what the rules need to know of where they were made.

use crate::transaction::Output;

/// An unspent output: a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoinRef<'a> {
    /// Satoshis, `0..=21_000_000 * 100_000_000`.
    pub value: u64,
    /// Height of the block that made it.
    pub height: u32,
    /// Whether a coinbase made it.
    pub coinbase: bool,
    /// The script that must be satisfied to spend it.
    pub script_pubkey: &'a [u8],
}

impl CoinRef<'_> {
    /// Returns a copy that owns its script.
    #[must_use]
    pub fn to_coin(self) -> Coin {
        let Self { value, height, coinbase, script_pubkey } = self;
        Coin { value, height, coinbase, script_pubkey: script_pubkey.into() }
    }
}

/// An unspent output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coin {
    /// Satoshis, `0..=21_000_000 * 100_000_000`.
    pub value: u64,
    /// Height of the block that made it.
    pub height: u32,
    /// Whether a coinbase made it.
    pub coinbase: bool,
    /// The script that must be satisfied to spend it.
    pub script_pubkey: Box<[u8]>,
}

impl Coin {
    /// Returns the view of it.
    #[must_use]
    pub fn view(&self) -> CoinRef<'_> {
        let Self { value, height, coinbase, ref script_pubkey } = *self;
        CoinRef { value, height, coinbase, script_pubkey }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    value: u64,
    height: u32,
    coinbase: bool,
    script_start: u32,
    script_len: u32,
}

/// The coins a block spends, in the order of its inputs without the coinbase's, in one arena.
///
/// What script checks read, what undo data is made of, and what disconnecting gives back.
#[derive(Debug, Clone, Default)]
pub struct SpentCoins {
    entries: Vec<Entry>,
    scripts: Vec<u8>,
}

impl SpentCoins {
    /// Makes an empty arena for about `inputs` coins.
    #[must_use]
    pub fn with_capacity(inputs: usize) -> Self {
        Self { entries: Vec::with_capacity(inputs), scripts: Vec::with_capacity(inputs * 32) }
    }

    /// Appends the coin of the next input.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a block spends fewer than 4 GiB of scripts"
    )]
    pub fn push(&mut self, coin: CoinRef<'_>) {
        let CoinRef { value, height, coinbase, script_pubkey } = coin;
        let script_start = self.scripts.len() as u32;
        self.scripts.extend_from_slice(script_pubkey);
        let script_len = script_pubkey.len() as u32;
        self.entries.push(Entry { value, height, coinbase, script_start, script_len });
    }

    /// Returns how many coins there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the coin at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<CoinRef<'_>> {
        let &Entry { value, height, coinbase, script_start, script_len } =
            self.entries.get(index)?;
        let script_pubkey = &self.scripts[script_start as usize..][..script_len as usize];
        Some(CoinRef { value, height, coinbase, script_pubkey })
    }

    /// Returns the coins in order.
    pub fn iter(&self) -> impl Iterator<Item = CoinRef<'_>> {
        self.iter_from(0)
    }

    /// Returns the coins from `first` on, in order.
    pub fn iter_from(&self, first: usize) -> impl Iterator<Item = CoinRef<'_>> {
        (first..self.len()).map_while(|index| self.get(index))
    }

    /// Returns the coin at `index` as the output it was.
    #[must_use]
    #[expect(clippy::cast_possible_wrap, reason = "a coin holds at most 21 million bitcoins")]
    pub fn output(&self, index: usize) -> Option<Output<'_>> {
        let CoinRef { value, script_pubkey, .. } = self.get(index)?;
        Some(Output { value: value as i64, script_pubkey })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coin(number: u8) -> Coin {
        let script_pubkey = vec![number; usize::from(number)].into();
        Coin {
            value: u64::from(number),
            height: 7,
            coinbase: number.is_multiple_of(2),
            script_pubkey,
        }
    }

    #[test]
    fn spent_coins_come_back_in_order_however_long_their_scripts() {
        let coins: Vec<Coin> = [3, 0, 255, 1].map(coin).into();
        let mut spent = SpentCoins::default();
        assert!(spent.is_empty());
        coins.iter().for_each(|coin| spent.push(coin.view()));
        assert_eq!(spent.len(), 4);
        assert!(spent.iter().map(CoinRef::to_coin).eq(coins.iter().cloned()));
        assert!(spent.iter_from(2).eq(coins[2..].iter().map(Coin::view)));
        assert_eq!(spent.iter_from(4).count(), 0);
        assert_eq!(spent.get(4), None);
        let output = spent.output(2).unwrap();
        assert_eq!((output.value, output.script_pubkey), (255, &[255; 255][..]));
        assert_eq!(spent.output(4), None);
    }
}
