//! The files of a replay: opened and compared first, then read ahead of who takes the blocks in.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, sync_channel},
    },
};

use anyhow::{Context as _, bail};
use quintet_kaspa_node::dump::{DumpedBlock, Reader};
use quintet_kaspa_protocol::params::Params;

/// Bytes asked of the system at once.
const READ_BYTES: usize = 1 << 20;

/// Blocks read ahead.
const AHEAD_BLOCKS: usize = 256;

/// Files of one DAG.
#[derive(Debug)]
pub(super) struct Sources {
    paths: Vec<PathBuf>,
    pub(super) params: Params,
    /// Bytes of all files.
    pub(super) bytes: u64,
}

/// Blocks that are being read.
#[derive(Debug)]
pub(super) struct Blocks {
    receiver: Receiver<anyhow::Result<DumpedBlock>>,
    read: Arc<AtomicU64>,
}

impl Blocks {
    /// Returns the bytes of files read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Iterator for Blocks {
    type Item = anyhow::Result<DumpedBlock>;

    fn next(&mut self) -> Option<Self::Item> {
        self.receiver.recv().ok()
    }
}

/// A file that counts what is read of it.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(bytes)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn open(path: &Path, read: &Arc<AtomicU64>) -> anyhow::Result<Reader> {
    let naming = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(naming)?;
    let file = Counted { file, read: Arc::clone(read) };
    Reader::new(BufReader::with_capacity(READ_BYTES, file)).with_context(naming)
}

impl Sources {
    /// Opens all files for a look at their parameters.
    ///
    /// # Errors
    ///
    /// If one cannot be read, or they are not of one DAG.
    pub(super) fn find(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut found: Option<(Params, &Path)> = None;
        let mut bytes = 0;
        for path in paths {
            let params = open(path, &Arc::default())?.params().clone();
            bytes += path.metadata().map_or(0, |metadata| metadata.len());
            match &found {
                Some((first, at)) if *first != params => bail!(
                    "{} was made under other parameters than {}: replay them into different data directories",
                    path.display(),
                    at.display()
                ),
                Some(_) => {}
                None => found = Some((params, path)),
            }
        }
        let Some((params, _)) = found else { bail!("no file was named") };
        Ok(Self { paths: paths.to_vec(), params, bytes })
    }

    /// Starts reading.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub(super) fn read(&self) -> anyhow::Result<Blocks> {
        let (sender, receiver) = sync_channel(AHEAD_BLOCKS);
        let read = Arc::new(AtomicU64::new(0));
        let (paths, counter) = (self.paths.clone(), Arc::clone(&read));
        let work = move || {
            for path in &paths {
                let reader = match open(path, &counter) {
                    Ok(reader) => reader,
                    Err(error) => return drop(sender.send(Err(error))),
                };
                for block in reader {
                    let block = block.with_context(|| format!("cannot read {}", path.display()));
                    let failed = block.is_err();
                    if sender.send(block).is_err() || failed {
                        return;
                    }
                }
            }
        };
        std::thread::Builder::new()
            .name("kaspa-read".to_owned())
            .spawn(work)
            .context("cannot start a thread")?;
        Ok(Blocks { receiver, read })
    }
}
