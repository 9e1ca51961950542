//! Where blocks come from that are not sent by a peer: block files of Bitcoin Core, and the chain's own.

use std::sync::Arc;

use bitcoin::BlockHash;
use bytes::Bytes;
use quintet_bitcoin_protocol::{
    Block,
    block::{HEADER_BYTES, decode_header},
};
use quintet_store::segment::Position;

use super::{ChainError, ImportError, accept::Examined, ahead::HasBlock, connect::read_block};
use crate::storage::{
    BlockFiles, Storage,
    blk::{BlkFiles, BlkPlace},
};

/// A block that was read from its known place in the chain's own files.
#[derive(Debug)]
pub(super) struct OnDisk(Result<Arc<Block>, ChainError>);

impl OnDisk {
    pub(super) fn read(files: &BlockFiles, hash: BlockHash, position: Position) -> Self {
        Self(read_block(files, hash, position).map(Arc::new))
    }

    pub(super) fn into_block(self) -> Result<Arc<Block>, ChainError> {
        self.0
    }
}

impl HasBlock for OnDisk {
    fn block(&self) -> Option<&Arc<Block>> {
        self.0.as_ref().ok()
    }
}

/// A record that was decoded: without a block if it is none.
#[derive(Debug)]
pub(super) struct Decoded<P> {
    pub(super) place: P,
    pub(super) bytes: u64,
    pub(super) examined: Option<Examined>,
    /// Whether the block is connected at once, and its coins are needed.
    pub(super) connects: bool,
}

impl<P: Send + 'static> HasBlock for Decoded<P> {
    fn block(&self) -> Option<&Arc<Block>> {
        self.examined.as_ref().filter(|_| self.connects).map(Examined::block)
    }
}

/// Takes records; returns whether more are wanted.
pub(super) type Sink<'a, P> = &'a mut dyn FnMut(P, &[u8]) -> bool;

/// Blocks in files.
pub(super) trait Source: Sync {
    /// Where a block lies.
    type Place: Copy + Ord + Send + std::fmt::Debug + 'static;

    /// Bytes of everything, about.
    fn total_bytes(&self) -> Result<u64, ImportError>;

    /// Hands out every record in the order in which they lie.
    fn each(&self, sink: Sink<'_, Self::Place>) -> Result<(), ImportError>;

    /// Reads a record again.
    fn read(&self, place: Self::Place) -> Result<Bytes, ImportError>;

    /// Returns where the block lies in the chain's own files, if these are they.
    fn stored_at(place: Self::Place) -> Option<Position>;
}

impl Source for BlkFiles {
    type Place = BlkPlace;

    fn total_bytes(&self) -> Result<u64, ImportError> {
        Ok(Self::total_bytes(self)?)
    }

    fn each(&self, sink: Sink<'_, BlkPlace>) -> Result<(), ImportError> {
        for file in 0..u32::try_from(self.len()).unwrap_or(u32::MAX) {
            let mut reader = self.reader(file)?;
            while let Some(raw) = reader.next_block().map_err(|error| self.broken(file, error))? {
                let len = u32::try_from(raw.bytes.len()).unwrap_or(u32::MAX);
                if !sink(BlkPlace { file, offset: raw.offset, len }, raw.bytes) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn read(&self, place: BlkPlace) -> Result<Bytes, ImportError> {
        Ok(Self::read(self, place)?.into())
    }

    fn stored_at(_: BlkPlace) -> Option<Position> {
        None
    }
}

/// The blocks of the chain's own files that the index does not cover.
#[derive(Debug)]
pub(super) struct Unindexed {
    storage: Storage,
}

impl Unindexed {
    pub(super) const fn new(storage: Storage) -> Self {
        Self { storage }
    }
}

impl Source for Unindexed {
    type Place = Position;

    fn total_bytes(&self) -> Result<u64, ImportError> {
        let log = self.storage.files().blocks();
        let from = self.storage.unindexed_from().map_err(ChainError::from)?;
        let segments = log.segments().into_iter().filter(|&(segment, _)| segment >= from.segment);
        let bytes: u64 = segments.map(|(_, bytes)| bytes).sum();
        Ok(bytes.saturating_sub(u64::from(from.offset)))
    }

    fn each(&self, sink: Sink<'_, Position>) -> Result<(), ImportError> {
        for record in self.storage.unindexed_blocks().map_err(ChainError::from)? {
            let (position, bytes) = record.map_err(ChainError::from)?;
            if !sink(position, &bytes) {
                break;
            }
        }
        Ok(())
    }

    fn read(&self, place: Position) -> Result<Bytes, ImportError> {
        Ok(self.storage.files().blocks().read(place).map_err(ChainError::from)?.into())
    }

    fn stored_at(place: Position) -> Option<Position> {
        Some(place)
    }
}

/// Returns the header a record begins with.
pub(super) fn header_of(record: &[u8]) -> Option<bitcoin::block::Header> {
    record.first_chunk::<HEADER_BYTES>().map(decode_header)
}
