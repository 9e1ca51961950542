//! The kernel's chain state on a regtest data directory of its own, and what it says of each block.
//!
//! The interface tells a coarse result; the reject reason is in the log, which the kernel writes from the thread that
//! processes the block, so the lines between call and return are this block's.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use bitcoinkernel::{
    Block, BlockValidationResult, BlockValidationStateRef, ChainType, ChainstateManager, Context,
    ContextBuilder, Log, Logger, ProcessBlockResult, ValidationMode, prelude::*,
};

/// What the kernel says of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is valid and was connected.
    Connected,
    /// It is known, or its chain has no more work than the one in force, so that it was not connected.
    Stored,
    /// It is refused; the reason and what Bitcoin Core adds to it.
    Refused(String),
    /// The bytes are no block.
    NotABlock,
}

type Lines = Arc<Mutex<Vec<String>>>;
type Checked = Arc<Mutex<Vec<([u8; 32], ValidationMode, BlockValidationResult)>>>;

struct Sink(Lines);

impl Log for Sink {
    fn log(&self, message: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(message.to_owned());
    }
}

/// A chain state.
pub struct Chainstate {
    manager: ChainstateManager,
    lines: Option<Lines>,
    checked: Checked,
    _logger: Option<Logger>,
    _context: Context,
}

impl Chainstate {
    /// Opens a chain state in a folder.
    ///
    /// Block files in its `blocks` are read in again (`-reindex`), which is over when this returns.
    ///
    /// With `reasons` the kernel's log is kept so that reject reasons are known; that is one log of the whole process.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn open(folder: &Path, worker_threads: i32, reasons: bool) -> anyhow::Result<Self> {
        let lines = reasons.then(Lines::default);
        let logger = match &lines {
            Some(lines) => Some(Logger::new(Sink(lines.clone()))?),
            None => {
                bitcoinkernel::disable_logging();
                None
            }
        };
        let checked = Checked::default();
        let results = checked.clone();
        let context = ContextBuilder::new()
            .chain_type(ChainType::Regtest)
            .with_block_checked_validation(
                move |block: Block, state: BlockValidationStateRef<'_>| {
                    let entry = (block.hash().to_bytes(), state.mode(), state.result());
                    results.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
                },
            )
            .build()?;
        let folder = folder.to_str().context("expected a path in UTF-8")?;
        let blocks = format!("{folder}/blocks");
        // What lies in the folder's block files is imported now.
        let reindex = Path::new(&blocks).join("blk00000.dat").exists();
        let manager = ChainstateManager::builder(&context, folder, &blocks)?
            .worker_threads(worker_threads)
            .wipe_db(reindex, reindex)?
            .build()?;
        manager.import_blocks()?;
        Ok(Self { manager, lines, checked, _logger: logger, _context: context })
    }

    /// Processes a serialised block.
    pub fn process(&self, bytes: &[u8]) -> Outcome {
        self.clear();
        let Ok(block) = Block::new(bytes) else { return Outcome::NotABlock };
        let hash = block.hash().to_bytes();
        let result = self.manager.process_block(&block);
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let own = checked.iter().rev().find(|(checked, ..)| *checked == hash);
        match (result, own) {
            (_, Some((_, ValidationMode::Valid, _))) if result != ProcessBlockResult::Rejected => {
                Outcome::Connected
            }
            (ProcessBlockResult::NewBlock | ProcessBlockResult::Duplicate, None) => Outcome::Stored,
            (_, own) => Outcome::Refused(self.reason(own.map(|(.., result)| *result))),
        }
    }

    /// Returns the height of the chain in force.
    pub fn height(&self) -> i32 {
        self.manager.active_chain().height()
    }

    fn clear(&self) {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if let Some(lines) = &self.lines {
            lines.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    fn reason(&self, result: Option<BlockValidationResult>) -> String {
        let lines = self.lines.as_ref();
        let lines = lines.map(|lines| lines.lock().unwrap_or_else(PoisonError::into_inner));
        let said = lines.iter().flat_map(|lines| lines.iter()).find_map(|line| {
            let (_, refused) = line.split_once("AcceptBlock FAILED (").unzip();
            let connecting = || line.split_once("ConnectBlock ")?.1.split_once(" failed, ");
            refused.or_else(|| connecting().map(|(_, reason)| reason))
        });
        said.map_or_else(|| format!("{result:?}"), |text| text.trim_end().to_owned())
    }
}
