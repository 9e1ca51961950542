//! Imports block files into a chain of its own and says what came of it: the library without the application.
//!
//! ```text
//! cargo run --release -p quintet-bitcoin-node --example import -- regtest DIRECTORY-OF-BLK-FILES DATA-DIRECTORY
//! ```

use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use quintet_bitcoin_node::{
    chain::{Chain, ChainOptions},
    storage::blk::BlkFiles,
};
use quintet_bitcoin_protocol::network::Params;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let network = arguments.next().ok_or("expected a network, such as regtest")?;
    let blocks = arguments.next().ok_or("expected a directory of blk files")?;
    let data = arguments.next().ok_or("expected a data directory")?;
    let params = Params::by_name(&network).ok_or("expected main, testnet4, signet or regtest")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let files = BlkFiles::in_directory(&PathBuf::from(blocks), params.magic)?;
    let mut options = ChainOptions::new(PathBuf::from(data), &params, [7; 32]);
    options.check_threads = std::thread::available_parallelism()?.get();
    let started = Instant::now();
    let mut chain = Chain::open(Arc::new(params), options, now)?;
    let report = chain.import(&files, now, &mut |_| ControlFlow::Continue(()))?;
    let seconds = started.elapsed().as_secs_f64();
    let transactions = report.progress.transactions;
    let rate = transactions as f64 / seconds;
    println!(
        "height {}, {transactions} transactions, {seconds:.2} s, {rate:.0} a second",
        chain.height()
    );
    println!("{report:?}");
    Ok(())
}
