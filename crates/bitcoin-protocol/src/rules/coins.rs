//! The coins as blocks see them: a port that the node implements over its cache.

use bitcoin::OutPoint;

use crate::coin::CoinRef;

/// A set of unspent outputs that a block is applied to.
///
/// The rules call it in the order of the block: spends before creations within a transaction. A
/// caller that may have to take a refused block back hands over a layer it can drop.
pub trait CoinAccess {
    /// Why the set cannot be read or written.
    type Error;

    /// Takes the coin at `outpoint` out of the set and returns it; `None` if there is none.
    ///
    /// The view lives until the next call.
    ///
    /// # Errors
    ///
    /// The set could not be read or written.
    fn spend(&mut self, outpoint: &OutPoint) -> Result<Option<CoinRef<'_>>, Self::Error>;

    /// Puts a coin into the set.
    ///
    /// Without `overwrite` the rules have made sure that there is none at `outpoint`, so an
    /// implementation need not look. With it there may be one, which is lost: so it went with the coinbases
    /// of blocks 91,722 and 91,812, which blocks 91,880 and 91,842 repeat.
    ///
    /// # Errors
    ///
    /// The set could not be written.
    fn create(
        &mut self,
        outpoint: OutPoint,
        coin: CoinRef<'_>,
        overwrite: bool,
    ) -> Result<(), Self::Error>;

    /// Returns whether there is a coin at `outpoint`.
    ///
    /// # Errors
    ///
    /// The set could not be read.
    fn contains(&mut self, outpoint: &OutPoint) -> Result<bool, Self::Error>;
}
