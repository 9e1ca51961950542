//! The snapshot of the coins that Bitcoin Core's `dumptxoutset` writes and `loadtxoutset` reads.
//!
//! ```text
//!   metadata   "utxo" ff │ version 2, u16 │ network magic │ block hash │ coins, u64            51 bytes
//!   then, for each transaction with unspent outputs, by ascending id:
//!              id │ how many, compact size │ for each:  index, compact size │ coin, see `compress`
//! ```
//!
//! Integers are little-endian. Both directions are streams without a file: [`SnapshotWriter`] takes coins in the order of the store and
//! appends bytes; [`SnapshotReader`] is fed bytes and hands out coins.
//!
//! # Invariants
//!
//! - What is written is, byte for byte, what Core writes for the same coins: within a transaction by index *as a
//!   varint is ordered*, since so Core's database sorts. That differs from the order of numbers from 16,512 outputs on.
//! - The reader holds one chunk and one coin, whatever counts the file claims.
//!
//! A snapshot proves nothing by itself: the caller compares [`stats`](super::stats)'s hash over what was read with one it trusts.
//!
//! **Spec:** Bitcoin Core, `node/utxo_snapshot.h`, `WriteUTXOSnapshot`, `PopulateAndValidateSnapshot`.

use bitcoin::{BlockHash, hashes::Hash};
use thiserror::Error;

use super::{
    CoinKey, ScriptBuffer,
    compress::{COIN_BYTES_MAX, CoinError, put_varint, read_coin},
    key_of, split,
};
use crate::{
    coin::CoinRef,
    encode::{DecodeError, Reader, put_size},
};

/// Length of the metadata, bytes.
pub const METADATA_BYTES: usize = 51;

/// The only version there is to read; the first had no network magic.
pub const VERSION: u16 = 2;

/// Most bytes fed and not yet read. Feed less, read, feed again.
pub const FED_BYTES_MAX: usize = 1 << 20;

const MAGIC: [u8; 5] = *b"utxo\xff";

/// Most bytes one step of reading takes: a transaction's id and count, or a coin with its index.
const STEP_BYTES_MAX: usize = 32 + 9 + 9 + COIN_BYTES_MAX;

/// Why a snapshot is not one, or could not be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// Another file.
    #[error("expected a snapshot that begins with 7574786fff, got {actual:02x?}")]
    Magic {
        /// What it begins with.
        actual: [u8; 5],
    },
    /// Another version.
    #[error(
        "expected a snapshot of version {VERSION}, got {actual}: make it anew with a current node"
    )]
    Version {
        /// The version found.
        actual: u16,
    },
    /// Another network's.
    #[error("expected a snapshot of the network {expected:02x?}, got {actual:02x?}")]
    Network {
        /// The network's magic.
        expected: [u8; 4],
        /// The magic found.
        actual: [u8; 4],
    },
    /// A coin that is none.
    #[error("after {coins} coins: {source}")]
    Coin {
        /// Coins before it.
        coins: u64,
        /// What is wrong.
        source: CoinError,
    },
    /// A coin made after the block the snapshot is of.
    #[error("after {coins} coins: expected one made at height {expected} or before, got {actual}")]
    Height {
        /// Coins before it.
        coins: u64,
        /// The snapshot's height.
        expected: u32,
        /// The coin's height.
        actual: u32,
    },
    /// A transaction without coins, or with more than are left.
    #[error("after {coins} coins: expected a transaction of 1 to {expected} coins, got {actual}")]
    Group {
        /// Coins before it.
        coins: u64,
        /// Coins left.
        expected: u64,
        /// Coins claimed.
        actual: u64,
    },
    /// The metadata counts other coins than there are.
    #[error("expected {expected} coins, got {actual}")]
    Count {
        /// Coins by the metadata.
        expected: u64,
        /// Coins seen.
        actual: u64,
    },
    /// The file goes on after the last coin.
    #[error("expected the end after {coins} coins, got more bytes")]
    Trailing {
        /// Coins read.
        coins: u64,
    },
    /// More was fed than is held.
    #[error(
        "expected at most {FED_BYTES_MAX} bytes not yet read, got {actual}: read coins before feeding more"
    )]
    Fed {
        /// Bytes there would be.
        actual: usize,
    },
    /// Coins did not come in the order of their keys.
    #[error("expected coins by ascending transaction id")]
    Order,
}

/// What a snapshot says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// The network's magic bytes.
    pub network: [u8; 4],
    /// The block whose coins they are.
    pub base: BlockHash,
    /// How many coins.
    pub coins: u64,
}

impl Metadata {
    /// Returns the encoding.
    #[must_use]
    pub fn encode(&self) -> [u8; METADATA_BYTES] {
        let mut bytes = [0; METADATA_BYTES];
        bytes[..5].copy_from_slice(&MAGIC);
        bytes[5..7].copy_from_slice(&VERSION.to_le_bytes());
        bytes[7..11].copy_from_slice(&self.network);
        bytes[11..43].copy_from_slice(self.base.as_byte_array());
        bytes[43..].copy_from_slice(&self.coins.to_le_bytes());
        bytes
    }

    /// Reads the metadata of a snapshot of `network`.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Magic`], [`SnapshotError::Version`], [`SnapshotError::Network`].
    pub fn decode(bytes: &[u8; METADATA_BYTES], network: [u8; 4]) -> Result<Self, SnapshotError> {
        let (mut magic, mut version, mut found) = ([0; 5], [0; 2], [0; 4]);
        let (mut base, mut coins) = ([0; 32], [0; 8]);
        magic.copy_from_slice(&bytes[..5]);
        version.copy_from_slice(&bytes[5..7]);
        found.copy_from_slice(&bytes[7..11]);
        base.copy_from_slice(&bytes[11..43]);
        coins.copy_from_slice(&bytes[43..]);
        let version = u16::from_le_bytes(version);
        if magic != MAGIC {
            return Err(SnapshotError::Magic { actual: magic });
        }
        if version != VERSION {
            return Err(SnapshotError::Version { actual: version });
        }
        if found != network {
            return Err(SnapshotError::Network { expected: network, actual: found });
        }
        let base = BlockHash::from_byte_array(base);
        Ok(Self { network, base, coins: u64::from_le_bytes(coins) })
    }
}

/// Writes a snapshot from coins as the store holds them.
#[derive(Debug)]
pub struct SnapshotWriter {
    expected: u64,
    written: u64,
    group: Group,
}

/// The coins of one transaction. Bounded by what a block can make: 111,111 outputs.
#[derive(Debug, Default)]
struct Group {
    txid: [u8; 32],
    /// Order, index, and where the coin's bytes end.
    coins: Vec<(u64, u32, usize, usize)>,
    bytes: Vec<u8>,
}

impl SnapshotWriter {
    /// Begins a snapshot: appends its metadata to `out`.
    #[must_use]
    pub fn new(metadata: &Metadata, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&metadata.encode());
        Self { expected: metadata.coins, written: 0, group: Group::default() }
    }

    /// Adds the next coin, encoded as [`encode_coin`](super::encode_coin) does, and appends to `out` what is complete.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Order`] if its transaction id is lower than the last coin's.
    pub fn push(
        &mut self,
        key: &CoinKey,
        coin: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SnapshotError> {
        let (txid, vout) = split(key);
        if txid != self.group.txid {
            if self.written > 0 && txid < self.group.txid {
                return Err(SnapshotError::Order);
            }
            self.end_group(out);
            self.group.txid = txid;
        }
        let start = self.group.bytes.len();
        self.group.bytes.extend_from_slice(coin);
        self.group.coins.push((varint_order(vout), vout, start, self.group.bytes.len()));
        self.written += 1;
        Ok(())
    }

    /// Ends the snapshot and appends the rest of it to `out`.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Count`] if the metadata announced another number of coins.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        self.end_group(out);
        if self.written != self.expected {
            return Err(SnapshotError::Count { expected: self.expected, actual: self.written });
        }
        Ok(())
    }

    fn end_group(&mut self, out: &mut Vec<u8>) {
        let Group { txid, coins, bytes } = &mut self.group;
        if coins.is_empty() {
            return;
        }
        coins.sort_unstable();
        out.extend_from_slice(txid);
        put_size(out, coins.len() as u64);
        for &(_, vout, start, end) in coins.iter() {
            put_size(out, u64::from(vout));
            out.extend_from_slice(&bytes[start..end]);
        }
        coins.clear();
        bytes.clear();
    }
}

/// Returns a number that sorts as the bytes of `vout`'s varint do.
fn varint_order(vout: u32) -> u64 {
    let mut bytes = Vec::with_capacity(8);
    put_varint(&mut bytes, u64::from(vout));
    bytes.resize(8, 0); // a varint of 32 bits has at most five
    bytes.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Reads the coins of a snapshot, after its metadata.
#[derive(Debug)]
pub struct SnapshotReader {
    fed: Vec<u8>,
    at: usize,
    height: u32,
    expected: u64,
    read: u64,
    txid: [u8; 32],
    /// Coins left of the transaction.
    group_left: u64,
    buffer: ScriptBuffer,
}

impl SnapshotReader {
    /// Begins after `metadata`; `height` is that of its block, which the header chain knows.
    #[must_use]
    pub fn new(metadata: &Metadata, height: u32) -> Self {
        Self {
            fed: Vec::new(),
            at: 0,
            height,
            expected: metadata.coins,
            read: 0,
            txid: [0; 32],
            group_left: 0,
            buffer: ScriptBuffer::default(),
        }
    }

    /// Returns how many coins have been read.
    #[must_use]
    pub const fn coins(&self) -> u64 {
        self.read
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Fed`] if more than [`FED_BYTES_MAX`] would wait to be read.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.fed.drain(..self.at);
        self.at = 0;
        let actual = self.fed.len().saturating_add(bytes.len());
        if actual > FED_BYTES_MAX + STEP_BYTES_MAX {
            return Err(SnapshotError::Fed { actual });
        }
        self.fed.extend_from_slice(bytes);
        Ok(())
    }

    /// Returns the next coin; `None` if its bytes are not all there yet, or there is none.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] if the file is not a snapshot; do not go on then.
    pub fn next_coin(&mut self) -> Result<Option<(CoinKey, CoinRef<'_>)>, SnapshotError> {
        let coins = self.read;
        let Some(at) = self.skip_group()? else { return Ok(None) };
        let in_coin = |source| SnapshotError::Coin { coins, source };
        let mut reader = reader(&self.fed[at..]).map_err(in_coin)?;
        let read = reader
            .size()
            .map_err(CoinError::from)
            .and_then(|vout| Ok((vout, read_coin(&mut reader, &mut self.buffer)?)));
        let (vout, coin) = match read {
            Ok(read) => read,
            Err(CoinError::Decode(DecodeError::End { .. })) => return Ok(None),
            Err(source) => return Err(in_coin(source)),
        };
        if coin.height > self.height {
            let (expected, actual) = (self.height, coin.height);
            return Err(SnapshotError::Height { coins, expected, actual });
        }
        self.at = at + reader.at();
        self.group_left -= 1;
        self.read += 1;
        // A compact size is at most 2^25.
        let key = key_of(&self.txid, u32::try_from(vout).unwrap_or(u32::MAX));
        Ok(Some((key, coin)))
    }

    /// Returns where the next coin begins, behind the head of its transaction; `None` if that is not there yet, or there is no coin left.
    fn skip_group(&mut self) -> Result<Option<usize>, SnapshotError> {
        if self.group_left > 0 || self.read == self.expected {
            return Ok((self.group_left > 0).then_some(self.at));
        }
        let coins = self.read;
        let in_group = |source| SnapshotError::Coin { coins, source };
        let mut reader = reader(&self.fed[self.at..]).map_err(in_group)?;
        let (txid, count) = match reader.array().and_then(|txid| Ok((txid, reader.size()?))) {
            Ok(read) => read,
            Err(DecodeError::End { .. }) => return Ok(None),
            Err(source) => return Err(in_group(source.into())),
        };
        let (expected, actual) = (self.expected - self.read, count as u64);
        if actual == 0 || actual > expected {
            return Err(SnapshotError::Group { coins, expected, actual });
        }
        self.at += reader.at();
        self.txid = txid;
        self.group_left = actual;
        Ok(Some(self.at))
    }

    /// Ends the reading, when the file has ended.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Count`] if coins are missing, [`SnapshotError::Trailing`] if bytes are left.
    pub fn finish(self) -> Result<(), SnapshotError> {
        if self.read != self.expected {
            return Err(SnapshotError::Count { expected: self.expected, actual: self.read });
        }
        if self.at < self.fed.len() {
            return Err(SnapshotError::Trailing { coins: self.read });
        }
        Ok(())
    }
}

/// Reads from at most as much as one step can take.
fn reader(fed: &[u8]) -> Result<Reader<'_>, CoinError> {
    Ok(Reader::new(&fed[..fed.len().min(STEP_BYTES_MAX)])?)
}
