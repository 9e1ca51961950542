//! A walk over all records from some position: what a reindex reads.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{
    Position,
    file::Place,
    header::SEGMENT_HEADER_BYTES,
    record::{Fault, SegmentReader},
};
use crate::error::StoreError;

/// How far a [`Scan`] came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanReport {
    /// Where the next record would begin; after an error, where the record is that could not be read.
    pub position: Position,
    /// Records returned.
    pub records: u64,
    /// Their bytes, without heads.
    pub bytes: u64,
    /// Why it stopped early: the words of the error it returned. `None` at the end, and while it goes on.
    pub stopped: Option<String>,
}

/// A walk over records in the order of appending, up to the end as it was when the walk began. A record that cannot be read is an
/// error item and ends the walk: what follows it cannot be found.
pub struct Scan {
    place: Arc<Place>,
    /// Segments still to be read, with their lengths.
    ahead: BTreeMap<u32, u64>,
    reader: Option<SegmentReader>,
    report: ScanReport,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("report", &self.report).finish_non_exhaustive()
    }
}

impl Scan {
    pub(super) const fn new(place: Arc<Place>, ahead: BTreeMap<u32, u64>, start: Position) -> Self {
        let report = ScanReport { position: start, records: 0, bytes: 0, stopped: None };
        Self { place, ahead, reader: None, report }
    }

    /// Returns how far it came.
    #[must_use]
    pub const fn report(&self) -> &ScanReport {
        &self.report
    }

    fn step(&mut self) -> Result<Option<(Position, Vec<u8>)>, StoreError> {
        loop {
            if self.reader.is_none() {
                let Some((segment, length)) = self.ahead.pop_first() else { return Ok(None) };
                let start = &mut self.report.position;
                if start.segment != segment {
                    *start = Position { segment, offset: SEGMENT_HEADER_BYTES, len: 0 };
                }
                let path = self.place.path(segment);
                let max = self.place.options.record_bytes_max;
                let reader = SegmentReader::open(&path, segment, start.offset, length, max)?;
                self.reader = Some(reader);
            }
            let Some(reader) = &mut self.reader else { return Ok(None) };
            let mut payload = Vec::new();
            let segment = self.report.position.segment;
            match reader.next(&mut payload) {
                Ok(Some(position)) => {
                    self.report.position = position.end();
                    self.report.records += 1;
                    self.report.bytes += u64::from(position.len);
                    return Ok(Some((position, payload)));
                }
                Ok(None) => self.reader = None,
                Err(Fault::Damaged(error)) => {
                    let offset = u64::from(reader.offset());
                    return Err(self.place.damaged(segment, offset, error.to_string()));
                }
                Err(Fault::Io(error)) => {
                    return Err(StoreError::io("read", self.place.path(segment))(error));
                }
            }
        }
    }
}

impl Iterator for Scan {
    type Item = Result<(Position, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.report.stopped.is_some() {
            return None;
        }
        let item = self.step().transpose();
        if let Some(Err(error)) = &item {
            self.report.stopped = Some(error.to_string());
        }
        item
    }
}
