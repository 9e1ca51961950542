//! The pool between two runs.
//!
//! The file is `mempool.dat` in the chain's folder, in the second form of Bitcoin Core: version `u64`, key of the mask (compact size 8 and 8 bytes),
//! then, masked, a count `u64`, for each transaction its bytes, its time `i64` and what the operator added `i64`; then what was added to
//! transactions that are not there (count, then id 32 and amount `i64` each), and the ids nobody has yet asked for (count).
//!
//! # Invariants
//!
//! - It is written beside its name and renamed: a crash leaves the old one.
//! - A transaction of the file is judged like any other.
//!
//! **Spec:** Bitcoin Core, `node/mempool_persist.cpp`: `DumpMempool`, `LoadMempool`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bitcoin::{Txid, hashes::Hash as _};
use bytes::Bytes;
use quintet_bitcoin_protocol::{
    DecodeError, Transaction,
    encode::{Reader, put_size},
};
use thiserror::Error;

use super::Verdict;
use crate::{chain::ChainError, kernel::Kernel};

/// Name of the file.
const FILE: &str = "mempool.dat";
/// The form with a mask, the one without.
const MASKED: u64 = 2;
const PLAIN: u64 = 1;
/// Largest file that is read, bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Why a kept pool is not taken in.
#[derive(Debug, Error)]
pub enum PersistError {
    /// The file system.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The file is another version's, or damaged.
    #[error("{}: expected a mempool file of version 1 or 2, got {actual}: remove it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        actual: u64,
    },
    /// The file is damaged.
    #[error("{}: {source}: remove it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: DecodeError,
    },
}

/// A transaction of a file.
struct Kept {
    bytes: Vec<u8>,
    time: i64,
    delta: i64,
}

impl Kernel {
    /// Writes the pool to its file; what goes wrong goes into the log.
    pub(crate) fn save_mempool(&self) {
        if !self.mempool.loaded || !self.keep_mempool {
            // Not to write less than is there.
            return;
        }
        if let Err(error) = self.write_mempool() {
            tracing::warn!(%error, "the mempool is not kept");
        }
    }

    /// Writes the pool to its file; returns where.
    ///
    /// # Errors
    ///
    /// [`PersistError::Io`] if it cannot be written.
    pub fn write_mempool(&self) -> Result<PathBuf, PersistError> {
        let path = self.options.directory.join(FILE);
        let mut body = Vec::new();
        body.extend_from_slice(&(self.mempool.len() as u64).to_le_bytes());
        // Parents first, so that reading needs one pass.
        for chunk in self.mempool.chunks() {
            for entry in chunk.txids.iter().filter_map(|txid| self.mempool.get(txid)) {
                body.extend_from_slice(entry.bytes());
                body.extend_from_slice(&entry.time.to_le_bytes());
                body.extend_from_slice(&entry.delta.to_le_bytes());
            }
        }
        let absent =
            self.mempool.deltas.iter().filter(|(txid, _)| self.mempool.get(txid).is_none());
        let absent: Vec<_> = absent.collect();
        put_size(&mut body, absent.len() as u64);
        for (txid, delta) in absent {
            body.extend_from_slice(txid.as_byte_array());
            body.extend_from_slice(&delta.to_le_bytes());
        }
        put_size(&mut body, 0);
        let mut out = MASKED.to_le_bytes().to_vec();
        put_size(&mut out, 8);
        // A mask of zeros masks nothing: virus scanners are the operator's own.
        out.extend_from_slice(&[0; 8]);
        out.append(&mut body);
        let beside = path.with_extension("dat.new");
        let wrong = |source| PersistError::Io { path: path.clone(), source };
        fs::write(&beside, &out).map_err(wrong)?;
        fs::rename(&beside, &path).map_err(wrong)?;
        Ok(path)
    }

    /// Takes in what the last run left; returns how many transactions came back.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on. A file that is no good is told in the log and left.
    pub fn load_mempool(&mut self) -> Result<usize, ChainError> {
        let path = self.options.directory.join(FILE);
        let kept = match read(&path) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(%error, "the kept mempool is passed over");
                (Vec::new(), Vec::new())
            }
        };
        let (transactions, deltas) = kept;
        let mut count = 0;
        let oldest = self.now().saturating_sub(self.mempool.options().age_max);
        for Kept { bytes, time, delta } in transactions {
            let Ok(transaction) = Transaction::decode(bytes) else { continue };
            let txid = transaction.view().txid();
            let time = u64::try_from(time).unwrap_or(0);
            if delta != 0 {
                self.mempool.prioritise(txid, delta);
            }
            if time < oldest {
                continue;
            }
            if let Verdict::Accepted(_) = self.accept_transaction(&transaction)? {
                count += 1;
                if let Some(entry) = self.mempool.entries.get_mut(&txid) {
                    entry.time = time;
                }
            }
        }
        for (txid, delta) in deltas {
            self.mempool.prioritise(txid, delta);
        }
        self.mempool.loaded = true;
        Ok(count)
    }
}

type KeptPool = (Vec<Kept>, Vec<(Txid, i64)>);

fn read(path: &Path) -> Result<KeptPool, PersistError> {
    let wrong = |source| PersistError::Io { path: path.to_owned(), source };
    let file = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(KeptPool::default()),
        file => file.map_err(wrong)?,
    };
    if file.len() > FILE_BYTES_MAX {
        return Err(wrong(io::Error::other("larger than any mempool")));
    }
    let mut bytes = fs::read(path).map_err(wrong)?;
    let damaged = |source| PersistError::Damaged { path: path.to_owned(), source };
    let version = bytes.first_chunk().copied().map_or(0, u64::from_le_bytes);
    let begin = match version {
        PLAIN => 8,
        MASKED => {
            let key: [u8; 8] = bytes
                .get(9..17)
                .and_then(|key| key.try_into().ok())
                .ok_or_else(|| damaged(DecodeError::End { at: 8, expected: 9, actual: 0 }))?;
            for (at, byte) in bytes.iter_mut().enumerate().skip(17) {
                *byte ^= key[at % 8];
            }
            17
        }
        actual => return Err(PersistError::Version { path: path.to_owned(), actual }),
    };
    parse(&Bytes::from(bytes).slice(begin..)).map_err(damaged)
}

fn parse(bytes: &Bytes) -> Result<KeptPool, DecodeError> {
    let mut at = 0;
    let word = |at: &mut usize| -> Result<i64, DecodeError> {
        let end =
            DecodeError::End { at: *at, expected: 8, actual: bytes.len().saturating_sub(*at) };
        let word = bytes.get(*at..).and_then(|rest| rest.first_chunk()).copied().ok_or(end)?;
        *at += 8;
        Ok(i64::from_le_bytes(word))
    };
    let count = word(&mut at)?;
    let mut transactions = Vec::new();
    for _ in 0..count.max(0) {
        // A transaction ends where it says; no valid one is longer than this.
        let rest = bytes.slice(at..bytes.len().min(at.saturating_add(4_000_000)));
        let len = match Transaction::decode(rest.clone()) {
            Ok(_) => rest.len(),
            Err(DecodeError::Trailing { at, .. }) => at,
            Err(error) => return Err(error),
        };
        let bytes = rest[..len].to_vec();
        at += len;
        transactions.push(Kept { bytes, time: word(&mut at)?, delta: word(&mut at)? });
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let mut reader = Reader::new(rest)?;
    let (count, reserve) = reader.count(40)?;
    let mut deltas = Vec::with_capacity(reserve);
    for _ in 0..count {
        let txid = Txid::from_byte_array(reader.array()?);
        deltas.push((txid, reader.u64()?.cast_signed()));
    }
    Ok((transactions, deltas))
}
