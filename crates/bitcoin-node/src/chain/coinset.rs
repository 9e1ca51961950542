//! The set of coins as a whole: counted and hashed, written to a snapshot, read from one.
//!
//! ```text
//!   settle · flush ──► view of the store ──► SetScan          coin_stats
//!                                        ──► SnapshotWriter   dump_snapshot:  <path>.incomplete, synced, renamed
//!
//!   file ──► SnapshotReader ──► SetScan ──► hash known? ──► coins-head      load_snapshot
//!                          └──► store: coins that are nobody's yet ┘
//! ```
//!
//! While a snapshot is loaded its coins belong to no block, so a crash leaves what the next opening removes. Only when their hash is the
//! one the network's parameters list do they become those of the snapshot's block.
//!
//! # Deviations
//!
//! Bitcoin Core goes on to validate the history below a loaded snapshot in the background. Here it is taken on trust in the listed hash; blocks
//! below it are stored if they come, and nothing connects them.
//!
//! **Spec:** Bitcoin Core, `gettxoutsetinfo`, `dumptxoutset`, `loadtxoutset`, `ActivateSnapshot`.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read as _, Write as _},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use bitcoin::{BlockHash, OutPoint, hashes::Hash as _};
use quintet_bitcoin_protocol::{
    CoinRef,
    coins::{
        CoinError, CoinKey, ScriptBuffer, decode_coin, encode_coin, outpoint,
        snapshot::{
            FED_BYTES_MAX, METADATA_BYTES, Metadata, SnapshotError, SnapshotReader, SnapshotWriter,
        },
        stats::{SetHash, SetScan, SetStats, StatsError},
    },
    header::{HeaderId, Validity},
};
use quintet_store::{Batch, Durability, Snapshot, StoreError};
use quintet_utxo::{After, CoinBytes};
use thiserror::Error;

use super::{Chain, ChainError, CoinsError, open::open_coins};
use crate::storage::COIN_TABLES;

/// Coins after which progress is told, coins.
const TELL_EVERY: u64 = 16_384;

/// Bytes that are written to a file, or read from one, at a time.
const FILE_BYTES: usize = 1 << 18;

/// Size of one commit while a snapshot is loaded, bytes as [`Batch::bytes`] counts.
const LOAD_BATCH_BYTES: usize = 32 << 20;

const _: () = assert!(FILE_BYTES <= FED_BYTES_MAX);

/// How far a walk over all coins has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoinsProgress {
    /// Coins done.
    pub coins: u64,
    /// The share that is done, thousandths.
    pub per_mille: u16,
}

/// Told now and then; may stop the walk.
pub type TellCoins<'a> = &'a mut dyn FnMut(&CoinsProgress) -> ControlFlow<()>;

/// A snapshot that was written or loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotReport {
    /// The block whose coins it holds.
    pub base: BlockHash,
    /// Its height.
    pub height: u32,
    /// Transactions from genesis to that block.
    pub chain_tx_count: u64,
    /// The coins in numbers, with `hash_serialized_3`.
    pub stats: SetStats,
}

/// Why the coins could not be walked, written or loaded.
#[derive(Debug, Error)]
pub enum CoinSetError {
    /// The chain cannot go on.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The coins on disk are not in order.
    #[error("the stored coins are damaged: {source}: rebuild them with reindex-chainstate")]
    Stats {
        /// What is wrong with them.
        source: StatsError,
    },
    /// A file could not be read or written.
    #[error("could not {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A dump never replaces a file.
    #[error("{} exists: move it away or choose another name", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is no snapshot of this network.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Blocks have been connected already.
    #[error("a snapshot is loaded into a chain of height 0, got {actual}: use an empty directory")]
    NotEmpty {
        /// The height.
        actual: u32,
    },
    /// The snapshot's block is not among those whose coins are known.
    #[error("expected a snapshot of one of the blocks at {expected:?}, got one of {actual}")]
    Unlisted {
        /// The heights there are snapshots for.
        expected: Vec<u32>,
        /// The snapshot's block.
        actual: BlockHash,
    },
    /// The header of the snapshot's block is missing or off the best chain.
    #[error(
        "the header of block {base} is not in the best chain: let the headers come first, then load again"
    )]
    HeaderAbsent {
        /// The snapshot's block.
        base: BlockHash,
    },
    /// The coins are others than the parameters list.
    #[error(
        "expected coins of the hash {expected}, got {actual}: the snapshot is wrong, nothing was loaded"
    )]
    HashMismatch {
        /// The hash listed, as displayed.
        expected: BlockHash,
        /// The hash of the file's coins, as displayed.
        actual: BlockHash,
    },
    /// Whoever was told of the progress asked to stop.
    #[error("stopped on request")]
    Stopped,
}

impl From<StoreError> for CoinSetError {
    fn from(error: StoreError) -> Self {
        Self::Chain(error.into())
    }
}

/// Calls `with` for each coin of a view of the store, in its order.
fn each_coin(
    view: &Snapshot,
    progress: TellCoins<'_>,
    mut with: impl FnMut(&CoinKey, &[u8]) -> Result<(), CoinSetError>,
) -> Result<(), CoinSetError> {
    let mut coins = 0;
    for row in view.range(&COIN_TABLES.coins, ..)? {
        let (key, CoinBytes(encoded)) = row?;
        with(&key, &encoded)?;
        coins += 1;
        if coins % TELL_EVERY == 0 {
            // Transaction ids are spread evenly.
            let share = u32::from(u16::from_be_bytes([key[0], key[1]])) * 1000 / 65_536;
            let per_mille = u16::try_from(share).unwrap_or(1000);
            if progress(&CoinsProgress { coins, per_mille }).is_break() {
                return Err(CoinSetError::Stopped);
            }
        }
    }
    // The last of it is told without asking.
    let _ = progress(&CoinsProgress { coins, per_mille: 1000 });
    Ok(())
}

fn scan(view: &Snapshot, hash: SetHash, progress: TellCoins<'_>) -> Result<SetStats, CoinSetError> {
    let mut scan = SetScan::new(hash);
    let mut buffer = ScriptBuffer::default();
    each_coin(view, progress, |key, encoded| {
        let coin = decode_coin(encoded, &mut buffer).map_err(|source| damaged(key, source))?;
        scan.push(key, coin).map_err(|source| CoinSetError::Stats { source })
    })?;
    Ok(scan.finish())
}

fn damaged(key: &CoinKey, source: CoinError) -> CoinSetError {
    CoinSetError::Chain(CoinsError::Damaged { outpoint: outpoint(key), source }.into())
}

fn file_error<'p>(
    action: &'static str,
    path: &'p Path,
) -> impl FnOnce(io::Error) -> CoinSetError + use<'p> {
    move |source| CoinSetError::File { action, path: path.to_owned(), source }
}

/// The coins of the connected chain as they were at one moment; the chain may go on meanwhile.
#[derive(Debug)]
pub struct CoinsView(Snapshot);

impl CoinsView {
    /// Calls `with` for each coin.
    ///
    /// # Errors
    ///
    /// [`CoinSetError`] if one cannot be read.
    pub fn each(&self, mut with: impl FnMut(OutPoint, CoinRef<'_>)) -> Result<(), CoinSetError> {
        let mut buffer = ScriptBuffer::default();
        each_coin(&self.0, &mut |_| ControlFlow::Continue(()), |key, encoded| {
            let coin = decode_coin(encoded, &mut buffer).map_err(|source| damaged(key, source))?;
            with(outpoint(key), coin);
            Ok(())
        })
    }
}

impl Chain {
    /// Returns the coins of the connected chain as they are now. Everything is settled and flushed first.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn coins_view(&mut self) -> Result<CoinsView, ChainError> {
        self.flush()?;
        Ok(CoinsView(self.storage.store().snapshot()?))
    }

    /// Counts and hashes the coins of the connected chain. Everything is settled and flushed first.
    ///
    /// Cost: one walk over all coins; with a hash, minutes on the main network.
    ///
    /// # Errors
    ///
    /// [`CoinSetError`]; [`CoinSetError::Stopped`] if `progress` asks for it.
    pub fn coin_stats(
        &mut self,
        hash: SetHash,
        progress: TellCoins<'_>,
    ) -> Result<SetStats, CoinSetError> {
        self.flush()?;
        scan(&self.storage.store().snapshot()?, hash, progress)
    }

    /// Writes the coins of the connected chain to `path`, which must not exist, as Bitcoin Core's `dumptxoutset` does. The file is there whole
    /// or not at all. The coins are walked twice: `progress` begins anew.
    ///
    /// # Errors
    ///
    /// [`CoinSetError`]; no file is left then.
    pub fn dump_snapshot(
        &mut self,
        path: &Path,
        progress: TellCoins<'_>,
    ) -> Result<SnapshotReport, CoinSetError> {
        if path.exists() {
            return Err(CoinSetError::Exists { path: path.to_owned() });
        }
        self.flush()?;
        let view = self.storage.store().snapshot()?;
        let stats = scan(&view, SetHash::Serialized, progress)?;
        let base = self.tip_hash();
        let metadata = Metadata { network: self.params.magic, base, coins: stats.outputs };
        let mut partial = path.as_os_str().to_owned();
        partial.push(".incomplete");
        let partial = PathBuf::from(partial);
        let written = write_snapshot(&view, &metadata, &partial, progress)
            .and_then(|()| fs::rename(&partial, path).map_err(file_error("rename to", path)))
            .and_then(|()| sync_parent(path));
        if let Err(error) = written {
            // Whatever went wrong before counts more than that.
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
        let (height, chain_tx_count) = (self.height(), self.tx_count());
        Ok(SnapshotReport { base, height, chain_tx_count, stats })
    }

    /// Loads a snapshot into a chain that has no block connected, and goes on from its block. Its header must be known and its coins' hash be
    /// listed in the network's parameters.
    ///
    /// # Errors
    ///
    /// [`CoinSetError`]; the chain is at genesis then.
    pub fn load_snapshot(
        &mut self,
        path: &Path,
        progress: TellCoins<'_>,
    ) -> Result<SnapshotReport, CoinSetError> {
        self.settle()?;
        if self.height() > 0 {
            return Err(CoinSetError::NotEmpty { actual: self.height() });
        }
        let mut file = File::open(path).map_err(file_error("open", path))?;
        let mut head = [0; METADATA_BYTES];
        file.read_exact(&mut head).map_err(file_error("read", path))?;
        let metadata = Metadata::decode(&head, self.params.magic)?;
        let base = metadata.base;
        let listed = self.params.assume_utxo.iter().find(|listed| listed.block == base);
        let Some(listed) = listed.copied() else {
            let expected = self.params.assume_utxo.iter().map(|listed| listed.height).collect();
            return Err(CoinSetError::Unlisted { expected, actual: base });
        };
        let id = self.tree.find(&base).filter(|&id| self.may_begin_at(id));
        let id = id.ok_or(CoinSetError::HeaderAbsent { base })?;
        // The header must be there before the coins are its block's.
        self.flush_index()?;
        self.storage.clear_coins().map_err(ChainError::from)?;
        let outcome = self.load_coins(&mut file, path, &metadata, id, progress).and_then(|stats| {
            let actual = stats.hash.unwrap_or_default();
            if actual == listed.hash_serialized {
                return Ok(stats);
            }
            let [expected, actual] =
                [listed.hash_serialized, actual].map(BlockHash::from_byte_array);
            Err(CoinSetError::HashMismatch { expected, actual })
        });
        self.coins = open_coins(&self.storage, &self.options)?;
        let stats = match outcome {
            Ok(stats) => stats,
            Err(error) => {
                self.storage.clear_coins().map_err(ChainError::from)?;
                return Err(error);
            }
        };
        let flushed = self.coins.cache_mut().flush(base.to_byte_array(), |_| (), After::Drop);
        flushed.map_err(ChainError::from)?;
        self.begin_at_snapshot(id, listed.chain_tx_count);
        self.settle()?;
        let (height, chain_tx_count) = (self.tree.height(id), listed.chain_tx_count);
        Ok(SnapshotReport { base, height, chain_tx_count, stats })
    }

    fn may_begin_at(&self, id: HeaderId) -> bool {
        self.tree.validity(id) == Validity::Valid && self.tree.is_ancestor(id, self.tree.best())
    }

    /// Makes the block of a snapshot the tip, whose ancestors are not on disk.
    fn begin_at_snapshot(&mut self, id: HeaderId, chain_tx_count: u64) {
        self.active.set_tip(&self.tree, id);
        self.assume_complete(id, chain_tx_count);
    }

    /// Reads all coins into the store, as nobody's.
    fn load_coins(
        &self,
        file: &mut File,
        path: &Path,
        metadata: &Metadata,
        base: HeaderId,
        progress: TellCoins<'_>,
    ) -> Result<SetStats, CoinSetError> {
        let store = self.storage.store();
        let mut reader = SnapshotReader::new(metadata, self.tree.height(base));
        let mut set = SetScan::new(SetHash::Serialized);
        let mut chunk = vec![0; FILE_BYTES];
        let mut batch = Batch::new();
        let mut encoded = Vec::new();
        loop {
            let read = file.read(&mut chunk).map_err(file_error("read", path))?;
            if read == 0 {
                break;
            }
            reader.feed(&chunk[..read])?;
            while let Some((key, coin)) = reader.next_coin()? {
                set.push(&key, coin).map_err(|_| SnapshotError::Order)?;
                encoded.clear();
                encode_coin(coin, &mut encoded);
                batch.put_encoded(&COIN_TABLES.coins, &key, &encoded);
                if batch.bytes() >= LOAD_BATCH_BYTES {
                    store.commit(std::mem::take(&mut batch), Durability::Buffered)?;
                }
            }
            let coins = reader.coins();
            let share = coins.saturating_mul(1000) / metadata.coins.max(1);
            let per_mille = u16::try_from(share).unwrap_or(1000);
            if progress(&CoinsProgress { coins, per_mille }).is_break() {
                return Err(CoinSetError::Stopped);
            }
        }
        reader.finish()?;
        store.commit(batch, Durability::Sync)?;
        Ok(set.finish())
    }
}

fn write_snapshot(
    view: &Snapshot,
    metadata: &Metadata,
    path: &Path,
    progress: TellCoins<'_>,
) -> Result<(), CoinSetError> {
    let file = File::create(path).map_err(file_error("create", path))?;
    let mut file = BufWriter::with_capacity(FILE_BYTES, file);
    let mut out = Vec::new();
    let mut writer = SnapshotWriter::new(metadata, &mut out);
    each_coin(view, progress, |key, encoded| {
        writer.push(key, encoded, &mut out)?;
        file.write_all(&out).map_err(file_error("write", path))?;
        out.clear();
        Ok(())
    })?;
    writer.finish(&mut out)?;
    file.write_all(&out).map_err(file_error("write", path))?;
    let file = file.into_inner().map_err(|error| error.into_error());
    file.and_then(|file| file.sync_all()).map_err(file_error("sync", path))
}

/// Makes the entry of `path` in its directory durable.
fn sync_parent(path: &Path) -> Result<(), CoinSetError> {
    if cfg!(unix) {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or_else(|| Path::new("."));
        File::open(parent)
            .and_then(|directory| directory.sync_all())
            .map_err(file_error("sync the directory", parent))?;
    }
    Ok(())
}
