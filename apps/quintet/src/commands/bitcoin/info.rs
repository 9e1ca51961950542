//! `quintet bitcoin info`.

use quintet_bitcoin_node::chain::Chain;
use quintet_bitcoin_protocol::header::pow;
use serde::Serialize;

use super::open::{self, Opened, Place};
use crate::{
    cli::InfoArgs,
    output::{self, size, thousands},
    stop,
};

/// The chain. Fields that `getblockchaininfo` has are named as there.
#[derive(Debug, Serialize)]
struct Info {
    chain: String,
    data_dir: String,
    blocks: u32,
    headers: u32,
    /// Headers of all branches.
    known_headers: usize,
    bestblockhash: String,
    bits: String,
    difficulty: f64,
    time: u32,
    mediantime: u32,
    chainwork: String,
    transactions: u64,
    /// The block the coins on disk are those of; the rest is done again after a crash.
    coins_head: Option<String>,
    size_on_disk: u64,
    disk: Disk,
}

/// What lies on disk, bytes.
#[derive(Debug, Serialize)]
struct Disk {
    blocks: u64,
    undo: u64,
    store: u64,
}

pub(super) fn run(args: InfoArgs) -> anyhow::Result<()> {
    let place = Place::find(&args.chain)?;
    let json = args.chain.json;
    let info = stop::stoppable(move |stop| {
        let mut progress = open::progress(&args.chain)?;
        let opened = open::open_whole(place, &args.chain, &mut progress, stop)?;
        progress.finish();
        Info::of(&opened)
    })?;
    if json { output::json(&info) } else { tell(&info) }
}

impl Info {
    fn of(opened: &Opened) -> anyhow::Result<Self> {
        let chain: &Chain = &opened.chain;
        let (headers, tip) = (chain.headers(), chain.tip());
        let files = chain.storage().files();
        let disk = Disk {
            blocks: files.blocks().total_bytes(),
            undo: files.undo().total_bytes(),
            store: chain.storage().store().disk_bytes()?,
        };
        Ok(Self {
            chain: chain.params().name.clone(),
            data_dir: opened.place.directory.display().to_string(),
            blocks: chain.height(),
            headers: headers.height(headers.best()),
            known_headers: headers.len(),
            bestblockhash: chain.tip_hash().to_string(),
            bits: format!("{:08x}", headers.bits(tip).to_consensus()),
            difficulty: pow::difficulty(headers.bits(tip)),
            time: headers.time(tip),
            mediantime: headers.median_time_past(tip),
            chainwork: format!("{:064x}", headers.work(tip)),
            transactions: chain.tx_count(),
            coins_head: open::coins_head(chain)?,
            size_on_disk: disk.blocks + disk.undo + disk.store,
            disk,
        })
    }
}

fn tell(info: &Info) -> anyhow::Result<()> {
    let coins = match &info.coins_head {
        Some(hash) if *hash == info.bestblockhash => "those of the tip".to_owned(),
        Some(hash) => format!("those of {hash}"),
        None => "none yet".to_owned(),
    };
    let disk = &info.disk;
    output::rows([
        ("chain", info.chain.clone()),
        ("data", info.data_dir.clone()),
        ("height", info.blocks.to_string()),
        ("tip", info.bestblockhash.clone()),
        ("headers", format!("{}, the best at height {}", info.known_headers, info.headers)),
        ("transactions", thousands(info.transactions)),
        ("difficulty", info.difficulty.to_string()),
        ("work", info.chainwork.clone()),
        ("time", format!("{}, median {}", info.time, info.mediantime)),
        ("coins", coins),
        (
            "disk",
            format!(
                "{}: blocks {}, undo data {}, store {}",
                size(info.size_on_disk),
                size(disk.blocks),
                size(disk.undo),
                size(disk.store)
            ),
        ),
    ])
}
