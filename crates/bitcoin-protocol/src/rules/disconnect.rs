//! How a block is taken back.
//!
//! **Spec:** Bitcoin Core, `DisconnectBlock`, `ApplyTxInUndo`.

use bitcoin::OutPoint;
use thiserror::Error;

use super::CoinAccess;
use crate::{
    block::Block,
    coin::{CoinRef, SpentCoins},
    script::is_unspendable,
    transaction::Tx,
};

/// The two blocks of the main chain whose coinbase a later block repeats: their outputs may be gone, or another's.
///
/// Not the blocks that [`super::BlockContext`] exempts from BIP-0030, which are the later ones: going
/// back, it is the earlier ones where the outputs do not fit.
const BIP30_REPEATED: [(u32, &str); 2] = [
    (91_722, "00000000000271a2dc26e7667f8419f2e15416dc6955e5a6c6cdf3f2574dd08e"),
    (91_812, "00000000000af0aed4792b1acee3d966af36cf5def14935db8de83d6f9306f2f"),
];

/// How taking a block back went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnected {
    /// Whether every output was there as the block made it, and nothing was where its inputs' coins went back to.
    ///
    /// If not, the coins are not those of the chain. Bitcoin Core goes on when it replays blocks after a
    /// crash, which may repeat what was half done, and stops when it reorganises.
    pub clean: bool,
}

/// Why a block was not taken back. `coins` may have changed in part.
#[derive(Debug, Error)]
pub enum DisconnectError<E> {
    /// The undo data is another block's.
    #[error("expected undo data of {expected} coins, got {actual}")]
    UndoMismatch {
        /// Inputs of the block without the coinbase's.
        expected: usize,
        /// Coins of the undo data.
        actual: usize,
    },
    /// The coins could not be read or written.
    #[error("coins: {0}")]
    Coins(E),
}

/// Takes back what [`super::connect_block`] did (Bitcoin Core's `DisconnectBlock`).
///
/// Transactions go in reverse, so that outputs spent within the block come back before they are taken out.
///
/// # Errors
///
/// [`DisconnectError`] if the undo data does not fit, found before anything is changed, or the coins cannot be reached.
pub fn disconnect_block<C: CoinAccess>(
    block: &Block,
    spent: &SpentCoins,
    height: u32,
    coins: &mut C,
) -> Result<Disconnected, DisconnectError<C::Error>> {
    if height == 0 {
        return Ok(Disconnected { clean: true });
    }
    let spends = |tx: Tx<'_>| if tx.is_coinbase() { 0 } else { tx.inputs().len() };
    let expected = block.transactions().iter().map(spends).sum();
    if expected != spent.len() {
        return Err(DisconnectError::UndoMismatch { expected, actual: spent.len() });
    }
    let repeated =
        BIP30_REPEATED.iter().any(|&(at, id)| at == height && block.hash().to_string() == id);
    let mut clean = true;
    let mut undo = expected;
    for tx in block.transactions().iter().rev() {
        let coinbase = tx.is_coinbase();
        let matched = take_outputs(tx, height, coinbase, coins).map_err(DisconnectError::Coins)?;
        clean &= matched || (coinbase && repeated);
        if coinbase {
            continue;
        }
        for input in tx.inputs().rev() {
            undo -= 1;
            let Some(coin) = spent.get(undo) else { continue };
            clean &= restore(input.previous, coin, coins).map_err(DisconnectError::Coins)?;
        }
    }
    Ok(Disconnected { clean })
}

/// Takes the outputs out and returns whether all were there as the transaction made them.
fn take_outputs<C: CoinAccess>(
    tx: Tx<'_>,
    height: u32,
    coinbase: bool,
    coins: &mut C,
) -> Result<bool, C::Error> {
    let mut matched = true;
    for (vout, output) in (0..).zip(tx.outputs()) {
        let script_pubkey = output.script_pubkey;
        if is_unspendable(script_pubkey) {
            continue;
        }
        let value = output.value.unsigned_abs();
        let made = CoinRef { value, height, coinbase, script_pubkey };
        matched &= coins.spend(&OutPoint { txid: tx.txid(), vout })? == Some(made);
    }
    Ok(matched)
}

/// Puts a coin back and returns whether its place was free.
fn restore<C: CoinAccess>(
    outpoint: OutPoint,
    coin: CoinRef<'_>,
    coins: &mut C,
) -> Result<bool, C::Error> {
    let taken = coins.contains(&outpoint)?;
    coins.create(outpoint, coin, taken)?;
    Ok(!taken)
}
