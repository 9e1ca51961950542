//! Real blocks, and the outputs they spend, from the folder of test vectors; compressed or not.

use std::{
    collections::HashSet,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use bitcoin::{OutPoint, Txid, hex::FromHex as _};
use flate2::read::GzDecoder;
use quintet_bitcoin_protocol::{block::Block, coin::Coin};
use serde::Deserialize;

use crate::coins::Coins;

/// A block and the outputs it spends.
pub(crate) struct Spending {
    pub(crate) network: String,
    pub(crate) height: u32,
    pub(crate) block: Vec<u8>,
    prevouts: Vec<(OutPoint, Coin)>,
}

impl Spending {
    /// Returns the coins before the block.
    pub(crate) fn coins(&self, block: &Block) -> Coins {
        let made: HashSet<Txid> = block.transactions().iter().map(|tx| tx.txid()).collect();
        let mut coins = Coins::default();
        for (outpoint, coin) in self.prevouts.iter().filter(|(at, _)| !made.contains(&at.txid)) {
            coins.insert(*outpoint, coin.clone());
        }
        coins
    }
}

/// Id, number, satoshis, script, height, whether a coinbase made it.
type Row = (String, u32, u64, String, Option<u32>, Option<bool>);

#[derive(Deserialize)]
struct File {
    network: String,
    height: u32,
    prevouts: Vec<Row>,
}

pub(crate) fn read_block(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path.exists() {
        return fs::read(path).with_context(|| format!("reading {}", path.display()));
    }
    let packed = PathBuf::from(format!("{}.gz", path.display()));
    let mut bytes = Vec::new();
    let file = fs::File::open(&packed).with_context(|| format!("opening {}", packed.display()))?;
    GzDecoder::new(file).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn read_spending(folder: &Path, name: &str) -> anyhow::Result<Spending> {
    let block = read_block(&folder.join(format!("{name}.block.bin")))?;
    let json = read_block(&folder.join(format!("{name}.prevouts.json")))?;
    let File { network, height, prevouts } = serde_json::from_slice(&json)?;
    let prevouts = prevouts.into_iter().map(|(txid, vout, value, script, made, coinbase)| {
        let txid = txid.parse()?;
        let script_pubkey = Vec::<u8>::from_hex(&script)?.into();
        let (height, coinbase) = (made.unwrap_or(0), coinbase.unwrap_or(false));
        Ok((OutPoint { txid, vout }, Coin { value, height, coinbase, script_pubkey }))
    });
    Ok(Spending { network, height, block, prevouts: prevouts.collect::<anyhow::Result<_>>()? })
}
