//! An engine that is nothing but a log on a [`CrashDisk`].
//!
//! Each commit appends one frame, `length u32 | crc32c u32 | operations`, and `Sync` syncs the disk. Opening replays frames up to the first
//! that is not whole, and cuts the rest off, so that a frame of an older life can never follow a new one.
//! It is an engine as small as an engine can be, so a crash test of a migration or of a node's actor runs it thousands of times.

use std::borrow::Cow;

use super::CrashDisk;
use crate::{
    checksum,
    codec::{DecodeError, Reader, put_varint},
    engine::{Durability, Engine, EngineSnapshot, MemoryEngine, Op},
    error::StoreError,
};

const NAME: &str = "log";

/// Length and checksum in front of the operations of a commit, bytes.
const FRAME_HEAD_BYTES: usize = 8;

/// A log-structured engine on a disk that can lose power.
#[derive(Debug)]
pub struct LogEngine {
    disk: CrashDisk,
    tables: MemoryEngine,
    /// Where the next frame goes. Commits come one at a time.
    end: std::sync::Mutex<u64>,
}

impl LogEngine {
    /// Opens the log on `disk`, replaying what is whole.
    ///
    /// # Errors
    ///
    /// [`StoreError::Engine`] if the power goes meanwhile.
    pub fn open(disk: CrashDisk) -> Result<Self, StoreError> {
        let length = disk.length().map_err(during("open"))?;
        let mut log = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        disk.read(0, &mut log).map_err(during("open"))?;

        let tables = MemoryEngine::new();
        let mut reader = Reader::new(&log);
        let mut end = 0;
        while let Ok(ops) = frame(&mut reader) {
            tables.commit(ops, Durability::Buffered)?;
            end = length - reader.rest().len() as u64;
        }
        if end < length {
            disk.set_length(end).map_err(during("cut the log"))?;
        }
        // Also makes the kept tail durable: it has been shown to a reader now.
        disk.sync().map_err(during("open"))?;
        Ok(Self { disk, tables, end: end.into() })
    }
}

impl Engine for LogEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.tables.get(table, key)
    }

    fn commit(&self, ops: Vec<Op>, durability: Durability) -> Result<(), StoreError> {
        let mut end = self.end.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let bytes = encoded(&ops);
        self.disk.write(*end, &bytes).map_err(during("commit"))?;
        if durability == Durability::Sync {
            self.disk.sync().map_err(during("commit"))?;
        }
        *end += bytes.len() as u64;
        self.tables.commit(ops, durability)
    }

    fn snapshot(&self) -> Result<Box<dyn EngineSnapshot>, StoreError> {
        self.tables.snapshot()
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.disk.sync().map_err(during("flush"))
    }

    fn compact(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.disk.length().map_err(during("measure the disk"))
    }
}

fn encoded(ops: &[Op]) -> Vec<u8> {
    let mut body = Vec::new();
    put_varint(ops.len() as u64, &mut body);
    for op in ops {
        put_bytes(op.table.as_bytes(), &mut body);
        put_bytes(&op.key, &mut body);
        body.push(u8::from(op.value.is_some()));
        put_bytes(op.value.as_deref().unwrap_or_default(), &mut body);
    }
    let mut bytes = Vec::with_capacity(FRAME_HEAD_BYTES + body.len());
    bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(&checksum_of(&body).to_be_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn checksum_of(body: &[u8]) -> u32 {
    let mut digest = checksum::crc32c();
    digest.update(body);
    digest.finalize()
}

/// Takes one whole frame.
fn frame(reader: &mut Reader<'_>) -> Result<Vec<Op>, DecodeError> {
    let length = reader.u32()?;
    let expected = reader.u32()?;
    let body = reader.bytes(usize::try_from(length).unwrap_or(usize::MAX))?;
    let actual = checksum_of(body);
    if expected != actual {
        return Err(DecodeError::Checksum { expected, actual });
    }
    let mut body = Reader::new(body);
    let count = body.varint()?;
    let mut ops = Vec::new();
    for _ in 0..count {
        let table = String::from_utf8_lossy(body.counted_bytes()?).into_owned();
        let key = body.counted_bytes()?.to_vec();
        let is_put = body.u8()? == 1;
        let value = body.counted_bytes()?.to_vec();
        ops.push(Op { table: Cow::Owned(table), key, value: is_put.then_some(value) });
    }
    body.finish()?;
    Ok(ops)
}

fn during<E: std::error::Error + Send + Sync + 'static>(
    action: &'static str,
) -> impl FnOnce(E) -> StoreError {
    move |source| StoreError::Engine { engine: NAME, action, source: Box::new(source) }
}
