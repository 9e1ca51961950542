//! Reading one block's parts back.

use std::sync::Arc;

use quintet_kaspa_protocol::{dag::BlockId, header::Header};
use quintet_store::segment::{Position, SegmentLog};

use super::{
    DiskLedger,
    codec::{Serial, decode_body, decode_header, decode_record},
    error::{misplaced, told, undecodable},
    index::Place,
    schema::KEPT,
};
use crate::ports::{Body, ChainRecord, LedgerError};

/// What a decoded transaction takes for each byte on disk, about.
const BODY_WEIGHT: usize = 3;

/// What a decoded header takes for each byte on disk, about.
const HEADER_WEIGHT: usize = 2;

/// What a decoded chain record takes for each byte on disk, about.
const RECORD_WEIGHT: usize = 3;

impl DiskLedger {
    pub(super) fn keep_header(&self, block: BlockId, header: &Arc<Header>, bytes: usize) {
        self.headers.put(block, header, bytes.saturating_mul(HEADER_WEIGHT));
    }

    pub(super) fn keep_body(&self, block: BlockId, body: &Body, bytes: usize) {
        self.bodies.put(block, body, bytes.saturating_mul(BODY_WEIGHT));
    }

    pub(super) fn keep_record(&self, block: BlockId, record: &Arc<ChainRecord>, bytes: usize) {
        self.records.put(block, record, bytes.saturating_mul(RECORD_WEIGHT));
    }

    pub(super) fn read_header(&self, block: BlockId) -> Result<Option<Arc<Header>>, LedgerError> {
        let (place, serial) = {
            let index = self.index();
            let Some(entry) = index.get(block).filter(|entry| !entry.known.is_deleted()) else {
                return Ok(None);
            };
            (entry.header, index.serial(block))
        };
        if let Some(header) = self.headers.get(block) {
            return Ok(Some(header));
        }
        let (bytes, position) = match place.position() {
            Some(position) => (read(&self.logs.headers, position)?, position),
            None if place == Place::KEPT => {
                let kept = self.store.get(&KEPT, &serial).map_err(told)?;
                let kept = kept.ok_or(LedgerError::Missing { what: "the header", block })?;
                (kept.header, Position { segment: 0, offset: 0, len: 0 })
            }
            None => return Err(LedgerError::Missing { what: "the header", block }),
        };
        let (actual, header) =
            decode_header(&bytes).map_err(|error| undecodable("headers", position, &error))?;
        check("headers", position, block, serial, actual)?;
        let header = Arc::new(header);
        self.keep_header(block, &header, bytes.len());
        Ok(Some(header))
    }

    pub(super) fn read_body(&self, block: BlockId) -> Result<Option<Body>, LedgerError> {
        let (place, serial) = {
            let index = self.index();
            let Some(entry) = index.get(block) else { return Ok(None) };
            (entry.known.body, index.serial(block))
        };
        let Some(position) = place.position() else { return Ok(None) };
        if let Some(body) = self.bodies.get(block) {
            return Ok(Some(body));
        }
        let bytes = read(&self.logs.bodies, position)?;
        let (actual, body) =
            decode_body(&bytes).map_err(|error| undecodable("bodies", position, &error))?;
        check("bodies", position, block, serial, actual)?;
        let body = Arc::new(body);
        self.keep_body(block, &body, bytes.len());
        Ok(Some(body))
    }

    pub(super) fn read_record(
        &self,
        block: BlockId,
    ) -> Result<Option<Arc<ChainRecord>>, LedgerError> {
        let (place, serial) = {
            let index = self.index();
            let Some(entry) = index.get(block) else { return Ok(None) };
            (entry.known.record, index.serial(block))
        };
        let Some(position) = place.position() else { return Ok(None) };
        if let Some(record) = self.records.get(block) {
            return Ok(Some(record));
        }
        let bytes = read(&self.logs.records, position)?;
        let (actual, record) = {
            let index = self.index();
            let block_of = |serial| index.numbers.block(serial).unwrap_or(BlockId::ORIGIN);
            decode_record(&bytes, block_of)
        }
        .map_err(|error| undecodable("records", position, &error))?;
        check("records", position, block, serial, actual)?;
        let record = Arc::new(record);
        self.keep_record(block, &record, bytes.len());
        Ok(Some(record))
    }
}

fn read(log: &SegmentLog, position: Position) -> Result<Vec<u8>, LedgerError> {
    log.read(position).map_err(told)
}

fn check(
    log: &'static str,
    position: Position,
    block: BlockId,
    expected: Serial,
    actual: Serial,
) -> Result<(), LedgerError> {
    if expected == actual { Ok(()) } else { Err(misplaced(log, position, block, expected, actual)) }
}
