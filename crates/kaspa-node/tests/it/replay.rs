//! Whole DAGs through consensus over the ledger in memory: all dumps there are, each to the last block.

use std::{fs::File, io::BufReader, path::PathBuf, sync::Arc};

use quintet_kaspa_node::{
    consensus::{Consensus, MemoryLedger, Options, Outcome},
    dump::Reader,
    ports::BlockStatus,
};

pub(crate) fn dumps() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("QUINTET_VECTORS") else { return Vec::new() };
    let folder = PathBuf::from(folder).join("kaspa/dags_json");
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    files.sort();
    files
}

fn replay(path: &PathBuf) {
    let only = std::env::var("DUMP").unwrap_or_default();
    if !path.to_string_lossy().contains(&only) {
        return;
    }
    let start = std::time::Instant::now();
    let bytes = quintet_inflate(path);
    let mut reader = Reader::new(std::io::Cursor::new(bytes)).unwrap();
    let params = reader.params().clone();
    let options = Options { threads: 1, clock: Arc::new(|| u64::MAX / 2), ..Options::default() };
    let ledger = Arc::new(MemoryLedger::new());
    let genesis = reader.next().unwrap().unwrap();
    assert_eq!(genesis.hash, params.genesis.header().hash(), "{}", path.display());
    let consensus = Consensus::open(params, options, ledger).unwrap();
    let mut count = 0;
    for block in reader {
        let block = block.unwrap();
        count += 1;
        let outcome = consensus.submit_block(block.block).unwrap();
        assert!(
            matches!(outcome, Outcome::Accepted(BlockStatus::UtxoValid | BlockStatus::BodyPending)),
            "{} block {count}: {outcome:?} {:?}",
            path.display(),
            consensus.disqualification(&block.hash)
        );
    }
    println!("{} {count} blocks {:?}", path.display(), start.elapsed());
    let (tip, _) = consensus.header_tip();
    assert_eq!(tip, consensus.sink());
    assert_eq!(consensus.status(&tip), Some(BlockStatus::UtxoValid));
}

fn quintet_inflate(path: &PathBuf) -> Vec<u8> {
    let out = std::process::Command::new("zcat").arg(path).output().unwrap();
    let _ = BufReader::new(File::open(path).unwrap());
    out.stdout
}

#[test]
fn every_dump_is_accepted_to_its_last_block() {
    for path in dumps() {
        replay(&path);
    }
}
