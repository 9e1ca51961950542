//! The chain over real blocks of the main network: imported, reopened, verified, invalidated and taken in again.

use std::{ops::ControlFlow, sync::Arc};

use quintet_bitcoin_node::{
    chain::{Chain, ChainOptions, VerifyLevel},
    storage::blk::BlkFiles,
};
use quintet_bitcoin_protocol::network::Params;

/// Some time after the blocks of these tests, Unix seconds.
const NOW: u64 = 1_700_000_000;

/// What there is of the main network's first blocks.
const BLOCKS: &str = "bitcoin/chain/mainnet_blocks_0_599.dat";

fn open(directory: &std::path::Path) -> Chain {
    let params = Params::main();
    let mut options = ChainOptions::new(directory.to_owned(), &params, [7; 32]);
    options.assume_valid = None;
    options.check_threads = 2;
    Chain::open(Arc::new(params), options, NOW).expect("the chain opens")
}

#[test]
fn the_first_six_hundred_blocks_are_imported_and_survive_a_restart() {
    let Some(file) = test_vectors::find(BLOCKS) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let files = BlkFiles::from_paths([file], Params::main().magic).expect("a block file");
    let mut chain = open(directory.path());
    let report = chain.import(&files, NOW, &mut |_| ControlFlow::Continue(())).expect("an import");
    assert_eq!((report.progress.blocks, report.progress.height), (599, 599), "{report:?}");
    assert_eq!((report.known, report.refused_count, report.orphans), (1, 0, 0));
    let tip = chain.tip_hash();
    let verified = chain
        .verify(VerifyLevel::Connect, 0, &mut |_| ControlFlow::Continue(()))
        .expect("what is on disk holds");
    assert_eq!((verified.blocks, verified.disconnected), (599, 599));
    drop(chain);
    let mut chain = open(directory.path());
    assert_eq!((chain.height(), chain.tip_hash()), (599, tip));
    let at_500 = chain.active().at(500).expect("a block");
    chain.invalidate(at_500).expect("the chain goes back");
    assert_eq!(chain.height(), 499);
    chain.reconsider(at_500).expect("the chain comes back");
    chain.settle().expect("scripts hold");
    assert_eq!((chain.height(), chain.tip_hash()), (599, tip));
}
